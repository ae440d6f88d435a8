"""The driver with strangers: a foreign reader that it can read from, and some that talk nonsense.

`llrpkit` has a reader emulator by another author. As shipped it errs in three places, which
`CorrectedEmulator` puts right (as another foreign client, sllurp, needs it too).
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from llrpkit.emulator import LLRPEmulator
from llrpkit.emulator.core import EmulatedTag
from llrpkit.protocol import LLRPMessage, enums, messages, params
from typing_extensions import override

from edge.clock import Clock, SystemClock
from edge.drivers import DeviceUnavailable
from edge.drivers.llrp import encode
from edge.drivers.llrp_messages import (
    AddRospec,
    Kind,
    Message,
    OnSpec,
    Plain,
    ReaderEvent,
    Reply,
    SetConfig,
    TagRead,
    TagReport,
)
from edge.drivers.rfid import Inventory, Refused, RfidReader
from edge.messages import DeviceEvent, DeviceStatus, EyeChanged, RobotReport, TagGone, TagSeen
from simulators.live_rfid import LlrpReader
from tests.edge.waiting import soon

EPC = "3154257BF4499602D2000000"


class CorrectedEmulator(LLRPEmulator):
    """Silent where LLRP wants silence, id 0 means all, and an immediate trigger starts at once."""

    @override
    async def _handle_message(self, msg: LLRPMessage) -> None:
        if isinstance(msg, messages.ENABLE_EVENTS_AND_REPORTS):
            return
        if isinstance(msg, messages.DELETE_ROSPEC) and msg.ro_spec_id == 0:
            self._rospecs.clear()
            reply = messages.DELETE_ROSPEC_RESPONSE(llrp_status=self._status_ok())
            await self._send(reply, message_id=msg.message_id)
            return
        await super()._handle_message(msg)
        if isinstance(msg, messages.ENABLE_ROSPEC) and msg.ro_spec_id in self._rospecs:
            spec, _ = self._rospecs[msg.ro_spec_id]
            trigger = spec.ro_boundary_spec.ro_spec_start_trigger.ro_spec_start_trigger_type
            if trigger == enums.ROSpecStartTriggerType.Immediate:
                self._rospecs[msg.ro_spec_id] = (spec, "Active")
                self._sync_reporting()


class Listener:
    """A driver, and what it says."""

    def __init__(self, port: int, clock: Clock | None = None, **settings: Any) -> None:
        row = {"name": "rfid", "keepalive_s": 0.3, "quiet_s": 0.2, **settings}
        clock = clock or SystemClock()
        self.driver = RfidReader(row, (1, 2, 3, 4), clock=clock, port=port, eyes=(1, 2))
        self.said: list[DeviceEvent | RobotReport] = []

    def tags(self, kind: type[TagSeen] | type[TagGone]) -> list[tuple[str, int]]:
        found = [event for event in self.said if isinstance(event, kind)]
        return sorted((event.epc_hex, event.antenna) for event in found)

    def eyes(self) -> list[tuple[int, bool]]:
        return [(e.eye, e.dark) for e in self.said if isinstance(e, EyeChanged)]

    def statuses(self) -> list[tuple[str, str]]:
        return [(e.status, e.detail) for e in self.said if isinstance(e, DeviceStatus)]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.Task[None]]:
        task = asyncio.create_task(self.driver.run(self.said.append))
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


# --------------------------------------------------------------------------- a foreign reader
@pytest.mark.parametrize("emulator_of", [CorrectedEmulator, LLRPEmulator])
async def test_it_reads_from_a_foreign_reader(emulator_of: type[LLRPEmulator]):
    tags = [EmulatedTag(bytes.fromhex(EPC), (1,), -50), EmulatedTag(b"\xe2" * 12, (3, 4), -60)]
    everyone = {(EPC, 1), ("E2" * 12, 3), ("E2" * 12, 4)}
    async with emulator_of(tags=tags, reads_per_sec=400) as emulator:
        listener = Listener(emulator.port)
        async with listener.running():
            await soon(lambda: set(listener.tags(TagSeen)) == everyone)
            assert listener.statuses() == [("UP", "")]
            assert emulator._rospecs.keys() == {7030}

            await emulator.set_antenna_connected(4, connected=False)
            await soon(lambda: listener.statuses()[-1] == ("FAULT", "antennas off: 4"))
            await soon(lambda: ("E2" * 12, 4) in listener.tags(TagGone))
            await emulator.set_antenna_connected(4, connected=True)
            await soon(lambda: listener.statuses()[-1] == ("UP", ""))

            for number, is_high in ((1, True), (9, True), (1, False)):
                await emulator._send(a_gpi_event(number, is_high=is_high))
            await soon(lambda: len(listener.eyes()) == 2)
            assert listener.eyes() == [(1, True), (1, False)], "there is no eye at input 9"

            await emulator.send_keepalive()
            await emulator.wait_keepalive_ack()


def a_gpi_event(number: int, *, is_high: bool) -> LLRPMessage:
    data = params.ReaderEventNotificationData(
        timestamp=params.UTCTimestamp(microseconds=round(time.time() * 1e6)),
        gpi_event=params.GPIEvent(gpi_port_number=number, gpi_event=is_high),
    )
    return messages.READER_EVENT_NOTIFICATION(reader_event_notification_data=data)


async def test_it_gives_up_when_the_foreign_reader_belongs_to_somebody_else():
    async with CorrectedEmulator() as emulator:
        first, second = Listener(emulator.port), Listener(emulator.port)
        async with first.running():
            await soon(first.statuses)
            async with second.running() as task:
                with pytest.raises(DeviceUnavailable, match="refused"):
                    await task


# -------------------------------------------------------------------------- readers that err
@asynccontextmanager
async def a_reader_that_says(*frames: bytes) -> AsyncIterator[int]:
    """Says this to whoever comes, then hangs up."""

    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.writelines(frames)
        writer.close()
        gone.set()

    gone = asyncio.Event()
    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
        await gone.wait()
    finally:
        server.close()
        await server.wait_closed()


HELLO = encode(ReaderEvent(at_us=1, connection=0))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=300), st.sampled_from([b"", HELLO]))
async def test_a_stream_of_nonsense_only_makes_the_device_unavailable(data: bytes, hello: bytes):
    async with a_reader_that_says(hello, data) as port:
        with pytest.raises(DeviceUnavailable):
            await Listener(port).driver.run(lambda _event: None)


async def test_a_damaged_frame_is_dropped_and_the_next_one_understood():
    damaged = bytearray(encode(TagReport(tags=(TagRead(epc_hex=EPC, antenna=1),))))
    damaged[14] = 0xFF
    async with a_reader_that_says(HELLO, bytes(damaged), report(2)) as port:
        listener = Listener(port)
        with pytest.raises(DeviceUnavailable):
            await listener.driver.run(listener.said.append)
    assert listener.tags(TagSeen) == [(EPC, 2)]


# ---------------------------------------------------------------------------- times and clocks
class StandingClock:
    """A clock that stands still, at the speed of real time."""

    def now(self) -> datetime:
        return datetime(2026, 11, 21, 9, tzinfo=UTC)

    def real_s(self, virtual_s: float) -> float:
        return virtual_s

    async def sleep(self, virtual_s: float) -> None:
        raise NotImplementedError


NOW_US = round(StandingClock().now().timestamp() * 1_000_000)


def report(antenna: int, at_us: int | None = NOW_US) -> bytes:
    tag = TagRead(epc_hex=EPC, antenna=antenna, rssi_dbm=-50, last_seen_us=at_us, count=2)
    return encode(TagReport(tags=(tag,)))


async def seen_at(*frames: bytes) -> datetime:
    async with a_reader_that_says(*frames) as port:
        listener = Listener(port, StandingClock())
        with pytest.raises(DeviceUnavailable):
            await listener.driver.run(listener.said.append)
    (seen,) = (event for event in listener.said if isinstance(event, TagSeen))
    return seen.at


async def test_a_reader_s_own_times_count():
    five_s_ago = NOW_US - 5_000_000
    hello = encode(ReaderEvent(at_us=NOW_US - 200_000, connection=0))
    assert await seen_at(hello, report(1, five_s_ago)) == StandingClock().now() - timedelta(
        seconds=5
    )


async def test_a_reader_whose_clock_is_wrong_is_corrected():
    year_us = 365 * 86_400_000_000
    hello = encode(ReaderEvent(at_us=NOW_US - year_us, connection=0))
    at = await seen_at(hello, report(1, NOW_US - year_us - 3_000_000))
    assert at == StandingClock().now() - timedelta(seconds=3)


@pytest.mark.parametrize("nonsense_us", [None, 0, 1, 2**64 - 1])
async def test_a_time_that_makes_no_sense_is_replaced_by_that_of_arrival(nonsense_us: int | None):
    hello = encode(ReaderEvent(at_us=NOW_US, connection=0))
    assert await seen_at(hello, report(1, nonsense_us)) == StandingClock().now()


class HandClock(StandingClock):
    """A fast clock that is moved by hand, and counts who looks at it."""

    def __init__(self) -> None:
        self.after_s = 0.0
        self.looks = 0

    @override
    def now(self) -> datetime:
        self.looks += 1
        return super().now() + timedelta(seconds=self.after_s)

    @override
    def real_s(self, virtual_s: float) -> float:
        return virtual_s / 100


async def test_what_is_late_in_a_busy_process_is_not_taken_for_silence():
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.writelines([HELLO, report(1)])
        await reader.read()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    clock = HandClock()
    listener = Listener(server.sockets[0].getsockname()[1], clock, keepalive_s=9)
    async with listener.running():
        await soon(lambda: listener.tags(TagSeen))
        clock.after_s = 20  # 0.2 s of real time
        looks = clock.looks
        await soon(lambda: clock.looks > looks + 2)
        assert listener.tags(TagGone) == []
        clock.after_s = 40
        await soon(lambda: listener.tags(TagGone))
    server.close()
    await server.wait_closed()


# -------------------------------------------------------------------- the conversation, pure
def test_it_asks_for_one_thing_at_a_time_and_reads_in_the_end():
    inventory = Inventory((1, 2), keepalive_ms=500)
    sent: list[Message] = inventory.hear(ReaderEvent(at_us=1, connection=0))
    asked = []
    while not inventory.is_reading:
        (request,) = sent
        asked.append(request)
        sent = inventory.hear(Reply(kind=Kind.ADD_ROSPEC_RESPONSE, id=request.id))

    assert asked[0] == SetConfig(id=1, keepalive_ms=500)
    assert asked[1] == OnSpec(kind=Kind.DELETE_ROSPEC, id=2, spec_id=0)
    assert isinstance(asked[2], AddRospec)
    assert asked[2].rospec.antennas == (1, 2)
    kinds = [request.kind for request in asked[3:] if isinstance(request, OnSpec)]
    assert kinds == [Kind.ENABLE_ROSPEC, Kind.START_ROSPEC]
    assert sent == [Plain(kind=Kind.ENABLE_EVENTS_AND_REPORTS, id=6)]


def test_nothing_is_asked_before_the_reader_says_that_it_is_free():
    inventory = Inventory((0,), keepalive_ms=500)
    assert inventory.hear(ReaderEvent(at_us=1)) == []
    assert inventory.hear(Reply(kind=Kind.ERROR_MESSAGE, id=1)) == []
    keepalive = Plain(kind=Kind.KEEPALIVE, id=5)
    assert inventory.hear(keepalive) == [Plain(kind=Kind.KEEPALIVE_ACK, id=5)]


REFUSALS: list[Message] = [
    ReaderEvent(at_us=1, connection=2),
    Reply(kind=Kind.ERROR_MESSAGE, id=1, status=109),
]


@pytest.mark.parametrize("refusal", REFUSALS, ids=["taken", "error"])
def test_a_refusal_ends_the_conversation(refusal: Message):
    inventory = Inventory((0,), keepalive_ms=500)
    inventory.hear(ReaderEvent(at_us=1, connection=0))
    with pytest.raises(Refused):
        inventory.hear(refusal)


def test_nothing_to_delete_is_no_refusal():
    inventory = Inventory((0,), keepalive_ms=500)
    inventory.hear(ReaderEvent(at_us=1, connection=0))
    inventory.hear(Reply(kind=Kind.SET_READER_CONFIG_RESPONSE, id=1))
    (request,) = inventory.hear(Reply(kind=Kind.DELETE_ROSPEC_RESPONSE, id=2, status=100))
    assert isinstance(request, AddRospec)


# ------------------------------------------------------------------------- versions of LLRP
@pytest.mark.parametrize(
    ("reader", "wanted", "spoken"),
    [(2, "auto", "1.1"), (2, "1.1", "1.1"), (1, "auto", "1.0.1"), (2, "1.0.1", "1.0.1")],
)
async def test_both_sides_agree_on_a_version(reader: int, wanted: str, spoken: str):
    async with LlrpReader("127.0.0.1", 0, SystemClock(), seed=5, versions=reader) as simulated:
        simulated.eyes = (1, 2)
        listener = Listener(simulated.port, version=wanted, raw=True)
        raw: list[bytes] = []
        listener.driver.raw = raw.append
        async with listener.running():
            await soon(listener.statuses)
            health = listener.driver.health()
            assert (health["llrp_version"], health["status_state"]) == (spoken, "UP")
            assert simulated.session.version == {"1.1": 2, "1.0.1": 1}[spoken]
            await simulated.carry([EPC], "OUT", 1)
            await soon(lambda: listener.tags(TagSeen) and len(listener.eyes()) == 4)
            assert listener.eyes() == [(1, True), (2, True), (1, False), (2, False)]
            assert {json.loads(read)["epc_hex"] for read in raw} == {EPC}
            assert listener.driver.health()["tags_seen_total"] == len(listener.tags(TagSeen))


async def test_a_foreign_reader_of_1_0_1_is_read_although_1_1_was_asked_for_first():
    async with CorrectedEmulator(
        tags=[EmulatedTag(bytes.fromhex(EPC), (1,), -50)], reads_per_sec=400
    ) as emulator:
        listener = Listener(emulator.port, version="auto")
        for _ in range(2):  # it may hang up at the question, which is then not asked again
            async with listener.running() as task:
                await soon(lambda: listener.tags(TagSeen) or task.done())
        assert set(listener.tags(TagSeen)) == {(EPC, 1)}


async def test_who_must_have_1_1_goes_without_a_reader_of_1_0_1():
    async with LlrpReader("127.0.0.1", 0, SystemClock(), seed=5, versions=1) as simulated:
        with pytest.raises(DeviceUnavailable, match="does not speak LLRP"):
            await Listener(simulated.port, version="1.1").driver.run(print)
    with pytest.raises(ValueError, match="version must be one of"):
        Listener(1, version="2.0")
