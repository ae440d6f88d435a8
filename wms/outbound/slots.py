"""Put-to-order slots at goods-to-person stations (GTP): several orders' totes stand at a station.

    pick_station     how many slots a station has; none: goods go where its people know
    station_slot     which order stands in a slot, and in which tote

    a tote of stock comes -> take from it, put into slot C -> … -> its order is whole: take it away

An order has one slot at one station until nothing more of it comes by robot; a tote of stock is
brought to a station only for orders that have a slot there, or find one free. What waits for a slot
waits with its tote at home, so no station is full of totes that nobody can put away.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, UniqueConstraint, delete, exists, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from wms.database import Base
from wms.ids import SiteId, derive
from wms.orders.model import Allocation
from wms.outbound.pick_packet import colour_of, drops, slot_name
from wms.outbound.places import scanned_at
from wms.outbound.tell import report
from wms.sites import location_id
from wms.stock.units import place_unit, unit_id
from wms.work.codes import bare
from wms.work.model import Task
from wms.work.packet import Expect, Fact, Packet, Say, Step

SLOTS_MAX = 100


class PickStation(Base):
    """A goods-to-person station that has slots to put into."""

    __tablename__ = "pick_station"
    __table_args__ = (CheckConstraint("slots BETWEEN 0 AND 100", name="slots"),)

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    slots: Mapped[int]


class StationSlot(Base):
    """An order that stands in a slot; `tote` "" until somebody has put one there."""

    __tablename__ = "station_slot"
    __table_args__ = (UniqueConstraint("site_id", "order_id"),)

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    station: Mapped[str] = mapped_column(primary_key=True)
    slot: Mapped[str] = mapped_column(primary_key=True)
    order_id: Mapped[UUID]
    tote: Mapped[str]
    since: Mapped[datetime]


def save_station_slots(session: Session, site: UUID, name: str, slots: int) -> None:
    """Say how many slots a station has. Orders that stand in others stay there until they go."""
    statement = insert(PickStation).values(site_id=site, name=name, slots=slots)
    changes = {"slots": statement.excluded.slots}
    session.execute(
        statement.on_conflict_do_update(index_elements=["site_id", "name"], set_=changes)
    )


def slots_of(session: Session, site: UUID) -> dict[str, int]:
    """How many slots the stations have that have any."""
    query = select(PickStation.name, PickStation.slots).where(
        PickStation.site_id == site, PickStation.slots > 0
    )
    return dict(session.execute(query).all())


def taken_slots(session: Session, site: UUID) -> Sequence[StationSlot]:
    """Who stands where."""
    query = select(StationSlot).where(StationSlot.site_id == site)
    return session.scalars(query.order_by(StationSlot.station, StationSlot.slot)).all()


def fit_stations(
    slots: Mapping[str, int], taken: Sequence[StationSlot], order: UUID, names: Iterable[str]
) -> list[str]:
    """Those of the stations at which goods for that order may be put away as slots are taken."""
    if mine := [each.station for each in taken if each.order_id == order]:
        return [name for name in names if name in mine]
    used = Counter(each.station for each in taken)
    return [name for name in names if name not in slots or used[name] < slots[name]]


def give_slots(
    session: Session, site: UUID, station: str, orders: Iterable[UUID], *, now: datetime
) -> dict[UUID, StationSlot] | None:
    """The slots of these orders at a station; free ones are given, to the first of them first.

    None: the station has no slots, and needs none.
    """
    most = _alone(session, site).get(station)
    if most is None:
        return None
    taken = taken_slots(session, site)
    mine = {each.order_id: each for each in taken}
    here = {each.slot for each in taken if each.station == station}
    free = [name for name in map(slot_name, range(most)) if name not in here]
    for order in dict.fromkeys(orders):
        if order not in mine and free:
            row = StationSlot(
                site_id=site, station=station, slot=free.pop(0), order_id=order, tote="", since=now
            )
            session.add(row)
            mine[order] = row
    session.flush()
    return {order: row for order, row in mine.items() if row.station == station}


def _alone(session: Session, site: UUID) -> dict[str, int]:
    """The stations that have slots; nobody else gives any at this site until this is committed."""
    query = select(PickStation.name, PickStation.slots).where(PickStation.site_id == site)
    rows = session.execute(query.order_by(PickStation.name).with_for_update()).all()
    return {name: slots for name, slots in rows if slots > 0}


def free_slots(session: Session, site: SiteId, *, now: datetime) -> int:
    """Nothing more comes by robot for these orders: their slots are free; who they left is told."""
    comes = exists().where(
        Allocation.site_id == StationSlot.site_id,
        Allocation.order_id == StationSlot.order_id,
        Allocation.state == "PINNED",
        Allocation.by_robot,
    )
    query = select(StationSlot).where(StationSlot.site_id == site, ~comes)
    gone = session.scalars(query.with_for_update(skip_locked=True)).all()
    for each in gone:
        if each.tote:
            facts = {"station": each.station, "slot": each.slot, "tote": each.tote}
            report(
                session, site, derive(each.order_id, "slot", each.tote), code="station.take_away",
                source=each.station, facts=facts, at=now, priority=3,
            )  # fmt: skip
        session.delete(each)
    session.flush()
    return len(gone)


def stands_in(
    session: Session, site: UUID, station: str | None, slots: Mapping[str, str], tote: str
) -> bool:
    """Whether that tote stands at the station, in the slot of one of these orders."""
    query = select(StationSlot.slot).where(
        StationSlot.site_id == site,
        StationSlot.station == station,
        StationSlot.tote == tote,
        StationSlot.order_id.in_([UUID(order) for order in slots.values()]),
    )
    return bool(slots) and session.scalars(query).first() is not None


def tote_steps(slots: Iterable[StationSlot]) -> list[Step]:
    """Put an empty tote into each slot that has none yet."""
    return [
        Step(
            id=f"tote.{each.slot}",
            op="scan",
            say=Say(code="pick.tote_into_slot"),
            big=each.slot,
            facts=(Fact(label="colour", value=colour_of(_number(each.slot))),),
            expect=(Expect(kind="tote"),),
            online=True,
        )
        for each in slots
        if not each.tote
    ]


def away_steps(session: Session, site: UUID, slots: Iterable[StationSlot]) -> list[Step]:
    """These orders are whole now: their totes leave the station."""
    codes = drops(session, site)
    return [
        Step(
            id=f"away.{each.slot}",
            op="scan" if codes else "confirm",
            say=Say(code="pick.take_away", params={"slot": each.slot}),
            big=codes[0] if codes else each.slot,
            facts=(Fact(label="colour", value=colour_of(_number(each.slot))),),
            expect=(Expect(kind="location", codes=tuple(codes)),) if codes else (),
        )
        for each in slots
    ]


def leave_slots(session: Session, task: Task, packet: Packet) -> None:
    """A packet at a station is done: who stands in which tote, and who has gone."""
    slots: Mapping[str, str] = task.plan.get("slots", {})
    totes: Mapping[str, str] = task.plan.get("totes", {})
    if not slots or task.station is None:
        return
    site, steps = SiteId(task.site_id), {step.id for step in packet.steps}
    for slot, order in slots.items():
        key = (
            StationSlot.site_id == site,
            StationSlot.station == task.station,
            StationSlot.order_id == UUID(order),
        )
        tote = totes.get(slot, "")
        if f"away.{slot}" not in steps:
            row = session.scalars(select(StationSlot).where(*key)).first()
            if row is not None:
                row.tote = tote
            continue
        left = scanned_at(packet, f"away.{slot}")
        if tote and left:
            place_unit(session, site, unit_id(site, tote), location_id(site, bare(left)))
        session.execute(delete(StationSlot).where(*key))
    session.flush()


def _number(slot: str) -> int:
    """The turn of a slot's name, which its colour goes by."""
    return next(number for number in range(SLOTS_MAX) if slot_name(number) == slot)
