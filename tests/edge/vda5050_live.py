"""Robots and masters on a real broker: a small site, a driver that is told, a foreign transport."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid1

from vda5050.ports.transport import Message as ForeignMessage
from vda5050.ports.transport import MessageHandler

from edge.clock import ScaledClock
from edge.drivers.around import Around
from edge.drivers.vda5050_fleet import Vda5050Fleet, make
from edge.messages import DeviceEvent, Drive, DriveNode, RobotConformance, RobotReport
from edge.mqtt import Message, PahoBus, Will
from tests.edge.vda5050_pair import START

SPEED = 60.0


def a_site(robots: int = 2, points: int = 6) -> dict[str, Any]:
    """Parallel lanes, one a robot; its name is used by no other test on the same broker."""
    code = f"T{uuid1().hex[:12]}"
    lanes = [
        {"name": f"L{lane}-{n}", "x_m": 3.0 * n, "y_m": 2.0 * lane}
        for lane in range(robots)
        for n in range(points)
    ]
    return {
        "site": {"code": code},
        "points": lanes,
        "robots": [
            {"name": f"R-{n}", "manufacturer": code, "serial": f"R-{n}", "start": f"L{n}-0"}
            for n in range(robots)
        ],
        "devices": [{"name": "fleet", "driver": "vda5050"}],
    }


def lane(site: dict[str, Any], robot: int, *, back: bool = False) -> list[DriveNode]:
    """The nodes of a robot's lane, from one end to the other, none released."""
    points = [row for row in site["points"] if row["name"].startswith(f"L{robot}-")]
    return [
        DriveNode(node=row["name"], sequence=2 * i, released=False, x_m=row["x_m"], y_m=row["y_m"])
        for i, row in enumerate(reversed(points) if back else points)
    ]


class Listener:
    """Hears what the driver says, and drives robots as a WCS would: a statement, said again."""

    def __init__(self, fleet: Vda5050Fleet) -> None:
        self.fleet = fleet
        self.reports: dict[str, RobotReport] = {}
        self.passed: defaultdict[str, list[tuple[str, int]]] = defaultdict(list)
        self.events: list[DeviceEvent] = []
        self.conduct: dict[str, RobotConformance] = {}
        self.heard = asyncio.Event()

    def say(self, said: DeviceEvent | RobotReport) -> None:
        """What the driver calls."""
        self.heard.set()
        if isinstance(said, RobotConformance):
            self.conduct[said.robot] = said
        if not isinstance(said, RobotReport):
            self.events.append(said)
            return
        self.reports[said.robot] = said
        passed = self.passed[said.robot]
        place = (said.mission, said.passed_sequence)
        if not passed or passed[-1] != place:
            passed.append(place)

    async def until_known(self, robots: int, within_s: float = 15.0) -> None:
        """Wait until that many robots have reported."""
        async with asyncio.timeout(within_s):
            while len(self.reports) < robots:
                await self._next()

    async def mission(
        self, robot: str, mission: str, nodes: list[DriveNode], *, base: int = 2
    ) -> None:
        """Drive a robot to the last of the nodes, `base` nodes released ahead at a time."""
        last, update, end = nodes[-1].sequence // 2, 0, min(base, len(nodes) - 1)
        wished = _drive(robot, mission, update, nodes, (0, end))
        await self.fleet.tell(wished)
        async with asyncio.timeout(40.0):
            while not self._is_done(robot, mission, 2 * last):
                await self._next()
                report = self.reports[robot]
                if report.mission != mission:
                    continue
                here = report.passed_sequence // 2
                if here + base > end and end < last:
                    start, end, update = end, min(here + base, last), update + 1
                    wished = _drive(robot, mission, update, nodes, (start, end))
                    await self.fleet.tell(wished)

    def _is_done(self, robot: str, mission: str, sequence: int) -> bool:
        report = self.reports.get(robot)
        return (
            report is not None
            and (report.mission, report.passed_sequence) == (mission, sequence)
            and not report.driving
            and all(action.status in ("FINISHED", "FAILED") for action in report.actions)
        )

    async def _next(self) -> None:
        self.heard.clear()
        await self.heard.wait()


def _drive(
    robot: str, mission: str, update: int, nodes: list[DriveNode], base: tuple[int, int]
) -> Drive:
    start, end = base
    return Drive(
        robot=robot,
        mission=mission,
        update=update,
        nodes=tuple(
            DriveNode(
                node=n.node,
                sequence=n.sequence,
                released=n.sequence <= 2 * end,
                x_m=n.x_m,
                y_m=n.y_m,
                actions=n.actions,
            )
            for n in nodes[start:]
        ),
    )


def a_clock(folder: Path) -> ScaledClock:
    """A clock of its own for a test, sixty times as fast as ours."""
    return ScaledClock.start(folder / "clock", at=START + timedelta(hours=1), speed=SPEED)


@asynccontextmanager
async def driven(
    site: dict[str, Any], url: str, clock: ScaledClock, folder: Path
) -> AsyncIterator[Listener]:
    """The driver of a site, running."""
    fleet = make(site["devices"][0], Around(clock=clock, site=site, mqtt_url=url, state_dir=folder))
    assert isinstance(fleet, Vda5050Fleet)
    listener = Listener(fleet)
    async with running(fleet.run(listener.say)):
        yield listener


@asynccontextmanager
async def running(coroutine: Any) -> AsyncIterator[None]:
    """Something that runs until the end of the block; its failure is ours."""
    task = asyncio.ensure_future(coroutine)
    try:
        yield
        assert not task.done(), task.exception()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class PahoTransport:
    """The transport port of the foreign SDK `vda5050`, over our bus."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._bus: PahoBus | None = None
        self._inbox: asyncio.Queue[tuple[MessageHandler, Message]] = asyncio.Queue()
        self._worker: asyncio.Task[None] | None = None

    async def connect(self, *, will: ForeignMessage | None = None) -> None:
        said = None
        if will is not None:
            said = Will(topic=will.topic, body=will.payload, qos=will.qos, retain=will.retain)
        self._bus = PahoBus(self._url, client_id=f"foreign-{uuid1()}", will=said)
        await self._bus.__aenter__()
        await self._bus.until_connected()
        self._worker = asyncio.create_task(self._work())

    async def disconnect(self) -> None:
        assert self._bus is not None
        assert self._worker is not None
        self._worker.cancel()
        await self._bus.__aexit__(None, None, None)

    async def publish(
        self,
        topic: str,
        payload: bytes | str,
        *,
        qos: int = 0,
        retain: bool = False,
    ) -> None:
        assert self._bus is not None
        body = payload.encode() if isinstance(payload, str) else payload
        self._bus.publish(topic, body, qos=qos, retain=retain)

    async def subscribe(self, topic: str, handler: MessageHandler, *, qos: int = 0) -> None:
        assert self._bus is not None
        self._bus.subscribe(
            topic, qos=qos, handler=lambda message: self._inbox.put_nowait((handler, message))
        )
        await self._bus.until_settled()

    async def _work(self) -> None:
        while True:
            handler, message = await self._inbox.get()
            await handler(message.topic, message.body)
