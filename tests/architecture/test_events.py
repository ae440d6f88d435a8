"""Every event that other systems may hear of stands in the catalogue, and no other does."""

from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from tests.builders import NOW, an_id
from wms import outbox
from wms.database import Database
from wms.events import EVENTS

ROOT = Path(__file__).parents[2]


def test_an_event_that_is_not_in_the_catalogue_is_not_recorded(database: Database):
    def record(session: Session) -> None:
        outbox.record(session, topic="order", key=an_id(), type="OrderEaten", body={}, now=NOW)

    with pytest.raises(AssertionError, match=r"wms/events\.py"):
        database.run(record)


def test_nothing_is_in_the_catalogue_that_never_happens():
    said = "".join(
        file.read_text(encoding="utf-8")
        for end in ("py", "sql")
        for file in (ROOT / "wms").rglob(f"*.{end}")
        if file.name != "events.py"
    )
    assert not [type_ for type_ in EVENTS if f'"{type_}"' not in said and f"'{type_}'" not in said]


def test_no_event_carries_what_a_person_is():
    personal = {"name", "email", "mail", "phone", "address", "customer", "kana", "postal_code"}
    assert not {type_ for type_, kind in EVENTS.items() if personal & set(kind.fields)}
