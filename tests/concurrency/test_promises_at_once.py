"""Extending, swapping, pre-ordering and landing at the same time: every promise is counted once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from functools import partial
from random import Random
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from tests.builders import NOW, a_reserve, a_site, a_sku, an_advance, an_id, stock_of
from wms.catalog import HOUSE_OWNER_ID
from wms.database import Database
from wms.errors import WmsError
from wms.ids import CommandId, HoldId, SiteId, SkuId
from wms.stock import incoming, ledger, promises
from wms.stock.incoming import Land, Supply
from wms.stock.promises import Extend, Reserve, Swap
from wms.stock.verify import verify

CALLERS, ROUNDS = 8, 15
UNITS = 400

# What each supply and each balance say, and what the holds say: they must be the same.
BOOKS = text("""
SELECT y.held, y.received + y.held <= y.units, (
         SELECT coalesce(sum(h.units), 0) FROM hold h
          WHERE h.supply_id = y.id AND h.state = 'HELD') AS waiting,
       b.reserved, b.cart, (
         SELECT coalesce(sum(h.units), 0) FROM hold h
          WHERE h.supply_id IS NULL AND h.state = 'HELD') AS held_of_stock, (
         SELECT coalesce(sum(h.units), 0) FROM hold h
          WHERE h.supply_id IS NULL AND h.state = 'HELD' AND h.kind = 'CART') AS carts
  FROM supply y JOIN stock_balance b USING (site_id, owner_id, sku_id, segment)
""")


def shop(database: Database) -> tuple[SiteId, SkuId, Supply]:
    def work(session: Session) -> tuple[SiteId, SkuId, Supply]:
        site, sku = a_site(session), a_sku(session)
        stock_of(session, site, sku, UNITS)
        supply = Supply(
            site_id=site, supply_id=an_id(), kind="PO", owner_id=HOUSE_OWNER_ID, sku_id=sku,
            units=UNITS, eta_p50=NOW, eta_p90=NOW,
        )  # fmt: skip
        incoming.announce(session, [supply], now=NOW)
        return site, sku, supply

    return database.run(work)


def tried(database: Database, work: Callable[[Session], Any]) -> bool:
    """Whether it could be done: others may have been there first."""
    try:
        database.run(work)
    except WmsError:
        return False
    return True


def a_swap(one: Reserve, other: Reserve) -> Swap:
    return Swap(
        command_id=CommandId(an_id()), site_id=one.site_id, hold_id=one.hold_id,
        with_hold_id=other.hold_id, heir_id=HoldId(an_id()), with_heir_id=HoldId(an_id()),
    )  # fmt: skip


def an_extend(line: Reserve) -> Extend:
    later = NOW + timedelta(hours=1)
    return Extend(
        command_id=CommandId(an_id()), site_id=line.site_id, hold_id=line.hold_id, expires_at=later
    )


def test_everybody_at_the_same_holds(database: Database):
    site, sku, supply = shop(database)
    soon = NOW + timedelta(minutes=1)
    shared = [
        a_reserve(site, sku, 2, kind="CART" if n % 3 == 0 else "ORDER", expires_at=soon,
                  supply_id=supply.supply_id if n % 2 else None)
        for n in range(40)
    ]  # fmt: skip
    database.run(partial(promises.reserve, lines=shared, now=NOW))

    def day(seed: int) -> int:
        random = Random(seed)
        done = 0
        for _ in range(ROUNDS):
            one, other = random.sample(shared, 2)
            mine = a_reserve(site, sku, 3, supply_id=random.choice([None, supply.supply_id]))
            stock_of_one = partial(stock_of, site=site, sku=sku, count=3)
            land = Land(
                command_id=CommandId(an_id()), site_id=site, supply_id=supply.supply_id, units=3
            )

            def arrive(session: Session, put: Any = stock_of_one, line: Land = land) -> None:
                put(session)
                incoming.land_supply(session, [line], now=NOW)

            works: list[Callable[[Session], Any]] = [
                partial(promises.swap, lines=[a_swap(one, other)], now=NOW),
                partial(promises.extend, lines=[an_extend(one)], now=NOW),
                partial(promises.reserve, lines=[mine], now=NOW),
                partial(ledger.advance, lines=[an_advance(mine, "RELEASED")]),
                partial(ledger.advance, lines=[an_advance(other, "RELEASED")]),
                partial(promises.expire, now=random.choice([NOW, soon]), limit=3),
                arrive,
            ]
            done += sum(tried(database, work) for work in works)
        return done

    with ThreadPoolExecutor(CALLERS) as callers:
        assert sum(callers.map(day, range(CALLERS))) > CALLERS * ROUNDS

    with database.engine.connect() as connection:
        books = connection.execute(BOOKS).one()
    held, within, waiting, reserved, cart, held_of_stock, carts = books
    assert within
    assert (held, reserved, cart) == (waiting, held_of_stock, carts)
    assert database.run(verify).clean


def test_two_who_swap_the_same_hold_do_it_once(database: Database):
    site, sku, _ = shop(database)
    popular = a_reserve(site, sku)
    others = [a_reserve(site, sku, state="ALLOCATED") for _ in range(CALLERS)]
    database.run(partial(promises.reserve, lines=[popular, *others], now=NOW))

    with ThreadPoolExecutor(CALLERS) as callers:
        swap = lambda other: tried(  # noqa: E731
            database, partial(promises.swap, lines=[a_swap(popular, other)], now=NOW)
        )
        done = list(callers.map(swap, others))

    assert done.count(True) == 1
    assert database.run(verify).clean


def test_a_hold_that_is_extended_as_it_runs_out_is_either_kept_or_over(database: Database):
    """The sweeper and the customer come at the same moment; nobody gets both answers."""
    site, sku, _ = shop(database)
    carts = [a_reserve(site, sku, expires_at=NOW) for _ in range(30)]
    before = NOW - timedelta(seconds=1)
    database.run(partial(promises.reserve, lines=carts, now=before))

    def sweep(_: Reserve) -> list[HoldId]:
        ended = database.run(partial(promises.expire, now=NOW, limit=1))
        return [one.hold_id for one in ended]

    def extend(line: Reserve) -> list[HoldId]:
        work = partial(promises.extend, lines=[an_extend(line)], now=before)
        return [line.hold_id] if tried(database, work) else []

    with ThreadPoolExecutor(2) as callers:
        sweeping, extending = callers.map(
            lambda do: [hold for line in carts for hold in do(line)], [sweep, extend]
        )
    over, kept = set(sweeping), set(extending)

    assert over.isdisjoint(kept)
    assert over | kept == {line.hold_id for line in carts}
    assert database.run(verify).clean


def test_what_lands_twice_at_once_lands_once(database: Database):
    site, sku, supply = shop(database)
    waiting = a_reserve(site, sku, UNITS, supply_id=supply.supply_id)
    database.run(partial(promises.reserve, lines=[waiting], now=NOW))
    land = Land(command_id=CommandId(an_id()), site_id=site, supply_id=supply.supply_id, units=10)

    with ThreadPoolExecutor(CALLERS) as callers:
        lands = [partial(incoming.land_supply, lines=[replace(land)], now=NOW)] * CALLERS
        answers = [answer for (answer,) in callers.map(database.run, lands)]

    assert [answer.replayed for answer in answers].count(False) == 1
    with database.engine.connect() as connection:
        books = connection.execute(BOOKS).one()
    assert (books.held, books.reserved) == (UNITS - 10, 10)
