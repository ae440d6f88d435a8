"""The job of billing: in the first days of a month the month before is drafted for every owner."""

from datetime import date, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from edge.clock import Clock
from wms.billing.invoices import draft
from wms.billing.model import Invoice, TariffRow
from wms.catalog import Owner
from wms.database import Database
from wms.job import Job

BOOKKEEPERS = ZoneInfo("Asia/Tokyo")


def billing_jobs(database: Database, clock: Clock) -> list[Job]:
    """The jobs of this area."""

    def drafts() -> int:
        today = clock.now().astimezone(BOOKKEEPERS).date()
        last = (today.replace(day=1) - timedelta(days=1)).replace(day=1)
        made = 0
        for code in database.run(partial(_undrafted, month=last)):
            database.run(partial(draft, owner_code=code, month=last, now=clock.now()))
            made += 1
        return made

    return [Job(name="billing.drafts", run=drafts, idle_s=3600.0)]


def _undrafted(session: Session, month: date) -> list[str]:
    has_tariff = exists().where(TariffRow.owner_id == Owner.id)
    has_invoice = exists().where(Invoice.owner_id == Owner.id, Invoice.month == month)
    query = select(Owner.code).where(has_tariff, ~has_invoice).order_by(Owner.code)
    return list(session.scalars(query))
