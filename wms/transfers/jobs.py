"""The jobs of transfers: destinations hear what changes, goods are put back, lateness is said."""

from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from edge.clock import Clock
from wms.database import Database
from wms.job import Job
from wms.orders.close import lock_order
from wms.outbound import putback
from wms.outbound.floor import Floor
from wms.transfers import lost
from wms.transfers.expect import announce_supply
from wms.transfers.model import Transfer

TRANSFERS_A_RUN = 500


def transfers_jobs(database: Database, clock: Clock, floor: Floor) -> list[Job]:
    """All of them."""

    def expect() -> int:
        done = 0
        for order_id in database.run(_unsettled):
            done += database.run(partial(_say, order_id=order_id, clock=clock))
        return done

    def put_back() -> int:
        return database.run(lambda s: putback.sweep(s, floor, now=clock.now()))

    def warn() -> int:
        return database.run(lambda s: lost.warn(s, now=clock.now()))

    return [
        Job(name="expect", run=expect, idle_s=5.0),
        Job(name="put_back", run=put_back, idle_s=1.0),
        Job(name="overdue", run=warn, idle_s=60.0),
    ]


def _unsettled(session: Session) -> list[object]:
    query = select(Transfer.order_id).where(~Transfer.settled).order_by(Transfer.made_at)
    return list(session.scalars(query.limit(TRANSFERS_A_RUN)))


def _say(session: Session, order_id: object, clock: Clock) -> int:
    order = lock_order(session, order_id)
    transfer = session.get_one(Transfer, order.id, populate_existing=True)
    return int(announce_supply(session, order, transfer, now=clock.now()))
