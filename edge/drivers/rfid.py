"""A fixed RFID reader over LLRP: connects, has it read, and says which tags come and go.

`Inventory` is the conversation, pure: messages in, messages out, one request at a time.

    reader says it is free -> keepalives, please -> delete what others left -> add, enable and
    start our ROSpec -> events and reports, please -> tag reports, until the connection ends

The driver moves its bytes and hands the reads to `edge.drivers.tags`, which keeps the time and
says what comes and goes. Readers begin with LLRP 1.0.1, and all speak it; with `version = "1.1"`
or `"auto"` in the site file we ask for 1.1 first: "auto" goes on with 1.0.1 where it is refused.

Laws:
    heard         keepalives are answered at once; a reader that says nothing for `silence_s`
                  real seconds is unavailable, as is one that belongs to somebody else
    unharmed      a frame that is no LLRP is logged and dropped; a stream that is none ends the
                  connection

LLRP knows neither password nor encryption: keep readers on the machines' own network.

Source: LLRP 1.0.1 and 1.1 (section 9.1: version negotiation); see edge.drivers.llrp.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from typing_extensions import override

from edge.clock import Clock
from edge.drivers import DeviceUnavailable, Driver, Say
from edge.drivers.around import Around
from edge.drivers.llrp import Malformed, Splitter, decode, encode
from edge.drivers.llrp_messages import (
    CONNECTED,
    AddRospec,
    Kind,
    Message,
    OnSpec,
    Plain,
    ReaderEvent,
    Reply,
    Rospec,
    SetConfig,
    SetVersion,
    Status,
    TagReport,
    Versions,
)
from edge.drivers.tags import UNKNOWN_DBM, TagReads, antennas_of, eyes_of, shelves_of
from edge.messages import DeviceCommand, TellAgain
from edge.tagfilter import RawRead

log = structlog.get_logger(__name__)

ROSPEC_ID = 7030
VERSIONS = {"1.0.1": 1, "1.1": 2, "auto": 2}  # as in a site file -> what we ask for
_CONNECT_S, _READY_S, _TICK_S = 5.0, 10.0, 0.05  # real
_KEEPALIVE_S = 2.0
_ASK_VERSION, _SET_VERSION = 7, 8
_LAST_US = 253_402_300_799_000_000  # the end of the year 9999


class Refused(Exception):  # noqa: N818 - reads as a situation
    """The reader does not want to talk to us, or not to do what we ask."""


class Inventory:
    """The client's side of the conversation, from the first event to the reads."""

    def __init__(
        self,
        antennas: tuple[int, ...],
        *,
        keepalive_ms: int,
        version: str = "1.0.1",
        inputs: tuple[int, ...] = (),
    ) -> None:
        rospec = Rospec(rospec_id=ROSPEC_ID, antennas=antennas)
        wanted = VERSIONS[version]
        self.version = 1
        self.is_negotiating = wanted > 1
        self._must = version != "auto"
        self._todo: list[Message] = [
            SetConfig(id=1, keepalive_ms=keepalive_ms, inputs=inputs),
            OnSpec(kind=Kind.DELETE_ROSPEC, id=2, spec_id=0),
            AddRospec(id=3, rospec=rospec),
            OnSpec(kind=Kind.ENABLE_ROSPEC, id=4, spec_id=ROSPEC_ID),
            OnSpec(kind=Kind.START_ROSPEC, id=5, spec_id=ROSPEC_ID),
        ]
        if self.is_negotiating:
            ask = Plain(kind=Kind.GET_SUPPORTED_VERSION, id=_ASK_VERSION)
            self._todo[:0] = [ask, SetVersion(id=_SET_VERSION, version=wanted)]
        self._asked: Message | None = None
        self.is_reading = False

    def hear(self, message: Message) -> list[Message]:
        """What to send, now that the reader has said this.

        Raises:
            Refused: somebody else is connected, or a request failed.
        """
        if isinstance(message, Plain) and message.kind is Kind.KEEPALIVE:
            return [Plain(kind=Kind.KEEPALIVE_ACK, id=message.id)]
        if isinstance(message, ReaderEvent) and message.connection is not None:
            if message.connection != CONNECTED:
                raise Refused(f"connection refused, status {message.connection}")
            return self._next() if self._asked is None else []
        if self.is_negotiating and isinstance(message, Reply | Versions):
            return self._negotiate(message)
        if isinstance(message, Reply) and self._asked and message.id == self._asked.id:
            may_fail = isinstance(self._asked, OnSpec) and self._asked.kind is Kind.DELETE_ROSPEC
            if message.status != Status.SUCCESS and not may_fail:  # nothing to delete is fine
                raise Refused(f"{message.kind.name}: status {message.status} {message.text}")
            return self._next()
        return []

    def _negotiate(self, message: Reply | Versions) -> list[Message]:
        """The reader says which versions it speaks, or that it does not know what we mean."""
        if isinstance(message, Versions) and message.supported >= VERSIONS["1.1"]:
            return self._next()
        if message.kind is Kind.SET_PROTOCOL_VERSION_RESPONSE and message.status == Status.SUCCESS:
            self.version = VERSIONS["1.1"]
        elif self._must:
            raise Refused(f"does not speak LLRP 1.1: status {message.status}")
        self.is_negotiating = False
        self._todo = [todo for todo in self._todo if not isinstance(todo, SetVersion)]
        return self._next()

    def _next(self) -> list[Message]:
        if self._todo:
            self._asked = self._todo.pop(0)
            return [self._asked]
        self._asked = None
        self.is_reading = True
        return [Plain(kind=Kind.ENABLE_EVENTS_AND_REPORTS, id=6)]  # has no reply


