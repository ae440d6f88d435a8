"""What putaway takes and tells over HTTP: the table of rules, why a place, what is on its way."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field, StrictInt

from wms.api.shapes import AnyText, Shape, Text
from wms.catalog import Temperature
from wms.inbound.rules import Prefer, Rule

USUAL = Rule(name="").prefer
Unit = Literal["LOOSE", "TOTE", "CARTON", "PALLET", "CAGE", "PARCEL"]
Names = Annotated[list[Text], Field(default_factory=list, max_length=1000)]


class RuleIn(Shape):
    """A line of the putaway table. What is empty asks for nothing; LOOSE: in no handling unit."""

    name: Text
    temperatures: Annotated[list[Temperature], Field(default_factory=list, max_length=3)]
    dangerous_goods: Names
    units: Annotated[list[Unit], Field(default_factory=list, max_length=6)]
    skus: Names
    weight_from_g: Annotated[StrictInt, Field(ge=0, le=2**31 - 1)] = 0
    zones: Annotated[list[AnyText], Field(default_factory=list, max_length=1000)]
    storage_types: Annotated[list[AnyText], Field(default_factory=list, max_length=1000)]
    prefer: Annotated[list[Prefer], Field(default_factory=lambda: list(USUAL), max_length=7)]


class RulesIn(Shape):
    """The putaway table of a site, from the first line on."""

    rules: Annotated[list[RuleIn], Field(min_length=1, max_length=200)]


class RulesOut(BaseModel):
    """The table that counts; version 0 is the one that every site begins with."""

    site: str
    version: int
    made_at: datetime | None
    made_by: str
    rules: list[dict[str, Any]]


class VerdictOut(BaseModel):
    """What was thought of a place: taken because of, or not, because of what."""

    place: str
    rule: str
    room: int
    because: list[str]
    against: list[str]


class ExplainedOut(BaseModel):
    """Where goods would go now, the second choice, and why not to the others."""

    site: str
    sku: str
    units: int
    first: VerdictOut | None
    first_units: int
    second: VerdictOut | None
    looked_at: int
    others: list[VerdictOut]


class PutawayOut(BaseModel):
    """Goods that are, or were, put away."""

    id: UUID
    site: str
    state: Literal["OPEN", "MOVING", "DONE", "CANCELLED"]
    lpn: str
    sku: str | None
    lot: str
    units: int
    done_units: int
    from_location: str | None
    to_location: str | None
    second_location: str | None
    refused: list[str]
    verdict: dict[str, Any]
    task_id: UUID | None
    transport_id: UUID | None
    made_at: datetime
    ended_at: datetime | None
    ended_by: str


class PutawaysOut(BaseModel):
    """Putaways, the oldest first; `next` goes on behind them."""

    putaways: list[PutawayOut]
    next: str | None
