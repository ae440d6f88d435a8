"""What articles are worth on a walk, so that no tour is shorter than the walk at these prices.

Of goods that lie at several places some must be passed that hold enough of each article. Let go of
that, and pay for what is passed instead: the best walk at given prices is then a shortest path
through the states of `optimizer.picktour_states`, and its length, with the worth of all that is
wanted, is a floor under every tour that gets it. Prices go up where the path holds too little and
down where it holds too much (a subgradient; Polyak's step), for as long as the floor rises.

    way   of walking one piece of one aisle: which places it passes; a step from state to state
    arc   any step, also from an aisle to the next
    through   the least floor of all tours that take an arc or a way. What is not below the best
              tour known is on no better one, and is left out of what is looked at after.

Law: the floor is never above the shortest tour, whatever the prices. Lengths are metres.

Source: M. Held, P. Wolfe, H. Crowder, "Validation of subgradient optimization", Mathematical
Programming 6, 1974; the ways: K. Hessler and S. Irnich, INFORMS J. Computing, 2024.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from optimizer.compiled import compiled
from optimizer.picktour_states import WALKS
from optimizer.picktour_ways import Graph

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

PATIENCE = 25  # rounds without a higher floor after which steps are halved
SHORTEST = 1e-4  # of the first step: then it ends
KEPT = 0.6  # of the last direction is kept in the next


class Priced(NamedTuple):
    """Prices, and the floor that follows from them.

    Attributes:
        floor_m: shape (1,).
        worth_m: shape (articles,), of a unit.
        on: shape (w,), which ways the last path took.
    """

    floor_m: Floats
    worth_m: Floats
    on: NDArray[np.bool_]


def priced(graph: Graph, wanted: Ints, known_m: float, rounds: int, worth_m: Floats) -> Priced:
    """The highest floor that is found in so many rounds.

    Args:
        graph: all tours.
        wanted: shape (articles,).
        known_m: how long a tour is that is known.
        rounds: at least 1.
        worth_m: shape (articles,), prices to begin with.
    """
    on = np.zeros(graph.metres.size, dtype=np.bool_)
    answer = Priced(np.full(1, -np.inf), worth_m.copy(), on)
    raise_floor(graph, wanted, known_m, rounds, answer)
    return answer


def through_m(graph: Graph, wanted: Ints, worth_m: Floats) -> tuple[Floats, Floats]:
    """The least floor through each way, shape (w,), and through each choice of each decision."""
    cost = graph.fixed_m.copy()
    ways_m = np.zeros(graph.metres.size)
    best = np.zeros((graph.kinds.size, WALKS), dtype=np.int64)
    price_ways(graph, worth_m, ways_m, cost, best)
    through = np.full((graph.kinds.size, WALKS), np.inf)
    both_ends(graph, cost, through)
    through += float(worth_m @ wanted)
    with np.errstate(invalid="ignore"):
        of_ways = through[graph.decision, graph.choice] + (
            ways_m - cost[graph.decision, graph.choice]
        )
    return np.where(np.isnan(of_ways), np.inf, of_ways), through


@compiled
def raise_floor(graph: Graph, wanted: Ints, known_m: float, rounds: int, answer: Priced) -> None:
    """Prices that raise the floor, round by round."""
    worth_m = answer.worth_m.copy()
    heading = np.zeros(wanted.size)
    ways_m = np.zeros(graph.metres.size)
    decisions = graph.kinds.size
    cost = graph.fixed_m.copy()
    best = np.zeros((decisions, WALKS), dtype=np.int64)
    so_far = np.full((decisions + 1, graph.states[0]), np.inf)
    share, since = 1.0, 0
    for _ in range(rounds):
        price_ways(graph, worth_m, ways_m, cost, best)
        forward(graph, cost, so_far)
        floor_m = so_far[decisions, graph.states[1]]
        for each in range(wanted.size):
            floor_m += worth_m[each] * wanted[each]
        since += 1
        if floor_m > answer.floor_m[0]:
            if floor_m > answer.floor_m[0] + 1e-4 * abs(floor_m):
                since = 0
            answer.floor_m[0] = floor_m
            answer.worth_m[:] = worth_m
        if since > PATIENCE:
            share, since = share / 2, 0
            worth_m[:] = answer.worth_m
            heading[:] = 0.0
        missing = passed_too_little(graph, wanted, so_far, cost, best, answer.on)
        square = 0.0
        for each in range(wanted.size):
            heading[each] = missing[each] + KEPT * heading[each]
            square += heading[each] ** 2
        if share < SHORTEST or square == 0.0 or known_m <= answer.floor_m[0]:
            return
        step = share * (known_m - floor_m) / square
        for each in range(wanted.size):
            worth_m[each] = max(0.0, worth_m[each] + step * heading[each])


@compiled
def price_ways(graph: Graph, worth_m: Floats, ways_m: Floats, cost: Floats, best: Ints) -> None:
    """What each way costs less what it passes; the least of each choice, and which way that is."""
    for way in range(graph.metres.size):
        cost[graph.decision[way], graph.choice[way]] = np.inf
    for way in range(graph.metres.size):
        metres = graph.metres[way]
        for at in range(graph.start[way], graph.start[way + 1]):
            metres -= worth_m[graph.article[at]] * graph.held[at]
        ways_m[way] = metres
        decision, choice = graph.decision[way], graph.choice[way]
        if metres < cost[decision, choice]:
            cost[decision, choice] = metres
            best[decision, choice] = way


@compiled
def forward(graph: Graph, cost: Floats, so_far: Floats) -> None:
    """The least cost of each state before each decision, and in the end."""
    so_far[:] = np.inf
    so_far[0, 0] = 0.0
    for decision in range(graph.kinds.size):
        kind = graph.kinds[decision]
        for row in range(graph.first[kind], graph.first[kind + 1]):
            before, then, choice = graph.moves[row]
            total = so_far[decision, before] + cost[decision, choice]
            so_far[decision + 1, then] = min(so_far[decision + 1, then], total)


@compiled
def both_ends(graph: Graph, cost: Floats, through: Floats) -> None:
    """The least cost of all paths that take a choice, shape (d, WALKS)."""
    decisions = graph.kinds.size
    so_far = np.full((decisions + 1, graph.states[0]), np.inf)
    forward(graph, cost, so_far)
    onward = np.full(graph.states[0], np.inf)
    onward[graph.states[1]] = 0.0
    for decision in range(decisions - 1, -1, -1):
        kind = graph.kinds[decision]
        earlier = np.full(graph.states[0], np.inf)
        for row in range(graph.first[kind], graph.first[kind + 1]):
            before, then, choice = graph.moves[row]
            rest = onward[then] + cost[decision, choice]
            earlier[before] = min(earlier[before], rest)
            total = so_far[decision, before] + rest
            through[decision, choice] = min(through[decision, choice], total)
        onward = earlier


@compiled
def passed_too_little(
    graph: Graph, wanted: Ints, so_far: Floats, cost: Floats, best: Ints, on: NDArray[np.bool_]
) -> Floats:
    """What the shortest path lacks of each article; below 0: what it passes too much."""
    missing = wanted.astype(np.float64)
    on[:] = False
    state = graph.states[1]
    for decision in range(graph.kinds.size - 1, -1, -1):
        kind, least, came, taken = graph.kinds[decision], np.inf, 0, 0
        for row in range(graph.first[kind], graph.first[kind + 1]):
            before, then, choice = graph.moves[row]
            total = so_far[decision, before] + cost[decision, choice]
            if then == state and total < least:
                least, came, taken = total, before, choice
        state = came
        if not np.isfinite(graph.fixed_m[decision, taken]):  # a way
            way = best[decision, taken]
            on[way] = True
            for at in range(graph.start[way], graph.start[way + 1]):
                missing[graph.article[at]] -= graph.held[at]
    return missing
