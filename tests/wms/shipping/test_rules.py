"""Rules: the first row that holds and whose service takes the parcel; every row is explained."""

from dataclasses import asdict, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wms.outbound.rules import LANES, carrier_service
from wms.shipping.rates import all_prefectures, default_card
from wms.shipping.rules import DEFAULT, Candidate, Facts, Rule, best, choose, read_rules

CARD = default_card()
USUAL = Facts(sender="東京都", recipient="大阪府", weight_g=900)


def table(*rules: Rule):
    return replace(DEFAULT, rules=rules)


@given(st.integers(1, 25_000), st.sampled_from(all_prefectures()), st.booleans())
def test_the_default_says_what_was_always_said_of_a_parcel_that_the_service_takes(
    weight_g: int,
    recipient: str,
    cool: bool,  # noqa: FBT001 - drawn
):
    if cool:
        weight_g = min(weight_g, 15_000)
    facts = Facts(sender="東京都", recipient=recipient, weight_g=weight_g, cool=cool)
    choice = choose(DEFAULT, facts, CARD)
    assert choice.service == carrier_service(weight_g, recipient, cool=cool)
    assert choice.by_rule


def test_the_sorter_has_a_lane_for_every_service():
    assert set(CARD.all_services) <= set(LANES)


def test_every_rule_is_explained_also_those_below_the_one_that_counted():
    choice = choose(DEFAULT, USUAL, CARD)
    assert [(each.rule, each.outcome, each.reason) for each in choice.verdicts] == [
        ("Cooled goods", "NO", "cool"),
        ("Over the sea", "NO", "recipient"),
        ("Light", "NO", "weight"),
        ("Heavy", "NO", "weight"),
        ("Usual", "CHOSEN", ""),
        ("Whoever takes it", "MATCHES", ""),
    ]
    assert {each.service for each in choice.candidates} == {"YAMATO", "SAGAWA", "YUPACK"}
    assert choice.refusals == dict.fromkeys(
        ["YAMATO-COOL", "SAGAWA-COOL", "YUPACK-COOL"], "only_cooled"
    )


def test_a_service_that_does_not_take_the_parcel_is_passed_over_and_says_why():
    facts = replace(USUAL, recipient="沖縄県", weight_g=28_000)
    choice = choose(DEFAULT, facts, CARD)
    assert choice.service == "SAGAWA"
    over_the_sea = choice.verdicts[1]
    assert (over_the_sea.outcome, over_the_sea.refusals) == ("NONE_TAKES", {"YUPACK": "too_heavy"})


def test_a_parcel_that_nobody_takes_goes_to_the_one_named_for_that():
    choice = choose(DEFAULT, replace(USUAL, weight_g=80_000), CARD)
    assert (choice.service, choice.by_rule) == ("SAGAWA", False)
    assert choice.candidates == ()


@pytest.mark.parametrize(
    ("rule", "facts", "reason"),
    [
        (Rule(name="r", value_from_minor=10_000), {"value_minor": 9_999}, "value"),
        (Rule(name="r", value_to_minor=10_000), {"value_minor": 10_001}, "value"),
        (Rule(name="r", weight_from_g=900), {"weight_g": 899}, "weight"),
        (Rule(name="r", size_to_mm=600), {"size_mm": 601}, "size"),
        (Rule(name="r", recipients=("大阪府",)), {"recipient": "東京都"}, "recipient"),
        (Rule(name="r", senders=("大阪府",)), {}, "sender"),
        (Rule(name="r", levels=("EXPRESS",)), {}, "level"),
        (Rule(name="r", cod=True), {}, "cod"),
        (Rule(name="r", dangerous=False), {"dangerous": True}, "dangerous"),
    ],
)
def test_each_condition_can_fail_and_says_its_name(rule: Rule, facts: dict[str, Any], reason: str):
    (verdict,) = choose(table(rule), replace(USUAL, **facts), CARD).verdicts
    assert (verdict.outcome, verdict.reason) == ("NO", reason)


@pytest.mark.parametrize(
    ("facts", "refusal"),
    [
        ({"slot": "12-14"}, "slot_unknown"),
        ({"cod_minor": 300_001}, "cod_too_much"),
        ({"size_mm": 2_001}, "too_large"),
    ],
)
def test_a_wish_that_a_carrier_cannot_fulfil_rules_it_out(facts: dict[str, Any], refusal: str):
    assert choose(DEFAULT, replace(USUAL, **facts), CARD).refusals["YAMATO"] == refusal


def test_the_cheapest_the_fastest_and_the_greenest_of_those_allowed():
    one = Candidate(service="A", cost_minor=900, lead_days=2, co2_g=50)
    two = Candidate(service="B", cost_minor=950, lead_days=1, co2_g=60)
    three = Candidate(service="C", cost_minor=990, lead_days=3, co2_g=40)
    every = [one, two, three]
    assert [best(every, goal) for goal in ("CHEAPEST", "FASTEST", "GREENEST")] == every
    assert best([], "CHEAPEST") is None


def test_collecting_at_the_door_is_part_of_what_it_costs():
    without = {each.service: each.cost_minor for each in choose(DEFAULT, USUAL, CARD).candidates}
    facts = replace(USUAL, cod_minor=5_000)
    with_fee = {each.service: each.cost_minor for each in choose(DEFAULT, facts, CARD).candidates}
    assert with_fee["YAMATO"] == without["YAMATO"] + 330


def test_a_rule_can_say_what_it_may_cost_and_emit():
    dear = choose(table(Rule(name="r", service="YAMATO", cost_max_minor=100)), USUAL, CARD)
    dirty = choose(table(Rule(name="r", service="YAMATO", co2_max_g=1)), USUAL, CARD)
    assert dear.verdicts[0].refusals == {"YAMATO": "too_expensive"}
    assert dirty.verdicts[0].refusals == {"YAMATO": "too_much_co2"}


def test_a_rule_that_names_what_is_not_on_the_card_is_passed_over():
    (verdict,) = choose(table(Rule(name="r", service="PIGEON")), USUAL, CARD).verdicts
    assert verdict.refusals == {"PIGEON": "unknown_service"}


def test_among_some_only():
    rule = Rule(name="r", objective="CHEAPEST", among=("YAMATO", "SAGAWA"))
    cheapest = choose(table(Rule(name="all")), USUAL, CARD).service
    assert cheapest == "YUPACK"
    assert choose(table(rule), USUAL, CARD).service == "SAGAWA"


def test_a_site_that_is_nowhere_still_ships():
    assert choose(DEFAULT, replace(USUAL, sender=""), CARD).service == "YAMATO"


def test_a_table_is_read_as_it_was_saved():
    assert read_rules(asdict(DEFAULT)) == DEFAULT
