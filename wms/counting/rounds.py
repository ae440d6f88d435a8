"""Rounds: somebody begins to count, ends, and what follows from it.

    begin    at the scan of the place: refused to who has counted before; the books are remembered
    check    at the end: lots and serials that are missing are asked for
    finish   differences are judged (wms.counting.rules); a recount is made, or the books are
             adjusted (wms.counting.post), or a supervisor is asked

Units that stand here though the books have them elsewhere are here: that moves no goods. Codes
that nobody knows and serials that are elsewhere are put before people.
"""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from wms.catalog import Lot, Sku
from wms.counting.again import outdate, waiting_with
from wms.counting.found import WITH_SERIALS, Found, Reader, piles
from wms.counting.make import next_round, operators_of
from wms.counting.model import CountLine, CountRound, StockCount
from wms.counting.policy import class_of, read_policy, values_of
from wms.counting.post import post_count
from wms.counting.rules import Entry, Key, Round, judge
from wms.counting.watch import Held, compare, remember
from wms.errors import WmsError
from wms.ids import CommandId, HandlingUnitId, LocationId, SiteId, derive
from wms.outbound.floor import Floor
from wms.outbound.tell import report
from wms.sites import Location
from wms.stock.at_places import serials_at, serials_named
from wms.stock.posting import NIL
from wms.stock.unit_moves import MoveUnit, move_unit
from wms.work.model import Task
from wms.work.packet import Expect, Packet, Problem, Say, Step, grown, scans
from wms.work.tasks import Actor

LOT = "lot."  # steps that ask for one


def grow_count(
    session: Session, floor: Floor, task: Task, packet: Packet, actor: Actor, now: datetime
) -> Packet | Problem:
    """Judge the first and the last step of a count."""
    del floor
    count, this = _locked(session, task)
    others = operators_of(session, count)
    if actor.operator in others:
        return Problem(code="count_other_person", facts={"operator": actor.operator})
    done = packet.history[-1].step
    places = places_of(session, count)
    if done == "place":
        this.snapshot, this.books = remember(session, SiteId(count.site_id), places)
        this.began_at, this.operator, this.device = now, actor.operator, actor.device
        return packet
    found = _read(session, count, packet, _skus_of(this))
    lacking = sorted(found.skus[sku].code for sku in found.without_serial)
    if lacking:
        return Problem(code="count_serials", facts={"sku": lacking[0]})
    steps = _lot_steps(session, packet, found)
    return grown(packet, (*steps, _end_again(packet))) if steps else packet


def finish_count(
    session: Session, floor: Floor, task: Task, packet: Packet, actor: Actor, now: datetime
) -> None:
    """Carry out a finished COUNT or SWEEP packet."""
    del floor
    count, this = _locked(session, task)
    if count.state != "OPEN" or count.rounds != this.no:
        return  # it was called off meanwhile
    places = places_of(session, count)
    waiting = waiting_with(session, count, places)
    site = SiteId(count.site_id)
    found = _read(session, count, packet, _skus_of(this))
    moved = _stand_here(session, count, found, actor, now)
    held = compare(session, site, places, this.snapshot, this.books)
    entries = _entries(session, count, found, held, moved)
    this.operator, this.device, this.done_at = actor.operator, actor.device, now
    _keep(session, count, this, found, entries)
    _tell_unknown(session, count, found, now)
    conclude(session, count, actor=str(actor), now=now)
    if count.state != "OPEN":
        outdate(session, waiting, by=str(actor), now=now)


def conclude(session: Session, count: StockCount, *, actor: str, now: datetime) -> None:
    """Judge what was found so far, and do what follows."""
    policy = read_policy(session, count.site_id)
    rounds = rounds_of(session, count)
    last = rounds[-1]
    skus = {key.sku for key in last.entries}
    count.abc = count.abc or class_of(session, count.site_id, skus)
    count.units_book = sum(each.hi for each in last.entries.values())
    count.units_off = sum(abs(each.difference) for each in last.entries.values())
    count.value_minor = last.value_minor
    verdict = judge(rounds, policy, count.abc)
    this = session.get_one(CountRound, (count.site_id, count.id, count.rounds))
    this.verdict = verdict
    if verdict == "RECOUNT":
        next_round(session, count, now=now)
        return
    count.state = verdict
    if verdict == "AGREED":
        count.ended_at, count.ended_by = now, actor
    session.flush()
    if verdict == "ACCEPTED":
        post_count(session, count, actor=actor, now=now)
    if verdict == "REVIEW":
        facts = {"count": str(count.id), "units": count.units_off, "value": count.value_minor}
        report(session, count.site_id, derive(count.id, "review"), code="count.review",
               source="counting", facts=facts, at=now)  # fmt: skip


