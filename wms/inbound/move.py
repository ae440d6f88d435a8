"""Move: goods, or a whole handling unit, go from one bin to another, by whoever begins it.

    a bin is scanned    [what]  which goods, if several lie there
                        1.item  how many, as many as nobody has been promised; with serials, each
                        to      the other bin
    a unit is scanned   to      where it stands now

Nobody is asked whether it is a good idea: only what cannot be is refused, by the rules that putaway
goes by (wms.inbound.rules.against). The books change when the packet is done, in one posting.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from wms.errors import NotFound
from wms.ids import CommandId, OwnerId, SiteId, SkuId, derive
from wms.inbound.goods import Loose, loose_goods, unit_at, unit_goods
from wms.inbound.places import places_of
from wms.inbound.rules import Goods, against, room_for
from wms.outbound.floor import Floor
from wms.outbound.pick_packet import take_steps
from wms.outbound.places import scanned_at
from wms.outbound.steps import Item, facts_of, items_of
from wms.sites import Location, location_id
from wms.stock import ledger
from wms.stock.at_places import Lying, books_at
from wms.stock.posting import NIL
from wms.stock.units import find_units, place_unit
from wms.work.codes import bare, code_of, part_of
from wms.work.model import Task
from wms.work.packet import Expect, Packet, Problem, Quantity, Say, Step, grown, scanned_for, scans
from wms.work.tasks import Actor, NewTask, add_task

NOBODY = UUID(int=0)


class NothingToMove(NotFound):
    """At what was scanned lies nothing that may be taken away."""

    code: ClassVar[str] = "nothing_to_move"


def start_move(
    session: Session, floor: Floor, site: SiteId, scanned: str, actor: Actor, now: datetime
) -> UUID:
    """A task that moves what was scanned: a handling unit, or goods of a bin.

    Raises:
        NothingToMove: there is no such thing at that site, or nothing free in it.
    """
    del floor
    code = code_of(scanned)
    id_ = derive(site, "move", str(actor), code, now.isoformat())
    steps: list[Step]
    if unit := find_units(session, site, [code]).get(code):
        plan: dict[str, object] = {"unit": unit.code}
        steps = [_to_step()]
    else:
        there = _free(session, site, bare(scanned))
        items = items_of(session, [each.sku_id for each in there])
        plan = {"from": bare(scanned), "what": [_said(each) for each in there]}
        steps = [_what_step(bare(scanned), items, there)]
        if len(there) == 1:
            plan["chosen"] = 0
            steps = _take(there[0], items[there[0].sku_id])
    new = NewTask(
        id=id_, site_id=site, kind="move", title=code, steps=tuple(steps), plan=plan
    )  # fmt: skip
    add_task(session, new, now=now)
    session.flush()
    return id_


def grow_move(
    session: Session, floor: Floor, task: Task, packet: Packet, actor: Actor, now: datetime
) -> Packet | Problem:
    """Which goods are meant; whether they may go there."""
    del floor, actor, now
    site, step = SiteId(task.site_id), packet.history[-1].step
    if step == "what":
        code = scanned_for(packet, "what")[-1]
        there = _free(session, site, task.plan["from"])
        items = items_of(session, [each.sku_id for each in there])
        for number, each in enumerate(task.plan["what"]):
            known = next((one for one in there if _said(one) == each), None)
            if known is not None and code in _codes(known, items[known.sku_id]):
                task.plan = task.plan | {"chosen": number}
                return grown(packet, _take(known, items[known.sku_id]))
        return Problem(code="nothing_to_move", facts={"scanned": code})
    to = bare(scans(packet, "to")[-1])
    place = session.get(Location, (site, location_id(site, to)))
    if place is None or to == task.plan.get("from"):
        return Problem(code="unknown_place", facts={"scanned": to})
    goods = _goods(session, task, packet)
    if goods is None:
        return packet
    (seen,) = places_of(session, site, [place.id], goods, me=NOBODY)
    seen = replace(seen, face_room=None, is_face_of_other=False)  # a wish, not a limit
    reasons = against(goods, seen)
    if reasons or room_for(goods, seen) < goods.units:
        return Problem(code="not_there", facts={"place": to, "reason": (*reasons, "full")[0]})
    return packet


def finish_move(
    session: Session, floor: Floor, task: Task, packet: Packet, actor: Actor, now: datetime
) -> None:
    """Carry out a finished MOVE packet."""
    del floor
    site = SiteId(task.site_id)
    to = location_id(site, bare(scanned_at(packet, "to") or ""))
    if name := task.plan.get("unit"):
        place_unit(session, site, unit_at(session, site, name).id, to)
        return
    units, serials = _counted(packet)
    if not units:
        return
    said = task.plan["what"][task.plan["chosen"]]
    ledger.move(
        session,
        [
            ledger.Move(
                command_id=CommandId(derive(task.id, "moved")),
                site_id=site,
                owner_id=OwnerId(UUID(said["owner"])),
                sku_id=SkuId(UUID(said["sku"])),
                units=units,
                from_location_id=location_id(site, task.plan["from"]),
                to_location_id=to,
                lot=said["lot"],
                condition=said["condition"],
                serials=serials,
                cause_kind="MOVE",
                cause_id=task.id,
                actor=str(actor),
                reason="move",
                occurred_at=max((event.at for event in packet.history), default=now),
            )
        ],
    )


def _free(session: Session, site: SiteId, code: str) -> list[Lying]:
    """What lies loose at a bin and is pinned for nobody."""
    query = select(Location.id).where(
        Location.site_id == site, Location.code == code, ~Location.code.startswith("@")
    )
    place = session.scalars(query).first()
    rows = books_at(session, site, [place]).rows if place is not None else ()
    there = [
        replace(row, units=row.units - row.pinned)
        for row in rows
        if row.handling_unit_id == NIL and row.units > row.pinned
    ]
    if not there:
        raise NothingToMove(f"goods at {code}")
    return there


def _said(row: Lying) -> dict[str, str]:
    return {"sku": str(row.sku_id), "owner": str(row.owner_id), "lot": row.lot,
            "condition": row.condition}  # fmt: skip


def _codes(row: Lying, item: Item) -> tuple[str, ...]:
    """What names these goods: themselves where they are of no lot, else their lot."""
    return (row.lot,) if row.lot else item.codes


def _what_step(place: str, items: dict[UUID, Item], there: Sequence[Lying]) -> Step:
    codes = [code for row in there for code in _codes(row, items[row.sku_id])]
    return Step(
        id="what",
        op="scan",
        say=Say(code="move.scan_what"),
        big=place,
        expect=(Expect(kind="item", codes=tuple(dict.fromkeys(codes))),),
        online=True,
    )


def _take(row: Lying, item: Item) -> list[Step]:
    """Take some of these goods, and bring them somewhere."""
    about = facts_of(row.lot) if row.lot else ()
    steps, counted = take_steps(1, item, row.units, (), about)
    most = Quantity(target=row.units, max=row.units, open=True, by="type")
    return [
        *(
            replace(step, qty=replace(step.qty or most, open=True), allow=("undo",), group="")
            if step.id == counted
            else step
            for step in steps
        ),
        _to_step(),
    ]


def _to_step() -> Step:
    return Step(
        id="to",
        op="scan",
        say=Say(code="move.scan_place"),
        big="→",
        expect=(Expect(kind="location"),),
        online=True,
    )


def _counted(packet: Packet) -> tuple[int, tuple[str, ...]]:
    """How many were taken, and which, if they have numbers."""
    if any(step.id == "1.serial" for step in packet.steps):
        serials = tuple(dict.fromkeys(part_of(one, "serial") for one in scans(packet, "1.serial")))
        return len(serials), serials
    return packet.counts.get("1.item", 0), ()


def _goods(session: Session, task: Task, packet: Packet) -> Goods | None:
    """What is brought, as the rules ask; None: nothing."""
    site = SiteId(task.site_id)
    if name := task.plan.get("unit"):
        return unit_goods(session, site, unit_at(session, site, name))
    units, _ = _counted(packet)
    said = task.plan["what"][task.plan["chosen"]]
    if not units:
        return None
    loose = Loose(
        sku_id=UUID(said["sku"]), units=units, lot=said["lot"], owner_id=UUID(said["owner"]),
        from_location_id=location_id(site, task.plan["from"]),
    )  # fmt: skip
    return loose_goods(session, loose)
