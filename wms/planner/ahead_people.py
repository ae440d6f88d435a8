"""People ahead: who should work when, for what the coming days will bring.

    roster(session, site, {"from": ..., "days": 7, "shifts": [...], ...}, now)

The units that a site will send are foreseen from twelve weeks of sales (wms.replenishment.demand),
or said (`units_a_day`). So many people pick and pack them as it takes at UNITS_AN_HOUR, spread over
the shifts by their length. Who can be asked are the operators with that work, each for as many
shifts as a contract usually has; optimizer.labour knows the rules of rest.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from math import ceil
from typing import Any

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from optimizer import labour
from optimizer.labour import DAY_MIN, Duty, Person, Problem, Shift
from optimizer.result import Limits, Solution
from wms.people.model import Operator
from wms.planner.hand import Hand, Search
from wms.replenishment.demand import Floats, foreseen, histories
from wms.sites import Site

LIMITS = Limits(seconds=10.0, iterations=30)
WORKS = ("pick", "pack")
UNITS_AN_HOUR = {"pick": 90, "pack": 60}
A_WEEK = 5  # shifts of a contract
AHEAD_MAX = timedelta(days=90)  # nobody foresees demand so far


@dataclass(frozen=True, slots=True)
class _Asked:
    first: date
    names: tuple[str, ...]
    units: tuple[int, ...]
    staff: tuple[str, ...]


def roster(session: Session, site: Site, wish: Mapping[str, Any], now: datetime) -> Search:
    """The search; ValueError where nobody works."""
    first, days = date.fromisoformat(wish["from"]), int(wish["days"])
    if first - now.date() > AHEAD_MAX:
        raise ValueError(f"{first} is more than {AHEAD_MAX.days} days ahead")
    people = [each for each in _people(session) if _learned(each)]
    if not people:
        raise ValueError("nobody picks or packs here: no operator has that work")
    said = wish.get("units_a_day")
    sold = _sold(session, site, now) if said is None else None
    shifts = tuple(_shift(each) for each in wish["shifts"])
    away = {(each["who"], each["day"]) for each in wish.get("away", ())}

    def solve(hand: Hand) -> dict[str, Any]:
        units = (
            [int(said or 0)] * days
            if sold is None
            else _units(sold, days, (first - now.date()).days)
        )
        staff = tuple(
            Person(
                learned=_learned(each),
                shifts_max=max(1, ceil(days * A_WEEK / 7)),
                away=frozenset(
                    (day, number)
                    for day in range(days)
                    if (each.code, (first + timedelta(days=day)).isoformat()) in away
                    for number in range(len(shifts))
                ),
            )
            for each in people
        )
        needs = _needs(units, shifts)
        problem = Problem(staff=staff, shifts=shifts, days=days, needs=needs)
        found = labour.solve(problem, limits=hand.limits(LIMITS), progress=hand.told)
        names = tuple(each["name"] for each in wish["shifts"])
        asked = _Asked(first, names, tuple(units), tuple(each.code for each in people))
        return _told(found, needs, asked)

    return solve


def _people(session: Session) -> Sequence[Operator]:
    query = select(Operator).where(Operator.active).order_by(Operator.code)
    return session.scalars(query).all()


def _learned(each: Operator) -> frozenset[int]:
    """The works of `WORKS`; who may do anything may do both."""
    mine = {kind.lower() for kind in each.kinds}
    return frozenset(number for number, work in enumerate(WORKS) if not mine or work in mine)


def _sold(session: Session, site: Site, now: datetime) -> Floats:
    """Units a day that left the site, the oldest day first."""
    rows = [row for (at, _), row in histories(session, now=now).items() if at == site.id]
    total = np.zeros(max((row.size for row in rows), default=1))
    for row in rows:
        total[total.size - row.size :] += row
    return total


def _units(sold: Floats, days: int, after: int) -> list[int]:
    seen = foreseen(sold, days=max(0, after) + days)
    return [ceil(max(0.0, float(each))) for each in seen.mean[-days:]]


def _shift(said: Mapping[str, Any]) -> Shift:
    starts, ends = (time.fromisoformat(said[name]) for name in ("starts", "ends"))
    begin, end = starts.hour * 60 + starts.minute, ends.hour * 60 + ends.minute
    return Shift(
        starts_min=begin,
        ends_min=end if end > begin else end + DAY_MIN,
        unwelcome=bool(said.get("unwelcome", False)),
    )


def _needs(units: Sequence[int], shifts: Sequence[Shift]) -> dict[tuple[int, int, int], int]:
    """(day, shift, work) to people."""
    minutes = [shift.ends_min - shift.starts_min for shift in shifts]
    return {
        (day, number, work): ceil(wanted / UNITS_AN_HOUR[name] * 60 / sum(minutes))
        for day, wanted in enumerate(units)
        if wanted
        for number in range(len(shifts))
        for work, name in enumerate(WORKS)
    }


def _told(
    found: Solution[tuple[Duty, ...]], needs: Mapping[tuple[int, int, int], int], asked: _Asked
) -> dict[str, Any]:
    there: dict[tuple[int, int, int], list[str]] = {}
    for duty in found.plan:
        there.setdefault((duty.day, duty.shift, duty.work), []).append(asked.staff[duty.person])
    rows: list[dict[str, Any]] = [
        {
            "day": (asked.first + timedelta(days=day)).isoformat(),
            "shift": asked.names[shift],
            "work": WORKS[work],
            "wanted": wanted,
            "who": sorted(there.get((day, shift, work), ())),
        }
        for (day, shift, work), wanted in sorted(needs.items())
    ]
    short = sum(max(0, row["wanted"] - len(row["who"])) for row in rows)
    return {"units": list(asked.units), "rows": rows, "short": short, "gap": found.gap}
