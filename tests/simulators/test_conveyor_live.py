"""The live conveyor is killed with -9 in the middle of work: no carton is lost or doubled.

It runs in a process of its own; the drivers run here and live through its deaths.
"""

import asyncio
import json
import sqlite3
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from edge.messages import CartonArrived, CartonScanned, CartonSorted
from simulators.conveyor import CellState
from simulators.live_conveyor import LiveConveyor, _Memory
from tests.edge.live_cell import CLOCK, Wcs, a_cell, a_driver, a_site, running, until
from tests.night import by_night

CODES = [f"L{1 + n % 2}-{n}" for n in range(24)]
WORLD = """
import asyncio, json, sys
from pathlib import Path
from edge.clock import SystemClock
from simulators.live_conveyor import LiveConveyor

def say(*words): print(*words, flush=True)

async def world(site, state_dir, codes):
    line = LiveConveyor.from_site(
        site, "cv1", clock=SystemClock(), state_dir=Path(state_dir), on_lane=say
    )
    async with line:
        for code in codes:
            await line.put(code)
        say("ports", line.modbus_port, line.sorter_port)
        await asyncio.Event().wait()

asyncio.run(world(*json.loads(sys.argv[1])))
"""


@asynccontextmanager
async def a_world(state_dir: Path, site: dict[str, Any]) -> AsyncIterator[list[str]]:
    """A process with the conveyor, until it is killed; what it says about lanes."""
    arguments = json.dumps([site, str(state_dir), CODES])
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WORLD, arguments, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    said: list[str] = []
    try:
        while not said or not said[-1].startswith("ports"):
            line = await process.stdout.readline()
            assert line, "it died before it served"
            said.append(line.decode().strip())
        _, site["devices"][0]["port"], site["devices"][1]["port"] = map(
            int, said.pop().replace("ports", "0").split()
        )
        yield said
    finally:
        process.kill()
        rest, _ = await process.communicate()
        whole = rest[: rest.rfind(b"\n") + 1]  # killed in the middle of a word, it has not said it
        said += whole.decode().splitlines()


def remembered(state_dir: Path) -> CellState:
    memory = _Memory(state_dir / "conveyor-cv1.db")
    try:
        state = memory.load()
        assert state is not None
        return state
    finally:
        memory.close()


def in_lanes(wcs: Wcs) -> list[str]:
    return [one.barcode for one in wcs.of(CartonSorted) if one.status == "DIVERTED"]


@pytest.mark.timeout(180)  # it starts three processes
@pytest.mark.parametrize("driver", ["modbus", by_night("opcua")])
async def test_killed_again_and_again_it_sorts_every_carton_once(tmp_path: Path, driver: str):
    site = a_site(lane_s=0.02, decision_window_s=2.0, driver=driver)
    lanes: set[str] = set()
    async with a_world(tmp_path, site) as said:
        sorter, conveyor = a_driver(site, "sorter1"), a_driver(site, "cv1")
        wcs = Wcs(sorter, conveyor)
        listening = running(sorter, wcs), running(conveyor, wcs)
        for one in listening:
            await one.__aenter__()
        await until(lambda: len(wcs.of(CartonScanned)) >= 2, within_s=60)
    lanes |= set(said)
    for wanted in (8, len(CODES)):
        async with a_world(tmp_path, site) as said:
            await until(partial(lambda n: len(in_lanes(wcs)) >= n, wanted), within_s=60)
        lanes |= set(said)
    for one in listening:
        await one.__aexit__(None, None, None)

    state = remembered(tmp_path)
    assert Counter(code for lane in state.sorter.lanes.values() for code in lane) == Counter(CODES)
    assert all(code.startswith(lane) for lane in ("L1", "L2") for code in state.sorter.lanes[lane])
    assert lanes == {f"{code[:2]} {code}" for code in CODES}
    told = Counter(
        (one.type, one.tracking, one.lap) for one in (*wcs.of(CartonScanned), *wcs.of(CartonSorted))
    )
    assert set(told.values()) == {1}
    assert {one.tracking for one in wcs.of(CartonArrived)} == set(range(1, len(CODES) + 1))
    assert {one.tracking for one in wcs.of(CartonScanned)} == set(range(1, len(CODES) + 1))


@pytest.mark.nightly
async def test_a_carton_that_lies_in_a_lane_is_told_again_and_taken_once(tmp_path: Path):
    async with a_cell(tmp_path, a_site(watchdog_s=0, decision_window_s=2)) as (live, site):
        assert await live.put("A")
        assert not await live.put("A")
        live._command(1, 1)
        await until(lambda: live.cell.sorter.state.unacknowledged)
        live._divert(1, "L1")
        await until(lambda: live.lane("L1") == ("A",))

    site["sorters"][0]["laps_max"] = site["devices"][1]["decision_window_s"] = 0
    told: list[tuple[str, str]] = []
    again = LiveConveyor.from_site(
        site, "cv1", clock=CLOCK, state_dir=tmp_path, on_lane=lambda *one: told.append(one)
    )
    async with again:
        assert told == [("L1", "A")]
        assert await again.take_from_lane("L1", "A")
        assert not await again.take_from_lane("L1", "A")
        assert await again.put("A"), "it may come once more"

        again._command(2, 2)
        await until(lambda: again.lane("HOSP") == ("A",))
        assert await again.relabel("A")
        assert not await again.relabel("A")
        assert again.cell.codes() == ["A"]

        again._memory.close()  # as if the disk were full
        with pytest.raises(sqlite3.Error):
            await again.put("B")
        with pytest.raises(RuntimeError, match="memory"):
            await again.put("C")
