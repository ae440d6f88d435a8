"""Goods that are ordered together, a block of aisles, and orders through it, by a seed.

SKUs belong to families; an order is of one or two of them (what goes together) and now and then of
anything. What sells, sells by rank, and rank has nothing to do with family.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizer.layout import Block, walking_distances_m
from optimizer.slotting import Problem, demand

Ints = NDArray[np.int64]
AISLES, BAYS, FAMILY = 10, 30, 6
PITCH_M, BAY_M = 3.0, 1.2
OTHER = 0.15  # share of lines that are of no family of the order's


@dataclass(frozen=True, slots=True)
class World:
    """A block with a place a bay, and orders to slot by, and others to judge by."""

    block: Block
    aisle: Ints
    depth_m: NDArray[np.float64]
    past: list[Ints]
    future: list[Ints]

    @property
    def places(self) -> int:
        """How many there are, and as many SKUs."""
        return self.aisle.size

    def problem(self, *, together: bool = True) -> Problem:
        """The problem of the past: SKUs lie anywhere today."""
        picks, ties = demand(self.past, self.places)
        front = walking_distances_m(
            self.block, np.append(self.aisle, 0), np.append(self.depth_m, 0.0)
        )
        return Problem(
            picks=picks,
            depot_m=2 * front[-1, :-1],
            between_m=front[:-1, :-1],
            together=ties * together,
            allowed=np.ones((self.places, self.places), dtype=bool),
            now=np.arange(self.places),
        )


def world(orders: int, seed: int) -> World:
    """So many orders in the past, and as many again."""
    chance = np.random.default_rng((orders, seed))
    skus = AISLES * BAYS
    family = chance.permutation(skus) // FAMILY
    rank = 1 / (chance.permutation(skus) + 15)

    def order() -> Ints:
        mine = chance.choice(family, chance.integers(1, 3), p=rank / rank.sum())
        chosen = rank * (np.isin(family, mine) + OTHER / 20)
        size = min(12, 1 + int(chance.poisson(4)))
        return np.asarray(chance.choice(skus, size, replace=False, p=chosen / chosen.sum()))

    place = np.arange(skus)
    return World(
        block=Block(aisles=AISLES, aisle_length_m=(BAYS + 1) * BAY_M, aisle_pitch_m=PITCH_M),
        aisle=place // BAYS,
        depth_m=(place % BAYS + 1).astype(np.float64) * BAY_M,
        past=[order() for _ in range(orders)],
        future=[order() for _ in range(orders)],
    )
