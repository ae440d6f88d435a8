"""After an erasure the person is in no dump and no new backup, byte for byte."""

import os
import subprocess
from pathlib import Path

import pytest
from sqlalchemy import make_url

from simulators.mailbox import Mailbox
from tests.wms.house import GINZA, House
from tests.wms.privacy.test_privacy import WORDS, erase, live_through_all
from wms.backup.archive import Archive
from wms.contacts.keys import Keys
from wms.database import Database
from wms.postgres import EmbeddedPostgres, programs

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(300)]
# as they would stand in a file: as text, and folded by JSON
MARKS = [form for word in WORDS for form in (word.encode(), word.encode("unicode_escape"))]


def found_in(blob: bytes) -> set[bytes]:
    return {mark for mark in MARKS if mark in blob}


def dumped(url: str) -> bytes:
    """The database as text, as people send it to each other."""
    address = make_url(url).set(drivername="postgresql")
    password = {"PGPASSWORD": address.password} if address.password else {}
    where = address.set(password=None) if address.password else address
    done = subprocess.run(
        [programs() / "pg_dump", "--inserts", where.render_as_string(hide_password=False)],
        env=os.environ | password, capture_output=True, check=True,
    )  # fmt: skip
    return done.stdout


def test_who_was_erased_is_in_no_dump_and_no_new_backup(
    house: House, worker_database: str, folder: Path
):
    house.sku("TEA")
    house.stock("TEA", 50, "S01-01")
    house.stock("TEA", 5, "BACK-1", site=GINZA)
    keys: Keys = house.http.app.state.services.contacts_keys  # type: ignore[attr-defined]
    box = Mailbox()
    try:
        ids, _ = live_through_all(house, box, keys)
    finally:
        box.stop()
    house.ok(erase(house, *ids[:2]))

    text = dumped(worker_database)
    assert b"customer_order" in text
    assert found_in(text) == set()
    base = Archive(folder / "backup").take(worker_database)
    files = [path for path in base.path.rglob("*") if path.is_file()]
    assert len(files) > 500
    assert {path.name: found for path in files if (found := found_in(path.read_bytes()))} == {}


def test_the_search_finds_what_is_there(folder: Path):
    with EmbeddedPostgres(folder / "pg", fast=True) as server:
        database = Database(server.url, pool_size=1, role=None)
        with database.engine.begin() as connection:
            connection.exec_driver_sql(f"CREATE TABLE leak AS SELECT '{WORDS[0]}'::text AS who")
        database.close()
        assert found_in(dumped(server.url)) == {WORDS[0].encode(), b"Kanaria", b"Birdsong"}
        base = Archive(folder / "backup").take(server.url)
        assert any(found_in(path.read_bytes()) for path in base.path.rglob("*") if path.is_file())
