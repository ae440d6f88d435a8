"""A day of orders over 35 sites, sourced in batches, beside rules; one JSON line at the end.

    python -m benchmarks.sourcing_day [--seed 4] [--orders 20000] [--batch-minutes 15]

The world (network, goods, stock, orders, cut-offs, promises) is benchmarks/sourcing_world.py,
fixed before anything was measured on it. The day is played several times on the same orders and
stock, through the code that production uses but for the database: facts become a problem
(wms.orders.source_problem), the policy decides, the Explainer makes a record of each decision,
stock and capacity go down.

    best        the policy DEFAULT: all named terms, greedy first, then HiGHS within the budget.
                Prices of scarce stock (wms.orders.scarcity) are made anew every --reprice-minutes
                from the orders of days before, placed later in the day than now
    myopic      the same without prices of scarce stock (with --all)
    no_shelf    the same as best, but for the preference for full shelves (with --all)
    nearest     the nearest site that has all, else those that have most
    priority    warehouses first, then the nearest
    in_time     a reference only: the nearest of the sites that keep the promise, else the nearest

The bar of the issue is the better of nearest and priority, the rules that it names; in_time is
ours, between a rule and a policy, and is shown beside.

The metric is `paid_minor`: money that leaves the house (carrier, weight, packing, cartons,
handling), by the same weights for every plan. No preference counts in it: no lateness, CO2,
splits, shelves or scarcity. A line that is not sent costs nothing there, so `unfilled_lines` and
the paid cost of a unit that was sent stand beside; the saving holds only if no more lines are
late and none more unfilled than under that rule, and `holds` says so.
"""

import argparse
import json
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from uuid import UUID

import numpy as np

from benchmarks.sourcing_world import DAY, Placed, World, world
from wms.orders import scarcity
from wms.orders.costs import Facts
from wms.orders.explain import Explainer
from wms.orders.policy import DEFAULT, Policy
from wms.orders.source_problem import BUDGET_S, Batch, Figures, Sourced, build, figures, solve
from wms.shipping.rates import default_card

RULES = ("nearest", "priority")
PAST_DAYS = scarcity.PAST.days
PROGRESS_S = 5.0


@dataclass(slots=True)
class State:
    """What a day's decisions change: stock, and what sites were given to send."""

    world: World
    stock: dict[tuple[UUID, UUID], int]
    given: dict[UUID, dict[date, int]] = field(default_factory=lambda: defaultdict(dict))
    scarce: dict[tuple[UUID, UUID], int] = field(default_factory=dict)

    def take(self, batch: Batch, plan: "np.ndarray") -> None:
        """Carry a plan out."""
        for line, demand in enumerate(batch.facts.demands):
            for at in np.flatnonzero(plan[line]):
                node, leaves = batch.nodes[at], batch.departs[at]
                assert leaves is not None
                self.stock[node.id, demand.sku_id] -= int(plan[line, at])
                assert self.stock[node.id, demand.sku_id] >= 0
                days = self.given[node.id]
                days[leaves.ships_on] = days.get(leaves.ships_on, 0) + int(plan[line, at])

    def reprice(self, at: datetime) -> None:
        """Make the prices of scarce stock, from what the days before had after this time of day."""
        wanted = [
            wanted_of(order, lines, self.world)
            for back, orders in enumerate(self.world.past, start=1)
            for placed, order, lines in orders
            if placed + timedelta(days=back) > at
        ]
        self.scarce = scarcity.priced(
            scarcity.Gathered(
                wanted=tuple(wanted),
                nodes=self.world.nodes,
                free=self.stock,
                card=default_card(),
                weights=DEFAULT.weights,
                weight=1 / max(1, len(self.world.past)),
            )
        )


