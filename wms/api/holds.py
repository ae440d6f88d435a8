"""Holds: units set aside for a demand, in thousands a second.

    POST /v1/holds                     set units aside: many lines, all or nothing or best effort
    POST /v1/holds/{id}:confirm        the cart is bought: allocated for good
    POST /v1/holds/{id}:extend         more time
    POST /v1/holds/{id}:release        given up
    POST /v1/holds/{id}:swap           two demands exchange their holds (引当振替)
    GET  /v1/holds/{id}?site=          how it stands

Every id is made by the caller and is for ever: the same request again gives the same answer and
does nothing more; the same id with another content is 422 `id_reused`. A refusal for want of
stock is an answer, 200 with granted = false, and stays the answer to that hold id.

What many callers ask for at the same time is posted together (wms.stock.coalescer). 429
`overloaded` and 503 `deadline_passed` or `shutting_down` say that nothing was posted; 503
`database_unavailable` that nobody knows. After each the same request again is safe.
"""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Annotated, Any, Literal, TypeAlias
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field, StrictInt
from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response

from wms.api.dependencies import Services, Svc
from wms.api.quick import DEADLINE_MS, DeadlineMs, QuickRoute
from wms.api.shapes import Shape, Text
from wms.catalog import HOUSE_OWNER_ID, sku_id
from wms.errors import WmsError
from wms.ids import CommandId, HoldId, new_id
from wms.sites import site_id
from wms.stock.coalescer import Coalescer
from wms.stock.inquire import hold_state
from wms.stock.ledger import Advance, HoldState
from wms.stock.promises import HoldKind, Reserve, Reserved

LINES_MAX = 1000
TTL_MAX_S = 366 * 86_400
Units: TypeAlias = Annotated[StrictInt, Field(ge=1, le=2**31 - 1)]
Ttl: TypeAlias = Annotated[StrictInt, Field(ge=1, le=TTL_MAX_S)]


class HoldLineIn(Shape):
    """Units of a SKU at a site. The hold's id is the caller's and makes it once."""

    hold_id: UUID
    site: Text
    sku: Text
    owner: Text | None = None
    units: Units


class HoldsIn(Shape):
    """What is to be set aside, for one demand."""

    mode: Literal["all-or-nothing", "best-effort"] = "all-or-nothing"
    kind: HoldKind
    demand_id: UUID
    ttl_s: Ttl | None = None
    lines: Annotated[list[HoldLineIn], Field(min_length=1, max_length=LINES_MAX)]


class HoldLineOut(BaseModel):
    """Granted or not, what was free right after; `code` says why not."""

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


class CommandOut(BaseModel):
    """The state that the command brought the hold to."""

    command_id: UUID
    hold_id: UUID
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


def _problems(**said: str) -> dict[int | str, dict[str, Any]]:
    content = {"application/problem+json": {"schema": ProblemOut.model_json_schema()}}
    return {status[1:]: {"description": text, "content": content} for status, text in said.items()}


PROBLEMS = _problems(
    _404="not_found",
    _409="wrong_state, not_enough_stock",
    _413="content_too_large",
    _422="malformed, id_reused, units_out_of_range, not_postable",
    _429="overloaded: nothing was posted; Retry-After",
    _503="database_unavailable, deadline_passed, shutting_down; Retry-After",
)
router = APIRouter(prefix="/v1", tags=["stock"], responses=PROBLEMS)
quick = APIRouter(prefix="/v1", tags=["stock"], responses=PROBLEMS, route_class=QuickRoute)

_site = lru_cache(maxsize=4096)(site_id)
_sku = lru_cache(maxsize=65_536)(sku_id)


@quick.post("/holds", responses={200: {"model": HoldsOut}})
async def post_holds(
    request: Request, body: HoldsIn, deadline_ms: DeadlineMs = DEADLINE_MS
) -> Response:
    """Set units aside, first come first served, never more than there are."""
    services, coalescer = _at_hand(request)
    now = services.clock.now()
    whole = body.mode == "all-or-nothing"
    group = new_id(now) if whole and len(body.lines) > 1 else None
    expires_at = None if body.ttl_s is None else now + timedelta(seconds=body.ttl_s)
    lines = [
        Reserve(
            hold_id=HoldId(line.hold_id),
            site_id=_site(line.site),
            owner_id=HOUSE_OWNER_ID,
            sku_id=_sku(line.sku, HOUSE_OWNER_ID),
            units=line.units,
            kind=body.kind,
            demand_id=body.demand_id,
            group_id=group,
            expires_at=expires_at,
        )
        for line in body.lines
    ]
    answers = await coalescer.reserve(lines, deadline_s=deadline_ms / 1000)
    if whole:
        for answer in answers:
            if isinstance(answer, WmsError):
                raise answer
    return _json(_holds_out(lines, answers))


@quick.post("/holds/{hold_id}:confirm", responses={200: {"model": CommandOut}})
async def post_confirm(
    request: Request, body: CommandIn, hold_id: UUID, deadline_ms: DeadlineMs = DEADLINE_MS
) -> Response:
    """The demand is firm: from HELD to ALLOCATED, and the hold expires no more."""
    return await _advance(request, body, hold_id, "ALLOCATED", deadline_ms)


@quick.post("/holds/{hold_id}:release", responses={200: {"model": CommandOut}})
async def post_release(
    request: Request, body: CommandIn, hold_id: UUID, deadline_ms: DeadlineMs = DEADLINE_MS
) -> Response:
    """Give the units back."""
    return await _advance(request, body, hold_id, "RELEASED", deadline_ms)


@router.get("/holds/{hold_id}")
def get_hold(hold_id: UUID, services: Svc, site: Annotated[Text, Query()]) -> HoldOut:
    """How a hold stands."""
    found = services.database.run(lambda s: hold_state(s, site, HoldId(hold_id)))
    return HoldOut(**asdict(found))


async def _advance(
    request: Request, body: CommandIn, hold_id: UUID, to: HoldState, deadline_ms: int
) -> Response:
    services, coalescer = _at_hand(request)
    line = Advance(
        command_id=CommandId(body.command_id),
        site_id=_site(body.site),
        hold_id=HoldId(hold_id),
        to=to,
        actor="oms",
        occurred_at=services.clock.now(),
    )
    (answer,) = await coalescer.advance([line], deadline_s=deadline_ms / 1000)
    if isinstance(answer, WmsError):
        raise answer
    return _json({"command_id": body.command_id, "hold_id": hold_id, "state": answer.state})


def _at_hand(request: Request) -> tuple[Services, Coalescer]:
    state = request.scope["app"].state
    return state.services, state.coalescer


def _holds_out(lines: Sequence[Reserve], answers: Sequence[Reserved | WmsError]) -> dict[str, Any]:
    out: list[dict[str, Any]] = []
    granted = True
    for line, answer in zip(lines, answers, strict=True):
        row: dict[str, Any] = {"hold_id": line.hold_id, "granted": False, "free": None}
        if isinstance(answer, WmsError):
            row["code"] = answer.code
        else:
            row["granted"], row["free"] = answer.granted, answer.free
            if not answer.granted:
                row["code"] = "not_enough_stock"
        granted = granted and row["granted"]
        out.append(row)
    return {"granted": granted, "lines": out}


def _json(content: Any) -> Response:
    return Response(to_json(content), media_type="application/json")
