"""Reserving: first come, first served; groups all or nothing; asked again, answered the same."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from tests.builders import NOW, a_move, a_reserve, a_site, a_sku, an_advance, an_id, stock_of
from tests.wms.stock.shop import counters, reserve, stocked
from wms.catalog import HOUSE_OWNER_ID
from wms.database import Database
from wms.errors import IdReused, NotFound
from wms.ids import HoldId, SiteId, SkuId
from wms.outbox import drain
from wms.stock import ledger, promises
from wms.stock.availability import free_by_site, free_units, holds_of
from wms.stock.faults import UnitsOutOfRange
from wms.stock.incoming import Supply, announce
from wms.stock.promises import Reserved
from wms.stock.verify import verify


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


def test_a_wrong_line_fails_by_itself_and_its_neighbours_are_posted(database: Database):
    site, (sku,) = stocked(database, 5)
    old = a_reserve(site, sku, 1)
    reserve(database, old)
    twice = a_reserve(site, sku, 1)
    lines = [
        replace(old, units=2),
        a_reserve(site, SkuId(an_id())),
        a_reserve(SiteId(an_id()), sku),
        a_reserve(site, sku, 0),
        twice,
        replace(twice, units=2),
        a_reserve(site, sku, 3),
        a_reserve(site, sku, 1),
    ]

    answers = database.run(lambda s: promises.reserve_each(s, lines, now=NOW))
    again = database.run(lambda s: promises.reserve_each(s, lines, now=NOW))

    assert [type(answer) for answer in answers] == [
        IdReused, NotFound, NotFound, UnitsOutOfRange, Reserved, IdReused, Reserved, Reserved,
    ]  # fmt: skip
    granted = [answer.granted for answer in answers if isinstance(answer, Reserved)]
    assert granted == [True, True, False]
    assert [answer for answer in again if isinstance(answer, Reserved)] == [
        answer for answer in answers if isinstance(answer, Reserved)
    ]
    assert database.run(verify).clean


@pytest.mark.parametrize("wrong", ["reused", "unknown", "no units"])
def test_a_group_with_a_wrong_line_is_refused_whole_and_for_ever(database: Database, wrong: str):
    site, (sku,) = stocked(database, 5)
    old = a_reserve(site, sku, 1)
    reserve(database, old)
    group = an_id()
    line = {
        "reused": replace(old, units=2, group_id=group),
        "unknown": a_reserve(site, SkuId(an_id()), group_id=group),
        "no units": a_reserve(site, sku, 0, group_id=group),
    }[wrong]
    lines = [a_reserve(site, sku, group_id=group), line, a_reserve(site, sku, group_id=group)]
    neighbour = a_reserve(site, sku, 4)

    answers = database.run(lambda s: promises.reserve_each(s, [*lines, neighbour], now=NOW))
    stock = database.run(lambda s: promises.reserve_each(s, [lines[0], lines[2]], now=NOW))

    granted = [answer.granted for answer in answers if isinstance(answer, Reserved)]
    assert granted == [False, False, True]
    assert stock == [answers[0], answers[2]]


def test_a_line_that_joins_a_refused_group_later_is_refused(database: Database):
    site, (sku,) = stocked(database, 5)
    group = an_id()
    lines = [a_reserve(site, sku, units, group_id=group) for units in (1, 6)]
    reserve(database, *lines)

    assert reserve(database, *lines, a_reserve(site, sku, 1, group_id=group)) == [False] * 3


@pytest.mark.parametrize("sku_is_known", [True, False])
def test_a_wrong_line_of_one_call_changes_nothing(database: Database, sku_is_known: bool):  # noqa: FBT001
    site, (sku,) = stocked(database, 5)
    wrong = a_reserve(site, SkuId(an_id())) if not sku_is_known else a_reserve(SiteId(an_id()), sku)

    with pytest.raises(NotFound):
        reserve(database, a_reserve(site, sku), wrong)

    assert counters(database, sku)["reserved"] == 0


def test_carts_and_click_and_reserve_are_parts_of_reserved(database: Database):
    site, (sku,) = stocked(database, 20)
    later = NOW + timedelta(minutes=15)
    cart = a_reserve(site, sku, 1, kind="CART", expires_at=later)
    store = a_reserve(site, sku, 2, kind="CLICK_RESERVE", expires_at=later)
    order = a_reserve(site, sku, 4)
    sold = a_reserve(site, sku, 8, kind="CLICK_RESERVE", state="ALLOCATED")
    reserve(database, cart, store, order, sold)

    assert counters(database, sku) == {
        "sellable": 20, "reserved": 7, "cart": 1, "click_reserve": 2, "allocated": 8,
    }  # fmt: skip
    database.run(lambda s: ledger.advance(s, [an_advance(store, "ALLOCATED")]))
    assert counters(database, sku)["click_reserve"] == 0
    database.run(lambda s: promises.expire(s, now=later))
    assert counters(database, sku) == {
        "sellable": 20, "reserved": 4, "cart": 0, "click_reserve": 0, "allocated": 10,
    }  # fmt: skip
    assert database.run(verify).clean


def test_a_segment_has_stock_of_its_own(database: Database):
    site, (sku,) = stocked(database, 1)
    outlet = a_move(site, sku, 2, condition="B")
    database.run(lambda s: ledger.move(s, [outlet]))
    overdue = a_reserve(site, sku, 1, segment="A", expires_at=NOW)
    reserve(database, overdue, now=NOW - timedelta(minutes=1))

    granted = reserve(
        database, *[a_reserve(site, sku, segment=one) for one in ("B", "B", "B", "C")]
    )

    assert granted == [True, True, False, False]
    assert counters(database, sku, "B")["reserved"] == 2
    # what ran out is of another segment, which nobody has locked: it is left alone
    assert counters(database, sku, "A")["reserved"] == 1


def test_a_channel_may_not_have_what_is_kept_from_it(database: Database):
    site, (sku,) = stocked(database, 10)
    database.run(lambda s: promises.keep_from(s, site, (HOUSE_OWNER_ID, sku), "mall", keep=4))
    wish = [("mall", 5), ("mall", 2), ("", 2), ("mall", 1), ("own", 3), ("", 1)]

    granted = reserve(database, *[a_reserve(site, sku, n, channel=name) for name, n in wish])

    assert granted == [True, False, True, False, True, False]
    # also where all that is wanted is there
    database.run(lambda s: stock_of(s, site, sku, 10))
    assert reserve(database, a_reserve(site, sku, 7, channel="mall")) == [False]
    assert reserve(database, a_reserve(site, sku, 6, channel="mall")) == [True]
    database.run(lambda s: promises.keep_from(s, site, (HOUSE_OWNER_ID, sku), "mall", keep=0))


def test_a_group_of_a_channel_takes_together_no_more_than_the_channel_may(database: Database):
    site, (sku,) = stocked(database, 10)
    database.run(lambda s: promises.keep_from(s, site, (HOUSE_OWNER_ID, sku), "mall", keep=4))
    many, few = an_id(), an_id()

    granted = reserve(
        database,
        *[a_reserve(site, sku, 4, channel="mall", group_id=many) for _ in range(2)],
        *[a_reserve(site, sku, 3, channel="mall", group_id=few) for _ in range(2)],
        a_reserve(site, sku, 4),
    )

    assert granted == [False, False, True, True, True]


def test_a_channel_is_part_of_what_was_asked(database: Database):
    site, (sku,) = stocked(database, 10)
    line = a_reserve(site, sku, channel="mall")
    reserve(database, line)

    for other in (replace(line, channel="own"), replace(line, segment="B")):
        with pytest.raises(IdReused):
            reserve(database, other)
    later = replace(line, expires_at=NOW, group_id=an_id())  # when it ends is no part of it
    assert reserve(database, later) == [True]


def test_texts_travel_as_they_are(database: Database):
    site, (sku,) = stocked(database, 10)
    name = 'a "b" \\ {c}, NULL é 引当'
    lines = [a_reserve(site, sku, channel=one) for one in (name, "NULL", "null", "")]

    assert reserve(database, *lines) == [True] * 4
    assert reserve(database, *lines) == [True] * 4
    query = text("SELECT channel FROM hold WHERE id = :id")
    found = database.run(lambda s: s.scalar(query, {"id": lines[0].hold_id}))
    assert found == name


@pytest.fixture
def by_its_own_time(database_url: str) -> Iterator[Database]:
    """Connections that go by the database's time, as in production."""
    database = Database(database_url, pool_size=2)
    yield database
    database.close()


