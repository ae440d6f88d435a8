"""Trucks of a day: the same for a seed, early enough, and announced as the WMS takes it."""

from datetime import datetime, timedelta

from edge.gs1 import Epc, decode_epc, sscc_to_epc_hex
from simulators.assortment import locations, opening_stock, own_assortment
from simulators.day import TOKYO
from simulators.trucks import PREFIX, SUPPLIERS, trucks_of
from wms.api.inbound_shapes import AsnIn

SKUS = own_assortment()
BEGIN = datetime(2026, 11, 27, 8, 58, tzinfo=TOKYO)
END = BEGIN + timedelta(hours=9)


def test_a_seed_is_a_yard_full_of_trucks():
    trucks = trucks_of(SKUS, begins_at=BEGIN, ends_at=END, seed=3)
    assert trucks == trucks_of(SKUS, begins_at=BEGIN, ends_at=END, seed=3)
    assert trucks != trucks_of(SKUS, begins_at=BEGIN, ends_at=END, seed=4)
    assert [truck.supplier for truck in trucks] == list(SUPPLIERS)
    assert all(BEGIN < truck.at < BEGIN + (END - BEGIN) * 0.75 for truck in trucks)
    assert all(truck.at.minute % 15 == 0 for truck in trucks), "doors are booked by quarters"
    codes = [code for truck in trucks for code in truck.codes]
    assert len(set(codes)) == len(codes) == 4 * len(trucks)
    for code in codes:
        tag = decode_epc(sscc_to_epc_hex(code, len(PREFIX)))
        assert isinstance(tag, Epc)
        assert tag.key == code


def test_a_very_short_day_has_its_trucks_one_after_the_other():
    trucks = trucks_of(SKUS[:3], begins_at=BEGIN, ends_at=BEGIN, seed=1)
    at = [truck.at for truck in trucks]
    assert at == sorted(set(at))
    assert all(len(truck.freight) == 3 for truck in trucks), "fewer goods than would fit"


def test_what_they_bring_is_announced_line_by_line_and_unit_by_unit():
    (truck, *_) = trucks_of(SKUS, begins_at=BEGIN, ends_at=END, seed=1)
    asn = AsnIn.model_validate_json(
        AsnIn.model_validate(truck.announcement(), strict=False).model_dump_json()
    )
    inside = {int(no): units for unit in asn.units for no, units in unit.content.items()}
    announced = {line.line_no: line.units for line in asn.lines}
    loose = {each.line_no for each in truck.freight if each.kind == "LOOSE"}
    assert loose
    assert inside == {no: units for no, units in announced.items() if no not in loose}


def test_totes_that_come_find_free_places_among_the_robots():
    taken = {line["location"] for line in opening_stock(SKUS, seed=1) if line["site"] == "TYO1"}
    robots = {row["code"] for row in locations() if row["zone"] == "ROBOT"}
    assert len(robots - taken) >= 2 * len(SUPPLIERS)
