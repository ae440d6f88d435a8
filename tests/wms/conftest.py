"""What the tests of flows share."""

from collections.abc import Iterator

import pytest

from tests.wms.house import House
from wms.database import Database


@pytest.fixture
def house(database: Database) -> Iterator[House]:
    """A small network; when the test is over its books must be right."""
    house = House(database)
    yield house
    house.close()
