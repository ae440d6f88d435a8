"""Read: counts as supervisors see them, and how right the books were."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Integer, Row, and_, case, cast, func, select, tuple_
from sqlalchemy.orm import Session

from wms.catalog import Sku
from wms.counting.model import (
    CountAct,
    CountAdjustment,
    CountLine,
    CountRound,
    StockCount,
)
from wms.errors import NotFound
from wms.sites import Location, Site

_DECIDED = ("POSTED", "AGREED", "REJECTED")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which counts; `after` is the last of the page before."""

    site: str | None = None
    state: str | None = None
    kind: str | None = None
    zone: str | None = None
    group_id: UUID | None = None
    after: tuple[datetime, UUID] | None = None
    limit: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """How right the books were in a zone and class: counts, those that agreed, units."""

    zone: str
    abc: str
    counts: int
    agreed: int
    units_book: int
    units_off: int
    value_off_minor: int


def counts(session: Session, wanted: Wanted) -> list[dict[str, Any]]:
    """Counts, the latest made first."""
    query = _counts().order_by(StockCount.made_at.desc(), StockCount.id.desc())
    for column, value in (
        (Site.code, wanted.site),
        (StockCount.state, wanted.state),
        (StockCount.kind, wanted.kind),
        (func.coalesce(Location.zone, StockCount.zone), wanted.zone),
        (StockCount.group_id, wanted.group_id),
    ):
        if value is not None:
            query = query.where(column == value)
    if wanted.after is not None:
        query = query.where(tuple_(StockCount.made_at, StockCount.id) < wanted.after)
    return [_count(row) for row in session.execute(query.limit(wanted.limit))]


def one_count(session: Session, site: str, count_id: UUID) -> dict[str, Any]:
    """A count with its rounds, lines, acts and adjustments.

    Raises:
        NotFound: there is none.
    """
    row = session.execute(_counts().where(Site.code == site, StockCount.id == count_id)).first()
    if row is None:
        raise NotFound(f"count {count_id}")
    count = row[0]
    mine = {"site_id": count.site_id, "count_id": count.id}
    rounds = session.scalars(select(CountRound).filter_by(**mine).order_by(CountRound.no))
    lines = session.execute(
        select(CountLine, Sku.code)
        .outerjoin(Sku, Sku.id == CountLine.sku_id)
        .filter(CountLine.site_id == count.site_id, CountLine.count_id == count.id)
        .order_by(CountLine.round_no, CountLine.no)
    ).all()
    acts = session.scalars(select(CountAct).filter_by(**mine).order_by(CountAct.at, CountAct.id))
    adjusted = session.execute(
        select(CountAdjustment, Sku.code)
        .join(Sku, Sku.id == CountAdjustment.sku_id)
        .where(CountAdjustment.site_id == count.site_id, CountAdjustment.count_id == count.id)
        .order_by(Sku.code, CountAdjustment.command_id)
    )
    return _count(row) | {
        "rounds": [_round(each, lines) for each in rounds],
        "acts": [
            {"act": act.act, "operator": act.actor, "reason": act.reason, "at": act.at}
            for act in acts
        ],
        "adjustments": [
            {"sku": code, "lot": each.lot, "kind": each.kind, "units": each.units,
             "value_minor": each.value_minor, "command_id": each.command_id}
            for each, code in adjusted
        ],
    }  # fmt: skip


def accuracy(session: Session, site: str, since: datetime, until: datetime) -> list[Accuracy]:
    """By zone and class, of counts that ended between these moments."""
    zone = func.coalesce(Location.zone, StockCount.zone).label("zone")
    agreed = case((StockCount.units_off == 0, 1), else_=0)
    query = (
        select(
            zone,
            StockCount.abc,
            func.count().label("counts"),
            cast(func.sum(agreed), Integer).label("agreed"),
            func.sum(StockCount.units_book).label("units_book"),
            func.sum(StockCount.units_off).label("units_off"),
            func.sum(StockCount.value_minor).label("value_off_minor"),
        )
        .join(Site, Site.id == StockCount.site_id)
        .outerjoin(Location, _place())
        .where(Site.code == site, StockCount.state.in_(_DECIDED))
        .where(StockCount.ended_at >= since, StockCount.ended_at < until)
        .group_by(zone, StockCount.abc)
        .order_by(zone, StockCount.abc)
    )
    return [
        Accuracy(
            zone=row.zone or "",
            abc=row.abc,
            counts=int(row.counts),
            agreed=int(row.agreed),
            units_book=int(row.units_book),
            units_off=int(row.units_off),
            value_off_minor=int(row.value_off_minor),
        )
        for row in session.execute(query)
    ]


def _place() -> Any:
    return and_(Location.site_id == StockCount.site_id, Location.id == StockCount.location_id)


def _counts() -> Any:
    return (
        select(StockCount, Site.code.label("site"), Location.code.label("location"),
               func.coalesce(Location.zone, StockCount.zone).label("at_zone"),
               Sku.code.label("sku"))
        .join(Site, Site.id == StockCount.site_id)
        .outerjoin(Location, _place())
        .outerjoin(Sku, Sku.id == StockCount.sku_id)
    )  # fmt: skip


def _count(row: Row[Any]) -> dict[str, Any]:
    count = row[0]
    names = ("id", "kind", "state", "why", "abc", "group_id", "units_off", "units_book",
             "value_minor", "approved_by", "reason", "made_at", "ended_at", "ended_by")  # fmt: skip
    return {name: getattr(count, name) for name in names} | {
        "site": row.site,
        "location": row.location,
        "zone": row.at_zone or "",
        "sku": row.sku,
        "rounds_made": count.rounds,
    }


def _round(this: CountRound, lines: Sequence[Any]) -> dict[str, Any]:
    return {
        "no": this.no,
        "operator": this.operator,
        "device": this.device,
        "began_at": this.began_at,
        "done_at": this.done_at,
        "verdict": this.verdict,
        "lines": [
            {
                "sku": code,
                "lot": line.lot,
                "code": line.code,
                "in_unit": line.handling_unit_id.int != 0,
                "counted": line.counted,
                "book_lo": line.book_lo,
                "book_hi": line.book_hi,
                "difference": line.difference,
                "missing": line.missing,
                "unexpected": line.unexpected,
            }
            for line, code in lines
            if line.round_no == this.no
        ],
    }
