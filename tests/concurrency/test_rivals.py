"""What rival systems get wrong, each once, done right here.

Seen by running or reading them: two lines of one SKU reserved two of one; twenty calls took eight
of one, and deleting them left minus seven; a second order took the same five units; a counter
lost 44 of 50 updates; a second row for the same stock; holds that never end; a SKU-wide and a
pinned hold for the same unit; a task written off twice.
"""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from random import Random

from sqlalchemy import text
from sqlalchemy.orm import Session

from tests.builders import (
    NOW,
    a_move,
    a_reserve,
    a_site,
    a_sku,
    an_advance,
    an_id,
    shelf,
    stock_of,
)
from wms.database import Database
from wms.ids import SiteId, SkuId
from wms.stock import ledger, promises
from wms.stock.availability import pickable, stock_view
from wms.stock.faults import WrongState
from wms.stock.ledger import Advance
from wms.stock.promises import Reserve
from wms.stock.verify import verify

CALLERS = 20


def shop(database: Database, units: int, skus: int = 1) -> tuple[SiteId, list[SkuId]]:
    def work(session: Session) -> tuple[SiteId, list[SkuId]]:
        site = a_site(session)
        made = sorted(a_sku(session) for _ in range(skus))
        for sku in made:
            stock_of(session, site, sku, units)
        return site, made

    return database.run(work)


def reserve(database: Database, *lines: Reserve) -> list[bool]:
    answers = database.run(lambda s: promises.reserve(s, lines, now=NOW))
    return [answer.granted for answer in answers]


def test_two_lines_of_one_sku_in_one_request_reserve_one_of_one(database: Database):
    site, (sku,) = shop(database, 1)

    assert reserve(database, a_reserve(site, sku), a_reserve(site, sku)) == [True, False]


def test_twenty_calls_take_one_of_one_and_releasing_them_leaves_one(database: Database):
    site, (sku,) = shop(database, 1)
    lines = [a_reserve(site, sku) for _ in range(CALLERS)]
    with ThreadPoolExecutor(CALLERS) as callers:
        granted = [yes for (yes,) in callers.map(lambda line: reserve(database, line), lines)]

    def release(line: Reserve) -> None:
        try:
            database.run(lambda s: ledger.advance(s, [an_advance(line, "RELEASED")]))
        except WrongState:
            assert line is not lines[granted.index(True)]

    with ThreadPoolExecutor(CALLERS) as callers:
        list(callers.map(release, lines))

    assert granted.count(True) == 1
    totals = database.run(stock_view).totals
    assert (totals["sellable"], totals["reserved"], totals["free"]) == (1, 0, 1)


def test_five_units_are_allocated_to_one_order_of_five(database: Database):
    site, (sku,) = shop(database, 5)
    orders = [[a_reserve(site, sku, 1, group_id=group) for _ in range(5)]
              for group in (an_id(), an_id())]  # fmt: skip

    with ThreadPoolExecutor(2) as callers:
        answers = list(callers.map(lambda lines: reserve(database, *lines), orders))

    assert sorted(answers) == [[False] * 5, [True] * 5]


def test_fifty_concurrent_additions_of_one_make_fifty_in_one_row(database: Database):
    site, (sku,) = shop(database, 1)

    with ThreadPoolExecutor(CALLERS) as callers:
        receive = lambda _: database.run(lambda s: stock_of(s, site, sku, 1, at="S-2"))  # noqa: E731
        list(callers.map(receive, range(50)))

    places = database.run(lambda s: pickable(s, site, [sku]))
    assert [(place.location, place.units) for place in places] == [("S-1", 1), ("S-2", 50)]
    assert database.run(verify).clean


def test_a_hold_ends_by_its_time_though_no_sweeper_runs(database: Database):
    site, (sku,) = shop(database, 1)
    cart = a_reserve(site, sku, kind="CART", expires_at=NOW - timedelta(seconds=1))
    assert reserve(database, cart) == [True]

    with ThreadPoolExecutor(CALLERS) as callers:
        buy = lambda _: reserve(database, a_reserve(site, sku))  # noqa: E731
        granted = [yes for (yes,) in callers.map(buy, range(CALLERS))]

    assert granted.count(True) == 1


def test_a_pinned_unit_is_not_promised_to_anybody_else(database: Database):
    site, (sku,) = shop(database, 1)
    line = a_reserve(site, sku, state="ALLOCATED")
    reserve(database, line)
    database.run(lambda s: ledger.advance(s, [an_advance(line, "PINNED")]))

    assert reserve(database, a_reserve(site, sku)) == [False]


def test_twenty_pickers_confirm_one_pick_and_stock_moves_once(database: Database):
    site, (sku,) = shop(database, 9)
    line = a_reserve(site, sku, 4, state="ALLOCATED")
    reserve(database, line)
    database.run(lambda s: ledger.advance(s, [an_advance(line, "PINNED")]))
    same = an_advance(line, "PICKED")

    def pick(step: Advance) -> str:
        try:
            (done,) = database.run(lambda s: ledger.advance(s, [step]))
        except WrongState:
            return "late"
        return "replayed" if done.replayed else "done"

    with ThreadPoolExecutor(CALLERS) as callers:
        steps = [same] * 10 + [an_advance(line, "PICKED") for _ in range(10)]
        answers = list(callers.map(pick, steps))

    assert answers.count("done") == 1
    assert database.run(stock_view).totals["picked"] == 4
    assert database.run(verify).clean


def test_holds_are_reassigned_by_many_at_once_without_deadlock(database: Database):
    """Everybody gives up what they hold and takes something else, in whatever order."""
    site, skus = shop(database, 1000, skus=12)

    def source(seed: int) -> None:
        random = Random(seed)
        held = [a_reserve(site, sku) for sku in random.sample(skus, 6)]
        reserve(database, *held)
        for _ in range(5):
            take = [a_reserve(site, sku, state="ALLOCATED") for sku in random.sample(skus, 6)]
            give = [an_advance(line, "RELEASED") for line in held]
            answers = database.run(partial(promises.reassign, release=give, take=take, now=NOW))
            assert all(answer.granted for answer in answers)
            held = take

    with ThreadPoolExecutor(CALLERS) as callers:
        list(callers.map(source, range(CALLERS)))

    assert database.conflicts == 0
    assert database.run(stock_view).totals["allocated"] == 6 * CALLERS
    assert database.run(verify).clean


def test_everything_at_once_leaves_clean_books(database: Database):
    """Receiving, reserving, picking, counting: rivals' counters drift; ours are recomputed."""
    site, skus = shop(database, 20, skus=4)

    def day(seed: int) -> None:
        random = Random(seed)
        for _ in range(6):
            sku, other = random.sample(skus, 2)
            group = random.choice([None, an_id()])
            lines = [
                a_reserve(site, one, random.randint(1, 4), state="ALLOCATED", group_id=group)
                for one in (sku, other)
            ]
            for line, granted in zip(lines, reserve(database, *lines), strict=True):
                if granted:
                    steps = [an_advance(line, to) for to in ("PINNED", "PICKED", "PACKED")]
                    database.run(partial(ledger.advance, lines=steps))
            arrivals = [a_move(site, one, 2, to_location_id=shelf(site)) for one in (other, sku)]
            database.run(partial(ledger.move, lines=arrivals))

    with ThreadPoolExecutor(8) as callers:
        list(callers.map(day, range(8)))

    assert database.run(verify).clean
    assert database.run(lambda s: s.scalar(text("SELECT min(sellable) FROM stock_balance"))) >= 0
