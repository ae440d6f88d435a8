"""Goods between our sites, through public doors only: they arrive once, and all are accounted for.

The happy ways (warehouse to store, store to warehouse, in several boxes, for a customer who
collects), and what goes wrong: short, damaged, too many, lost, twice, never there to begin with.
"""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from tests.builders import an_id
from tests.wms.house import GINZA, HUB, SPOKE, House
from tests.wms.supply import (
    arrivals,
    events,
    exceptions,
    jobs,
    line,
    put_transfer,
    send,
    transfer,
    walk,
)


def a_stocked_house(house: House, units: int = 20, site: str = HUB) -> None:
    house.sku("TEA")
    house.stock("TEA", units, "S01-01" if site in {HUB, SPOKE} else "BACK-1", site=site)


def under_way(house: House, units: int = 5) -> tuple[UUID, dict[str, Any]]:
    """A transfer of tea to Ginza that has left the hub; the packet that receives it."""
    a_stocked_house(house)
    transfer_id = put_transfer(house, HUB, GINZA, ("TEA", units))
    send(house, HUB)
    packet = house.next_packet(GINZA, "receive")
    assert packet is not None
    return transfer_id, packet


def supply(house: House, site: str, sku: str = "TEA") -> list[tuple[int, int, int]]:
    """Of each supply that is open there: units, received, held."""
    body = house.ok(house.http.get("/v1/supplies", params={"sku": sku, "site": site}))
    return [(each["units"], each["received"], each["held"]) for each in body]


def test_from_a_warehouse_to_a_store(house: House):
    a_stocked_house(house)
    transfer_id = put_transfer(house, HUB, GINZA, ("TEA", 5))
    assert transfer(house, transfer_id)["state"] == "PLACED"
    assert supply(house, GINZA) == [(5, 0, 0)]

    send(house, HUB)
    (parcel,) = house.parcels()
    assert (parcel.state, parcel.lane, parcel.tracking) == ("SHIPPED", "LANE_STORE", None)
    assert house.stock_row("TEA")["to_store"] == 5
    assert transfer(house, transfer_id)["state"] == "SHIPPED"
    (coming,) = arrivals(house, GINZA)
    assert (coming["sscc"], coming["from_site"]) == (parcel.sscc, HUB)
    assert house.jobs.book() == 0
    assert [each for each in house.said() if each.type == "parcel.expected"] == []

    house.work_off(GINZA, "receive")
    assert house.stock_row("TEA", GINZA)["sellable"] == 5
    assert house.stock_row("TEA")["to_store"] == 0
    assert house.parcels()[0].state == "DELIVERED"
    assert transfer(house, transfer_id)["state"] == "ENDED"
    assert line(house, transfer_id)["received"] == 5
    assert house.order(transfer_id)["status"] == "DELIVERED"
    assert supply(house, GINZA) == []
    assert exceptions(house) == {}
    (left,), (came,) = events(house, "TransferShipped"), events(house, "TransferArrived")
    assert (left["from"], left["to"], left["parcels"]) == (HUB, GINZA, [parcel.sscc])
    assert (came["state"], came["differences"]) == ("ARRIVED", [])


def test_from_a_store_to_a_warehouse_and_between_warehouses(house: House):
    a_stocked_house(house, site=GINZA)
    house.sku("CUP")
    house.stock("CUP", 9, "S01-02", site=SPOKE)
    back = put_transfer(house, GINZA, HUB, ("TEA", 4))
    across = put_transfer(house, SPOKE, HUB, ("CUP", 9))
    send(house, GINZA)
    send(house, SPOKE)
    assert house.stock_row("TEA", GINZA)["store_to_dc"] == 4
    assert house.stock_row("CUP", SPOKE)["dc_to_dc"] == 9
    assert len(house.work_off(HUB, "receive")) == 2
    assert house.stock_row("TEA")["sellable"] == 4
    assert house.stock_row("CUP")["sellable"] == 9
    assert {transfer(house, each)["state"] for each in (back, across)} == {"ENDED"}


def test_a_transfer_in_several_boxes_arrives_box_by_box(house: House):
    house.sku("STONE", weight_g=6_000)
    house.stock("STONE", 9, "S01-01")
    transfer_id = put_transfer(house, HUB, GINZA, ("STONE", 7))
    send(house, HUB)
    assert len(arrivals(house, GINZA)) == 3
    packet = house.next_packet(GINZA, "receive")
    assert packet is not None
    first = int(next(step["big"] for step in packet["steps"] if step["op"] == "count"))
    walk(house, packet)
    assert house.stock_row("STONE", GINZA)["sellable"] == first
    assert house.stock_row("STONE")["to_store"] == 7 - first
    assert supply(house, GINZA, "STONE") == [(7, first, 0)]
    assert line(house, transfer_id)["on_the_way"] == 7 - first
    house.work_off(GINZA, "receive")
    assert house.stock_row("STONE", GINZA)["sellable"] == 7
    assert transfer(house, transfer_id)["state"] == "ENDED"


