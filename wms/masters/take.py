"""Imports: a file is taken, looked through, and applied whole or not at all.

    take(session, Sent(...))      keep the file; the same id again is the same import
    work_off(database, id)        look through it, and apply it where that is wanted
    apply_it(session, id)         what was checked is to be applied

Laws, each with a test:
  * a dry run finds every fault that applying finds, for it is the same work, taken back;
  * applying is one transaction: a file with one fault changes nothing, and a process that dies in
    the middle has changed nothing either; the next one begins anew (`imports` in the worker);
  * one import is worked on by one process: a lock that ends with its transaction says so.

How far it is, is said in transactions of their own, so that others see it.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, undefer

from wms.database import Database
from wms.errors import Conflict, IdReused, NotFound
from wms.masters.columns import Fault, written
from wms.masters.kind import CHUNK, Context, Kind, Plan, Row, Tell, plan
from wms.masters.kinds import kind_named
from wms.masters.model import MasterImport
from wms.masters.sheet import UnreadableFile, read

FAULTS_KEPT = 1_000
CHANGES_KEPT = 300
COLUMNS_SHOWN = 30


class NotChecked(Conflict):
    """Only an import that was checked, and found without fault, can be applied.

    Attributes:
        state: what it is.
    """

    code: ClassVar[str] = "not_checked"

    def __init__(self, state: str) -> None:
        super().__init__(f"the import is {state}")
        self.state = state


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A file that somebody sends; its id is the sender's."""

    id: UUID
    kind: str
    name: str
    content: bytes
    dry_run: bool
    by: str


@dataclass(slots=True, kw_only=True)
class Report:
    """What a file does or would do."""

    rows: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    gone: int = 0
    faults: Sequence[Fault] = ()
    changes: Sequence[Row] = ()


class _TakenBackError(Exception):
    """Ends a savepoint: nothing of it stays."""


def take(session: Session, sent: Sent, *, now: datetime) -> None:
    """Keep a file to be worked on. The same id with the same file changes nothing.

    Raises:
        NoSuchKind: there is no such kind of master data.
        IdReused: that id named another file.
    """
    kind_named(sent.kind)
    digest = hashlib.sha256(sent.content).digest()
    wanted = "CHECK" if sent.dry_run else "APPLY"
    row = {
        "id": sent.id, "kind": sent.kind, "file_name": sent.name, "sha256": digest,
        "content": sent.content, "wanted": wanted, "made_by": sent.by, "made_at": now,
    }  # fmt: skip
    made = session.scalar(
        insert(MasterImport).values(row).on_conflict_do_nothing().returning(MasterImport.id)
    )
    if made is None:
        known = find(session, sent.id)
        if (known.kind, known.sha256) != (sent.kind, digest):
            raise IdReused(sent.id)


def apply_it(session: Session, id_: UUID) -> None:
    """What was checked is to be applied; again changes nothing.

    Raises:
        NotFound: there is no such import.
        NotChecked: it has faults, or nobody has looked at it yet.
    """
    known = session.get(MasterImport, id_, with_for_update=True)
    if known is None:
        raise NotFound(f"import {id_}")
    if known.wanted == "APPLY" and known.state in {"WAITING", "APPLIED"}:
        return
    if known.state != "CHECKED":
        raise NotChecked(known.state)
    known.wanted, known.state, known.done = "APPLY", "WAITING", 0


def find(session: Session, id_: UUID) -> MasterImport:
    """An import.

    Raises:
        NotFound: there is none of that id.
    """
    found = session.get(MasterImport, id_)
    if found is None:
        raise NotFound(f"import {id_}")
    return found


def waiting(session: Session) -> list[UUID]:
    """Imports that nobody has worked on, the oldest first."""
    query = select(MasterImport.id).where(MasterImport.state == "WAITING")
    return list(session.scalars(query.order_by(MasterImport.made_at, MasterImport.id)))


def work_off(database: Database, id_: UUID, *, now: datetime, tell: Tell | None = None) -> bool:
    """Look through an import and apply it if that is wanted; False: somebody else does."""
    told = _Telling(database, id_, tell)
    return database.run(lambda s: _work_off(s, id_, now, told))


