"""What devices say, and what they are told: the words between the edge and the WCS.

One dataclass a message, frozen, plain, told apart on the wire by `type`. Times are aware UTC.
Lengths are metres, angles radians, shares of one (a battery of 0.8 is 80 % full). A message
names devices by the names of the site file.

Two kinds of traffic (edge.stream, edge.mqtt):
    events   must not be lost: they go through a spool, in order, and are acknowledged
    live     the latest matters, an old one does not: robot states, drives, diverts. Both sides
             say again what the other does not seem to know, so a lost one heals itself.

Within version 1 fields are only added, with defaults.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal, TypeAlias
from uuid import UUID

from pydantic import Field, TypeAdapter

from edge.device_commands import (
    ActionKind,
    CancelDrive,
    DeviceCommand,
    Divert,
    Drive,
    DriveAction,
    DriveNode,
    LaneTable,
    PauseRobot,
    ReleaseCarton,
    ShowLight,
    TellAgain,
    device_command,
)
from edge.machine_messages import MachineEvent

__all__ = [  # with what edge.device_commands has
    "ActionKind",
    "ActionReport",
    "ActionStatus",
    "CancelDrive",
    "CartonArrived",
    "CartonDefaulted",
    "CartonScanned",
    "CartonSorted",
    "CommandRefused",
    "DeviceCommand",
    "DeviceEvent",
    "DeviceStatus",
    "Divert",
    "Drive",
    "DriveAction",
    "DriveNode",
    "EyeChanged",
    "LaneTable",
    "LanesKnown",
    "LightPressed",
    "PauseRobot",
    "ReleaseCarton",
    "RobotConformance",
    "RobotReport",
    "ScanStatus",
    "ShelfSeen",
    "ShowLight",
    "SortStatus",
    "TagGone",
    "TagSeen",
    "TellAgain",
    "WeightRead",
    "device_command",
    "device_event",
    "robot_report",
]

ActionStatus: TypeAlias = Literal[
    "WAITING", "INITIALIZING", "RUNNING", "PAUSED", "FINISHED", "FAILED"
]
ScanStatus: TypeAlias = Literal[
    "GOOD", "NO_READ", "MULTI_READ", "GAP_ERROR", "OVERSIZE", "OVERWEIGHT"
]
SortStatus: TypeAlias = Literal[
    "DIVERTED",
    "RECIRCULATED",
    "LANE_FULL",
    "LANE_DISABLED",
    "MISSED_DIVERT",
    "NO_REPLY",
    "MAX_RECIRC",
    "NO_DATA",  # read well, but no lane was known for it
    "GAP_ERROR",  # too close to its neighbour to be diverted alone
    "OVERSIZE",
    "OVERWEIGHT",
    "LOST_TRACK",  # it is not where it should be: people look for it
    "JAM",  # it stands and blocks; the sorter has stopped
]


# ------------------------------------------------------------------- what devices say, as events
@dataclass(frozen=True, slots=True, kw_only=True)
class CartonArrived:
    """A carton stands at a decision point of a conveyor and waits to be released."""

    type: Literal["carton.arrived"] = "carton.arrived"
    at: datetime
    device: str
    point: str
    tracking: int  # the PLC's number for this carton at this point


@dataclass(frozen=True, slots=True, kw_only=True)
class CartonScanned:
    """A carton passed the sorter's scanner, which now wants a lane for it."""

    type: Literal["carton.scanned"] = "carton.scanned"
    at: datetime
    device: str
    tracking: int
    status: ScanStatus
    barcode: str | None
    lap: int = 0  # how often this carton has gone round before
    lane: str | None = None  # what the edge has answered from its lane table; None: it has not
    stream: str = ""  # a PLC that numbers what it says: the name of its memory …
    sequence: int = 0  # … and the number there; 0: it does not


@dataclass(frozen=True, slots=True, kw_only=True)
class CartonSorted:
    """The sorter did something with a carton: where it went, and why."""

    type: Literal["carton.sorted"] = "carton.sorted"
    at: datetime
    device: str
    tracking: int
    status: SortStatus
    lane: str | None
    barcode: str | None
    lap: int = 0  # of the scan that this follows: (device, tracking, lap) is said once
    stream: str = ""  # as in CartonScanned
    sequence: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TagSeen:
    """A tag has come into the field of a reader's antenna and been read often enough."""

    type: Literal["tag.seen"] = "tag.seen"
    at: datetime
    device: str
    antenna: int
    epc_hex: str
    rssi_dbm: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TagGone:
    """A tag has not been read at that antenna for a while: the whole sighting, summed up."""

    type: Literal["tag.gone"] = "tag.gone"
    at: datetime
    device: str
    antenna: int
    epc_hex: str
    first_seen_at: datetime
    last_seen_at: datetime
    strongest_at: datetime  # the middle of its strongest reads: what direction is judged by
    reads: int
    peak_rssi_dbm: float
    strongest_reads: int = 0  # how many reads `strongest_at` is the middle of; 0: not told
    strongest_spread_s: float = 0.0  # their standard deviation in time


