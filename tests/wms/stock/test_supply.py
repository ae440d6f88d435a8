"""Supply: what is to come is promised once, and becomes stock in the order of asking."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from tests.builders import NOW, a_reserve, a_site, a_sku, an_advance, an_id, stock_of
from tests.wms.stock.shop import counters, events, reserve, stocked
from wms.catalog import HOUSE_OWNER_ID
from wms.database import Database
from wms.errors import IdReused, NotFound
from wms.ids import CommandId, SiteId, SkuId
from wms.stock import incoming, ledger, promises
from wms.stock.availability import holds_of
from wms.stock.faults import NotEnoughStock, UnitsOutOfRange, WrongState
from wms.stock.incoming import Land, NoForecast, Supply, SupplyClosed
from wms.stock.promises import Reserve
from wms.stock.verify import verify

TOMORROW = NOW + timedelta(days=1)


def a_supply(site: SiteId, sku: SkuId, units: int, **fields: Any) -> Supply:
    facts: dict[str, Any] = {
        "supply_id": an_id(), "kind": "PO", "eta_p50": TOMORROW, "eta_p90": TOMORROW,
    }  # fmt: skip
    return Supply(
        site_id=site, owner_id=HOUSE_OWNER_ID, sku_id=sku, units=units, **(facts | fields)
    )


def announced(database: Database, units: int, stock: int = 0) -> Supply:
    site, (sku,) = stocked(database, stock)
    supply = a_supply(site, sku, units)
    database.run(lambda s: incoming.announce(s, [supply], now=NOW))
    return supply


def a_preorder(supply: Supply, units: int, **fields: Any) -> Reserve:
    return a_reserve(supply.site_id, supply.sku_id, units, supply_id=supply.supply_id, **fields)


def arrive(database: Database, supply: Supply, units: int) -> Land:
    """Goods come to a shelf and land, in one transaction."""
    command = CommandId(an_id())
    land = Land(command_id=command, site_id=supply.site_id, supply_id=supply.supply_id, units=units)

    def work(session: Session) -> None:
        stock_of(session, supply.site_id, supply.sku_id, units)
        incoming.land_supply(session, [land], now=NOW)

    database.run(work)
    return land


def announce(database: Database, supply: Supply) -> None:
    database.run(lambda s: incoming.announce(s, [supply], now=NOW))


def state_of(database: Database, supply: UUID) -> Mapping[str, Any]:
    query = text("SELECT units, received, held, state FROM supply WHERE id = :id")
    return database.run(lambda s: dict(s.execute(query, {"id": supply}).mappings().one()))


def held_by(database: Database, line: Reserve) -> list[tuple[int, str, bool]]:
    """A demand's holds: units, state, whether they wait for supply; in order of units."""
    query = text("SELECT units, state, supply_id IS NOT NULL FROM hold WHERE demand_id = :demand")
    found = database.run(lambda s: s.execute(query, {"demand": line.demand_id}).all())
    return sorted(tuple(row) for row in found)


def test_what_is_to_come_is_promised_first_come_first_served_and_takes_no_stock(
    database: Database,
):
    supply = announced(database, 10, stock=3)

    granted = reserve(database, *[a_preorder(supply, n) for n in (6, 5, 4)])

    assert granted == [True, False, True]
    assert reserve(database, a_preorder(supply, 1)) == [False]
    assert counters(database, supply.sku_id)["reserved"] == 0
    assert reserve(database, a_reserve(supply.site_id, supply.sku_id, 3)) == [True]
    assert state_of(database, supply.supply_id)["held"] == 10


def test_stock_and_supply_in_one_group_are_granted_together_or_not_at_all(database: Database):
    supply = announced(database, 2, stock=2)
    group, other = an_id(), an_id()

    granted = reserve(
        database,
        a_reserve(supply.site_id, supply.sku_id, 2, group_id=group),
        a_preorder(supply, 3, group_id=group),
        a_reserve(supply.site_id, supply.sku_id, 2, group_id=other),
        a_preorder(supply, 2, group_id=other),
    )

    assert granted == [False, False, True, True]


