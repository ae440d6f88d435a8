"""Robot: totes are brought to stations, picked from by a person, and brought home.

    lines that wait for a tote
        -> COMING       a transport order to a station is with the WCS
        -> PRESENT      it stands there: a PICK task, or several, one after the other
        -> RETURNING    a transport order home
        -> HOME

All lines that wait for a tote when it stands at the station are one task. If more have come to
want it meanwhile it stays for them. A tote that never came is walked to by a person: the reason
is kept, the lines become walks. A tote that cannot go home is sent again, a few times; then a
person is told. Where a station has slots, goods are put to their order's (wms.outbound.slots).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from wcs.messages import TransportOrder, TransportReport
from wms.ids import SiteId, derive
from wms.orders.model import Allocation
from wms.outbound.floor import Floor
from wms.outbound.model import Presentation, Transport
from wms.outbound.pick_packet import SERIAL, joined, order_numbers, slot_steps, take_steps
from wms.outbound.rules import station_for
from wms.outbound.slots import (
    StationSlot,
    away_steps,
    fit_stations,
    free_slots,
    give_slots,
    slots_of,
    taken_slots,
    tote_steps,
)
from wms.outbound.steps import facts_of, items_of, place_step
from wms.outbound.tell import report, tell_wcs
from wms.sites import Location
from wms.stock.where import serials_pinned
from wms.work.model import Task
from wms.work.packet import Expect, Step
from wms.work.tasks import NewTask, add_task

UNDER_WAY = ("COMING", "PRESENT", "RETURNING")
ENDED = frozenset({"FINISHED", "FAILED", "WITHDRAWN"})
RETURNS_MAX = 5


def present(session: Session, floor: Floor, *, now: datetime) -> int:
    """Send for the totes that are waited for, the oldest demand first, as stations have room."""
    free_slots(session, floor.hub, now=now)
    open_ = select(Presentation).where(
        Presentation.site_id == floor.hub, Presentation.state.in_(UNDER_WAY)
    )
    trips = session.scalars(open_).all()
    away = {trip.tote for trip in trips}
    at_station = Counter(trip.station for trip in trips)
    slots, taken = slots_of(session, floor.hub), taken_slots(session, floor.hub)
    made = 0
    for first in _waiting(session, floor.hub):
        assert first.tote is not None
        if first.tote in away:
            continue
        fit = fit_stations(slots, taken, first.order_id, floor.stations)
        station = station_for(at_station, {name: floor.stations[name] for name in fit})
        if station is None:
            if len(fit) == len(floor.stations):
                break
            continue  # another order may have a slot
        away.add(first.tote)
        at_station[station] += 1
        _send_for(session, floor, first, station, now)
        if station in slots:
            taken = taken_slots(session, floor.hub)
        made += 1
    return made


def take_report(session: Session, floor: Floor, message: TransportReport, *, now: datetime) -> None:
    """What the WCS says of a transport order. What is late or known changes nothing."""
    query = select(Transport).where(
        Transport.site_id == floor.hub, Transport.id == UUID(message.id)
    )
    transport = session.scalars(query.with_for_update()).first()
    if transport is None or transport.state in ENDED:
        return
    transport.state = message.state
    transport.metres = max(transport.metres, message.metres)
    transport.robot = message.robot or transport.robot
    transport.reason = message.reason
    if message.state not in ENDED:
        return
    key = (transport.site_id, transport.presentation_id)
    trip = session.get_one(Presentation, key, with_for_update=True)
    if message.state == "FINISHED":
        _arrived(session, floor, trip, now)
    else:
        _failed(session, floor, trip, message, now)


def picked_from(session: Session, floor: Floor, presentation_id: UUID, *, now: datetime) -> None:
    """The task at the tote is done: pick what has come to want it meanwhile, or send it home."""
    key = (floor.hub, presentation_id)
    trip = session.get_one(Presentation, key, with_for_update=True)
    _renew(session, floor, trip.station, now)
    _pick_or_return(session, floor, trip, now)


def stay_or_return(session: Session, floor: Floor, presentation_id: UUID, *, now: datetime) -> None:
    """The task at the tote is no more: another for what still wants it, or send it home."""
    picked_from(session, floor, presentation_id, now=now)


def _waiting(session: Session, site: SiteId, tote: str | None = None) -> Sequence[Allocation]:
    query = select(Allocation).where(
        Allocation.site_id == site,
        Allocation.state == "PINNED",
        Allocation.by_robot,
        Allocation.task_id.is_(None),
    )
    if tote is not None:
        query = query.where(Allocation.tote == tote).with_for_update()
    return session.scalars(
        query.order_by(
            Allocation.ordered_at, Allocation.order_id, Allocation.line_no, Allocation.id
        )
    ).all()


def _send_for(
    session: Session, floor: Floor, first: Allocation, station: str, now: datetime
) -> None:
    assert first.tote is not None
    home = session.scalars(
        select(Location.code).where(Location.site_id == floor.hub, Location.id == first.location_id)
    ).one()
    trip = Presentation(
        site_id=floor.hub,
        id=derive(first.id, "presentation", *_again(first)),
        tote=first.tote,
        home=home,
        station=station,
        state="COMING",
        transport_id=derive(first.id, "transport", *_again(first)),
        attempt=0,
        made_at=now,
    )
    session.add(trip)
    give_slots(session, floor.hub, station, [first.order_id], now=now)
    _order(session, floor, trip, "OUT")


def _again(first: Allocation) -> list[int]:
    """What keeps ids apart when it has been released before, and taken back."""
    return [first.releases] if first.releases > 1 else []


def _order(session: Session, floor: Floor, trip: Presentation, leg: str) -> None:
    session.add(
        Transport(
            site_id=floor.hub,
            id=trip.transport_id,
            presentation_id=trip.id,
            leg=leg,
            state="SENT",
            metres=0.0,
            reason="",
        )
    )
    source, destination = (trip.home, trip.station) if leg == "OUT" else (trip.station, trip.home)
    tell_wcs(
        session,
        floor.hub_code,
        TransportOrder(
            id=str(trip.transport_id),
            load=trip.tote,
            source=source,
            destination=destination,
            priority=1 if leg == "HOME" else 0,  # an empty place at a station is worth more
        ),
    )


def _arrived(session: Session, floor: Floor, trip: Presentation, now: datetime) -> None:
    if trip.state == "RETURNING":
        trip.state = "HOME"
        return
    trip.state = "PRESENT"
    _pick_or_return(session, floor, trip, now)


def _failed(
    session: Session,
    floor: Floor,
    trip: Presentation,
    message: TransportReport,
    now: datetime,
) -> None:
    facts = {"tote": trip.tote, "station": trip.station, "reason": message.reason}
    if trip.state == "COMING":
        trip.state = "FAILED"
        for allocation in _waiting(session, floor.hub, trip.tote):
            allocation.by_robot = False
        code = "tote.not_brought"
    elif trip.attempt < RETURNS_MAX:
        _return(session, floor, trip)
        return
    else:
        trip.state = "HOME"
        code = "tote.not_returned"
    report(session, floor.hub, UUID(message.id), code=code, source="wcs", facts=facts, at=now)


def _pick_or_return(session: Session, floor: Floor, trip: Presentation, now: datetime) -> None:
    waiting = _waiting(session, floor.hub, trip.tote)
    slots = give_slots(
        session, floor.hub, trip.station, [each.order_id for each in waiting], now=now
    )
    if slots is not None:  # what has no slot here waits for another trip
        waiting = [each for each in waiting if each.order_id in slots]
    if waiting:
        _add_task(session, floor, trip, waiting, slots or {}, now)
    else:
        _return(session, floor, trip)


def _return(session: Session, floor: Floor, trip: Presentation) -> None:
    trip.state = "RETURNING"
    trip.attempt += 1
    trip.transport_id = derive(trip.id, "return", trip.attempt)
    _order(session, floor, trip, "HOME")


def _add_task(
    session: Session,
    floor: Floor,
    trip: Presentation,
    waiting: Sequence[Allocation],
    slots: Mapping[UUID, StationSlot],
    now: datetime,
) -> None:
    task_id = derive(waiting[0].id, "station", *_again(waiting[0]))
    numbers = order_numbers(session, waiting)
    items = items_of(session, [each.sku_id for each in waiting])
    by_serial = [each.id for each in waiting if items[each.sku_id].tracking in SERIAL]
    serials = serials_pinned(session, floor.hub, by_serial) if by_serial else {}
    mine = {each.order_id: slots[each.order_id] for each in waiting if each.order_id in slots}
    steps: list[Step] = tote_steps(mine.values())
    steps.append(place_step("tote", trip.tote, also=(trip.home,), kind="tote"))
    picks: dict[str, str] = {}
    for number, each in enumerate(waiting, start=1):
        facts = facts_of(numbers[each.order_id], tote=trip.tote)
        its, counted = take_steps(
            number, items[each.sku_id], each.units, serials.get(each.id, ()), facts
        )
        steps += its
        if (at := mine.get(each.order_id)) is not None:
            steps += _put_steps(number, at, numbers[each.order_id])
        picks[counted] = str(each.id)
        each.task_id = task_id
    whole = _whole(session, floor, waiting)
    steps += away_steps(session, floor.hub, [at for order, at in mine.items() if order in whole])
    plan: dict[str, Any] = {"picks": picks, "presentation": str(trip.id)}
    if mine:
        plan["totes"] = {at.slot: at.tote for at in mine.values() if at.tote}
        plan["slots"] = {at.slot: str(order) for order, at in mine.items()}
    new = NewTask(
        id=task_id,
        site_id=floor.hub,
        kind="pick",
        title=f"{trip.station} · {trip.tote}",
        steps=joined(steps),
        plan=plan,
        station=trip.station,
    )
    add_task(session, new, now=now)


def _renew(session: Session, floor: Floor, station: str, now: datetime) -> None:
    """Tasks at a station that nobody has begun are made anew when their slots have got totes."""
    has = {
        each.slot: each.tote
        for each in taken_slots(session, floor.hub) if each.station == station and each.tote
    }  # fmt: skip
    query = select(Task).where(
        Task.site_id == floor.hub, Task.kind == "pick", Task.station == station,
        Task.state == "OPEN", Task.fence == 0, Task.plan.has_key("slots"),
    )  # fmt: skip
    for task in session.scalars(query.with_for_update(skip_locked=True)):
        if not any(slot in has and slot not in task.plan["totes"] for slot in task.plan["slots"]):
            continue
        mine = select(Allocation).where(
            Allocation.site_id == floor.hub, Allocation.task_id == task.id
        )
        for each in session.scalars(mine.order_by(Allocation.id).with_for_update()):
            each.task_id = None
        key = (floor.hub, UUID(task.plan["presentation"]))
        session.delete(task)
        session.flush()
        _pick_or_return(session, floor, session.get_one(Presentation, key), now)


def _put_steps(number: int, at: StationSlot, order_number: str) -> list[Step]:
    """Into the tote in that slot; which tote that is, is known from the first time on."""
    steps = slot_steps(number, at.slot, facts_of(order_number))
    if at.tote:
        steps[0] = replace(steps[0], expect=(Expect(kind="tote", codes=(at.tote,)),))
    return steps


def _whole(session: Session, floor: Floor, waiting: Sequence[Allocation]) -> set[UUID]:
    """The orders of which nothing more comes by robot when these have been picked."""
    orders = {each.order_id for each in waiting}
    more = select(Allocation.order_id).where(
        Allocation.site_id == floor.hub,
        Allocation.order_id.in_(orders),
        Allocation.state == "PINNED",
        Allocation.by_robot,
        Allocation.id.not_in([each.id for each in waiting]),
    )
    return orders - set(session.scalars(more))
