"""Words for a simulated robot, and a robot that lives on virtual time, every word checked."""

import itertools
import json
from datetime import timedelta
from typing import Any

from simulators.robot import Robot
from simulators.robot_body import Build
from tests.edge.vda5050_pair import START, check, fresh_body

HEAD = {
    "headerId": 1,
    "timestamp": "2026-03-02T08:00:00.000Z",
    "version": "2.1.0",
    "manufacturer": "soko",
    "serialNumber": "R-01",
}
CALM = Build(name="R-01", manufacturer="soko", serial="R-01", map_id="TYO1", hindered_share=0.0)


def node(
    number: int, *, released: bool = True, actions: Any = (), **place: float
) -> dict[str, Any]:
    """A node of a line along x, two metres apart, unless another place is given."""
    position = {"x": 2.0 * number, "y": 0.0, "mapId": "TYO1", **place}
    return {
        "nodeId": f"P{number}",
        "sequenceId": 2 * number,
        "released": released,
        "nodePosition": position,
        "actions": list(actions),
    }


def order(nodes: list[dict[str, Any]], **fields: Any) -> bytes:
    """An order along these nodes, with the edges that belong there."""
    edges = [
        {
            "edgeId": f"{a['nodeId']}--{b['nodeId']}",
            "sequenceId": a["sequenceId"] + 1,
            "released": b["released"],
            "startNodeId": a["nodeId"],
            "endNodeId": b["nodeId"],
            "actions": [],
        }
        for a, b in itertools.pairwise(nodes)
    ]
    message = {**HEAD, "orderId": "m-1", "orderUpdateId": 0, "nodes": nodes, "edges": edges}
    return json.dumps(message | fields).encode()


def other(**fields: Any) -> bytes:
    """An order with another id."""
    return order([node(0), node(1)], orderId="m-2", **fields)


def action(kind: str, number: int = 1, blocking: str = "HARD", **parameters: str) -> dict[str, Any]:
    """An action with its settings."""
    settings_ = [{"key": key, "value": value} for key, value in parameters.items()]
    return {
        "actionId": f"a-{number}",
        "actionType": kind,
        "blockingType": blocking,
        "actionParameters": settings_,
    }


def instant(*actions: dict[str, Any]) -> bytes:
    """Instant actions."""
    return json.dumps({**HEAD, "actions": list(actions)}).encode()


class Life:
    """A robot and its time."""

    def __init__(self, build: Build = CALM) -> None:
        self.robot = Robot(build, fresh_body())
        self.now = START
        self.states: list[dict[str, Any]] = []
        self.factsheets: list[dict[str, Any]] = []

    def tell(self, kind: str, message: bytes) -> dict[str, Any]:
        """Give it a message; the state after it."""
        self.robot.receive(kind, message, self.now)
        return self.look()

    def look(self) -> dict[str, Any]:
        """Step, and see the last state."""
        for said in self.robot.step(self.now):
            data = check(said.kind, said.body)  # by the schema of its version
            (self.states if said.kind == "state" else self.factsheets).append(data)
        return self.states[-1]

    def live(self, seconds: float, *, step_s: float = 0.5) -> dict[str, Any]:
        """Let time pass; the last state."""
        for _ in range(round(seconds / step_s)):
            self.now += timedelta(seconds=step_s)
            self.look()
        return self.look()


def order_3(nodes: list[dict[str, Any]], **fields: Any) -> bytes:
    """The same in the words of 3.0."""
    message = json.loads(order(nodes, **fields))
    for edge in message["edges"]:
        del edge["startNodeId"], edge["endNodeId"]
    return json.dumps({**message, "version": "3.0.0"}).encode()


def statuses(state: dict[str, Any]) -> dict[str, str]:
    """The status of every action."""
    return {a["actionId"]: a["actionStatus"] for a in state["actionStates"]}


def errors(state: dict[str, Any]) -> list[str]:
    """The types of what it complains about."""
    return [error["errorType"] for error in state["errors"]]
