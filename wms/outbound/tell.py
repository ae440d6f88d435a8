"""Tell the WCS of a site: messages that leave with the change that causes them.

They are written in the caller's transaction and sent later by the worker, in order, until the
WCS has acknowledged them (edge.stream). Numbers are given by the sender, not here: so nobody
waits for anybody else's transaction. Counters and exceptions for people are kept here too.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import case, or_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from wcs.messages import ToWcs, to_wcs
from wms.outbound.model import Counter, ExceptionRow, StreamOut


def tell_wcs(session: Session, site: str, message: ToWcs) -> None:
    """Say that to the WCS of the site with that code."""
    body = json.dumps(to_wcs.dump_python(message, mode="json"), ensure_ascii=False)
    session.add(StreamOut(site=site, body=body))


def count(session: Session, site_id: UUID, name: str, by: int = 1) -> None:
    """Count something that belongs to no row of its own."""
    statement = insert(Counter).values(site_id=site_id, name=name, value=by)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["site_id", "name"], set_={"value": Counter.value + by}
        )
    )


def report(  # noqa: PLR0913 - an exception has that many facts
    session: Session,
    site_id: UUID,
    exception_id: UUID,
    *,
    code: str,
    source: str,
    facts: Mapping[str, Any],
    at: datetime,
    priority: int = 2,
    active: bool = True,
) -> None:
    """Put something before people, or take it back: the same id is the same trouble."""
    row = {
        "site_id": site_id, "id": exception_id, "at": at, "code": code, "source": source,
        "priority": priority, "active": active, "facts": dict(facts),
    }  # fmt: skip
    statement = insert(ExceptionRow).values(row)
    over = or_(ExceptionRow.state == "SOLVED", ~ExceptionRow.active)
    changes: dict[str, Any] = {"at": at, "active": active, "facts": dict(facts)}
    if active:  # it has come back: somebody else may see to it
        changes["state"] = case((over, "OPEN"), else_=ExceptionRow.state)
        changes["owner"] = case((over, ""), else_=ExceptionRow.owner)
    session.execute(statement.on_conflict_do_update(index_elements=["site_id", "id"], set_=changes))
