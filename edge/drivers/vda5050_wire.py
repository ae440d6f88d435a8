"""VDA 5050 on the wire: topics, and messages as bytes, in the versions 2.0, 2.1 and 3.0.

Six topics a robot, `<interface>/v<major>/<manufacturer>/<serialNumber>/<topic>`, JSON in each;
two more from 3.0 on. The messages are those of edge.drivers.vda5050_model; which words they are
written in is decided by the version in their header.

Laws:
    strict out   `encode` writes nothing that the official schemas, or the rules below that the
                 schemas cannot say, would refuse
    strict in    `parse_*` take nothing else, as a robot does with orders. What robots say is
                 read leniently, by edge.drivers.vda5050_read

An order is a path: n >= 1 nodes, n - 1 edges, sequence numbers in step (nodes even, edges odd),
first a released part (the base), then an unreleased one (the horizon).

Source: VDA 5050 version 2.1.0, sections 6.2 to 6.15; version 3.0.0, chapters 4, 6.1 and 7.
"""

import itertools
import json
import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from pydantic import TypeAdapter, ValidationError

from edge.drivers.vda5050_codec import Dialect, dialect_of, narrow, widen
from edge.drivers.vda5050_model import (
    Connection,
    Edge,
    Factsheet,
    Header,
    InstantActions,
    Message,
    Node,
    Order,
    Responses,
    State,
    ZoneSet,
)

INTERFACE = "uagv"
_ID = re.compile(r"[A-Za-z0-9_.:-]+")  # section 6.1.2
_KINDS: dict[type[Any], str] = {
    Order: "order",
    InstantActions: "instantActions",
    ZoneSet: "zoneSet",
    Responses: "responses",
    State: "state",
    Connection: "connection",
    Factsheet: "factsheet",
}
_adapters: dict[type[Any], TypeAdapter[Any]] = {kind: TypeAdapter(kind) for kind in _KINDS}


class WireError(ValueError):
    """A message cannot be read, or must not be sent."""


# ------------------------------------------------------------------------------------- topics
class Place(NamedTuple):
    """A topic taken apart."""

    major: int
    manufacturer: str
    serial: str
    kind: str


def topic(
    manufacturer: str, serial: str, kind: str, *, major: int = 2, interface: str = INTERFACE
) -> str:
    """The MQTT topic of one robot; `+` for its names makes a filter of it."""
    return f"{interface}/v{major}/{manufacturer}/{serial}/{kind}"


def parse_topic(text: str) -> Place:
    """A topic taken apart, of whatever interface.

    Raises:
        WireError: it is no topic of VDA 5050, major version 2 or 3.
    """
    parts = text.split("/")
    if len(parts) != 5 or parts[1] not in ("v2", "v3"):  # noqa: PLR2004 - the levels of a topic
        raise WireError(f"not a VDA 5050 topic: {text}")
    return Place(int(parts[1][1:]), parts[2], parts[3], parts[4])


def timestamp(now: datetime) -> str:
    """A moment as the standard writes it."""
    return now.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


# ----------------------------------------------------------------------------------- strict out
def encode(message: Message) -> bytes:
    """The message as bytes, in the words of the version in its header.

    Raises:
        WireError: it breaks a rule of the standard, or no such version is spoken here.
    """
    dialect = dialect_of(message.version)
    problems = header_problems(message)
    if dialect is None:
        problems.append(f"version {message.version!r} is not spoken here")
    if isinstance(message, Order):
        problems += order_problems(message)
    if isinstance(message, Responses):
        problems += _response_problems(message)
    if problems or dialect is None:
        raise WireError("; ".join(problems))
    adapter = _adapters[type(message)]
    if dialect == "2.1" and getattr(message, "instantActionStates", None) is None:
        body: bytes = adapter.dump_json(message, exclude_none=True)  # the model's own words
        return body
    data = adapter.dump_python(message, mode="json", exclude_none=True)
    said = narrow(_KINDS[type(message)], data, dialect)
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()


def header_problems(header: Header) -> list[str]:
    """What is wrong with the names in a header: they are levels of a topic."""
    names = (header.manufacturer, header.serialNumber)
    return [f"not a name of VDA 5050: {name!r}" for name in names if not _ID.fullmatch(name)]


