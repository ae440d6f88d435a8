"""All processes of a site with people, each with a keeper, as `soko demo` runs them.

people ──HTTP──> serve ──┐                 ┌──> carrier (it loses answers; it is not killed)
                         ├── PostgreSQL ───┤
                 worker ─┘                 └──> broker ──> WCS of the hub

with works(folder, carrier) as site:
    site.kill("broker"); site.has_done("broker")
"""

import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
from sqlalchemy import text
from sqlalchemy.orm import Session

from edge.broker import broker_child, url_of
from edge.ports import free_port
from edge.process import Child, Keeper
from simulators.carrier import CarrierApi, CarrierServer
from tests.builders import a_sku, stock_of
from tests.faults.mixed import (
    ASIDE,
    AT_FIRST,
    COUNTED,
    COUNTED_AT_FIRST,
    HUB,
    SHELVES,
    SKUS,
    STORE,
)
from tests.faults.shop import Serve, a_serve
from tests.faults.test_edge_drill import SITE
from wms.database import Database
from wms.migrations import upgrade
from wms.postgres import EmbeddedPostgres
from wms.sites import LocationRecord, SiteRecord, save_locations, save_sites

# What a process does, as the database tells: more of it after a kill means that it is back.
DONE = {
    "worker": "SELECT count(*) FROM task WHERE kind = 'pick'",
    "broker": "SELECT coalesce(sum(acked), 0) FROM stream_sender",
    "wcs": "SELECT coalesce(sum(acked), 0) FROM stream_sender",
}
FOUND = """
SELECT s.code, l.counter, k.code, sum(q.units)
  FROM quant q JOIN site s ON s.id = q.site_id JOIN sku k ON k.id = q.sku_id
  JOIN location l ON l.site_id = q.site_id AND l.id = q.location_id
 WHERE l.counter NOT IN ('outside', 'none') AND k.code <> :counted OR l.counter = 'sellable'
 GROUP BY 1, 2, 3 HAVING sum(q.units) <> 0
"""
TABLES = ("movement", "hold", "customer_order", "allocation", "outbox", "task", "pick_line", "pack",
          "parcel", "asn", "receipt", "putaway", "stock_count", "count_adjustment",
          "customer_return", "return_line", "work_event", "refund", "exception_report")  # fmt: skip


def masters(session: Session) -> None:
    """A hub with shelves, one of them aside, and a store; goods."""
    hub, store = save_sites(session, [
        SiteRecord(code=HUB, kind="DC", name_en=HUB, latitude=35.6, longitude=139.8),
        SiteRecord(code=STORE, kind="STORE", name_en=STORE, latitude=35.7, longitude=139.8),
    ])  # fmt: skip
    places = [LocationRecord(code=code, kind="PICK_FACE", zone="SHELF") for code in SHELVES]
    aside = LocationRecord(code=ASIDE, kind="PICK_FACE", zone="ASIDE")
    save_locations(session, hub, [*places, aside])
    save_locations(session, store, [LocationRecord(code="F-1", kind="SALES_FLOOR", zone="FLOOR")])
    for number, code in enumerate(SKUS):
        sku = a_sku(session, code, weight_g=100)
        stock_of(session, hub, sku, AT_FIRST, SHELVES[number % len(SHELVES)])
    stock_of(session, hub, a_sku(session, COUNTED), COUNTED_AT_FIRST, ASIDE)


@dataclass
class Works:
    """What runs, and what it has done."""

    postgres: EmbeddedPostgres
    serve: Serve
    children: dict[str, Child]
    keepers: dict[str, Keeper]
    database: Database
    journal: Path

    def kill(self, name: str) -> None:
        """With everything that belongs to it."""
        pid = self.postgres.pid if name == "postgres" else self.children[name].pid
        assert pid
        process = psutil.Process(pid)
        for each in [process, *process.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess):
                each.send_signal(signal.SIGKILL)
        with suppress(psutil.NoSuchProcess):
            process.wait(10)

    def has_done(self, name: str) -> int:
        """How much of what only that process does has been done; -1 if nobody can say now."""
        try:
            return int(self.database.run(lambda s: s.scalar(text(DONE[name]))) or 0)
        except Exception:  # noqa: BLE001 - the database may be the one that fell
            return -1

    def found(self) -> dict[tuple[str, str, str], int]:
        """Units by site, counter and SKU, as the books have them."""
        query = text(FOUND)
        rows = self.database.run(lambda s: s.execute(query, {"counted": COUNTED}).all())
        return {(site, counter, sku): int(units) for site, counter, sku, units in rows}

    def rows(self) -> dict[str, int]:
        """How many rows there are of everything that work makes."""
        counts = ", ".join(f"(SELECT count(*) FROM {table})" for table in TABLES)  # noqa: S608
        row = self.database.run(lambda s: s.execute(text(f"SELECT {counts}")).one())
        return dict(zip(TABLES, row, strict=True))

    def stop(self, *names: str) -> None:
        """For good."""
        for name in names:
            self.keepers.pop(name).stop()


@contextmanager
def works(folder: Path, carrier: CarrierApi, *, source_s: float = 0.1) -> Iterator[Works]:
    """Everything runs; orders are sourced so often."""
    with ExitStack() as running:
        server = CarrierServer(carrier, 0)
        server.start()
        running.callback(server.stop)
        postgres = EmbeddedPostgres(folder / "pg", port=free_port(), keep=True)
        running.enter_context(postgres)
        upgrade(postgres.url)
        database = Database(postgres.url, pool_size=3)
        running.callback(database.close)
        database.run(masters)
        port = free_port()
        site_file = folder / "site.toml"
        site_file.write_text(SITE.replace("DRILL", HUB))
        env = {
            "SOKO_DATABASE_URL": postgres.url, "SOKO_MQTT_URL": url_of(port),
            "SOKO_STATE_DIR": str(folder), "SOKO_CARRIER_URL": f"http://127.0.0.1:{server.port}",
            "SOKO_SOURCE_S": str(source_s),
        }  # fmt: skip
        wcs = ("-c", "from wcs.commands import wcs; wcs()", "run", "--site", str(site_file))
        serve = a_serve(folder, postgres.url, env=env)
        children = {
            "broker": broker_child(folder / "broker", port=port),
            "wcs": Child((sys.executable, *wcs), name="wcs", folder=folder, env=env),
            "worker": Child((sys.executable, "-m", "wms.cli", "worker"), name="worker",
                            folder=folder, env=env),
            "serve": serve.child,
        }  # fmt: skip
        keepers: dict[str, Keeper] = {}
        running.callback(lambda: [keeper.stop() for keeper in reversed(keepers.values())])
        for name, child in children.items():
            keepers[name] = Keeper(child)
            keepers[name].start()
        journal = folder / f"wcs-{HUB}.journal"
        yield Works(postgres, serve, children, keepers, database, journal)
