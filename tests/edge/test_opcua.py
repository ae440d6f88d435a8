"""The sorter's driver against a real OPC UA server: nothing missed, nothing doubled."""

import asyncio
from collections import Counter
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from asyncua import ua
from asyncua.client.client import Client
from asyncua.ua.uaerrors import UaStatusCodeError

from edge.drivers import DeviceUnavailable, opcua
from edge.messages import CartonScanned, CartonSorted, DeviceStatus, Divert, TellAgain
from simulators.live_conveyor import LiveConveyor
from tests.edge.live_cell import CLOCK, Wcs, a_cell, a_driver, a_site, running, until


def key(event: CartonScanned | CartonSorted) -> tuple[str, int, int]:
    return (event.type, event.tracking, event.lap)


def no_lane(_lane: str, _code: str) -> None:
    """Nobody works at the lanes."""


async def scanned(live: LiveConveyor, *codes: str) -> None:
    """Put cartons on and release them by hand, without Modbus."""
    for code in codes:
        await live.put(code)
        standing = live.cell.line.state.standing
        assert standing is not None
        live._command(live.cell.line.state.last_task + 1, standing.tracking)


async def test_a_scan_is_answered_with_a_lane(tmp_path: Path):
    async with a_cell(tmp_path) as (live, site):
        driver = a_driver(site, "sorter1")
        wcs = Wcs(driver)
        async with running(driver, wcs):
            await scanned(live, "L2-a", "L1-b")
            await until(lambda: len(wcs.of(CartonSorted)) == 2)

            assert live.lane("L1") == ("L1-b",)
            assert live.lane("L2") == ("L2-a",)
            first = wcs.of(CartonScanned)[0]
            assert (first.status, first.barcode, first.lap) == ("GOOD", "L2-a", 0)
            last = next(one for one in wcs.of(CartonSorted) if one.barcode == "L2-a")
            assert (last.status, last.lane, last.lap) == ("DIVERTED", "L2", 0)
            await until(lambda: live.cell.sorter.state.unacknowledged == [])
            assert [one.status for one in wcs.of(DeviceStatus)] == ["UP"]


@pytest.mark.nightly
async def test_replies_are_quick(tmp_path: Path):
    async with a_cell(tmp_path) as (live, site):
        driver = a_driver(site, "sorter1")
        wcs = Wcs(driver)
        async with running(driver, wcs):
            await scanned(live, *(f"L1-{n}" for n in range(20)))
            await until(lambda: len(live.lane("L1")) == 20)

    assert median(live.latencies_s) < 0.25
    assert len(live.latencies_s) == 20


@pytest.mark.nightly
async def test_an_unanswered_request_goes_round_to_the_hospital(tmp_path: Path):
    async with a_cell(tmp_path, a_site(decision_window_s=0.05)) as (live, site):
        driver = a_driver(site, "sorter1")
        wcs = Wcs(driver, answers=False)
        async with running(driver, wcs):
            await scanned(live, "L1-a")
            await until(lambda: live.lane("HOSP"))
            await until(lambda: len(wcs.of(CartonSorted)) == 4)

    assert [one.status for one in wcs.of(CartonSorted)] == [*["NO_REPLY"] * 3, "MAX_RECIRC"]
    assert [one.lap for one in wcs.of(CartonScanned)] == [0, 1, 2, 3]


@pytest.mark.nightly
async def test_a_lane_that_comes_too_late_is_not_sent(tmp_path: Path):
    async with a_cell(tmp_path, a_site(decision_window_s=30)) as (live, site):
        driver = a_driver(site, "sorter1")
        wcs = Wcs(driver, answers=False)
        async with running(driver, wcs):
            await scanned(live, "L1-a")
            await until(lambda: wcs.of(CartonScanned))
            past = CLOCK.now() - timedelta(milliseconds=1)
            await driver.tell(Divert(device="sorter1", tracking=1, lane="L1", expires_at=past))
            (carton,) = live.cell.sorter.state.loop
            assert carton.lane is None

            soon = CLOCK.now() + timedelta(seconds=9)
            command = Divert(device="sorter1", tracking=1, lane="L1", expires_at=soon)
            await driver.tell(command)
            await driver.tell(command)
            assert [one.lane for one in live.cell.sorter.state.loop] == ["L1"]

            await driver.tell(TellAgain())
            assert [one.status for one in wcs.of(DeviceStatus)] == ["UP", "UP"]


async def test_a_restart_of_the_plc_loses_and_doubles_nothing(tmp_path: Path):
    codes = [f"L{1 + n % 2}-{n}" for n in range(12)]
    async with a_cell(tmp_path) as (live, site):
        driver = a_driver(site, "sorter1")
        wcs = Wcs(driver)
        listening = running(driver, wcs)
        await listening.__aenter__()
        await scanned(live, *codes)
        await until(lambda: len(wcs.of(CartonScanned)) >= 3)
    async with a_cell(tmp_path, site) as (live, _):
        await until(lambda: len(wcs.of(CartonSorted)) >= len(codes))
        await until(lambda: live.cell.sorter.state.unacknowledged == [])
        await listening.__aexit__(None, None, None)
        assert sorted(live.cell.codes()) == sorted(codes)
        assert sorted((*live.lane("L1"), *live.lane("L2"))) == sorted(codes)

    told = Counter(key(one) for one in (*wcs.of(CartonScanned), *wcs.of(CartonSorted)))
    assert set(told.values()) == {1}
    arrived = [one.barcode for one in wcs.of(CartonSorted) if one.status == "DIVERTED"]
    assert sorted(arrived) == sorted(codes)


