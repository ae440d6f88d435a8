"""Ways out of a site: the carrier at the door; and back to the shelf, when nobody wants it."""

from typing import Any
from uuid import UUID

import pytest

from tests.builders import an_id
from tests.journeys.test_sell_and_ship import passage
from tests.wms.house import GINZA, HUB, OSAKA, SITES, SPOKE, House
from tests.wms.supply import events, exceptions, jobs, put_transfer, transfer, walk
from wms.outbound.walks import cross_bays_of
from wms.ports import TrackingEvent
from wms.sites import site_id


def a_site_of_its_own(house: House) -> None:
    """Osaka hands its parcels to the carrier itself."""
    (osaka,) = (site for site in SITES if site["code"] == SPOKE)
    house.ok(house.http.put("/master/v1/sites", json=[osaka | {"dispatch": "CARRIER"}]))
    house.sku("TEA")
    house.stock("TEA", 9, "S01-01", site=SPOKE)


def cancel(house: House, order_id: UUID) -> Any:
    return house.ok(house.http.post(f"/oms/v1/orders/{order_id}/cancellation"))


def at_the_hub(house: House, units: int = 3, *, of: int = 9) -> UUID:
    house.sku("TEA")
    house.stock("TEA", of, "S01-01")
    order_id = house.put_order(("TEA", units))
    house.tick()
    return order_id


def test_a_site_hands_its_parcels_to_the_carrier_itself(house: House):
    a_site_of_its_own(house)
    order_id = house.put_order(("TEA", 2), ship_to=OSAKA)
    house.tick()
    house.work_off(SPOKE, "pick")
    house.work_off(SPOKE, "pack")
    assert house.next_packet(SPOKE, "load") is None
    house.jobs.book()
    house.work_off(SPOKE, "handoff")
    (parcel,) = house.parcels()
    assert (parcel.state, parcel.tracking) == ("SHIPPED", f"TN-{parcel.sscc}")
    assert house.order(order_id)["status"] == "SHIPPED"
    assert house.stock_row("TEA", SPOKE)["to_customer"] == 2
    assert [each for each in house.said() if each.type == "parcel.expected"] == []
    house.carrier.events.append(
        TrackingEvent(sscc=parcel.sscc, status="DELIVERED", at=house.clock.now())
    )
    house.after_hours()
    assert house.order(order_id)["status"] == "DELIVERED"
    assert house.stock_row("TEA", SPOKE)["to_customer"] == 0


def test_the_carrier_may_be_faster_than_the_scan(house: House):
    a_site_of_its_own(house)
    order_id = house.put_order(("TEA", 2), ship_to=OSAKA)
    house.tick()
    house.work_off(SPOKE, "pick")
    house.work_off(SPOKE, "pack")
    house.jobs.book()
    (parcel,) = house.parcels()
    house.carrier.events.append(
        TrackingEvent(sscc=parcel.sscc, status="DELIVERED", at=house.clock.now())
    )
    house.after_hours()
    assert house.order(order_id)["status"] == "DELIVERED"
    house.work_off(SPOKE, "handoff")
    assert house.parcels()[0].state == "DELIVERED"
    assert len(events(house, "ParcelShipped")) == 1


def test_a_gate_that_sees_a_box_for_a_store_ships_nothing(house: House):
    house.sku("TEA")
    house.stock("TEA", 9, "S01-01")
    put_transfer(house, HUB, GINZA, ("TEA", 4))
    house.tick()
    house.work_off(HUB, "pick")
    house.work_off(HUB, "pack")
    (parcel,) = house.parcels()
    house.hear(passage(house, parcel, "OUT"))
    assert house.parcels()[0].state == "PACKED"
    house.work_off(HUB, "load")
    assert house.stock_row("TEA")["to_store"] == 4
    assert events(house, "ParcelShipped") == []


@pytest.mark.nightly
def test_a_parcel_that_is_not_there_is_not_handed_over(house: House):
    a_site_of_its_own(house)
    house.put_order(("TEA", 2), ship_to=OSAKA)
    house.tick()
    house.work_off(SPOKE, "pick")
    house.work_off(SPOKE, "pack")
    packet = house.next_packet(SPOKE, "handoff")
    assert packet is not None
    walk(house, packet, {"1.scan": ("exception", {"code": "missing", "found": 0})})
    assert house.parcels()[0].state == "PACKED"
    house.work_off(SPOKE, "handoff")
    assert house.parcels()[0].state == "SHIPPED"


