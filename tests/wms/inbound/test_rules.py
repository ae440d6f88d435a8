"""Where goods go, what is tolerated, how many are looked at: pure rules."""

from datetime import date
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wms.ids import derive
from wms.inbound.judge import (
    Plan,
    Switch,
    Tolerance,
    after,
    is_short,
    is_too_old,
    judge_count,
    sample_of,
    skip,
)
from wms.inbound.rules import Choice, Goods, Place, Rule, choose
from wms.inbound.scan import grams, read_day

TEA, CUP = UUID(int=1), UUID(int=2)


def goods(units: int = 10, **facts: object) -> Goods:
    usual = {"sku_id": TEA, "sku": "TEA", "units": units, "skus": frozenset({TEA})}
    return Goods(**(usual | facts))  # type: ignore[arg-type]


def place(code: str, **facts: object) -> Place:
    return Place(id=derive(TEA, code), code=code, **facts)  # type: ignore[arg-type]


def against(choice: Choice, code: str) -> set[str]:
    return {why for each in choice.verdicts if each.place == code for why in each.against}


def test_each_reason_against_a_place_is_told():
    frozen = goods(
        temperature="FROZEN", height_mm=900, weight_g=5_000, dangerous_goods=frozenset({"3"})
    )
    fit = frozenset({"3", "8"})
    choice = choose(
        frozen,
        [
            place("WARM", temperature="AMBIENT", dangerous_goods=fit),
            place("LOW", max_height_mm=800, dangerous_goods=fit),
            place("WEAK", max_weight_g=400, dangerous_goods=fit),
            place("PLAIN"),
            place("TAKEN", mix="ONE_SKU", units=1, skus=frozenset({CUP}), dangerous_goods=fit),
            place("LOT", mix="ONE_LOT", units=1, skus=frozenset({TEA}),
                  lots=frozenset({(TEA, "L-2")}), dangerous_goods=fit),
            place("FULL", max_units=4, units=4, dangerous_goods=fit),
            place("SHUT", blocked="repair", dangerous_goods=fit),
            place("R-1", zone="ROBOT", dangerous_goods=fit),
            place("SAID", dangerous_goods=fit),
            place("GOOD", dangerous_goods=fit, temperature="FROZEN"),
        ],
        (Rule(name="cold"),),
        refused=frozenset({"SAID"}),
    )  # fmt: skip
    assert choice.first is not None
    assert (choice.first.place.code, choice.second) == ("GOOD", None)
    why = {
        "WARM": "temperature", "LOW": "too_high", "WEAK": "full", "PLAIN": "dangerous_goods",
        "TAKEN": "other_sku", "LOT": "other_lot", "FULL": "full", "SHUT": "blocked",
        "R-1": "robots_only", "SAID": "refused",
    }  # fmt: skip
    assert {code: why[code] in against(choice, code) for code in why} == dict.fromkeys(why, True)


def test_a_face_first_then_the_same_goods_then_what_is_near():
    face = place("FACE", face_room=4, units=6, skus=frozenset({TEA}))
    same = place("SAME", units=3, skus=frozenset({TEA}), to_demand_mm=900)
    near, far = place("NEAR", to_demand_mm=10), place("FAR", to_demand_mm=500)
    choice = choose(goods(), [far, near, same, face])
    assert choice.first is not None
    assert choice.second is not None
    assert (choice.first.place.code, choice.first.units) == ("FACE", 4)  # the rest goes elsewhere
    assert choice.first.verdict.because == ("PICK_FACE", "SAME_SKU")
    assert choice.second.place.code == "SAME"
    order = choose(goods(), [far, near, place("FULL", units=9, max_units=12)])
    assert order.first is not None
    assert order.first.place.code == "NEAR"
    # a unit goes whole or not at all; a face that is full is passed by
    whole = choose(goods(unit="PALLET"), [place("SMALL", max_units=9), place("BIG", max_units=10)])
    assert (whole.first and whole.first.place.code, whole.second) == ("BIG", None)


def test_the_first_line_of_the_table_that_has_a_place_counts():
    rules = (
        Rule(name="heavy", weight_from_g=10_000, storage_types=("FLOOR",)),
        Rule(name="tea", skus=("TEA",), zones=("A",)),
        Rule(name="rest", units=("LOOSE",)),
    )
    places = [place("A-1", zone="A", max_units=5, units=5), place("B-1", zone="B")]
    choice = choose(goods(), places, rules)
    assert choice.first is not None
    assert (choice.first.place.code, choice.first.verdict.rule) == ("B-1", "rest")
    assert choose(goods(unit="TOTE"), places, rules).first is None


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(0, 3000)), max_size=6),
    st.integers(1, 40),
    st.sampled_from(["", "PALLET"]),
)
def test_no_place_is_ever_chosen_for_more_than_it_has_room_for(
    limits: list[tuple[int, int, int]], units: int, unit: str
):
    places = [
        place(f"P-{n}", max_units=most + 1, units=min(there, most + 1), max_weight_g=grams_ + 1)
        for n, (most, there, grams_) in enumerate(limits)
    ]
    choice = choose(goods(units, weight_g=units * 100, unit=unit), places)
    for option in (choice.first, choice.second):
        if option is not None:
            at = option.place
            assert 0 < option.units <= units
            assert at.units + option.units <= (at.max_units or 0)
            assert option.units * 100 <= (at.max_weight_g or 0)
            assert not unit or option.units == units


def test_what_is_tolerated():
    five = Tolerance(over_percent=5, over_units=1, under_percent=10, shelf_days_min=60)
    assert judge_count(100, 90, 20, five).good == 16
    assert judge_count(100, 90, 20, five).beyond == 4
    assert judge_count(0, 0, 3, Tolerance()).beyond == 3
    assert not is_short(100, 90, five)
    assert is_short(100, 89, five)
    today = date(2026, 11, 27)
    assert is_too_old(date(2027, 1, 25), today, five)
    assert not is_too_old(date(2027, 1, 26), today, five)
    assert not is_too_old(None, today, five)


def test_samples_switch_with_what_was_found():
    plan = Plan(sample_units=8, of_units=50, accept=1, skip_after=2, skip_every=3, tighten=2)
    assert (sample_of(plan, Switch(), 200).units, sample_of(plan, Switch(), 3).units) == (32, 1)
    switch, looked = Switch(), []
    for _ in range(8):
        sample = sample_of(plan, switch, 50)
        looked.append(sample.units)
        switch = after(plan, switch, is_good=True) if sample.units else skip(switch)
    assert looked == [8, 8, 0, 0, 8, 0, 0, 8]
    switch = after(plan, switch, is_good=False)
    assert (sample_of(plan, switch, 50).units, sample_of(plan, switch, 50).mode) == (50, "TIGHT")
    switch = after(plan, after(plan, switch, is_good=True), is_good=True)
    assert switch.tight == 0
    assert sample_of(None, switch, 50).units == 0


@pytest.mark.parametrize(
    ("text", "day"),
    [("270630", date(2027, 6, 30)), ("270600", date(2027, 6, 30)),
     ("2027-02-28", date(2027, 2, 28)),
     ("20280229", date(2028, 2, 29)), ("270631", None), ("271301", None), ("soon", None)],
)  # fmt: skip
def test_days_as_they_are_typed_and_coded(text: str, day: date | None):
    assert read_day(text) == day


def test_net_weights_of_gs1():
    assert (grams("3103", "001250"), grams("3102", "001250"), grams("3100", "000012")) == (
        1250, 12500, 12000,
    )  # fmt: skip
    assert grams("3202", "001250") is None