def rounds_of(session: Session, count: StockCount) -> list[Round]:
    """What each round found, as it was kept."""
    query = (
        select(CountLine)
        .where(CountLine.site_id == count.site_id, CountLine.count_id == count.id)
        .where(CountLine.sku_id.is_not(None))
        .order_by(CountLine.round_no, CountLine.no)
    )
    lines = session.scalars(query).all()
    values = values_of(session, {line.sku_id for line in lines if line.sku_id})
    exact = set(
        session.scalars(select(Sku.id).where(Sku.id.in_(values), Sku.tracking.in_(WITH_SERIALS)))
    )
    rounds: list[Round] = []
    for number in range(1, count.rounds + 1):
        entries = {}
        for line in lines:
            if line.round_no != number or line.sku_id is None:
                continue
            key = Key(unit=line.handling_unit_id, sku=line.sku_id, lot=line.lot)
            marks = [f"-{each}" for each in line.missing] + [f"+{each}" for each in line.unexpected]
            entries[key] = Entry(
                counted=line.counted, lo=line.book_lo, hi=line.book_hi,
                value_minor=values[line.sku_id], exact=line.sku_id in exact, marks=tuple(marks),
            )  # fmt: skip
        rounds.append(Round(entries=entries))
    return rounds


def places_of(session: Session, count: StockCount) -> list[UUID]:
    """The places that are counted."""
    if count.location_id is not None:
        return [count.location_id]
    query = select(Location.id).where(
        Location.site_id == count.site_id,
        Location.zone == count.zone,
        Location.counter == "sellable",
    )
    return list(session.scalars(query.order_by(Location.code)))


def _locked(session: Session, task: Task) -> tuple[StockCount, CountRound]:
    key = (task.site_id, UUID(task.plan["count"]))
    count = session.get_one(StockCount, key, with_for_update=True, populate_existing=True)
    return count, session.get_one(CountRound, (*key, task.plan["round"]), populate_existing=True)


def _skus_of(this: CountRound) -> set[UUID]:
    return {UUID(sku) for _, sku, _, _ in this.books}


def _read(session: Session, count: StockCount, packet: Packet, lying: Iterable[UUID]) -> Found:
    said = {
        step.id.removeprefix(LOT): scans(packet, step.id)[-1]
        for step in packet.steps
        if step.id.startswith(LOT) and scans(packet, step.id)
    }
    code = "" if count.location_id is None else packet.title
    reader = Reader(session, SiteId(count.site_id), code, lying, said)
    return reader.read(piles(packet, "items"))


def _lot_steps(session: Session, packet: Packet, found: Found) -> list[Step]:
    """Ask for the lot of goods that have one, where none was read."""
    asked = {event.step for event in packet.history}
    steps = []
    for sku in sorted(found.without_lot, key=lambda id_: found.skus[id_].code):
        if f"{LOT}{sku}" in asked:
            continue
        lots = session.scalars(select(Lot.code).where(Lot.sku_id == sku).order_by(Lot.code))
        steps.append(
            Step(
                id=f"{LOT}{sku}",
                op="scan",
                say=Say(code="count.scan_lot"),
                big=found.skus[sku].code,
                expect=(Expect(kind="lot", codes=tuple(lots)),),
            )
        )
    return steps


def _end_again(packet: Packet) -> Step:
    last = next(step for step in packet.steps if step.id == packet.history[-1].step)
    return Step(
        id=f"end.{len(packet.steps)}", op="confirm", say=last.say, big=last.big, online=True
    )


def _stand_here(
    session: Session, count: StockCount, found: Found, actor: Actor, now: datetime
) -> set[UUID]:
    """Units that the books have elsewhere stand here; those that were moved."""
    if count.location_id is None:
        return set()
    moved = set()
    for unit, standing in found.seen.items():
        if standing.location_id == count.location_id:
            continue
        move = MoveUnit(
            command_id=CommandId(derive(count.id, "unit", str(unit))),
            site_id=SiteId(count.site_id),
            unit_id=HandlingUnitId(unit),
            to_location_id=LocationId(count.location_id),
            cause_kind="COUNT",
            cause_id=count.id,
            actor=str(actor),
            reason="found here",
            occurred_at=now,
        )
        try:
            with session.begin_nested():
                move_unit(session, [move])
            moved.add(unit)
        except WmsError as error:
            facts = {"count": str(count.id), "unit": standing.code, "problem": error.code}
            report(session, count.site_id, derive(count.id, str(unit)), code="count.unit_elsewhere",
                   source="counting", facts=facts, at=now)  # fmt: skip
    return moved


def _entries(
    session: Session, count: StockCount, found: Found, held: Held, moved: set[UUID]
) -> dict[Key, Entry]:
    """What was found of each, against what the books had."""
    keys = {*found.counted, *held.windows}
    if count.sku_id is not None:
        keys = {key for key in keys if key.sku == count.sku_id}
    if count.kind == "SWEEP":
        keys = _by_sku(found, held, keys)
    entries: dict[Key, Entry] = {}
    read = {key.sku for key in found.counted}
    skus = {sku.id: sku for sku in session.scalars(select(Sku).where(Sku.id.in_({
        key.sku for key in keys})))}  # fmt: skip
    for key in sorted(keys, key=lambda each: (str(each.unit), str(each.sku), each.lot)):
        singly = skus[key.sku].tracking in WITH_SERIALS
        if count.kind == "SWEEP" and key.sku not in read and not singly:
            continue  # goods without tags are none of a sweep's
        lo, hi = held.windows.get(key, (0, 0))
        counted = found.counted.get(key, 0)
        if key.unit in found.closed and key not in found.counted:
            counted = hi  # nobody has looked into it
        if key.unit in moved:
            lo = hi  # it was not here when the count began
        marks: tuple[str, ...] = ()
        if singly and key.unit not in found.closed:
            lo, hi, marks = _marks(session, count, key, found, held)
            counted = hi + sum(1 if mark[0] == "+" else -1 for mark in marks)
        entries[key] = Entry(counted=counted, lo=lo, hi=hi, marks=marks)
    return entries


