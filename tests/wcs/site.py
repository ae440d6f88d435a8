"""Edge and WMS of a site on a real broker, as its WCS meets them: for tests of the process."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from edge.clock import SystemClock
from edge.fence import Fence, term_of
from edge.messages import (
    CartonArrived,
    CartonScanned,
    Drive,
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
from tests.wcs.fleet import RobotDouble
from wcs.journal import Journal
from wcs.messages import (
    RobotOnMap,
    SiteFrame,
    ToWcs,
    TransportReport,
    from_wcs,
    site_frame,
    to_wcs,
)
from wcs.plant import read_plant
from wcs.runtime import Runtime

WHOLE = ["ACCEPTED", "ASSIGNED", "LOADED", "FINISHED"]
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
        self.fence = Fence(folder / "term")
        self.refused: list[object] = []
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
        if not self.fence.passes(term_of(json.loads(message.body))):
            self.refused.append(command)
            self.changed.set()
            return
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
                robot.loads = {"": action.load or ""} if action.kind == "PICK" else {}
            else:
                node = robot.ahead.pop(0)
                robot.node, robot.sequence, robot.todo = node.node, node.sequence, [*node.actions]
            self._say()


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
