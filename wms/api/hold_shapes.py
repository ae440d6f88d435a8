"""What comes in and goes out where holds are made and changed, strictly."""

from datetime import datetime
from typing import Annotated, Literal, Self, TypeAlias
from uuid import UUID

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictInt,
    model_validator,
)

from wms.api.shapes import Shape, Text
from wms.stock.promises import HoldKind

LINES_MAX = 1000
TTL_MAX_S = 366 * 86_400
Units: TypeAlias = Annotated[StrictInt, Field(ge=1, le=2**31 - 1)]
Ttl: TypeAlias = Annotated[StrictInt, Field(ge=1, le=TTL_MAX_S)]


def _as_iso(value: object) -> object:
    """A bare number would be read as seconds since 1970."""
    if not isinstance(value, str) or "T" not in value:
        raise ValueError("a time is said as 2026-11-27T09:00:00+09:00")
    return value


Moment: TypeAlias = Annotated[AwareDatetime, BeforeValidator(_as_iso)]


class HoldLineIn(Shape):
    """Units of a SKU at a site. The hold's id is the caller's and makes it once.

    With `supply_id` they are taken of what is on its way, not of what is there.
    """

    hold_id: UUID
    site: Text
    sku: Text
    owner: Text | None = None
    units: Units
    segment: Text = "A"
    supply_id: UUID | None = None


class HoldsIn(Shape):
    """What is to be set aside, for one demand; with `ttl_s`, for so long only."""

    mode: Literal["all-or-nothing", "best-effort"] = "all-or-nothing"
    kind: HoldKind
    demand_id: UUID
    channel: Text | None = None
    ttl_s: Ttl | None = None
    lines: Annotated[list[HoldLineIn], Field(min_length=1, max_length=LINES_MAX)]


class HoldLineOut(BaseModel):
    """Granted or not, and what was free right after.

    `code` says why not: not_enough_stock; or of a best effort not_found, id_reused, not_postable.
    """

    hold_id: UUID
    granted: bool
    free: int | None
    code: str | None = None


class HoldsOut(BaseModel):
    """The answers in the order of the lines; `granted` if all were."""

    granted: bool
    lines: list[HoldLineOut]


class CommandIn(Shape):
    """A change of a hold. The command's id is the caller's and makes it once."""

    command_id: UUID
    site: Text


class StepIn(CommandIn):
    """A step of a hold. With `units`, only so many: the rest stays, as a hold of its own."""

    units: Units | None = None


class StepOut(BaseModel):
    """The state that the command brought the hold to; `rest_hold_id` has what may be left."""

    command_id: UUID
    hold_id: UUID
    state: str
    rest_hold_id: UUID | None = None


class ExtendIn(CommandIn):
    """Another end: at a time, or so many seconds from now."""

    expires_at: Moment | None = None
    ttl_s: Ttl | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.expires_at is None) == (self.ttl_s is None):
            raise ValueError("either expires_at or ttl_s")
        return self


class ExtendOut(BaseModel):
    """When the hold ends now."""

    command_id: UUID
    hold_id: UUID
    expires_at: datetime


class SwapIn(CommandIn):
    """The other hold: of the same site, SKU and number of units."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_by_name=False)
    with_hold_id: UUID = Field(alias="with")


class SwapOut(BaseModel):
    """Both holds have ended as SWAPPED; `heir_id` is what the demand of `hold_id` has now."""

    command_id: UUID
    hold_id: UUID
    heir_id: UUID
    with_heir_id: UUID
    state: str


class HoldOut(BaseModel):
    """A hold as it is now; `granted` and `free` as they were answered."""

    hold_id: UUID
    site: str
    owner: str
    sku: str
    segment: str
    units: int
    kind: HoldKind
    channel: str
    state: str
    granted: bool
    free: int
    demand_id: UUID
    supply_id: UUID | None
    parent_id: UUID | None
    expires_at: datetime | None
    created_at: datetime
    changed_at: datetime


class ProblemOut(BaseModel):
    """RFC 9457; `code` never changes, texts may."""

    type: str
    title: str
    status: int
    detail: str
    code: str
