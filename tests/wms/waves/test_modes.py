"""Waves are foretold, released, picked by several people in every mode, and held against that."""

from datetime import timedelta
from typing import Any

from tests.wms.waves.books import places_of
from tests.wms.waves.people import MODES, Floor

TOTES = [f"TOTE-{number}" for number in range(1, 100)]
SKUS = {"A": "P01-01", "B": "P02-02", "C": "Q03-01"}


def stocked(floor: Floor) -> None:
    for sku, place in SKUS.items():
        floor.sku(sku)
        floor.stock(sku, 100, place)


def kinds_of_steps(packet: dict[str, Any]) -> list[str]:
    return [step["id"].rpartition(".")[2] for step in packet["steps"]]


def test_a_wave_is_foretold_and_picked_in_every_mode(floor: Floor):
    stocked(floor)
    floor.channel(wip_lines_max=0)
    for mode in MODES:
        orders = [floor.put_order(("A", 2), ("C", 1)), floor.put_order(("A", 1), ("B", 3))]
        floor.tick()
        assert floor.next_packet("TYO1", "pick") is None, "it waits for its wave"
        wave = floor.wave(style={"mode": mode, "orders_max": 2}, pickers=3)

        told = floor.act(wave, "simulate")["forecast"]
        assert (told["lines"], told["orders"], told["short"]) == (4, 2, [])
        released = floor.act(wave, "release")
        assert (released["state"], released["lines"]) == ("RELEASED", 4)
        picked = floor.pick_all()

        if mode in {"CLUSTER", "PASS", "PUT_WALL"}:
            assert all(kinds_of_steps(each)[0] in {"A", "B"} for each in picked), "totes first"
        if mode == "PUT_WALL":
            assert places_of(floor.database, "A", "picked").keys() <= set(TOTES)
            floor.pick_all("putwall")
        there = {place.partition("-")[0] for place in places_of(floor.database, "A", "picked")}
        assert there == {"PUT_WALL": {"W"}, "CLUSTER": {"TOTE"}, "PASS": {"TOTE"}}.get(
            mode, {"@TOTE"}
        )
        for order in orders:
            assert {line["status"] for line in floor.order(order)["lines"]} == {"PICKED"}
        floor.work_off("TYO1", "pack")
        floor.job("waves")

        seen = floor.seen(wave)
        assert seen["state"] == "DONE"
        steps = {step["step"]: step for step in seen["steps"]}
        assert steps.keys() == ({"pick", "sort", "pack"} if mode == "PUT_WALL" else
                                {"pick", "pack"})  # fmt: skip
        for step in steps.values():
            assert step["predicted_finish_at"] > seen["released_at"]
            assert step["actual_finish_at"] is not None
            assert step["tasks"] == step["tasks_done"] > 0
        assert len(floor.http.get("/console/v1/waves?state=DONE").json()) > 0


def test_a_tote_is_one_orders_and_a_full_one_is_changed(floor: Floor):
    stocked(floor)
    floor.channel(style={"mode": "CLUSTER"})
    floor.put_order(("A", 2), ("C", 1))
    floor.put_order(("A", 3))
    floor.tick()
    packet = floor.next_packet("TYO1", "pick")
    assert packet is not None
    first = floor.event(packet, "scan", "T-9")
    packet = floor.send(first)["packet"]
    answer = floor.send(floor.event(packet, "scan", "T-9"))
    assert answer["results"][0]["problem"]["code"] == "tote_in_use"
    packet = floor.send(floor.event(packet, "scan", "T-8"))["packet"]
    put = [step for step in packet["steps"] if step["id"].endswith(".slot")]
    assert {step["expect"][0]["codes"][0] for step in put} == {"T-8", "T-9"}
    wanted = {step["big"]: step["expect"][0]["codes"][0] for step in put}
    floor.finds = {f"slot {wanted['A']}": ("exception", {"code": "tote_full", "found": 0})}
    now: dict[str, Any] | None = packet
    while now is not None:
        now = floor.one_step(now, "hh-1")
    assert "TOTE-1" in places_of(floor.database, "A"), "into the new one, once the other was full"
    assert sum(places_of(floor.database, "A").values()) == 100


def test_a_tote_that_is_passed_on_is_the_same_in_every_zone(floor: Floor):
    stocked(floor)
    floor.channel(style={"mode": "PASS"})
    floor.put_order(("A", 1), ("B", 1), ("C", 2))
    floor.tick()
    assert len(floor.pick_all(people=1)) == 2
    assert places_of(floor.database, "A")["TOTE-1"] == 1
    assert places_of(floor.database, "B")["TOTE-1"] == 1
    assert places_of(floor.database, "C")["TOTE-1"] == 2


def test_what_is_missing_at_the_wall_is_wanted_again(floor: Floor):
    stocked(floor)
    floor.channel(style={"mode": "PUT_WALL"})
    order = floor.put_order(("A", 3))
    floor.put_order(("A", 2))
    floor.tick()
    floor.pick_all()
    floor.finds = {"item A": ("exception", {"code": "short", "found": 1})}
    floor.pick_all("putwall")
    assert floor.stock_row("A")["unknown"] >= 1
    floor.tick()
    floor.pick_all()
    floor.pick_all("putwall")
    assert floor.line(order)["status"] == "PICKED"
    assert len(floor.work_off("TYO1", "pack")) == 2


def test_a_late_order_is_not_overtaken_and_what_misses_its_cut_off_is_said(floor: Floor):
    stocked(floor)
    floor.channel(wip_lines_max=0)
    late = floor.put_order(("A", 1), channel="shop")
    floor.tick()
    floor.clock.at += timedelta(days=9)  # nobody has released it
    fresh = {"channel": "web", "placed_at": floor.clock.now().isoformat()}
    others = [floor.put_order(("A", 1), **fresh) for _ in range(3)]
    floor.tick()
    cut_off = (floor.clock.now() + timedelta(seconds=90)).isoformat()
    wave = floor.wave(which={"channels": ["web"]}, orders_max=3, cut_off_at=cut_off, packers=1,
                      style={"mode": "SINGLE"})  # fmt: skip
    told = floor.act(wave, "simulate")["forecast"]
    assert 0 < len(told["late"]) <= 3
    floor.act(wave, "release")
    assert floor.line(late)["status"] == "RELEASED", "it is past its time: it goes with the wave"
    assert sum(floor.line(each)["status"] == "RELEASED" for each in others) == 2


def test_a_slot_of_the_wall_is_one_orders_until_it_is_packed(floor: Floor):
    stocked(floor)
    floor.channel(style={"mode": "PUT_WALL", "orders_max": 3})
    for _ in range(2):  # the second tote finds slots of the first in use: 6 slots, 3 orders each
        for _ in range(3):
            floor.put_order(("A", 1), ("B", 1))
        floor.tick()
        floor.pick_all()
        floor.pick_all("putwall")
    there = places_of(floor.database, "A", "picked")
    assert there == {f"W-{number}": 1 for number in range(1, 7)}
    late = floor.put_order(("A", 1))
    floor.tick()
    floor.pick_all()
    assert floor.next_packet("TYO1", "putwall") is None, "no slot is free: its tote waits"
    floor.work_off("TYO1", "pack")
    floor.pick_all("putwall")
    assert floor.line(late)["status"] == "PICKED"
    assert len(floor.work_off("TYO1", "pack")) == 1
