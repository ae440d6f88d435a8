"""What movements cost: pure rules over plain data.

    rate(lines of a tariff, history, first day, day after the last)  ->  charges

A quantity is a sum over movements, so that every charge can be traced to what caused it:

    INBOUND   UNIT | LINE | PALLET             what came in from a supplier
    OUTBOUND  UNIT | LINE | ORDER | PARCEL     what left for somebody
    RETURN    UNIT | RETURN                    what came back
    VAS       UNIT                             units that were wrapped (`gift`, empty: any)
    STORAGE   UNIT_DAY | POSITION_DAY | UNIT_TERM
    MINIMUM   MONTH                            so much a month at least

A stored unit costs each day that it is there at the end of (`first_day` COUNTED: the day it comes
counts, the day it leaves does not) or at the beginning of (FREE). A movement on a day adds the days
from there to the end of the period, or takes them away; what lay there before counts whole. So what
two periods cost is what they cost together, exactly, before rounding. UNIT_TERM (三期制): months
have three terms, from the 1st, 11th and 21st; what lies there when a term begins and what comes in
during it costs once.

An order (line, parcel, pallet, return) costs once, with its first movement, whenever the others
are. Rates are decimals of a minor unit; a charge is rounded once a line, as its tariff says, and
shared among its movements so that they add up. Tax is rounded once an invoice and rate, down
(適格請求書). Dates are the sites'.

Source: Consumption Tax Act, article 57-4 (qualified invoices); corporate number check digit:
Order of the Ministry of Finance No. 70 of 2014, article 1.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise
from math import ceil, floor
from typing import Literal, TypeAlias
from uuid import UUID

Kind: TypeAlias = Literal["INBOUND", "STORAGE", "OUTBOUND", "RETURN", "VAS", "MINIMUM"]
Per: TypeAlias = Literal[
    "UNIT", "LINE", "PALLET", "ORDER", "PARCEL", "RETURN", "UNIT_DAY", "POSITION_DAY", "UNIT_TERM",
    "MONTH",
]  # fmt: skip
FirstDay: TypeAlias = Literal["COUNTED", "FREE"]
Rounding: TypeAlias = Literal["HALF_UP", "UP", "DOWN"]
Position: TypeAlias = tuple[UUID, UUID]  # site, and the unit or place

FITS: Mapping[str, frozenset[str]] = {
    "INBOUND": frozenset({"UNIT", "LINE", "PALLET"}),
    "OUTBOUND": frozenset({"UNIT", "LINE", "ORDER", "PARCEL"}),
    "RETURN": frozenset({"UNIT", "RETURN"}),
    "VAS": frozenset({"UNIT"}),
    "STORAGE": frozenset({"UNIT_DAY", "POSITION_DAY", "UNIT_TERM"}),
    "MINIMUM": frozenset({"MONTH"}),
}
TERMS = (1, 11, 21)  # days of the month
OPENING = 0  # stands for what was there before the period


@dataclass(frozen=True, slots=True, kw_only=True)
class TariffLine:
    """One thing that costs something. `rate` in minor units, a decimal: "12.5"."""

    code: str
    kind: Kind
    per: Per
    rate: str
    tax_percent: int = 10
    first_day: FirstDay = "COUNTED"
    gift: str = ""
    rounding: Rounding = "HALF_UP"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariff:
    """A version of what an owner pays, from a day on. The highest version of a day counts."""

    version: int
    valid_from: date
    lines: tuple[TariffLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A movement, as far as it may cost something.

    `way` is what it is (INBOUND, OUTBOUND, RETURN, or nothing of these); `first_of` says of which
    things it is the first movement; `leaves`, `enters`: places where goods are stored.
    """

    id: int
    site_id: UUID
    site: str
    day: date
    units: int
    way: str = ""
    first_of: frozenset[str] = frozenset()
    gift: str = ""
    leaves: Position | None = None
    enters: Position | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """What of a charge is for one movement (OPENING: for none)."""

    site_id: UUID | None
    movement_id: int
    quantity: int
    charge_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """What one line of a tariff costs at one site over a period."""

    site: str
    line: TariffLine
    version: int
    quantity: int
    amount_minor: int
    parts: tuple[Part, ...]

    @property
    def exact(self) -> Fraction:
        """Before rounding."""
        return self.quantity * Fraction(self.line.rate)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tax:
    """All that is taxed at one rate, and its tax."""

    percent: int
    net_minor: int
    tax_minor: int


