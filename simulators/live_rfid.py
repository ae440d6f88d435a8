"""A gate's reader on the network: the model of `simulators.rfid` behind real LLRP over TCP.

    reader = LlrpReader("127.0.0.1", 15084, clock, seed=7)
    await reader.serve()                                # listens from now on
    await reader.carry(parcels, "OUT", seconds=6)       # until they are through
    await reader.close()

One client at a time: a second one is told so and turned away. Reads are made in the time of the
clock and sent in batches, one report every 20 ms of real time: a demo clock at x120 carries a
parcel through in 50 ms, and its reads still have the right times. While no ROSpec is active, or
nobody listens, what passes is not read: as with a real gate, it is gone.

Keepalives and network time-outs are real time. A client that leaves three keepalives without an
answer is taken for dead.
"""

import asyncio
import contextlib
from collections.abc import Coroutine, Mapping
from datetime import datetime
from types import TracebackType
from typing import Any, Self

from edge.clock import Clock
from edge.drivers.llrp import Malformed, Splitter, encode
from edge.drivers.llrp_messages import (
    ALREADY_CONNECTED,
    CONNECTED,
    Kind,
    Plain,
    ReaderEvent,
    Reply,
    TagRead,
    TagReport,
)
from simulators.rfid import Gate, GateConfig, Read, Way, gate_of
from simulators.rfid_session import ReaderSession

REPORT_S = 0.02  # real
TAGS_PER_REPORT = 100
KEEPALIVES_UNANSWERED_MAX = 3
_DEFAULT_GATE = gate_of(inside=(1, 2), outside=(3, 4))


