"""Reservations a second on one hot SKU: in sets, against one row lock a line; one JSON line.

Both ways write the same: a hold, the balance, a committed transaction. The naive way is what most
systems do: lock the row, look, write, commit, a line at a time. Run: python -m
benchmarks.reserve_contention --json [--batch 500] [--seconds 5] [--clients 4]
"""

import argparse
import json
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from edge.clock import SystemClock
from wms.catalog import HOUSE_OWNER_ID, SkuRecord, save_skus
from wms.database import Database
from wms.ids import CommandId, HoldId, SiteId, SkuId, new_id
from wms.migrations import upgrade
from wms.postgres import EmbeddedPostgres
from wms.sites import LocationRecord, SiteRecord, location_id, save_locations, save_sites
from wms.sites import virtual_location as virtual
from wms.stock import ledger, promises
from wms.stock.ledger import Move
from wms.stock.promises import Reserve
from wms.stock.verify import verify

PLENTY = 2**30
CLOCK = SystemClock()

_LOCK = text(
    "SELECT sellable - reserved - allocated - safety FROM stock_balance WHERE site_id = :site"
    " AND owner_id = :owner AND sku_id = :sku AND segment = 'A' FOR NO KEY UPDATE"
)
_HOLD = text(
    "INSERT INTO hold (site_id, id, owner_id, sku_id, kind, state, units, demand_id)"
    " VALUES (:site, :id, :owner, :sku, 'ORDER', 'HELD', 1, :id)"
)
_COUNT = text(
    "UPDATE stock_balance SET reserved = reserved + 1 WHERE site_id = :site AND"
    " owner_id = :owner AND sku_id = :sku AND segment = 'A'"
)


def main() -> None:
    """Measure both ways on a fresh server with fsync on, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one line of JSON (always so)")
    parser.add_argument("--batch", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--clients", type=int, default=4)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="soko-bench-"))
    folder.chmod(0o755)
    try:
        with EmbeddedPostgres(folder) as postgres:
            upgrade(postgres.url)
            figures = measure(postgres.url, options.batch, options.seconds, options.clients)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps({"benchmark": "reserve_contention", **figures}))


def measure(url: str, batch: int, seconds: float, clients: int) -> dict[str, object]:
    """Lines a second both ways, on the same SKU, in the same run."""
    database = Database(url, pool_size=clients)
    plain = Database(url, pool_size=clients, role=None)  # may write the tables
    site, sku = database.run(_world)

    def in_sets() -> int:
        lines = [_line(site, sku) for _ in range(batch)]
        answers = database.run(lambda s: promises.reserve(s, lines, now=CLOCK.now()))
        assert all(answer.granted for answer in answers)
        return batch

    def naive() -> int:
        plain.run(lambda s: _reserve_one(s, site, sku, new_id(CLOCK.now())))
        return 1

    rates = {"naive": _rate(naive, seconds, clients), "sets": _rate(in_sets, seconds, clients)}
    clean = database.run(verify).clean
    for pool in (database, plain):
        pool.close()
    return {
        "lines_per_s_sets": round(rates["sets"]),
        "lines_per_s_naive": round(rates["naive"]),
        "ratio": round(rates["sets"] / rates["naive"], 1),
        "batch": batch,
        "clients": clients,
        "verify": "clean" if clean else "DIFFERENCE",
    }


def _rate(work: Callable[[], int], seconds: float, clients: int) -> float:
    stop = threading.Event()

    def client(_: int) -> int:
        done = 0
        while not stop.is_set():
            done += work()
        return done

    with ThreadPoolExecutor(clients) as pool:
        began = time.perf_counter()
        timer = threading.Timer(seconds, stop.set)
        timer.start()
        done = sum(pool.map(client, range(clients)))
        return done / (time.perf_counter() - began)


def _world(session: Session) -> tuple[SiteId, SkuId]:
    (site,) = save_sites(session, [SiteRecord(code="HOT", kind="DC", name_en="Hot")])
    save_locations(session, site, [LocationRecord(code="S-1", kind="PICK_FACE", zone="SHELF")])
    (sku,) = save_skus(session, [SkuRecord(code="TV", name_en="Television")])
    receipt = Move(
        command_id=CommandId(new_id(CLOCK.now())),
        site_id=site,
        owner_id=HOUSE_OWNER_ID,
        sku_id=sku,
        units=PLENTY,
        from_location_id=virtual(site, "SUPPLIER"),
        to_location_id=location_id(site, "S-1"),
        cause_kind="BENCHMARK",
        cause_id=new_id(CLOCK.now()),
        actor="benchmark",
        occurred_at=CLOCK.now(),
    )
    ledger.move(session, [receipt])
    return site, sku


def _line(site: SiteId, sku: SkuId) -> Reserve:
    return Reserve(
        hold_id=HoldId(new_id(CLOCK.now())),
        site_id=site,
        owner_id=HOUSE_OWNER_ID,
        sku_id=sku,
        units=1,
        kind="ORDER",
        demand_id=new_id(CLOCK.now()),
    )


def _reserve_one(session: Session, site: SiteId, sku: SkuId, id_: UUID) -> None:
    key = {"site": site, "owner": HOUSE_OWNER_ID, "sku": sku}
    free = session.scalar(_LOCK, key)
    assert free > 0
    session.execute(_HOLD, {**key, "id": id_})
    session.execute(_COUNT, key)


if __name__ == "__main__":
    main()
