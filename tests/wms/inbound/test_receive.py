"""Deliveries otherwise than on paper: files, changes, blind, weights, labels, samples."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from edge.gs1 import sscc_from
from tests.builders import NOW, an_id
from tests.wms.house import HUB, House
from tests.wms.inbound.dock import CLOSE, LATER, Dock, Person
from tests.wms.supply import events, exceptions, jobs
from wms.catalog import Lot

HEAD = "number,supplier,line_no,sku,gtin,units,level,lot,expires_on,sscc,eta,purchase_order\n"
ETA = (NOW + timedelta(days=1)).isoformat()


def test_a_file_is_taken_whole_or_told_all_its_faults(house: House):
    dock = Dock(house)
    dock.sku("TEA", gtins=["4912345678904"])
    sscc = sscc_from("4512345", 3, 7)

    def send(text: str, **more: Any) -> Any:
        query = {"site": HUB, "supplier": "ACME"} | more
        return house.http.post(
            "/console/v1/asns:file", params=query, content=(HEAD + text).encode(),
            headers={"content-type": "text/csv"},
        )  # fmt: skip

    good = (
        f"F-1,,1,TEA,,24,CASE,,,{sscc},{ETA},PO-9\nF-1,,1,TEA,,6,,,,,,\n"
        f"F-2,NEKO,,,4912345678904,3,,,,,{ETA},\n"
    )
    assert house.ok(send(good, dry_run=True)) == {"new": ["F-1", "F-2"], "known": []}
    assert house.ok(send(good)) == {"new": ["F-1", "F-2"], "known": []}
    assert house.ok(send(good)) == {"new": [], "known": ["F-1", "F-2"]}
    listed = house.ok(house.http.get("/inbound/v1/asns", params={"site": HUB, "limit": 1}))
    assert listed["next"]
    more = house.ok(house.http.get("/inbound/v1/asns", params={"after": listed["next"]}))
    assert {each["number"] for each in listed["asns"] + more["asns"]} == {"F-1", "F-2"}
    one = next(each for each in listed["asns"] + more["asns"] if each["number"] == "F-1")
    assert (one["units_announced"], one["purchase_order"]) == (30, "PO-9")
    assert [each["content"] for each in dock.asn(one["id"])["units"]] == [{"1": 24}]

    bad = (
        f"F-3,,x,TEA,,many,BOX,,soon,106141412345678909,{ETA},\n"
        f",,1,TEA,,1,,,,,{ETA},\nF-4,,1,NIL,,1,,L-1,,,never,\n"
    )
    answer = send(bad)
    assert (answer.status_code, answer.json()["code"]) == (422, "faulty_announcement")
    told = {(each["line"], each["column"], each["code"]) for each in answer.json()["faults"]}
    assert told == {
        (2, "line_no", "not_a_number"), (2, "units", "not_a_number"),
        (2, "level", "unknown_level"), (2, "expires_on", "not_a_day"),
        (3, "number", "missing"), (4, "eta", "not_a_time"),
    }  # fmt: skip
    told = {
        (each["line"], each["column"], each["code"])
        for each in send(f"F-5,,1,NIL,,1,,,,,{ETA},\nF-5,,2,TEA,,2,,L-1,,106141412345678909,,\n")
        .json()["faults"]
    }  # fmt: skip
    assert told == {
        (2, "sku", "unknown_sku"),
        (3, "lot", "lot_unwanted"),
        (3, "sscc", "check_digit"),
    }
    wrong = house.http.post("/console/v1/asns:file", params={"site": HUB}, content=b"\xff\xfe,\n")
    assert wrong.status_code == 422


def test_what_is_announced_changes_and_promises_follow(house: House):
    dock = Dock(house)
    dock.sku("TEA")
    dock.sku("CUP")
    asn = dock.announce(("TEA", 10), ("CUP", 4), number="C-1")
    supply = house.ok(house.http.get("/v1/supplies", params={"sku": "TEA", "site": HUB}))[0]
    body = house.order_body(("TEA", 3))
    body["lines"][0]["supply_id"] = supply["id"]
    order = an_id()
    house.ok(house.http.put(f"/oms/v1/orders/{order}", json=body))

    later = dock.body(("TEA", 12), number="C-1", eta_p90=(NOW + timedelta(days=9)).isoformat())
    act = {"command_id": str(an_id()), "asn": later}
    for _ in range(2):
        house.ok(house.http.post(f"/inbound/v1/asns/{asn}:change", json=act))
    (tea,) = house.ok(house.http.get("/v1/supplies", params={"sku": "TEA", "site": HUB}))
    assert (tea["units"], tea["held"]) == (12, 3)
    assert house.ok(house.http.get("/v1/supplies", params={"sku": "CUP", "site": HUB})) == []
    other = house.http.put(f"/inbound/v1/asns/{asn}", json=later)
    assert (other.status_code, other.json()["code"]) == (422, "id_reused")
    taken = house.http.put(f"/inbound/v1/asns/{an_id()}", json=later)
    assert (taken.status_code, taken.json()["code"]) == (409, "asn_number_taken")

    # half of it comes on one day, the rest on another; the promise is kept when it is on a shelf
    person = dock.receive(asn)
    person.take("TEA", 5)
    person.finish(LATER)
    assert house.stock_row("TEA")["received"] == 5
    _walk_all(house)
    assert jobs(house, "preorders", "landed", "hold_supply") >= 0
    (tea,) = house.ok(house.http.get("/v1/supplies", params={"sku": "TEA", "site": HUB}))
    assert (tea["received"], tea["held"]) == (5, 0)
    gone = house.http.post(f"/inbound/v1/asns/{asn}:cancel", json={"command_id": str(an_id())})
    assert (gone.status_code, gone.json()["code"]) == (409, "asn_ended")
    person = dock.receive(asn)
    person.take("TEA", 7)
    person.finish(CLOSE)
    _walk_all(house)
    assert house.ok(house.http.get("/v1/supplies", params={"sku": "TEA", "site": HUB})) == []
    never = dock.announce(("TEA", 1))
    for _ in range(2):
        house.ok(
            house.http.post(f"/inbound/v1/asns/{never}:cancel", json={"command_id": str(an_id())})
        )
    assert len(events(house, "AsnCancelled")) == 1
    assert (
        house.http.post(
            "/api/v1/work/start", json={"site": HUB, "kind": "inbound", "scanned": "C-1"}
        ).json()["code"]
        == "not_expected"
    )


def _walk_all(house: House) -> None:
    """Put everything away where the packets say."""
    while (packet := house.next_packet(HUB, "putaway")) is not None:
        house.do(packet)


def test_goods_as_they_come(house: House):
    """In cases with all in the barcode, into a labelled carton; too old; sent back; by weight."""
    dock = Dock(house)
    dock.sku("FISH", catch_weight=True)
    dock.sku(
        "MILK", tracking="LOT", shelf_life_days=30, gtins=["4912345678904"],
        packs=[{"level": "CASE", "units": 12, "gtins": ["14912345678901"]}],
    )  # fmt: skip
    _blind_by_weight(house, dock)
    policy = {"site": HUB, "supplier": "ACME", "labels": "PRINT", "shelf_days_min": 20,
              "over": "REFUSE", "unlisted": "REFUSE"}  # fmt: skip
    house.ok(house.http.put("/console/v1/inbound-policies", json=policy))
    asn = dock.announce(("MILK", 60))
    person = dock.receive(asn)
    assert (person.do("scan", "FISH") or {})["code"] == "not_announced"
    fresh = (NOW + timedelta(days=25)).strftime("%y%m%d")
    case = f"]C1011491234567890117{fresh}3702\x1d10L-7"
    person.scan(case)  # two cases of lot L-7: nothing more is to be asked
    assert person.step["id"] == "1.state"
    person.say("OK")
    person.well("choice", "printed")
    lpn = person.step["expect"][0]["codes"][0]
    person.scan(f"00{lpn}")
    assert dock.line(asn)["received"] == 24
    old = (NOW + timedelta(days=5)).strftime("%y%m%d")
    person.scan(f"]C1010491234567890417{old}10L-6\x1d3706")
    person.say("OK")
    person.well("choice", "printed")
    person.odd("loose")
    assert (dock.line(asn)["held"], dock.line(asn)["received"]) == (6, 24)
    assert exceptions(house)["inbound.too_old"]["lot"] == "L-6"
    person.scan(f"]C1010491234567890417{fresh}10L-7\x1d3740")
    person.say("DAMAGED", photo="p-1")  # 40 more, of which 10 go back on the truck
    assert (dock.line(asn)["damaged"], exceptions(house)["inbound.refused"]["units"]) == (30, 10)
    person.finish(CLOSE)
    lots = house.database.run(
        lambda s: {lot.code: lot.expires_on for lot in s.scalars(select(Lot))}
    )
    assert lots["L-7"] == (NOW + timedelta(days=25)).date()

    _the_carton_goes_whole(house, dock, asn, lpn)


def _blind_by_weight(house: House, dock: Dock) -> None:
    blind = Person(house, dock.start("blind", ""))
    blind.scan("FISH")
    blind.count(2)
    blind.well("qty", 5_350)
    blind.say("OK")
    (receipt,) = house.ok(house.http.get("/console/v1/receipts", params={"site": HUB}))["receipts"]
    assert (receipt["units"], receipt["weight_g"], receipt["line_no"]) == (2, 5_350, 0)
    blind.finish(CLOSE)


def _the_carton_goes_whole(house: House, dock: Dock, asn: UUID, lpn: str) -> None:
    """It is put away whole; then nobody can say any more that it had not come."""
    (waits,) = [each for each in dock.putaways() if each["lpn"]]
    assert (waits["lpn"], waits["units"]) == (lpn, 24)
    walker = Person(house, dock.start("putaway", f"00{lpn}"))
    walker.scan(lpn)
    walker.scan(walker.step["big"])
    assert house.stock_row("MILK")["sellable"] == 24
    moved = next(each for each in dock.asn(asn)["receipts"] if each["lpn"] == lpn)
    answer = house.http.post(
        f"/console/v1/receipts/{HUB}/{moved['id']}:reverse", json={"command_id": str(an_id())}
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "receipt_moved")


@pytest.mark.parametrize("bad", [1, 0])
def test_a_sample_that_passes_lets_the_goods_go(house: House, bad: int):
    dock = Dock(house)
    dock.sku("HAM", tracking="LOT")
    plan = {"site": HUB, "supplier": "ACME", "sample_units": 1, "of_units": 2, "accept": 1,
            "skip_after": 1, "skip_every": 2}  # fmt: skip
    house.ok(house.http.put("/console/v1/inspection-plans", json=plan))
    for number in range(2):
        asn = dock.announce({"sku": "HAM", "units": 6, "lot": "L-1"})
        person = dock.receive(asn)
        person.scan("HAM")
        person.scan("L-1")
        person.count(6)
        person.say("OK")
        person.finish(CLOSE)
        packet = house.next_packet(HUB, "inspect")
        assert (packet is None) == (number == 1), "after a good one the next is not looked at"
        if packet is not None:
            inspector = Person(house, packet)
            inspector.scan("HAM")
            inspector.well("choice", "SOME_BAD" if bad else "NONE_BAD")
            if bad:
                inspector.count(1)
                inspector.well("choice", "")
            assert (dock.line(asn)["received"], dock.line(asn)["damaged"]) == (6 - bad, bad)
    _walk_all(house)
    assert house.stock_row("HAM")["sellable"] == 12 - bad
