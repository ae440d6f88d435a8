"""Make: counts and the packets in which people do them.

    place     scan the place: from this moment on the books are watched
    items     scan or type what lies there, as it lies there; nobody says what should
    end       that is all

The first and the last step need the server, so that the books are read at these moments; what is
scanned between them needs no network. A recount is a task of its own, never for somebody who has
counted before (`not_operators` of its plan).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from wms.counting.model import LIVE, CountRound, StockCount
from wms.errors import NotFound
from wms.ids import LocationId, SiteId, derive, new_id
from wms.outbound.floor import Floor
from wms.outbound.steps import items_of
from wms.sites import Location, check_digits
from wms.work.packet import Expect, Fact, Quantity, Say, Step, code_of
from wms.work.tasks import Actor, NewTask, add_task

KIND = "count"
ITEMS_MAX = 100_000
ROBOT = "ROBOT"
Kind: TypeAlias = Literal["CYCLE", "WANTED", "DEMAND", "ZONE", "SWEEP"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCount:
    """A count to make. A SWEEP has a zone, all others a place."""

    id: UUID
    site_id: SiteId
    kind: Kind
    location_id: LocationId | None = None
    zone: str = ""
    sku_id: UUID | None = None
    why: str = ""
    abc: str = ""
    group_id: UUID | None = None
    priority: int = 0


def make_count(session: Session, new: NewCount, *, now: datetime) -> StockCount:
    """Make a count and its first task; the same id makes it once."""
    known = session.get(StockCount, (new.site_id, new.id))
    if known is not None:
        return known
    count = StockCount(
        site_id=new.site_id, id=new.id, kind=new.kind, state="OPEN", location_id=new.location_id,
        zone=new.zone, sku_id=new.sku_id, why=new.why, abc=new.abc, group_id=new.group_id,
        rounds=0, units_off=0, units_book=0, value_minor=0, approved_by="", reason="",
        made_at=now, ended_by="",
    )  # fmt: skip
    session.add(count)
    session.flush()
    next_round(session, count, priority=new.priority, now=now)
    return count


def next_round(session: Session, count: StockCount, *, now: datetime, priority: int = 0) -> UUID:
    """Let somebody count who has not counted yet; the task."""
    done = operators_of(session, count)
    count.rounds += 1
    count.state = "OPEN"
    task_id = derive(count.id, "round", count.rounds)
    session.add(
        CountRound(
            site_id=count.site_id, count_id=count.id, no=count.rounds, task_id=task_id,
            operator="", device="", snapshot="", books=[], verdict="",
        )
    )  # fmt: skip
    session.flush()
    title, steps = packet_of_count(session, count)
    new = NewTask(
        id=task_id,
        site_id=count.site_id,
        kind="sweep" if count.kind == "SWEEP" else KIND,
        title=title,
        steps=steps,
        plan={"count": str(count.id), "round": count.rounds, "not_operators": done},
        priority=priority + (count.rounds > 1),
    )
    add_task(session, new, now=now)
    return task_id


def packet_of_count(session: Session, count: StockCount) -> tuple[str, tuple[Step, ...]]:
    """The title and the steps."""
    if count.kind == "SWEEP":
        return count.zone, _sweep_steps(count.zone)
    place = session.get_one(Location, (count.site_id, count.location_id))
    facts: tuple[Fact, ...] = ()
    if count.sku_id is not None:
        item = items_of(session, [count.sku_id])[count.sku_id]
        facts = (item.named, Fact(label="sku", value=item.code))
    return place.code, (_place_step(place, facts), *_item_steps(place.code, facts))


def _place_step(place: Location, facts: tuple[Fact, ...]) -> Step:
    check = check_digits(place.id, place.label_epoch)
    return Step(
        id="place",
        op="scan",
        say=Say(code="count.scan_place"),
        big=place.code,
        facts=facts,
        expect=(Expect(kind="location", codes=(place.code,), check=(check,)),),
        online=True,
    )


def _item_steps(place: str, facts: tuple[Fact, ...]) -> tuple[Step, Step]:
    items = Step(
        id="items",
        op="count",
        say=Say(code="count.scan_items"),
        big=place,
        facts=facts,
        expect=(Expect(kind="item"),),
        qty=Quantity(target=ITEMS_MAX, max=ITEMS_MAX, by="type", open=True),
        allow=("undo", "supervisor"),
    )
    end = Step(
        id="end", op="confirm", say=Say(code="count.confirm"), big=place, facts=facts, online=True
    )
    return items, end


def _sweep_steps(zone: str) -> tuple[Step, ...]:
    begin = Step(id="place", op="confirm", say=Say(code="count.begin_sweep"), big=zone, online=True)
    reads = Step(
        id="items",
        op="count",
        say=Say(code="count.sweep"),
        big=zone,
        expect=(Expect(kind="epc"),),
        qty=Quantity(target=ITEMS_MAX, max=ITEMS_MAX, open=True, distinct=True),
        allow=("undo", "supervisor"),
    )
    end = Step(id="end", op="confirm", say=Say(code="count.confirm"), big=zone, online=True)
    return begin, reads, end


def operators_of(session: Session, count: StockCount) -> list[str]:
    """Who has counted it."""
    query = (
        select(CountRound.operator)
        .where(CountRound.site_id == count.site_id, CountRound.count_id == count.id)
        .where(CountRound.operator != "", CountRound.done_at.is_not(None))
    )
    return sorted(set(session.scalars(query)))


def live_count(session: Session, site: SiteId, place: UUID) -> StockCount | None:
    """The count of a place that has not ended, the first made."""
    query = (
        select(StockCount)
        .where(StockCount.site_id == site, StockCount.location_id == place)
        .where(StockCount.state.in_(LIVE))
        .order_by(StockCount.made_at, StockCount.id)
    )
    return session.scalars(query.limit(1)).first()


def places_to_count(
    session: Session, site: SiteId, *, zone: str = "", codes: Iterable[str] = ()
) -> Sequence[Location]:
    """Places where people count: goods to sell lie there, and no robot drives.

    Raises:
        NotFound: a code is of no such place.
    """
    wanted = set(codes)
    query = select(Location).where(
        Location.site_id == site, Location.counter == "sellable", Location.zone != ROBOT
    )
    query = query.where(~Location.code.startswith("@"))
    if zone:
        query = query.where(Location.zone == zone)
    if wanted:
        query = query.where(Location.code.in_(wanted))
    found = session.scalars(query.order_by(Location.code)).all()
    if missing := wanted - {place.code for place in found}:
        raise NotFound(f"place to count: {min(missing)}")
    return found


def start_count(
    session: Session, floor: Floor, site: SiteId, scanned: str, actor: Actor, now: datetime
) -> UUID:
    """Somebody scans a place to count it: the task there is, or a new one.

    Raises:
        NotFound: nobody counts there.
    """
    del floor, actor
    (place,) = places_to_count(session, site, codes=[code_of(scanned)])
    count = live_count(session, site, place.id)
    if count is None or count.state != "OPEN":
        new = NewCount(
            id=new_id(now),
            site_id=site,
            kind="DEMAND",
            location_id=LocationId(place.id),
            why="SCANNED",
        )
        count = make_count(session, new, now=now)
    return derive(count.id, "round", count.rounds)