def test_a_walk_that_nobody_has_begun_is_made_anew_without_what_was_cancelled(house: House):
    order_id = at_the_hub(house)
    other = house.put_order(("TEA", 2))
    house.tick()
    cancel(house, order_id)
    jobs(house, "put_back", "release")
    assert house.order(order_id)["status"] == "CANCELLED"
    packets = house.work_off(HUB, "pick")
    counted = [step["big"] for each in packets for step in each["steps"] if step["op"] == "count"]
    assert counted == ["2"]
    assert house.line(other)["status"] == "PICKED"
    assert house.stock_row("TEA")["free"] == 7
    assert house.next_packet(HUB, "putback") is None


def test_what_a_walk_brings_for_a_cancelled_order_is_put_back(house: House):
    order_id = at_the_hub(house)
    packet = house.next_packet(HUB, "pick")
    assert packet is not None
    cancel(house, order_id)
    jobs(house, "put_back")
    assert house.order(order_id)["status"] != "CANCELLED", "hands are at it"
    house.do(packet)
    assert house.next_packet(HUB, "pack") is None
    assert house.stock_row("TEA")["free"] == 6
    house.work_off(HUB, "putback")
    assert house.order(order_id)["status"] == "CANCELLED"
    assert house.stock_row("TEA")["free"] == 9
    assert len(events(house, "OrderCancelled")) == 1


def test_picked_goods_are_put_back_and_an_unbegun_packing_is_forgotten(house: House):
    order_id = at_the_hub(house)
    house.work_off(HUB, "pick")
    cancel(house, order_id)
    jobs(house, "put_back")
    assert house.next_packet(HUB, "pack") is None
    assert house.parcels() == []
    house.work_off(HUB, "putback")
    assert house.order(order_id)["status"] == "CANCELLED"
    assert house.stock_row("TEA")["free"] == 9


def test_what_is_missing_or_broken_when_it_is_put_back_is_said(house: House):
    order_id = at_the_hub(house)
    house.work_off(HUB, "pick")
    cancel(house, order_id)
    jobs(house, "put_back")
    packet = house.next_packet(HUB, "putback")
    assert packet is not None
    walk(house, packet, {"1.item": ("exception", {"code": "damaged", "found": 1})})
    row = house.stock_row("TEA")
    assert (row["free"], row["quarantine"]) == (7, 2)
    assert house.order(order_id)["status"] == "CANCELLED"

    second = at_the_hub(house, of=1)
    house.work_off(HUB, "pick")
    cancel(house, second)
    jobs(house, "put_back")
    packet = house.next_packet(HUB, "putback")
    assert packet is not None
    walk(house, packet, {"1.item": ("exception", {"code": "short", "found": 0})})
    assert house.stock_row("TEA")["unknown"] == 3
    assert house.order(second)["status"] == "CANCELLED"


@pytest.mark.nightly
def test_packing_that_has_begun_is_finished_and_the_box_is_emptied(house: House):
    house.sku("TEA")
    house.stock("TEA", 9, "S01-01", site=SPOKE)
    order_id = house.put_order(("TEA", 3), ship_to=OSAKA)
    house.tick()
    house.work_off(SPOKE, "pick")
    packet = house.next_packet(SPOKE, "pack")
    assert packet is not None
    cancel(house, order_id)
    assert jobs(house, "put_back") == 0
    house.do(packet)
    jobs(house, "put_back")
    house.work_off(SPOKE, "putback")
    assert house.parcels()[0].state == "CANCELLED"
    assert house.next_packet(SPOKE, "load") is None
    assert house.order(order_id)["status"] == "CANCELLED"
    assert house.stock_row("TEA", SPOKE)["free"] == 9


def test_a_box_on_the_sorter_leaves_and_its_customer_is_told(house: House):
    order_id = at_the_hub(house)
    house.work_off(HUB, "pick")
    packet = house.next_packet(HUB, "pack")
    assert packet is not None
    cancel(house, order_id)
    house.do(packet)
    assert events(house, "OrderChanged")[-1]["reason"] == "cancelled_too_late"
    assert jobs(house, "put_back") == 0
    assert house.line(order_id)["status"] == "PACKED"


