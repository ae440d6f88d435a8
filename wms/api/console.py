"""For supervisors: the live picture, the day's counters, stock, the plant."""

import asyncio
import tomllib
from collections.abc import AsyncIterable
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent
from sqlalchemy import select
from sqlalchemy.orm import Session

from wms.api.control import alarms_now
from wms.api.cursors import pack, unpack
from wms.api.dependencies import Now, Services, Svc
from wms.api.orders_read import latest_orders, parcels_in, site_codes
from wms.api.shapes import ShipmentOut, Text
from wms.api.stock_shapes import BrowseIn, LineOfStock, LinesOut
from wms.api.summary import summary
from wms.errors import NotFound
from wms.ids import SkuId
from wms.orders.model import Decision
from wms.stock.browse import Place, browse

router = APIRouter(prefix="/console/v1", tags=["console"])
FRAME_S = 0.1  # at most ten pictures a second
FIGURES_S = 1.0
ORDERS_SHOWN = 30
STOCK = "stock"  # the name of its cursors


@router.get("/events", response_class=EventSourceResponse)
async def get_events(services: Svc) -> AsyncIterable[ServerSentEvent]:
    """What happens: summary, orders and alarms as they are now; frame, and then what has moved."""
    loop = asyncio.get_running_loop()
    seen, figures_at, frame_at = 0, 0.0, 0.0
    while not services.ending.is_set():
        if loop.time() >= figures_at:
            for name, data in (await asyncio.to_thread(_figures, services)).items():
                yield ServerSentEvent(event=name, data=data)
            figures_at = loop.time() + FIGURES_S
        await asyncio.sleep(max(0.0, frame_at - loop.time()))
        within_s = max(0.01, figures_at - loop.time())
        if await services.feed.newer_than(seen, within_s=within_s):
            name, told = services.feed.news(seen)
            seen, frame_at = services.feed.number, loop.time() + FRAME_S
            yield ServerSentEvent(event=name, raw_data=told)


@router.get("/summary")
def get_summary(services: Svc) -> dict[str, Any]:
    """All counters of the day."""
    return services.database.run(lambda s: summary(s, services.floor.hub))


@router.get("/clock")
def get_clock(now: Now) -> dict[str, str]:
    """What time it is here: a day may be played on a clock of its own."""
    return {"now": now.isoformat()}


@router.get("/orders")
def get_orders(
    services: Svc, limit: Annotated[int, Query(ge=1, le=1000)] = 50
) -> list[dict[str, Any]]:
    """The orders taken last, newest first."""
    return services.database.run(lambda s: latest_orders(s, limit))


@router.get("/parcels")
def get_parcels(
    services: Svc,
    status: Annotated[Text, Query()],
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> list[ShipmentOut]:
    """The parcels in a state (PACKED, LINE_HAUL, AT_HUB, INDUCTED, SORTED …), oldest first."""
    return services.database.run(lambda s: parcels_in(s, status, limit))


@router.get("/decisions/{order_id}")
def get_decision(order_id: UUID, services: Svc) -> list[dict[str, Any]]:
    """Why an order was given to its sites: candidates by cost term, the chosen, the runner-up."""
    return services.database.run(lambda s: _decisions(s, order_id))


@router.get("/stock")
def get_stock(services: Svc, now: Now, wish: Annotated[BrowseIn, Query()]) -> LinesOut:
    """SKUs in the order of their codes, each over all sites in all states, a page at a time.

    `text` finds SKUs by a part of the code or of a name, in letters of any case or width; `state`
    those with units in any of the states (or `sold_out`). A page may be short, or empty, and still
    have a `next`: so much was looked at. The sites of a SKU: GET /v1/availability.
    """

    def work(session: Session) -> LinesOut:
        codes = sorted(site_codes(session).values())
        if wish.site is not None and wish.site not in codes:
            raise NotFound(f"site {wish.site}")
        after = None
        if wish.after is not None:
            code, sku_id = unpack(STOCK, wish.after, str, UUID)
            after = Place(code=code, id=SkuId(sku_id))
        page = browse(session, wish.wish(), now=now, after=after, limit=wish.limit)
        return LinesOut(
            as_of=page.as_of,
            age_s=page.age_s,
            sites=codes,
            lines=[LineOfStock.model_validate(line) for line in page.lines],
            next=None if page.next is None else pack(STOCK, page.next.code, page.next.id),
        )

    return services.database.run(work)


@router.get("/plant")
def get_plant(services: Svc) -> dict[str, Any]:
    """The map: points, paths, machines and areas of the site file, and what is planned an hour."""
    path = services.settings.site_file
    if path is None or not path.exists():
        raise NotFound("no site file: set SOKO_SITE_FILE")
    plant = tomllib.loads(path.read_text(encoding="utf-8"))
    shown = (
        "site", "points", "paths", "stations", "conveyors", "sorters", "gates", "areas", "targets",
    )  # fmt: skip
    return {name: plant.get(name, {} if name == "site" else []) for name in shown}


def _figures(services: Services) -> dict[str, Any]:
    def work(session: Session) -> dict[str, Any]:
        return {
            "summary": summary(session, services.floor.hub),
            "orders": latest_orders(session, ORDERS_SHOWN),
            "alarms": alarms_now(session, services, services.clock.now()).model_dump(mode="json"),
        }

    return services.database.run(work)


def _decisions(session: Session, order_id: UUID) -> list[dict[str, Any]]:
    query = select(Decision).where(Decision.order_id == order_id).order_by(Decision.decided_at)
    names = [column.name for column in Decision.__table__.columns if column.name != "order_id"]
    return [{name: getattr(row, name) for name in names} for row in session.scalars(query)]
