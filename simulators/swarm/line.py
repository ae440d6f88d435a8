"""A network between two of us: it loses, doubles, delays, mixes up what it carries, or is cut.

What is `late` comes long after what was said behind it: that is how things are mixed up, and how
a word of a process that is dead comes to be heard. An `ordered` line never mixes up: so a broker
promises it to who listens to one robot (MQTT 3.1.1, section 4.6), and its driver builds on it.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from simulators.swarm.timeline import Timeline

LATE_MOST_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """How bad it is: shares of what is said."""

    lost: float = 0.0
    twice: float = 0.0
    late: float = 0.0
    delay_s: float = 0.2  # at most, usually


CALM = Weather()


class Line:
    """One network, both ways."""

    def __init__(
        self, timeline: Timeline, weather: Weather, chance: Random, *, ordered: bool = False
    ) -> None:
        self.weather, self._ordered, self._last_s = weather, ordered, 0.0
        self.cuts = 0  # how many faults cut it just now
        self.counts: Counter[str] = Counter()
        self._timeline, self._chance = timeline, chance

    @property
    def up(self) -> bool:
        """Whether it carries anything."""
        return not self.cuts

    def carry(self, deliver: Callable[[], object]) -> None:
        """Say something: it is delivered once, twice, late, or not at all."""
        weather, draw = self.weather, self._chance.random()
        self.counts["said"] += 1
        if not self.up or draw < weather.lost:
            self.counts["lost"] += 1
            return
        copies = 2 if draw < weather.lost + weather.twice else 1
        self.counts["twice"] += copies - 1
        for _ in range(copies):
            late = not self._ordered and self._chance.random() < weather.late
            self.counts["late"] += late
            most_s = LATE_MOST_S if late else weather.delay_s
            at_s = self._timeline.now_s + 0.01 + most_s * self._chance.random()
            if self._ordered:
                at_s = self._last_s = max(at_s, self._last_s)
            self._timeline.later(at_s - self._timeline.now_s, deliver)
