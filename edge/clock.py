"""The time, real or scaled: who reads the clock reads it here.

A live demo replays a day in minutes. All its processes then share one scaled clock, a file of
three numbers that the demo writes and everyone else maps into memory:

    now = virtual_start + (real now - real_start) x speed

Production uses `SystemClock`. Only composition roots hold a clock; everything below takes `now`
as an argument. Changing the speed rewrites the file; time never runs backwards.

An edge may stand for hours without anybody who could tell it the time, and its own clock may be
wrong or be set. So it lives by a `CountedClock`: what the clock said when it started, and what
has passed since. What that is off by, it learns from the answers of the WCS, whose time counts:

    up_s of sending <= up_s when the WCS said `at` <= up_s of hearing

Each answer so brackets the shift; `edge.stamp` puts times right by it where they cross the border.
"""

import asyncio
import mmap
import os
import struct
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_hex
from typing import Literal, Protocol, TypeAlias, runtime_checkable

_LAYOUT = struct.Struct("<ddd")  # real_start, virtual_start (both unix seconds), speed
OFF_S = 1.0  # a clock that is wrong by less is good
ROUNDING_S = 0.001  # of times on the wire

Quality: TypeAlias = Literal["UNKNOWN", "GOOD", "OFF"]


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


@runtime_checkable
class _Steady(Protocol):
    """A clock with a hand that nobody sets."""

    def steady_s(self) -> float:
        """Seconds that only ever pass, from any beginning."""
        ...


class SystemClock:
    """The real time."""

    def steady_s(self) -> float:
        """Seconds since some moment, whatever is done to the time of day."""
        return time.monotonic()

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


class CountedClock:
    """The time of one run of an edge: `began` and what has passed since. It cannot be set.

    `boot` names the run. `shift_s` is what to add for the time of the WCS: 0 while it is not
    known, or small.
    """

    def __init__(self, clock: Clock, *, boot: str) -> None:
        self.boot = boot
        self.began = clock.now()
        self._clock = clock
        self._steady_s: Callable[[], float] = lambda: clock.now().timestamp()  # nobody sets it
        if isinstance(clock, _Steady):
            self._steady_s = clock.steady_s
        self._began_s = self._steady_s()
        self._bracket: tuple[float, float] | None = None  # of the shift, in seconds

    def now(self) -> datetime:
        """The present moment as this run counts it."""
        return self.began + timedelta(seconds=self.up_s())

    def up_s(self) -> float:
        """Seconds since the run began."""
        return self._steady_s() - self._began_s

    def real_s(self, virtual_s: float) -> float:
        """How many real seconds `virtual_s` seconds of this clock take."""
        return self._clock.real_s(virtual_s)

    async def sleep(self, virtual_s: float) -> None:
        """Wait that many seconds of this clock."""
        await self._clock.sleep(virtual_s)

    @property
    def quality(self) -> Quality:
        """Whether our time is known to be that of the WCS."""
        if self._bracket is None:
            return "UNKNOWN"
        return "OFF" if self.shift_s else "GOOD"

    @property
    def shift_s(self) -> float:
        """Seconds to add to our time for that of the WCS."""
        least_s, most_s = self._bracket or (0.0, 0.0)
        nearest_s = min(max(0.0, least_s), most_s)
        return nearest_s if abs(nearest_s) > OFF_S else 0.0

    def heard(self, at: datetime, *, sent_up_s: float) -> None:
        """The WCS said that it was `at`, after something that we sent at `sent_up_s`.

        What contradicts earlier answers (a clock that drifts, or was set) replaces them.
        """
        away_s = (at - self.began).total_seconds()
        least_s, most_s = away_s - self.up_s(), away_s - sent_up_s
        if most_s < least_s:
            return  # sent after now: not by us
        if self._bracket is not None:
            narrow = max(least_s, self._bracket[0]), min(most_s, self._bracket[1])
            fits = narrow[0] <= narrow[1] + ROUNDING_S
            self._bracket = (min(narrow), max(narrow)) if fits else (least_s, most_s)
        else:
            self._bracket = least_s, most_s


def counted(clock: Clock) -> CountedClock:
    """That clock as this run counts it; one that counts already stays as it is."""
    return clock if isinstance(clock, CountedClock) else CountedClock(clock, boot=token_hex(8))


def clock_from_environment() -> Clock:
    """The clock that SOKO_CLOCK names, or the real one."""
    path = os.environ.get("SOKO_CLOCK")
    return ScaledClock(Path(path)) if path else SystemClock()
