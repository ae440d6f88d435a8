"""A simulated robot as data: how it is built, what it is doing, and how it says so.

`Build` never changes. `Body` is the whole of what the robot knows and has; it goes to JSON and
back, so that a robot whose process was killed goes on where it was. `said_state` and
`said_factsheet` put both into the words of VDA 5050, in the version that the robot is built for.

Moments are unix seconds, for arithmetic on them is all that is done with them here.

Source: VDA 5050 version 2.1.0, sections 6.10 and 6.15; version 3.0.0, sections 7.8 and 7.10.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pydantic import TypeAdapter

from edge.drivers.vda5050_codec import Dialect, dialect_of
from edge.drivers.vda5050_model import (
    DONE,
    VERSION,
    Action,
    ActionState,
    ActionStatus,
    AgvPosition,
    BatteryState,
    Connection,
    ConnectionState,
    Edge,
    EdgeState,
    Enabled,
    Error,
    Factsheet,
    Load,
    MapInfo,
    Node,
    NodeState,
    OperatingMode,
    RequestStatus,
    SafetyState,
    State,
    ZoneRequest,
    ZoneSetInfo,
)
from edge.drivers.vda5050_wire import timestamp
from simulators.robot_motion import Leg, Motors

_HOUR_S = 3600.0
_PI_RAD = 3.1415  # as far as four places go: a rounded pi would be more than pi
_MOTORS = Motors()
_EMPTY = Error(errorType="batteryEmpty", errorLevel="FATAL")


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """How a robot is built, and the chance it lives under.

    `hindered_share` of its legs are driven slowly, as if somebody were in the way. The rates are
    shares of a full battery an hour. A robot with `charge_nodes` charges only there.
    """

    name: str
    manufacturer: str
    serial: str
    map_id: str
    speed_mps: float = 1.5
    motors: Motors = _MOTORS
    pick_s: float = 8.0
    drop_s: float = 6.0
    plug_s: float = 3.0
    hindered_share: float = 0.02
    driving_per_h: float = 0.16
    idle_per_h: float = 0.03
    charging_per_h: float = 1.2
    charge_nodes: frozenset[str] = frozenset()
    state_every_s: float = 25.0
    version: str = VERSION
    slips: frozenset[str] = frozenset()  # loads whose first pick fails, and may be tried again
    seed: int = 0
    slots: int = 1  # how many loads it carries at once

    @property
    def dialect(self) -> Dialect:
        """The dialect of its version."""
        return dialect_of(self.version) or "2.1"

    @property
    def major(self) -> int:
        """The major version, as it stands in its topics."""
        return int(self.version[0])

    @property
    def slot_names(self) -> frozenset[str]:
        """What its slots are called; one alone has no name."""
        return frozenset({str(n) for n in range(1, self.slots + 1)} if self.slots > 1 else {""})

    def duration_s(self, action_type: str) -> float | None:
        """How long an action takes, or None if this robot cannot do it."""
        durations = {
            "pick": self.pick_s,
            "drop": self.drop_s,
            "startCharging": self.plug_s,
            "stopCharging": self.plug_s,
        }
        return durations.get(action_type)


@dataclass(slots=True)
class Doing:
    """An action of the robot: of its order, or instant."""

    action: Action
    status: ActionStatus = "WAITING"
    ends_at: float | None = None
    result: str | None = None
    is_instant: bool = False

    @property
    def is_done(self) -> bool:
        """Whether it has come to its end."""
        return self.status in DONE


@dataclass(slots=True)
class KnownZones:
    """A zone set that it has, in the standard's own objects."""

    id: str
    map: str
    status: Enabled
    zones: list[dict[str, Any]]


@dataclass(slots=True)
class Asking:
    """A zone that it asks for, or has: set and zone. `until` is when the lease ends."""

    id: str
    zone: tuple[str, str]
    status: RequestStatus = "REQUESTED"
    until: float | None = None
    entered: bool = False


