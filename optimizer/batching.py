"""Which orders are picked in one walk.

Orders are gathered into batches that fit a cart, so that the walks together are short. Each stage
begins with what the one before found, and stops when the time is up:

    first come  carts are filled in the order of the orders: the yardstick
    savings     one begins with a walk for each order and joins, again and again, the two batches
                whose join saves most, until no join that fits saves anything; after every join
                the savings with the new batch are computed anew
    annealing   orders change their batches (optimizer.batching_anneal)
    partition   the best choice among all batches that were seen, or, where these are few enough,
                among all that there are: then it is proven (optimizer.batching_partition)

Walks are exact (`optimizer.batching_walks`). Without limits given it stops after the savings. An
iteration is a round of annealing; with iterations and no seconds the answer depends on the seed
alone. Of more than PART_MAX orders those that lie alike are weighed with each other only.

Lengths are metres. Sizes and capacity are in any one unit (Soko: units of goods).

Source: G. Clarke and J. Wright, Operations Research 12(4), 1964; as "C&W(ii)" for order batching
in R. de Koster, E. van der Poort, M. Wolters, Int. J. Production Research 37(7), 1999.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from optimizer import picktour
from optimizer.batching_anneal import (
    COLUMNS_MAX,
    ROUND,
    Known,
    Orders,
    World,
    keys_of,
    nothing_known,
    try_changes,
    world_of,
)
from optimizer.batching_walks import WORD, Floats, Ground, Stops, ground_of, lengths_m
from optimizer.compiled import IS_COMPILED
from optimizer.layout import Block
from optimizer.result import Limits, Progress, Solution, Status, Stopwatch, unheard

Ints = NDArray[np.int64]

SAVINGS_ONLY = Limits(iterations=0)
PART_MAX = 250  # orders that are weighed with each other
TURNS = 2  # in which they are parted in other places
KNOWN_OF_PART = 1 << 17
HOT, COLD = 0.022, 0.0025  # temperatures at which one begins and ends, in mean walks
LEAST_M = 1e-9
KNOWN_A_ROUND = 2 * ROUND  # batches that are new in a round, at most
ANNEALED = 0.7  # of the time, where the best choice among what was seen is looked for afterwards
QUICK, PROVING = 0.1, 0.6  # of the time, where few orders can perhaps be proven at once
CHOOSING_S = 2.0  # with less time than that it is not
SETS_MAX, SETS_PLAIN = 400_000, 4_000  # all batches that there are, to choose among; as it is
SETS_A_ROUND = 50  # with iterations alone: of them so many more with each


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Orders with their stops in one block.

    Attributes:
        aisle: shape (p,), of each stop.
        depth_m: shape (p,), of each stop.
        order_of_stop: shape (p,), 0-based.
        size_of_order: shape (o,).
        capacity: of a cart. An order larger than a cart is a batch of its own.
        orders_max: how many orders a cart has room for (slots); None: as many as fit.
    """

    block: Block
    aisle: Ints
    depth_m: NDArray[np.float64]
    order_of_stop: Ints
    size_of_order: Ints
    capacity: int
    depot_aisle: int = 0
    orders_max: int | None = None

    def __post_init__(self) -> None:
        if not self.aisle.shape == self.depth_m.shape == self.order_of_stop.shape:
            raise ValueError("aisle, depth_m and order_of_stop must have one length")
        orders = self.size_of_order.size
        if self.aisle.size and not (
            0 <= self.order_of_stop.min() <= self.order_of_stop.max() < orders
        ):
            raise ValueError(f"order_of_stop must lie in [0, {orders})")
        if self.capacity < 1 or np.any(self.size_of_order < 0):
            raise ValueError("the capacity must be at least 1 and sizes at least 0")
        if self.orders_max is not None and self.orders_max < 1:
            raise ValueError("a cart must have room for at least 1 order")
        self._tour(np.ones(self.aisle.size, dtype=bool))  # says what is wrong with the stops

    def walk_m(self, orders: frozenset[int]) -> float:
        """The shortest walk that visits all stops of these orders."""
        return picktour.length_m(self._tour(np.isin(self.order_of_stop, sorted(orders))))

    def _tour(self, mine: NDArray[np.bool_]) -> picktour.Problem:
        return picktour.Problem(
            block=self.block,
            aisle=self.aisle[mine],
            depth_m=self.depth_m[mine],
            depot_aisle=self.depot_aisle,
        )


