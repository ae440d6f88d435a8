"""Answers to questions about the days ahead: read, search, write.

    answer(database, clock, question)   one that was taken (wms.planner.ahead)

What can be asked is in `KINDS`, by name: a function that reads what there is and gives back a
search. The search tells how far it is and can be stopped (wms.planner.hand); its best stays.

Laws: a search never runs in the web process, and never while rows are locked.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from edge.clock import Clock
from wms.database import Database
from wms.planner.ahead_docks import docks
from wms.planner.ahead_floor import slots, wave
from wms.planner.ahead_goods import levels, pallets, routes
from wms.planner.ahead_people import roster
from wms.planner.hand import Hand, Search
from wms.planner.model import PlanQuestion
from wms.sites import Site
from wms.waves.choice import dense_from
from wms.waves.wave import choose

KINDS: Mapping[str, Callable[[Session, Site, Mapping[str, Any], datetime], Search]] = {
    "docks": docks,
    "levels": levels,
    "pallets": pallets,
    "roster": roster,
    "routes": routes,
    "slots": slots,
    "wave": wave,
}


def answer(database: Database, clock: Clock, id_: UUID) -> None:
    """Answer a question that this worker has taken."""
    found: dict[str, Any] | None = None
    failed = ""
    try:
        found = database.run(lambda s: _search(s, id_, clock.now()))(Hand(database, clock, id_))
    except ValueError as error:  # what was asked cannot be
        failed = str(error)
    except Exception as error:  # noqa: BLE001 - whatever it is, the desk hears of it, once
        failed = f"{type(error).__name__}: {error}"
    database.run(lambda s: _end(s, id_, found, failed, clock.now()))


def _search(session: Session, id_: UUID, now: datetime) -> Search:
    row = session.get_one(PlanQuestion, id_)
    return KINDS[row.kind](session, session.get_one(Site, row.site_id), row.wish, now)


def _end(
    session: Session, id_: UUID, found: dict[str, Any] | None, failed: str, now: datetime
) -> None:
    row = session.get_one(PlanQuestion, id_, with_for_update=True)
    row.answer, row.failed, row.ended_at = found, failed, now
    row.state = "FAILED" if found is None else "DONE"
    if row.kind == "wave":
        chosen = (found or {}).get("chosen")
        choose(session, UUID(row.wish["wave"]), dense_from(chosen) if chosen else None)
