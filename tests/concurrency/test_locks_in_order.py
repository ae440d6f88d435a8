"""Everybody takes locks in the order of keys, so nobody waits in a circle.

Callers name the same SKUs at the same time, each in an order of its own. PostgreSQL would find the
circle and tell one of them to start over; `Database.conflicts` counts that, and must stay zero.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from random import Random
from typing import Any

import pytest
from sqlalchemy.orm import Session

from tests.builders import NOW, a_move, a_reserve, a_site, a_sku, an_advance, shelf, stock_of
from wms.database import Database
from wms.ids import SiteId, SkuId
from wms.stock import ledger, promises
from wms.stock.verify import verify

CALLERS, ROUNDS, SKUS = 10, 12, 30


def shop(database: Database) -> tuple[SiteId, list[SkuId]]:
    def work(session: Session) -> tuple[SiteId, list[SkuId]]:
        site = a_site(session)
        skus = [a_sku(session) for _ in range(SKUS)]
        for sku in skus:
            stock_of(session, site, sku, 10_000)
        return site, skus

    return database.run(work)


def reserving(database: Database, site: SiteId, skus: list[SkuId]) -> None:
    lines = [a_reserve(site, sku) for sku in skus]
    database.run(partial(promises.reserve, lines=lines, now=NOW))


def advancing(database: Database, site: SiteId, skus: list[SkuId]) -> None:
    held = [a_reserve(site, sku) for sku in sorted(skus)]
    database.run(partial(promises.reserve, lines=held, now=NOW))
    by_sku = {line.sku_id: line for line in held}
    steps = [an_advance(by_sku[sku], "RELEASED") for sku in skus]
    database.run(partial(ledger.advance, lines=steps))


def moving(database: Database, site: SiteId, skus: list[SkuId]) -> None:
    there = {"from_location_id": shelf(site), "to_location_id": shelf(site, "S-2")}
    lines = [a_move(site, sku, 1, **there) for sku in skus]
    database.run(partial(ledger.move, lines=lines))


@pytest.mark.parametrize("post", [reserving, advancing, moving])
def test_callers_who_name_the_same_skus_in_any_order_never_have_to_start_over(
    database: Database, post: Callable[[Database, SiteId, list[SkuId]], Any]
):
    site, skus = shop(database)

    def call(number: int) -> None:
        random = Random(number)
        for _ in range(ROUNDS):
            post(database, site, random.sample(skus, SKUS // 2))

    with ThreadPoolExecutor(CALLERS) as callers:
        list(callers.map(call, range(CALLERS)))

    assert database.conflicts == 0
    assert database.run(verify).clean