def test_what_arrives_goes_to_who_has_waited_longest(database: Database):
    supply = announced(database, 10)
    first, second, third = a_preorder(supply, 4), a_preorder(supply, 3), a_preorder(supply, 3)
    for minutes, line in enumerate((first, second, third)):
        reserve(database, line, now=NOW + timedelta(minutes=minutes))

    arrive(database, supply, 5)

    assert held_by(database, first) == [(4, "HELD", False)]
    assert held_by(database, second) == [(1, "HELD", False), (2, "HELD", True)]
    assert held_by(database, third) == [(3, "HELD", True)]
    balance = counters(database, supply.sku_id)
    assert (balance["sellable"], balance["reserved"]) == (5, 5)
    assert state_of(database, supply.supply_id) == {
        "units": 10, "received": 5, "held": 5, "state": "OPEN",
    }  # fmt: skip
    assert reserve(database, a_reserve(supply.site_id, supply.sku_id)) == [False]

    arrive(database, supply, 5)

    assert held_by(database, second) == [(1, "HELD", False), (2, "HELD", False)]
    assert held_by(database, third) == [(3, "HELD", False)]
    assert state_of(database, supply.supply_id)["state"] == "CLOSED"
    assert [e["units"] for e in events(database, "HoldLanded")] == [4, 1, 2, 3]
    assert database.run(verify).clean


def test_never_more_lands_than_has_arrived(database: Database):
    """Others had reserved what stood there: the goods said to have come are not in stock."""
    supply = announced(database, 10, stock=4)
    waiting = a_preorder(supply, 6)
    assert reserve(database, a_reserve(supply.site_id, supply.sku_id, 3), waiting) == [True, True]
    land = Land(
        command_id=CommandId(an_id()), site_id=supply.site_id, supply_id=supply.supply_id, units=2
    )

    with pytest.raises(NotEnoughStock) as caught:
        database.run(lambda s: incoming.land_supply(s, [land], now=NOW))

    assert (caught.value.wanted, caught.value.free) == (2, 1)
    assert held_by(database, waiting) == [(6, "HELD", True)]
    assert state_of(database, supply.supply_id)["received"] == 0


def test_a_promise_is_kept_out_of_the_safety_stock(database: Database):
    supply = announced(database, 5)
    key = (HOUSE_OWNER_ID, supply.sku_id)
    database.run(lambda s: promises.set_limits(s, supply.site_id, key, safety=5))
    waiting = a_preorder(supply, 5)
    reserve(database, waiting)

    arrive(database, supply, 5)

    assert held_by(database, waiting) == [(5, "HELD", False)]


def test_landing_twice_lands_once(database: Database):
    supply = announced(database, 10)
    waiting = a_preorder(supply, 6)
    reserve(database, waiting)
    land = arrive(database, supply, 4)

    (again,) = database.run(lambda s: incoming.land_supply(s, [land], now=NOW))

    assert again.replayed
    assert held_by(database, waiting) == [(2, "HELD", True), (4, "HELD", False)]
    other = replace(land, units=5)
    with pytest.raises(IdReused):
        database.run(lambda s: incoming.land_supply(s, [other], now=NOW))


def test_more_may_come_than_was_announced(database: Database):
    supply = announced(database, 5)
    waiting = a_preorder(supply, 5)
    reserve(database, waiting)

    arrive(database, supply, 7)

    assert held_by(database, waiting) == [(5, "HELD", False)]
    assert counters(database, supply.sku_id)["sellable"] == 7
    assert state_of(database, supply.supply_id)["state"] == "CLOSED"


def test_who_waits_for_what_does_not_come_is_told(database: Database):
    supply = announced(database, 10)
    first, second = a_preorder(supply, 6), a_preorder(supply, 4)
    reserve(database, first, second)
    arrive(database, supply, 7)

    unmet = database.run(lambda s: incoming.close(s, supply.site_id, supply.supply_id, now=NOW))
    again = database.run(lambda s: incoming.close(s, supply.site_id, supply.supply_id, now=NOW))

    assert [(one.demand_id, one.units) for one in unmet] == [(second.demand_id, 3)]
    assert again == []
    assert [e["units"] for e in events(database, "HoldShort")] == [3]
    assert held_by(database, second) == [(1, "HELD", False), (3, "SHORT", True)]
    assert reserve(database, a_preorder(supply, 1)) == [False]
    with pytest.raises(SupplyClosed):
        database.run(lambda s: incoming.announce(s, [replace(supply, units=20)], now=NOW))
    assert database.run(verify).clean


