"""Extending: a hold that is still HELD ends later; one whose time has run out has ended."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.builders import NOW, a_reserve, an_advance, an_id
from tests.wms.stock.shop import events, reserve, stocked
from wms.database import Database
from wms.errors import IdReused, NotFound
from wms.ids import CommandId, HoldId
from wms.stock import ledger, promises
from wms.stock.faults import WrongState
from wms.stock.promises import Extend, Reserve
from wms.stock.verify import verify

QUARTER = timedelta(minutes=15)


def a_cart(database: Database, units: int = 5) -> Reserve:
    site, (sku,) = stocked(database, 5)
    cart = a_reserve(site, sku, units, kind="CART", expires_at=NOW + QUARTER)
    assert reserve(database, cart) == [True]
    return cart


def an_extend(line: Reserve, minutes: int = 30) -> Extend:
    return Extend(
        command_id=CommandId(an_id()),
        site_id=line.site_id,
        hold_id=line.hold_id,
        expires_at=NOW + timedelta(minutes=minutes),
    )


def test_an_extended_hold_is_kept_longer(database: Database):
    cart = a_cart(database)
    wish = a_reserve(cart.site_id, cart.sku_id, 1)

    database.run(lambda s: promises.extend(s, [an_extend(cart)], now=NOW))

    assert reserve(database, wish, now=NOW + QUARTER) == [False]
    later = replace(wish, hold_id=HoldId(an_id()))
    assert reserve(database, later, now=NOW + 2 * QUARTER) == [True]
    assert [body["hold_id"] for body in events(database, "HoldExtended")] == [str(cart.hold_id)]


def test_a_replay_answers_as_the_first_time_even_when_it_says_another_time(database: Database):
    cart = a_cart(database)
    command = an_extend(cart)
    (first,) = database.run(lambda s: promises.extend(s, [command], now=NOW))
    later = replace(command, expires_at=NOW + timedelta(minutes=31))  # "in half an hour", again

    (again,) = database.run(lambda s: promises.extend(s, [later], now=NOW))

    assert again == replace(first, replayed=True)
    assert first.expires_at == command.expires_at
    assert database.run(lambda s: promises.expire(s, now=command.expires_at)) != []


def test_a_hold_whose_time_has_run_out_is_not_extended(database: Database):
    cart = a_cart(database)

    with pytest.raises(WrongState) as caught:
        database.run(lambda s: promises.extend(s, [an_extend(cart)], now=NOW + QUARTER))

    assert caught.value.state == "EXPIRED"


def test_what_is_confirmed_has_no_time_to_extend(database: Database):
    cart = a_cart(database)
    database.run(lambda s: ledger.advance(s, [an_advance(cart, "ALLOCATED")]))

    with pytest.raises(WrongState):
        database.run(lambda s: promises.extend(s, [an_extend(cart)], now=NOW))


def test_each_line_has_its_own_fault_and_the_rest_are_extended(database: Database):
    cart = a_cart(database)
    nobody = replace(an_extend(cart), hold_id=HoldId(an_id()))
    good = an_extend(cart)
    stolen = replace(good, hold_id=nobody.hold_id)

    answers = database.run(lambda s: promises.extend_each(s, [nobody, good, stolen], now=NOW))

    assert isinstance(answers[0], NotFound)
    assert isinstance(answers[1], promises.Extended)
    assert isinstance(answers[2], IdReused)
    assert database.run(lambda s: promises.expire(s, now=NOW + QUARTER)) == []
    with pytest.raises(NotFound):
        database.run(lambda s: promises.extend(s, [an_extend(cart), nobody], now=NOW))
    assert database.run(verify).clean
