"""Reserving: first come, first served; groups all or nothing; asked again, answered the same."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from tests.builders import NOW, a_reserve, a_site, a_sku, an_advance, an_id, stock_of
from wms.database import Database
from wms.errors import IdReused
from wms.ids import HoldId, SiteId, SkuId
from wms.outbox import drain
from wms.stock import ledger, promises
from wms.stock.availability import free_by_site, free_units, holds_of
from wms.stock.faults import UnitsOutOfRange
from wms.stock.promises import Reserve


def stocked(database: Database, count: int, *, skus: int = 1) -> tuple[SiteId, list[SkuId]]:
    def work(session: Session) -> tuple[SiteId, list[SkuId]]:
        site = a_site(session)
        made = [a_sku(session) for _ in range(skus)]
        for sku in made:
            stock_of(session, site, sku, count)
        return site, made

    return database.run(work)


def reserve(database: Database, *lines: Reserve, now: datetime = NOW) -> list[bool]:
    answers = database.run(lambda s: promises.reserve(s, lines, now=now))
    return [answer.granted for answer in answers]


def test_first_come_first_served_is_exact(database: Database):
    site, (sku,) = stocked(database, 10)

    answers = database.run(
        lambda s: promises.reserve(s, [a_reserve(site, sku, n) for n in (6, 5, 4)], now=NOW)
    )

    assert [answer.granted for answer in answers] == [True, False, True]
    assert [answer.free for answer in answers] == [4, 4, 0]


def test_two_lines_of_one_sku_in_one_group_share_the_stock(database: Database):
    site, (sku,) = stocked(database, 1)
    group = an_id()

    lines = [a_reserve(site, sku, 1, group_id=group) for _ in range(2)]

    assert reserve(database, *lines) == [False, False]
    assert database.run(lambda s: free_by_site(s, [sku])) == [(site, sku, 1)]


def test_a_group_is_granted_whole_or_not_at_all(database: Database):
    site, (shoe, sock) = stocked(database, 5, skus=2)
    pair, other = an_id(), an_id()

    granted = reserve(
        database,
        a_reserve(site, shoe, 3, group_id=pair),
        a_reserve(site, sock, 6, group_id=pair),  # too many: the shoes stay free
        a_reserve(site, shoe, 5, group_id=other),
        a_reserve(site, sock, 5, group_id=other),
        a_reserve(site, sock, 1),
    )

    assert granted == [False, False, True, True, False]


def test_a_group_with_a_sku_that_the_site_never_had_is_refused(database: Database):
    site, (sku,) = stocked(database, 5)
    unknown = database.run(a_sku)
    group = an_id()

    lines = (a_reserve(site, sku, group_id=group), a_reserve(site, unknown, group_id=group))

    assert reserve(database, *lines) == [False, False]


def test_a_replay_answers_as_the_first_time(database: Database):
    site, (sku,) = stocked(database, 5)
    yes, no = a_reserve(site, sku, 4), a_reserve(site, sku, 2)
    first = database.run(lambda s: promises.reserve(s, [yes, no], now=NOW))
    database.run(lambda s: ledger.advance(s, [an_advance(yes, "RELEASED")]))

    again = database.run(lambda s: promises.reserve(s, [no, yes, no], now=NOW))

    assert again == [first[1], first[0], first[1]]
    assert database.run(lambda s: free_by_site(s, [sku])) == [(site, sku, 5)]


@pytest.mark.parametrize("in_one_batch", [True, False])
def test_the_same_id_for_something_else_is_refused(database: Database, in_one_batch: bool):  # noqa: FBT001
    site, (sku,) = stocked(database, 5)
    line = a_reserve(site, sku, 1)
    other = replace(line, units=2)
    if not in_one_batch:
        assert reserve(database, line) == [True]

    with pytest.raises(IdReused):
        reserve(database, *([line, other] if in_one_batch else [other]))


@pytest.mark.parametrize("units", [0, -1, 2**31, 2**63])
def test_units_that_are_no_quantity(database: Database, units: int):
    site, (sku,) = stocked(database, 5)

    with pytest.raises(UnitsOutOfRange):
        reserve(database, a_reserve(site, sku, 1), a_reserve(site, sku, units))

    assert database.run(lambda s: free_by_site(s, [sku])) == [(site, sku, 5)]


def test_the_largest_quantity_is_an_answer_too(database: Database):
    site, (sku,) = stocked(database, 5)

    assert reserve(database, *[a_reserve(site, sku, 2**31 - 1)] * 2) == [False, False]


def test_what_is_overdue_is_free_again_without_a_sweeper(database: Database):
    site, (sku,) = stocked(database, 5)
    cart = a_reserve(site, sku, 5, kind="CART", expires_at=NOW + timedelta(minutes=15))
    assert reserve(database, cart) == [True]

    before = reserve(database, a_reserve(site, sku, 1), now=NOW + timedelta(minutes=14))
    at_last = NOW + timedelta(minutes=15)
    assert database.run(lambda s: free_units(s, [sku], now=at_last)) == {(site, sku): 5}
    after = reserve(database, a_reserve(site, sku, 5), now=at_last)

    assert (before, after) == ([False], [True])
    holds = database.run(lambda s: holds_of(s, [cart.demand_id]))
    assert [hold.state for hold in holds] == ["EXPIRED"]
    events = database.run(lambda s: drain(s, "test"))
    assert [e.body["hold_id"] for e in events if e.type == "HoldExpired"] == [str(cart.hold_id)]


def test_the_sweeper_ends_what_is_overdue_and_nothing_else(database: Database):
    site, (sku,) = stocked(database, 9)
    overdue = a_reserve(site, sku, 2, expires_at=NOW - timedelta(seconds=1))
    waiting = a_reserve(site, sku, 3, expires_at=NOW + timedelta(seconds=1))
    endless = a_reserve(site, sku, 1)
    reserve(database, overdue, waiting, endless)

    ended = database.run(lambda s: promises.expire(s, now=NOW))
    again = database.run(lambda s: promises.expire(s, now=NOW))

    assert [(one.hold_id, one.units) for one in ended] == [(overdue.hold_id, 2)]
    assert again == []
    assert database.run(lambda s: free_by_site(s, [sku])) == [(site, sku, 5)]


def test_safety_stock_is_not_promised_and_overdraft_is(database: Database):
    site, (sku,) = stocked(database, 5)
    owner = a_reserve(site, sku).owner_id
    database.run(lambda s: promises.set_limits(s, site, (owner, sku), safety=2))
    assert reserve(database, a_reserve(site, sku, 4), a_reserve(site, sku, 3)) == [False, True]

    database.run(lambda s: promises.set_limits(s, site, (owner, sku), safety=0, overdraft=3))

    assert reserve(database, a_reserve(site, sku, 6), a_reserve(site, sku, 5)) == [False, True]


def test_reassigning_gives_up_first_and_takes_then(database: Database):
    site, (sku,) = stocked(database, 5)
    held = a_reserve(site, sku, 5)
    reserve(database, held)
    take = [a_reserve(site, sku, 3, state="ALLOCATED"), a_reserve(site, sku, 3)]
    give = [an_advance(held, "RELEASED")]

    answers = database.run(lambda s: promises.reassign(s, give, take, now=NOW))
    again = database.run(lambda s: promises.reassign(s, give, take, now=NOW))

    assert [answer.granted for answer in answers] == [True, False]
    assert again == answers


def test_a_hold_of_the_same_id_at_another_site_is_another_hold(database: Database):
    site, (sku,) = stocked(database, 1)
    other = database.run(lambda s: a_site(s, "OSA1"))
    database.run(lambda s: stock_of(s, other, sku, 1))
    key = HoldId(an_id())

    lines = [a_reserve(where, sku, hold_id=key) for where in (site, other)]

    assert reserve(database, *lines) == [True, True]
