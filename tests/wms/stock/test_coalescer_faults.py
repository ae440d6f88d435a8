"""A bad line hurts nobody else, groups stay whole, and a database may go and come back."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from tests.builders import a_reserve, an_id
from tests.wms.house import Hand
from tests.wms.stock.callers import held, one, standstill, stocked, until, waiting
from wms.database import Database, DatabaseUnavailable
from wms.errors import IdReused, NotFound, Unavailable
from wms.ids import HoldId, SiteId, SkuId
from wms.migrations import upgrade
from wms.postgres import EmbeddedPostgres
from wms.stock.coalescer import Coalescer
from wms.stock.poison import NotPostable, cut
from wms.stock.promises import Reserved
from wms.stock.verify import verify


@pytest.fixture
async def coalescer(database: Database) -> AsyncIterator[Coalescer]:
    made = Coalescer(database, Hand())
    yield made
    await made.drain()


async def test_a_line_that_is_wrong_is_answered_by_what_is_wrong(
    coalescer: Coalescer, database: Database
):
    site, (sku,) = stocked(database, 100)
    known = a_reserve(site, sku)
    assert await one(coalescer, known) == [True]

    answers = await coalescer.reserve(
        [
            a_reserve(site, sku),
            a_reserve(site, sku, 7, hold_id=known.hold_id),
            a_reserve(site, SkuId(an_id())),
            a_reserve(site, sku),
        ]
    )

    kinds = [type(answer) for answer in answers]
    assert kinds == [Reserved, IdReused, NotFound, Reserved]
    assert coalescer.batches == 2, "no halving: the ledger says it of each line"


@pytest.mark.parametrize("poison", ["GIFT", "\0"])  # breaks a CHECK; is no text for PostgreSQL
async def test_a_line_that_breaks_the_posting_does_not_break_its_neighbours(
    coalescer: Coalescer, database: Database, superuser: Engine, poison: Any
):
    site, (sku,) = stocked(database, 1000)
    good = [a_reserve(site, sku) for _ in range(300)]
    group = an_id()
    with standstill(superuser):  # so that all come to be in one posting
        first = await waiting(coalescer, a_reserve(site, sku))
        tasks = [asyncio.create_task(one(coalescer, line)) for line in good]
        bad = asyncio.create_task(
            coalescer.reserve([a_reserve(site, sku, kind=poison, group_id=group),
                               a_reserve(site, sku, group_id=group)])
        )  # fmt: skip
        await until(lambda: coalescer.depth == 302)
    answers = await asyncio.gather(first, *tasks)

    assert answers == [[True]] * 301
    assert [type(answer) for answer in await bad] == [NotPostable] * 2
    assert held(database) == {"HELD": 301}


async def test_a_group_is_not_cut_over_two_postings(database: Database, superuser: Engine):
    site, (sku,) = stocked(database, 5)
    coalescer = Coalescer(database, Hand(), batch_max=4)
    group, other = an_id(), an_id()
    with standstill(superuser):
        first = await waiting(coalescer, a_reserve(site, sku))
        three = [a_reserve(site, sku, group_id=group) for _ in range(3)]
        seven = [*(a_reserve(site, sku, group_id=other) for _ in range(6)), a_reserve(site, sku)]
        tasks = [first, *(asyncio.create_task(one(coalescer, *lines)) for lines in (three, seven))]
        await until(lambda: coalescer.depth == 10)

    assert await asyncio.gather(*tasks) == [[True], [True] * 3, [False] * 6 + [True]]
    await coalescer.drain()


async def test_without_a_database_all_who_wait_hear_so(tmp_path: Path):
    nowhere = Database(f"postgresql+psycopg://soko@/soko?host={tmp_path}", pool_size=1)
    coalescer = Coalescer(nowhere, Hand())
    site, sku = SiteId(an_id()), SkuId(an_id())
    first = await waiting(coalescer, a_reserve(site, sku))
    tasks = [asyncio.create_task(one(coalescer, a_reserve(site, sku))) for _ in range(20)]
    await until(lambda: coalescer.depth == 20)

    answers = await asyncio.gather(first, *tasks, return_exceptions=True)

    assert [type(answer) for answer in answers] == [DatabaseUnavailable] * 21
    assert len({id(answer) for answer in answers}) == 21, "to each an error of his own"
    assert coalescer.batches == 1, "who waited for the first need not wait for another"
    await coalescer.drain()


async def test_a_database_killed_under_load_loses_and_doubles_nothing(folder: Path):
    with EmbeddedPostgres(folder / "pg", keep=True) as postgres:
        upgrade(postgres.url)
        database = Database(postgres.url, pool_size=4)
        site, (sku,) = stocked(database, 150)
        coalescer = Coalescer(database, Hand())
        told: dict[HoldId, bool] = {}
        troubles = 0

        async def shopper() -> None:
            nonlocal troubles
            for _ in range(20):
                line = a_reserve(site, sku)
                while line.hold_id not in told:
                    try:
                        (answer,) = await one(coalescer, line)
                    except Unavailable:
                        troubles += 1
                    else:
                        told[line.hold_id] = answer

        shoppers = [asyncio.create_task(shopper()) for _ in range(10)]
        await until(lambda: len(told) >= 50)
        assert postgres.pid
        os.kill(postgres.pid, signal.SIGKILL)
        await asyncio.gather(*shoppers)
        await coalescer.drain()
        holds = text("SELECT id FROM hold WHERE state = 'HELD'")
        kept = set(database.run(lambda s: s.scalars(holds).all()))
        report = database.run(verify)
        database.close()

    assert sum(told.values()) == 150
    assert kept == {hold for hold, yes in told.items() if yes}
    assert report.clean


@given(st.lists(st.sampled_from([None, None, "a", "b", "c"]), min_size=1), st.integers(1, 9))
def test_a_cut_is_whole_small_and_never_through_what_belongs_together(
    keys: list[str | None], most: int
):
    parts = cut(keys, most)

    assert [at for start, stop in parts for at in range(start, stop)] == list(range(len(keys)))
    for key in {"a", "b", "c"} & set(keys):
        assert sum(key in keys[start:stop] for start, stop in parts) == 1
    for start, stop in parts:
        inside = cut(keys[start:stop], 1)
        assert stop - start <= most or len(inside) == 1
