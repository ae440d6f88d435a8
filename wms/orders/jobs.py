"""What the worker does for orders: what waits is filled, what is due happens, what ended is tidied.

Each order is a transaction of its own, so that one that fails keeps none of the others.
"""

from functools import partial

from edge.clock import Clock
from wms.database import Database
from wms.job import Job
from wms.orders import backorder, cart, hold_supply, reserve, waitlist


def order_jobs(database: Database, clock: Clock) -> list[Job]:
    """The jobs of orders."""

    def backorders() -> int:
        orders = database.run(lambda s: backorder.candidates(s, now=clock.now()))
        return sum(
            database.run(partial(backorder.fill, order_id=o, now=clock.now())) for o in orders
        )

    def supplies() -> int:
        orders = database.run(hold_supply.landed)
        return sum(
            database.run(partial(hold_supply.follow, order_id=o, now=clock.now())) for o in orders
        )

    def reservations() -> int:
        due = database.run(lambda s: reserve.to_remind(s, now=clock.now()))
        done = sum(database.run(partial(reserve.remind, order_id=o, now=clock.now())) for o in due)
        late = database.run(lambda s: reserve.overdue(s, now=clock.now()))
        return done + sum(
            database.run(partial(reserve.expire, order_id=o, now=clock.now())) for o in late
        )

    def waiting_lists() -> int:
        lapsed = database.run(lambda s: waitlist.lapse(s, now=clock.now()))
        queues = database.run(lambda s: waitlist.to_promote(s, now=clock.now()))
        return lapsed + sum(
            database.run(partial(waitlist.promote, site=site, sku=sku, now=clock.now()))
            for site, sku in queues
        )

    def carts() -> int:
        return database.run(lambda s: cart.end_overdue(s, now=clock.now()))

    return [
        Job(name="backorders", run=backorders, idle_s=1.0),
        Job(name="supplies", run=supplies, idle_s=1.0),
        Job(name="reservations", run=reservations, idle_s=5.0),
        Job(name="waiting_lists", run=waiting_lists, idle_s=2.0),
        Job(name="carts", run=carts, idle_s=30.0),
    ]
