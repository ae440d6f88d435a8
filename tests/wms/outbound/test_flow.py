"""Outbound: shortness, failures, repetitions, and the limits of the floor."""

from datetime import timedelta

from sqlalchemy import func, select

from tests.builders import an_id
from tests.wms.house import HUB, OSAKA, SPOKE, House
from wcs.messages import Alarm, GatePassage, ParcelScanned, ParcelSorted, TransportReport
from wms.database import Database
from wms.orders.model import Allocation
from wms.outbound.model import ExceptionRow, Presentation
from wms.work.model import Task


def a_robot_line(house: House, units: int = 3) -> tuple[object, str]:
    house.sku("TEA")
    house.stock("TEA", 10, "A01-01-1", tote="T-1")
    order_id = house.put_order(("TEA", units))
    house.tick()
    (order,) = house.transports()
    return order_id, order.destination


def passage(house: House, direction: str, *epcs: str) -> GatePassage:
    now = house.clock.now()
    return GatePassage(
        at=now, gate="GATE-OUT", direction=direction, confidence=0.5, epcs_hex=epcs, reads=3,  # type: ignore[arg-type]
        started_at=now, ended_at=now,
    )  # fmt: skip


def packed(house: House) -> str:
    """An order of the hub's shelf, packed; its parcel's tag."""
    house.sku("A")
    house.stock("A", 9, "S01-01")
    house.put_order(("A", 1))
    house.tick()
    house.work_off(HUB, "pick")
    house.work_off(HUB, "pack")
    return house.parcels()[0].epc_hex


def test_a_short_pick_is_wanted_elsewhere(house: House):
    house.sku("A")
    house.stock("A", 6, "S01-01")
    house.stock("A", 9, "S01-01", site=SPOKE)
    order_id = house.put_order(("A", 6))
    house.tick()
    house.work_off(HUB, "pick", short={"A": 4})
    assert house.stock_row("A")["unknown"] == 2
    assert house.line(order_id)["site"] == f"{SPOKE},{HUB}"
    house.work_off(HUB, "pack")
    house.tick()
    house.work_off(SPOKE, "pick")
    house.work_off(SPOKE, "pack")
    house.work_off(SPOKE, "load")
    house.hear(passage(house, "OUT", *(parcel.epc_hex for parcel in house.parcels())))
    assert house.line(order_id)["status"] == "SHIPPED"
    house.after_hours()
    assert [event.type for event in house.webhooks.events] == []


def test_a_short_pick_that_is_nowhere_else_is_back_ordered_and_the_rest_is_sent(house: House):
    house.sku("A")
    house.stock("A", 6, "S01-01")
    order_id = house.put_order(("A", 6))
    house.tick()
    house.work_off(HUB, "pick", short={"A": 4})
    assert house.line(order_id)["units_short"] == 2
    house.work_off(HUB, "pack")
    house.hear(passage(house, "OUT", house.parcels()[0].epc_hex))
    assert house.line(order_id)["status"] == "BACKORDERED"
    assert house.summary()["lines_backordered"] == 1


def test_nothing_found_at_all_ends_the_line(house: House):
    house.sku("A")
    house.stock("A", 6, "S01-01")
    order_id = house.put_order(("A", 6))
    house.tick()
    house.work_off(HUB, "pick", short={"A": 0})
    assert house.order(order_id)["status"] == "BACKORDERED"
    assert house.parcels() == []
    assert house.next_packet(HUB, "pack") is None


def test_two_orders_share_one_trip_of_the_tote(house: House):
    house.sku("TEA")
    house.stock("TEA", 10, "A01-01-1", tote="T-1")
    for _ in range(3):
        house.put_order(("TEA", 2))
    house.tick()
    (brought,) = house.transports()
    (packet,) = house.work_off(HUB, "pick", station=brought.destination)
    assert [step["big"] for step in packet["steps"]] == ["T-1", "2", "2", "2"]
    (home,) = house.transports()
    assert (home.source, home.destination) == (brought.destination, "A01-01-1")
    assert house.summary()["robot_missions"] == 2
    assert house.summary()["robot_metres"] == 20.0


def test_what_comes_to_want_a_tote_that_stands_there_is_picked_before_it_leaves(house: House):
    _, station = a_robot_line(house)
    late = house.put_order(("TEA", 1))
    house.tick()
    packets = house.work_off(HUB, "pick", station=station)
    assert len(packets) == 2
    assert house.line(late)["status"] == "PICKED"
    assert len(house.transports()) == 1  # home, once


def test_a_tote_that_never_came_is_walked_to(house: House):
    house.sku("TEA")
    house.stock("TEA", 10, "A01-01-1", tote="T-1")
    order_id = house.put_order(("TEA", 3))
    house.tick()
    house.transports("FAILED", reason="robot lost")
    house.tick()
    (packet,) = house.work_off(HUB, "pick")
    assert packet["steps"][0]["big"] == "A01-01-1"
    assert house.line(order_id)["status"] == "PICKED"
    rows = house.database.run(lambda s: s.scalars(select(ExceptionRow)).all())
    assert [(row.code, row.facts["reason"]) for row in rows] == [("tote.not_brought", "robot lost")]
    assert house.summary()["picks_by_person"] == 1


