"""The shortest walk through places of any shape: given ways between them and how long they are.

Where a warehouse is not a block of parallel aisles (a store, a mezzanine, aisles of one direction),
its ways are a graph: ends and lengths, walked both ways or one. Shortest distances between the
stops are found by Dijkstra; then it is the problem of the travelling salesman:

    insertion   each stop is put where it makes the round least longer, the furthest first
    exchange    stops in a row are put elsewhere, while that is shorter
    exact       up to EXACT_MAX stops, by the shortest way through every set of them (Held, Karp)
    circuit     more: CP-SAT over successors, with a bound up to ALL_MAX stops; over the NEAR
                nearest successors of each beyond that, without

Lengths are metres; CP-SAT counts millimetres. An iteration is one of `optimizer.cpsat`.

Source: E. Dijkstra, 1959; M. Held and R. Karp, "A dynamic programming approach to sequencing
problems", J. SIAM 10(1), 1962; I. Or, 1976.
"""

from collections import defaultdict
from dataclasses import dataclass
from heapq import heappop, heappush

import numpy as np
from numpy.typing import NDArray
from ortools.sat.python import cp_model

from optimizer.cpsat import search
from optimizer.result import Limits, Progress, Solution, Status, Stopwatch, unheard

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

DEFAULT = Limits(seconds=5.0)
EXACT_MAX, ALL_MAX, NEAR = 11, 60, 12
PART_MAX = 3  # stops that are put elsewhere together
MM = 1000
LEAST_M = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Stops in a graph.

    Attributes:
        ways: shape (w, 2), the places at the ends of each way, 0-based.
        metres: shape (w,), how long each is.
        stops: shape (n,), the place of each stop.
        depot: the place where one begins and ends.
        both_ways: whether ways are walked from either end; else from the first to the second.
    """

    ways: Ints
    metres: Floats
    stops: Ints
    depot: int = 0
    both_ways: bool = True

    def __post_init__(self) -> None:
        if self.ways.ndim != 2 or self.ways.shape != (self.metres.size, 2):  # noqa: PLR2004
            raise ValueError(f"ways must have shape ({self.metres.size}, 2), a length each")
        if np.any(self.ways < 0) or np.any(self.stops < 0) or self.depot < 0:
            raise ValueError("places are numbered from 0")
        if not np.all(self.metres >= 0) or not np.all(np.isfinite(self.metres)):
            raise ValueError("metres must be finite and at least 0")

    def distances_m(self) -> Floats:
        """From the depot (0) and each stop (from 1 on) to each other; inf: no way leads there."""
        onward: defaultdict[int, list[tuple[int, float]]] = defaultdict(list)
        for (one, other), metres in zip(self.ways.tolist(), self.metres.tolist(), strict=True):
            onward[one].append((other, metres))
            if self.both_ways:
                onward[other].append((one, metres))
        places = [self.depot, *self.stops.tolist()]
        rows = {place: _from_m(onward, place) for place in set(places)}
        return np.array([[rows[one].get(other, np.inf) for other in places] for one in places])


def solve(
    problem: Problem, *, limits: Limits = DEFAULT, seed: int = 0, progress: Progress = unheard
) -> Solution[Ints]:
    """The shortest round.

    Returns:
        a solution whose plan has shape (n,): the indices of the stops in the order of the walk.
        INFEASIBLE where no way leads to a stop or back; `why` says to which.
    """
    watch = Stopwatch()
    distance_m = problem.distances_m()
    lost = np.flatnonzero(~np.isfinite(distance_m[0] + distance_m[:, 0]))
    if lost.size:
        why = tuple(f"no way leads to stop {stop - 1} and back" for stop in lost.tolist())
        return _solution(np.zeros(0, dtype=np.int64), (0.0, None), watch, seed, why=why)
    stages: dict[str, float] = {}
    order = _begun(distance_m, stages)
    best_m, bound = stages["exchange"], None
    progress(best_m, None)
    if problem.stops.size <= EXACT_MAX:
        order = _exact(distance_m)
        best_m = stages["exact"] = bound = walked_m(distance_m, order)
    elif not limits.is_over(watch):
        found, bound = _circuit(distance_m, order, limits, seed, watch, progress)
        if walked_m(distance_m, found) < best_m - LEAST_M:
            order = found
        best_m = stages["circuit"] = walked_m(distance_m, order)
    return _solution(order - 1, (best_m, bound), watch, seed, stages=stages)


def _begun(distance_m: Floats, stages: dict[str, float]) -> Ints:
    """A round by insertion and exchange, shape (n,), from 1 on; `stages` hears how long it is."""
    order = _inserted(distance_m)
    stages["insertion"] = walked_m(distance_m, order)
    while _put_elsewhere(distance_m, order):
        pass
    stages["exchange"] = walked_m(distance_m, order)
    return order


def walked_m(distance_m: Floats, order: Ints) -> float:
    """How long a round is, from the depot and back to it."""
    path = np.concatenate([[0], order, [0]]).astype(np.int64)
    return float(distance_m[path[:-1], path[1:]].sum())


def _solution(
    plan: Ints, found: tuple[float, float | None], watch: Stopwatch, seed: int, *,
    why: tuple[str, ...] = (), stages: dict[str, float] | None = None,
) -> Solution[Ints]:  # fmt: skip
    metres, bound = found
    is_best = bound is not None and metres <= bound + 1 / MM
    status = Status.OPTIMAL if is_best else Status.FEASIBLE
    return Solution(
        status=Status.INFEASIBLE if why else status,
        plan=plan,
        objective=metres,
        bound=metres if is_best else bound,
        runtime_s=watch.elapsed_s,
        seed=seed,
        terms={"walking_m": metres},
        stages=stages or {},
        why=why,
    )


def _from_m(onward: dict[int, list[tuple[int, float]]], start: int) -> dict[int, float]:
    """How far each place is from there."""
    far_m: dict[int, float] = {}
    queue = [(0.0, start)]
    while queue:
        metres, place = heappop(queue)
        if place in far_m:
            continue
        far_m[place] = metres
        for other, more_m in onward.get(place, ()):
            if other not in far_m:
                heappush(queue, (metres + more_m, other))
    return far_m


def _inserted(distance_m: Floats) -> Ints:
    """Each stop where it makes the round least longer, the furthest first."""
    path = np.array([0, 0], dtype=np.int64)
    furthest = np.argsort(-(distance_m[0] + distance_m[:, 0])[1:], kind="stable") + 1
    for stop in furthest:
        one, other = path[:-1], path[1:]
        more_m = distance_m[one, stop] + distance_m[stop, other] - distance_m[one, other]
        path = np.insert(path, int(more_m.argmin()) + 1, stop)
    return path[1:-1]


def _put_elsewhere(distance_m: Floats, order: Ints) -> bool:
    """Put up to PART_MAX stops in a row where the round is shortest with them; whether any were."""
    n = order.size
    for length in range(1, min(PART_MAX, n - 1) + 1):
        for at in range(n - length + 1):
            part = order[at : at + length]
            rest = np.concatenate([[0], order[:at], order[at + length :], [0]])
            one, other = rest[:-1], rest[1:]
            more_m = distance_m[one, part[0]] + distance_m[part[-1], other] - distance_m[one, other]
            into = int(more_m.argmin())
            if more_m[into] < more_m[at] - LEAST_M:
                order[:] = np.insert(rest[1:-1], into, part.copy())
                return True
    return False


def _exact(distance_m: Floats) -> Ints:
    """The shortest round: of every set of stops, the shortest way through it to each of them."""
    n = distance_m.shape[0] - 1
    if n == 0:
        return np.zeros(0, dtype=np.int64)
    apart_m, all_ = distance_m[1:, 1:], (1 << n) - 1
    far_m = np.full((1 << n, n), np.inf)
    came = np.zeros((1 << n, n), dtype=np.int64)
    far_m[1 << np.arange(n), np.arange(n)] = distance_m[0, 1:]
    for inside in range(1, all_):
        outside = [stop for stop in range(n) if not inside >> stop & 1]
        onward_m = far_m[inside][:, None] + apart_m[:, outside]
        last = onward_m.argmin(axis=0)
        then = [inside | 1 << stop for stop in outside]
        far_m[then, outside] = onward_m[last, np.arange(len(outside))]
        came[then, outside] = last
    order, inside = [int((far_m[all_] + distance_m[1:, 0]).argmin())], all_
    while inside & (inside - 1):
        stop = order[-1]
        order.append(int(came[inside, stop]))
        inside ^= 1 << stop
    return np.array(order[::-1], dtype=np.int64) + 1


def _circuit(
    distance_m: Floats, order: Ints, limits: Limits, seed: int, watch: Stopwatch, progress: Progress
) -> tuple[Ints, float | None]:  # fmt: skip
    """A round by CP-SAT from one that is known, and a floor under all if there is one."""
    n = distance_m.shape[0]
    path = np.concatenate([[0], order]).astype(np.int64)
    follows = dict(zip(path.tolist(), np.roll(path, -1).tolist(), strict=True))
    model = cp_model.CpModel()
    arcs: dict[tuple[int, int], cp_model.IntVar] = {}
    for one in range(n):
        nearest = np.argsort(distance_m[one], kind="stable").tolist()
        near = range(n) if n <= ALL_MAX else {*nearest[: NEAR + 1], follows[one]}
        for other in sorted(set(near) - {one}):
            arcs[one, other] = model.new_bool_var("")
            model.add_hint(arcs[one, other], follows[one] == other)
    model.add_circuit([(one, other, arc) for (one, other), arc in arcs.items()])
    model.minimize(sum(round(distance_m[leg] * MM) * arc for leg, arc in arcs.items()))

    def heard(best: float, bound: float | None) -> None:
        progress(best / MM, bound / MM if bound is not None and n <= ALL_MAX else None)

    found = search(model, limits=limits, seed=seed, watch=watch, progress=heard)
    if not found.has_plan:
        return order, None
    then = {one: other for (one, other), arc in arcs.items() if found(arc)}
    walk = [then[0]]
    while then[walk[-1]] != 0:
        walk.append(then[walk[-1]])
    rounded = n / 2 / MM  # by so much the sum of whole millimetres may be off
    bound = found.bound / MM - rounded if n <= ALL_MAX else None
    order = np.array(walk, dtype=np.int64)
    if bound is not None and walked_m(distance_m, order) <= bound + 2 * rounded:
        bound = walked_m(distance_m, order)
    return order, bound
