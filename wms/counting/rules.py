"""How counts are judged, and how often they are made: pure rules over plain data.

    judge      what follows from the rounds of a count: agreed, accepted, again, or a supervisor
    window     the least and the most that the books had while somebody counted
    classify   A, B, C by what went out
    due        which places are counted next

A difference counts from the nearer end of its window: what may be explained by goods that moved
while they were counted is none. Two people who find the same difference are believed; one person
only within the tolerance. Units are base units, worth in minor units.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, Literal, TypeAlias, TypeVar
from uuid import UUID

Abc: TypeAlias = Literal["A", "B", "C"]
Verdict: TypeAlias = Literal["AGREED", "ACCEPTED", "RECOUNT", "REVIEW"]
Place = TypeVar("Place")
CLASSES: tuple[Abc, ...] = ("A", "B", "C")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """By how much one person's count may differ, in units or in percent, whichever is more."""

    units: int = 0
    percent: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How a site counts.

    tolerance        by class; what differs by no more, and is worth no more than
                     `tolerance_minor`, is adjusted after one count
    rounds_max       so many people count before a supervisor decides
    approve_minor    what is worth more a supervisor approves, however many agree
    two_person_minor what is worth more, two
    days             between two counts of a place, by class; `capacity` places a day
    shares           up to which part of all that goes out a SKU is A, and B (percent)
    look_back_days   what counts for the classes
    live_sweep       whether who sweeps sees how much is missing before being done
    """

    tolerance: Mapping[str, Tolerance] = field(
        default_factory=lambda: {
            "A": Tolerance(), "B": Tolerance(units=1), "C": Tolerance(units=2, percent=2),
        }
    )  # fmt: skip
    tolerance_minor: int = 3_000
    rounds_max: int = 3
    approve_minor: int = 10_000
    two_person_minor: int = 100_000
    days: Mapping[str, int] = field(default_factory=lambda: {"A": 30, "B": 90, "C": 180})
    capacity: int = 50
    shares: tuple[int, int] = (80, 95)
    look_back_days: int = 90
    live_sweep: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """Goods that are counted together: of one SKU and lot, loose or in one handling unit."""

    unit: UUID
    sku: UUID
    lot: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What was counted of them, and what the books had meanwhile."""

    counted: int
    lo: int
    hi: int
    value_minor: int = 0  # of one unit
    exact: bool = False  # known one by one: no tolerance
    marks: tuple[str, ...] = ()  # which ones are missing or too many, of those known one by one

    @property
    def difference(self) -> int:
        """Units too many, or (negative) too few."""
        return max(0, self.counted - self.hi) + min(0, self.counted - self.lo)

    @property
    def moved(self) -> bool:
        """Whether goods moved while they were counted."""
        return self.lo != self.hi


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What one person found."""

    entries: Mapping[Key, Entry]

    @property
    def differences(self) -> dict[Key, tuple[int, tuple[str, ...]]]:
        """What is not as the books say."""
        return {
            key: (entry.difference, entry.marks)
            for key, entry in self.entries.items()
            if entry.difference or entry.marks
        }

    @property
    def value_minor(self) -> int:
        """What the differences are worth, too many and too few added up."""
        return sum(abs(each.difference) * each.value_minor for each in self.entries.values())


def judge(rounds: Sequence[Round], policy: Policy, abc: str = "C") -> Verdict:
    """What follows from what was found so far, the last round last."""
    last = rounds[-1]
    if not last.differences:
        return "AGREED"
    if is_tolerated(last, policy, abc):
        return "ACCEPTED"
    if any(each.differences == last.differences for each in rounds[:-1]):
        return "ACCEPTED" if last.value_minor <= policy.approve_minor else "REVIEW"
    return "RECOUNT" if len(rounds) < policy.rounds_max else "REVIEW"


def is_tolerated(found: Round, policy: Policy, abc: str) -> bool:
    """Whether one person is believed."""
    allowed = policy.tolerance.get(abc, Tolerance())
    if found.value_minor > min(policy.tolerance_minor, policy.approve_minor):
        return False
    for entry in found.entries.values():
        if not entry.difference and not entry.marks:
            continue
        most = max(allowed.units, allowed.percent * entry.hi // 100)
        if entry.moved or entry.exact or abs(entry.difference) > most:
            return False
    return True


def window(begin: int, steps: Iterable[int], end: int) -> tuple[int, int]:
    """The least and most that the books had from `begin` over these changes until `end`."""
    lo, hi, at = min(begin, end), max(begin, end), begin
    for step in steps:
        at += step
        lo, hi = min(lo, at), max(hi, at)
    return lo, hi


def classify(worth: Mapping[UUID, int], shares: tuple[int, int] = (80, 95)) -> dict[UUID, Abc]:
    """The class of each, the worthiest first: A while what came before is below the share."""
    total = sum(worth.values())
    before, classes = 0, dict[UUID, Abc]()
    for sku, value in sorted(worth.items(), key=lambda each: (-each[1], each[0])):
        part = before * 100
        if not value or part >= shares[1] * total:
            classes[sku] = "C"
        else:
            classes[sku] = "A" if part < shares[0] * total else "B"
        before += value
    return classes


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn(Generic[Place]):
    """A place, its class, and when it was counted last (None: never)."""

    place: Place
    abc: str
    counted_at: datetime | None


def due(
    turns: Iterable[Turn[Place]], policy: Policy, room: int, now: datetime
) -> list[Turn[Place]]:
    """The places to count next: those overdue, what is late by most of its own time first."""
    late: list[tuple[float, int, Turn[Place]]] = []
    for number, turn in enumerate(turns):
        every = timedelta(days=max(1, policy.days.get(turn.abc, 180)))
        waited = float("inf") if turn.counted_at is None else (now - turn.counted_at) / every
        if waited >= 1:
            late.append((-waited, number, turn))
    late.sort(key=lambda each: (each[0], each[2].abc, each[1]))
    return [turn for *_, turn in late[: max(0, room)]]
