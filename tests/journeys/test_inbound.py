"""From a supplier's announcement to goods on a shelf that are sold, through public doors only.

Over, short, damaged, unknown; a sample that is looked at, goods that somebody waits for, a full
place; two people at one truck; everything sent twice.
"""

from datetime import timedelta
from uuid import UUID

from edge.gs1 import sscc_from, sscc_to_epc_hex
from tests.builders import NOW, an_id
from tests.wms.house import HUB, House
from tests.wms.inbound.dock import CLOSE, LATER, Dock, Person
from tests.wms.supply import events, exceptions, jobs
from wcs.messages import GatePassage, TransportOrder, TransportReport
from wms.sites import check_digits, location_id, site_id


def test_from_announcement_to_a_shelf(house: House):
    dock = Dock(house)
    _masters(house, dock)
    # somebody waits for cups; what is announced is supply from now on
    waiting = house.put_order(("CUP", 2), backorders="WAIT")
    asn = dock.announce(("TEA", 20), ("CUP", 6), ("HAM", 10), ("PIE", 5), ("MILK", 4), ("TEA", 4))
    supply = house.ok(house.http.get("/v1/supplies", params={"sku": "TEA", "site": HUB}))
    assert sorted(each["units"] for each in supply) == [4, 20]
    _the_truck_comes(house, asn)
    assert dock.asn(asn)["state"] == "ARRIVED"

    # two people at one truck, each with a packet of their own
    ann, bob = dock.receive(asn), dock.receive(asn, device="hh-2")
    assert ann.packet["id"] != bob.packet["id"]
    ann.take("TEA", 15)
    bob.take("TEA", 14)  # 29 of 24 announced; 10 % more is taken of it: 26
    tea = [dock.line(asn, no) for no in (1, 6)]
    assert sum(each["received"] for each in tea) == 26
    assert sum(each["held"] for each in tea) == 3
    assert exceptions(house)["inbound.over"]["units"] == 3
    for event in ann.sent + bob.sent:  # all of it again: nothing is done twice
        assert house.send(event, device=event["device"])["results"][0]["result"] == "duplicate"
    assert sum(dock.line(asn, no)["received"] for no in (1, 6)) == 26

    _odd_goods(house, dock, asn, ann)
    bob.scan("MILK")
    bob.scan("L-7")
    assert (bob.do("scan", "soon") or {})["code"] == "not_a_day"
    bob.scan("270630")
    bob.count(4)
    bob.say("OK")
    _cups_go_on(house, dock, ann)
    assert house.line(waiting)["units_waiting"] == 0
    _ham_is_bad(house, dock, asn, ann)

    _bob_goes_on_another_day_and_ann_closes(house, dock, asn, ann, bob)
    _put_all_away(house, dock)
    assert house.stock_row("TEA")["sellable"] == 26
    assert house.stock_row("PIE")["sellable"] == 3
    assert max(dock.at("B-01"), dock.at("B-02")) <= 30
    assert house.ok(house.http.get("/v1/supplies", params={"sku": "TEA", "site": HUB})) == []
    sold = house.put_order(("TEA", 26))
    house.tick()
    house.work_off(HUB, "pick")
    house.work_off(HUB, "pack")
    assert house.line(sold)["status"] in {"PACKED", "SHIPPED"}


def _bob_goes_on_another_day_and_ann_closes(
    house: House, dock: Dock, asn: UUID, ann: Person, bob: Person
) -> None:
    """A pie is short."""
    bob.finish(LATER)
    assert dock.asn(asn)["state"] == "ARRIVED"
    ann.finish(CLOSE)
    assert dock.asn(asn)["state"] == "CLOSED"
    (closed,) = events(house, "AsnClosed")
    assert [each["short"] for each in closed["lines"]] == [0, 0, 0, 1, 0, 0]
    assert exceptions(house)["inbound.short"]["sku"] == "PIE"


