"""What comes between: taken back, cancelled, short, damaged, not empty, too old, another serial."""

from datetime import date, timedelta
from typing import Any

from sqlalchemy import select, text

from tests.builders import NOW, an_id
from tests.wms.house import HUB
from tests.wms.waves.books import places_of
from tests.wms.waves.people import Floor
from wms.outbound.model import ExceptionRow
from wms.work.wanted import CountWanted

TODAY = NOW.date()


def a_sku(floor: Floor, code: str, **more: Any) -> None:
    body = [{"code": code, "name_en": code, "weight_g": 100} | more]
    floor.ok(floor.http.put("/master/v1/skus", json=body))


def a_lot(floor: Floor, sku: str, code: str, expires_on: date) -> None:
    body = [{"sku": sku, "code": code, "expires_on": expires_on.isoformat()}]
    floor.ok(floor.http.put("/master/v1/lots", json=body))


def receive(floor: Floor, sku: str, units: int, at: str, **more: Any) -> None:
    line = {"site": HUB, "location": at, "sku": sku, "units": units} | more
    floor.ok(floor.http.post("/master/v1/receipts", json={"id": str(an_id()), "lines": [line]}))


def codes(floor: Floor) -> set[str]:
    query = select(ExceptionRow.code)
    return floor.database.run(lambda s: set(s.scalars(query)))