def test_it_arrives_short(house: House):
    transfer_id, packet = under_way(house)
    walk(house, packet, {"1.item": ("exception", {"code": "short", "found": 3})})
    assert house.stock_row("TEA", GINZA)["sellable"] == 3
    assert house.stock_row("TEA")["lost"] == 2
    told = line(house, transfer_id)
    assert (told["received"], told["short"], told["damaged"]) == (3, 2, 0)
    assert transfer(house, transfer_id)["state"] == "ENDED"
    (came,) = events(house, "TransferArrived")
    (difference,) = came["differences"]
    assert (difference["sent"], difference["received"], difference["short"]) == (5, 3, 2)
    assert exceptions(house)["transfer.differs"]["differences"] == [difference]
    assert supply(house, GINZA) == []


def test_it_arrives_damaged(house: House):
    transfer_id, packet = under_way(house)
    walk(house, packet, {"1.item": ("exception", {"code": "damaged", "found": 4})})
    row = house.stock_row("TEA", GINZA)
    assert (row["sellable"], row["quarantine"]) == (4, 1)
    assert line(house, transfer_id)["damaged"] == 1
    assert house.stock_row("TEA")["lost"] == 0


@pytest.mark.nightly
def test_all_of_it_is_damaged(house: House):
    transfer_id, packet = under_way(house)
    walk(house, packet, {"1.item": ("exception", {"code": "damaged", "found": 0})})
    row = house.stock_row("TEA", GINZA)
    assert (row["sellable"], row["quarantine"]) == (0, 5)
    assert line(house, transfer_id)["damaged"] == 5
    assert transfer(house, transfer_id)["state"] == "ENDED"


def test_there_is_more_in_it_than_was_sent(house: House):
    transfer_id, packet = under_way(house)
    walk(house, packet, {"1.item": ("qty", 7), "rest": ("choice", "MORE")})
    row = house.stock_row("TEA", GINZA)
    assert (row["sellable"], row["quarantine"]) == (5, 2)
    assert line(house, transfer_id)["received"] == 5
    assert {"transfer.differs", "transfer.more"} <= exceptions(house).keys()


def test_it_never_arrives_and_is_given_up(house: House):
    transfer_id, _ = under_way(house)
    (coming,) = arrivals(house, GINZA)
    assert jobs(house, "overdue") == 0
    house.clock.at += timedelta(days=6)
    assert jobs(house, "overdue") == 1
    assert jobs(house, "overdue") == 0
    assert exceptions(house)["transfer.overdue"]["sscc"] == coming["sscc"]

    path = f"/console/v1/arrivals/{GINZA}/{coming['id']}:lost"
    body = {"command_id": str(an_id()), "reason": "the van burnt"}
    assert house.ok(house.http.post(path, json=body))["state"] == "LOST"
    assert house.ok(house.http.post(path, json=body))["state"] == "LOST"
    assert house.stock_row("TEA")["lost"] == 5
    assert line(house, transfer_id)["short"] == 5
    assert transfer(house, transfer_id)["state"] == "ENDED"
    assert "transfer.overdue" not in exceptions(house)
    assert supply(house, GINZA) == []


def test_a_parcel_that_was_given_up_and_comes_is_a_question_and_moves_nothing(house: House):
    _, packet = under_way(house)
    (coming,) = arrivals(house, GINZA)
    path = f"/console/v1/arrivals/{GINZA}/{coming['id']}:lost"
    body = {"command_id": str(an_id()), "reason": "not seen"}
    house.ok(house.http.post(path, json=body))
    walk(house, packet)
    assert house.stock_row("TEA", GINZA)["sellable"] == 0
    assert "transfer.came_late" in exceptions(house)


@pytest.mark.nightly
def test_what_has_arrived_cannot_be_given_up(house: House):
    under_way(house)
    (coming,) = arrivals(house, GINZA)
    house.work_off(GINZA, "receive")
    path = f"/console/v1/arrivals/{GINZA}/{coming['id']}:lost"
    answer = house.http.post(path, json={"command_id": str(an_id()), "reason": "?"})
    assert (answer.status_code, answer.json()["code"]) == (409, "arrival_ended")


def test_the_same_arrival_twice_is_one(house: House):
    _, packet = under_way(house)
    now: dict[str, Any] | None = packet
    said = []
    while now is not None:
        step = next(each for each in now["steps"] if each["id"] == now["step"])
        said += house._deeds(now, step, {})
        now = house.send(*said[-2:] if step["qty"] else said[-1:])["packet"]
    again = house.send(*said)
    assert {each["result"] for each in again["results"]} == {"duplicate"}
    assert house.stock_row("TEA", GINZA)["sellable"] == 5
    assert len(events(house, "TransferArrived")) == 1
    assert house.next_packet(GINZA, "receive") is None


