"""Parcels through a gate over real LLRP, at the speed of the demo: the WCS learns the direction.

Reader model -> LLRP server -> TCP -> driver -> tag filter -> gates -> passage. Nothing is faked.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge.clock import Clock, ScaledClock
from edge.drivers import DeviceUnavailable
from edge.drivers.around import Around
from edge.drivers.llrp import HEADER, Splitter, decode, encode
from edge.drivers.llrp_messages import (
    ALREADY_CONNECTED,
    Kind,
    Message,
    Plain,
    ReaderEvent,
    Reply,
    SetConfig,
)
from edge.drivers.rfid import RfidReader, make
from edge.gs1 import sscc_from, sscc_to_epc_hex
from edge.messages import DeviceEvent, DeviceStatus, RobotReport, TagGone, TagSeen, TellAgain
from simulators.live_rfid import LlrpReader
from tests.edge.waiting import soon
from wcs.gates import GateState, due, on_tag
from wcs.messages import GatePassage

AT = datetime(2026, 11, 21, 9, tzinfo=UTC)
SITE = {"gates": [{"name": "GATE-OUT", "device": "rfid-out", "inside": [1, 2], "outside": [3, 4]}]}


def parcels(count: int, first: int = 1) -> list[str]:
    return [
        sscc_to_epc_hex(sscc_from("4512345", 1, serial), 7)
        for serial in range(first, first + count)
    ]


class Site:
    """A driver and the gate behind it: what an edge and a WCS make of one reader."""

    def __init__(self, clock: Clock, port: int) -> None:
        row = {"name": "rfid-out", "driver": "llrp", "port": port, "keepalive_s": 0.3}
        self.clock = clock
        self.driver = make(row, Around(clock=clock, site=SITE))
        self.gate = GateState(gate="GATE-OUT", device="rfid-out", inside=(1, 2), outside=(3, 4))
        self.said: list[DeviceEvent | RobotReport] = []
        self.passages: list[GatePassage] = []

    def say(self, event: DeviceEvent | RobotReport) -> None:
        self.said.append(event)
        if isinstance(event, TagSeen | TagGone):
            on_tag(self.gate, event, self.clock.now())

    def step(self) -> list[GatePassage]:
        self.passages += due(self.gate, self.clock.now())
        return self.passages

    def statuses(self) -> list[str]:
        return [event.status for event in self.said if isinstance(event, DeviceStatus)]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.driver.run(self.say))
        try:
            await soon(self.statuses)
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


@pytest.fixture(params=[60, 120])
def clock(request: pytest.FixtureRequest, tmp_path: Path) -> ScaledClock:
    return ScaledClock.start(tmp_path / "clock", at=AT, speed=request.param)


@pytest.fixture
async def reader(clock: ScaledClock) -> AsyncIterator[LlrpReader]:
    async with LlrpReader("127.0.0.1", 0, clock, seed=3) as reader:
        yield reader


async def test_what_is_carried_through_is_told_once_with_its_direction(
    clock: ScaledClock, reader: LlrpReader
):
    site = Site(clock, reader.port)
    async with site.running():
        await reader.carry(parcels(5, 100), "OUT", 6)
        await soon(lambda: sum(len(p.epcs_hex) for p in site.step()) == 5)
        await reader.carry(parcels(5, 200), "IN", 6)
        await soon(lambda: sum(len(p.epcs_hex) for p in site.step()) == 10)

    assert {p.direction for p in site.passages if p.epcs_hex[0] in parcels(5, 100)} == {"OUT"}
    assert {p.direction for p in site.passages if p.epcs_hex[0] in parcels(5, 200)} == {"IN"}
    told = [epc for passage in site.passages for epc in passage.epcs_hex]
    assert len(told) == len(set(told)) == 10
    assert all(AT <= p.started_at < p.ended_at <= clock.now() for p in site.passages)


async def test_one_parcel_after_the_other_all_go_out(clock: ScaledClock, reader: LlrpReader):
    site = Site(clock, reader.port)
    async with site.running():
        for serial in range(12):
            await reader.carry(parcels(1, serial), "OUT", 6)
        await soon(lambda: sum(len(p.epcs_hex) for p in site.step()) == 12)

    assert {p.direction for p in site.passages} == {"OUT"}


async def test_a_driver_that_is_started_again_finds_the_reader_as_it_left_it(
    clock: ScaledClock, reader: LlrpReader
):
    first, second = Site(clock, reader.port), Site(clock, reader.port)
    async with first.running():
        assert [spec.antennas for spec in reader.session.rospecs.values()] == [(1, 2, 3, 4)]
    await soon(lambda: not reader.has_client)

    async with second.running():
        await reader.carry(parcels(1), "IN", 6)
        await soon(second.step)

    assert len(reader.session.rospecs) == 1
    assert [p.direction for p in second.passages] == ["IN"]


async def test_the_driver_gives_up_when_the_reader_hangs_up_or_is_not_there(
    clock: ScaledClock, reader: LlrpReader
):
    site = Site(clock, reader.port)
    running = asyncio.create_task(site.driver.run(site.say))
    await soon(site.statuses)
    reader.hang_up()
    with pytest.raises(DeviceUnavailable, match="connection lost"):
        await running

    await reader.close()
    with pytest.raises(DeviceUnavailable, match="no connection"):
        await site.driver.run(site.say)


async def test_a_reader_has_one_client_and_tells_the_second_one_so(
    clock: ScaledClock, reader: LlrpReader
):
    site = Site(clock, reader.port)
    async with site.running():
        with pytest.raises(DeviceUnavailable, match=f"status {ALREADY_CONNECTED}"):
            await Site(clock, reader.port).driver.run(site.say)

        await reader.carry(parcels(1), "OUT", 6)
        await soon(site.step)  # the first one is not disturbed


async def test_keepalives_keep_both_sides_awake(clock: ScaledClock, reader: LlrpReader):
    site = Site(clock, reader.port)
    async with site.running():
        assert reader.session.keepalive_ms == 300
        await soon(lambda: reader.session.keepalives_unanswered > 0)
        await soon(lambda: reader.session.keepalives_unanswered == 0)


async def what_it_says(reader: LlrpReader, *frames: bytes) -> list[Message]:
    """All that the reader says to a stranger who sends this, until it hangs up."""
    stream, writer = await asyncio.open_connection("127.0.0.1", reader.port)
    writer.writelines(frames)
    async with asyncio.timeout(10):
        said = b"".join([data async for data in stream])
    writer.close()
    await writer.wait_closed()
    return [decode(frame) for frame in Splitter().feed(said)]


async def test_a_client_that_does_not_answer_keepalives_is_dropped(reader: LlrpReader):
    said = await what_it_says(reader, encode(SetConfig(id=1, keepalive_ms=20)))
    kinds = [message.kind for message in said if isinstance(message, Plain)]
    assert kinds == [Kind.KEEPALIVE] * 3
    await soon(lambda: not reader.has_client)


async def test_a_driver_does_not_wait_for_a_silent_reader_forever(clock: ScaledClock):
    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(encode(ReaderEvent(at_us=1, connection=0)))
        await reader.read()
        writer.close()
        await writer.wait_closed()
        gone.set()

    gone = asyncio.Event()
    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    site = Site(clock, server.sockets[0].getsockname()[1])
    with pytest.raises(DeviceUnavailable, match="silent"):
        await site.driver.run(site.say)
    await gone.wait()
    server.close()


async def test_asked_again_the_driver_says_again(clock: ScaledClock, reader: LlrpReader):
    site = Site(clock, reader.port)
    async with site.running():
        await site.driver.tell(TellAgain())
        assert site.statuses() == ["UP", "UP"]


async def test_a_frame_without_end_is_refused_and_ends_the_connection(reader: LlrpReader):
    greeting, answer = await what_it_says(reader, HEADER.pack(1 << 10 | Kind.KEEPALIVE_ACK, 5, 1))
    assert isinstance(greeting, ReaderEvent)
    assert isinstance(answer, Reply)
    assert answer.kind is Kind.ERROR_MESSAGE


async def test_closing_is_answered(reader: LlrpReader):
    said = await what_it_says(reader, encode(Plain(kind=Kind.CLOSE_CONNECTION, id=77)))
    assert said[1:] == [Reply(kind=Kind.CLOSE_CONNECTION_RESPONSE, id=77)]


def test_the_driver_reads_all_antennas_when_no_gate_names_them(clock: ScaledClock):
    driver = make({"name": "shelf", "port": 1}, Around(clock=clock, site=SITE, port_offset=1))
    assert isinstance(driver, RfidReader)
    assert driver._antennas == (0,)