_Amounts: TypeAlias = dict[UUID, list[tuple[int, int]]]  # site -> (movement, quantity)


def rate(
    tariff: Tariff, facts: Sequence[Fact], start: date, end: date, *, minimum: bool = True
) -> list[Charge]:
    """What it costs from `start` until before `end`; `facts` are all movements before `end`.

    With `minimum`, a minimum fee is topped up to: `end` is the end of a month.
    """
    names = {fact.site_id: fact.site for fact in facts}
    charges = []
    for line in tariff.lines:
        if line.kind == "MINIMUM":
            continue
        found = _QUANTITIES[line.kind](line, facts, start, end)
        for site, pairs in sorted(found.items(), key=lambda each: names[each[0]]):
            if any(quantity for _, quantity in pairs):
                charges.append(_charge(names[site], site, line, tariff.version, pairs))
    if minimum:
        charges += _minimum(tariff, charges)
    return charges


def segments(tariffs: Sequence[Tariff], start: date, end: date) -> list[tuple[Tariff, date, date]]:
    """Which tariff counts when: the highest version of each day; days without one cost nothing."""
    cuts = sorted({start, end, *(t.valid_from for t in tariffs if start < t.valid_from < end)})
    found: list[tuple[Tariff, date, date]] = []
    for begin, until in pairwise(cuts):
        valid = [tariff for tariff in tariffs if tariff.valid_from <= begin]
        if not valid:
            continue
        tariff = max(valid, key=lambda each: each.version)
        if found and found[-1][0] == tariff and found[-1][2] == begin:
            begin = found.pop()[1]  # noqa: PLW2901 - one period, not two
        found.append((tariff, begin, until))
    return found


def taxes(charges: Iterable[tuple[int, int]]) -> list[Tax]:
    """The tax of amounts by their rate: added up first, rounded once, towards nothing."""
    nets: dict[int, int] = defaultdict(int)
    for percent, amount in charges:
        nets[percent] += amount
    found = []
    for percent, net in sorted(nets.items(), reverse=True):
        tax = abs(net) * percent // 100
        found.append(Tax(percent=percent, net_minor=net, tax_minor=tax if net >= 0 else -tax))
    return found


def is_registration(number: str) -> bool:
    """Whether that is a registration number: T and 13 digits, the first checks the others."""
    digits = number[1:]
    if not number.startswith("T") or len(number) != 14 or not digits.isdecimal():  # noqa: PLR2004
        return False
    weighted = sum(
        int(digit) * (1 if place % 2 == 0 else 2)
        for place, digit in enumerate(reversed(digits[1:]))
    )
    return int(digits[0]) == 9 - weighted % 9 and digits.isascii()


def rounded(amount: Fraction, how: Rounding) -> int:
    """As a whole minor unit. UP and DOWN are away from nothing and towards it."""
    if how == "HALF_UP":
        return floor(amount + Fraction(1, 2))
    outward = ceil if amount > 0 else floor
    inward = floor if amount > 0 else ceil
    return outward(amount) if how == "UP" else inward(amount)


def _charge(
    site: str, site_id: UUID, line: TariffLine, version: int, pairs: Sequence[tuple[int, int]]
) -> Charge:
    price, total, before = Fraction(line.rate), 0, 0
    parts = []
    for movement, quantity in pairs:
        if not quantity:
            continue
        total += quantity
        so_far = rounded(total * price, line.rounding)
        parts.append(Part(site_id, movement, quantity, so_far - before))
        before = so_far
    return Charge(
        site=site, line=line, version=version, quantity=total, amount_minor=before,
        parts=tuple(parts),
    )  # fmt: skip


