"""Holds over several cells, granted together or not at all: a saga of two-phase holds.

    sagas = Sagas(cells)
    placed = sagas.place(saga_id, lines, now=now)       placed.granted, placed.why
    sagas.recover(now=now)                              the worker, again and again

        home of the saga     begin ........................................ settle
        cell east                    hold ............ confirm
        cell west                          hold ................ confirm

Every arrow is one transaction in one cell; none ever needs two. Cells are asked one after the
other, in the order of their names, so that two sagas that want the same meet at the first.

Laws. Confirmed is only when all are held. Given back is only what is written down as void, and
then all of it, the confirmed too. The end is written before anyone is told. Until it is
confirmed a hold ends by itself, by its database's time: a dead coordinator keeps no stock.
The saga's id is the client's key: asked again it answers the same, for ever.

A coordinator that dies anywhere is followed by another when its lease is over: `recover`, or the
same request again. It goes on with the same ids if there is time, else gives all back. A saga
whose home is away waits for it; one that needs another cell that is away is void at its deadline,
and what lies in that cell is given back when it returns.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar
from uuid import UUID

import structlog
from sqlalchemy.orm import Session

from wms.cells import Cell, CellAway, Cells
from wms.errors import IdReused, Unavailable, WmsError
from wms.ids import HoldId
from wms.stock import saga_record, saga_steps
from wms.stock.faults import check_units
from wms.stock.promises import Reserve
from wms.stock.saga_record import Record, SagaState

log = structlog.get_logger(__name__)

T = TypeVar("T")

DEADLINE = timedelta(seconds=10)
LEASE = timedelta(seconds=3)
PAUSE_S = 0.02
PAUSE_MAX_S = 0.2


class SagaOpen(Unavailable):
    """It is not decided yet: somebody is at it. Ask again with the same id."""

    code = "saga_open"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedLine:
    """A line as it was decided; `free` right after that, None if it was not asked for at all."""

    hold_id: HoldId
    granted: bool
    free: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """The answer: all of it, or nothing.

    `why` nothing is a code: not_enough_stock, cell_away, too_late, hold_lost (it ended before it
    was confirmed), or that of what is wrong with a line.
    """

    saga_id: UUID
    granted: bool
    why: str
    lines: tuple[PlacedLine, ...]


class _Lost(Exception):  # noqa: N818 - it is a situation
    """Another coordinator has the saga now."""


class _No(Exception):  # noqa: N818 - likewise
    """It cannot be, and why: a code."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Sagas:
    """The coordinator. It keeps nothing: any number of them work side by side.

    `at` is told the name of each point that is passed; the crash tests die there.
    """

    def __init__(
        self,
        cells: Cells,
        *,
        deadline: timedelta = DEADLINE,
        lease: timedelta = LEASE,
        at: Callable[[str], None] = lambda _point: None,
    ) -> None:
        self._cells = cells
        self._times = (deadline, lease)
        self._at = at

    def place(
        self,
        saga_id: UUID,
        lines: Sequence[Reserve],
        *,
        now: datetime,
    ) -> Placed:
        """Set all lines aside or none; granted they are as `promises.reserve` would have them.

        Raises:
            UnitsOutOfRange: a line asks for less than one unit or more than can be counted.
            NotFound: a site is in no cell.
            IdReused: the saga's id stands for something else, or two lines have one hold's id.
            SagaOpen: it is not decided yet. Ask again, with the same ids.
            CellAway: its home is away. Ask again, with the same ids.
        """
        for line in lines:
            check_units(line.hold_id, line.units)
        if len({line.hold_id for line in lines}) < len(lines):
            raise IdReused(saga_id)
        self._cells.by_cell([line.site_id for line in lines])
        self._at("begin")
        begin = partial(saga_record.begin, saga_id=saga_id, lines=lines, times=self._times, now=now)
        saga = self._cells.home(saga_id).run(begin)
        self._at("begun")
        return _answer(self._finish(saga, now=now))

    def recover(self, *, now: datetime, limit: int = 100) -> int:
        """Finish what coordinators left behind when they died. How many sagas have come on."""
        done = 0
        for cell in self._cells.all:
            claim = partial(saga_record.claim, lease=self._times[1], now=now, limit=limit)
            try:
                sagas = cell.run(claim)
            except CellAway:
                continue
            for saga in sagas:
                try:
                    self._drive(saga, now=now, patient=False)
                except (CellAway, _Lost) as problem:
                    log.info("saga.waits", saga=str(saga.id), problem=str(problem))
                except Exception:
                    log.exception("saga.stuck", saga=str(saga.id))
                else:
                    done += 1
        return done

    def _finish(self, saga: Record, *, now: datetime) -> Record:
        """The saga decided: by us, or by whoever is at it."""
        home = self._cells.home(saga.id)
        patient_until = time.monotonic() + sum(self._times, timedelta()).total_seconds()
        pause_s = PAUSE_S
        while not saga.decided:
            if saga.mine:
                try:
                    saga = self._drive(saga, now=now, patient=True)
                except _Lost:
                    saga = replace(saga, mine=False)
                continue
            if time.monotonic() > patient_until:
                raise SagaOpen(f"saga {saga.id} is not decided yet")
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, PAUSE_MAX_S)
            saga = home.run(partial(self._look_again, saga_id=saga.id, now=now))
        return saga

    def _look_again(self, session: Session, *, saga_id: UUID, now: datetime) -> Record:
        claimed = saga_record.claim(
            session, lease=self._times[1], now=now, limit=1, saga_id=saga_id
        )
        return claimed[0] if claimed else saga_record.read(session, saga_id, now=now)

    def _drive(self, saga: Record, *, now: datetime, patient: bool) -> Record:
        """Take a saga that is ours to its end; only to VOIDING while a cell is away."""
        way = _Way(
            saga=saga,
            now=now,
            patient=patient,
            patient_until=time.monotonic() + self._times[0].total_seconds(),
            lines=self._lines(saga),
        )
        if saga.state == "PENDING":
            try:
                self._hold(way)
                self._confirm(way)
            except _No as no:
                self._step(way, "VOIDING", why=no.why)
            else:
                return self._step(way, "SETTLED")
        self._give_back(way)
        return way.saga

    def _hold(self, way: "_Way") -> None:
        if way.saga.overdue:
            raise _No("too_late")
        for n, (cell, lines) in enumerate(way.lines.items()):
            self._at(f"hold {n}")
            way.visited.append(cell)
            answers = self._in(cell, way, partial(saga_steps.hold, saga=way.saga, lines=lines))
            way.free |= {str(answer.hold_id): answer.free for answer in answers}
            if not all(answer.granted for answer in answers):
                raise _No("not_enough_stock")
        self._at("held")

    def _confirm(self, way: "_Way") -> None:
        for n, (cell, lines) in enumerate(way.lines.items()):
            self._at(f"confirm {n}")
            if self._in(cell, way, partial(saga_steps.confirm, saga=way.saga, lines=lines)):
                raise _No("hold_lost")
        self._at("confirmed")

    def _give_back(self, way: "_Way") -> None:
        """Release what any coordinator of this saga has taken, or may yet take."""
        asleep = way.saga.fence > 1 or not way.visited  # another may be about to ask anywhere
        cells, away = (list(way.lines) if asleep else way.visited), False
        for n, cell in enumerate(cells):
            self._at(f"give back {n}")
            try:
                self._empty(cell, way)
            except CellAway as problem:
                log.warning("saga.waits", saga=str(way.saga.id), problem=str(problem))
                away = True
        if not away:
            self._step(way, "VOIDED")

    def _empty(self, cell: Cell, way: "_Way") -> None:
        saga, now, lines = way.saga, way.now, way.lines[cell]
        if left := cell.run(lambda s: saga_steps.missing(s, saga, lines, now=now)):
            cell.run(lambda s: saga_steps.use_up(s, saga, left, now=now))
        cell.run(lambda s: saga_steps.give_back(s, saga, lines, now=now))

    def _in(self, cell: Cell, way: "_Way", work: Callable[..., T]) -> T:
        """Work in a cell, and while it is away, wait for it until the saga's deadline."""
        pause_s = PAUSE_S
        while True:
            try:
                return cell.run(partial(work, now=way.now))
            except CellAway:
                keep = partial(saga_record.keep, saga=way.saga, lease=self._times[1], now=way.now)
                overdue = self._cells.home(way.saga.id).run(keep)
                if overdue is None:
                    raise _Lost from None
                if overdue or time.monotonic() > way.patient_until:
                    raise _No("cell_away") from None
                if not way.patient:
                    raise
                time.sleep(pause_s)
                pause_s = min(2 * pause_s, PAUSE_MAX_S)
            except Unavailable:
                raise
            except WmsError as error:  # something is wrong with a line, and stays wrong
                raise _No(error.code) from error

    def _step(self, way: "_Way", to: SagaState, *, why: str | None = None) -> Record:
        saga = replace(way.saga, why=way.saga.why if why is None else why)
        if way.free:
            saga = replace(saga, free=way.free)
        step = partial(saga_record.step, saga=saga, to=to, now=way.now)
        gone = self._cells.home(saga.id).run(step)
        if gone is None:
            raise _Lost
        way.saga = gone
        self._at(to)
        return gone

    def _lines(self, saga: Record) -> dict[Cell, list[Reserve]]:
        cells = self._cells.by_cell([line.site_id for line in saga.lines])
        return {
            cell: [line for line in saga.lines if line.site_id in set(sites)]
            for cell, sites in cells.items()
        }


@dataclass(slots=True, kw_only=True)
class _Way:
    """A saga on its way with us: its lines by cell, the cells we asked, what was free there."""

    saga: Record
    now: datetime
    patient: bool
    patient_until: float  # by this host's clock: given time may stand still
    lines: dict[Cell, list[Reserve]]
    visited: list[Cell] = field(default_factory=list)
    free: dict[str, int] = field(default_factory=dict)


def _answer(saga: Record) -> Placed:
    granted = saga.state == "SETTLED"
    lines = (
        PlacedLine(hold_id=line.hold_id, granted=granted, free=saga.free.get(str(line.hold_id)))
        for line in saga.lines
    )
    return Placed(saga_id=saga.id, granted=granted, why=saga.why, lines=tuple(lines))
