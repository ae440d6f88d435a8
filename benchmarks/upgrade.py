"""A schema is upgraded while the version before works: nobody is refused, nobody waits a second.

    python -m benchmarks.upgrade --json [--movements 1000000] [--clients 4]

A `soko serve` of this code reserves for shops and, beside it, goods are moved, while steps of a
made-up next version are carried out on the same database by `wms.migrations.upgrade`: columns with
a default on the largest tables, a table, a check that is validated later, indexes that are made
beside the work. The steps are such as
tests/architecture/test_migrations.py lets pass.

    failed        requests that were not answered with 200, and moves that raised
    p99_ms        of requests while steps ran; `before_p99_ms` in as long before
    upgrade_s     from the first step to the last
    naive_p99_ms  the baseline: the same index made the plain way, which keeps writers out

Movements are loaded by SQL. The same code works after the steps as before: the version before
runs on the next schema, for as long as the test goes on.
"""

import argparse
import json
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import httpx2

from benchmarks import http as shop
from benchmarks.reserve import CLOCK
from benchmarks.world import World, fresh, say
from edge.ports import HOST
from tests.faults.shop import serving
from wms.catalog import HOUSE_OWNER_ID
from wms.database import Database
from wms.ids import CommandId, new_id
from wms.migrations import head_revisions, upgrade
from wms.sites import location_id
from wms.sites import virtual_location as virtual
from wms.stock import ledger
from wms.stock.ledger import Move

SKUS = 10_000
BEFORE_S = 5.0
STEP = '''"""A step of a version that does not exist: what a next one may do."""

from alembic import op

revision, down_revision = "{name}", "{before}"
branch_labels = depends_on = None


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("{sql}")
'''
# One table a step: one that has a table and waits for the next stands in the way of postings that
# have the next and wait for the first, until one of them gives up.
STEPS = (
    *(
        f"ALTER TABLE {table} ADD COLUMN next_note text NOT NULL DEFAULT ''"
        for table in ("movement", "quant", "hold", "outbox")
    ),
    "CREATE TABLE next_thing (id uuid PRIMARY KEY, said text NOT NULL)",
    "ALTER TABLE hold ADD CONSTRAINT ck_hold_next CHECK (next_note <> 'x') NOT VALID",
    "ALTER TABLE hold VALIDATE CONSTRAINT ck_hold_next",
    "CREATE INDEX CONCURRENTLY ix_quant_next ON quant (site_id, next_note, sku_id)",
    "CREATE INDEX CONCURRENTLY ix_hold_next ON hold (site_id, next_note, demand_id)",
)
NAIVE = "CREATE INDEX ix_movement_naive ON movement (site_id, actor, cause_kind, next_note, sku_id)"


@dataclass
class Load:
    """What goes on meanwhile: when each began, how long it took, and what failed."""

    took: list[tuple[float, float]] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def timed(self, do: Callable[[], str]) -> None:
        """Do it again and again, until stopped; `do` says what was wrong."""
        while not self.stop.is_set():
            began = time.monotonic()
            try:
                wrong = do()
            except Exception as error:  # noqa: BLE001 - whatever it is, it is counted
                wrong = repr(error)
            self.took.append((began, time.monotonic() - began))
            if wrong:
                self.failed.append(wrong)

    def p99_ms(self, since: float, until: float) -> float:
        """Of what was under way between these."""
        found = [took for began, took in self.took if began + took > since and began < until]
        return round(1000 * statistics.quantiles(found, n=100)[98], 1) if len(found) > 1 else 0.0


@contextmanager
def loaded(world: World, folder: Path, clients: int) -> Iterator[Load]:
    """Shops reserve over HTTP, and goods come in."""
    load = Load()
    database = Database(world.url, pool_size=clients)
    database.run(shop.world)
    site = world.sites[0]

    def move() -> str:
        sku = world.skus[time.monotonic_ns() % len(world.skus)]
        move = Move(
            command_id=CommandId(new_id(CLOCK.now())), site_id=site, owner_id=HOUSE_OWNER_ID,
            sku_id=sku, units=1, from_location_id=virtual(site, "SUPPLIER"),
            to_location_id=location_id(site, "S-1"), cause_kind="BENCHMARK", cause_id=UUID(int=1),
            actor="benchmark", occurred_at=CLOCK.now(),
        )  # fmt: skip
        database.run(lambda s: ledger.move(s, [move]))
        return ""

    with (
        serving(folder, world.url) as serve,
        httpx2.Client(base_url=f"http://{HOST}:{serve.port}", timeout=30) as http,
        ThreadPoolExecutor(clients) as threads,
    ):

        def reserve() -> str:
            hold = str(new_id(CLOCK.now()))
            sku = f"S{time.monotonic_ns() % shop.SKUS:04d}"
            line = {"hold_id": hold, "site": shop.SITE, "sku": sku, "units": 1}
            body = {"kind": "ORDER", "demand_id": hold, "lines": [line]}
            answer = http.post("/v1/holds", json=body)
            return "" if answer.status_code == 200 else answer.text

        every = [reserve if n % 2 else move for n in range(clients)]
        running = [threads.submit(load.timed, each) for each in every]
        try:
            yield load
        finally:
            load.stop.set()
            for each in running:
                each.result()
    database.close()


def measure(world: World, clients: int) -> dict[str, float]:
    """The figures."""
    (head,) = head_revisions()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "next").mkdir()
        for number, sql in enumerate(STEPS, start=9000):
            step = f"{number}_next"
            text = STEP.format(name=step, before=head, sql=sql)
            (folder / "next" / f"{step}.py").write_text(text)
            head = step
        with loaded(world, folder, clients) as load:
            time.sleep(BEFORE_S)
            began = time.monotonic()
            upgrade(world.url, also=folder / "next")
            ended = time.monotonic()
            time.sleep(BEFORE_S)
            after = time.monotonic()
            failed = len(load.failed)
            with world.connect(autocommit=True) as connection:
                connection.execute(NAIVE)
            naive = time.monotonic()
        for wrong in load.failed[:3]:
            say(wrong[:300])
    return {
        "requests": len(load.took),
        "failed": failed,
        "before_p99_ms": load.p99_ms(0, began),
        "p99_ms": load.p99_ms(began, ended),
        "slowest_ms": round(1000 * max(took for at, took in load.took if at < after), 1),
        "after_p99_ms": load.p99_ms(ended, after),
        "upgrade_s": round(ended - began, 2),
        "naive_p99_ms": load.p99_ms(after, naive),
        "naive_s": round(naive - after, 2),
    }


def main() -> None:
    """Fill a fresh server, upgrade it under load, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one line of JSON at the end (always)")
    parser.add_argument("--movements", type=int, default=1_000_000)
    parser.add_argument("--clients", type=int, default=4)
    options = parser.parse_args()
    with fresh() as world:
        say("filling")
        world.stock(sites=1, skus=SKUS, movements_each=10)
        if options.movements > 10 * SKUS:
            world.more_movements(options.movements // SKUS - 10)
        found = measure(world, options.clients)
    print(json.dumps({"benchmark": "upgrade", "movements": options.movements} | found))


if __name__ == "__main__":
    main()
