"""What movements cost, in every way that they may be cut into periods."""

from collections import defaultdict
from datetime import date, timedelta
from fractions import Fraction
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wms.billing.rules import (
    Charge,
    Fact,
    Tariff,
    TariffLine,
    is_registration,
    rate,
    segments,
    taxes,
)

START = date(2026, 11, 1)
SITES = (UUID(int=1), UUID(int=2))
LINES = tuple(
    TariffLine(code=f"L{number}", kind=kind, per=per, rate=price, first_day=first)  # type: ignore[arg-type]
    for number, (kind, per, price, first) in enumerate([
        ("INBOUND", "UNIT", "1.25", "COUNTED"), ("INBOUND", "LINE", "30", "COUNTED"),
        ("OUTBOUND", "UNIT", "3", "COUNTED"), ("OUTBOUND", "ORDER", "120.5", "COUNTED"),
        ("STORAGE", "UNIT_DAY", "0.07", "COUNTED"), ("STORAGE", "UNIT_DAY", "0.11", "FREE"),
        ("STORAGE", "POSITION_DAY", "9.5", "COUNTED"), ("STORAGE", "POSITION_DAY", "8", "FREE"),
        ("STORAGE", "UNIT_TERM", "0.4", "COUNTED"),
    ])
)  # fmt: skip
TARIFF = Tariff(version=1, valid_from=START - timedelta(days=400), lines=LINES)


@st.composite
def histories(draw: st.DrawFn) -> list[Fact]:
    """Goods come, lie at places, move and leave: what happened on which day, in any order."""
    facts: list[Fact] = []
    there: dict[tuple[UUID, UUID], int] = defaultdict(int)
    days = sorted(draw(st.lists(st.integers(-40, 70), min_size=1, max_size=14)))
    for number, offset in enumerate(days, start=1):
        site = draw(st.sampled_from(SITES))
        place = (site, UUID(int=draw(st.integers(10, 13))))
        units = draw(st.integers(1, 9))
        goes = draw(st.sampled_from(["IN", "OUT", "MOVE"]))
        common: dict[str, Any] = {"id": number, "site_id": site, "site": str(site.int),
                  "day": START + timedelta(days=offset)}  # fmt: skip
        if goes == "IN" or not there[place]:
            there[place] += units
            facts.append(Fact(**common, units=units, way="INBOUND", enters=place,
                              first_of=frozenset({"LINE"})))  # fmt: skip
            continue
        units = min(units, there[place])
        there[place] -= units
        other = (site, UUID(int=14)) if goes == "MOVE" else None
        if other:
            there[other] += units
        facts.append(Fact(**common, units=units, way="" if other else "OUTBOUND", leaves=place,
                          enters=other, first_of=frozenset({"ORDER"})))  # fmt: skip
    return facts


def exact(charges: list[Charge]) -> dict[tuple[str, str], Fraction]:
    """What was charged before rounding, by site and line."""
    sums: dict[tuple[str, str], Fraction] = defaultdict(Fraction)
    for charge in charges:
        sums[charge.site, charge.line.code] += charge.exact
    return {key: value for key, value in sums.items() if value}


@given(histories(), st.integers(0, 60), st.integers(0, 60))
def test_two_periods_cost_what_they_cost_together(facts: list[Fact], one: int, two: int):
    cut, end = sorted((one, two))
    days = [START + timedelta(days=number) for number in (0, cut, end)]
    whole = exact(rate(TARIFF, facts, days[0], days[2]))
    first, second = (rate(TARIFF, facts, a, b) for a, b in ((days[0], days[1]), (days[1], days[2])))
    assert exact(first + second) == whole


@given(histories())
def test_stored_units_are_what_lies_there_at_the_end_of_each_day(facts: list[Fact]):
    """Held against counting day by day."""
    end = START + timedelta(days=30)
    expected: dict[str, int] = defaultdict(int)
    for number in range(30):
        day = START + timedelta(days=number)
        for fact in facts:
            if fact.day <= day:
                sign = (fact.enters is not None) - (fact.leaves is not None)
                expected[fact.site] += sign * fact.units
    charges = rate(TARIFF, facts, START, end)
    found = {each.site: each.quantity for each in charges if each.line.code == "L4"}
    assert {site: n for site, n in found.items() if n} == {s: n for s, n in expected.items() if n}


@given(histories())
def test_every_charge_is_its_movements(facts: list[Fact]):
    for charge in rate(TARIFF, facts, START, START + timedelta(days=30)):
        assert sum(part.charge_minor for part in charge.parts) == charge.amount_minor
        assert sum(part.quantity for part in charge.parts) == charge.quantity
        assert abs(charge.exact - charge.amount_minor) <= Fraction(1, 2)
        assert len({(p.site_id, p.movement_id) for p in charge.parts}) <= len(charge.parts)


def test_a_month_has_three_terms():
    place = (SITES[0], UUID(int=10))
    facts = [
        Fact(id=1, site_id=SITES[0], site="1", day=date(2026, 10, 5), units=10, enters=place),
        Fact(id=2, site_id=SITES[0], site="1", day=date(2026, 11, 12), units=4, enters=place),
        Fact(id=3, site_id=SITES[0], site="1", day=date(2026, 11, 15), units=6, leaves=place),
    ]
    charges = rate(TARIFF, facts, START, date(2026, 12, 1))
    (term,) = [each for each in charges if each.line.per == "UNIT_TERM"]
    assert term.quantity == 10 + (10 + 4) + 8  # what lay there, and what came in, term by term


def test_the_highest_version_of_a_day_counts():
    new = Tariff(version=2, valid_from=date(2026, 11, 11), lines=())
    old = Tariff(version=1, valid_from=date(2026, 10, 1), lines=())
    late = Tariff(version=3, valid_from=date(2026, 12, 1), lines=())
    assert segments([old, new, late], START, date(2026, 12, 1)) == [
        (old, START, date(2026, 11, 11)),
        (new, date(2026, 11, 11), date(2026, 12, 1)),
    ]
    over = Tariff(version=4, valid_from=date(2026, 1, 1), lines=())
    assert segments([old, new, late, over], START, date(2026, 12, 1)) == [
        (over, START, date(2026, 12, 1))
    ]


def test_a_minimum_is_topped_up_to():
    least = TariffLine(code="MIN", kind="MINIMUM", per="MONTH", rate="1000")
    tariff = Tariff(version=1, valid_from=START, lines=(LINES[0], least))
    place = (SITES[0], UUID(int=10))
    fact = Fact(id=1, site_id=SITES[0], site="1", day=START, units=4, way="INBOUND", enters=place)
    charges = rate(tariff, [fact], START, date(2026, 12, 1))
    assert [each.amount_minor for each in charges] == [5, 995]
    assert sum(c.amount_minor for c in rate(tariff, [], START, date(2026, 12, 1))) == 1000


def test_tax_is_rounded_once_a_rate():
    found = taxes([(10, 105), (10, 104), (8, 99), (8, -10), (10, 0)])
    assert [(t.percent, t.net_minor, t.tax_minor) for t in found] == [(10, 209, 20), (8, 89, 7)]
    assert [t.tax_minor for t in taxes([(10, -105)])] == [-10]


@pytest.mark.parametrize(
    ("number", "is_one"),
    [("T7000012050002", True), ("T7000012050003", False), ("7000012050002", False),
     ("T700001205000", False), ("T70000120500\uff102", False), ("", False)],
)  # fmt: skip
def test_a_registration_number_checks_itself(number: str, is_one: bool):  # noqa: FBT001
    assert is_registration(number) is is_one
