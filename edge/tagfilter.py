"""Hundreds of raw reads a second -> a tag was seen, and is gone.

A reader reports a tag again and again while it is in the field of an antenna, misses a third of
the chances, and now and then catches one from the far end of the hall. This filter keeps one
sighting for every tag at every antenna:

    reads ...x..x.xx.xxx.xx..x.........        TagSeen when `reads_min` reads have come
             ^ seen           ^ last   ^ gone  TagGone when nothing came for `silence_s`

and sums it up when it is over: first and last time, reads, peak strength, and the middle of its
strongest reads, which is when the tag was nearest to that antenna. The strongest reads are the
`strong_reads` nearest to the peak, and at most those within `strong_db` of it: a parcel that stood
near a gate for an hour and was then carried through is judged by the moment when it came close,
not by the hour.

Laws:
    floor        a read below `floor_dbm` counts for nothing
    few          a sighting with fewer than `reads_min` reads is forgotten without a word
    paired       every TagGone follows a TagSeen of that tag and antenna
    bounded      a sighting needs the same few numbers however long it lasts: moments of the
                 strong reads by whole dB, not the reads

Time is that of the reads and of `now`; nobody looks at a clock. Pure.
"""

import math
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from edge.messages import TagGone, TagSeen


@dataclass(frozen=True, slots=True, kw_only=True)
class RawRead:
    """One read, or several at once that the reader has summed up itself."""

    at: datetime
    antenna: int
    epc_hex: str
    rssi_dbm: float
    count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What counts as seen and gone."""

    reads_min: int = 2
    silence_s: float = 1.5
    floor_dbm: float = -75.0
    strong_db: float = 10.0
    strong_reads: int = 6


@dataclass(slots=True)
class _Moments:
    """How many reads, and the sums of their times (seconds after the first) and squares."""

    reads: int = 0
    time: float = 0.0
    square: float = 0.0

    def add(self, reads: int, time_s: float, square: float) -> None:
        self.reads += reads
        self.time += time_s
        self.square += square


@dataclass(slots=True)
class _Sighting:
    """One tag at one antenna, so far."""

    first_at: datetime
    last_at: datetime
    reads: int = 0
    peak_dbm: float = -math.inf
    said: bool = False
    strong: dict[int, _Moments] = field(default_factory=dict)  # by whole dBm

    def add(self, read: RawRead, strong_db: float) -> None:
        self.last_at = max(self.last_at, read.at)
        self.reads += read.count
        if read.rssi_dbm > self.peak_dbm:
            self.peak_dbm = read.rssi_dbm
            floor = math.floor(self.peak_dbm - strong_db)
            self.strong = {dbm: m for dbm, m in self.strong.items() if dbm >= floor}
        if read.rssi_dbm >= self.peak_dbm - strong_db:
            after_s = (read.at - self.first_at).total_seconds()
            moments = self.strong.setdefault(math.floor(read.rssi_dbm), _Moments())
            moments.add(read.count, read.count * after_s, read.count * after_s**2)

    def sum_up(
        self, device: str, antenna: int, epc_hex: str, now: datetime, enough: int
    ) -> TagGone:
        total = _Moments()
        for dbm in sorted(self.strong, reverse=True):
            if total.reads < enough:
                moments = self.strong[dbm]
                total.add(moments.reads, moments.time, moments.square)
        middle_s = total.time / total.reads
        variance = max(total.square / total.reads - middle_s**2, 0.0)
        return TagGone(
            at=now,
            device=device,
            antenna=antenna,
            epc_hex=epc_hex,
            first_seen_at=self.first_at,
            last_seen_at=self.last_at,
            strongest_at=self.first_at + timedelta(seconds=middle_s),
            strongest_reads=total.reads,
            strongest_spread_s=math.sqrt(variance),
            reads=self.reads,
            peak_rssi_dbm=self.peak_dbm,
        )


class TagFilter:
    """The sightings of one reader."""

    def __init__(self, device: str, rules: Rules | None = None) -> None:
        self.device = device
        self.rules = rules or Rules()
        self._sightings: dict[tuple[str, int], _Sighting] = {}

    def read(self, read: RawRead) -> list[TagSeen | TagGone]:
        """Take one read in. Reads of a tag at an antenna come in the order of their times."""
        if read.rssi_dbm < self.rules.floor_dbm:
            return []
        said: list[TagSeen | TagGone] = []
        key = (read.epc_hex, read.antenna)
        sighting = self._sightings.get(key)
        if sighting is not None and self._is_over(sighting, read.at):
            said += self._end(key, read.at)
            sighting = None
        if sighting is None:
            sighting = self._sightings[key] = _Sighting(first_at=read.at, last_at=read.at)
        sighting.add(read, self.rules.strong_db)
        if not sighting.said and sighting.reads >= self.rules.reads_min:
            sighting.said = True
            said.append(self._seen(key, sighting, read.at))
        return said

    def due(self, now: datetime) -> list[TagGone]:
        """End the sightings that have been silent for too long."""
        over = [key for key, sighting in self._sightings.items() if self._is_over(sighting, now)]
        return [gone for key in over for gone in self._end(key, now)]

    def present(self, now: datetime) -> list[TagSeen]:
        """Say once more who is in the field."""
        return [self._seen(key, s, now) for key, s in self._sightings.items() if s.said]

    @property
    def watching(self) -> int:
        """How many sightings are open, told or not."""
        return len(self._sightings)

    def _is_over(self, sighting: _Sighting, now: datetime) -> bool:
        return (now - sighting.last_at).total_seconds() > self.rules.silence_s

    def _end(self, key: tuple[str, int], now: datetime) -> list[TagGone]:
        sighting = self._sightings.pop(key)
        epc_hex, antenna = key
        if not sighting.said:
            return []
        return [sighting.sum_up(self.device, antenna, epc_hex, now, self.rules.strong_reads)]

    def _seen(self, key: tuple[str, int], sighting: _Sighting, at: datetime) -> TagSeen:
        epc_hex, antenna = key
        return TagSeen(
            at=at,
            device=self.device,
            antenna=antenna,
            epc_hex=epc_hex,
            rssi_dbm=sighting.peak_dbm,
        )
