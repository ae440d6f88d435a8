"""The proof over several cells: each cell's books, and what was decided over cells.

    report = verify_cells(cells, now=now);  report.clean;  report.laws[0].first

A cell is judged by itself, as ever. Of sagas three laws are judged, each with its cells: what is
settled has all its holds, what is void has none, and none stays open. A saga's record is read
before its holds, so that work may go on: an end that has been written is never taken back.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, TypeAlias
from uuid import UUID

from sqlalchemy import Uuid, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from wms.cells import Cells
from wms.database import Database
from wms.errors import Unavailable
from wms.ids import HoldId, SiteId
from wms.stock import verify as books
from wms.stock.saga_record import Record, page, release_id
from wms.stock.verify import Judged, Report

SAGAS_A_PAGE = 500

_SETTLED = "S1", "what is settled over cells has all its holds"
_VOID = "S2", "what is void over cells has none"
_OPEN = "S3", "what goes over cells is decided in time"

_ENDED = (None, "REFUSED", "RELEASED", "EXPIRED")
_NOT_HELD = (None, "REFUSED")
_NOT_CONFIRMED = (None, "REFUSED", "HELD", "EXPIRED")

_HOLDS = text(
    "SELECT u.id, h.state, h.group_id, EXISTS (SELECT 1 FROM stock_command c"
    " WHERE c.site_id = u.site_id AND c.command_id = u.command_id) AS released"
    " FROM unnest(:sites, :holds, :commands) WITH ORDINALITY AS u(site_id, id, command_id, ord)"
    " LEFT JOIN hold h ON h.site_id = u.site_id AND h.id = u.id ORDER BY u.ord"
).bindparams(*(bindparam(name, type_=ARRAY(Uuid())) for name in ("sites", "holds", "commands")))

Key: TypeAlias = tuple[SiteId, HoldId]


@dataclass(frozen=True, slots=True, kw_only=True)
class CellsReport:
    """Each cell's report, or why there is none; the laws of sagas; how many there were."""

    cells: Mapping[str, Report | str]
    laws: list[Judged]
    sagas: int
    open: int

    @property
    def clean(self) -> bool:
        """Whether every cell answered and nothing is broken."""
        whole = all(isinstance(report, Report) and report.clean for report in self.cells.values())
        return whole and not any(law.differences for law in self.laws)


def verify_cells(
    cells: Cells,
    *,
    now: datetime,
    judge: Callable[[Database], Report] = lambda database: database.run(books.verify),
) -> CellsReport:
    """Judge all cells and what goes over them. Reads everything; locks and changes nothing."""
    reports: dict[str, Report | str] = {}
    for cell in cells.all:
        try:
            reports[cell.name] = judge(cell.database)
        except Unavailable as away:
            reports[cell.name] = str(away)
    broken: dict[str, list[str]] = {"S1": [], "S2": [], "S3": []}
    sagas = waiting = 0
    for some in _pages(cells, reports, now=now):
        sagas += len(some)
        waiting += sum(saga.state in {"PENDING", "VOIDING"} for saga in some)
        holds = _holds(cells, reports, some)
        for saga in some:
            for code, what in _differences(saga, holds):
                broken[code].append(f"saga {saga.id}: {what}")
    laws = [
        Judged(code=code, says=says, differences=len(found), first=min(found, default=None))
        for code, says in (_SETTLED, _VOID, _OPEN)
        for found in (broken[code],)
    ]
    return CellsReport(cells=reports, laws=laws, sagas=sagas, open=waiting)


def _pages(
    cells: Cells, reports: Mapping[str, Report | str], *, now: datetime
) -> Iterator[Sequence[Record]]:
    for cell in cells.all:
        after = UUID(int=0)
        while not isinstance(reports[cell.name], str):
            some = cell.run(partial(page, after=after, limit=SAGAS_A_PAGE, now=now))
            if not some:
                break
            yield some
            after = some[-1].id


def _holds(
    cells: Cells, reports: Mapping[str, Report | str], sagas: Sequence[Record]
) -> dict[Key, Any]:
    """The holds of all lines; those of a cell that is away are not among them."""
    found: dict[Key, Any] = {}
    lines = [(saga, line) for saga in sagas for line in saga.lines]
    for cell, sites in cells.by_cell(line.site_id for _, line in lines).items():
        if isinstance(reports[cell.name], str):
            continue
        here = [(saga, line) for saga, line in lines if line.site_id in set(sites)]
        facts = {
            "sites": [line.site_id for _, line in here],
            "holds": [line.hold_id for _, line in here],
            "commands": [release_id(saga.id, line.hold_id) for saga, line in here],
        }
        rows = cell.run(partial(_ask, facts=facts))
        for (_, line), row in zip(here, rows, strict=True):
            found[line.site_id, line.hold_id] = row
    return found


def _ask(session: Session, facts: Mapping[str, Any]) -> Sequence[Any]:
    return session.execute(_HOLDS, facts).all()


def _differences(saga: Record, holds: Mapping[Key, Any]) -> Iterator[tuple[str, str]]:
    if saga.stuck:
        yield "S3", f"is {saga.state} since long, its deadline was {saga.deadline}"
    for line in saga.lines:
        row = holds.get((line.site_id, line.hold_id))
        if row is None:
            continue
        if saga.state == "SETTLED":
            missing = _NOT_CONFIRMED if line.state == "ALLOCATED" else _NOT_HELD
            if row.state in missing or row.released or row.group_id != saga.id:
                yield "S1", f"is settled, but hold {line.hold_id} is {row.state}"
        elif saga.state == "VOIDED" and row.group_id == saga.id and row.state not in _ENDED:
            yield "S2", f"is void, but hold {line.hold_id} is {row.state}"
