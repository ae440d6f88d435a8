"""The first server dies in the middle of work, the second goes on: what was acknowledged is there.

Two PostgreSQL, the second follows the first and each commit waits for it. Clients have both in
their address (`target_session_attrs=read-write`) and ask again with the same ids.
"""

import json
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any
from uuid import UUID

import psutil
import psycopg
import pytest
from sqlalchemy import make_url, text

from edge.ports import HOST, free_port
from tests.builders import NOW, a_site, a_sku, an_id, eventually, stock_of
from wms.backup.archive import Archive
from wms.catalog import HOUSE_OWNER_ID
from wms.database import Database, DatabaseUnavailable
from wms.ids import HoldId, SiteId, SkuId
from wms.migrations import upgrade
from wms.postgres import EmbeddedPostgres
from wms.stock import promises
from wms.stock.promises import Reserve
from wms.stock.verify import verify

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(180)]
WRITERS, BEFORE, AFTER = 4, 400, 200


def ask(url: str, query: str) -> Any:
    address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address, autocommit=True) as connection:
        cursor = connection.execute(query)
        row = cursor.fetchone() if cursor.description else None
        return row and row[0]


@pytest.fixture
def pair(folder: Path) -> Iterator[tuple[EmbeddedPostgres, EmbeddedPostgres]]:
    """The first, and one that follows it and that it waits for."""
    ports = free_port(), free_port()
    with ExitStack() as running:
        first = running.enter_context(EmbeddedPostgres(folder / "first", port=ports[0]))
        upgrade(first.url)
        base = Archive(folder / "backup").take(first.url)
        password = make_url(first.url).password

        def fill(data: Path) -> None:
            shutil.copytree(base.path, data, dirs_exist_ok=True)
            data.joinpath("standby.signal").touch()
            data.chmod(0o700)

        follows = (
            f"host={HOST} port={ports[0]} user=soko password={password} application_name=second"
        )
        second = EmbeddedPostgres(
            folder / "second", port=ports[1], settings={"primary_conninfo": follows}
        )
        second.adopt(fill)
        shutil.copy(folder / "first" / "password", folder / "second" / "password")
        running.enter_context(second)
        ask(first.url, "ALTER SYSTEM SET synchronous_standby_names = 'second'")
        ask(first.url, "SELECT pg_reload_conf()")
        waits = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"
        eventually(lambda: ask(first.url, waits) == 1)
        yield first, second


@dataclass
class Trade:
    """Holds that are asked for, and what was answered."""

    database: Database
    site: SiteId
    sku: SkuId
    acknowledged: dict[UUID, bool] = field(default_factory=dict)
    troubles: list[str] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def go_on(self) -> None:
        """Until told to stop; who gets no answer asks again with the same id."""
        while not self.stop.is_set():
            hold = an_id()
            line = Reserve(
                hold_id=HoldId(hold), site_id=self.site, owner_id=HOUSE_OWNER_ID, sku_id=self.sku,
                units=1, kind="ORDER", demand_id=hold,
            )  # fmt: skip
            while hold not in self.acknowledged and not self.stop.is_set():
                self.ask(line)

    def ask(self, line: Reserve) -> None:
        try:
            (answer,) = self.database.run(lambda s: promises.reserve(s, [line], now=NOW))
        except DatabaseUnavailable as error:
            self.troubles.append(str(error))
        else:
            self.acknowledged[line.hold_id] = answer.granted


def kill(server: EmbeddedPostgres) -> None:
    assert server.pid
    main = psutil.Process(server.pid)
    for each in [main, *main.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):
            each.kill()


def test_nothing_that_was_acknowledged_is_lost(pair: tuple[EmbeddedPostgres, EmbeddedPostgres]):
    first, second = pair
    ports = ",".join(str(make_url(each.url).port) for each in pair)
    password = make_url(first.url).password
    both = (
        f"postgresql+psycopg://soko:{password}@/soko?host={HOST},{HOST}&port={ports}"
        "&target_session_attrs=read-write"
    )
    database = Database(both, pool_size=WRITERS)
    site = database.run(a_site)
    sku = database.run(lambda s: a_sku(s, "TEA"))
    database.run(lambda s: stock_of(s, site, sku, 1_000_000))
    trade = Trade(database, site, sku)

    with ThreadPoolExecutor(WRITERS) as writers:
        trading = [writers.submit(trade.go_on) for _ in range(WRITERS)]
        try:
            eventually(lambda: len(trade.acknowledged) > BEFORE)
            kill(first)
            killed_at = monotonic()
            ask(second.url, "SELECT pg_promote(true, 30)")
            writable_s = monotonic() - killed_at
            there = len(trade.acknowledged)
            eventually(lambda: len(trade.acknowledged) > there + AFTER)
        finally:
            trade.stop.set()
        for each in trading:
            each.result()

    known = database.run(lambda s: set(s.execute(text("SELECT id FROM hold")).scalars()))
    assert set(trade.acknowledged) - known == set()
    assert all(trade.acknowledged.values())
    assert len(known - set(trade.acknowledged)) <= WRITERS, "of those that stopped in the middle"
    assert database.run(verify).clean
    assert writable_s < 10
    database.close()
    print(json.dumps({"before": there, "in_all": len(trade.acknowledged),  # noqa: T201
                      "writable_s": round(writable_s, 2)}))  # fmt: skip
