"""All that the engine knows, in plain dataclasses, to JSON and back without loss.

Everything that decides is here; what can be worked out again from the plant (routes, who holds
which point) is not. Whoever changes a robot says so (`stir`): the next step looks at it, and what
is kept beside the state (wcs.moves) follows it. Dictionaries keep the order in which things came,
which is part of the state: the same journal gives the same JSON, byte for byte.

Times are aware UTC; metres, seconds.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, TypeAdapter

from edge.machine_messages import FleetMission, PortalWanted, RouteUnit
from edge.messages import (
    CancelDrive,
    Divert,
    Drive,
    DriveAction,
    LaneTable,
    PauseRobot,
    ReleaseCarton,
    RobotReport,
    ShowLight,
)
from wcs.gates import Announced, GateState
from wcs.messages import Alarm, FromWcs, Priority
from wcs.mfc_units import Conveying
from wcs.plant import Plant

MissionKind: TypeAlias = Literal["", "transport", "park", "charge", "move", "foreign"]
ToEdge: TypeAlias = (
    Drive
    | CancelDrive
    | PauseRobot
    | ReleaseCarton
    | Divert
    | LaneTable
    | ShowLight
    | FleetMission
    | PortalWanted
    | RouteUnit
)


@dataclass(slots=True)
class Transport:
    """A transport order that is not over yet."""

    id: str
    load: str
    source: str
    destination: str
    priority: int
    due_at: datetime | None
    accepted_at: datetime
    robot: str | None = None
    loaded: bool = False
    missions: int = 0  # how many missions it took so far
    announced: bool = False  # ASSIGNED has been reported
    metres: float = 0.0
    ours: bool = True  # both its places are on the plant, so that our robots could do it
    # where its load is, or shall go, on a robot that has several slots
    slot: Annotated[str | None, Field(exclude_if=lambda slot: slot is None)] = None
    # … and when such a robot got the order
    given_at: Annotated[datetime | None, Field(exclude_if=lambda at: at is None)] = None


@dataclass(slots=True)
class Handed:
    """A transport order that a hired fleet has, as a mission."""

    transport: str
    fleet: str
    mission: str
    heard_at: datetime  # or handed out
    state: str = ""  # the last that was heard, edge.machine_messages.MissionState
    robot: str = ""
    told_at: datetime | None = None
    tells: int = 0
    unwanted: bool = False  # it has been withdrawn


@dataclass(slots=True)
class Fleet:
    """A hired fleet: whether its interface answers, and what it would not take."""

    up: bool = False
    not_before: dict[str, datetime] = field(default_factory=dict)  # orders, and since when


@dataclass(slots=True)
class Want:
    """A robot's wish for a portal."""

    position: str
    since: datetime
    seen_at: datetime


@dataclass(slots=True)
class Access:
    """A portal (door, lift): who has it, where it shall be, and what was last heard of it."""

    session: str = ""  # "": nobody has it
    users: list[str] = field(default_factory=list)  # robots
    position: str = ""  # where it shall be
    since: datetime | None = None  # of the session
    told_at: datetime | None = None
    heard_at: datetime | None = None
    granted: str = ""  # where it is, for this session
    until_at: datetime | None = None
    is_free: bool = True  # it has heard that nobody needs it
    fault: bool = False
    wants: dict[str, Want] = field(default_factory=dict)  # by robot


@dataclass(slots=True)
class Stop:
    """An emergency stop that is not over."""

    since: datetime
    reset: bool = False  # at the machine
    paused: list[str] = field(default_factory=list)  # robots that were told to
    stood: list[str] = field(default_factory=list)  # of these, who was paused by people before
    told_at: datetime | None = None


@dataclass(slots=True)
class Held:
    """A point granted to a robot, as an element of its mission."""

    point: str
    sequence: int
    actions: tuple[DriveAction, ...] = ()


@dataclass(slots=True)
class Approach:
    """How near a robot has come to its goal, and when it is overdue if it comes no nearer."""

    goal: str
    way_s: float  # when it began
    nearest_s: float
    due_at: datetime


