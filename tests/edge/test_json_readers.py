"""Readers that speak JSON: each over each of its ways, on both brokers, to a passage at a gate.

Reader model -> JSON -> MQTT or HTTP -> driver -> tag filter -> gates -> passage. Nothing is faked.
"""

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.clock import ScaledClock
from edge.drivers import DeviceUnavailable, Driver, HasHealth, impinj, zebra
from edge.drivers.around import Around
from edge.drivers.json_reads import Malformed
from edge.gs1 import sscc_from, sscc_to_epc_hex
from edge.messages import (
    DeviceEvent,
    DeviceStatus,
    EyeChanged,
    RobotReport,
    TagGone,
    TagSeen,
    TellAgain,
)
from edge.mqtt import PahoBus
from edge.ports import free_port
from simulators.live_json_readers import R700, ZebraFx, impinj_event, to_bus, to_url, zebra_event
from simulators.rfid import Read
from tests.edge.waiting import soon
from wcs.eyes import crossings
from wcs.gates import GateState, due, on_tag
from wcs.messages import GatePassage

AT = datetime(2026, 11, 21, 9, tzinfo=UTC)
EPC = sscc_to_epc_hex(sscc_from("4512345", 1, 1), 7)
PARCELS = [sscc_to_epc_hex(sscc_from("4512345", 1, serial), 7) for serial in range(3)]
SITE = {
    "site": {"code": "T1"},
    "gates": [{"name": "G", "device": "rfid", "inside": [1, 2], "outside": [3, 4], "eyes": [1, 2]}],
}


@pytest.fixture
def clock(tmp_path: Path) -> ScaledClock:
    return ScaledClock.start(tmp_path / "clock", at=AT, speed=60)


class Edge:
    """A driver, and the gate behind it."""

    def __init__(self, module: Any, clock: ScaledClock, mqtt_url: str, **row: Any) -> None:
        self.driver: Driver = module.make(
            {"name": "rfid", "driver": module.__name__.rpartition(".")[2], **row},
            Around(clock=clock, site=SITE, mqtt_url=mqtt_url),
        )
        self.clock = clock
        self.gate = GateState(gate="G", device="rfid", inside=(1, 2), outside=(3, 4), eyes=(1, 2))
        self.said: list[DeviceEvent | RobotReport] = []
        self.passages: list[GatePassage] = []

    def say(self, event: DeviceEvent | RobotReport) -> None:
        self.said.append(event)
        if isinstance(event, TagSeen | TagGone | EyeChanged):
            on_tag(self.gate, event, self.clock.now())

    def told(self) -> dict[str, str]:
        self.passages += due(self.gate, self.clock.now())
        return {epc: p.direction for p in self.passages for epc in p.epcs_hex}

    def statuses(self) -> list[tuple[str, str]]:
        return [(e.status, e.detail) for e in self.said if isinstance(e, DeviceStatus)]

    def health(self, name: str) -> object:
        assert isinstance(self.driver, HasHealth)
        return self.driver.health()[name]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.Task[None]]:
        task = asyncio.create_task(self.driver.run(self.say))
        try:
            await soon(lambda: self.statuses() or task.done())
            yield task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def carry_through(edge: Edge, reader: R700 | ZebraFx) -> None:
    await reader.carry(PARCELS, "OUT", 6)
    await soon(lambda: edge.told() == dict.fromkeys(PARCELS, "OUT"))
    assert [one.way for one in crossings(edge.gate.darks, pair_s=2.0)] == ["OUT"]


