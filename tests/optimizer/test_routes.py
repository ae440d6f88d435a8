"""Routes: nothing is broken on the way, and as good as trying all where that can be tried."""

import random
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from itertools import permutations

import numpy as np
import pytest

from benchmarks import vrp
from optimizer.result import Limits, Status
from optimizer.routes import Problem, Routes, Stop, savings, solve
from optimizer.routes_check import faults, length
from tests.night import some_by_day

ENGINES = [
    pytest.param(
        "pyvrp", marks=pytest.mark.skipif(find_spec("pyvrp") is None, reason="no extra `routes`")
    ),
    "ortools",
]
FEW = {"pyvrp": Limits(iterations=60), "ortools": Limits(iterations=30)}


def drawn(seed: int, count: int, *, windows: bool) -> Problem:
    draw = random.Random(seed)
    points = np.array([[draw.randint(0, 50), draw.randint(0, 50)] for _ in range(count + 1)])
    apart = np.abs(points[:, None, :] - points[None, :, :]).sum(axis=2)
    stops = tuple(
        Stop(
            takes=draw.randint(1, 5), lasts=draw.randint(0, 9),
            opens=draw.randint(0, 80) if windows else 0,
            closes=draw.randint(90, 200) if windows else 2**40,
        )
        for _ in range(count)
    )  # fmt: skip
    return Problem(
        distance=apart, stops=stops, capacity=draw.randint(6, 12),
        vehicles=draw.choice([None, 3]), closes=300 if windows else 2**40, left_out=1_000,
    )  # fmt: skip


def plans(stops: tuple[int, ...], most: int) -> Iterator[Routes]:
    """All ways to make all of these stops with so many vehicles."""
    for order in permutations(stops):
        for cuts in range(1 << max(0, len(order) - 1)):
            routes, route = [], [order[0]]
            for at, stop in enumerate(order[1:]):
                if cuts >> at & 1:
                    routes.append(tuple(route))
                    route = []
                route.append(stop)
            routes.append(tuple(route))
            if len(routes) <= most:
                yield tuple(routes)


def by_trying_all(problem: Problem) -> float:
    count = len(problem.stops)
    best = float(problem.left_out * count)
    for chosen in range(1, 1 << count):
        some = tuple(stop for stop in range(count) if chosen >> stop & 1)
        for routes in plans(some, problem.fleet):
            if not faults(problem, routes):
                missing = problem.left_out * (count - len(some))
                best = min(best, length(problem, routes) + missing)
    return best


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("seed", some_by_day(range(20), range(2)))
def test_no_routes_cost_less(seed: int, engine: str):
    problem = drawn(seed, 4, windows=bool(seed % 2))
    found = solve(problem, limits=Limits(iterations=200), engine=engine)
    assert faults(problem, found.plan) == []
    assert found.objective == by_trying_all(problem)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("seed", some_by_day(range(20), range(3)))
def test_all_routes_can_be_driven_and_are_the_same_again(seed: int, engine: str):
    problem = drawn(seed, 25, windows=seed % 2 == 0)
    one, again = (solve(problem, limits=FEW[engine], engine=engine) for _ in range(2))
    assert one.plan == again.plan
    assert faults(problem, one.plan) == faults(problem, savings(problem)) == []
    assert one.objective == sum(one.terms.values()) <= one.stages["savings"]
    assert one.terms["distance"] == length(problem, one.plan)
    assert len(one.why) == len(problem.stops) - sum(map(len, one.plan))


@pytest.mark.parametrize("engine", ENGINES)
def test_by_hand_two_villages_on_two_sides(engine: str):
    """A village 10 to the west, one 10 to the east, two stops each: 20 there and back, twice."""
    line = np.array([0, -10, 10, -10, 10])
    apart = np.abs(line[:, None] - line[None, :])
    problem = Problem(distance=apart, stops=(Stop(takes=1),) * 4, capacity=2)
    found = solve(problem, limits=FEW[engine], engine=engine)
    assert {frozenset(route) for route in found.plan} == {frozenset({0, 2}), frozenset({1, 3})}
    assert found.objective == 40
    one = solve(replace(problem, vehicles=1), limits=FEW[engine], engine=engine)
    assert one.terms["left_out"] == 2 * problem.left_out
    assert [text[8:] for text in one.why] == ["no vehicle is free"] * 2


def test_no_stops_and_one_that_nobody_can_make():
    nowhere = Problem(distance=np.zeros((1, 1), dtype=np.int64), stops=(), capacity=5)
    assert (solve(nowhere).plan, solve(nowhere).status) == ((), Status.OPTIMAL)
    two = np.array([[0, 9], [9, 0]])
    for stop in (Stop(takes=6), Stop(closes=8)):
        found = solve(Problem(distance=two, stops=(stop,), capacity=5))
        assert found.plan == ()
        assert "not even alone" in found.why[0]
    late = Problem(distance=two, stops=(Stop(lasts=3),), capacity=5, closes=20)
    assert solve(late).plan == ()
    for nonsense in (
        {"distance": two[:1]}, {"distance": -two}, {"capacity": -1},
        {"stops": (Stop(opens=5, closes=4),)},
    ):  # fmt: skip
        with pytest.raises(ValueError, match="at least 0"):
            replace(late, **nonsense)


def test_the_checker_sees_every_fault():
    apart = np.array([[0, 5, 5], [5, 0, 1], [5, 1, 0]])
    stops = (Stop(takes=3, lasts=4), Stop(takes=3, opens=8, closes=9))
    problem = Problem(distance=apart, stops=stops, capacity=5, vehicles=1, closes=16)

    def said(*routes: tuple[int, ...]) -> str:
        return "; ".join(faults(problem, routes))

    assert said((0,)) == said((1,)) == ""
    assert "carries 6" in said((0, 1))
    assert "closed at 10" in said((0, 1))
    assert "2 times" in said((0,), (0,))
    assert "1 vehicles" in said((0,), (1,))
    assert "after the depot" in said((1, 0))


@pytest.mark.skipif(not vrp.DATA.exists(), reason="the published instances are not here")
def test_published_instances_are_read_and_the_best_known_routes_cost_what_is_published():
    problem, best = vrp.read("RC208")
    text = (vrp.DATA / "RC208.sol").read_text()
    lines = [line.split(":")[1].split() for line in text.splitlines() if line.startswith("Route")]
    routes = tuple(tuple(int(stop) - 1 for stop in line) for line in lines)
    assert faults(problem, routes) == []
    assert length(problem, routes) == best == 7761
    assert [len(vrp.read(name)[0].stops) for name in vrp.XS] == [199, 302]


@pytest.mark.nightly
@pytest.mark.skipif(not vrp.DATA.exists(), reason="the published instances are not here")
def test_published_instances_are_solved():
    assert vrp.over("RC208", 10, "pyvrp")[0] == 0
    assert vrp.over("X-n200-k36", 30, "ortools")[0] < 6