def _by_sku(found: Found, held: Held, keys: set[Key]) -> set[Key]:
    """A sweep tells no place from another and sees no unit: goods are told by SKU and lot.

    A tag says no lot. What was read of a SKU is held against its lots, one after the other.
    """
    windows: dict[Key, tuple[int, int]] = {}
    for key, (lo, hi) in held.windows.items():
        flat = Key(unit=NIL, sku=key.sku, lot=key.lot)
        was = windows.get(flat, (0, 0))
        windows[flat] = (was[0] + lo, was[1] + hi)
        held.rows[flat] += held.rows[key] if key != flat else []
    held.windows = windows
    read: dict[UUID, int] = {}
    for key, units in found.counted.items():
        read[key.sku] = read.get(key.sku, 0) + units
    counted: dict[Key, int] = {}
    for sku, units in read.items():
        lots = sorted((key for key in windows if key.sku == sku), key=lambda key: key.lot)
        left = units
        for key in lots:
            counted[key] = min(left, windows[key][1])
            left -= counted[key]
        last = lots[-1] if lots else Key(unit=NIL, sku=sku, lot="")
        counted[last] = counted.get(last, 0) + left
    found.counted = counted
    serials: dict[Key, list[str]] = {}
    for key, names in found.serials.items():
        serials.setdefault(Key(unit=NIL, sku=key.sku, lot=key.lot), []).extend(names)
    found.serials = serials
    return {*counted, *windows} if keys else set(counted)


def _marks(
    session: Session, count: StockCount, key: Key, found: Found, held: Held
) -> tuple[int, int, tuple[str, ...]]:
    """Of goods known one by one: how many the books have, and which are missing or too many."""
    rows = held.rows.get(key, [])
    accounts = {row.location_id for row in rows}
    at_site = SiteId(count.site_id)
    units = {row.handling_unit_id for row in rows} | {key.unit}
    here = {
        each.serial
        for each in serials_at(session, at_site, accounts, [key.sku])
        if each.lot == key.lot and each.handling_unit_id in units and not each.held
    }
    seen = set(found.serials.get(key, ()))
    strange = seen - here
    known = {each.serial: each for each in serials_named(session, [key.sku], sorted(strange))}
    for serial, each in known.items():
        if each.site_id != count.site_id or each.held:
            strange.discard(serial)  # it is somebody's, or at another site: a person must look
            found.unknown[serial] = 1
    missing = sorted(here - seen)
    away = held.in_hand.get(key, 0)
    missing = [] if len(missing) <= away else missing
    marks = tuple([f"-{each}" for each in missing] + [f"+{each}" for each in sorted(strange)])
    return len(here), len(here), marks


def _keep(
    session: Session, count: StockCount, this: CountRound, found: Found, entries: dict[Key, Entry]
) -> None:
    owners = dict(
        session.execute(
            select(Sku.id, Sku.owner_id).where(Sku.id.in_({key.sku for key in entries}))
        ).all()
    )
    lines = []
    for number, (key, entry) in enumerate(entries.items(), start=1):
        lines.append(
            CountLine(
                site_id=count.site_id, count_id=count.id, round_no=this.no, no=number,
                sku_id=key.sku, owner_id=owners[key.sku], handling_unit_id=key.unit, lot=key.lot,
                code="", counted=entry.counted, book_lo=entry.lo, book_hi=entry.hi,
                difference=entry.difference, serials=sorted(found.serials.get(key, ())),
                missing=[mark[1:] for mark in entry.marks if mark[0] == "-"],
                unexpected=[mark[1:] for mark in entry.marks if mark[0] == "+"],
            )
        )  # fmt: skip
    for number, (code, units) in enumerate(sorted(found.unknown.items()), start=len(lines) + 1):
        lines.append(
            CountLine(
                site_id=count.site_id, count_id=count.id, round_no=this.no, no=number,
                sku_id=None, owner_id=None, handling_unit_id=NIL, lot="", code=code[:200],
                counted=units, book_lo=0, book_hi=0, difference=0, serials=[], missing=[],
                unexpected=[],
            )
        )  # fmt: skip
    session.add_all(lines)
    session.flush()


def _tell_unknown(session: Session, count: StockCount, found: Found, now: datetime) -> None:
    if not found.unknown:
        return
    facts = {"count": str(count.id), "codes": sorted(found.unknown)[:20]}
    report(session, count.site_id, derive(count.id, "unknown"), code="count.unknown_item",
           source="counting", facts=facts, at=now)  # fmt: skip
