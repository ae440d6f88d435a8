"""The last unit is sold once: real threads, real PostgreSQL, no patience required."""

from concurrent.futures import ThreadPoolExecutor

from tests.builders import NOW, a_reserve, a_site, a_sku, stock_of
from wms.database import Database
from wms.ids import SiteId, SkuId
from wms.stock import promises
from wms.stock.availability import stock_view
from wms.stock.promises import Reserve
from wms.stock.verify import verify

BUYERS = 40


def shop(database: Database, units: int) -> tuple[SiteId, SkuId]:
    site, sku = database.run(a_site), database.run(a_sku)
    database.run(lambda s: stock_of(s, site, sku, units))
    return site, sku


def buy(database: Database, *lines: Reserve) -> list[bool]:
    answers = database.run(lambda s: promises.reserve(s, lines, now=NOW))
    return [answer.granted for answer in answers]


def test_forty_buyers_and_one_unit_make_one_hold(database: Database):
    site, sku = shop(database, 1)

    with ThreadPoolExecutor(BUYERS) as buyers:
        bought = list(buyers.map(lambda _: buy(database, a_reserve(site, sku)), range(BUYERS)))

    assert sum(granted for (granted,) in bought) == 1
    assert database.run(stock_view).totals["reserved"] == 1
    assert database.run(verify).clean


def test_batches_of_many_buyers_sell_all_and_no_more(database: Database):
    site, sku = shop(database, 100)

    def baskets(_: int) -> list[bool]:
        return buy(database, *[a_reserve(site, sku, n) for n in (3, 1, 2, 1)])

    with ThreadPoolExecutor(BUYERS) as buyers:
        bought = [answer for answers in buyers.map(baskets, range(BUYERS)) for answer in answers]

    assert sum(n for n, yes in zip([3, 1, 2, 1] * BUYERS, bought, strict=True) if yes) == 100
    totals = database.run(stock_view).totals
    assert (totals["reserved"], totals["free"]) == (100, 0)
    assert database.conflicts == 0  # they waited for each other, none had to start over
    assert database.run(verify).clean


def test_a_buyer_whose_answer_was_lost_and_who_asks_again_holds_once(database: Database):
    site, sku = shop(database, 10)
    line = a_reserve(site, sku)

    with ThreadPoolExecutor(8) as attempts:
        answers = list(attempts.map(lambda _: buy(database, line), range(8)))

    assert answers == [[True]] * 8
    assert database.conflicts == 0  # whoever waited saw what the one before had done
    assert database.run(stock_view).totals["reserved"] == 1
