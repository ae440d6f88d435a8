"""The best that a day could have cost, had all its orders been known in the morning.

    whole_day(snapshot, patches, seed, limits, progress) -> Solution

A day is played in batches that do not know what comes (optimizer.scenarios_play). Sourcing all of
it at once says how far that is from what could be done at all; it is the same problem in one piece,
so its bound holds for the batches too. A first bound is what the orders would cost each alone. What
is picked and paid by the hour is not part of it.
"""

from dataclasses import replace

import numpy as np

from optimizer import sourcing
from optimizer.result import Limits, Progress, Solution, Status, unheard
from optimizer.scenarios import Patch, Snapshot, patched
from optimizer.scenarios_draw import draw
from optimizer.scenarios_play import Network
from optimizer.sourcing_problem import Ints, Problem


def whole_day(
    snapshot: Snapshot,
    patches: tuple[Patch, ...] = (),
    seed: int = 0,
    *,
    limits: Limits,
    progress: Progress = unheard,
) -> Solution[Ints]:
    """Source the orders of a day together; its plan has shape (l, n).

    Raises:
        PatchError: a patch cannot apply.
    """
    network = Network(patched(snapshot, patches))
    orders = [each.order for each in draw(network.of, seed)]
    if not orders:
        nothing = np.zeros((0, len(network.nodes)), dtype=np.int64)
        return Solution(
            status=Status.OPTIMAL, plan=nothing, objective=0.0, bound=0.0, runtime_s=0.0,
            seed=seed, terms={},
        )  # fmt: skip
    ways = [network.ways(order) for order in orders]
    problem, _ = network.problem(orders, ways, (network.stock, network.room))
    floor = floor_of(problem)

    def told(best: float, bound: float | None) -> None:
        progress(best, _higher(floor, bound))

    found = sourcing.solve(problem, limits=limits, seed=seed, progress=told)
    return replace(found, bound=_higher(floor, found.bound))


def floor_of(problem: Problem) -> float | None:
    """What the orders would cost if each were alone; None if that is not known exactly."""
    plan = np.zeros((problem.units.size, problem.stock.shape[0]), dtype=np.int64)
    room = problem.stock.sum(axis=1) if problem.capacity is None else problem.capacity
    exact = True
    for order, lines in enumerate(sourcing.lines_of_orders(problem)):
        plan[lines], known = sourcing.best_for(problem, order, lines, problem.stock, room)
        exact &= known
    return sum(sourcing.cost_terms(problem, plan).values()) if exact else None


def _higher(one: float | None, other: float | None) -> float | None:
    return max((each for each in (one, other) if each is not None), default=None)
