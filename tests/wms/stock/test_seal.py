"""Nobody changes the past unseen: not a row, not a seal, not the whole chain."""

import json
import stat
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from tests.builders import a_site, a_sku, eventually, stock_of
from wms import outbox
from wms.commands import seal as seal_command
from wms.database import Database
from wms.ids import SiteId, SkuId
from wms.stock import seal as seals
from wms.stock.prove import prove
from wms.stock.seal import Seal, Sealer
from wms.stock.verify import Judged

MOVES = 5


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "seal.key"


@pytest.fixture
def goods(database: Database) -> tuple[SiteId, SkuId]:
    return database.run(lambda session: (a_site(session), a_sku(session)))


def move(database: Database, goods: tuple[SiteId, SkuId], times: int = 1) -> None:
    for _ in range(times):
        database.run(lambda session: stock_of(session, *goods, 1))


def all_older_have_ended(database: Database) -> None:
    """Those of other databases of the same server keep seals back too."""
    horizon = text(
        "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint > max(xid) FROM movement"
    )
    eventually(lambda: database.run(lambda session: session.scalar(horizon)))


def seal(database: Database, sealer: Sealer, rows: int = 1000) -> Seal | None:
    made = database.run(lambda session: sealer.seal(session, rows=rows))
    if made is not None:
        sealer.remember(made)
    return made


def sealed(database: Database, key: Path, goods: tuple[SiteId, SkuId]) -> Sealer:
    """Three seals, of five movements each."""
    sealer = Sealer(key)
    for _ in range(3):
        move(database, goods, MOVES)
        all_older_have_ended(database)
        assert seal(database, sealer) is not None
    return sealer


def judged(database: Database, key: Path) -> dict[str, Judged]:
    """The laws that are broken."""
    report = prove(database, (), key=key)
    return {law.code: law for law in report.laws if law.differences}


def by_hand(superuser: Engine, statement: str) -> None:
    """As who may do everything: triggers off."""
    with superuser.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        assert connection.execute(text(statement)).rowcount > 0


def test_a_chain_is_clean_and_goes_on(database: Database, key: Path, goods: tuple[SiteId, SkuId]):
    sealed(database, key, goods)
    move(database, goods)  # not sealed yet

    chain = database.run(seals.chain)

    assert [(one.number, one.rows) for one in chain] == [(1, MOVES), (2, MOVES), (3, MOVES)]
    assert chain[0].previous == seals.GENESIS
    assert [one.previous for one in chain[1:]] == [one.hash for one in chain[:-1]]
    assert judged(database, key) == {}


def test_nothing_new_makes_no_seal(database: Database, key: Path, goods: tuple[SiteId, SkuId]):
    sealer = Sealer(key)

    assert seal(database, sealer) is None
    move(database, goods)
    all_older_have_ended(database)
    assert seal(database, sealer) is not None
    assert seal(database, sealer) is None


def test_the_key_is_made_once_and_is_ours_alone(key: Path):
    assert Sealer(key).public_key == Sealer(key).public_key
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_many_who_begin_at_once_have_one_key(key: Path):
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: Sealer(key).public_key, range(8)))

    assert len(keys) == 1


FORGERIES = {
    "a row changed": (
        "UPDATE movement SET units = 2 WHERE id = (SELECT min(id) FROM movement)",
        "Z2", "seal 1: a row has been changed",
    ),
    "a word of a row changed": (
        "UPDATE movement SET actor = 'somebody' WHERE id = (SELECT max(id) FROM movement)",
        "Z2", "seal 3: a row has been changed",
    ),
    "a row taken out": (
        "DELETE FROM movement WHERE id = (SELECT id FROM movement ORDER BY id OFFSET 7 LIMIT 1)",
        "Z2", "seal 2: 5 rows were sealed, 4 are there",
    ),
    "a row slipped in": (
        ("INSERT INTO movement SELECT site_id, recorded_at, nextval('movement_id'), command_id,"
        " cause_kind, cause_id, actor, owner_id, sku_id, lot, serial, from_condition,"
        " to_condition, from_location_id, from_unit_id, to_location_id, to_unit_id, units,"
        " weight_g, variance_g, reason, occurred_at, xid FROM movement ORDER BY id LIMIT 1"),
        "Z2", "seal 1: 5 rows were sealed, 6 are there",
    ),
    "a row moved from one seal to the next": (
        ("UPDATE movement SET xid = (SELECT max(xid) FROM movement)"
        " WHERE id = (SELECT min(id) FROM movement)"),
        "Z2", "seal 1: 5 rows were sealed, 4 are there",
    ),
    "a seal changed": (
        "UPDATE seal SET rows = rows + 1 WHERE number = 2",
        "Z1", "seal 2 has been changed",
    ),
    "a seal taken out": (
        "DELETE FROM seal WHERE number = 2",
        "Z1", "seal 3 does not follow seal 1",
    ),
    "the end cut off": (
        "DELETE FROM seal WHERE number = 3",
        "Z1", "seal 3 was made here and is gone",
    ),
    "all cut off": (
        "DELETE FROM seal",
        "Z1", "seal 3 was made here and is gone",
    ),
}  # fmt: skip


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forgery_is_found_and_its_seal_named(
    database: Database, superuser: Engine, key: Path, goods: tuple[SiteId, SkuId], forgery: str
):
    sealed(database, key, goods)
    statement, code, words = FORGERIES[forgery]

    by_hand(superuser, statement)

    found = judged(database, key)
    assert words in (found[code].first or "")


