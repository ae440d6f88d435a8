"""Goods moved and holds advanced a second, against row by row in the same run; one JSON line.

    python -m benchmarks.postings --json [--slices 5] [--slice-s 1] [--clients 2] [--skus 10000]

    advance   ledger.advance, 500 lines a call: pinned, picked, packed, shipped; committed
    move      ledger.move, 500 lines a call: from the supplier to the shelf; committed
    rows      what most systems do, as fast as it can be done from outside: the balance locked, the
              place it leaves and the place it comes to changed, a movement written, the balance
              changed, COMMIT; a line at a time, prepared, over the bare driver

On 10,000 SKUs (by default) that have quants and movements already. fsync is on, several clients at
a time, and ways that are compared take turns (`benchmarks.world`).
"""

import argparse
import json
import random
import threading
from typing import Any, Literal

import psycopg

from benchmarks.world import Rate, Turns, Work, World, compare, fresh, say
from edge.clock import SystemClock
from wms.catalog import HOUSE_OWNER_ID
from wms.database import Database
from wms.ids import CommandId, HoldId, LocationId, SiteId, SkuId, new_id
from wms.sites import location_id, virtual_location
from wms.stock import ledger, promises
from wms.stock.ledger import Advance, Move
from wms.stock.posting import NIL
from wms.stock.promises import Reserve

BATCH = 500
STEPS: tuple[Literal["PINNED", "PICKED", "PACKED", "SHIPPED"], ...] = (
    "PINNED", "PICKED", "PACKED", "SHIPPED",
)  # fmt: skip
CLOCK = SystemClock()

_LOCK = (
    "SELECT sellable FROM stock_balance"
    " WHERE site_id = %s AND owner_id = %s AND sku_id = %s AND segment = 'A' FOR UPDATE"
)
_CHANGE = (
    "UPDATE quant SET units = units + %s WHERE site_id = %s AND location_id = %s AND sku_id = %s"
    " AND owner_id = %s AND handling_unit_id = %s AND lot = '' AND condition = 'A'"
)
_MOVEMENT = (
    "INSERT INTO movement (site_id, command_id, cause_kind, cause_id, actor, owner_id, sku_id, lot,"
    " from_condition, to_condition, from_location_id, from_unit_id, to_location_id, to_unit_id,"
    " units, reason, occurred_at) VALUES (%(site)s, %(id)s, 'BENCHMARK', %(id)s, 'benchmark',"
    " %(owner)s, %(sku)s, '', 'A', 'A', %(from)s, %(nil)s, %(to)s, %(nil)s, 1, '', now())"
)
_COUNT = (
    "UPDATE stock_balance SET sellable = sellable + 1"
    " WHERE site_id = %s AND owner_id = %s AND sku_id = %s AND segment = 'A'"
)
_COMMAND = (
    "INSERT INTO stock_command (site_id, command_id, kind, asked) VALUES (%s, %s, 'MOVE', %s)"
)


def a_move(site: SiteId, sku: SkuId) -> Move:
    """One unit comes in."""
    now = CLOCK.now()
    return Move(
        command_id=CommandId(new_id(now)),
        site_id=site,
        owner_id=HOUSE_OWNER_ID,
        sku_id=sku,
        units=1,
        from_location_id=virtual_location(site, "SUPPLIER"),
        to_location_id=LocationId(location_id(site, "S-1")),
        cause_kind="BENCHMARK",
        cause_id=new_id(now),
        actor="benchmark",
        occurred_at=now,
    )


def moves(database: Database, world: World) -> Work[list[Move]]:
    """Receipts, many lines a call."""
    site = world.sites[0]

    def make() -> list[Move]:
        return [a_move(site, sku) for sku in random.choices(world.skus, k=BATCH)]

    def do(lines: list[Move]) -> int:
        return len(database.run(lambda s: ledger.move(s, lines)))

    return Work(make, do)


