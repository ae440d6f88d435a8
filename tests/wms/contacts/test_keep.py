"""Contacts: sealed for one person each, found by marks, kept for a time, erased for good."""

import json
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.exc import IntegrityError

from tests.builders import NOW, an_id
from wms.contacts import (
    Contact,
    change_contact,
    erase_contact,
    find_contacts,
    read_contact,
    save_contact,
)
from wms.contacts.contact import from_json
from wms.contacts.keep import KEEP_DAYS, masters_used, receipt, rewrap, set_keep_days
from wms.contacts.keys import ContactKeyMissing, Keys
from wms.contacts.model import ContactRow
from wms.database import Database
from wms.errors import IdReused, NotFound

TARO = Contact(
    name="山田 太郎",
    kana="ヤマダ タロウ",
    email="Taro@Example.JP",
    phone="+81 90-1234-5678",
    postal_code="100-0001",
    address_lines=("東京都千代田区千代田1-1", "101"),
)
HANAKO = Contact(name="Hanako Suzuki", email="hanako@example.com", phone="080-9999-5678")


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys(tmp_path / "contact.key")


Saved = Callable[..., Any]


@pytest.fixture
def saved(database: Database, keys: Keys) -> Saved:
    def save(contact: Contact = TARO, **more: Any) -> Any:
        contact_id = more.pop("id", None) or an_id()
        facts: dict[str, Any] = {"channel": "web", "now": NOW} | more
        database.run(lambda s: save_contact(s, keys, contact_id, contact, **facts))
        return contact_id

    return save


def test_what_was_saved_is_read(database: Database, keys: Keys, saved: Saved):
    contact_id = saved()

    assert database.run(lambda s: read_contact(s, keys, contact_id)) == TARO
    assert database.run(lambda s: read_contact(s, keys, an_id())) is None
    assert database.run(lambda s: read_contact(s, keys, None)) is None


def test_the_database_knows_nobody(superuser: Engine, saved: Saved):
    """Not a word of it in any column, whatever its type, in text or in bytes."""
    contact_id = saved()

    with superuser.connect() as connection:
        query = "SELECT encode(convert_to(c::text, 'UTF8'), 'escape') FROM contact c WHERE id = :id"
        row = connection.execute(text(query), {"id": contact_id}).scalar_one()
        sealed = connection.scalar(text("SELECT sealed FROM contact WHERE id = :id"),
                                   {"id": contact_id})  # fmt: skip
    for word in (
        "山田",
        "太郎",
        "Taro",
        "example",
        "1234-5678",
        "9012345678",
        "千代田",
        "100-0001",
    ):
        assert word not in row
        assert word.encode() not in bytes(sealed)


def test_a_person_is_who_they_are_in_no_log(saved: Saved):
    assert saved() is not None
    assert "太郎" not in repr(TARO)
    assert "太郎" not in f"{TARO}"


def test_saved_twice_is_saved_once_and_another_is_refused(
    database: Database, keys: Keys, saved: Saved
):
    contact_id = saved()

    def again(contact: Contact) -> bool:
        return database.run(
            lambda s: save_contact(s, keys, contact_id, contact, channel="web", now=NOW)
        )

    assert again(TARO) is False
    with pytest.raises(IdReused):
        again(HANAKO)
    assert database.run(lambda s: read_contact(s, keys, contact_id)) == TARO


def test_what_was_first_said_may_be_said_again_after_a_change(
    database: Database, keys: Keys, saved: Saved
):
    contact_id = saved()
    moved = Contact(name=TARO.name, email="new@example.jp")
    database.run(lambda s: change_contact(s, keys, contact_id, moved, now=NOW))

    assert saved(id=contact_id) == contact_id
    assert database.run(lambda s: read_contact(s, keys, contact_id)) == moved
    assert database.run(lambda s: find_contacts(s, keys, email="taro@example.jp")) == []
    assert database.run(lambda s: find_contacts(s, keys, email="NEW@example.jp ")) == [contact_id]


def test_people_are_found_by_what_they_say_at_the_counter(
    database: Database, keys: Keys, saved: Saved
):
    taro = saved()
    hanako = saved(HANAKO, now=NOW + timedelta(seconds=1))

    def find(**asked: Any) -> Any:
        return database.run(lambda s: find_contacts(s, keys, **asked))

    assert find(email=" taro@example.jp") == [taro]
    assert find(phone="090 1234 5678") == [taro]
    assert find(last4="5678") == [hanako, taro]
    assert find(last4="5678", email="hanako@example.com") == [hanako]
    assert find(last4="0000") == []
    assert find() == []


def test_a_row_moved_under_another_id_cannot_be_read(
    database: Database, keys: Keys, superuser: Engine, saved: Saved
):
    taro, hanako = saved(), saved(HANAKO)
    with superuser.begin() as connection:
        connection.execute(
            text(
                "UPDATE contact SET sealed = t.sealed, wrapped_key = t.wrapped_key"
                " FROM contact t WHERE t.id = :taro AND contact.id = :hanako"
            ),
            {"taro": taro, "hanako": hanako},
        )

    with pytest.raises(AssertionError, match="moved under another id"):
        database.run(lambda s: read_contact(s, keys, hanako))


def test_the_key_file_is_for_its_owner_alone(saved: Saved, tmp_path: Path):
    saved()

    assert stat.S_IMODE((tmp_path / "contact.key").stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["contact.key"]


def test_nobody_wraps_with_a_key_that_another_process_has_replaced(tmp_path: Path):
    """What is wrapped with a forgotten key could never be read again."""
    here, there = Keys(tmp_path / "contact.key"), Keys(tmp_path / "contact.key")
    old = here.master
    new = there.rotate(NOW)

    assert here.master == new != old


def test_keys_made_at_the_same_moment_are_all_kept(tmp_path: Path):
    keys = [Keys(tmp_path / "contact.key") for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda each: each.rotate(NOW), keys))

    kept = json.loads((tmp_path / "contact.key").read_text())["masters"]
    assert {each["name"] for each in kept} >= set(made)