def test_a_tote_that_cannot_go_home_is_sent_again(house: House):
    _, station = a_robot_line(house)
    house.work_off(HUB, "pick", station=station)
    ids = set()
    for _ in range(3):
        (home,) = house.transports("FAILED", reason="blocked")
        ids.add(home.id)
    assert len(ids) == 3
    house.transports()
    states = house.database.run(lambda s: s.scalars(select(Presentation.state)).all())
    assert states == ["HOME"]


def test_stations_take_no_more_totes_than_they_have_room_for(database: Database):
    house = House(database, stations={"ST-1": 1, "ST-2": 1})
    for aisle in range(1, 5):
        house.sku(f"T{aisle}")
        house.stock(f"T{aisle}", 5, f"A0{aisle}-01-1", tote=f"T-{aisle}")
    for aisle in range(1, 5):
        house.put_order((f"T{aisle}", 1))
    house.tick()
    brought = house.transports()
    assert {order.destination for order in brought} == {"ST-1", "ST-2"}
    house.work_off(HUB, "pick", station="ST-1")
    house.tick()
    (home,) = house.transports()
    house.tick()
    (more,) = house.transports()
    assert (home.source, more.destination) == ("ST-1", "ST-1")
    house.close()


def test_the_floor_takes_no_more_work_than_its_limit(database: Database):
    house = House(database, lines_in_work_max=2)
    house.sku("A")
    house.stock("A", 50, "S01-01")
    for _ in range(5):
        house.put_order(("A", 1))
    house.tick()
    pinned = select(func.count()).where(Allocation.state == "PINNED")
    assert database.run(lambda s: s.scalar(pinned)) == 2
    while house.work_off(HUB, "pick"):
        house.tick()
    assert database.run(lambda s: s.scalar(pinned)) == 0
    assert len(house.work_off(HUB, "pack")) == 5
    house.close()


def test_messages_of_the_wcs_that_come_twice_are_done_once(house: House):
    epc = packed(house)
    parcel = house.parcels()[0]
    messages = (
        ParcelScanned(at=house.clock.now(), sorter="s", code=None, lane="RECIRCULATE"),
        ParcelSorted(
            at=house.clock.now(), sorter="s", code=parcel.sscc, lane=None, status="RECIRCULATED"
        ),
        ParcelScanned(at=house.clock.now(), sorter="s", code=parcel.sscc, lane=parcel.lane),
        ParcelSorted(
            at=house.clock.now(), sorter="s", code=parcel.sscc, lane=parcel.lane,
            status="DIVERTED",
        ),
        passage(house, "OUT", epc),
    )  # fmt: skip
    assert house.hear(*messages, seq=1).seq == 5
    once = house.summary()
    assert house.hear(*messages, seq=1).seq == 5
    assert house.hear(*messages[2:], seq=3).seq == 5
    assert house.summary() == once
    assert (once["sorter_reads"], once["sorter_no_reads"], once["recirculations"]) == (1, 1, 1)
    assert (once["gate_passages"], once["gate_passages_raw"]) == (1, 1)


def test_a_gap_in_the_stream_is_waited_for(house: House):
    epc = packed(house)
    assert house.hear(passage(house, "OUT", epc), seq=2).seq == 0
    assert house.parcels()[0].state == "INDUCTED"
    assert house.hear(passage(house, "OUT", epc), seq=1).seq == 1
    assert house.parcels()[0].state == "SHIPPED"


def test_a_parcel_through_the_gate_again_is_shipped_once(house: House):
    epc = packed(house)
    house.hear(passage(house, "OUT", epc))
    shipped_at = house.parcels()[0].shipped_at
    house.hear(passage(house, "OUT", epc, "F00D"))
    assert house.parcels()[0].shipped_at == shipped_at
    assert house.parcels()[0].passages_out == 2


def test_an_ambiguous_passage_is_a_question_and_moves_nothing(house: House):
    epc = packed(house)
    house.hear(passage(house, "AMBIGUOUS", epc))
    assert house.parcels()[0].state == "INDUCTED"
    rows = house.database.run(lambda s: s.scalars(select(ExceptionRow)).all())
    assert [row.code for row in rows] == ["gate.ambiguous"]


def test_an_alarm_is_raised_once_and_cleared(house: House):
    for active in (True, True, False):
        house.hear(
            Alarm(
                at=house.clock.now(), id="robot.R-01", source="R-01", code="robot.silent",
                priority=1, active=active,
            )
        )  # fmt: skip
    rows = house.database.run(lambda s: s.scalars(select(ExceptionRow)).all())
    assert [(row.code, row.active) for row in rows] == [("robot.silent", False)]