def order_problems(order: Order) -> list[str]:
    """The rules of an order that the schema cannot say, and where this order breaks them."""
    nodes, edges = order.nodes, order.edges
    if not nodes or len(edges) != len(nodes) - 1:
        return [f"{len(nodes)} nodes and {len(edges)} edges are not a path"]
    first = nodes[0].sequenceId
    node_steps = list(range(first, first + 2 * len(nodes), 2))
    problems: list[str] = []
    if first % 2 or [node.sequenceId for node in nodes] != node_steps:
        problems.append("the sequence numbers of the nodes are not in step")
    if [edge.sequenceId + 1 for edge in edges] != node_steps[1:]:
        problems.append("the sequence numbers of the edges are not in step")
    if not nodes[0].released:
        problems.append("the first node is not released")
    actions = [a.actionId for node in nodes for a in node.actions]
    actions += [a.actionId for edge in edges for a in edge.actions]
    if len(set(actions)) < len(actions):
        problems.append("two actions have the same id")
    places = (node.nodePosition for node in nodes)
    if not all(p is None or (math.isfinite(p.x) and math.isfinite(p.y)) for p in places):
        problems.append("a node lies nowhere")
    for edge, (start, end) in zip(edges, itertools.pairwise(nodes), strict=True):
        problems += _edge_problems(edge, start, end)
    return problems


def _edge_problems(edge: Edge, start: Node, end: Node) -> list[str]:
    problems: list[str] = []
    if (edge.startNodeId, edge.endNodeId) != (start.nodeId, end.nodeId):
        problems.append(f"edge {edge.edgeId} does not join its nodes")
    if edge.released != end.released:
        problems.append(f"edge {edge.edgeId} and its end are not released together")
    if end.released and not start.released:
        problems.append(f"node {end.nodeId} is released after one that is not")
    return problems


def _response_problems(said: Responses) -> list[str]:
    return [
        f"a lease is given with {answer.grantType}"
        for answer in said.responses
        if answer.leaseExpiry is not None and answer.grantType != "GRANTED"
    ]


# ------------------------------------------------------------- strict in (the robot's side)
def parse_order(body: bytes, dialect: Dialect = "2.1") -> Order:
    """The order in a message.

    Raises:
        WireError: it does not follow the schema, or breaks a rule of `order_problems`.
    """
    order: Order = _parse(Order, body, dialect)
    if problems := [*order_problems(order), *_only_3(order, dialect)]:
        raise WireError("; ".join(problems))
    return order


def parse_state(body: bytes) -> State | None:
    """The state in a message of 2.x, if it follows the schema and its numbers are numbers."""
    try:
        state: State = _adapters[State].validate_json(body, strict=True)
    except ValidationError:
        return None
    place = state.agvPosition
    numbers = (place.x, place.y, place.theta) if place else ()
    return state if all(map(math.isfinite, (state.batteryState.batteryCharge, *numbers))) else None


def parse_instant_actions(body: bytes, dialect: Dialect = "2.1") -> InstantActions:
    """The instant actions in a message.

    Raises:
        WireError: it does not follow the schema; in 3.0, one blocks something.
    """
    said: InstantActions = _parse(InstantActions, body, dialect)
    if dialect == "3.0" and any(action.blockingType != "NONE" for action in said.actions):
        raise WireError("an instant action blocks something")
    return said


def parse_zone_set(body: bytes) -> ZoneSet:
    """The zone set in a message; its zones are the robot's affair.

    Raises:
        WireError: it does not follow the schema.
    """
    said: ZoneSet = _parse(ZoneSet, body, "3.0")
    zones = said.zoneSet.get("zones")
    ids = (said.zoneSet.get("zoneSetId"), said.zoneSet.get("mapId"))
    if not all(isinstance(name, str) for name in ids) or not isinstance(zones, list):
        raise WireError("zoneSet: it needs a zoneSetId, a mapId and zones")
    return said


def parse_responses(body: bytes) -> Responses:
    """The answers in a message.

    Raises:
        WireError: it does not follow the schema, or leases what it does not grant.
    """
    said: Responses = _parse(Responses, body, "3.0")
    if problems := _response_problems(said):
        raise WireError("; ".join(problems))
    return said


def _only_3(order: Order, dialect: Dialect) -> Sequence[str]:
    actions = [a for node in order.nodes for a in node.actions]
    if dialect != "3.0" and any(a.blockingType == "SINGLE" for a in actions):
        return ["blockingType SINGLE is not known before 3.0"]
    return ()


def _parse(kind: type[Any], body: bytes, dialect: Dialect) -> Any:
    try:
        if dialect == "3.0":
            data = json.loads(body)
            if not isinstance(data, dict):
                raise WireError("not a JSON object")
            body = json.dumps(widen(_KINDS[kind], data, dialect)).encode()
        return _adapters[kind].validate_json(body, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise WireError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    except (ValueError, RecursionError) as error:
        raise WireError(str(error)) from error