def steps(packet: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [step for step in packet["steps"] if step["id"].endswith(f".{kind}")]


def test_a_release_is_taken_back_in_mid_wave(floor: Floor):
    floor.sku("A")
    floor.stock("A", 10, "P01-01")
    floor.channel(wip_lines_max=0)
    kept, taken = floor.put_order(("A", 4)), floor.put_order(("A", 3))
    floor.tick()
    wave = floor.wave()
    command = an_id()
    first = floor.act(wave, "release", command)
    assert floor.act(wave, "release", command)["released_at"] == first["released_at"]
    packet = floor.next_packet(HUB, "pick")
    assert packet is not None
    packet = floor.one_step(packet, "hh-1")  # somebody is on the way
    assert packet is not None
    body = {"command_id": str(an_id()), "orders": [str(taken)]}
    for _ in range(2):
        said = floor.ok(floor.http.post(f"/console/v1/releases/{HUB}:take-back", json=body))
        assert said == {"taken_back": 1, "too_late": 0}
    assert floor.line(taken)["status"] != "RELEASED"
    again = floor.wave(name="evening")
    floor.act(again, "release")  # it is another's walk now, at the same place

    now: dict[str, Any] | None = packet
    while now is not None:
        now = floor.one_step(now, "hh-1")
    assert places_of(floor.database, "A") == {"P01-01": 6, "@TOTE": 4}
    (back,) = floor.work_off(HUB, "putback")  # what the walk brought for the other
    assert back["steps"][0]["big"] == "3"
    assert len(floor.pick_all()) == 1, "under ids of its own"
    assert {floor.line(each)["status"] for each in (kept, taken)} == {"PICKED"}
    late = floor.ok(floor.http.post(f"/console/v1/releases/{HUB}:take-back",
                                    json={**body, "command_id": str(an_id())}))  # fmt: skip
    assert late == {"taken_back": 0, "too_late": 1}
    refused = floor.http.post(f"/console/v1/waves/{wave}:release",
                              json={"command_id": str(an_id())})  # fmt: skip
    assert (refused.status_code, refused.json()["code"]) == (409, "wave_state")


def test_a_wave_is_called_off_and_who_is_on_the_way_is_told(floor: Floor):
    floor.sku("A")
    floor.stock("A", 10, "P01-01")
    floor.channel(wip_lines_max=0)
    order = floor.put_order(("A", 4))
    floor.tick()
    wave = floor.wave()
    floor.act(wave, "release")
    packet = floor.next_packet(HUB, "pick")
    assert packet is not None
    packet = floor.one_step(packet, "hh-1")  # one is on the way
    assert packet is not None
    assert floor.act(wave, "cancel") == {"taken_back": 1, "too_late": 0}
    told = floor.send(floor.event(packet, "scan", "A"))["results"][0]["problem"]
    assert told["code"] == "packet_cancelled"
    back = floor.next_packet(HUB, "pick")  # that unit was in hand: where it goes
    assert back is not None
    assert back["kind"] == "recover"
    while back is not None:
        back = floor.one_step(back, "hh-1")
    assert floor.next_packet(HUB, "pick") is None
    assert floor.seen(wave)["state"] == "CANCELLED"
    floor.channel()
    floor.tick()
    floor.pick_all()
    assert floor.line(order)["status"] == "PICKED"


def test_a_customer_cancels_while_the_goods_are_in_a_tote(floor: Floor):
    floor.sku("A")
    floor.sku("B")
    floor.stock("A", 10, "P01-01")
    floor.stock("B", 10, "Q03-01")
    floor.channel(style={"mode": "PASS"})
    order = floor.put_order(("A", 2), ("B", 1))
    floor.tick()
    packet = floor.next_packet(HUB, "pick")
    assert packet is not None
    packet = floor.one_step(packet, "hh-1")
    floor.ok(floor.http.post(f"/oms/v1/orders/{order}/cancellation"))
    while packet is not None:
        packet = floor.one_step(packet, "hh-1")
    floor.job("put_back")
    floor.pick_all()
    floor.work_off(HUB, "putback")
    assert floor.order(order)["status"] == "CANCELLED"
    assert sum(places_of(floor.database, "A", "sellable").values()) == 10
    assert sum(places_of(floor.database, "B", "sellable").values()) == 10


def test_short_damaged_and_a_place_that_is_not_empty(floor: Floor):
    for sku, place in (("A", "P01-01"), ("B", "P01-02"), ("C", "P02-01")):
        floor.sku(sku)
        floor.stock(sku, 4, place)
    floor.put_order(("A", 4), ("B", 4), ("C", 4))
    floor.tick()
    packet = floor.next_packet(HUB, "pick")
    assert packet is not None
    assert len(steps(packet, "zero")) == 3, "nothing should be left anywhere"
    floor.finds = {
        "item A": ("exception", {"code": "short", "found": 3}),
        "item B": ("exception", {"code": "damaged", "found": 1}),
        "zero P02-01": ("choice", "no"),
    }
    while packet is not None:
        packet = floor.one_step(packet, "hh-1")
    assert places_of(floor.database, "A") == {"@TOTE": 3, "@UNKNOWN": 1}
    assert places_of(floor.database, "B") == {"@TOTE": 1, "@QUARANTINE": 3}
    query = select(CountWanted.why, CountWanted.location_id)
    wanted = floor.database.run(lambda s: sorted(why for why, _ in s.execute(query)))
    assert wanted == ["SHORT", "ZERO_CHECK"]
    assert {"pick.short", "pick.damaged"} <= codes(floor)


def test_what_expires_first_goes_first_and_shops_get_a_third_of_its_life(floor: Floor):
    a_sku(floor, "TEA", tracking="LOT", shelf_life_days=90)
    for code, days, place in (("OLD", 20, "P01-01"), ("MID", 45, "P01-01"), ("NEW", 80, "P01-02")):
        a_lot(floor, "TEA", code, TODAY + timedelta(days=days))
        receive(floor, "TEA", 5, place, lot=code)
    floor.channel(shelf_life={"b2b": 333})
    shop = floor.put_order(("TEA", 7), channel="b2b")
    person = floor.put_order(("TEA", 4))
    floor.tick()
    floor.pick_all()
    query = text("SELECT h.demand_id, h.lot, h.units FROM hold h WHERE h.state = 'PICKED'")

    def lots(order: Any) -> dict[str, int]:
        rows = floor.database.run(lambda s: s.execute(query).all())
        return {row.lot: row.units for row in rows if row.demand_id == order}

    assert lots(shop) == {"MID": 5, "NEW": 2}
    assert lots(person) == {"OLD": 4}

    floor.put_order(("TEA", 4), channel="b2b")  # 3 of NEW, 1 of OLD: too old for a shop
    floor.tick()
    assert "release.no_fit_lot" in codes(floor)
    assert len(floor.pick_all()) == 1
    assert floor.next_packet(HUB, "pick") is None


def test_the_serials_that_were_picked_are_those_that_are_sent(floor: Floor):
    a_sku(floor, "TV", tracking="SERIAL")
    receive(floor, "TV", 4, "P01-01", serials=["S1", "S2", "S3", "S4"])
    order = floor.put_order(("TV", 2))
    floor.tick()
    packet = floor.next_packet(HUB, "pick")
    assert packet is not None
    (serial,) = steps(packet, "serial")
    assert serial["expect"][0]["codes"] == ["S1", "S2", "S3", "S4"]
    for _ in range(2):  # the place, the goods
        packet = floor.one_step(packet, "hh-1")
        assert packet is not None
    for scanned, problem in (("S9", "wrong_scan"), ("S3", None), ("S3", "scanned_twice")):
        answer = floor.send(floor.event(packet, "scan", scanned))
        found = answer["results"][0]["problem"]
        assert (found and found["code"]) == problem
        packet = answer["packet"] or packet
    floor.send(floor.event(packet, "scan", "]d2010491234567890410L\x1d21S4"))
    query = text("SELECT serial FROM serial WHERE hold_id IS NOT NULL ORDER BY 1")
    picked = floor.database.run(lambda s: list(s.scalars(query)))
    assert picked == ["S3", "S4"]
    assert floor.line(order)["status"] == "PICKED"


def test_a_face_that_picks_will_empty_is_filled_at_once(floor: Floor):
    floor.sku("A")
    floor.stock("A", 5, "P01-01")
    floor.stock("A", 50, "BULK-1")
    face = {"low": 2, "high": 20, "auto_units_max": 100}
    floor.ok(floor.http.put(f"/console/v1/pick-faces/{HUB}/P01-01/A", json=face))
    floor.channel(wip_lines_max=0)
    floor.put_order(("A", 5))
    floor.tick()
    assert floor.next_packet(HUB, "replenish") is None
    floor.act(floor.wave(), "release")
    (filled,) = floor.work_off(HUB, "replenish")
    assert filled["title"] == "P01-01"
    assert places_of(floor.database, "A")["P01-01"] == 25


def test_kits_are_put_together_from_their_parts(floor: Floor):
    for sku in ("BOX", "TEA", "CUP"):
        floor.sku(sku)
    floor.stock("TEA", 5, "P01-01")
    floor.stock("TEA", 4, "P01-02")
    floor.stock("CUP", 10, "Q03-01")
    kit = {"parts": [{"sku": "TEA", "units": 2}, {"sku": "CUP", "units": 1}]}
    floor.ok(floor.http.put("/console/v1/kits/BOX", json=kit))
    assert floor.http.get("/console/v1/kits/BOX").json()["parts"][0] == {"sku": "CUP", "units": 1}
    within = floor.http.put("/console/v1/kits/TEA", json={"parts": [{"sku": "BOX", "units": 1}]})
    assert (within.status_code, within.json()["code"]) == (422, "unfit_kit")
    order = f"/console/v1/kit-orders/{an_id()}"
    body = {"site": HUB, "kit": "BOX", "units": 4}
    assert [floor.http.put(order, json=body).status_code for _ in range(2)] == [201, 200]
    too_many = floor.http.put(f"/console/v1/kit-orders/{an_id()}", json=body)
    assert too_many.json()["code"] == "parts_missing", "the parts are held"
    assert floor.stock_row("TEA")["allocated"] == 8

    packet = floor.next_packet(HUB, "kit")
    assert packet is not None
    floor.finds = {" BOX": ("exception", {"code": "short", "found": 3})}
    while packet is not None:
        packet = floor.one_step(packet, "hh-1")
    assert sum(places_of(floor.database, "BOX").values()) == 3
    assert sum(places_of(floor.database, "TEA").values()) == 9 - 3 * 2
    assert places_of(floor.database, "CUP") == {"Q03-01": 7}
    assert floor.stock_row("TEA")["allocated"] == 0