def _masters(house: House, dock: Dock) -> None:
    for code in ("TEA", "CUP", "HAM", "PIE"):
        dock.sku(code)
    dock.sku("MILK", tracking="LOT", shelf_life_days=30)
    dock.places(
        {"code": "B-01", "max_units": 30},
        {"code": "B-02", "max_units": 30},
        {"code": "B-03", "max_units": 200},
        {"code": "XD-1", "kind": "PICK_FACE", "zone": "XDOCK"},
        {"code": "QC-1", "kind": "QUALITY", "zone": "QC"},
    )
    dock.rules({"name": "bulk", "zones": ["BULK"], "prefer": ["SAME_SKU", "EMPTY"]})
    plan = {"site": HUB, "sku": "HAM", "sample_units": 2, "of_units": 10}
    house.ok(house.http.put("/console/v1/inspection-plans", json=plan))
    tolerance = {"site": HUB, "supplier": "ACME", "over_percent": 10}
    house.ok(house.http.put("/console/v1/inbound-policies", json=tolerance))


def _the_truck_comes(house: House, asn: UUID) -> None:
    """To its door, and late; nobody else gets that door."""
    house.ok(house.http.put(f"/inbound/v1/doors/{HUB}/D-1", json={}))
    start = NOW + timedelta(hours=1)
    booking = {
        "site": HUB, "door": "D-1", "asn_id": str(asn), "carrier": "K",
        "starts_at": start.isoformat(), "ends_at": (start + timedelta(minutes=45)).isoformat(),
    }  # fmt: skip
    appointment = an_id()
    address = f"/inbound/v1/appointments/{appointment}"
    assert [house.http.put(address, json=booking).status_code for _ in range(2)] == [201, 200]
    clash = house.http.put(f"/inbound/v1/appointments/{an_id()}", json=booking | {"carrier": "L"})
    assert (clash.status_code, clash.json()["code"]) == (409, "door_taken")
    house.clock.at = start + timedelta(minutes=20)
    act = {"command_id": str(an_id())}
    check_in = f"/console/v1/appointments/{HUB}/{appointment}:check-in"
    assert house.ok(house.http.post(check_in, json=act))["late"] is True
    house.ok(house.http.post(check_in, json=act))
    assert [each["late"] for each in events(house, "AsnArrived")] == [True]


def _odd_goods(house: House, dock: Dock, asn: UUID, ann: Person) -> None:
    """Unknown goods, broken goods, a wrong count that is corrected."""
    assert (ann.do("scan", "4912345678904") or {})["code"] == "unknown_goods"
    ann.odd("unknown")
    ann.well("choice", "photo-1")
    assert exceptions(house)["inbound.unknown_goods"]["photo"] == "photo-1"
    ann.take("PIE", 4)
    ann.odd("correct")
    assert dock.line(asn, 4)["received"] == 0
    ann.take("PIE", 3)
    ann.take("PIE", 1, "DAMAGED", photo="photo-2")
    assert exceptions(house)["inbound.damaged"]["photo"] == "photo-2"


def _cups_go_on(house: House, dock: Dock, ann: Person) -> None:
    """Somebody waits for two of them: they go straight on."""
    ann.scan("CUP")
    ann.count(6)
    ann.say("OK")
    assert ann.step["big"] == "XD-1"
    ann.scan("XD-1")
    assert dock.at("XD-1", "CUP") == 2
    house.tick()
    (packet,) = house.work_off(HUB, "pick")
    assert "XD-1" in {step["big"] for step in packet["steps"]}


def _ham_is_bad(house: House, dock: Dock, asn: UUID, ann: Person) -> None:
    """A sample is looked at, one of two is bad, so all of it is kept back."""
    ann.take("HAM", 10)
    assert dock.at("QC-1", "HAM") == 10
    (look,) = house.ok(house.http.get("/console/v1/inspections", params={"site": HUB}))
    assert (look["sample"], look["location"]) == (2, "QC-1")
    inspector = Person(house, house.next_packet(HUB, "inspect") or {})
    inspector.scan("HAM")
    inspector.well("choice", "SOME_BAD")
    inspector.count(1)
    inspector.well("choice", "photo-3")
    assert dock.line(asn, 3)["held"] == 10
    assert [each["bad"] for each in events(house, "InspectionFailed")] == [1]


