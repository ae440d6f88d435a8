"""The process on a real broker: it works, is killed with -9 in the middle, and goes on.

Beside it stand an edge with one quick robot, and a WMS that sends and receives streams.
"""

import asyncio
import json
import os
import signal
import sqlite3
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from uuid import uuid1

import pytest

from edge.clock import SystemClock
from edge.dead import DeadLetter, ask_again, letters, read_letters
from edge.messages import (
    CartonArrived,
    CartonScanned,
    Divert,
    Drive,
    ReleaseCarton,
    TellAgain,
    device_command,
    device_event,
    robot_report,
)
from edge.mqtt import (
    Message,
    PahoBus,
    frame_topic,
    live_topic,
    stream_ack_topic,
    stream_data_topic,
)
from edge.spool import Spool
from edge.stream import Receiver, SenderPump, decode_batch, encode_ack
from tests.edge.mutants import mutants
from tests.edge.test_fuzz import batches
from tests.night import by_night
from tests.wcs.fleet import RobotDouble
from wcs.journal import Journal
from wcs.messages import (
    ParcelExpected,
    RobotOnMap,
    SiteFrame,
    ToWcs,
    TransportOrder,
    TransportReport,
    from_wcs,
    site_frame,
    to_wcs,
)
from wcs.plant import read_plant
from wcs.replay import replay
from wcs.runtime import Runtime

POINTS = {"a": (0, 0), "b": (4, 0), "c": (8, 0), "d": (8, 4), "e": (4, 4), "f": (0, 4)}
SORTER = """
[[conveyors]]
device = "cv1"
point = "INDUCT"
to = "sorter1"
[[sorters]]
device = "sorter1"
lanes = ["L1"]
hospital = "HOSP"
[[devices]]
name = "cv1"
driver = "modbus"
[[devices]]
name = "sorter1"
driver = "opcua"
"""


def site_text(code: str) -> str:
    text = f'[site]\ncode = "{code}"\n'
    for name, (x, y) in POINTS.items():
        text += f'[[points]]\nname = "{name}"\nx_m = {x}.0\ny_m = {y}.0\n'
    names = list(POINTS)
    for start, end in zip(names, names[1:] + names[:1], strict=True):
        text += f'[[paths]]\nfrom = "{start}"\nto = "{end}"\n'
    text += '[[robots]]\nname = "R1"\nmanufacturer = "m"\nserial = "R1"\nstart = "a"\n'
    return text + SORTER


class Site:
    """Edge and WMS of a site, as the WCS meets them on the bus."""

    def __init__(self, bus: PahoBus, code: str, folder: Path) -> None:
        self.bus, self.code = bus, code
        self.plant = read_plant(site_text(code))
        self.robot = RobotDouble(name="R1", node="a")
        self.reports: list[TransportReport] = []
        self.commands: list[object] = []
        self.frames: list[SiteFrame] = []
        self.tasks: set[asyncio.Task[None]] = set()
        self.changed = asyncio.Event()
        self.step_s = 0.0
        self._receiver = Receiver()
        self._spools = {name: Spool(folder / f"{name}.spool") for name in ("wms", "edge")}
        self._pumps = {
            name: SenderPump(
                bus,
                spool,
                data_topic=stream_data_topic(code, name, "wcs"),
                ack_topic=stream_ack_topic(code, name, "wcs"),
            )
            for name, spool in self._spools.items()
        }
        bus.subscribe(live_topic(code, "wcs"), qos=0, handler=self._on_command)
        bus.subscribe(stream_data_topic(code, "wcs", "wms"), qos=0, handler=self._on_report)
        bus.subscribe(frame_topic(code), qos=0, handler=self._on_frame)
        for pump in self._pumps.values():
            self._start(pump.run())

    def _start(self, work: Coroutine[None, None, None]) -> None:
        self.tasks.add(asyncio.create_task(work))

    def on_map(self) -> tuple[RobotOnMap, ...]:
        return self.frames[-1].robots if self.frames else ()

    def close(self) -> None:
        for task in self.tasks:
            task.cancel()
        for spool in self._spools.values():
            spool.close()

    def order(self, message: ToWcs) -> None:
        self._spools["wms"].append([to_wcs.dump_json(message)])
        self._pumps["wms"].wake()

    def event(self, message: CartonArrived | CartonScanned) -> None:
        self._spools["edge"].append([device_event.dump_json(message)])
        self._pumps["edge"].wake()

    async def until_taken_over(self) -> None:
        for pump in self._pumps.values():
            await pump.until_idle()

    async def until(self, found: Callable[[], object]) -> None:
        async with asyncio.timeout(30):
            while not found():
                self.changed.clear()
                await self.changed.wait()

    def _on_frame(self, message: Message) -> None:
        self.frames.append(site_frame.validate_json(message.body))
        self.changed.set()

    def _on_report(self, message: Message) -> None:
        received = self._receiver.receive(decode_batch(message.body))
        for body in received.new:
            report = from_wcs.validate_python(body)
            if isinstance(report, TransportReport):
                self.reports.append(report)
        topic = stream_ack_topic(self.code, "wcs", "wms")
        self.bus.publish(topic, encode_ack(received.ack), qos=0)
        self.changed.set()

    def _on_command(self, message: Message) -> None:
        command = device_command.validate_json(message.body)
        self.commands.append(command)
        if isinstance(command, Drive):
            if self.robot.hear(command):
                self._start(self._drive())
        elif command.type == "tell.again":
            self._say()
        self.changed.set()

    def _say(self) -> None:
        report = self.robot.report(datetime.now(UTC), self.plant)  # noqa: TID251
        self.bus.publish(live_topic(self.code, "edge"), robot_report.dump_json(report), qos=0)

    async def _drive(self) -> None:
        """Go to the end of what is released, quickly, saying each step."""
        robot = self.robot
        self._say()
        while robot.ahead or robot.todo:
            await asyncio.sleep(self.step_s)
            if robot.todo:
                action = robot.todo.pop(0)
                robot.done[action.action_id] = "FINISHED"
                robot.load = action.load if action.kind == "PICK" else None
            else:
                node = robot.ahead.pop(0)
                robot.node, robot.sequence, robot.todo = node.node, node.sequence, [*node.actions]
            self._say()


