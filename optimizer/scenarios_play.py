"""A day played on a snapshot: orders drawn, sourced in batches, picked, sent and counted.

1. Orders are drawn from those of past days. The n-th order of the day, its moment and its basket
   depend on the seed and n alone; a factor on demand adds orders or leaves some out, and the
   others stay as they were.
2. Every `batch_minutes` the orders that came are sourced together (optimizer.sourcing) on what is
   left of stock and of what nodes can send. A parcel goes by the carrier that is cheapest, what
   being late and its CO2 weigh included.
3. Nodes pick: robots bring what they can, the rest is walked, in tours of CART units through a
   usual store room (optimizer.picktour). Beyond a shift people cost OVERTIME more.

`KPIS` are the figures. `terms` is what is paid by name, and what being late, CO2 and units that
are not sent weigh; a split is avoided by `rules.split_minor` but costs only its parcels.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeAlias

import numpy as np

from optimizer import picktour, sourcing
from optimizer.layout import Block
from optimizer.result import Limits
from optimizer.scenarios import (
    Carrier,
    Decision,
    Flow,
    Node,
    Order,
    Patch,
    Played,
    Snapshot,
    patched,
)
from optimizer.scenarios_draw import Drawn, draw
from optimizer.sourcing_problem import Floats, Ints, Problem

KPIS = (
    "orders", "lines", "units", "cost_minor", "cost_per_order_minor", "parcels", "splits",
    "late_orders", "on_time_share", "short_units", "fill_share", "co2_kg",
    "pick_hours", "overtime_hours", "pick_metres",
)  # fmt: skip
SPLITS = {"ANY": sourcing.ANY, "WHOLE_LINES": sourcing.WHOLE_LINES, "ONE_SITE": sourcing.ONE_SITE}
STEPS = 300  # of the search, a batch
SHIFT_H, OVERTIME, OVERTIME_SHARE_MAX = 8.0, 1.25, 0.25
UNITS_PER_PICKER_HOUR, UNITS_PER_ROBOT_HOUR = 90, 30
CART, GRAB_S, METRES_PER_S = 20, 12.0, 1.2
ROOM = Block(aisles=10, aisle_length_m=30.0, aisle_pitch_m=4.0)

Ways: TypeAlias = tuple[Ints, Floats, Ints]


@dataclass(slots=True)
class _Day:
    """What a day changes, and what is counted of it."""

    left: Ints  # (n, s)
    room: Ints  # (n,)
    sent: Ints  # (n,) units
    terms: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    flows: dict[tuple[str, str, str], list[int]] = field(
        default_factory=lambda: defaultdict(lambda: [0, 0])
    )
    decisions: list[Decision] = field(default_factory=list)
    co2_g: float = 0.0
    lines: int = 0


def run(snapshot: Snapshot, patches: tuple[Patch, ...] = (), seed: int = 0) -> Played:
    """Play a day on the snapshot with these differences.

    Raises:
        PatchError: one of them cannot apply.
    """
    network = Network(patched(snapshot, patches))
    day = _Day(
        network.stock.copy(), network.room.copy(), np.zeros(len(network.nodes), dtype=np.int64)
    )
    drawn = draw(network.of, seed)
    step = max(1, network.of.rules.batch_minutes)
    batches: dict[int, list[Drawn]] = defaultdict(list)
    for each in drawn:
        batches[each.order.minute // step].append(each)
    for number in sorted(batches):
        _decide(network, day, batches[number], seed)
    return _counted(network, day, snapshot.id, seed)


class Network:
    """A snapshot as arrays: n nodes, c carriers, r regions, s SKUs."""

    def __init__(self, of: Snapshot) -> None:
        self.of = of
        self.nodes = of.nodes
        self.node_at = {node.code: at for at, node in enumerate(of.nodes)}
        self.region_at = {region.code: at for at, region in enumerate(of.regions)}
        self.sku_at = {sku: at for at, sku in enumerate(sorted(of.goods))}
        self.weight_kg = np.array([of.goods[sku] / 1000 for sku in sorted(of.goods)])
        self.stock = np.zeros((len(of.nodes), len(self.sku_at)), dtype=np.int64)
        for code, there in of.stock.items():
            for sku, units in there.items():
                if sku in self.sku_at:
                    self.stock[self.node_at[code], self.sku_at[sku]] = units
        self.room = np.array([_units_per_day(node) for node in of.nodes], dtype=np.int64)
        self.km = _kilometres(of)
        by = of.carriers
        self.base = np.array([_base(self.km, carrier) for carrier in by])  # (c, n, r)
        self.kg = np.array([carrier.kg_minor for carrier in by], dtype=np.float64)
        self.days = np.array([-(-self.km // carrier.km_per_day) for carrier in by])
        self.grams = np.array([self.km * carrier.co2_g_per_km for carrier in by])
        self.packing = np.array([node.packing_minor for node in of.nodes], dtype=np.float64)
        self.handling = np.array([node.handling_minor for node in of.nodes], dtype=np.float64)
        self.cut_off = np.array([node.cut_off_minute for node in of.nodes])

    def ways(self, order: Order) -> Ways:
        """By node: the carrier it would send that order with, what a parcel weighs, days late."""
        rules, to = self.of.rules, self.region_at[order.region]
        kg = sum(units * self.weight_kg[self.sku_at[sku]] for sku, units in order.lines)
        leaves = (order.minute > self.cut_off).astype(np.int64)
        late = np.maximum(0, self.days[:, :, to] + leaves - rules.promise_days)
        cost = self.base[:, :, to] + self.kg[:, None] * kg + late * rules.late_minor
        cost = cost + self.grams[:, :, to] / 1000 * rules.co2_minor_per_kg
        by = cost.argmin(axis=0)
        at = np.arange(by.size)
        parcel = cost[by, at] - self.kg[by] * kg + self.packing
        return by, parcel, late[by, at].astype(np.int64)

    def problem(
        self, orders: Sequence[Order], ways: Sequence[Ways], left: tuple[Ints, Ints]
    ) -> tuple[Problem, Ints]:
        """What is to be decided of these orders on that stock (n, s) and room (n,).

        Returns:
            the problem, and which SKU of the network each of its own is.
        """
        baskets = [_basket(order) for order in orders]
        lines = [(o, self.sku_at[sku], n) for o, b in enumerate(baskets) for sku, n in b.items()]
        of_order, sku, units = np.array(lines, dtype=np.int64).reshape(-1, 3).T
        skus, of_line = np.unique(sku, return_inverse=True)
        rules = self.of.rules
        kg_minor = self.kg[np.array([by for by, _, _ in ways])]  # (o, n)
        problem = Problem(
            order_of_line=of_order,
            sku_of_line=of_line.astype(np.int64),
            units=units,
            stock=np.ascontiguousarray(left[0][:, skus]),
            parcel_cost=np.array([parcel for _, parcel, _ in ways]),
            unit_cost=self.handling + self.weight_kg[sku, None] * kg_minor[of_order],
            backorder_cost=(rules.backorder_minor * units).astype(np.float64),
            policy=np.full(len(orders), SPLITS[rules.split], dtype=np.int64),
            split_cost=np.full(len(orders), float(rules.split_minor)),
            capacity=left[1].copy(),
        )
        return problem, skus


def _units_per_day(node: Node) -> int:
    people = node.pickers * UNITS_PER_PICKER_HOUR * SHIFT_H * (1 + OVERTIME_SHARE_MAX)
    most = int(people + node.robots * UNITS_PER_ROBOT_HOUR * SHIFT_H)
    return most if node.units_per_day is None else min(most, node.units_per_day)


def _kilometres(of: Snapshot) -> Floats:
    """Great circles from nodes to regions, shape (n, r)."""
    here = np.radians([[node.latitude, node.longitude] for node in of.nodes])
    there = np.radians([[region.latitude, region.longitude] for region in of.regions])
    d_lat = (here[:, None, 0] - there[None, :, 0]) / 2
    d_lon = (here[:, None, 1] - there[None, :, 1]) / 2
    a = np.sin(d_lat) ** 2
    a = a + np.cos(here[:, None, 0]) * np.cos(there[None, :, 0]) * np.sin(d_lon) ** 2
    km: Floats = 2 * 6371.0 * np.arcsin(np.sqrt(np.clip(a, 0, 1)))
    return km


def _base(km: Floats, carrier: Carrier) -> Floats:
    found: Floats = carrier.parcel_minor + km * carrier.hundred_km_minor / 100
    return found


def _decide(network: Network, day: _Day, batch: list[Drawn], seed: int) -> None:
    """Source a batch on what is left, and carry it out."""
    ways = [network.ways(each.order) for each in batch]
    problem, skus = network.problem([each.order for each in batch], ways, (day.left, day.room))
    sku, units = skus[problem.sku_of_line], problem.units
    of_order, of_line = problem.order_of_line, problem.sku_of_line
    plan = sourcing.solve(problem, limits=Limits(iterations=STEPS), seed=seed).plan
    day.left[:, skus] -= _by_sku(plan, of_line, skus.size)
    day.room -= plan.sum(axis=0)
    day.sent += plan.sum(axis=0)
    day.lines += units.size
    ends = np.searchsorted(of_order, np.arange(len(batch) + 1))
    for at, each in enumerate(batch):
        mine = slice(ends[at], ends[at + 1])
        _send(network, day, each, ways[at], (sku[mine], units[mine], plan[mine]))


def _basket(order: Order) -> dict[str, int]:
    found: dict[str, int] = defaultdict(int)
    for sku, units in order.lines:
        found[sku] += units
    return found


def _by_sku(plan: Ints, of_line: Ints, skus: int) -> Ints:
    used = np.zeros((skus, plan.shape[1]), dtype=np.int64)
    np.add.at(used, of_line, plan)
    return used.T


def _send(
    network: Network,
    day: _Day,
    drawn: Drawn,
    way: Ways,
    what: tuple[Ints, Ints, Ints],
) -> None:
    """Count the parcels of an order: `what` is its SKUs, their units, and the plan for them."""
    (by, _, late), (skus, units, plan) = way, what
    rules, to = network.of.rules, network.region_at[drawn.order.region]
    spent, days = 0.0, 0
    nodes = np.flatnonzero(plan.any(axis=0)).tolist()
    for node in nodes:
        carrier, sent = int(by[node]), plan[:, node]
        terms = {
            "shipping": network.base[carrier, node, to],
            "weight": network.kg[carrier] * (network.weight_kg[skus] * sent).sum(),
            "packing": network.packing[node],
            "handling": network.handling[node] * sent.sum(),
            "late": float(late[node]) * rules.late_minor,
            "co2": network.grams[carrier, node, to] / 1000 * rules.co2_minor_per_kg,
        }
        for name, value in terms.items():
            day.terms[name] += float(value)
        cost = float(sum(terms.values()))
        day.co2_g += float(network.grams[carrier, node, to])
        code = network.of.carriers[carrier].code
        flow = day.flows[drawn.order.region, network.nodes[node].code, code]
        flow[0] += 1
        flow[1] += round(cost)
        spent, days = spent + cost, max(days, int(late[node]))
    short = int(units.sum() - plan.sum())
    day.terms["backorders"] += short * rules.backorder_minor
    day.decisions.append(
        Decision(
            order=drawn.name,
            region=drawn.order.region,
            nodes=tuple(network.nodes[node].code for node in nodes),
            carriers=tuple(network.of.carriers[int(by[node])].code for node in nodes),
            cost_minor=round(spent),
            late_days=days,
            short_units=short,
        )
    )


@lru_cache(maxsize=CART)
def _tour_m(units: int) -> float:
    """The mean of shortest tours over so many places of a usual store room, metres."""
    chance = np.random.default_rng(units)
    lengths = []
    for _ in range(6):
        aisle = chance.integers(ROOM.aisles, size=units)
        depth_m = chance.integers(1, int(ROOM.aisle_length_m), size=units).astype(np.float64)
        problem = picktour.Problem(block=ROOM, aisle=aisle, depth_m=depth_m)
        lengths.append(picktour.length_m(problem))
    return float(np.mean(lengths))


def _counted(network: Network, day: _Day, snapshot: str, seed: int) -> Played:
    metres = hours = overtime = 0.0
    loads = {}
    for node, sent in zip(network.nodes, day.sent.tolist(), strict=True):
        walked = max(0, sent - int(node.robots * UNITS_PER_ROBOT_HOUR * SHIFT_H))
        carts, rest = divmod(walked, CART)
        node_m = carts * _tour_m(CART) + (_tour_m(rest) if rest else 0.0)
        node_h = (sent * GRAB_S + node_m / METRES_PER_S) / 3600
        shift_h = node.pickers * SHIFT_H
        beyond = max(0.0, node_h - shift_h)
        day.terms["labour"] += (node_h - beyond) * node.picker_minor
        day.terms["overtime"] += beyond * node.picker_minor * OVERTIME
        loads[node.code] = round(node_h / shift_h, 4) if shift_h else 0.0
        metres, hours, overtime = metres + node_m, hours + node_h, overtime + beyond
    orders, parcels = len(day.decisions), sum(flow[0] for flow in day.flows.values())
    late = sum(each.late_days > 0 or each.short_units > 0 for each in day.decisions)
    short = sum(each.short_units for each in day.decisions)
    units = int(day.sent.sum())
    terms = {name: round(value) for name, value in sorted(day.terms.items())}
    cost = sum(terms.values())
    kpis = {
        "orders": orders, "lines": day.lines, "units": units,
        "cost_minor": cost, "cost_per_order_minor": round(cost / max(1, orders), 2),
        "parcels": parcels, "splits": sum(len(each.nodes) > 1 for each in day.decisions),
        "late_orders": late, "on_time_share": round(1 - late / max(1, orders), 4),
        "short_units": short, "fill_share": round(units / max(1, units + short), 4),
        "co2_kg": round(day.co2_g / 1000, 2), "pick_hours": round(hours, 2),
        "overtime_hours": round(overtime, 2), "pick_metres": round(metres),
    }  # fmt: skip
    return Played(
        snapshot=snapshot,
        seed=seed,
        kpis=kpis,
        terms=terms,
        loads=loads,
        flows=tuple(
            Flow(region=region, node=node, carrier=by, parcels=count, cost_minor=minor)
            for (region, node, by), (count, minor) in sorted(day.flows.items())
        ),
        decisions=tuple(day.decisions),
    )
