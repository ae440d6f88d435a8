"""A robot and its driver on virtual time, with a channel between them that may lose things."""

import json
import random
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any
from uuid import UUID

from jsonschema import Draft202012Validator

from edge.drivers.vda5050 import RobotSession
from edge.drivers.vda5050_profile import Robot as RobotName
from edge.messages import CancelDrive, Drive, DriveAction, DriveNode, RobotReport
from simulators.robot import Robot
from simulators.robot_body import Body, Build, body_from_json, body_to_json

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
NAME = RobotName(name="R-01", manufacturer="soko", serial="R-01", map_id="TYO1")
BUILD = Build(name="R-01", manufacturer="soko", serial="R-01", map_id="TYO1")
OFFICIAL = Path(__file__).parents[3] / "shared/data/vda5050/2.1.0/json_schemas"
PATIENCE_S = 2.0
TICK = timedelta(milliseconds=200)
PICK = DriveAction(action_id="a-pick", kind="PICK", load="T-0007")
DROP = DriveAction(action_id="a-drop", kind="DROP", load="T-0007")


VERSIONS = ("2.0.0", "2.1.0", "3.0.0")


@cache
def validators() -> Mapping[str, Sequence[Draft202012Validator]]:
    """The schemas of 2.1.0 by message: those of the wheel vda5050-sdk, and the official files."""
    kinds = ("order", "instantActions", "state", "connection", "factsheet")
    bundled = files("vda5050.validation") / "schemas"
    texts = {kind: [(bundled / f"{kind}.json").read_text()] for kind in kinds}
    if OFFICIAL.exists():
        for kind in kinds:
            texts[kind].append((OFFICIAL / f"{kind}.schema").read_text())
    return {k: [Draft202012Validator(json.loads(text)) for text in texts[k]] for k in kinds}


@cache
def official(version: str, kind: str) -> Draft202012Validator | None:
    """The official schema of another version, where the files are at hand."""
    folder = OFFICIAL.parents[1] / {"2.0.0": "2.0.0", "3.0.0": "main"}[version] / "json_schemas"
    found = [folder / f"{kind}{ending}" for ending in (".schema", ".json")]
    texts = [file.read_text() for file in found if file.exists()]
    return Draft202012Validator(json.loads(texts[0])) if texts else None


def check(kind: str, body: bytes) -> dict[str, Any]:
    """The message, if the schema of its version accepts it.

    That of 2.1 comes with a wheel; the files of 2.0 and 3.0 are not everywhere.
    """
    data: dict[str, Any] = json.loads(body)
    version = data["version"]
    validator = validators()[kind][0] if version == "2.1.0" else official(version, kind)
    if validator is not None:
        validator.validate(data)
    return data


def path(
    length: int, actions: Mapping[int, tuple[DriveAction, ...]] | None = None
) -> list[DriveNode]:
    """`length` nodes along a line with a bend in it, none released."""
    at = actions or {}
    return [
        DriveNode(
            node=f"P{i}",
            sequence=2 * i,
            released=False,
            x_m=2.0 * min(i, 3),
            y_m=2.0 * max(0, i - 3),
            actions=at.get(i, ()),
        )
        for i in range(length)
    ]


def drive(mission: str, update: int, nodes: Sequence[DriveNode], base: tuple[int, int]) -> Drive:
    """The drive from node number base[0], released to node number base[1]."""
    return Drive(
        robot="R-01",
        mission=mission,
        update=update,
        nodes=tuple(
            DriveNode(
                node=n.node,
                sequence=n.sequence,
                released=n.sequence <= 2 * base[1],
                x_m=n.x_m,
                y_m=n.y_m,
                actions=n.actions,
            )
            for n in nodes[base[0] :]
        ),
    )


def fresh_body() -> Body:
    """A robot that stands at P0."""
    return Body(at=START.timestamp(), x_m=0.0, y_m=0.0, heading_rad=0.0, last_node="P0")