@pytest.fixture
async def site(nats_url: str, tmp_path: Path) -> AsyncIterator[Site]:
    code = f"T{uuid1().hex[:10]}"
    async with PahoBus(nats_url, client_id=f"site-{code}") as bus:
        found = Site(bus, code, tmp_path)
        await bus.until_settled()
        yield found
        found.close()


@asynccontextmanager
async def running(site: Site, nats_url: str, path: Path) -> AsyncIterator[Runtime]:
    with Journal(path, site_text(site.code)) as journal:
        async with PahoBus(nats_url, client_id=f"wcs-{site.code}") as bus:
            runtime = Runtime(journal, bus, SystemClock())
            task = asyncio.create_task(runtime.run())
            try:
                yield runtime
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)


def states(site: Site, order: str) -> list[str]:
    return [report.state for report in site.reports if report.id == order]


def has_said(site: Site, order: str, state: str) -> bool:
    return state in states(site, order)


WHOLE = ["ACCEPTED", "ASSIGNED", "LOADED", "FINISHED"]


async def test_an_order_is_carried_out_and_shown(site: Site, nats_url: str, tmp_path: Path):
    async with running(site, nats_url, tmp_path / "j"):
        site.order(TransportOrder(id="t1", load="tote", source="c", destination="f"))
        await site.until(lambda: states(site, "t1") == WHOLE)
        assert site.robot.node == "f"
        assert site.reports[-1].metres == 20.0
        await site.until(
            lambda: any(robot.state == "IDLE" and robot.x_m == 0.0 for robot in site.on_map())
        )
        await site.until_taken_over()
    assert replay(tmp_path / "j").difference is None


async def test_cartons_are_let_in_and_sorted(site: Site, nats_url: str, tmp_path: Path):
    async with running(site, nats_url, tmp_path / "j"):
        now = SystemClock().now()
        site.order(ParcelExpected(code="1" * 18, epc_hex="31", lane="L1"))
        await site.until_taken_over()
        site.event(CartonArrived(at=now, device="cv1", point="INDUCT", tracking=1))
        site.event(
            CartonScanned(at=now, device="sorter1", tracking=5, status="GOOD", barcode="1" * 18)
        )
        # The two go to two devices: which of them is heard first is not promised.
        await site.until(
            lambda: {Divert, ReleaseCarton} <= {type(command) for command in site.commands}
        )
        assert [c.lane for c in site.commands if isinstance(c, Divert)] == ["L1"]
        assert [c.tracking for c in site.commands if isinstance(c, ReleaseCarton)] == [1]


@pytest.mark.parametrize("count", [60, by_night(3_000)])
async def test_nonsense_on_the_bus_stops_nothing(
    site: Site, nats_url: str, tmp_path: Path, count: int
):
    stranger = RobotDouble(name="R9", node="a").report(SystemClock().now(), site.plant)
    async with running(site, nats_url, tmp_path / "j"):
        for topic, right in (
            (live_topic(site.code, "edge"), [robot_report.dump_json(stranger)]),
            (stream_data_topic(site.code, "edge", "wcs"), batches()),
            (stream_data_topic(site.code, "wms", "wcs"), batches()),
            (stream_ack_topic(site.code, "wcs", "wms"), batches()),
        ):
            for body in (b"", b"{}", b"\xff", *mutants(right, count, seed=count)):
                site.bus.publish(topic, body, qos=0)
        site.order(TransportOrder(id="t1", load="tote", source="c", destination="f"))
        await site.until(lambda: states(site, "t1") == WHOLE)
    assert replay(tmp_path / "j").difference is None


