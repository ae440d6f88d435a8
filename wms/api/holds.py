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

Who is limited to some sites or owners (wms.reach) holds there and theirs alone; other holds are not
there. Postings see everything, so it is looked before.

What many callers ask for at the same time is posted together (wms.stock.coalescer). 429
`overloaded` and 503 `deadline_passed` or `shutting_down` say that nothing was posted; 503
`database_unavailable` that nobody knows. After each the same request again is safe.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from functools import lru_cache
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic_core import to_json
from sqlalchemy import select, union_all
from starlette.requests import Request
from starlette.responses import Response

from wms.api.dependencies import Services
from wms.api.hold_shapes import (
    CommandIn,
    ExtendIn,
    ExtendOut,
    HoldLineIn,
    HoldOut,
    HoldsIn,
    HoldsOut,
    ProblemOut,
    StepIn,
    StepOut,
    SwapIn,
    SwapOut,
)
from wms.api.quick import DEADLINE_MS, DeadlineMs, QuickRoute
from wms.api.shapes import Text
from wms.catalog import HOUSE, Sku, owner_id, sku_id
from wms.errors import NotFound, WmsError
from wms.ids import CommandId, HoldId, derive, new_id
from wms.reach import ATTENDANT
from wms.sites import Site, site_id
from wms.stock.coalescer import Coalescer
from wms.stock.inquire import HoldState as Found
from wms.stock.inquire import hold_state
from wms.stock.ledger import Advance, HoldState
from wms.stock.over_cells import OverCells
from wms.stock.promises import Extend, Reserve, Reserved, Swap

ACTOR = "oms"


def _problems(**said: str) -> dict[int | str, dict[str, Any]]:
    content = {"application/problem+json": {"schema": ProblemOut.model_json_schema()}}
    return {status[1:]: {"description": text, "content": content} for status, text in said.items()}


PROBLEMS = _problems(
    _404="not_found: nothing was granted",
    _409="wrong_state, not_swappable",
    _413="request_entity_too_large",
    _422="malformed, id_reused, units_out_of_range, not_postable: nothing was granted",
    _429="overloaded: nothing was posted; Retry-After",
    _503="deadline_passed, shutting_down: nothing was posted; database_unavailable; Retry-After",
)
router = APIRouter(prefix="/v1", tags=["stock"], responses=PROBLEMS)
quick = APIRouter(prefix="/v1", tags=["stock"], responses=PROBLEMS, route_class=QuickRoute)

_owner = lru_cache(maxsize=4096)(owner_id)
_site = lru_cache(maxsize=4096)(site_id)
_sku = lru_cache(maxsize=65_536)(sku_id)


@quick.post("/holds", responses={200: {"model": HoldsOut}})
async def post_holds(
    request: Request, body: HoldsIn, deadline_ms: DeadlineMs = DEADLINE_MS
) -> Response:
    """Set units aside, first come first served, never more than there are."""
    services, coalescer = _at_hand(request)
    _check_reach(body.lines)
    now = services.clock.now()
    whole = body.mode == "all-or-nothing"
    if whole and len(body.lines) > 1:
        await _check_masters(services, body.lines)
    common: dict[str, Any] = {
        "kind": body.kind,
        "demand_id": body.demand_id,
        "channel": body.channel or "",
        "group_id": new_id(now) if whole and len(body.lines) > 1 else None,
        "expires_at": None if body.ttl_s is None else now + timedelta(seconds=body.ttl_s),
    }
    lines = [
        Reserve(
            hold_id=HoldId(line.hold_id),
            site_id=_site(line.site),
            owner_id=_owner(line.owner or HOUSE),
            sku_id=_sku(line.sku, _owner(line.owner or HOUSE)),
            units=line.units,
            segment=line.segment,
            supply_id=line.supply_id,
            **common,
        )
        for line in body.lines
    ]
    answers = await coalescer.reserve(lines, deadline_s=deadline_ms / 1000)
    if whole:
        _raise_first(body.lines, answers)
    return _json(_holds_out(lines, answers))


@quick.post("/holds/{hold_id}:confirm", responses={200: {"model": StepOut}})
async def post_confirm(
    request: Request, body: StepIn, hold_id: UUID, deadline_ms: DeadlineMs = DEADLINE_MS
) -> Response:
    """The demand is firm: from HELD to ALLOCATED, and the hold expires no more."""
    return await _advance(request, body, hold_id, "ALLOCATED", deadline_ms)


@quick.post("/holds/{hold_id}:release", responses={200: {"model": StepOut}})
async def post_release(
    request: Request, body: StepIn, hold_id: UUID, deadline_ms: DeadlineMs = DEADLINE_MS
) -> Response:
    """Give the units back."""
    return await _advance(request, body, hold_id, "RELEASED", deadline_ms)


@quick.post("/holds/{hold_id}:extend", responses={200: {"model": ExtendOut}})
async def post_extend(
    request: Request, body: ExtendIn, hold_id: UUID, deadline_ms: DeadlineMs = DEADLINE_MS
) -> Response:
    """Another end for a hold that is HELD."""
    services, coalescer = _at_hand(request)
    await _find_in_reach(request, body.site, hold_id)
    ttl = timedelta(seconds=body.ttl_s or 0)
    line = Extend(
        command_id=CommandId(body.command_id),
        site_id=_site(body.site),
        hold_id=HoldId(hold_id),
        expires_at=body.expires_at or services.clock.now() + ttl,
    )
    (answer,) = await coalescer.extend([line], deadline_s=deadline_ms / 1000)
    if isinstance(answer, WmsError):
        raise answer
    return _json(_command(body, hold_id, expires_at=answer.expires_at))