class _Link(asyncio.Protocol):
    """One connection: bytes to messages and back, as they come in, before any timer runs."""

    def __init__(self, name: str, hear: Callable[[Message], list[bytes]], reads: TagReads) -> None:
        self.over: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.heard_s = asyncio.get_running_loop().time()
        self._name = name
        self._hear = hear
        self.reads = reads
        self._splitter = Splitter()
        self._transport: asyncio.Transport | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    @override
    def data_received(self, data: bytes) -> None:
        self.heard_s = asyncio.get_running_loop().time()
        if self.over.done():
            return
        try:
            for frame in self._splitter.feed(data):
                self._take(frame)
        except Malformed as error:
            self._end(f"does not speak LLRP: {error}")
        except Refused as error:
            self._end(str(error))

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._end(f"connection lost: {exc or 'closed by the reader'}")

    def close(self) -> None:
        """Say good-bye and hang up, without waiting for an answer."""
        if self._transport is not None:
            self._transport.write(encode(Plain(kind=Kind.CLOSE_CONNECTION, id=9)))
            self._transport.close()

    def _take(self, frame: bytes) -> None:
        try:
            message = decode(frame)
        except Malformed as error:
            if self.reads.counts["malformed"] == 0:  # counted each time, said once
                log.warning("rfid.malformed", device=self._name, detail=str(error))
            self.reads.counts["malformed"] += 1
            return
        assert self._transport is not None
        for answer in self._hear(message):
            self._transport.write(answer)

    def _end(self, detail: str) -> None:
        if not self.over.done():
            self.over.set_result(detail)


def make(device: Mapping[str, Any], around: Around) -> Driver:
    """The driver of one `[[devices]]` row; it reads the antennas of its gates, or all.

    Raises:
        ValueError: it asks for a version of LLRP that there is not.
    """
    return RfidReader(
        device,
        antennas_of(device["name"], around.site) or (0,),
        clock=around.clock,
        port=around.port(device),
        shelves=shelves_of(device["name"], around.site),
        eyes=eyes_of(device["name"], around.site),
    )


