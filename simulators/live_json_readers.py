"""Readers that speak JSON, with the gate of `simulators.rfid` before them.

    R700     an Impinj R700: a stream over HTTP once its preset was started, or events over MQTT
    ZebraFx  a Zebra FX: events over MQTT, or posted to whoever listens

    async with R700(clock, seed=7, user="root", password="…") as reader:      # serves on a port
        await reader.carry(parcels, "OUT", seconds=6)

What is read is told every 20 ms of real time, in the time of the clock.
"""

import asyncio
import base64
import contextlib
import itertools
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Sequence
from types import TracebackType
from typing import Any, Self

import httpx2
from typing_extensions import override

from edge.clock import Clock
from edge.mqtt import Bus
from simulators.rfid import Eye, Gate, GateConfig, Read, Way, gate_of

REPORT_S = 0.02  # real
_DEFAULT_GATE = gate_of(inside=(1, 2), outside=(3, 4))


def impinj_event(read: Read, *, as_base64: bool = False) -> dict[str, Any]:
    """A read as an R700 tells it; which spelling of the EPC comes is set on the reader."""
    epc = bytes.fromhex(read.epc_hex)
    spelt = (
        {"epc": base64.urlsafe_b64encode(epc).decode()}
        if as_base64
        else {"epcHex": read.epc_hex.lower()}
    )
    at = read.at.isoformat(timespec="microseconds").replace("+00:00", "000Z")
    return {
        "timestamp": at,
        "hostname": "impinj-00-00-00",
        "eventType": "tagInventory",
        "tagInventoryEvent": {
            **spelt,
            "antennaPort": read.antenna,
            "peakRssiCdbm": read.rssi_dbm * 100,
            "lastSeenTime": at,
        },
    }


def zebra_event(read: Read, number: int) -> dict[str, Any]:
    """A read as a Zebra reader tells it."""
    return {
        "type": "SIMPLE",
        "timestamp": read.at.isoformat(timespec="milliseconds").replace("+00:00", "+0000"),
        "data": {
            "idHex": read.epc_hex.lower(),
            "format": "epc",
            "antenna": read.antenna,
            "peakRssi": read.rssi_dbm,
            "reads": read.count,
            "eventNum": number,
        },
    }


def impinj_eye(eye: Eye) -> dict[str, Any]:
    """What an R700 says when a photo-eye at its inputs 1 (inside) and 2 has changed."""
    return {
        "timestamp": eye.at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "eventType": "gpiTransition",
        "gpiTransitionEvent": {
            "gpi": 1 if eye.inside else 2,
            "transition": "low-to-high" if eye.dark else "high-to-low",
        },
    }


def zebra_eye(eye: Eye) -> dict[str, Any]:
    """What a Zebra reader says of it."""
    at = eye.at.isoformat(timespec="milliseconds").replace("+00:00", "+0000")
    state = "HIGH" if eye.dark else "LOW"
    return {"type": "GPI", "timestamp": at, "pin": 1 if eye.inside else 2, "state": state}


class _Reader(ABC):
    """A gate that is read every 20 ms, while somebody wants it read."""

    def __init__(self, clock: Clock, *, seed: int, config: GateConfig = _DEFAULT_GATE) -> None:
        self.gate = Gate(config, seed=seed)
        self._clock = clock
        self._tasks: set[asyncio.Task[None]] = set()

    def carry(self, epcs_hex: list[str], way: Way, seconds: float) -> asyncio.Task[None]:
        """Carry tags through the gate, beginning now; await it to know when they are through."""
        done_at = self.gate.carry(epcs_hex, way, self._clock.now(), seconds)
        return self._start(self._clock.sleep((done_at - self._clock.now()).total_seconds()))

    async def __aenter__(self) -> Self:
        self._reading = self._start(self._read())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @abstractmethod
    async def _tell(self, reads: Sequence[Read]) -> None:
        """Say what was read."""

    @abstractmethod
    async def _look(self, eyes: Sequence[Eye]) -> None:
        """Say what the photo-eyes have seen."""

    async def _read(self) -> None:
        since = self._clock.now()
        while True:
            await asyncio.sleep(REPORT_S)
            now = self._clock.now()
            if eyes := self.gate.eyes(since, now):
                await self._look(eyes)
            since = now
            if reads := self.gate.reads(now):
                await self._tell(reads)

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


