"""What fleet control writes to a robot of VDA 5050 2.1: orders and instant actions.

A Drive node becomes a node, its actions become pick, drop, startCharging and stopCharging, all
blocking HARD: the robot stands, and does one at a time. Between two nodes lies an edge. The
names in edges are made of those of its nodes; every message counts in the header of its topic.

A `Writer` belongs to one robot and knows the habits of its make.

Source: VDA 5050 version 2.1.0, sections 6.6.6, 6.8.1 and 6.9.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from edge.drivers.vda5050_model import (
    VERSION,
    Action,
    ActionParameter,
    Edge,
    InstantActions,
    Node,
    NodePosition,
    Order,
    ToRobot,
)
from edge.drivers.vda5050_wire import encode, timestamp
from edge.messages import ActionKind, DriveAction, DriveNode

ACTION_TYPES: dict[ActionKind, str] = {
    "PICK": "pick",
    "DROP": "drop",
    "CHARGE_START": "startCharging",
    "CHARGE_STOP": "stopCharging",
}
QUESTIONS = ("stateRequest", "factsheetRequest")


@dataclass(frozen=True, slots=True, kw_only=True)
class Robot:
    """A robot of the site file, and the habits of its make.

    `stitch_actions`: whether a re-sent stitching node carries its actions, as the standard asks;
    some makes queue them a second time. `instant_key`: where they look for instant actions.
    `horizon_nodes`: how much of the unreleased way it is shown; it comes back in every state.
    """

    name: str
    manufacturer: str
    serial: str
    map_id: str
    stitch_actions: bool = True
    instant_key: Literal["actions", "instantActions"] = "actions"
    horizon_nodes: int = 3
    deviation_m: float = 0.25
    state_every_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Send:
    """A message for the robot."""

    kind: ToRobot
    body: bytes


@dataclass(frozen=True, slots=True)
class Route:
    """The nodes of an order as it is sent; `is_update` when the first of them only joins."""

    mission: str
    update: int
    nodes: Sequence[DriveNode]
    is_update: bool


class Writer:
    """Writes to one robot, in the version that it speaks itself."""

    def __init__(self, robot: Robot) -> None:
        self.robot = robot
        self._version = VERSION
        self._counts: Counter[str] = Counter()

    def speak(self, version: str) -> None:
        """Use the robot's own version from now on: some drop every message of another one."""
        if version.startswith("2."):
            self._version = version

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
        return Send("order", encode(order))

    def cancel(self, action_id: str, now: datetime) -> Send:
        """Stop as soon as possible and forget the order."""
        return self._instant([("cancelOrder", action_id)], now)

    def questions(self, now: datetime) -> Send:
        """Ask for the state and the factsheet."""
        number = self._counts["instantActions"]
        stamp = int(now.timestamp())
        return self._instant([(kind, f"{kind}-{stamp}-{number}") for kind in QUESTIONS], now)

    def _instant(self, actions: Sequence[tuple[str, str]], now: datetime) -> Send:
        message = InstantActions(
            **self._header("instantActions", now),
            actions=tuple(
                Action(actionId=action_id, actionType=kind, blockingType="NONE")
                for kind, action_id in actions
            ),
        )
        body = encode(message)
        if self.robot.instant_key != "actions":
            data = json.loads(body)
            data[self.robot.instant_key] = data.pop("actions")
            body = json.dumps(data).encode()
        return Send("instantActions", body)

    def _header(self, kind: ToRobot, now: datetime) -> dict[str, Any]:
        number = self._counts[kind]
        self._counts[kind] += 1
        return {
            "headerId": number,
            "timestamp": timestamp(now),
            "version": self._version,
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
            actions=tuple(_action(node, action) for action in actions),
        )


def _action(node: DriveNode, action: DriveAction) -> Action:
    load = (ActionParameter("loadId", action.load),) if action.load else ()
    return Action(
        actionId=action.action_id,
        actionType=ACTION_TYPES[action.kind],
        blockingType="HARD",
        actionParameters=(ActionParameter("stationName", node.node), *load),
    )
