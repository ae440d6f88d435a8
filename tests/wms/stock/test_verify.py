"""Each fault that somebody plants in the books is found and named."""

import json
from collections.abc import Sequence
from functools import partial

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from tests.builders import NOW, a_reserve, a_site, a_sku, a_tote, an_advance, an_id, stock_of
from wms.cli import main
from wms.database import Database
from wms.ids import HoldId
from wms.outbox import drain, record
from wms.stock import ledger, promises
from wms.stock.posting import NIL
from wms.stock.verify import LAWS, NETWORK_LAWS, Law, Report, verify

# What is planted, the laws that it breaks, and a part of what is said of it.
FAULTS = {
    "units from nowhere": (
        "UPDATE quant SET units = units + 1 WHERE outside",
        {"I1": "all places together have 1 units", "I2": "units, its movements say"},
    ),
    "weight from nowhere": (
        "UPDATE quant SET weight_g = weight_g + 5 WHERE outside",
        {"I1w": "all places together weigh 5 g", "I2": "weighs 5 g, its movements say 0 g"},
    ),
    "a movement changed": (
        "UPDATE movement SET units = units - 1 WHERE cause_kind = 'TEST'",
        {"I2": "place @SUPPLIER has -40 units, its movements say -39"},
    ),
    "a counter ahead of its places": (
        "UPDATE stock_balance SET picked = picked + 1",
        {"I3": "picked is 4, its places have 3"},
    ),
    "blocked for no reason": (
        "UPDATE stock_balance SET blocked = 2",
        {"I3b": "blocked is 2, lots that nobody may have are 0"},
    ),
    "a day that is not looked at": (
        ("INSERT INTO lot (sku_id, code, expires_on) SELECT id, 'L', '2020-02-29' FROM sku;"
        "UPDATE quant SET lot = 'L'; UPDATE hold SET lot = 'L'; UPDATE movement SET lot = 'L'"),
        {"I3b": "lot L ends at 2020-02-29 15:00:00+00, its balance looks again at no time"},
    ),
    "a promise to nobody": (
        "UPDATE stock_balance SET reserved = reserved + 1",
        {"I4": "reserved is 4, its holds have 3"},
    ),
    "a cart of nobody": (
        "UPDATE stock_balance SET cart = 1",
        {"I4": "cart is 1, its holds have 0"},
    ),
    "a supply held by nobody": (
        ("INSERT INTO supply (site_id, id, kind, owner_id, sku_id, units, held, eta_p50, eta_p90)"
        " SELECT site_id, gen_random_uuid(), 'PO', owner_id, sku_id, 5, 2, now(), now()"
        " FROM stock_balance"),
        {"I4s": "has 2 units held, its holds have 0"},
    ),
    "promised twice": (
        ("ALTER TABLE stock_balance DROP CONSTRAINT ck_stock_balance_never_oversold;"
        "UPDATE stock_balance SET allocated = sellable + 1"),
        {"I4": "allocated is", "I5": "reserved 3, allocated"},
    ),
    "a pin lost": (
        "UPDATE quant SET pinned = pinned - 1 WHERE pinned > 0",
        {"I6": "2 pinned; its holds pin 3"},
    ),
    "more picked than is there": (
        "UPDATE hold SET units = units + 100 WHERE state = 'PICKED'",
        {"I6b": "place @TOTE has 3 units, holds have 103 there"},
    ),
    "a serial without goods": (
        ("INSERT INTO serial SELECT site_id, owner_id, sku_id, 'N-1', location_id,"
        " handling_unit_id, lot, condition FROM quant WHERE NOT outside AND pinned > 0"),
        {"I6s": "units and 1 serials"},
    ),
    "a hold ended twice": (
        ("INSERT INTO stock_command (site_id, command_id, kind, asked, hold_id, state)"
        " SELECT site_id, gen_random_uuid(), 'ADVANCE', gen_random_uuid(), hold_id, 'RELEASED'"
        " FROM (SELECT * FROM stock_command WHERE state = 'PINNED' LIMIT 1) c,"
        " generate_series(1, 2)"),
        {"I7": "has ended 2 times"},
    ),
    "a hold that came back": (
        "UPDATE stock_command SET state = 'RELEASED' WHERE state = 'SHIPPED'",
        {"I7": "has ended RELEASED, and is SHIPPED"},
    ),
    "units inside one another": (
        ("UPDATE handling_unit u SET parent_id = o.id FROM handling_unit o"
        " WHERE o.site_id = u.site_id AND o.code <> u.code"),
        {"I9": "unit T-1 is inside itself"},
    ),
    "a command forgotten": (
        "DELETE FROM stock_command WHERE state = 'PICKED'",
        {"I10": "of which nobody knows"},
    ),
    "a command without its effect": (
        ("INSERT INTO stock_command (site_id, command_id, kind, asked)"
        " SELECT id, gen_random_uuid(), 'MOVE', gen_random_uuid() FROM site"),
        {"I10": "moved nothing"},
    ),
    "a command carried out again": (
        ("INSERT INTO movement SELECT site_id, recorded_at + interval '1 second', id, command_id,"
        " cause_kind, cause_id, actor, owner_id, sku_id, lot, serial, from_condition,"
        " to_condition, from_location_id, from_unit_id, to_location_id, to_unit_id, units,"
        " weight_g, variance_g, reason, occurred_at, xid FROM movement WHERE cause_kind = 'TEST'"),
        {"I2": "place @SUPPLIER has -40 units, its movements say -80",
         "I10": "moved too often, in several transactions"},
    ),
    "goods under way for ever": (
        ("UPDATE movement SET recorded_at = recorded_at - interval '16 days';"
        "UPDATE stock_command SET at = at - interval '16 days'"),
        {"I13": "2 units are on lane TO_CUSTOMER for more than 14 days, alarms tell of 0"},
    ),
    "an event taken out": (
        "DELETE FROM outbox WHERE position = 2",
        {"I14": "event 1 is followed by event 3"},
    ),
    "the last event taken out": (
        "DELETE FROM outbox WHERE position = (SELECT max(position) FROM outbox)",
        {"I14": "have been numbered"},
    ),
    "a reader ahead of what there is": (
        "UPDATE outbox_consumer SET position = 1000 WHERE name = 'test'",
        {"I14": "test has had event 1000"},
    ),
}  # fmt: skip


