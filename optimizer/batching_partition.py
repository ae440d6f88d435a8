"""The best choice among batches that are known: each order in one of them.

The linear relaxation is solved over few batches, and those that are worth more than they cost at
its prices are added until there are none. Then no better choice has a batch that costs more above
its price than the relaxation is below the best choice that is known; all others are left out, and
HiGHS chooses among the rest. With all batches that fit the cart (`all_sets`, where these are few
enough) that proves the best there is. An order may be in two: one is no longer without it.

Through MathOpt; see `optimizer.sourcing_mip`. Lengths are metres.

Source: N. Gademann and S. van de Velde, "Order batching to minimize total travel time in a
parallel-aisle warehouse", IIE Transactions 37(1), 2005.
"""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray
from ortools.math_opt.python import mathopt  # type: ignore[import-untyped]

from optimizer.batching_exact import STEPS, go_on, tree_of
from optimizer.batching_walks import WORD, Floats, Ground, Ints, length_m
from optimizer.compiled import compiled
from optimizer.result import Limits, Stopwatch

ADDED = 500  # batches that are added at a time
CHOSEN_MAX = 8_000  # batches that the whole-number choice is made among
EPSILON = 1e-6
OF_THE_REST = 0.55  # of the time is HiGHS's: it looks at its clock now and then
AT_ONCE = 1 << 16
FOREVER_S = 1e6


@dataclass(frozen=True, slots=True)
class Pool:
    """Batches to choose among.

    Attributes:
        sets: shape (c, words), bits of the orders of each.
        metres: shape (c,).
        known: so many of the first ones are a choice already.
        orders: how many there are.
        is_all: whether these are all batches that fit, so that a bound follows.
    """

    sets: Ints
    metres: Floats
    known: int
    orders: int
    is_all: bool

    @property
    def known_m(self) -> float:
        """How long the known choice is."""
        return float(self.metres[: self.known].sum())

    def above_m(self, prices: Floats) -> Floats:
        """What each batch costs more than its orders are worth."""
        starts = range(0, len(self.sets), AT_ONCE)
        worth = [members(self.sets[at : at + AT_ONCE], self.orders) @ prices for at in starts]
        return self.metres - np.concatenate(worth)


@dataclass(frozen=True, slots=True)
class Time:
    """When to stop, since when that counts, and the seed of the solvers."""

    limits: Limits
    watch: Stopwatch
    seed: int

    @property
    def left(self) -> timedelta:
        """What a solver may take."""
        return timedelta(seconds=min(OF_THE_REST * self.limits.left_s(self.watch), FOREVER_S))

    def is_over(self, done: int = 0) -> bool:
        """Whether it is."""
        return self.limits.is_over(self.watch, done)


@dataclass(frozen=True, slots=True)
class Choice:
    """Which batches were chosen (None: none better), and the floor if one is known."""

    chosen: list[int] | None
    bound: float | None