@dataclass(slots=True)
class Body:
    """All that a robot knows and has, at the moment `at`."""

    at: float
    x_m: float
    y_m: float
    heading_rad: float
    last_node: str
    last_sequence: int = 0
    battery: float = 1.0
    charging: bool = False
    loads: dict[str, str] = field(default_factory=dict)  # by the slot that they are in
    order: str = ""
    update: int = 0
    cancelled: bool = False
    base_end: tuple[str, int] = ("", 0)  # the decision point
    nodes: list[Node] = field(default_factory=list)  # yet to be reached
    edges: list[Edge] = field(default_factory=list)
    actions: list[Doing] = field(default_factory=list)
    here: list[str] = field(default_factory=list)  # ids of actions triggered, not yet begun
    cancels: list[str] = field(default_factory=list)  # ids of cancelOrder actions under way
    leg: Leg | None = None
    paused: bool = False
    errors: list[Error] = field(default_factory=list)
    draws: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    said_at: float = 0.0
    mode: OperatingMode = "AUTOMATIC"
    digest: str = ""  # of what the last order said
    maps: list[MapInfo] | None = None  # None: it has one map and says nothing of it
    zone_sets: list[KnownZones] = field(default_factory=list)
    requests: list[Asking] = field(default_factory=list)
    asked: int = 0  # requests so far
    slipped: list[str] = field(default_factory=list)  # loads that it has failed to pick once

    @property
    def load(self) -> str | None:
        """What it carries: the first, if it carries several."""
        return next(iter(self.loads.values()), None)

    def running(self) -> list[Doing]:
        """The actions that take time right now."""
        return [doing for doing in self.actions if doing.ends_at is not None and not doing.is_done]

    def is_busy(self) -> bool:
        """Whether it is carrying an order out, or waits for the rest of one (figure 8, step 3)."""
        work = any(not doing.is_done for doing in self.actions)
        return bool(self.nodes or self.leg or work)


_body: TypeAdapter[Body] = TypeAdapter(Body)


def body_to_json(body: Body) -> bytes:
    """Everything about it, to be written down."""
    return _body.dump_json(body)


def body_from_json(text: bytes | str) -> Body:
    """The robot as it was written down."""
    return _body.validate_json(text)


# ------------------------------------------------------------------------------ what it says
def _header(build: Build, body: Body, kind: str) -> dict[str, Any]:
    number = body.counts.get(kind, 0)
    body.counts[kind] = number + 1
    return {
        "headerId": number,
        "timestamp": timestamp(datetime.fromtimestamp(body.at, UTC)),
        "version": build.version,
        "manufacturer": build.manufacturer,
        "serialNumber": build.serial,
    }


def said_state(build: Build, body: Body) -> State:
    """Its state at the moment it is at."""
    x_m, y_m, heading_rad = body.x_m, body.y_m, body.heading_rad
    if body.leg is not None:
        x_m, y_m, heading_rad, _speed = body.leg.at(body.at)
    released = sum(node.released for node in body.nodes)
    is_3 = build.dialect == "3.0"
    orders = [doing for doing in body.actions if not (is_3 and doing.is_instant)]
    instant = [doing for doing in body.actions if doing.is_instant]
    return State(
        **_header(build, body, "state"),
        orderId=body.order,
        orderUpdateId=body.update,
        lastNodeId=body.last_node,
        lastNodeSequenceId=body.last_sequence,
        nodeStates=tuple(
            NodeState(nodeId=n.nodeId, sequenceId=n.sequenceId, released=n.released)
            for n in body.nodes
        ),
        edgeStates=tuple(
            EdgeState(edgeId=e.edgeId, sequenceId=e.sequenceId, released=e.released)
            for e in body.edges
        ),
        actionStates=tuple(map(_said_action, orders)),
        instantActionStates=tuple(map(_said_action, instant)) if is_3 else None,
        maps=tuple(body.maps) if body.maps is not None else None,
        zoneSets=_said_sets(body) if is_3 else None,
        zoneRequests=tuple(map(_said_request, body.requests)) if is_3 else None,
        driving=body.leg is not None,
        paused=body.paused,
        operatingMode=body.mode,
        batteryState=BatteryState(
            batteryCharge=round(100 * body.battery, 2), charging=body.charging
        ),
        errors=tuple(body.errors) if body.battery > 0.0 else (*body.errors, _EMPTY),
        safetyState=SafetyState(),
        loads=tuple(
            Load(loadId=load, loadPosition=slot or None) for slot, load in body.loads.items()
        ),
        agvPosition=AgvPosition(
            x=round(x_m, 3),
            y=round(y_m, 3),
            theta=max(-_PI_RAD, min(round(heading_rad, 4), _PI_RAD)),
            mapId=build.map_id,
        ),
        newBaseRequest=released <= 1 and released < len(body.nodes),
    )


