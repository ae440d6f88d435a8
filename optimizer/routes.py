"""Routes of vehicles: which stops each makes, and in which order.

    solve(Problem(distance, stops, vehicles, capacity)) -> Solution with the routes

All vehicles are alike and start from the depot, place 0; stop i is place i + 1. A stop takes some
of the capacity, some time, and may be open only from some time to another.

    savings   one route a stop, joined where that saves most and all still fits (Clarke, Wright)
    pyvrp     where it is installed (extra `routes`): by far the best
    ortools   where it is not: guided local search from the savings

Laws (optimizer.routes_check says them a second time, its own way):
    every stop is on one route at most, no vehicle carries more than it can
    no stop is served before it opens or after it closes, each route ends while the depot is open

The cost is the distance of all routes, and `left_out` for each stop that nobody makes; `why` names
those. An iteration is one of the solver's. Whole numbers, of any one unit each.

Source: G. Clarke, J. Wright, Operations Research 12, 1964; N. Wouda, L. Lan, W. Kool, "PyVRP: A
High-Performance VRP Solver Package", INFORMS J. on Computing 36(4), 2024.
"""

from dataclasses import dataclass, replace
from importlib import import_module
from importlib.util import find_spec
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from optimizer.result import Limits, Progress, Solution, Status, Stopwatch, unheard

Ints = NDArray[np.int64]
Routes: TypeAlias = tuple[tuple[int, ...], ...]

DEFAULT = Limits(seconds=10.0)
ALWAYS = 2**40  # when what never closes does


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """A place to go to; work begins from `opens` to `closes` and takes `lasts`."""

    takes: int = 0
    lasts: int = 0
    opens: int = 0
    closes: int = ALWAYS


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Stops and vehicles.

    Attributes:
        distance: from each place to each other, shape (n + 1, n + 1).
        duration: likewise; None: as long as the distance.
        stops: n of them.
        vehicles: how many there are; None: as many as there are stops.
        capacity: of each.
        closes: when the depot does; it opens at 0.
        left_out: what a stop costs that nobody makes.
        points: where the places lie, for pictures only.
    """

    distance: Ints
    stops: tuple[Stop, ...]
    capacity: int
    duration: Ints | None = None
    vehicles: int | None = None
    closes: int = ALWAYS
    left_out: int = 10_000_000
    points: tuple[tuple[float, float], ...] = ()

    def __post_init__(self) -> None:
        places = len(self.stops) + 1
        for matrix in (self.distance, self.minutes):
            if matrix.shape != (places, places) or (matrix < 0).any():
                raise ValueError(f"distances and durations are {places} x {places}, at least 0")
        if any(stop.opens > stop.closes or min(stop.takes, stop.lasts) < 0 for stop in self.stops):
            raise ValueError("a stop closes after it opens, and takes and lasts at least 0")
        if self.capacity < 0 or (self.vehicles or 0) < 0:
            raise ValueError("vehicles and their capacity are at least 0")

    @property
    def minutes(self) -> Ints:
        """Durations from each place to each other."""
        return self.distance if self.duration is None else self.duration

    @property
    def fleet(self) -> int:
        """How many vehicles there are."""
        return len(self.stops) if self.vehicles is None else self.vehicles

    def fits(self, route: tuple[int, ...]) -> bool:
        """Whether a vehicle can make these stops in that order."""
        if sum(self.stops[stop].takes for stop in route) > self.capacity:
            return False
        time, here = 0, 0
        for number in route:
            stop = self.stops[number]
            time = max(stop.opens, time + int(self.minutes[here, number + 1]))
            if time > stop.closes:
                return False
            time, here = time + stop.lasts, number + 1
        return time + int(self.minutes[here, 0]) <= self.closes

    def terms(self, routes: Routes) -> dict[str, float]:
        """What routes cost, by name."""
        places = [(0, *(stop + 1 for stop in route), 0) for route in routes]
        legs = [pair for each in places for pair in pairwise(each)]
        missing = len(self.stops) - sum(map(len, routes))
        return {
            "distance": float(sum(self.distance[leg] for leg in legs)),
            "left_out": float(self.left_out * missing),
        }


def solve(
    problem: Problem,
    *,
    limits: Limits = DEFAULT,
    seed: int = 0,
    progress: Progress = unheard,
    engine: str | None = None,
) -> Solution[Routes]:
    """The routes; `engine` "pyvrp" or "ortools", None: the best that is installed."""
    watch = Stopwatch()
    plan = savings(problem)
    best = sum(problem.terms(plan).values())
    stages = {"savings": best}
    progress(best, None)
    alone = [number for number in range(len(problem.stops)) if problem.fits((number,))]
    if alone and problem.fleet and not limits.is_over(watch):
        name = engine or ("pyvrp" if find_spec("pyvrp") else "ortools")
        improved = import_module(f"optimizer.routes_{name}").improved
        place = {number: at for at, number in enumerate(alone)}
        start = tuple(tuple(place[stop] for stop in route) for route in plan)
        found: Routes = tuple(
            tuple(alone[stop] for stop in route)
            for route in improved(_only(problem, alone), start, limits, watch, seed)
        )
        cost = sum(problem.terms(found).values())
        stages[name] = min(cost, best)
        if cost < best and all(problem.fits(route) for route in found):
            plan, best = found, cost
            progress(best, None)
    made = {stop for route in plan for stop in route}
    return Solution(
        status=Status.OPTIMAL if not problem.stops else Status.FEASIBLE,
        plan=plan,
        objective=best,
        bound=best if not problem.stops else None,
        runtime_s=watch.elapsed_s,
        seed=seed,
        terms=problem.terms(plan),
        stages=stages,
        why=tuple(
            f"stop {number}: "
            + ("no vehicle is free" if number in alone else "not even alone, by load or time")
            for number in range(len(problem.stops))
            if number not in made
        ),
    )


def _only(problem: Problem, numbers: list[int]) -> Problem:
    """The problem with only these stops."""
    places = np.ix_([0, *(number + 1 for number in numbers)], [0, *(n + 1 for n in numbers)])
    return replace(
        problem,
        distance=problem.distance[places],
        duration=problem.minutes[places],
        stops=tuple(problem.stops[number] for number in numbers),
        vehicles=problem.fleet,
    )


def savings(problem: Problem) -> Routes:
    """One route a stop, the ends of two joined where that saves most and all still fits."""
    count = len(problem.stops)
    route_of: dict[int, tuple[int, ...]] = {n: (n,) for n in range(count) if problem.fits((n,))}
    d = problem.distance
    saved = d[1:, :1] + d[:1, 1:] - d[1:, 1:]  # of driving on from one to another
    for at in np.argsort(-saved, axis=None, kind="stable").tolist():
        last, first = divmod(at, count)
        if saved[last, first] <= 0:
            break
        one, other = route_of.get(last), route_of.get(first)
        if one is None or other is None or one is other:
            continue
        if one[-1] != last or other[0] != first or not problem.fits(one + other):
            continue
        joined = one + other
        for stop in joined:
            route_of[stop] = joined
    routes = sorted(set(route_of.values()), key=lambda route: (-len(route), route))
    return tuple(routes[: problem.fleet])