@quick.post("/holds/{hold_id}:swap", responses={200: {"model": SwapOut}})
async def post_swap(
    request: Request, body: SwapIn, hold_id: UUID, deadline_ms: DeadlineMs = DEADLINE_MS
) -> Response:
    """Two demands exchange what they hold: the urgent one gets what is ready (引当振替)."""
    _, coalescer = _at_hand(request)
    await _find_in_reach(request, body.site, hold_id, body.with_hold_id)
    line = Swap(
        command_id=CommandId(body.command_id),
        site_id=_site(body.site),
        hold_id=HoldId(hold_id),
        with_hold_id=HoldId(body.with_hold_id),
        heir_id=HoldId(derive(body.command_id, "heir")),
        with_heir_id=HoldId(derive(body.command_id, "with_heir")),
    )
    (answer,) = await coalescer.swap([line], deadline_s=deadline_ms / 1000)
    if isinstance(answer, WmsError):
        raise answer
    heirs = {"heir_id": answer.heir_id, "with_heir_id": answer.with_heir_id}
    return _json(_command(body, hold_id, **heirs, state=answer.state))


@router.get("/holds/{hold_id}")
def get_hold(request: Request, hold_id: UUID, site: Annotated[Text, Query()]) -> HoldOut:
    """How a hold stands."""
    (found,) = _found(request, site, hold_id)
    return HoldOut(**asdict(found))


async def _advance(
    request: Request, body: StepIn, hold_id: UUID, to: HoldState, deadline_ms: int
) -> Response:
    services, coalescer = _at_hand(request)
    await _find_in_reach(request, body.site, hold_id)
    rest = None if body.units is None else HoldId(derive(body.command_id, "rest"))
    line = Advance(
        command_id=CommandId(body.command_id),
        site_id=_site(body.site),
        hold_id=HoldId(hold_id),
        to=to,
        units=body.units,
        rest_hold_id=rest,
        rest_state="SAME",
        actor=ACTOR,
        occurred_at=services.clock.now(),
    )
    (answer,) = await coalescer.advance([line], deadline_s=deadline_ms / 1000)
    if isinstance(answer, WmsError):
        raise answer
    named = {} if rest is None else {"rest_hold_id": rest}
    return _json(_command(body, hold_id, state=answer.state, **named))


async def _check_masters(services: Services, lines: Sequence[HoldLineIn]) -> None:
    """Whether all sites and SKUs are there, before ids of theirs are used up for a refusal.

    Masters are never deleted, so what was there once need not be looked for again.

    Raises:
        NotFound: something is not; nothing was posted.
    """
    named: dict[UUID, str] = {}
    for line in lines:
        owner = line.owner or HOUSE
        named[_site(line.site)] = f"hold {line.hold_id}: there is no site {line.site}"
        named[_sku(line.sku, _owner(owner))] = f"hold {line.hold_id}: {owner} has no SKU {line.sku}"
    new = named.keys() - services.known
    if new:
        there = union_all(
            select(Sku.id).where(Sku.id.in_(new)), select(Site.id).where(Site.id.in_(new))
        )
        services.known.update(
            await asyncio.to_thread(services.database.run, lambda s: s.scalars(there).all())
        )
        for id_ in new - services.known:
            raise NotFound(named[id_])


def _check_reach(lines: Sequence[HoldLineIn]) -> None:
    """Whether all lines are of owners and sites that the caller may hold for.

    Raises:
        NotFound: as if there were no such SKU there.
    """
    attendant = ATTENDANT.get()
    if attendant is None or attendant.reach.is_all:
        return
    owners, sites = attendant.reach.owners, attendant.reach.sites
    for line in lines:
        is_theirs = owners is None or _owner(line.owner or HOUSE) in owners
        if not is_theirs or not (sites is None or _site(line.site) in sites):
            raise NotFound(f"hold {line.hold_id}: SKU {line.sku}, site {line.site}")


async def _find_in_reach(request: Request, site: str, *holds: UUID) -> None:
    """Whether the caller may know of these holds. Who may know of all is not kept waiting.

    Raises:
        NotFound: not of all.
    """
    attendant = ATTENDANT.get()
    if attendant is not None and not attendant.reach.is_all:
        await asyncio.to_thread(_found, request, site, *holds)


def _found(request: Request, site: str, *holds: UUID) -> list[Found]:
    services, door = _at_hand(request)
    database = door.database_of(_site(site)) if isinstance(door, OverCells) else services.database
    return database.run(lambda s: [hold_state(s, site, HoldId(hold)) for hold in holds])


def _at_hand(request: Request) -> tuple[Services, Coalescer]:
    state = request.scope["app"].state
    return state.services, state.coalescer


def _command(body: CommandIn, hold_id: UUID, **facts: Any) -> dict[str, Any]:
    return {"command_id": body.command_id, "hold_id": hold_id, **facts}


def _raise_first(lines: Sequence[HoldLineIn], answers: Sequence[Reserved | WmsError]) -> None:
    """What is wrong with one line is wrong with the whole."""
    for line, answer in zip(lines, answers, strict=True):
        if isinstance(answer, NotFound):
            said = "" if line.supply_id is None else f", supply {line.supply_id}"
            raise NotFound(f"hold {line.hold_id}: SKU {line.sku}, site {line.site}{said}")
        if isinstance(answer, WmsError):
            raise answer


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
