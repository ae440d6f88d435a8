"""A fixed RFID reader over LLRP: connects, has it read, and says which tags come and go.

`Inventory` is the conversation, pure: messages in, messages out, one request at a time.

    reader says it is free -> keepalives, please -> delete what others left -> add, enable and
    start our ROSpec -> events and reports, please -> tag reports, until the connection ends

The driver moves its bytes, puts the reads through `edge.tagfilter`, and says the outcome.

Laws:
    on time       what happened when is told by the reader's own timestamps; if its clock is
                  wrong by more than a minute, it is corrected by what it said on connecting.
                  A time that makes no sense is replaced by the time of arrival
    no rush       silence counts up to the latest read, or up to `late_s` real seconds ago: a
                  report that is late in the network or in a busy process splits no sighting
    heard         keepalives are answered at once; a reader that says nothing for `silence_s`
                  real seconds is unavailable, as is one that belongs to somebody else
    unharmed      a frame that is no LLRP is logged and dropped; a stream that is none ends the
                  connection. Sightings outlive a connection

LLRP knows neither password nor encryption: keep readers on the machines' own network.

Source: LLRP 1.0.1; see edge.drivers.llrp.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import structlog
from typing_extensions import override

from edge.clock import Clock
from edge.drivers import DeviceUnavailable, Driver, Say
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
    Status,
    TagRead,
    TagReport,
)
from edge.messages import DeviceCommand, DeviceStatus, TellAgain
from edge.tagfilter import RawRead, Rules, TagFilter

log = structlog.get_logger(__name__)

ROSPEC_ID = 7030
_CONNECT_S, _READY_S, _TICK_S, _LATE_S = 5.0, 10.0, 0.05, 0.3  # real
_KEEPALIVE_S = 2.0
_SKEW_S = 60.0  # a reader's clock may be this wrong (or 5 real seconds of a fast clock)
_UNKNOWN_DBM = -50.0  # of a reader that tells no strength
_LAST_US = 253_402_300_799_000_000  # the end of the year 9999


class Refused(Exception):  # noqa: N818 - reads as a situation
    """The reader does not want to talk to us, or not to do what we ask."""


class Inventory:
    """The client's side of the conversation, from the first event to the reads."""

    def __init__(self, antennas: tuple[int, ...], *, keepalive_ms: int) -> None:
        rospec = Rospec(rospec_id=ROSPEC_ID, antennas=antennas)
        self._todo: list[Message] = [
            SetConfig(id=1, keepalive_ms=keepalive_ms),
            OnSpec(kind=Kind.DELETE_ROSPEC, id=2, spec_id=0),
            AddRospec(id=3, rospec=rospec),
            OnSpec(kind=Kind.ENABLE_ROSPEC, id=4, spec_id=ROSPEC_ID),
            OnSpec(kind=Kind.START_ROSPEC, id=5, spec_id=ROSPEC_ID),
        ]
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
        if isinstance(message, Reply) and self._asked and message.id == self._asked.id:
            may_fail = isinstance(self._asked, OnSpec) and self._asked.kind is Kind.DELETE_ROSPEC
            if message.status != Status.SUCCESS and not may_fail:  # nothing to delete is fine
                raise Refused(f"{message.kind.name}: status {message.status} {message.text}")
            return self._next()
        return []

    def _next(self) -> list[Message]:
        if self._todo:
            self._asked = self._todo.pop(0)
            return [self._asked]
        self._asked = None
        self.is_reading = True
        return [Plain(kind=Kind.ENABLE_EVENTS_AND_REPORTS, id=6)]  # has no reply


class _Link(asyncio.Protocol):
    """One connection: bytes to messages and back, as they come in, before any timer runs."""

    def __init__(self, name: str, hear: Callable[[Message], list[Message]]) -> None:
        self.over: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.heard_s = asyncio.get_running_loop().time()
        self._name = name
        self._hear = hear
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
            log.warning("rfid.malformed", device=self._name, detail=str(error))
            return
        assert self._transport is not None
        for answer in self._hear(message):
            self._transport.write(encode(answer))

    def _end(self, detail: str) -> None:
        if not self.over.done():
            self.over.set_result(detail)


def make(
    device: Mapping[str, Any],
    site: Mapping[str, Any],
    *,
    clock: Clock,
    port_offset: int,
    mqtt_url: str,  # noqa: ARG001 - every driver is made alike
    state_dir: Path,  # noqa: ARG001 - nothing to keep: what was read has been said
) -> Driver:
    """The driver of one `[[devices]]` row; it reads the antennas of its gates, or all."""
    antennas = {
        antenna
        for gate in site.get("gates", ())
        if gate["device"] == device["name"]
        for antenna in (*gate["inside"], *gate["outside"])
    }
    return RfidReader(
        device, tuple(sorted(antennas)) or (0,), clock=clock, port=device["port"] + port_offset
    )