@pytest.mark.parametrize("off", [timedelta(days=1), timedelta(days=-1)])
def test_a_wrong_clock_of_a_host_ends_no_hold_and_keeps_none(
    by_its_own_time: Database, off: timedelta
):
    site, (sku,) = stocked(by_its_own_time, 2)
    right = datetime.now(UTC)  # noqa: TID251 - the host whose clock is right
    cart = a_reserve(site, sku, 1, kind="CART", expires_at=right + timedelta(minutes=15))
    over = a_reserve(site, sku, 1, kind="CART", expires_at=right - timedelta(seconds=1))
    assert reserve(by_its_own_time, cart, over, now=right) == [True, True]

    granted = reserve(by_its_own_time, a_reserve(site, sku), a_reserve(site, sku), now=right + off)

    assert granted == [True, False]  # what is overdue is free, what is not is kept


@pytest.mark.parametrize(
    "change",
    ["reserved = 6", "allocated = 6", "reserved = -1", "cart = 1", "sellable = -1", "safety = -1"],
)
def test_the_database_itself_lets_nobody_oversell(
    database: Database, superuser: Engine, change: str
):
    """Whoever writes past the posting functions, and whatever bug these may have."""
    _, (sku,) = stocked(database, 5)

    with pytest.raises(IntegrityError), superuser.begin() as connection:
        connection.execute(text(f"UPDATE stock_balance SET {change} WHERE sku_id = '{sku}'"))  # noqa: S608


def test_more_is_not_promised_of_supply_than_comes_whoever_writes(
    database: Database, superuser: Engine
):
    site, (sku,) = stocked(database, 5)
    supply = Supply(
        site_id=site, supply_id=an_id(), kind="PO", owner_id=HOUSE_OWNER_ID, sku_id=sku, units=5,
        eta_p50=NOW, eta_p90=NOW,
    )  # fmt: skip
    database.run(lambda s: announce(s, [supply], now=NOW))

    with pytest.raises(IntegrityError), superuser.begin() as connection:
        connection.execute(text("UPDATE supply SET held = 4, received = 2"))