async def test_what_is_not_understood_is_set_aside_and_holds_up_nothing(
    site: Site, nats_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("wcs.runtime.LETTERS_EVERY_S", 0.1)
    odd = {"type": "transport.order", "id": "t1", "load": "tote", "source": "c", "priority": "?"}
    async with running(site, nats_url, tmp_path / "j") as runtime:
        site._spools["wms"].append([json.dumps(odd).encode(), b"{torn"])
        site.order(TransportOrder(id="t2", load="tote", source="c", destination="f"))
        await site.until(lambda: states(site, "t2") == WHOLE)
        await site.until(lambda: "device/dead.letters" in runtime.state.alarms)
        first, second = read_letters(tmp_path / "j")
        assert (first.stream, first.seq, first.body) == ("wms", 1, odd)
        assert second.body["hex"] == b"{torn".hex()

        assert ask_again(tmp_path / "j", [first.id]) == 1  # in vain: nothing has been mended
        await site.until(lambda: not read_again(tmp_path / "j"))
        mended = {**odd, "priority": 0, "destination": "f"}
        with sqlite3.connect(tmp_path / "j") as db:
            db.execute("UPDATE dead SET body = ?, again = 1 WHERE seq = 1", (json.dumps(mended),))
        db.close()
        await site.until(lambda: states(site, "t1") == WHOLE)
        assert [letter.seq for letter in read_letters(tmp_path / "j")] == [2]
    assert replay(tmp_path / "j").difference is None


def read_again(path: Path) -> list[DeadLetter]:
    with sqlite3.connect(path) as db:
        found = letters(db, again=True)
    db.close()
    return found


async def test_what_was_told_is_told_again_until_it_is_known(
    site: Site, nats_url: str, tmp_path: Path
):
    deaf, site.robot.hear = site.robot.hear, lambda drive: drive is None  # type: ignore[method-assign]
    async with running(site, nats_url, tmp_path / "j"):
        site.order(TransportOrder(id="t1", load="tote", source="c", destination="f"))
        await site.until(lambda: sum(isinstance(c, Drive) for c in site.commands) >= 3)
        drives = [command for command in site.commands if isinstance(command, Drive)]
        assert drives[0] == drives[1] == drives[2]
        site.robot.hear = deaf  # type: ignore[method-assign]
        await site.until(lambda: states(site, "t1") == WHOLE)


async def start_process(site: Site, nats_url: str, folder: Path) -> Process:
    file = folder / "site.toml"
    file.write_text(site_text(site.code), encoding="utf-8")
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "from wcs.commands import wcs; wcs()",
        "run",
        "--site",
        str(file),
        "--state-dir",
        str(folder),
        "--mqtt-url",
        nats_url,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


@pytest.mark.parametrize("stages", [WHOLE[:3:2], by_night(WHOLE)], ids=len)
async def test_killed_with_9_at_every_stage_it_goes_on(
    site: Site, nats_url: str, tmp_path: Path, stages: list[str]
):
    site.step_s = 0.05
    process = await start_process(site, nats_url, tmp_path)
    for n, stage in enumerate(stages):
        site.order(TransportOrder(id=f"t{n}", load=f"x{n}", source="c", destination="f"))
        await site.until(partial(has_said, site, f"t{n}", stage))
        process.send_signal(signal.SIGKILL)
        await process.wait()
        site.commands.clear()
        process = await start_process(site, nats_url, tmp_path)
    orders = [f"t{n}" for n in range(len(stages))]
    await site.until(lambda: all(states(site, order) == WHOLE for order in orders))
    await site.until(lambda: TellAgain() in site.commands)
    await site.until_taken_over()
    process.terminate()
    assert await process.wait() == 0
    found = replay(tmp_path / f"wcs-{site.code}.journal")
    assert found.difference is None
    with Journal(tmp_path / f"wcs-{site.code}.journal", site_text(site.code)) as journal:
        state = journal.state(Runtime(journal, site.bus, SystemClock()).engine, SystemClock().now())
    assert state == found.state
    assert set(state.over) == set(orders)


async def test_a_second_process_for_a_site_says_why_it_stops(
    site: Site, nats_url: str, tmp_path: Path
):
    with Journal(tmp_path / f"wcs-{site.code}.journal", site_text(site.code)):
        process = await start_process(site, nats_url, tmp_path)
        assert await process.wait() == 1
