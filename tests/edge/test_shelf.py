"""What lies on a smart shelf: steadily, although tags are missed, and soon, when they are taken.

Give all tags the same window, or leave the settling out, and a test here fails.
"""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from edge.clock import ScaledClock
from edge.drivers.around import Around
from edge.drivers.rfid import make
from edge.messages import DeviceEvent, RobotReport, ShelfSeen, TagSeen
from edge.shelf import ShelfRules, ShelfWatch
from simulators.live_rfid import LlrpReader
from simulators.rfid import Shelf, gate_of
from tests.edge.waiting import soon

AT = datetime(2026, 11, 21, 9, tzinfo=UTC)
EPOCH_S = 2.0


def after(epochs: float) -> datetime:
    return AT + timedelta(seconds=EPOCH_S * epochs + 1)


def watched(
    rate: float, *, seed: int, there: int = 200, rules: ShelfRules | None = None
) -> Counter[str]:
    """A tag that lies there for so many epochs and is then taken: what is said of it, and when."""
    chance, watch = Random(seed), ShelfWatch("reader", "S-1", rules)
    told: list[tuple[int, bool]] = []
    for epoch in range(there + 100):
        if epoch < there and chance.random() < rate:
            watch.read("E1", after(epoch))
        told += [(epoch, "E1" in seen.epcs_hex) for seen in watch.due(after(epoch))]
    found = Counter(epochs_until_missed=told[-1][0] - there, told=len(told))
    found["lost_meanwhile"] = sum(not is_there for epoch, is_there in told if 40 < epoch < there)
    assert told[-1][1] is False
    return found


def over_seeds(rate: float, rules: ShelfRules | None = None) -> Counter[str]:
    total: Counter[str] = Counter()
    for seed in range(20):
        total += watched(rate, seed=seed, rules=rules)
    return total


@pytest.mark.parametrize(("rate", "missed_after"), [(1.0, 7), (0.9, 9), (0.65, 13), (0.25, 40)])
def test_each_tag_has_the_window_that_its_own_read_rate_asks_for(rate: float, missed_after: int):
    found = over_seeds(rate)
    assert found["lost_meanwhile"] <= 10, "in 20 x 160 epochs"
    assert found["epochs_until_missed"] <= missed_after * 20


def test_one_window_for_all_is_wrong_for_some():
    short = ShelfRules(window_first=3, window_max=3)
    assert over_seeds(0.25, short)["lost_meanwhile"] > 40
    assert over_seeds(0.25)["lost_meanwhile"] <= 10


def test_it_is_told_what_lies_there_when_that_has_settled_and_again_when_it_changes():
    watch = ShelfWatch("reader", "S-1")
    told: list[ShelfSeen] = []
    for epoch in range(60):
        for epc in ("E1", "E2") if epoch < 30 else ("E2",):
            watch.read(epc, after(epoch))
        told += watch.due(after(epoch))
    assert [seen.epcs_hex for seen in told] == [("E1", "E2"), ("E2",)]
    assert told[0].at - AT >= timedelta(seconds=ShelfRules().settle_s)
    assert watch.told(after(61)) == [
        ShelfSeen(at=after(61), device="reader", shelf="S-1", epcs_hex=("E2",))
    ]


def test_an_empty_shelf_is_told_to_be_empty_and_a_single_stray_read_is_nothing():
    watch = ShelfWatch("reader", "S-1")
    watch.read("E9", after(0))
    told = [seen for epoch in range(30) for seen in watch.due(after(epoch))]
    assert [seen.epcs_hex for seen in told] == [()]


def test_a_shelf_that_nobody_read_for_a_day_is_caught_up_with_at_once():
    watch = ShelfWatch("reader", "S-1")
    watch.read("E1", after(0))
    assert watch.due(after(0) + timedelta(days=30)) == []


async def test_a_reader_tells_what_lies_on_its_shelf_and_what_was_taken(tmp_path: Path):
    clock = ScaledClock.start(tmp_path / "clock", at=AT, speed=60)
    site: dict[str, Any] = {"shelves": [{"name": "S01-01", "device": "board", "antennas": [1, 2]}]}
    epcs = [f"3034257BF7194E40000000{n:02X}" for n in range(6)]
    said: list[DeviceEvent | RobotReport] = []

    def lies() -> tuple[str, ...]:
        return next((e.epcs_hex for e in reversed(said) if isinstance(e, ShelfSeen)), ("?",))

    async with LlrpReader("127.0.0.1", 0, clock, seed=4) as reader:
        shelf = Shelf(gate_of(inside=(1,), outside=(2,)), seed=4)
        reader.gate = shelf
        for n, epc in enumerate(epcs):
            shelf.put(epc, clock.now(), y_m=0.3 + n * 0.4)
        reader.stir()
        row = {"name": "board", "driver": "llrp", "port": reader.port}
        driver = make(row, Around(clock=clock, site=site))
        task = asyncio.create_task(driver.run(said.append))
        await soon(lambda: lies() == tuple(sorted(epcs)))
        shelf.take(epcs[0], clock.now())
        await soon(lambda: lies() == tuple(sorted(epcs[1:])))
        assert not any(isinstance(event, TagSeen) for event in said)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
