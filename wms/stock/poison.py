"""A line that cannot be posted does not fail its neighbours: it is found by halving.

    post_each(database, post, lines, keys) -> an answer or an error for each line

The lines are posted together in one transaction. When that fails for a reason that lies in a line
(an error of ours, or SQLSTATE class 22 or 23) they are cut in two, each posted by itself, until
the culprit stands alone: for one among 500 that is some 20 postings instead of one. What belongs
together (a key in common) is never cut apart.

A fault that lies in no line (the database is away, is too busy, or we have a bug) is the answer
to all lines at once: halving would only ask it again.
"""

from collections.abc import Callable, Hashable, Sequence
from typing import Any, TypeAlias

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from wms.database import Database
from wms.errors import Rejected, Unavailable, WmsError

log = structlog.get_logger(__name__)

Post: TypeAlias = Callable[[Session, Sequence[Any]], Sequence[Any]]

POISON = ("22", "23", "DataError")  # data exception; integrity constraint violation
BUSY = ("40", "53", "55", "57")  # conflict; no resources; not in that state; operator


class NotPostable(Rejected):
    """The database does not take this line, whatever is beside it.

    Attributes:
        sqlstate: what it said.
    """

    code = "not_postable"

    def __init__(self, sqlstate: str) -> None:
        super().__init__(f"the ledger does not take this ({sqlstate})")
        self.sqlstate = sqlstate


def post_each(
    database: Database, post: Post, lines: Sequence[Any], keys: Sequence[Hashable]
) -> list[Any]:
    """Post lines; the answer to each, in order, or what is wrong with it.

    Lines with a key in common stay together; None has nothing in common with anything.
    """
    try:
        return list(database.run(lambda session: post(session, lines)))
    except Exception as error:  # noqa: BLE001 - whatever it is, every line gets an answer
        fault, is_of_a_line = _judged(error, len(lines))
    parts = cut(keys, (len(lines) + 1) // 2) if is_of_a_line else []
    if len(parts) <= 1:
        if isinstance(fault, NotPostable):
            log.error("stock.line_not_postable", sqlstate=fault.sqlstate, line=str(lines[0]))
        return [fault] * len(lines)
    return [
        answer
        for start, stop in parts
        for answer in post_each(database, post, lines[start:stop], keys[start:stop])
    ]


def cut(keys: Sequence[Hashable], most: int) -> list[tuple[int, int]]:
    """Cut into parts of at most `most`; never between two that have a key in common.

    What must not be cut and is longer than that is a part of its own.
    """
    if len(keys) == 1:
        return [(0, 1)]
    last = {key: at for at, key in enumerate(keys) if key is not None}
    parts: list[tuple[int, int]] = []
    start = here = bound = 0
    for at, key in enumerate(keys):
        if at >= bound:
            here = at  # nothing before belongs to anything from here on
        bound = max(bound, last.get(key, at) + 1)
        if at - start >= most and here > start:
            parts.append((start, here))
            start = here
    parts.append((start, len(keys)))
    return parts


def _judged(error: Exception, count: int) -> tuple[Exception, bool]:
    """What to answer, and whether it lies in one of the lines."""
    if isinstance(error, WmsError):
        return error, not isinstance(error, Unavailable)
    if isinstance(error, DBAPIError):
        state = getattr(error.orig, "sqlstate", None) or type(error.orig).__name__
        if state.startswith(POISON):
            return NotPostable(state), True
        if state.startswith(BUSY):
            return Unavailable(f"the database cannot now ({state})"), False
    log.error("stock.posting_failed", lines=count, exc_info=error)
    return error, False
