"""Binding: what falls away, and which of the rest is taken."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from wms.outbound.bind import DEFAULT, THIRD, Binding, Key, Spot, choose

TODAY = date(2026, 1, 10)
SKU = UUID(int=1)


def spot(code: str, units: int, *, days: int | None = None, way: int = 0, **more: Any) -> Spot:
    key: Key = (SKU, UUID(int=sum(map(ord, code))), None, code)
    expires_on = TODAY + timedelta(days=days) if days is not None else None
    facts = {"zone": "SHELF", "kind": "PICK_FACE"} | more
    return Spot(key=key, code=code, units=units, way=(0, way, 0), expires_on=expires_on, **facts)


def taken(wanted: int, *spots: Spot, binding: Binding = DEFAULT) -> tuple[str, int] | None:
    one = choose(wanted, spots, {each.key: each.units for each in spots}, binding, TODAY)
    return (one.spot.code, one.units) if one else None


PACKS = Binding(rules=("FULL_PACK", "FEFO", "WHOLE"))
FEW = Binding(rules=("FEFO", "FEW_TOTES", "EMPTY_BIN"))
SHOP = Binding(min_life=THIRD)
CASES = [spot("A", 99, pack_units=12), spot("R", 99, pack_units=12, kind="RESERVE")]
RULES = [
    ("expired falls away", 3, [spot("A", 9, days=-1)], DEFAULT, None),
    ("its last day still counts", 3, [spot("A", 9, days=0)], DEFAULT, ("A", 3)),
    ("less than a third", 3, [spot("A", 9, days=29, life_days=90)], SHOP, None),
    ("a third", 3, [spot("A", 9, days=30, life_days=90)], SHOP, ("A", 3)),
    ("no life known", 3, [spot("A", 9, days=2)], SHOP, ("A", 3)),
    ("another zone", 3, [spot("A", 9, zone="Q")], Binding(zones=("P",)), None),
    ("first to expire, though it has less", 5, [spot("A", 9, days=9), spot("B", 2, days=3)],
     DEFAULT, ("B", 2)),
    ("one that has all", 5, [spot("A", 4), spot("B", 9)], DEFAULT, ("B", 5)),
    ("else the fullest", 9, [spot("A", 4), spot("B", 5)], DEFAULT, ("B", 5)),
    ("robots first", 3, [spot("A", 3), spot("B", 9, zone="ROBOT")], DEFAULT, ("B", 3)),
    ("then the emptiest", 3, [spot("A", 9), spot("B", 5)], DEFAULT, ("B", 3)),
    ("then the nearest", 3, [spot("A", 5, way=2), spot("B", 5, way=1)], DEFAULT, ("B", 3)),
    ("one of the few", 3, [spot("A", 5), spot("B", 9, is_chosen=True)], FEW, ("B", 3)),
    ("but first to expire first", 3,
     [spot("A", 5, days=3), spot("B", 9, days=9, is_chosen=True)], FEW, ("A", 3)),
    ("and only where it is asked for", 3, [spot("A", 5), spot("B", 9, is_chosen=True)],
     DEFAULT, ("A", 3)),
    ("whole packs from the reserve", 30, CASES, PACKS, ("R", 24)),
    ("loose ones from the face", 6, CASES, PACKS, ("A", 6)),
    ("nothing left", 3, [spot("A", 0)], DEFAULT, None),
]  # fmt: skip


@pytest.mark.parametrize(("why", "wanted", "spots", "binding", "expected"), RULES)
def test_the_rules(
    why: str, wanted: int, spots: list[Spot], binding: Binding, expected: tuple[str, int] | None
):
    assert taken(wanted, *spots, binding=binding) == expected, why
    assert taken(wanted, *reversed(spots), binding=binding) == expected, "in any order"