def _put_all_away(house: House, dock: Dock) -> None:
    """One after the other; the first place that is shown is full in truth."""
    why = house.ok(
        house.http.get(
            "/console/v1/putaway/explain", params={"site": HUB, "sku": "TEA", "units": 40}
        )
    )
    assert why["first"]["place"] == "B-03"
    assert "full" in {code for each in why["others"] for code in each["against"]}
    refused = ""
    while (packet := house.next_packet(HUB, "putaway")) is not None:
        person = Person(house, packet)
        person.scan(person.step["expect"][0]["codes"][0])
        if not refused:
            refused = person.step["big"]
            person.odd("full")
            person.well("choice", "ok")
            assert person.step["big"] != refused
        place = person.step["big"]
        site = site_id(HUB)
        person.scan(check_digits(location_id(site, place), 0))
        if person.packet["step"]:
            units = person.step["qty"]["target"]
            person.scan(person.step["expect"][0]["codes"][0])
            if units > 1:
                person.well("qty", units)
        assert person.packet["step"] is None
    assert exceptions(house)["putaway.full"]["place"] == refused
    assert dock.putaways() == []


def test_a_pallet_through_the_gate_is_received_once_and_robots_store_totes(house: House):
    dock = Dock(house)
    dock.sku("TEA")
    dock.sku("RING", tracking="SERIAL")
    dock.places({"code": "P-01", "storage_type": "PALLET", "max_units": 60})
    dock.rules(
        {"name": "totes", "units": ["TOTE"], "zones": ["ROBOT"], "prefer": ["EMPTY"]},
        {"name": "pallets", "units": ["PALLET", "CARTON"], "storage_types": ["PALLET"]},
        {"name": "loose", "storage_types": [""]},
    )
    codes = tuple(sscc_from("4512345", 3, number) for number in (1, 2, 3))
    pallet, tote, rings = codes
    asn = dock.announce(
        ("TEA", 60), ("RING", 2),
        units=[
            {"sscc": pallet, "content": {"1": 48}},
            {"sscc": tote, "kind": "TOTE", "content": {"1": 12}},
            {"sscc": rings, "kind": "CARTON", "content": {"2": 2}},
        ],
    )  # fmt: skip
    _passes(house, codes, "AMBIGUOUS")
    assert dock.line(asn)["received"] == 0
    assert "inbound.gate_ambiguous" in exceptions(house)
    _passes(house, codes, "IN")
    _passes(house, codes, "IN")  # carried out and in again: it is here already
    assert dock.line(asn)["received"] == 60
    assert {each["state"] for each in dock.asn(asn)["units"]} == {"RECEIVED", "EXPECTED"}
    assert exceptions(house)["inbound.count_unit"]["sku"] == "RING"

    # serials are scanned one by one, each once, into the carton
    person = dock.receive(asn)
    person.scan(f"00{rings}")
    person.well("choice", "COUNT")
    person.scan("RING")
    person.scan("S-1")
    assert (person.do("scan", "S-1") or {})["code"] == "scanned_twice"
    person.scan("S-2")
    person.well("choice", "done")
    person.say("OK")
    assert dock.line(asn, 2)["received"] == 2
    assert (person.do("scan", f"00{pallet}") or {})["code"] == "already_received"
    person.finish(CLOSE)

    _robots_store_totes(house, dock, tote)
    assert house.stock_row("RING")["sellable"] == 2
    assert jobs(house, "put_away", "no_shows") == 0


def _robots_store_totes(house: House, dock: Dock, tote: str) -> None:
    """The tote goes to the robots, the pallet by hand; the books follow."""
    house.said()
    while (packet := house.next_packet(HUB, "putaway")) is not None:
        walker = Person(house, packet)
        while walker.packet["step"]:
            walker.scan(walker.step["expect"][0]["codes"][0])
    (order,) = [each for each in house.said() if isinstance(each, TransportOrder)]
    assert (order.load, order.source) == (tote, "ST-1")
    assert dock.at("P-01", "TEA") == house.stock_row("TEA")["sellable"] == 48
    done = TransportReport(at=house.clock.now(), id=order.id, state="FINISHED", robot="R-1")
    house.hear(done)
    house.hear(done)
    assert house.stock_row("TEA")["sellable"] == 60
    assert dock.at(order.destination, "TEA") == 12


def _passes(house: House, codes: tuple[str, ...], direction: str) -> None:
    """Tags of these units go through the gate."""
    at = house.clock.now()
    house.hear(
        GatePassage(
            at=at, gate="G-1", direction=direction, confidence=0.9, reads=9, started_at=at,  # type: ignore[arg-type]
            ended_at=at, epcs_hex=tuple(sscc_to_epc_hex(each, 7) for each in codes),
        )
    )  # fmt: skip
