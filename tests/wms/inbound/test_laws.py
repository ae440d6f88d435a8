"""Each law of inbound finds the fault that is planted, and none where there is none."""

from sqlalchemy import text
from sqlalchemy.orm import Session

from edge.gs1 import sscc_from
from tests.wms.house import HUB, House
from tests.wms.inbound.dock import CLOSE, Dock, Person
from wms.inbound import laws
from wms.stock.verify import verify

SECOND_TRUCK = (
    "INSERT INTO appointment (site_id, id, door, starts_at, ends_at, body_hash, made_at)"
    " SELECT site_id, gen_random_uuid(), door, starts_at, ends_at, '', made_at FROM appointment"
)
FAULTS = {
    "a line with more than was counted": (
        "IN1", "UPDATE asn_line SET received = received + 1 WHERE line_no = 1",
    ),
    "a line whose goods are said to be in stock": (
        "IN1", "UPDATE asn_line SET landed = 0 WHERE line_no = 2",
    ),
    "a receipt of more than has moved": ("IN2", "UPDATE receipt SET units = 9 WHERE units = 4"),
    "a receipt that did not go back": (
        "IN2", "UPDATE receipt SET reversed_at = at WHERE units = 4",
    ),
    "two trucks at one door": (
        "IN3", SECOND_TRUCK,
    ),
    "a truck without its time": (
        "IN3", "DELETE FROM dock_slot WHERE slot_at = (SELECT min(slot_at) FROM dock_slot)",
    ),
    "a pallet that came and is said not to": ("IN4", "UPDATE asn_unit SET state = 'EXPECTED'"),
    "a place beyond its limit": (
        "IN5", "UPDATE location SET max_units = 1 WHERE code = 'B-01'",
    ),
    "a putaway of what was not carried": (
        "IN6", "UPDATE putaway SET done_units = 3 WHERE unit_code = '' AND units = 4",
    ),
    "an inspection that moved nothing": (
        "IN7", "UPDATE inspection SET state = 'FAILED'",
    ),
}  # fmt: skip


def test_planted_faults_are_found(house: House):
    dock = Dock(house)
    dock.sku("TEA")
    dock.sku("CUP")
    dock.places({"code": "B-01", "max_units": 100}, {"code": "B-02"})
    dock.rules({"name": "all", "zones": ["BULK"], "prefer": []})
    plan = {"site": HUB, "sku": "CUP", "sample_units": 1, "of_units": 2}
    house.ok(house.http.put("/console/v1/inspection-plans", json=plan))
    house.ok(house.http.put(f"/inbound/v1/doors/{HUB}/D-1", json={}))
    at = "2026-11-27T1{}:00:00+09:00"
    booking = {"site": HUB, "door": "D-1", "starts_at": at.format(1), "ends_at": at.format(2)}
    house.ok(house.http.put(f"/inbound/v1/appointments/{dock.new_id()}", json=booking))
    pallet = sscc_from("4512345", 3, 1)
    units = [{"sscc": pallet, "content": {"1": 20}}]
    asn = dock.announce(("TEA", 24), ("CUP", 2), units=units)
    person = dock.receive(asn)
    person.scan(pallet)
    person.well("choice", "WHOLE")
    person.take("TEA", 4)
    person.take("CUP", 2)
    person.finish(CLOSE)
    inspector = Person(house, house.next_packet(HUB, "inspect") or {})
    inspector.scan("CUP")
    inspector.well("choice", "NONE_BAD")
    house.work_off(HUB, "putaway")

    def broken(plant: str | None) -> set[str]:
        with house.database.engine.connect() as connection, connection.begin() as work:
            if plant is not None:
                assert connection.execute(text(plant)).rowcount == 1
            report = verify(Session(connection), laws.LAWS)
            work.rollback()
        return {law.code for law in report.laws if law.differences}

    assert broken(None) == set()
    missed = {name: broken(plant) for name, (code, plant) in FAULTS.items()}
    assert missed == {name: missed[name] | {code} for name, (code, _) in FAULTS.items()}
