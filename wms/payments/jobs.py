"""What the worker does of payments: ask providers for refunds, hear what carriers collected."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import TypeAlias
from uuid import UUID

import structlog
from sqlalchemy.orm import Session

from edge.clock import Clock
from wms import outbox
from wms.database import Database
from wms.errors import Rejected, Unavailable
from wms.job import Job
from wms.payments import ask, cod
from wms.payments.ask import Refused
from wms.ports import Payments, Refund

log = structlog.get_logger(__name__)
CONSUMER = "cod"

# How people are told of a refund that was refused: in the transaction that refuses it.
ToPeople: TypeAlias = Callable[[Session, Refused, datetime], None]


def payments_jobs(
    database: Database, clock: Clock, payments: Payments | None, to_people: ToPeople
) -> list[Job]:
    """The jobs; without a provider nothing is asked, and what is wanted waits."""
    jobs = [Job(name="cod", run=partial(take_collections, database, clock), idle_s=0.5)]
    if payments is not None:
        run = partial(ask_for_refunds, database, clock, payments, to_people)
        jobs.append(Job(name="refund", run=run, idle_s=0.5))
    return jobs


def ask_for_refunds(
    database: Database, clock: Clock, payments: Payments, to_people: ToPeople
) -> int:
    """Ask for the refunds whose time has come; how many were answered.

    One that nobody answers keeps no other waiting: it is asked for again when its next time comes.
    """
    answered = 0
    for refund in database.run(lambda s: ask.due(s, now=clock.now())):
        try:
            reference = payments.refund(refund)
        except Unavailable as error:
            log.warning("refund.unanswered", refund=str(refund.refund_id), problem=str(error)[:200])
            continue
        except Rejected as error:
            told = partial(
                _refuse, refund=refund, problem=str(error), to_people=to_people, now=clock.now()
            )
            database.run(told)
        else:
            do = partial(ask.done, refund_id=refund.refund_id, reference=reference, now=clock.now())
            database.run(do)
        answered += 1
    return answered


def take_collections(database: Database, clock: Clock) -> int:
    """What carriers handed over was paid for at the door, where that was agreed."""

    def work(session: Session) -> int:
        now = clock.now()
        events = outbox.drain(session, CONSUMER, topics=("order",))
        for event in events:
            if event.type == "ParcelDelivered":
                cod.collected(session, UUID(event.body["order"]), now=now)
        return len(events)

    return database.run(work)


def _refuse(
    session: Session, *, refund: Refund, problem: str, to_people: ToPeople, now: datetime
) -> None:
    news = ask.refused(session, refund.refund_id, problem, now=now)
    if news is not None:
        to_people(session, news, now)
