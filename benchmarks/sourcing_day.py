"""A day of orders over 35 sites, sourced in batches, beside rules; one JSON line at the end.

    python -m benchmarks.sourcing_day --json [--orders 20000] [--batch-minutes 15] [--budget-s 2]

A network of six warehouses and 29 stores all over Japan, goods with a long tail, baskets that go
together, stock that is mostly in warehouses and thin in stores, cut-offs in site time, what each
site can send in a day, promises of one to three days. The day is played four times on the same
orders and the same stock, through the code that production uses but for the database: facts
become a problem (wms.orders.source_problem), the policy decides, the Explainer makes a record of
each decision, stock and capacity go down.

    best        the policy COST: all named terms, greedy first, then HiGHS within the budget
    nearest     the nearest site that has all, else those that have most
    priority    warehouses first, then the nearest
    in_time     the nearest of the sites that keep the promise, else the nearest: a rule, too

Figures: `cost_minor` is all named terms of the live policy for what was sent: what is paid, and
the prices of lateness, CO2, splits and shelves; `paid_minor` only what is paid (carrier, packing,
cartons, handling); `splits` orders from several sites; `late_lines` after the promise;
`unfilled_lines` not sent. Every plan is judged by the same terms.
"""

import argparse
import json
import random
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from typing import TypeAlias
from uuid import UUID

import numpy as np

from wms.orders.costs import Demand, Facts, Goods, Node, OrderFacts
from wms.orders.explain import Explainer
from wms.orders.policy import DEFAULT, Policy
from wms.orders.source_problem import Batch, Figures, Sourced, build, figures, solve
from wms.shipping.calendar import SiteCalendar, ends_at
from wms.shipping.prefectures import PREFECTURES
from wms.shipping.rates import default_card

DAY = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)  # midnight in Tokyo
SEED = 4
SKUS = 6_000
WAREHOUSES = (("宮城県", "DC"), ("埼玉県", "DC"), ("千葉県", "FC"), ("愛知県", "DC"),
              ("大阪府", "DC"), ("福岡県", "FC"))  # fmt: skip
STORES = 29
PEOPLE = {
    "東京都": 14, "神奈川県": 9, "大阪府": 9, "愛知県": 7.5, "埼玉県": 7, "千葉県": 6,
    "兵庫県": 5.4, "北海道": 5.1, "福岡県": 5.1, "静岡県": 3.6, "茨城県": 2.8,
    "広島県": 2.8, "京都府": 2.5, "宮城県": 2.3, "新潟県": 2.1, "沖縄県": 1.5,
}  # fmt: skip
FEWER = 1.2
PROGRESS_S = 5.0

Placed: TypeAlias = tuple[datetime, OrderFacts, list[Demand]]


@dataclass(slots=True)
class World:
    """What a day's decisions change: stock, and what sites were given to send."""

    nodes: tuple[Node, ...]
    goods: dict[UUID, Goods]
    stock: dict[tuple[UUID, UUID], int]
    given: dict[UUID, dict[date, int]] = field(default_factory=lambda: defaultdict(dict))

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


@dataclass(slots=True)
class Tally:
    """The figures of a day."""

    cost_minor: int = 0
    paid_minor: int = 0
    parcels: int = 0
    splits: int = 0
    late_lines: int = 0
    unfilled_lines: int = 0
    co2_g: int = 0
    decisions: int = 0
    explained: int = 0
    solve_s: float = 0.0
    gap: float = 0.0
    proven: int = 0
    batches: int = 0

    def add(self, found: Figures) -> None:
        """An order more."""
        self.cost_minor += found.named_minor
        self.paid_minor += found.cost_minor
        self.parcels += found.parcels
        self.splits += found.parcels > 1
        self.late_lines += found.late_lines
        self.unfilled_lines += found.unfilled_lines
        self.co2_g += found.co2_g


def uuid(chance: random.Random) -> UUID:
    """Some id, the same in each run."""
    return UUID(int=chance.getrandbits(128))


def network(chance: random.Random, orders: int) -> tuple[Node, ...]:
    """Six warehouses that work every day until four, and stores that pack a few parcels a day."""
    where = {each.name: each for each in PREFECTURES}
    names = list(PEOPLE) + chance.choices(list(PEOPLE), [*PEOPLE.values()], k=STORES)
    kinds = [*WAREHOUSES, *((name, "STORE") for name in names[:STORES])]
    nodes = []
    for number, (name, kind) in enumerate(kinds):
        place, is_store = where[name], kind == "STORE"
        most = orders // 150 + 10 if is_store else orders * 4 // 10
        calendar = SiteCalendar(cut_off=clock_time(13 if is_store else 16))
        nodes.append(
            Node(
                id=uuid(chance),
                code=f"{kind}{number:02d}",
                kind=kind,
                prefecture=name,
                latitude=place.latitude + chance.uniform(-0.1, 0.1),
                longitude=place.longitude + chance.uniform(-0.1, 0.1),
                calendar=calendar,
                units_per_day=round(most * chance.uniform(0.8, 1.3)),
            )
        )
    return tuple(nodes)