def all_sets(
    ground: Ground, bits: Ints, size: Ints, most: Ints, at_most: int
) -> tuple[Ints, Floats] | None:
    """All sets of orders that fit a cart, as bits, and their lengths; None: more than `at_most`."""
    words = -(-size.size // WORD)
    sets = np.zeros((at_most, words), dtype=np.int64)
    metres = np.zeros(at_most)
    found = enumerated(ground, bits, size, most, sets, metres)
    return None if found < 0 else (sets[:found], metres[:found])


@compiled
def enumerated(
    ground: Ground, bits: Ints, size: Ints, most: Ints, sets: Ints, metres: Floats
) -> int:
    """Write all sets that fit; how many, or -1: there is no room for them."""
    n = size.size
    deepest = min(n, most[1])
    places = np.zeros((deepest + 1, bits.shape[1], bits.shape[2]), dtype=np.int64)
    order = np.zeros(deepest + 1, dtype=np.int64)
    load = np.zeros(deepest + 1, dtype=np.int64)
    depth = found = 0
    while depth >= 0:
        each = order[depth]
        if each == n or depth == deepest:
            depth -= 1
            if depth >= 0:
                order[depth] += 1
            continue
        if depth > 0 and load[depth] + size[each] > most[0]:
            order[depth] += 1
            continue
        if found == metres.size:
            return -1
        load[depth + 1] = load[depth] + size[each]
        places[depth + 1] = places[depth] | bits[each]
        for at in range(depth + 1):
            sets[found, order[at] // WORD] |= 1 << (order[at] % WORD)
        metres[found] = length_m(ground, places[depth + 1])
        found += 1
        order[depth + 1] = each + 1
        depth += 1
    return found


def choose(pool: Pool, time: Time, *, to_the_end: bool = False) -> Choice:
    """Batches that hold all orders and are shorter than the known choice.

    Args:
        pool: to choose among.
        time: for it.
        to_the_end: whether to go through a tree (optimizer.batching_exact) instead of asking HiGHS;
            only of all batches, and of at most WORD orders.
    """
    prices = _prices(pool, time)
    if prices is None:
        return Choice(None, None)
    floor_m, above_m = float(prices.sum()), pool.above_m(prices)
    bound = floor_m if pool.is_all else None
    if floor_m >= pool.known_m - EPSILON or time.is_over():
        return Choice(None, bound)
    worth = np.flatnonzero(above_m <= pool.known_m - floor_m + EPSILON)
    worth = worth[np.argsort(above_m[worth], kind="stable")]
    if to_the_end:
        return _to_the_end(pool, above_m, worth, floor_m, time)
    chosen, proven_m = _whole(pool, worth[:CHOSEN_MAX], time)
    if bound is not None and proven_m is not None and worth.size <= CHOSEN_MAX:
        bound = max(bound, min(pool.known_m, proven_m))  # what was left out costs that at least
    return Choice(chosen, bound)


def members(sets: Ints, orders: int) -> NDArray[np.bool_]:
    """Which orders are in which set, shape (c, orders)."""
    bits = (sets[:, :, None] >> np.arange(WORD)) & 1
    inside: NDArray[np.bool_] = bits.reshape(len(sets), -1)[:, :orders] > 0
    return inside


def _to_the_end(pool: Pool, above_m: Floats, worth: Ints, floor_m: float, time: Time) -> Choice:
    """The best choice of all, looked for until there is none better or the time is up."""
    above_m = np.maximum(0.0, above_m[worth])
    tree = tree_of(pool.sets[worth, 0], above_m, pool.orders, pool.known_m - floor_m)
    rounds = 0
    while not (tree.is_at_end or time.is_over(rounds)):
        go_on(tree, STEPS)
        rounds += 1
    chosen = None if tree.found is None else worth[tree.found].tolist()
    best_m = pool.known_m if chosen is None else float(pool.metres[chosen].sum())
    return Choice(chosen, best_m if tree.is_at_end else floor_m)


class _Cover:
    """A model in which every order must be in a batch."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.model = mathopt.Model()
        self.rows = [self.model.add_linear_constraint(lb=1) for _ in range(pool.orders)]
        self.model.objective.is_maximize = False

    def add(self, columns: list[int], *, whole: bool) -> list[mathopt.Variable]:
        """Batches to choose; their variables."""
        inside = members(self.pool.sets[columns], self.pool.orders)
        variables = []
        for column, orders in zip(columns, inside, strict=True):
            variable = self.model.add_variable(lb=0, ub=1 if whole else np.inf, is_integer=whole)
            metres = float(self.pool.metres[column])
            self.model.objective.set_linear_coefficient(variable, metres)
            for order in np.flatnonzero(orders):
                self.rows[order].set_coefficient(variable, 1.0)
            variables.append(variable)
        return variables


def _prices(pool: Pool, time: Time) -> Floats | None:
    """What each order is worth where the relaxation is solved; None: no time for that."""
    cover = _Cover(pool)
    cover.add(list(range(pool.known)), whole=False)
    solver = mathopt.IncrementalSolver(cover.model, mathopt.SolverType.GLOP)
    while not time.is_over():
        result = solver.solve(params=mathopt.SolveParameters(time_limit=time.left))
        if not result.has_dual_feasible_solution():
            return None
        prices: Floats = np.maximum(0.0, np.array(result.dual_values(cover.rows), dtype=np.float64))
        above_m = pool.above_m(prices)
        cheap = np.argsort(above_m, kind="stable")[:ADDED]
        cheap = cheap[above_m[cheap] < -EPSILON]
        if not cheap.size:
            return prices
        cover.add(cheap.tolist(), whole=False)
    return None


def _whole(pool: Pool, worth: Ints, time: Time) -> tuple[list[int] | None, float | None]:
    """The best choice of whole batches among these that HiGHS finds in time, and its bound."""
    columns = list(dict.fromkeys([*range(pool.known), *worth.tolist()]))
    cover = _Cover(pool)
    chosen = cover.add(columns, whole=True)
    hint = {variable: float(at < pool.known) for at, variable in enumerate(chosen)}
    try:
        result = mathopt.solve(
            cover.model,
            mathopt.SolverType.HIGHS,
            params=mathopt.SolveParameters(
                time_limit=time.left,
                random_seed=time.seed,
                relative_gap_tolerance=0,
                node_limit=time.limits.iterations,
            ),
            model_params=mathopt.ModelSolveParameters(
                solution_hints=[mathopt.SolutionHint(variable_values=hint)]
            ),
        )
    except (RuntimeError, ValueError, AttributeError):  # what is known stands
        return None, None
    bound = float(result.termination.objective_bounds.dual_bound)
    found = None
    if result.has_primal_feasible_solution():
        values = np.array(result.variable_values(chosen))
        found = [columns[at] for at in np.flatnonzero(values > 1 / 2)]
    return found, bound if np.isfinite(bound) else None
