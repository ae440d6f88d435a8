"""Swapping: two demands exchange what they hold; no unit moves and no counter changes."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.builders import NOW, a_reserve, a_site, an_advance, an_id, shelf, stock_of
from tests.wms.stock.shop import counters, events, reserve, stocked
from wms.database import Database
from wms.errors import IdReused, NotFound
from wms.ids import CommandId, HoldId
from wms.stock import ledger, promises
from wms.stock.availability import holds_of
from wms.stock.faults import WrongState
from wms.stock.promises import NotSwappable, Reserve, Swap
from wms.stock.verify import verify


def a_swap(one: Reserve, other: Reserve, **fields: Any) -> Swap:
    return Swap(
        **{
            "command_id": CommandId(an_id()),
            "site_id": one.site_id,
            "hold_id": one.hold_id,
            "with_hold_id": other.hold_id,
            "heir_id": HoldId(an_id()),
            "with_heir_id": HoldId(an_id()),
        }
        | fields
    )


def swapped(database: Database, *lines: Swap) -> list[promises.Swapped]:
    return database.run(lambda s: promises.swap(s, lines, now=NOW))


def urgent_and_slack(database: Database) -> tuple[Reserve, Reserve]:
    """An urgent order that is only held, and one with time to spare that is pinned to a shelf."""
    site, (sku,) = stocked(database, 4)
    urgent = a_reserve(site, sku, 2)
    slack = a_reserve(site, sku, 2, state="ALLOCATED")
    assert reserve(database, urgent, slack) == [True, True]
    database.run(lambda s: ledger.advance(s, [an_advance(slack, "PINNED")]))
    return urgent, slack


def test_the_urgent_order_gets_the_pinned_unit_and_the_other_waits(database: Database):
    urgent, slack = urgent_and_slack(database)
    before = counters(database, urgent.sku_id)
    swap = a_swap(urgent, slack)

    (answer,) = database.run(lambda s: promises.swap(s, [swap], now=NOW))

    assert (answer.heir_id, answer.state, answer.replayed) == (swap.heir_id, "PINNED", False)
    mine = database.run(lambda s: holds_of(s, [urgent.demand_id]))
    theirs = database.run(lambda s: holds_of(s, [slack.demand_id]))
    assert {(hold.hold_id, hold.state) for hold in mine} == {
        (urgent.hold_id, "SWAPPED"),
        (swap.heir_id, "PINNED"),
    }
    assert {(hold.hold_id, hold.state) for hold in theirs} == {
        (slack.hold_id, "SWAPPED"),
        (swap.with_heir_id, "HELD"),
    }
    assert counters(database, urgent.sku_id) == before
    told = [(e["hold_id"], e["state"]) for e in events(database, "HoldSwapped")]
    assert sorted(told) == sorted([(str(urgent.hold_id), "PINNED"), (str(slack.hold_id), "HELD")])
    heir = replace(urgent, hold_id=swap.heir_id)
    database.run(lambda s: ledger.advance(s, [an_advance(heir, "PICKED")]))
    assert database.run(verify).clean


def test_a_replay_answers_as_the_first_time_and_swaps_once(database: Database):
    urgent, slack = urgent_and_slack(database)
    swap = a_swap(urgent, slack)
    (first,) = database.run(lambda s: promises.swap(s, [swap], now=NOW))
    database.run(lambda s: ledger.advance(
        s, [an_advance(replace(urgent, hold_id=swap.heir_id), "PICKED")]))  # fmt: skip

    (again,) = database.run(lambda s: promises.swap(s, [swap], now=NOW))

    assert again == replace(first, replayed=True)
    with pytest.raises(IdReused):
        database.run(lambda s: promises.swap(
            s, [replace(swap, heir_id=HoldId(an_id()))], now=NOW))  # fmt: skip


def test_the_kind_goes_with_the_demand_and_the_counters_follow(database: Database):
    site, (sku,) = stocked(database, 4)
    later = NOW + timedelta(minutes=15)
    cart = a_reserve(site, sku, 2, kind="CART", expires_at=later)
    store = a_reserve(site, sku, 2, kind="CLICK_RESERVE", expires_at=later)
    reserve(database, cart, store)
    swap = a_swap(cart, store)

    database.run(lambda s: promises.swap(s, [swap], now=NOW))

    assert counters(database, sku) | {"sellable": 0} == {
        "sellable": 0, "reserved": 4, "cart": 2, "click_reserve": 2, "allocated": 0,
    }  # fmt: skip
    order = a_reserve(site, sku, 2)
    reserve(database, order, now=later)  # the carts run out, and are counted out as what they are
    assert counters(database, sku)["reserved"] == 2


def test_a_cart_swapped_with_an_order_is_still_a_cart(database: Database):
    site, (sku,) = stocked(database, 4)
    cart = a_reserve(site, sku, 2, kind="CART", expires_at=NOW + timedelta(minutes=15))
    order = a_reserve(site, sku, 2)
    reserve(database, cart, order)

    database.run(lambda s: promises.swap(s, [a_swap(cart, order)], now=NOW))

    assert counters(database, sku)["cart"] == 2
    assert database.run(lambda s: promises.expire(s, now=NOW + timedelta(minutes=15))) != []
    assert (counters(database, sku)["reserved"], counters(database, sku)["cart"]) == (2, 0)


def test_what_waits_after_a_swap_is_counted_as_what_it_is(database: Database):
    site, (sku,) = stocked(database, 4)
    order = a_reserve(site, sku, 2)
    store = a_reserve(site, sku, 2, kind="CLICK_RESERVE", state="ALLOCATED")
    reserve(database, order, store)

    swapped(database, a_swap(order, store))

    assert counters(database, sku) == {
        "sellable": 4, "reserved": 2, "cart": 0, "click_reserve": 2, "allocated": 2,
    }  # fmt: skip
    assert database.run(verify).clean


def test_nothing_is_confirmed_by_a_swap(database: Database):
    """A cart that is not paid does not get an order's allocation, to keep it for ever."""
    site, (sku,) = stocked(database, 4)
    cart = a_reserve(site, sku, 2, kind="CART", expires_at=NOW + timedelta(minutes=15))
    order = a_reserve(site, sku, 2, state="ALLOCATED")
    reserve(database, cart, order)

    for swap in (a_swap(cart, order), a_swap(order, cart)):
        with pytest.raises(NotSwappable):
            swapped(database, swap)


