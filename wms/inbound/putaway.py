"""Putaway: goods at the dock get a place, kept free for them, and a packet that brings them there.

    put_away_later   what is to be put away: the rules say where to (wms.inbound.rules), and a
                     person is given a packet, or a robot a transport order
    finish_putaway   the goods are there: in the books, and promises on them kept; what did not
                     fit is put away elsewhere
    grow_putaway     the place is full, blocked or mixed: another one

Who plans at a site does so one after the other; the units of every open putaway are kept free at
its first and second place. So no place is over its limits when all are done, whoever comes first.
If others have filled a place by the time the goods come, only what has room is put down there in
the books, and the person is told to take the rest away again.
"""

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from wms.errors import NotFound
from wms.ids import SiteId, derive
from wms.inbound import rules
from wms.inbound.goods import (
    Loose,
    carry,
    loose_goods,
    owner_of,
    unit_at,
    unit_goods,
)
from wms.inbound.model import Putaway
from wms.inbound.places import places_of
from wms.inbound.plan import choice_for, decide
from wms.inbound.putaway_steps import goods_step, more_steps, place_steps
from wms.inbound.robot import send_robot
from wms.inbound.scan import read_scan
from wms.outbound.floor import Floor
from wms.outbound.tell import report
from wms.sites import Location, location_id
from wms.work.model import Task
from wms.work.packet import Packet, Problem, grown, scanned_for
from wms.work.tasks import Actor, NewTask, add_task
from wms.work.wanted import Wish, want_count

__all__ = ["Loose", "decide", "finish_putaway", "grow_putaway", "put_away_later", "start_putaway"]

VERDICTS_MAX = 50
_ONE_AT_A_TIME = text("SELECT unit_lock(:site)")


def put_away_later(  # noqa: PLR0913 - what, why, when, by which robots, and where not
    session: Session,
    site: SiteId,
    what: str | Loose,
    *,
    cause: UUID,
    now: datetime,
    floor: Floor | None = None,
    refused: Sequence[str] = (),
) -> UUID | None:
    """Have goods put away: a handling unit by its code, or loose ones. Once for each cause.

    With a floor, totes may be brought by its robots. Returns the putaway's id; None: the site
    has no place for it, and people are told.

    Raises:
        NotFound: there is no such unit, or nothing in it.
    """
    key = what if isinstance(what, str) else f"{what.sku_id}/{what.lot}/{what.receipt_id}"
    id_ = derive(cause, "putaway", key)
    if session.get(Putaway, (site, id_)) is not None:
        return id_
    session.flush()
    session.execute(_ONE_AT_A_TIME, {"site": site})
    putaway, goods = _new(session, site, what, id_, cause, now)
    robots = floor if floor is not None and floor.hub == site else None
    choice = choice_for(session, site, goods, id_, refused, by_robot=robots is not None)
    putaway.refused = list(refused)
    session.add(putaway)
    rest = None
    if choice.first is not None and choice.first.units < goods.units:
        rest = _rest(putaway, goods.units - choice.first.units)
        putaway.units = choice.first.units
        putaway.weight_g = putaway.weight_g * putaway.units // goods.units
        putaway.serials = putaway.serials[: putaway.units]
    _plan(putaway, choice)
    session.flush()
    if choice.first is None:
        _no_place(session, putaway, goods, now)
        return None
    _add_task(session, putaway, goods, choice, robots, now)
    if rest is not None:
        put_away_later(session, site, rest, cause=id_, now=now, floor=floor, refused=refused)
    return id_


def start_putaway(
    session: Session, floor: Floor, site: SiteId, scanned: str, actor: Actor, now: datetime
) -> UUID:
    """The task that puts away what was scanned: a handling unit, or goods at the dock.

    Raises:
        NotFound: nothing with that code waits to be put away.
    """
    del actor
    read = read_scan(session, scanned)
    open_ = (Putaway.site_id == site, Putaway.state == "OPEN", Putaway.task_id.is_not(None))
    by_unit = select(Putaway.task_id).where(*open_, Putaway.unit_code == read.code)
    known = session.scalars(by_unit).first()
    if known is None and read.sku is not None:
        by_sku = select(Putaway.task_id).where(*open_, Putaway.sku_id == read.sku.id)
        known = session.scalars(by_sku.order_by(Putaway.made_at)).first()
    if known is not None:
        return known
    unit = unit_at(session, site, read.code)
    cause = derive(unit.id, "dock", now.isoformat())
    made = put_away_later(session, site, unit.code, cause=cause, now=now, floor=floor)
    putaway = session.get(Putaway, (site, made)) if made else None
    if putaway is None or putaway.task_id is None:
        raise NotFound(f"a place for {read.code}")
    return putaway.task_id


