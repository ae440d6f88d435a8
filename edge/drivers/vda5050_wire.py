"""The wire models of VDA 5050 2.1, in the standard's own spelling.

Six topics a robot, `uagv/v2/<manufacturer>/<serialNumber>/<topic>`, JSON in each:

    order, instantActions           fleet control -> robot
    state, connection, factsheet    robot -> fleet control   (visualization is not modelled)

Laws:
    strict out   `encode` writes nothing that the official schemas, or the rules below that the
                 schemas cannot say, would refuse
    strict in    `parse_*` take nothing else, as a robot does with orders. What robots say is
                 read leniently, by edge.drivers.vda5050_read

An order is a path: n >= 1 nodes, n - 1 edges, sequence numbers in step (nodes even, edges odd),
first a released part (the base), then an unreleased one (the horizon).

Units: metres, radians, metres a second; batteryCharge is in per cent.

Source: VDA 5050 version 2.1.0, sections 6.2 to 6.15, and its JSON schemas.
"""

import itertools
import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, TypeAdapter, ValidationError

VERSION = "2.1.0"
ToRobot: TypeAlias = Literal["order", "instantActions"]
FromRobot: TypeAlias = Literal["state", "connection", "factsheet"]
BlockingType: TypeAlias = Literal["NONE", "SOFT", "HARD"]
ActionStatus: TypeAlias = Literal[
    "WAITING", "INITIALIZING", "RUNNING", "PAUSED", "FINISHED", "FAILED"
]
OperatingMode: TypeAlias = Literal["AUTOMATIC", "SEMIAUTOMATIC", "MANUAL", "SERVICE", "TEACHIN"]
ConnectionState: TypeAlias = Literal["ONLINE", "OFFLINE", "CONNECTIONBROKEN"]

DONE: frozenset[str] = frozenset({"FINISHED", "FAILED"})
_ID = re.compile(r"[A-Za-z0-9_.:-]+")  # section 6.1.2
_Count = Annotated[int, Field(ge=0)]


class WireError(ValueError):
    """A message cannot be read, or must not be sent."""


