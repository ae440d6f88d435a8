"""The desk of a sorter whose PLC is slow: the newest carton first, none that has passed."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from edge.decisions import Lanes
from edge.drivers import lane_desk
from edge.drivers.lane_desk import LaneDesk
from tests.edge.live_cell import CLOCK, until

LANES = Lanes(names=("L1",), hospital="HOSP")


async def test_a_slow_plc_hears_the_newest_answer_first_and_none_that_is_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(lane_desk, "OLD_S", 0.2)
    desk = LaneDesk("s", LANES, clock=CLOCK, folder=tmp_path)
    sent: list[int] = []
    may_go_on = asyncio.Event()

    async def send(answers: Sequence[tuple[int, str]]) -> None:
        sent.extend(tracking for tracking, _ in answers)
        await may_go_on.wait()

    serving = asyncio.create_task(desk.serve(lambda _event: None, send, together=2))
    desk.answer(1, "L1")
    await until(lambda: sent == [1])
    asked_s = asyncio.get_running_loop().time()
    desk.answer(2, "L1")
    desk.answer(3, "L1")
    await until(lambda: asyncio.get_running_loop().time() > asked_s + 0.25)
    desk.answer(4, "L1")
    desk.answer(5, "L1")  # the newest, with one other at most
    may_go_on.set()
    await until(lambda: desk.health()["scans_late_total"] == 2)
    assert sent == [1, 5, 4]
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
