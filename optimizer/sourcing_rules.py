"""Sourcing by rule, as most order systems do it: to compare with, and for who wants it so.

Orders in turn. The first node by rank that has all of an order sends it. If none has all, the
node that has most of the lines sends these, then the one that has most of the rest, and so on; a
line that no node has whole is gathered from the nodes by rank, where it may be split.

Costs are not looked at; what is forbidden (an infinite cost) is.
"""

from dataclasses import dataclass

import numpy as np

from optimizer.sourcing import lines_of_orders
from optimizer.sourcing_problem import Floats, Ints, Problem


def by_rank(problem: Problem, rank: Floats) -> Ints:
    """A plan by rule, shape (l, n). `rank` has shape (o, n): the lowest first."""
    nodes = problem.stock.shape[0]
    endless = np.full(nodes, np.iinfo(np.int64).max // 2, dtype=np.int64)
    room = endless if problem.capacity is None else problem.capacity.copy()
    plan = np.zeros((problem.units.size, nodes), dtype=np.int64)
    parcels = endless.copy() if problem.parcels is None else problem.parcels.copy()
    turn = _Turn(problem, problem.stock.copy(), room, plan)
    for order, lines in enumerate(lines_of_orders(problem)):
        ranked = np.argsort(rank[order], kind="stable")
        may = np.isfinite(problem.parcel_cost[order]) & (parcels > 0)
        turn.fill(order, [int(line) for line in lines], [int(n) for n in ranked if may[n]])
        parcels -= plan[lines].any(axis=0)
    return plan


@dataclass(frozen=True, slots=True)
class _Turn:
    """What is left while orders are filled in turn."""

    problem: Problem
    left: Ints
    room: Ints
    plan: Ints

    def fill(self, order: int, lines: list[int], ranked: list[int]) -> None:
        """Fill an order as the rule says."""
        while lines and ranked:
            has = {node: self._lines_at(node, lines) for node in ranked}
            node = next((n for n in ranked if len(has[n]) == len(lines)), None)
            if node is None:
                node = max(ranked, key=lambda n: len(has[n]))  # the first of equals
            if not has[node]:
                break
            for line in has[node]:
                self._take(line, node, int(self.problem.units[line]))
            lines = [line for line in lines if line not in has[node]]
            if self.problem.at_one_site(order):
                return
        if self.problem.parts_lines(order):
            for line in lines:
                self._gather(line, ranked)

    def _lines_at(self, node: int, lines: list[int]) -> list[int]:
        """Which of the lines that node can send, one after the other."""
        used: dict[int, int] = {}
        sent, found = 0, []
        for line in lines:
            sku, units = int(self.problem.sku_of_line[line]), int(self.problem.units[line])
            free = int(self.left[node, sku]) - used.get(sku, 0)
            fits = free >= units and self.room[node] - sent >= units
            if fits and np.isfinite(self.problem.unit_cost[line, node]):
                found.append(line)
                used[sku] = used.get(sku, 0) + units
                sent += units
        return found

    def _gather(self, line: int, ranked: list[int]) -> None:
        sku, wanted = int(self.problem.sku_of_line[line]), int(self.problem.units[line])
        usable = {
            node: int(min(self.left[node, sku], self.room[node]))
            for node in ranked
            if np.isfinite(self.problem.unit_cost[line, node])
        }
        if sum(usable.values()) < wanted:
            return
        for node, units in usable.items():
            if take := min(units, wanted):
                self._take(line, node, take)
                wanted -= take

    def _take(self, line: int, node: int, units: int) -> None:
        self.plan[line, node] += units
        self.left[node, int(self.problem.sku_of_line[line])] -= units
        self.room[node] -= units
