"""Watch: what the books had at a place while somebody counted there.

    began = remember(...)            when the place was scanned
    held = compare(..., began)       when the count was ended: the least and the most, by goods

What somebody has in hand whose pick is not posted yet has left its place already: the books do not
know, the pick's packet does.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from wms.counting.rules import Key, window
from wms.ids import HoldId, SiteId
from wms.orders.model import Allocation
from wms.stock.at_places import Books, Lying, books_at, moved_since
from wms.stock.availability import holds_by_id
from wms.stock.posting import NIL
from wms.work.model import Task
from wms.work.tasks import packet_of


@dataclass(slots=True)
class Held:
    """What the books had of each: the least and the most, and the rows as they are now."""

    windows: dict[Key, tuple[int, int]] = field(default_factory=dict)
    rows: dict[Key, list[Lying]] = field(default_factory=lambda: defaultdict(list))
    in_hand: dict[Key, int] = field(default_factory=dict)


def remember(session: Session, site: SiteId, places: Iterable[UUID]) -> tuple[str, list[Any]]:
    """The moment, and what the books have then, to be kept with the round."""
    books = books_at(session, site, places)
    hand = picked_in_hand(session, site, places)
    now = {key: units - hand.get(key, 0) for key, units in _by_key(books).items()}
    said = [[str(key.unit), str(key.sku), key.lot, units] for key, units in now.items()]
    return books.moment, said


def compare(
    session: Session, site: SiteId, places: Sequence[UUID], moment: str, began: Sequence[Any]
) -> Held:
    """What the books have had since."""
    books = books_at(session, site, places)
    held = Held(in_hand=picked_in_hand(session, site, places))
    before = {Key(unit=UUID(u), sku=UUID(s), lot=lot): n for u, s, lot, n in began}
    end = _by_key(books)
    accounts = {row.location_id for row in books.rows} | set(places)
    skus = {key.sku for key in (*before, *end)}
    steps: dict[Key, list[int]] = defaultdict(list)
    for move in moved_since(session, site, moment, accounts, skus):
        loose = move.handling_unit_id == NIL
        if loose and move.location_id not in set(places):
            continue
        steps[Key(unit=move.handling_unit_id, sku=move.sku_id, lot=move.lot)].append(move.units)
    for row in books.rows:
        held.rows[_key(row)].append(row)
    for key in {*before, *end}:
        now = end.get(key, 0) - held.in_hand.get(key, 0)
        held.windows[key] = window(before.get(key, 0), steps.get(key, ()), now)
    return held


def picked_in_hand(session: Session, site: SiteId, places: Iterable[UUID]) -> dict[Key, int]:
    """What pickers have taken from these places and not brought into the books yet."""
    inside = set(places)
    query = (
        select(Allocation.id, Allocation.units, Task)
        .join(Task, (Task.site_id == Allocation.site_id) & (Task.id == Allocation.task_id))
        .where(Allocation.site_id == site, Allocation.location_id.in_(inside))
        .where(Allocation.state == "PINNED", Task.state == "LEASED")
    )
    taken: dict[UUID, int] = {}
    for id_, units, task in session.execute(query):
        steps = [step for step, pick in task.plan.get("picks", {}).items() if pick == str(id_)]
        counts = packet_of(task).counts
        if done := sum(counts.get(step, 0) for step in steps):
            taken[id_] = min(done, units)
    found = holds_by_id(session, [HoldId(id_) for id_ in taken])
    hand: dict[Key, int] = defaultdict(int)
    for id_, hold in found.items():
        key = Key(unit=hold.handling_unit_id or NIL, sku=hold.sku_id, lot=hold.lot)
        hand[key] += taken[id_]
    return dict(hand)


def _by_key(books: Books) -> dict[Key, int]:
    units: dict[Key, int] = defaultdict(int)
    for row in books.rows:
        units[_key(row)] += row.units
    return units


def _key(row: Lying) -> Key:
    return Key(unit=row.handling_unit_id, sku=row.sku_id, lot=row.lot)
