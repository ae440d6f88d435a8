"""Robot: totes are brought to stations, picked from by a person, and brought home.

    lines that wait for a tote
        -> COMING       a transport order to a station is with the WCS
        -> PRESENT      it stands there: a PICK task, or several, one after the other
        -> RETURNING    a transport order home
        -> HOME

All lines that wait for a tote when it stands at the station are one task. If more have come to
want it meanwhile it stays for them. A tote that never came is walked to by a person: the reason
is kept, the lines become walks. A tote that cannot go home is sent again, a few times; then a
person is told.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from wcs.messages import TransportOrder, TransportReport
from wms.ids import SiteId, derive
from wms.orders.model import Allocation
from wms.outbound.floor import Floor
from wms.outbound.model import Presentation, Transport
from wms.outbound.pick_packet import SERIAL, order_numbers, take_steps
from wms.outbound.rules import station_for
from wms.outbound.steps import facts_of, items_of, place_step
from wms.outbound.tell import report, tell_wcs
from wms.sites import Location
from wms.stock.where import serials_pinned
from wms.work.packet import Step
from wms.work.tasks import NewTask, add_task

UNDER_WAY = ("COMING", "PRESENT", "RETURNING")
ENDED = frozenset({"FINISHED", "FAILED", "WITHDRAWN"})
RETURNS_MAX = 5


def present(session: Session, floor: Floor, *, now: datetime) -> int:
    """Send for the totes that are waited for, the oldest demand first, as stations have room."""
    open_ = select(Presentation).where(
        Presentation.site_id == floor.hub, Presentation.state.in_(UNDER_WAY)
    )
    trips = session.scalars(open_).all()
    away = {trip.tote for trip in trips}
    at_station = Counter(trip.station for trip in trips)
    made = 0
    for first in _waiting(session, floor.hub):
        assert first.tote is not None
        if first.tote in away:
            continue
        station = station_for(at_station, floor.stations)
        if station is None:
            break
        away.add(first.tote)
        at_station[station] += 1
        _send_for(session, floor, first, station, now)
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
    if waiting:
        _add_task(session, floor, trip, waiting, now)
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
    now: datetime,
) -> None:
    task_id = derive(waiting[0].id, "station", *_again(waiting[0]))
    numbers = order_numbers(session, waiting)
    items = items_of(session, [each.sku_id for each in waiting])
    by_serial = [each.id for each in waiting if items[each.sku_id].tracking in SERIAL]
    serials = serials_pinned(session, floor.hub, by_serial) if by_serial else {}
    steps: list[Step] = [place_step("tote", trip.tote, also=(trip.home,), kind="tote")]
    picks: dict[str, str] = {}
    for number, each in enumerate(waiting, start=1):
        facts = facts_of(numbers[each.order_id], tote=trip.tote)
        its, counted = take_steps(
            number, items[each.sku_id], each.units, serials.get(each.id, ()), facts
        )
        steps += its
        picks[counted] = str(each.id)
        each.task_id = task_id
    new = NewTask(
        id=task_id,
        site_id=floor.hub,
        kind="pick",
        title=f"{trip.station} · {trip.tote}",
        steps=tuple(steps),
        plan={"picks": picks, "presentation": str(trip.id)},
        station=trip.station,
    )
    add_task(session, new, now=now)