@dataclass(slots=True)
class Robot:
    """One robot: what it has been told and what it was last heard to be."""

    name: str
    since: datetime  # when it began to want what it wants now: its age in traffic
    report: RobotReport | None = None
    heard_at: datetime | None = None
    held: list[Held] = field(default_factory=list)  # where it is, then what is granted
    before: str | None = None  # the point before held[0]
    mission: str = ""
    number: int = 0  # of the mission: the next one has a greater one
    kind: MissionKind = ""
    goal: str | None = None
    transport: str | None = None
    anew: str = ""  # where it begins anew, once it is seen to know that; till then all stays held
    tells_load: bool = False  # it has been seen to carry something: what it says of that counts
    action: str = ""  # granted for good, and not finished yet: it cannot be held up any more
    drive: Drive | None = None  # the latest statement of this mission
    shown: bool = True  # the robot has been seen to know it …
    known: bool = False  # … or an earlier one of the same mission
    told_at: datetime | None = None
    obstacle: str = ""  # why it counts as a wall: "silent", "manual", "deaf" …
    cancelled: str = ""  # the mission that people took from it, until they let it go on …
    cancelled_at: datetime | None = None  # … and when
    stood_at: datetime | None = None  # since when it stands though it has somewhere to go …
    approach: Approach | None = None  # while it has somewhere to go
    urgent: bool = False  # it is overdue, and goes before everybody else
    # orders of the stops after that of `transport`, of a robot that carries several (wcs.stops)
    then: Annotated[list[str], Field(default_factory=list, exclude_if=lambda then: not then)] = (
        field(default_factory=list)
    )


@dataclass(slots=True)
class Carton:
    """A carton on a sorter, or on the way to it."""

    device: str
    tracking: int
    barcode: str | None
    code: str | None
    lap: int
    lane: str  # decided at its latest scan
    seen_at: datetime
    sorted: list[str] = field(default_factory=list)  # what was heard of this lap
    closed: bool = False  # it has left the sorter


@dataclass(slots=True)
class Waiting:
    """A carton at a decision point that is to be released."""

    device: str
    point: str
    tracking: int
    arrived_at: datetime
    told_at: datetime | None = None
    tells: int = 0


@dataclass(slots=True)
class Expected:
    """A parcel that will come: its lane, and the number of this row of the lane table."""

    lane: str  # "" while its group has none
    number: int
    group: str = ""


@dataclass(slots=True)
class Group:
    """Parcels that belong together: a wave, a carrier, a store."""

    at: datetime  # when it was last added to, or something of it was sorted
    lanes: list[str] = field(default_factory=list)
    codes: dict[str, bool] = field(default_factory=dict)  # its parcels: whether sorted


@dataclass(slots=True)
class Told:
    """How far the edge has been told of the lane table of one sorter."""

    known: int = 0  # it has said that it has the table up to here
    sent: int = 0
    sent_at: datetime | None = None


@dataclass(slots=True)
class Sorting:
    """All that is known of parcels, cartons and lanes."""

    expected: dict[str, Expected] = field(default_factory=dict)  # by parcel code, oldest first
    groups: dict[str, Group] = field(default_factory=dict)
    rows: int = 0  # the number of the latest row
    table: str = ""  # names this lane table: another one counts from 1 again
    told: dict[str, Told] = field(default_factory=dict)  # by sorter
    cartons: dict[str, Carton] = field(default_factory=dict)  # by "device/tracking"
    waiting: dict[str, Waiting] = field(default_factory=dict)  # by "device/point"
    full_since: dict[str, datetime] = field(default_factory=dict)  # by "device/lane"
    lanes: dict[str, int] = field(default_factory=dict)  # cartons sorted to each lane


