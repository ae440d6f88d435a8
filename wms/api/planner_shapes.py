"""Shapes of the planner's desk: snapshots, scenarios, runs, comparisons, proposals."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeAlias
from uuid import UUID

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StringConstraints,
)

from wms.api.shapes import PRINTABLE, AnyText, Shape, Text

NUMBER_MAX = 10**9
SEEDS_MAX, ITERATIONS_MAX = 100, 200_000

Said = Annotated[str, StringConstraints(strict=True, max_length=100, pattern=PRINTABLE)]
Word = Annotated[str, StringConstraints(strict=True, max_length=40, pattern=r"^[a-z][a-z0-9_]*$")]
Whole = Annotated[StrictInt, Field(ge=-NUMBER_MAX, le=NUMBER_MAX)]
Real = Annotated[StrictFloat, Field(ge=-NUMBER_MAX, le=NUMBER_MAX, allow_inf_nan=False)]
Value: TypeAlias = Said | StrictBool | Whole | Real | None
PatchIn: TypeAlias = dict[Word, Value | dict[Word, Value]]
Patches = Annotated[list[PatchIn], Field(max_length=200)]
SnapshotId = Annotated[str, StringConstraints(strict=True, pattern=r"^[0-9a-f]{64}$")]
Seed = Annotated[StrictInt, Field(ge=0, le=2**31 - 1)]
Count = Annotated[StrictInt, Field(ge=0, le=10_000)]
Moment = Annotated[
    AwareDatetime, Field(ge=datetime(2000, 1, 1, tzinfo=UTC), le=datetime(2200, 1, 1, tzinfo=UTC))
]
State = Literal["QUEUED", "RUNNING", "DONE", "STOPPED", "FAILED"]


class SnapshotIn(Shape):
    """What to freeze: orders of the last days, and who works where, if not as usual."""

    name: Text
    days: Annotated[StrictInt, Field(ge=1, le=366)] = 28
    orders_max: Annotated[StrictInt, Field(ge=1, le=50_000)] = 5_000
    pickers: Annotated[dict[Said, Count], Field(max_length=500, default_factory=dict)]
    robots: Annotated[dict[Said, Count], Field(max_length=500, default_factory=dict)]


class SnapshotOut(BaseModel):
    """A snapshot; `facts` count what is in it. Its id is the hash of all that it says."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    name: str
    facts: dict[str, Any]
    made_at: datetime
    made_by: str


class NetworkOut(SnapshotOut):
    """What the editor needs of a network: nodes, carriers, regions and rules as they are."""

    nodes: list[dict[str, Any]]
    carriers: list[dict[str, Any]]
    regions: list[dict[str, Any]]
    rules: dict[str, Any]
    orders_per_day: int
    units: dict[str, int]


class ScenarioIn(Shape):
    """A scenario. `copy_of`: begin with that one's differences."""

    snapshot: SnapshotId | None = None
    copy_of: UUID | None = None
    name: Text
    patches: Annotated[Patches, Field(default_factory=list)]
    tags: Annotated[list[Text], Field(max_length=20, default_factory=list)]


class EditIn(Shape):
    """What a scenario is to be; `version` is the one that was read."""

    version: Annotated[StrictInt, Field(ge=1, le=2**31)]
    name: Text
    patches: Patches
    tags: Annotated[list[Text], Field(max_length=20, default_factory=list)]


class CheckIn(Shape):
    """Differences to be tried, and for how many days a run would be."""

    snapshot: SnapshotId
    patches: Patches
    days: Annotated[StrictInt, Field(ge=1, le=SEEDS_MAX)] = 1


class FaultOut(BaseModel):
    """What cannot apply: the number of the difference from 0, and what is wrong."""

    number: int
    words: str


class CheckOut(BaseModel):
    """The differences in full; what is wrong; how long a run may take, if one is known."""

    patches: list[dict[str, Any]]
    faults: list[FaultOut]
    estimate_s: float | None


