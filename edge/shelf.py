"""A smart shelf: antennas under the boards -> which tags lie on it, steadily.

A shelf is read again and again, and each time some tags do not answer: of the units on a board
between a fifth and all of them, depending on where the tag sticks. A fixed window is wrong for all
of them; so each tag has its own (SMURF), as long as its own read rate p asks for (that of the
epochs up to its latest read):

    window w    epochs in which a tag that is there is read at least once with probability 1 - d:
                w* = ceil(ln(1 / d) / p)
    gone?       it was read in n of the latest w / 2 epochs, and that is fewer than p w / 2 by more
                than two deviations: the window is halved, and shows it soon

What lies there is told when it has been the same for `settle_s` and is not what was told last.

Laws:
    steady     a tag whose reads are missed at its own rate comes and goes for nobody
    quick      a tag that was read nearly always is missed within a few epochs
    bounded    of a tag the latest `window_max` epochs are kept

Time is that of the reads and of `now`. Pure.

Source: S. R. Jeffery, M. Garofalakis and M. J. Franklin, "Adaptive Cleaning for RFID Data
Streams" (SMURF), VLDB 2006, algorithm 1; first windows and the settling are ours.
"""

import math
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from edge.messages import ShelfSeen


@dataclass(frozen=True, slots=True, kw_only=True)
class ShelfRules:
    """How a shelf is watched. An epoch is a time in which the reader goes round all antennas."""

    epoch_s: float = 2.0
    miss_share: float = 0.01  # d: how often a tag may be missed for a whole window
    window_first: int = 3
    window_max: int = 40
    settle_s: float = 8.0


@dataclass(slots=True)
class _Tag:
    window: int
    epochs: deque[bool] = field(default_factory=deque)  # read or not, the latest last
    is_there: bool = False
    misses: int = 0  # since it was read last

    def end_epoch(self, *, was_read: bool, rules: ShelfRules) -> None:
        self.epochs.append(was_read)
        if len(self.epochs) > rules.window_max:
            self.epochs.popleft()
        self.misses = 0 if was_read else self.misses + 1
        share = sum(self.epochs) / max(len(self.epochs) - self.misses, 1)
        latest = list(self.epochs)[-self.window :]
        self.is_there = any(latest) and (self.is_there or sum(latest) > 1)
        if share == 0:
            return
        wanted = math.ceil(math.log(1 / rules.miss_share) / share)
        if wanted > self.window:
            self.window = min(self.window + 2, wanted, rules.window_max)
            return
        half = max(self.window // 2, 1)
        missing = half * share - sum(latest[-half:])
        if missing > 2 * math.sqrt(half * share * (1 - share)):
            self.window = max(half, 1)


class ShelfWatch:
    """What lies on one shelf."""

    def __init__(self, device: str, shelf: str, rules: ShelfRules | None = None) -> None:
        self.device = device
        self.shelf = shelf
        self.rules = rules or ShelfRules()
        self._tags: dict[str, _Tag] = {}
        self._read: set[str] = set()
        self._epoch_ends: datetime | None = None
        self._same_since: datetime | None = None
        self._there: frozenset[str] = frozenset()
        self._told: frozenset[str] | None = None

    def read(self, epc_hex: str, at: datetime) -> None:
        """Take one read in."""
        self._end_epochs(at)
        self._read.add(epc_hex)

    def due(self, now: datetime) -> list[ShelfSeen]:
        """What is to be told by now: nothing, or what lies there."""
        self._end_epochs(now)
        if self._same_since is None or self._there == self._told:
            return []
        if (now - self._same_since).total_seconds() < self.rules.settle_s:
            return []
        self._told = self._there
        return self.told(now)

    def told(self, now: datetime) -> list[ShelfSeen]:
        """What lies there, as it was told last, if it was."""
        if self._told is None:
            return []
        epcs = tuple(sorted(self._told))
        return [ShelfSeen(at=now, device=self.device, shelf=self.shelf, epcs_hex=epcs)]

    def _end_epochs(self, now: datetime) -> None:
        epoch = timedelta(seconds=self.rules.epoch_s)
        if self._epoch_ends is None:
            self._epoch_ends = now + epoch
        if now - self._epoch_ends > epoch * self.rules.window_max:  # nobody read for long
            self._epoch_ends = now
        while now >= self._epoch_ends:
            self._end_epoch(self._epoch_ends)
            self._epoch_ends += epoch

    def _end_epoch(self, at: datetime) -> None:
        for epc_hex in self._read:
            self._tags.setdefault(epc_hex, _Tag(window=self.rules.window_first))
        for epc_hex, tag in list(self._tags.items()):
            tag.end_epoch(was_read=epc_hex in self._read, rules=self.rules)
            if not any(tag.epochs):
                del self._tags[epc_hex]
        self._read = set()
        there = frozenset(epc for epc, tag in self._tags.items() if tag.is_there)
        if there != self._there or self._same_since is None:
            self._there, self._same_since = there, at
