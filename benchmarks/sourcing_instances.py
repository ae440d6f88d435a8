"""Instances of sourcing: the published ones, read from files, and days of our own by a seed.

A file (see `read`) has every unit as a line of its own, since units may be sent or not one by one.

A day of our own: six DCs and stores near the 15 cities of a country of 1,000 x 800 km; customers
too, but most in the large cities. SKUs by
rank 1 / (rank + 6); baskets of one to eight lines. Two carriers, of which the cheaper one that
keeps the promise takes the parcel: none may, and where the cut-off has passed more often none
does. A SKU lies at a few nodes, at more of them if it sells well: a unit and its part of six
fifths of a usual day. So nothing is lacking in the network and much at a place. DCs and stores can
send so many parcels. Costs are in 1/100 of a unit of money.
"""

import gzip
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from optimizer.sourcing_problem import Floats, Ints, Problem

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "data" / "optimizer" / "sourcing"
LINES = ((1, 2, 3, 4, 5, 6, 8), (0.42, 0.24, 0.14, 0.09, 0.05, 0.04, 0.02))
BACKORDER = 2500.0
CITIES = 15
ROOM = 1.6  # parcels of all nodes for each order: a day of the peak


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """A problem, how a rule would rank the nodes (o, n), and the best cost that is known."""

    problem: Problem
    rank: Floats
    best: float | None = None


def is_there() -> bool:
    """Whether the published instances are at hand."""
    return (FOLDER / "best_known.json").exists()


def read(name: str) -> Instance:
    """A published instance."""
    with gzip.open(FOLDER / f"{name}.json.gz") as file:
        data: dict[str, Any] = json.load(file)
    known = json.loads((FOLDER / "best_known.json").read_text())
    stock = np.zeros((data["nodes"], data["skus"]), dtype=np.int64)
    worth = np.zeros(stock.shape)
    if "stock" in data:
        stock[:], worth[:] = data["stock"], data["stock_opportunity"]
    else:
        for node, sku, units, value in data["stock_sparse"]:
            stock[node, sku], worth[node, sku] = units, value
    parcel = np.array(data["parcel_cost"], dtype=np.float64)
    parcel[parcel < 0] = np.inf
    pairs = [
        (order, sku)
        for order, (skus, units) in enumerate(data["orders"])
        for sku, count in zip(skus, units, strict=True)
        for _ in range(count)
    ]
    of_order, of_sku = np.array(pairs, dtype=np.int64).T
    per_kg = np.array(data["per_kg"])
    weight = np.array(data["sku_weight"])[of_sku]
    problem = Problem(
        order_of_line=of_order,
        sku_of_line=of_sku,
        units=np.ones(of_sku.size, dtype=np.int64),
        stock=stock,
        parcel_cost=parcel,
        unit_cost=np.array(data["handling"], dtype=np.float64)
        + np.round(per_kg[of_order] * weight[:, None])
        + worth[:, of_sku].T,
        backorder_cost=np.full(of_sku.size, float(data["backorder"])),
        parcels=np.array(data["parcel_capacity"], dtype=np.int64),
    )
    best = next(float(each["best"]) for each in known if each["name"] == name)
    return Instance(problem=problem, rank=per_kg, best=best)


class Country:
    """A network of our own, by a seed; its days are drawn by theirs."""

    def __init__(self, seed: int, *, nodes: int, skus: int, orders: int) -> None:
        chance = np.random.default_rng([seed, 0])
        self.seed, self.orders = seed, orders
        self.is_dc = np.arange(nodes) < 6
        self.cities = chance.random((CITIES, 2)) * (1000, 800)
        self.where = self._near(chance, nodes, np.full(CITIES, 1 / CITIES))
        self.where[:6] = chance.random((6, 2)) * (1000, 800)
        self.handling = np.where(
            self.is_dc, chance.integers(40, 70, nodes), chance.integers(120, 220, nodes)
        ).astype(np.float64)
        self.weight_kg = np.round(np.minimum(4, chance.lognormal(-0.4, 0.6, skus)), 2)
        self.share = 1 / (np.arange(skus) + 6.0)
        self.share /= self.share.sum()
        self.stock = self._stock(chance, nodes, skus)
        room = np.where(
            self.is_dc,
            0.95 / 6 * chance.uniform(0.6, 1.4, nodes),
            0.65 / max(1, nodes - 6) * chance.uniform(0.65, 1.35, nodes),
        )
        self.parcels = np.maximum(1, ROOM * orders * room / room.sum()).astype(np.int64)
        self.is_late = chance.random(nodes) < 0.5  # of orders that come after the cut-off

    def _near(self, chance: np.random.Generator, count: int, share: Floats) -> Floats:
        """Places near cities."""
        city = chance.choice(CITIES, size=count, p=share)
        found: Floats = self.cities[city] + chance.normal(0, 40, (count, 2))
        return found

    def _stock(self, chance: np.random.Generator, nodes: int, skus: int) -> Ints:
        wanted, stores = self.orders * 2.4 * self.share, max(1, nodes - 6)
        known = (self.share / self.share[0]) ** 0.35  # what sells well lies in more places
        odds = np.where(self.is_dc[:, None], 0.15 + 0.25 * known, (2 + 12 * known) / stores)
        carries = odds > chance.random((nodes, skus))
        carries[0] |= ~carries.any(axis=0)
        size = np.where(self.is_dc, 0.4 / 6, 0.6 / stores)
        share = carries.astype(np.float64) * size[:, None]
        share = share / share.sum(axis=0)
        stock: Ints = (carries * (1 + chance.poisson(1.2 * wanted * share))).astype(np.int64)
        return stock

    def day(self, number: int) -> Instance:
        """The orders of one day."""
        chance = np.random.default_rng([self.seed, 1, number])
        orders, nodes = self.orders, self.is_dc.size
        count = chance.choice(LINES[0], size=orders, p=LINES[1])
        of_order = np.repeat(np.arange(orders), count)
        of_sku = chance.choice(self.share.size, size=of_order.size, p=self.share)
        people = 1 / np.arange(1, CITIES + 1)
        where = self._near(chance, orders, people / people.sum())
        km = np.hypot(*(where[:, None, :] - self.where[None]).transpose(2, 0, 1))
        promise = chance.choice([1, 2, 3], size=orders, p=[0.25, 0.5, 0.25])
        leaves = (chance.random(orders) < 0.5)[:, None] & self.is_late[None, :]
        left = promise[:, None] - leaves
        parcel = np.full((orders, nodes), np.inf)
        for base, per_km, a_day in ((470.0, 0.5, 400.0), (1250.0, 0.85, 1200.0)):
            cost = np.round(base + per_km * km)
            keeps = np.ceil(km / a_day) <= left
            parcel = np.where(keeps, np.minimum(parcel, cost), parcel)
        per_kg = np.where(np.isfinite(parcel), 0.1 * (parcel - 330), 0.0)
        problem = Problem(
            order_of_line=of_order.astype(np.int64),
            sku_of_line=of_sku.astype(np.int64),
            units=np.ones(of_sku.size, dtype=np.int64),
            stock=self.stock,
            parcel_cost=parcel,
            unit_cost=self.handling + np.round(per_kg[of_order] * self.weight_kg[of_sku][:, None]),
            backorder_cost=np.full(of_sku.size, BACKORDER),
            parcels=self.parcels,
        )
        return Instance(problem=problem, rank=km)
