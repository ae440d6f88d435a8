"""Goods go from site to site: what leaves here arrives there, once, and is nowhere between."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from tests.builders import NOW, a_move, a_reserve, a_site, a_sku, a_tote, an_advance, an_id, shelf
from wms.database import Database
from wms.errors import IdReused
from wms.ids import CommandId, HoldId, SiteId, SkuId
from wms.sites import Virtual, virtual_location
from wms.stock import ledger, promises
from wms.stock.availability import StockRow, stock_view
from wms.stock.faults import SerialMissing, WrongState
from wms.stock.promises import Reserve
from wms.stock.transfer import Arrival, arrive, hand_over
from wms.stock.verify import verify

BETWEEN = text("""
SELECT coalesce(sum(abs(z.units) + abs(z.weight_g)), 0) FROM (
  SELECT q.owner_id, q.sku_id, q.lot, sum(q.units) AS units, sum(q.weight_g) AS weight_g
    FROM quant q JOIN location l ON l.site_id = q.site_id AND l.id = q.location_id
   WHERE l.kind = 'NETWORK' GROUP BY 1, 2, 3) AS z
""")


class Transfer:
    """Four of ten at TYO1 on their way to OSA1."""

    def __init__(self, session: Session, lane: Virtual = "LANE_DC_DC", **sku: Any) -> None:
        self.site: SiteId = a_site(session)
        self.other: SiteId = a_site(session, "OSA1")
        self.sku: SkuId = a_sku(session, **sku)
        serials = tuple("ABCDEFGHIJ") if sku.get("tracking") in ("SERIAL", "BOTH") else ()
        lot = "L1" if sku.get("tracking") in ("LOT", "BOTH") else ""
        weight = 5000 if sku.get("catch_weight") else None
        comes = a_move(self.site, self.sku, 10, lot=lot, serials=serials, weight_g=weight)
        ledger.move(session, [comes])
        self.line: Reserve = a_reserve(self.site, self.sku, 4, state="ALLOCATED", kind="TRANSFER")
        promises.reserve(session, [self.line], now=NOW)
        ledger.advance(
            session,
            [
                an_advance(self.line, "PINNED"),
                an_advance(self.line, "PICKED", serials=serials[:4]),
                an_advance(self.line, "PACKED"),
                an_advance(self.line, "SHIPPED", location_id=virtual_location(self.site, lane)),
            ],
        )

    def arrival(self, **fields: Any) -> Arrival:
        """What is on its way arrives."""
        facts: dict[str, Any] = {"command_id": CommandId(an_id()), "actor": "test"}
        facts |= {"hold_id": self.line.hold_id, "occurred_at": NOW}
        return Arrival(site_id=self.site, to_site_id=self.other, **(facts | fields))


def rows(database: Database) -> dict[str, dict[str, int]]:
    """The counters that are not zero, by site."""
    names = set(StockRow.__slots__) - {"site", "sku", "name_en", "name_ja"}
    view = database.run(stock_view)
    return {
        row.site: {name: getattr(row, name) for name in names if getattr(row, name)}
        for row in view.rows
    }


def between(database: Database) -> int:
    return int(database.run(lambda s: s.scalar(BETWEEN)) or 0)


@pytest.mark.parametrize(
    ("lane", "counter"),
    [("LANE_DC_DC", "dc_to_dc"), ("LANE_STORE", "to_store"), ("LANE_STORE_DC", "store_to_dc"),
     ("LANE_LOCKER", "to_locker")],
)  # fmt: skip
def test_on_its_way_and_there(database: Database, lane: Virtual, counter: str):
    transfer = database.run(lambda s: Transfer(s, lane))
    assert rows(database)["TYO1"] == {"sellable": 6, "free": 6, counter: 4}
    line = transfer.arrival()

    first = database.run(lambda s: arrive(s, [line]))
    again = database.run(lambda s: arrive(s, [line]))

    assert [moved.replayed for moved in (*first, *again)] == [False, True]
    assert rows(database) == {"TYO1": {"sellable": 6, "free": 6}, "OSA1": {"received": 4}}
    assert between(database) == 0
    assert database.run(verify).clean
    with pytest.raises(WrongState):
        database.run(lambda s: arrive(s, [replace(line, command_id=CommandId(an_id()))]))
    with pytest.raises(IdReused):
        database.run(lambda s: arrive(s, [replace(line, to_location_id=shelf(transfer.other))]))


def test_each_leg_by_itself_as_often_as_one_likes(database: Database):
    transfer = database.run(Transfer)
    line = transfer.arrival()

    legs = [database.run(lambda s: hand_over(s, [line])) for _ in "ab"]
    assert legs[0] == legs[1]
    assert between(database) == 4  # neither here nor there: the second leg is still to come
    done = [database.run(lambda s: ledger.move(s, legs[0]))[0].replayed for _ in "ab"]

    assert done == [False, True]
    assert rows(database)["OSA1"] == {"received": 4}
    assert between(database) == 0


def test_a_part_arrives_and_the_rest_is_late_or_lost(database: Database):
    transfer = database.run(Transfer)
    late = HoldId(an_id())
    part = transfer.arrival(units=1, rest_hold_id=late)

    database.run(lambda s: arrive(s, [part]))
    assert rows(database) == {
        "TYO1": {"sellable": 6, "free": 6, "dc_to_dc": 3}, "OSA1": {"received": 1}
    }  # fmt: skip
    rest = transfer.arrival(hold_id=late, units=2, rest_hold_id=HoldId(an_id()),
                            rest_state="SHORT")  # fmt: skip
    database.run(lambda s: arrive(s, [rest]))

    assert rows(database) == {
        "TYO1": {"sellable": 6, "free": 6, "lost": 1}, "OSA1": {"received": 3}
    }  # fmt: skip
    assert between(database) == 0
    assert [moved.replayed for moved in database.run(lambda s: arrive(s, [part, rest]))] == [
        True, True,
    ]  # fmt: skip


def test_lots_serials_and_weights_travel_too(database: Database):
    transfer = database.run(lambda s: Transfer(s, tracking="BOTH", catch_weight=True))
    tote = database.run(lambda s: a_tote(s, transfer.other, "T-7"))
    rest = HoldId(an_id())
    part = {"units": 2, "rest_hold_id": rest, "weight_g": 900, "to_unit_id": tote}

    with pytest.raises(SerialMissing):
        database.run(lambda s: arrive(s, [transfer.arrival(**part)]))
    first = transfer.arrival(serials=("B", "D"), **part)
    database.run(lambda s: arrive(s, [first]))
    second = transfer.arrival(hold_id=rest, to_location_id=shelf(transfer.other))
    database.run(lambda s: arrive(s, [second]))

    query = text("""
        SELECT l.code, s.lot, string_agg(s.serial, '' ORDER BY s.serial), q.weight_g
          FROM serial s
          JOIN quant q USING (site_id, location_id, sku_id, owner_id, handling_unit_id, lot,
                              condition)
          JOIN location l ON (l.site_id, l.id) = (q.site_id, q.location_id)
         WHERE l.site_id = :site GROUP BY 1, 2, 4 ORDER BY 1
    """)
    there = database.run(lambda s: s.execute(query, {"site": transfer.other}).all())
    assert [tuple(row) for row in there] == [
        ("@DOCK_IN", "L1", "BD", 900), ("S-1", "L1", "AC", 1100)
    ]  # fmt: skip
    assert between(database) == 0