def rewrite(superuser: Engine, change: Callable[[Session], None], key: Path):
    """What a DBA can do: change rows, and make the whole chain anew with a key of his own."""
    with Session(superuser) as session, session.begin():
        session.execute(text("SET LOCAL session_replication_role = replica"))
        change(session)
        session.execute(text("DELETE FROM seal"))
    forger = Sealer(key)
    with Session(superuser) as session, session.begin():
        session.execute(text("SET LOCAL session_replication_role = replica"))
        for _ in range(3):
            assert forger.seal(session, rows=MOVES) is not None


def change_a_row(session: Session) -> None:
    session.execute(text("UPDATE movement SET units = 7 WHERE id = (SELECT min(id) FROM movement)"))


def test_the_whole_chain_made_anew_is_known_by_its_key(
    database: Database, superuser: Engine, key: Path, goods: tuple[SiteId, SkuId], tmp_path: Path
):
    sealed(database, key, goods)

    rewrite(superuser, change_a_row, tmp_path / "forged.key")

    found = judged(database, key)
    assert found.keys() == {"Z1"}
    assert found["Z1"].first == "seal 1 is signed by a key that is not ours"


def test_a_chain_made_anew_in_our_name_is_known_by_its_signatures(
    database: Database, superuser: Engine, key: Path, goods: tuple[SiteId, SkuId], tmp_path: Path
):
    """The forger names our public key, but cannot sign for it."""
    ours = sealed(database, key, goods).public_key
    (tmp_path / "keys" / "seal.key.last").unlink()  # as on another host that has the same key
    rewrite(superuser, change_a_row, tmp_path / "forged.key")
    by_hand(superuser, f"UPDATE seal SET public_key = decode('{ours.hex()}', 'hex')")  # noqa: S608

    found = judged(database, key)

    assert found.keys() == {"Z1"}
    assert found["Z1"].first == "seal 1 is not signed by the key that it names"


def test_without_a_key_the_chain_is_judged_and_the_gap_is_said(
    database: Database, key: Path, goods: tuple[SiteId, SkuId], tmp_path: Path
):
    sealed(database, key, goods)

    report = prove(database, (), key=tmp_path / "elsewhere.key")

    (chain,) = [law for law in report.laws if law.code == "Z1"]
    assert report.clean
    assert chain.note == "whose key it is cannot be judged: there is no key file here"
    assert not (tmp_path / "elsewhere.key").exists()


def test_an_older_key_may_still_be_trusted(
    database: Database, key: Path, goods: tuple[SiteId, SkuId], tmp_path: Path
):
    old = sealed(database, key, goods).public_key
    new = tmp_path / "new.key"
    move(database, goods)
    all_older_have_ended(database)
    assert seal(database, Sealer(new)) is not None

    assert judged(database, new)["Z1"].first == "seal 1 is signed by a key that is not ours"
    (tmp_path / "new.key.trusted").write_text(f"{old.hex()}\n")
    assert judged(database, new) == {}


def test_a_transaction_that_began_before_the_seal_and_ends_after_it_is_no_forgery(
    database: Database, key: Path, goods: tuple[SiteId, SkuId]
):
    """It has its number before the seal is made and commits after: the seal must end below it."""
    move(database, goods)
    all_older_have_ended(database)
    numbered, go_on = threading.Event(), threading.Event()

    def slow(session: Session) -> None:
        session.execute(text("SELECT pg_current_xact_id()"))
        numbered.set()
        go_on.wait()
        stock_of(session, *goods, 1)

    sealer = Sealer(key)
    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(database.run, slow)
        numbered.wait()
        move(database, goods)  # younger, and ended
        first = seal(database, sealer)
        go_on.set()
        late.result()
    all_older_have_ended(database)
    second = seal(database, sealer)

    assert first is not None
    assert second is not None
    assert (first.rows, second.rows) == (1, 2)
    assert judged(database, key) == {}


