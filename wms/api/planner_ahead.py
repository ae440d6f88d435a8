"""Questions about the days ahead over HTTP: asked, read, and what comes of some of them done.

A question is answered by the worker (wms.planner.ahead_answers); whoever asked reads it until it
is DONE.
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
from wms.errors import NotFound
from wms.ids import SiteId, derive
from wms.inbound.docks import Book, book_door
from wms.planner import ahead
from wms.planner.model import PlanQuestion
from wms.sites import Site

router = APIRouter(prefix="/planner/v1/ahead", tags=["planner"], dependencies=[signed_in])

Kind = Literal["docks", "levels", "pallets", "roster", "routes"]
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


class QuestionIn(Shape):
    """What to ask of a site: exactly one of these."""

    site: Text
    docks: DocksIn | None = None
    levels: LevelsIn | None = None
    pallets: PalletsIn | None = None
    roster: RosterIn | None = None
    routes: RoutesIn | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(each is not None for _, each in self if each != self.site) != 1:
            raise ValueError("say exactly one of docks, levels, pallets, roster, routes")
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
    asked_at: datetime
    asked_by: str
    ended_at: datetime | None


@router.put("/{id}", status_code=202)
def put_question(id: UUID, body: QuestionIn, services: Svc, now: Now, boss: Boss) -> QuestionOut:  # noqa: A002
    """Ask; the worker answers. Asked again under the same id it is one question."""
    said = body.model_dump(mode="json", by_alias=True, exclude={"site"}, exclude_none=True)
    ((kind, wish),) = said.items()
    asked = ahead.Asked(kind=kind, site=body.site, wish=wish)
    return services.database.run(lambda s: _told(s, ahead.ask(s, id, asked, by=boss, now=now)))


@router.get("")
def get_questions(services: Svc, kind: Annotated[Kind | None, Query()] = None) -> list[QuestionOut]:
    """The newest first."""
    return services.database.run(lambda s: [_told(s, row) for row in ahead.questions(s, kind)])


@router.get("/{id}")
def get_question(id: UUID, services: Svc) -> QuestionOut:  # noqa: A002
    """A question as it stands."""
    return services.database.run(lambda s: _told(s, ahead.question(s, id)))


@router.post("/{id}:book")
def post_book(id: UUID, services: Svc, now: Now, _boss: Boss) -> QuestionOut:  # noqa: A002
    """Book all doors that were proposed, or none: 409 `door_taken` where one is gone since."""

    def work(session: Session) -> QuestionOut:
        row = ahead.question(session, id)
        slots = (row.answer or {}).get("slots", [])
        if not any(slot["door"] for slot in slots):
            raise NotFound(f"doors and times in question {id}")
        for number, slot in enumerate(slots):
            if slot["door"] is not None:
                wish = Book(
                    id=derive(id, f"truck {number}"),
                    site_id=SiteId(row.site_id),
                    door=slot["door"],
                    starts_at=datetime.fromisoformat(slot["starts_at"]),
                    ends_at=datetime.fromisoformat(slot["ends_at"]),
                    carrier=slot["name"],
                )
                book_door(session, wish, now=now)
        return _told(session, row)

    return services.database.run(work)


def _told(session: Session, row: PlanQuestion) -> QuestionOut:
    site = session.get_one(Site, row.site_id).code
    return QuestionOut.model_validate(row).model_copy(update={"site": site})
