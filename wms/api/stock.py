"""Stock as others may read it: what is where in which state, what is to come, what has changed.

    GET /v1/availability      SKUs over all sites in all states, and their sums over the network
    GET /v1/atp               what may be promised of a SKU day by day, with what is to come
    GET /v1/find-in-store     the nearest places that have enough, with the age of the figure
    GET /v1/supplies          what is on its way
    PUT /v1/supplies/{id}     it is known better: announce, change, close
    GET /v1/stock-changes     what has become of what was free, change by change, by cursor

Figures are a moment old, and say how old. What is free is promised only by a hold (POST /v1/holds).
"""

import asyncio
from functools import partial
from typing import Annotated
from uuid import UUID

from anyio.to_thread import run_sync
from fastapi import APIRouter, Query
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.requests import Request

from wms.api.cursors import pack, unpack
from wms.api.dependencies import Now, Svc
from wms.api.follow import Follower
from wms.api.stock_shapes import (
    AtpIn,
    AtpOut,
    AvailabilityIn,
    AvailabilityOut,
    ChangeOut,
    ChangesOut,
    FoundOut,
    NearIn,
    PlaceOut,
    SuppliesIn,
    SupplyIn,
    SupplyOut,
)
from wms.catalog import HOUSE_OWNER_ID, Owner
from wms.database import Database
from wms.errors import NotFound
from wms.ids import OwnerId
from wms.sites import site_id, sites_by_code
from wms.stock import feed
from wms.stock.incoming import Supply, announce, close
from wms.stock.near import find_in_store
from wms.stock.network import Named, Scope, availability, named_skus
from wms.stock.supply import atp_by_day, one_supply, open_supply

router = APIRouter(prefix="/v1", tags=["stock"])
WAIT_MAX_S = 25
FEED = "changes"


@router.get("/availability")
def get_availability(
    services: Svc, now: Now, wish: Annotated[AvailabilityIn, Query()]
) -> AvailabilityOut:
    """SKUs in all their states, by site and over the network; `sku` and `site` may be repeated."""

    def work(session: Session) -> AvailabilityOut:
        scope = scope_of(session, wish.site, wish.owner, wish.channel)
        skus = skus_of(session, wish.sku, scope.owner_id)
        return AvailabilityOut.model_validate(availability(session, skus, scope, now=now))

    return services.database.run(work)


@router.get("/atp")
def get_atp(services: Svc, now: Now, wish: Annotated[AtpIn, Query()]) -> AtpOut:
    """What may be promised of a SKU day by day, every promise kept: expected, and safe.

    Dates are those of the sites. `expected` counts quantity x confidence on the day of eta_p50;
    `safe` by the day of eta_p90, of supply that is sure.
    """

    def work(session: Session) -> AtpOut:
        scope = scope_of(session, wish.site, wish.owner, wish.channel)
        (sku,) = skus_of(session, [wish.sku], scope.owner_id)
        atp = atp_by_day(session, sku, scope, now=now, days=wish.days)
        return AtpOut.model_validate(atp)

    return services.database.run(work)


@router.get("/find-in-store")
def get_find_in_store(services: Svc, now: Now, wish: Annotated[NearIn, Query()]) -> FoundOut:
    """The nearest places that have enough of a SKU for a channel, nearest first."""

    def work(session: Session) -> FoundOut:
        scope = scope_of(session, None, wish.owner, wish.channel)
        (sku,) = skus_of(session, [wish.sku], scope.owner_id)
        places = find_in_store(session, wish.near(sku), scope, now=now, limit=wish.limit)
        return FoundOut(
            sku=sku.code,
            units=wish.units,
            places=[PlaceOut.model_validate(place) for place in places],
        )

    return services.database.run(work)