def goods_and_stock(
    chance: random.Random, nodes: Sequence[Node], orders: int
) -> tuple[list[UUID], dict[UUID, Goods], dict[tuple[UUID, UUID], int]]:
    """SKUs in the order of how much they are wanted, and where they lie."""
    skus = [uuid(chance) for _ in range(SKUS)]
    goods = {
        sku: Goods(weight_g=round(chance.lognormvariate(6.2, 0.9)), cool=chance.random() < 0.02)
        for sku in skus
    }
    total = sum(1 / (rank + 10) for rank in range(SKUS))
    stock: dict[tuple[UUID, UUID], int] = defaultdict(int)
    for rank, sku in enumerate(skus):
        wanted = 3.4 * orders / (rank + 10) / total
        for node in nodes:
            kept = 0.30 if node.kind == "STORE" else 0.75
            share = 0.02 if node.kind == "STORE" else 0.22
            if chance.random() < kept:
                stock[node.id, sku] = round(wanted * share * chance.uniform(0.5, 1.8)) + (
                    chance.randrange(3)
                )
    return skus, goods, stock


def day_of_orders(chance: random.Random, skus: Sequence[UUID], count: int) -> list[Placed]:
    """Orders over a day, most in the evening and at noon, with baskets that go together."""
    where = {each.name: each for each in PREFECTURES}
    people = {name: PEOPLE.get(name, FEWER) for name in where}
    weights = [1 / (rank + 10) for rank in range(SKUS)]
    hours = [1, 1, 0.5, 0.5, 0.5, 1, 2, 4, 5, 6, 6, 6, 8, 6, 5, 5, 5, 6, 7, 8, 10, 10, 8, 4]
    moments = sorted(
        DAY + timedelta(hours=hour, seconds=chance.uniform(0, 3600))
        for hour in chance.choices(range(24), hours, k=count)
    )
    sold = chance.choices(range(SKUS), weights, k=count * 3)
    found = []
    for at in moments:
        name = chance.choices(list(people), [*people.values()])[0]
        place, order = where[name], uuid(chance)
        lines = chance.choices((1, 2, 3, 4, 5, 6, 8), (34, 24, 16, 11, 7, 5, 3))[0]
        basket = {sold[chance.randrange(len(sold))]}
        while len(basket) < lines:
            near = next(iter(basket)) // 40 * 40 + chance.randrange(40)
            anyone = sold[chance.randrange(len(sold))]
            basket.add(min(SKUS - 1, near) if chance.random() < 0.4 else anyone)
        days = chance.choices((2, 3, 4), (25, 50, 25))[0]
        on = (at + timedelta(hours=9)).date() + timedelta(days=days)
        facts = OrderFacts(
            id=order,
            prefecture=name,
            latitude=place.latitude + chance.uniform(-0.2, 0.2),
            longitude=place.longitude + chance.uniform(-0.2, 0.2),
            split=chance.choices(("ANY", "WHOLE_LINES", "ONE_SITE"), (80, 15, 5))[0],
            priority=chance.choices((0, 3), (95, 5))[0],
            promised_by=ends_at(SiteCalendar(), on, 24),
        )
        demands = [
            Demand(
                order_id=order,
                line_no=number,
                sku_id=skus[sku],
                units=chance.choices((1, 2, 3), (80, 15, 5))[0],
            )
            for number, sku in enumerate(sorted(basket), start=1)
        ]
        found.append((at, facts, demands))
    return found


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


def facts_of(world: World, at: datetime, waiting: list[Placed]) -> Facts:
    """A batch as the world has it; who has priority comes first."""
    waiting = sorted(waiting, key=lambda each: (-each[1].priority, each[0]))
    demands = tuple(demand for _, _, lines in waiting for demand in lines)
    skus = {demand.sku_id for demand in demands}
    return Facts(
        at=at,
        orders=tuple(order for _, order, _ in waiting),
        demands=demands,
        nodes=tuple(replace(n, given=dict(world.given.get(n.id, {}))) for n in world.nodes),
        goods=world.goods,
        free={
            (node.id, sku): units
            for node in world.nodes
            for sku in skus
            if (units := world.stock.get((node.id, sku), 0)) > 0
        },
    )