@dataclass
class Pair:
    """One robot, one session, one channel. `loses` decides about every message by its topic."""

    loses: Callable[[str], bool] = lambda _kind: False
    delay: timedelta = timedelta(milliseconds=100)
    build: Build = BUILD
    now: datetime = START
    session: RobotSession = field(default_factory=lambda: RobotSession(NAME))
    down: deque[tuple[datetime, str, bytes]] = field(default_factory=deque)
    up: deque[tuple[datetime, str, bytes]] = field(default_factory=deque)
    sent: list[dict[str, Any]] = field(default_factory=list)
    driven: list[tuple[str, int]] = field(default_factory=list)
    done: list[str] = field(default_factory=list)  # ids of actions, in the order of their ends
    report: RobotReport | None = None

    def __post_init__(self) -> None:
        self.robot = Robot(self.build, fresh_body())

    @property
    def known(self) -> RobotReport:
        """What the driver last said, once it has said something."""
        while self.report is None:
            self.tick()
        return self.report

    def kill_robot(self) -> None:
        """The robot's process dies, and comes back with what was written down."""
        self.robot = Robot(self.build, body_from_json(body_to_json(self.robot.body)))

    def kill_edge(self) -> None:
        """The driver's process dies; the new one knows nothing."""
        self.session = RobotSession(self.session.robot)

    def tick(self) -> None:
        """A moment passes: messages arrive, the robot lives, the driver answers."""
        self.now += TICK
        while self.down and self.down[0][0] <= self.now:
            _at, kind, body = self.down.popleft()
            self.robot.receive(kind, body, self.now)
        for said in self.robot.step(self.now):
            data = check(said.kind, said.body)
            self._note(said.kind, data)
            self._send(self.up, said.kind, said.body)
        while self.up and self.up[0][0] <= self.now:
            _at, kind, body = self.up.popleft()
            self.session.hear(kind, body, self.now, self.build.major)
        if send := self.session.due(self.now, PATIENCE_S):
            assert send.major == self.build.major
            data = check(send.kind, send.body)
            self.sent.append({"kind": send.kind, **data})
            self._send(self.down, send.kind, send.body)
        self.report = self.session.report(self.now, PATIENCE_S)

    def run(self, until: Callable[[], bool], *, limit_s: float = 600.0) -> None:
        """Let time pass until that is so."""
        end = self.now + timedelta(seconds=limit_s)
        while not until():
            assert self.now < end, f"it did not come to that: {self.report}"
            self.tick()

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        for _ in range(int(seconds / TICK.total_seconds())):
            self.tick()

    def arrived(self, mission: str, sequence: int) -> bool:
        """Whether the driver knows that the robot is done with all up to there."""
        report = self.report
        return (
            report is not None
            and (report.mission, report.passed_sequence) == (mission, sequence)
            and not report.driving
            and all(action.status in ("FINISHED", "FAILED") for action in report.actions)
        )

    def _send(self, line: deque[tuple[datetime, str, bytes]], kind: str, body: bytes) -> None:
        if not self.loses(kind):
            line.append((self.now + self.delay, kind, body))

    def _note(self, kind: str, data: dict[str, Any]) -> None:
        if kind != "state":
            return
        place = (data["orderId"], data["lastNodeSequenceId"])
        if not self.driven or self.driven[-1] != place:
            self.driven.append(place)
        ended = [a["actionId"] for a in data["actionStates"] if a["actionStatus"] == "FINISHED"]
        self.done += [i for i in ended if i not in self.done]


def pair_of(version: str, *, loses: Callable[[str], bool] = lambda _kind: False) -> Pair:
    """A robot of that version, and a driver whose site file says so."""
    build = replace(BUILD, version=version)
    name = replace(NAME, version=version)
    return Pair(build=build, session=RobotSession(name), loses=loses)


def cancel(mission: str) -> CancelDrive:
    """The command that ends it."""
    return CancelDrive(robot="R-01", mission=mission, command=UUID(int=7))


def lossy(seed: int, share: float) -> Callable[[str], bool]:
    """Loses that share of the messages, by chance."""
    chance = random.Random(seed)
    return lambda _kind: chance.random() < share


# ------------------------------------------------------------------------------- foreign words
def foreign(**fields: Any) -> bytes:
    """A state as another maker's robot might send it."""
    state: dict[str, Any] = {
        "headerId": 1,
        "timestamp": "2026-03-02T08:00:00.000Z",
        "version": "2.1.0",
        "manufacturer": "soko",
        "serialNumber": "R-01",
        "orderId": "",
        "orderUpdateId": 0,
        "lastNodeId": "P0",
        "lastNodeSequenceId": 0,
        "nodeStates": [],
        "edgeStates": [],
        "actionStates": [],
        "driving": False,
        "batteryState": {"batteryCharge": 80.0, "charging": False},
        "operatingMode": "AUTOMATIC",
        "errors": [],
        "safetyState": {"eStop": "NONE", "fieldViolation": False},
    }
    return json.dumps({**state, **fields}).encode()


def ahead(sequence: int) -> dict[str, Any]:
    """A node that is still ahead."""
    return {"nodeId": f"P{sequence // 2}", "sequenceId": sequence, "released": True}


def action_of(body: bytes) -> str:
    """The id of the first action in an instantActions message."""
    action: str = json.loads(body)["actions"][0]["actionId"]
    return action


def vars_of(value: Any) -> dict[str, Any]:
    """The fields of a dataclass with slots."""
    return {name: getattr(value, name) for name in value.__dataclass_fields__}
