r"""What the WMS may say to the WCS of a site, and what it hears.

All of it is durable: it goes through streams (edge.stream), in order, and is acknowledged by the
receiver. Ids are the WMS's UUIDs as text; points, stations, lanes and gates are the names of the
site file. Within version 1 fields are only added, with defaults.

    TransportOrder ->  ACCEPTED -> ASSIGNED -> LOADED -> FINISHED
                            \---------\----------\---> FAILED | WITHDRAWN      (once, at the end)
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, TypeAdapter

from edge.messages import CommandRefused, LightPressed, ShelfSeen, ShowLight, WeightRead

TransportState: TypeAlias = Literal[
    "ACCEPTED", "ASSIGNED", "LOADED", "FINISHED", "FAILED", "WITHDRAWN"
]


# ---------------------------------------------------------------------------- what the WMS says
@dataclass(frozen=True, slots=True, kw_only=True)
class TransportOrder:
    """Bring a load (a tote, by its code) from one place of the plant to another."""

    type: Literal["transport.order"] = "transport.order"
    id: str
    load: str
    source: str
    destination: str
    priority: int = 0  # higher goes first
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal:
    """Take a transport order back, if it is not too late: a carried load is still delivered."""

    type: Literal["transport.withdrawal"] = "transport.withdrawal"
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ParcelExpected:
    """A parcel will come to the sorter: which lane it belongs on, and its tag."""

    type: Literal["parcel.expected"] = "parcel.expected"
    code: str  # the SSCC on its label, 18 digits
    epc_hex: str
    lane: str  # or "": the WCS chooses one for its group
    group: str = ""  # what shall lie together: a wave, a carrier, a store


@dataclass(frozen=True, slots=True, kw_only=True)
class PassageExpected:
    """These should go through a gate: what an ASN announces, what is loaded at a door.

    The list with that id, whole: said again it replaces itself, without codes it is taken back.
    """

    type: Literal["passage.expected"] = "passage.expected"
    id: str
    direction: Literal["IN", "OUT"]
    codes: tuple[str, ...]  # GS1 keys: SSCC, GRAI, GTIN-14 …, whatever their tags look like
    expires_at: datetime
    gate: str = ""  # "" is any gate


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetyConfirmed:
    """A person says at the screen that a safety circuit, reset at the machine, may go on."""

    type: Literal["safety.confirmed"] = "safety.confirmed"
    id: str
    circuit: str
    by: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RobotHold:
    """People want a robot to stand where it is (`held`), or to go on. Done once, by its id.

    `cancel`: it shall forget its drive as well, and gets no other one until it may go on.
    `withdraw`: it does not stand; the order that it has and has not begun is taken back for good.
    """

    type: Literal["robot.hold"] = "robot.hold"
    id: str
    robot: str
    held: bool
    by: str
    reason: str
    expires_at: datetime
    cancel: bool = False
    withdraw: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaHold:
    """People close an area of the floor (`held`), or open it again. Done by its id."""

    type: Literal["area.hold"] = "area.hold"
    id: str
    area: str
    held: bool
    by: str
    reason: str
    expires_at: datetime


# --------------------------------------------------------------------------- what the WMS hears
@dataclass(frozen=True, slots=True, kw_only=True)
class TransportReport:
    """How far a transport order is."""

    type: Literal["transport.report"] = "transport.report"
    at: datetime
    id: str
    state: TransportState
    robot: str | None = None
    metres: float = 0.0  # driven for this order so far, empty and loaded
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParcelScanned:
    """The sorter's scanner read a parcel, or failed to (`code` is None then)."""

    type: Literal["parcel.scanned"] = "parcel.scanned"
    at: datetime
    sorter: str
    code: str | None
    lane: str  # what the WCS decided: a lane, or "RECIRCULATE" or the hospital lane


