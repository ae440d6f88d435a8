"""How long the proof of a million movements takes; one JSON line.

    python -m benchmarks.verify --json [--movements 1000000]

A fresh PostgreSQL of our own, filled by SQL as superuser with books that are right: receipts, and
holds in every state with the movements that brought them there, most of them last month.
Then, one after the other:

    seconds          all laws, all movements; nothing is sealed and there is no checkpoint yet
    seal_us_per_row  the movements are sealed (wall clock, signed and committed)
    seconds_full     `soko verify --full`: all laws, all movements, all seals, all checkpoints
    with_checkpoint  `soko verify` from the checkpoint of last month on
    baseline_s       what law I2 alone takes asked a quant at a time, from a sample of them; `ratio`
                     is that against all laws

Figures with `cpu` in their name are processor seconds of the server in that time: they tell what
a quiet machine would need, whatever else runs.
"""

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import psycopg
from sqlalchemy import make_url
from sqlalchemy.orm import Session

from wms.catalog import HOUSE_OWNER_ID
from wms.database import Database
from wms.migrations import upgrade
from wms.orders import laws as of_orders
from wms.outbound import laws as of_streams
from wms.payments import laws as of_payments
from wms.postgres import EmbeddedPostgres
from wms.sites import LocationRecord, SiteRecord, save_locations, save_sites
from wms.stock import checkpoint
from wms.stock.prove import CONNECTIONS, prove
from wms.stock.seal import Sealer
from wms.stock.verify import LAWS, NETWORK_LAWS, Report
from wms.work import laws as of_work

SITES, SHELVES, SKUS = 5, 10, 4_000
MOVEMENTS_A_HOLD = 2.6
TRANSACTIONS = 200
SAMPLE = 300
NIL = "'00000000-0000-0000-0000-000000000000'::uuid"

