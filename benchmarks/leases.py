"""Tasks leased a second by many at once from one pool, two ways: a part of benchmarks.operators.

ours     FOR UPDATE SKIP LOCKED of the task that is worth most to whoever asks
naive    as one would write it first: the next row, locked, waiting for whoever has it
"""

import threading
import time
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import TypeAlias

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from edge.clock import SystemClock
from wms.database import Database
from wms.work.actor import Actor
from wms.work.model import Task
from wms.work.packet import Packet
from wms.work.pool import lease_next, take

CLOCK = SystemClock()
LEASERS = 16


Lease: TypeAlias = Callable[[Session, str, Actor, datetime], Packet | None]


def naive(session: Session, site: str, actor: Actor, now: datetime) -> Packet | None:
    """Lock the next row, waiting for whoever has it."""
    free = or_(Task.state == "OPEN", (Task.state == "LEASED") & (Task.lease_until < now))
    query = select(Task).where(Task.kind == "pick", free).order_by(Task.made_at, Task.id)
    task = session.scalars(query.limit(1).with_for_update()).first()
    if task is None:
        return None
    task.fence += 1
    return take(session, task, site, actor, now=now)


def ours(session: Session, site: str, actor: Actor, now: datetime) -> Packet | None:
    """From the pool."""
    return lease_next(session, site, ["pick"], actor, now=now)


def leases_per_s(database: Database, site: str, how: Lease) -> float:
    """Tasks leased a second by many at once, till there are no more; none is kept."""
    counts = [0] * LEASERS
    began = time.perf_counter()

    def lease(number: int) -> None:
        while (
            database.run(partial(_one_more, how, site, f"l-{number}-{counts[number]}")) is not None
        ):
            counts[number] += 1

    threads = [threading.Thread(target=lease, args=(number,)) for number in range(LEASERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - began
    with database.engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE task SET state = 'OPEN', device = NULL, operator = NULL, lease_until = NULL,"
            " fence = 0 WHERE state = 'LEASED'"
        )
    return round(sum(counts) / seconds, 1)


def _one_more(how: Lease, site: str, device: str, session: Session) -> Packet | None:
    return how(session, site, Actor(device=device, operator="l"), CLOCK.now())
