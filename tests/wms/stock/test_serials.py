"""Goods with serial numbers: each is in one place, and everybody says which they take."""

from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from tests.builders import NOW, a_move, a_reserve, a_site, a_sku, an_advance, an_id, shelf
from wms.database import Database
from wms.ids import HoldId, SiteId, SkuId
from wms.sites import virtual_location
from wms.stock import ledger, promises
from wms.stock.faults import (
    SerialDuplicate,
    SerialElsewhere,
    SerialMissing,
    SerialUnknown,
    SerialUnwanted,
)
from wms.stock.model import Movement, Serial
from wms.stock.promises import Reserve

# What `soko verify` asks of serials is asked here too: units at a place are its serials.
AS_MANY_AS_UNITS = text("""
SELECT count(*) FROM quant q JOIN sku k ON k.id = q.sku_id AND k.tracking IN ('SERIAL', 'BOTH')
 WHERE NOT q.outside AND q.units <> (
   SELECT count(*) FROM serial s
    WHERE (s.site_id, s.location_id, s.sku_id, s.owner_id, s.handling_unit_id, s.lot, s.condition)
        = (q.site_id, q.location_id, q.sku_id, q.owner_id, q.handling_unit_id, q.lot, q.condition))
""")


@pytest.fixture
def site(database: Database) -> SiteId:
    return database.run(a_site)


@pytest.fixture
def sku(database: Database) -> SkuId:
    return database.run(lambda s: a_sku(s, tracking="SERIAL"))


def move(database: Database, site: SiteId, sku: SkuId, serials: Sequence[str], **more: Any) -> None:
    count = more.pop("units", len(serials))
    line = a_move(site, sku, count, serials=tuple(serials), **more)
    database.run(lambda s: ledger.move(s, [line]))
    tidy(database)


def advance(database: Database, line: Reserve, to: Any, *serials: str, **more: Any) -> None:
    step = an_advance(line, to, serials=serials, **more)
    database.run(lambda s: ledger.advance(s, [step]))
    tidy(database)


def allocated(database: Database, site: SiteId, sku: SkuId, count: int) -> Reserve:
    line = a_reserve(site, sku, count, state="ALLOCATED")
    assert database.run(lambda s: promises.reserve(s, [line], now=NOW))[0].granted
    return line


def pinned(database: Database, site: SiteId, sku: SkuId, count: int) -> Reserve:
    line = allocated(database, site, sku, count)
    advance(database, line, "PINNED")
    return line


def tidy(database: Database) -> None:
    assert database.run(lambda s: s.scalar(AS_MANY_AS_UNITS)) == 0


def places(database: Database) -> dict[str, str]:
    """Where each serial is, by the code of the place."""
    query = text(
        "SELECT s.serial, l.code FROM serial s"
        " JOIN location l ON l.site_id = s.site_id AND l.id = s.location_id ORDER BY s.serial"
    )

    def work(session: Session) -> dict[str, str]:
        return {row.serial: row.code for row in session.execute(query)}

    return database.run(work)


def tied(database: Database, hold: HoldId) -> list[str]:
    query = select(Serial.serial).where(Serial.hold_id == hold).order_by(Serial.serial)
    return database.run(lambda s: list(s.scalars(query)))


def test_each_unit_that_comes_in_is_named(database: Database, site: SiteId, sku: SkuId):
    for units, serials in ((2, "A"), (1, "AB"), (1, ""), (1, [""])):
        with pytest.raises(SerialMissing):
            move(database, site, sku, serials, units=units)
    with pytest.raises(SerialDuplicate):
        move(database, site, sku, "AA")
    with pytest.raises(SerialUnwanted):
        move(database, site, database.run(a_sku), "A")

    move(database, site, sku, "ABC")

    assert places(database) == {"A": "S-1", "B": "S-1", "C": "S-1"}
    moved = database.run(
        lambda s: list(s.execute(select(Movement.serial, Movement.units).order_by(Movement.id)))
    )
    assert [tuple(row) for row in moved] == [("A", 1), ("B", 1), ("C", 1)]


def test_a_serial_is_in_one_place(database: Database, site: SiteId, sku: SkuId):
    move(database, site, sku, "AB")
    other = database.run(lambda s: a_site(s, "OSA1"))
    to_second = {"from_location_id": shelf(site), "to_location_id": shelf(site, "S-2")}

    for where in (site, other):  # over all sites
        with pytest.raises(SerialDuplicate):
            move(database, where, sku, "B")
    with pytest.raises(SerialUnknown):
        move(database, site, sku, "C", **to_second)
    move(database, site, sku, "A", **to_second)
    with pytest.raises(SerialElsewhere):
        move(database, site, sku, "A", **to_second)

    assert places(database) == {"A": "S-2", "B": "S-1"}


def test_a_serial_may_go_on_in_the_same_call(database: Database, site: SiteId, sku: SkuId):
    comes = a_move(site, sku, 1, serials=("A",))
    goes = a_move(site, sku, 1, serials=("A",), from_location_id=shelf(site),
                  to_location_id=shelf(site, "S-2"))  # fmt: skip

    database.run(lambda s: ledger.move(s, [comes, goes]))

    assert places(database) == {"A": "S-2"}
    tidy(database)


