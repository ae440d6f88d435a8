"""Many callers, one posting: at once, bounded, in time, for those who went away too; no loss."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import Engine

from tests.builders import PATIENCE_S, a_reserve, an_advance, an_id
from tests.wms.house import Hand
from tests.wms.stock.callers import held, one, standstill, stocked, until, waiting
from wms.database import Database
from wms.errors import NotFound
from wms.ids import HoldId
from wms.stock.coalescer import Coalescer, DeadlinePassed, Overloaded, ShuttingDown
from wms.stock.faults import WrongState
from wms.stock.promises import Extend
from wms.stock.verify import verify


@pytest.fixture
async def coalescer(database: Database) -> AsyncIterator[Coalescer]:
    made = Coalescer(database, Hand())
    yield made
    await made.drain()


async def test_a_lone_line_is_posted_at_once(coalescer: Coalescer, database: Database):
    site, (sku,) = stocked(database, 1)

    assert await one(coalescer, a_reserve(site, sku)) == [True]
    assert await one(coalescer, a_reserve(site, sku)) == [False]
    assert await coalescer.reserve([]) == []


def test_a_rush_on_one_sku_sells_exactly_what_there_is(database: Database):
    site, (sku,) = stocked(database, 60)
    two = [Coalescer(database, Hand()) for _ in range(2)]  # as two processes have
    sold: list[bool] = []

    async def shoppers(coalescer: Coalescer) -> None:
        asked = [one(coalescer, a_reserve(site, sku)) for _ in range(50)]
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


async def test_what_came_during_a_posting_is_the_nextone(
    coalescer: Coalescer, database: Database, superuser: Engine
):
    site, (sku,) = stocked(database, 5000)
    with standstill(superuser):
        first = await waiting(coalescer, a_reserve(site, sku))
        others = [asyncio.create_task(one(coalescer, a_reserve(site, sku))) for _ in range(1200)]
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
        tasks += [asyncio.create_task(one(coalescer, a_reserve(site, sku))) for _ in range(10)]
        await until(lambda: coalescer.depth == 10)
        with pytest.raises(Overloaded) as caught:
            await coalescer.reserve([late])

    assert caught.value.retry_after_s >= 1
    assert await asyncio.gather(*tasks) == [[True]] * 11
    assert (coalescer.refused, held(database)) == (1, {"HELD": 11})
    assert await one(coalescer, late) == [True]
    await coalescer.drain()


async def test_what_is_past_its_deadline_is_not_posted(
    coalescer: Coalescer, database: Database, superuser: Engine
):
    site, (sku,) = stocked(database, 100)
    with standstill(superuser):
        first = await waiting(coalescer, a_reserve(site, sku))
        late = asyncio.create_task(one(coalescer, a_reserve(site, sku), deadline_s=0.01))
        patient = asyncio.create_task(one(coalescer, a_reserve(site, sku), deadline_s=60))
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
        call = asyncio.create_task(one(coalescer, *lines, deadline_s=0.05))
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
            asyncio.create_task(one(coalescer, a_reserve(site, sku))) for _ in range(2)
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
        await asyncio.wait([asyncio.create_task(one(coalescer, a_reserve(site, sku)))], timeout=0)

    with standstill(superuser):
        await asyncio.to_thread(asyncio.run, give_up())

    assert await one(coalescer, a_reserve(site, sku)) == [True]
    assert held(database) == {"HELD": 2}


async def test_steps_of_holds_are_posted_together_too(
    coalescer: Coalescer, database: Database, superuser: Engine
):
    site, (sku,) = stocked(database, 100)
    lines = [a_reserve(site, sku) for _ in range(20)]
    assert all(await one(coalescer, *lines))
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


async def test_at_the_end_what_is_queued_is_posted(database: Database, superuser: Engine):
    site, (sku,) = stocked(database, 100)
    coalescer = Coalescer(database, Hand(), batch_max=7)
    with standstill(superuser):
        tasks = [await waiting(coalescer, a_reserve(site, sku))]
        tasks += [asyncio.create_task(one(coalescer, a_reserve(site, sku))) for _ in range(30)]
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
        queued = [asyncio.create_task(one(coalescer, a_reserve(site, sku))) for _ in range(5)]
        await until(lambda: coalescer.depth == 5)
        end = asyncio.create_task(coalescer.drain(within_s=0))
        refused = await asyncio.gather(*queued, return_exceptions=True)
    await end

    assert [type(answer) for answer in refused] == [ShuttingDown] * 5
    assert await first == [True]
    assert held(database) == {"HELD": 1}