def test_a_seal_is_cut_between_transactions(
    database: Database, key: Path, goods: tuple[SiteId, SkuId]
):
    sealer = Sealer(key)
    move(database, goods, 2)

    def much(session: Session) -> None:
        for _ in range(4):
            stock_of(session, *goods, 1)

    database.run(much)
    move(database, goods, 2)
    all_older_have_ended(database)

    rows = []
    while (made := seal(database, sealer, rows=3)) is not None:
        rows.append(made.rows)

    assert rows == [2, 4, 2]
    assert judged(database, key) == {}


def test_settings_of_a_session_do_not_matter(
    database: Database, superuser: Engine, key: Path, goods: tuple[SiteId, SkuId]
):
    sealed(database, key, goods)
    contents = set()
    for setting in ("time zone 'Asia/Tokyo'", "datestyle TO 'German'", "bytea_output TO 'escape'"):
        with superuser.begin() as connection:
            connection.execute(text(f"SET LOCAL {setting}"))
            contents.add(
                connection.scalar(text("SELECT content FROM seal_content(0, 1099511627776)"))
            )

    assert len(contents) == 1


def test_a_seal_is_never_changed_and_only_follows_the_last(
    database: Database, key: Path, goods: tuple[SiteId, SkuId]
):
    sealed(database, key, goods)
    for statement in (
        "UPDATE seal SET rows = 1",
        "DELETE FROM seal",
        "TRUNCATE seal",
        (
            "INSERT INTO seal SELECT 5, to_xid, to_xid + 1, 1, content, made_at, hash, hash,"
            " public_key, signature FROM seal WHERE number = 3"
        ),
        (
            "INSERT INTO seal SELECT 4, to_xid, 1099511627776, 1, content, made_at, hash, hash,"
            " public_key, signature FROM seal WHERE number = 3"
        ),
    ):
        with pytest.raises(DBAPIError), database.engine.begin() as connection:
            connection.execute(text(statement))


def test_not_even_its_owner_changes_a_seal_by_mistake(
    database: Database, superuser: Engine, key: Path, goods: tuple[SiteId, SkuId]
):
    sealed(database, key, goods)
    for statement in ("UPDATE seal SET rows = 1", "DELETE FROM seal", "TRUNCATE seal"):
        with pytest.raises(DBAPIError, match="written once"), superuser.begin() as connection:
            connection.execute(text(statement))


def test_numbers_that_began_again_are_refused(
    database: Database, superuser: Engine, key: Path, goods: tuple[SiteId, SkuId]
):
    """As after a dump was put into another server: what is new would lie under old seals."""
    sealer = sealed(database, key, goods)
    by_hand(superuser, "UPDATE seal SET to_xid = 1099511627776 WHERE number = 3")

    with pytest.raises(DBAPIError, match="numbers began again"):
        seal(database, sealer)


def test_two_sealers_make_one_chain(database: Database, key: Path, goods: tuple[SiteId, SkuId]):
    sealer = Sealer(key)
    assert sealer.public_key
    with ThreadPoolExecutor(4) as pool:
        moving = [pool.submit(move, database, goods, 10) for _ in range(2)]
        sealing = [
            pool.submit(lambda: [seal(database, Sealer(key)) for _ in range(20)]) for _ in range(2)
        ]
        assert all(moved.result() is None for moved in moving)
        assert all(made.result() for made in sealing)
    all_older_have_ended(database)
    seal(database, sealer)
    chain = database.run(seals.chain)
    assert sum(one.rows for one in chain) == 20
    assert judged(database, key) == {}
    with ThreadPoolExecutor(8) as pool:
        assert not any(pool.map(sealer.remember, chain * 20))
    trusted = seals.trust(key)
    assert trusted is not None
    assert {number for number, _ in trusted.last.values()} == {chain[-1].number}, "the latest"


def test_a_seal_is_told(database: Database, key: Path, goods: tuple[SiteId, SkuId]):
    sealed(database, key, goods)

    events = database.run(lambda session: outbox.drain(session, "test", topics=("seal",)))
    assert [event.type for event in events] == ["SealMade"] * 3
    last = database.run(seals.last)
    assert last is not None
    assert events[-1].body == seals.told(last)


def test_on_the_command_line(
    database: Database, database_url: str, key: Path, goods: tuple[SiteId, SkuId],
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
):  # fmt: skip
    monkeypatch.setenv("SOKO_DATABASE_URL", database_url)
    monkeypatch.setenv("SOKO_SEAL_KEY", str(key))
    move(database, goods)
    all_older_have_ended(database)

    seal_command(make=True, as_json=True)
    said = json.loads(capsys.readouterr().out)
    seal_command(make=False, as_json=False)
    shown = capsys.readouterr().out

    assert said["public_keys"] == [Sealer(key).public_key.hex()]
    assert said["last"]["number"] == 1
    assert said["last"]["hash"] in shown
