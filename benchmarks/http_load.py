"""A lean load client: HTTP/1.1 over raw sockets, so that it takes little of the cores it measures.

    answers = await closed_loop(address, requests, connections=64, seconds=5)
    answers = await open_loop(address, requests, rate=6000, seconds=5, connections=1000)

A closed loop sends the next request of a connection when it has the answer to the one before: it
finds the capacity. An open loop sends so many a second whatever comes back, as customers do, and
asks again when told to: it finds out what an overload does.
"""

import asyncio
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from typing_extensions import override

Address: TypeAlias = tuple[str, int]
OK = b"HTTP/1.1 200"
BUSY = (b"HTTP/1.1 429", b"HTTP/1.1 503")
TICK_S = 0.005
TRIES = 3
RETRY_AFTER_S = 1.0  # when no connection was free
LAST_ANSWERS_S = 2.0


@dataclass(slots=True)
class Figures:
    """What came back.

    Attributes:
        good: requests granted in full.
        other: answered with 200, not granted in full.
        busy: answers 429 and 503.
        failed: any other answer, or none.
        sent: customers who came (open loop).
        no_connection: times that a customer found no connection free.
        tried_again: times that a customer came back.
        latencies_s: of those answered 200.
        good_at_s: when each granted answer came, since the beginning.
    """

    good: int = 0
    other: int = 0
    busy: int = 0
    failed: int = 0
    sent: int = 0
    no_connection: int = 0
    tried_again: int = 0
    latencies_s: list[float] = field(default_factory=list)
    good_at_s: list[float] = field(default_factory=list)
    seconds: float = 0.0

    def p99_ms(self) -> float:
        """The latency that 99 of 100 answers stay below."""
        ordered = sorted(self.latencies_s)
        return round(ordered[int(len(ordered) * 0.99)] * 1000, 1) if ordered else 0.0


class Connection(asyncio.Protocol):
    """One keep-alive connection with at most one request under way."""

    def __init__(self, on_answer: Callable[["Connection", bytes], None]) -> None:
        self.on_answer = on_answer
        self.request = b""
        self.sent_at = 0.0
        self.tries = 0
        self._heard = b""
        self._transport: asyncio.Transport | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def send(self, request: bytes) -> None:
        """Ask."""
        assert self._transport is not None
        self.request = request
        self.sent_at = time.perf_counter()
        self._transport.write(request)

    @override
    def data_received(self, data: bytes) -> None:
        heard = self._heard + data if self._heard else data
        head = heard.find(b"\r\n\r\n")
        if head >= 0:
            at = heard.find(b"content-length: ")
            length = int(heard[at + 16 : heard.find(b"\r", at)]) if 0 <= at < head else 0
            if len(heard) >= head + 4 + length:
                self._heard = b""
                self.on_answer(self, heard)
                return
        self._heard = heard

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if self.request:
            self.on_answer(self, b"")

    def close(self) -> None:
        """Hang up."""
        self.request = b""
        if self._transport is not None:
            self._transport.close()


async def connect(
    address: Address, count: int, on_answer: Callable[[Connection, bytes], None]
) -> list[Connection]:
    """So many connections."""
    loop = asyncio.get_running_loop()
    made = [
        await loop.create_connection(lambda: Connection(on_answer), *address) for _ in range(count)
    ]
    return [protocol for _, protocol in made]


async def closed_loop(
    address: Address, requests: Iterator[bytes], *, connections: int, seconds: float
) -> Figures:
    """Each connection asks again as soon as it is answered."""
    figures = Figures()
    idle = asyncio.Event()
    running = 0
    began = time.perf_counter()

    def on_answer(connection: Connection, answer: bytes) -> None:
        nonlocal running
        at = time.perf_counter()
        _count(figures, answer, at - connection.sent_at, at - began)
        if at - began < seconds and answer:
            connection.send(next(requests))
            return
        connection.request = b""
        running -= 1
        if not running:
            idle.set()

    made = await connect(address, connections, on_answer)
    began, running = time.perf_counter(), connections
    for connection in made:
        connection.send(next(requests))
    await idle.wait()
    figures.seconds = time.perf_counter() - began
    for connection in made:
        connection.close()
    return figures


class Crowd:
    """Customers who come whatever happens, and who come again when they are told to."""

    def __init__(self) -> None:
        self.figures = Figures()
        self.free: list[Connection] = []
        self.began = time.perf_counter()
        self._loop = asyncio.get_running_loop()
        self._chance = random.Random(0)

    def ask(self, request: bytes, tries: int = 1) -> None:
        """One customer asks, if there is a connection free; who finds none comes again."""
        if self.free:
            connection = self.free.pop()
            connection.tries = tries
            connection.send(request)
        else:
            self.figures.no_connection += 1
            self._again(request, tries, RETRY_AFTER_S)

    def on_answer(self, connection: Connection, answer: bytes) -> None:
        """One customer hears."""
        at = time.perf_counter()
        request, connection.request = connection.request, b""
        _count(self.figures, answer, at - connection.sent_at, at - self.began)
        if answer:
            self.free.append(connection)
        if answer.startswith(BUSY):
            said = answer[answer.find(b"retry-after: ") + 13 :].partition(b"\r")[0]
            self._again(request, connection.tries, float(said))

    def _again(self, request: bytes, tries: int, after_s: float) -> None:
        if tries < TRIES:
            self.figures.tried_again += 1
            self._loop.call_later(
                after_s * self._chance.uniform(1, 1.5), self.ask, request, tries + 1
            )


async def open_loop(
    address: Address, requests: Iterator[bytes], *, rate: float, seconds: float, connections: int
) -> Figures:
    """So many customers a second, whatever comes back.

    Who is told to come again does so as long later as was said, and a bit, TRIES times at most;
    who finds no connection free likewise.
    """
    crowd = Crowd()
    made = await connect(address, connections, crowd.on_answer)
    crowd.free = list(made)
    figures = crowd.figures
    crowd.began = time.perf_counter()
    while (spent := time.perf_counter() - crowd.began) < seconds:
        for _ in range(int(spent * rate) - figures.sent):
            figures.sent += 1
            crowd.ask(next(requests))
        await asyncio.sleep(TICK_S)
    figures.seconds = time.perf_counter() - crowd.began
    await asyncio.sleep(LAST_ANSWERS_S)
    crowd.free = []  # whoever would come again now finds nobody
    for connection in made:
        connection.close()
    return figures


def _count(figures: Figures, answer: bytes, latency_s: float, at_s: float) -> None:
    if answer.startswith(OK):
        figures.latencies_s.append(latency_s)
        if b'{"granted":true' in answer:
            figures.good += 1
            figures.good_at_s.append(at_s)
        else:
            figures.other += 1
    elif answer.startswith(BUSY):
        figures.busy += 1
    else:
        figures.failed += 1
