"""The desk at a sorter that answers scans: from its own lane table at once, else by a deadline.

    scan -> its lane is known -----------------------> answered, in milliseconds
         -> nobody here knows the parcel: wait for the WCS
                 Divert of the WCS in time ----------> answered by it
                 `within_s` is over -----------------> the default lane, if the sorter has one
         -> round again is what a sorter does by itself: nothing is sent

When a PLC takes answers more slowly than cartons come, the newest is sent first, together with as
many others as the PLC takes at once, and what has waited for `OLD_S` is left out: its carton has
passed. So an overload costs some cartons a lap, not all.

The table (edge.decisions) lies in a SQLite file, so an edge that starts while the WCS is away
decides as before. Whether a row was kept is no question of safety: after every start the desk
says how far it has the table (`LanesKnown`), and the WCS sends the rest.

    desk = LaneDesk.of(device, around)
    await desk.serve(say, send)          beside the driver's listening; never returns
    scan = desk.scanned(scan)            before the scan is said
    desk.sorted(event), desk.take(piece), desk.told(tracking)

`within_s` and the measured times are real seconds: they are the belt's and the network's.
"""

import asyncio
import sqlite3
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import structlog

from edge.clock import Clock
from edge.decisions import RECIRCULATE, ROWS_MAX, Lanes, Shut, Table, decide
from edge.drivers import Say
from edge.drivers.around import Around
from edge.messages import CartonDefaulted, CartonScanned, CartonSorted, LanesKnown, LaneTable

log = structlog.get_logger(__name__)

WITHIN_S, OLD_S = 0.25, 1.0
_KEPT = 1_000  # times and lanes of the latest cartons
_SCHEMA = """
CREATE TABLE IF NOT EXISTS head (id INTEGER PRIMARY KEY CHECK (id = 1), name, version, valid_until);
CREATE TABLE IF NOT EXISTS lane (code TEXT PRIMARY KEY, lane TEXT NOT NULL, number INTEGER);
CREATE INDEX IF NOT EXISTS lane_by_number ON lane (number);
"""

Send = Callable[[Sequence[tuple[int, str]]], Awaitable[None]]  # of (tracking, lane)


class _Answer(NamedTuple):
    tracking: int
    lane: str
    asked_s: float


