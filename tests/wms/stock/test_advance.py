"""A hold's way: allocated, pinned, picked, packed, shipped; and everything that can go wrong."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from tests.builders import (
    NOW,
    a_move,
    a_reserve,
    a_site,
    a_sku,
    a_tote,
    an_advance,
    an_id,
    shelf,
    stock_of,
)
from wms.database import Database
from wms.errors import IdReused, NotFound
from wms.ids import HoldId, SiteId, SkuId
from wms.sites import virtual_location
from wms.stock import ledger, promises, units
from wms.stock.availability import StockRow, holds_of, pickable, stock_view
from wms.stock.faults import NotEnoughStock, UnitsOutOfRange, WrongLocation, WrongState
from wms.stock.ledger import Advance, HoldState
from wms.stock.promises import Reserve
from wms.stock.verify import verify

WAY: tuple[HoldState, ...] = ("PINNED", "PICKED", "PACKED", "SHIPPED", "DELIVERED")


def allocated(database: Database, count: int, stock: int = 10) -> Reserve:
    def work(session: Session) -> Reserve:
        site, sku = a_site(session), a_sku(session)
        stock_of(session, site, sku, stock)
        line = a_reserve(site, sku, count, state="ALLOCATED")
        assert promises.reserve(session, [line], now=NOW)[0].granted
        return line

    return database.run(work)


def advance(database: Database, *lines: Advance) -> list[ledger.Advanced]:
    return database.run(lambda s: ledger.advance(s, lines))


def states(database: Database) -> dict[str, int]:
    """The counters that are not zero, of the only row there is."""
    (row,) = database.run(stock_view).rows
    names = set(StockRow.__slots__) - {"site", "sku", "name_en", "name_ja"}
    return {name: getattr(row, name) for name in names if getattr(row, name)}


def clean(database: Database) -> bool:
    return database.run(verify).clean


def test_the_whole_way(database: Database):
    line = allocated(database, 4)
    seen = [states(database)]
    for to in WAY:
        (answer,) = advance(database, an_advance(line, to))
        assert (answer.state, answer.replayed) == (to, False)
        seen.append(states(database))

    assert seen == [
        {"sellable": 10, "allocated": 4, "free": 6},
        {"sellable": 10, "allocated": 4, "free": 6},
        {"sellable": 6, "free": 6, "picked": 4},
        {"sellable": 6, "free": 6, "packed": 4},
        {"sellable": 6, "free": 6, "to_customer": 4},
        {"sellable": 6, "free": 6},
    ]
    assert clean(database)


def test_a_batch_goes_the_whole_way_in_one_call(database: Database):
    line = allocated(database, 4)

    advance(database, *[an_advance(line, to) for to in WAY])

    assert states(database) == {"sellable": 6, "free": 6}
    assert clean(database)


def test_a_step_sent_again_is_done_once(database: Database):
    line = allocated(database, 4)
    steps = [an_advance(line, to) for to in WAY]
    advance(database, *steps)

    again = advance(database, *steps, steps[0])

    assert [answer.replayed for answer in again] == [True] * 6
    assert [answer.state for answer in again] == [*WAY, WAY[0]]
    assert states(database) == {"sellable": 6, "free": 6}
    with pytest.raises(IdReused):
        advance(database, replace(steps[0], to="RELEASED"))


def test_a_short_pick_sends_what_is_missing_to_unknown(database: Database):
    line = allocated(database, 4)
    short = an_advance(line, "PICKED", units=3, rest_hold_id=HoldId(an_id()), rest_state="SHORT")

    advance(database, an_advance(line, "PINNED"), short)

    assert states(database) == {"sellable": 6, "free": 6, "picked": 3, "unknown": 1}
    holds = database.run(lambda s: holds_of(s, [line.demand_id]))
    assert sorted((hold.state, hold.units) for hold in holds) == [("PICKED", 3), ("SHORT", 1)]
    assert clean(database)


def test_what_is_pinned_can_be_unpinned_and_pinned_elsewhere(database: Database):
    line = allocated(database, 4)
    database.run(lambda s: stock_of(s, line.site_id, line.sku_id, 4, at="S-2"))

    advance(
        database,
        an_advance(line, "PINNED"),
        an_advance(line, "ALLOCATED"),
        an_advance(line, "PINNED", location_id=shelf(line.site_id, "S-2")),
        an_advance(line, "PICKED"),
    )

    left = database.run(lambda s: pickable(s, line.site_id, [line.sku_id]))
    assert [(place.location, place.units) for place in left] == [("S-1", 10)]
    assert clean(database)


def test_one_line_from_two_shelves(database: Database):
    line = allocated(database, 10, stock=6 + 4)
    site, sku, rest = line.site_id, line.sku_id, HoldId(an_id())
    away = a_move(site, sku, 4, from_location_id=shelf(site), to_location_id=shelf(site, "S-2"))
    database.run(lambda s: ledger.move(s, [away]))
    second = replace(line, hold_id=rest)

    advance(
        database,
        an_advance(line, "PINNED", units=6, rest_hold_id=rest),
        an_advance(second, "PINNED", location_id=shelf(site, "S-2")),
        an_advance(line, "PICKED"),
        an_advance(second, "PICKED"),
    )

    assert states(database) == {"picked": 10}
    assert clean(database)


def test_one_hold_packed_into_two_parcels(database: Database):
    line = allocated(database, 5)
    rest = HoldId(an_id())
    advance(database, an_advance(line, "PINNED"), an_advance(line, "PICKED"))

    advance(
        database,
        an_advance(line, "PACKED", units=3, rest_hold_id=rest, rest_state="SAME",
                   handling_unit_id=an_id()),
        an_advance(replace(line, hold_id=rest), "PACKED", handling_unit_id=an_id()),
        an_advance(line, "SHIPPED"),
    )  # fmt: skip

    assert states(database) == {"sellable": 5, "free": 5, "packed": 2, "to_customer": 3}
    assert clean(database)


@pytest.mark.parametrize("after", range(5))
@pytest.mark.parametrize("to", ["RELEASED", "SHORT"])
def test_every_way_of_ending_early_leaves_clean_books(
    database: Database, after: int, to: HoldState
):
    line = allocated(database, 4)
    advance(database, *[an_advance(line, step) for step in WAY[:after]])
    if (after, to) == (4, "RELEASED"):  # it is on the road
        with pytest.raises(WrongState):
            advance(database, an_advance(line, to))
        return

    advance(database, an_advance(line, to))

    assert clean(database)
    with pytest.raises(WrongState):
        advance(database, an_advance(line, to))


def test_no_more_is_pinned_than_is_there(database: Database):
    line = allocated(database, 4)
    database.run(lambda s: stock_of(s, line.site_id, line.sku_id, 3, at="S-2"))

    with pytest.raises(NotEnoughStock) as caught:
        advance(database, an_advance(line, "PINNED", location_id=shelf(line.site_id, "S-2")))

    assert (caught.value.wanted, caught.value.free) == (4, 3)


def test_a_batch_with_one_bad_line_changes_nothing(database: Database):
    line = allocated(database, 4)
    before = states(database)

    with pytest.raises(NotFound):
        advance(
            database,
            an_advance(line, "PINNED"),
            an_advance(replace(line, hold_id=HoldId(an_id())), "PINNED"),
        )

    assert states(database) == before


@pytest.mark.parametrize("minutes", [14, 15])
def test_a_hold_whose_time_has_run_out_is_over_though_nobody_has_tidied_up(
    database: Database, minutes: int
):
    quarter, at = NOW + timedelta(minutes=15), NOW + timedelta(minutes=minutes)

    def work(session: Session) -> Reserve:
        site, sku = a_site(session), a_sku(session)
        stock_of(session, site, sku, 4)
        line = a_reserve(site, sku, 4, kind="CART", expires_at=quarter)
        promises.reserve(session, [line], now=NOW)
        return line

    line = database.run(work)
    confirm = an_advance(line, "ALLOCATED", occurred_at=at)
    if at < quarter:
        advance(database, confirm)
        return
    with pytest.raises(WrongState) as caught:
        advance(database, confirm)

    assert caught.value.state == "EXPIRED"
    advance(database, an_advance(line, "RELEASED", occurred_at=at))
    assert clean(database)


def test_what_is_released_into_a_tote_on_a_shelf_is_picked_from_the_tote(database: Database):
    line = allocated(database, 4)
    tote = database.run(lambda s: a_tote(s, line.site_id))
    back = {"location_id": shelf(line.site_id), "handling_unit_id": tote}
    advance(database, an_advance(line, "PINNED"), an_advance(line, "PICKED"))

    advance(database, an_advance(line, "RELEASED", **back))

    again = replace(line, hold_id=HoldId(an_id()))
    database.run(lambda s: promises.reserve(s, [again], now=NOW))
    advance(database, an_advance(again, "PINNED", **back), an_advance(again, "PICKED"))
    assert states(database) == {"sellable": 6, "free": 6, "picked": 4}
    assert clean(database)


def test_places_that_do_not_fit(database: Database):
    line = allocated(database, 4)
    other = database.run(lambda s: a_site(s, "OSA1"))
    for place in (virtual_location(line.site_id, "PACK"), shelf(other), None):
        with pytest.raises(WrongLocation):
            advance(database, an_advance(line, "PINNED", location_id=place))
    advance(database, an_advance(line, "PINNED"))

    with pytest.raises(WrongLocation):
        advance(database, an_advance(line, "PICKED", location_id=shelf(line.site_id)))


@pytest.mark.parametrize("fields", [{"units": 5}, {"units": 0}, {"units": 3}, {"units": 2**40}])
def test_parts_that_are_none(database: Database, fields: dict[str, int]):
    line = allocated(database, 4)

    with pytest.raises(UnitsOutOfRange):  # 3 of 4 would do, with an id for the rest
        advance(database, an_advance(line, "PINNED", **fields))


def test_goods_in_a_tote_are_picked_from_the_tote_wherever_it_stands(database: Database):
    def put(session: Session) -> tuple[SiteId, SkuId]:
        site, sku = a_site(session), a_sku(session)
        tote = a_tote(session, site)
        ledger.move(session, [a_move(site, sku, 5, to_unit_id=tote)])
        units.place_unit(session, site, tote, shelf(site, "S-3"))
        return site, sku

    site, sku = database.run(put)
    (place,) = database.run(lambda s: pickable(s, site, [sku]))
    assert (place.location, place.tote, place.units) == ("S-3", "T-1", 5)
    line = a_reserve(site, sku, 2, state="ALLOCATED")
    database.run(lambda s: promises.reserve(s, [line], now=NOW))

    advance(
        database,
        an_advance(line, "PINNED", location_id=place.location_id,
                   handling_unit_id=place.handling_unit_id),
        an_advance(line, "PICKED"),
    )  # fmt: skip

    assert states(database) == {"sellable": 3, "free": 3, "picked": 2}
    assert clean(database)
