"""The job that plans packing: an order whose goods have all been picked becomes parcels.

Each order is a transaction of its own. One that cannot be planned holds no other up: the others
are done first, then it is told, and it is tried again.
"""

from functools import partial

from edge.clock import Clock
from wms.database import Database
from wms.errors import Unavailable
from wms.job import Job
from wms.outbound.floor import Floor
from wms.outbound.pack import all_picked, plan_packing


def packing_jobs(database: Database, clock: Clock, floor: Floor) -> list[Job]:
    """Plan what has been picked."""

    def pack() -> int:
        done, failed = 0, None
        for site, order in database.run(all_picked):
            plan = partial(plan_packing, floor=floor, site=site, order_id=order, now=clock.now())
            try:
                done += database.run(plan)
            except Unavailable:
                raise
            except Exception as error:  # noqa: BLE001 - whatever is wrong with this one
                failed = error
        if failed is not None:
            raise failed
        return done

    return [Job(name="pack", run=pack, idle_s=0.2)]
