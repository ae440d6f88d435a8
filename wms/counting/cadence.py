"""Cadence: which places are counted without anybody asking, and counts that somebody wants.

Once a day the SKUs of a site are A, B or C by what went out of them (units times value; without
values, units). A place has the strictest class of what lies there, and is counted as often as that
class asks, as many places a day as the site can take. What is wanted (a short pick, a place said
to be empty) is made a count at once, and waits for nobody's turn.
"""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Uuid, bindparam, delete, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from wms.counting.make import NewCount, live_count, make_count, places_to_count
from wms.counting.model import CountClass, StockCount
from wms.counting.policy import read_policy, values_of
from wms.counting.rules import Turn, classify, due
from wms.ids import LocationId, SiteId, derive
from wms.sites import Location, Site
from wms.stock.at_places import books_at
from wms.work.wanted import CountWanted

WANTED_AT_ONCE = 200
URGENT = 2  # what is wanted comes before what is due
_WENT_OUT = text("""
SELECT m.sku_id, sum(m.units) AS units, count(*) AS times FROM movement m
  JOIN location f ON f.site_id = m.site_id AND f.id = m.from_location_id
  JOIN location t ON t.site_id = m.site_id AND t.id = m.to_location_id
 WHERE m.site_id = :site AND m.recorded_at >= now() - make_interval(days => :days)
   AND f.counter = 'sellable' AND t.counter = 'picked'
 GROUP BY m.sku_id
""").bindparams(bindparam("site", type_=Uuid()))


def count_wanted(session: Session, *, now: datetime) -> int:
    """Make counts of what is wanted; how many wishes have one now."""
    query = select(CountWanted).where(CountWanted.count_id.is_(None))
    wishes = session.scalars(
        query.order_by(CountWanted.at, CountWanted.id)
        .limit(WANTED_AT_ONCE)
        .with_for_update(skip_locked=True)
    ).all()
    done = 0
    for wish in wishes:
        place = session.get(Location, (wish.site_id, wish.location_id))
        if place is None or place.counter != "sellable" or place.code.startswith("@"):
            wish.count_id = wish.id  # nobody can count there
            continue
        live = live_count(session, SiteId(wish.site_id), place.id)
        covers = live is not None and live.sku_id in {None, wish.sku_id}
        if live is None or not covers or live.state != "OPEN":
            new = NewCount(
                id=derive(wish.id, "count"),
                site_id=SiteId(wish.site_id),
                kind="WANTED",
                location_id=LocationId(place.id),
                sku_id=wish.sku_id,
                why=wish.why,
                priority=URGENT,
            )
            live = make_count(session, new, now=now)
        wish.count_id = live.id
        done += 1
    return done


def plan_counts(session: Session, site: SiteId, *, now: datetime) -> int:
    """Make the counts of the day at a site; how many."""
    policy = read_policy(session, site)
    today = now.date().isoformat()
    made = session.scalar(
        select(func.count())
        .select_from(StockCount)
        .where(StockCount.site_id == site, StockCount.kind == "CYCLE")
        .where(StockCount.made_at > now - timedelta(hours=20))
    )
    room = policy.capacity - (made or 0)
    if room <= 0:
        return 0
    classes = set_classes(session, site, now=now)
    last: dict[UUID | None, datetime] = dict(
        session.execute(
            select(StockCount.location_id, func.max(StockCount.ended_at))
            .where(StockCount.site_id == site, StockCount.sku_id.is_(None))
            .where(StockCount.state.in_(("POSTED", "AGREED", "REJECTED")))
            .group_by(StockCount.location_id)
        ).all()  # type: ignore[arg-type]
    )
    places = places_to_count(session, site)
    lying: dict[UUID, str] = {}
    for row in books_at(session, site, [place.id for place in places]).rows:
        abc = classes.get(row.sku_id, "C")
        lying[row.place_id] = min(abc, lying.get(row.place_id, "C"))
    turns = [
        Turn(place=place.id, abc=lying[place.id], counted_at=last.get(place.id))
        for place in places
        if place.id in lying
    ]
    done = 0
    for turn in due(turns, policy, room, now):
        if live_count(session, site, turn.place) is not None:
            continue
        new = NewCount(
            id=derive(turn.place, "cycle", today),
            site_id=site,
            kind="CYCLE",
            location_id=LocationId(turn.place),
            why="CADENCE",
            abc=turn.abc,
        )
        make_count(session, new, now=now)
        done += 1
    return done


def set_classes(session: Session, site: SiteId, *, now: datetime) -> dict[UUID, str]:
    """Sort the SKUs of a site anew, by what has gone out of late."""
    policy = read_policy(session, site)
    rows = session.execute(_WENT_OUT, {"site": site, "days": policy.look_back_days}).all()
    values = values_of(session, {row.sku_id for row in rows})
    worth = {row.sku_id: int(row.units) * max(1, values[row.sku_id]) for row in rows}
    classes = classify(worth, policy.shares)
    session.execute(delete(CountClass).where(CountClass.site_id == site))
    if rows:
        session.execute(
            insert(CountClass),
            [
                {
                    "site_id": site, "sku_id": row.sku_id, "abc": classes[row.sku_id],
                    "value_minor": worth[row.sku_id], "times": row.times, "at": now,
                }
                for row in sorted(rows, key=lambda each: str(each.sku_id))
            ],
        )  # fmt: skip
    return {sku: str(abc) for sku, abc in classes.items()}


def sites_that_count(session: Session) -> list[SiteId]:
    """Sites where goods lie that people count."""
    query = select(Site.id).where(Site.kind.in_(("DC", "FC", "STORE"))).order_by(Site.code)
    return [SiteId(id_) for id_ in session.scalars(query)]