def solve(
    problem: Problem,
    *,
    limits: Limits = SAVINGS_ONLY,
    seed: int = 0,
    progress: Progress = unheard,
) -> Solution[Ints]:
    """Batches of the orders.

    Returns:
        a solution whose plan has shape (o,): the number of each order's batch, from 0.
    """
    watch = Stopwatch()
    stops = Stops(problem.aisle, problem.depth_m, problem.order_of_stop)
    ground, bits = ground_of(problem.block, problem.depot_aisle, stops, problem.size_of_order.size)
    work = _Work(problem, ground, bits, seed)
    alone_m = float(lengths_m(ground, bits).sum())
    stages = {"one_order_a_walk": alone_m, "first_come": work.total_m(first_come(problem))}
    plan = work.savings()
    total_m = stages["savings"] = work.total_m(plan)
    bound = work.of_one_walk_m()
    progress(total_m, bound)
    if not limits.is_over(watch, 0, total_m, bound):
        plan, bound = work.improved(plan, limits, watch, progress, stages)
        total_m = work.total_m(plan)
    return Solution(
        status=Status.FEASIBLE if bound is None or bound < total_m - LEAST_M else Status.OPTIMAL,
        plan=_numbered(plan),
        objective=total_m,
        bound=bound,
        runtime_s=watch.elapsed_s,
        seed=seed,
        terms={"walking_m": total_m},
        stages=stages,
    )


def first_come(problem: Problem) -> Ints:
    """Carts filled in the order of the orders: shape (o,), the number of each order's batch."""
    plan = np.zeros(problem.size_of_order.size, dtype=np.int64)
    number, load, count = -1, 0, 0
    for order, size in enumerate(problem.size_of_order.tolist()):
        full = problem.orders_max is not None and count >= problem.orders_max
        if number < 0 or full or load + size > problem.capacity:
            number, load, count = number + 1, 0, 0
        plan[order] = number
        load, count = load + size, count + 1
    return plan


