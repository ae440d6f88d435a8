"""Runs side by side: figures, where the money went, which decisions changed and why. PURE.

    side_by_side(sides) -> dict       the first of them is what the others are held against

With common random numbers the same order comes on the same day of every run, so that differences
are paired: `sure` is a 95 % interval of the mean difference over the days that both have.

    figures      each figure of each run, its difference and interval, and whether more is better
    steps        cost by term: from the first to each other, term by term (a waterfall)
    flows        parcels from node to region by carrier
    cover        days of stock at each node by class of goods (A: 80 % of units, B: 15 %, C: rest)
    hours        parcels at each node by hour of the day
    decisions    orders that went elsewhere, the dearest difference first, with why
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from optimizer.scenarios import Snapshot
from optimizer.scenarios_draw import draw

BETTER_MORE = frozenset({"on_time_share", "fill_share"})
NEITHER = frozenset({"orders", "lines", "units", "parcels", "pick_hours", "pick_metres"})
DECISIONS_MAX = 200
# two-sided 95 % of Student's t, by degrees of freedom; beyond, that of the normal
STUDENT = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23)
NORMAL = 1.96
A_SHARE, B_SHARE = 0.80, 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """A run: its name, the network with its differences, and its days by seed as JSON has them."""

    name: str
    network: Snapshot
    result: Mapping[str, Any]
    days: Mapping[int, Mapping[str, Any]]


def side_by_side(sides: Sequence[Side]) -> dict[str, Any]:
    """All that a page of comparison shows; the first side is the base."""
    base = sides[0]
    return {
        "figures": [
            _figure(name, sides) for name in base.result["kpis"] if name != "cost_per_order_minor"
        ],
        "steps": [_steps(base, side) for side in sides[1:]],
        "flows": [list(side.result["flows"]) for side in sides],
        "cover": [_cover(side) for side in sides],
        "hours": [_hours(side) for side in sides],
        "decisions": [_decisions(base, side) for side in sides[1:]],
        "places": _places(sides),
    }


def _figure(name: str, sides: Sequence[Side]) -> dict[str, Any]:
    better = 0 if name in NEITHER else 1 if name in BETTER_MORE else -1
    return {
        "name": name,
        "better": better,
        "sides": [_figure_of(name, sides[0], side) for side in sides],
    }


def _figure_of(name: str, base: Side, side: Side) -> dict[str, Any]:
    spread = dict(side.result["kpis"].get(name) or {"mean": 0, "p50": 0, "p90": 0, "each": []})
    both = [seed for seed in base.days if seed in side.days]
    paired = [side.days[s]["kpis"][name] - base.days[s]["kpis"][name] for s in both]
    delta = float(np.mean(paired)) if paired else 0.0
    sure = None
    if len(paired) > 1:
        t = STUDENT[len(paired) - 2] if len(paired) - 2 < len(STUDENT) else NORMAL
        sure = round(t * float(np.std(paired, ddof=1)) / len(paired) ** 0.5, 4)
    return {**spread, "delta": round(delta, 4), "sure": sure}


def _steps(base: Side, side: Side) -> list[dict[str, Any]]:
    one, other = base.result["terms"], side.result["terms"]
    steps = [
        {"term": term, "delta": round(other.get(term, 0) - one.get(term, 0))}
        for term in sorted({*one, *other})
    ]
    return sorted((s for s in steps if s["delta"]), key=lambda s: (-abs(s["delta"]), s["term"]))


def _classes(of: Snapshot) -> dict[str, str]:
    """A, B or C of each SKU, by units wanted."""
    wanted: dict[str, int] = dict.fromkeys(of.goods, 0)
    for order in of.orders:
        for sku, units in order.lines:
            wanted[sku] += units
    total, so_far, found = max(1, sum(wanted.values())), 0, {}
    for sku in sorted(wanted, key=lambda sku: (-wanted[sku], sku)):
        share = so_far / total
        found[sku] = "A" if share < A_SHARE else "B" if share < B_SHARE else "C"
        so_far += wanted[sku]
    return found


def _cover(side: Side) -> list[dict[str, Any]]:
    """Days for which a node's stock would last, if it sent its share of what is wanted."""
    of, classes = side.network, _classes(side.network)
    factor = of.orders_per_day / max(1, len(of.orders))
    rate: dict[str, float] = defaultdict(float)
    for order in of.orders:
        demand = (of.demand or {}).get(order.region, 1.0) * factor
        for sku, units in order.lines:
            rate[classes[sku]] += units * demand
    found = []
    for node in of.nodes:
        there: dict[str, int] = defaultdict(int)
        for sku, units in of.stock.get(node.code, {}).items():
            there[classes.get(sku, "C")] += units
        days = {cls: round(there[cls] / rate[cls], 2) if rate[cls] > 0 else None for cls in "ABC"}
        found.append({"node": node.code, "days": days})
    return found


