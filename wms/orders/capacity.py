"""Capacity: how many units a site can still send on a day, and which sites may not send at all.

A site sends `units_per_day`. What has been given to it for a day stands in `site_day`; what is in
work there (ALLOCATED, PINNED) is today's in any case, so that yesterday's backlog counts:

    left(today) = units_per_day - max(given for today, in work)
    left(later) = units_per_day - given for that day

A site that is full sends tomorrow: capacity is a matter of when, not whether.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ForeignKey, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from wms.database import Base
from wms.orders.model import Allocation

IN_WORK = ("ALLOCATED", "PINNED")


class SiteDay(Base):
    """Units that were given to a site to send on a day."""

    __tablename__ = "site_day"

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    ships_on: Mapped[date] = mapped_column(primary_key=True)
    units: Mapped[int] = mapped_column(server_default="0")


class SiteClosure(Base):
    """A site sends nothing, from now until then, or until it is opened again."""

    __tablename__ = "site_closure"

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    reason: Mapped[str]
    from_at: Mapped[datetime]
    until_at: Mapped[datetime | None]


class SourcingExclusion(Base):
    """A site that does not send this order any more: it said no, or it was closed."""

    __tablename__ = "sourcing_exclusion"

    order_id: Mapped[UUID] = mapped_column(ForeignKey("customer_order.id"), primary_key=True)
    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    reason: Mapped[str]
    at: Mapped[datetime]


class StockValue(Base):
    """What a unit of a SKU at a site loses if it stays there: a sale from there saves it.

    And what it is worth there to orders that are still to come (wms.orders.scarcity).
    """

    __tablename__ = "stock_value"

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    sku_id: Mapped[UUID] = mapped_column(primary_key=True)
    markdown_minor: Mapped[int] = mapped_column(server_default="0")
    scarcity_minor: Mapped[int] = mapped_column(server_default="0")


def given(session: Session, since: date) -> dict[UUID, dict[date, int]]:
    """Units given to each site for each day from that one on."""
    found: dict[UUID, dict[date, int]] = defaultdict(dict)
    query = select(SiteDay).where(SiteDay.ships_on >= since)
    for row in session.scalars(query):
        found[row.site_id][row.ships_on] = row.units
    return found


def in_work(session: Session) -> dict[UUID, int]:
    """Units that are allocated and not yet picked, by site."""
    query = select(Allocation.site_id, func.sum(Allocation.units))
    query = query.where(Allocation.state.in_(IN_WORK)).group_by(Allocation.site_id)
    return {site: int(units) for site, units in session.execute(query)}


def give(session: Session, units: Mapping[tuple[UUID, date], int]) -> None:
    """Count units given to a site for a day; fewer than none take some back."""
    for (site, day), count in sorted(units.items()):
        row = {"site_id": site, "ships_on": day, "units": max(0, count)}
        statement = insert(SiteDay).values(row)
        more = func.greatest(0, SiteDay.units + count)
        session.execute(
            statement.on_conflict_do_update(
                index_elements=["site_id", "ships_on"], set_={"units": more}
            )
        )


def closed_sites(session: Session, now: datetime) -> dict[UUID, SiteClosure]:
    """Which sites send nothing now, and why."""
    query = select(SiteClosure).where(SiteClosure.from_at <= now)
    return {
        row.site_id: row
        for row in session.scalars(query)
        if row.until_at is None or row.until_at > now
    }


def excluded_sites(session: Session, orders: Iterable[UUID]) -> dict[UUID, dict[UUID, str]]:
    """The sites that each order may not be sent from, with the reason."""
    found: dict[UUID, dict[UUID, str]] = defaultdict(dict)
    query = select(SourcingExclusion).where(SourcingExclusion.order_id.in_(list(orders)))
    for row in session.scalars(query):
        found[row.order_id][row.site_id] = row.reason
    return found


def barred_sites(session: Session, order_id: UUID, *, now: datetime) -> set[UUID]:
    """The sites where nothing is held for that order: excluded for it, or closed."""
    return set(excluded_sites(session, [order_id])[order_id]) | set(closed_sites(session, now))
