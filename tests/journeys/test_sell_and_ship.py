"""One order from the channel to the customer, through public doors only, each of the three ways."""

from uuid import UUID

from tests.wms.house import HUB, OSAKA, SPOKE, House
from wcs.messages import GatePassage, ParcelExpected, ParcelScanned, ParcelSorted
from wms.outbound.model import Parcel
from wms.ports import TrackingEvent


def seen_by_sorter_and_gate(house: House, parcel: Parcel) -> None:
    now = house.clock.now()
    house.hear(
        ParcelScanned(at=now, sorter="sorter1", code=parcel.sscc, lane=parcel.lane),
        ParcelSorted(
            at=now, sorter="sorter1", code=parcel.sscc, lane=parcel.lane, status="DIVERTED"
        ),
    )
    house.hear(passage(house, parcel, "OUT"))


def passage(house: House, parcel: Parcel, direction: str) -> GatePassage:
    now = house.clock.now()
    return GatePassage(
        at=now,
        gate=f"GATE-{direction}",
        direction=direction,  # type: ignore[arg-type]
        confidence=0.99,
        epcs_hex=(parcel.epc_hex,),
        reads=20,
        started_at=now,
        ended_at=now,
    )


def delivered(house: House, order_id: UUID) -> None:
    for parcel in house.parcels():
        at = house.clock.now()
        house.carrier.events.append(TrackingEvent(sscc=parcel.sscc, status="DELIVERED", at=at))
    house.after_hours()
    assert house.order(order_id)["status"] == "DELIVERED"
    assert {parcel.state for parcel in house.parcels()} == {"DELIVERED"}


def test_from_a_robot_tote_at_the_hub(house: House):
    house.sku("TEA")
    house.stock("TEA", 10, "A01-01-1", tote="T-1")
    order_id = house.put_order(("TEA", 3), ("TEA", 2))
    assert house.stock_row("TEA")["reserved"] == 5

    house.tick()
    line = house.line(order_id)
    assert (line["sku"], line["units"], line["status"], line["site"]) == ("TEA", 3, "RELEASED", HUB)
    assert not any(line[f"units_{what}"] for what in ("short", "waiting", "cancelled"))
    (brought,) = house.transports()
    assert (brought.load, brought.source) == ("T-1", "A01-01-1")
    (packet,) = house.work_off(HUB, "pick", station=brought.destination)
    assert [step["big"] for step in packet["steps"]] == ["T-1", "3", "2"]
    assert house.stock_row("TEA")["picked"] == 5

    said = house.said()
    assert [(each.load, each.destination) for each in said if each.type == "transport.order"] == [
        ("T-1", "A01-01-1")
    ]
    (parcel,) = house.parcels()
    assert [each for each in said if isinstance(each, ParcelExpected)] == [
        ParcelExpected(code=parcel.sscc, epc_hex=parcel.epc_hex, lane=parcel.lane)
    ]
    house.work_off(HUB, "pack")
    assert house.http.get(f"/api/v1/lookup/00{parcel.sscc}").json()["status"] == "INDUCTED"

    house.jobs.book()
    assert house.parcels()[0].tracking == f"TN-{parcel.sscc}"
    seen_by_sorter_and_gate(house, parcel)
    assert house.order(order_id)["status"] == "SHIPPED"
    assert house.stock_row("TEA")["to_customer"] == 5
    delivered(house, order_id)
    assert house.stock_row("TEA")["to_customer"] == 0

    summary = house.summary()
    assert summary["lines_shipped"] == summary["lines"] == 2
    assert (summary["picks_by_robot"], summary["picks_by_person"]) == (2, 0)
    assert (summary["gate_passages"], summary["parcels_sorted_seen"], summary["parcels"]) == (
        1, 1, 1,
    )  # fmt: skip
    assert summary["order_to_ship_p50_s"] > 0


def test_from_shelves_of_the_hub_in_one_walk(house: House):
    for code, at in (("A", "S03-01"), ("B", "S01-02"), ("C", "S01-01")):
        house.sku(code)
        house.stock(code, 50, at)
    order_id = house.put_order(("A", 1), ("B", 12), ("C", 2))
    house.tick()
    (packet,) = house.work_off(HUB, "pick")
    places = [step["big"] for step in packet["steps"] if step["op"] == "scan"]
    assert places in (["S01-01", "S01-02", "S03-01"], ["S03-01", "S01-02", "S01-01"])
    house.work_off(HUB, "pack")
    (parcel,) = house.parcels()
    house.jobs.book()
    seen_by_sorter_and_gate(house, parcel)
    delivered(house, order_id)
    assert house.summary()["picks_by_person"] == 3


def test_from_another_site_over_the_hub(house: House):
    house.sku("BOWL")
    house.stock("BOWL", 5, "S01-01", site=SPOKE)
    order_id = house.put_order(("BOWL", 2), ship_to=OSAKA)
    house.tick()
    house.work_off(SPOKE, "pick")
    house.work_off(SPOKE, "pack")
    (parcel,) = house.parcels()
    assert parcel.state == "PACKED"
    house.work_off(SPOKE, "load")
    assert house.parcels()[0].state == "LINE_HAUL"
    assert house.stock_row("BOWL", SPOKE)["to_customer"] == 2
    assert house.order(order_id)["status"] == "PACKED"
    assert [each.type for each in house.said()] == ["parcel.expected"]

    house.hear(passage(house, parcel, "IN"))
    assert house.parcels()[0].state == "AT_HUB"
    house.jobs.book()
    seen_by_sorter_and_gate(house, parcel)
    assert house.order(order_id)["status"] == "SHIPPED"
    delivered(house, order_id)


def test_from_two_sites_in_two_parcels(house: House):
    house.sku("A")
    house.sku("B")
    house.stock("A", 5, "S01-01")
    house.stock("B", 5, "S01-01", site=SPOKE)
    order_id = house.put_order(("A", 1), ("B", 1))
    house.tick()
    for site in (HUB, SPOKE):
        house.work_off(site, "pick")
        house.work_off(site, "pack")
    house.work_off(SPOKE, "load")
    house.jobs.book()
    first, second = house.parcels()
    seen_by_sorter_and_gate(house, first)
    assert house.order(order_id)["status"] != "SHIPPED"
    seen_by_sorter_and_gate(house, second)
    assert house.order(order_id)["status"] == "SHIPPED"
    assert house.summary()["split_rate"] == 1.0
    delivered(house, order_id)
