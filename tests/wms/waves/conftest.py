"""What the tests of release share."""

from collections.abc import Iterator

import pytest

from tests.wms.waves.people import Floor
from wms.database import Database


@pytest.fixture
def floor(database: Database) -> Iterator[Floor]:
    """A house with pickers; when the test is over its books must be right."""
    floor = Floor(database)
    yield floor
    floor.close()
