"""Which lane a carton goes to: one function, asked at the edge and in the WCS alike.

    what the scanner says          answer                          reason
    too large or too heavy         the hospital lane               OVERSIZE, OVERWEIGHT
    its lane is known and open     that lane                       TABLE
    has gone round often enough    the hospital lane               MAX_RECIRC
    its lane is full or closed     round again                     LANE_FULL
    not read, or read as two       round again                     NO_READ, MULTI_READ, GAP_ERROR
    read, but nobody expects it    the default lane, if there is   NO_DATA

The edge asks a copy of what the WCS expects, the lane table, so that it answers in milliseconds
and also when the WCS is away. `Table` takes that copy in pieces:

    LaneTable(since, version)  ->  since <= have < version    new rows: have = version
                                   version <= have            known already
                                   since > have               a piece is missing: told so

Laws:
    in order    a row is never replaced by one that is older
    not old     after `valid_until` nothing is decided by the table
    bounded     at most `ROWS_MAX` rows; the oldest go first

Seconds. Source: the decision-point pattern of sorter PLC interfaces.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple, TypeAlias

from edge.messages import LaneTable, ScanStatus, SortStatus

RECIRCULATE = "RECIRCULATE"
FULL_S = 30.0  # how long a lane found full or closed is not tried again
ROWS_MAX = 100_000
_SSCC_DIGITS = 18

Reason: TypeAlias = Literal[
    "TABLE",
    "OVERSIZE",
    "OVERWEIGHT",
    "MAX_RECIRC",
    "LANE_FULL",
    "NO_READ",
    "MULTI_READ",
    "GAP_ERROR",
    "NO_DATA",
]
_TOO_MUCH: Mapping[str, Reason] = {"OVERSIZE": "OVERSIZE", "OVERWEIGHT": "OVERWEIGHT"}


class Decision(NamedTuple):
    """A lane or `RECIRCULATE`, and why."""

    lane: str
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Lanes:
    """The lanes of one sorter, from its row of the site file."""

    names: tuple[str, ...]
    hospital: str
    laps_max: int = 3
    default: str = ""  # "": round again

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "Lanes":
        """From a row of [[sorters]].

        Raises:
            ValueError: the default lane is none of its lanes.
        """
        lanes = cls(
            names=tuple(row["lanes"]),
            hospital=row["hospital"],
            laps_max=row.get("laps_max", 3),
            default=row.get("default_lane", ""),
        )
        if lanes.default and lanes.default not in {*lanes.names, lanes.hospital}:
            raise ValueError(f"default_lane {lanes.default!r} is none of the lanes")
        return lanes


def decide(
    lanes: Lanes, lane: str | None, status: ScanStatus, lap: int, *, is_shut: bool
) -> Decision:
    """Where a carton goes. `lane` is its own if it is known; `is_shut`: found full just now."""
    if too_much := _TOO_MUCH.get(status):
        return Decision(lanes.hospital, too_much)
    known = lane if lane in {*lanes.names, lanes.hospital} else None
    if known is not None and not is_shut:
        return Decision(known, "TABLE")
    if lap >= lanes.laps_max:
        return Decision(lanes.hospital, "MAX_RECIRC")
    if known is not None:
        return Decision(RECIRCULATE, "LANE_FULL")
    if status != "GOOD":
        return Decision(RECIRCULATE, status)
    return Decision(lanes.default or RECIRCULATE, "NO_DATA")


def parcel_code(barcode: str | None) -> str | None:
    """The SSCC in what a scanner read: 18 digits, or these with the GS1-128 prefix 00."""
    if barcode is None:
        return None
    text = barcode.removeprefix("]C1").removeprefix("(00)")
    if len(text) == _SSCC_DIGITS + 2:
        text = text.removeprefix("00")
    return text or None


@dataclass(slots=True)
class Shut:
    """Lanes that were found full or closed, and when."""

    since: dict[str, datetime] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)  # until the PLC says that they are open

    def note(self, status: SortStatus, lane: str | None, at: datetime) -> None:
        """Learn from what became of a carton that was sent to a lane."""
        if lane is None:
            return
        if status in {"LANE_FULL", "LANE_DISABLED"}:
            self.since[lane] = at
        elif status == "DIVERTED":
            self.since.pop(lane, None)

    def is_shut(self, lane: str | None, now: datetime) -> bool:
        """Whether it is no use to send a carton there now."""
        if lane in self.closed:
            return True
        since = self.since.get(lane) if lane is not None else None
        return since is not None and now - since <= timedelta(seconds=FULL_S)


@dataclass(slots=True)
class Table:
    """The edge's copy of a sorter's lane table."""

    name: str = ""
    version: int = 0
    valid_until: datetime | None = None
    rows: dict[str, str] = field(default_factory=dict)

    def take(self, piece: LaneTable) -> bool:
        """Take a piece in; False if one before it is missing."""
        if piece.table != self.name:
            if piece.since:
                return False
            self.name, self.version, self.rows = piece.table, 0, {}
        if piece.since > self.version:
            return False
        if piece.version > self.version or not piece.rows:
            self.keep(piece.rows.items())
            self.version = max(self.version, piece.version)
        if self.valid_until is None or piece.valid_until > self.valid_until:
            self.valid_until = piece.valid_until
        return True

    def keep(self, rows: Iterable[tuple[str, str]]) -> None:
        """Add rows, newest last; the oldest go when there are too many."""
        for code, lane in rows:
            self.rows.pop(code, None)
            self.rows[code] = lane
        while len(self.rows) > ROWS_MAX:
            del self.rows[next(iter(self.rows))]

    def lane_of(self, barcode: str | None, now: datetime) -> str | None:
        """The lane of the parcel with that barcode, as far as the table may still be believed."""
        code = parcel_code(barcode)
        if code is None or self.valid_until is None or now >= self.valid_until:
            return None
        return self.rows.get(code)
