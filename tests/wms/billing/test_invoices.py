"""Two owners in one house: what each pays, what is behind it, and what is found out later."""

from functools import partial
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from tests.builders import an_id
from tests.wms.billing.text import words_of
from tests.wms.house import HUB, House
from wms.ports import TrackingEvent

ISSUER = {"name": "倉庫株式会社", "registration": "T7000012050002", "address": "東京都"}
LINES: list[dict[str, Any]] = [
    {"code": "IN", "kind": "INBOUND", "per": "UNIT", "rate": "1.25"},
    {"code": "OUT-ORDER", "kind": "OUTBOUND", "per": "ORDER", "rate": "120"},
    {"code": "OUT-UNIT", "kind": "OUTBOUND", "per": "UNIT", "rate": "10"},
    {"code": "OUT-BOX", "kind": "OUTBOUND", "per": "PARCEL", "rate": "55"},
    {"code": "STORE", "kind": "STORAGE", "per": "UNIT_DAY", "rate": "0.5", "tax_percent": 8},
    {"code": "WRAP", "kind": "VAS", "per": "UNIT", "rate": "80"},
]
MONTH = "2026-11"


@pytest.fixture
def two(house: House) -> House:
    """A house with goods of two owners, of which one has the same codes as the other."""
    house.ok(house.http.put("/master/v1/owners", json=[{"code": "ACME", "name": "アクメ商事"}]))
    for owner in ("HOUSE", "ACME"):
        sku = [{"code": "A", "name_en": "A", "weight_g": 100, "owner": owner}]
        house.ok(house.http.put("/master/v1/skus", json=sku))
        line = {"site": HUB, "location": "S01-01", "sku": "A", "units": 20, "owner": owner}
        body = {"id": str(an_id()), "lines": [line]}
        house.ok(house.http.post("/master/v1/receipts", json=body))
        tariff = {"valid_from": "2026-01-01", "lines": LINES}
        assert house.http.put(f"/billing/v1/tariffs/{owner}/1", json=tariff).status_code == 201
        assert house.http.put(f"/billing/v1/tariffs/{owner}/1", json=tariff).status_code == 200
    return house


def ship(house: House, *lines: tuple[str, int], **more: Any) -> None:
    """An order that leaves the house."""
    order = house.put_order(*lines, **more)
    house.tick()
    house.work_off(HUB, "pick")
    house.work_off(HUB, "pack")
    house.after_hours()
    shipments = house.ok(house.http.get("/oms/v1/shipments", params={"order_id": str(order)}))
    for each in shipments:
        at = house.clock.now()
        house.carrier.events.append(TrackingEvent(sscc=each["sscc"], status="DELIVERED", at=at))
    house.after_hours()


def post(house: House, path: str, **body: Any) -> Any:
    return house.ok(house.http.post(f"/billing/v1/{path}", json=body))


def lines(house: House, invoice: dict[str, Any]) -> dict[str, tuple[int, int]]:
    rows = house.ok(house.http.get(f"/billing/v1/invoices/{invoice['id']}/lines"))
    return {row["code"]: (row["quantity"], row["amount_minor"]) for row in rows}


def links(house: House, invoice: dict[str, Any], line_no: int) -> list[dict[str, Any]]:
    url = f"/billing/v1/invoices/{invoice['id']}/lines/{line_no}/movements"
    found: list[dict[str, Any]] = []
    after: int | None = 0
    while after is not None:
        page = house.ok(house.http.get(url, params={"after": after, "limit": 2}))
        found += page["links"]
        after = page["next"]
    return found


def test_each_owner_pays_for_its_own_movements_and_corrections_are_the_difference(two: House):
    drafted = billed(two)
    on_paper(two, drafted)
    corrected(two)
    told_late(two)


def billed(house: House) -> Any:
    """November of both owners; that of one is final."""
    gift = [{"line_no": 1, "sku": "A", "units": 3, "gift": "NOSHI"}]
    ship(house, owner="ACME", lines=gift)
    ship(house, ("A", 5))
    assert house.http.post("/billing/v1/invoices:draft", json={"owner": "X", "month": MONTH}
                           ).status_code == 404  # fmt: skip

    drafted = post(house, "invoices:draft", owner="ACME", month=MONTH)
    # 27 November: twenty units came, three left; they lie there until the month ends
    assert lines(house, drafted) == {
        "IN": (20, 25), "OUT-ORDER": (1, 120), "OUT-UNIT": (3, 30), "OUT-BOX": (1, 55),
        "STORE": (17 * 4, 34), "WRAP": (3, 240),
    }  # fmt: skip
    assert drafted["taxes"] == [
        {"percent": 10, "net_minor": 470, "tax_minor": 47},
        {"percent": 8, "net_minor": 34, "tax_minor": 2},
    ]
    ours = post(house, "invoices:draft", owner="HOUSE", month=MONTH)
    assert lines(house, ours)["OUT-UNIT"] == (5, 50)

    rows = house.ok(house.http.get(f"/billing/v1/invoices/{drafted['id']}/lines"))
    for row in rows:
        behind = links(house, drafted, row["no"])
        assert sum(link["charge_minor"] for link in behind) == row["amount_minor"]
        assert {link["movement"]["sku"] for link in behind} == {"A"}
    out = next(row["no"] for row in rows if row["code"] == "OUT-UNIT")
    (left,) = [link["movement"] for link in links(house, drafted, out)]
    assert (left["units"], left["from_place"]) == (3, "@PACK")

    final = f"invoices/{drafted['id']}:finalise"
    command = {"command_id": str(an_id()), "issued_on": "2026-11-30"}
    url = f"/billing/v1/{final}"
    assert house.http.post(url, json=command).json()["code"] == "month_not_over"
    command["issued_on"] = "2026-12-01"
    assert house.http.post(url, json=command).json()["code"] == "no_issuer"
    bad = ISSUER | {"registration": "T7000012050003"}
    assert house.http.put("/billing/v1/issuer", json=bad).json()["code"] == "malformed_registration"
    house.ok(house.http.put("/billing/v1/issuer", json=ISSUER))
    assert post(house, final, **command) == post(house, final, **command)
    said = house.http.post("/billing/v1/invoices:draft", json={"owner": "ACME", "month": MONTH})
    assert said.json()["code"] == "billed_already"
    return drafted


