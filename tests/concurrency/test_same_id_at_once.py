"""One id, several transactions at once that lock nothing in common: only the keys can tell.

The balances that a posting locks keep apart all that want the same goods. An id that comes at the
same time for other goods gets past these locks; the unique keys stop it, and it starts over.
"""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from tests.builders import NOW, a_move, a_reserve, a_site, a_sku, shelf, stock_of
from wms.database import Database
from wms.errors import Conflict, IdReused
from wms.ids import CommandId, SiteId, SkuId
from wms.stock import ledger, promises
from wms.stock.verify import verify

CALLERS = 8


def shop(database: Database, skus: int, units: int) -> tuple[SiteId, list[SkuId]]:
    def work(session: Session) -> tuple[SiteId, list[SkuId]]:
        site = a_site(session)
        made = [a_sku(session) for _ in range(skus)]
        for sku in made if units else ():
            stock_of(session, site, sku, units)
        return site, made

    return database.run(work)


def at_once(database: Database, works: list[Callable[[Session], Any]]) -> list[object]:
    """Post all, each in a transaction that begins when all have begun; answers, or the errors."""
    barrier = threading.Barrier(len(works))

    def one(work: Callable[[Session], Any]) -> object:
        waited = threading.Event()

        def begun(session: Session) -> Any:
            session.execute(text("SELECT 1"))
            if not waited.is_set():
                waited.set()
                barrier.wait()
            return work(session)

        try:
            return database.run(begun)
        except IdReused as error:
            return error.code

    with ThreadPoolExecutor(len(works)) as callers:
        return list(callers.map(one, works))


def test_a_hold_id_for_two_skus_at_once_holds_one_of_them(database: Database):
    site, skus = shop(database, CALLERS, 5)
    for _ in range(5):
        first = a_reserve(site, skus[0])
        lines = [replace(first, sku_id=sku) for sku in skus]
        told = at_once(database, [partial(promises.reserve, lines=[x], now=NOW) for x in lines])
        assert sorted(map(str, told)).count("id_reused") == CALLERS - 1, told

    with database.engine.connect() as connection:
        held = connection.execute(text("SELECT count(*), sum(units) FROM hold")).one()
        reserved = connection.execute(text("SELECT sum(reserved) FROM stock_balance")).scalar_one()
    assert (tuple(held), reserved) == ((5, 5), 5)
    assert database.run(verify).clean


def test_a_command_id_for_two_skus_at_once_moves_one_of_them(database: Database):
    site, skus = shop(database, CALLERS, 5)
    for _ in range(5):
        move = a_move(site, skus[0], 1)
        lines = [replace(move, sku_id=sku) for sku in skus]
        told = at_once(database, [partial(ledger.move, lines=[line]) for line in lines])
        assert sorted(map(str, told)).count("id_reused") == CALLERS - 1, told

    with database.engine.connect() as connection:
        units = connection.execute(text("SELECT sum(sellable) FROM stock_balance")).scalar_one()
    assert units == 5 * CALLERS + 5
    assert database.run(verify).clean


def test_the_first_goods_of_a_sku_that_many_bring_at_once_are_all_there(database: Database):
    site, (sku,) = shop(database, 1, 0)

    told = at_once(
        database, [partial(ledger.move, lines=[a_move(site, sku, 2)]) for _ in range(CALLERS)]
    )

    assert "id_reused" not in told
    with database.engine.connect() as connection:
        rows = connection.execute(text("SELECT sku_id, sellable FROM stock_balance")).all()
    assert [tuple(row) for row in rows] == [(sku, 2 * CALLERS)]
    assert database.run(verify).clean


def test_units_pinned_at_a_place_and_units_held_of_the_sku_are_never_the_same(database: Database):
    """Six units at two places; who pins, who holds and who carries off come at the same time."""
    site, (sku,) = shop(database, 1, 4)
    database.run(lambda s: stock_of(s, site, sku, 2, at="S-2"))
    pinned = [a_reserve(site, sku, 2, state="ALLOCATED") for _ in range(3)]
    held = [a_reserve(site, sku, 1) for _ in range(4)]

    def pin(session: Session, line: promises.Reserve) -> str:
        (answer,) = promises.reserve(session, [line], now=NOW)
        if answer.granted:
            ledger.advance(session, [step(line)])
        return f"pin {answer.granted}"

    def step(line: promises.Reserve) -> ledger.Advance:
        return ledger.Advance(
            command_id=CommandId(line.demand_id), site_id=site, hold_id=line.hold_id,
            to="PINNED", location_id=shelf(site), actor="test", occurred_at=NOW,
        )  # fmt: skip

    def hold(session: Session, line: promises.Reserve) -> str:
        (answer,) = promises.reserve(session, [line], now=NOW)
        return f"hold {answer.granted}"

    def tried(work: Callable[[Session], Any]) -> object:
        try:
            return database.run(work)
        except Conflict as error:  # the shelf has no third pair
            return error.code

    works = [partial(pin, line=line) for line in pinned] + [partial(hold, line=x) for x in held]
    with ThreadPoolExecutor(len(works)) as callers:
        told = list(callers.map(tried, works))

    with database.engine.connect() as connection:
        query = "SELECT sellable, reserved + allocated FROM stock_balance"
        sellable, promised = connection.execute(text(query)).one()
        at_shelf = connection.execute(text("SELECT max(pinned) FROM quant")).scalar_one()
    assert sellable == 6
    assert promised <= 6, told
    assert at_shelf <= 4, told
    assert database.run(verify).clean
