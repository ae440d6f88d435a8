"""An RFID gate as its reader sees it: tags that move, and reads that mostly happen.

The gate is the line x = 0; inside is x < 0. Two antennas hang a little inside, two a little
outside, left and right of the way:

        inside                outside
          [1]    |    [3]               antennas at x = -1 m and +1 m, y = +1.2 and -1.2 m
    ---------- the way ----------> OUT
          [2]    |    [4]

Once every `cycle_s` the reader asks all its antennas who is there. A tag answers with a
probability that is `read_rate` close by and falls off with distance; its strength falls with the
fourth power of the distance, since the tag answers with the reader's own energy. Missed reads
(a third close by), stray ones from far away by reflection, and the same tag twice in a cycle
are all in it: they are the normal case.

Two photo-eyes, a quarter of a metre inside and outside the line, are dark while cargo is before
them.

Laws:
    seeded      the same seed, moves and times give the same reads, however `reads` is called
    on time     a read carries the time of its cycle, so a batch made late is still right
    idle        with no tag near, no cycle is computed

Pure; times are seconds of the clock that the caller's `now` comes from.

Source: read rates of 60-70 % of the tags present per cycle: S. R. Jeffery, M. Garofalakis and
M. J. Franklin, "Adaptive Cleaning for RFID Data Streams", VLDB 2006.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from typing import Literal, NamedTuple, TypeAlias

Way: TypeAlias = Literal["IN", "OUT"]
_STANDS_M = 0.05  # less than that is no way


@dataclass(frozen=True, slots=True, kw_only=True)
class Antenna:
    """Where an antenna hangs, metres from the middle of the gate."""

    number: int
    x_m: float
    y_m: float


@dataclass(frozen=True, slots=True, kw_only=True)
class GateConfig:
    """How a gate is built and how well its reader reads."""

    antennas: tuple[Antenna, ...]
    cycle_s: float = 0.1
    read_rate: float = 0.65  # per cycle, close to the antenna
    half_rate_m: float = 2.2  # distance at which half of that is left
    rssi_1m_dbm: float = -42.0
    noise_db: float = 2.5
    stray_rate: float = 0.002  # per cycle, from anywhere in the hall
    twice_rate: float = 0.05
    floor_dbm: float = -82.0
    reach_m: float = 4.0  # a passage begins and ends this far from the gate
    eye_m: float = 0.25  # of a photo-eye from the line
    cargo_m: float = 0.3  # half of the length of what a tag sticks to


def gate_of(inside: tuple[int, ...], outside: tuple[int, ...]) -> GateConfig:
    """A gate whose antennas have these numbers."""
    sides = ((inside, -1.0), (outside, 1.0))
    antennas = tuple(
        Antenna(number=number, x_m=x_m, y_m=1.2 if place % 2 == 0 else -1.2)
        for numbers, x_m in sides
        for place, number in enumerate(numbers)
    )
    return GateConfig(antennas=antennas)


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """One read as the reader reports it."""

    at: datetime
    antenna: int
    epc_hex: str
    rssi_dbm: int
    count: int = 1


class Eye(NamedTuple):
    """A photo-eye has become dark, or light."""

    at: datetime
    inside: bool
    dark: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A tag on its way from one place to another; standing still is a move, too."""

    epc_hex: str
    from_x_m: float
    to_x_m: float
    y_m: float
    starts_at: datetime
    ends_at: datetime

    def x_m(self, at: datetime) -> float:
        """Where it is."""
        whole_s = (self.ends_at - self.starts_at).total_seconds()
        share = (at - self.starts_at).total_seconds() / whole_s
        return self.from_x_m + share * (self.to_x_m - self.from_x_m)

    def before(self, x_m: float, half_m: float) -> tuple[datetime, datetime]:
        """When its cargo, so long to both sides, is at that place; twice the same if never."""
        way_m = self.to_x_m - self.from_x_m
        if abs(way_m) < _STANDS_M:
            return self.starts_at, self.starts_at
        shares = sorted((x_m + side * half_m - self.from_x_m) / way_m for side in (-1, 1))
        first, last = (min(1.0, max(0.0, share)) for share in shares)
        whole = self.ends_at - self.starts_at
        return self.starts_at + first * whole, self.starts_at + last * whole


