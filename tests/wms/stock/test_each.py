"""Lines of many callers in one posting: what is wrong with one harms no other."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy.orm import Session

from tests.builders import NOW, a_move, a_reserve, a_site, a_sku, an_advance, an_id, shelf, stock_of
from wms.database import Database
from wms.errors import IdReused, NotFound, WmsError
from wms.ids import CommandId, HoldId, SiteId, SkuId
from wms.stock import ledger, promises
from wms.stock.availability import stock_view
from wms.stock.faults import (
    LotUnwanted,
    NotEnoughStock,
    UnitsOutOfRange,
    WrongLocation,
    WrongState,
)
from wms.stock.ledger import Advance, Move
from wms.stock.poison import NotPostable
from wms.stock.promises import Reserve
from wms.stock.verify import verify


@pytest.fixture
def site(database: Database) -> SiteId:
    return database.run(a_site)


@pytest.fixture
def sku(database: Database) -> SkuId:
    return database.run(a_sku)


def told(answer: object) -> str:
    """The state or what is wrong, in a word."""
    if isinstance(answer, WmsError):
        return type(answer).__name__
    return getattr(answer, "state", "done") + ("!" if getattr(answer, "replayed", False) else "")


def advance(database: Database, *lines: Advance) -> list[str]:
    answers = database.run(lambda s: ledger.advance_each(s, lines))
    assert database.run(verify).clean
    return [told(answer) for answer in answers]


def move(database: Database, *lines: Move) -> list[str]:
    answers = database.run(lambda s: ledger.move_each(s, lines))
    assert database.run(verify).clean
    return [told(answer) for answer in answers]


def allocated(database: Database, site: SiteId, sku: SkuId, *units: int) -> list[Reserve]:
    def work(session: Session) -> list[Reserve]:
        stock_of(session, site, sku, sum(units))
        lines = [a_reserve(site, sku, count, state="ALLOCATED") for count in units]
        assert all(answer.granted for answer in promises.reserve(session, lines, now=NOW))
        return lines

    return database.run(work)


def test_every_fault_of_a_step_is_its_own(database: Database, site: SiteId, sku: SkuId):
    lines = allocated(database, site, sku, 2, 2, 2, 2, 2, 2)
    done = an_advance(lines[0], "PINNED")
    assert advance(database, done) == ["PINNED"]

    assert advance(
        database,
        done,
        replace(done, to="RELEASED"),
        an_advance(lines[1], "PINNED"),
        an_advance(lines[2], "PICKED"),
        an_advance(lines[3], "PINNED", location_id=None),
        an_advance(lines[4], "PINNED", units=3),
        an_advance(replace(lines[4], hold_id=HoldId(an_id())), "PINNED"),
        an_advance(lines[5], "PINNED", units=2**40),
        an_advance(lines[5], "PINNED", location_id=shelf(site, "S-2")),
        an_advance(lines[5], "PINNED"),
    ) == ["PINNED!", "IdReused", "PINNED", "WrongState", "WrongLocation", "UnitsOutOfRange",
          "NotFound", "UnitsOutOfRange", "NotEnoughStock", "PINNED"]  # fmt: skip


def test_every_fault_of_a_move_is_its_own(database: Database, site: SiteId, sku: SkuId):
    done = a_move(site, sku, 5)
    assert move(database, done) == ["done"]

    assert move(
        database,
        replace(done, units=4),
        a_move(site, sku, 1),
        done,
        a_move(site, SkuId(an_id()), 1),
        a_move(site, sku, 0),
        a_move(site, sku, 1, to_location_id=shelf(site, "S-9")),
        a_move(site, sku, 1, lot="L1"),
        a_move(site, sku, 1, from_location_id=shelf(site)),
        a_move(site, sku, 1, from_location_id=shelf(site), to_location_id=shelf(site, "S-2")),
    ) == ["IdReused", "done", "done!", "NotFound", "UnitsOutOfRange", "WrongLocation",
          "LotUnwanted", "WrongLocation", "done"]  # fmt: skip
    assert database.run(stock_view).totals["sellable"] == 6


def test_what_there_is_goes_to_those_who_came_first(database: Database, site: SiteId, sku: SkuId):
    database.run(lambda s: stock_of(s, site, sku, 10))
    onward = {"from_location_id": shelf(site), "to_location_id": shelf(site, "S-2")}

    answers = move(database, *[a_move(site, sku, n, **onward) for n in (6, 5, 4)])

    assert answers == ["done", "NotEnoughStock", "done"]


def test_pins_at_one_place_are_given_to_those_who_came_first(
    database: Database, site: SiteId, sku: SkuId
):
    lines = allocated(database, site, sku, 6, 5, 4)
    away = a_move(site, sku, 5, from_location_id=shelf(site), to_location_id=shelf(site, "S-2"))
    database.run(lambda s: ledger.move(s, [away]))

    answers = advance(database, *[an_advance(line, "PINNED") for line in lines])

    assert answers == ["PINNED", "NotEnoughStock", "PINNED"]
    with pytest.raises(NotEnoughStock) as caught:
        database.run(lambda s: ledger.advance(s, [an_advance(lines[1], "PINNED")]))
    assert (caught.value.wanted, caught.value.free) == (5, 0)


def test_who_takes_what_a_faulty_line_would_have_brought_is_short(
    database: Database, site: SiteId, sku: SkuId
):
    there, farther = shelf(site, "S-2"), shelf(site, "S-3")

    answers = move(
        database,
        a_move(site, sku, 5, from_location_id=there, to_location_id=farther),
        a_move(site, sku, 5, from_location_id=shelf(site), to_location_id=there),
        a_move(site, sku, 1),
    )

    assert answers == ["NotEnoughStock", "NotEnoughStock", "done"]


def test_promised_stock_is_taken_by_nobody(database: Database, site: SiteId, sku: SkuId):
    allocated(database, site, sku, 3)
    database.run(lambda s: stock_of(s, site, sku, 2))
    away = {"from_location_id": shelf(site), "to_condition": "D"}

    answers = move(database, *[a_move(site, sku, n, **away) for n in (3, 1, 2, 1)])

    assert answers == ["NotEnoughStock", "done", "NotEnoughStock", "done"]


@pytest.mark.parametrize("poison", ["reason", "actor"])
def test_what_the_database_chokes_on_harms_no_other(
    database: Database, site: SiteId, sku: SkuId, poison: str
):
    lines = [a_move(site, sku, 1) for _ in range(7)]
    nul: dict[str, Any] = {poison: "nul \x00"}
    lines[4] = replace(lines[4], **nul)

    answers = move(database, *lines)

    assert answers == ["done"] * 4 + ["NotPostable"] + ["done"] * 2
    with pytest.raises(Exception, match=r"\\u0000|NUL"):
        database.run(lambda s: ledger.move(s, lines))
    steps = [an_advance(line, "PINNED") for line in allocated(database, site, sku, 1, 1)]
    steps[0] = replace(steps[0], **nul)
    assert advance(database, *steps) == ["NotPostable", "PINNED"]


def test_a_step_and_the_next_one_in_one_call(database: Database, site: SiteId, sku: SkuId):
    (line,) = allocated(database, site, sku, 2)

    assert advance(
        database, *[an_advance(line, to) for to in ("PINNED", "PACKED", "PICKED", "PACKED")]
    ) == ["PINNED", "WrongState", "PICKED", "PACKED"]


def test_nothing_is_asked_and_nothing_answered(database: Database):
    assert move(database) == []
    assert advance(database) == []
    assert database.run(lambda s: ledger.move(s, [])) == []


def test_all_faults_are_known_by_their_codes():
    faults = (LotUnwanted, NotFound, IdReused, UnitsOutOfRange, WrongLocation, WrongState)
    assert len({fault.code for fault in (*faults, NotPostable)}) == 7
    assert LotUnwanted(CommandId(an_id())).code == "lot_unwanted"
