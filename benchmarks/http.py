"""Reservations a second through HTTP, against row locking behind the same HTTP; one JSON line.

    python -m benchmarks.http --json [--seconds 5] [--storm]

One process serves the application as `soko serve` does; this process asks, over raw sockets, on
the same cores. Everything is committed with fsync on before it is answered.

    single   one line a request, 64 connections, 1,000 SKUs; hot: all of one SKU
    bulk     100 lines a request, 8 connections
    rows     the same through an endpoint that does what most systems do: lock the row, look,
             insert, update, commit
    storm    for 20 s five times as many customers a second as can be served, each coming again
             when told to; then half of what it can serve, to see that it recovers. Customers in
             such numbers would take the cores that they ask: so they have some for themselves,
             half of them, in the storm and when `storm_alone_per_s` is found, which it is held to.
             `storm_ok`: goodput at least 70 % of what it can serve, 99 of 100 who are let in are
             answered within 2 s, and within 10 s after it everything is as before
"""

import argparse
import asyncio
import gc
import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import psycopg
from fastapi import APIRouter
from sqlalchemy import make_url, text
from sqlalchemy.orm import Session

from benchmarks.http_load import Address, Figures, closed_loop, open_loop
from edge.clock import SystemClock
from wms.api.dependencies import Services, Svc
from wms.api.hold_shapes import HoldsIn
from wms.app import create_app, server_of
from wms.catalog import HOUSE_OWNER_ID, SkuRecord, save_skus, sku_id
from wms.database import Database
from wms.ids import CommandId, new_id
from wms.migrations import upgrade
from wms.outbound.floor import Floor
from wms.postgres import EmbeddedPostgres
from wms.settings import Settings
from wms.sites import SiteRecord, save_sites, site_id, virtual_location
from wms.stock import ledger
from wms.stock.ledger import Move
from wms.stock.verify import verify

CLOCK = SystemClock()
SITE = "BENCH"
SKUS = 1000
PLENTY = 2**31 - 1
BULK = 100
DEADLINE_MS = 1000
STORM, STORM_S, AFTER_S = 5.0, 20.0, 12.0
GOODPUT_MIN, P99_MAX_MS, NORMAL_WITHIN_S = 0.7, 2000.0, 10.0
CONNECTIONS = 1000

# ------------------------------------------------------------------------------ the way of rows
rows = APIRouter()
_LOCK = text(
    "SELECT sellable - reserved - allocated - safety FROM stock_balance WHERE site_id = :site"
    " AND owner_id = :owner AND sku_id = :sku AND segment = 'A' FOR NO KEY UPDATE"
)
_HOLD = text(
    "INSERT INTO hold (site_id, id, owner_id, sku_id, kind, state, units, demand_id)"
    " VALUES (:site, :id, :owner, :sku, :kind, 'HELD', :units, :demand)"
)
_COUNT = text(
    "UPDATE stock_balance SET reserved = reserved + :units WHERE site_id = :site AND"
    " owner_id = :owner AND sku_id = :sku AND segment = 'A'"
)


@rows.post("/rows/holds")
def post_rows(body: HoldsIn, services: Svc) -> dict[str, Any]:
    """What most systems do: lock, look, insert, update; commit."""

    def work(session: Session) -> bool:
        for line in sorted(body.lines, key=lambda line: line.sku):
            key = {
                "site": site_id(line.site),
                "owner": HOUSE_OWNER_ID,
                "sku": sku_id(line.sku),
                "units": line.units,
            }
            if session.execute(_LOCK, key).scalar_one() < line.units:
                return False
            session.execute(
                _HOLD, {**key, "id": line.hold_id, "kind": body.kind, "demand": body.demand_id}
            )
            session.execute(_COUNT, key)
        return True

    granted = services.database.run(work)
    lines = [{"hold_id": str(line.hold_id), "granted": granted} for line in body.lines]
    return {"granted": granted, "lines": lines}


def serve(url: str, port: int) -> None:
    """The application and the way of rows, in one process."""
    database = Database(url, pool_size=10, role=None)  # the way of rows writes tables itself
    settings = Settings(database_url=url)
    app = create_app(
        settings, Services(settings=settings, database=database, clock=CLOCK, floor=Floor())
    )
    app.include_router(rows)

    async def run() -> None:
        server = server_of(app, "127.0.0.1", port)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, server.stop)
        await server.serve()

    asyncio.run(run())


