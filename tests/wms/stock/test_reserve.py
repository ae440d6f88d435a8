"""Reserving: first come, first served; groups all or nothing; asked again, answered the same."""

from datetime import timedelta

import pytest

from tests.builders import NOW, a_reserve, a_site, a_sku, an_id, stock_of
from wms.database import Database
from wms.errors import IdReused
from wms.ids import SiteId, SkuId
from wms.stock import ledger
from wms.stock.ledger import Reserve, UnitsOutOfRange


def stocked(database: Database, count: int) -> tuple[SiteId, SkuId]:
    def work(session):
        site, sku = a_site(session), a_sku(session)
        if count:
            stock_of(session, site, sku, count)
        return site, sku

    return database.run(work)


def reserve(database: Database, *lines: Reserve, now=NOW) -> list[bool]:
    answers = database.run(lambda s: ledger.reserve(s, lines, now=now))
    return [answer.granted for answer in answers]


def test_first_come_first_served_is_exact(database: Database):
    site, sku = stocked(database, 10)

    answers = database.run(
        lambda s: ledger.reserve(s, [a_reserve(site, sku, n) for n in (6, 5, 4)], now=NOW)
    )

    assert [answer.granted for answer in answers] == [True, False, True]
    assert [answer.free for answer in answers] == [4, 4, 0]
