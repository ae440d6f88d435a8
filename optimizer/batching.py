"""Which orders are picked in one walk.

Orders are gathered into batches that fit a cart, so that the walks together are short. One
begins with a walk for each order and joins, again and again, the two batches whose join saves
most, until no join that fits saves anything; after every join the savings with the new batch
are computed anew. Walks are exact (`optimizer.picktour`).

Lengths are metres. Sizes and capacity are in any one unit (Soko: units of goods).

Source: G. Clarke and J. Wright, Operations Research 12(4), 1964; as "C&W(ii)" for order batching
in R. de Koster, E. van der Poort, M. Wolters, Int. J. Production Research 37(7), 1999.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizer import picktour
from optimizer.layout import Block
from optimizer.result import Solution, Status, Stopwatch

Ints = NDArray[np.int64]


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

    def walk_m(self, orders: frozenset[int]) -> float:
        """The shortest walk that visits all stops of these orders."""
        mine = np.isin(self.order_of_stop, sorted(orders))
        return picktour.length_m(
            picktour.Problem(
                block=self.block,
                aisle=self.aisle[mine],
                depth_m=self.depth_m[mine],
                depot_aisle=self.depot_aisle,
            )
        )


def solve(problem: Problem, *, seed: int = 0) -> Solution[Ints]:
    """Batches by savings.

    Returns:
        a solution whose plan has shape (o,): the number of each order's batch, from 0.
    """
    watch = Stopwatch()
    walk_m = {
        frozenset({order}): problem.walk_m(frozenset({order}))
        for order in range(problem.size_of_order.size)
    }
    alone_m = sum(walk_m.values())
    joined_m: dict[tuple[frozenset[int], frozenset[int]], float] = {}
    while True:
        best: tuple[float, frozenset[int], frozenset[int]] | None = None
        batches = sorted(walk_m, key=min)
        for at, one in enumerate(batches):
            for other in batches[at + 1 :]:
                if not _fits(problem, one | other):
                    continue
                if (one, other) not in joined_m:
                    joined_m[one, other] = problem.walk_m(one | other)
                saved_m = walk_m[one] + walk_m[other] - joined_m[one, other]
                if saved_m > 0 and (best is None or saved_m > best[0]):
                    best = saved_m, one, other
        if best is None:
            break
        _, one, other = best
        del walk_m[one], walk_m[other]
        walk_m[one | other] = joined_m[one, other]
    total_m = sum(walk_m.values())
    return Solution(
        status=Status.FEASIBLE,
        plan=_numbered(problem, sorted(walk_m, key=min)),
        objective=total_m,
        bound=None,
        runtime_s=watch.elapsed_s,
        seed=seed,
        terms={"walking_m": total_m},
        stages={"one_order_a_walk": alone_m, "savings": total_m},
    )


def _fits(problem: Problem, orders: frozenset[int]) -> bool:
    if problem.orders_max is not None and len(orders) > problem.orders_max:
        return False
    return int(problem.size_of_order[sorted(orders)].sum()) <= problem.capacity


def _numbered(problem: Problem, batches: list[frozenset[int]]) -> Ints:
    batch_of_order = np.zeros(problem.size_of_order.size, dtype=np.int64)
    for number, batch in enumerate(batches):
        batch_of_order[sorted(batch)] = number
    return batch_of_order
