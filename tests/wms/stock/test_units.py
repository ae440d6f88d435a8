"""Handling units: one in another, and all that is in them goes where they go."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Engine, func, select, text
from sqlalchemy.exc import DBAPIError
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
    eventually,
    shelf,
)
from wms.database import Database
from wms.errors import IdReused, NotFound
from wms.ids import CommandId, HandlingUnitId, SiteId, SkuId
from wms.sites import LocationRecord, save_locations, virtual_location
from wms.stock import ledger, promises, units
from wms.stock.availability import pickable, stock_view
from wms.stock.faults import NotEnoughStock, UnitInsideItself, WrongLocation
from wms.stock.model import Movement, Serial
from wms.stock.unit_moves import MoveUnit, move_unit
from wms.stock.verify import verify


class Pallet:
    """A pallet on shelf S-1 with two cartons in it; five of a SKU in each carton."""

    def __init__(self, session: Session, **sku: Any) -> None:
        self.site: SiteId = a_site(session)
        docks = [LocationRecord(code=code, kind="DOCK_IN") for code in ("D-1", "D-2")]
        save_locations(session, self.site, docks)
        self.sku: SkuId = a_sku(session, **sku)
        names = ("P-1", "C-1", "C-2")
        self.pallet, *self.cartons = (a_tote(session, self.site, name) for name in names)
        for carton in self.cartons:
            units.put_unit(session, self.site, carton, self.pallet)
        more: dict[str, Any] = {"weight_g": 500} if sku.get("catch_weight") else {}
        for carton in self.cartons:
            if sku.get("tracking") == "SERIAL":
                more["serials"] = tuple(f"{carton}-{n}" for n in range(5))
            line = a_move(self.site, self.sku, 5, to_unit_id=carton, **more)
            ledger.move(session, [line])

    def to(self, place: str, **fields: Any) -> MoveUnit:
        """The pallet goes there."""
        facts: dict[str, Any] = {
            "command_id": CommandId(an_id()), "unit_id": self.pallet, "cause_kind": "TEST",
            "cause_id": an_id(), "actor": "test", "occurred_at": NOW,
        }  # fmt: skip
        facts["to_location_id"] = shelf(self.site, place)
        return MoveUnit(site_id=self.site, **(facts | fields))


@pytest.fixture
def pallet(database: Database) -> Pallet:
    return database.run(Pallet)


def go(database: Database, *lines: MoveUnit) -> list[bool]:
    moved = database.run(lambda s: move_unit(s, lines))
    assert database.run(verify).clean
    return [each.replayed for each in moved]


def totals(database: Database) -> dict[str, int]:
    view = database.run(stock_view).totals
    return {name: count for name, count in view.items() if count}


def movements(database: Database) -> int:
    return database.run(lambda s: s.scalar(select(func.count()).select_from(Movement))) or 0


def where(database: Database, pallet: Pallet) -> list[str | None]:
    found = database.run(lambda s: units.find_units(s, pallet.site, ["P-1", "C-1", "C-2"]))
    return [found[code].location_code for code in ("P-1", "C-1", "C-2")]


def test_from_shelf_to_shelf_one_row_changes(database: Database, pallet: Pallet):
    before = movements(database)

    assert go(database, pallet.to("S-2")) == [False]

    assert movements(database) == before
    assert where(database, pallet) == ["S-2"] * 3
    assert totals(database) == {"sellable": 10, "free": 10}


def test_into_another_state_all_goods_are_posted(database: Database, pallet: Pallet):
    before = movements(database)
    line = pallet.to("@QUARANTINE")

    assert go(database, line) == [False]
    assert go(database, line) == [True]

    assert movements(database) == before + 2
    assert where(database, pallet) == ["@QUARANTINE"] * 3
    assert totals(database) == {"quarantine": 10}
    with pytest.raises(IdReused):
        go(database, pallet.to("S-2", command_id=line.command_id))
    go(database, pallet.to("S-3", to_condition="D"))
    assert totals(database) == {"damaged": 10}
    go(database, pallet.to("S-3", to_condition="A"))
    assert totals(database) == {"sellable": 10, "free": 10}


def test_a_pallet_is_received_from_dock_to_dock_and_put_away(database: Database, pallet: Pallet):
    go(database, pallet.to("@LANE_IN"))
    assert totals(database) == {"expected": 10}
    for dock in ("D-1", "D-2"):
        go(database, pallet.to(dock))
    assert totals(database) == {"received": 10}
    assert where(database, pallet) == ["D-2"] * 3

    more = a_move(pallet.site, pallet.sku, 1, to_unit_id=pallet.cartons[0],
                  to_location_id=shelf(pallet.site, "D-2"))  # fmt: skip
    out = a_move(pallet.site, pallet.sku, 6, from_unit_id=pallet.cartons[0],
                 from_location_id=shelf(pallet.site, "D-2"))  # fmt: skip
    database.run(lambda s: ledger.move(s, [more, out]))
    go(database, pallet.to("S-2"))

    assert totals(database) == {"sellable": 11, "free": 11}


def test_weights_and_serials_go_along(database: Database):
    heavy = database.run(lambda s: Pallet(s, catch_weight=True))
    go(database, heavy.to("@QUARANTINE"))
    weight = text("SELECT sum(weight_g) FROM quant q WHERE NOT outside AND units > 0")
    assert database.run(lambda s: s.scalar(weight)) == 1000


def test_serials_stand_where_their_unit_stands(database: Database):
    numbered = database.run(lambda s: Pallet(s, tracking="SERIAL"))

    go(database, numbered.to("@QUARANTINE"))

    places = database.run(lambda s: set(s.scalars(select(Serial.location_id))))
    assert places == {virtual_location(numbered.site, "QUARANTINE")}
    gone = numbered.to("@SUPPLIER")
    go(database, gone)
    assert database.run(lambda s: s.scalars(select(Serial)).first()) is None


def test_a_carton_moved_by_itself_is_in_no_pallet_any_more(database: Database, pallet: Pallet):
    go(database, pallet.to("@QUARANTINE", unit_id=pallet.cartons[0]))

    assert where(database, pallet) == ["S-1", "@QUARANTINE", "S-1"]
    assert totals(database) == {"sellable": 5, "quarantine": 5, "free": 5}
    with pytest.raises(WrongLocation):  # its goods would be sellable by being put somewhere
        database.run(lambda s: units.put_unit(s, pallet.site, pallet.cartons[0], pallet.pallet))


def test_what_is_promised_or_pinned_does_not_go_away(database: Database, pallet: Pallet):
    line = a_reserve(pallet.site, pallet.sku, 7, state="ALLOCATED")
    database.run(lambda s: promises.reserve(s, [line], now=NOW))

    with pytest.raises(NotEnoughStock):
        go(database, pallet.to("@QUARANTINE"))

    assert where(database, pallet) == ["S-1"] * 3
    pinned = a_reserve(pallet.site, pallet.sku, 1, state="ALLOCATED")
    pin = an_advance(pinned, "PINNED", handling_unit_id=pallet.cartons[0])

    def work(session: Session) -> None:
        ledger.advance(session, [an_advance(line, "RELEASED")])
        promises.reserve(session, [pinned], now=NOW)
        ledger.advance(session, [pin])
        ledger.move(session, [a_move(pallet.site, pallet.sku, 9)])

    database.run(work)
    with pytest.raises(NotEnoughStock):  # enough is free, but this one is pinned
        go(database, pallet.to("@QUARANTINE"))
    go(database, pallet.to("S-2"))  # pinned goods may be carried about


def test_what_is_picked_goes_with_its_hold_only(database: Database, pallet: Pallet):
    line = a_reserve(pallet.site, pallet.sku, 2, state="ALLOCATED")
    tote = database.run(lambda s: a_tote(s, pallet.site, "T-9"))

    def work(session: Session) -> None:
        promises.reserve(session, [line], now=NOW)
        ledger.advance(
            session,
            [an_advance(line, "PINNED", handling_unit_id=pallet.cartons[0]),
             an_advance(line, "PICKED", handling_unit_id=tote)],
        )  # fmt: skip

    database.run(work)
    with pytest.raises(NotEnoughStock):
        go(database, pallet.to("S-1", unit_id=tote))
    back = a_move(pallet.site, pallet.sku, 1, from_unit_id=tote,
                  from_location_id=virtual_location(pallet.site, "TOTE"))  # fmt: skip
    with pytest.raises(NotEnoughStock):
        database.run(lambda s: ledger.move(s, [back]))


def test_what_there_is_not(database: Database, pallet: Pallet):
    with pytest.raises(NotFound):
        go(database, pallet.to("S-2", unit_id=HandlingUnitId(an_id())))
    with pytest.raises(WrongLocation):
        go(database, pallet.to("S-9"))
    with pytest.raises(NotFound):
        database.run(
            lambda s: units.put_unit(s, pallet.site, pallet.pallet, HandlingUnitId(an_id()))
        )
    with pytest.raises(UnitInsideItself):  # both ways at once
        go(database, pallet.to("S-2"), pallet.to("S-3", unit_id=pallet.cartons[0]))


def test_no_unit_is_inside_itself(database: Database, superuser: Engine, pallet: Pallet):
    carton = pallet.cartons[0]
    for inner, outer in ((pallet.pallet, carton), (carton, carton)):
        with pytest.raises(UnitInsideItself):
            put(database, pallet, inner, outer)

    statement = text("UPDATE handling_unit SET parent_id = :carton WHERE id = :pallet")
    with pytest.raises(DBAPIError, match="inside itself"), superuser.begin() as connection:
        connection.execute(statement, {"carton": carton, "pallet": pallet.pallet})


def put(
    database: Database, pallet: Pallet, inner: HandlingUnitId, outer: HandlingUnitId | None
) -> None:
    database.run(lambda s: units.put_unit(s, pallet.site, inner, outer))


def test_taken_out_it_stands_beside(database: Database, pallet: Pallet):
    go(database, pallet.to("S-3"))
    places = database.run(lambda s: pickable(s, pallet.site, [pallet.sku]))
    assert {(place.location, place.tote) for place in places} == {("S-3", "C-1"), ("S-3", "C-2")}

    put(database, pallet, pallet.cartons[0], None)
    put(database, pallet, pallet.cartons[0], None)
    go(database, pallet.to("S-2"))

    assert where(database, pallet) == ["S-2", "S-3", "S-2"]


def test_two_who_put_units_into_each_other_make_no_circle(database: Database, pallet: Pallet):
    first, second = pallet.cartons
    for unit in pallet.cartons:
        put(database, pallet, unit, None)

    with ThreadPoolExecutor() as pool, database.engine.connect() as held:
        held.execute(text("SELECT 1 FROM site FOR NO KEY UPDATE"))
        tries = [pool.submit(put, database, pallet, *pair)
                 for pair in ((first, second), (second, first))]  # fmt: skip
        waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
        eventually(lambda: database.run(lambda s: s.scalar(waiting)) == 2)
        held.rollback()
        errors = [each.exception() for each in tries]

    assert sorted(type(error).__name__ for error in errors) == ["NoneType", "UnitInsideItself"]


def test_goods_that_come_into_the_unit_meanwhile_go_too(database: Database, pallet: Pallet):
    """And under the lock of their own balance: what is promised of them stays."""
    other = database.run(a_sku)
    late = a_move(pallet.site, other, 3, to_unit_id=pallet.cartons[0])
    promised = a_reserve(pallet.site, other, 3)
    busy = a_move(pallet.site, pallet.sku, 1)
    with ThreadPoolExecutor() as pool, Session(database.engine) as first:
        ledger.move(first, [busy])
        moving = pool.submit(go, database, pallet.to("@QUARANTINE"))  # waits for that balance
        waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
        eventually(lambda: database.run(lambda s: s.scalar(waiting)) == 1)
        database.run(lambda s: ledger.move(s, [late]))
        with Session(database.engine) as second:
            assert promises.reserve(second, [promised], now=NOW)[0].granted
            first.commit()
            eventually(lambda: database.run(lambda s: s.scalar(waiting)) == 1)
            second.commit()
        assert isinstance(moving.exception(), NotEnoughStock)

    database.run(lambda s: ledger.advance(s, [an_advance(promised, "RELEASED")]))
    go(database, pallet.to("@QUARANTINE"))
    assert totals(database) == {"quarantine": 13, "sellable": 1, "free": 1}
