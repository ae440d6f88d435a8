"""What the control room sends and sees: alarms, minutes of pictures, machines, heat."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints

from wms.api.shapes import PRINTABLE, CommandIn

Reason = Annotated[
    str, StringConstraints(strict=True, min_length=2, max_length=500, pattern=PRINTABLE)
]


class HiderOut(BaseModel):
    """What stands and hides others by design; code out_of_service: the whole machine is out."""

    code: str
    source: str


class OutOfServiceOut(BaseModel):
    """Nothing is to be heard of it until then; no code: of the whole machine."""

    alarm: UUID = Field(description="at which it was said, and is put back")
    source: str
    code: str
    since: datetime
    until: datetime
    by: str
    reason: str


class AlarmOut(BaseModel):
    """One alarm: in which state, under which cause, shelved or not."""

    id: UUID
    at: datetime
    source: str
    code: str
    priority: int
    active: bool
    state: Literal["UNACK", "ACKED", "RETURNED", "LATCHED"] = Field(
        description="LATCHED: over, and shown until a person resets it"
    )
    owner: str
    detail: str
    cause: UUID | None = Field(description="the alarm that explains it; null: it stands for itself")
    shelved_until: datetime | None
    shelved_by: str
    shelved_why: str
    suppressed_by: HiderOut | None = Field(description="by design: while that stands")
    out_until: datetime | None = Field(description="out of service until then")
    until: datetime | None = Field(description="of what waits to be confirmed")
    by: str = Field(description="who asked for what waits to be confirmed")


class AlarmsOut(BaseModel):
    """What stands or has come back, the most urgent first."""

    alarms: list[AlarmOut]
    flood: bool = Field(description="more than ten new ones in ten minutes")
    out_of_service: list[OutOfServiceOut] = Field(
        description="all that is, whether it stands or not; the next to come back first"
    )


class ShelveIn(CommandIn):
    """For how long, and why."""

    minutes: Literal[5, 15, 60]
    reason: Reason


class TakeOutIn(CommandIn):
    """Until when, why, and whether all of the machine."""

    hours: int = Field(ge=1, le=31 * 24)
    whole: bool = Field(default=False, description="everything of that machine")
    reason: Reason


class OrderHeldUp(BaseModel):
    """An order that waits for what is in trouble."""

    id: UUID
    number: str


class Actor(BaseModel):
    """What came most often."""

    source: str
    code: str
    times: int


class AlarmFiguresOut(BaseModel):
    """How the alarms of some hours went; shares are of one."""

    since: datetime
    until: datetime
    raised: int
    operators: int = Field(description="who share what comes, by the site file")
    per_hour: float
    per_hour_operator: float
    by_priority: dict[str, int]
    flood_share: float = Field(description="of all ten-minute spans")
    peak: int = Field(description="the most in any ten minutes")
    bad_actors: list[Actor]
    chattering: list[str]
    stale: int = Field(description="that have stood for more than a day")
    stale_ones: list[str]


Row = tuple[float, float, float, str, float, int]


class MomentOut(BaseModel):
    """One picture; robots in the order of the names, null: not in it."""

    at: datetime
    robots: list[Row | None] = Field(
        description="x and y in m, heading in rad, state, battery 0 to 1, flags: 1 loaded, 2 paused"
    )


class MinuteOut(BaseModel):
    """The pictures of a minute, every two seconds, and the alarms that stood at its end."""

    minute: datetime
    names: list[str]
    moments: list[MomentOut]
    alarms: list[dict[str, Any]]


class SpanOut(BaseModel):
    """From when to when there are pictures; null: there are none."""

    first: datetime | None
    last: datetime | None


class MachineOut(BaseModel):
    """A machine over some hours: time by state in ms, shares of one; null: nothing to tell by."""

    machine: str
    state_ms: dict[str, int]
    faults: int
    availability: float | None
    performance: float | None
    quality: float | None
    oee: float | None
    mtbf_s: float | None
    mttr_s: float | None


class KindOut(BaseModel):
    """A kind of work in the last hour."""

    kind: str
    done: list[int] = Field(description="finished, by five minutes, the oldest first")
    open: int


class HeatOut(BaseModel):
    """Where robots were, and where they waited: a row a cell."""

    cell_m: float
    minutes: int
    cells: list[Annotated[list[int], Field(min_length=4, max_length=4)]] = Field(
        description="column, row, robots seen, robots that waited"
    )
