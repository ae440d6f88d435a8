"""How people speak with the edge that runs on this machine: a socket in its state folder.

    status                 how every device is, and the way up
    reload [DEVICE]        the site file again (edge.reload)
    listen [DEVICE]        what devices say, line for line, until who listens goes away

One JSON object a line, a question first, then the answers; an answer with `error` is the last.
The socket is the edge's user's alone (mode 0600): who may connect may reload, and no more.
Whoever listens too slowly loses the oldest lines, never the edge its time.
"""

import asyncio
import json
import os
import socket
from collections import deque
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import structlog
from pydantic import TypeAdapter

from edge.agent import Agent
from edge.messages import DeviceEvent, RobotReport
from edge.reload import Reloader
from edge.site import SiteFaults

log = structlog.get_logger(__name__)

LINES_MAX = 1_000  # that wait for one who listens
ANSWER_S = 30.0  # a reload may wait for a driver to end

Answer = dict[str, Any]

said: TypeAdapter[DeviceEvent | RobotReport] = TypeAdapter(DeviceEvent | RobotReport)


class NotRunning(Exception):  # noqa: N818 - reads as a situation
    """No edge of that site runs on this machine, or not in that state folder."""


def socket_of(state_dir: Path, site: str) -> Path:
    """Where the edge of a site listens."""
    return state_dir / f"edge-{site}.sock"


class Control:
    """The edge's side. Use `serve` as a task."""

    def __init__(self, path: Path, agent: Agent, reloader: Reloader) -> None:
        self._path = path
        self._agent = agent
        self._reloader = reloader

    async def serve(self) -> None:
        """Answer until cancelled."""
        _clear(self._path)  # left behind by a kill: the spool is ours, so nobody else runs
        with _short(self._path) as path:
            before = os.umask(0o177)
            try:
                server = await asyncio.start_unix_server(self._on_connect, path)
            finally:
                os.umask(before)
        try:
            async with server:
                await server.serve_forever()
        finally:
            _clear(self._path)

    async def _on_connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            question = json.loads(await reader.readline())
            await self._answer(question, reader, writer)
        except SiteFaults as error:
            _write(writer, {"error": "the site file cannot be used", "faults": error.faults})
        except (ValueError, KeyError, TypeError) as error:
            _write(writer, {"error": f"not understood: {error}"})
        except ConnectionError:
            pass  # they have gone away
        finally:
            with suppress(ConnectionError):
                writer.close()
                await writer.wait_closed()

    async def _answer(
        self,
        question: Mapping[str, Any],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        name = question.get("device")
        match question["do"]:
            case "status":
                _write(writer, self.status())
            case "reload":
                done = await self._reloader.reload(name)
                _write(writer, {key: sorted(getattr(done, key)) for key in done.__slots__})
            case "listen":
                await self._listen(name, reader, writer)
            case other:
                raise ValueError(f"no such question: {other!r}")

    def status(self) -> Answer:
        """How everything is."""
        devices = {name: device.health() for name, device in self._agent.devices.items()}
        edge = dict(self._agent.uplink.health())
        return {"site": self._agent.site.code, "edge": edge, "devices": devices}

    async def _listen(
        self, name: str | None, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        devices = self._agent.devices
        if name is not None and name not in devices:
            raise ValueError(f"there is no device {name}; there are {', '.join(devices)}")
        lines: deque[bytes] = deque(maxlen=LINES_MAX)
        more = asyncio.Event()

        def heard(message: DeviceEvent | RobotReport) -> None:
            lines.append(said.dump_json(message))
            more.set()

        chosen = [device for each, device in devices.items() if name in {None, each}]
        for device in chosen:
            device.listeners.add(heard)
        gone = asyncio.create_task(reader.read())
        try:
            _write(writer, {"listening": [device.name for device in chosen]})
            while not gone.done():
                waiting = asyncio.create_task(more.wait())
                await asyncio.wait({gone, waiting}, return_when=asyncio.FIRST_COMPLETED)
                waiting.cancel()
                more.clear()
                while lines:
                    writer.write(lines.popleft() + b"\n")
                await writer.drain()
        finally:
            gone.cancel()
            for device in chosen:
                device.listeners.discard(heard)


def ask(path: Path, question: Mapping[str, Any], *, within_s: float = ANSWER_S) -> Iterator[Answer]:
    """Ask the edge that runs; its answers one by one, until it ends or none came in time.

    Raises:
        NotRunning: there is none.
    """
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(within_s)
        try:
            with _short(path) as short:
                line.connect(short)
        except OSError as error:
            raise NotRunning(f"no edge answers at {path}: {error.strerror}") from error
        line.sendall(json.dumps(question).encode() + b"\n")
        with line.makefile("rb") as answers, suppress(TimeoutError):
            for answer in answers:
                yield json.loads(answer)


async def listen(path: Path, device: str | None) -> AsyncIterator[Answer]:
    """First to whom one listens, then what they say, for as long as one does.

    Raises:
        NotRunning: there is no edge.
    """
    try:
        with _short(path) as short:
            reader, writer = await asyncio.open_unix_connection(short)
    except OSError as error:
        raise NotRunning(f"no edge answers at {path}: {error.strerror}") from error
    try:
        _write(writer, {"do": "listen", "device": device})
        while line := await reader.readline():
            yield json.loads(line)
    finally:
        writer.close()


@contextmanager
def _short(path: Path) -> Iterator[str]:
    """The same place by a name that is short enough for a socket, which takes some 100 bytes."""
    folder = os.open(path.parent, os.O_PATH)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def _write(writer: asyncio.StreamWriter, answer: Mapping[str, Any]) -> None:
    writer.write(json.dumps(answer).encode() + b"\n")


def _clear(path: Path) -> None:
    path.unlink(missing_ok=True)
