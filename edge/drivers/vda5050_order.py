"""What fleet control writes to a robot of VDA 5050: orders, instant actions, answers, zones.

A Drive node becomes a node, its actions become pick, drop, startCharging and stopCharging, all
blocking HARD: the robot stands, and does one at a time. Between two nodes lies an edge. The
names in edges are made of those of its nodes; every message counts in the header of its topic.

A `Writer` belongs to one robot and knows the habits of its make.

Source: VDA 5050 version 2.1.0, sections 6.6.6, 6.8.1 and 6.9; 3.0.0, chapter 7.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeAlias
from uuid import NAMESPACE_OID, uuid5

from edge.drivers.vda5050_codec import dialect_of
from edge.drivers.vda5050_model import (
    Action,
    ActionParameter,
    Edge,
    InstantActions,
    Message,
    Node,
    NodePosition,
    Order,
    Response,
    Responses,
    ToRobot,
    ZoneSet,
)
from edge.drivers.vda5050_profile import Robot
from edge.drivers.vda5050_wire import encode, timestamp
from edge.drivers.vda5050_zones import Answer
from edge.messages import CancelDrive, Drive, DriveAction, DriveNode

QUESTIONS = ("stateRequest", "factsheetRequest")
Instant: TypeAlias = tuple[str, str, Sequence[tuple[str, str]]]  # action type, id, settings
_V3 = 3
_PLAIN = {2: "2.1.0", 3: "3.0.0"}  # for a robot whose own version makes no sense


@dataclass(frozen=True, slots=True)
class Send:
    """A message for the robot, under the topics of that major version."""

    kind: ToRobot
    body: bytes
    major: int = 2


@dataclass(frozen=True, slots=True)
class Route:
    """The nodes of an order as it is sent; `is_update` when the first of them only joins."""

    mission: str
    update: int
    nodes: Sequence[DriveNode]
    is_update: bool


@dataclass(frozen=True, slots=True)
class Sent:
    """The order that was sent last, and when."""

    mission: str
    update: int
    start: int
    end: int  # the sequence of its last released node
    at: datetime


@dataclass(slots=True)
class Cancel:
    """A mission that shall end. An attempt that the robot only says to have made is made again."""

    command: CancelDrive
    attempt: int = 1
    said_at: datetime | None = None

    @classmethod
    def of(cls, wanted: Drive, mission: str, before: "Cancel | None") -> "Cancel":
        """Of that mission, for the one that is wanted instead; as `before`, if it is the same."""
        if before is not None and before.command.mission == mission:
            return before
        command = uuid5(NAMESPACE_OID, f"{wanted.robot}/{mission}/{wanted.mission}")
        return cls(CancelDrive(robot=wanted.robot, mission=mission, command=command))

    @property
    def action_id(self) -> str:
        """The id of the cancelOrder action of this attempt."""
        again = f"-{self.attempt}" if self.attempt > 1 else ""
        return f"{self.command.command}{again}"


class Numbers:
    """How the updates of a mission's drives are numbered in its orders.

    Up to 2.1 they are the same. From 3.0 on the first order of a mission has the number 0, and so
    may not say another thing when it is said again.
    """

    def __init__(self) -> None:
        self._first: tuple[str, list[DriveNode]] | None = None  # mission, its first order
        self._zero = 0  # the update that went out with the number 0

    def first(
        self, major: int, wanted: Drive, nodes: list[DriveNode]
    ) -> tuple[list[DriveNode], int]:
        """What the first order of a mission says, and the update that it stands for."""
        if major < _V3:
            self._zero = 0
            return nodes, wanted.update
        if self._first is None or self._first[0] != wanted.mission:
            self._first, self._zero = (wanted.mission, nodes), wanted.update
        return self._first[1], self._zero

    def number(self, update: int) -> int:
        """The orderUpdateId of an update."""
        return update - self._zero

    def update(self, number: int) -> int:
        """The update of an orderUpdateId."""
        return number + self._zero


class Writer:
    """Writes to one robot, in the version that it speaks itself."""

    def __init__(self, robot: Robot) -> None:
        self.robot = robot
        self.version = robot.version
        self._counts: Counter[str] = Counter()

    def speak(self, version: str, major: int) -> None:
        """Use the robot's own version from now on: some drop every message of another one."""
        if dialect_of(version) is not None and version.startswith(f"{major}."):
            self.version = version
        elif not self.version.startswith(f"{major}."):
            self.version = _PLAIN[major]

    def order(self, route: Route, now: datetime) -> Send:
        """An order, or an update of one."""
        stitch = not route.is_update or self.robot.stitch_actions
        first, *rest = route.nodes
        order = Order(
            **self._header("order", now),
            orderId=route.mission,
            orderUpdateId=route.update,
            nodes=(
                self._node(first, first.actions if stitch else ()),
                *(self._node(node, node.actions) for node in rest),
            ),
            edges=tuple(
                Edge(
                    edgeId=f"{start.node}--{end.node}",
                    sequenceId=start.sequence + 1,
                    released=end.released,
                    startNodeId=start.node,
                    endNodeId=end.node,
                )
                for start, end in zip(route.nodes, rest, strict=False)
            ),
        )
        return self._send("order", order)

    def cancel(self, action_id: str, now: datetime) -> Send:
        """Stop as soon as possible and forget the order."""
        return self.instant([("cancelOrder", action_id, ())], now)

    def questions(self, now: datetime, kinds: Sequence[str] = QUESTIONS) -> Send:
        """Ask for the state and the factsheet."""
        number = self._counts["instantActions"]
        stamp = int(now.timestamp())
        return self.instant([(kind, f"{kind}-{stamp}-{number}", ()) for kind in kinds], now)

    def instant(self, actions: Sequence[Instant], now: datetime) -> Send:
        """Instant actions, each with its id and its settings."""
        message = InstantActions(
            **self._header("instantActions", now),
            actions=tuple(
                Action(
                    actionId=action_id,
                    actionType=kind,
                    blockingType="NONE",
                    actionParameters=tuple(ActionParameter(*setting) for setting in settings),
                )
                for kind, action_id, settings in actions
            ),
        )
        sent = self._send("instantActions", message)
        if self.robot.instant_key == "actions":
            return sent
        data = json.loads(sent.body)
        data[self.robot.instant_key] = data.pop("actions")
        return replace(sent, body=json.dumps(data).encode())

    def zone_set(self, zones: Mapping[str, Any], now: datetime) -> Send:
        """The zones of a map."""
        return self._send("zoneSet", ZoneSet(**self._header("zoneSet", now), zoneSet={**zones}))

    def responses(self, answers: Sequence[Answer], now: datetime) -> Send:
        """Answers to what the robot asked for."""
        said = tuple(
            Response(
                requestId=answer.request,
                grantType=answer.grant,
                leaseExpiry=timestamp(answer.until) if answer.until else None,
            )
            for answer in answers
        )
        return self._send("responses", Responses(**self._header("responses", now), responses=said))

    def _send(self, kind: ToRobot, message: Message) -> Send:
        return Send(kind, encode(message), int(self.version[0]))

    def _header(self, kind: ToRobot, now: datetime) -> dict[str, Any]:
        number = self._counts[kind]
        self._counts[kind] += 1
        return {
            "headerId": number,
            "timestamp": timestamp(now),
            "version": self.version,
            "manufacturer": self.robot.manufacturer,
            "serialNumber": self.robot.serial,
        }

    def _node(self, node: DriveNode, actions: Sequence[DriveAction]) -> Node:
        return Node(
            nodeId=node.node,
            sequenceId=node.sequence,
            released=node.released,
            nodePosition=NodePosition(
                x=node.x_m,
                y=node.y_m,
                mapId=self.robot.map_id,
                allowedDeviationXY=self.robot.deviation_m,
            ),
            actions=tuple(self._action(node, action) for action in actions),
        )

    def _action(self, node: DriveNode, action: DriveAction) -> Action:
        robot = self.robot
        load = (ActionParameter(robot.load_key, action.load),) if action.load else ()
        slot = (ActionParameter(robot.slot_key, action.slot),) if action.slot else ()
        return Action(
            actionId=action.action_id,
            actionType=robot.action_type(action.kind),
            blockingType="HARD",
            actionParameters=(ActionParameter("stationName", node.node), *load, *slot),
            retriable=True if robot.retries and self.version.startswith("3.") else None,
        )
