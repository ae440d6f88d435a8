"""What the worker does of returns.

return.labels    labels that were bought, parcels that are under way or here
return.to_dc     what stores have taken back and send to the hub
return.ends      returns of which nothing came in time, exchanges whose old goods are late
return.news      what other areas say: refunds that were made, exchanges that ended, parcels that
                 were refused at the door
"""

from functools import partial
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from edge.clock import Clock
from wms import outbox
from wms.database import Database
from wms.job import Job
from wms.outbound.floor import Floor
from wms.outbox import Event
from wms.payments.refund import refunds_of
from wms.returns import exchange, label
from wms.returns.bench import lock_return
from wms.returns.ending import expire_returns
from wms.returns.model import Return
from wms.returns.refused import come_back
from wms.returns.settle import cause_of, exchange_ended
from wms.returns.to_dc import expect_at_hub

CONSUMER = "returns"
ENDS = ("OrderShipped", "OrderClosed", "OrderCancelled", "OrderChanged")
BACK = ("REFUSED", "RETURNED")


def return_jobs(database: Database, clock: Clock, floor: Floor) -> list[Job]:
    """The jobs."""
    return [
        Job(name="return.labels", run=partial(follow_labels, database, clock), idle_s=1.0),
        Job(name="return.ends", run=partial(end_late, database, clock), idle_s=30.0),
        Job(
            name="return.to_dc",
            run=partial(expect_from_stores, database, clock, floor),
            idle_s=10.0,
        ),
        Job(name="return.news", run=partial(take_news, database, clock, floor), idle_s=0.5),
    ]


def follow_labels(database: Database, clock: Clock) -> int:
    """What carriers said of parcels that come back."""
    return database.run(lambda s: label.follow(s, now=clock.now()))


def expect_from_stores(database: Database, clock: Clock, floor: Floor) -> int:
    """What stores send to the hub."""
    return database.run(lambda s: expect_at_hub(s, floor, now=clock.now()))


def end_late(database: Database, clock: Clock) -> int:
    """What did not come in time."""
    ended = database.run(lambda s: expire_returns(s, now=clock.now()))
    return ended + database.run(lambda s: exchange.overdue(s, now=clock.now()))


def take_news(database: Database, clock: Clock, floor: Floor) -> int:
    """What happened elsewhere and means something to returns."""

    def work(session: Session) -> int:
        events = outbox.drain(session, CONSUMER, topics=("order",))
        for event in events:
            _take(session, event, clock, floor)
        return len(events)

    return database.run(work)


def _take(session: Session, event: Event, clock: Clock, floor: Floor) -> None:
    now = clock.now()
    if event.type == "RefundDone":
        _refunded(session, UUID(event.body["order"]))
    elif event.type in ENDS:
        back = exchange.return_of(session, UUID(event.body["id"]))
        if back is not None and (locked := lock_return(session, back.id)) is not None:
            exchange_ended(session, locked, now=now)
    elif event.type == "ParcelTracked" and event.body["status"] in BACK:
        order_id, sscc = UUID(event.body["order"]), event.body["sscc"]
        here = event.body["status"] == "RETURNED"
        come_back(session, floor, order_id, sscc, here=here, now=now)


def _refunded(session: Session, order_id: UUID) -> None:
    """Returns of an order whose refunds have all been made are REFUNDED."""
    refunds = refunds_of(session, order_id)
    query = select(Return.id).where(Return.order_id == order_id, Return.state == "DISPOSED")
    for return_id in session.scalars(query).all():
        back = lock_return(session, return_id)
        assert back is not None
        states = {row.state for row in refunds if row.cause_id == cause_of(back)}
        if states == {"DONE"} and back.state == "DISPOSED":
            back.state = "REFUNDED"
