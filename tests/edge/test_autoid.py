"""The AutoID client against an OPC UA server of another process, whose types it has to learn."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from edge.drivers import autoid
from edge.drivers.around import Around
from edge.messages import DeviceStatus, TagGone, TagSeen, TellAgain
from tests.edge.live_cell import CLOCK, Wcs, running, until

EPC = "3034257BF7194E4000001A85"
READER = """
import asyncio, json, sys
from simulators.live_autoid import AutoIdServer

async def main():
    async with AutoIdServer("Gate 1", ("127.0.0.1", 0)) as reader:
        print(reader.port, flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            epc, sightings = json.loads(line)
            if epc == "fail":
                await reader.fail(has_failed=bool(sightings))
            else:
                await reader.see(bytes.fromhex(epc), *map(tuple, sightings))
            print(reader.scans_started, flush=True)

asyncio.run(main())
"""


class Reader:
    """The other process."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.port = port
        self._process = process

    async def say(self, what: str, value: Any) -> int:
        """Let it see a tag, or fail; how often it was told to scan so far."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([what, value]).encode() + b"\n")
        return int(await self._process.stdout.readline())


@asynccontextmanager
async def a_reader() -> AsyncIterator[Reader]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", READER, stdin=pipe, stdout=pipe
    )
    assert process.stdout is not None
    try:
        yield Reader(process, int(await process.stdout.readline()))
    finally:
        process.kill()
        await process.communicate()


def a_driver(port: int, **row: Any) -> Any:
    device = {"name": "gate1", "port": port, "object": "DeviceSet/Gate 1"}
    device |= {"security": "None", "insecure": True, "quiet_s": 0.3, "reads_min": 2} | row
    site = {"gates": [{"device": "gate1", "inside": [1], "outside": [2]}]}
    return autoid.make(device, Around(clock=CLOCK, site=site))


async def test_tags_come_and_go_and_a_broken_reader_is_told(caplog: pytest.LogCaptureFixture):
    async with a_reader() as reader:
        driver = a_driver(reader.port, writes=["ScanStart"])
        wcs = Wcs()
        async with running(driver, wcs):
            await until(lambda: wcs.of(DeviceStatus))
            sightings = [(1, -48), (2, -61), (9, -40)]
            assert {await reader.say(EPC, sightings) for _ in range(3)} == {1}, "told to scan, once"
            await until(lambda: len(wcs.of(TagGone)) == 2)
            seen = {(one.antenna, one.epc_hex, one.rssi_dbm) for one in wcs.of(TagSeen)}
            assert seen == {(1, EPC, -48.0), (2, EPC, -61.0)}, "antenna 9 is of no gate"
            assert [one.reads for one in wcs.of(TagGone)] == [3, 3]

            await reader.say("fail", 1)
            await until(lambda: wcs.of(DeviceStatus)[-1].detail == "reader error")
            await driver.tell(TellAgain())
            assert wcs.of(DeviceStatus)[-1].status == "FAULT"
            await reader.say("fail", 0)
            await until(lambda: wcs.of(DeviceStatus)[-1].status == "UP")
            assert driver.health()["reads_total"] == 6
    assert "crashed" not in caplog.text


def test_an_epc_is_found_in_whatever_a_reader_calls_its_data():
    raw = bytes.fromhex(EPC)
    assert autoid.epc_of(SimpleNamespace(Epc=SimpleNamespace(UId=raw))) == EPC
    assert autoid.epc_of(SimpleNamespace(Epc=None, ByteString=raw)) == EPC
    assert autoid.epc_of(SimpleNamespace(String=EPC.lower())) == EPC
    for nothing in (SimpleNamespace(), SimpleNamespace(String="no hex")):
        with pytest.raises(ValueError, match=r"EPC|hex"):
            autoid.epc_of(nothing)
