"""The agent between fake drivers and a real broker: what is said arrives, whoever falls."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid1

import pytest
from structlog.testing import capture_logs

from edge.agent import Agent
from edge.broker import broker_child, url_of
from edge.clock import SystemClock, counted
from edge.commands_seen import Executed
from edge.drivers import DeviceUnavailable, Say
from edge.messages import (
    CartonArrived,
    DeviceCommand,
    DeviceStatus,
    RobotReport,
    TellAgain,
    device_command,
    robot_report,
)
from edge.mqtt import Message, PahoBus, live_topic, stream_ack_topic, stream_data_topic
from edge.ports import free_port
from edge.process import Child, Keeper
from edge.site import EdgeSite
from edge.spool import Spool, SpoolFull
from edge.stream import Receiver, SenderPump, decode_batch, encode_ack
from edge.upkeep import Watch
from edge.uplink import Uplink
from tests.edge.waiting import soon

REPOSITORY = Path(__file__).parents[2]
NOW = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)


@dataclass
class FakeDriver:
    """A `Driver` in the hands of the test."""

    name: str
    unavailable: bool = False
    runs: int = 0
    told: list[DeviceCommand] = field(default_factory=list)
    say: Say | None = None
    failure: "asyncio.Future[None] | None" = None
    spooled: Callable[[], Awaitable[None]] | None = None

    async def run(self, say: Say) -> None:
        self.runs += 1
        if self.unavailable:
            raise DeviceUnavailable(self.name, "no answer")
        self.say = say
        say(DeviceStatus(at=NOW, device=self.name, status="UP"))
        self.failure = asyncio.get_running_loop().create_future()
        try:
            await self.failure
        finally:
            self.say = None

    async def tell(self, command: DeviceCommand) -> None:
        if self.unavailable:
            raise DeviceUnavailable(self.name, "no answer")
        if command.type == "robot.cancel":
            raise RuntimeError(command.mission)
        self.told.append(command)

    def fail(self, error: Exception) -> None:
        assert self.failure is not None
        self.failure.set_exception(error)


class Wcs:
    """The other end: takes the stream and the live reports, sends commands."""

    def __init__(self, bus: PahoBus, site: str) -> None:
        self.bus = bus
        self.receiver = Receiver()
        self.events: list[Mapping[str, Any]] = []
        self.reports: list[RobotReport] = []
        self.deaf = False
        self._site = site
        self._ack_topic = stream_ack_topic(site, "edge", "wcs")
        bus.subscribe(stream_data_topic(site, "edge", "wcs"), qos=0, handler=self._on_data)
        bus.subscribe(live_topic(site, "edge"), qos=0, handler=self._on_live)

    def command(self, command: DeviceCommand) -> None:
        body = device_command.dump_json(command)
        self.bus.publish(live_topic(self._site, "wcs"), body, qos=0)

    def said(self, device: str) -> list[str]:
        """What was said of a device: the type, or for a status the status."""
        events = [event for event in self.events if event["device"] == device]
        return [event.get("status") or event["type"] for event in events]

    def _on_data(self, message: Message) -> None:
        if not self.deaf:
            received = self.receiver.receive(decode_batch(message.body))
            self.events += received.new
            self.bus.publish(self._ack_topic, encode_ack(received.ack), qos=0)

    def _on_live(self, message: Message) -> None:
        self.reports.append(robot_report.validate_json(message.body))


@dataclass
class House:
    """Everything of one test."""

    agent: Agent
    wcs: Wcs
    spool: Spool
    drivers: Mapping[str, FakeDriver]


@asynccontextmanager
async def running(
    url: str, folder: Path, *drivers: FakeDriver, watch: Watch | None = None
) -> AsyncIterator[House]:
    code = f"S-{uuid1()}"
    site = EdgeSite(code=code, devices={}, robot_device={"R-01": "fleet"}, tables={})
    by_name = {driver.name: driver for driver in drivers}
    async with (
        PahoBus(url, client_id=f"edge-{code}") as edge_bus,
        PahoBus(url, client_id=f"wcs-{code}") as wcs_bus,
    ):
        wcs = Wcs(wcs_bus, code)
        await wcs_bus.until_settled()
        with Spool(folder / "spool.db") as spool, Executed(folder / "executed.db") as executed:
            uplink = Uplink(edge_bus, spool, site=code, clock=counted(SystemClock()))
            agent = Agent(site, by_name, uplink, executed=executed, watch=watch)
            task = asyncio.create_task(agent.run())
            await soon(lambda: all(driver.runs for driver in drivers))
            await edge_bus.until_settled()
            try:
                yield House(agent, wcs, spool, by_name)
            finally:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task


def carton(tracking: int, device: str = "cv1") -> CartonArrived:
    return CartonArrived(at=NOW, device=device, point="INDUCT", tracking=tracking)


def report(battery: float) -> RobotReport:
    return RobotReport(
        at=NOW, robot="R-01", connected=True, operating_mode="AUTOMATIC", mission="", update=0,
        passed_node="P1", passed_sequence=0, released_ahead=(), driving=False, paused=False,
        actions=(), load=None, battery=battery, charging=False, x_m=0, y_m=0, heading_rad=0,
    )  # fmt: skip


def speak(driver: FakeDriver, *messages: CartonArrived | RobotReport) -> None:
    assert driver.say is not None
    for message in messages:
        driver.say(message)


def listed_dead(logs: list[Any]) -> list[list[str]]:
    return [sorted(entry["devices"]) for entry in logs if entry["event"] == "devices.down"]


def is_another(child: Child, pid: int) -> bool:
    return child.pid != pid


def has_grown(numbers: list[int], length: int) -> bool:
    return len(numbers) >= length


def start(argv: list[str]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(argv, cwd=REPOSITORY)


async def test_events_arrive_in_order_and_leave_the_spool(broker_url: str, tmp_path: Path):
    async with running(broker_url, tmp_path, FakeDriver("cv1")) as house:
        speak(house.drivers["cv1"], *(carton(n) for n in range(500)))
        await house.agent.until_delivered()
        assert [e["tracking"] for e in house.wcs.events if "tracking" in e] == list(range(500))
        assert len(house.spool) == 0


async def test_reports_are_live_and_said_again_on_request(broker_url: str, tmp_path: Path):
    async with running(broker_url, tmp_path, FakeDriver("fleet")) as house:
        speak(house.drivers["fleet"], report(0.5), report(0.4))
        await soon(lambda: house.wcs.reports == [report(0.5), report(0.4)])
        house.wcs.command(TellAgain())
        await soon(lambda: house.wcs.reports == [report(0.5), report(0.4), report(0.4)])
        assert house.drivers["fleet"].told == [TellAgain()], "drivers are asked too"


async def test_one_that_falls_does_not_stop_the_others_and_comes_back(
    nats_url: str, tmp_path: Path
):
    cv1, cv2 = FakeDriver("cv1"), FakeDriver("cv2")
    async with running(nats_url, tmp_path, cv1, cv2) as house:
        with capture_logs() as logs:
            cv1.unavailable = cv2.unavailable = True
            cv1.fail(DeviceUnavailable("cv1", "pulled the plug"))
            cv2.fail(ZeroDivisionError("a bug"))
            await soon(lambda: ["cv1", "cv2"] in listed_dead(logs))
            cv2.unavailable = False
            await soon(lambda: cv2.say is not None)
            speak(cv2, carton(7, "cv2"))
            cv1.unavailable = False
            await soon(lambda: cv1.say is not None)
            await house.agent.until_delivered()
            await soon(lambda: logs[-1]["event"] == "devices.all_up")
    assert [s for s in house.wcs.said("cv2") if s != "DOWN"] == ["UP", "UP", "carton.arrived"]
    assert house.wcs.said("cv1")[:2] == ["UP", "DOWN"]
    assert house.wcs.said("cv1")[-1] == "UP"
    details = [event["detail"] for event in house.wcs.events if event.get("status") == "DOWN"]
    assert "pulled the plug" in details
    assert "ZeroDivisionError: a bug" in details


async def test_a_driver_can_wait_until_what_it_said_is_on_disk(nats_url: str, tmp_path: Path):
    driver = FakeDriver("cv1")
    async with running(nats_url, tmp_path, driver) as house:
        house.wcs.deaf = True
        speak(driver, carton(1))
        assert driver.spooled is not None
        await driver.spooled()
        assert b'"tracking":1' in house.spool.read(range(house.spool.last, house.spool.last + 1))[0]


async def test_a_full_spool_stops_the_driver_and_loses_nothing(nats_url: str, tmp_path: Path):
    driver = FakeDriver("cv1")
    async with running(nats_url, tmp_path, driver) as house:
        await house.agent.until_delivered()
        house.wcs.deaf = True
        house.spool.rows_max = 3
        speak(driver, carton(1), carton(2), carton(3))
        with pytest.raises(SpoolFull):
            speak(driver, carton(4))
        house.wcs.deaf = False
        await house.agent.until_delivered()
        speak(driver, carton(4))
        await house.agent.until_delivered()
        tracking = [e["tracking"] for e in house.wcs.events if "tracking" in e]
        assert tracking == [1, 2, 3, 4]


async def test_kill_9_of_the_broker_in_the_middle(tmp_path: Path):
    port = free_port()
    child = broker_child(tmp_path / "b", port=port, kind="nats")
    async with Keeper(child, pause_s=lambda _failures: 0.01):
        driver = FakeDriver("cv1")
        async with running(url_of(port), tmp_path, driver) as house:
            for start in range(0, 600, 200):
                speak(driver, *(carton(n) for n in range(start, start + 200)))
                before = child.pid
                assert before is not None
                os.kill(before, signal.SIGKILL)
                await soon(partial(is_another, child, before))
            async with asyncio.timeout(30):
                await house.agent.until_delivered()
    assert [e["tracking"] for e in house.wcs.events if "tracking" in e] == list(range(600))


WRITER = """
import asyncio, itertools, sys
from pathlib import Path
from edge.mqtt import PahoBus
from edge.spool import GroupCommit, Spool
from edge.stream import SenderPump