@dataclass(slots=True)
class State:
    """The whole state of a site's engine."""

    site: str
    started_at: datetime
    now: datetime
    missions: int = 0  # how many missions of our own were named
    robots: dict[str, Robot] = field(default_factory=dict)
    transports: dict[str, Transport] = field(default_factory=dict)
    over: dict[str, str] = field(default_factory=dict)  # transport orders that ended, and how
    sorting: Sorting = field(default_factory=Sorting)
    gates: dict[str, GateState] = field(default_factory=dict)  # by device
    announced: Announced = field(default_factory=Announced)  # what should pass gates
    alarms: dict[str, Alarm] = field(default_factory=dict)  # the active ones
    handed: dict[str, Handed] = field(default_factory=dict)  # to hired fleets, by transport order
    fleets: dict[str, Fleet] = field(default_factory=dict)
    missions_over: dict[str, str] = field(default_factory=dict)  # of hired fleets, and how
    portals: dict[str, Access] = field(default_factory=dict)
    stops: dict[str, Stop] = field(default_factory=dict)  # by safety circuit
    # closed by people: by area, the robots that were told to stand for it, and when
    areas: dict[str, dict[str, datetime]] = field(default_factory=dict)
    conveying: Conveying = field(default_factory=Conveying)  # what is on networks of conveyors
    stirred: dict[str, None] = field(default_factory=dict)  # robots to be looked at, in order
    looked_at: datetime | None = None  # when all were looked at last
    asked_at: datetime | None = None  # when robots and orders were last looked at together …
    asked_of: tuple[int, int] = (0, 0)  # … and how many were free, and without a robot


@dataclass(slots=True)
class Outbox:
    """What one step has to say."""

    to_wms: list[FromWcs] = field(default_factory=list)
    to_edge: list[ToEdge] = field(default_factory=list)


_state: TypeAdapter[State] = TypeAdapter(State)
_outbox: TypeAdapter[Outbox] = TypeAdapter(Outbox)


def to_json(state: State) -> bytes:
    """The state as JSON: equal states give equal bytes."""
    return _state.dump_json(state)


def from_json(body: bytes) -> State:
    """The state that `to_json` wrote."""
    return _state.validate_json(body)


def outbox_json(outbox: Outbox) -> bytes:
    """What a step said, as JSON."""
    return _outbox.dump_json(outbox)


def fresh_state(plant: Plant, now: datetime) -> State:
    """A site that nothing has been heard of yet."""
    return fit(State(site=plant.site.code, started_at=now, now=now), plant)


def fit(state: State, plant: Plant) -> State:
    """Follow a changed site file: what is new gets its place, what is gone loses it."""
    for name in [name for name in state.robots if name not in plant.robots]:
        if state.robots[name].transport is None:
            del state.robots[name]
    for robot in state.robots.values():
        if any(held.point not in plant.points for held in robot.held):
            robot.held, robot.goal = [], None  # it will be placed by its next report
    state.gates = {device: gate for device, gate in state.gates.items() if device in plant.gates}
    for name in plant.robots:
        if name not in state.robots:
            state.robots[name] = Robot(name=name, since=state.now)
    for device, gate in plant.gates.items():
        if device not in state.gates:
            state.gates[device] = GateState(
                gate=gate.name, device=device, inside=gate.inside, outside=gate.outside
            )
        state.gates[device].eyes = gate.eyes
    return state


def stir(state: State, *robots: str) -> None:
    """Something about these robots has changed: this step, or the next one, looks at them."""
    state.stirred.update(dict.fromkeys(robots))


def stirred(state: State) -> list[Robot]:
    """The robots that something has happened to since they were looked at, in that order."""
    return [state.robots[name] for name in state.stirred if name in state.robots]


def raise_alarm(  # noqa: PLR0913 - the facts of an alarm
    state: State,
    outbox: Outbox,
    alarm_id: str,
    detail: str,
    *,
    source: str = "",
    priority: Priority = 2,
    at: datetime | None = None,
) -> None:
    """Raise the alarm `code/what`, once; `what` is its source unless another is named."""
    if alarm_id in state.alarms:
        return
    code, _, what = alarm_id.partition("/")
    alarm = state.alarms[alarm_id] = Alarm(
        at=at or state.now,
        id=alarm_id,
        source=source or what,
        code=code,
        priority=priority,
        active=True,
        detail=detail,
    )
    outbox.to_wms.append(alarm)


def clear_alarm(state: State, outbox: Outbox, alarm_id: str) -> None:
    """The trouble is over."""
    alarm = state.alarms.pop(alarm_id, None)
    if alarm is not None:
        outbox.to_wms.append(replace(alarm, at=state.now, active=False))