class R700(_Reader):
    """An Impinj R700. With a bus it publishes to `topic`, else it serves a stream over HTTP."""

    def __init__(  # noqa: PLR0913 - a reader has that many settings
        self,
        clock: Clock,
        *,
        seed: int = 1,
        config: GateConfig = _DEFAULT_GATE,
        user: str = "",
        password: str = "",
        as_base64: bool = False,
        bus: Bus | None = None,
        topic: str = "",
    ) -> None:
        super().__init__(clock, seed=seed, config=config)
        self.port = 0
        self.is_started = bus is not None
        self._key = base64.b64encode(f"{user}:{password}".encode()).decode() if user else ""
        self._as_base64 = as_base64
        self._bus, self._topic = bus, topic
        self._server: asyncio.Server | None = None
        self._streams: set[asyncio.StreamWriter] = set()
        self._talks: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    def tell(self, event: dict[str, Any]) -> None:
        """Say some other event, such as that an antenna was plugged out."""
        body = json.dumps(event).encode()
        if self._bus is not None:
            self._bus.publish(self._topic, body, qos=1)
        for writer in self._streams:
            writer.write(body + b"\r\n")

    def hang_up(self) -> None:
        """Drop all streams, as a reader does that is switched off."""
        for writer in self._streams:
            writer.close()

    @override
    async def __aenter__(self) -> Self:
        if self._bus is None:
            self._server = await asyncio.start_server(self._meet, "127.0.0.1", 0)
            self.port = self._server.sockets[0].getsockname()[1]
        return await super().__aenter__()

    @override
    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await super().__aexit__(kind, error, trace)
        if self._server is not None:
            self._server.close()
            for writer in self._talks.values():
                writer.close()  # ends their conversations
            await asyncio.gather(*self._talks, return_exceptions=True)
            await self._server.wait_closed()

    @override
    async def _tell(self, reads: Sequence[Read]) -> None:
        if self.is_started:
            for read in reads:
                self.tell(impinj_event(read, as_base64=self._as_base64))

    @override
    async def _look(self, eyes: Sequence[Eye]) -> None:
        if self.is_started:
            for eye in eyes:
                self.tell(impinj_eye(eye))

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._talks[task] = writer
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                if self._key and f"Basic {self._key}" not in head:
                    writer.write(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")
                elif head.startswith("POST ") and head.split()[1].endswith("/start"):
                    self.is_started = True
                    writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
                elif head.startswith("GET /api/v1/data/stream "):
                    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
                    self._streams.add(writer)
                else:
                    writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client went away
        finally:
            self._streams.discard(writer)
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
            del self._talks[task]


class ZebraFx(_Reader):
    """A Zebra reader: it tells a list of events to whatever `tell` takes them."""

    def __init__(
        self,
        clock: Clock,
        tell: Callable[[bytes], Coroutine[Any, Any, None]],
        *,
        seed: int = 1,
        config: GateConfig = _DEFAULT_GATE,
    ) -> None:
        super().__init__(clock, seed=seed, config=config)
        self._say = tell
        self._numbers = itertools.count(1)

    @override
    async def _tell(self, reads: Sequence[Read]) -> None:
        events = [zebra_event(read, next(self._numbers)) for read in reads]
        await self._say(json.dumps(events).encode())

    @override
    async def _look(self, eyes: Sequence[Eye]) -> None:
        await self._say(json.dumps([zebra_eye(eye) for eye in eyes]).encode())


def to_bus(bus: Bus, topic: str) -> Callable[[bytes], Coroutine[Any, Any, None]]:
    """Where a Zebra reader publishes."""

    async def publish(body: bytes) -> None:
        bus.publish(topic, body, qos=1)

    return publish


def to_url(
    url: str, user: str = "", password: str = ""
) -> Callable[[bytes], Coroutine[Any, Any, None]]:
    """Where a Zebra reader posts."""
    auth = httpx2.BasicAuth(user, password) if user else None

    async def post(body: bytes) -> None:
        async with httpx2.AsyncClient(auth=auth) as client:
            with contextlib.suppress(httpx2.HTTPError):
                await client.post(url, content=body)

    return post
