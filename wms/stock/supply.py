"""What is to come, and what may be promised of it: supply that is open, and ATP by day.

    open_supply(session, sku, scope)               orders, ASNs, transfers, returns on their way
    atp_by_day(session, sku, scope, days=28, …)    available to promise by site and by network

The rules are in wms/stock/promising.py. Days are the site's own (its time zone). What may be
promised over the network is the sum of the sites: a site's surplus does not make up for another's
want before somebody moves it. Units are base units.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from wms.catalog import Owner, Sku
from wms.errors import NotFound
from wms.ids import SiteId
from wms.sites import Site
from wms.stock.model import Supply
from wms.stock.network import SELLS, WHOLE, Named, Scope, availability
from wms.stock.promising import Curves, Incoming, arrival, available_to_promise


@dataclass(frozen=True, slots=True, kw_only=True)
class SupplyView:
    """A supply: `units` were announced; `received` of them came, `held` are promised."""

    id: UUID
    site: str
    owner: str
    sku: str
    segment: str
    kind: str
    units: int
    received: int
    held: int
    eta_p50: datetime
    eta_p90: datetime
    confidence: int
    state: str
    changed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AtpAtSite(Curves):
    """What may be promised at a site, a number a day."""

    kind: str
    time_zone: str
    today: date
    free: int
    as_of: datetime
    age_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Atp:
    """What may be promised of a SKU on each of the dates, everywhere and by site."""

    as_of: datetime
    age_s: int
    sku: str
    dates: Sequence[date]
    free: int
    expected: Sequence[int]
    safe: Sequence[int]
    sites: Mapping[str, AtpAtSite]
    supplies: Sequence[SupplyView]


_SUPPLIES = (
    select(
        Supply.id, Site.code.label("site"), Owner.code.label("owner"), Sku.code.label("sku"),
        Supply.segment, Supply.kind, Supply.units, Supply.received, Supply.held, Supply.eta_p50,
        Supply.eta_p90, Supply.confidence, Supply.state, Supply.changed_at,
    )
    .join(Site, Site.id == Supply.site_id)
    .join(Owner, Owner.id == Supply.owner_id)
    .join(Sku, Sku.id == Supply.sku_id)
    .order_by(Supply.eta_p50, Site.code, Supply.id)
)  # fmt: skip


def one_supply(session: Session, site_id: SiteId, supply_id: UUID) -> SupplyView:
    """A supply as it stands, open or closed.

    Raises:
        NotFound: there is none.
    """
    query = _SUPPLIES.where(Supply.site_id == site_id, Supply.id == supply_id)
    row = session.execute(query).first()
    if row is None:
        raise NotFound(f"supply {supply_id}")
    return SupplyView(**row._asdict())


def open_supply(session: Session, sku: Named, scope: Scope = WHOLE) -> list[SupplyView]:
    """What is on its way of a SKU, the first to come first."""
    query = _SUPPLIES.where(Supply.sku_id == sku.id, Supply.state == "OPEN")
    if scope.sites is not None:
        query = query.where(Site.code.in_(scope.sites))
    if scope.owner_id is not None:
        query = query.where(Supply.owner_id == scope.owner_id)
    return [SupplyView(**row._asdict()) for row in session.execute(query)]


def atp_by_day(
    session: Session, sku: Named, scope: Scope = WHOLE, *, now: datetime, days: int
) -> Atp:
    """What may be promised of a SKU day by day, at sites that have some or will have."""
    stock = availability(session, [sku], scope, now=now)
    supplies = open_supply(session, sku, scope)
    free = {
        code: at.channels[scope.channel] if scope.channel else at.units["free"]
        for code, at in stock.skus[0].sites.items()
    }
    coming = [each for each in supplies if each.segment == SELLS]
    at_sites = {}
    for site in _sites(session, {*free, *(each.site for each in coming)}):
        today = stock.as_of.astimezone(ZoneInfo(site.time_zone)).date()
        its = [_incoming(each, site.time_zone, today) for each in coming if each.site == site.code]
        curves = available_to_promise(free.get(site.code, 0), its, days)
        at_sites[site.code] = AtpAtSite(
            kind=site.kind,
            time_zone=site.time_zone,
            today=today,
            free=free.get(site.code, 0),
            expected=curves.expected,
            safe=curves.safe,
            as_of=stock.as_of,
            age_s=stock.age_s,
        )
    return _network(stock.as_of, stock.age_s, sku, days, at_sites, supplies)


def _network(
    as_of: datetime, age_s: int, sku: Named, days: int, sites: dict[str, AtpAtSite],
    supplies: list[SupplyView],
) -> Atp:  # fmt: skip
    first = min((each.today for each in sites.values()), default=as_of.date())
    at_sites = {code: _from(each, first, days) for code, each in sites.items()}
    return Atp(
        as_of=as_of,
        age_s=age_s,
        sku=sku.code,
        dates=[first + timedelta(days=day) for day in range(days)],
        free=sum(each.free for each in sites.values()),
        expected=[sum(each.expected[day] for each in at_sites.values()) for day in range(days)],
        safe=[sum(each.safe[day] for each in at_sites.values()) for day in range(days)],
        sites=at_sites,
        supplies=supplies,
    )


def _from(site: AtpAtSite, first: date, days: int) -> AtpAtSite:
    """Its curves from the first of the network's dates: where today began earlier, from today."""
    ahead = (site.today - first).days
    if ahead == 0:
        return site
    shown: dict[str, Any] = {name: getattr(site, name) for name in AtpAtSite.__dataclass_fields__}
    for name in ("expected", "safe"):
        curve = shown[name]
        shown[name] = [*[curve[0]] * ahead, *curve][:days]
    return AtpAtSite(**shown)


def _incoming(supply: SupplyView, time_zone: str, today: date) -> Incoming:
    p50, p90 = (
        eta.astimezone(ZoneInfo(time_zone)).date() for eta in (supply.eta_p50, supply.eta_p90)
    )
    expected_day, safe_day = arrival(p50, p90, today)
    return Incoming(
        expected_day=expected_day,
        safe_day=safe_day,
        units=supply.units - supply.received,
        held=supply.held,
        confidence=supply.confidence,
    )


def _sites(session: Session, codes: set[str]) -> list[Site]:
    return list(session.scalars(select(Site).where(Site.code.in_(codes)).order_by(Site.code)))


@dataclass(frozen=True, slots=True, kw_only=True)
class SupplyAtSite:
    """What is still to come of a SKU to a site, of one kind."""

    site_id: UUID
    sku_id: UUID
    kind: str
    units: int
    received: int
    held: int


def supplies_by_site(session: Session, sku_ids: Iterable[UUID]) -> list[SupplyAtSite]:
    """What is to come of these SKUs in condition to be sold, open supplies added up."""
    query = (
        select(
            Supply.site_id,
            Supply.sku_id,
            Supply.kind,
            func.sum(Supply.units),
            func.sum(Supply.received),
            func.sum(Supply.held),
        )
        .where(Supply.sku_id.in_(set(sku_ids)), Supply.state == "OPEN", Supply.segment == SELLS)
        .group_by(Supply.site_id, Supply.sku_id, Supply.kind)
    )
    return [
        SupplyAtSite(
            site_id=site,
            sku_id=sku,
            kind=kind,
            units=int(units),
            received=int(received),
            held=int(held),
        )
        for site, sku, kind, units, received, held in session.execute(query)
    ]
