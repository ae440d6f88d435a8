"""Orders a second in the ledger: three lines each, all or nothing, in one call many; one JSON line.

    python -m benchmarks.orders --json [--slices 5] [--slice-s 1] [--clients 4] [--skus 10000]

An order is three lines of three of 10,000 SKUs with a `group_id`, through promises.reserve, and
committed with fsync on. `orders_per_s` is where there is plenty: the usual day. `scarce_per_s` is
where a tenth of the SKUs is sold out, so that one order in four has to be decided line by line
after the others, and is refused whole.
"""

import argparse
import json
import random
from collections.abc import Sequence

from benchmarks.reserve import CLOCK, Place, a_line
from benchmarks.world import Turns, Work, World, compare, fresh, say
from wms.catalog import HOUSE_OWNER_ID
from wms.database import Database
from wms.ids import new_id
from wms.stock import promises
from wms.stock.promises import Reserve

LINES = 3
ORDERS = 166  # a call: some 500 lines


def in_orders(
    database: Database, places: Sequence[Place], *, wanted: bool | None
) -> Work[list[Reserve]]:
    """Many orders a call; `wanted`: what all the answers must be."""

    def make() -> list[Reserve]:
        lines = []
        for _ in range(ORDERS):
            group = new_id(CLOCK.now())
            lines += [a_line(place, group) for place in random.sample(places, LINES)]
        return lines

    def do(lines: list[Reserve]) -> int:
        answers = database.run(lambda s: promises.reserve(s, lines, now=CLOCK.now()))
        for first in range(0, len(answers), LINES):
            order = {answer.granted for answer in answers[first : first + LINES]}
            assert len(order) == 1
            assert wanted is None or order == {wanted}
        return len(answers) // LINES

    return Work(make, do)


def sell_out(world: World, share: float) -> None:
    """Nothing more is free of some SKUs."""
    out = random.sample(world.skus, round(len(world.skus) * share))
    with world.connect() as connection:
        connection.execute(
            "UPDATE stock_balance SET safety = sellable WHERE owner_id = %s AND sku_id = ANY(%s)",
            (HOUSE_OWNER_ID, out),
        )
    world.settle()


def measure(world: World, turns: Turns, skus: int) -> dict[str, object]:
    """Orders where there is plenty, then where there is not."""
    say(f"{skus} SKUs at one site")
    world.stock(sites=1, skus=skus)
    database = Database(world.url, pool_size=turns.clients)
    shop = [(world.sites[0], sku) for sku in world.skus]
    plenty = compare(world, {"": in_orders(database, shop, wanted=True)}, turns)[""]
    sell_out(world, 0.1)
    scarce = compare(world, {"": in_orders(database, shop, wanted=None)}, turns)[""]
    database.close()
    return {
        "orders_per_s": round(plenty.per_s),
        "cpu_us_per_order": round(plenty.cpu_us, 1),
        "scarce_per_s": round(scarce.per_s),
        "scarce_cpu_us_per_order": round(scarce.cpu_us, 1),
    }


def main() -> None:
    """Measure on a fresh server, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one line of JSON (always so)")
    parser.add_argument("--slices", type=int, default=5, help="the median of them is told")
    parser.add_argument("--slice-s", type=float, default=1.0)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--skus", type=int, default=10_000)
    options = parser.parse_args()
    with fresh() as world:
        turns = Turns(options.clients, options.slice_s, options.slices)
        figures = measure(world, turns, options.skus)
    sizes = {"lines_an_order": LINES, "orders_a_call": ORDERS, "clients": options.clients}
    print(json.dumps({"benchmark": "orders", **figures, **sizes}))


if __name__ == "__main__":
    main()
