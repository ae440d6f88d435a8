"""The three kinds of what an edge says, over a real broker, to the WCS's own intake."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid1

import pytest

from edge.agent import Agent
from edge.clock import CountedClock
from edge.drivers import Say
from edge.messages import (
    CartonArrived,
    DeviceCommand,
    DeviceEvent,
    DeviceStatus,
    Divert,
    RobotReport,
    device_command,
    device_event,
    robot_report,
)
from edge.mqtt import Message, PahoBus, live_topic, raw_topic, stream_ack_topic, stream_data_topic
from edge.site import EdgeSite
from edge.spool import Spool
from edge.stamp import stamped
from edge.stream import encode_ack
from edge.uplink import SAMPLES_MAX, Uplink
from tests.edge.test_stamp import HandClock
from tests.edge.waiting import soon
from wcs.intake import Intake, answer

TRUE = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)


class Core:
    """The other end, with the right time."""

    def __init__(self, bus: PahoBus, site: str) -> None:
        self.events: list[Any] = []
        self.reports: list[RobotReport] = []
        self.samples: list[dict[str, Any]] = []
        self.hears = True
        self.bus, self._site = bus, site
        self._intake = Intake(lambda _stream: {})
        bus.subscribe(stream_data_topic(site, "edge", "wcs"), qos=0, handler=self._on_data)
        bus.subscribe(live_topic(site, "edge"), qos=0, handler=self._on_live)
        bus.subscribe(raw_topic(site, "g1"), qos=0, handler=self._on_raw)

    def _on_data(self, message: Message) -> None:
        if not self.hears:
            return
        assert self._intake.hear("edge", message.body, TRUE)
        taken = self._intake.take()
        self.events += taken.inbox
        for ack in taken.acks.values():
            topic = stream_ack_topic(self._site, "edge", "wcs")
            self.bus.publish(topic, encode_ack(answer(ack, TRUE)), qos=0)

    def _on_live(self, message: Message) -> None:
        self.reports.append(robot_report.validate_json(message.body))

    def _on_raw(self, message: Message) -> None:
        self.samples.append(json.loads(message.body))


@asynccontextmanager
async def a_core(url: str, site: str) -> AsyncIterator[Core]:
    async with PahoBus(url, client_id=f"wcs-{site}") as bus:
        core = Core(bus, site)
        await bus.until_settled()
        yield core


@asynccontextmanager
async def an_uplink(
    url: str, site: str, spool: Spool, *, behind: timedelta = timedelta(), boot: str = "b"
) -> AsyncIterator[Uplink]:
    clock = CountedClock(HandClock(wall=TRUE - behind), boot=boot)
    async with PahoBus(url, client_id=f"edge-{site}") as bus:
        uplink = Uplink(bus, spool, site=site, clock=clock)
        task = asyncio.create_task(uplink.run())
        try:
            yield uplink
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


def carton(at: datetime, tracking: int) -> CartonArrived:
    return CartonArrived(at=at, device="cv1", point="P", tracking=tracking)


def report(at: datetime, battery: float) -> RobotReport:
    return RobotReport(
        at=at, robot="R-01", connected=True, operating_mode="AUTOMATIC", mission="", update=0,
        passed_node="P1", passed_sequence=0, released_ahead=(), driving=False, paused=False,
        actions=(), load=None, battery=battery, charging=False, x_m=0, y_m=0, heading_rad=0,
    )  # fmt: skip


def of_edge(events: list[DeviceEvent]) -> list[tuple[str, str]]:
    return [(e.status, e.detail) for e in events if isinstance(e, DeviceStatus)]


async def test_a_clock_two_hours_behind_is_found_out_and_all_times_are_right(
    nats_url: str, tmp_path: Path
):
    site, two_hours = f"U-{uuid1()}", timedelta(hours=2)
    with Spool(tmp_path / "s.db") as spool:
        early = device_event.dump_json(carton(TRUE - timedelta(days=1), 1))
        spool.append([stamped(early, boot="a", up_s=5.0, shift_s=60.0)])  # by an earlier run
        async with an_uplink(nats_url, site, spool, behind=two_hours) as uplink:
            uplink.say(carton(TRUE - two_hours, 2))  # before it ever met the WCS
            await uplink.flush()
            async with a_core(nats_url, site) as core:
                await uplink.until_delivered()
                uplink.say(report(TRUE - two_hours, 0.5))
                await soon(lambda: core.reports)
                await soon(lambda: any(status == "FAULT" for status, _ in of_edge(core.events)))
    cartons = [(e.tracking, e.at) for e in core.events if isinstance(e, CartonArrived)]
    assert cartons == [(1, TRUE - timedelta(days=1, seconds=-60)), (2, TRUE)]
    assert core.reports[0].at == TRUE
    assert of_edge(core.events)[-1] == ("FAULT", "the clock of this machine is 7200 s behind")


async def test_the_room_for_events_is_watched(
    nats_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("edge.uplink.WATCH_EVERY_S", 0.01)
    site = f"U-{uuid1()}"
    with Spool(tmp_path / "s.db", rows_max=10) as spool:
        async with a_core(nats_url, site) as core, an_uplink(nats_url, site, spool) as uplink:
            await soon(lambda: of_edge(core.events) == [("UP", "")])
            await uplink.until_delivered()
            core.hears = False
            for n in range(8):
                uplink.say(carton(TRUE, n))
            await soon(lambda: len(spool) == 9)  # with what the edge says of it
            assert uplink.health()["waiting"] == 9
            core.hears = True
            await soon(lambda: len(of_edge(core.events)) == 3)
    full = "the spool is more than 80% full: the WCS does not answer"
    assert of_edge(core.events) == [("UP", ""), ("FAULT", full), ("UP", "")]


async def test_samples_are_the_newest_and_those_dropped_are_counted(
    nats_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("edge.uplink.WATCH_EVERY_S", 0.01)
    site, more = f"U-{uuid1()}", 500
    with Spool(tmp_path / "s.db") as spool:
        async with a_core(nats_url, site) as core, an_uplink(nats_url, site, spool) as uplink:
            for n in range(SAMPLES_MAX + more):  # at once: nothing can be sent meanwhile
                uplink.sample("g1", b'{"n": %d}' % n)
            assert uplink.health()["samples_dropped"] == more
            heard = await soon(lambda: [s for m in core.samples for s in m["samples"]][more:])
            await soon(lambda: sum(len(m["samples"]) for m in core.samples) == SAMPLES_MAX)
    assert heard
    assert [s["n"] for m in core.samples for s in m["samples"]] == list(
        range(more, SAMPLES_MAX + more)
    )
    assert {m["dropped"] for m in core.samples} == {more}


async def test_the_latest_is_said_again_on_request(nats_url: str, tmp_path: Path):
    site = f"U-{uuid1()}"
    with Spool(tmp_path / "s.db") as spool:
        async with a_core(nats_url, site) as core, an_uplink(nats_url, site, spool) as uplink:
            await soon(lambda: of_edge(core.events))  # so it is connected
            uplink.say(report(TRUE, 0.5))
            uplink.say(report(TRUE, 0.4))
            uplink.say_latest()
            await soon(lambda: [r.battery for r in core.reports] == [0.5, 0.4, 0.4])


@dataclass
class Told:
    """A driver that only listens."""

    name: str = "s1"
    told: list[DeviceCommand] = field(default_factory=list)

    async def run(self, say: Say) -> None:
        say(DeviceStatus(at=TRUE, device=self.name, status="UP"))
        await asyncio.Event().wait()

    async def tell(self, command: DeviceCommand) -> None:
        self.told.append(command)


async def test_a_command_is_in_time_by_the_clock_of_the_wcs(nats_url: str, tmp_path: Path):
    site, ahead, driver = f"U-{uuid1()}", timedelta(hours=2), Told()
    clock = CountedClock(HandClock(wall=TRUE + ahead), boot="b")
    async with PahoBus(nats_url, client_id=f"edge-{site}") as bus, a_core(nats_url, site) as core:
        with Spool(tmp_path / "s.db") as spool:
            uplink = Uplink(bus, spool, site=site, clock=clock)
            row = EdgeSite(code=site, devices={}, robot_device={}, tables={})
            task = asyncio.create_task(Agent(row, {"s1": driver}, uplink).run())
            await soon(lambda: clock.quality == "OFF")
            late, good = (
                Divert(device="s1", tracking=1, lane="L1", expires_at=TRUE + timedelta(seconds=s))
                for s in (-30, 30)
            )
            for command in (late, good):
                body = device_command.dump_json(command)
                core.bus.publish(live_topic(site, "wcs"), body, qos=0)
            await soon(lambda: driver.told)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
    (told,) = driver.told
    assert isinstance(told, Divert)
    left_s = (told.expires_at - clock.now()).total_seconds()
    assert 28 <= left_s <= 32, "what is left of it is the same for the driver"
