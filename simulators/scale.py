r"""A scale, played: MT-SICS over TCP.

    async with ScaleServer() as scale:
        scale.put(912)          # it swings, then comes to rest
        scale.put(0)

It answers SI (now), S (when at rest), SIR (again and again), Z (zero) and I4 (its number), a line
each; anything else is "ES". Grams.

Source: MT-SICS reference manual, level 0.
"""

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import Self

EVERY_S = 0.02  # real, between two weights of SIR
SWINGS = 3  # weights in motion before it is at rest


class ScaleServer:
    """The scale, alive."""

    def __init__(self, port: int = 0, *, number: str = "SOKO-1", every_s: float = EVERY_S) -> None:
        self.port = port
        self._every_s = every_s
        self.silent = False
        self._number = number
        self._grams = self._tare = 0
        self._swings = 0
        self._server: asyncio.Server | None = None
        self._lines: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._lines.values():
            writer.close()
        await asyncio.gather(*self._lines, return_exceptions=True)
        await self._server.wait_closed()

    def put(self, grams: int) -> None:
        """Lay that much on it, or (0) take all away."""
        self._grams, self._swings = grams, SWINGS

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._lines[task] = writer
        repeat: asyncio.Task[None] | None = None
        try:
            while line := await reader.readline():
                if repeat is not None:
                    repeat.cancel()
                command = line.decode("ascii", errors="replace").strip()
                if command == "SIR":
                    repeat = asyncio.create_task(self._repeat(writer))
                else:
                    writer.write(await self._answer(command))
        except ConnectionError:
            pass
        finally:
            if repeat is not None:
                repeat.cancel()
                with suppress(asyncio.CancelledError, ConnectionError):
                    await repeat
            del self._lines[task]
            writer.close()

    async def _repeat(self, writer: asyncio.StreamWriter) -> None:
        while True:
            if not self.silent:
                writer.write(self._weight())
                await writer.drain()
            await asyncio.sleep(self._every_s)

    async def _answer(self, command: str) -> bytes:
        if command == "Z":
            self._tare = self._grams
            return b"Z A\r\n"
        if command == "I4":
            return f'I4 A "{self._number}"\r\n'.encode()
        if command not in {"S", "SI"}:
            return b"ES\r\n"
        while command == "S" and self._swings:
            self._weight()
            await asyncio.sleep(self._every_s)
        return self._weight()

    def _weight(self) -> bytes:
        """The next weight that it shows: beside the truth while it swings."""
        grams = self._grams - self._tare
        if self._swings:
            self._swings -= 1
            return f"S D {(grams + 7 * self._swings) / 1000:10.3f} kg\r\n".encode()
        return f"S S {grams / 1000:10.3f} kg\r\n".encode()
