"""Callers of a coalescer, and a way to keep what is being posted from being posted."""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from tests.builders import PATIENCE_S, a_site, a_sku, stock_of
from wms.database import Database
from wms.errors import WmsError
from wms.ids import SiteId, SkuId
from wms.stock.coalescer import Coalescer
from wms.stock.promises import Reserve, Reserved

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


async def waiting(coalescer: Coalescer, line: Reserve) -> "asyncio.Task[Any]":
    """A caller whose line is being posted."""
    task = asyncio.create_task(one(coalescer, line))
    await until(lambda: task.done() or (coalescer._pieces and not coalescer.depth))
    return task


async def one(coalescer: Coalescer, *lines: Reserve, **more: Any) -> list[bool]:
    return granted(await coalescer.reserve(lines, **more))
