"""What is tolerated of a delivery, and how much of it is inspected: figures in, a verdict out.

    counted 110 of 100, 5 % tolerated        good 105, beyond 5
    inspect 8 of 50, at most 1 bad           a delivery of 200: 32 are looked at

Sampling switches with what was found, as acceptance sampling does: after some good deliveries in a
row only one in so many is looked at (skip-lot); after a bad one all units of the next ones are.
Units are base units.

Source: the idea of ISO 2859-1 (switching rules) and ISO 2859-3 (skip-lot); figures are the plan's.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil
from typing import Literal, TypeAlias

Mode: TypeAlias = Literal["NORMAL", "SKIP", "TIGHT", "NONE"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """What is tolerated; see `inbound_policy`."""

    over_percent: int = 0
    over_units: int = 0
    under_percent: int = 0
    over: str = "HOLD"
    unlisted: str = "HOLD"
    labels: str = "NONE"
    shelf_days_min: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What of a count is good, and what is beyond what is tolerated."""

    good: int
    beyond: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How many are looked at: see `inspection_plan`."""

    sample_units: int
    of_units: int
    accept: int = 0
    skip_after: int = 0
    skip_every: int = 1
    tighten: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """What was found so far: good deliveries in a row, skipped since, tight ones to come."""

    good_run: int = 0
    skipped: int = 0
    tight: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """How many units to look at (0: none), and why so many."""

    units: int
    mode: Mode


def most_of(announced: int, tolerance: Tolerance) -> int:
    """How many units are taken of what was announced."""
    return announced + announced * tolerance.over_percent // 100 + tolerance.over_units


def judge_count(announced: int, before: int, counted: int, tolerance: Tolerance) -> Counted:
    """Of units counted now, when `before` had come already: which are good, which beyond."""
    room = max(0, most_of(announced, tolerance) - before)
    good = min(counted, room)
    return Counted(good=good, beyond=counted - good)


def is_short(announced: int, came: int, tolerance: Tolerance) -> bool:
    """Whether fewer came than is tolerated."""
    return came < announced - announced * tolerance.under_percent // 100


def is_too_old(expires_on: date | None, today: date, tolerance: Tolerance) -> bool:
    """Whether goods have less of their life left than is tolerated (賞味期限)."""
    if expires_on is None:
        return False
    return expires_on < today + timedelta(days=tolerance.shelf_days_min)


def sample_of(plan: Plan | None, switch: Switch, units: int) -> Sample:
    """How many of a delivery's units are looked at."""
    if plan is None:
        return Sample(units=0, mode="NONE")
    if switch.tight:
        return Sample(units=units, mode="TIGHT")
    is_trusted = plan.skip_after > 0 and switch.good_run >= plan.skip_after
    if is_trusted and switch.skipped < plan.skip_every - 1:
        return Sample(units=0, mode="SKIP")
    return Sample(
        units=min(units, max(1, ceil(units * plan.sample_units / plan.of_units))), mode="NORMAL"
    )


def skip(switch: Switch) -> Switch:
    """After a delivery that nobody looked at."""
    return Switch(good_run=switch.good_run, skipped=switch.skipped + 1, tight=switch.tight)


def after(plan: Plan, switch: Switch, *, is_good: bool) -> Switch:
    """After a delivery that somebody has looked at."""
    if not is_good:
        return Switch(good_run=0, skipped=0, tight=plan.tighten)
    return Switch(good_run=switch.good_run + 1, skipped=0, tight=max(0, switch.tight - 1))
