"""What a line costs while the tables grow: a table, then one JSON line.

    python -m benchmarks.growth --json [--slices 5] [--slice-s 2] [--warm-up-s 12]
                                       [--most-balances 1000000] [--most-movements 10000000]

    reserve   a line of promises.reserve, 500 a call, over all the balances, chosen at random
    move      a line of ledger.move, 100 a call, likewise: a quant at each end, a movement

First the balances grow tenfold and tenfold again, then the movements. The cost is the processor
time of the server, in microseconds a line: what a neighbour takes from this machine makes a line
slower, not dearer. `factor` is the dearest by the cheapest.

The first change of a page after a checkpoint writes the whole page into the log: in a large table
that is nearly every line at first, and next to none in the five minutes until the next one. So
each size is warmed up until most of its pages have been changed once.
"""

import argparse
import json
import random
from collections.abc import Sequence
from uuid import UUID

from benchmarks.reserve import CLOCK, Place, in_sets
from benchmarks.world import Turns, Work, World, compare, fresh, say
from wms.catalog import HOUSE_OWNER_ID
from wms.database import Database
from wms.ids import CommandId, new_id
from wms.sites import location_id
from wms.sites import virtual_location as virtual
from wms.stock import ledger
from wms.stock.ledger import Move

MOVES = 100  # a call
SKUS = 10_000
SMALLEST_MOVEMENTS = 100_000


def in_moves(database: Database, places: Sequence[Place]) -> Work[list[Move]]:
    """Goods that come in, many lines a call."""
    cause = UUID(int=1)

    def make() -> list[Move]:
        return [
            Move(
                command_id=CommandId(new_id(CLOCK.now())),
                site_id=site,
                owner_id=HOUSE_OWNER_ID,
                sku_id=sku,
                units=1,
                from_location_id=virtual(site, "SUPPLIER"),
                to_location_id=location_id(site, "S-1"),
                cause_kind="BENCHMARK",
                cause_id=cause,
                actor="benchmark",
                occurred_at=CLOCK.now(),
            )
            for site, sku in random.choices(places, k=MOVES)
        ]

    def do(lines: list[Move]) -> int:
        return len(database.run(lambda s: ledger.move(s, lines)))

    return Work(make, do)


def costs(world: World, turns: Turns) -> dict[str, float]:
    """Microseconds of the server for a line of each kind, with what there is now."""
    database = Database(world.url, pool_size=turns.clients)
    places = [(site, sku) for site in world.sites for sku in world.skus]
    reserved = compare(world, {"reserve": in_sets(database, places)}, turns)
    moved = compare(world, {"move": in_moves(database, places)}, turns)
    database.close()
    return {name: rate.cpu_us for name, rate in (reserved | moved).items()}


def measure(turns: Turns, most_balances: int, most_movements: int) -> list[dict[str, float]]:
    """A row for each size: balances first, then, at the smallest, movements."""
    rows = []
    with fresh() as world:
        balances = SKUS
        while balances <= most_balances:
            say(f"{balances} balances")
            world.stock(sites=balances // SKUS - len(world.sites), skus=SKUS, movements_each=1)
            rows.append({"balances": balances, "movements": balances} | costs(world, turns))
            balances *= 10
    with fresh() as world:
        movements = SMALLEST_MOVEMENTS
        world.stock(sites=1, skus=SKUS, movements_each=movements // SKUS)
        while movements <= most_movements:
            say(f"{movements} movements")
            rows.append({"balances": SKUS, "movements": movements} | costs(world, turns))
            if movements < most_movements:
                world.more_movements(9 * movements // SKUS)
            movements *= 10
    return rows


def factor(rows: Sequence[dict[str, float]], name: str) -> float:
    """The dearest by the cheapest."""
    found = [row[name] for row in rows]
    return round(max(found) / min(found), 2)


def main() -> None:
    """Measure on fresh servers, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one line of JSON at the end (always)")
    parser.add_argument("--slices", type=int, default=5, help="the median of them is told")
    parser.add_argument("--slice-s", type=float, default=2.0)
    parser.add_argument("--warm-up-s", type=float, default=12.0)
    parser.add_argument("--clients", type=int, default=2)
    parser.add_argument("--most-balances", type=int, default=1_000_000)
    parser.add_argument("--most-movements", type=int, default=10_000_000)
    options = parser.parse_args()
    turns = Turns(options.clients, options.slice_s, options.slices, options.warm_up_s)
    rows = measure(turns, options.most_balances, options.most_movements)
    print(
        f"{'balances':>12} {'movements':>12} {'reserve':>12} {'move':>12}   us of the server a line"
    )
    for row in rows:
        print(
            f"{row['balances']:>12,} {row['movements']:>12,}"
            f" {row['reserve']:>12.1f} {row['move']:>12.1f}"
        )
    figures = {name: factor(rows, name) for name in ("reserve", "move")}
    told = [{name: round(value, 1) for name, value in row.items()} for row in rows]
    print(json.dumps({"benchmark": "growth", "factor": figures["reserve"],
                      "move_factor": figures["move"], "rows": told}))  # fmt: skip


if __name__ == "__main__":
    main()
