"""Reads of any tag reader -> which tags come and go, and how the reader is.

What all readers have in common, whatever they speak: LLRP (edge.drivers.rfid), JSON of Impinj and
Zebra (edge.drivers.json_reads). A driver hands in `RawRead`s in the time of our clock; what comes
out are TagSeen, TagGone (edge.tagfilter) and DeviceStatus.

Laws:
    on time       what happened when is told by the reader's own timestamps; if its clock is
                  wrong by more than a minute, it is corrected by what it said on connecting.
                  A time that makes no sense is replaced by the time of arrival
    no rush       silence counts up to the latest read, or up to `late_s` real seconds ago: a
                  report that is late in the network or in a busy process splits no sighting
    kept          sightings outlive a connection

Units: seconds of the clock where not said otherwise, dBm.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from edge.clock import Clock
from edge.drivers import Say
from edge.messages import DeviceStatus, EyeChanged
from edge.shelf import ShelfRules, ShelfWatch
from edge.tagfilter import RawRead, Rules, TagFilter

_LATE_S = 0.3  # real
_SKEW_S = 60.0  # a reader's clock may be this wrong (or 5 real seconds of a fast clock)
UNKNOWN_DBM = -50.0  # of a reader that tells no strength


def antennas_of(device: str, site: Mapping[str, Any]) -> tuple[int, ...]:
    """The antennas that gates and shelves of a site have at this reader; empty if none has."""
    at_gates = {
        antenna
        for gate in site.get("gates", ())
        if gate["device"] == device
        for antenna in (*gate["inside"], *gate["outside"])
    }
    return tuple(sorted(at_gates | set(shelves_of(device, site))))


def shelves_of(device: str, site: Mapping[str, Any]) -> dict[int, str]:
    """The shelf of each antenna under one."""
    return {
        antenna: row["name"]
        for row in site.get("shelves", ())
        if row["device"] == device
        for antenna in row["antennas"]
    }


def eyes_of(device: str, site: Mapping[str, Any]) -> tuple[int, ...]:
    """The inputs of this reader that photo-eyes of gates are connected to."""
    gates = [gate for gate in site.get("gates", ()) if gate["device"] == device]
    return tuple(eye for gate in gates for eye in gate.get("eyes", ()))


def _as_json(read: RawRead) -> bytes:
    return json.dumps({**asdict(read), "at": read.at.isoformat()}).encode()


class TagReads:
    """One reader's reads. The site file may set reads_min, quiet_s, floor_dbm, epoch_s, and more.

    `eyes_dark` is the level of an input whose photo-eye has something before it: "high" or "low".
    With `raw = true` every read is handed on as it came, for people who look for a fault.
    """

    def __init__(
        self,
        device: Mapping[str, Any],
        antennas: tuple[int, ...],
        *,
        clock: Clock,
        shelves: Mapping[int, str] | None = None,
        eyes: tuple[int, ...] = (),
    ) -> None:
        self.name: str = device["name"]
        self.antennas = antennas  # empty: all of them
        self.eyes = eyes
        self.raw: Callable[[bytes], None] | None = None  # set by the agent
        self._tells_raw = bool(device.get("raw", False))
        self._dark_is_high = device.get("eyes_dark", "high") == "high"
        self._shelf_of = dict(shelves or {})
        self._shelves = {
            name: ShelfWatch(self.name, name, ShelfRules(epoch_s=device.get("epoch_s", 2.0)))
            for name in self._shelf_of.values()
        }
        self.clock = clock
        usual = Rules()
        self.filter = TagFilter(
            self.name,
            Rules(
                reads_min=device.get("reads_min", usual.reads_min),
                silence_s=device.get("quiet_s", usual.silence_s),
                floor_dbm=device.get("floor_dbm", usual.floor_dbm),
            ),
        )
        self.counts = dict.fromkeys(
            ("reads", "reads_strange", "malformed", "tags_seen", "tags_gone", "connections"), 0
        )
        self._say: Say | None = None
        self._ahead = timedelta()  # to be added to the reader's times
        self._latest: datetime | None = None
        self._broken: set[int] = set()
        self._status: DeviceStatus | None = None

    # ------------------------------------------------------------------------- the connection
    def begin(self, say: Say) -> None:
        """A connection begins: nothing is known of the reader yet."""
        self._say, self._status = say, None
        self._ahead = timedelta()
        self._broken = set()
        self.counts["connections"] += 1

    def told_time(self, told: datetime | None) -> None:
        """The reader says what time it is."""
        wrong = self.clock.now() - told if told is not None else timedelta()
        self._ahead = wrong if abs(wrong) > self._skew() else timedelta()

    def antenna(self, number: int, *, is_connected: bool) -> None:
        """An antenna was plugged in or out."""
        (self._broken.discard if is_connected else self._broken.add)(number)
        self.tell_status()

    def input_changed(self, number: int, *, is_high: bool, told: datetime | None) -> None:
        """An input of the reader has another level."""
        if number in self.eyes:
            at, dark = self.at(told, self.clock.now()), is_high == self._dark_is_high
            self._speak(EyeChanged(at=at, device=self.name, eye=number, dark=dark))

    def tell_status(self, fault: str = "") -> None:
        """Say how the reader is, if that is news: up, or what is wrong with it."""
        broken = sorted(self._broken & set(self.antennas) if self.antennas else self._broken)
        if broken and not fault:
            fault = f"antennas off: {', '.join(map(str, broken))}"
        status = DeviceStatus(
            at=self.clock.now(), device=self.name, status="FAULT" if fault else "UP", detail=fault
        )
        if self._status is None or self._status.detail != status.detail:
            self._status = status
            self._speak(status)
            self._tell_present()

    def tell_again(self) -> None:
        """Say once more how the reader is and which tags it sees, as far as that is known."""
        if self._say is not None and self._status is not None:
            self._speak(self._status)
            self._tell_present()

    # ------------------------------------------------------------------------------- the reads
    def at(self, told: datetime | None, now: datetime) -> datetime:
        """When a read happened, by our clock."""
        if told is None or abs(now - (told + self._ahead)) > self._skew() * 10:
            return now
        return told + self._ahead

    def take(self, reads: Iterable[RawRead]) -> None:
        """Take reads in, in the order of their times."""
        for read in reads:
            if self.antennas and read.antenna not in self.antennas:
                continue
            self.counts["reads"] += read.count
            if self._tells_raw and self.raw is not None:
                self.raw(_as_json(read))
            self._latest = read.at if self._latest is None else max(self._latest, read.at)
            shelf = self._shelf_of.get(read.antenna)
            if shelf is not None:
                self._shelves[shelf].read(read.epc_hex, read.at)
                continue
            for event in self.filter.read(read):
                self._speak(event)
        if self._latest is not None:
            self._end_sightings(self._latest)

    def tick(self) -> None:
        """Time passes: end what has been silent for long enough."""
        until = self.clock.now() - self._real(_LATE_S)
        self._end_sightings(until)
        if self._status is not None and self._status.status == "UP":  # else silence says nothing
            for shelf in self._shelves.values():
                for seen in shelf.due(until):
                    self._speak(seen)

    def health(self) -> dict[str, float | int | str]:
        """What was counted since the process began, and what is seen now."""
        status = self._status.status if self._status is not None else "DOWN"
        totals = {f"{name}_total": count for name, count in self.counts.items()}
        return {**totals, "tags_present": self.filter.watching, "status_state": status}

    def _end_sightings(self, until: datetime) -> None:
        if self.filter.watching:
            for gone in self.filter.due(until):
                self._speak(gone)

    def _tell_present(self) -> None:
        now = self.clock.now()
        for seen in self.filter.present(now):
            self._speak(seen)
        for shelf in self._shelves.values():
            for lies in shelf.told(now):
                self._speak(lies)

    def _speak(self, event: Any) -> None:
        assert self._say is not None
        if event.type in ("tag.seen", "tag.gone"):
            self.counts["tags_seen" if event.type == "tag.seen" else "tags_gone"] += 1
        self._say(event)

    def _real(self, seconds: float) -> timedelta:
        """So many real seconds, in the time of the clock."""
        return timedelta(seconds=seconds / self.clock.real_s(1.0))

    def _skew(self) -> timedelta:
        return max(timedelta(seconds=_SKEW_S), self._real(5.0))
