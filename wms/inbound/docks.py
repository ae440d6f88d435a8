"""Docks: trucks have a door for a time. Two never have one quarter of an hour at one door.

    PLANNED -> CHECKED_IN (late, or not) -> DONE
            -> NO_SHOW when nobody came          -> CANCELLED

A quarter of an hour at a door is a row that one appointment has (`dock_slot`): the database lets
no second one have it. Whoever leaves early, does not come or cancels gives back what is to come.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, time, timedelta
from typing import Any, ClassVar
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from wms.errors import Conflict, IdReused, NotFound, Rejected
from wms.ids import SiteId, derive
from wms.inbound.announce import tell
from wms.inbound.model import Appointment, Asn, DockDoor, DockSlot
from wms.outbound.tell import report
from wms.sites import Site

SLOT = timedelta(minutes=15)
LONGEST = timedelta(hours=12)
LATE_AFTER = timedelta(minutes=15)
NO_SHOW_AFTER = timedelta(minutes=60)
LIVE = ("PLANNED", "CHECKED_IN")


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """A truck that wants a door from then to then."""

    id: UUID
    site_id: SiteId
    door: str
    starts_at: datetime
    ends_at: datetime
    asn_id: UUID | None = None
    carrier: str = ""
    vehicle: str = ""

    def body_hash(self) -> str:
        """What tells one booking under an id from another."""
        text = json.dumps(asdict(self), default=str, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


class DoorTaken(Conflict):
    """Another truck has that door then.

    Attributes:
        door: the door.
    """

    code: ClassVar[str] = "door_taken"

    def __init__(self, door: str) -> None:
        super().__init__(f"door {door} is taken then")
        self.door = door


class NoSuchTime(Rejected):
    """Not whole quarters of an hour, longer than half a day, or the door is closed then."""

    code: ClassVar[str] = "no_such_time"


class AppointmentOver(Conflict):
    """The appointment has ended already."""

    code: ClassVar[str] = "appointment_over"


def save_door(
    session: Session, site: SiteId, code: str, *, opens: time, closes: time, active: bool
) -> None:
    """Make or change a door."""
    row: dict[str, Any] = {"opens": opens, "closes": closes, "active": active}
    new = insert(DockDoor).values(site_id=site, code=code, **row)
    session.execute(new.on_conflict_do_update(index_elements=["site_id", "code"], set_=row))


def doors(session: Session, site: SiteId) -> Sequence[DockDoor]:
    """The doors of a site."""
    query = select(DockDoor).where(DockDoor.site_id == site).order_by(DockDoor.code)
    return session.scalars(query).all()


def book_door(session: Session, wish: Book, *, now: datetime) -> bool:
    """Give a truck a door; False if it has it already.

    Raises:
        NotFound: there is no such door, or no such delivery.
        NoSuchTime: not then.
        DoorTaken: somebody else has it.
        IdReused: the id is that of another booking.
    """
    key = (wish.site_id, wish.id)
    known = session.get(Appointment, key)
    if known is not None:
        if known.body_hash != wish.body_hash():
            raise IdReused(wish.id)
        return False
    _check(session, wish)
    row = asdict(wish) | {"body_hash": wish.body_hash(), "made_at": now, "state": "PLANNED"}
    made = session.scalar(
        insert(Appointment).values(row).on_conflict_do_nothing().returning(Appointment.id)
    )
    if made is None:  # somebody has sent the same at the same time
        if session.get_one(Appointment, key).body_hash != wish.body_hash():
            raise IdReused(wish.id)
        return False
    _take_slots(session, wish)
    return True


def check_in(session: Session, site: SiteId, appointment_id: UUID, *, now: datetime) -> Appointment:
    """The truck is here. Done again it does nothing.

    Raises:
        NotFound: there is no such appointment.
        AppointmentOver: it was cancelled, or is done.
        DoorTaken: it came after it had been given up, and the door is another's now.
    """
    found = _find(session, site, appointment_id)
    if found.state == "CHECKED_IN":
        return found
    if found.state == "NO_SHOW":
        wish = Book(
            id=found.id, site_id=site, door=found.door, starts_at=found.starts_at,
            ends_at=found.ends_at,
        )  # fmt: skip
        _take_slots(session, wish)
    elif found.state != "PLANNED":
        raise AppointmentOver(f"appointment {appointment_id} is {found.state}")
    found.state, found.checked_in_at, found.ended_at = "CHECKED_IN", now, None
    found.late = now > found.starts_at + LATE_AFTER
    _settle(session, found, now)
    if found.asn_id is not None:
        asn = session.get_one(Asn, (site, found.asn_id), with_for_update=True)
        if asn.state == "EXPECTED":
            asn.state, asn.arrived_at = "ARRIVED", now
        body = {"door": found.door, "late": found.late}
        tell(session, asn, "AsnArrived", body, now=now)
    session.flush()
    return found


def end(
    session: Session, site: SiteId, appointment_id: UUID, state: str, *, now: datetime
) -> Appointment:
    """DONE: it has left; CANCELLED: it does not come. What is left of its time is free again.

    Raises:
        NotFound: there is no such appointment.
        AppointmentOver: it has ended otherwise.
    """
    found = _find(session, site, appointment_id)
    if found.state == state:
        return found
    if found.state not in LIVE or (state == "DONE" and found.state != "CHECKED_IN"):
        raise AppointmentOver(f"appointment {appointment_id} is {found.state}")
    _end(session, found, state, now)
    return found


def no_shows(session: Session, *, now: datetime) -> int:
    """Give up the trucks that did not come, and tell people; how many."""
    query = select(Appointment).where(
        Appointment.state == "PLANNED", Appointment.starts_at < now - NO_SHOW_AFTER
    )
    order = query.order_by(Appointment.site_id, Appointment.id).limit(200)
    late = session.scalars(order.with_for_update(skip_locked=True)).all()
    for each in late:
        _end(session, each, "NO_SHOW", now)
        facts = {"door": each.door, "carrier": each.carrier, "vehicle": each.vehicle}
        report(
            session, each.site_id, derive(each.id, "no show"), code="dock.no_show",
            source="docks", facts=facts, at=now, priority=3,
        )  # fmt: skip
    return len(late)


def free_slots(
    session: Session, site: SiteId, start: datetime, until: datetime
) -> dict[str, list[datetime]]:
    """The quarters of an hour that nobody has, by door."""
    taken = select(DockSlot.door, DockSlot.slot_at).where(
        DockSlot.site_id == site, DockSlot.slot_at >= start, DockSlot.slot_at < until
    )
    full = {(row.door, row.slot_at) for row in session.execute(taken)}
    zone = ZoneInfo(session.get_one(Site, site).time_zone)
    free: dict[str, list[datetime]] = {}
    for door in doors(session, site):
        if door.active:
            free[door.code] = [
                at
                for at in _slots(start, until)
                if (door.code, at) not in full and _is_open(door, at, zone)
            ]
    return free


def _check(session: Session, wish: Book) -> None:
    door = session.get(DockDoor, (wish.site_id, wish.door))
    if door is None or not door.active:
        raise NotFound(f"door {wish.door}")
    if wish.asn_id is not None and session.get(Asn, (wish.site_id, wish.asn_id)) is None:
        raise NotFound(f"delivery {wish.asn_id}")
    length = wish.ends_at - wish.starts_at
    is_whole = not any(
        (each - _floor(each)).total_seconds() for each in (wish.starts_at, wish.ends_at)
    )
    if not (is_whole and timedelta() < length <= LONGEST):
        raise NoSuchTime(f"{wish.starts_at} to {wish.ends_at}")
    zone = ZoneInfo(session.get_one(Site, wish.site_id).time_zone)
    if not all(_is_open(door, at, zone) for at in _slots(wish.starts_at, wish.ends_at)):
        raise NoSuchTime(f"door {wish.door} is closed then")


def _take_slots(session: Session, wish: Book) -> None:
    slots = _slots(wish.starts_at, wish.ends_at)
    rows = [
        {"site_id": wish.site_id, "door": wish.door, "slot_at": at, "appointment_id": wish.id}
        for at in slots
    ]
    new = insert(DockSlot).on_conflict_do_nothing().returning(DockSlot.slot_at)
    if len(session.execute(new, rows).all()) < len(slots):
        raise DoorTaken(wish.door)


def _settle(session: Session, found: Appointment, now: datetime) -> None:
    report(
        session, found.site_id, derive(found.id, "no show"), code="dock.no_show", source="docks",
        facts={"door": found.door, "carrier": found.carrier}, at=now, active=False,
    )  # fmt: skip


def _end(session: Session, found: Appointment, state: str, now: datetime) -> None:
    found.state, found.ended_at = state, now
    left = DockSlot.slot_at > now if state == "DONE" else DockSlot.slot_at.is_not(None)
    session.execute(
        delete(DockSlot).where(
            DockSlot.site_id == found.site_id, DockSlot.appointment_id == found.id, left
        )
    )
    session.flush()


def _find(session: Session, site: SiteId, appointment_id: UUID) -> Appointment:
    key = (site, appointment_id)
    found = session.get(Appointment, key, with_for_update=True, populate_existing=True)
    if found is None:
        raise NotFound(f"appointment {appointment_id}")
    return found


def _floor(at: datetime) -> datetime:
    return at.replace(minute=at.minute - at.minute % 15, second=0, microsecond=0)


def _slots(start: datetime, until: datetime) -> list[datetime]:
    count = max(0, int((until - start) / SLOT))
    return [start + SLOT * number for number in range(count)]


def _is_open(door: DockDoor, at: datetime, zone: ZoneInfo) -> bool:
    return door.opens <= at.astimezone(zone).time() < door.closes
