"""What the tests of the planner's desk share."""

import os
from collections.abc import Iterator

import pytest

from tests.wms.house import HUB, SPOKE, House
from tests.wms.planner.desk import Desk
from wms.database import Database


@pytest.fixture(autouse=True)
def _plain_loops(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process of a run need not compile loops for a handful of orders."""
    monkeypatch.setitem(os.environ, "SOKO_COMPILED", "0")


@pytest.fixture
def house(database: Database) -> Iterator[House]:
    """A small network in which some orders came; its books must be right afterwards."""
    house = House(database)
    for sku in ("TEA", "RICE"):
        house.sku(sku, weight_g=500)
        house.stock(sku, 20, "S01-01" if sku == "TEA" else "S01-02", site=HUB)
        house.stock(sku, 20, "S01-01" if sku == "TEA" else "S01-02", site=SPOKE)
    for units in (1, 2, 1):
        house.put_order(("TEA", units), ("RICE", 1))
    house.tick()
    yield house
    house.close()


@pytest.fixture
def desk(house: House) -> Desk:
    """A planner at the house's public doors."""
    return Desk(house)