# ------------------------------------------------------------------------------------ messages
@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What every message begins with; `headerId` counts the messages of its topic."""

    headerId: int
    timestamp: str
    version: str
    manufacturer: str
    serialNumber: str


@dataclass(frozen=True, slots=True)
class ActionParameter:
    """One setting of an action."""

    key: str
    value: bool | int | float | str | list[Any] | dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """Something a robot shall do besides driving."""

    actionId: str
    actionType: str
    blockingType: BlockingType
    actionParameters: tuple[ActionParameter, ...] = ()

    def parameter(self, key: str) -> object:
        """The value of that setting, or None."""
        return next((p.value for p in self.actionParameters if p.key == key), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodePosition:
    """Where a node lies; the deviations say how near is near enough."""

    x: float
    y: float
    mapId: str
    theta: float | None = None
    allowedDeviationXY: float | None = None
    allowedDeviationTheta: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A place on the way."""

    nodeId: str
    sequenceId: _Count
    released: bool
    actions: tuple[Action, ...]
    nodePosition: NodePosition | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """The way from one node to the next."""

    edgeId: str
    sequenceId: _Count
    released: bool
    startNodeId: str
    endNodeId: str
    actions: tuple[Action, ...] = ()
    maxSpeed: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order(Header):
    """Drive along these nodes. An update begins where the base before it ended."""

    orderId: str
    orderUpdateId: _Count
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class InstantActions(Header):
    """Do these now, whatever the order."""

    actions: tuple[Action, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeState:
    """A node that the robot has yet to reach."""

    nodeId: str
    sequenceId: int
    released: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeState:
    """An edge that the robot has yet to leave."""

    edgeId: str
    sequenceId: int
    released: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionState:
    """How far an action is."""

    actionId: str
    actionStatus: ActionStatus
    actionType: str | None = None
    resultDescription: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AgvPosition:
    """Where the robot believes to be."""

    x: float
    y: float
    theta: float
    mapId: str
    positionInitialized: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class BatteryState:
    """How full, in per cent, and whether it is being filled."""

    batteryCharge: float
    charging: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorReference:
    """What an error is about."""

    referenceKey: str
    referenceValue: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Error:
    """Something is wrong. FATAL needs a person, a WARNING goes by itself."""

    errorType: str
    errorLevel: Literal["WARNING", "FATAL"]
    errorDescription: str | None = None
    errorReferences: tuple[ErrorReference, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What the robot carries."""

    loadId: str | None = None
    loadType: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetyState:
    """Emergency stop and protective field."""

    eStop: Literal["AUTOACK", "MANUAL", "REMOTE", "NONE"] = "NONE"
    fieldViolation: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class State(Header):
    """Everything about a robot at one moment."""

    orderId: str
    orderUpdateId: int
    lastNodeId: str
    lastNodeSequenceId: int
    nodeStates: tuple[NodeState, ...]
    edgeStates: tuple[EdgeState, ...]
    actionStates: tuple[ActionState, ...]
    driving: bool
    operatingMode: OperatingMode
    batteryState: BatteryState
    errors: tuple[Error, ...]
    safetyState: SafetyState
    paused: bool = False
    loads: tuple[Load, ...] | None = None  # None: the robot cannot tell
    agvPosition: AgvPosition | None = None
    newBaseRequest: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection(Header):
    """Whether the robot is connected to the broker. Not a sign of health."""

    connectionState: ConnectionState


@dataclass(frozen=True, slots=True, kw_only=True)
class Factsheet(Header):
    """What kind of robot this is, in the standard's own objects."""

    typeSpecification: dict[str, Any]
    physicalParameters: dict[str, Any]
    protocolLimits: dict[str, Any]
    protocolFeatures: dict[str, Any]
    agvGeometry: dict[str, Any]
    loadSpecification: dict[str, Any]


Message: TypeAlias = Order | InstantActions | State | Connection | Factsheet
_adapters: dict[type[Any], TypeAdapter[Any]] = {
    kind: TypeAdapter(kind) for kind in (Order, InstantActions, State, Connection, Factsheet)
}


# ------------------------------------------------------------------------------------- topics
def topic(manufacturer: str, serial: str, kind: str) -> str:
    """The MQTT topic of one robot."""
    return f"uagv/v2/{manufacturer}/{serial}/{kind}"


def parse_topic(text: str) -> tuple[str, str, str]:
    """Manufacturer, serial number and kind of a topic.

    Raises:
        WireError: it is no topic of VDA 5050, major version 2.
    """
    parts = text.split("/")
    if len(parts) != 5 or parts[1] != "v2":  # noqa: PLR2004 - the levels of a topic
        raise WireError(f"not a VDA 5050 topic: {text}")
    return parts[2], parts[3], parts[4]


def timestamp(now: datetime) -> str:
    """A moment as the standard writes it."""
    return now.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


# ----------------------------------------------------------------------------------- strict out
def encode(message: Message) -> bytes:
    """The message as bytes.

    Raises:
        WireError: it breaks a rule of the standard.
    """
    problems = header_problems(message)
    if isinstance(message, Order):
        problems += order_problems(message)
    if problems:
        raise WireError("; ".join(problems))
    body: bytes = _adapters[type(message)].dump_json(message, exclude_none=True)
    return body


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


# ------------------------------------------------------------- strict in (the robot's side)
def parse_order(body: bytes) -> Order:
    """The order in a message.

    Raises:
        WireError: it does not follow the schema, or breaks a rule of `order_problems`.
    """
    order: Order = _parse(Order, body)
    if problems := order_problems(order):
        raise WireError("; ".join(problems))
    return order


def parse_state(body: bytes) -> State | None:
    """The state in a message, if it follows the schema and its numbers are numbers."""
    try:
        state: State = _adapters[State].validate_json(body, strict=True)
    except ValidationError:
        return None
    place = state.agvPosition
    numbers = (place.x, place.y, place.theta) if place else ()
    return state if all(map(math.isfinite, (state.batteryState.batteryCharge, *numbers))) else None


def parse_instant_actions(body: bytes) -> InstantActions:
    """The instant actions in a message.

    Raises:
        WireError: it does not follow the schema.
    """
    actions: InstantActions = _parse(InstantActions, body)
    return actions


def _parse(kind: type[Any], body: bytes) -> Any:
    try:
        return _adapters[kind].validate_json(body, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise WireError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error