@dataclass(slots=True)
class Tally:
    """The figures of a day."""

    paid_minor: int = 0
    named_minor: int = 0
    parcels: int = 0
    splits: int = 0
    late_lines: int = 0
    unfilled_lines: int = 0
    units: int = 0
    co2_g: int = 0
    decisions: int = 0
    explained: int = 0
    solve_s: float = 0.0
    gap: float = 0.0
    proven: int = 0
    unbounded: int = 0  # time was up before there was any bound
    batches: int = 0

    def add(self, found: Figures) -> None:
        """An order more."""
        self.paid_minor += found.cost_minor
        self.named_minor += found.named_minor
        self.parcels += found.parcels
        self.splits += found.parcels > 1
        self.late_lines += found.late_lines
        self.unfilled_lines += found.unfilled_lines
        self.co2_g += found.co2_g
        self.decisions += 1

    def solved(self, sourced: Sourced) -> None:
        """A batch more."""
        gap = sourced.solution.gap
        self.solve_s += sourced.solution.runtime_s
        self.gap = max(self.gap, gap or 0.0)
        self.proven += gap is not None and gap < 1e-6
        self.unbounded += gap is None
        self.batches += 1
        self.units += int(sourced.solution.plan.sum())

    def shown(self) -> dict[str, float]:
        """As the JSON has it."""
        return {
            "paid_minor": self.paid_minor,
            "paid_minor_a_unit": round(self.paid_minor / max(1, self.units), 2),
            "parcels": self.parcels,
            "splits": self.splits,
            "late_lines": self.late_lines,
            "unfilled_lines": self.unfilled_lines,
            "units": self.units,
            "named_minor": self.named_minor,
            "co2_kg": round(self.co2_g / 1000),
        }


def wanted_of(order: object, lines: Sequence[object], of: World) -> scarcity.Wanted:
    """An order of the past, as prices are made from it."""
    units: dict[UUID, int] = defaultdict(int)
    for line in lines:
        units[line.sku_id] += line.units  # type: ignore[attr-defined]
    return scarcity.Wanted(
        prefecture=order.prefecture,  # type: ignore[attr-defined]
        weight_g=sum(of.goods[sku].weight_g * count for sku, count in units.items()),
        units=units,
    )


def batches(
    orders: Sequence[Placed], minutes: int, most: int
) -> Iterator[tuple[datetime, list[Placed]]]:
    """What is decided together: the orders of some minutes, or as many as can be."""
    end, waiting = DAY + timedelta(minutes=minutes), list[Placed]()
    for order in orders:
        while order[0] >= end:
            if waiting:
                yield end, waiting
            end, waiting = end + timedelta(minutes=minutes), []
        waiting.append(order)
        if len(waiting) >= most:
            yield order[0], waiting
            waiting = []
    if waiting:
        yield end, waiting


def facts_of(state: State, at: datetime, waiting: list[Placed]) -> Facts:
    """A batch as the world has it; who has priority comes first."""
    waiting = sorted(waiting, key=lambda each: (-each[1].priority, each[0]))
    demands = tuple(demand for _, _, lines in waiting for demand in lines)
    keys = [(n.id, sku) for n in state.world.nodes for sku in {d.sku_id for d in demands}]
    return Facts(
        at=at,
        orders=tuple(order for _, order, _ in waiting),
        demands=demands,
        nodes=tuple(replace(n, given=dict(state.given.get(n.id, {}))) for n in state.world.nodes),
        goods=state.world.goods,
        free={key: units for key in keys if (units := state.stock.get(key, 0)) > 0},
        scarcity={key: state.scarce[key] for key in keys if key in state.scarce},
    )


def decide(batch: Batch, how: str, options: argparse.Namespace) -> Sourced:
    """Decide a batch; "in_time" asks the sites that keep the promise before the others."""
    if how == "in_time":
        batch = replace(batch, rank=batch.rank + 1e6 * (batch.terms.late_days > 0))
    return solve(batch, seed=options.seed, budget_s=options.budget_s)


