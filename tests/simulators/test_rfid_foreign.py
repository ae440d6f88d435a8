"""A foreign LLRP client (`llrpkit`) reads our simulator over TCP, and fuzz does not stop it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from llrpkit import Reader
from llrpkit.client import LLRPClient, check_status
from llrpkit.exceptions import LLRPConnectionError
from llrpkit.inventory import build_rospec
from llrpkit.protocol import enums, messages

from edge.clock import SystemClock
from edge.drivers.llrp import encode
from edge.drivers.llrp_messages import Kind, Plain
from simulators.live_rfid import LlrpReader

EPCS = [f"3154257BF44996{n:04X}000000" for n in range(3)]


@pytest.fixture
async def reader() -> AsyncIterator[LlrpReader]:
    async with LlrpReader("127.0.0.1", 0, SystemClock(), seed=5) as reader:
        yield reader


async def test_a_foreign_client_inventories_what_is_carried_through(reader: LlrpReader):
    async with Reader("127.0.0.1", reader.port) as client:
        assert client.capabilities.max_antennas == 4
        assert client.capabilities.transmit_powers == {1: 30.0}
        assert [mode.mode_id for mode in client.capabilities.modes] == [2]
        through = reader.carry(EPCS, "OUT", 1.5)
        tags = [tag async for tag in client.inventory(duration=2.2)]
        await through

    assert {tag.epc_hex.upper() for tag in tags} == set(EPCS)
    assert {tag.antenna for tag in tags} == {1, 2, 3, 4}
    assert all(tag.rssi_dbm is not None and -90 < tag.rssi_dbm < -20 for tag in tags)
    times = [tag.last_seen_us for tag in tags if tag.last_seen_us is not None]
    assert len(times) == len(tags)
    assert 1_000_000 < max(times) - min(times) < 3_000_000
    assert reader.session.rospecs == {}, "it cleans up, and we let it"


async def test_only_the_antennas_that_were_asked_for_are_read(reader: LlrpReader):
    async with Reader("127.0.0.1", reader.port) as client:
        through = reader.carry(EPCS, "IN", 1.0)
        tags = [tag async for tag in client.inventory(duration=1.4, antennas=(2, 3))]
        await through
    assert {tag.antenna for tag in tags} == {2, 3}


async def test_an_immediate_trigger_starts_without_being_told(reader: LlrpReader):
    spec = build_rospec(ro_spec_id=9)
    trigger = spec.ro_boundary_spec.ro_spec_start_trigger
    trigger.ro_spec_start_trigger_type = enums.ROSpecStartTriggerType.Immediate
    async with LLRPClient("127.0.0.1", reader.port) as client:
        client.send(messages.ENABLE_EVENTS_AND_REPORTS())
        for request in (
            messages.GET_READER_CONFIG(),
            messages.DELETE_ACCESSSPEC(access_spec_id=0),
            messages.DELETE_ROSPEC(ro_spec_id=0),
            messages.ADD_ROSPEC(ro_spec=spec),
            messages.ENABLE_ROSPEC(ro_spec_id=9),
        ):
            check_status(await client.transact(request))
        through = reader.carry(EPCS[:1], "OUT", 0.5)
        async with asyncio.timeout(5):
            report = await client.reports.get()
        await through
        assert report.tag_report_datas
        listed = await client.transact(messages.GET_ROSPECS())
        assert isinstance(listed, messages.GET_ROSPECS_RESPONSE)
        assert [spec.ro_spec_id for spec in listed.ro_specs] == [9]
        assert client.events.empty(), "nothing is said that nobody asked for"


async def test_a_second_foreign_client_is_turned_away(reader: LlrpReader):
    async with Reader("127.0.0.1", reader.port):
        with pytest.raises(LLRPConnectionError, match="refused"):
            await LLRPClient("127.0.0.1", reader.port).connect()


async def drain(stream: asyncio.StreamReader) -> None:
    with suppress(ConnectionError):
        while await stream.read(1 << 16):
            pass


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.binary(min_size=1, max_size=200), max_size=4))
async def test_no_bytes_stop_the_server(pieces: list[bytes]):
    async with LlrpReader("127.0.0.1", 0, SystemClock(), seed=5) as reader:
        stream, writer = await asyncio.open_connection("127.0.0.1", reader.port)
        with suppress(ConnectionError):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
            writer.write_eof()
        async with asyncio.timeout(10):
            await drain(stream)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

        stream, writer = await asyncio.open_connection("127.0.0.1", reader.port)
        writer.write(encode(Plain(kind=Kind.CLOSE_CONNECTION)))
        async with asyncio.timeout(10):
            assert await stream.read(1)
            await drain(stream)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
