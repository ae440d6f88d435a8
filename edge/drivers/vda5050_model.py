"""What is said in VDA 5050: one model for the versions 2.0, 2.1 and 3.0.

Every version says the same things in other words, so there is one set of messages, in the
spelling of 2.1, widened by what only 3.0 can say; edge.drivers.vda5050_codec puts them into the
words of a version and back.

    order, instantActions           fleet control -> robot
    zoneSet, responses              fleet control -> robot, from 3.0 on
    state, connection, factsheet    robot -> fleet control   (visualization is not modelled)

A field that is None is not said. What a version cannot say stays None for it.

Units: metres, radians, metres a second; batteryCharge is in per cent.

Source: VDA 5050 versions 2.0.0, 2.1.0 and 3.0.0, chapter of message specifications, and their
JSON schemas.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field

VERSION = "2.1.0"
ToRobot: TypeAlias = Literal["order", "instantActions", "zoneSet", "responses"]
FromRobot: TypeAlias = Literal["state", "connection", "factsheet"]
BlockingType: TypeAlias = Literal["NONE", "SINGLE", "SOFT", "HARD"]
ActionStatus: TypeAlias = Literal[
    "WAITING", "INITIALIZING", "RUNNING", "PAUSED", "RETRIABLE", "FINISHED", "FAILED"
]
OperatingMode: TypeAlias = Literal[
    "STARTUP", "AUTOMATIC", "SEMIAUTOMATIC", "INTERVENED", "MANUAL", "SERVICE", "TEACHIN"
]
ConnectionState: TypeAlias = Literal["ONLINE", "OFFLINE", "HIBERNATING", "CONNECTIONBROKEN"]
ErrorLevel: TypeAlias = Literal["WARNING", "URGENT", "CRITICAL", "FATAL"]
Enabled: TypeAlias = Literal["ENABLED", "DISABLED"]
RequestType: TypeAlias = Literal["ACCESS", "REPLANNING", "CORRIDOR"]
RequestStatus: TypeAlias = Literal["REQUESTED", "GRANTED", "REVOKED", "EXPIRED"]
Grant: TypeAlias = Literal["GRANTED", "QUEUED", "REVOKED", "REJECTED"]

DONE: frozenset[str] = frozenset({"FINISHED", "FAILED"})
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
    retriable: bool | None = None  # from 3.0 on

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
    errorLevel: ErrorLevel
    errorDescription: str | None = None
    errorReferences: tuple[ErrorReference, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What the robot carries."""

    loadId: str | None = None
    loadType: str | None = None
    loadPosition: str | None = None  # which of several slots


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetyState:
    """Emergency stop and protective field."""

    eStop: Literal["AUTOACK", "MANUAL", "REMOTE", "NONE"] = "NONE"
    fieldViolation: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MapInfo:
    """A map that the robot has; of one mapId only one version is enabled."""

    mapId: str
    mapVersion: str
    mapStatus: Enabled


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneSetInfo:
    """A zone set that the robot has; of one map only one is enabled."""

    zoneSetId: str
    mapId: str
    zoneSetStatus: Enabled


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneRequest:
    """The robot asks to enter a zone, or to change its way in one."""

    requestId: str
    requestType: RequestType
    zoneId: str
    zoneSetId: str
    requestStatus: RequestStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeRequest:
    """The robot asks to leave the middle of an edge, within its corridor."""

    requestId: str
    requestType: RequestType
    edgeId: str
    sequenceId: int
    requestStatus: RequestStatus


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
    maps: tuple[MapInfo, ...] | None = None  # from 2.1 on, as all that follow from 3.0 on
    instantActionStates: tuple[ActionState, ...] | None = None  # before: among actionStates
    zoneSets: tuple[ZoneSetInfo, ...] | None = None
    zoneRequests: tuple[ZoneRequest, ...] | None = None
    edgeRequests: tuple[EdgeRequest, ...] | None = None


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


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneSet(Header):
    """The zones of a map, in the standard's own object."""

    zoneSet: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What fleet control says to a request. A lease may only be given with GRANTED."""

    requestId: str
    grantType: Grant
    leaseExpiry: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Responses(Header):
    """Answers to requests."""

    responses: tuple[Response, ...]


Message: TypeAlias = Order | InstantActions | ZoneSet | Responses | State | Connection | Factsheet
