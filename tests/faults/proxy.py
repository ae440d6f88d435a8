"""A TCP proxy that breaks connections: what lies between a client and a server on a bad day.

    with FaultProxy(("127.0.0.1", 8080), seed=7, swallow=0.05) as proxy:
        client = httpx2.Client(base_url=f"http://127.0.0.1:{proxy.port}")

    client ----request----> | refuse | abandon |  ----request----> server
           <---reply------- | swallow | cut | stall | delay | <---reply---

Per exchange (bytes of the client after bytes of the server) at most one fault is drawn:
    refuse   reset before the request is passed on: nothing has happened
    abandon  reset at once when the request has been passed on: nobody waits for the answer
    swallow  reset when the answer comes: it was done, and nobody knows
    cut      half of the answer, then reset
    stall    the answer is kept until the client gives up
    delay    the answer comes up to `delay_s` late
`partition` cuts all connections off without a word until `heal`, which resets them.

The draw depends on the seed, the number of the connection and that of the exchange, and on
nothing else. Resets are real ones (RST). The proxy knows no protocol: it needs one that takes
turns, as HTTP/1.1 without pipelining and PostgreSQL's do. Units: seconds; faults are fractions.

Source: the toxics of toxiproxy (Shopify), by their names.
"""

import asyncio
import itertools
import socket
import struct
import threading
from collections import Counter
from contextlib import suppress
from random import Random
from types import TracebackType
from typing import Self

HOST = "127.0.0.1"
CHUNK = 65536
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: on, for no time: close sends RST


class FaultProxy:
    """One listener in front of one server. `faults` counts what was done to whom."""

    def __init__(
        self, upstream: tuple[str, int], *, seed: int, delay_s: float = 0.02, **shares: float
    ) -> None:
        unknown = shares.keys() - {"refuse", "abandon", "swallow", "cut", "stall", "delay"}
        assert not unknown, unknown
        self.upstream = upstream
        self.faults: Counter[str] = Counter()
        self.exchanges = 0
        self.port = 0
        self._seed = seed
        self._delay_s = delay_s
        self._shares = shares
        self._numbers = itertools.count(1)
        self._loop: asyncio.AbstractEventLoop
        self._open = asyncio.Event()
        self._stop = asyncio.Event()
        self._links: dict[_Link, asyncio.Task[None]] = {}
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fault proxy", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def partition(self) -> None:
        """From now on nothing goes through, and nobody is told."""
        self._loop.call_soon_threadsafe(self._open.clear)

    def heal(self) -> None:
        """New connections go through again; those from before are reset."""
        self._loop.call_soon_threadsafe(self._heal)

    def draw(self, connection: int, exchange: int) -> str | None:
        """The fault of that exchange, if any."""
        number = self.chance(connection, exchange).random()
        for fault, share in self._shares.items():
            number -= share
            if number < 0:
                return fault
        return None

    def chance(self, connection: int, exchange: int) -> Random:
        """The dice of that exchange."""
        return Random(f"{self._seed}/{connection}/{exchange}")

    def _heal(self) -> None:
        for link in list(self._links):
            link.reset()
        self._open.set()

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._open.set()
        server = await asyncio.start_server(self._link, HOST, 0)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        async with server:
            await self._stop.wait()
            server.close()
            self._heal()
            await asyncio.gather(*self._links.values())

    async def _link(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = _Link(self, next(self._numbers), reader, writer)
        self._links[link] = asyncio.create_task(link.run())
        await self._links[link]
        del self._links[link]


class _Link:
    """A client's connection and the server's that belongs to it."""

    def __init__(
        self,
        proxy: FaultProxy,
        number: int,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self.proxy = proxy
        self.number = number
        self.client = (reader, writer)
        self.server: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self.exchange = 0
        self.asking = False  # the bytes that come from the client belong to the same request
        self.fault: str | None = None
        self.pumps: list[asyncio.Task[None]] = []

    async def run(self) -> None:
        """Pass bytes both ways until either side ends or a fault ends both."""
        try:
            await self.proxy._open.wait()
            if self.client[1].transport.is_closing():
                return
            self.server = await asyncio.open_connection(*self.proxy.upstream)
            self.pumps = [asyncio.create_task(pump) for pump in (self._ask(), self._answer())]
            await asyncio.wait(self.pumps, return_when=asyncio.FIRST_COMPLETED)
        except OSError:
            self.reset()  # nobody listens there
        finally:
            for pump in self.pumps:
                pump.cancel()
            await asyncio.gather(*self.pumps, return_exceptions=True)
            for _, writer in filter(None, (self.client, self.server)):
                writer.close()
                with suppress(OSError):
                    await writer.wait_closed()

    def reset(self) -> None:
        """Break the client's connection; the server sees that it has gone."""
        if not self.client[1].transport.is_closing():
            end: socket.socket = self.client[1].get_extra_info("socket")
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            self.client[1].transport.abort()
        for pump in self.pumps:
            pump.cancel()

    async def _ask(self) -> None:
        assert self.server is not None
        while data := await self.client[0].read(CHUNK):
            await self.proxy._open.wait()
            if not self.asking:
                self.asking = True
                self.exchange += 1
                self.proxy.exchanges += 1
                self.fault = self.proxy.draw(self.number, self.exchange)
                if self.fault:
                    self.proxy.faults[self.fault] += 1
            if self.fault == "refuse":
                self.reset()
                return
            self.server[1].write(data)
            await self.server[1].drain()
            if self.fault == "abandon":
                self.reset()
                return

    async def _answer(self) -> None:
        assert self.server is not None
        while data := await self.server[0].read(CHUNK):
            await self.proxy._open.wait()
            self.asking = False
            match self.fault:
                case "swallow":
                    self.reset()
                    return
                case "cut":
                    self.client[1].write(data[: len(data) // 2])
                    await self.client[1].drain()
                    self.reset()
                    return
                case "stall":
                    await asyncio.get_running_loop().create_future()  # for ever
                case "delay":
                    late = self.proxy.chance(self.number, -self.exchange).random()
                    await asyncio.sleep(late * self.proxy._delay_s)
                    self.fault = None
                case _:
                    pass
            self.client[1].write(data)
            await self.client[1].drain()
