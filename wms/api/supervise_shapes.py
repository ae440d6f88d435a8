"""What supervisors send and see: tasks, exceptions, labour, rules of work."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field, StrictInt, StringConstraints

from wms.api.shapes import PRINTABLE, CommandIn, Shape, Text

Note = Annotated[str, StringConstraints(strict=True, max_length=500, pattern=PRINTABLE)]
Kind = Annotated[str, StringConstraints(strict=True, pattern=r"^[a-z][a-z0-9_]{0,49}$")]
Priority = Annotated[StrictInt, Field(ge=-1000, le=1000)]


class TaskOut(BaseModel):
    """A task of people, or a transport order of robots."""

    id: UUID
    site: str
    by: Literal["person", "robot"]
    kind: str
    state: str
    title: str
    zone: str
    station: str | None
    priority: int
    done: int
    total: int
    made_at: datetime
    due_at: datetime | None
    leased_at: datetime | None
    lease_until: datetime | None
    operator: str
    device: str
    for_operator: str | None
    equipment: list[str]
    note: str
    why: str


class TasksIn(Shape):
    """Which tasks."""

    site: Text | None = None
    state: Literal["OPEN", "LEASED", "BLOCKED", "DONE", "CANCELLED"] | None = Field(
        default=None, description="without it: all that is not over"
    )
    kind: Kind | None = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 200


class AssignIn(CommandIn):
    """Whose it is to be; null: anybody's."""

    worker: Text | None = Field(
        description="an operator's code, or a device's name where nobody signs in"
    )


class PrioritiseIn(CommandIn):
    """How urgent it is: a point is worth ten minutes of waiting."""

    priority: Priority
    due_at: AwareDatetime | None = None


class WhyIn(CommandIn):
    """Why."""

    why: Note = ""


class NoteIn(CommandIn):
    """What whoever has it should read."""

    note: Note


class SteeredOut(BaseModel):
    """The task as it stands, and what somebody must put right first."""

    task: TaskOut
    recovery: UUID | None = Field(description="the packet that tells them what to put back")


class HistoryOut(BaseModel):
    """What somebody did about it."""

    act: str
    by: str
    note: str
    at: datetime


class ExceptionOut(BaseModel):
    """Something that a person should look at, and how far people are with it."""

    id: UUID
    site: str
    at: datetime
    code: str
    source: str
    priority: int
    state: Literal["OPEN", "TAKEN", "SOLVED"]
    owner: str
    act: str
    solved_at: datetime | None
    facts: dict[str, Any]
    acts: list[str] = Field(description="what can be done about it, the usual one first")
    history: list[HistoryOut]


class ExceptionsIn(Shape):
    """Which exceptions."""

    site: Text | None = None
    state: Literal["OPEN", "TAKEN", "SOLVED"] | None = None
    limit: Annotated[int, Field(ge=1, le=500)] = 100


class ActIn(CommandIn):
    """What is done about it."""

    act: Kind = "ok"
    note: Note = ""


class LabourIn(Shape):
    """From when to when, and whether by person."""

    site: Text
    since: AwareDatetime
    until: AwareDatetime
    per_person: bool = False


class LabourLine(BaseModel):
    """What was done in an hour, of a kind, in a zone. Times in minutes, performance in percent."""

    hour: datetime
    kind: str
    zone: str
    operator: str | None
    people: int
    tasks: int
    lines: int
    units: int
    active_min: float
    idle_min: float
    idle_gaps: int
    standard_min: float
    units_per_hour: float | None
    performance: float | None


class LabourOut(BaseModel):
    """Figures of a site."""

    site: str
    lines: list[LabourLine]


class RuleIn(Shape):
    """What a site decides of a kind of work."""

    lease_s: Annotated[StrictInt, Field(ge=60, le=86_400)]
    priority: Priority = 0


class RuleOut(BaseModel):
    """What a site has decided of a kind of work."""

    site: str
    kind: str
    lease_s: int
    priority: int


class StandardIn(Shape):
    """How long a step should take, and each unit of it."""

    step_ms: Annotated[StrictInt, Field(ge=0, le=3_600_000)]
    unit_ms: Annotated[StrictInt, Field(ge=0, le=3_600_000)] = 0


class StandardOut(BaseModel):
    """How long a step of a kind of work should take; `op` task: to begin and end it."""

    site: str
    kind: str
    op: str
    step_ms: int
    unit_ms: int