def test_late_and_unknown_reports_change_nothing(house: House):
    _, station = a_robot_line(house)
    packet = house.next_packet(HUB, "pick", station=station)
    assert packet is not None
    trip = house.database.run(lambda s: s.scalars(select(Presentation)).one())
    for transport in (str(trip.transport_id), str(an_id())):
        house.hear(TransportReport(at=house.clock.now(), id=transport, state="FAILED"))
    assert house.database.run(lambda s: s.scalars(select(Presentation.state)).one()) == "PRESENT"
    house.do(packet)


def test_a_carrier_that_is_away_is_asked_again_with_the_same_parcel(house: House):
    packed(house)
    house.carrier.is_down = True
    assert house.parcels()[0].tracking is None
    house.carrier.is_down = False
    house.jobs.book()
    assert house.jobs.book() == 0
    assert len(house.carrier.booked) == 1


def test_subscribers_are_told_until_they_have_taken_it(house: House):
    body = {"url": "http://127.0.0.1:9/hook", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}
    hook = an_id()
    assert house.http.put(f"/oms/v1/webhooks/{hook}", json=body).status_code == 201
    assert house.http.put(f"/oms/v1/webhooks/{hook}", json=body).status_code == 200
    house.webhooks.refuses = 2
    epc = packed(house)
    house.hear(passage(house, "OUT", epc))
    house.job("tell")
    taken = [event.type for event in house.webhooks.events]
    house.clock.at += timedelta(seconds=60)
    house.job("tell")
    all_taken = [event.type for event in house.webhooks.events]
    assert len(all_taken) == len(taken) + 2
    assert set(all_taken) == {"OrderPlaced", "ParcelShipped", "OrderShipped"}
    assert house.job("tell") == 0


def test_heavy_orders_become_several_parcels_and_ship_with_the_last(house: House):
    house.sku("STONE", weight_g=6_000)
    house.stock("STONE", 9, "S01-01")
    order_id = house.put_order(("STONE", 7))
    house.tick()
    house.work_off(HUB, "pick")
    house.work_off(HUB, "pack")
    parcels = house.parcels()
    assert [parcel.weight_g for parcel in parcels] == [18_150, 18_150, 6_150]
    for parcel in parcels:
        assert house.line(order_id)["status"] == "PACKED"
        house.hear(passage(house, "OUT", parcel.epc_hex))
    assert house.line(order_id)["status"] == "SHIPPED"


def test_packing_waits_for_everything_of_the_order_at_the_site(house: House):
    house.sku("A")
    house.stock("A", 5, "S01-01")
    house.sku("TEA")
    house.stock("TEA", 10, "A01-01-1", tote="T-1")
    house.put_order(("A", 1), ("TEA", 1))
    house.tick()
    house.work_off(HUB, "pick")
    assert house.next_packet(HUB, "pack") is None
    (brought,) = house.transports()
    house.work_off(HUB, "pick", station=brought.destination)
    assert len(house.work_off(HUB, "pack")) == 1


def test_every_line_of_a_busy_hour_ends_once(house: House):
    for number in range(6):
        house.sku(f"S{number}")
        house.stock(f"S{number}", 20, f"S0{number % 3 + 1}-0{number // 3 + 1}")
        house.stock(f"S{number}", 6, "S01-01", site=SPOKE)
    orders = [
        house.put_order((f"S{n % 6}", n % 5 + 1), (f"S{(n + 1) % 6}", 2),
                        **({"ship_to": OSAKA} if n % 2 else {}))
        for n in range(24)
    ]  # fmt: skip
    for _ in range(6):
        house.tick()
        for site in (HUB, SPOKE):
            for kind in ("pick", "pack", "load"):
                house.work_off(site, kind)
    house.hear(passage(house, "OUT", *(parcel.epc_hex for parcel in house.parcels())))
    summary = house.summary()
    ends = sum(summary[f"lines_{end}"] for end in ("shipped", "backordered"))
    assert ends == summary["lines"] == 2 * len(orders)
    assert summary["lines_open"] == summary["tasks_open"] == 0
    undone = select(func.count()).select_from(Task).where(Task.state != "DONE")
    assert house.database.run(lambda s: s.scalar(undone)) == 0


def test_a_box_may_be_gone_before_the_last_of_its_order_is_closed(house: House):
    house.sku("STONE", weight_g=6_000)
    house.stock("STONE", 9, "S01-01")
    order_id = house.put_order(("STONE", 4))
    house.tick()
    house.work_off(HUB, "pick")
    packet = house.next_packet(HUB, "pack")
    assert packet is not None
    first, second = house.parcels()
    house.hear(
        ParcelSorted(
            at=house.clock.now(), sorter="s", code=first.sscc, lane=first.lane, status="DIVERTED"
        ),
        passage(house, "OUT", first.epc_hex),
    )
    house.hear(passage(house, "OUT", second.epc_hex))
    assert {parcel.state for parcel in house.parcels()} == {"SHIPPED"}
    assert house.line(order_id)["status"] == "PICKED"
    house.do(packet)
    assert {parcel.state for parcel in house.parcels()} == {"SHIPPED"}
    assert house.line(order_id)["status"] == "SHIPPED"
    assert house.stock_row("STONE")["to_customer"] == 4
