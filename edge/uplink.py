"""What a site's edge says to its WCS: three kinds, each kept as it deserves.

    event    a passage, a divert, an end     on disk, in order, until it is acknowledged; no room
                                             is an error that stops who speaks, never a loss
    latest   where a robot is                the newest of each speaker; said again on a connect
    sample   a raw read, for looking at      the newest `SAMPLES_MAX` of each; older ones are
                                             dropped and counted

What is said of a robot is numbered within the run of the edge, in the order in which it was heard.

Every event carries its stamp (edge.stamp). When the room for events runs low, or this machine's
clock is found to be off, the device `edge` says so: people see an alarm before anything stops.

Laws:
    events     what `say` returned for and `flush` waited for survives kill -9 and a power cut
    bounded    memory and disk, whatever the devices say and for however long nobody listens
"""

import asyncio
import json
from collections import Counter, deque
from collections.abc import Awaitable, Mapping
from contextlib import suppress
from dataclasses import replace

import structlog

from edge.clock import CountedClock
from edge.messages import (
    CartonScanned,
    CartonSorted,
    DeviceEvent,
    DeviceStatus,
    RobotReport,
    device_event,
    robot_report,
)
from edge.mqtt import Bus, live_topic, raw_topic, stream_ack_topic, stream_data_topic
from edge.spool import GroupCommit, Mark, Spool, SpoolFull
from edge.stamp import put_right, stamped
from edge.stream import SenderPump

log = structlog.get_logger(__name__)

SELF = "edge"  # the device that speaks of the edge itself
WATCH_EVERY_S = 1.0  # real
LOW_SHARE = 0.8  # of the spool's rows: from then on it is told
SAMPLES_MAX = 2_000  # of one device, until they are sent
SAMPLES_A_MESSAGE = 500


