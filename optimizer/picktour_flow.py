"""The shortest tour that gets all goods, as a programme of whole numbers: what the ways must be.

One unit flows from state to state (`optimizer.picktour_ways`); of each section it takes one way;
and of each article the ways that are taken pass what is wanted. Ways and steps through which every
tour is as long as one that is known (`optimizer.picktour_prices`) are not in it. HiGHS through
MathOpt; see `optimizer.sourcing_mip`. Lengths are metres.

Source: K. Hessler and S. Irnich, INFORMS J. Computing, 2024.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray
from ortools.math_opt.python import mathopt  # type: ignore[import-untyped]

from optimizer.picktour_ways import Graph, Ints
from optimizer.result import Limits, Stopwatch

FOREVER_S = 1e6
EPSILON = 1e-6


@dataclass(frozen=True, slots=True)
class Allowed:
    """What may be in a tour.

    Attributes:
        ways: shape (w,).
        choices: shape (d, WALKS).
    """

    ways: NDArray[np.bool_]
    choices: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Time:
    """When to stop, since when that counts, and the seed of HiGHS."""

    limits: Limits
    watch: Stopwatch
    seed: int


@dataclass(frozen=True, slots=True)
class Answer:
    """The ways that were chosen (None: none in time), and a floor under all that are allowed."""

    ways: Ints | None
    floor_m: float


def chosen(
    graph: Graph, wanted: Ints, allowed: Allowed, within: tuple[float, float], time: Time
) -> Answer:
    """The ways of the shortest tour among those allowed.

    Args:
        graph: all tours.
        wanted: shape (articles,).
        allowed: what may be in it.
        within: it is not below the one and at most the other, in metres.
        time: for it.
    """
    flow = _Flow(graph, allowed)
    if flow.closed is None:
        return Answer(None, np.inf)
    flow.want(wanted)
    low_m, high_m = within
    total = mathopt.fast_sum(
        [metres * variable for variable, metres in flow.metres.items() if metres]
    )
    flow.model.minimize(total)
    flow.model.add_linear_constraint(expr=total, lb=low_m - EPSILON, ub=high_m + EPSILON)
    try:
        result = mathopt.solve(
            flow.model,
            mathopt.SolverType.HIGHS,
            params=mathopt.SolveParameters(
                time_limit=timedelta(seconds=min(time.limits.left_s(time.watch), FOREVER_S)),
                random_seed=time.seed,
                relative_gap_tolerance=time.limits.gap,
                node_limit=time.limits.iterations,
            ),
        )
    except (RuntimeError, ValueError, AttributeError):  # what is known stands
        return Answer(None, low_m)
    if result.termination.reason in {
        mathopt.TerminationReason.INFEASIBLE, mathopt.TerminationReason.INFEASIBLE_OR_UNBOUNDED,
    }:  # fmt: skip
        return Answer(None, np.inf)
    bound = float(result.termination.objective_bounds.dual_bound)
    floor_m = bound if np.isfinite(bound) else low_m
    if not result.has_primal_feasible_solution():
        return Answer(None, floor_m)
    values = result.variable_values()
    ways = [way for way, variable in flow.way.items() if values[variable] > 1 / 2]
    return Answer(np.array(ways, dtype=np.int64), floor_m)


class _Flow:
    """A unit that flows from state to state, and the ways that it takes."""

    def __init__(self, graph: Graph, allowed: Allowed) -> None:
        self.graph, self.allowed = graph, allowed
        self.model = mathopt.Model()
        self.way: dict[int, mathopt.Variable] = {}
        self.metres: dict[mathopt.Variable, float] = {}
        starts = np.searchsorted(graph.decision, np.arange(graph.kinds.size + 1))
        into: dict[int, list[mathopt.Variable]] = {0: [1.0]}
        for decision in range(graph.kinds.size):
            ways = range(starts[decision], starts[decision + 1])
            into = self._decide(decision, into, [way for way in ways if allowed.ways[way]])
        self.closed = into.get(int(graph.states[1]))
        if self.closed is not None:
            self.model.add_linear_constraint(mathopt.fast_sum(self.closed) == 1)

    def want(self, wanted: Ints) -> None:
        """The places that are passed hold what is wanted."""
        graph = self.graph
        rows = [
            self.model.add_linear_constraint(lb=float(units)) if units else None
            for units in wanted.tolist()
        ]
        for way, variable in self.way.items():
            for at in range(graph.start[way], graph.start[way + 1]):
                row = rows[graph.article[at]]
                if row is not None:
                    row.set_coefficient(variable, float(graph.held[at]))

    def _decide(
        self, decision: int, into: dict[int, list[mathopt.Variable]], ways: list[int]
    ) -> dict[int, list[mathopt.Variable]]:
        """The flow after a decision, by state."""
        graph = self.graph
        kind = graph.kinds[decision]
        after: defaultdict[int, list[mathopt.Variable]] = defaultdict(list)
        leaving: defaultdict[int, list[mathopt.Variable]] = defaultdict(list)
        by: defaultdict[int, list[mathopt.Variable]] = defaultdict(list)
        for before, then, choice in graph.moves[graph.first[kind] : graph.first[kind + 1]].tolist():
            if before in into and self.allowed.choices[decision, choice]:
                variable = self.model.add_variable(lb=0, ub=1)
                leaving[before].append(variable)
                after[then].append(variable)
                by[choice].append(variable)
                fixed_m = float(graph.fixed_m[decision, choice])
                if np.isfinite(fixed_m):
                    self.metres[variable] = fixed_m
        for state, coming in into.items():
            self.model.add_linear_constraint(
                mathopt.fast_sum(coming) == mathopt.fast_sum(leaving[state])
            )
        if ways:
            self._take(by, ways)
        return dict(after)

    def _take(self, by: dict[int, list[mathopt.Variable]], ways: list[int]) -> None:
        """Of each choice of a section as much flows as ways of it are taken."""
        graph = self.graph
        taken: defaultdict[int, list[mathopt.Variable]] = defaultdict(list)
        for way in ways:
            variable = self.model.add_binary_variable()
            self.way[way] = variable
            self.metres[variable] = float(graph.metres[way])
            taken[int(graph.choice[way])].append(variable)
        for choice in sorted({*by, *taken}):
            flows = mathopt.fast_sum(by[choice]) if choice in by else 0.0
            self.model.add_linear_constraint(flows == mathopt.fast_sum(taken.get(choice, [])))