@dataclass(frozen=True, slots=True, kw_only=True)
class ParcelSorted:
    """The sorter did something with a parcel."""

    type: Literal["parcel.sorted"] = "parcel.sorted"
    at: datetime
    sorter: str
    code: str | None
    lane: str | None
    status: str  # an edge.messages.SortStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class GatePassage:
    """Tags went through a gate. AMBIGUOUS is a question for a person, never a movement."""

    type: Literal["gate.passage"] = "gate.passage"
    at: datetime
    gate: str
    direction: Literal["IN", "OUT", "AMBIGUOUS"]
    confidence: float  # 0.5 (no idea) to 1
    epcs_hex: tuple[str, ...]
    reads: int
    started_at: datetime
    ended_at: datetime
    # on what that rests: reads of both sides, the strongest, how many of the tags were expected
    # here, and of AMBIGUOUS ones why ("one_zone", "few_reads", "too_close", "unsure",
    # "two_doors" and which other one)
    reads_inside: int = 0
    reads_outside: int = 0
    peak_dbm: float = 0.0
    expected: int = 0
    reasons: tuple[str, ...] = ()
    neighbour: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MissionCharged:
    """What a mission of a hired fleet costs: by what was agreed, and what its owner asks for it."""

    type: Literal["mission.charged"] = "mission.charged"
    at: datetime
    id: str  # the transport order
    fleet: str
    mission: str
    state: str  # FINISHED, FAILED or CANCELLED
    metres: float
    agreed_minor: int
    asked_minor: int | None
    currency: str


Priority: TypeAlias = Literal[1, 2, 3]  # of alarms: 1 first


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """Something needs a person, or no longer does."""

    type: Literal["alarm"] = "alarm"
    at: datetime
    id: str  # stable for the same trouble: raising twice raises once
    source: str
    code: str  # translated on the screen: "robot.silent", "sorter.no_read_rate" …
    priority: Priority
    active: bool
    detail: str = ""


ToWcs: TypeAlias = Annotated[
    TransportOrder
    | Withdrawal
    | ParcelExpected
    | PassageExpected
    | ShowLight
    | SafetyConfirmed
    | RobotHold
    | AreaHold,
    Field(discriminator="type"),
]
FromWcs: TypeAlias = Annotated[
    TransportReport
    | ParcelScanned
    | ParcelSorted
    | GatePassage
    | Alarm
    | MissionCharged
    | WeightRead
    | ShelfSeen
    | LightPressed
    | CommandRefused,
    Field(discriminator="type"),
]

to_wcs: TypeAdapter[ToWcs] = TypeAdapter(ToWcs)
from_wcs: TypeAdapter[FromWcs] = TypeAdapter(FromWcs)


# --------------------------------------------------------------- the live picture (not durable)
@dataclass(frozen=True, slots=True, kw_only=True)
class RobotOnMap:
    """One robot as the control room draws it."""

    robot: str
    x_m: float
    y_m: float
    heading_rad: float
    state: Literal["IDLE", "DRIVING", "WAITING", "WORKING", "CHARGING", "FAULT", "SILENT"]
    battery: float
    load: str | None
    transport: str | None  # the id of its transport order
    route: tuple[str, ...]  # points still ahead
    paused: bool = False  # people, or a safety circuit, have it stand
    why: str = ""  # it cannot be reckoned with: silent, missing, manual, deaf, cancelled
    # of a robot that has several slots: how many, and all that it carries
    slots: Annotated[int, Field(exclude_if=lambda slots: slots == 1)] = 1
    loads: Annotated[tuple[str, ...] | None, Field(exclude_if=lambda loads: loads is None)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CartonOnMap:
    """One carton on conveyor or sorter as the control room draws it."""

    device: str
    tracking: int
    code: str | None
    place: str  # the point or lane it was last reported at


@dataclass(frozen=True, slots=True, kw_only=True)
class StopOnMap:
    """A safety circuit that stands: not reset at the machine, or reset and to be confirmed."""

    circuit: str
    since: datetime
    reset: bool
    robots: int  # that were told to pause for it


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteFrame:
    """Where everything is right now; published a few times a second, the latest counts."""

    type: Literal["site.frame"] = "site.frame"
    at: datetime
    site: str
    robots: tuple[RobotOnMap, ...]
    cartons: tuple[CartonOnMap, ...]
    transports_open: int
    lanes: tuple[tuple[str, int], ...]  # cartons sorted to each lane since the start
    alarms: tuple[Alarm, ...]
    stops: tuple[StopOnMap, ...] = ()
    areas: tuple[str, ...] = ()  # that are closed


site_frame: TypeAdapter[SiteFrame] = TypeAdapter(SiteFrame)
