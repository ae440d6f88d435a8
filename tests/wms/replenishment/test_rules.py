"""How much to order: never when there is enough, in whole packs, up to the top and no further."""

from typing import Literal

from hypothesis import given
from hypothesis import strategies as st

from wms.replenishment.rules import need_of, surplus_of, units_to_order, units_to_send

LEVEL = st.integers(0, 50)


@given(st.sampled_from(["MINMAX", "SS"]), LEVEL, LEVEL, st.integers(1, 8), st.integers(0, 80))
def test_orders_are_whole_packs_and_only_when_it_is_low(
    kind: Literal["MINMAX", "SS"], low: int, more: int, pack_units: int, position: int
):
    high = low + more + 1
    units = units_to_order(kind, low, high, pack_units, position=position)
    assert units % pack_units == 0
    is_low = position < low or (kind == "SS" and position == low)
    assert bool(units) == is_low
    if units > pack_units:
        assert position + units <= high


@given(LEVEL, st.integers(-20, 50), st.integers(1, 8))
def test_no_more_is_sent_than_can_be_spared(packs: int, spare: int, pack_units: int):
    wanted = packs * pack_units
    units = units_to_send(wanted, spare, pack_units)
    assert 0 <= units <= min(wanted, max(0, spare))
    assert units % pack_units == 0


@given(st.floats(0, 20), LEVEL, LEVEL)
def test_who_can_spare_does_not_lack(rate: float, free: int, low: int):
    if surplus_of(rate, free, low):
        assert need_of(rate, free) == 0
        assert free - surplus_of(rate, free, low) >= low
