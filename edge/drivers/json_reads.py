"""Tag readers that speak JSON: what they say is read by their maker's module, the rest is here.

    mqtt     the reader publishes to our broker; `topic` says where
    stream   we ask for a stream over HTTP and read a line an event (edge.drivers.json_http)
    post     the reader posts events to us

A driver is a source of bodies, a function that reads them, and `TagReads` behind it.

Laws:
    unharmed   a body that nobody understands is counted and dropped, said once, and neither it
               nor those beside it stop anything
    silence    with `silent_s` in the site file a reader that says nothing for so long is
               unavailable; without it, only when its connection or the broker is gone
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import structlog

from edge.clock import Clock
from edge.drivers import DeviceUnavailable, Say
from edge.drivers.tags import TagReads, antennas_of, eyes_of, shelves_of
from edge.messages import DeviceCommand, TellAgain
from edge.mqtt import PahoBus
from edge.tagfilter import RawRead

log = structlog.get_logger(__name__)

BODY_BYTES_MAX = 1 << 20
_TICK_S, _BROKER_S = 0.05, 5.0  # real


class Malformed(ValueError):  # noqa: N818 - reads as a situation
    """A body that is not what such a reader says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonRead:
    """One tag as a reader tells it; `at` is by the reader's clock."""

    epc_hex: str
    antenna: int
    rssi_dbm: float
    at: datetime | None
    count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What a body said.

    Attributes:
        reads: the tags, in order.
        antennas: which were plugged in or out.
        fault: what is wrong with the reader; "" if all is well again; None if that is no news.
        inputs: which inputs have another level: number, whether it is high, when.
        numbers: of the events, where the reader counts them: gaps show what was lost.
    """

    reads: tuple[JsonRead, ...] = ()
    antennas: tuple[tuple[int, bool], ...] = ()
    fault: str | None = None
    inputs: tuple[tuple[int, bool, datetime | None], ...] = ()
    numbers: tuple[int, ...] = ()


Read = Callable[[bytes], Heard]
Hear = Callable[[bytes], None]


class Source(Protocol):
    """Where bodies come from."""

    async def run(self, hear: Hear, up: Callable[[], None]) -> None:
        """Connect, call `up`, and hand every body to `hear` until that ends or fails.

        Raises:
            DeviceUnavailable: there is no connection, or not any more.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttSource:
    """Bodies that a reader publishes to our broker.

    Attributes:
        device: its name.
        url: of the broker.
        client_id: ours.
        topic: where it publishes; may hold wildcards.
        greeting: topic and body of what the reader is told first, if it has to be told to begin.
    """

    device: str
    url: str
    client_id: str
    topic: str
    greeting: tuple[str, bytes] | None = None

    async def run(self, hear: Hear, up: Callable[[], None]) -> None:
        """Listen until the broker is gone for too long.

        Raises:
            DeviceUnavailable: there is no broker.
        """
        async with PahoBus(self.url, client_id=self.client_id) as bus:
            bus.subscribe(self.topic, qos=1, handler=lambda message: hear(message.body))
            try:
                async with asyncio.timeout(_BROKER_S):
                    await bus.until_settled()
            except TimeoutError as error:
                raise DeviceUnavailable(self.device, "no connection to the broker") from error
            if self.greeting is not None:
                bus.publish(*self.greeting, qos=1)
            up()
            gone_s = 0.0
            while gone_s < _BROKER_S:
                await asyncio.sleep(_TICK_S)
                gone_s = 0.0 if bus.connected else gone_s + _TICK_S
        raise DeviceUnavailable(self.device, "the broker is gone")