@pytest.mark.nightly
def test_a_tote_on_its_way_goes_home_when_nobody_wants_it_any_more(house: House):
    house.sku("TEA")
    house.stock("TEA", 10, "A01-01-1", tote="T-1")
    order_id = house.put_order(("TEA", 3))
    house.tick()
    cancel(house, order_id)
    (brought,) = house.transports()
    assert house.next_packet(HUB, "pick", station=brought.destination) is None
    (home,) = house.transports()
    assert home.destination == "A01-01-1"
    assert house.stock_row("TEA")["free"] == 10


def test_a_tote_at_the_station_goes_home_when_nobody_wants_it_any_more(house: House):
    house.sku("TEA")
    house.stock("TEA", 10, "A01-01-1", tote="T-1")
    order_id = house.put_order(("TEA", 3))
    house.tick()
    (brought,) = house.transports()
    cancel(house, order_id)
    jobs(house, "put_back")
    assert house.next_packet(HUB, "pick", station=brought.destination) is None
    assert house.order(order_id)["status"] == "CANCELLED"
    (home,) = house.transports()
    assert home.destination == "A01-01-1"


@pytest.mark.nightly
def test_a_transfer_that_is_taken_back_while_it_is_picked_returns_to_its_shelf(house: House):
    house.sku("TEA")
    house.stock("TEA", 9, "S01-01")
    transfer_id = put_transfer(house, HUB, SPOKE, ("TEA", 4))
    house.tick()
    house.work_off(HUB, "pick")
    house.ok(house.http.post(f"/oms/v1/transfers/{transfer_id}/cancellation"))
    jobs(house, "put_back", "expect")
    house.work_off(HUB, "putback")
    jobs(house, "expect")
    assert transfer(house, transfer_id)["state"] == "ENDED"
    assert house.ok(house.http.get("/v1/supplies", params={"sku": "TEA"})) == []
    assert house.stock_row("TEA")["free"] == 9
    assert exceptions(house) == {}


def test_a_loader_who_has_begun_leaves_behind_what_was_cancelled(house: House):
    """Its box was packed when its order was taken back; the other goods of the order go."""
    house.sku("STONE", weight_g=15_000)
    house.stock("STONE", 9, "S01-01", site=SPOKE)
    order_id = house.put_order(("STONE", 1), ("STONE", 1), ship_to=OSAKA)
    house.tick()
    house.work_off(SPOKE, "pick")
    packing = house.next_packet(SPOKE, "pack")
    assert packing is not None
    body = {"command_id": str(an_id()), "lines": {"2": 1}}
    house.ok(house.http.post(f"/oms/v1/orders/{order_id}/cancellation", json=body))
    house.do(packing)
    loading = house.next_packet(SPOKE, "load")
    assert loading is not None
    house.do(loading)
    jobs(house, "put_back")
    house.work_off(SPOKE, "putback")
    assert sorted(parcel.state for parcel in house.parcels()) == ["CANCELLED", "LINE_HAUL"]
    assert house.stock_row("STONE", SPOKE)["to_customer"] == 1
    assert house.stock_row("STONE", SPOKE)["free"] == 8
    assert house.next_packet(SPOKE, "load") is None
    for parcel in house.parcels():
        if parcel.state == "LINE_HAUL":
            house.hear(passage(house, parcel, "OUT"))
    assert house.line(order_id)["status"] == "SHIPPED"


def test_walks_end_where_the_shelves_of_a_site_do(house: House):
    (hub,) = (site for site in SITES if site["code"] == HUB)
    hub_id = site_id(HUB)
    at_the_end = {"site": HUB, "code": "S04-31", "kind": "PICK_FACE", "zone": "SHELF"}
    robots = {"site": HUB, "code": "A09-99-1", "kind": "RESERVE", "zone": "ROBOT"}
    house.ok(house.http.put("/master/v1/sites", json=[hub | {"cross_bays": "10"}]))
    places = [at_the_end | {"aisle": 4, "bay": 31}, robots | {"aisle": 9, "bay": 99}]
    house.ok(house.http.put("/master/v1/locations", json=places))
    assert house.database.run(lambda s: cross_bays_of(s, hub_id)) == (10, 31)
