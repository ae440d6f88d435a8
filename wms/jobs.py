"""The jobs of the worker, all of them, with what they need (wms.job says what a job is).

    Jobs(...).all()    every job with its pause: what `soko worker` makes loops of

Those of an area stand in `jobs.py` of that area (`collect_jobs(database, clock) -> [Job, ...]`);
here they are put together.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

import structlog
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from edge.clock import Clock
from optimizer.result import Limits
from wms import outbox
from wms.billing.jobs import billing_jobs
from wms.collect.jobs import collect_jobs
from wms.collect.policy import is_for_release
from wms.contacts.keys import Keys
from wms.control import alarms, out_of_service
from wms.counting.jobs import counting_jobs
from wms.database import Database
from wms.epcis.tell import epcis_jobs
from wms.ids import SiteId
from wms.inbound.jobs import inbound_jobs
from wms.job import Job
from wms.masters.jobs import masters_jobs
from wms.notices.brand import Brand
from wms.notices.jobs import notice_jobs
from wms.orders import source
from wms.orders.jobs import order_jobs
from wms.orders.model import Allocation
from wms.orders.source_jobs import sourcing_jobs
from wms.outbound.booking import Desk
from wms.outbound.few_totes import choose_totes
from wms.outbound.floor import Floor
from wms.outbound.packing_jobs import packing_jobs
from wms.outbound.printing_jobs import printing_jobs
from wms.outbound.robot import present
from wms.outbound.walks import LOOKED_FOR, make_walks
from wms.payments.jobs import payments_jobs
from wms.planner.jobs import planner_jobs
from wms.planner.work import HERE, How
from wms.ports import Carrier, Notifier, Payments, Webhooks
from wms.privacy.jobs import privacy_jobs
from wms.replenishment.jobs import replenishment_jobs
from wms.replenishment.propose import fill_pressed
from wms.returns.jobs import return_jobs
from wms.returns.people import tell_of_refund
from wms.stock import checkpoint, lanes, promises
from wms.stock.seal import ROWS_A_SEAL, Sealer
from wms.transfers.jobs import transfers_jobs
from wms.waves.channel import codes_in_turn, release_channel, totes_for
from wms.waves.jobs import waves_jobs
from wms.webhooks.jobs import webhook_jobs

log = structlog.get_logger(__name__)

EVENTS_KEPT = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Jobs:
    """What the jobs need."""

    database: Database
    clock: Clock
    floor: Floor
    carrier: Carrier
    webhooks: Webhooks
    carriers: Mapping[str, Carrier] = field(default_factory=dict)  # with an API of their own
    sealer: Sealer | None = None
    payments: Payments | None = None  # nobody: what is to be refunded waits
    notifier: Notifier | None = None  # nobody: customers are told nothing
    contacts_keys: Keys | None = None
    brand: Brand = field(default_factory=Brand)
    has_all_sites: bool = True  # one cell; in several none sees both ends of a transfer
    seal_every_s: float = 10.0
    source_orders: int = source.ORDERS_MAX
    source_s: float = source.BUDGET_S
    walks: Limits = LOOKED_FOR
    plans: How = HERE

    def all(self) -> list[Job]:
        """Every job, with its pause."""
        return [
            Job(name="source", run=self.source, idle_s=0.1),
            Job(name="release", run=self.release, idle_s=0.2),
            Job(name="book", run=self.book, idle_s=0.5),
            Job(name="track", run=self.track, idle_s=0.5),
            Job(name="expire", run=self.expire, idle_s=5.0),
            Job(name="seal", run=self.seal, idle_s=self.seal_every_s),
            Job(name="close", run=self.close_month, idle_s=600.0),
            Job(name="watch", run=self.watch_lanes, idle_s=60.0),
            Job(name="forget", run=self.forget, idle_s=60.0),
            *self.of_areas(),
        ]

    def of_areas(self) -> list[Job]:
        """The jobs of the areas."""
        return [
            *sourcing_jobs(self.database, self.clock),
            *order_jobs(self.database, self.clock),
            *payments_jobs(
                self.database, self.clock, self.payments, partial(tell_of_refund, self.floor)
            ),
            *return_jobs(self.database, self.clock, self.floor),
            *packing_jobs(self.database, self.clock, self.floor),
            *waves_jobs(self.database, self.clock),
            *transfers_jobs(self.database, self.clock, self.floor),
            *inbound_jobs(self.database, self.clock, self.floor),
            *replenishment_jobs(self.database, self.clock),
            *epcis_jobs(self.database, self.clock, self.brand.public_url),
            *planner_jobs(self.database, self.clock, self.plans),
            *webhook_jobs(self.database, self.clock, self.webhooks),
            *collect_jobs(self.database, self.clock),
            *masters_jobs(self.database, self.clock),
            *counting_jobs(self.database, self.clock),
            *billing_jobs(self.database, self.clock),
            *printing_jobs(self.database, self.clock, self.contacts_keys),
            *privacy_jobs(self.database, self.clock, self.contacts_keys),
            *notice_jobs(self.database, self.clock, self.notifier, self.contacts_keys, self.brand),
        ]

    def source(self) -> int:
        """Give a batch of orders to the sites that fulfil them best."""
        now, limit = self.clock.now(), self.source_orders
        gathered = self.database.run(lambda s: source.gather(s, now=now, limit=limit))
        if gathered is None:
            return 0
        decided = source.solve(gathered, budget_s=self.source_s)
        return self.database.run(lambda s: source.assign(s, decided, now=self.clock.now()))

    def release(self) -> int:
        """Make work of what is allocated, at every site, as its floor can take it."""
        done = 0
        for site in self.database.run(_sites_with_work):
            now = self.clock.now()
            for code in self.database.run(partial(codes_in_turn, site=site)):
                look = partial(totes_for, site=site, code=code, only=is_for_release(), now=now)
                wanted = self.database.run(look)
                totes = choose_totes(wanted) if wanted is not None else frozenset()
                release = partial(
                    release_channel, site=site, floor=self.floor, code=code, totes=totes
                )
                pinned = self.database.run(partial(release, only=is_for_release(), now=now))
                if pinned:  # what that empties is filled before it runs dry
                    self.database.run(partial(fill_pressed, site=site, now=now))
                done += pinned
            done += self.database.run(partial(make_walks, site=site, now=now, limits=self.walks))
        return done + self.database.run(lambda s: present(s, self.floor, now=self.clock.now()))

    @property
    def desk(self) -> Desk:
        """Who talks to carriers."""
        return Desk(
            database=self.database,
            clock=self.clock,
            floor=self.floor,
            otherwise=self.carrier,
            carriers=self.carriers,
            keys=self.contacts_keys,
        )

    def book(self) -> int:
        """Announce packed parcels to their carriers."""
        return self.desk.book()

    def track(self) -> int:
        """Ask the carriers what they have done."""
        return self.desk.track()

    def expire(self) -> int:
        """End the holds whose time has run out; block the lots whose last day is over."""
        now = self.clock.now()
        ended = self.database.run(lambda s: promises.expire(s, now=now))
        return len(ended) + self.database.run(lambda s: promises.judge_lots(s, now=now))

    def forget(self) -> int:
        """Forget what every consumer has had and is a week old, and old alarms; part by part."""
        now = self.clock.now()
        forgotten = self.database.run(lambda s: outbox.forget(s, before=now - EVENTS_KEPT))
        forgotten += self.database.run(lambda s: out_of_service.end(s, now))
        return forgotten + self.database.run(lambda s: alarms.forget(s, now))

    def seal(self) -> int:
        """Seal what has moved; returns how many rows. A long backlog is sealed part by part."""
        if self.sealer is None:
            return 0
        made = self.database.run(self.sealer.seal)
        if made is None:
            return 0
        self.sealer.remember(made)
        log.info("books.sealed", seal=made.number, rows=made.rows, hash=made.hash.hex())
        return made.rows if made.rows >= ROWS_A_SEAL else 0

    def close_month(self) -> int:
        """Fold the month that is over, a site at a time; too early is asked again."""
        made = 0
        self.database.run(checkpoint.open_months)
        for site, month in self.database.run(checkpoint.due):
            if self.database.run(partial(checkpoint.make, site=site, month=month)):
                made += 1
        if made:
            log.info("books.month_closed", sites=made)
        return 0

    def watch_lanes(self) -> int:
        """Raise alarms for what is on its way for too long."""
        raised = self.database.run(
            lambda s: lanes.sweep(s, now=self.clock.now(), network=self.has_all_sites)
        )
        if raised:
            log.warning("lanes.overdue", raised=raised)
        return 0


def _sites_with_work(session: Session) -> list[SiteId]:
    waiting = (Allocation.state == "PINNED") & Allocation.task_id.is_(None) & ~Allocation.by_robot
    query = select(Allocation.site_id).where(or_(Allocation.state == "ALLOCATED", waiting))
    return [SiteId(site) for site in session.scalars(query.distinct().order_by(Allocation.site_id))]
