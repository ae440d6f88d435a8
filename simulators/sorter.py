"""A loop sorter as its PLC would run it: scan, ask for a lane, divert or go round.

The idea: a carton is in one place at a time, and each place has one time at which it leaves.

    induct -> loop -> (scanner) --decision window--> (divert) -> lane
                ^                                       |
                +----------------- lap -----------------+

Laws:
    one place     every carton stands in exactly one place and ends in exactly one lane, or lies
                  beside the sorter until somebody finds it (lost track)
    safe default  without a lane in time, a carton goes round again
    bounded       after `laps_max` laps the next refusal sends it to the hospital lane
    room first    no carton enters a full lane, or a full loop
    nothing lost  a confirmation stays until it is acknowledged; when no more of them can be
                  kept, the loop stands still (PackML: suspended) until the WCS reads again

Chance is a function of seed, tracking number and lap, so a restart draws nothing twice. A bad
label stays bad until the carton is put on again. Tracking numbers and sequences are never
used again. Units: seconds of the clock that `now` comes from.

Source: the statuses and the decision-point pattern are those of vendors' WCS-PLC interfaces.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum
from random import Random
from typing import Literal, TypeAlias, cast

from pydantic import TypeAdapter

from edge.messages import ScanStatus, SortStatus

JAM = "jam"
Place: TypeAlias = Literal["TO_SCANNER", "TO_DIVERT", "TO_LANE"]
_LEGIBLE: tuple[ScanStatus, ...] = ("GOOD", "OVERSIZE", "OVERWEIGHT", "GAP_ERROR")
_TOO_MUCH: Mapping[str, SortStatus] = {"OVERSIZE": "OVERSIZE", "OVERWEIGHT": "OVERWEIGHT"}


class ReplyResult(IntEnum):
    """What the sorter's PLC answers to a lane."""

    ACCEPTED = 0
    REPEATED = 1
    TOO_LATE = 2
    NO_SUCH_LANE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class SorterConfig:
    """How a sorter is built, and how often it errs.

    `decision_window_s` is the way from scanner to divert: later a lane is too late.
    """

    lanes: tuple[str, ...]
    hospital: str
    laps_max: int = 3
    induct_s: float = 5.0
    decision_window_s: float = 30.0
    lap_s: float = 40.0
    lane_s: float = 5.0
    lane_capacity: int = 40
    loop_capacity: int = 60
    ring_size: int = 256
    no_read: float = 0.01
    multi_read: float = 0.005
    bad_label: float = 0.005
    missed_divert: float = 0.002
    gap_error: float = 0.0  # too close to its neighbour, this lap
    oversize: float = 0.0
    overweight: float = 0.0
    lost_track: float = 0.0  # falls off before the divert
    jam: float = 0.0  # gets stuck at the divert; the loop stands until `clear_jam`
    seed: int = 0


@dataclass(slots=True)
class Carton:
    """A carton on the loop: where it is, until when, and what is known of it."""

    tracking: int
    code: str
    due_at: datetime
    place: Place = "TO_SCANNER"
    lap: int = 0
    scan: ScanStatus = "NO_READ"
    lane: str | None = None
    outcome: SortStatus = "DIVERTED"
    jammed: bool = False  # it was stuck here in this lap, and was freed


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """What the sorter tells the WCS. A carton gets one of each kind per lap."""

    sequence: int
    kind: Literal["SCANNED", "SORTED"]
    at: datetime
    tracking: int
    lap: int
    status: ScanStatus | SortStatus
    barcode: str | None
    lane: str | None = None


@dataclass(frozen=True, slots=True)
class Delivered:
    """A carton has come to rest in a lane."""

    lane: str
    code: str


@dataclass(slots=True)
class SorterState:
    """All that a sorter's PLC remembers, and what lies in its lanes."""

    loop: list[Carton] = field(default_factory=list)
    lanes: dict[str, list[str]] = field(default_factory=dict)
    disabled: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    unacknowledged: list[Confirmation] = field(default_factory=list)
    next_tracking: int = 1
    next_sequence: int = 1
    held_by: list[str] = field(default_factory=list)
    held_since: datetime | None = None


