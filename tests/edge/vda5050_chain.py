"""WMS's order to robot and back on virtual time: the real WCS, driver and robot, and a mask.

The mask is the misfit: it changes what the robot says, or says something of its own. What the
WMS would book is in `reports`, what people would see in `alarms`; what is true is in `robot`.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from edge.drivers.vda5050 import RobotSession
from edge.drivers.vda5050_profile import Robot as Profile
from simulators.robot import Robot
from simulators.robot_body import Body, Build
from tests.edge.vda5050_pair import PATIENCE_S, START
from tests.wcs.small import plant_of
from wcs.engine import Engine
from wcs.messages import Alarm, TransportOrder, TransportReport
from wcs.plant import Plant
from wcs.state import State, fresh_state

TICK = timedelta(milliseconds=250)
Said = tuple[str, bytes]
Mask = Callable[[str, dict[str, Any]], Iterable[dict[str, Any]]]
POINTS = {"park": (0.0, 0.0), "mid": (3.0, 0.0), "A1": (6.0, 0.0), "S1": (6.0, 3.0)}
PLANT = plant_of(
    POINTS,
    ["park=mid", "mid=A1", "A1=S1"],
    kinds={"park": "park", "A1": "storage", "S1": "station"},
    robots={"R-01": "park"},
    more='[[stations]]\nname = "ST-1"\npoint = "S1"\n',
)
NAME = Profile(name="R-01", manufacturer="m", serial="R-01", map_id="T1")
BUILD = Build(name="R-01", manufacturer="m", serial="R-01", map_id="T1", hindered_share=0.0)


def honest(_kind: str, said: dict[str, Any]) -> Iterable[dict[str, Any]]:
    """A mask that is none."""
    yield said


@dataclass
class Chain:
    """Everything between an order of the WMS and the wheels."""

    mask: Mask = honest
    profile: Profile = NAME
    build: Build = BUILD
    plant: Plant = PLANT
    now: datetime = START
    reports: list[TransportReport] = field(default_factory=list)
    alarms: dict[str, Alarm] = field(default_factory=dict)
    sent: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        body = Body(
            at=START.timestamp(), x_m=0.0, y_m=0.0, heading_rad=0.0, last_node="park", battery=0.9
        )
        self.robot = Robot(self.build, body)
        self.session = RobotSession(self.profile)
        self.engine = Engine(self.plant)
        self.state: State = fresh_state(self.plant, START)
        self._inbox: list[Any] = []

    def order(self, n: int = 1) -> None:
        """The WMS wants a tote at the station."""
        self._inbox.append(
            TransportOrder(id=f"o-{n}", load=f"T-{n}", source=f"A1-{n}", destination="ST-1")
        )

    @property
    def states(self) -> list[str]:
        """What the WMS has heard of its order."""
        return [report.state for report in self.reports]

    def tick(self) -> None:
        """A moment passes."""
        self.now += TICK
        for said in self.robot.step(self.now):
            for told in self.mask(said.kind, json.loads(said.body)):
                self.session.hear(said.kind, json.dumps(told).encode(), self.now, self.build.major)
        if (report := self.session.report(self.now, PATIENCE_S)) is not None:
            self._inbox.append(report)
        if (news := self.session.news_of_conduct(self.now)) is not None:
            self._inbox.append(news)
        self._decide()
        while (send := self.session.due(self.now, PATIENCE_S)) is not None:
            self.sent.append({"kind": send.kind, **json.loads(send.body)})
            self.robot.receive(send.kind, send.body, self.now)

    def _decide(self) -> None:
        inbox, self._inbox = self._inbox, []
        outbox = self.engine.step(self.state, inbox, self.now)
        for message in outbox.to_wms:
            if isinstance(message, TransportReport):
                self.reports.append(message)
            elif isinstance(message, Alarm):
                self.alarms[message.id] = message
        for command in outbox.to_edge:
            if command.type == "robot.drive":
                self.session.drive(command)
            elif command.type == "robot.cancel":
                self.session.cancel(command)

    def live(self, seconds: float) -> None:
        """Time passes."""
        for _ in range(round(seconds / TICK.total_seconds())):
            self.tick()

    def until(self, condition: Callable[[], object], *, within_s: float = 300.0) -> None:
        """Time passes until it is so."""
        end = self.now + timedelta(seconds=within_s)
        while not condition():
            assert self.now < end, (self.states, self.alarms, self.session.problems)
            self.tick()

    def active(self) -> set[str]:
        """The codes of the alarms that stand."""
        return {alarm.code for alarm in self.alarms.values() if alarm.active}


def with_habits(**habits: Any) -> Profile:
    """The robot's row with those habits of its make."""
    return replace(NAME, **habits)
