"""What the tests of notices share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from simulators.mailbox import Mailbox
from tests.wms.notices.world import World
from wms.contacts.keys import Keys
from wms.database import Database


@pytest.fixture
def box() -> Iterator[Mailbox]:
    box = Mailbox()
    yield box
    box.stop()


@pytest.fixture
def world(database: Database, box: Mailbox, tmp_path: Path) -> World:
    return World(database, Keys(tmp_path / "contact.key"), box)
