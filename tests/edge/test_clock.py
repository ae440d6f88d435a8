"""Clocks: one scaled clock for several processes, never running backwards."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge.clock import ScaledClock, SystemClock, clock_from_environment
from tests.edge.waiting import eventually

MORNING = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)


def test_the_real_clock_is_real():
    clock = SystemClock()
    before, now, after = time.time(), clock.now(), time.time()
    assert before <= now.timestamp() <= after
    assert now.tzinfo is UTC
    assert clock.real_s(3.0) == 3.0


def test_a_scaled_clock_starts_when_told_and_runs_faster(tmp_path: Path):
    clock = ScaledClock.start(tmp_path / "clock", at=MORNING, speed=600.0)
    assert MORNING <= clock.now() < MORNING + timedelta(minutes=5)
    assert clock.real_s(60.0) == pytest.approx(0.1)
    eventually(lambda: clock.now() > MORNING + timedelta(minutes=1))


def test_several_processes_see_the_same_time_and_a_change_of_speed(tmp_path: Path):
    maker = ScaledClock.start(tmp_path / "clock", at=MORNING, speed=1.0)
    other = ScaledClock(tmp_path / "clock")
    assert abs((maker.now() - other.now()).total_seconds()) < 1.0
    before = other.now()
    maker.set_speed(3600.0)
    assert other.real_s(3600.0) == pytest.approx(1.0)
    assert other.now() >= before
    eventually(lambda: other.now() > MORNING + timedelta(minutes=10))
    fast = other.now()
    maker.set_speed(1.0)
    assert other.now() >= fast, "time never runs backwards"


async def test_sleeping_is_in_seconds_of_the_clock(tmp_path: Path):
    clock = ScaledClock.start(tmp_path / "clock", at=MORNING, speed=1000.0)
    async with asyncio.timeout(5):
        await clock.sleep(100.0)
    assert clock.now() >= MORNING + timedelta(seconds=100)


async def test_a_sleeper_notices_that_the_clock_has_become_faster(tmp_path: Path):
    clock = ScaledClock.start(tmp_path / "clock", at=MORNING, speed=1.0)
    sleeper = asyncio.create_task(clock.sleep(3600.0))
    await asyncio.sleep(0)
    clock.set_speed(100_000.0)
    async with asyncio.timeout(5):
        await sleeper


def test_the_environment_names_the_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("SOKO_CLOCK", raising=False)
    assert isinstance(clock_from_environment(), SystemClock)
    ScaledClock.start(tmp_path / "clock", at=MORNING, speed=1.0)
    monkeypatch.setenv("SOKO_CLOCK", str(tmp_path / "clock"))
    assert clock_from_environment().now() >= MORNING