def advances(database: Database, world: World) -> Work[list[Reserve]]:
    """Holds taken from allocated to shipped, many a call."""
    site = world.sites[0]

    def make() -> list[Reserve]:
        lines = [
            Reserve(
                hold_id=HoldId(new_id(CLOCK.now())),
                site_id=site,
                owner_id=HOUSE_OWNER_ID,
                sku_id=sku,
                units=1,
                kind="ORDER",
                state="ALLOCATED",
                demand_id=new_id(CLOCK.now()),
            )
            for sku in random.choices(world.skus, k=BATCH)
        ]
        database.run(lambda s: promises.reserve(s, lines, now=CLOCK.now()))
        return lines

    def do(lines: list[Reserve]) -> int:
        now = CLOCK.now()
        for to in STEPS:
            steps = [
                Advance(
                    command_id=CommandId(new_id(now)),
                    site_id=site,
                    hold_id=line.hold_id,
                    to=to,
                    location_id=location_id(site, "S-1") if to == "PINNED" else None,
                    actor="benchmark",
                    occurred_at=now,
                )
                for line in lines
            ]
            database.run(lambda s, steps=steps: ledger.advance(s, steps))  # type: ignore[misc]
        return len(lines) * len(STEPS)

    return Work(make, do)


def rows(world: World) -> Work[Move]:
    """A receipt row by row: a lock and a transaction a line."""
    mine = threading.local()
    site = world.sites[0]

    def do(line: Move) -> int:
        if not hasattr(mine, "connection"):
            mine.connection = world.connect()
            mine.connection.prepare_threshold = 0
        connection: psycopg.Connection = mine.connection
        key = (site, HOUSE_OWNER_ID, line.sku_id)
        connection.execute(_LOCK, key)
        for place, units in ((line.from_location_id, -1), (line.to_location_id, 1)):
            connection.execute(_CHANGE, (units, site, place, line.sku_id, HOUSE_OWNER_ID, NIL))
        facts = {
            "site": site, "id": line.command_id, "owner": HOUSE_OWNER_ID, "sku": line.sku_id,
            "from": line.from_location_id, "to": line.to_location_id, "nil": NIL,
        }  # fmt: skip
        connection.execute(_MOVEMENT, facts)
        connection.execute(_COUNT, key)
        connection.execute(_COMMAND, (site, line.command_id, line.cause_id))
        connection.commit()
        return 1

    return Work(lambda: a_move(site, random.choice(world.skus)), do)


def measure(world: World, options: argparse.Namespace) -> dict[str, object]:
    """Moves and steps against rows, in turns."""
    say(f"{options.skus} SKUs at one site")
    world.stock(sites=1, skus=options.skus, units=1_000_000, movements_each=1)
    database = Database(world.url, pool_size=options.clients)
    ways: dict[str, Work[Any]] = {
        "advance": advances(database, world),
        "move": moves(database, world),
        "rows": rows(world),
    }
    turns = Turns(clients=options.clients, slice_s=options.slice_s, slices=options.slices)
    found: dict[str, Rate] = compare(world, ways, turns)
    database.close()
    return {
        "advance_lines_per_s": round(found["advance"].per_s),
        "move_lines_per_s": round(found["move"].per_s),
        "rows_per_s": round(found["rows"].per_s),
        "advance_ratio": round(found["advance"].per_s / found["rows"].per_s, 1),
        "move_ratio": round(found["move"].per_s / found["rows"].per_s, 1),
        "advance_cpu_us_per_line": round(found["advance"].cpu_us, 1),
        "move_cpu_us_per_line": round(found["move"].cpu_us, 1),
        "rows_cpu_us_per_line": round(found["rows"].cpu_us, 1),
    }


def main() -> None:
    """Measure on a fresh server, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one line of JSON (always so)")
    parser.add_argument("--slices", type=int, default=5, help="of each way; the median is told")
    parser.add_argument("--slice-s", type=float, default=1.0)
    parser.add_argument("--clients", type=int, default=2)
    parser.add_argument("--skus", type=int, default=10_000)
    options = parser.parse_args()
    with fresh() as world:
        figures = measure(world, options)
    sizes = {"skus": options.skus, "clients": options.clients}
    print(json.dumps({"benchmark": "postings", **figures, "batch": BATCH, **sizes}))


if __name__ == "__main__":
    main()
