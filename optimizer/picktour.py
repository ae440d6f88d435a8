"""The shortest walk through a block of aisles that visits all stops and returns to the depot.

A tour of a one-block warehouse is a set of walks along aisles and cross-aisles in which every
crossing is met an even number of times and everything hangs together. One goes through the
aisles from left to right and remembers only what the part so far looks like at its right edge:

    how often the back and the front corner of the aisle are touched: 0, odd (U) or even (E),
    and whether what touches them is one piece (1), two pieces (2), or nothing yet (0).

That is seven states, whatever the number of aisles and stops, so the shortest tour is found in
time linear in the aisles. In each aisle a tour may pass once, pass twice, turn back from the
back, from the front, from both around the largest gap, or not enter; between two aisles it may
walk the cross-aisles in five ways. Nothing else is ever shorter.

    back   t ----- t ----- t          depot: front end of `depot_aisle`
           |   x   |       |          x: stops, `depth_m` from the front
    front  b ----- D ----- b

Lengths are metres.

Source: H. D. Ratliff and A. S. Rosenthal, "Order-Picking in a Rectangular Warehouse", Operations
Research 31(3), 1983, 507-521. The depot as a stop at a corner: section 3 there.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from optimizer.layout import Block
from optimizer.result import Solution, Status, Stopwatch

ZERO, ODD, EVEN = "0", "U", "E"
_PLUS_ONE = {ZERO: ODD, ODD: EVEN, EVEN: ODD}
_PLUS_TWO = {ZERO: EVEN, ODD: ODD, EVEN: EVEN}
_ACROSS = ((1, 1), (2, 0), (0, 2), (2, 2), (0, 0))  # walks along back and front to the next aisle


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Stops in a block. `aisle` and `depth_m` have shape (n,); n may be zero."""

    block: Block
    aisle: NDArray[np.int64]
    depth_m: NDArray[np.float64]
    depot_aisle: int = 0

    def __post_init__(self) -> None:
        if self.aisle.shape != self.depth_m.shape or self.aisle.ndim != 1:
            raise ValueError(
                f"aisle and depth_m must be two vectors of one length, "
                f"not {self.aisle.shape} and {self.depth_m.shape}"
            )
        if not 0 <= self.depot_aisle < self.block.aisles:
            raise ValueError(f"depot_aisle must lie in [0, {self.block.aisles})")
        if np.any((self.aisle < 0) | (self.aisle >= self.block.aisles)):
            raise ValueError(f"aisle numbers must lie in [0, {self.block.aisles})")
        if np.any((self.depth_m < 0) | (self.depth_m > self.block.aisle_length_m)):
            raise ValueError(f"depths must lie in [0, {self.block.aisle_length_m}] m")


class State(NamedTuple):
    """The right edge of a part of a tour."""

    back: str
    front: str
    pieces: int


class Walk(NamedTuple):
    """How one aisle is walked: its name, its length, and the gap left out (if any)."""

    kind: str
    length_m: float
    gap: tuple[float, float] | None = None


class Move(NamedTuple):
    """One decision: the walk in an aisle and the walks across to the next."""

    walk: Walk
    across: tuple[int, int]


class _Reached(NamedTuple):
    length_m: float
    moves: tuple[Move, ...]


def solve(problem: Problem, *, seed: int = 0) -> Solution[NDArray[np.int64]]:
    """The shortest tour; exact.

    Returns:
        a solution whose plan has shape (n,): the indices of the stops in the order of the walk.
    """
    watch = Stopwatch()
    if problem.aisle.size == 0:
        empty = np.zeros(0, dtype=np.int64)
        return _solution(empty, 0.0, watch, seed)
    first, length_m, moves = _shortest(problem)
    return _solution(_visits(problem, first, moves), length_m, watch, seed)


def length_m(problem: Problem) -> float:
    """The length of the shortest tour alone, which costs less to find than the tour."""
    return _shortest(problem)[1] if problem.aisle.size else 0.0


def s_shape_length_m(problem: Problem) -> float:
    """The length of the usual rule: pass every aisle that has a stop, return from the last.

    The baseline that people walk by; never shorter than the exact tour.
    """
    if problem.aisle.size == 0:
        return 0.0
    aisles = sorted({int(a) for a in problem.aisle})
    pitch_m, aisle_m = problem.block.aisle_pitch_m, problem.block.aisle_length_m
    across = abs(problem.depot_aisle - aisles[0]) + (aisles[-1] - aisles[0])
    across += abs(aisles[-1] - problem.depot_aisle)
    along = aisle_m * (len(aisles) - len(aisles) % 2)
    if len(aisles) % 2:
        along += 2 * float(problem.depth_m[problem.aisle == aisles[-1]].max())
    return across * pitch_m + along


def _solution(
    plan: NDArray[np.int64], metres: float, watch: Stopwatch, seed: int
) -> Solution[NDArray[np.int64]]:
    return Solution(
        status=Status.OPTIMAL,
        plan=plan,
        objective=metres,
        bound=metres,
        runtime_s=watch.elapsed_s,
        seed=seed,
        terms={"walking_m": metres},
    )


