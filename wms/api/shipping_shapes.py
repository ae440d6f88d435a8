"""Shapes of shipping: rules, the test box, calendars, carriers and their files."""

from datetime import date, datetime, time
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field, StrictBool, StrictInt, StringConstraints

from wms.api.shapes import PRINTABLE, Minor, Shape, Text
from wms.shipping.calendar import SiteCalendar
from wms.shipping.rules import Choice, Facts, Objective, RuleTable, read_rules

Amount = Annotated[StrictInt, Field(ge=0, le=2**53)]
Grams = Annotated[StrictInt, Field(ge=0, le=1_000_000_000)]
Short = Annotated[str, StringConstraints(strict=True, max_length=100, pattern=PRINTABLE)]
Code = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Z0-9][A-Z0-9-]{0,39}$")]
Slot = Annotated[str, StringConstraints(strict=True, pattern=r"^([0-2][0-9]-[0-2][0-9])?$")]
Names = Annotated[list[Short], Field(max_length=100)]
ClockTime = Annotated[
    str,
    StringConstraints(strict=True, pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$"),
    Field(description="on the site's own clock: it has no zone", examples=["15:00"]),
]
Version = Annotated[StrictInt, Field(ge=0, le=2**31)]


# ------------------------------------------------------------------------------------ rules
class RuleShape(Shape):
    """One row: conditions, then a service or an objective. What is left out is no condition."""

    name: Text
    service: Code | Literal[""] = ""
    objective: Objective = "CHEAPEST"
    among: Annotated[list[Code], Field(max_length=100)] = Field(default_factory=list)
    value_from_minor: Amount | None = None
    value_to_minor: Amount | None = None
    weight_from_g: Grams | None = None
    weight_to_g: Grams | None = None
    size_from_mm: Grams | None = None
    size_to_mm: Grams | None = None
    recipients: Names = Field(default_factory=list)
    senders: Names = Field(default_factory=list)
    levels: Names = Field(default_factory=list)
    cool: StrictBool | None = None
    cod: StrictBool | None = None
    dangerous: StrictBool | None = None
    cost_max_minor: Amount | None = None
    co2_max_g: Grams | None = None


class RulesBase(Shape):
    """The rules in order."""

    rules: Annotated[list[RuleShape], Field(min_length=1, max_length=200)] = Field(
        examples=[[{"name": "Cooled goods", "cool": True, "service": "YAMATO-COOL"},
                   {"name": "Dear", "value_from_minor": 30_000, "objective": "FASTEST"},
                   {"name": "Others", "objective": "CHEAPEST"}]]
    )  # fmt: skip
    otherwise: Code = "SAGAWA"
    fall_back_after_min: Annotated[StrictInt, Field(ge=1, le=100_000)] = 60
    fall_backs: Annotated[dict[Code, Code], Field(max_length=100)] = Field(default_factory=dict)

    def table(self) -> RuleTable:
        """As `choose` takes it."""
        return read_rules(self.model_dump())


class RulesIn(RulesBase):
    """A new version; `based_on` is the one that it was made from."""

    based_on: Version


class RulesOut(RulesBase):
    """A version. 0 is the default."""

    version: int
    saved_at: datetime | None
    saved_by: str


class FactsIn(Shape):
    """A parcel to try. Places are names of prefectures."""

    sender: Short = "東京都"
    recipient: Short = Field(default="大阪府", examples=["大阪府"])
    weight_g: Grams = Field(examples=[900])
    size_mm: Grams = 0
    value_minor: Amount = 0
    cod_minor: Amount = 0
    cool: StrictBool = False
    dangerous: StrictBool = False
    level: Short = ""
    slot: Slot = ""
    leave_at: Short = ""

    def facts(self) -> Facts:
        """As the rules take it."""
        return Facts(**self.model_dump())


class TestIn(Shape):
    """A parcel, and rules that are not saved; without them those in force."""

    __test__ = False

    facts: FactsIn
    draft: RulesBase | None = None


class VerdictOut(BaseModel):
    """What a rule says: CHOSEN, MATCHES (it would), NO (the condition's name), NONE_TAKES (why)."""

    rule: str
    outcome: Literal["CHOSEN", "MATCHES", "NO", "NONE_TAKES"]
    reason: str
    service: str
    refusals: dict[str, str]


class CandidateOut(BaseModel):
    """A service that takes the parcel."""

    service: str
    cost_minor: int
    lead_days: int
    co2_g: int


class ChoiceOut(BaseModel):
    """The service, whether a rule chose it, what each rule says, and the other services."""

    service: str
    by_rule: bool
    verdicts: list[VerdictOut]
    candidates: list[CandidateOut]
    refusals: dict[str, str]

    @classmethod
    def of(cls, choice: Choice) -> "ChoiceOut":
        """As `choose` says it."""
        return cls(
            service=choice.service,
            by_rule=choice.by_rule,
            verdicts=[
                VerdictOut(
                    rule=each.rule,
                    outcome=each.outcome,
                    reason=each.reason,
                    service=each.service,
                    refusals=dict(each.refusals),
                )
                for each in choice.verdicts
            ],
            candidates=[
                CandidateOut(
                    service=each.service,
                    cost_minor=each.cost_minor,
                    lead_days=each.lead_days,
                    co2_g=each.co2_g,
                )
                for each in choice.candidates
            ],
            refusals=dict(choice.refusals),
        )


class SizeOut(BaseModel):
    """A size class and its price in the nearest band."""

    size_cm: int
    weight_max_g: int
    price_minor: int


class ServiceOut(BaseModel):
    """A service of a carrier."""

    code: str
    carrier: str
    name_ja: str
    name_en: str
    cool: bool
    leave_at: bool
    dangerous: bool
    weight_max_g: int
    cod_max_minor: int
    slots: list[str]
    sizes: list[SizeOut]


# -------------------------------------------------------------------------------- calendars
class HoursShape(Shape):
    """From when until when somebody is there."""

    opens: ClockTime
    closes: ClockTime


class CalendarShape(Shape):
    """When a site works and until when it ships today, on its own clock. Monday comes first."""

    hours: Annotated[list[HoursShape | None], Field(min_length=7, max_length=7)]
    closed: Annotated[list[date], Field(max_length=1000)] = Field(default_factory=list)
    opened: Annotated[list[date], Field(max_length=1000)] = Field(default_factory=list)
    on_holidays: StrictBool = True
    cut_off: ClockTime = "15:00:00"
    cut_offs: Annotated[dict[Code, ClockTime], Field(max_length=100)] = Field(default_factory=dict)

    def calendar(self, time_zone: str) -> SiteCalendar:
        """As the calendar functions take it."""
        return SiteCalendar(
            time_zone=time_zone,
            hours=tuple(
                None
                if day is None
                else (time.fromisoformat(day.opens), time.fromisoformat(day.closes))
                for day in self.hours
            ),
            closed=frozenset(self.closed),
            opened=frozenset(self.opened),
            on_holidays=self.on_holidays,
            cut_off=time.fromisoformat(self.cut_off),
            cut_offs={code: time.fromisoformat(at) for code, at in self.cut_offs.items()},
        )


class CalendarOut(CalendarShape):
    """A site's calendar, and what it means today."""

    site: str
    time_zone: str
    ships_on: date | None

    @classmethod
    def of(cls, site: str, calendar: SiteCalendar, ships_on: date | None) -> "CalendarOut":
        """As it stands."""
        return cls(
            site=site,
            time_zone=calendar.time_zone,
            ships_on=ships_on,
            hours=[
                None
                if day is None
                else HoursShape(opens=day[0].isoformat(), closes=day[1].isoformat())
                for day in calendar.hours
            ],
            closed=sorted(calendar.closed),
            opened=sorted(calendar.opened),
            on_holidays=calendar.on_holidays,
            cut_off=calendar.cut_off.isoformat(),
            cut_offs={code: at.isoformat() for code, at in calendar.cut_offs.items()},
        )


# --------------------------------------------------------------------------------- carriers
class SenderShape(Shape):
    """Who we are to a carrier."""

    name: Text
    kana: Short = ""
    phone: Short = ""
    postal_code: Short = ""
    address_lines: Annotated[list[Short], Field(min_length=1, max_length=5)]


class CarrierIn(Shape):
    """How we talk to a carrier; `codes` are its names for us: customer, class, fare, contents."""

    mode: Literal["API", "FILE"] = "API"
    sender: SenderShape | None = None
    codes: Annotated[dict[Short, Short], Field(max_length=20)] = Field(default_factory=dict)


class CarrierOut(BaseModel):
    """A carrier: whether it answers, and what waits for it."""

    code: str
    mode: str
    has_files: bool
    sender: SenderShape | None
    codes: dict[str, str]
    failures: int
    down_since: datetime | None
    asked_again_at: datetime | None
    problem: str
    waiting: int
    refused: int


class FileIn(Shape):
    """The id of a file: the same id is the same file."""

    file_id: UUID


class ProblemOut(BaseModel):
    """What is wrong with a parcel, or with a line."""

    parcel_id: UUID | None = None
    line: int | None = None
    reference: str = ""
    tracking: str = ""
    code: str
    detail: str = ""


class FileOut(BaseModel):
    """A file for a carrier's program: `content` is base64 of bytes in Shift_JIS (cp932)."""

    file_id: UUID
    carrier: str
    name: str
    parcels: int
    not_written: list[ProblemOut]
    characters_lost: list[ProblemOut]
    content: str


class TakenOut(BaseModel):
    """What became of an answer's lines."""

    booked: int
    known: int
    unknown: list[ProblemOut]
    wrong: list[ProblemOut]


class BookingOut(BaseModel):
    """A parcel and its carrier. Whose it is stands in the order."""

    parcel_id: UUID
    site: str
    sscc: str
    reference: str
    number: str
    direction: str
    carrier: str
    service: str
    state: str
    tracking: str | None
    attempts: int
    problem: str
    cost_minor: Minor | None
    estimate_minor: Minor | None
    wanted_at: datetime
    booked_at: datetime | None
    status: str
    status_at: datetime | None