# Every tenth hold is HELD, ALLOCATED, PICKED, PACKED, SHIPPED; the others are DELIVERED.
_PLAN = f"""
CREATE TABLE plan AS
  SELECT n, s.id AS site_id, k.id AS sku_id, gen_random_uuid() AS hold_id, least(n % 10, 5) AS kind,
         (n % 10 BETWEEN 5 AND 8) AS old
    FROM generate_series(1::bigint, %(holds)s) AS n
    JOIN (SELECT id, row_number() OVER (ORDER BY id) - 1 AS no FROM site) AS s
      ON s.no = n %% {SITES}
    JOIN (SELECT id, row_number() OVER (ORDER BY id) - 1 AS no FROM sku) AS k
      ON k.no = n * 7919 %% {SKUS};
CREATE TABLE step AS
  SELECT row_number() OVER (ORDER BY x.old DESC, x.n, x.step) AS no, x.*,
         gen_random_uuid() AS command_id FROM (
    SELECT 0::bigint AS n, s.id AS site_id, k.id AS sku_id, NULL::uuid AS hold_id, 0 AS step,
           1000000 AS units, true AS old
      FROM site s CROSS JOIN sku k
    UNION ALL
    SELECT p.n, p.site_id, p.sku_id, p.hold_id, t.step, 2, p.old
      FROM plan p CROSS JOIN generate_series(1, 4) AS t(step)
     WHERE t.step <= p.kind - 1) AS x;
CREATE INDEX ON step (no);
CREATE TABLE place AS
  SELECT l.site_id, CASE l.code WHEN '@SUPPLIER' THEN -1 WHEN 'S-1' THEN 0 WHEN '@TOTE' THEN 1
           WHEN '@PACK' THEN 2 WHEN '@LANE' THEN 3 WHEN '@CUSTOMER' THEN 4 END AS step, l.id
    FROM location l
   WHERE l.code IN ('@SUPPLIER', 'S-1', '@TOTE', '@PACK', '@LANE', '@CUSTOMER');
ANALYZE plan; ANALYZE step; ANALYZE place;
""".replace("n % 10", "n %% 10")  # noqa: S608
_MOVE = f"""
WITH piece AS (
  SELECT s.*, CASE WHEN s.old THEN date_trunc('month', now(), 'UTC') - interval '9 days'
           ELSE greatest(date_trunc('month', now(), 'UTC'), now() - interval '1 hour') END
           + make_interval(secs => s.no * 0.001) AS at
    FROM step s WHERE s.no > %(after)s AND s.no <= %(until)s),
told AS (
  INSERT INTO stock_command (site_id, command_id, kind, asked, hold_id, state, at)
    SELECT site_id, command_id, CASE step WHEN 0 THEN 'MOVE' ELSE 'ADVANCE' END, command_id,
           hold_id, (ARRAY['PICKED', 'PACKED', 'SHIPPED', 'DELIVERED'])[step], at FROM piece)
INSERT INTO movement (site_id, recorded_at, command_id, cause_kind, cause_id, actor, owner_id,
    sku_id, lot, from_condition, to_condition, from_location_id, from_unit_id, to_location_id,
    to_unit_id, units, reason, occurred_at)
  SELECT s.site_id, s.at, s.command_id, 'HOLD', coalesce(s.hold_id, s.command_id),
         'user:someone@device-12', '{HOUSE_OWNER_ID}', s.sku_id, '', 'A', 'A', f.id, {NIL}, t.id,
         {NIL}, s.units, '', s.at
    FROM piece s
    JOIN place f ON f.site_id = s.site_id AND f.step = s.step - 1
    JOIN place t ON t.site_id = s.site_id AND t.step = s.step
"""  # noqa: S608
_REST = f"""
INSERT INTO quant (site_id, location_id, sku_id, owner_id, handling_unit_id, lot, condition, units,
                   outside)
  SELECT m.site_id, x.location_id, m.sku_id, m.owner_id, {NIL}, '', 'A', sum(x.units),
         l.counter = 'outside'
    FROM movement m
   CROSS JOIN LATERAL (VALUES (m.to_location_id, m.units), (m.from_location_id, - m.units))
      AS x(location_id, units)
    JOIN location l ON l.site_id = m.site_id AND l.id = x.location_id
   GROUP BY m.site_id, x.location_id, m.sku_id, m.owner_id, l.counter;
INSERT INTO hold (site_id, id, owner_id, sku_id, kind, state, units, demand_id, location_id)
  SELECT p.site_id, p.hold_id, '{HOUSE_OWNER_ID}', p.sku_id, 'ORDER', (ARRAY['HELD', 'ALLOCATED',
         'PICKED', 'PACKED', 'SHIPPED', 'DELIVERED'])[p.kind + 1], 2, p.hold_id, t.id
    FROM plan p LEFT JOIN place t ON t.site_id = p.site_id AND t.step = p.kind - 1 AND t.step > 0;
INSERT INTO stock_balance (site_id, owner_id, sku_id, segment, sellable, picked, packed,
                           to_customer, reserved, allocated)
  SELECT site_id, owner_id, sku_id, 'A', q.sellable, q.picked, q.packed, q.to_customer,
         coalesce(h.reserved, 0), coalesce(h.allocated, 0)
    FROM (SELECT q.site_id, q.owner_id, q.sku_id,
                 coalesce(sum(q.units) FILTER (WHERE l.counter = 'sellable'), 0) AS sellable,
                 coalesce(sum(q.units) FILTER (WHERE l.counter = 'picked'), 0) AS picked,
                 coalesce(sum(q.units) FILTER (WHERE l.counter = 'packed'), 0) AS packed,
                 coalesce(sum(q.units) FILTER (WHERE l.counter = 'to_customer'), 0) AS to_customer
            FROM quant q JOIN location l ON l.site_id = q.site_id AND l.id = q.location_id
           GROUP BY 1, 2, 3) AS q
    LEFT JOIN (SELECT h.site_id, h.owner_id, h.sku_id,
                      sum(h.units) FILTER (WHERE h.state = 'HELD') AS reserved,
                      sum(h.units) FILTER (WHERE h.state = 'ALLOCATED') AS allocated
                 FROM hold h GROUP BY 1, 2, 3) AS h USING (site_id, owner_id, sku_id);
DROP TABLE plan; DROP TABLE step; DROP TABLE place;
"""  # noqa: S608
_MONTH = """
SELECT movement_months(1);
DO $$
DECLARE
  v_from timestamptz := date_trunc('month', now(), 'UTC') - interval '1 month';
BEGIN
  EXECUTE format('CREATE TABLE movement_before PARTITION OF movement FOR VALUES FROM (%L) TO (%L)',
                 date_trunc('month', v_from, 'UTC'), date_trunc('month', now(), 'UTC'));
END $$
"""
_SAMPLE = """
SELECT site_id, location_id, sku_id, owner_id, handling_unit_id, lot, condition, units FROM quant
 WHERE NOT outside ORDER BY md5(site_id::text || location_id || sku_id) LIMIT %(sample)s
"""
_ONE_QUANT = """
SELECT coalesce(sum(CASE WHEN to_location_id = %(place)s THEN units ELSE 0 END)
              - sum(CASE WHEN from_location_id = %(place)s THEN units ELSE 0 END), 0)
  FROM movement WHERE site_id = %(site)s AND sku_id = %(sku)s
   AND (to_location_id = %(place)s OR from_location_id = %(place)s)
"""