def play(how: str, policy: Policy, of: World, options: argparse.Namespace) -> Tally:
    """A day under one policy."""
    state, tally, told = State(of, dict(of.stock)), Tally(), time.monotonic()
    card, due = default_card(), DAY
    for at, waiting in batches(of.orders, options.batch_minutes, options.batch_orders):
        if policy.method == "COST" and policy.weights.scarcity and waiting[0][0] >= due:
            state.reprice(waiting[0][0])
            due = waiting[0][0] + timedelta(minutes=options.reprice_minutes)
        batch = build(facts_of(state, at, waiting), policy, card)
        sourced = decide(batch, how, options)
        plan = sourced.solution.plan
        tally.solved(sourced)
        explainer = Explainer(sourced) if how == "best" else None
        for number, mine in enumerate(sourced.batch.lines):
            tally.add(figures(sourced.batch, plan[mine], number))
            if explainer is not None:
                record = explainer.record(number)
                tally.explained += bool(record.why and record.candidates)
        state.take(batch, plan)
        if time.monotonic() - told > PROGRESS_S:
            told = time.monotonic()
            print(f"\r{how}: {tally.decisions} of {len(of.orders)}", end="", file=sys.stderr)
    print(f"\r{how}: {tally.shown()}", file=sys.stderr, flush=True)
    return tally


def main() -> None:
    """Play the day by each policy, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one line of JSON (always so)")
    parser.add_argument("--all", action="store_true", help="the day without two of the terms, too")
    parser.add_argument("--seed", type=int, default=4)
    parser.add_argument("--orders", type=int, default=20_000)
    parser.add_argument("--batch-minutes", type=int, default=15)
    parser.add_argument("--batch-orders", type=int, default=250, help="at most, decided together")
    parser.add_argument("--reprice-minutes", type=int, default=120)
    parser.add_argument("--budget-s", type=float, default=BUDGET_S, help="of production")
    print(json.dumps(measure(parser.parse_args())))


def measure(options: argparse.Namespace) -> dict[str, object]:
    """All figures of the day."""
    began = time.monotonic()
    of = world(options.seed, options.orders, PAST_DAYS)
    ways = {
        "best": DEFAULT,
        "nearest": replace(DEFAULT, name="nearest", method="NEAREST"),
        "priority": replace(DEFAULT, name="priority", method="PRIORITY"),
        "in_time": replace(DEFAULT, name="in_time", method="NEAREST"),
    }
    if options.all:
        blind = replace(DEFAULT.weights, scarcity=0.0)
        ways["myopic"] = replace(DEFAULT, name="myopic", weights=blind)
        bare = replace(DEFAULT.weights, balance_minor=0)
        ways["no_shelf"] = replace(DEFAULT, name="no_shelf", weights=bare)
    days = {how: play(how, policy, of, options) for how, policy in ways.items()}
    best = days["best"]
    name = min(RULES, key=lambda each: days[each].paid_minor)
    rule = days[name]
    saved = 100 * (1 - best.paid_minor / rule.paid_minor)
    no_more_late = best.late_lines <= min(days[each].late_lines for each in RULES)
    no_more_unfilled = best.unfilled_lines <= rule.unfilled_lines
    return {
        "benchmark": "sourcing_day",
        "seed": options.seed,
        "orders": options.orders,
        "lines": sum(len(lines) for _, _, lines in of.orders),
        "sites": len(of.nodes),
        "best_rule": name,
        "paid_less_percent": round(saved, 2),
        "paid_less_a_unit_percent": round(
            100 * (1 - best.paid_minor * rule.units / best.units / rule.paid_minor), 2
        ),
        "no_more_late_lines": no_more_late,
        "no_more_unfilled_lines": no_more_unfilled,
        "holds": saved >= 5 and no_more_late and no_more_unfilled,
        "decisions": best.decisions,
        "explained": best.explained,
        "batches": best.batches,
        "proven_batches": best.proven,
        "batches_without_bound": best.unbounded,
        "gap_max": round(best.gap, 4),
        "solve_s": round(best.solve_s, 1),
        "seconds": round(time.monotonic() - began, 1),
        **{how: tally.shown() for how, tally in days.items()},
    }


if __name__ == "__main__":
    main()