async def main(url, folder, data, ack):
    async with PahoBus(url, client_id="writer") as bus:
        with Spool(Path(folder) / "s.db") as spool:
            pump = SenderPump(bus, spool, data_topic=data, ack_topic=ack)
            group = GroupCommit(spool, on_commit=pump.wake)
            tasks = [asyncio.create_task(pump.run()), asyncio.create_task(group.run())]
            for n in itertools.count(spool.last + 1):
                group.put(b'{"n": %d}' % n)
                await group.flush()  # the next number is known only now

asyncio.run(main(*sys.argv[1:]))
"""


async def test_kill_9_of_the_sender_again_and_again(broker_url: str, tmp_path: Path):
    data, ack = stream_data_topic("S", f"e-{uuid1()}", "w"), stream_ack_topic("S", "e", "w")
    numbers: list[int] = []
    async with PahoBus(broker_url, client_id="reader") as bus:
        receiver = Receiver()

        def on_data(message: Message) -> None:
            received = receiver.receive(decode_batch(message.body))
            numbers.extend(message["n"] for message in received.new)
            bus.publish(ack, encode_ack(received.ack), qos=0)

        bus.subscribe(data, qos=0, handler=on_data)
        await bus.until_settled()
        argv = [sys.executable, "-c", WRITER, broker_url, str(tmp_path), data, ack]
        for _ in range(3):
            before = len(numbers)
            with start(argv) as writer:
                await soon(partial(has_grown, numbers, before + 50))
                writer.kill()
        with Spool(tmp_path / "s.db") as spool:
            async with PahoBus(broker_url, client_id="writer") as last:
                pump = SenderPump(last, spool, data_topic=data, ack_topic=ack)
                sending = asyncio.create_task(pump.run())
                await pump.until_idle()
                sending.cancel()
            assert numbers == list(range(1, spool.last + 1))


async def test_a_receiver_that_knows_more_than_was_written_gets_a_new_epoch(
    nats_url: str, tmp_path: Path
):
    driver = FakeDriver("cv1")
    async with running(nats_url, tmp_path, driver) as house:
        await house.agent.until_delivered()
        house.wcs.receiver.positions = {house.spool.epoch: 1_000}  # the spool is an old copy
        before = len(house.wcs.events)
        with capture_logs() as logs:
            speak(driver, carton(1), carton(2))
            await soon(lambda: len(house.wcs.events) == before + 2)
        assert "stream.started_over" in [entry["event"] for entry in logs]


async def test_the_process_stops_when_asked_and_says_so(nats_url: str, tmp_path: Path):
    (tmp_path / "site.toml").write_text('[site]\ncode = "S"\n')
    argv = (sys.executable, "-c", "from edge.commands import edge; edge()", "run")
    environment = {"SOKO_MQTT_URL": nats_url, "SOKO_STATE_DIR": str(tmp_path)}
    child = Child(
        (*argv, "--site", str(tmp_path / "site.toml")),
        name="edge",
        folder=tmp_path,
        env=environment | {"PYTHONPATH": str(REPOSITORY)},
        ready=lambda: "bus.connected" in child.output(),
    )
    await asyncio.to_thread(child.start)
    assert await asyncio.to_thread(child.stop) == 0
    lines = [json.loads(line) for line in child.output().splitlines()]
    assert [line["event"] for line in lines][0 :: len(lines) - 1] == [
        "edge.started",
        "edge.stopped",
    ]
