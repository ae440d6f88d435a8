"""The jobs of stores: collections as their goods come, those who are silent, reminders, ends."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from uuid import UUID

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from edge.clock import Clock
from wms.collect.answer import escalate, unanswered
from wms.collect.model import Collection
from wms.collect.open import look_at, to_look_at
from wms.collect.over import give_up, overdue
from wms.collect.ready import remind, to_remind
from wms.collect.ship import ask_stores, escalate_ship, silent_ships
from wms.database import Database
from wms.errors import WmsError
from wms.ids import SiteId
from wms.job import Job

log = structlog.get_logger(__name__)


def collect_jobs(database: Database, clock: Clock) -> list[Job]:
    """What goes on in stores as time goes by."""
    stores = _Stores(database, clock)
    return [
        Job(name="collections", run=stores.look, idle_s=0.5),
        Job(name="stores", run=stores.watch, idle_s=5.0),
    ]


class _Stores:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def look(self) -> int:
        """Bring collections to where their goods are; ask stores for deliveries."""
        now = self._clock.now()
        moved, after = 0, UUID(int=0)
        while orders := self._database.run(partial(to_look_at, after=after)):
            for order in orders:
                moved += self._database.run(partial(_look, order_id=order, now=now))
            after = orders[-1]
        return moved + self._database.run(lambda s: ask_stores(s, now=now))

    def watch(self) -> int:
        """Remind customers, ask silent stores again, end what nobody fetches."""
        return (
            self._each(to_remind, remind)
            + self._each(unanswered, escalate)
            + self._each(silent_ships, escalate_ship)
            + self._each(overdue, _give_up)
        )

    def _each(
        self,
        find: Callable[..., Sequence[tuple[UUID, UUID]]],
        do: Callable[..., None],
    ) -> int:
        """Each in a transaction of its own: what is wrong with one harms no other."""
        now = self._clock.now()
        done = 0
        for site, id_ in self._database.run(partial(find, now=now)):
            try:
                self._database.run(partial(_do, do=do, site=site, id_=id_, now=now))
                done += 1
            except WmsError as error:
                log.warning("collection.stuck", collection=str(id_), problem=str(error))
        return done


def _look(session: Session, *, order_id: UUID, now: datetime) -> int:
    before = _states(session, order_id)
    look_at(session, order_id, now=now)
    session.flush()
    return int(_states(session, order_id) != before)


def _states(session: Session, order_id: UUID) -> list[tuple[UUID, str]]:
    query = select(Collection.site_id, Collection.state).where(Collection.order_id == order_id)
    return sorted((site, state) for site, state in session.execute(query))


def _do(session: Session, *, do: Callable[..., None], site: UUID, id_: UUID, now: datetime) -> None:
    do(session, site, id_, now=now)


def _give_up(session: Session, site: UUID, id_: UUID, *, now: datetime) -> None:
    give_up(session, SiteId(site), id_, now=now)