# ------------------------------------------------------------------------------- by each way
@pytest.mark.parametrize("as_base64", [False, True])
async def test_an_impinj_reader_over_mqtt(clock: ScaledClock, broker_url: str, *, as_base64: bool):
    topic = f"impinj/{as_base64}"
    edge = Edge(impinj, clock, broker_url, topic=topic)
    async with (
        PahoBus(broker_url, client_id="r700") as bus,
        R700(clock, bus=bus, topic=topic, as_base64=as_base64) as reader,
        edge.running(),
    ):
        await bus.until_connected()
        await carry_through(edge, reader)

        reader.tell({"antennaDisconnectedEvent": {"antennaPort": 2}})
        await soon(lambda: edge.statuses()[-1] == ("FAULT", "antennas off: 2"))
        reader.tell({"antennaConnectedEvent": {"antennaPort": 2}})
        await soon(lambda: edge.statuses()[-1] == ("UP", ""))
        reader.tell({"inventoryStatusEvent": {"inventoryStatus": "idle"}})
        await soon(lambda: edge.statuses()[-1] == ("FAULT", "the inventory is idle"))
        bus.publish(topic, b"{")
        await soon(lambda: edge.health("malformed_total") == 1)
        await edge.driver.tell(TellAgain())
        assert edge.statuses()[-2:] == [("FAULT", "the inventory is idle")] * 2


async def test_an_impinj_reader_over_http(clock: ScaledClock, tmp_path: Path):
    secret = tmp_path / "password"
    secret.write_text("pass word\n")
    async with R700(clock, user="root", password="pass word") as reader:  # noqa: S106
        row: dict[str, Any] = {"port": reader.port, "tls": False, "preset": "gate"}
        edge = Edge(impinj, clock, "", user="root", password_file=str(secret), **row)
        async with edge.running() as task:
            assert reader.is_started
            await carry_through(edge, reader)
            reader.hang_up()
            with pytest.raises(DeviceUnavailable):
                await task
        secret.write_text("wrong\n")
        stranger = Edge(impinj, clock, "", user="root", password_file=str(secret), **row)
        with pytest.raises(DeviceUnavailable, match="401"):
            await stranger.driver.run(stranger.say)


async def test_a_zebra_reader_over_mqtt_is_told_to_start(clock: ScaledClock, broker_url: str):
    edge = Edge(zebra, clock, broker_url, topic="zebra/data", control="zebra/control")
    told: list[bytes] = []
    async with PahoBus(broker_url, client_id="fx") as bus:
        bus.subscribe("zebra/control", handler=lambda message: told.append(message.body))
        await bus.until_settled()
        async with ZebraFx(clock, to_bus(bus, "zebra/data")) as reader, edge.running():
            await soon(lambda: told)
            assert json.loads(told[0])["command"] == "start"
            await carry_through(edge, reader)
            read = Read(at=AT, antenna=1, epc_hex=EPC, rssi_dbm=-50)
            for number in (70_000, 70_003):
                bus.publish("zebra/data", json.dumps(zebra_event(read, number)).encode())
            await soon(lambda: int(str(edge.health("events_lost_total"))) >= 2)


async def test_a_zebra_reader_posts_and_must_say_who_it_is(clock: ScaledClock, tmp_path: Path):
    secret = tmp_path / "password"
    secret.write_text("fx\n")
    port = free_port()
    edge = Edge(zebra, clock, "", port=port, user="fx", password_file=str(secret))
    url = f"http://127.0.0.1:{port}/tags"
    async with ZebraFx(clock, to_url(url, "fx", "fx")) as reader, edge.running():
        body = json.dumps(zebra_event(Read(at=AT, antenna=1, epc_hex=EPC, rssi_dbm=-50), 1))
        await to_url(url, "fx", "else")(body.encode())
        assert edge.health("reads_total") == 0
        await carry_through(edge, reader)
        with pytest.raises(DeviceUnavailable, match="cannot listen"):
            await Edge(zebra, clock, "", port=port).driver.run(edge.say)
        for request in (
            b"GET / HTTP/1.1\r\n\r\n",
            b"POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n",
            b"x" * 40_000,
        ):
            stream, writer = await asyncio.open_connection("127.0.0.1", port)
            with contextlib.suppress(ConnectionError):
                writer.write(request)
                assert (await stream.read(16)).startswith(b"HTTP/1.1 4")
                assert await stream.read() is not None
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
        told = len(edge.told())
        await to_url(url, "fx", "fx")(b"[]")
        assert len(edge.told()) == told


