"""The best way to part orders into batches, looked for to the end: for at most WORD orders.

Each batch costs something `above` what its orders are worth (optimizer.batching_partition), never
less than nothing, and a choice of batches costs as much above the floor as its batches do together.
So one goes down a tree: the first order that has no batch yet gets one, the cheapest above first,
until the sum reaches what is known already. A set of orders that was reached before at no higher
sum is not looked at again.

The tree is gone through a number of STEPS at a time, so that somebody can say stop.

Source: E. Balas and M. Padberg, "Set partitioning: a survey", SIAM Review 18(4), 1976.
"""

from typing import NamedTuple

import numpy as np

from optimizer.batching_walks import Floats, Ints
from optimizer.compiled import compiled

STEPS = 20_000
SEEN = 1 << 21  # sets that are remembered; later ones take their place
EPSILON = 1e-7

DEPTH, FOUND, AT_END = 0, 1, 2


class Tree(NamedTuple):
    """Where the search is.

    Attributes:
        sets: shape (c,), bits of the orders of each batch.
        above_m: shape (c,), at least 0.
        columns: shape (c,), the batches by their first order, the cheapest first.
        first: shape (orders + 1,), where in `columns` those of each order begin.
        at: by depth: which of `columns` is next.
        held: by depth: the orders that have a batch.
        sum_m: by depth: of the batches so far.
        seen, seen_m: sets of orders that were reached, and at what sum.
        best: the batches that were found last, then -1.
        state: the depth, whether anything was found, whether it is at its end.
        limit_m: shape (1,): only choices below are looked for.
    """

    sets: Ints
    above_m: Floats
    columns: Ints
    first: Ints
    at: Ints
    held: Ints
    sum_m: Floats
    seen: Ints
    seen_m: Floats
    best: Ints
    state: Ints
    limit_m: Floats

    @property
    def is_at_end(self) -> bool:
        """Whether nothing better can be found."""
        return bool(self.state[AT_END])

    @property
    def found(self) -> Ints | None:
        """The best batches that were found; None: none below what was asked for."""
        return self.best[self.best >= 0] if self.state[FOUND] else None


def tree_of(sets: Ints, above_m: Floats, orders: int, most_m: float) -> Tree:
    """A search for batches that cost less than `most_m` above the floor."""
    lowest = np.array([(each & -each).bit_length() - 1 for each in sets.tolist()], dtype=np.int64)
    columns = np.lexsort((above_m, lowest)).astype(np.int64)
    tree = Tree(
        sets=sets,
        above_m=above_m,
        columns=columns,
        first=np.searchsorted(lowest[columns], np.arange(orders + 1)).astype(np.int64),
        at=np.zeros(orders + 2, dtype=np.int64),
        held=np.zeros(orders + 2, dtype=np.int64),
        sum_m=np.zeros(orders + 2),
        seen=np.zeros(SEEN, dtype=np.int64),
        seen_m=np.zeros(SEEN),
        best=np.full(orders + 1, -1, dtype=np.int64),
        state=np.zeros(3, dtype=np.int64),
        limit_m=np.array([most_m - EPSILON]),
    )
    tree.at[0] = tree.first[0]
    return tree


@compiled
def go_on(tree: Tree, steps: int) -> None:
    """Go on with the search for so many steps, or to its end."""
    depth = tree.state[DEPTH]
    lowest = first_free(tree.held[depth])
    for _ in range(steps):
        at = tree.at[depth]
        column = tree.columns[at] if at < tree.first[lowest + 1] else -1
        if column < 0 or tree.sum_m[depth] + tree.above_m[column] >= tree.limit_m[0]:
            depth -= 1
            if depth < 0:
                tree.state[AT_END] = 1
                return
            lowest = first_free(tree.held[depth])
            tree.at[depth] += 1
        elif tree.held[depth] & tree.sets[column] or not goes_down(tree, depth, column):
            tree.at[depth] += 1
        else:
            depth += 1
            lowest = first_free(tree.held[depth])
            tree.at[depth] = tree.first[lowest]
    tree.state[DEPTH] = depth


@compiled
def goes_down(tree: Tree, depth: int, column: int) -> bool:
    """Take that batch; whether there is anything further down that is not known."""
    held = tree.held[depth] | tree.sets[column]
    sum_m = tree.sum_m[depth] + tree.above_m[column]
    if held == (1 << (tree.first.size - 1)) - 1:
        tree.limit_m[0] = sum_m - EPSILON
        tree.state[FOUND] = 1
        for each in range(tree.best.size):
            tree.best[each] = tree.columns[tree.at[each]] if each <= depth else -1
        return False
    slot = spread(held) % tree.seen.size
    if tree.seen[slot] == held and tree.seen_m[slot] <= sum_m:
        return False
    tree.seen[slot], tree.seen_m[slot] = held, sum_m
    tree.held[depth + 1], tree.sum_m[depth + 1] = held, sum_m
    return True


@compiled
def first_free(held: int) -> int:
    """The first order that has no batch."""
    lowest = 0
    while (held >> lowest) & 1:
        lowest += 1
    return lowest


@compiled
def spread(word: int) -> int:
    """A number that differs in all its bits where the word differs in one."""
    return word ^ (word >> 17) ^ (word >> 31) ^ (word >> 43)
