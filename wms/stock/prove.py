"""The whole proof, on several connections that see one snapshot: what `soko verify` runs.

    prove(database, (*LAWS, ...), key=path, full=False, told=show) -> Report

    lead      opens the snapshot and exports it, finds the last checkpoint and the seals
    helpers   take the next law, the longest first, and judge it on the same snapshot

From the checkpoint on: what moved before it is taken from it, and the seals of what moved before
it are looked at as a chain only. `full` reads everything, and proves the checkpoints too.
All reads; work goes on meanwhile.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from functools import partial
from pathlib import Path
from typing import TypeAlias

from sqlalchemy import text
from sqlalchemy.orm import Session

from wms.database import Database
from wms.stock import checkpoint, seal
from wms.stock.verify import Judged, Law, Report, count, judge

CONNECTIONS = 2
SEALED_ROWS_A_PART = 150_000
# What takes longest comes first, so that all connections end together; the others as they come.
_LONGEST = ("C3", "I2", "I10", "Z2", "I7", "I4", "I3", "I8b", "I14", "I6")

Part: TypeAlias = tuple[str, Callable[[Session], Judged]]
Told: TypeAlias = Callable[[Judged, int, int], None]

_ONE_SNAPSHOT = text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
_EXPORT = text("SELECT pg_export_snapshot()")
_ROOM = (
    text("SET LOCAL work_mem = '256MB'"),
    text("SET LOCAL max_parallel_workers_per_gather = 0"),  # there is a connection a core
)


def prove(
    database: Database,
    laws: Sequence[Law],
    *,
    key: Path,
    full: bool = False,
    told: Told = lambda _judged, _done, _all: None,
) -> Report:
    """Judge the laws, the checkpoints and the seals. `told` hears of each part as it is done."""

    def lead(session: Session) -> Report:
        session.execute(_ONE_SNAPSHOT)
        snapshot = session.execute(_EXPORT).scalar_one()
        month = checkpoint.last(session)
        start = None if full else month
        parts = list(_parts(session, laws, key, month, full=full))
        queue = _Queue(parts, told)
        with ThreadPoolExecutor(CONNECTIONS - 1) as pool:
            helpers = [
                pool.submit(database.run, partial(_help, snapshot=snapshot, queue=queue))
                for _ in range(CONNECTIONS - 1)
            ]
            queue.work(session)
            for helper in helpers:
                helper.result()
        return Report(laws=queue.merged(), checkpoint=start, **count(session, start))

    return database.run(lead)


class _Queue:
    """The parts that are still to be judged, and what was found."""

    def __init__(self, parts: Sequence[Part], told: Told) -> None:
        order = {code: place for place, code in enumerate(_LONGEST)}
        self._waiting = sorted(
            enumerate(parts), key=lambda part: order.get(part[1][0], len(order)), reverse=True
        )
        self._found: dict[int, Judged] = {}
        self._parts = len(parts)
        self._told = told
        self._lock = threading.Lock()

    def work(self, session: Session) -> None:
        """Judge until there is nothing left."""
        for statement in _ROOM:
            session.execute(statement)
        while True:
            with self._lock:
                if not self._waiting:
                    return
                place, (_, ask) = self._waiting.pop()
            judged = ask(session)
            with self._lock:
                self._found[place] = judged
                self._told(judged, len(self._found), self._parts)

    def merged(self) -> list[Judged]:
        """A law each, in order, from its parts."""
        assert len(self._found) == self._parts, "a part was not judged"
        laws: dict[str, Judged] = {}
        for _, judged in sorted(self._found.items()):
            before = laws.setdefault(judged.code, judged)
            if before is not judged:
                laws[judged.code] = Judged(
                    code=judged.code,
                    says=judged.says,
                    differences=before.differences + judged.differences,
                    first=before.first or judged.first,
                    note=before.note or judged.note,
                )
        return list(laws.values())


def _parts(
    session: Session, laws: Sequence[Law], key: Path, month: date | None, *, full: bool
) -> Iterator[Part]:
    start = None if full else month
    for law in laws:
        yield law.code, partial(judge, law=law, checkpoint=start)
    for law in checkpoint.laws(full=full):
        yield law.code, partial(judge, law=law, checkpoint=month)
    seals = seal.chain(session)
    chain = seal.judge_chain(seals, seal.trust(key), seal.ledger(session))
    yield chain.code, lambda _: chain
    first_xid = 0 if start is None else checkpoint.first_xid(session, start)
    read = [one for one in seals if one.to_xid > first_xid]
    for first, until in seal.parts(read, SEALED_ROWS_A_PART) or [(0, 0)]:
        yield "Z2", partial(seal.judge_content, first=first, until=until)


def _help(session: Session, *, snapshot: str, queue: _Queue) -> None:
    session.execute(_ONE_SNAPSHOT)
    session.execute(text(f"SET TRANSACTION SNAPSHOT '{snapshot}'"))
    queue.work(session)
