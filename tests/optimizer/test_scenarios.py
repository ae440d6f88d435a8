"""A network otherwise: patches apply or say why not, and only they make the difference."""

import json
from dataclasses import replace
from typing import Any

import pytest

from optimizer.scenario_patches import PATCHES, patch_from, patch_to
from optimizer.scenarios import (
    PatchError,
    Snapshot,
    patched,
    played_from,
    played_to,
    snapshot_from,
    snapshot_to,
)
from optimizer.scenarios_draw import draw
from optimizer.scenarios_play import KPIS, run
from tests.optimizer.scenario_network import network

ALL: list[dict[str, Any]] = [
    {"patch": "add_carrier", "carrier": {"code": "AIR", "parcel_minor": 900, "kg_minor": 90,
                                         "hundred_km_minor": 20, "km_per_day": 1500}},
    {"patch": "add_node", "stock_share": 0.5,
     "node": {"code": "NGO1", "kind": "DC", "latitude": 35.2, "longitude": 136.9}},
    {"patch": "capacity", "units_per_day": 3, "node": "TYO1"},
    {"patch": "close_node", "node": "OSA1", "stock_to": "TYO1"},
    {"patch": "cut_off", "minute": 1200, "kind": "DC"},
    {"patch": "demand", "factor": 1.5, "region": "WEST"},
    {"patch": "drop_carrier", "carrier": "AIR"},
    {"patch": "labour", "pickers": 9},
    {"patch": "promise", "days": 1},
    {"patch": "rates", "carrier": "VAN", "factor": 1.2},
    {"patch": "robots", "robots": 5, "kind": "DC"},
    {"patch": "split_policy", "split": "ONE_SITE"},
    {"patch": "stock_policy", "factor": 0.5},
]  # fmt: skip


def test_a_snapshot_is_known_by_what_it_says_and_goes_through_json():
    one = network()
    again = snapshot_from(json.loads(json.dumps(snapshot_to(one))))
    assert again == one
    assert again.id == network().id
    assert replace(one, orders_per_day=13).id != one.id


def test_every_kind_of_patch_goes_through_json_and_changes_the_network():
    assert [each["patch"] for each in ALL] == sorted(PATCHES)
    before = network()
    state = before
    for file in ALL:
        patch = patch_from(json.loads(json.dumps(file)))
        assert patch_from(json.loads(json.dumps(patch_to(patch)))) == patch
        after = patched(state, [patch])
        assert after.id != state.id, file
        state = after
    assert before == network()


@pytest.mark.parametrize(
    ("file", "why"),
    [
        ({"patch": "close_node", "node": "SPK1"}, "no node SPK1"),
        ({"patch": "add_node", "node": {"code": "TYO1", "kind": "DC", "latitude": 1.0,
                                        "longitude": 1.0}}, "TYO1 already"),
        ({"patch": "cut_off", "minute": 9, "kind": "FC"}, "no node of kind FC"),
        ({"patch": "rates", "carrier": "SHIP", "factor": 1.0}, "no carrier SHIP"),
        ({"patch": "drop_carrier", "carrier": "VAN"}, "no carrier"),
        ({"patch": "demand", "factor": -1.0}, "below 0"),
        ({"patch": "split_policy", "split": "SOME"}, "not one of"),
        ({"patch": "labour"}, "changes nothing"),
        ({"patch": "paint"}, "not one of"),
        ({"patch": "promise", "weeks": 1}, "no weeks"),
        ({"patch": "promise"}, "days"),
    ],
)  # fmt: skip
def test_a_patch_that_cannot_apply_says_why(file: dict[str, object], why: str):
    with pytest.raises(PatchError, match=why):
        patched(network(), [patch_from(file)])


def test_the_last_node_stays():
    with pytest.raises(PatchError, match="last node"):
        patched(
            network(), [patch_from({"patch": "close_node", "node": n}) for n in ("OSA1", "TYO1")]
        )


def test_what_is_wrong_with_a_snapshot_is_said():
    file = snapshot_to(network())
    with pytest.raises(ValueError, match="SKU B has no weight"):
        snapshot_from({**file, "goods": {"A": 1}})
    with pytest.raises(ValueError, match="'nodes'"):
        snapshot_from({key: value for key, value in file.items() if key != "nodes"})
    with pytest.raises(ValueError, match="Rules has no mood"):
        snapshot_from({**file, "rules": {"mood": 1}})


def names(of: Snapshot, seed: int) -> dict[str, tuple[object, ...]]:
    """The orders of a day by their names."""
    return {each.name: (each.order.minute, each.order.lines) for each in draw(of, seed)}


def test_more_demand_adds_orders_and_leaves_the_others_as_they_were():
    usual = names(network(200), 1)
    more = names(patched(network(200), [patch_from({"patch": "demand", "factor": 1.3})]), 1)
    less = names(patched(network(200), [patch_from({"patch": "demand", "factor": 0.7})]), 1)
    assert len(usual) == 200
    assert 240 <= len(more) <= 280
    assert 120 <= len(less) <= 160
    assert usual.items() <= more.items()
    assert less.items() <= usual.items()
    assert names(network(200), 2) != usual
    assert names(network(300), 1).items() >= usual.items()


def test_a_day_is_the_same_again_and_adds_up():
    played = run(network(), (), 1)
    assert played == run(network(), (), 1)
    assert played_from(json.loads(json.dumps(played_to(played)))) == played
    assert tuple(played.kpis) == KPIS
    assert sum(played.terms.values()) == played.kpis["cost_minor"]
    assert sum(flow.parcels for flow in played.flows) == played.kpis["parcels"]
    assert played.kpis["orders"] == len(played.decisions) == 12
    assert played.kpis["short_units"] == 0


def test_the_west_is_sent_its_bs_from_the_east_and_its_as_from_beside():
    decisions = run(network(), (), 1).decisions
    west = {(each.nodes, each.late_days) for each in decisions if each.region == "WEST"}
    assert (("OSA1",), 0) in west
    assert (("TYO1",), 0) in west
    assert {each.nodes for each in decisions if each.region == "EAST"} == {("TYO1",)}


@pytest.mark.parametrize(
    ("file", "figure", "sign"),
    [
        ({"patch": "rates", "carrier": "VAN", "factor": 2.0}, "cost_minor", 1),
        ({"patch": "close_node", "node": "OSA1", "stock_to": "TYO1"}, "cost_minor", 1),
        ({"patch": "stock_policy", "factor": 0.0}, "short_units", 1),
        ({"patch": "capacity", "units_per_day": 0}, "fill_share", -1),
        ({"patch": "promise", "days": 0}, "late_orders", 1),
        ({"patch": "robots", "robots": 9}, "pick_metres", -1),
        ({"patch": "demand", "factor": 2.0}, "orders", 1),
    ],
)
def test_a_difference_moves_its_figure(file: dict[str, object], figure: str, sign: int):
    usual = run(network(), (), 1).kpis[figure]
    other = run(network(), (patch_from(file),), 1).kpis[figure]
    assert (other - usual) * sign > 0


def test_a_day_without_orders_costs_nothing():
    played = run(network(0), (), 1)
    assert (played.kpis["orders"], played.kpis["cost_minor"]) == (0, 0)
