"""What is done that is no movement is written down with the deed, and some deeds need two."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from tests.builders import an_id, eventually
from tests.wms.house import HUB, House
from tests.wms.identity.offices import Desk, Office
from wms.catalog import HOUSE_OWNER_ID, sku_id
from wms.identity.seconds import WITHIN
from wms.ids import CommandId
from wms.sites import location_id, site_id, virtual_location
from wms.stock import ledger
from wms.stock.prove import prove
from wms.stock.seal import Sealer


@pytest.fixture
def office(house: House, folder: Path) -> Office:
    return Office(house.database, folder, two_persons="on")


POLICY = f"/console/v1/count-policy/{HUB}"


def body_of(desk: Desk, **changes: Any) -> Any:
    return desk.good("GET", POLICY) | changes


def test_asvs_16_3_sign_ins_and_failures_are_noted_without_what_was_typed(office: Office):
    desk = office.chief()
    wrong = {"code": "hunter2-typed-in-the-wrong-field", "password": "wrong"}
    desk.code("POST", "/auth/v1/sign-in", json=wrong)
    desk.ask("POST", "/auth/v1/sign-out")
    assert sorted((each.kind, each.who) for each in office.noted()) == [
        ("rights", "account:chief"), ("sign_in", "account:chief"),
        ("sign_in_failed", "account:?"), ("sign_out", "account:chief"),
    ]  # fmt: skip
    assert "hunter2" not in repr([vars(each) for each in office.noted()])


def test_who_changes_rules_rights_or_keys_is_noted_with_the_change_or_not_at_all(office: Office):
    chief = office.chief()
    desk = office.somebody(chief, "mori", {"role": "planner"})
    before = len(office.noted())
    desk.good("PUT", POLICY, json=body_of(desk, two_person_minor=500))
    (event,) = office.noted()[: len(office.noted()) - before]
    assert (event.kind, event.who, event.what) == ("config", "account:mori", f"PUT {POLICY}")
    assert event.address == "testclient"
    refused = desk.ask("PUT", POLICY, json={"nonsense": 1})
    assert refused.status_code == 422
    assert len(office.noted()) == before + 1, "nothing was changed, nothing is noted"
    made = {"command_id": str(an_id()), "name": "shop", "scopes": ["orders:read"]}
    chief.good("POST", "/admin/v1/keys", json=made)
    assert office.noted()[0].what == "POST /admin/v1/keys"


def test_exports_are_noted_though_they_change_nothing(office: Office):
    desk = office.chief()
    assert desk.ask("GET", "/console/v1/exports/skus.csv").status_code == 200
    newest = office.noted(kind="export")[0]
    assert newest.what == "GET /console/v1/exports/skus.csv"


def test_asvs_16_4_2_a_line_of_the_log_that_was_changed_breaks_the_seal(
    office: Office, superuser: Engine, tmp_path: Path
):
    office.chief()
    key = tmp_path / "seal.key"
    sealer = Sealer(key)
    newest = text("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint > max(xid)"
                  " FROM audit_event")  # fmt: skip
    eventually(lambda: office.database.run(lambda s: s.scalar(newest)))
    seal = office.database.run(sealer.seal)
    assert seal is not None
    assert seal.rows >= 2
    sealer.remember(seal)
    assert not [law for law in prove(office.database, (), key=key).laws if law.differences]
    with superuser.begin() as connection, pytest.raises(DBAPIError, match="written once"):
        connection.execute(text("UPDATE audit_event SET who = 'account:nobody'"))
    with superuser.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text("UPDATE audit_event SET who = 'account:nobody'"))
    broken = [law.code for law in prove(office.database, (), key=key).laws if law.differences]
    assert broken == ["Z2"]


def test_asvs_16_4_1_nobody_writes_a_second_line_into_a_first(house: House):
    name = {"x-soko-operator": "eve\tadmin granted"}
    house.http.put(POLICY, json=house.http.get(POLICY).json(), headers=name)
    newest = house.ok(house.http.get("/admin/v1/audit"))["events"][0]
    assert newest["who"] == "open:eve�admin granted"


def test_asvs_2_3_5_what_is_worth_much_is_written_off_by_two(house: House, office: Office):
    house.sku("A")
    house.stock("A", 9, "S01-01")
    chief = office.chief()
    rights = {"role": "supervisor"}
    one, other = (office.somebody(chief, code, rights) for code in ("mori", "abe"))
    planner = office.somebody(chief, "plan", {"role": "planner"})
    planner.good("PUT", POLICY, json=body_of(planner, two_person_minor=500))
    house.ok(house.http.put("/console/v1/sku-values", json={"values": {"A": 300}}))
    missed(house, 3)
    path = f"/console/v1/unknown/{HUB}:write-off"
    wish = {"command_id": str(an_id()), "sku": "A", "units": 2, "reason": "gone"}
    assert one.code("POST", path, json=wish) == (409, "second_person_needed")
    assert one.code("POST", path, json=wish) == (409, "second_person_needed"), "still"
    (waits,) = other.good("GET", "/console/v1/second-persons")
    assert (waits["asked_by"], waits["facts"]["value_minor"]) == ("account:mori", 600)
    agree = f"/console/v1/second-persons/{waits['id']}:approve"
    command = {"command_id": str(an_id())}
    assert one.code("POST", agree, json=command) == (403, "same_person")
    other.good("POST", agree, json=command)
    more = wish | {"units": 3}
    assert one.code("POST", path, json=more) == (409, "second_person_refused"), "another deed"
    one.good("POST", path, json=wish)
    one.good("POST", path, json=wish)  # again: it has been done
    small = wish | {"command_id": str(an_id()), "units": 1}
    one.good("POST", path, json=small)
    assert house.stock_row("A")["unknown"] == 0
    assert {e.who for e in office.noted(kind="override")} == {"account:mori", "account:abe"}


def test_a_second_persons_word_is_soon_too_late(house: House, office: Office):
    house.sku("A")
    chief = office.chief()
    one, other = (office.somebody(chief, c, {"role": "supervisor"}) for c in ("mori", "abe"))
    house.ok(house.http.put("/console/v1/sku-values", json={"values": {"A": 90_000_000}}))
    wish = {"command_id": str(an_id()), "sku": "A", "units": 2, "reason": "gone"}
    path = f"/console/v1/unknown/{HUB}:write-off"
    assert one.code("POST", path, json=wish)[0] == 409
    office.clock.at += WITHIN
    office.enter(other, "abe")
    assert other.good("GET", "/console/v1/second-persons") == []
    agree = f"/console/v1/second-persons/{wish['command_id']}:approve"
    late = other.code("POST", agree, json={"command_id": str(an_id())})
    assert late == (409, "decided_already")


def test_asvs_2_3_5_robots_go_on_at_the_word_of_another(office: Office):
    chief = office.chief()
    one, other = (office.somebody(chief, c, {"role": "supervisor"}) for c in ("mori", "abe"))
    ask = {"command_id": str(an_id()), "deed": "GO_ON", "machine": "R-01", "reason": "aisle free"}
    exception = one.good("POST", "/console/v1/machines:ask", json=ask)["exception"]
    solve = f"/console/v1/exceptions/{exception}:solve"
    act = {"command_id": str(an_id()), "act": "confirm", "note": ""}
    assert one.code("POST", solve, json=act) == (403, "same_person")
    other.good("POST", solve, json=act | {"command_id": str(an_id())})
    hold = ask | {"command_id": str(an_id()), "deed": "HOLD"}
    held = one.good("POST", "/console/v1/machines:ask", json=hold)["exception"]
    again = act | {"command_id": str(an_id())}
    one.good("POST", f"/console/v1/exceptions/{held}:solve", json=again)
    assert {each.who for each in office.noted(kind="command")} == {"account:mori", "account:abe"}


def missed(house: House, units: int) -> None:
    """So many of A are at UNKNOWN, as after a count."""
    site = site_id(HUB)
    move = ledger.Move(
        command_id=CommandId(an_id()), site_id=site, owner_id=HOUSE_OWNER_ID, sku_id=sku_id("A"),
        units=units, from_location_id=location_id(site, "S01-01"),
        to_location_id=virtual_location(site, "UNKNOWN"), cause_kind="TEST", cause_id=an_id(),
        actor="test", reason="missed", occurred_at=house.clock.now(),
    )  # fmt: skip
    house.database.run(lambda s: ledger.move(s, [move]))