def _said_action(doing: Doing) -> ActionState:
    return ActionState(
        actionId=doing.action.actionId,
        actionStatus=doing.status,
        actionType=doing.action.actionType,
        resultDescription=doing.result,
    )


def _said_sets(body: Body) -> tuple[ZoneSetInfo, ...]:
    return tuple(
        ZoneSetInfo(zoneSetId=known.id, mapId=known.map, zoneSetStatus=known.status)
        for known in body.zone_sets
    )


def _said_request(asking: Asking) -> ZoneRequest:
    zone_set, zone = asking.zone
    return ZoneRequest(
        requestId=asking.id,
        requestType="ACCESS",
        zoneId=zone,
        zoneSetId=zone_set,
        requestStatus=asking.status,
    )


def said_connection(build: Build, body: Body, state: ConnectionState) -> Connection:
    """That it is there, or not any more."""
    return Connection(**_header(build, body, "connection"), connectionState=state)


def scopes_of(build: Build) -> dict[str, list[str]]:
    """The actions that it can do, and where each may stand."""
    is_3 = build.dialect == "3.0"
    since_21 = () if build.dialect == "2.0" else ("downloadMap", "enableMap", "deleteMap")
    since_3 = ("retry", "skipRetry", "enableZoneSet", "deleteZoneSet") if is_3 else ()
    instant = ("cancelOrder", "startPause", "stopPause", "stateRequest", "factsheetRequest")
    return {
        "pick": ["NODE"],
        "drop": ["NODE"],
        "startCharging": ["INSTANT", "NODE"],
        "stopCharging": ["INSTANT", "NODE"],
        **{kind: ["INSTANT"] for kind in (*instant, *since_21, *since_3)},
    }


def said_factsheet(build: Build, body: Body) -> Factsheet:
    """What kind of robot it is."""
    is_3 = build.dialect == "3.0"
    return Factsheet(
        **_header(build, body, "factsheet"),
        typeSpecification={
            "seriesName": "soko tote robot",
            "agvKinematic": "DIFF",
            "agvClass": "CARRIER",
            "maxLoadMass": 30,
            "localizationTypes": ["GRID"],
            "navigationTypes": ["VIRTUAL_LINE_GUIDED"],
            **({"supportedZones": ["BLOCKED", "RELEASE"]} if is_3 else {}),
        },
        physicalParameters={
            "speedMin": 0.0,
            "speedMax": build.speed_mps,
            "accelerationMax": build.motors.accelerate_mps2,
            "decelerationMax": build.motors.accelerate_mps2,
            "heightMin": 0.3,
            "heightMax": 0.4,
            "width": 0.6,
            "length": 0.8,
        },
        protocolLimits={
            "maxStringLens": {},
            "maxArrayLens": {},
            "timing": {
                "minOrderInterval": 0.0,
                "minStateInterval": 0.0,
                "defaultStateInterval": build.state_every_s,
            },
        },
        protocolFeatures={
            "optionalParameters": [],
            "agvActions": [
                {"actionType": kind, "actionScopes": scopes}
                for kind, scopes in scopes_of(build).items()
            ],
        },
        agvGeometry={},
        loadSpecification={"loadSets": [{"setName": "tote", "loadType": "TOTE"}]},
    )


def used(build: Build, body: Body, until: float) -> float:
    """The battery at `until`, if nothing else happens before."""
    if body.charging:
        per_h = build.charging_per_h
    else:
        per_h = -(build.driving_per_h if body.leg is not None else build.idle_per_h)
    return min(1.0, max(0.0, body.battery + per_h * (until - body.at) / _HOUR_S))
