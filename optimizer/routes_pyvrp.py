"""Routes by PyVRP, where it is installed (extra `routes`).

Its search is lucky or not, so there are two at once, from two places, and the better counts:
one improves the plan that is there, the other begins with nothing. It lets go of Python meanwhile.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pyvrp
from pyvrp.stop import StoppingCriterion
from typing_extensions import override

from optimizer.result import Limits, Stopwatch
from optimizer.routes import Problem, Routes

SPARE = 21  # vehicles more than the plan has, where there are: with few, windows are hard to keep


class _Over(StoppingCriterion):
    """Our limits in its words; an iteration is one of its own."""

    def __init__(self, limits: Limits, watch: Stopwatch) -> None:
        self._limits, self._watch, self._done = limits, watch, 0

    @override
    def __call__(self, best_cost: float) -> bool:
        """Whether to stop."""
        del best_cost
        self._done += 1
        return self._limits.is_over(self._watch, self._done)


def improved(problem: Problem, plan: Routes, limits: Limits, watch: Stopwatch, seed: int) -> Routes:
    """Better routes than these, if some are found.

    Where they leave nobody out nobody may be: stops that may or may not be made, and vehicles that
    nobody needs, take most of its time.
    """
    whole = sum(map(len, plan)) == len(problem.stops)
    fleet = min(problem.fleet, len(plan) + SPARE)
    data = pyvrp.ProblemData(
        locations=[pyvrp.Location(0, 0)] * (len(problem.stops) + 1),
        clients=[
            pyvrp.Client(
                number + 1, delivery=[stop.takes], service_duration=stop.lasts,
                tw_early=stop.opens, tw_late=stop.closes, required=whole,
                prize=0 if whole else problem.left_out,
            )
            for number, stop in enumerate(problem.stops)
        ],
        depots=[pyvrp.Depot(0, tw_late=problem.closes)],
        vehicle_types=[pyvrp.VehicleType(fleet, [problem.capacity], tw_late=problem.closes)],
        distance_matrices=[cast("Any", problem.distance)],
        duration_matrices=[cast("Any", problem.minutes)],
    )  # fmt: skip
    start = pyvrp.Solution(data, [list(route) for route in plan])

    def search(begin: pyvrp.Solution | None, seed: int) -> pyvrp.Result:
        over = _Over(limits, watch)
        return pyvrp.solve(data, over, seed=seed, collect_stats=False, initial_solution=begin)

    with ThreadPoolExecutor(2) as searches:
        found = min(searches.map(search, (None, start), (seed, seed)), key=lambda one: one.cost())
    if not found.is_feasible():
        return plan
    return tuple(
        tuple(visit.idx for visit in route if visit.is_client()) for route in found.best.routes()
    )