class LaneDesk:
    """Answers the scans of one sorter."""

    def __init__(
        self, device: str, lanes: Lanes, *, clock: Clock, folder: Path, within_s: float = WITHIN_S
    ) -> None:
        self._device, self._lanes, self._clock = device, lanes, clock
        self._path = folder / f"lanes-{device}.db"
        self._within_s = within_s
        self._table: Table | None = None  # read when it is first wanted
        self._file: sqlite3.Connection | None = None
        self._shut = Shut()
        self._sent: dict[int, str] = {}  # tracking -> the lane it was sent to
        self._open: dict[int, asyncio.TimerHandle] = {}  # waits for the WCS, by tracking
        self._answers: asyncio.LifoQueue[_Answer] = asyncio.LifoQueue()
        self._took_s: deque[float] = deque(maxlen=_KEPT)
        self._say: Say | None = None
        self._counts = {"answered": 0, "asked": 0, "defaulted": 0, "late": 0}

    @classmethod
    def of(cls, device: Mapping[str, Any], around: Around) -> "LaneDesk":
        """The desk of the sorter that this device is.

        Raises:
            ValueError: it is no sorter, or its default lane is none of its lanes.
        """
        name: str = device["name"]
        rows = [row for row in around.site.get("sorters", ()) if row["device"] == name]
        if len(rows) != 1:
            raise ValueError(f"{name}: wants exactly one row of [[sorters]]")
        within_s = float(device.get("answer_within_s", WITHIN_S))
        lanes = Lanes.of(rows[0])
        return cls(name, lanes, clock=around.clock, folder=around.state_dir, within_s=within_s)

    async def serve(self, say: Say, send: Send, *, together: int = 1) -> None:
        """Send answers until cancelled or until `send` fails; what was not sent is forgotten.

        `together` is how many answers, at most, the PLC takes at once.
        """
        self._say = say
        self.say_known()
        try:
            while True:
                answers = [await self._answers.get()]
                while len(answers) < together and not self._answers.empty():
                    answers.append(self._answers.get_nowait())
                if fresh := [answer for answer in answers if not self._is_late(answer)]:
                    await send([(answer.tracking, answer.lane) for answer in fresh])
                    now_s = asyncio.get_running_loop().time()
                    self._took_s.extend(now_s - answer.asked_s for answer in fresh)
        finally:  # the PLC asks again for what is not too late, when the connection is back
            for timer in self._open.values():
                timer.cancel()
            self._open.clear()
            self._answers = asyncio.LifoQueue()
            self._say = None  # a device that is away says nothing

    def scanned(self, event: CartonScanned) -> CartonScanned:
        """The scan as it is to be said on: with the lane, if it could be answered here."""
        now, asked_s = self._clock.now(), asyncio.get_running_loop().time()
        lane = self._read().lane_of(event.barcode, now) if event.status == "GOOD" else None
        is_shut = self._shut.is_shut(lane, now)
        found = decide(self._lanes, lane, event.status, event.lap, is_shut=is_shut)
        self.told(event.tracking)
        if event.status == "GOOD" and lane is None:
            self._counts["asked"] += 1
            loop = asyncio.get_running_loop()
            self._open[event.tracking] = loop.call_later(
                self._within_s, self._default, event, found.lane, asked_s
            )
            return event
        self._counts["answered"] += 1
        self._send(_Answer(event.tracking, found.lane, asked_s))
        return replace(event, lane=found.lane)

    def answer(self, tracking: int, lane: str) -> None:
        """Send an answer once more: the PLC has not heard it."""
        self._send(_Answer(tracking, lane, asyncio.get_running_loop().time()))

    def sorted(self, event: CartonSorted) -> None:
        """Learn which lanes are full."""
        lane = event.lane or self._sent.get(event.tracking)
        self._shut.note(event.status, lane, event.at)

    def close(self, lane: str, *, is_closed: bool) -> None:
        """The PLC says that a lane is closed, or open again."""
        (self._shut.closed.add if is_closed else self._shut.closed.discard)(lane)

    def told(self, tracking: int, lane: str | None = None) -> None:
        """The WCS has answered by itself, or there is a newer scan: the deadline is off."""
        if (timer := self._open.pop(tracking, None)) is not None:
            timer.cancel()
        if lane is not None:
            self._remember(tracking, lane)

    def take(self, piece: LaneTable) -> None:
        """Take a piece of the lane table in, keep it, and say how far we are now."""
        table = self._read()
        before = (table.name, table.version)
        is_whole = table.take(piece)
        if is_whole:
            self._keep(table, piece, is_new=table.name != before[0])
        self.say_known(missing=not is_whole)

    def say_known(self, *, missing: bool = False) -> None:
        """Say how far we have the lane table."""
        table = self._read()
        if self._say is not None:
            self._say(
                LanesKnown(
                    at=self._clock.now(),
                    device=self._device,
                    table=table.name,
                    version=table.version,
                    missing=missing,
                )
            )

    def health(self) -> dict[str, float | int | str]:
        """Counts, and how long answers took from the scan to the PLC's receipt."""
        took_s = sorted(self._took_s)
        table = self._table or Table()
        return {
            **{f"scans_{name}_total": count for name, count in self._counts.items()},
            "answer_p50_ms": took_s[len(took_s) // 2] * 1e3 if took_s else 0.0,
            "answer_p99_ms": took_s[len(took_s) * 99 // 100] * 1e3 if took_s else 0.0,
            "lane_rows": len(table.rows),
            "lane_version": table.version,
        }

    # ------------------------------------------------------------------------------ answering
    def _default(self, event: CartonScanned, lane: str, asked_s: float) -> None:
        del self._open[event.tracking]
        if lane == RECIRCULATE:
            return
        self._counts["defaulted"] += 1
        self._send(_Answer(event.tracking, lane, asked_s))
        assert self._say is not None
        self._say(
            CartonDefaulted(
                at=self._clock.now(),
                device=self._device,
                tracking=event.tracking,
                lap=event.lap,
                lane=lane,
            )
        )

    def _send(self, answer: _Answer) -> None:
        if answer.lane != RECIRCULATE:
            self._remember(answer.tracking, answer.lane)
            self._answers.put_nowait(answer)

    def _is_late(self, answer: _Answer) -> bool:
        is_late = asyncio.get_running_loop().time() - answer.asked_s > OLD_S
        self._counts["late"] += is_late
        return is_late

    def _remember(self, tracking: int, lane: str) -> None:
        self._sent[tracking] = lane
        while len(self._sent) > _KEPT:
            del self._sent[next(iter(self._sent))]

    # ------------------------------------------------------------------------------ keeping
    def _read(self) -> Table:
        if self._table is None:
            self._table = Table()
            if self._path.exists():
                _load(self._opened(), self._table)
        return self._table

    def _keep(self, table: Table, piece: LaneTable, *, is_new: bool) -> None:
        """A commit outlives a kill of the process; after a power cut the WCS sends it again."""
        with self._opened() as file:
            if is_new:
                file.execute("DELETE FROM lane")
            rows = [(code, lane, piece.version) for code, lane in piece.rows.items()]
            file.executemany("INSERT OR REPLACE INTO lane VALUES (?, ?, ?)", rows)
            file.execute(
                "DELETE FROM lane WHERE rowid IN (SELECT rowid FROM lane ORDER BY number, rowid"
                " LIMIT max(0, (SELECT count(*) FROM lane) - ?))",
                (ROWS_MAX,),
            )
            assert table.valid_until is not None
            head = (table.name, table.version, table.valid_until.isoformat())
            file.execute("INSERT OR REPLACE INTO head VALUES (1, ?, ?, ?)", head)

    def _opened(self) -> sqlite3.Connection:
        if self._file is None:
            self._file = sqlite3.connect(self._path)
            self._file.execute("PRAGMA journal_mode = WAL")
            self._file.execute("PRAGMA synchronous = NORMAL")
            self._file.executescript(_SCHEMA)
        return self._file


def _load(file: sqlite3.Connection, table: Table) -> None:
    head = file.execute("SELECT name, version, valid_until FROM head").fetchone()
    if head is not None:
        table.name, table.version = head[0], head[1]
        table.valid_until = datetime.fromisoformat(head[2])
        table.keep(file.execute("SELECT code, lane FROM lane ORDER BY number, rowid"))