def judge(
    session: Session, kind: Kind, content: bytes, context: Context, *, apply: bool, tell: Tell
) -> Report:
    """What a file does; with `apply` it does it, unless there is a fault."""
    try:
        sheet = read(content)
    except UnreadableFile as error:
        return Report(faults=[Fault(row=0, column="", code=error.reason)])
    made = plan(session, kind, sheet, lambda done, rows: tell(done, 2 * rows))
    if not made.faults and (apply or kind.tries):
        try:
            with session.begin_nested():
                made.faults = _save(session, kind, made, context, tell)
                if made.faults or not apply:
                    raise _TakenBackError  # noqa: TRY301 - it is this savepoint's way to end
        except _TakenBackError:
            session.expire_all()
    return _report(made, len(sheet.rows))


def _save(session: Session, kind: Kind, made: Plan, context: Context, tell: Tell) -> list[Fault]:
    rows = [row for row in made.rows if row.state != "unchanged"]
    if kind.whole:
        rows = made.rows if rows or made.gone else []
    step = len(rows) if kind.whole else CHUNK
    faults: list[Fault] = []
    for start in range(0, len(rows), max(step, 1)):
        part = rows[start : start + step]
        faults += kind.save(session, part, context)
        tell(len(rows) + start + len(part), 2 * len(rows))
    return sorted(faults, key=lambda fault: fault.row)


def _report(made: Plan, rows: int) -> Report:
    states = Counter(row.state for row in made.rows)
    return Report(
        rows=rows,
        new=states["new"],
        changed=states["changed"],
        unchanged=states["unchanged"],
        gone=made.gone,
        faults=made.faults,
        changes=[row for row in made.rows if row.state != "unchanged"][:CHANGES_KEPT],
    )


def _work_off(session: Session, id_: UUID, now: datetime, tell: "_Telling") -> bool:
    lock = func.pg_try_advisory_xact_lock(int.from_bytes(id_.bytes[8:], signed=True))
    if not session.scalar(select(lock)):
        return False
    content = undefer(MasterImport.content)
    known = session.get(MasterImport, id_, options=[content], populate_existing=True)
    if known is None or known.state != "WAITING" or known.content is None:
        return False
    context = Context(id=known.id, by=known.made_by, now=now)
    wanted, kind, file = known.wanted, kind_named(known.kind), known.content
    report = judge(session, kind, file, context, apply=wanted == "APPLY", tell=tell)
    state = "APPLIED" if wanted == "APPLY" else "CHECKED"
    state = "FAULTY" if report.faults else state
    values = _told(report) | {"state": state, "ended_at": now}
    if state == "APPLIED":
        values["content"] = None
    session.execute(update(MasterImport).where(MasterImport.id == id_).values(values))
    return True


def _told(report: Report) -> dict[str, Any]:
    return {
        "rows": report.rows,
        "done": report.rows,
        "rows_new": report.new,
        "rows_changed": report.changed,
        "rows_unchanged": report.unchanged,
        "rows_gone": report.gone,
        "faults_found": len(report.faults),
        "faults": [asdict(fault) for fault in report.faults[:FAULTS_KEPT]],
        "changes": [changed(row) for row in report.changes],
    }


def changed(row: Row) -> dict[str, Any]:
    """A row's change as people are shown it: by column, what was and what will be."""
    shown = [[name, written(was), written(will)] for name, (was, will) in row.differences.items()]
    key = " ".join(str(part) for part in row.key if part != "")
    return {"row": row.number, "key": key, "state": row.state, "cells": shown[:COLUMNS_SHOWN]}


class _Telling:
    """Says how far it is, in a transaction of its own each time."""

    def __init__(self, database: Database, id_: UUID, tell: Tell | None) -> None:
        self._database, self._id, self._tell = database, id_, tell

    def __call__(self, done: int, steps: int) -> None:
        """So many steps are done, two for each row."""
        if self._tell is not None:
            self._tell(done, steps)
        if steps > 2 * CHUNK:
            rows = {"rows": steps // 2, "done": done // 2}
            query = update(MasterImport).where(MasterImport.id == self._id).values(rows)
            self._database.run(lambda s: s.execute(query))
