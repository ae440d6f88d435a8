"""HTTP for readers that speak JSON: a stream that we read, or posts that we take.

A site file may set for such a device

    host, port, user, password_file     the password is the first line of that file
    tls = true                          for streams: HTTPS, with `ca`, a file of certificates
    tls = false                         plain, for a machine network that nobody else is on

Laws:
    bounded   a line, a request and its head may have 1 MiB, 1 MiB and 16 KiB; longer ones end the
              connection
    known     with a user, whoever posts without user and password is told 401 and not heard
"""

import asyncio
import base64
import hmac
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import httpx2

from edge.drivers import DeviceUnavailable
from edge.drivers.json_reads import BODY_BYTES_MAX, Hear

_CONNECT_S, _REQUEST_S = 5.0, 10.0  # real
_HEAD_BYTES_MAX = 1 << 14


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSettings:
    """Where a device is, and how one speaks with it."""

    device: str
    host: str
    port: int
    user: str = ""
    password: str = ""
    tls: bool = True
    ca: Path | None = None

    @classmethod
    def of(cls, row: Mapping[str, Any], *, port_offset: int) -> Self:
        """What a `[[devices]]` row says.

        Raises:
            ValueError: a user without a password, or a file that is not there.
        """
        secret = Path(row["password_file"]) if "password_file" in row else None
        if ("user" in row) != (secret is not None):
            raise ValueError("user and password_file belong together")
        try:
            password = secret.read_text(encoding="utf-8").splitlines()[0] if secret else ""
        except (OSError, IndexError) as error:
            raise ValueError(f"password_file {secret}: cannot be read, or is empty") from error
        ca = Path(row["ca"]) if "ca" in row else None
        if ca is not None and not ca.is_file():
            raise ValueError(f"ca {ca}: there is no such file")
        return cls(
            device=row["name"],
            host=row.get("host", "127.0.0.1"),
            port=row["port"] + port_offset,
            user=row.get("user", ""),
            password=password,
            tls=bool(row.get("tls", True)),
            ca=ca,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSource:
    """Events that a reader sends as lines of one endless answer."""

    http: HttpSettings
    path: str
    start: str = ""  # what to POST first, so that the reader begins

    async def run(self, hear: Hear, up: Callable[[], None]) -> None:
        """Ask, and read until the reader hangs up.

        Raises:
            DeviceUnavailable: it cannot be reached, refuses, or sends what is no stream of lines.
        """
        http = self.http
        base = f"http{'s' if http.tls else ''}://{http.host}:{http.port}"
        auth = httpx2.BasicAuth(http.user, http.password) if http.user else None
        timeout = httpx2.Timeout(_CONNECT_S, read=None)
        verify = ssl.create_default_context(cafile=http.ca) if http.tls else False
        try:
            async with httpx2.AsyncClient(
                base_url=base, auth=auth, timeout=timeout, verify=verify
            ) as client:
                if self.start:
                    (await client.post(self.start, timeout=_REQUEST_S)).raise_for_status()
                async with client.stream("GET", self.path) as answer:
                    answer.raise_for_status()
                    up()
                    await self._read(answer, hear)
        except httpx2.HTTPError as error:
            raise DeviceUnavailable(http.device, f"{base}: {error}"[:300]) from error

    async def _read(self, answer: httpx2.Response, hear: Hear) -> None:
        rest = b""
        async for data in answer.aiter_bytes():
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                hear(line)
            if len(rest) > BODY_BYTES_MAX:
                raise DeviceUnavailable(self.http.device, "a line without an end")


@dataclass(frozen=True, slots=True, kw_only=True)
class PostSource:
    """Events that a reader posts to us."""

    http: HttpSettings

    async def run(self, hear: Hear, up: Callable[[], None]) -> None:
        """Listen until cancelled.

        Raises:
            DeviceUnavailable: the port is taken.
        """
        talks: set[asyncio.Task[None]] = set()

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            talks.add(task)
            try:
                with suppress(ConnectionError, asyncio.IncompleteReadError, TimeoutError):
                    while await self._answer(reader, writer, hear):
                        pass
            finally:
                talks.discard(task)
                writer.close()
                with suppress(ConnectionError):
                    await writer.wait_closed()

        http = self.http
        try:
            server = await asyncio.start_server(talk, http.host, http.port, limit=_HEAD_BYTES_MAX)
        except OSError as error:
            raise DeviceUnavailable(http.device, f"cannot listen on {http.port}") from error
        up()
        try:
            await server.serve_forever()
        finally:
            for task in talks:
                task.cancel()
            await asyncio.gather(*talks, return_exceptions=True)

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, hear: Hear
    ) -> bool:
        """Take one request; whether another may follow."""
        status, body = await self._request(reader)
        if status == "204 No Content":
            hear(body)
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()
        return status == "204 No Content"

    async def _request(self, reader: asyncio.StreamReader) -> tuple[str, bytes]:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        except asyncio.LimitOverrunError:
            return "431 Request Header Fields Too Large", b""
        first, *lines = head.split("\r\n")
        fields = {name.strip().lower(): value.strip() for name, _, value in _pairs(lines)}
        length = fields.get("content-length", "")
        wanted = f"{self.http.user}:{self.http.password}".encode()
        given = fields.get("authorization", "")
        if self.http.user and not hmac.compare_digest(
            given.encode(), b"Basic " + base64.b64encode(wanted)
        ):
            return "401 Unauthorized", b""
        if not first.startswith("POST ") or not (length.isascii() and length.isdigit()):
            return "400 Bad Request", b""
        if len(length) > len(str(BODY_BYTES_MAX)) or int(length) > BODY_BYTES_MAX:
            return "413 Content Too Large", b""
        async with asyncio.timeout(_REQUEST_S):
            return "204 No Content", await reader.readexactly(int(length))


def _pairs(lines: list[str]) -> list[tuple[str, str, str]]:
    return [line.partition(":") for line in lines if ":" in line]