def _minimum(tariff: Tariff, charges: Sequence[Charge]) -> list[Charge]:
    found = []
    cost = sum(charge.amount_minor for charge in charges)
    for line in tariff.lines:
        lack = rounded(Fraction(line.rate), line.rounding) - cost
        if line.kind != "MINIMUM" or lack <= 0:
            continue
        part = Part(None, OPENING, 1, lack)
        found.append(
            Charge(site="", line=line, version=tariff.version, quantity=1, amount_minor=lack,
                   parts=(part,))
        )  # fmt: skip
    return found


def _passing(line: TariffLine, facts: Sequence[Fact], start: date, end: date) -> _Amounts:
    """What came, left or came back in the period."""
    way = "OUTBOUND" if line.kind == "VAS" else line.kind
    found: _Amounts = defaultdict(list)
    for fact in facts:
        if fact.way != way or not start <= fact.day < end:
            continue
        if line.kind == "VAS" and (not fact.gift or line.gift not in {"", fact.gift}):
            continue
        if line.per == "UNIT":
            found[fact.site_id].append((fact.id, fact.units))
        elif line.per in fact.first_of:
            found[fact.site_id].append((fact.id, 1))
    return found


def _stored(line: TariffLine, facts: Sequence[Fact], start: date, end: date) -> _Amounts:
    """What lay there, day by day or term by term."""
    if line.per == "POSITION_DAY":
        changes = _position_changes(facts)
    else:
        changes = [
            (fact.day, fact.id, site, sign * fact.units, bool(fact.leaves and fact.enters))
            for fact in facts
            for site, sign in _stored_at(fact)
        ]
    opening: dict[UUID, int] = defaultdict(int)
    found: _Amounts = defaultdict(list)
    days = _terms if line.per == "UNIT_TERM" else _days
    for day, movement, site, units, inside in changes:
        if day < start:
            opening[site] += units
        elif day < end:
            found[site].append((movement, units * days(line, day, end, units > 0 and not inside)))
    for site, units in opening.items():
        whole = len(_term_starts(start, end)) if line.per == "UNIT_TERM" else (end - start).days
        found[site].insert(0, (OPENING, units * whole))
    return found


def _stored_at(fact: Fact) -> Iterable[tuple[UUID, int]]:
    if fact.leaves is not None:
        yield fact.leaves[0], -1
    if fact.enters is not None:
        yield fact.enters[0], 1


def _days(line: TariffLine, day: date, end: date, _comes_in: bool) -> int:  # noqa: FBT001
    return (end - day).days - (line.first_day == "FREE")


def _terms(_line: TariffLine, day: date, end: date, comes_in: bool) -> int:  # noqa: FBT001
    """The terms that begin later; what comes in costs its own too."""
    return len(_term_starts(day + timedelta(days=1), end)) + comes_in


def _term_starts(start: date, end: date) -> list[date]:
    """The days from `start` until before `end` on which a term begins."""
    days = (start + timedelta(days=n) for n in range(max(0, (end - start).days)))
    return [day for day in days if day.day in TERMS]


def _position_changes(facts: Sequence[Fact]) -> list[tuple[date, int, UUID, int, bool]]:
    """When places came to have goods, and when they had none left: (day, movement, site, ±1)."""
    units: dict[Position, int] = defaultdict(int)
    changes = []
    for fact in sorted(facts, key=lambda each: (each.day, each.id)):
        for position, sign in ((fact.leaves, -1), (fact.enters, 1)):
            if position is None:
                continue
            had = units[position] > 0
            units[position] += sign * fact.units
            has = units[position] > 0
            if had != has:
                changes.append((fact.day, fact.id, position[0], 1 if has else -1, False))
    return changes


_QUANTITIES: Mapping[str, Callable[[TariffLine, Sequence[Fact], date, date], _Amounts]] = {
    "INBOUND": _passing,
    "OUTBOUND": _passing,
    "RETURN": _passing,
    "VAS": _passing,
    "STORAGE": _stored,
}


@dataclass(slots=True)
class Firsts:
    """Which movement is the first of a thing: asked in the order in which they were written."""

    seen: set[tuple[str, object]] = field(default_factory=set)

    def of(self, things: Mapping[str, object | None]) -> frozenset[str]:
        """Of which of these things (None: of none) this is the first."""
        new = {(name, key) for name, key in things.items() if key is not None} - self.seen
        self.seen |= new
        return frozenset(name for name, _ in new)
