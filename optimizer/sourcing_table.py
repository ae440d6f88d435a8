"""A batch as the flat arrays of optimizer.sourcing_fill, and plans to and fro.

tabled = Tabled(problem)
take = tabled.take_of(plan)       steps by source, shape (e,)
plan = tabled.plan_of(take)       units of each line from each node, shape (l, n)
"""

import numpy as np

from optimizer.sourcing_fill import ENDLESS, GROUPS_MAX, STATES_MAX, Table
from optimizer.sourcing_problem import ANY, ONE_SITE, Flags, Ints, Problem


class Tabled:
    """The table of a problem, and which lines its groups are.

    Attributes:
        lines: shape (l,), lines by group.
        line_first: shape (g + 1,), where the lines of each group begin.
        pair_node: shape (p,), the node of each pair; `pair_sku` its SKU.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        orders = problem.parcel_cost.shape[0]
        policy = np.full(orders, ANY) if problem.policy is None else problem.policy
        parts = (policy == ANY)[problem.order_of_line] & problem.line_splitting
        self._group(parts)
        head = self.lines[self.line_first[:-1]]
        order, units = problem.order_of_line[head], problem.units[head]
        merged = np.diff(self.line_first)
        steps = np.where(merged > 1, merged, np.where(parts[head], units, 1)).astype(np.int64)
        step_units = np.where(parts[head] | (merged > 1), 1, units).astype(np.int64)
        unit_cost = problem.unit_cost[head]
        group, node = np.nonzero(self._usable(order, step_units, head))
        sku = problem.sku_of_line[head[group]]
        keys, pair = np.unique(node * problem.stock.shape[1] + sku, return_inverse=True)
        self.pair_node, self.pair_sku = np.divmod(keys, problem.stock.shape[1])
        by_pair = np.argsort(pair, kind="stable")
        wanted = np.unique(node * orders + order[group])
        back = problem.backorder_cost[head]
        self.table = Table(
            group_first=_firsts(order, orders),
            source_first=_firsts(group, head.size),
            order_of=order,
            steps=steps,
            units=step_units,
            back_cost=np.where(merged > 1, back, back / steps),
            is_whole=(merged == 1) & (steps > 1),
            node=node.astype(np.int64),
            pair=pair.astype(np.int64),
            cost=unit_cost[group, node] * step_units[group],
            parcel_cost=np.ascontiguousarray(problem.parcel_cost),
            split_cost=np.zeros(orders) if problem.split_cost is None else problem.split_cost,
            one_site=policy == ONE_SITE,
            is_stuck=self._stuck(order, steps, orders),
            pair_first=_firsts(pair[by_pair], keys.size),
            pair_order=order[group[by_pair]],
            node_first=_firsts(wanted // max(1, orders), problem.stock.shape[0]),
            node_order=wanted % max(1, orders),
            stock=problem.stock[self.pair_node, self.pair_sku],
            capacity=_room(problem.capacity, problem.stock.shape[0]),
            parcels=_room(problem.parcels, problem.stock.shape[0]),
        )

    def _group(self, parts: Flags) -> None:
        """Lines by group: alike single units of an order are one group."""
        problem = self.problem
        by = np.lexsort((problem.sku_of_line, problem.order_of_line))
        order, sku = problem.order_of_line[by], problem.sku_of_line[by]
        single = (problem.units[by] == 1) & parts[by]
        alike = (order[1:] == order[:-1]) & (sku[1:] == sku[:-1]) & single[1:] & single[:-1]
        for at in np.flatnonzero(alike):
            one, other = by[at], by[at + 1]
            alike[at] = problem.backorder_cost[one] == problem.backorder_cost[
                other
            ] and np.array_equal(problem.unit_cost[one], problem.unit_cost[other])
        starts = np.r_[True, ~alike] if by.size else np.zeros(0, dtype=bool)
        self.lines: Ints = by.astype(np.int64)
        self.line_first: Ints = np.r_[np.flatnonzero(starts), by.size].astype(np.int64)

    def _usable(self, order: Ints, step_units: Ints, head: Ints) -> Flags:
        problem = self.problem
        found: Flags = np.isfinite(problem.parcel_cost[order]) & np.isfinite(
            problem.unit_cost[head]
        )
        found &= problem.stock.T[problem.sku_of_line[head]] >= step_units[:, None]
        return found

    def _stuck(self, order: Ints, steps: Ints, orders: int) -> Flags:
        states = np.zeros(orders)
        np.add.at(states, order, np.log(steps + 1.0))
        groups = np.bincount(order, minlength=orders)
        sku = self.problem.sku_of_line[self.lines[self.line_first[:-1]]]
        twice = np.zeros(orders, dtype=bool)
        same = (order[1:] == order[:-1]) & (sku[1:] == sku[:-1])
        twice[order[1:][same]] = True
        found: Flags = (states > np.log(STATES_MAX) + 1e-9) | (groups > GROUPS_MAX) | twice
        return found

    def take_of(self, plan: Ints) -> Ints:
        """Steps by source of a plan."""
        t = self.table
        summed = np.add.reduceat(plan[self.lines], self.line_first[:-1], axis=0)
        group = np.repeat(np.arange(t.steps.size), np.diff(t.source_first))
        take: Ints = summed[group, t.node] // t.units[group]
        return take

    def plan_of(self, take: Ints) -> Ints:
        """The plan of steps by source."""
        t = self.table
        plan = np.zeros((self.problem.units.size, t.capacity.size), dtype=np.int64)
        merged = np.diff(self.line_first) > 1
        group = np.repeat(np.arange(t.steps.size), np.diff(t.source_first))
        used = np.flatnonzero(take)
        plain = used[~merged[group[used]]]
        lines = self.lines[self.line_first[group[plain]]]
        plan[lines, t.node[plain]] = take[plain] * t.units[group[plain]]
        filled: dict[int, int] = {}
        for source in used[merged[group[used]]].tolist():
            g = int(group[source])
            begin = int(self.line_first[g]) + filled.get(g, 0)
            plan[self.lines[begin : begin + int(take[source])], t.node[source]] = 1
            filled[g] = filled.get(g, 0) + int(take[source])
        return plan


def _firsts(of: Ints, count: int) -> Ints:
    found: Ints = np.searchsorted(of, np.arange(count + 1)).astype(np.int64)
    return found


def _room(most: Ints | None, nodes: int) -> Ints:
    if most is None:
        return np.full(nodes, ENDLESS, dtype=np.int64)
    return most.astype(np.int64)