# ------------------------------------------------------------------------------------- questions
def requests(path: str, *, lines: int, skus: int) -> Iterator[bytes]:
    """Requests with ids of their own, SKUs in turn."""
    run = os.urandom(4).hex()
    head = (
        f"POST {path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n"
        f"soko-deadline-ms: {DEADLINE_MS}\r\ncontent-length: "
    )
    for number in itertools.count():
        named = ",".join(
            f'{{"hold_id":"{run}-0000-7000-8000-{n:012x}","site":"{SITE}",'
            f'"sku":"S{n * 7919 % skus:04d}","units":1}}'
            for n in range(number * lines, (number + 1) * lines)
        )
        body = (
            f'{{"mode":"best-effort","kind":"ORDER","demand_id":"{run}-0000-7000-9000-'
            f'{number:012x}","lines":[{named}]}}'
        )
        yield f"{head}{len(body)}\r\n\r\n{body}".encode()


# ------------------------------------------------------------------------------------ the answer
async def measure(
    address: Address, server: psutil.Process, seconds: float, *, only_storm: bool
) -> dict[str, Any]:
    """All figures, or those of the storm."""

    async def ask(path: str, *, lines: int, skus: int, connections: int) -> Figures:
        asked = requests(path, lines=lines, skus=skus)
        await closed_loop(address, asked, connections=connections, seconds=0.5)  # warm
        return await closed_loop(address, asked, connections=connections, seconds=seconds)

    cpu = _cpu_s(server)
    single = await ask("/v1/holds", lines=1, skus=SKUS, connections=64)
    cpu = _cpu_s(server) - cpu
    capacity = single.good / single.seconds
    if only_storm:
        return {"single_per_s": round(capacity), **await _storm(address, server, seconds)}
    hot = await ask("/v1/holds", lines=1, skus=1, connections=64)
    bulk = await ask("/v1/holds", lines=BULK, skus=SKUS, connections=8)
    rows_single = await ask("/rows/holds", lines=1, skus=SKUS, connections=64)
    rows_hot = await ask("/rows/holds", lines=1, skus=1, connections=64)
    rows_bulk = await ask("/rows/holds", lines=BULK, skus=SKUS, connections=8)
    storm = await _storm(address, server, seconds)
    return {
        "single_per_s": round(capacity),
        "single_p99_ms": single.p99_ms(),
        "single_server_cpu_us": round(cpu / (single.good * (seconds + 0.5) / seconds) * 1e6),
        "hot_per_s": round(hot.good / hot.seconds),
        "hot_p99_ms": hot.p99_ms(),
        "bulk_lines_per_s": round(bulk.good * BULK / bulk.seconds),
        "bulk_p99_ms": bulk.p99_ms(),
        "rows_single_per_s": round(rows_single.good / rows_single.seconds),
        "rows_single_p99_ms": rows_single.p99_ms(),
        "rows_hot_per_s": round(rows_hot.good / rows_hot.seconds),
        "rows_bulk_lines_per_s": round(rows_bulk.good * BULK / rows_bulk.seconds),
        "single_ratio": _ratio(single, rows_single),
        "hot_ratio": _ratio(hot, rows_hot),
        "bulk_ratio": _ratio(bulk, rows_bulk),
        "not_granted": single.other + single.failed + hot.other + hot.failed + bulk.other
        + bulk.failed,
        **storm,
    }  # fmt: skip


async def _storm(address: Address, server: psutil.Process, seconds: float) -> dict[str, Any]:
    """Too many customers for a while, then half of what can be served."""
    asked = requests("/v1/holds", lines=1, skus=SKUS)
    _apart(server)
    alone = await closed_loop(address, asked, connections=64, seconds=seconds)
    capacity = alone.good / alone.seconds
    gc.collect()
    gc.freeze()
    ask = partial(open_loop, address, asked, connections=CONNECTIONS)
    storm = await ask(rate=STORM * capacity, seconds=STORM_S)
    after = await ask(rate=0.5 * capacity, seconds=AFTER_S)
    recovered_s = _recovered_s(after, 0.5 * capacity)
    good = sum(1 for at in storm.good_at_s if at <= storm.seconds) / storm.seconds
    return {
        "storm_ok": good >= GOODPUT_MIN * capacity
        and storm.p99_ms() < P99_MAX_MS
        and recovered_s <= NORMAL_WITHIN_S,
        "storm_alone_per_s": round(capacity),
        "storm_times": STORM,
        "storm_s": round(storm.seconds, 1),
        "storm_offered_per_s": round(storm.sent / storm.seconds),
        "storm_asked_per_s": round((storm.sent + storm.tried_again) / storm.seconds),
        "storm_goodput_per_s": round(good),
        "storm_goodput_share": round(good / capacity, 2),
        "storm_p99_ms": storm.p99_ms(),
        "storm_refused": storm.busy,
        "storm_no_connection": storm.no_connection,
        "storm_failed": storm.failed,
        "recovered_in_s": recovered_s,
        "after_storm_p99_ms": after.p99_ms(),
        "after_storm_refused": after.busy,
    }