def main() -> None:
    """Fill, prove, seal, close the month, prove again; print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one line of JSON (always so)")
    parser.add_argument("--movements", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=3, help="of each figure the best is told")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="soko-bench-"))
    folder.chmod(0o755)
    try:
        with EmbeddedPostgres(folder) as postgres:
            upgrade(postgres.url)
            fill(postgres.url, options.movements)
            figures = measure(postgres, folder / "seal.key", options.times)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps({"benchmark": "verify", **figures}))


def fill(url: str, movements: int) -> None:
    """Books of about that many movements."""
    database = Database(url, pool_size=1)
    database.run(_masters)
    database.close()
    receipts = SITES * SKUS
    holds = int((movements - receipts) / MOVEMENTS_A_HOLD)
    with psycopg.connect(_plain(url), autocommit=True) as connection:
        connection.execute(_MONTH)
        connection.execute("SET session_replication_role = replica")
        for statement in _PLAN.split(";"):
            if statement.strip():
                connection.execute(statement, {"holds": holds} if "%" in statement else None)
        found = connection.execute("SELECT max(no) FROM step").fetchone()
        assert found is not None
        size = -(-found[0] // TRANSACTIONS)
        for after in range(0, found[0], size):  # a transaction each, as the ledger would
            connection.execute(_MOVE, {"after": after, "until": after + size})
        connection.execute(_REST)
        connection.execute("VACUUM ANALYZE")


def measure(postgres: EmbeddedPostgres, key: Path, times: int) -> dict[str, Any]:
    """All figures, on books that are filled."""
    assert postgres.pid is not None
    server = psutil.Process(postgres.pid)
    database = Database(postgres.url, pool_size=CONNECTIONS)
    laws = (*LAWS, *NETWORK_LAWS, *of_orders.LAWS, *of_work.LAWS, *of_streams.LAWS,
            *of_payments.LAWS)  # fmt: skip
    ask = partial(prove, database, laws, key=key)
    figures: dict[str, Any] = {}
    try:
        report = _best(figures, "seconds", server, ask, times)
        cpu = _cpu_s(server)
        rows, seconds = _seal_all(database, Sealer(key))
        figures["seal_us_per_row"] = round(seconds / rows * 1e6, 1)
        figures["seal_us_per_row_cpu"] = round((_cpu_s(server) - cpu) / rows * 1e6, 1)
        started = time.perf_counter()
        month = _close_month(database)
        figures["checkpoint_s"] = round(time.perf_counter() - started, 2)
        _seal_all(database, Sealer(key))
        with psycopg.connect(_plain(postgres.url), autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")
        full = _best(figures, "seconds_full", server, partial(ask, full=True), times)
        quick = _best(figures, "with_checkpoint", server, ask, times)
        assert (full.checkpoint, quick.checkpoint) == (None, month)
        figures["baseline_s"] = round(_a_quant_at_a_time(postgres.url, report.quants), 1)
    finally:
        database.close()
    figures["ratio"] = round(figures["baseline_s"] / figures["seconds"], 1)
    counts = {name: getattr(report, name) for name in ("movements", "quants", "holds", "balances")}
    return {**counts, **figures, "clean": report.clean and full.clean and quick.clean}


def _best(
    figures: dict[str, Any],
    name: str,
    server: psutil.Process,
    ask: Callable[[], Report],
    times: int,
) -> Report:
    """The quickest of some; the report of the last."""
    walls, cpus = [], []
    report = ask()  # so that what is read often is in memory
    for _ in range(times):
        cpu, started = _cpu_s(server), time.perf_counter()
        report = ask()
        walls.append(time.perf_counter() - started)
        cpus.append(_cpu_s(server) - cpu)
        assert report.clean, [law for law in report.laws if law.differences]
    figures[name] = round(min(walls), 2)
    figures[f"{name}_cpu"] = round(min(cpus), 2)
    return report


def _cpu_s(server: psutil.Process) -> float:
    """Of all its processes, as far as they still run: connections are kept open."""
    total = 0.0
    for process in (server, *server.children(recursive=True)):
        try:
            used = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += used.user + used.system
    return total


def _seal_all(database: Database, sealer: Sealer) -> tuple[int, float]:
    rows, started = 0, time.perf_counter()
    while (made := database.run(sealer.seal)) is not None:
        rows += made.rows
    return rows, time.perf_counter() - started


def _close_month(database: Database) -> date:
    for site, month in database.run(checkpoint.due):
        assert database.run(partial(checkpoint.make, site=site, month=month))
    last = database.run(checkpoint.last)
    assert last is not None
    return last


def _a_quant_at_a_time(url: str, quants: int) -> float:
    """What all quants would take, from a sample."""
    with psycopg.connect(_plain(url), autocommit=True) as connection:
        sample = connection.execute(_SAMPLE, {"sample": SAMPLE}).fetchall()
        started = time.perf_counter()
        for site, place, sku, *_, units in sample:
            asked = {"site": site, "place": place, "sku": sku}
            found = connection.execute(_ONE_QUANT, asked).fetchone()
            assert found == (units,)
        return (time.perf_counter() - started) / len(sample) * quants


def _masters(session: Session) -> None:
    codes = [f"BE{number}" for number in range(SITES)]
    sites = save_sites(session, [SiteRecord(code=code, kind="DC", name_en=code) for code in codes])
    for site in sites:
        save_locations(
            session,
            site,
            [LocationRecord(code=f"S-{n}", kind="PICK_FACE") for n in range(1, SHELVES + 1)],
        )
    connection = session.connection().connection.driver_connection
    assert connection is not None
    connection.execute(
        "INSERT INTO sku (id, owner_id, code, name_en, name_ja) SELECT md5('b' || n)::uuid, %s,"
        " 'B-' || n, 'Thing ' || n, '品 ' || n FROM generate_series(1, %s) AS n",
        [HOUSE_OWNER_ID, SKUS],
    )


def _plain(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


if __name__ == "__main__":
    main()