class RfidReader:
    """One reader. The site file may set reads_min, quiet_s, floor_dbm, keepalive_s."""

    def __init__(
        self, device: Mapping[str, Any], antennas: tuple[int, ...], *, clock: Clock, port: int
    ) -> None:
        self.name: str = device["name"]
        self._address = (device.get("host", "127.0.0.1"), port)
        self._antennas = antennas
        self._clock = clock
        self._keepalive_s: float = device.get("keepalive_s", _KEEPALIVE_S)
        usual = Rules()
        rules = Rules(
            reads_min=device.get("reads_min", usual.reads_min),
            silence_s=device.get("quiet_s", usual.silence_s),
            floor_dbm=device.get("floor_dbm", usual.floor_dbm),
        )
        self._filter = TagFilter(self.name, rules)
        self._say: Say | None = None
        self._inventory = self._fresh_inventory()
        self._ahead = timedelta()  # to be added to the reader's times
        self._latest: datetime | None = None
        self._broken_antennas: set[int] = set()
        self._status: DeviceStatus | None = None

    async def run(self, say: Say) -> None:
        """Connect and listen until cancelled.

        Raises:
            DeviceUnavailable: the reader cannot be reached, or not any more.
        """
        loop = asyncio.get_running_loop()
        self._say, self._status = say, None
        self._inventory, self._ahead = self._fresh_inventory(), timedelta()
        self._broken_antennas = set()
        link = _Link(self.name, self._hear)
        host, port = self._address
        try:
            async with asyncio.timeout(_CONNECT_S):
                await loop.create_connection(lambda: link, host, port)
        except (OSError, TimeoutError) as error:
            raise DeviceUnavailable(self.name, f"no connection to {host}:{port}") from error
        try:
            await self._watch(link)
        finally:
            link.close()

    async def tell(self, command: DeviceCommand) -> None:
        """Say again how the reader is and which tags it sees; it takes no other command."""
        if not isinstance(command, TellAgain):
            log.warning("rfid.refused", device=self.name, command=command.type)
            return
        if self._say is not None and self._status is not None:
            self._say(self._status)
            self._tell_present()

    # ------------------------------------------------------------------------------ listening
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
            self._end_sightings(self._clock.now() - self._real(_LATE_S))
        raise DeviceUnavailable(self.name, link.over.result())

    def _hear(self, message: Message) -> list[Message]:
        was_reading = self._inventory.is_reading
        answers = self._inventory.hear(message)
        if isinstance(message, ReaderEvent):
            self._hear_event(message)
        elif isinstance(message, TagReport):
            self._hear_tags(message)
        if self._inventory.is_reading and not was_reading:
            self._tell_status()
        return answers

    def _hear_event(self, event: ReaderEvent) -> None:
        now = self._clock.now()
        if event.connection is not None:
            told = _time(event.at_us)
            wrong = now - told if told is not None else timedelta()
            self._ahead = wrong if abs(wrong) > self._skew() else timedelta()
        if event.antenna is not None:
            number, is_connected = event.antenna
            (self._broken_antennas.discard if is_connected else self._broken_antennas.add)(number)
            self._tell_status()

    def _hear_tags(self, report: TagReport) -> None:
        assert self._say is not None
        now = self._clock.now()
        for tag in report.tags:
            if (read := self._raw_read(tag, now)) is None:
                continue
            self._latest = read.at if self._latest is None else max(self._latest, read.at)
            for event in self._filter.read(read):
                self._say(event)
        if self._latest is not None:
            self._end_sightings(self._latest)

    def _raw_read(self, tag: TagRead, now: datetime) -> RawRead | None:
        if tag.antenna is None:
            return None
        at = _time(tag.last_seen_us if tag.last_seen_us is not None else tag.first_seen_us)
        if at is None or abs(now - (at + self._ahead)) > self._skew() * 10:
            at = now - self._ahead
        return RawRead(
            at=at + self._ahead,
            antenna=tag.antenna,
            epc_hex=tag.epc_hex,
            rssi_dbm=_UNKNOWN_DBM if tag.rssi_dbm is None else float(tag.rssi_dbm),
            count=max(tag.count or 1, 1),
        )

    def _end_sightings(self, until: datetime) -> None:
        assert self._say is not None
        if self._filter.watching:
            for gone in self._filter.due(until):
                self._say(gone)

    def _tell_status(self) -> None:
        assert self._say is not None
        broken = sorted(self._broken_antennas & set(self._antennas))
        status = DeviceStatus(
            at=self._clock.now(),
            device=self.name,
            status="FAULT" if broken else "UP",
            detail=f"antennas off: {', '.join(map(str, broken))}" if broken else "",
        )
        if self._status is None or self._status.detail != status.detail:
            self._status = status
            self._say(status)
            self._tell_present()

    def _tell_present(self) -> None:
        assert self._say is not None
        for seen in self._filter.present(self._clock.now()):
            self._say(seen)

    def _fresh_inventory(self) -> Inventory:
        return Inventory(self._antennas, keepalive_ms=round(self._keepalive_s * 1000))

    def _real(self, seconds: float) -> timedelta:
        """So many real seconds, in the time of the clock."""
        return timedelta(seconds=seconds / self._clock.real_s(1.0))

    def _skew(self) -> timedelta:
        return max(timedelta(seconds=_SKEW_S), self._real(5.0))


def _time(at_us: int | None) -> datetime | None:
    """The time that a reader tells, unless it is none."""
    if at_us is None or not 0 < at_us < _LAST_US:
        return None
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at_us)
