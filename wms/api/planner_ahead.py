"""Questions about the days ahead over HTTP: asked, read, and what comes of some of them done.

A question is answered by the worker (wms.planner.ahead_answers); whoever asked reads it until it
is DONE, and takes it over (wms.planner.ahead_take).
"""

from datetime import date, datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StringConstraints,
    model_validator,
)
from sqlalchemy.orm import Session

from wms.api.dependencies import Boss, Now, Svc, signed_in
from wms.api.shapes import PRINTABLE, Shape, Text
from wms.api.waves import TemplateIn
from wms.planner import ahead
from wms.planner.ahead_take import take_over
from wms.planner.model import PlanQuestion
from wms.sites import Site
from wms.waves.wave import NewWave

LOOKED_FOR_S = 10.0  # a planner waits for a wave, where nothing is said in the settings

router = APIRouter(prefix="/planner/v1/ahead", tags=["planner"], dependencies=[signed_in])

Kind = Literal["docks", "levels", "pallets", "roster", "routes", "slots", "wave"]
Clock = Annotated[str, StringConstraints(strict=True, pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
Day = Annotated[
    str,
    StringConstraints(
        strict=True, pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"
    ),
    AfterValidator(lambda said: date.fromisoformat(said).isoformat()),
]
Named = Annotated[str, StringConstraints(strict=True, max_length=60, pattern=PRINTABLE)]
Sides = Annotated[StrictInt, Field(ge=100, le=20_000)]


class TruckIn(Shape):
    """A truck that would come: from when it can, for how long, until when it should be done."""

    name: Named
    arrives: Clock
    minutes: Annotated[StrictInt, Field(ge=1, le=720)] = 60
    due: Clock | None = None


class DocksIn(Shape):
    """Doors and times for trucks on a day."""

    day: Day
    trucks: Annotated[list[TruckIn], Field(min_length=1, max_length=100)]


class LevelsIn(Shape):
    """Levels for a share of days without shortage; None: what each policy says, or 95."""

    service_percent: Annotated[StrictInt, Field(ge=50, le=99)] | None = None


class PalletsIn(Shape):
    """Pallets for a site: base, height above the deck, weight."""

    to: Text
    length_mm: Sides = 1_100
    width_mm: Sides = 1_100
    height_mm: Sides = 1_500
    max_kg: Annotated[StrictInt, Field(ge=1, le=10_000)] = 800


class ShiftIn(Shape):
    """A shift; one that ends before it starts ends on the next day."""

    name: Named
    starts: Clock
    ends: Clock
    unwelcome: StrictBool = False


class AwayIn(Shape):
    """Somebody who cannot come that day."""

    who: Named
    day: Day


class RosterIn(Shape):
    """Who works when; `units_a_day`: what is to be sent, None: what demand foretells."""

    from_: Annotated[Day, Field(alias="from")]
    days: Annotated[StrictInt, Field(ge=1, le=14)] = 7
    shifts: Annotated[list[ShiftIn], Field(min_length=1, max_length=6)]
    units_a_day: Annotated[StrictInt, Field(ge=0, le=1_000_000)] | None = None
    away: Annotated[list[AwayIn], Field(max_length=1_000, default_factory=list)]


class RoutesIn(Shape):
    """Vehicles for what is to go; None: as many as it takes."""

    capacity_kg: Annotated[StrictInt, Field(ge=1, le=100_000)] = 2_000
    vehicles: Annotated[StrictInt, Field(ge=1, le=500)] | None = None
    hours: Annotated[StrictInt, Field(ge=1, le=24)] = 10
    stop_minutes: Annotated[StrictInt, Field(ge=0, le=240)] = 20


class SlotsIn(Shape):
    """Faces that should change places: of the orders of how many days, at most how many moves."""

    days: Annotated[StrictInt, Field(ge=1, le=365)] = 28
    most: Annotated[StrictInt, Field(ge=1, le=200)] = 20


class WaveWishIn(TemplateIn):
    """A dense wave; it is planned under the id of the question."""

    name: Named
    choose: Literal["DENSE"] = "DENSE"


class TakeIn(Shape):
    """Which rows of the answer, by number from 0; None: all."""

    rows: Annotated[frozenset[Annotated[int, Field(ge=0)]], Field(max_length=1_000)] | None = None


class QuestionIn(Shape):
    """What to ask of a site: exactly one of these."""

    site: Text
    docks: DocksIn | None = None
    levels: LevelsIn | None = None
    pallets: PalletsIn | None = None
    roster: RosterIn | None = None
    routes: RoutesIn | None = None
    slots: SlotsIn | None = None
    wave: WaveWishIn | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(each is not None for _, each in self if each != self.site) != 1:
            raise ValueError(
                "say exactly one of docks, levels, pallets, roster, routes, slots, wave"
            )
        return self


class QuestionOut(BaseModel):
    """A question as it stands; `answer` is there when it is DONE, `failed` says why it is not."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    kind: Kind
    site: str = ""
    wish: dict[str, Any]
    state: Literal["QUEUED", "RUNNING", "DONE", "FAILED"]
    answer: dict[str, Any] | None
    failed: str
    stop_wanted: bool
    progress: list[tuple[float, float, float | None]] = Field(description="seconds, best, bound")
    asked_at: datetime
    asked_by: str
    ended_at: datetime | None
    took: dict[str, Any] | None = Field(description="what came of it when it was taken over")
    taken_at: datetime | None
    taken_by: str


@router.put("/{id}", status_code=202)
def put_question(id: UUID, body: QuestionIn, services: Svc, now: Now, boss: Boss) -> QuestionOut:  # noqa: A002
    """Ask; the worker answers. Asked again under the same id it is one question."""
    if body.wave is not None:
        return _put_wave(id, body.site, body.wave, services, now, boss)
    said = body.model_dump(mode="json", by_alias=True, exclude={"site"}, exclude_none=True)
    ((kind, wish),) = said.items()
    asked = ahead.Asked(kind=kind, site=body.site, wish=wish)
    return services.database.run(lambda s: _told(s, ahead.ask(s, id, asked, by=boss, now=now)))


def _put_wave(
    id_: UUID, site: str, wave: WaveWishIn, services: Svc, now: Now, boss: str
) -> QuestionOut:
    new = NewWave(id=id_, site=site, name=wave.name, template=wave.template())
    seconds = services.settings.waves_s or LOOKED_FOR_S

    def work(session: Session) -> QuestionOut:
        ahead.plan_wave(session, new, seconds=seconds, by=boss, now=now)
        return _told(session, ahead.question(session, id_))

    return services.database.run(work)


@router.get("")
def get_questions(services: Svc, kind: Annotated[Kind | None, Query()] = None) -> list[QuestionOut]:
    """The newest first."""
    return services.database.run(lambda s: [_told(s, row) for row in ahead.questions(s, kind)])


@router.get("/{id}")
def get_question(id: UUID, services: Svc) -> QuestionOut:  # noqa: A002
    """A question as it stands."""
    return services.database.run(lambda s: _told(s, ahead.question(s, id)))


@router.post("/{id}:stop", status_code=202)
def post_stop(id: UUID, services: Svc, _boss: Boss) -> QuestionOut:  # noqa: A002
    """Be content with the best that was found so far."""
    return services.database.run(lambda s: _told(s, ahead.stop(s, id)))


@router.post("/{id}:take-over")
def post_take_over(
    id: UUID,  # noqa: A002
    body: TakeIn,
    services: Svc,
    now: Now,
    boss: Boss,
) -> QuestionOut:
    """Do what was answered, once: book the doors, set the levels, move the faces, release the wave.

    What has changed since it was answered is left as it is (`took.gone`); doors are booked all or
    none: 409 `door_taken` where one is gone since.
    """
    return services.database.run(lambda s: _told(s, take_over(s, id, body.rows, by=boss, now=now)))


def _told(session: Session, row: PlanQuestion) -> QuestionOut:
    site = session.get_one(Site, row.site_id).code
    return QuestionOut.model_validate(row).model_copy(update={"site": site})
