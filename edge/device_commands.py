"""What devices are told: the words from the WCS to the edge. Part of `edge.messages`.

Live, not durable: the latest matters, and both sides say again what the other does not seem to
know. What moves something has an id and an end (`command`, `expires_at`): the edge begins it once
and not too late.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal, TypeAlias
from uuid import UUID

from pydantic import Field, TypeAdapter

from edge.machine_messages import MachineCommand

ActionKind: TypeAlias = Literal["PICK", "DROP", "CHARGE_START", "CHARGE_STOP"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DriveAction:
    """Something to do at a node."""

    action_id: str
    kind: ActionKind
    load: str | None = None
    # of a robot that has several: it is said where there is one only, so that nothing else changes
    slot: Annotated[str | None, Field(exclude_if=lambda slot: slot is None)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DriveNode:
    """One node of a drive. `sequence` is even, as VDA 5050 counts; released nodes come first."""

    node: str
    sequence: int
    released: bool
    x_m: float
    y_m: float
    actions: tuple[DriveAction, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Drive:
    """The drive that this robot shall have now: from where it is known to be, to the end.

    It is a statement, not a step: sending it again changes nothing. A new `update` of the same
    mission begins at the last node that the update before released; what was released stays
    released. A new mission replaces one that is done; it has a greater `number`. It is for that
    `run` of the edge from which the robot was last heard: what was said to an earlier one lay in
    the network since, and nobody knows any more what the robot made of it.
    """

    type: Literal["robot.drive"] = "robot.drive"
    robot: str
    mission: str
    update: int
    nodes: tuple[DriveNode, ...]
    number: int = 0
    run: int = 0  # 0: for any


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelDrive:
    """Stop as soon as it can be done and forget the mission."""

    type: Literal["robot.cancel"] = "robot.cancel"
    robot: str
    mission: str
    command: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseRobot:
    """Stand where you are and keep the drive (`paused`), or go on with it. A statement."""

    type: Literal["robot.pause"] = "robot.pause"
    robot: str
    paused: bool
    command: UUID | None = None
    issued_at: datetime | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseCarton:
    """Let the carton at that decision point go on."""

    type: Literal["carton.release"] = "carton.release"
    device: str
    point: str
    tracking: int
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Divert:
    """The lane for a carton on the sorter. After `expires_at` it is too late: do not send it."""

    type: Literal["carton.divert"] = "carton.divert"
    device: str
    tracking: int
    lane: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneTable:
    """Rows of a sorter's lane table: which parcel belongs on which lane, told ahead of its scan.

    Rows are numbered as they come to be known. This message brings those from after `since` up to
    `version`; with `since` 0 it begins the table anew. After `valid_until` the table is too old
    to decide by.
    """

    type: Literal["lane.table"] = "lane.table"
    device: str
    table: str  # another name is another table: numbers count from 1 again
    since: int
    version: int
    rows: dict[str, str]  # parcel code -> lane
    valid_until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowLight:
    """Light a light of a pick-to-light shelf, or put it out (`colour` "OFF")."""

    type: Literal["light.show"] = "light.show"
    device: str
    light: str
    colour: Literal["OFF", "RED", "GREEN", "BLUE", "YELLOW", "WHITE"]
    text: str = ""
    blinking: bool = False
    command: UUID | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TellAgain:
    """The WCS has started: say once more the latest report of every robot and device."""

    type: Literal["tell.again"] = "tell.again"


DeviceCommand: TypeAlias = Annotated[
    Drive
    | CancelDrive
    | PauseRobot
    | ReleaseCarton
    | Divert
    | LaneTable
    | ShowLight
    | TellAgain
    | MachineCommand,
    Field(discriminator="type"),
]

device_command: TypeAdapter[DeviceCommand] = TypeAdapter(DeviceCommand)