class Uplink:
    """The way up of one site. `run` it as a task."""

    def __init__(
        self, bus: Bus, spool: Spool, *, site: str, clock: CountedClock, run: int = 0
    ) -> None:
        self.bus, self._spool, self.clock, self.run_number = bus, spool, clock, run
        self._numbers: Counter[str] = Counter()
        self._site = site
        self._live = live_topic(site, "edge")
        self._latest: dict[str, bytes] = {}
        self._samples: dict[str, deque[bytes]] = {}
        self.dropped: Counter[str] = Counter()  # samples, by device
        self._told: str | None = None  # nothing: an earlier run may have told of trouble
        self._pump = SenderPump(
            bus,
            spool,
            data_topic=stream_data_topic(site, "edge", "wcs"),
            ack_topic=stream_ack_topic(site, "edge", "wcs"),
            timing=clock,
        )
        self._spooling = GroupCommit(spool, on_commit=self._pump.wake)

    # ---------------------------------------------------------------------------- speaking
    def say(self, message: DeviceEvent | RobotReport, mark: Mark | None = None) -> None:
        """Say something, of the kind that it is. Never blocks.

        A device that numbers what it says, and says again what we did not acknowledge, is heard
        once, over our restarts too: `mark` is its name, the name of its own run, and its number
        (from 1, growing); cartons carry it themselves. Await `flush` before acknowledging to it.

        Raises:
            SpoolFull: an event, and there is no room for it. It has not been taken.
        """
        if isinstance(message, RobotReport):
            if self.run_number:
                self._numbers[message.robot] += 1
                number = self._numbers[message.robot]
                message = replace(message, run=self.run_number, number=number)
            self._latest[message.robot] = robot_report.dump_json(message)
            self._publish_latest(message.robot)
            return
        clock = self.clock
        known = clock.shift_s if clock.quality != "UNKNOWN" else None
        body = device_event.dump_json(message)
        stamp = stamped(body, boot=clock.boot, up_s=clock.up_s(), shift_s=known)
        self._spooling.put(stamp, mark or _mark_of(message))

    def sample(self, device: str, body: bytes) -> None:
        """Say something raw of a device, a JSON object: kept for a while, then dropped."""
        ring = self._samples.setdefault(device, deque(maxlen=SAMPLES_MAX))
        self.dropped[device] += len(ring) == SAMPLES_MAX
        ring.append(body)

    def say_latest(self) -> None:
        """Say the latest of everybody once more."""
        for name in self._latest:
            self._publish_latest(name)

    async def flush(self) -> None:
        """Wait until every event said before is on disk."""
        await self._spooling.flush()

    async def until_delivered(self) -> None:
        """Wait until the WCS has acknowledged every event said so far."""
        await self._spooling.flush()
        await self._pump.until_idle()

    def health(self) -> Mapping[str, float | int | str]:
        """Counters and figures, for people and meters."""
        return {
            "waiting": len(self._spool),
            "rows_max": self._spool.rows_max,
            "last": self._spool.last,
            "sent": self._pump.sent,
            "resent": self._pump.resent,
            "malformed_acks": self._pump.malformed,
            "samples_dropped": self.dropped.total(),
            "clock": self.clock.quality,
            "clock_shift_s": self.clock.shift_s,
            "up_s": self.clock.up_s(),
            "boot": self.clock.boot,
        }

    # ---------------------------------------------------------------------------- running
    async def run(self) -> None:
        """Store and send until cancelled; what was said by then is on disk afterwards."""
        self.bus.on_connect(self.say_latest)
        spooling = asyncio.create_task(self._spooling.run())
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_as_long_as(spooling))
                tasks.create_task(self._pump.run())
                tasks.create_task(self._watch())
        finally:
            spooling.cancel()
            with suppress(asyncio.CancelledError):
                await spooling

    async def _watch(self) -> None:
        while True:
            self._send_samples()
            self._tell_of_us()
            await asyncio.sleep(WATCH_EVERY_S)

    def _send_samples(self) -> None:
        if not self.bus.connected:
            return
        for device, ring in self._samples.items():
            some = [ring.popleft() for _ in range(min(len(ring), SAMPLES_A_MESSAGE))]
            if some:
                head = json.dumps({"device": device, "dropped": self.dropped[device]})[:-1]
                body = b"".join((head.encode(), b', "samples": [', b",".join(some), b"]}"))
                self.bus.publish(raw_topic(self._site, device), body, qos=0)

    def _tell_of_us(self) -> None:
        detail = "; ".join(self._troubles())
        if detail == self._told:
            return
        with suppress(SpoolFull):  # then everybody who speaks says so
            at, status = self.clock.now(), "FAULT" if detail else "UP"
            self.say(DeviceStatus(at=at, device=SELF, status=status, detail=detail))  # type: ignore[arg-type]
            log.warning("edge.changed", detail=detail or "all is well")
            self._told = detail

    def _troubles(self) -> list[str]:
        found = []
        if len(self._spool) >= LOW_SHARE * self._spool.rows_max:
            found.append(f"the spool is more than {LOW_SHARE:.0%} full: the WCS does not answer")
        if self.clock.quality == "OFF":
            way = "behind" if self.clock.shift_s > 0 else "ahead"
            found.append(f"the clock of this machine is {abs(self.clock.shift_s):.0f} s {way}")
        return found

    def _publish_latest(self, name: str) -> None:
        body = self._latest[name]
        if shift_s := self.clock.shift_s:
            body = json.dumps(put_right(json.loads(body), shift_s)).encode()
        self.bus.publish(self._live, body, qos=0)


def _mark_of(message: DeviceEvent) -> Mark | None:
    """What the device itself numbers its message with."""
    if isinstance(message, CartonScanned | CartonSorted) and message.sequence:
        return message.device, message.stream, message.sequence
    return None


async def _as_long_as(task: "asyncio.Task[None]") -> None:
    """Fail when that task fails."""
    waiting: Awaitable[object] = asyncio.wait([task])
    await waiting
    task.result()