class Gate:
    """The reader of one gate and the tags near it."""

    def __init__(self, config: GateConfig, *, seed: int) -> None:
        self.config = config
        self._seed = seed
        self._chance = Random(seed)
        self._moves: list[Move] = []
        self._read_until: datetime | None = None

    @property
    def is_idle(self) -> bool:
        """Whether nothing is near: `reads` would say nothing."""
        return not self._moves

    def carry(self, epcs_hex: list[str], way: Way, at: datetime, seconds: float) -> datetime:
        """Carry tags through, together and in a row, in that time; says when they are through."""
        reach_m = self.config.reach_m if way == "OUT" else -self.config.reach_m
        done_at = at
        for place, epc_hex in enumerate(epcs_hex):
            behind_s = place * 0.4 * seconds / (2 * self.config.reach_m)  # 0.4 m apart
            starts_at = at + timedelta(seconds=behind_s)
            done_at = starts_at + timedelta(seconds=seconds)
            y_m = self._chance.uniform(-0.4, 0.4)
            self._add(epc_hex, (-reach_m, reach_m), y_m, (starts_at, done_at))
        return done_at

    def walk(
        self, epc_hex: str, way_m: tuple[float, float], y_m: float, times: tuple[datetime, datetime]
    ) -> None:
        """Move one tag along x in a straight line, such as past the gate or only up to it."""
        self._add(epc_hex, way_m, y_m, times)

    def reads(self, until: datetime) -> list[Read]:
        """The reads of all cycles since the last call, in the order of time."""
        since = self._read_until
        self._read_until = until
        if self.is_idle:
            return []
        start = min(move.starts_at for move in self._moves)
        since = max(since, start) if since is not None else start
        found = [read for at in self._cycles(since, until) for read in self._cycle(at)]
        self._moves = [move for move in self._moves if move.ends_at > until]
        return found

    def eyes(self, since: datetime, until: datetime) -> list[Eye]:
        """What the photo-eyes tell in (since, until], in the order of time; ask before `reads`."""
        changes: list[Eye] = []
        for inside in (True, False):
            x_m = -self.config.eye_m if inside else self.config.eye_m
            dark = sorted(move.before(x_m, self.config.cargo_m) for move in self._moves)
            end: datetime | None = None
            for start, over in dark:
                if start == over:
                    continue
                if end is None or start > end:
                    changes += [Eye(end, inside, dark=False)] if end is not None else []
                    changes.append(Eye(start, inside, dark=True))
                    end = over
                end = max(end, over)
            changes += [Eye(end, inside, dark=False)] if end is not None else []
        return sorted(change for change in changes if since < change.at <= until)

    def _add(
        self, epc_hex: str, way_m: tuple[float, float], y_m: float, times: tuple[datetime, datetime]
    ) -> None:
        assert times[0] < times[1]
        move = Move(
            epc_hex=epc_hex,
            from_x_m=way_m[0],
            to_x_m=way_m[1],
            y_m=y_m,
            starts_at=times[0],
            ends_at=times[1],
        )
        self._moves.append(move)

    def _cycles(self, since: datetime, until: datetime) -> Iterator[datetime]:
        """The cycles in (since, until]: at whole multiples of the cycle time."""
        cycle = timedelta(seconds=self.config.cycle_s)
        epoch = datetime.fromtimestamp(0, since.tzinfo)
        number = (since - epoch) // cycle + 1
        while (at := epoch + number * cycle) <= until:
            yield at
            number += 1

    def _cycle(self, at: datetime) -> Iterator[Read]:
        for move in self._moves:
            if not move.starts_at <= at <= move.ends_at:
                continue
            # chance per tag and cycle, so that reads do not depend on who else is there
            chance = Random(f"{self._seed}/{move.epc_hex}/{at.timestamp()}")
            x_m = move.x_m(at)
            for antenna in self.config.antennas:
                distance_m = math.hypot(x_m - antenna.x_m, move.y_m - antenna.y_m)
                read = self._attempt(chance, antenna, distance_m, move.epc_hex, at)
                if read is not None:
                    yield read

    def _attempt(
        self, chance: Random, antenna: Antenna, distance_m: float, epc_hex: str, at: datetime
    ) -> Read | None:
        config = self.config
        rate = config.read_rate / (1 + (distance_m / config.half_rate_m) ** 6)
        drawn, twice, noise = chance.random(), chance.random(), chance.gauss(0, config.noise_db)
        if drawn >= max(rate, config.stray_rate):
            return None
        rssi_dbm = config.rssi_1m_dbm - 40 * math.log10(max(distance_m, 0.5)) + noise
        if rssi_dbm < config.floor_dbm:
            return None
        return Read(
            at=at,
            antenna=antenna.number,
            epc_hex=epc_hex,
            rssi_dbm=round(rssi_dbm),
            count=2 if twice < config.twice_rate else 1,
        )


class Doors:
    """Gates side by side in one wall: each reader hears what is carried through the next door."""

    def __init__(self, gates: Sequence[Gate], *, apart_m: float) -> None:
        self.gates = tuple(gates)
        self._apart_m = apart_m

    def walk(
        self,
        door: int,
        epc_hex: str,
        way_m: tuple[float, float],
        y_m: float,
        times: tuple[datetime, datetime],
    ) -> None:
        """Move one tag along x at that door, as every gate sees it."""
        for number, gate in enumerate(self.gates):
            gate.walk(epc_hex, way_m, y_m + (door - number) * self._apart_m, times)


class Shelf(Gate):
    """A board over antennas: what is put there stays until it is taken, and answers more or less.

    How often a tag answers depends on where it sticks: `y_m` from the antenna, 0 to about 3 m.
    """

    def put(self, epc_hex: str, at: datetime, *, y_m: float = 0.5) -> None:
        """Put a unit on the board."""
        antenna = self.config.antennas[0]
        for_ever = (at, at + timedelta(days=365))
        self.walk(epc_hex, (antenna.x_m, antenna.x_m), antenna.y_m + y_m, for_ever)

    def take(self, epc_hex: str, at: datetime) -> None:
        """Take it away."""
        self._moves = [
            replace(move, ends_at=max(at, move.starts_at + timedelta(microseconds=1)))
            if move.epc_hex == epc_hex
            else move
            for move in self._moves
        ]