def decide(batch: Batch, how: str, budget_s: float) -> Sourced:
    """Decide a batch; "in_time" asks the sites that keep the promise before the others."""
    if how == "in_time":
        batch = replace(batch, rank=batch.rank + 1e6 * (batch.terms.late_days > 0))
    return solve(batch, seed=SEED, budget_s=budget_s)


def play(
    how: str,
    policy: Policy,
    world: World,
    orders: Sequence[Placed],
    options: argparse.Namespace,
) -> Tally:
    """A day under one policy."""
    tally, card, told = Tally(), default_card(), time.monotonic()
    for at, waiting in batches(orders, options.batch_minutes, options.batch_orders):
        facts = facts_of(world, at, waiting)
        batch = build(facts, policy, card)
        sourced = decide(batch, how, options.budget_s)
        plan = sourced.solution.plan
        tally.solve_s += sourced.solution.runtime_s
        tally.gap = max(tally.gap, sourced.solution.gap or 0.0)
        tally.proven += sourced.solution.gap is not None and sourced.solution.gap < 1e-6
        tally.batches += 1
        explainer = Explainer(sourced) if how == "best" else None
        judged = sourced.batch
        for number, mine in enumerate(judged.lines):
            tally.add(figures(judged, plan[mine], number))
            tally.decisions += 1
            if explainer is not None:
                record = explainer.record(number)
                tally.explained += bool(record.why and record.candidates)
        world.take(batch, plan)
        if time.monotonic() - told > PROGRESS_S:
            told = time.monotonic()
            say = f"{how}: {tally.decisions} of {len(orders)}, {tally.cost_minor / 1e6:.2f} M"
            print(f"\r{say}", end="", file=sys.stderr, flush=True)
    print(f"\r{how}: {tally.decisions} orders, {tally.cost_minor / 1e6:.3f} M yen", file=sys.stderr)
    return tally


def main() -> None:
    """Play the day by each policy, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one line of JSON (always so)")
    parser.add_argument("--orders", type=int, default=20_000)
    parser.add_argument("--batch-minutes", type=int, default=15)
    parser.add_argument("--batch-orders", type=int, default=250, help="at most, decided together")
    parser.add_argument("--budget-s", type=float, default=2.0)
    options = parser.parse_args()
    print(json.dumps(measure(options)))


def measure(options: argparse.Namespace) -> dict[str, object]:
    """All figures of the day."""
    began = time.monotonic()
    chance = random.Random(SEED)
    nodes = network(chance, options.orders)
    skus, goods, stock = goods_and_stock(chance, nodes, options.orders)
    orders = day_of_orders(chance, skus, options.orders)
    ways = {
        "best": DEFAULT,
        "nearest": replace(DEFAULT, name="nearest", method="NEAREST"),
        "priority": replace(DEFAULT, name="priority", method="PRIORITY"),
        "in_time": replace(DEFAULT, name="in_time", method="NEAREST"),
    }
    days = {
        how: play(how, policy, World(nodes, goods, dict(stock)), orders, options)
        for how, policy in ways.items()
    }
    best = days["best"]
    rules = {name: tally for name, tally in days.items() if name != "best"}
    rule = min(rules, key=lambda name: rules[name].cost_minor)
    paid = min(tally.paid_minor for tally in rules.values())
    return {
        "benchmark": "sourcing_day",
        "orders": options.orders,
        "lines": sum(len(lines) for _, _, lines in orders),
        "sites": len(nodes),
        "best_rule": rule,
        "cheaper_than_best_rule_percent": round(
            100 * (1 - best.cost_minor / days[rule].cost_minor), 2
        ),
        "paid_less_percent": round(100 * (1 - best.paid_minor / paid), 2),
        "late_lines_no_more": all(best.late_lines <= days[n].late_lines for n in days),
        "decisions": best.decisions,
        "explained": best.explained,
        "batches": best.batches,
        "proven_batches": best.proven,
        "gap_max": round(best.gap, 4),
        "solve_s": round(best.solve_s, 1),
        "seconds": round(time.monotonic() - began, 1),
        **{how: _shown(tally) for how, tally in days.items()},
    }


def _shown(tally: Tally) -> dict[str, int]:
    return {
        "cost_minor": tally.cost_minor,
        "paid_minor": tally.paid_minor,
        "parcels": tally.parcels,
        "splits": tally.splits,
        "late_lines": tally.late_lines,
        "unfilled_lines": tally.unfilled_lines,
        "co2_kg": round(tally.co2_g / 1000),
    }


if __name__ == "__main__":
    main()
