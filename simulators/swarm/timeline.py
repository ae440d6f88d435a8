"""Virtual time: what happens next, and a clock for each machine.

Seconds since the beginning of the run.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush

START = datetime(2026, 4, 1, 8, 0, tzinfo=UTC)


class Timeline:
    """What is going to happen, in order; of two at one moment the one that was planned first."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.happened = 0
        self._heap: list[tuple[float, int, Callable[[], object]]] = []
        self._count = 0

    @property
    def now(self) -> datetime:
        """The true time."""
        return START + timedelta(seconds=self.now_s)

    def later(self, seconds: float, what: Callable[[], object]) -> None:
        """Have that happen in so many seconds."""
        self._count += 1
        heappush(self._heap, (self.now_s + max(0.0, seconds), self._count, what))

    def step(self) -> None:
        """Let the next thing happen."""
        self.now_s, _, what = heappop(self._heap)
        self.happened += 1
        what()


class MachineClock:
    """The clock of a machine: it can be wrong, and be set; its steady hand cannot."""

    def __init__(self, timeline: Timeline) -> None:
        self.skew_s = 0.0
        self._timeline = timeline

    def now(self) -> datetime:
        """What it shows."""
        return self._timeline.now + timedelta(seconds=self.skew_s)

    def steady_s(self) -> float:
        """Seconds that only ever pass."""
        return self._timeline.now_s

    def real_s(self, virtual_s: float) -> float:
        """The same number."""
        return virtual_s

    async def sleep(self, virtual_s: float) -> None:
        """Nobody waits for anything here."""
        raise AssertionError(virtual_s)