def test_an_announcement_may_shrink_but_not_below_what_is_promised(database: Database):
    supply = announced(database, 10)
    reserve(database, a_preorder(supply, 6))

    database.run(lambda s: incoming.announce(s, [replace(supply, units=6)], now=NOW))
    with pytest.raises(NotEnoughStock):
        database.run(lambda s: incoming.announce(s, [replace(supply, units=5)], now=NOW))

    assert state_of(database, supply.supply_id)["units"] == 6
    assert [e["units"] for e in events(database, "SupplyChanged")] == [10, 6]


def test_an_announcement_of_other_goods_or_of_nothing_known(database: Database):
    supply = announced(database, 10)
    other = database.run(a_sku)
    nowhere = replace(supply, supply_id=an_id(), site_id=SiteId(an_id()))

    for wrong, error in (
        (replace(supply, sku_id=other), IdReused),
        (nowhere, NotFound),
        (replace(supply, units=0), UnitsOutOfRange),
        (replace(supply, eta_p90=NOW), NoForecast),
        (replace(supply, confidence=101), NoForecast),
    ):
        with pytest.raises(error):
            announce(database, wrong)


def test_a_hold_on_supply_runs_out_and_is_given_back(database: Database):
    supply = announced(database, 5)
    cart = a_preorder(supply, 5, kind="CART", expires_at=TOMORROW)
    reserve(database, cart)

    assert reserve(database, a_preorder(supply, 1)) == [False]
    assert reserve(database, a_preorder(supply, 5), now=TOMORROW) == [True]

    assert [state for _, state, _ in held_by(database, cart)] == ["EXPIRED"]
    assert counters(database, supply.sku_id)["cart"] == 0
    assert state_of(database, supply.supply_id)["held"] == 5


def test_what_is_overdue_does_not_land(database: Database):
    supply = announced(database, 5)
    late, waiting = a_preorder(supply, 2, expires_at=NOW), a_preorder(supply, 3)
    reserve(database, late, waiting, now=NOW - timedelta(minutes=1))

    arrive(database, supply, 3)

    assert held_by(database, waiting) == [(3, "HELD", False)]
    assert held_by(database, late) == [(2, "EXPIRED", True)]


def test_a_hold_on_supply_is_released_but_not_allocated(database: Database):
    supply = announced(database, 5, stock=5)
    waiting = a_preorder(supply, 5)
    reserve(database, waiting)

    with pytest.raises(WrongState):
        database.run(lambda s: ledger.advance(s, [an_advance(waiting, "ALLOCATED")]))
    database.run(lambda s: ledger.advance(s, [an_advance(waiting, "RELEASED")]))

    assert state_of(database, supply.supply_id)["held"] == 0
    assert counters(database, supply.sku_id)["reserved"] == 0
    assert [hold.state for hold in database.run(lambda s: holds_of(s, [waiting.demand_id]))] == [
        "RELEASED"
    ]


def test_supply_that_is_not_known_or_is_of_something_else(database: Database):
    supply = announced(database, 5)
    other = database.run(a_sku)
    osaka = database.run(lambda s: a_site(s, "OSA1"))
    good = a_preorder(supply, 1)
    wrong = [
        a_reserve(supply.site_id, supply.sku_id, supply_id=an_id()),
        a_reserve(supply.site_id, other, supply_id=supply.supply_id),
        a_reserve(osaka, supply.sku_id, supply_id=supply.supply_id),
    ]

    answers = database.run(lambda s: promises.reserve_each(s, [*wrong, good], now=NOW))

    assert [type(answer) for answer in answers] == [NotFound] * 3 + [promises.Reserved]