def busy_books(database: Database) -> None:
    """Two units, a hold in each state that has stock, events that were read."""

    def work(session: Session) -> None:
        site, sku = a_site(session), a_sku(session)
        for code in ("T-1", "T-2"):
            a_tote(session, site, code)
        stock_of(session, site, sku, 40)
        lines = [
            a_reserve(site, sku, 3),
            *(a_reserve(site, sku, 3, state="ALLOCATED") for _ in "abcde"),
        ]
        promises.reserve(session, lines, now=NOW)
        rest = HoldId(an_id())
        ledger.advance(
            session,
            [
                *(an_advance(line, "PINNED") for line in lines[2:]),
                *(an_advance(line, "PICKED") for line in lines[3:]),
                an_advance(lines[4], "PACKED", units=2, rest_hold_id=rest, rest_state="SHORT"),
                an_advance(lines[5], "PACKED", units=2, rest_hold_id=HoldId(an_id()),
                           rest_state="SHORT"),
                an_advance(lines[5], "SHIPPED"),
            ],
        )  # fmt: skip

    database.run(work)
    for number in range(3):
        database.run(partial(record, topic="t", key="k", type="Said", body={"n": number}, now=NOW))
    assert len(database.run(lambda session: drain(session, "test"))) > 3


def test_busy_books_are_clean(database: Database):
    busy_books(database)

    report = database.run(verify)

    assert report.clean, report
    assert (report.holds, report.balances) == (8, 1)


def test_empty_books_are_clean(database: Database):
    assert database.run(verify).clean


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found_and_named(database: Database, superuser: Engine, fault: str):
    busy_books(database)
    statements, expected = FAULTS[fault]

    report = plant(superuser, statements)

    found = {law.code: law.first or "" for law in report.laws if law.differences}
    assert found.keys() == expected.keys(), found
    for code, words in expected.items():
        assert words in found[code]


def test_every_law_has_a_fault_that_breaks_it():
    broken = {code for _, codes in FAULTS.values() for code in codes}

    assert {law.code for law in LAWS} - broken == set()


NETWORK_FAULTS = {
    "more received than was sent": (-5, "I1n", "5 units more came from other sites"),
    "sent and never received": (5, "I13n", "5 units are on lane NETWORK for more than 7 days"),
}


@pytest.mark.parametrize("fault", NETWORK_FAULTS)
def test_goods_between_sites_are_judged_over_all_sites(
    database: Database, superuser: Engine, fault: str
):
    busy_books(database)
    units, code, words = NETWORK_FAULTS[fault]
    sent = (
        f"INSERT INTO quant SELECT l.site_id, l.id, k.id, k.owner_id, '{NIL}', '', 'A', {units}, 0,"  # noqa: S608
        " 0, true FROM location l, sku k WHERE l.kind = 'NETWORK'"
    )

    assert plant(superuser, "SELECT 1", NETWORK_LAWS).clean
    report = plant(superuser, sent, NETWORK_LAWS)

    found = {law.code: law.first or "" for law in report.laws if law.differences}
    assert found.keys() == {code}
    assert words in found[code]


def plant(superuser: Engine, fault: str, laws: Sequence[Law] = LAWS) -> Report:
    """The report while a fault is in the books; then they are as before."""
    with Session(superuser) as session:
        session.execute(text("SET LOCAL session_replication_role = replica"))
        for statement in fault.split(";"):
            session.execute(text(statement))
        return verify(session, laws)


def test_on_the_command_line(
    database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):  # fmt: skip
    busy_books(database)
    monkeypatch.setenv("SOKO_DATABASE_URL", database_url)
    monkeypatch.setenv("SOKO_SEAL_KEY", "/nowhere/seal.key")

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
    monkeypatch.setenv("SOKO_SEAL_KEY", "/nowhere/seal.key")
    with superuser.begin() as connection:
        connection.execute(text(FAULTS["a counter ahead of its places"][0]))

    with pytest.raises(SystemExit) as ended:
        main(["verify"])

    assert ended.value.code == 1
    said = capsys.readouterr().out
    assert "picked is 4, its places have 3" in said
    assert "TYO1" in said
