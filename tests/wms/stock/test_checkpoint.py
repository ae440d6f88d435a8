"""What is behind a checkpoint need not be read again, and cannot be changed unseen."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from tests.builders import a_site, a_sku, eventually, stock_of
from wms.cli import main
from wms.database import Database
from wms.ids import SiteId, SkuId
from wms.stock import checkpoint
from wms.stock.laws import LAWS
from wms.stock.prove import prove
from wms.stock.seal import Sealer
from wms.stock.verify import Judged, Report, month_end, question

DAY = timedelta(days=1)


@pytest.fixture
def months(superuser: Engine) -> tuple[date, date]:
    """The month before last, and the last one, as the database has them."""
    with superuser.connect() as connection:
        now = connection.execute(text("SELECT now()")).scalar_one()
    this = now.astimezone(UTC).date().replace(day=1)
    last = (this - DAY).replace(day=1)
    return (last - DAY).replace(day=1), last


@pytest.fixture
def goods(database: Database) -> tuple[SiteId, SkuId]:
    return database.run(lambda session: (a_site(session), a_sku(session)))


@pytest.fixture
def old_partition(superuser: Engine, months: tuple[date, date]) -> Iterator[str]:
    """The last month as a partition of its own, as it is where the ledger is older than that."""
    first, end = month_end(months[0]), month_end(months[1])
    name = f"movement_{months[1]:%Y_%m}"
    bounds = f"FROM ('{first.isoformat()}') TO ('{end.isoformat()}')"
    with superuser.begin() as connection:
        connection.execute(text(f"CREATE TABLE {name} PARTITION OF movement FOR VALUES {bounds}"))
    yield name
    with superuser.begin() as connection:
        connection.execute(text("SET LOCAL lock_timeout = '20s'"))
        connection.execute(text(f"DROP TABLE {name}"))


def move(database: Database, goods: tuple[SiteId, SkuId], count: int = 3) -> None:
    for _ in range(count):
        database.run(lambda session: stock_of(session, *goods, 5))


def age(superuser: Engine, month: date) -> None:
    """What was moved just now was moved in that month."""
    with superuser.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        then = datetime(month.year, month.month, 14, tzinfo=UTC)
        for table, column in (("movement", "recorded_at"), ("stock_command", "at")):
            connection.execute(
                text(
                    f"UPDATE {table} SET {column} = cast(:then AS timestamptz)"  # noqa: S608
                    f" + ({column} - date_trunc('day', {column})) WHERE {column} > now() - interval"
                    " '1 hour'"
                ),
                {"then": then},
            )


def by_hand(superuser: Engine, statement: str) -> None:
    with superuser.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        assert connection.execute(text(statement)).rowcount > 0


def close(database: Database, month: date) -> int:
    made = 0
    for site, due in database.run(lambda session: checkpoint.due(session, month)):
        made += database.run(partial(checkpoint.make, site=site, month=due))
    return made


def proof(database: Database, folder: Path, *, full: bool = False) -> Report:
    return prove(database, LAWS, key=folder / "seal.key", full=full)


def broken(report: Report) -> dict[str, Judged]:
    return {law.code: law for law in report.laws if law.differences}


@pytest.fixture
def closed(
    database: Database, superuser: Engine, goods: tuple[SiteId, SkuId], months: tuple[date, date]
) -> tuple[SiteId, SkuId]:
    """Two months that are closed, and some movements since."""
    for month in months:
        move(database, goods)
        age(superuser, month)
        assert close(database, month) == 1
    move(database, goods)
    return goods


@pytest.mark.usefixtures("closed")
def test_what_is_proved_from_a_checkpoint_is_what_is_proved_in_full(
    database: Database, months: tuple[date, date], tmp_path: Path
):
    quick, full = proof(database, tmp_path), proof(database, tmp_path, full=True)

    assert broken(quick) == broken(full) == {}
    assert (quick.checkpoint, full.checkpoint) == (months[1], None)
    assert quick.movements == full.movements == 9


def test_a_checkpoint_is_made_once(
    database: Database, closed: tuple[SiteId, SkuId], months: tuple[date, date]
):
    site, _ = closed

    assert close(database, months[1]) == close(database, months[0]) == 0
    for month in months:
        assert not database.run(partial(checkpoint.make, site=site, month=month))
    assert database.run(checkpoint.last) == months[1]


@pytest.mark.usefixtures("closed")
def test_a_checkpoint_goes_on_from_the_one_before(superuser: Engine):
    query = text(
        "SELECT c.month, c.movements, max(q.units), min(q.units) FROM stock_checkpoint c"
        " JOIN quant_checkpoint q USING (site_id, month) GROUP BY 1, 2 ORDER BY 1"
    )
    with superuser.connect() as connection:
        rows = [tuple(row)[1:] for row in connection.execute(query)]

    assert rows == [(3, 15, -15), (3, 30, -30)]


def test_a_month_that_is_not_over_is_left_alone(
    database: Database, goods: tuple[SiteId, SkuId], months: tuple[date, date]
):
    move(database, goods)
    this = month_end(months[1]).date()

    assert close(database, this) == 0
    assert database.run(checkpoint.last) is None


def test_a_transaction_that_began_before_the_end_keeps_the_month_open(
    database: Database, superuser: Engine, goods: tuple[SiteId, SkuId]
):
    """It has not even a number yet: only when it began tells that it may still write."""
    began, go_on = threading.Event(), threading.Event()

    def slow(session: Session) -> None:
        session.execute(text("SELECT 1"))
        began.set()
        go_on.wait()
        stock_of(session, *goods, 1)

    settled = text("SELECT stock_settled(cast(:end AS timestamptz), interval '0')")
    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(database.run, slow)
        began.wait()
        with superuser.connect() as connection:
            end = connection.scalar(text("SELECT clock_timestamp()"))
            before = connection.scalar(settled, {"end": end})
        go_on.set()
        late.result()
        with superuser.connect() as connection:
            after = connection.scalar(settled, {"end": end})

    assert (before, after) == (False, True)


def test_what_is_not_settled_is_not_closed(
    database: Database, superuser: Engine, goods: tuple[SiteId, SkuId], months: tuple[date, date]
):
    move(database, goods)
    age(superuser, months[1])
    make = text("SELECT stock_checkpoint_make(:site, :month)")
    with superuser.connect() as connection, connection.begin() as work:
        connection.execute(
            text(
                "CREATE OR REPLACE FUNCTION stock_settled(p_before timestamptz, p_margin interval"
                " DEFAULT '1 minute') RETURNS boolean LANGUAGE sql RETURN false"
            )
        )
        refused = connection.scalar(make, {"site": goods[0], "month": months[1]})
        work.rollback()

    assert refused is False
    assert close(database, months[1]) == 1


def test_all_sites_must_have_it_that_had_moved_by_then(
    database: Database, superuser: Engine, goods: tuple[SiteId, SkuId], months: tuple[date, date]
):
    """And what was interrupted goes on with the sites that are still to do."""
    other = database.run(lambda session: (a_site(session, "OSA1"), goods[1]))
    database.run(lambda session: a_site(session, "NEW1"))
    move(database, goods)
    move(database, other)
    age(superuser, months[1])
    due = database.run(checkpoint.due)
    assert {site for site, _ in due} == {goods[0], other[0]}

    assert database.run(lambda session: checkpoint.make(session, *due[0]))
    assert database.run(checkpoint.last) is None
    assert database.run(checkpoint.due) == due[1:]
    assert close(database, months[1]) == 1
    assert database.run(checkpoint.last) == months[1]


@pytest.mark.usefixtures("closed")
def test_a_checkpoint_that_was_changed_is_named(
    database: Database, superuser: Engine, months: tuple[date, date], tmp_path: Path
):
    change = f"UPDATE quant_checkpoint SET units = units + 1 WHERE month = '{months[1]}'"  # noqa: S608
    by_hand(superuser, change)

    found = broken(proof(database, tmp_path))

    words = f"the checkpoint of {months[1]:%Y-%m} is not as it was made"
    assert words in (found["C1"].first or "")
    assert "C3" in broken(proof(database, tmp_path, full=True))


def sealed(database: Database) -> bool:
    """Whether all is: older transactions of other databases keep seals back."""
    query = text(
        "SELECT (SELECT max(to_xid) FROM seal)"
        " > (SELECT max(xid) FROM (SELECT xid FROM movement UNION ALL SELECT xid FROM"
        " stock_checkpoint) AS r)"
    )
    return bool(database.run(lambda session: session.scalar(query)))


@pytest.mark.usefixtures("closed")
def test_a_checkpoint_made_to_fit_is_known_by_its_seal(
    database: Database, superuser: Engine, tmp_path: Path
):
    """A unit more in the quants, in the checkpoint and in its hash: all agrees but the seal."""
    sealer = Sealer(tmp_path / "seal.key")
    eventually(lambda: database.run(sealer.seal) is None and sealed(database))
    assert broken(proof(database, tmp_path)) == {}
    sign = "CASE WHEN units > 0 THEN 1 ELSE -1 END"
    by_hand(superuser, f"UPDATE quant_checkpoint SET units = units + {sign}")  # noqa: S608
    by_hand(superuser, f"UPDATE quant SET units = units + {sign}")  # noqa: S608
    by_hand(superuser, "UPDATE stock_balance SET sellable = sellable + 1")
    by_hand(superuser, "UPDATE stock_checkpoint SET hash = quant_checkpoint_hash(site_id, month)")

    quick, full = proof(database, tmp_path), proof(database, tmp_path, full=True)

    assert broken(quick).keys() == {"Z2"}
    assert broken(full).keys() == {"I2", "C3", "Z2"}


@pytest.mark.usefixtures("closed")
def test_a_movement_changed_behind_the_checkpoint_is_named_in_full(
    database: Database, superuser: Engine, months: tuple[date, date], tmp_path: Path
):
    by_hand(superuser, "UPDATE movement SET units = 4 WHERE id = (SELECT min(id) FROM movement)")

    assert broken(proof(database, tmp_path)) == {}
    found = broken(proof(database, tmp_path, full=True))
    assert found.keys() == {"C3", "I2"}
    assert f"the checkpoint of {months[0]:%Y-%m} says" in (found["C3"].first or "")


@pytest.mark.usefixtures("closed")
def test_what_was_recorded_behind_a_checkpoint_is_named(
    database: Database, superuser: Engine, months: tuple[date, date], tmp_path: Path
):
    age(superuser, months[1])

    found = broken(proof(database, tmp_path))

    words = f"was recorded for {months[1]:%Y-%m}, after that month was closed"
    assert words in (found["C2"].first or "")


@pytest.mark.usefixtures("closed")
def test_a_difference_since_the_checkpoint_is_named(
    database: Database, superuser: Engine, tmp_path: Path
):
    by_hand(superuser, "UPDATE movement SET units = 4 WHERE id = (SELECT max(id) FROM movement)")

    assert broken(proof(database, tmp_path)).keys() == {"I2"}


def test_weights_and_their_variances_are_in_it(
    database: Database, superuser: Engine, goods: tuple[SiteId, SkuId], months: tuple[date, date],
    tmp_path: Path,
):  # fmt: skip
    move(database, goods, 1)
    by_hand(superuser, "UPDATE movement SET weight_g = 510, variance_g = 10")
    by_hand(superuser, "UPDATE quant SET weight_g = CASE WHEN outside THEN -500 ELSE 510 END")
    age(superuser, months[1])
    assert close(database, months[1]) == 1
    move(database, goods)

    quick, full = proof(database, tmp_path), proof(database, tmp_path, full=True)
    assert broken(quick) == broken(full) == {}
    by_hand(superuser, "UPDATE quant_checkpoint SET variance_g = 9 WHERE variance_g > 0")
    assert {"C1", "I1w"} <= broken(proof(database, tmp_path)).keys()


@pytest.mark.usefixtures("closed")
def test_nobody_writes_a_checkpoint(database: Database, superuser: Engine):
    for table in ("quant_checkpoint", "stock_checkpoint"):
        for statement in (f"DELETE FROM {table}", f"UPDATE {table} SET month = month"):  # noqa: S608
            for engine in (database.engine, superuser):
                with pytest.raises(DBAPIError), engine.begin() as connection:
                    connection.execute(text(statement))


def test_the_months_before_are_not_even_looked_at(
    database: Database, superuser: Engine, goods: tuple[SiteId, SkuId],
    months: tuple[date, date], old_partition: str,
):  # fmt: skip
    move(database, goods)
    age(superuser, months[1])
    assert close(database, months[1]) == 1
    from_checkpoint, in_full = "", ""
    for law in LAWS:
        if "movement" in law.broken and law.code != "I13":
            from_checkpoint += plan(database, law.code, months[1])
            in_full += plan(database, law.code, None)

    assert old_partition in in_full
    assert "movement_rest" in from_checkpoint
    assert old_partition not in from_checkpoint


def plan(database: Database, code: str, month: date | None) -> str:
    """How the database goes about that law."""
    (law,) = [law for law in LAWS if law.code == code]
    with database.engine.connect() as connection:
        return "\n".join(connection.scalars(text(f"EXPLAIN {question(law, month)}")))


def test_on_the_command_line(
    database: Database, superuser: Engine, goods: tuple[SiteId, SkuId], months: tuple[date, date],
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
):  # fmt: skip
    url = superuser.url.render_as_string(hide_password=False)
    monkeypatch.setenv("SOKO_DATABASE_URL", url)
    move(database, goods)
    age(superuser, months[1])
    for words, status in ((["--month", "2999-01"], 1), ([], 0), ([], 0)):
        with pytest.raises(SystemExit) as ended:
            main(["db", "checkpoint", *words])
        assert ended.value.code == status

    assert f"is {months[1]:%Y-%m}" in capsys.readouterr().out
