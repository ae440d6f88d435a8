"""Acts on what comes in have their effect once and their answer always; bins are moved between."""

from typing import Any

import pytest

from tests.builders import an_id
from tests.journeys.test_transfers import under_way
from tests.wms.house import GINZA, HUB, House
from tests.wms.inbound.dock import Dock
from tests.wms.supply import arrivals
from tests.wms.waves.books import places_of

START = {"X-Soko-Device": "hh-1"}


def test_an_act_sent_again_is_answered_as_the_first_time(house: House):
    dock = Dock(house)
    dock.sku("TEA")
    asn = dock.announce(("TEA", 4))
    act = {"command_id": str(an_id())}
    first = house.http.post(f"/console/v1/asns/{asn}:cancel", json=act)
    later = dock.body(("TEA", 9))
    assert first.json()["state"] == "CANCELLED", later
    again = house.http.post(f"/console/v1/asns/{asn}:cancel", json=act)
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    other = dock.announce(("TEA", 1))
    taken = house.http.post(f"/console/v1/asns/{other}:cancel", json=act)
    assert (taken.status_code, taken.json()["code"]) == (422, "id_reused")
    assert dock.asn(other)["state"] != "CANCELLED"


def test_a_receipt_is_taken_back_once_and_says_so_again(house: House):
    dock = Dock(house)
    dock.sku("TEA")
    person = dock.receive(dock.announce(("TEA", 4)))
    person.take("TEA", 4)
    (receipt,) = house.ok(house.http.get("/console/v1/receipts", params={"site": HUB}))["receipts"]
    path, act = f"/console/v1/receipts/{HUB}/{receipt['id']}:reverse", {"command_id": str(an_id())}
    answers = [house.http.post(path, json=act) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()


def test_a_lost_parcel_turns_up_and_its_goods_are_put_away(house: House):
    under_way(house)
    (coming,) = arrivals(house, GINZA)
    path = f"/console/v1/arrivals/{GINZA}/{coming['id']}"
    early = house.http.post(f"{path}:found", json={"command_id": str(an_id())})
    assert (early.status_code, early.json()["code"]) == (409, "not_lost")
    house.ok(house.http.post(f"{path}:lost", json={"command_id": str(an_id()), "reason": "?"}))
    assert house.stock_row("TEA")["lost"] == 5
    mine, other = ({"command_id": str(an_id())} for _ in range(2))
    found = [house.ok(house.http.post(f"{path}:found", json=act)) for act in (mine, mine, other)]
    assert [each["units"] for each in found] == [5, 5, 0], "it came once, whoever says so"
    assert house.stock_row("TEA")["lost"] == 0
    assert sum(places_of(house.database, "TEA").values()) - house.stock_row("TEA")["sellable"] == 5
    house.work_off(GINZA, "putaway")
    assert house.stock_row("TEA", GINZA)["sellable"] == 5


def begin(house: House, scanned: str) -> Any:
    body = {"site": HUB, "kind": "move", "scanned": scanned}
    return house.http.post("/api/v1/work/start", json=body, headers=START)


def walk(house: House, packet: dict[str, Any], *deeds: tuple[str, Any]) -> dict[str, Any] | None:
    now: dict[str, Any] | None = packet
    for kind, value in deeds:
        assert now is not None
        answer = house.send(house.event(now, kind, value))
        assert answer["results"][0]["problem"] is None, (now["step"], answer)
        now = answer["packet"]
    return now


def test_goods_go_from_bin_to_bin_as_many_as_nobody_was_promised(house: House):
    house.sku("TEA")
    house.sku("CUP")
    house.stock("TEA", 10, "S01-01")
    house.put_order(("TEA", 4))
    house.tick()
    packet = house.ok(begin(house, "S01-01"))
    assert packet["steps"][0]["qty"]["max"] == 6, "four are pinned"
    assert begin(house, "S09-99").json()["code"] == "nothing_to_move"
    end = walk(house, packet, ("scan", "TEA"), ("qty", 5), ("choice", "done"), ("scan", "S02-02"))
    assert end is None
    assert places_of(house.database, "TEA") == {"S01-01": 5, "S02-02": 5}

    house.stock("CUP", 3, "S02-02")
    packet = house.ok(begin(house, "S02-02"))
    assert packet["step"] == "what"
    packet = walk(house, packet, ("scan", "CUP"), ("scan", "CUP"), ("choice", "done"))
    assert packet is not None
    nowhere = house.send(house.event(packet, "scan", "S02-02"))
    assert nowhere["results"][0]["problem"]["code"] == "unknown_place"
    assert walk(house, packet, ("scan", "S03-01")) is None
    assert places_of(house.database, "CUP") == {"S02-02": 2, "S03-01": 1}


@pytest.mark.parametrize("limit", [{"max_units": 3}, {"temperature": "FROZEN"}])
def test_goods_do_not_go_where_they_cannot(house: House, limit: dict[str, Any]):
    house.sku("TEA")
    house.stock("TEA", 10, "A01-01-1", tote="T-1")
    dock = Dock(house)
    dock.places({"code": "Z-1"} | limit)
    packet = house.ok(begin(house, "T-1"))
    answer = house.send(house.event(packet, "scan", "Z-1"))
    assert answer["results"][0]["problem"]["code"] == "not_there"
    assert walk(house, packet, ("scan", "S03-01")) is None
    assert house.stock_row("TEA")["sellable"] == 10
