"""Each fault that somebody plants in the books is found and named."""

import json

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from tests.builders import NOW, a_reserve, a_site, a_sku, a_tote, an_advance, an_id, stock_of
from wms.cli import main
from wms.database import Database
from wms.ids import HoldId
from wms.stock import ledger, promises
from wms.stock.verify import LAWS, Report, verify

FAULTS = {
    "I1": "UPDATE quant SET units = units + 1 WHERE outside",
    "I2": "UPDATE quant SET units = units + 1 WHERE NOT outside AND pinned = 0",
    "I3": "UPDATE stock_balance SET picked = picked + 1",
    "I4": "UPDATE stock_balance SET reserved = reserved + 1",
    "I5": "ALTER TABLE stock_balance DROP CONSTRAINT ck_stock_balance_never_oversold;"
    "UPDATE stock_balance SET allocated = sellable + 1",
    "I6": "UPDATE quant SET pinned = pinned - 1 WHERE pinned > 0",
    "I6b": "UPDATE hold SET units = units + 100 WHERE state = 'PICKED'",
    "I7": "INSERT INTO stock_command (site_id, command_id, kind, asked, hold_id, state)"
    " SELECT site_id, gen_random_uuid(), 'ADVANCE', gen_random_uuid(), hold_id, 'RELEASED'"
    " FROM (SELECT * FROM stock_command WHERE state = 'PINNED' LIMIT 1) c, generate_series(1, 2)",
    "I9": "UPDATE handling_unit u SET parent_id = o.id FROM handling_unit o"
    " WHERE o.site_id = u.site_id AND o.code <> u.code",
    "I10": "DELETE FROM stock_command WHERE state = 'PICKED'",
}


def busy_books(database: Database) -> None:
    """Two units, and a hold in each state that has stock."""

    def work(session: Session) -> None:
        site, sku = a_site(session), a_sku(session)
        for code in ("T-1", "T-2"):
            a_tote(session, site, code)
        stock_of(session, site, sku, 40)
        lines = [
            a_reserve(site, sku, 3),
            *(a_reserve(site, sku, 3, state="ALLOCATED") for _ in "abcd"),
        ]
        promises.reserve(session, lines, now=NOW)
        rest = HoldId(an_id())
        ledger.advance(
            session,
            [
                *(an_advance(line, "PINNED") for line in lines[2:]),
                *(an_advance(line, "PICKED") for line in lines[3:]),
                an_advance(lines[4], "PACKED", units=2, rest_hold_id=rest, rest_state="SHORT"),
            ],
        )

    database.run(work)


def test_busy_books_are_clean(database: Database):
    busy_books(database)

    report = database.run(verify)

    assert report.clean, report
    assert (report.holds, report.balances) == (6, 1)


def test_empty_books_are_clean(database: Database):
    assert database.run(verify).clean


@pytest.mark.parametrize("law", [law.code for law in LAWS])
def test_a_planted_fault_is_found(database: Database, superuser: Engine, law: str):
    busy_books(database)

    report = plant(superuser, FAULTS[law])

    (found,) = [judged for judged in report.laws if judged.code == law]
    assert found.differences >= 1
    assert found.first
    assert not report.clean


def plant(superuser: Engine, fault: str) -> Report:
    """The report while a fault is in the books; then they are as before."""
    with Session(superuser) as session:
        session.execute(text("SET LOCAL session_replication_role = replica"))
        for statement in fault.split(";"):
            session.execute(text(statement))
        return verify(session)


def test_on_the_command_line(
    database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):  # fmt: skip
    busy_books(database)
    monkeypatch.setenv("SOKO_DATABASE_URL", database_url)

    with pytest.raises(SystemExit) as ended:
        main(["verify", "--json"])

    assert ended.value.code == 0
    assert json.loads(capsys.readouterr().out)["clean"] is True


def test_on_the_command_line_a_fault_is_named_and_ends_with_status_1(
    database: Database, database_url: str, superuser: Engine, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):  # fmt: skip
    busy_books(database)
    monkeypatch.setenv("SOKO_DATABASE_URL", database_url)
    with superuser.begin() as connection:
        connection.execute(text(FAULTS["I3"]))

    with pytest.raises(SystemExit) as ended:
        main(["verify"])

    assert ended.value.code == 1
    said = capsys.readouterr().out
    assert "picked is 4, its places have 3" in said
    assert "TYO1" in said
