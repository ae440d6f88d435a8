"""Pods to stations, against every way of sending them."""

from itertools import product
from random import Random

import pytest

from optimizer.pods import SHORT, Line, Pod, choose_pods

STATIONS = ("S1", "S2")


def round_of(seed: int) -> tuple[list[Line], list[Pod], dict[str, int]]:
    rng = Random(seed)
    skus = ["a", "b", "c"]
    lines = [
        Line(rng.choice(STATIONS), rng.choice(skus), rng.randint(1, 3))
        for _ in range(rng.randint(1, 4))
    ]
    pods = [
        Pod(
            f"P{n}",
            {sku: rng.randint(1, 4) for sku in rng.sample(skus, rng.randint(1, 3))},
            {at: rng.randint(5, 50) for at in STATIONS},
        )
        for n in range(rng.randint(1, 4))
    ]
    return lines, pods, {at: rng.randint(0, 2) for at in STATIONS}


def best_of_all(lines: list[Line], pods: list[Pod], places: dict[str, int]) -> int:
    """What the best round costs; lines of one SKU at one station share what is brought."""
    best = 10**12
    for ways in product((None, *STATIONS), repeat=len(pods)):
        if any(ways.count(at) > places[at] for at in STATIONS):
            continue
        cost = sum(pod.cost[at] for pod, at in zip(pods, ways, strict=True) if at)
        for at in STATIONS:
            for sku in "abc":
                want = sum(x.units for x in lines if (x.station, x.sku) == (at, sku))
                have = sum(
                    pod.units.get(sku, 0) for pod, way in zip(pods, ways, strict=True) if way == at
                )
                cost += SHORT * max(0, want - have)
        best = min(best, cost)
    return best


@pytest.mark.parametrize("seed", range(25))
def test_no_round_costs_less(seed: int):
    lines, pods, places = round_of(seed)
    found = choose_pods(lines, pods, places)
    assert found.is_proven
    assert found.cost + SHORT * found.short == best_of_all(lines, pods, places)
    names = [pod for pod, _ in found.visits]
    assert len(names) == len(set(names)), "one"
    at = dict(found.visits)
    for station in STATIONS:
        assert sum(where == station for where in at.values()) <= places[station], "room"
    for pod in pods:
        for sku, have in pod.units.items():
            taken = sum(u for n, name, u in found.picks if (name, lines[n].sku) == (pod.name, sku))
            assert taken <= have, "content"
    assert all(at[name] == lines[n].station for n, name, _ in found.picks)
    assert choose_pods(lines, pods, places) == found, "same"


def test_one_pod_with_all_goes_before_two_that_are_nearer():
    lines = [Line("S1", "a", 1), Line("S1", "b", 1)]
    pods = [
        Pod("near-a", {"a": 5}, {"S1": 10}),
        Pod("near-b", {"b": 5}, {"S1": 10}),
        Pod("both", {"a": 1, "b": 1}, {"S1": 15}),
    ]
    assert choose_pods(lines, pods, {"S1": 3}).visits == (("both", "S1"),)
