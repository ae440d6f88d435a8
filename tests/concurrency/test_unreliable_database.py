"""The line between us and PostgreSQL breaks, also in the moment of the commit.

Nobody then knows whether the transaction was done. `Database.run` does it again with the same ids,
and it is done once and answered as if nothing had been.
"""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from random import Random
from typing import TypeVar

import pytest
from sqlalchemy import make_url, text

from edge.ports import free_port
from tests.builders import NOW, a_reserve, a_site, a_sku, an_advance, stock_of
from tests.faults.proxy import HOST, FaultProxy
from wms.database import Database, DatabaseUnavailable
from wms.migrations import upgrade
from wms.postgres import EmbeddedPostgres
from wms.stock import ledger, promises
from wms.stock.ledger import Advance, Advanced
from wms.stock.promises import Reserve, Reserved
from wms.stock.verify import verify

T = TypeVar("T")
SEED = int(os.environ.get("SEED", "20261127"))
CALLERS, LINES, UNITS = 6, 20, 150
LINE = {"swallow": 0.015, "abandon": 0.005}


def insist(database: Database, work: partial[list[T]]) -> list[T]:
    """Again until the database is there; the caller of `run` does the same."""
    while True:
        try:
            return database.run(work)
        except DatabaseUnavailable:
            continue


@pytest.fixture
def postgres(folder: Path) -> Iterator[EmbeddedPostgres]:
    """A server that listens on a port, as the proxy needs it."""
    with EmbeddedPostgres(folder / "pg", port=free_port(), fast=True) as postgres:
        upgrade(postgres.url)
        yield postgres


@pytest.fixture
def database(postgres: EmbeddedPostgres) -> Iterator[Database]:
    """The straight line."""
    database = Database(postgres.url, pool_size=2, given_clock=True)
    yield database
    database.close()


def test_a_commit_whose_answer_is_lost_is_done_once(postgres: EmbeddedPostgres, database: Database):
    straight = make_url(postgres.url)
    with FaultProxy((HOST, straight.port or 0), seed=SEED, **LINE) as proxy:
        bad = straight.set(port=proxy.port).update_query_dict({"sslmode": "disable"})
        url = bad.render_as_string(hide_password=False)
        shaky = Database(url, pool_size=CALLERS, given_clock=True)
        sold = trade_over(shaky, database)
        shaky.close()
        print(f"seed {SEED}: {proxy.exchanges} exchanges, {dict(proxy.faults)}")  # noqa: T201
        assert proxy.faults["swallow"] > 5

    with database.engine.connect() as connection:
        allocated = connection.execute(text("SELECT sum(allocated) FROM stock_balance"))
        assert allocated.scalar_one() == sold <= UNITS
    assert database.run(verify).clean


def trade_over(shaky: Database, database: Database) -> int:
    """Reserve and allocate over the bad line; ask again over the straight one. The units sold."""
    site, sku = database.run(a_site), database.run(a_sku)
    database.run(lambda s: stock_of(s, site, sku, UNITS))

    def trade(number: int) -> list[tuple[Reserve, Reserved, Advance, Advanced | None]]:
        random = Random(f"{SEED}/{number}")
        did = []
        for _ in range(LINES):
            line = a_reserve(site, sku, random.randint(1, 3))
            (told,) = insist(shaky, partial(promises.reserve, lines=[line], now=NOW))
            step = an_advance(line, "ALLOCATED")
            moved = None
            if told.granted:
                (moved,) = insist(shaky, partial(ledger.advance, lines=[step]))
            did.append((line, told, step, moved))
        return did

    with ThreadPoolExecutor(CALLERS) as callers:
        did = [one for many in callers.map(trade, range(CALLERS)) for one in many]

    for line, told, step, moved in did:
        assert database.run(partial(promises.reserve, lines=[line], now=NOW)) == [told]
        if moved is not None:
            (again,) = database.run(partial(ledger.advance, lines=[step]))
            assert (again.state, again.replayed) == (moved.state, True)
    return sum(line.units for line, told, *_ in did if told.granted)
