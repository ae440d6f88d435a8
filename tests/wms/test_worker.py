"""The worker as a process sees it: real threads, a real broker, a real database."""

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from edge.broker import broker_child, url_of
from edge.messages import WeightRead
from edge.mqtt import BlockingBus, stream_ack_topic, stream_data_topic
from edge.ports import free_port
from edge.process import Keeper
from edge.stream import (
    Ack,
    Batch,
    Malformed,
    decode_ack,
    decode_batch,
    encode_ack,
    encode_batch,
)
from tests.builders import an_id
from tests.edge.mutants import mutants
from tests.edge.waiting import eventually
from tests.night import by_night
from tests.wms.house import HUB, House
from wcs.messages import (
    Alarm,
    FromWcs,
    ParcelScanned,
    ParcelSorted,
    TransportReport,
    from_wcs,
)
from wms import inbox
from wms.job import Job
from wms.settings import Settings
from wms.worker import Loop, loops


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[str]:
    port = free_port()
    with Keeper(broker_child(tmp_path, port=port)):
        yield url_of(port)


class Wcs:
    """The other end of both streams."""

    def __init__(self, bus: BlockingBus) -> None:
        self._bus = bus
        self.orders: dict[int, dict[str, Any]] = {}
        self.acks: list[Ack] = []
        bus.subscribe(stream_data_topic(HUB, "wms", "wcs"))
        bus.subscribe(stream_ack_topic(HUB, "wcs", "wms"))

    def say(self, seq: int, *reports: TransportReport) -> None:
        bodies = [from_wcs.dump_json(report) for report in reports]
        topic = stream_data_topic(HUB, "wcs", "wms")
        self._bus.publish(topic, encode_batch("wcs-epoch", seq, bodies))

    def listen(self) -> bool:
        """Take what has come, without acknowledging; True if anything had."""
        message = self._bus.receive(0.05)
        if message is None:
            return False
        if message.topic.endswith("/ack"):
            self.acks.append(decode_ack(message.body))
        else:
            self.batch = decode_batch(message.body)
            for seq, order in enumerate(self.batch.messages, start=self.batch.seq):
                self.orders[seq] = dict(order)
        return True

    def acknowledge(self) -> None:
        ack = Ack(self.batch.epoch, max(self.orders))
        self._bus.publish(stream_ack_topic(HUB, "wms", "wcs"), encode_ack(ack))


def test_orders_go_out_and_reports_come_in(
    house: House, database_url: str, broker: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("SOKO_CLOCK", raising=False)
    settings = Settings(
        database_url=database_url, mqtt_url=broker, carrier_url="http://127.0.0.1:1"
    )
    stop = threading.Event()
    with ExitStack() as stack:
        bus = stack.enter_context(BlockingBus(broker, client_id="wcs-test"))
        wcs = Wcs(bus)
        assert bus.until_connected(10)
        threads = [
            threading.Thread(target=loop.run, args=(stop,)) for loop in loops(settings, stack)
        ]
        for thread in threads:
            thread.start()
        try:
            house.sku("TEA")
            house.stock("TEA", 10, "A01-01-1", tote="T-1")
            house.put_order(("TEA", 3))

            eventually(lambda: wcs.listen() and wcs.orders)
            first = dict(wcs.orders[1])
            assert (first["type"], first["load"]) == ("transport.order", "T-1")
            wcs.orders.clear()
            eventually(lambda: wcs.listen() and wcs.orders)  # unacknowledged: it comes again
            assert wcs.orders[1] == first
            wcs.acknowledge()

            report = TransportReport(
                at=house.clock.now(), id=first["id"], state="FINISHED", metres=5.0
            )
            wcs.say(1, report)
            eventually(lambda: wcs.listen() and Ack("wcs-epoch", 1) in wcs.acks)
            station = first["destination"]
            packet = house.next_packet(HUB, "pick", station=station)
            assert packet is not None
            wcs.acks.clear()
            wcs.say(1, report)
            eventually(lambda: wcs.listen() and Ack("wcs-epoch", 1) in wcs.acks)
            assert house.summary()["robot_missions"] == 1
            house.do(packet)
        finally:
            stop.set()
            for thread in threads:
                thread.join()


def test_a_loop_that_fails_goes_on():
    stop = threading.Event()
    calls: list[int] = []

    def job() -> int:
        calls.append(len(calls))
        if len(calls) < 4:
            raise OSError("away")
        stop.set()
        return 0

    Loop(Job(name="test", run=job, idle_s=0.0)).run(stop)
    assert calls == [0, 1, 2, 3]


def test_what_is_no_batch_is_passed_over(house: House):
    message = json.dumps({"type": "something.new", "at": "2026-11-27T09:00:00Z"})
    batch = Batch("wcs-epoch", 1, (json.loads(message), {"type": "transport.report"}))
    ack = house.database.run(
        lambda s: inbox.take_batch(s, house.floor, HUB, batch, now=house.clock.now())
    )
    assert ack == Ack("wcs-epoch", 2)
    assert house.summary()["exceptions"] == 2
    unknown = TransportReport(at=house.clock.now(), id=str(an_id()), state="FINISHED")
    assert house.hear(unknown).seq == 3


def words_of_the_wcs(house: House) -> list[bytes]:
    now = house.clock.now()
    said: list[FromWcs] = [
        TransportReport(at=now, id=str(an_id()), state="FINISHED", metres=10.0),
        ParcelScanned(at=now, sorter="s1", code="1" * 18, lane="L1"),
        ParcelSorted(at=now, sorter="s1", code="1" * 18, lane="L1", status="DIVERTED"),
        Alarm(at=now, id="a", source="R1", code="robot.silent", priority=1, active=True, detail=""),
        WeightRead(at=now, device="scale1", grams=7, stable=True),
    ]
    return [from_wcs.dump_json(each) for each in said]


@pytest.mark.timeout(900)
@pytest.mark.parametrize("count", [8, by_night(1_000)])
def test_no_message_of_the_wcs_holds_up_those_behind_it(house: House, count: int):
    right = words_of_the_wcs(house)
    poison = [  # what PostgreSQL does not keep, and what is no id of ours
        right[1].replace(b"111111", b"\\u0000"),
        right[0].replace(right[0][right[0].index(b'"id"') :][:14], b'"id":"tote\\u0000'),
    ]
    first = house.heard + 1
    for seq, body in enumerate((*poison, *mutants(right, count, seed=count)), first):
        try:
            (message,) = decode_batch(encode_batch("wcs-epoch", seq, [body])).messages
        except (Malformed, ValueError):  # the stream has refused it, or it was two
            message = {"type": "stream.damaged"}
        batch = Batch("wcs-epoch", seq, (message,))
        take = partial(
            inbox.take_batch, floor=house.floor, site=HUB, batch=batch, now=house.clock.now()
        )
        assert house.database.run(take) == Ack("wcs-epoch", seq), body