class HeadlineOut(BaseModel):
    """How a run stands, and its main figures."""

    id: UUID
    state: State
    asked_at: datetime
    asked_by: str
    seconds: float | None
    failed: str
    stop_wanted: bool
    best: float | None
    bound: float | None
    kpis: dict[str, float]


class ScenarioOut(BaseModel):
    """A scenario with its last run; `stale`: it was changed since."""

    id: UUID
    snapshot_id: str
    name: str
    patches: list[dict[str, Any]]
    tags: list[str]
    baseline: bool
    owner: str
    copied_from: UUID | None
    version: int
    made_at: datetime
    changed_at: datetime
    run: HeadlineOut | None
    stale: bool


class RunIn(Shape):
    """Play a scenario for a day of each seed; search the first day as a whole for so many steps."""

    scenario: UUID
    seeds: Annotated[list[Seed], Field(min_length=1, max_length=SEEDS_MAX)] = Field(
        default=[1, 2, 3]
    )
    iterations: Annotated[StrictInt, Field(ge=0, le=ITERATIONS_MAX)] = 2_000


class RunOut(BaseModel):
    """A run: `progress` is [seconds, best, bound], `result` the days together."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    scenario_id: UUID
    snapshot_id: str
    patches: list[dict[str, Any]]
    seeds: list[int]
    iterations: int
    state: State
    stop_wanted: bool
    progress: list[list[float | None]]
    result: dict[str, Any] | None
    failed: str
    asked_at: datetime
    asked_by: str
    started_at: datetime | None
    ended_at: datetime | None
    waiting_before: int = 0


class SpreadOut(BaseModel):
    """A figure of a run: over its days, and against the first run; `sure` is ± of 95 %."""

    mean: float
    p50: float
    p90: float
    each: list[float]
    delta: float
    sure: float | None


class FigureOut(BaseModel):
    """A figure of all runs; `better`: 1 more is better, -1 less is, 0 neither."""

    name: str
    better: int
    sides: list[SpreadOut]


class ComparedOut(BaseModel):
    """Runs side by side, in the order asked for; the first is what the others are held against."""

    names: list[str]
    figures: list[FigureOut]
    steps: list[list[dict[str, Any]]]
    flows: list[list[dict[str, Any]]]
    cover: list[list[dict[str, Any]]]
    hours: list[list[dict[str, Any]]]
    decisions: list[dict[str, Any]]
    places: dict[str, dict[str, tuple[float, float]]]


class ProposeIn(Shape):
    """A run that should be, held against another one, from a moment on."""

    run: UUID
    base_run: UUID
    reason: AnyText = ""
    active_from: Moment


class PlanOut(BaseModel):
    """A proposal: what the product changes by itself, what people do, what was predicted."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    run_id: UUID
    base_run_id: UUID
    state: Literal["PROPOSED", "APPROVED", "REJECTED", "ACTIVE", "FAILED", "ROLLED_BACK"]
    reason: str
    changes: list[dict[str, Any]]
    by_hand: list[dict[str, Any]]
    predicted: dict[str, Any]
    active_from: datetime
    undo: list[dict[str, Any]] | None
    proposed_at: datetime
    proposed_by: str
    decided_at: datetime | None
    decided_by: str
    activated_at: datetime | None
    rolled_back_at: datetime | None
    rolled_back_by: str
    failed: str
    name: str = ""


class HeldOut(BaseModel):
    """Predicted and measured, before and after, per order; None where nothing came."""

    predicted: dict[str, Mapping[str, float]]
    measured: dict[str, Mapping[str, float] | None]


class ReportOut(BaseModel):
    """A day that was played: as it was done, by usual rules, and the best that was possible."""

    day: str
    sourcing: dict[str, Mapping[str, float]]
    bound_minor: float | None
    orders: int
    picking: list[dict[str, Any]]