class _Work:
    """A problem on the way to its batches."""

    def __init__(self, problem: Problem, ground: Ground, bits: Ints, seed: int) -> None:
        orders = problem.size_of_order.size
        most = orders if problem.orders_max is None else problem.orders_max
        self.ground, self.seed = ground, seed
        self.orders = Orders(
            bits, problem.size_of_order, keys_of(orders, seed),
            np.array([problem.capacity, most], dtype=np.int64),
        )  # fmt: skip

    def total_m(self, plan: Ints) -> float:
        """How long the walks of a plan are together."""
        together = np.zeros((plan.max(initial=-1) + 1, *self.orders.bits.shape[1:]), dtype=np.int64)
        np.bitwise_or.at(together, plan, self.orders.bits)
        return float(lengths_m(self.ground, together).sum())

    def of_one_walk_m(self) -> float | None:
        """How long one walk for all orders is, if they fit: several are never shorter."""
        capacity, orders_max = self.orders.most.tolist()
        n = self.orders.size.size
        if n > orders_max or self.orders.size.sum() > capacity:
            return None
        return self.total_m(np.zeros(n, dtype=np.int64))

    def savings(self) -> Ints:
        """Batches by savings; of many orders, part by part."""
        plan = np.zeros(self.orders.size.size, dtype=np.int64)
        batches = 0
        for part in self._parts():
            found = self._joined(part)
            plan[part] = found + batches
            batches += int(found.max(initial=-1)) + 1
        return plan

    def _parts(self) -> list[Ints]:
        """Orders that lie alike: sorted by their furthest and nearest piece."""
        n = self.orders.size.size
        if n <= PART_MAX:
            return [np.arange(n)]
        return np.array_split(_by_place(self.orders.bits), -(-n // PART_MAX))

    def _joined(self, part: Ints) -> Ints:
        """Join the two batches that save most, until no join saves anything."""
        bits, size = self.orders.bits[part].copy(), self.orders.size[part].copy()
        n = part.size
        count = np.ones(n, dtype=np.int64)
        metres = lengths_m(self.ground, bits)
        batch = np.arange(n)
        saved_m = np.zeros((n, n))
        for one in range(n - 1):
            self._save(saved_m, one, np.arange(one + 1, n), (bits, size, count, metres))
        there = np.ones(n, dtype=bool)
        while n:
            one, other = divmod(int(saved_m.argmax()), n)
            if saved_m[one, other] <= LEAST_M:
                break
            bits[one] |= bits[other]
            size[one] += size[other]
            count[one] += count[other]
            metres[one] += metres[other] - saved_m[one, other]
            batch[batch == other] = one
            there[other] = False
            saved_m[[one, other]] = saved_m[:, [one, other]] = 0.0
            rest = np.flatnonzero(there)
            self._save(saved_m, one, rest[rest != one], (bits, size, count, metres))
        return np.unique(batch, return_inverse=True)[1].reshape(-1)

    def _save(
        self, saved_m: Floats, one: int, others: Ints, now: tuple[Ints, Ints, Ints, Floats]
    ) -> None:
        """What joining `one` with each of the others saves; 0 where they do not fit."""
        bits, size, count, metres = now
        capacity, orders_max = self.orders.most
        fit = (size[others] + size[one] <= capacity) & (count[others] + count[one] <= orders_max)
        others = others[fit]
        joined_m = lengths_m(self.ground, bits[others] | bits[one])
        low, high = np.minimum(one, others), np.maximum(one, others)
        saved_m[low, high] = metres[one] + metres[others] - joined_m

    def improved(
        self, plan: Ints, limits: Limits, watch: Stopwatch, progress: Progress,
        stages: dict[str, float],
    ) -> tuple[Ints, float | None]:  # fmt: skip
        """The plan made shorter until the limits are reached, and a bound if there is one."""
        n = self.orders.size.size
        if n > PART_MAX:
            plan = self._part_by_part(plan, limits, watch, progress)
            stages["annealing"] = self.total_m(plan)
            return plan, None
        size = 1 << 20
        if limits.iterations is not None:  # not more than can be filled
            size = min(size, 1 << (limits.iterations * KNOWN_A_ROUND + 64).bit_length())
        known = nothing_known(n, size)
        world = world_of(self.ground, self.orders, plan, known)
        chooses = n <= COLUMNS_MAX and (limits.seconds is None or limits.seconds >= CHOOSING_S)
        plan, bound = world.best, None
        if chooses and n <= WORD:  # few: perhaps it can be proven at once
            self._annealed(world, replace(limits, seconds=_part(limits, QUICK)), watch, progress)
            half = replace(limits, seconds=_part(limits, PROVING))
            plan, bound = self._chosen(world.best, known, half, watch, only_all=True)
            stages["partition"] = self.total_m(plan)
            progress(stages["partition"], bound)
            if limits.is_over(watch, 0, stages["partition"], bound):
                return plan, bound
            world = world_of(self.ground, self.orders, plan, known)
        part = ANNEALED if chooses else 1.0
        self._annealed(world, replace(limits, seconds=_part(limits, part)), watch, progress)
        plan = world.best
        stages["annealing"] = self.total_m(plan)
        if chooses and not limits.is_over(watch):
            plan, again = self._chosen(plan, known, limits, watch)
            bound = max((each for each in (bound, again) if each is not None), default=None)
            stages["partition"] = self.total_m(plan)
            progress(stages["partition"], bound)
        return plan, bound

    def _part_by_part(
        self, plan: Ints, limits: Limits, watch: Stopwatch, progress: Progress
    ) -> Ints:
        """Batches that lie alike are annealed with each other only; then parted in other places."""
        orders, total_m = self.orders, self.total_m(plan)
        begun_s = watch.elapsed_s
        for turn in range(TURNS):
            parts = self._alike(plan, PART_MAX if turn else PART_MAX // 2)
            for at, mine in enumerate(parts):
                share = (turn + (at + 1) / len(parts)) / TURNS
                time = limits
                if limits.seconds is not None:
                    time = replace(time, seconds=begun_s + (limits.seconds - begun_s) * share)
                if limits.iterations is not None:
                    time = replace(time, iterations=max(1, limits.iterations // len(parts)))
                part = Orders(orders.bits[mine], orders.size[mine], orders.key[mine], orders.most)
                known = nothing_known(mine.size, KNOWN_OF_PART)
                world = world_of(self.ground, part, _numbered(plan[mine]), known)
                rest_m = total_m - float(world.total_m[0])
                self._annealed(world, time, watch, lambda m, _, r=rest_m: progress(r + m, None))  # type: ignore[misc]
                plan[mine] = plan.max() + 1 + world.best
                total_m = rest_m + float(world.total_m[1])
        return _numbered(plan)

    def _alike(self, plan: Ints, first: int) -> list[Ints]:
        """The orders of batches that lie alike: parts of PART_MAX, the first one of `first`."""
        together = np.zeros((plan.max() + 1, *self.orders.bits.shape[1:]), dtype=np.int64)
        np.bitwise_or.at(together, plan, self.orders.bits)
        place = np.argsort(_by_place(together), kind="stable")  # of each batch in their order
        sorted_ = np.argsort(place[plan], kind="stable")
        ends = np.flatnonzero(np.diff(place[plan][sorted_])) + 1  # one is parted between batches
        cuts = np.searchsorted(ends, np.arange(first, plan.size, PART_MAX))
        return np.split(sorted_, np.unique(ends[cuts[cuts < ends.size]]))

    def _annealed(self, world: World, limits: Limits, watch: Stopwatch, progress: Progress) -> None:
        """Rounds of changes, from hot to cold as the time, or the iterations, go by."""
        chance = np.random.default_rng(self.seed)
        mean_m = float(world.total_m[0]) / max(1, int(np.count_nonzero(world.carts.metres)))
        begun_s, told_m = watch.elapsed_s, float(world.total_m[1])
        done = 0
        while not limits.is_over(watch, done):
            gone = 0.0 if limits.iterations is None else done / limits.iterations
            if limits.seconds is not None:
                gone = max(gone, (watch.elapsed_s - begun_s) / (limits.seconds - begun_s))
            if gone >= 1:
                break
            try_changes(world, chance.random((ROUND, 4)), mean_m * HOT * (COLD / HOT) ** gone)
            done += 1
            if world.total_m[1] < told_m - LEAST_M:
                told_m = float(world.total_m[1])
                progress(told_m, None)

    def _chosen(
        self, plan: Ints, known: Known, limits: Limits, watch: Stopwatch, *, only_all: bool = False
    ) -> tuple[Ints, float | None]:
        """The best choice among all batches that there are, or that were seen; and a bound."""
        from optimizer import batching_partition as partition  # noqa: PLC0415 - loads the solvers

        most = SETS_MAX if IS_COMPILED else SETS_PLAIN
        if limits.iterations is not None:
            most = min(SETS_MAX, limits.iterations * SETS_A_ROUND)
        orders = self.orders
        every = partition.all_sets(self.ground, orders.bits, orders.size, orders.most, most)
        if every is None and only_all:
            return plan, None
        there = np.flatnonzero(known.key)
        sets, metres = every or (known.sets[there], known.metres[there])
        mine, mine_m = self._sets(plan)
        pool = partition.Pool(
            np.concatenate([mine, sets]), np.concatenate([mine_m, metres]), len(mine), plan.size,
            is_all=every is not None,
        )  # fmt: skip
        time = partition.Time(limits, watch, self.seed)
        choice = partition.choose(pool, time, to_the_end=only_all)
        if choice.chosen is not None:
            better = np.full(plan.size, -1, dtype=np.int64)
            for number, inside in enumerate(partition.members(pool.sets[choice.chosen], plan.size)):
                better[inside & (better < 0)] = number
            if self.total_m(better) < self.total_m(plan):
                plan = better
        return plan, choice.bound

    def _sets(self, plan: Ints) -> tuple[Ints, Floats]:
        """The batches of a plan as bits of their orders, and their lengths."""
        n, batches = plan.size, int(plan.max()) + 1
        order = np.arange(n)
        sets = np.zeros((batches, -(-n // WORD)), dtype=np.int64)
        np.bitwise_or.at(sets, (plan, order // WORD), 1 << order % WORD)
        places = np.zeros((batches, *self.orders.bits.shape[1:]), dtype=np.int64)
        np.bitwise_or.at(places, plan, self.orders.bits)
        used = np.any(sets, axis=1)
        return sets[used], lengths_m(self.ground, places[used])


def _part(limits: Limits, part: float) -> float | None:
    return None if limits.seconds is None else limits.seconds * part


def _by_place(bits: Ints) -> Ints:
    """The order of rows of places by their furthest and nearest piece, shape (n,)."""
    used = np.any(bits, axis=2)
    far = used.shape[1] - used[:, ::-1].argmax(axis=1)
    return np.lexsort((np.arange(len(bits)), used.argmax(axis=1), far)).astype(np.int64)


def _numbered(plan: Ints) -> Ints:
    """Batches numbered as their first orders come."""
    first: dict[int, int] = {}
    return np.array(
        [first.setdefault(batch, len(first)) for batch in plan.tolist()], dtype=np.int64
    )
