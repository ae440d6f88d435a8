"""The read side of stock: what is free where, what can be picked, every state of every site.

Reads lock nothing and may be a moment old; what is shown as free is promised only by a
reservation. `free = sellable - blocked - reserved - allocated - safety`, of goods in condition A.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Date, DateTime, Select, and_, case, cast, func, or_, select, union_all
from sqlalchemy.orm import Session, aliased

from wms.catalog import Lot, Sku
from wms.ids import HandlingUnitId, HoldId, LocationId, OwnerId, SiteId, SkuId
from wms.sites import Location, Site
from wms.stock.ledger import HoldState
from wms.stock.model import ChannelBuffer, HandlingUnit, Hold, Quant, StockBalance
from wms.stock.posting import NIL
from wms.stock.promises import HoldKind

STATES = (
    "expected", "received", "sellable", "reserved", "cart", "click_reserve", "allocated",
    "picked", "packed", "to_customer", "to_store", "to_locker", "store_to_dc", "dc_to_dc",
    "return_requested", "return_in_transit", "return_received", "quarantine", "damaged", "lost",
    "unknown", "safety", "blocked",
)  # fmt: skip
_UNIT_PLACE = case(
    (HandlingUnit.parent_id.is_(None), HandlingUnit.location_id),
    else_=func.unit_place(HandlingUnit.site_id, HandlingUnit.id),
)
_PROMISED = StockBalance.reserved + StockBalance.allocated
_FREE = StockBalance.sellable - StockBalance.blocked - _PROMISED - StockBalance.safety


@dataclass(frozen=True, slots=True, kw_only=True)
class Pickable:
    """Units that a hold may be pinned to.

    Goods in a handling unit are pinned by the unit, `tote`; `location`, zone and coordinates are
    then those of the place where the unit stands, or last stood.
    """

    location_id: LocationId
    location: str
    zone: str
    aisle: int | None
    bay: int | None
    x_mm: int
    y_mm: int
    handling_unit_id: HandlingUnitId | None
    tote: str | None
    sku_id: SkuId
    owner_id: OwnerId
    lot: str
    units: int
    kind: str = ""
    pick_seq: int = 0
    expires_on: date | None = None
    made_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StockRow:
    """All states of one SKU at one site."""

    site: str
    sku: str
    name_en: str
    name_ja: str
    expected: int
    received: int
    sellable: int
    reserved: int
    cart: int
    click_reserve: int
    allocated: int
    picked: int
    packed: int
    to_customer: int
    to_store: int
    to_locker: int
    store_to_dc: int
    dc_to_dc: int
    return_requested: int
    return_in_transit: int
    return_received: int
    quarantine: int
    damaged: int
    lost: int
    unknown: int
    safety: int
    blocked: int
    free: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StockView:
    """Rows by SKU and site, and the totals of the whole selection, shown or cut off."""

    rows: list[StockRow]
    totals: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldView:
    """A hold as others may see it."""

    hold_id: HoldId
    site_id: SiteId
    owner_id: OwnerId
    sku_id: SkuId
    units: int
    kind: HoldKind
    state: HoldState
    demand_id: UUID
    location_id: LocationId | None
    handling_unit_id: HandlingUnitId | None
    lot: str = ""


def free_units(
    session: Session, sku_ids: Iterable[SkuId] | None = None, *, now: datetime | None = None
) -> dict[tuple[SiteId, SkuId], int]:
    """What is free of these SKUs (or of all) by site and SKU, where there is any.

    With `now`, what is held by holds that are overdue counts as free: a reservation may have it.
    """
    overdue = [] if now is None else [Hold.state == "HELD", Hold.expires_at <= now]
    of_balance = select(StockBalance.site_id, StockBalance.sku_id, _FREE.label("free")).where(
        StockBalance.segment == "A"
    )
    of_holds = select(Hold.site_id, Hold.sku_id, Hold.units).where(*overdue)
    if sku_ids is not None:
        wanted = set(sku_ids)
        of_balance = of_balance.where(StockBalance.sku_id.in_(wanted))
        of_holds = of_holds.where(Hold.sku_id.in_(wanted))
    parts = union_all(of_balance, of_holds) if overdue else of_balance
    each = parts.subquery()
    query = select(each.c.site_id, each.c.sku_id, func.sum(each.c.free))
    query = query.group_by(each.c.site_id, each.c.sku_id).having(func.sum(each.c.free) > 0)
    query = query.order_by(each.c.site_id, each.c.sku_id)
    return {(SiteId(site), SkuId(sku)): int(free) for site, sku, free in session.execute(query)}


def free_by_site(
    session: Session, sku_ids: Iterable[SkuId] | None = None
) -> list[tuple[SiteId, SkuId, int]]:
    """Where something of these SKUs (or of all) is free, and how much; in order of site."""
    return [(*key, units) for key, units in free_units(session, sku_ids).items()]


def kept_from(
    session: Session, channel: str, sku_ids: Iterable[SkuId]
) -> dict[tuple[SiteId, SkuId], int]:
    """How many units of these SKUs that channel may not have, by site and SKU, where there are."""
    query = select(ChannelBuffer.site_id, ChannelBuffer.sku_id, ChannelBuffer.keep).where(
        ChannelBuffer.channel == channel, ChannelBuffer.sku_id.in_(set(sku_ids))
    )
    return {(SiteId(site), SkuId(sku)): keep for site, sku, keep in session.execute(query)}


def pickable(
    session: Session, site_id: SiteId, sku_ids: Iterable[SkuId], *, now: datetime | None = None
) -> list[Pickable]:
    """Where these SKUs stand free to be pinned at a site; of each SKU what expires first is first.

    Lots that nobody may have, those past their day (the database's, or that of `now`), and what
    stands at a place that is blocked, are none of it. What is in a unit inside another stands where
    the outermost one does.
    """
    account = aliased(Location)
    place = and_(
        Location.site_id == Quant.site_id,
        Location.id == func.coalesce(_UNIT_PLACE, Quant.location_id),
    )
    at = func.coalesce(func.stock_now(cast(now, DateTime(timezone=True))), func.clock_timestamp())
    sellable = or_(
        Lot.sku_id.is_(None),
        and_(
            Lot.status == "OK",
            or_(
                Lot.expires_on.is_(None),
                Lot.expires_on >= cast(func.timezone(Site.time_zone, at), Date),
            ),
        ),
    )
    unit = and_(HandlingUnit.site_id == Quant.site_id, HandlingUnit.id == Quant.handling_unit_id)
    query = (
        select(
            Quant.location_id,
            Location.code,
            Location.zone,
            Location.aisle,
            Location.bay,
            Location.x_mm,
            Location.y_mm,
            Location.kind,
            Location.pick_seq,
            Lot.expires_on,
            Lot.made_on,
            Quant.handling_unit_id,
            HandlingUnit.code.label("unit_code"),
            Quant.sku_id,
            Quant.owner_id,
            Quant.lot,
            (Quant.units - Quant.pinned).label("units"),
        )
        .join(account, and_(account.site_id == Quant.site_id, account.id == Quant.location_id))
        .join(Site, Site.id == Quant.site_id)
        .outerjoin(HandlingUnit, unit)
        .outerjoin(Lot, and_(Lot.sku_id == Quant.sku_id, Lot.code == Quant.lot))
        .join(Location, place)
        .where(
            Quant.site_id == site_id,
            Quant.sku_id.in_(set(sku_ids)),
            Quant.condition == "A",
            Quant.units > Quant.pinned,
            account.counter == "sellable",
            Location.blocked == "",
            sellable,
        )
        .order_by(Quant.sku_id, Lot.expires_on, Location.code, Quant.lot, Quant.handling_unit_id)
    )
    return [_pickable(row) for row in session.execute(query)]


def stock_view(
    session: Session,
    skus: Iterable[str] | None = None,
    sites: Iterable[str] | None = None,
    *,
    limit: int = 1000,
) -> StockView:
    """All states x sites, of SKUs and sites by code, or of all: for a small network (tests)."""
    query = _states().join(Sku, Sku.id == StockBalance.sku_id)
    query = query.join(Site, Site.id == StockBalance.site_id)
    if skus is not None:
        query = query.where(Sku.code.in_(set(skus)))
    if sites is not None:
        query = query.where(Site.code.in_(set(sites)))
    totals = session.execute(query).one()
    rows = query.add_columns(
        Site.code.label("site"), Sku.code.label("sku"), Sku.name_en, Sku.name_ja
    ).group_by(Site.code, Sku.id)
    found = session.execute(rows.order_by(Sku.code, Site.code).limit(limit))
    return StockView(
        rows=[StockRow(**_whole(row)) for row in found],
        totals={name: int(value or 0) for name, value in totals._asdict().items()},
    )


def holds_of(session: Session, demand_ids: Iterable[UUID]) -> list[HoldView]:
    """All holds, living and ended, for these demands; refused reservations are none."""
    query = (
        select(Hold)
        .where(Hold.demand_id.in_(set(demand_ids)), Hold.state != "REFUSED")
        .order_by(Hold.site_id, Hold.created_at, Hold.id)
    )
    return [_hold_view(hold) for hold in session.scalars(query)]


def holds_by_id(session: Session, hold_ids: Iterable[HoldId]) -> dict[HoldId, HoldView]:
    """Those of the holds that there are."""
    query = select(Hold).where(Hold.id.in_(set(hold_ids)), Hold.state != "REFUSED")
    return {HoldId(hold.id): _hold_view(hold) for hold in session.scalars(query)}


def _states() -> Select[Any]:
    counters = [func.sum(getattr(StockBalance, name)).label(name) for name in STATES]
    free = func.sum(_FREE).filter(StockBalance.segment == "A").label("free")
    return select(*counters, free).select_from(StockBalance)


def _whole(row: Any) -> dict[str, Any]:
    return {
        name: value if isinstance(value, str) else int(value or 0)
        for name, value in row._asdict().items()
    }


def _pickable(row: Any) -> Pickable:
    in_unit = row.handling_unit_id != NIL
    return Pickable(
        location_id=row.location_id,
        location=row.code,
        zone=row.zone,
        aisle=row.aisle,
        bay=row.bay,
        x_mm=row.x_mm,
        y_mm=row.y_mm,
        handling_unit_id=row.handling_unit_id if in_unit else None,
        tote=row.unit_code,
        sku_id=row.sku_id,
        owner_id=row.owner_id,
        lot=row.lot,
        units=row.units,
        kind=row.kind,
        pick_seq=row.pick_seq,
        expires_on=row.expires_on,
        made_on=row.made_on,
    )


def _hold_view(hold: Hold) -> HoldView:
    unit = hold.handling_unit_id
    return HoldView(
        hold_id=HoldId(hold.id),
        site_id=SiteId(hold.site_id),
        owner_id=OwnerId(hold.owner_id),
        sku_id=SkuId(hold.sku_id),
        units=hold.units,
        kind=hold.kind,  # type: ignore[arg-type]
        state=hold.state,  # type: ignore[arg-type]
        demand_id=hold.demand_id,
        location_id=LocationId(hold.location_id) if hold.location_id else None,
        handling_unit_id=None if unit == NIL else HandlingUnitId(unit),
        lot=hold.lot,
    )
