"""The time, real or scaled: who reads the clock reads it here.

A live demo replays a day in minutes. All its processes then share one scaled clock, a file of
three numbers that the demo writes and everyone else maps into memory:

    now = virtual_start + (real now - real_start) x speed

Production uses `SystemClock`. Only composition roots hold a clock; everything below takes `now`
as an argument. Changing the speed rewrites the file; time never runs backwards.
"""

import asyncio
import mmap
import os
import struct
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

_LAYOUT = struct.Struct("<ddd")  # real_start, virtual_start (both unix seconds), speed


class Clock(Protocol):
    """Something that knows the time."""

    def now(self) -> datetime:
        """The present moment, aware, in UTC."""
        ...

    def real_s(self, virtual_s: float) -> float:
        """How many real seconds `virtual_s` seconds of this clock take."""
        ...

    async def sleep(self, virtual_s: float) -> None:
        """Wait that many seconds of this clock."""
        ...


class SystemClock:
    """The real time."""

    def now(self) -> datetime:
        """The present moment."""
        return datetime.now(UTC)  # noqa: TID251 - this is where the clock is read

    def real_s(self, virtual_s: float) -> float:
        """The same number: real time is real."""
        return virtual_s

    async def sleep(self, virtual_s: float) -> None:
        """Wait."""
        await asyncio.sleep(virtual_s)


class ScaledClock:
    """A shared clock that runs `speed` times as fast as the real one."""

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), _LAYOUT.size)

    @classmethod
    def start(cls, path: Path, *, at: datetime, speed: float) -> "ScaledClock":
        """Write a clock file that shows `at` now and runs on from there."""
        fresh = path.with_suffix(".new")
        fresh.write_bytes(_LAYOUT.pack(time.time(), at.timestamp(), speed))
        fresh.replace(path)
        return cls(path)

    def now(self) -> datetime:
        """The present moment of this clock."""
        real_start, virtual_start, speed = _LAYOUT.unpack(self._memory[:])
        return datetime.fromtimestamp(virtual_start + (time.time() - real_start) * speed, UTC)

    def set_speed(self, speed: float) -> None:
        """Run at another speed from this moment on. Only the clock's maker may call it."""
        self._memory[:] = _LAYOUT.pack(time.time(), self.now().timestamp(), speed)

    def real_s(self, virtual_s: float) -> float:
        """Real seconds that `virtual_s` seconds of this clock take at its present speed."""
        speed: float = _LAYOUT.unpack(self._memory[:])[2]
        return virtual_s / speed

    async def sleep(self, virtual_s: float) -> None:
        """Wait that long, in steps short enough to notice a change of speed."""
        until = self.now() + timedelta(seconds=virtual_s)
        while (left_s := (until - self.now()).total_seconds()) > 0:  # noqa: ASYNC110 - time, no event
            await asyncio.sleep(min(self.real_s(left_s), 0.5))


def clock_from_environment() -> Clock:
    """The clock that SOKO_CLOCK names, or the real one."""
    path = os.environ.get("SOKO_CLOCK")
    return ScaledClock(Path(path)) if path else SystemClock()