def test_another_process_reads_with_the_same_file_and_not_without_it(
    database: Database, saved: Saved, tmp_path: Path
):
    contact_id = saved()
    same, other = Keys(tmp_path / "contact.key"), Keys(tmp_path / "other.key")

    assert database.run(lambda s: read_contact(s, same, contact_id)) == TARO
    with pytest.raises(ContactKeyMissing):
        database.run(lambda s: read_contact(s, other, contact_id))


def test_the_master_key_is_changed_and_the_old_one_forgotten(
    database: Database, keys: Keys, saved: Saved, tmp_path: Path
):
    """A stolen key file of then reads nothing that is wrapped now."""
    contact_id = saved()
    stolen = tmp_path / "stolen.key"
    stolen.write_bytes((tmp_path / "contact.key").read_bytes())
    elsewhere = Keys(tmp_path / "contact.key")
    assert database.run(lambda s: read_contact(s, elsewhere, contact_id)) == TARO

    keys.rotate(NOW)
    younger = saved(HANAKO)
    day = NOW + timedelta(days=1)
    assert keys.retire(day, used=database.run(masters_used)) == 0, "it is still in use"
    assert database.run(lambda s: rewrap(s, keys)) == 1
    assert database.run(lambda s: rewrap(s, keys)) == 0
    used = database.run(masters_used)
    assert keys.retire(day - timedelta(seconds=1), used=used) == 0, "somebody may be wrapping yet"
    assert keys.retire(day, used=used) == 1

    assert database.run(lambda s: read_contact(s, keys, contact_id)) == TARO
    assert database.run(lambda s: read_contact(s, elsewhere, contact_id)) == TARO
    assert database.run(lambda s: read_contact(s, elsewhere, younger)) == HANAKO
    assert database.run(lambda s: find_contacts(s, keys, email=TARO.email)) == [contact_id]
    with pytest.raises(ContactKeyMissing):
        database.run(lambda s: read_contact(s, Keys(stolen), contact_id))


def test_an_erased_person_is_gone_and_stays_gone(
    database: Database, keys: Keys, superuser: Engine, saved: Saved
):
    contact_id = saved()
    with superuser.connect() as connection:
        query = text("SELECT sealed, wrapped_key, first FROM contact WHERE id = :id")
        before = connection.execute(query, {"id": contact_id}).one()

    done = database.run(lambda s: erase_contact(s, contact_id, by="dpo", reason="asked", now=NOW))

    with superuser.connect() as connection:
        assert all(part is None for part in connection.execute(query, {"id": contact_id}).one())
        assert all(part is not None for part in before)
    assert database.run(lambda s: read_contact(s, keys, contact_id)) is None
    assert database.run(lambda s: find_contacts(s, keys, last4="5678")) == []
    assert saved(id=contact_id) == contact_id, "the order is sent again"
    assert saved(HANAKO, id=contact_id) == contact_id
    assert database.run(lambda s: read_contact(s, keys, contact_id)) is None
    assert (done.by, done.reason, done.at) == ("dpo", "asked", NOW)
    assert len(done.digest) == 64
    later = database.run(
        lambda s: erase_contact(s, contact_id, by="x", reason="y", now=NOW + timedelta(days=1))
    )
    assert later == done == database.run(lambda s: receipt(s, contact_id))
    with pytest.raises(NotFound):
        database.run(lambda s: change_contact(s, keys, contact_id, TARO, now=NOW))


def test_the_database_refuses_half_an_erasure(database: Database, superuser: Engine, saved: Saved):
    contact_id = saved()
    halves = (
        text("UPDATE contact SET sealed = NULL WHERE id = :id"),
        text("UPDATE contact SET wrapped_key = NULL WHERE id = :id"),
        text("UPDATE contact SET erased_at = now() WHERE id = :id"),
    )
    for half in halves:
        with pytest.raises(IntegrityError), superuser.begin() as connection:
            connection.execute(half, {"id": contact_id})
    assert database.run(lambda s: s.get_one(ContactRow, contact_id)).erased_at is None


def test_how_long_is_for_the_channel_to_say(database: Database, saved: Saved):
    def until(contact_id: Any) -> Any:
        query = select(ContactRow.keep_until).where(ContactRow.id == contact_id)
        return database.run(lambda s: s.scalar(query))

    web, market = saved(), saved(channel="marketplace")
    assert until(web) == NOW + timedelta(days=KEEP_DAYS)
    assert until(market) == NOW + timedelta(days=30)

    database.run(lambda s: set_keep_days(s, "web", 90))
    assert until(web) == NOW + timedelta(days=90)
    assert until(saved(HANAKO)) == NOW + timedelta(days=90)
    assert until(market) == NOW + timedelta(days=30)


@pytest.mark.parametrize(
    ("name", "given"),
    [("山田 太郎", "太郎"), ("山田　太郎", "太郎"), ("Hanako Suzuki", "Hanako"), ("山田太郎", ""),
     ("", ""), ("ヤマダ　タロウ", "タロウ")],
)  # fmt: skip
def test_a_given_name_is_told_from_the_familys_or_not_at_all(name: str, given: str):
    assert Contact(name=name).given_name == given


def test_what_a_later_version_knew_is_left_out():
    said = json.loads(TARO.to_json()) | {"fax": "03"}
    del said["time_zone"]

    assert from_json(json.dumps(said).encode()) == TARO
