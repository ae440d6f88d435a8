"""Many callers, one posting: bounded, in time, groups whole, neighbours unharmed, nothing lost."""

import asyncio
import os
import signal
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from tests.builders import PATIENCE_S, a_reserve, a_site, a_sku, an_advance, an_id, stock_of
from tests.wms.house import Hand
from wms.database import Database, DatabaseUnavailable
from wms.errors import IdReused, NotFound, Unavailable, WmsError
from wms.ids import HoldId, SiteId, SkuId
from wms.migrations import upgrade
from wms.postgres import EmbeddedPostgres
from wms.stock.coalescer import Coalescer, DeadlinePassed, Overloaded, ShuttingDown
from wms.stock.faults import WrongState
from wms.stock.poison import NotPostable, cut
from wms.stock.promises import Extend, Reserve, Reserved
from wms.stock.verify import verify

BALANCES = text("SELECT 1 FROM stock_balance FOR UPDATE")
HOLDS = text("SELECT state, count(*) FROM hold GROUP BY state")


async def until(condition: Callable[[], object]) -> None:
    """Let the others go on until it is so, for half a minute at most."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        await asyncio.sleep(0)


def stocked(database: Database, units: int, *, skus: int = 1) -> tuple[SiteId, list[SkuId]]:
    def work(session: Session) -> tuple[SiteId, list[SkuId]]:
        site = a_site(session)
        made = [a_sku(session) for _ in range(skus)]
        for sku in made:
            stock_of(session, site, sku, units)
        return site, made

    return database.run(work)


def held(database: Database) -> dict[str, int]:
    return database.run(lambda s: {state: int(n) for state, n in s.execute(HOLDS)})


def granted(answers: Sequence[Reserved | WmsError]) -> list[bool]:
    assert all(isinstance(answer, Reserved) for answer in answers), answers
    return [isinstance(answer, Reserved) and answer.granted for answer in answers]


@contextmanager
def standstill(superuser: Engine) -> Iterator[None]:
    """Somebody else holds all balances: whatever is being posted waits until the end."""
    with superuser.connect() as connection, connection.begin():
        connection.execute(BALANCES)
        yield


@pytest.fixture
async def coalescer(database: Database) -> AsyncIterator[Coalescer]:
    made = Coalescer(database, Hand())
    yield made
    await made.drain()


async def waiting(coalescer: Coalescer, line: Reserve) -> "asyncio.Task[Any]":
    """A caller whose line is being posted."""
    task = asyncio.create_task(_one(coalescer, line))
    await until(lambda: task.done() or (coalescer._pieces and not coalescer.depth))
    return task


async def _one(coalescer: Coalescer, *lines: Reserve, **more: Any) -> list[bool]:
    return granted(await coalescer.reserve(lines, **more))


async def test_a_lone_line_is_posted_at_once(coalescer: Coalescer, database: Database):
    site, (sku,) = stocked(database, 1)

    assert await _one(coalescer, a_reserve(site, sku)) == [True]
    assert await _one(coalescer, a_reserve(site, sku)) == [False]
    assert await coalescer.reserve([]) == []


def test_a_rush_on_one_sku_sells_exactly_what_there_is(database: Database):
    site, (sku,) = stocked(database, 60)
    two = [Coalescer(database, Hand()) for _ in range(2)]  # as two processes have
    sold: list[bool] = []

    async def shoppers(coalescer: Coalescer) -> None:
        asked = [_one(coalescer, a_reserve(site, sku)) for _ in range(50)]
        for answers in await asyncio.gather(*asked):
            sold.extend(answers)

    def shop(coalescer: Coalescer) -> None:
        asyncio.run(shoppers(coalescer))

    shops = [threading.Thread(target=shop, args=(two[n % 2],)) for n in range(6)]
    for thread in shops:
        thread.start()
    for thread in shops:
        thread.join()
    for coalescer in two:
        asyncio.run(coalescer.drain())

    assert (len(sold), sum(sold)) == (300, 60)
    assert held(database) == {"HELD": 60, "REFUSED": 240}
    assert sum(coalescer.lines for coalescer in two) == 300
    assert database.run(verify).clean


async def test_what_came_during_a_posting_is_the_next_one(
    coalescer: Coalescer, database: Database, superuser: Engine
):
    site, (sku,) = stocked(database, 5000)
    with standstill(superuser):
        first = await waiting(coalescer, a_reserve(site, sku))
        others = [asyncio.create_task(_one(coalescer, a_reserve(site, sku))) for _ in range(1200)]
        await until(lambda: coalescer.depth == 1200)

    assert await asyncio.gather(*[first, *others]) == [[True]] * 1201
    assert coalescer.batches == 1 + 3  # of 500 lines at most
    assert (coalescer.lines, coalescer.depth) == (1201, 0)


async def test_who_comes_when_the_queue_is_full_hears_so(database: Database, superuser: Engine):
    site, (sku,) = stocked(database, 100)
    coalescer = Coalescer(database, Hand(), queue_max=10)
    late = a_reserve(site, sku)
    with standstill(superuser):
        tasks = [await waiting(coalescer, a_reserve(site, sku))]
        tasks += [asyncio.create_task(_one(coalescer, a_reserve(site, sku))) for _ in range(10)]
        await until(lambda: coalescer.depth == 10)
        with pytest.raises(Overloaded) as caught:
            await coalescer.reserve([late])

    assert caught.value.retry_after_s >= 1
    assert await asyncio.gather(*tasks) == [[True]] * 11
    assert (coalescer.refused, held(database)) == (1, {"HELD": 11})
    assert await _one(coalescer, late) == [True]
    await coalescer.drain()


async def test_what_is_past_its_deadline_is_not_posted(
    coalescer: Coalescer, database: Database, superuser: Engine
):
    site, (sku,) = stocked(database, 100)
    with standstill(superuser):
        first = await waiting(coalescer, a_reserve(site, sku))
        late = asyncio.create_task(_one(coalescer, a_reserve(site, sku), deadline_s=0.01))
        patient = asyncio.create_task(_one(coalescer, a_reserve(site, sku), deadline_s=60))
        await until(lambda: coalescer.depth == 2)
        over = time.monotonic() + 0.02
        await until(lambda: time.monotonic() > over)

    with pytest.raises(DeadlinePassed):
        await late
    assert await asyncio.gather(*[first, patient]) == [[True], [True]]
    assert (coalescer.late, held(database)) == (1, {"HELD": 2})


async def test_what_has_begun_in_time_is_posted_to_the_end(
    coalescer: Coalescer, database: Database, superuser: Engine
):
    site, (sku,) = stocked(database, 1000)
    lines = [a_reserve(site, sku) for _ in range(600)]  # two postings
    with standstill(superuser):
        call = asyncio.create_task(_one(coalescer, *lines, deadline_s=0.05))
        await until(lambda: coalescer.depth == 100)
        over = time.monotonic() + 0.06
        await until(lambda: time.monotonic() > over)

    assert await call == [True] * 600
    assert (coalescer.batches, coalescer.late) == (2, 0)


async def test_a_caller_who_goes_away_is_posted_for(
    coalescer: Coalescer, database: Database, superuser: Engine
):
    site, (sku,) = stocked(database, 100)
    with standstill(superuser):
        posting = await waiting(coalescer, a_reserve(site, sku))
        queued, staying = (
            asyncio.create_task(_one(coalescer, a_reserve(site, sku))) for _ in range(2)
        )
        await until(lambda: coalescer.depth == 2)
        for task in (posting, queued):
            task.cancel()
        await asyncio.gather(posting, queued, return_exceptions=True)

    assert posting.cancelled()
    assert queued.cancelled()
    assert await asyncio.wait_for(staying, PATIENCE_S) == [True]
    assert held(database) == {"HELD": 3}


async def test_callers_whose_event_loop_has_ended_hurt_nobody(
    coalescer: Coalescer, database: Database, superuser: Engine
):
    site, (sku,) = stocked(database, 100)

    async def give_up() -> None:
        await asyncio.wait([asyncio.create_task(_one(coalescer, a_reserve(site, sku)))], timeout=0)

    with standstill(superuser):
        await asyncio.to_thread(asyncio.run, give_up())

    assert await _one(coalescer, a_reserve(site, sku)) == [True]
    assert held(database) == {"HELD": 2}


async def test_a_line_that_is_wrong_is_answered_by_what_is_wrong(
    coalescer: Coalescer, database: Database
):
    site, (sku,) = stocked(database, 100)
    known = a_reserve(site, sku)
    assert await _one(coalescer, known) == [True]

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
        tasks = [asyncio.create_task(_one(coalescer, line)) for line in good]
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
        tasks = [first, *(asyncio.create_task(_one(coalescer, *lines)) for lines in (three, seven))]
        await until(lambda: coalescer.depth == 10)

    assert await asyncio.gather(*tasks) == [[True], [True] * 3, [False] * 6 + [True]]
    await coalescer.drain()


async def test_steps_of_holds_are_posted_together_too(
    coalescer: Coalescer, database: Database, superuser: Engine
):
    site, (sku,) = stocked(database, 100)
    lines = [a_reserve(site, sku) for _ in range(20)]
    assert all(await _one(coalescer, *lines))
    with standstill(superuser):
        other = await waiting(coalescer, a_reserve(site, sku))
        steps = [
            asyncio.create_task(coalescer.advance([an_advance(line, to)]))
            for to in ("ALLOCATED", "RELEASED", "RELEASED")
            for line in lines[1:]
        ]
        await until(lambda: coalescer.depth == 3 * 19)
    answers = [answer for (answer,) in await asyncio.gather(*steps)]

    assert [type(answer) is WrongState for answer in answers] == [False] * 38 + [True] * 19
    assert await other == [True]
    assert held(database) == {"HELD": 2, "RELEASED": 19}
    assert coalescer.batches == 3
    (extended,) = await coalescer.extend(
        [Extend(command_id=an_advance(lines[0], "HELD").command_id, site_id=site,
                hold_id=HoldId(an_id()), expires_at=Hand().now())]
    )  # fmt: skip
    assert isinstance(extended, NotFound)


async def test_without_a_database_all_who_wait_hear_so(tmp_path: Path):
    nowhere = Database(f"postgresql+psycopg://soko@/soko?host={tmp_path}", pool_size=1)
    coalescer = Coalescer(nowhere, Hand())
    site, sku = SiteId(an_id()), SkuId(an_id())
    first = await waiting(coalescer, a_reserve(site, sku))
    tasks = [asyncio.create_task(_one(coalescer, a_reserve(site, sku))) for _ in range(20)]
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
                        (answer,) = await _one(coalescer, line)
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


async def test_at_the_end_what_is_queued_is_posted(database: Database, superuser: Engine):
    site, (sku,) = stocked(database, 100)
    coalescer = Coalescer(database, Hand(), batch_max=7)
    with standstill(superuser):
        tasks = [await waiting(coalescer, a_reserve(site, sku))]
        tasks += [asyncio.create_task(_one(coalescer, a_reserve(site, sku))) for _ in range(30)]
        await until(lambda: coalescer.depth == 30)
        end = asyncio.create_task(coalescer.drain())
        await until(lambda: coalescer._is_closing)
        with pytest.raises(ShuttingDown):
            await coalescer.reserve([a_reserve(site, sku)])
    await end

    assert await asyncio.gather(*tasks) == [[True]] * 31
    assert not any(writer.is_alive() for writer in coalescer._writers)


async def test_what_cannot_be_posted_in_time_at_the_end_is_refused(
    database: Database, superuser: Engine
):
    site, (sku,) = stocked(database, 100)
    coalescer = Coalescer(database, Hand())
    with standstill(superuser):
        first = await waiting(coalescer, a_reserve(site, sku))
        queued = [asyncio.create_task(_one(coalescer, a_reserve(site, sku))) for _ in range(5)]
        await until(lambda: coalescer.depth == 5)
        end = asyncio.create_task(coalescer.drain(within_s=0))
        refused = await asyncio.gather(*queued, return_exceptions=True)
    await end

    assert [type(answer) for answer in refused] == [ShuttingDown] * 5
    assert await first == [True]
    assert held(database) == {"HELD": 1}


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
