"""One transaction, committed before the answer; started over when that helps; a clear word else."""

import os
import signal
import threading
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from tests.builders import a_site, a_sku, eventually
from wms.catalog import Sku
from wms.database import Database, DatabaseUnavailable
from wms.errors import Unavailable
from wms.postgres import EmbeddedPostgres


def test_what_is_answered_is_committed(database: Database, database_url: str):
    sku = database.run(a_sku)

    other = Database(database_url)
    assert other.run(lambda s: s.get(Sku, sku)) is not None
    other.close()


def test_work_that_raises_leaves_nothing(database: Database):
    def work(session: Session) -> None:
        a_sku(session, "GONE")
        raise KeyError

    with pytest.raises(KeyError):
        database.run(work)

    assert database.run(lambda s: s.scalar(text("SELECT count(*) FROM sku"))) == 0


def test_two_who_want_the_same_rows_crosswise_are_both_served(database: Database):
    for code in ("A", "B"):
        database.run(partial(a_site, code=code))
    both_hold_one = threading.Barrier(2)
    attempts = []

    def rename(first: str, second: str) -> None:
        def work(session: Session) -> None:
            attempts.append(first)
            for code in (first, second):
                session.execute(
                    text("UPDATE site SET name_en = :first WHERE code = :code"),
                    {"first": first, "code": code},
                )
                if code == first and len(attempts) <= 2:
                    both_hold_one.wait()

        database.run(work)

    threads = [threading.Thread(target=rename, args=pair) for pair in ("AB", "BA")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(attempts) == 3
    assert database.conflicts == 1


def test_other_faults_are_not_tried_again(database: Database):
    attempts = []

    def work(session: Session) -> None:
        attempts.append(1)
        session.execute(text("INSERT INTO sku SELECT * FROM sku UNION ALL SELECT NULL"))

    with pytest.raises(DBAPIError):
        database.run(work)

    assert len(attempts) == 1


def test_a_broken_law_is_said_as_it_is(database: Database):
    insert = text("INSERT INTO site VALUES (gen_random_uuid(), 'X', 'CASTLE', '', '')")

    with pytest.raises(IntegrityError):
        database.run(lambda s: s.execute(insert))


def test_a_connection_that_dies_in_mid_work_is_replaced(database: Database):
    attempts = []

    def work(session: Session) -> int:
        attempts.append(1)
        pid = session.scalar(text("SELECT pg_backend_pid()"))
        if len(attempts) == 1:
            killer.run(lambda s: s.execute(text(f"SELECT pg_terminate_backend({pid})")))
        return int(session.scalar(text("SELECT 42")) or 0)

    killer = Database(str(database.engine.url.render_as_string(hide_password=False)), role=None)
    assert database.run(work) == 42
    killer.close()
    assert len(attempts) == 2


def test_a_server_killed_and_started_again_is_waited_for(folder: Path):
    with EmbeddedPostgres(folder / "pg", keep=True) as postgres:
        database = Database(postgres.url)
        database.run(lambda s: s.execute(text("CREATE TABLE kept AS SELECT 1 AS n")))
        assert postgres.pid
        os.kill(postgres.pid, signal.SIGKILL)

        def ask() -> bool:
            try:
                return bool(database.run(lambda s: s.scalar(text("SELECT n FROM kept"))) == 1)
            except DatabaseUnavailable:
                return False

        eventually(ask)
        database.close()


def test_a_server_that_stays_away_is_unavailable(tmp_path: Path):
    database = Database(f"postgresql+psycopg://soko@/soko?host={tmp_path}")

    with pytest.raises(Unavailable) as caught:
        database.run(lambda s: s.execute(text("SELECT 1")))

    assert caught.value.code == "database_unavailable"


def test_the_application_acts_as_its_role(database: Database):
    assert database.run(lambda s: s.scalar(text("SELECT current_user"))) == "soko_house"


def test_asvs_13_2_6_where_all_connections_are_in_use_it_says_so_and_goes_on_after(
    database_url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("wms.database.POOL_TIMEOUT_S", 0.05)
    small = Database(database_url, pool_size=1)
    one = text("SELECT 1")

    def beside(session: Session) -> str:
        session.execute(one)
        with pytest.raises(DatabaseUnavailable, match="in use"):
            small.run(lambda s: s.execute(one))
        with pytest.raises(DatabaseUnavailable, match="in use"):
            small.say(one, {})
        return "done"

    assert small.run(beside) == "done"
    assert small.run(lambda s: s.scalar(one)) == 1
    small.close()