def on_paper(house: House, drafted: dict[str, Any]) -> None:
    """What a qualified invoice must say."""
    paper = house.http.get(f"/billing/v1/invoices/{drafted['id']}/pdf").content
    words = words_of(paper)
    for word in ("請求書", "アクメ商事", "T7000012050002", "2026-12-01", "553", "※"):
        assert word in words, word
    table = house.http.get(f"/billing/v1/invoices/{drafted['id']}/csv").content.decode("utf-8-sig")
    assert "ACME-202611-1,2026-11,ACME,T7000012050002,2026-12-01,1," in table


def corrected(house: House) -> None:
    """The same tariff again costs nothing; a cheaper one with a day in the past gives back."""
    again = {"command_id": str(an_id()), "owner": "ACME", "month": MONTH}
    assert post(house, "invoices:rerate", **again) == {"invoice": None}
    cheaper = [line | ({"rate": "100"} if line["code"] == "OUT-ORDER" else {}) for line in LINES]
    tariff = {"valid_from": "2026-11-01", "lines": cheaper}
    assert house.http.put("/billing/v1/tariffs/ACME/2", json=tariff).status_code == 201
    changed = tariff | {"valid_from": "2026-11-02"}
    assert house.http.put("/billing/v1/tariffs/ACME/2", json=changed).json()["code"] == "id_reused"
    again["command_id"] = str(an_id())
    correction = post(house, "invoices:rerate", **again)["invoice"]
    assert post(house, "invoices:rerate", **again)["invoice"] == correction
    assert (correction["kind"], correction["corrects"]) == ("CORRECTION", "ACME-202611-1")
    assert lines(house, correction) == {"OUT-ORDER": (0, -20)}
    assert (correction["net_minor"], correction["tax_minor"]) == (-20, -2)
    post(house, f"invoices/{correction['id']}:finalise", command_id=str(an_id()),
         issued_on="2026-12-02")  # fmt: skip
    again["command_id"] = str(an_id())
    assert post(house, "invoices:rerate", **again) == {"invoice": None}


def told_late(house: House) -> None:
    """Goods of that month that are told late are a correction too."""
    again = {"command_id": str(an_id()), "owner": "ACME", "month": MONTH}
    line = {"site": HUB, "location": "S01-02", "sku": "A", "units": 4, "owner": "ACME"}
    house.ok(house.http.post("/master/v1/receipts", json={"id": str(an_id()), "lines": [line]}))
    again["command_id"] = str(an_id())
    late = post(house, "invoices:rerate", **again)["invoice"]
    assert lines(house, late) == {"IN": (4, 5), "STORE": (16, 8)}
    listed = house.ok(house.http.get("/billing/v1/invoices", params={"owner": "ACME", "limit": 2}))
    rest = house.ok(house.http.get("/billing/v1/invoices", params={
        "owner": "ACME", "after": listed["next"]}))  # fmt: skip
    states = sorted((each["kind"], each["state"]) for each in listed["invoices"] + rest["invoices"])
    assert states == [("CORRECTION", "DRAFT"), ("CORRECTION", "FINAL"), ("INVOICE", "FINAL")]


def test_what_lay_there_before_is_billed_and_a_final_invoice_never_changes(two: House):
    house = two
    house.clock.at = house.clock.at.replace(month=12, day=20)
    assert house.job("billing.drafts") == 2
    assert house.job("billing.drafts") == 0
    drafts = house.ok(house.http.get("/billing/v1/invoices", params={"month": MONTH}))["invoices"]
    assert sorted(each["owner"] for each in drafts) == ["ACME", "HOUSE"]
    next_month = post(house, "invoices:draft", owner="ACME", month="2026-12")
    assert lines(house, next_month) == {"STORE": (20 * 31, 310)}
    house.ok(house.http.put("/billing/v1/issuer", json=ISSUER))
    final = {"command_id": str(an_id()), "issued_on": "2027-01-01"}
    post(house, f"invoices/{next_month['id']}:finalise", **final)
    for table in ("invoice SET number", "invoice_line SET rate", "invoice_movement SET quantity"):
        change = text(f"UPDATE {table} = {table.split()[-1]}")
        with pytest.raises(DBAPIError, match="never changed"):
            house.database.run(partial(Session.execute, statement=change))
    (link,) = links(house, next_month, 1)
    assert (link["movement"], link["charge_minor"]) == (None, 310)
