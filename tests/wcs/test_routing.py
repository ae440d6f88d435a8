"""Routes against plain sums, and against every route there is on small plants."""

from itertools import pairwise
from math import inf, isclose
from random import Random

import numpy as np
import pytest

from tests.wcs.fleet import tokyo
from tests.wcs.small import grid, plant_of, square
from wcs.layout import paths
from wcs.layout.costs import CONTRAFLOW, THROUGH_S, TURN_S
from wcs.layout.rows import FAR
from wcs.plant import Plant
from wcs.routing import Costs, Routes

NEAR_S = 0.05  # rows are whole milliseconds


def test_a_way_costs_its_length_and_its_turns():
    routes = Routes(square())
    assert routes.route(None, "a", "d") == ["b", "c", "d"]
    assert isclose(routes.seconds(None, "a", "d"), 12.0 / 1.5 + 2 * TURN_S, abs_tol=NEAR_S)
    assert isclose(routes.seconds("d", "a", "d"), 12.0 / 1.5 + 3 * TURN_S, abs_tol=NEAR_S), (
        "it faces south"
    )
    assert routes.seconds("d", "a", "a") == 0.0
    assert routes.route(None, "a", "a") == []
    assert routes.route(None, "a", "d", 2) == ["b", "c"]


def test_round_a_closed_point_or_not_at_all():
    plant = grid(4, 4)
    open_way = Routes(plant).route(None, "0,0", "3,3")
    closed = Routes(plant).closing(frozenset({open_way[2]}))
    round_it = closed.route(None, "0,0", "3,3")
    assert open_way[2] not in round_it
    assert round_it[-1] == "3,3"
    assert closed.seconds(None, "0,0", "3,3") > Routes(plant).seconds(None, "0,0", "3,3")
    assert closed.seconds(None, "0,0", open_way[2]) == inf, "nobody can go there"
    assert closed.route(None, open_way[2], "3,3")[-1] == "3,3", "but who is there can leave"
    assert closed.closing(frozenset({open_way[2]})) is closed
    assert closed.closing(frozenset()).route(None, "0,0", "3,3") == open_way
    assert Routes(square()).closing(frozenset("c")).route(None, "a", "d") == []


def test_a_dead_end_behind_a_closed_point_is_left_and_not_entered():
    plant = tokyo()
    routes = Routes(plant).closing(frozenset({"A03-03"}))
    assert routes.dead_ends == {"A03-01", "A03-02", "A03-04", "A03-05", "A03-06"}
    assert routes.seconds(None, "F1-01", "A03-02") == inf
    assert routes.route("A03-01", "A03-02", "ST-1")[:2] == ["A03-01", "F2-03"], "backwards out"
    assert Routes(plant).dead_ends == frozenset()
    assert "p" not in Routes(square()).closing(frozenset("a")).dead_ends, "it is one at all times"


def test_backwards_only_when_nothing_else_helps():
    points = {"a": (0.0, 0.0), "b": (4.0, 0.0), "c": (4.0, 4.0), "d": (0.0, 4.0)}
    plant = plant_of(points, ["a>b!", "b>c!", "c>d!", "d>a!"])
    assert Routes(plant).route("a", "b", "a") == ["c", "d", "a"]
    assert Routes(plant).closing(frozenset("c")).route("a", "b", "a") == ["a"]
    back_s = 4.0 / 1.5 * CONTRAFLOW + 2 * TURN_S
    assert isclose(Routes(plant).closing(frozenset("c")).seconds("a", "b", "a"), back_s)


def test_stations_are_for_stopping_not_for_passing():
    points = {"a": (0.0, 0.0), "s": (4.0, 0.0), "c": (8.0, 0.0), "d": (4.0, -9.0)}
    plant = plant_of(points, ["a>s", "s>c", "a>d", "d>c", "c>d", "d>a"], kinds={"s": "station"})
    assert Routes(plant).route(None, "a", "c") == ["d", "c"], f"costs {THROUGH_S} s to pass"
    assert isclose(Routes(plant).seconds(None, "a", "s"), 4.0 / 1.5, abs_tol=NEAR_S)


