"""Goods-to-person: orders' totes stand at a station, each in its slot, until it is whole."""

from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from tests.builders import NOW, an_id
from tests.wms.house import HUB, House
from tests.wms.waves.books import places_of
from wcs.messages import TransportOrder, TransportReport
from wms.database import Database
from wms.outbound.model import ExceptionRow
from wms.outbound.slots import give_slots
from wms.sites import site_id

FOR_US = "SELECT EXISTS (SELECT FROM pg_locks WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid)))"


@pytest.fixture
def station(database: Database) -> Any:
    house = House(database, stations={"ST-1": 3})
    drop = {"site": HUB, "code": "DROP-1", "kind": "TOTE"}
    house.ok(house.http.put("/master/v1/locations", json=[drop]))
    for sku, tote, place in (("TEA", "T-1", "A01-01-1"), ("CUP", "T-2", "A02-01-1")):
        house.sku(sku)
        house.stock(sku, 10, place, tote=tote)
    yield house
    house.close()


def slots(house: House, n: int) -> list[dict[str, Any]]:
    said = house.http.put(f"/console/v1/pick-stations/{HUB}/ST-1", json={"slots": n})
    taken: list[dict[str, Any]] = house.ok(said)[0]["taken"]
    return taken


def taken(house: House) -> list[tuple[str, str]]:
    (at,) = house.ok(house.http.get(f"/console/v1/pick-stations/{HUB}"))
    return [(each["slot"], each["tote"]) for each in at["taken"]]


def work(house: House, *new_totes: str) -> list[str]:
    """Do the packet at the station, putting these empty totes where one is asked for; its steps."""
    packet = house.next_packet(HUB, "pick", station="ST-1")
    assert packet is not None
    steps = [step["id"] for step in packet["steps"]]
    totes = list(new_totes)
    now: dict[str, Any] | None = packet
    while now is not None:
        step = next(each for each in now["steps"] if each["id"] == now["step"])
        codes = [code for each in step["expect"] for code in each["codes"]]
        deeds = [house.event(now, "scan", codes[0] if codes else totes.pop(0))]
        if step["qty"] and step["qty"]["target"] > 1:
            deeds.append(house.event(now, "qty", step["qty"]["target"]))
        answer = house.send(*deeds)
        assert not [each["problem"] for each in answer["results"] if each["problem"]], step
        now = answer["packet"]
    return steps


def test_orders_stand_in_their_slots_until_they_are_whole(station: House):
    slots(station, 1)
    first = station.put_order(("TEA", 2), ("CUP", 1))
    later = (NOW + timedelta(minutes=1)).isoformat()
    second = station.put_order(("TEA", 1), placed_at=later)
    station.tick()
    orders = station.transports()
    assert {each.load for each in orders} == {"T-1", "T-2"}
    assert taken(station) == [("A", "")]
    steps = work(station, "NEW-1")
    assert steps[0] == "tote.A"
    assert not any(step.startswith("away") for step in steps), "the cup is still to come"
    assert taken(station) == [("A", "NEW-1")]
    assert places_of(station.database, "TEA", "picked") == {"NEW-1": 2}
    assert station.line(second)["status"] == "RELEASED", "there is no slot for it"
    steps = work(station)
    assert "tote.A" not in steps
    assert steps[-1] == "away.A"
    assert taken(station) == []
    assert {line["status"] for line in station.order(first)["lines"]} == {"PICKED"}
    station.transports()  # both go home
    station.tick()
    station.transports()
    assert work(station, "NEW-2")[0] == "tote.A"
    assert station.line(second)["status"] == "PICKED"
    station.transports()


def test_two_orders_are_told_apart_by_slot_and_tote(station: House):
    slots(station, 2)
    station.put_order(("TEA", 2))
    station.put_order(("TEA", 1), placed_at=(NOW + timedelta(minutes=1)).isoformat())
    station.tick()
    station.transports()
    packet = station.next_packet(HUB, "pick", station="ST-1")
    assert packet is not None
    for tote in ("NEW-1", "NEW-2"):
        packet = station.send(station.event(packet, "scan", tote))["packet"]
    put = [step for step in packet["steps"] if step["id"].endswith(".slot")]
    assert [(step["big"], step["expect"][0]["codes"]) for step in put] == [
        ("A", ["NEW-1"]), ("B", ["NEW-2"]),
    ]  # fmt: skip
    events = [("scan", "T-1"), ("scan", "TEA"), ("scan", "TEA")]
    for kind, value in events:
        packet = station.send(station.event(packet, kind, value))["packet"]
    wrong = station.send(station.event(packet, "scan", "NEW-2"))
    assert wrong["results"][0]["problem"]["code"] == "wrong_scan"


def test_a_slot_that_nothing_more_comes_for_is_free_and_its_tote_is_told_of(station: House):
    slots(station, 1)
    station.put_order(("TEA", 2), ("CUP", 1))
    station.tick()
    ids = {each.load: each.id for each in station.said() if isinstance(each, TransportOrder)}
    now = station.clock.now()
    station.hear(TransportReport(at=now, id=ids["T-1"], state="FINISHED", metres=1.0))
    work(station, "NEW-1")
    assert taken(station) == [("A", "NEW-1")]
    station.hear(TransportReport(at=now, id=ids["T-2"], state="FAILED", metres=0.0, reason="lost"))
    station.tick()
    assert taken(station) == []
    told = station.database.run(lambda s: [row.code for row in s.scalars(select(ExceptionRow))])
    assert sorted(told) == ["station.take_away", "tote.not_brought"]


def test_two_who_give_slots_at_once_give_each_order_its_own(station: House):
    slots(station, 3)
    one, two, here = an_id(), an_id(), site_id(HUB)

    def give(session: Session, order: UUID) -> str:
        given = give_slots(session, here, "ST-1", [order], now=NOW)
        assert given is not None
        return given[order].slot

    def waits(session: Session) -> bool:
        return bool(session.scalar(text(FOR_US)))

    with ThreadPoolExecutor(1) as pool:

        def first(session: Session) -> tuple[str, Future[str]]:
            slot = give(session, one)
            later = pool.submit(station.database.run, partial(give, order=two))
            while not (waits(session) or later.done()):
                pass
            return slot, later

        slot, later = station.database.run(first)
        assert {slot, later.result()} == {"A", "B"}
