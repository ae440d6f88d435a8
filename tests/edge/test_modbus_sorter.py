"""A sorter over Modbus against a real server, and Debian's client against that server."""

from collections import Counter
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from edge.drivers import DeviceUnavailable
from edge.drivers.sorter_wire import (
    BLOCK_SIZE,
    Block,
    Record,
    decode_block,
    encode_block,
    results_of,
)
from edge.drivers.writes import TagRefused
from edge.messages import CartonScanned, CartonSorted, DeviceStatus, Divert, LaneTable
from edge.ports import free_port
from simulators.live_conveyor import LiveConveyor
from tests.edge.live_cell import CLOCK, Wcs, a_cell, a_driver, a_site, running, says_again, until
from tests.edge.test_modbus import mbpoll, registers


async def scanned(live: LiveConveyor, *codes: str) -> None:
    """Put cartons on and release them by hand, without the conveyor's own driver."""
    for code in codes:
        await live.put(code)
        standing = live.cell.line.state.standing
        assert standing is not None
        live._command(live.cell.line.state.last_task + 1, standing.tracking)


async def test_a_restart_of_the_plc_loses_and_doubles_nothing(tmp_path: Path):
    codes = [f"L{1 + n % 2}-{n}" for n in range(12)]
    site = a_site(driver="modbus")
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
        assert sorted((*live.lane("L1"), *live.lane("L2"))) == sorted(codes)

    told = Counter(
        (one.type, one.tracking, one.lap) for one in (*wcs.of(CartonScanned), *wcs.of(CartonSorted))
    )
    assert set(told.values()) == {1}
    done = [one for one in wcs.of(CartonSorted) if one.status == "DIVERTED"]
    assert sorted((one.barcode, one.lane) for one in done) == sorted((c, c[:2]) for c in codes)
    assert {one.status for one in wcs.of(DeviceStatus)} == {"UP"}


async def test_an_edge_that_dies_before_it_acknowledges_loses_and_doubles_nothing(tmp_path: Path):
    site = a_site(driver="modbus", watchdog_s=0, writes=["divert"])
    async with a_cell(tmp_path, site) as (live, _):
        await says_again(live, site, tmp_path)


async def test_the_table_answers_while_the_wcs_is_away(tmp_path: Path):
    site = a_site(driver="modbus")
    async with a_cell(tmp_path, site) as (live, _):
        driver = a_driver(site, "sorter1")
        wcs = Wcs(driver, answers=False)
        async with running(driver, wcs):
            until_at = CLOCK.now() + timedelta(minutes=5)
            rows = {f"c{n}": f"L{1 + n % 2}" for n in range(10)}
            await driver.tell(
                LaneTable(
                    device="sorter1", table="t", since=0, version=1, rows=rows, valid_until=until_at
                )
            )
            await scanned(live, *rows)
            await until(lambda: len(live.lane("L1")) + len(live.lane("L2")) == 10)
            assert all(rows[code] == lane for lane in ("L1", "L2") for code in live.lane(lane))
            health = driver.health()
            assert (health["scans_answered_total"], health["lane_rows"]) == (10, 10)
            assert driver._task < 10, "what was asked together is answered together"


async def test_another_driver_counts_its_tasks_on(tmp_path: Path):
    site = a_site(driver="modbus")
    async with a_cell(tmp_path, site) as (live, _):
        for code in ("L1-a", "L2-b"):
            driver = a_driver(site, "sorter1")  # another process: it remembers nothing
            async with running(driver, Wcs(driver)):
                await scanned(live, code)
                await until(partial(live.lane, code[:2]))
        assert (live.lane("L1"), live.lane("L2")) == (("L1-a",), ("L2-b",))
        assert live.cell.sorter.state.next_sequence == 5, "neither went round"


async def test_what_is_not_on_the_list_is_not_written(tmp_path: Path):
    site = a_site(driver="modbus", writes=[], decision_window_s=0.05, watchdog_s=0)
    async with a_cell(tmp_path, site) as (live, _):
        driver = a_driver(site, "sorter1")
        wcs = Wcs(driver)
        async with running(driver, wcs):
            await scanned(live, "L1-a")
            await until(lambda: live.lane("HOSP") == ("L1-a",))
            assert driver.health()["writes_refused_total"]
            with pytest.raises(TagRefused, match="divert is not ours"):
                await driver._registers.write("divert", [1, 0, 1, 1])
    assert live.cell.sorter.state.unacknowledged
    with pytest.raises(ValueError, match="writes must be some of"):
        a_driver(a_site(driver="modbus", writes=["state"]), "sorter1")


async def test_a_foreign_client_reads_the_window_and_diverts(tmp_path: Path):
    site = a_site(driver="modbus", watchdog_s=0, decision_window_s=3)
    async with a_cell(tmp_path, site) as (live, _):
        await scanned(live, "AB-c")
        await until(lambda: live.cell.sorter.state.unacknowledged)
        words = registers(await mbpoll(live.sorter_port, "0", "-c", str(BLOCK_SIZE)))
        (record,) = decode_block(words).records
        assert (record.sequence, record.kind, record.status) == (1, 1, 0)
        assert (record.tracking, record.lap, record.barcode) == (1, 0, "AB-c")

        await mbpoll(live.sorter_port, "205", values="7 0 1 2 0 99 1 0 1 9")  # three rows
        await until(lambda: live.lane("L2") == ("AB-c",))
        block = decode_block(registers(await mbpoll(live.sorter_port, "0", "-c", "7")))
        assert (block.answer, results_of(block.result, 3)) == (7, [0, 2, 3])
        await mbpoll(live.sorter_port, "200", values="0 2 0 2 1")
        assert live.cell.sorter.state.unacknowledged == []
        assert "Illegal data address" in await mbpoll(live.sorter_port, "207", values="1")


async def test_a_plc_that_is_away_is_unavailable():
    driver = a_driver(a_site(driver="modbus", opcua_port=free_port()), "sorter1")
    with pytest.raises(DeviceUnavailable, match="no connection"):
        await driver.run(Wcs().say)
    soon = CLOCK.now() + timedelta(seconds=9)
    with pytest.raises(DeviceUnavailable, match="not connected"):
        await driver.tell(Divert(device="sorter1", tracking=1, lane="L1", expires_at=soon))


def test_a_block_goes_to_registers_and_back():
    record = Record(
        sequence=70_000, kind=1, status=2, tracking=99_999, lap=3, lane=2, age_ms=80_000,
        barcode="00049012345678901234",
    )  # fmt: skip
    block = Block(6, 17, 0xDEADBEEF, 9, 1, (record, record._replace(sequence=70_001, barcode="")))
    assert decode_block(encode_block(block)) == block
    decode_block([0xFFFF] * BLOCK_SIZE)