class RfidReader:
    """One reader. The site file may set version, keepalive_s, and what `TagReads` takes."""

    def __init__(
        self,
        device: Mapping[str, Any],
        antennas: tuple[int, ...],
        *,
        clock: Clock,
        port: int,
        shelves: Mapping[int, str] | None = None,
        eyes: tuple[int, ...] = (),
    ) -> None:
        self.name: str = device["name"]
        self._address = (device.get("host", "127.0.0.1"), port)
        self._antennas = antennas
        self._keepalive_s: float = device.get("keepalive_s", _KEEPALIVE_S)
        self._version: str = device.get("version", "1.0.1")
        if self._version not in VERSIONS:
            raise ValueError(f"version must be one of {', '.join(VERSIONS)}: {self._version!r}")
        self.reads = TagReads(
            device,
            () if antennas == (0,) else antennas,
            clock=clock,
            shelves=shelves,
            eyes=eyes,
        )
        self._inventory = self._fresh_inventory()

    async def run(self, say: Say) -> None:
        """Connect and listen until cancelled.

        Raises:
            DeviceUnavailable: the reader cannot be reached, or not any more.
        """
        loop = asyncio.get_running_loop()
        self.reads.begin(say)
        self._inventory = self._fresh_inventory()
        link = _Link(self.name, self.hear, self.reads)
        host, port = self._address
        try:
            async with asyncio.timeout(_CONNECT_S):
                await loop.create_connection(lambda: link, host, port)
        except (OSError, TimeoutError) as error:
            raise DeviceUnavailable(self.name, f"no connection to {host}:{port}") from error
        try:
            await self._watch(link)
        finally:
            if self._inventory.is_negotiating and self._version == "auto":
                self._version = "1.0.1"  # it hung up at the question: do not ask again
            link.close()

    @property
    def raw(self) -> Callable[[bytes], None] | None:
        """Who takes every read as it came; set by the agent."""
        return self.reads.raw

    @raw.setter
    def raw(self, raw: Callable[[bytes], None] | None) -> None:
        self.reads.raw = raw

    async def tell(self, command: DeviceCommand) -> None:
        """Say again how the reader is and which tags it sees; it takes no other command."""
        if not isinstance(command, TellAgain):
            log.warning("rfid.refused", device=self.name, command=command.type)
            return
        self.reads.tell_again()

    def health(self) -> Mapping[str, float | int | str]:
        """Reads, tags and connections so far, and the version of LLRP that is spoken."""
        version = {1: "1.0.1", 2: "1.1"}[self._inventory.version]
        return {**self.reads.health(), "llrp_version": version}

    async def _watch(self, link: _Link) -> None:
        loop = asyncio.get_running_loop()
        ready_until = loop.time() + _READY_S
        silence_s = max(3 * self._keepalive_s, 1.0)
        while not link.over.done():
            await asyncio.wait({link.over}, timeout=_TICK_S)
            if loop.time() - link.heard_s > silence_s:
                raise DeviceUnavailable(self.name, f"silent for {silence_s} s")
            if not self._inventory.is_reading and loop.time() > ready_until:
                raise DeviceUnavailable(self.name, "does not start reading")
            self.reads.tick()
        raise DeviceUnavailable(self.name, link.over.result())

    def hear(self, message: Message) -> list[bytes]:
        """What to send, now that the reader has said this; its reads are taken in."""
        was_reading = self._inventory.is_reading
        answers = self._inventory.hear(message)
        if isinstance(message, ReaderEvent):
            if message.connection is not None:
                self.reads.told_time(_time(message.at_us))
            if message.input is not None:
                number, is_high = message.input
                self.reads.input_changed(number, is_high=is_high, told=_time(message.at_us))
            if message.antenna is not None:
                self.reads.antenna(message.antenna[0], is_connected=message.antenna[1])
        elif isinstance(message, TagReport):
            self.reads.take(self._raw_reads(message))
        if self._inventory.is_reading and not was_reading:
            self.reads.tell_status()
        return [encode(answer, self._inventory.version) for answer in answers]

    def _raw_reads(self, report: TagReport) -> Iterator[RawRead]:
        now = self.reads.clock.now()
        for tag in report.tags:
            if tag.antenna is None:
                self.reads.counts["reads_strange"] += 1
                continue
            told = _time(tag.last_seen_us if tag.last_seen_us is not None else tag.first_seen_us)
            yield RawRead(
                at=self.reads.at(told, now),
                antenna=tag.antenna,
                epc_hex=tag.epc_hex,
                rssi_dbm=UNKNOWN_DBM if tag.rssi_dbm is None else float(tag.rssi_dbm),
                count=max(tag.count or 1, 1),
            )

    def _fresh_inventory(self) -> Inventory:
        return Inventory(
            self._antennas,
            keepalive_ms=round(self._keepalive_s * 1000),
            version=self._version,
            inputs=self.reads.eyes,
        )


def _time(at_us: int | None) -> datetime | None:
    """The time that a reader tells, unless it is none."""
    if at_us is None or not 0 < at_us < _LAST_US:
        return None
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at_us)
