"""What counting takes and answers."""

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, Field, StrictBool, StrictInt, StringConstraints, model_validator

from wms.api.shapes import AnyText, Shape, Text, Units
from wms.counting.read import Accuracy
from wms.counting.rules import Policy, Tolerance
from wms.counting.write_off import WriteOff

Small = Annotated[StrictInt, Field(ge=0, le=1_000_000)]
Percent = Annotated[StrictInt, Field(ge=0, le=100)]
Days = Annotated[StrictInt, Field(ge=1, le=3650)]
MinorAmount = Annotated[StrictInt, Field(ge=0, le=2**53)]
Abc = Literal["A", "B", "C"]


class CountsIn(Shape):
    """Which places to count: named ones, or all of a zone; of one SKU or all."""

    command_id: UUID
    site: Text
    kind: Literal["PLACES", "SWEEP"] = "PLACES"
    places: Annotated[list[Text], Field(max_length=1000)] = Field(default=[])
    zone: AnyText = ""
    sku: Text | None = None
    why: Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Z_]{0,40}$")] = ""

    @model_validator(mode="after")
    def says_where(self) -> Self:
        """Places or a zone, not both; a sweep is of a zone."""
        if bool(self.places) == bool(self.zone):
            raise ValueError("name places, or a zone")
        if self.kind == "SWEEP" and (not self.zone or self.sku is not None):
            raise ValueError("a sweep is of all goods of a zone")
        return self


class CountsQuery(Shape):
    """Which counts."""

    site: Text | None = None
    state: (
        Literal["OPEN", "REVIEW", "ACCEPTED", "POSTED", "AGREED", "REJECTED", "CANCELLED"] | None
    ) = None
    kind: Literal["CYCLE", "WANTED", "DEMAND", "ZONE", "SWEEP"] | None = None
    zone: Text | None = None
    group_id: UUID | None = None
    after: Text | None = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 100


class DecideIn(Shape):
    """Why it is decided so."""

    command_id: UUID
    reason: Text


class ReadsIn(Shape):
    """Tags as a reader reports them: EPCs in hex, or whatever was scanned."""

    command_id: UUID
    epcs: Annotated[list[Text], Field(min_length=1, max_length=5000)]


class ReadsOut(BaseModel):
    """How many were read; how many are expected where that is shown, and what differs."""

    read: int
    expected: int | None
    missing: list[str]
    unexpected: list[str]


class WriteOffIn(Shape):
    """So many units, missed before, are gone."""

    command_id: UUID
    sku: Text
    owner: Text = "HOUSE"
    lot: AnyText = ""
    units: Units
    serials: Annotated[list[Text], Field(max_length=1000)] = Field(default=[])
    reason: Text

    def wish(self) -> WriteOff:
        """As counting takes it."""
        return WriteOff(**self.model_dump(exclude={"serials"}), serials=tuple(self.serials))


class ToleranceShape(Shape):
    """By how much one person's count may differ: in units or percent, whichever is more."""

    units: Small = 0
    percent: Percent = 0


class PolicyShape(Shape):
    """How a site counts; amounts in minor units, `days` between two counts by class."""

    tolerance: dict[Abc, ToleranceShape] = Field(default={})
    tolerance_minor: MinorAmount = 3_000
    rounds_max: Annotated[StrictInt, Field(ge=1, le=9)] = 3
    approve_minor: MinorAmount = 10_000
    two_person_minor: MinorAmount = 100_000
    days: dict[Abc, Days] = Field(default={"A": 30, "B": 90, "C": 180})
    capacity: Annotated[StrictInt, Field(ge=0, le=10_000)] = 50
    shares: Annotated[list[Percent], Field(min_length=2, max_length=2)] = Field(default=[80, 95])
    look_back_days: Days = 90
    live_sweep: StrictBool = False

    def policy(self) -> Policy:
        """As counting takes it."""
        facts = self.model_dump(exclude={"tolerance", "shares"})
        tolerance: dict[str, Tolerance] = {
            name: Tolerance(**each.model_dump()) for name, each in self.tolerance.items()
        }
        return Policy(**facts, tolerance=tolerance, shares=(self.shares[0], self.shares[1]))

    @classmethod
    def of(cls, policy: Policy) -> "PolicyShape":
        """As it is said."""
        classes: tuple[Abc, ...] = ("A", "B", "C")
        return cls(
            tolerance={
                abc: ToleranceShape(units=each.units, percent=each.percent)
                for abc in classes
                if (each := policy.tolerance.get(abc)) is not None
            },
            tolerance_minor=policy.tolerance_minor,
            rounds_max=policy.rounds_max,
            approve_minor=policy.approve_minor,
            two_person_minor=policy.two_person_minor,
            days=dict(policy.days),  # type: ignore[arg-type]
            capacity=policy.capacity,
            shares=list(policy.shares),
            look_back_days=policy.look_back_days,
            live_sweep=policy.live_sweep,
        )


class ValuesIn(Shape):
    """What a unit is worth, by SKU."""

    values: Annotated[dict[Text, MinorAmount], Field(min_length=1, max_length=1000)]


class CountOut(BaseModel):
    """A count as it stands: units off and their value of the last round."""

    id: UUID
    site: str
    kind: str
    state: str
    location: str | None
    zone: str
    sku: str | None
    why: str
    abc: str
    group_id: UUID | None
    rounds_made: int
    units_off: int
    units_book: int
    value_minor: int
    approved_by: str
    reason: str
    made_at: datetime
    ended_at: datetime | None
    ended_by: str


class CountsOut(BaseModel):
    """A page of counts; `next` goes on behind them."""

    counts: list[CountOut]
    next: str | None


class CountLineOut(BaseModel):
    """What was found of one SKU and lot, and what the books had; or a code that nobody knows."""

    sku: str | None
    lot: str
    code: str
    in_unit: bool
    counted: int
    book_lo: int
    book_hi: int
    difference: int
    missing: list[str]
    unexpected: list[str]


class RoundOut(BaseModel):
    """One person's counting."""

    no: int
    operator: str
    device: str
    began_at: datetime | None
    done_at: datetime | None
    verdict: str
    lines: list[CountLineOut]


class ActOut(BaseModel):
    """What a supervisor did."""

    act: str
    operator: str
    reason: str
    at: datetime


class AdjustmentOut(BaseModel):
    """What was posted."""

    sku: str
    lot: str
    kind: str
    units: int
    value_minor: int
    command_id: UUID


class CountDetailOut(CountOut):
    """A count with all that belongs to it."""

    rounds: list[RoundOut]
    acts: list[ActOut]
    adjustments: list[AdjustmentOut]


class AccuracyOut(BaseModel):
    """How right the books were: `permille` of the counts agreed, and of the units."""

    zone: str
    abc: str
    counts: int
    agreed: int
    permille: int
    units_book: int
    units_off: int
    units_permille: int
    value_off_minor: int

    @classmethod
    def of(cls, row: Accuracy) -> "AccuracyOut":
        """With the parts worked out."""
        return cls(
            zone=row.zone,
            abc=row.abc,
            counts=row.counts,
            agreed=row.agreed,
            permille=1000 * row.agreed // max(1, row.counts),
            units_book=row.units_book,
            units_off=row.units_off,
            units_permille=1000 * max(0, row.units_book - row.units_off) // max(1, row.units_book),
            value_off_minor=row.value_off_minor,
        )
