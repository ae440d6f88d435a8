"""Stock as others may read it: what is where in which state, what is to come, what has changed.

    GET /v1/availability      SKUs over all sites in all states, and their sums over the network
    GET /v1/stock-changes     what has become of what was free, change by change, by cursor

Figures are a moment old, and say how old. What is free is promised only by a hold (POST /v1/holds).
"""

import asyncio
from functools import partial
from typing import Annotated

from anyio.to_thread import run_sync
from fastapi import APIRouter, Query
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.requests import Request

from wms.api.cursors import pack, unpack
from wms.api.dependencies import Now, Svc
from wms.api.follow import Follower
from wms.api.shapes import Text
from wms.api.stock_shapes import AvailabilityOut, ChangeOut, ChangesOut
from wms.catalog import Owner
from wms.database import Database
from wms.errors import NotFound
from wms.ids import OwnerId
from wms.sites import sites_by_code
from wms.stock import feed
from wms.stock.network import Named, availability, named_skus

router = APIRouter(prefix="/v1", tags=["stock"])
SKUS_MAX = 200
SITES_MAX = 500
WAIT_MAX_S = 25
FEED = "changes"
Skus = Annotated[list[Text], Query(alias="sku", min_length=1, max_length=SKUS_MAX)]
Sites = Annotated[list[Text] | None, Query(alias="site", max_length=SITES_MAX)]
Code = Annotated[Text | None, Query()]


@router.get("/availability")
def get_availability(
    services: Svc,
    now: Now,
    skus: Skus,
    sites: Sites = None,
    owner: Code = None,
    channel: Code = None,
) -> AvailabilityOut:
    """SKUs in all their states, by site and over the network; `sku` and `site` may be repeated."""

    def work(session: Session) -> AvailabilityOut:
        owner_id = owner_of(session, owner)
        wanted = skus_of(session, skus, owner_id)
        check_sites(session, sites)
        channels = [channel] if channel else []
        view = availability(
            session, wanted, now=now, sites=sites, owner_id=owner_id, channels=channels
        )
        return AvailabilityOut.model_validate(view)

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


def owner_of(session: Session, code: str | None) -> OwnerId | None:
    """The owner with that code; None for no code.

    Raises:
        NotFound: there is none.
    """
    if code is None:
        return None
    owner = session.scalar(select(Owner.id).where(Owner.code == code))
    if owner is None:
        raise NotFound(f"owner {code}")
    return OwnerId(owner)


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


def check_sites(session: Session, codes: list[str] | None) -> None:
    """All these sites are there.

    Raises:
        NotFound: one is not.
    """
    known = sites_by_code(session, codes or ())
    for code in codes or ():
        if code not in known:
            raise NotFound(f"site {code}")