async def test_a_silent_reader_is_unavailable_where_it_should_not_be_silent(
    clock: ScaledClock, nats_url: str
):
    edge = Edge(impinj, clock, nats_url, topic="impinj/silent", silent_s=0.3)
    with pytest.raises(DeviceUnavailable, match=r"silent for 0.3 s"):
        await edge.driver.run(edge.say)


# ---------------------------------------------------------------------------- what they say
READ = Read(at=AT + timedelta(microseconds=123_456), antenna=3, epc_hex=EPC, rssi_dbm=-43, count=2)


def test_the_same_read_in_the_words_of_each():
    for body, count in (
        (impinj_event(READ), 1),
        (impinj_event(READ, as_base64=True), 1),
        ([impinj_event(READ)], 1),
        (zebra_event(READ, 5), 2),
        (
            {"data": {"tagData": [zebra_event(READ, 5)["data"]]}, "timestamp": READ.at.isoformat()},
            2,
        ),
    ):
        maker = impinj if count == 1 else zebra
        (tag,) = maker.read(json.dumps(body).encode()).reads
        assert (tag.epc_hex, tag.antenna, tag.rssi_dbm, tag.count) == (EPC, 3, -43.0, count)
        assert tag.at is not None
        assert abs(tag.at - READ.at) < timedelta(milliseconds=1)


def test_what_is_said_of_no_tag_is_understood_too():
    assert impinj.read(b"\r\n").reads == ()
    assert impinj.read(b'{"inventoryStatusEvent": {"inventoryStatus": "running"}}').fault == ""
    assert impinj.read(b'{"overflowEvent": {}}').fault == "the reader lost events"
    assert impinj.read(b'{"diagnosticEvent": {}}').fault is None
    assert zebra.read(b'{"type": "GPI", "pin": 1, "state": "HIGH"}').reads == ()


STRANGE = (
    b"{", b"[[]]", b"7", b"\xff", b"[" * 100_000,
    b'{"tagInventoryEvent": {"antennaPort": 1}}',
    b'{"tagInventoryEvent": {"epcHex": "3x", "antennaPort": 1}}',
    b'{"tagInventoryEvent": {"epc": "****", "antennaPort": 1}}',
    b'{"tagInventoryEvent": {"epcHex": "30", "antennaPort": 1, "peakRssiCdbm": 1e9}}',
    b'{"tagInventoryEvent": {"epcHex": "30"}}',
)  # fmt: skip
STRANGE_ZEBRA = (
    b"", b"[[]]", b"\xff", b'{"data": {"idHex": "30"}}', b'{"data": {"idHex": "", "antenna": 1}}',
    b'{"data": {"idHex": "30", "antenna": 1, "reads": 0}}',
    b'{"data": {"idHex": "30", "antenna": 1, "peakRssi": NaN}}',
    b'{"data": {"idHex": "30", "antenna": 1000000}}',
)  # fmt: skip


@pytest.mark.parametrize(
    ("maker", "body"),
    [(impinj, body) for body in STRANGE] + [(zebra, body) for body in STRANGE_ZEBRA],
)
def test_what_no_reader_says_is_malformed(maker: Any, body: bytes):
    with pytest.raises(Malformed):
        maker.read(body)


@given(st.binary(max_size=300) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_understood_or_malformed(body: bytes):
    for maker in (impinj, zebra):
        with contextlib.suppress(Malformed):
            maker.read(body)


@pytest.mark.parametrize(
    "row",
    [
        {},
        {"port": 1, "user": "root"},
        {"port": 1, "ca": "nowhere"},
        {"port": 1, "user": "root", "password_file": "nowhere"},
    ],
)
def test_a_row_that_cannot_be_is_refused(clock: ScaledClock, row: dict[str, Any]):
    for maker in (impinj, zebra):
        with pytest.raises(ValueError, match=r"topic|password_file|ca nowhere"):
            Edge(maker, clock, "", **row)


def test_base64_is_not_taken_for_hex():
    odd = base64.urlsafe_b64encode(bytes.fromhex(EPC)).decode()
    event = {"tagInventoryEvent": {"epc": odd, "antennaPort": 1}}
    assert impinj.read(json.dumps(event).encode()).reads[0].epc_hex == EPC