def walk_s(plant: Plant, before: str | None, route: list[str]) -> float:
    """The cost of a route, added up from the plant alone."""
    arcs = {(arc.start, arc.end): i for i, arc in enumerate(plant.arcs)}
    routes = Routes(plant)
    chain = [arcs[step] for step in pairwise(([before] if before else []) + route)]
    driven = chain[1:] if before else chain
    seconds = sum(routes.costs.arc_s[i] for i in driven)
    return seconds + sum(routes.costs.turn_s[i, j] for i, j in pairwise(chain))


@pytest.mark.parametrize("goal", ["3,3", "1,2", "0,0"])
def test_no_route_is_shorter(goal: str):
    plant = grid(4, 4)
    routes = Routes(plant)
    nexts = {p: [plant.arcs[i].end for i in plant.leaving[p]] for p in plant.points}

    def all_routes(route: list[str]) -> list[list[str]]:
        if route[-1] == goal:
            return [route]
        return [
            found
            for near in nexts[route[-1]]
            if near not in route
            for found in all_routes([*route, near])
        ]

    for start in plant.points:
        if start != goal:
            best = min(walk_s(plant, None, route) for route in all_routes([start]))
            assert isclose(routes.seconds(None, start, goal), best, abs_tol=NEAR_S)
            assert isclose(walk_s(plant, None, [start, *routes.route(None, start, goal)]), best)


def test_every_place_of_tokyo_leads_to_every_station():
    plant = tokyo()
    routes = Routes(plant)
    for station in plant.stations:
        for point in plant.points:
            assert routes.seconds(None, point, station) < 200.0


def test_a_site_with_lanes_follows_them_there_and_back():
    points = {f"{x},{y}": (2.0 * x, 2.0 * y) for x in range(6) for y in range(2)}
    paths = [f"{x},{y}={x + 1},{y}" for x in range(5) for y in range(2)]
    paths += [f"{x},0={x},1" for x in (0, 5)]
    plain = Routes(plant_of(points, paths))
    assert plain.route(None, "0,0", "5,0") == [*plain.route(None, "5,0", "0,0")[-2::-1], "5,0"]
    laned = Routes(plant_of(points, paths, lanes=True))
    ways = [laned.route(None, "0,0", "5,0"), laned.route(None, "5,0", "0,0")]
    assert sorted(map(len, ways)) == [5, 7], "one of them goes round by the other street"
    back = "2,0" if len(ways[0]) == 5 else "4,0"
    assert laned.hops(None, "3,0", back)[0][0] < inf, "and nothing is closed"


def drawn(seed: int) -> tuple[Plant, frozenset[str]]:
    """A grid, and points of it that are closed."""
    rng = Random(seed)
    plant = grid(rng.choice((2, 4, 6)), rng.choice((2, 4, 6)))
    return plant, frozenset(rng.sample(sorted(plant.points), rng.randint(0, 2)))


@pytest.mark.parametrize("seed", range(10))
def test_rows_are_the_same_by_either_search(seed: int):
    plant, closed = drawn(seed)
    costs = Costs(plant)
    is_open = Routes(plant, closed, costs)._is_open
    for goal in plant.points:
        ends = [(i, costs.arc_ms[i]) for i in plant.entering[goal]]
        plain = paths._plain(ends, costs.steps, is_open.tolist())
        row = np.full(len(plain), FAR, np.int32)
        queue = np.empty(len(plain) + 1, np.int32)
        steps = costs.steps
        table = np.array(ends, np.int32)
        paths._relax(table, steps.first, steps.before, steps.step, is_open, row, queue)
        assert row.tolist() == plain.tolist()


@pytest.mark.parametrize("seed", range(5))
def test_many_ways_cost_what_each_costs(seed: int):
    plant, closed = drawn(seed)
    routes = Routes(plant).closing(closed)
    rng, points = Random(seed), sorted(plant.points)
    goals = rng.choices(points, k=6)
    starts: list[tuple[str | None, str]] = [(None, point) for point in points]
    starts += [(arc.start, arc.end) for arc in plant.arcs]
    i, j = np.divmod(np.arange(len(starts) * len(goals)), len(goals))
    found = routes.seconds_of(starts, goals, (i, j))
    for n, seconds in enumerate(found.tolist()):
        before, point = starts[n // len(goals)]
        one = routes.seconds(before, point, goals[n % len(goals)])
        assert seconds == one or isclose(seconds, one, abs_tol=NEAR_S)
