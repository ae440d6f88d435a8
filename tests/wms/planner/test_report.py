"""A day that was played, against the usual rules: both walk in the same house."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.wms.house import HUB, SITES, House
from tests.wms.planner.desk import Desk
from wms.database import Database

PITCH_M, BAY_M = 3.0, 1.2
ACROSS_M = 2 * 2 * PITCH_M  # from the first aisle to the third and back


@pytest.fixture
def house(database: Database) -> Iterator[House]:
    """An order from the first bays of two aisles that are 31 bays long."""
    house = House(database)
    end = {"site": HUB, "code": "S04-31", "kind": "PICK_FACE", "zone": "SHELF"}
    house.ok(house.http.put("/master/v1/locations", json=[end | {"aisle": 4, "bay": 31}]))
    for code, at in (("A", "S01-01"), ("B", "S03-01")):
        house.sku(code)
        house.stock(code, 9, at)
    house.put_order(("A", 1), ("B", 1))
    house.tick()
    yield house
    house.close()


def metres(desk: Desk) -> list[float]:
    """Of the hub: walked, and by the rules."""
    day = desk.house.clock.now().date().isoformat()
    told: dict[str, Any] = desk.ask("GET", f"report?day={day}")
    (hub,) = (site for site in told["picking"] if site["site"] == HUB)
    return [hub["done"]["metres"], hub["rules"]["metres"]]


def test_both_sides_go_by_the_cross_aisles_that_the_site_has(desk: Desk):
    turned_back_m = ACROSS_M + 2 * 2 * BAY_M
    assert metres(desk) == pytest.approx([turned_back_m, turned_back_m])

    (hub,) = (site for site in SITES if site["code"] == HUB)
    desk.house.ok(desk.house.http.put("/master/v1/sites", json=[hub | {"cross_bays": "1"}]))
    behind_m = ACROSS_M + 2 * 1.5 * BAY_M
    assert metres(desk) == pytest.approx([behind_m, behind_m])