class LlrpReader:
    """A reader with its gate. Port 0 takes a free one; `port` tells which."""

    def __init__(
        self,
        host: str,
        port: int,
        clock: Clock,
        seed: int = 1,
        config: GateConfig = _DEFAULT_GATE,
        versions: int = 2,
    ) -> None:
        self.host = host
        self.port = port
        self.gate = Gate(config, seed=seed)
        self.session = ReaderSession(
            tuple(antenna.number for antenna in config.antennas), versions=versions
        )
        self.eyes: tuple[int, ...] = ()  # inputs of the photo-eyes inside and outside, if any
        self._clock = clock
        self._server: asyncio.Server | None = None
        self._client: asyncio.StreamWriter | None = None
        self._radio: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._stirred = asyncio.Event()

    @classmethod
    def from_site(
        cls,
        site: Mapping[str, Any],
        gate: str,
        *,
        clock: Clock,
        port_offset: int = 0,
        seed: int = 1,
    ) -> Self:
        """The reader of the gate of that name in a site file."""
        row = next(row for row in site["gates"] if row["name"] == gate)
        device = next(other for other in site["devices"] if other["name"] == row["device"])
        port = device["port"] + (port_offset if device["port"] else 0)
        config = gate_of(inside=tuple(row["inside"]), outside=tuple(row["outside"]))
        reader = cls(device.get("host", "127.0.0.1"), port, clock, seed, config)
        reader.eyes = tuple(row.get("eyes", ()))
        return reader

    # --------------------------------------------------------------------------- the outside
    async def serve(self) -> None:
        """Listen. Returns as soon as clients may come."""
        self._server = await asyncio.start_server(self._meet, self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        self._radio = self._start(self._read())

    async def close(self) -> None:
        """Hang up and stop listening."""
        if self._server is not None:
            self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        for writer in self._connections.values():
            writer.close()  # ends their conversations
        await asyncio.gather(*self._tasks, *self._connections, return_exceptions=True)
        if self._server is not None:
            await self._server.wait_closed()

    def carry(self, epcs_hex: list[str], way: Way, seconds: float) -> asyncio.Task[None]:
        """Carry tags through the gate, beginning now; await it to know when they are through."""
        done_at = self.gate.carry(epcs_hex, way, self._clock.now(), seconds)
        self._stirred.set()
        return self._start(self._wait_until(done_at))

    def stir(self) -> None:
        """Tags were put before the antennas without us: read from now on."""
        self._stirred.set()

    @property
    def has_client(self) -> bool:
        """Whether somebody is connected."""
        return self._client is not None

    def hang_up(self) -> None:
        """Drop the client's connection, as a reader does that is switched off."""
        if self._client is not None:
            self._client.close()

    async def __aenter__(self) -> Self:
        await self.serve()
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        await self.close()

    # ---------------------------------------------------------------------------- the radio
    async def _read(self) -> None:
        since = self._clock.now()
        while True:
            if self.gate.is_idle:
                self._stirred.clear()
                await self._stirred.wait()
            await asyncio.sleep(REPORT_S)
            reading, now = self.session.reading, self._clock.now()
            await self._look(since, now)
            since = now
            reads = [r for r in self.gate.reads(now) if r.antenna in reading]
            for start in range(0, len(reads), TAGS_PER_REPORT):
                tags = tuple(map(_tag, reads[start : start + TAGS_PER_REPORT]))
                await self._say(self.session.say(TagReport(tags=tags)))

    async def _look(self, since: datetime, now: datetime) -> None:
        """Say what the photo-eyes see, to a client that wants to know."""
        for eye in self.gate.eyes(since, now) if self.eyes else ():
            number = self.eyes[0 if eye.inside else 1]
            if number in self.session.inputs:
                event = ReaderEvent(at_us=_microseconds(eye.at), input=(number, eye.dark))
                await self._say(self.session.say(event))

    async def _wait_until(self, moment: datetime) -> None:
        await self._clock.sleep((moment - self._clock.now()).total_seconds())

    # -------------------------------------------------------------------------- the network
    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections[task] = writer
        try:
            await self._greet(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client went away
        finally:
            if self._client is writer:
                self._client = None
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
            del self._connections[task]

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        is_free = self._client is None
        writer.write(self._event(CONNECTED if is_free else ALREADY_CONNECTED))
        await writer.drain()
        if not is_free or self._client is not None:
            return
        self._client = writer
        self.session.connected()
        keepalives = self._start(self._keepalives(writer))
        try:
            await self._converse(reader, writer)
        finally:
            keepalives.cancel()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        splitter = Splitter()
        while not self.session.is_closing and (data := await reader.read(1 << 16)):
            try:
                for frame in splitter.feed(data):
                    writer.write(self.session.answer(frame))
            except Malformed as error:  # where the next frame begins is anybody's guess
                refusal = Reply(kind=Kind.ERROR_MESSAGE, status=error.status, text=str(error))
                writer.write(encode(refusal))
                self.session.is_closing = True
            await writer.drain()

    async def _keepalives(self, writer: asyncio.StreamWriter) -> None:
        number = 0
        while self.session.keepalives_unanswered < KEEPALIVES_UNANSWERED_MAX:
            period_ms = self.session.keepalive_ms
            await asyncio.sleep((period_ms or 100) / 1000)
            if period_ms and period_ms == self.session.keepalive_ms:
                number += 1
                self.session.keepalives_unanswered += 1
                await self._say(self.session.say(Plain(kind=Kind.KEEPALIVE, id=number)))
        writer.close()

    async def _say(self, frame: bytes) -> None:
        if (writer := self._client) is not None:
            with contextlib.suppress(ConnectionError):
                writer.write(frame)
                await writer.drain()

    def _event(self, connection: int) -> bytes:
        return encode(ReaderEvent(at_us=_microseconds(self._clock.now()), connection=connection))

    def _start(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _tag(read: Read) -> TagRead:
    at_us = _microseconds(read.at)
    return TagRead(
        epc_hex=read.epc_hex,
        antenna=read.antenna,
        rssi_dbm=read.rssi_dbm,
        first_seen_us=at_us,
        last_seen_us=at_us,
        count=read.count,
    )


def _microseconds(at: datetime) -> int:
    return round(at.timestamp() * 1_000_000)