class Sorter:
    """A loop sorter: scan, ask, divert or go round."""

    def __init__(self, config: SorterConfig, state: SorterState) -> None:
        self.config = config
        self.state = state
        for lane in (*config.lanes, config.hospital):
            state.lanes.setdefault(lane, [])

    def has_room(self) -> bool:
        """Whether the loop moves and one more carton fits on it."""
        return not self.state.held_by and len(self.state.loop) < self.config.loop_capacity

    def induct(self, code: str, now: datetime) -> int:
        """Take a carton onto the loop; its tracking number."""
        assert self.has_room()
        state = self.state
        tracking = state.next_tracking
        state.next_tracking += 1
        due_at = now + timedelta(seconds=self.config.induct_s)
        state.loop.append(Carton(tracking=tracking, code=code, due_at=due_at))
        return tracking

    def reply(self, tracking: int, lane: str, now: datetime) -> ReplyResult:
        """The lane for a carton between scanner and divert. Saying it again changes nothing."""
        if lane not in self.state.lanes:
            return ReplyResult.NO_SUCH_LANE
        moment = self.state.held_since or now  # while the loop stands, so does the deadline
        for carton in self.state.loop:
            if carton.tracking == tracking and carton.place == "TO_DIVERT":
                if moment >= carton.due_at:
                    return ReplyResult.TOO_LATE
                again = carton.lane is not None
                carton.lane = carton.lane or lane
                return ReplyResult.REPEATED if again else ReplyResult.ACCEPTED
        return ReplyResult.TOO_LATE

    def acknowledge(self, sequence: int, now: datetime) -> None:
        """The WCS has everything up to that sequence safely: forget it."""
        kept = [one for one in self.state.unacknowledged if one.sequence > sequence]
        self.state.unacknowledged = kept
        if len(kept) < self.config.ring_size:
            self.resume("ring full", now)

    def suspend(self, reason: str, now: datetime) -> None:
        """Stop the loop; it moves again when every reason is gone."""
        if reason not in self.state.held_by:
            self.state.held_by.append(reason)
            self.state.held_since = self.state.held_since or now

    def resume(self, reason: str, now: datetime) -> None:
        """One reason to stand still is gone."""
        if reason in self.state.held_by:
            self.state.held_by.remove(reason)
            if not self.state.held_by and self.state.held_since is not None:
                self.shift(now - self.state.held_since)
                self.state.held_since = None

    def clear_jam(self, now: datetime) -> None:
        """Somebody has freed the carton that was stuck; the loop moves again."""
        self.resume(JAM, now)

    def find(self, code: str) -> bool:
        """Somebody picks a lost carton up; whether it lay there."""
        if code not in self.state.lost:
            return False
        self.state.lost.remove(code)
        return True

    def shift(self, by: timedelta) -> None:
        """Everything on the loop happens that much later: it stood still."""
        for carton in self.state.loop:
            carton.due_at += by

    def step(self, now: datetime) -> list[Confirmation | Delivered]:
        """Let every carton whose time has come leave its place, the longest due first."""
        said: list[Confirmation | Delivered] = []
        due = [one for one in self.state.loop if one.due_at <= now]
        for carton in sorted(due, key=lambda one: (one.due_at, one.tracking)):
            if len(self.state.unacknowledged) >= self.config.ring_size:
                self.suspend("ring full", now)
            if self.state.held_by:
                break
            said.extend(self._leave(carton, now))
        return said

    def next_event_at(self) -> datetime | None:
        """When the next carton leaves its place; never while the loop stands."""
        if self.state.held_by:
            return None
        return min((carton.due_at for carton in self.state.loop), default=None)

    def codes(self) -> Iterator[str]:
        """Every carton on the loop, in the lanes and beside them."""
        yield from (carton.code for carton in self.state.loop)
        yield from self.state.lost
        for lane in self.state.lanes.values():
            yield from lane

    def _leave(self, carton: Carton, now: datetime) -> list[Confirmation | Delivered]:
        if carton.place == "TO_SCANNER":
            return [self._scan(carton, now)]
        if carton.place == "TO_DIVERT":
            return self._divert(carton, now)
        assert carton.lane is not None
        self.state.loop.remove(carton)
        self.state.lanes[carton.lane].append(carton.code)
        return [self._sorted(carton, now), Delivered(lane=carton.lane, code=carton.code)]

    def _scan(self, carton: Carton, now: datetime) -> Confirmation:
        carton.place, carton.lane, carton.jammed = "TO_DIVERT", None, False
        carton.due_at = now + timedelta(seconds=self.config.decision_window_s)
        carton.scan = self._read(carton)
        barcode = carton.code if carton.scan in _LEGIBLE else None
        return self._confirm("SCANNED", carton, now, status=carton.scan, barcode=barcode)

    def _divert(self, carton: Carton, now: datetime) -> list[Confirmation | Delivered]:
        carton.outcome = self._outcome(carton)
        if carton.outcome == "DIVERTED":
            return self._send_to_lane(carton, now)
        if carton.outcome == "LOST_TRACK":
            self.state.loop.remove(carton)
            self.state.lost.append(carton.code)
            return [self._sorted(carton, now)]
        if carton.outcome == "JAM":
            carton.jammed = True
            self.suspend(JAM, now)
            return [self._sorted(carton, now)]
        if carton.lap >= self.config.laps_max:
            carton.outcome, carton.lane = "MAX_RECIRC", self.config.hospital
            return self._send_to_lane(carton, now)
        said = self._sorted(carton, now)
        carton.place, carton.lane, carton.lap = "TO_SCANNER", None, carton.lap + 1
        carton.due_at = now + timedelta(seconds=self.config.lap_s)
        return [said]

    def _send_to_lane(self, carton: Carton, now: datetime) -> list[Confirmation | Delivered]:
        carton.place = "TO_LANE"
        carton.due_at = now + timedelta(seconds=self.config.lane_s)
        return []

    def _outcome(self, carton: Carton) -> SortStatus:
        """What happens at the divert: the first reason not to go into the lane, if any."""
        if (mishap := self._mishap(carton)) is not None:
            return mishap
        if carton.lane is None:
            return "NO_REPLY" if carton.scan == "GOOD" else "RECIRCULATED"
        if carton.lane in self.state.disabled:
            return "LANE_DISABLED"
        if carton.lane != self.config.hospital and self._taken(carton.lane) >= (
            self.config.lane_capacity
        ):
            return "LANE_FULL"
        if self._draw("divert", carton.tracking, carton.lap) < self.config.missed_divert:
            return "MISSED_DIVERT"
        return "DIVERTED"

    def _mishap(self, carton: Carton) -> SortStatus | None:
        if not carton.jammed and self._happens("jam", carton):
            return "JAM"
        if self._happens("lost_track", carton):
            return "LOST_TRACK"
        if carton.scan == "GAP_ERROR":
            return "GAP_ERROR"
        return _TOO_MUCH.get(carton.scan) if carton.lane != self.config.hospital else None

    def _taken(self, lane: str) -> int:
        on_the_way = sum(one.place == "TO_LANE" and one.lane == lane for one in self.state.loop)
        return len(self.state.lanes[lane]) + on_the_way

    def _read(self, carton: Carton) -> ScanStatus:
        for name, too_much in (("oversize", "OVERSIZE"), ("overweight", "OVERWEIGHT")):
            if self._draw(name, carton.tracking, 0) < getattr(self.config, name):
                return cast("ScanStatus", too_much)
        if self._happens("gap_error", carton):
            return "GAP_ERROR"
        if self._draw("label", carton.tracking, 0) < self.config.bad_label:
            return "NO_READ"
        chance = self._draw("scan", carton.tracking, carton.lap)
        if chance < self.config.no_read:
            return "NO_READ"
        if chance < self.config.no_read + self.config.multi_read:
            return "MULTI_READ"
        return "GOOD"

    def _happens(self, what: str, carton: Carton) -> bool:
        chance: float = getattr(self.config, what)
        return chance > 0 and self._draw(what, carton.tracking, carton.lap) < chance

    def _draw(self, what: str, tracking: int, lap: int) -> float:
        return Random(f"{self.config.seed}/{what}/{tracking}/{lap}").random()

    def _sorted(self, carton: Carton, now: datetime) -> Confirmation:
        barcode = carton.code if carton.scan in _LEGIBLE else None
        return self._confirm("SORTED", carton, now, status=carton.outcome, barcode=barcode)

    def _confirm(
        self,
        kind: Literal["SCANNED", "SORTED"],
        carton: Carton,
        now: datetime,
        *,
        status: ScanStatus | SortStatus,
        barcode: str | None,
    ) -> Confirmation:
        said = Confirmation(
            sequence=self.state.next_sequence,
            kind=kind,
            at=now,
            tracking=carton.tracking,
            lap=carton.lap,
            status=status,
            barcode=barcode,
            lane=carton.lane if carton.place == "TO_LANE" else None,
        )
        self.state.next_sequence += 1
        self.state.unacknowledged.append(said)
        return said


confirmation_json: TypeAdapter[Confirmation] = TypeAdapter(Confirmation)
