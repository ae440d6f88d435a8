"""Docks ahead: a door and a time for each truck that would come on a day.

    docks(session, site, {"day": ..., "trucks": [{"name", "arrives", "minutes", "due"}]}, now)

Times are of the site's clock, cut into quarters of an hour. Trucks that have an appointment keep
it (optimizer.docks: `fixed`); the others get what makes them least late, then what lets them wait
least. Booking is a deed of its own (wms.inbound.docks), which says no where somebody was quicker.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from optimizer import docks as search
from optimizer.docks import Door, Problem, Slot, Truck
from optimizer.result import Limits, Solution
from wms.inbound.docks import LIVE, SLOT
from wms.inbound.docks import doors as doors_of
from wms.inbound.model import Appointment, DockDoor
from wms.planner.hand import Hand, Search
from wms.sites import Site

LIMITS = Limits(seconds=5.0, iterations=20)
SLOT_MIN = int(SLOT.total_seconds()) // 60
STEPS = 24 * 60 // SLOT_MIN


def docks(session: Session, site: Site, wish: Mapping[str, Any], now: datetime) -> Search:
    """The search for that day; ValueError where no door is open."""
    del now
    zone = ZoneInfo(site.time_zone)
    start = datetime.combine(date.fromisoformat(wish["day"]), time(), zone)
    there = [door for door in doors_of(session, site.id) if door.active]  # type: ignore[arg-type]
    if not there:
        raise ValueError(f"{site.code} has no door")
    taken = _taken(session, site, there, start)
    wanted = [_truck(each, len(there)) for each in wish["trucks"]]
    problem = Problem(
        trucks=(*[truck for truck, _ in taken], *wanted),
        doors=tuple(Door(opens=_step(d.opens), closes=_step(d.closes)) for d in there),
        before=(*[slot for _, slot in taken], *[None] * len(wanted)),
        fixed=frozenset(range(len(taken))),
    )

    def solve(hand: Hand) -> dict[str, Any]:
        found = search.solve(problem, limits=hand.limits(LIMITS), progress=hand.told)
        return _told(found, wish["trucks"], [door.code for door in there], (start, len(taken)))

    return solve


def _taken(
    session: Session, site: Site, there: Sequence[DockDoor], start: datetime
) -> list[tuple[Truck, Slot]]:
    """The appointments of that day as trucks that stay where they are, as far as doors are open."""
    query = select(Appointment).where(
        Appointment.site_id == site.id,
        Appointment.state.in_(LIVE),
        Appointment.starts_at < start + timedelta(days=1),
        Appointment.ends_at > start,
    )
    at = {door.code: number for number, door in enumerate(there)}
    found = []
    for each in session.scalars(query.order_by(Appointment.starts_at, Appointment.id)):
        if each.door not in at:
            continue
        door = there[at[each.door]]
        begins = max(0, _step(door.opens), int((each.starts_at - start) / SLOT))
        ends = min(_step(door.closes), -int(-(each.ends_at - start) // SLOT))
        if begins < ends:
            way = tuple(0 if number == at[each.door] else None for number in range(len(there)))
            truck = Truck(arrives=begins, lasts=ends - begins, due=ends, way=way)
            found.append((truck, Slot(at[each.door], begins)))
    return found


def _truck(said: Mapping[str, Any], doors: int) -> Truck:
    arrives = -(-_minute(said["arrives"]) // SLOT_MIN)
    lasts = -(-int(said["minutes"]) // SLOT_MIN)
    due = arrives + lasts if said.get("due") is None else _minute(said["due"]) // SLOT_MIN
    return Truck(arrives=arrives, lasts=lasts, due=due, way=(0,) * doors)


def _told(
    found: Solution[search.Plan],
    said: Sequence[Mapping[str, Any]],
    doors: Sequence[str],
    day: tuple[datetime, int],
) -> dict[str, Any]:
    start, taken = day
    slots = []
    for each, slot in zip(said, found.plan[taken:], strict=True):
        row: dict[str, Any] = {"name": each["name"], "door": None}
        if slot is not None:
            truck = _truck(each, len(doors))
            begins = start + SLOT * slot.starts
            row |= {
                "door": doors[slot.door],
                "starts_at": begins.isoformat(),
                "ends_at": (begins + SLOT * truck.lasts).isoformat(),
                "waits_min": (slot.starts - truck.arrives) * SLOT_MIN,
                "late_min": max(0, slot.starts + truck.lasts - truck.due) * SLOT_MIN,
            }
        slots.append(row)
    return {"slots": slots, "kept": taken, "proven": found.status == "OPTIMAL"}


def _minute(said: str) -> int:
    at = time.fromisoformat(said)
    return at.hour * 60 + at.minute


def _step(at: time) -> int:
    """The quarter of an hour; a minute before midnight is midnight."""
    return min(STEPS, -(-(at.hour * 60 + at.minute) // SLOT_MIN))
