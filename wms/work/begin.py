"""Begin: whoever scans what a task begins with is given that task.

The first step of a packet says what is scanned there: the label of a parcel that came, the tote
that was picked into, the order at the bench. So a person with a thing in hand need not wait until
the pool offers just that one, and no flow needs a starter of its own for it.
"""

from collections.abc import Iterable, Mapping
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from wms.errors import NotFound
from wms.work.codes import code_of
from wms.work.model import Task

# kinds of work whose first scan is of a thing that somebody may come with
WITH_A_THING = ("receive", "pack", "putwall", "load", "handoff", "floor", "kit", "inspect")
_LIVE = ("OPEN", "LEASED")


def begun_by(
    session: Session, site: UUID, scanned: str, kinds: Iterable[str] = WITH_A_THING
) -> Mapping[str, UUID]:
    """By kind, the oldest task at the site that begins with that scan."""
    first = Task.packet["steps"][0]["expect"]
    query = (
        select(Task.kind, Task.id)
        .where(
            Task.site_id == site,
            Task.kind.in_(tuple(kinds)),
            Task.state.in_(_LIVE),
            first.contains([{"codes": [code_of(scanned)]}]),
        )
        .order_by(Task.priority, Task.made_at.desc(), Task.id)
    )
    return dict(session.execute(query).all())


def task_begun_by(session: Session, site: UUID, kind: str, scanned: str) -> UUID:
    """The task of that kind that begins with that scan.

    Raises:
        NotFound: none does.
    """
    found = begun_by(session, site, scanned, (kind,))
    if kind not in found:
        raise NotFound(f"work of kind {kind} that begins with {scanned}")
    return found[kind]
