"""The packet of a walk: go there, scan it, take and scan, put it into its tote, on to the next.

    [tote.A …]                   totes that the goods go into (asked of the server: is it free?)
    g1  1.place                  the place, or its check digits
        1.item                   the goods, counted; or, for goods with serials,
        1.item 1.serial          the goods once, then every serial
        1.lot                    where several lots lie there
        1.slot [1.newtote]       into the tote of its order; a full one is changed for another
        1.zero                   a place that should be empty now: is it?
    [pass]                       where the tote is left: at the next zone, or for packing

Steps of a place are a group, which can be skipped and comes last.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from wms.ids import derive
from wms.orders.model import Allocation, Order
from wms.outbound.steps import Item, facts_of, item_step, items_of, place_step
from wms.outbound.style import OWN_TOTES, PickLine, Style
from wms.sites import Location, check_digits
from wms.stock.where import There, at_places, holds_at, serials_pinned
from wms.work.packet import END, Expect, Fact, Quantity, Say, Step
from wms.work.tasks import NewTask, add_task

SLOTS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
COLOURS = ("red", "blue", "yellow", "green", "orange", "purple", "white", "black")
DROPS_MAX = 50
SERIAL = frozenset({"SERIAL", "BOTH"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """What is picked in one go, in the order of the way."""

    site_id: UUID
    goods: tuple[Allocation, ...]
    style: Style
    places: Mapping[UUID, Location]
    lines: Mapping[UUID, PickLine]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Facts:
    """What the steps are made from."""

    numbers: Mapping[UUID, str]
    items: Mapping[UUID, Item]
    there: Mapping[tuple[UUID, UUID], There]
    serials: Mapping[UUID, Sequence[str]]
    slots: Mapping[UUID, str]  # by order
    lots: Mapping[UUID, str]  # of picks at places with several
    empty: frozenset[UUID]  # the picks after which a place should be empty


def order_numbers(session: Session, allocations: Sequence[Allocation]) -> dict[UUID, str]:
    """The numbers of the orders that these stand for."""
    ids = {each.order_id for each in allocations}
    rows = session.execute(select(Order.id, Order.number).where(Order.id.in_(ids)))
    return {row.id: row.number for row in rows}


def add_walk(session: Session, walk: Walk, *, now: datetime) -> UUID:
    """Put the walk into the pool; the id of its task."""
    first = walk.goods[0]
    task_id = derive(first.id, "walk", *([first.releases] if first.releases > 1 else []))
    facts = _facts(session, walk)
    steps: list[Step] = _tote_steps(walk, facts)
    picks: dict[str, str] = {}
    last: UUID | None = None
    group = 0
    for number, each in enumerate(walk.goods, start=1):
        group += each.location_id != last
        its, counted = _steps_of(walk, facts, each, number, goes_there=each.location_id != last)
        last = each.location_id
        steps += [replace(step, group=f"g{group}") for step in its]
        picks[counted] = str(each.id)
        each.task_id = task_id
    steps += _leave_steps(session, walk)
    first_number, *others = dict.fromkeys(facts.numbers[each.order_id] for each in walk.goods)
    new = NewTask(
        id=task_id,
        site_id=walk.site_id,
        kind="pick",
        title=f"{first_number} +{len(others)}" if others else first_number,
        steps=joined(steps),
        plan={"picks": picks} | _plan(walk, facts),
        priority=_priority(session, walk),
    )
    add_task(session, new, now=now)
    return task_id


def slot_name(number: int) -> str:
    """What the slot of that number is called, from 0: A to Z, then A2."""
    turn, letter = divmod(number, len(SLOTS))
    return SLOTS[letter] + (str(turn + 1) if turn else "")


def colour_of(number: int) -> str:
    """The colour of the slot of that number."""
    return COLOURS[number % len(COLOURS)]


def drops(session: Session, site: UUID, zone: str = "") -> list[str]:
    """Where a tote may be left for that zone, else anywhere; none at a site without such places."""
    query = select(Location.code, Location.zone).where(
        Location.site_id == site, Location.kind == "TOTE", ~Location.code.startswith("@")
    )
    found = session.execute(query.order_by(Location.code).limit(DROPS_MAX)).all()
    there = [code for code, of in found if zone and of == zone]
    return there or [code for code, of in found if not of or not zone] or [c for c, _ in found]


def _facts(session: Session, walk: Walk) -> _Facts:
    goods = walk.goods
    places = [each.location_id for each in goods if each.location_id is not None]
    there = at_places(session, walk.site_id, places, [each.sku_id for each in goods])
    items = items_of(session, [each.sku_id for each in goods])
    by_serial = [each.id for each in goods if items[each.sku_id].tracking in SERIAL]
    orders = list(dict.fromkeys(each.order_id for each in goods))
    own = walk.style.mode in OWN_TOTES
    return _Facts(
        numbers=order_numbers(session, goods),
        items=items,
        there=there,
        serials=serials_pinned(session, walk.site_id, by_serial) if by_serial else {},
        slots={order: slot_name(at if own else 0) for at, order in enumerate(orders)},
        lots=_lots(session, walk, there),
        empty=_emptied(session, walk, there) if walk.style.zero_check else frozenset(),
    )


def _lots(
    session: Session, walk: Walk, there: Mapping[tuple[UUID, UUID], There]
) -> dict[UUID, str]:
    """The lots of those goods that lie beside other lots."""
    beside = [
        each.id
        for each in walk.goods
        if each.tote is None
        and each.location_id is not None
        and len(there.get((each.location_id, each.sku_id), There()).lots) > 1
    ]
    if not beside:
        return {}
    return {id_: lies.lot for id_, lies in holds_at(session, walk.site_id, beside).items()}


def _emptied(
    session: Session, walk: Walk, there: Mapping[tuple[UUID, UUID], There]
) -> frozenset[UUID]:
    """The last pick of each place that nothing should be left at, once it and all before are."""
    mine = [each.id for each in walk.goods]
    later = select(Allocation.location_id, Allocation.sku_id, func.sum(Allocation.units)).where(
        Allocation.site_id == walk.site_id,
        Allocation.location_id.in_(walk.places),
        Allocation.state == "PINNED",
        Allocation.task_id.is_(None),
        Allocation.id.not_in(mine),
    )
    waiting = {
        (place, sku): int(units)
        for place, sku, units in session.execute(
            later.group_by(Allocation.location_id, Allocation.sku_id)
        )
    }
    last = {
        (each.location_id, each.sku_id): each.id
        for each in walk.goods
        if each.tote is None and each.location_id is not None
    }
    return frozenset(
        id_
        for key, id_ in last.items()
        if (lies := there.get(key)) and lies.units - lies.pinned + waiting.get(key, 0) == 0
    )


def _steps_of(
    walk: Walk, facts: _Facts, each: Allocation, number: int, *, goes_there: bool
) -> tuple[list[Step], str]:
    """The steps of one pick, and which of them counts its units."""
    assert each.location_id is not None
    place, item = walk.places[each.location_id], facts.items[each.sku_id]
    about = facts_of(facts.numbers[each.order_id])
    steps = []
    if goes_there:
        digits = (check_digits(place.id, place.label_epoch),)
        also = (each.tote,) if each.tote else ()
        step = place_step(f"{number}.place", place.code, also=also, check=digits)
        steps.append(replace(step, allow=("skip", "undo")))
    its, counted = take_steps(number, item, each.units, facts.serials.get(each.id, ()), about)
    steps += its
    if each.id in facts.lots:
        steps.append(_lot_step(f"{number}.lot", facts.lots[each.id]))
    if walk.style.has_totes:
        steps += slot_steps(number, facts.slots[each.order_id], about)
    if each.id in facts.empty:
        steps.append(_zero_step(f"{number}.zero", place.code))
    return steps, counted


def take_steps(
    number: int, item: Item, units: int, serials: Sequence[str], about: Sequence[Fact]
) -> tuple[list[Step], str]:
    """Take and scan goods, every serial if they have any; and the id of the step that counts."""
    take = item_step(f"{number}.item", item, units, say="pick.scan_item", facts=about)
    take = replace(take, allow=("short", "damaged", "wrong_item", "undo"))
    if item.tracking not in SERIAL:
        return [take], take.id
    once = replace(take, op="scan", qty=None, say=Say(code="pick.scan_one"), allow=("undo",))
    counted = _serial_step(f"{number}.serial", units, tuple(serials), take.facts)
    return [once, counted], counted.id


def _serial_step(step_id: str, units: int, known: tuple[str, ...], facts: Sequence[Fact]) -> Step:
    return Step(
        id=step_id,
        op="count",
        say=Say(code="pick.scan_serial", params={"units": units}),
        big=str(units),
        facts=tuple(facts),
        expect=(Expect(kind="serial", codes=known),),
        qty=Quantity(target=units, max=units, distinct=True),
        allow=("short", "damaged", "undo"),
    )


def _lot_step(step_id: str, lot: str) -> Step:
    return Step(
        id=step_id,
        op="scan",
        say=Say(code="pick.scan_lot"),
        big=lot,
        expect=(Expect(kind="lot", codes=(lot,)),),
    )


def _zero_step(step_id: str, place: str) -> Step:
    return Step(
        id=step_id,
        op="choose",
        say=Say(code="pick.zero_check"),
        big=place,
        expect=(Expect(kind="empty", codes=("yes", "no")),),
    )


def slot_steps(number: int, slot: str, about: Sequence[Fact]) -> list[Step]:
    """Into the tote of that slot; its code is known once it has been scanned."""
    at = SLOTS.index(slot[0]) + len(SLOTS) * (int(slot[1:] or 1) - 1)
    look = Fact(label="colour", value=colour_of(at))
    put = Step(
        id=f"{number}.slot",
        op="scan",
        say=Say(code="pick.put_in_tote"),
        big=slot,
        facts=(look, *about),
        expect=(Expect(kind="tote", codes=(slot,)),),
        allow=("tote_full", "undo"),
        goto={"tote_full": f"{number}.newtote"},
    )
    new = replace(
        put,
        id=f"{number}.newtote",
        say=Say(code="pick.new_tote"),
        expect=(Expect(kind="tote"),),
        allow=("undo",),
        goto={},
        online=True,
    )
    return [put, new]


def _tote_steps(walk: Walk, facts: _Facts) -> list[Step]:
    if not walk.style.has_totes:
        return []
    orders: dict[str, UUID] = {}
    for order, slot in facts.slots.items():
        orders.setdefault(slot, order)
    known = {walk.lines[each.id].tote for each in walk.goods if each.id in walk.lines} - {""}
    steps = []
    for at, (slot, order) in enumerate(orders.items()):
        codes = tuple(sorted(known)) if walk.style.mode == "PASS" else ()
        own = walk.style.mode in OWN_TOTES
        about = facts_of(facts.numbers[order]) if own else ()
        steps.append(
            Step(
                id=f"tote.{slot}",
                op="scan",
                say=Say(code="pick.fetch_tote" if codes else "pick.take_tote"),
                big=codes[0] if codes else slot,
                facts=(Fact(label="colour", value=colour_of(at)), *about),
                expect=(Expect(kind="tote", codes=codes),),
                online=True,
            )
        )
    return steps


def _leave_steps(session: Session, walk: Walk) -> list[Step]:
    """Where the tote is left: for the next zone, if another has goods of the order, else at all."""
    if not walk.style.has_totes:
        return []
    codes = drops(session, walk.site_id, next_zone(session, walk))
    if not codes:
        return []
    return [
        Step(
            id="pass",
            op="scan",
            say=Say(code="pick.leave_tote"),
            big=codes[0],
            expect=(Expect(kind="location", codes=tuple(codes)),),
        )
    ]


def next_zone(session: Session, walk: Walk) -> str:
    """The zone that the tote is passed on to; "" if this was the last."""
    if walk.style.mode != "PASS":
        return ""
    mine = [each.id for each in walk.goods]
    query = (
        select(func.min(Location.zone))
        .join(
            Allocation,
            (Allocation.site_id == Location.site_id) & (Allocation.location_id == Location.id),
        )
        .where(
            Allocation.site_id == walk.site_id,
            Allocation.order_id == walk.goods[0].order_id,
            Allocation.state == "PINNED",
            ~Allocation.by_robot,
            Allocation.id.not_in(mine),
        )
    )
    return session.scalar(query) or ""


def joined(steps: Sequence[Step]) -> tuple[Step, ...]:
    """A tote is changed only when it is full: the usual way leads round that step."""
    joined = []
    for at, step in enumerate(steps):
        after = steps[at + 2].id if at + 2 < len(steps) else END
        joined.append(replace(step, next=after) if step.id.endswith(".slot") else step)
    return tuple(joined)


def _plan(walk: Walk, facts: _Facts) -> dict[str, Any]:
    line = walk.lines.get(walk.goods[0].id)
    plan: dict[str, Any] = {"mode": walk.style.mode}
    if line is not None and line.wave_id:
        plan["wave"] = str(line.wave_id)
    if walk.style.has_totes:
        plan["totes"] = {}
        plan["slots"] = {slot: str(order) for order, slot in facts.slots.items()}
    return plan


def _priority(session: Session, walk: Walk) -> int:
    """What the most urgent of its orders has."""
    orders = {each.order_id for each in walk.goods}
    return session.scalar(select(func.max(Order.priority)).where(Order.id.in_(orders))) or 0
