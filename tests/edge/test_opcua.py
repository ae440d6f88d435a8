"""The sorter's driver against a real OPC UA server: nothing missed, nothing doubled.

An OPC UA server takes more than a second to begin, so one cell is shared: whoever uses it says
how it shall behave, and leaves it empty.
"""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Any

import pytest
import pytest_asyncio
from asyncua import ua
from asyncua.client.client import Client
from asyncua.ua.uaerrors import UaStatusCodeError

from edge.drivers import DeviceUnavailable
from edge.drivers.writes import TagRefused
from edge.messages import (
    CartonDefaulted,
    CartonScanned,
    CartonSorted,
    DeviceStatus,
    Divert,
    LanesKnown,
    LaneTable,
    TellAgain,
)
from edge.ports import free_port
from simulators.live_conveyor import LiveConveyor
from tests.edge.live_cell import CLOCK, Wcs, a_cell, a_driver, a_site, running, says_again, until

pytestmark = pytest.mark.asyncio(loop_scope="module")
Shared = Callable[..., Any]


def key(event: CartonScanned | CartonSorted) -> tuple[str, int, int]:
    return (event.type, event.tracking, event.lap)


async def scanned(live: LiveConveyor, *codes: str) -> None:
    """Put cartons on and release them by hand, without Modbus."""
    for code in codes:
        await live.put(code)
        standing = live.cell.line.state.standing
        assert standing is not None
        live._command(live.cell.line.state.last_task + 1, standing.tracking)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cell(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[tuple[LiveConveyor, dict[str, Any]]]:
    async with a_cell(tmp_path_factory.mktemp("cell"), a_site(watchdog_s=0)) as (live, site):
        yield live, site


@asynccontextmanager
async def behaving(
    cell: tuple[LiveConveyor, dict[str, Any]], *, watchdog_s: float = 0, **config: Any
) -> AsyncIterator[tuple[LiveConveyor, dict[str, Any], int]]:
    """The shared cell, built otherwise for a while; and the last tracking number so far."""
    live, site = cell
    usual, sorter = live.config, live.cell.sorter
    sorter.config = replace(sorter.config, **config)
    live.config = replace(live.config, watchdog_s=watchdog_s)
    try:
        yield live, site, sorter.state.next_tracking - 1
    finally:
        live.config, sorter.config = usual, usual.sorter_config
        live._alive()
        for lane in sorter.state.lanes.values():
            lane.clear()
        assert live.cell.codes() == []
        live._acknowledge(sorter.state.next_sequence)


def table(lanes: dict[str, str], *, minutes: float = 5) -> LaneTable:
    """The lane table that the WCS sends."""
    return LaneTable(
        device="sorter1",
        table="t1",
        since=0,
        version=1,
        rows=lanes,
        valid_until=CLOCK.now() + timedelta(minutes=minutes),
    )


async def test_a_scan_is_answered_with_a_lane(cell: Any):
    async with behaving(cell) as (live, site, _):
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


async def test_with_the_wcs_away_the_table_answers_also_after_a_restart(cell: Any, tmp_path: Path):
    async with behaving(cell) as (live, site, _):
        driver = a_driver(site, "sorter1", folder=tmp_path)
        wcs = Wcs(driver, answers=False)
        async with running(driver, wcs):
            await driver.tell(table({"a": "L2", "b": "L1", "z": "L9"}))
            await scanned(live, "a")
            await until(lambda: live.lane("L2") == ("a",))
            assert [one.lane for one in wcs.of(CartonScanned)] == ["L2"]
            assert driver.health()["scans_answered_total"] == 1
        assert wcs.of(LanesKnown)[-1].version == 1

        driver = a_driver(site, "sorter1", folder=tmp_path)  # another process
        wcs = Wcs(driver, answers=False)
        async with running(driver, wcs):
            await scanned(live, "b")
            await until(lambda: live.lane("L1") == ("b",))
        assert [(one.table, one.version) for one in wcs.of(LanesKnown)] == [("t1", 1)]


async def test_what_nobody_knows_goes_to_the_default_lane_in_time(cell: Any, tmp_path: Path):
    async with behaving(cell) as (live, site, last):
        row = {**site["sorters"][0], "default_lane": "L2"}
        driver = a_driver({**site, "sorters": [row]}, "sorter1", folder=tmp_path)
        wcs = Wcs(driver, answers=False)
        async with running(driver, wcs):
            await driver.tell(table({"old": "L1"}, minutes=-1))
            await scanned(live, "old", "new")
            await until(lambda: len(live.lane("L2")) == 2)
            assert [one.lane for one in wcs.of(CartonScanned)] == [None, None]
            told = {one.tracking: one.lane for one in wcs.of(CartonDefaulted)}
            assert told == {last + 1: "L2", last + 2: "L2"}


async def test_a_lane_found_full_is_left_alone_and_what_is_too_large_goes_to_people(cell: Any):
    async with behaving(cell, lane_capacity=0, laps_max=1) as (live, site, _):
        driver = a_driver(site, "sorter1")
        wcs = Wcs(driver, answers=False)
        async with running(driver, wcs):
            await driver.tell(table({"a": "L1", "b": "L1", "c": "L1"}))
            await scanned(live, "a")
            await until(lambda: live.lane("HOSP") == ("a",))
            await until(lambda: len(wcs.of(CartonSorted)) == 2)
            assert [one.lane for one in wcs.of(CartonScanned)] == ["L1", "RECIRCULATE"]
            assert [one.status for one in wcs.of(CartonSorted)] == ["LANE_FULL", "MAX_RECIRC"]

            live.cell.sorter.config = replace(live.cell.sorter.config, oversize=1.0)
            await scanned(live, "b")
            await until(lambda: live.lane("HOSP") == ("a", "b"))
            await until(lambda: len(wcs.of(CartonSorted)) == 3)
            assert wcs.of(CartonScanned)[-1].status == "OVERSIZE"
            assert wcs.of(CartonSorted)[-1].status == "DIVERTED"

            live.cell.sorter.config = replace(live.cell.sorter.config, oversize=0.0, jam=1.0)
            await scanned(live, "c")
            await until(lambda: [one.status for one in wcs.of(DeviceStatus)][-1] == "FAULT")
            live.cell.sorter.config = replace(live.cell.sorter.config, lost_track=1.0)
            await live.clear_jam()
            await until(lambda: wcs.of(CartonSorted)[-1].status == "LOST_TRACK")
            assert live.cell.sorter.state.lost == ["c"]
            assert "JAM" in {one.status for one in wcs.of(CartonSorted)}
            live.cell.sorter.find("c")


async def test_a_killed_agent_misses_nothing_and_doubles_only_what_was_not_on_disk(cell: Any):
    async with behaving(cell, decision_window_s=0.05) as (live, site, _):
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
        assert live.cell.sorter.state.unacknowledged

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
        assert not third.of(CartonScanned), "what was acknowledged is not said again"


async def test_an_edge_that_dies_before_it_acknowledges_loses_and_doubles_nothing(
    cell: Any, tmp_path: Path
):
    async with behaving(cell) as (live, site, _):
        row = {**site["devices"][1], "writes": ["WcsHeartbeat", "Divert"]}
        await says_again(live, {**site, "devices": [row]}, tmp_path)


async def test_a_confirmation_that_makes_no_sense_holds_up_nothing():
    driver, wcs = a_driver(a_site(), "sorter1"), Wcs(answers=False)
    driver._say = wcs.say
    driver._heard.start("memory")
    facts = {"kind": "SCANNED", "at": "2026-11-27T09:00:00Z", "lap": 0, "barcode": None}
    lines = [
        json.dumps({**facts, "sequence": number, "tracking": n, "status": status})
        for n, (number, status) in enumerate(
            ((1, "NO_READ"), (10**15, "PAINTED"), (3, "NO_READ")), start=1
        )
    ]
    driver._hear([*lines[:2], "{"])
    driver._hear([*lines[:2], "{", lines[2].replace('"sequence": 3', '"sequence": 4')])
    assert [(one.tracking, one.sequence) for one in wcs.of(CartonScanned)] == [(1, 1), (3, 4)]
    assert driver.health()["malformed_total"] == 2, "each once"
    assert await driver._heard.safe() == 0, "and all four are acknowledged when they are safe"
    driver.spooled = lambda: asyncio.sleep(0)
    assert await driver._heard.safe() == 4


async def test_without_a_wcs_the_loop_stands(cell: Any):
    async with behaving(cell, watchdog_s=0.2) as (live, site, _):
        await until(lambda: live.cell.sorter.state.held_by == ["no WCS"])
        driver = a_driver(site, "sorter1")
        await scanned(live, "L1-a")
        async with running(driver, Wcs(driver)):
            await until(lambda: live.lane("L1"))
        await until(lambda: live.cell.sorter.state.held_by == ["no WCS"])


async def test_with_an_empty_list_a_sorter_is_only_listened_to(cell: Any):
    async with behaving(cell, decision_window_s=0.05, laps_max=0) as (live, site, last):
        sorter = {key: value for key, value in site["devices"][1].items() if key != "writes"}
        driver = a_driver({**site, "devices": [sorter]}, "sorter1")
        wcs = Wcs(driver)
        async with running(driver, wcs):
            await scanned(live, "L1-a")
            await until(lambda: live.lane("HOSP") == ("L1-a",))
            await until(lambda: driver.health()["writes_refused_total"])
            with pytest.raises(TagRefused, match="`writes` of its row"):
                await driver._write("Acknowledged", ua.Variant(9, ua.VariantType.UInt64))
        assert [one.tracking for one in wcs.of(CartonScanned)] == [last + 1]
        assert live.cell.sorter.state.unacknowledged, "nothing was written"


async def test_a_foreign_client_finds_its_way_and_may_write_little(cell: Any):
    async with behaving(cell, decision_window_s=3) as (live, _, last):
        await scanned(live, "L1-a")
        await until(lambda: live.cell.sorter.state.unacknowledged)
        async with Client(f"opc.tcp://127.0.0.1:{live.sorter_port}") as client:
            space = await client.get_namespace_index("urn:soko:sorter")
            root = await client.nodes.objects.get_child(f"{space}:sorter1")
            state = await root.get_child(f"{space}:StateCurrent")
            lane = await root.get_child([f"{space}:Lanes", f"{space}:L2"])
            open_ones = await root.get_child(f"{space}:Confirmations")
            assert await state.read_value() == 6
            shown = await until_read(open_ones.read_value)
            assert '"barcode":"L1-a"' in shown[0]

            with pytest.raises(UaStatusCodeError, match="BadUserAccessDenied"):
                await state.write_value(ua.Variant(9, ua.VariantType.Int32))
            tracking = ua.Variant(last + 1, ua.VariantType.UInt64)
            assert await root.call_method(f"{space}:Divert", tracking, "L9") == 3
            assert await root.call_method(f"{space}:Divert", tracking, "L2") == 0
            await until(lambda: live.lane("L2"))
            assert await until_read(lane.read_value) == 1


async def until_read(read: Callable[[], Awaitable[Any]]) -> Any:
    """What a server shows as soon as it shows something."""
    for _ in range(500):
        if value := await read():
            return value
    raise AssertionError("it never came about")


async def test_a_plc_that_is_away_is_unavailable():
    driver = a_driver(a_site(opcua_port=free_port()), "sorter1")
    with pytest.raises(DeviceUnavailable, match="sorter1"):
        await driver.run(Wcs().say)
    soon = CLOCK.now() + timedelta(seconds=9)
    command = Divert(device="sorter1", tracking=1, lane="L1", expires_at=soon)
    with pytest.raises(DeviceUnavailable, match="not connected"):
        await driver.tell(command)


# ------------------------------------------------------------------------------ by night
@pytest.mark.nightly
async def test_replies_are_quick(cell: Any):
    async with behaving(cell) as (live, site, _):
        driver = a_driver(site, "sorter1")
        wcs = Wcs(driver)
        live.latencies_s.clear()
        async with running(driver, wcs):
            await scanned(live, *(f"L1-{n}" for n in range(20)))
            await until(lambda: len(live.lane("L1")) == 20)

        assert median(live.latencies_s) < 0.25
        assert len(live.latencies_s) == 20


@pytest.mark.nightly
async def test_an_unanswered_request_goes_round_to_the_hospital(cell: Any):
    async with behaving(cell, decision_window_s=0.05) as (live, site, _):
        driver = a_driver(site, "sorter1")
        wcs = Wcs(driver, answers=False)
        async with running(driver, wcs):
            await scanned(live, "L1-a")
            await until(lambda: live.lane("HOSP"))
            await until(lambda: len(wcs.of(CartonSorted)) == 4)

        assert [one.status for one in wcs.of(CartonSorted)] == [*["NO_REPLY"] * 3, "MAX_RECIRC"]
        assert [one.lap for one in wcs.of(CartonScanned)] == [0, 1, 2, 3]


@pytest.mark.nightly
async def test_a_lane_that_comes_too_late_is_not_sent(cell: Any):
    async with behaving(cell, decision_window_s=1) as (live, site, last):
        driver = a_driver(site, "sorter1")
        wcs = Wcs(driver, answers=False)
        async with running(driver, wcs):
            await scanned(live, "L1-a")
            await until(lambda: wcs.of(CartonScanned))
            past = CLOCK.now() - timedelta(milliseconds=1)
            await driver.tell(
                Divert(device="sorter1", tracking=last + 1, lane="L1", expires_at=past)
            )
            (carton,) = live.cell.sorter.state.loop
            assert carton.lane is None

            soon = CLOCK.now() + timedelta(seconds=9)
            command = Divert(device="sorter1", tracking=last + 1, lane="L1", expires_at=soon)
            await driver.tell(command)
            await driver.tell(command)
            assert [one.lane for one in live.cell.sorter.state.loop] == ["L1"]

            await driver.tell(TellAgain())
            assert [one.status for one in wcs.of(DeviceStatus)] == ["UP", "UP"]
            await until(lambda: live.lane("L1"))


@pytest.mark.nightly
async def test_a_restart_of_the_plc_loses_and_doubles_nothing(tmp_path: Path):
    codes = [f"L{1 + n % 2}-{n}" for n in range(12)]
    site = a_site()
    site["sorters"][0]["laps_max"] = 1_000  # however long we are away, no hospital lane
    async with a_cell(tmp_path, site) as (live, _):
        driver = a_driver(site, "sorter1")
        wcs = Wcs(driver)
        listening = running(driver, wcs)
        await listening.__aenter__()
        await scanned(live, *codes)
        await until(lambda: len(wcs.of(CartonScanned)) >= 3)
    async with a_cell(tmp_path, site) as (live, _):
        await until(lambda: len(live.lane("L1")) + len(live.lane("L2")) == len(codes))
        await until(lambda: live.cell.sorter.state.unacknowledged == [])
        await listening.__aexit__(None, None, None)
        assert sorted(live.cell.codes()) == sorted(codes)
        assert sorted((*live.lane("L1"), *live.lane("L2"))) == sorted(codes)

    told = Counter(key(one) for one in (*wcs.of(CartonScanned), *wcs.of(CartonSorted)))
    assert set(told.values()) == {1}
    arrived = [one.barcode for one in wcs.of(CartonSorted) if one.status == "DIVERTED"]
    assert sorted(arrived) == sorted(codes)