@router.get("/supplies")
def get_supplies(services: Svc, wish: Annotated[SuppliesIn, Query()]) -> list[SupplyOut]:
    """What is on its way of a SKU, the first to come first."""

    def work(session: Session) -> list[SupplyOut]:
        scope = scope_of(session, wish.site, wish.owner)
        (sku,) = skus_of(session, [wish.sku], scope.owner_id)
        found = open_supply(session, sku, scope)
        return [SupplyOut.model_validate(each) for each in found]

    return services.database.run(work)


@router.put("/supplies/{supply_id}")
def put_supply(supply_id: UUID, body: SupplyIn, services: Svc, now: Now) -> SupplyOut:
    """Say what is to come, as it is known now; or that nothing more comes: who waits is told."""

    def work(session: Session) -> SupplyOut:
        scope = scope_of(session, [body.site], body.owner)
        (sku,) = skus_of(session, [body.sku], scope.owner_id)
        site = site_id(body.site)
        supply = Supply(
            site_id=site,
            supply_id=supply_id,
            kind=body.kind,
            owner_id=scope.owner_id or HOUSE_OWNER_ID,
            sku_id=sku.id,
            segment=body.segment,
            units=body.units,
            eta_p50=body.eta_p50,
            eta_p90=body.eta_p90,
            confidence=body.confidence,
        )
        if body.state == "OPEN":
            announce(session, [supply], now=now)
        else:
            close(session, site, supply_id, now=now)
        return SupplyOut.model_validate(one_supply(session, site, supply_id))

    return services.database.run(work)


@router.get("/stock-changes")
async def get_stock_changes(
    request: Request,
    services: Svc,
    after: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=5000)] = 1000,
    wait_s: Annotated[float, Query(ge=0, le=WAIT_MAX_S)] = 0,
) -> ChangesOut:
    """What has changed after a cursor; with none, where to begin: then read availability once.

    An answer without changes comes after `wait_s` at the latest. 409 `cursor_gone`: what came
    after the cursor is no longer kept; begin anew.
    """
    if after is None:
        position = await run_sync(services.database.run, feed.start)
        return ChangesOut(changes=[], next=pack(FEED, position))
    (position,) = unpack(FEED, after, int)
    follower = _follower(request, services.database)
    loop = asyncio.get_running_loop()
    ends_s = loop.time() + wait_s
    while True:
        read = partial(feed.changes, after=position, limit=limit)
        page = await run_sync(services.database.run, read)
        position, left_s = page.next, ends_s - loop.time()
        if page.changes or left_s <= 0 or not await follower.beyond(position, within_s=left_s):
            changes = [ChangeOut.model_validate(change) for change in page.changes]
            return ChangesOut(changes=changes, next=pack(FEED, position))


def _follower(request: Request, database: Database) -> Follower:
    """The one of this process; it follows while somebody waits."""
    state = request.app.state
    if not hasattr(state, "stock_follower"):
        state.stock_follower = Follower(database)
    follower: Follower = state.stock_follower
    return follower


def scope_of(
    session: Session, sites: list[str] | None, owner: str | None, channel: str | None = None
) -> Scope:
    """What part of the network is meant.

    Raises:
        NotFound: there is no such site, or no such owner.
    """
    known = sites_by_code(session, sites or ())
    for code in sites or ():
        if code not in known:
            raise NotFound(f"site {code}")
    owner_id = None
    if owner is not None:
        owner_id = session.scalar(select(Owner.id).where(Owner.code == owner))
        if owner_id is None:
            raise NotFound(f"owner {owner}")
    return Scope(
        sites=None if sites is None else tuple(sites),
        owner_id=None if owner_id is None else OwnerId(owner_id),
        channel=channel or "",
    )


def skus_of(session: Session, codes: list[str], owner_id: OwnerId | None) -> list[Named]:
    """The SKUs with these codes, each once, in their order.

    Raises:
        NotFound: there is none with one of the codes.
    """
    known = named_skus(session, codes, owner_id)
    for code in codes:
        if code not in known:
            raise NotFound(f"SKU {code}")
    return [known[code] for code in dict.fromkeys(codes)]