class JsonReader:
    """One reader. The site file may set silent_s, and what `TagReads` takes."""

    def __init__(
        self,
        device: Mapping[str, Any],
        site: Mapping[str, Any],
        *,
        clock: Clock,
        source: Source,
        read: Read,
    ) -> None:
        self.name: str = device["name"]
        self.reads = TagReads(
            device,
            antennas_of(self.name, site),
            clock=clock,
            shelves=shelves_of(self.name, site),
            eyes=eyes_of(self.name, site),
        )
        self._silent_s = float(device.get("silent_s", 0.0))
        self._source = source
        self._read = read
        self._number: int | None = None
        self._gaps = 0
        self._heard_s = 0.0

    async def run(self, say: Say) -> None:
        """Listen until cancelled.

        Raises:
            DeviceUnavailable: the reader or its broker cannot be reached, or not any more.
        """
        loop = asyncio.get_running_loop()
        self.reads.begin(say)
        self._heard_s, self._number = loop.time(), None
        listening = asyncio.create_task(self._source.run(self.hear, self.reads.tell_status))
        try:
            while not listening.done():
                await asyncio.wait({listening}, timeout=_TICK_S)
                self.reads.tick()
                if 0 < self._silent_s < loop.time() - self._heard_s:
                    raise DeviceUnavailable(self.name, f"silent for {self._silent_s} s")
            listening.result()
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
        raise DeviceUnavailable(self.name, "the reader hung up")

    @property
    def raw(self) -> Callable[[bytes], None] | None:
        """Who takes every read as it came; set by the agent."""
        return self.reads.raw

    @raw.setter
    def raw(self, raw: Callable[[bytes], None] | None) -> None:
        self.reads.raw = raw

    async def tell(self, command: DeviceCommand) -> None:
        """Say again how the reader is and which tags it sees; it takes no other command."""
        if isinstance(command, TellAgain):
            self.reads.tell_again()
        else:
            log.warning("tags.refused", device=self.name, command=command.type)

    def health(self) -> Mapping[str, float | int | str]:
        """Reads, tags and connections so far, and events that the reader counted and we not."""
        return {**self.reads.health(), "events_lost_total": self._gaps}

    def hear(self, body: bytes) -> None:
        """Take in what the reader says."""
        self._heard_s = asyncio.get_running_loop().time()
        try:
            heard = self._read(_bounded(body))
        except Malformed as error:
            if self.reads.counts["malformed"] == 0:  # counted each time, said once
                log.warning("tags.malformed", device=self.name, detail=str(error)[:300])
            self.reads.counts["malformed"] += 1
            return
        for number, is_connected in heard.antennas:
            self.reads.antenna(number, is_connected=is_connected)
        for number, is_high, told in heard.inputs:
            self.reads.input_changed(number, is_high=is_high, told=told)
        if heard.fault is not None:
            self.reads.tell_status(heard.fault)
        for number in heard.numbers:
            if self._number is not None and number > self._number + 1:
                self._gaps += number - self._number - 1
            self._number = number
        now = self.reads.clock.now()
        self.reads.take(
            [
                RawRead(
                    at=self.reads.at(read.at, now),
                    antenna=read.antenna,
                    epc_hex=read.epc_hex,
                    rssi_dbm=read.rssi_dbm,
                    count=read.count,
                )
                for read in heard.reads
            ]
        )


def _bounded(body: bytes) -> bytes:
    if len(body) > BODY_BYTES_MAX:
        raise Malformed(f"{len(body)} bytes at once")
    return body


# --------------------------------------------------------------------- for those who read bodies
def antenna_of(number: int | None) -> int:
    """The number of an antenna.

    Raises:
        Malformed: there is none, or no reader has such a one.
    """
    if number is None or not 0 <= number <= 0xFF:  # noqa: PLR2004 - a byte
        raise Malformed(f"a tag read by antenna {number}")
    return number


def hex_of(text: object) -> str:
    """An EPC as upper-case hex of whole bytes.

    Raises:
        Malformed: it is none.
    """
    try:
        epc = bytes.fromhex(text if isinstance(text, str) and text.isalnum() else "?")
    except ValueError as error:
        raise Malformed(f"no EPC: {str(text)[:80]!r}") from error
    if not 0 < len(epc) <= 62:  # noqa: PLR2004 - as much as a tag's EPC memory holds
        raise Malformed(f"an EPC of {len(epc)} bytes")
    return epc.hex().upper()


def time_of(text: object) -> datetime | None:
    """A time with its offset; None for anything else."""
    try:
        at = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return at if at is not None and at.tzinfo is not None else None