def grow_putaway(
    session: Session, floor: Floor, task: Task, packet: Packet, actor: Actor, now: datetime
) -> Packet | Problem:
    """The place was refused: another one, or nothing."""
    del floor
    site = SiteId(task.site_id)
    putaway = _of_task(session, task)
    session.execute(_ONE_AT_A_TIME, {"site": site})
    reported = packet.reported[-1]
    place = _place_shown(packet, reported.step)
    if place not in putaway.refused:
        putaway.refused = [*putaway.refused, place]
        wish = Wish(
            site_id=site, location_id=location_id(site, place), why="PUTAWAY", cause=task.id
        )
        want_count(session, wish, now=now)
        facts = {"place": place, "by": str(actor), "lpn": putaway.unit_code}
        report(
            session, site, derive(task.id, "refused", place), code=f"putaway.{reported.code}",
            source="inbound", facts=facts, at=now, priority=3,
        )  # fmt: skip
    goods = goods_of(session, putaway)
    choice = decide(session, site, goods, me=putaway.id, refused=putaway.refused)
    whole = choice.first if choice.first and choice.first.units >= putaway.units else None
    if whole is None:
        return Problem(code="no_place", facts={"place": place})
    _plan(putaway, choice)
    session.flush()
    turn = len(putaway.refused) + 1
    return grown(packet, more_steps(session, putaway, choice, turn=turn), instead=True)


def finish_putaway(
    session: Session, floor: Floor, task: Task, packet: Packet, actor: Actor, now: datetime
) -> None:
    """Carry out a finished PUTAWAY packet."""
    putaway = _of_task(session, task)
    at = max((event.at for event in packet.history), default=now)
    if putaway.state != "OPEN":
        facts = {"by": str(actor), "lpn": putaway.unit_code, "state": putaway.state}
        report(
            session, task.site_id, derive(task.id, "late"), code="putaway.came_late",
            source="inbound", facts=facts, at=at,
        )  # fmt: skip
        return
    if task.plan.get("robot"):
        station = scanned_for(packet, "station")[-1]
        send_robot(session, floor, putaway, station)
        return
    step = next(each.step for each in reversed(packet.history) if each.step.startswith("place"))
    code = scanned_for(packet, step)[-1]
    units = packet.counts.get(step.replace("place", "units"), putaway.units)
    put_down(session, putaway, code, units, actor=str(actor), at=at, now=now, floor=floor)


def put_down(  # noqa: PLR0913 - what went where, how much, who did it, when
    session: Session,
    putaway: Putaway,
    code: str,
    units: int,
    *,
    actor: str,
    at: datetime,
    now: datetime,
    floor: Floor | None,
) -> None:
    """So many of the units are at that place; the rest is put away elsewhere."""
    site = SiteId(putaway.site_id)
    session.execute(_ONE_AT_A_TIME, {"site": site})
    goods = goods_of(session, putaway)
    place_id = location_id(site, code)
    (place,) = places_of(session, site, [place_id], goods, me=putaway.id)
    room = rules.room_for(goods, replace(place, face_room=None))  # a face's level is only a wish
    fits = min(units, room) if not putaway.unit_code else (units if room >= units else 0)
    putaway.before = place.units
    putaway.limit_units = (
        place.max_units if place.max_units is None else max(place.max_units, place.units)
    )
    putaway.done_units = fits
    putaway.state, putaway.ended_at, putaway.ended_by = "DONE", at, actor
    putaway.to_location_id, putaway.second_location_id = place_id, None
    session.flush()
    if fits:
        carry(session, putaway, place_id, fits, actor=actor, at=at, now=now)
    left = putaway.units - fits
    if units > fits:
        facts = {"place": code, "units": units - fits, "by": actor, "lpn": putaway.unit_code}
        report(
            session, site, derive(putaway.id, "over"), code="putaway.over_limit",
            source="inbound", facts=facts, at=at, priority=3,
        )  # fmt: skip
    if left:
        refused = list(dict.fromkeys([*putaway.refused, code]))
        if units < putaway.units:
            wish = Wish(site_id=site, location_id=place_id, why="PUTAWAY", cause=putaway.id)
            want_count(session, wish, now=now)
        what = putaway.unit_code or _rest(putaway, left, after=fits)
        put_away_later(session, site, what, cause=putaway.id, now=now, floor=floor, refused=refused)