def test_who_picks_says_which(database: Database, site: SiteId, sku: SkuId):
    move(database, site, sku, "ABC")
    line = pinned(database, site, sku, 2)

    with pytest.raises(SerialMissing):
        advance(database, line, "PICKED")
    with pytest.raises(SerialUnknown):
        advance(database, line, "PICKED", "A", "X")
    advance(database, line, "PICKED", "C", "A")

    assert places(database) == {"A": "@TOTE", "B": "S-1", "C": "@TOTE"}
    assert tied(database, line.hold_id) == ["A", "C"]


def test_what_another_hold_has_is_not_to_be_taken(database: Database, site: SiteId, sku: SkuId):
    move(database, site, sku, "ABC")
    first, second = (pinned(database, site, sku, 1) for _ in "ab")
    advance(database, first, "PICKED", "A")
    away = {"from_location_id": virtual_location(site, "TOTE"), "to_location_id": shelf(site)}

    with pytest.raises(SerialElsewhere):
        advance(database, second, "PICKED", "A")
    with pytest.raises(SerialElsewhere):
        move(database, site, sku, "A", **away)
    both = [an_advance(second, "PICKED", serials=("B",)),
            an_advance(pinned(database, site, sku, 1), "PICKED", serials=("B",))]  # fmt: skip
    with pytest.raises(SerialElsewhere):
        database.run(lambda s: ledger.advance(s, both))


def test_serials_go_with_their_hold_and_leave_with_the_goods(
    database: Database, site: SiteId, sku: SkuId
):
    move(database, site, sku, "ABC")
    line = pinned(database, site, sku, 2)
    advance(database, line, "PICKED", "A", "B")

    for to in ("PACKED", "SHIPPED", "DELIVERED"):
        advance(database, line, to)

    assert places(database) == {"C": "S-1"}
    bench = virtual_location(site, "RETURNS_BENCH")
    back = {"from_location_id": virtual_location(site, "CUSTOMER"), "to_location_id": bench}
    with pytest.raises(SerialDuplicate):
        move(database, site, sku, "C", **back)
    move(database, site, sku, "A", **back)
    assert places(database) == {"A": "@RETURNS_BENCH", "C": "S-1"}


def test_who_parts_a_hold_says_which_go(database: Database, site: SiteId, sku: SkuId):
    move(database, site, sku, "ABCD")
    line, rest = pinned(database, site, sku, 3), HoldId(an_id())
    advance(database, line, "PICKED", "A", "B", "C")
    parted = {"units": 2, "rest_hold_id": rest, "rest_state": "SAME"}

    with pytest.raises(SerialMissing):
        advance(database, line, "PACKED", **parted)
    with pytest.raises(SerialElsewhere):
        advance(database, line, "PACKED", "A", "D", **parted)
    advance(database, line, "PACKED", "A", "C", **parted)

    assert (tied(database, line.hold_id), tied(database, rest)) == (["A", "C"], ["B"])
    assert places(database) == {"A": "@PACK", "B": "@TOTE", "C": "@PACK", "D": "S-1"}


@pytest.mark.parametrize("rest_state", ["ALLOCATED", "SHORT", "RELEASED"])
def test_a_short_pick(database: Database, site: SiteId, sku: SkuId, rest_state: Any):
    move(database, site, sku, "ABCD")
    line = pinned(database, site, sku, 3)

    advance(database, line, "PICKED", "A", "C", units=2, rest_hold_id=HoldId(an_id()),
            rest_state=rest_state)  # fmt: skip

    missing = "@UNKNOWN" if rest_state == "SHORT" else "S-1"  # one of the others, by its number
    assert places(database) == {"A": "@TOTE", "B": missing, "C": "@TOTE", "D": "S-1"}


def test_two_short_picks_of_one_call_miss_different_units(
    database: Database, site: SiteId, sku: SkuId
):
    move(database, site, sku, "ABC")
    lines = [pinned(database, site, sku, 1) for _ in "ab"]

    database.run(lambda s: ledger.advance(s, [an_advance(line, "SHORT") for line in lines]))

    tidy(database)
    assert places(database) == {"A": "@UNKNOWN", "B": "@UNKNOWN", "C": "S-1"}


@pytest.mark.parametrize("to", ["SHORT", "RELEASED"])
def test_ending_early_lets_the_serials_go(database: Database, site: SiteId, sku: SkuId, to: Any):
    move(database, site, sku, "AB")
    line = pinned(database, site, sku, 2)
    advance(database, line, "PICKED", "A", "B")

    advance(database, line, to)

    assert tied(database, line.hold_id) == []
    there = {"SHORT": "@UNKNOWN", "RELEASED": "@QUARANTINE"}[to]
    assert places(database) == {"A": there, "B": there}


def test_by_lot_and_by_serial(database: Database, site: SiteId):
    both = database.run(lambda s: a_sku(s, tracking="BOTH"))
    move(database, site, both, "AB", lot="L1")
    move(database, site, both, "CD", lot="L2")
    line = pinned(database, site, both, 1)

    with pytest.raises(SerialElsewhere):
        advance(database, line, "PICKED", "C")  # it is pinned to the first lot
    advance(database, line, "PICKED", "A")

    assert places(database)["A"] == "@TOTE"


def test_damage_is_found_on_one_of_them(database: Database, site: SiteId, sku: SkuId):
    move(database, site, sku, "AB")

    move(database, site, sku, "B", from_location_id=shelf(site), to_condition="D")

    line = pinned(database, site, sku, 1)
    with pytest.raises(SerialElsewhere):
        advance(database, line, "PICKED", "B")
    advance(database, line, "PICKED", "A")