def test_the_source_is_short(house: House):
    a_stocked_house(house, 5)
    transfer_id = put_transfer(house, HUB, GINZA, ("TEA", 5))
    send(house, HUB, short={"TEA": 3})
    assert house.stock_row("TEA")["unknown"] == 2
    assert line(house, transfer_id)["short"] == 2
    assert supply(house, GINZA) == [(3, 0, 0)]
    house.work_off(GINZA, "receive")
    assert transfer(house, transfer_id)["state"] == "ENDED"
    assert house.stock_row("TEA", GINZA)["sellable"] == 3


@pytest.mark.nightly
def test_the_source_finds_nothing(house: House):
    a_stocked_house(house, 5)
    transfer_id = put_transfer(house, HUB, GINZA, ("TEA", 5))
    house.tick()
    house.work_off(HUB, "pick", short={"TEA": 0})
    jobs(house, "expect")
    assert transfer(house, transfer_id)["state"] == "ENDED"
    assert house.parcels() == []
    assert supply(house, GINZA) == []


@pytest.mark.nightly
def test_the_source_has_nothing_to_begin_with(house: House):
    house.sku("TEA")
    transfer_id = put_transfer(house, HUB, GINZA, ("TEA", 5))
    assert line(house, transfer_id)["short"] == 5
    assert transfer(house, transfer_id)["state"] == "ENDED"
    assert supply(house, GINZA) == []


def test_it_is_taken_back_before_it_leaves(house: House):
    a_stocked_house(house)
    transfer_id = put_transfer(house, HUB, GINZA, ("TEA", 5))
    path = f"/oms/v1/transfers/{transfer_id}/cancellation"
    assert house.ok(house.http.post(path))["state"] == "ENDED"
    assert house.ok(house.http.post(path))["lines"][0]["cancelled"] == 5
    assert supply(house, GINZA) == []
    assert house.stock_row("TEA")["free"] == 20

    gone = put_transfer(house, HUB, GINZA, ("TEA", 5))
    send(house, HUB)
    late = house.http.post(f"/oms/v1/transfers/{gone}/cancellation")
    assert (late.status_code, late.json()["code"]) == (409, "too_late_to_cancel")
    house.work_off(GINZA, "receive")


@pytest.mark.nightly
def test_a_box_that_is_not_at_the_dock_is_asked_for_again(house: House):
    a_stocked_house(house)
    put_transfer(house, HUB, GINZA, ("TEA", 5))
    house.tick()
    house.work_off(HUB, "pick")
    house.work_off(HUB, "pack")
    packet = house.next_packet(HUB, "load")
    assert packet is not None
    walk(house, packet, {"1.scan": ("exception", {"code": "missing", "found": 0})})
    assert house.parcels()[0].state == "PACKED"
    assert arrivals(house, GINZA) == []
    assert "load.missing" in exceptions(house)
    house.work_off(HUB, "load")
    assert len(arrivals(house, GINZA)) == 1
    house.work_off(GINZA, "receive")


def test_what_is_asked_for_twice_is_one_transfer_and_nonsense_is_refused(house: House):
    a_stocked_house(house)
    body: dict[str, Any] = {
        "from": HUB, "to": GINZA, "lines": [{"line_no": 1, "sku": "TEA", "units": 2}]
    }  # fmt: skip
    path = f"/oms/v1/transfers/{an_id()}"
    assert house.http.put(path, json=body).status_code == 201
    assert house.http.put(path, json=body).status_code == 200
    changed = house.http.put(path, json=body | {"to": SPOKE})
    assert (changed.status_code, changed.json()["code"]) == (422, "id_reused")
    for wrong in ({"to": HUB}, {"to": "NOWHERE"}, {"from": "NOWHERE"}):
        answer = house.http.put(f"/oms/v1/transfers/{an_id()}", json=body | wrong)
        assert (answer.status_code, answer.json()["code"]) == (422, "unfit_transfer")
    unknown = house.http.put(f"/oms/v1/transfers/{an_id()}", json=body | {"extra": 1})
    assert (unknown.status_code, unknown.json()["code"]) == (422, "malformed")
    assert house.http.get(f"/oms/v1/transfers/{an_id()}").status_code == 404
    assert house.stock_row("TEA")["free"] == 18


def test_what_is_on_its_way_may_be_promised_and_the_promise_is_kept(house: House):
    """A pre-order on the transfer's supply: it lands with it."""
    a_stocked_house(house)
    put_transfer(house, HUB, GINZA, ("TEA", 5))
    (coming,) = house.ok(house.http.get("/v1/supplies", params={"sku": "TEA"}))
    wanted = {"hold_id": str(an_id()), "site": GINZA, "sku": "TEA", "units": 4,
              "supply_id": coming["id"]}  # fmt: skip
    held = house.ok(
        house.http.post(
            "/v1/holds", json={"kind": "ORDER", "demand_id": str(an_id()), "lines": [wanted]}
        )
    )
    assert held["granted"]
    assert supply(house, GINZA) == [(5, 0, 4)]
    send(house, HUB)
    house.work_off(GINZA, "receive")
    row = house.stock_row("TEA", GINZA)
    assert (row["sellable"], row["reserved"], row["free"]) == (5, 4, 1)