def _hours(side: Side) -> list[dict[str, Any]]:
    """Parcels a day that each node has to send, by the hour in which they were ordered."""
    counts = {node.code: [0.0] * 24 for node in side.network.nodes}
    for seed, day in side.days.items():
        minute = {drawn.name: drawn.order.minute for drawn in draw(side.network, seed)}
        for decision in day["decisions"]:
            hour = minute.get(decision["order"], 0) // 60 % 24
            for node in decision["nodes"]:
                if node in counts:
                    counts[node][hour] += 1 / len(side.days)
    return [
        {"node": node, "parcels": [round(each, 2) for each in hours]}
        for node, hours in counts.items()
    ]


def _decisions(base: Side, side: Side) -> dict[str, Any]:
    """Orders of the first day that both have, where other nodes or carriers send."""
    seed = next((seed for seed in base.days if seed in side.days), None)
    if seed is None:
        return {"orders": 0, "changed": 0, "rows": []}
    before = {each["order"]: each for each in base.days[seed]["decisions"]}
    after = {each["order"]: each for each in side.days[seed]["decisions"]}
    nodes = {node.code for node in side.network.nodes}
    were = {node.code for node in base.network.nodes}
    rows = [
        _row(before[name], after[name], nodes, were)
        for name in before
        if name in after and _way(before[name]) != _way(after[name])
    ]
    rows.sort(key=lambda row: (-abs(row["delta_minor"]), row["order"]))
    both = sum(name in after for name in before)
    return {"orders": both, "changed": len(rows), "rows": rows[:DECISIONS_MAX]}


def _way(decision: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(decision["nodes"]), tuple(decision["carriers"]), decision["short_units"]


def _row(
    one: Mapping[str, Any], other: Mapping[str, Any], nodes: set[str], were: set[str]
) -> dict[str, Any]:
    delta = other["cost_minor"] - one["cost_minor"]
    return {
        "order": one["order"], "region": one["region"], "before": list(one["nodes"]),
        "after": list(other["nodes"]), "carriers_before": list(one["carriers"]),
        "carriers_after": list(other["carriers"]), "delta_minor": delta,
        "why": _why(one, other, nodes, were),
    }  # fmt: skip


def _why(
    one: Mapping[str, Any], other: Mapping[str, Any], nodes: set[str], were: set[str]
) -> list[str]:
    """Codes of what is otherwise, what compels before what is only better."""
    why = []
    if set(one["nodes"]) - nodes:
        why.append("node_gone")
    if set(other["nodes"]) - were:
        why.append("node_new")
    if other["short_units"] > one["short_units"]:
        why.append("stock_short")
    if other["short_units"] < one["short_units"]:
        why.append("stock_enough")
    if other["late_days"] != one["late_days"]:
        why.append("earlier" if other["late_days"] < one["late_days"] else "later")
    if len(other["nodes"]) != len(one["nodes"]):
        why.append("fewer_parcels" if len(other["nodes"]) < len(one["nodes"]) else "more_parcels")
    if not why and other["cost_minor"] < one["cost_minor"]:
        why.append("cheaper")
    return why or ["taken_by_others"]


def _places(sides: Sequence[Side]) -> dict[str, Any]:
    """Where nodes and regions are, for a map of lanes."""
    nodes = {n.code: [n.latitude, n.longitude] for side in sides for n in side.network.nodes}
    regions = {r.code: [r.latitude, r.longitude] for side in sides for r in side.network.regions}
    return {"nodes": nodes, "regions": regions}