def _apart(server: psutil.Process) -> None:
    """Half of the cores for the server and its PostgreSQL, the others for customers."""
    cores = sorted(os.sched_getaffinity(0))
    theirs, ours = cores[: len(cores) // 2], cores[len(cores) // 2 :]
    if theirs:
        served = (server, *psutil.Process().children())
        for process in {each for root in served for each in (root, *root.children(recursive=True))}:
            for thread in process.threads():
                os.sched_setaffinity(thread.id, theirs)
        os.sched_setaffinity(0, ours)


def _recovered_s(after: Figures, rate: float) -> float:
    """Since when every half second brought at least nine tenths of what was asked."""
    width, end = 0.5, int(after.seconds / 0.5)
    counts = [0] * end
    for at in after.good_at_s:
        if int(at / width) < end:
            counts[int(at / width)] += 1
    bad = [n for n, count in enumerate(counts) if count < 0.9 * rate * width]
    return (bad[-1] + 1) * width if bad else 0.0


def _ratio(ours: Figures, others: Figures) -> float:
    return round(ours.good / ours.seconds / max(1e-9, others.good / others.seconds), 1)


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


# ------------------------------------------------------------------------------------- the stage
def world(session: Session) -> None:
    """A site with plenty of a thousand SKUs."""
    (site,) = save_sites(session, [SiteRecord(code=SITE, kind="DC", name_en="Benchmark")])
    codes = [f"S{n:04d}" for n in range(SKUS)]
    skus = save_skus(session, [SkuRecord(code=code, name_en=code) for code in codes])
    now = CLOCK.now()
    moves = [
        Move(
            command_id=CommandId(new_id(now)),
            site_id=site,
            owner_id=HOUSE_OWNER_ID,
            sku_id=sku,
            units=PLENTY,
            from_location_id=virtual_location(site, "SUPPLIER"),
            to_location_id=virtual_location(site, "UNITS"),
            cause_kind="BENCHMARK",
            cause_id=new_id(now),
            actor="benchmark",
            occurred_at=now,
        )
        for sku in skus
    ]
    ledger.move(session, moves)


def settle(url: str) -> None:
    """A log as a server has that has run for a while: segments to use again, none to be made."""
    address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address, autocommit=True) as connection:
        for _ in range(16):
            connection.execute("SELECT pg_logical_emit_message(false, '', ''), pg_switch_wal()")
        connection.execute("CHECKPOINT")


def main() -> None:
    """Start the database and the server, ask, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one line of JSON (always so)")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--storm", action="store_true", help="capacity and the storm only")
    parser.add_argument("--serve", nargs=2, metavar=("URL", "PORT"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve[0], int(options.serve[1]))
        return
    folder = Path(tempfile.mkdtemp(prefix="soko-bench-"))
    folder.chmod(0o755)
    try:
        with EmbeddedPostgres(folder) as postgres:
            upgrade(postgres.url)
            database = Database(postgres.url, pool_size=1)
            database.run(world)
            settle(postgres.url)
            figures = _with_server(postgres.url, options.seconds, only_storm=options.storm)
            report = database.run(verify)
            database.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    figures["verify"] = "clean" if report.clean else str(report)
    print(json.dumps({"benchmark": "http", **figures}))


def _with_server(url: str, seconds: float, *, only_storm: bool) -> dict[str, Any]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "benchmarks.http", "--serve", url, str(port)]
    with subprocess.Popen(command) as process:  # noqa: S603 - ourselves
        try:
            _await_port(port, process)
            address = ("127.0.0.1", port)
            server = psutil.Process(process.pid)
            return asyncio.run(measure(address, server, seconds, only_storm=only_storm))
        finally:
            process.terminate()


def _await_port(port: int, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit("the server did not start")


if __name__ == "__main__":
    main()