def goods_of(session: Session, putaway: Putaway) -> rules.Goods:
    """What the rules must know of the goods of a putaway."""
    if putaway.unit_code:
        site = SiteId(putaway.site_id)
        return unit_goods(session, site, unit_at(session, site, putaway.unit_code))
    return loose_goods(session, _rest(putaway, putaway.units))


def _new(
    session: Session, site: SiteId, what: str | Loose, id_: UUID, cause: UUID, now: datetime
) -> tuple[Putaway, rules.Goods]:
    if isinstance(what, Loose):
        goods = loose_goods(session, what)
        owner, place = what.owner_id, what.from_location_id
    else:
        unit = unit_at(session, site, what)
        goods = unit_goods(session, site, unit)
        assert unit.location_id is not None
        owner, place = owner_of(session, site, unit), unit.location_id
    loose = what if isinstance(what, Loose) else None
    putaway = Putaway(
        site_id=site,
        id=id_,
        cause=cause,
        receipt_id=loose.receipt_id if loose else None,
        unit_code="" if loose else what,
        owner_id=owner,
        sku_id=goods.sku_id,
        lot=loose.lot if loose else next(iter(goods.lots)) if len(goods.lots) == 1 else "",
        serials=list(loose.serials) if loose else [],
        units=goods.units,
        weight_g=goods.weight_g,
        from_location_id=place,
        state="OPEN",
        made_at=now,
        done_units=0,
    )
    return putaway, goods


def _plan(putaway: Putaway, choice: rules.Choice) -> None:
    """Keep the places free (the second only if all fits there), and why they were chosen."""
    second = choice.second if choice.second and choice.second.units >= putaway.units else None
    putaway.to_location_id = choice.first.place.id if choice.first else None
    putaway.second_location_id = second.place.id if second else None
    shown = sorted(choice.verdicts, key=lambda each: (bool(each.against), each.place))
    putaway.verdict = {
        "first": asdict(choice.first.verdict) if choice.first else None,
        "second": asdict(choice.second.verdict) if choice.second else None,
        "looked_at": len(choice.verdicts),
        "others": [asdict(each) for each in shown[:VERDICTS_MAX]],
    }


def _rest(putaway: Putaway, units: int, *, after: int | None = None) -> Loose:
    """Loose goods of a putaway: the last so many of its units."""
    assert putaway.sku_id is not None
    start = len(putaway.serials) - units if after is None else after
    return Loose(
        sku_id=putaway.sku_id,
        units=units,
        from_location_id=putaway.from_location_id,
        lot=putaway.lot,
        serials=tuple(putaway.serials[max(0, start) :]) if putaway.serials else (),
        owner_id=putaway.owner_id,
        receipt_id=putaway.receipt_id,
        weight_g=putaway.weight_g * units // putaway.units if putaway.weight_g else 0,
    )


def _no_place(session: Session, putaway: Putaway, goods: rules.Goods, now: datetime) -> None:
    putaway.state, putaway.ended_at, putaway.ended_by = "CANCELLED", now, "rule:putaway"
    session.flush()
    facts = {
        "sku": goods.sku, "lpn": putaway.unit_code, "units": goods.units,
        "looked_at": putaway.verdict["looked_at"],
    }  # fmt: skip
    report(
        session, putaway.site_id, derive(putaway.id, "no place"), code="putaway.no_place",
        source="inbound", facts=facts, at=now,
    )  # fmt: skip


def _add_task(
    session: Session,
    putaway: Putaway,
    goods: rules.Goods,
    choice: rules.Choice,
    floor: Floor | None,
    now: datetime,
) -> None:
    assert choice.first is not None
    is_robot = floor is not None and choice.first.place.zone == "ROBOT"
    steps = (
        goods_step(session, putaway, goods),
        *place_steps(session, putaway, choice, tuple(floor.stations) if is_robot and floor else ()),
    )
    putaway.task_id = derive(putaway.id, "task")
    new = NewTask(
        id=putaway.task_id,
        site_id=putaway.site_id,
        kind="putaway",
        title=choice.first.place.code,
        steps=steps,
        plan={"putaway": str(putaway.id), "robot": is_robot},
    )
    add_task(session, new, now=now)


def _of_task(session: Session, task: Task) -> Putaway:
    key = (task.site_id, UUID(task.plan["putaway"]))
    return session.get_one(Putaway, key, with_for_update=True, populate_existing=True)


def _place_shown(packet: Packet, step_id: str) -> str:
    """The place that was shown when it was refused."""
    return next(each.big for each in packet.steps if each.id == step_id)


def place_code(session: Session, site: UUID, place: UUID | None) -> str:
    """The code of a place; '' for none."""
    return "" if place is None else session.get_one(Location, (site, place)).code