@dataclass(frozen=True, slots=True, kw_only=True)
class EyeChanged:
    """A photo-eye at an input of a reader has become dark (something is before it) or light."""

    type: Literal["eye.changed"] = "eye.changed"
    at: datetime
    device: str
    eye: int  # the number of the input
    dark: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ShelfSeen:
    """What lies on a smart shelf, all of it; told when that has changed and settled."""

    type: Literal["shelf.seen"] = "shelf.seen"
    at: datetime
    device: str
    shelf: str
    epcs_hex: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceStatus:
    """A device has become reachable or unreachable, or reports a fault; or is no more (`gone`)."""

    type: Literal["device.status"] = "device.status"
    at: datetime
    device: str
    status: Literal["UP", "DOWN", "FAULT"]
    detail: str = ""
    gone: bool = False  # it was taken out of the site file: nobody waits for it any more


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightRead:
    """A scale says what lies on it: `stable` when it has come to rest."""

    type: Literal["weight.read"] = "weight.read"
    at: datetime
    device: str
    grams: int
    stable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CartonDefaulted:
    """Nobody knew a lane in time, so the edge sent the carton to the default lane."""

    type: Literal["carton.defaulted"] = "carton.defaulted"
    at: datetime
    device: str
    tracking: int
    lap: int
    lane: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LanesKnown:
    """How far the edge has the lane table of a sorter; `missing`: rows before the last came late.

    `table` names the table that it has; "" when it has none.
    """

    type: Literal["lanes.known"] = "lanes.known"
    at: datetime
    device: str
    table: str
    version: int
    missing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LightPressed:
    """Somebody confirmed at a light of a pick-to-light shelf; `units`: if another number."""

    type: Literal["light.pressed"] = "light.pressed"
    at: datetime
    device: str
    light: str
    units: int | None = None
    command: UUID | None = None  # the ShowLight that this answers


@dataclass(frozen=True, slots=True, kw_only=True)
class RobotConformance:
    """How well a robot keeps to its protocol; said when that has become different.

    `score` is the share of its last messages that broke no rule, 0 to 1; `broken` counts the
    rules that it broke since the edge began to listen, the commonest first. A robot in
    quarantine is told nothing and is believed nothing: `quarantined` says why.
    """

    type: Literal["robot.conformance"] = "robot.conformance"
    at: datetime
    robot: str
    score: float
    messages: int = 0
    broken: tuple[tuple[str, int], ...] = ()
    quarantined: str = ""  # empty: it is not


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandRefused:
    """A command that moves something was not carried out, or it is not known that it was.

    `reason`: it came after its end, was begun before, waited behind too many others, its device
    could not be reached, or the driver failed with it. Nothing is tried again by the edge.
    """

    type: Literal["command.refused"] = "command.refused"
    at: datetime
    device: str
    about: str  # the command's type
    reason: Literal["expired", "repeated", "dropped", "untold", "failed"]
    detail: str = ""
    command: UUID | None = None
    tracking: int | None = None


# -------------------------------------------------------------------- what devices say, live
@dataclass(frozen=True, slots=True, kw_only=True)
class ActionReport:
    """How far one action of a mission is."""

    action_id: str
    status: ActionStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class RobotReport:
    """The whole state of one robot, in our words, whatever its maker's dialect.

    `mission`, `update` and `passed_sequence` say how far it has come in the drive it knows of;
    `released_ahead` are the released nodes that it has yet to reach. `lost` is the mission that
    is wanted of it when it had that once and has not any more, or has refused it.

    Which of two reports is the later one is told by `run` (of the edge) and then by `number`, in
    the order in which the edge heard the robot: no clock has a say in it.
    """

    type: Literal["robot.report"] = "robot.report"
    at: datetime
    robot: str
    connected: bool
    operating_mode: Literal["AUTOMATIC", "SEMIAUTOMATIC", "MANUAL", "SERVICE", "TEACHIN"]
    mission: str  # "" before the first
    update: int
    passed_node: str
    passed_sequence: int
    released_ahead: tuple[str, ...]
    driving: bool
    paused: bool
    actions: tuple[ActionReport, ...]
    load: str | None
    battery: float
    charging: bool
    x_m: float
    y_m: float
    heading_rad: float
    errors: tuple[str, ...] = ()  # "type: description" of each error that the robot reports
    lost: str = ""
    run: int = 0  # of the edge (edge.runs); 0: it does not number what it says
    number: int = 0  # in that run, of this robot
    # beside `load`, of a robot that has several slots
    more_loads: Annotated[tuple[str, ...], Field(exclude_if=lambda more: not more)] = ()

    @property
    def carried(self) -> tuple[str, ...]:
        """All that it carries."""
        return () if self.load is None else (self.load, *self.more_loads)

    def follows(self, other: "RobotReport") -> bool:
        """Whether this is not the older of the two."""
        if not (self.run and other.run):
            return self.at >= other.at
        return (self.run, self.number) >= (other.run, other.number)


DeviceEvent: TypeAlias = Annotated[
    CartonArrived | CartonScanned | CartonSorted | CartonDefaulted | LanesKnown | LightPressed
    | TagSeen | TagGone | EyeChanged | ShelfSeen | WeightRead
    | DeviceStatus | RobotConformance | CommandRefused | MachineEvent,
    Field(discriminator="type"),
]  # fmt: skip
device_event: TypeAdapter[DeviceEvent] = TypeAdapter(DeviceEvent)
robot_report: TypeAdapter[RobotReport] = TypeAdapter(RobotReport)