async def test_a_killed_agent_misses_nothing_and_doubles_only_what_was_not_on_disk(
    tmp_path: Path,
):
    async with a_cell(tmp_path, a_site(decision_window_s=0.05)) as (live, site):
        driver = a_driver(site, "sorter1")
        first = Wcs(driver, answers=False)
        asked, on_disk = asyncio.Event(), asyncio.Event()

        async def a_slow_disk() -> None:
            if first.of(CartonSorted):
                asked.set()
                await on_disk.wait()

        driver.spooled = a_slow_disk
        async with running(driver, first):
            await scanned(live, "L1-a")
            await asyncio.wait_for(asked.wait(), 20)
        unsafe = [key(one) for one in (*first.of(CartonScanned), *first.of(CartonSorted))]
        assert live.cell.sorter.state.unacknowledged[0].sequence == 1

        driver = a_driver(site, "sorter1")  # another process: it remembers nothing
        second = Wcs(driver, answers=False)
        on_disk.set()
        driver.spooled = on_disk.wait
        async with running(driver, second):
            await until(lambda: live.lane("HOSP"))
            await until(lambda: live.cell.sorter.state.unacknowledged == [])

        driver = a_driver(site, "sorter1")
        third = Wcs(driver, answers=False)
        async with running(driver, third):
            await until(lambda: third.of(DeviceStatus))

    told = [key(one) for one in (*second.of(CartonScanned), *second.of(CartonSorted))]
    assert len(told) == len(set(told)) == 8, "four laps, each once"
    assert set(unsafe) <= set(told), "it was not on disk, so it is said again"
    assert len(third.heard) == 1, "what was acknowledged is not said again"


async def test_without_a_wcs_the_loop_stands(tmp_path: Path):
    async with a_cell(tmp_path, a_site(watchdog_s=0.2)) as (live, site):
        driver = a_driver(site, "sorter1")
        wcs = Wcs(driver)
        assert live.cell.sorter.state.held_by == ["no WCS"]
        await scanned(live, "L1-a")
        async with running(driver, wcs):
            await until(lambda: live.lane("L1"))
        await until(lambda: live.cell.sorter.state.held_by == ["no WCS"])


async def test_a_plc_that_is_away_is_unavailable(tmp_path: Path):
    async with a_cell(tmp_path) as (_, site):
        pass
    driver = a_driver(site, "sorter1")

    with pytest.raises(DeviceUnavailable, match="sorter1"):
        await driver.run(Wcs().say)
    soon = CLOCK.now() + timedelta(seconds=9)
    command = Divert(device="sorter1", tracking=1, lane="L1", expires_at=soon)
    with pytest.raises(DeviceUnavailable, match="not connected"):
        await driver.tell(command)


@pytest.mark.nightly
async def test_the_driver_writes_only_what_is_on_its_list(tmp_path: Path):
    async with a_cell(tmp_path) as (_, site):
        driver = a_driver(site, "sorter1")
        wcs = Wcs(driver)
        async with running(driver, wcs):
            await until(lambda: wcs.of(DeviceStatus))

            with pytest.raises(PermissionError, match="not ours"):
                await driver._write("StateCurrent", ua.Variant(9, ua.VariantType.Int32))


def test_without_security_only_the_loopback_interface(tmp_path: Path):
    def make(**row: Any) -> object:
        device = {"name": "sorter1", "port": 4840, **row}
        return opcua.make(device, {}, clock=CLOCK, port_offset=0, mqtt_url="", state_dir=tmp_path)

    with pytest.raises(ValueError, match="security"):
        make(host="192.0.2.1")
    assert make(host="192.0.2.1", security="Basic256Sha256,SignAndEncrypt,c.der,k.pem")

    site = a_site()
    site["devices"][1]["host"] = "192.0.2.1"
    with pytest.raises(ValueError, match="loopback"):
        LiveConveyor.from_site(site, "cv1", clock=CLOCK, state_dir=tmp_path, on_lane=no_lane)


async def test_a_foreign_client_finds_its_way_and_may_write_little(tmp_path: Path):
    async with a_cell(tmp_path, a_site(watchdog_s=0, decision_window_s=3)) as (live, _):
        await scanned(live, "L1-a")
        await until(lambda: live.cell.sorter.state.unacknowledged)
        async with Client(f"opc.tcp://127.0.0.1:{live.opcua_port}") as client:
            space = await client.get_namespace_index("urn:soko:sorter")
            root = await client.nodes.objects.get_child(f"{space}:sorter1")
            state = await root.get_child(f"{space}:StateCurrent")
            lane = await root.get_child([f"{space}:Lanes", f"{space}:L2"])
            open_ones = await root.get_child(f"{space}:Confirmations")
            assert await state.read_value() == 6
            assert '"barcode":"L1-a"' in (await open_ones.read_value())[0]

            with pytest.raises(UaStatusCodeError, match="BadUserAccessDenied"):
                await state.write_value(ua.Variant(9, ua.VariantType.Int32))
            tracking = ua.Variant(1, ua.VariantType.UInt64)
            assert await root.call_method(f"{space}:Divert", tracking, "L9") == 3
            assert await root.call_method(f"{space}:Divert", tracking, "L2") == 0
            await until(lambda: live.lane("L2"))
            for _ in range(200):
                if await lane.read_value() == 1:
                    break
            assert await lane.read_value() == 1