def test_only_as_many_units_of_the_same_goods_are_swapped(database: Database):
    site, (sku, other) = stocked(database, 9, skus=2)
    one, two, three = a_reserve(site, sku, 2), a_reserve(site, sku, 3), a_reserve(site, other, 2)
    reserve(database, one, two, three)

    for partner in (two, three, one):
        with pytest.raises(NotSwappable):
            swapped(database, a_swap(one, partner))


def test_what_has_ended_or_run_out_is_not_swapped(database: Database):
    site, (sku,) = stocked(database, 9)
    one, gone = a_reserve(site, sku), a_reserve(site, sku)
    overdue = a_reserve(site, sku, expires_at=NOW)
    reserve(database, one, gone, overdue, now=NOW - timedelta(seconds=1))
    database.run(lambda s: ledger.advance(s, [an_advance(gone, "RELEASED")]))

    for partner, state in ((gone, "RELEASED"), (overdue, "EXPIRED")):
        with pytest.raises(WrongState) as caught:
            swapped(database, a_swap(one, partner))
        assert caught.value.state == state


def test_each_pair_has_its_own_fault(database: Database):
    urgent, slack = urgent_and_slack(database)
    nobody = replace(urgent, hold_id=HoldId(an_id()))
    taken = a_swap(urgent, slack, heir_id=slack.hold_id)
    good = a_swap(urgent, slack)

    answers = database.run(
        lambda s: promises.swap_each(s, [a_swap(urgent, nobody), taken, good], now=NOW)
    )

    assert isinstance(answers[0], NotFound)
    assert isinstance(answers[1], IdReused)
    assert isinstance(answers[2], promises.Swapped)


def test_a_hold_of_another_site_is_not_found(database: Database):
    urgent, _ = urgent_and_slack(database)
    osaka = database.run(lambda s: a_site(s, "OSA1"))
    database.run(lambda s: stock_of(s, osaka, urgent.sku_id, 2, at="S-1"))
    far = a_reserve(osaka, urgent.sku_id, 2)
    reserve(database, far)

    with pytest.raises(NotFound):
        database.run(lambda s: promises.swap(s, [a_swap(urgent, far)], now=NOW))
    assert shelf(osaka) != shelf(urgent.site_id)