def _shortest(problem: Problem) -> tuple[int, float, tuple[Move, ...]]:
    """The leftmost aisle, the length, and the decisions from there to the rightmost aisle."""
    first = min(int(problem.aisle.min()), problem.depot_aisle)
    last = max(int(problem.aisle.max()), problem.depot_aisle)
    reached = {State(ZERO, ZERO, 0): _Reached(0.0, ())}
    for aisle in range(first, last + 1):
        walks = _walks(problem, aisle)
        onward: dict[State, _Reached] = {}
        for state, so_far in reached.items():
            for walk in walks:
                inside = _after_walk(state, walk.kind)
                if inside is None:
                    continue
                for across, after in _crossings(inside, is_last=aisle == last):
                    if aisle == problem.depot_aisle and inside.front == ZERO and not across[1]:
                        continue  # the tour would pass the depot by
                    metres = so_far.length_m + walk.length_m
                    metres += sum(across) * problem.block.aisle_pitch_m
                    if after not in onward or metres < onward[after].length_m:
                        onward[after] = _Reached(metres, (*so_far.moves, Move(walk, across)))
        reached = onward
    best = min(reached.values(), key=lambda end: end.length_m)
    return first, best.length_m, best.moves


def _walks(problem: Problem, aisle: int) -> list[Walk]:
    """All walks in that aisle that serve its stops."""
    aisle_m = problem.block.aisle_length_m
    depths = np.sort(problem.depth_m[problem.aisle == aisle])
    walks = [Walk("once", aisle_m), Walk("twice", 2 * aisle_m)]
    if depths.size == 0:
        return [Walk("none", 0.0), *walks]
    walks.append(Walk("from_back", 2 * (aisle_m - float(depths[0])), (0.0, float(depths[0]))))
    walks.append(Walk("from_front", 2 * float(depths[-1]), (float(depths[-1]), aisle_m)))
    if depths.size > 1:
        gaps = np.diff(depths)
        at = int(gaps.argmax())
        gap = (float(depths[at]), float(depths[at + 1]))
        walks.append(Walk("both_ends", 2 * (aisle_m - (gap[1] - gap[0])), gap))
    return walks


def _after_walk(state: State, kind: str) -> State | None:
    """The edge after walking an aisle, or None where the part would fall apart for good."""
    back, front, pieces = state
    if kind == "none":
        return state
    if pieces and back == front == ZERO:
        return None  # the tour was closed further left
    if kind == "once":
        return State(_PLUS_ONE[back], _PLUS_ONE[front], 1)
    if kind == "twice":
        return State(_PLUS_TWO[back], _PLUS_TWO[front], 1)
    if kind in {"from_back", "both_ends"}:
        pieces += back == ZERO
        back = _PLUS_TWO[back]
    if kind in {"from_front", "both_ends"}:
        pieces += front == ZERO
        front = _PLUS_TWO[front]
    return State(back, front, pieces)


def _crossings(state: State, *, is_last: bool) -> Iterator[tuple[tuple[int, int], State]]:
    """The ways on to the next aisle, each with the edge there."""
    back, front, pieces = state
    if is_last:
        if pieces == 1 and ODD not in (back, front):
            yield (0, 0), state
        return
    for across in _ACROSS:
        if (back == ODD) != (across[0] == 1) or (front == ODD) != (across[1] == 1):
            continue
        joined = pieces + (back == ZERO and across[0] > 0) + (front == ZERO and across[1] > 0)
        if pieces and back == front == ZERO and any(across):
            continue  # closed further left
        if joined > 1 and not all(across):
            continue  # one of two pieces would be left behind
        yield across, State((ZERO, ODD, EVEN)[across[0]], (ZERO, ODD, EVEN)[across[1]], joined)


def _visits(problem: Problem, first: int, moves: tuple[Move, ...]) -> NDArray[np.int64]:
    """Walk the edges of the tour once each (Hierholzer) and note when each stop comes first."""
    edges: defaultdict[tuple[int, float], list[tuple[int, float]]] = defaultdict(list)

    def join(one: tuple[int, float], other: tuple[int, float], times: int) -> None:
        for _ in range(times):
            edges[one].append(other)
            edges[other].append(one)

    aisle_m = problem.block.aisle_length_m
    stops: defaultdict[tuple[int, float], list[int]] = defaultdict(list)
    for index in range(problem.aisle.size):
        stops[int(problem.aisle[index]), float(problem.depth_m[index])].append(index)
    for aisle, move in enumerate(moves, start=first):
        join((aisle, aisle_m), (aisle + 1, aisle_m), move.across[0])
        join((aisle, 0.0), (aisle + 1, 0.0), move.across[1])
        if move.walk.kind == "none":
            continue
        depths = sorted({0.0, aisle_m, *(depth for a, depth in stops if a == aisle)})
        for low, high in pairwise(depths):
            gap = move.walk.gap
            if gap is None or not (gap[0] <= low and high <= gap[1]):
                join((aisle, low), (aisle, high), 1 if move.walk.kind == "once" else 2)

    path, circuit = [(problem.depot_aisle, 0.0)], []
    while path:
        if edges[path[-1]]:
            onward = edges[path[-1]].pop()
            edges[onward].remove(path[-1])
            path.append(onward)
        else:
            circuit.append(path.pop())
    order = [index for place in dict.fromkeys(circuit) for index in stops.get(place, ())]
    assert len(order) == problem.aisle.size, "the tour visits every stop"
    return np.array(order, dtype=np.int64)
