"""What is tolerated, and how goods are inspected: the line that says most about them counts.

supplier and SKU > SKU > supplier > any
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from wms.catalog import Sku
from wms.errors import Rejected
from wms.ids import SiteId
from wms.inbound.judge import Plan, Switch, Tolerance
from wms.inbound.model import InboundPolicy, InspectionPlan, InspectionSwitch, PutawayTable

ANY = UUID(int=0)
Table: TypeAlias = type[InboundPolicy] | type[InspectionPlan]
_TOLERANCE = tuple(Tolerance.__slots__)
_PLAN = tuple(Plan.__slots__)


class NoPlan(Rejected):
    """A sample of more units than there are to take it of."""

    code = "no_inspection_plan"


def tolerance_for(session: Session, site: UUID, supplier: str, sku: UUID) -> Tolerance:
    """What is tolerated of that supplier and SKU."""
    found = _best(session, InboundPolicy, site, supplier, sku)
    if found is None:
        return Tolerance()
    return Tolerance(**{name: getattr(found, name) for name in _TOLERANCE})


def plan_for(session: Session, site: UUID, supplier: str, sku: UUID) -> Plan | None:
    """How goods of that supplier and SKU are inspected; None: not at all."""
    found = _best(session, InspectionPlan, site, supplier, sku)
    if found is None or not found.active:
        return None
    return Plan(**{name: getattr(found, name) for name in _PLAN})


def switch_of(session: Session, site: UUID, supplier: str, sku: UUID) -> Switch:
    """What was found of them so far, locked until the transaction ends."""
    row = {"site_id": site, "supplier": supplier, "sku_id": sku}
    session.execute(insert(InspectionSwitch).values(row).on_conflict_do_nothing())
    key = (site, supplier, sku)
    known = session.get_one(InspectionSwitch, key, with_for_update=True, populate_existing=True)
    return Switch(good_run=known.good_run, skipped=known.skipped, tight=known.tight)


def set_switch(session: Session, site: UUID, supplier: str, sku: UUID, switch: Switch) -> None:
    """What was found of them, from now on."""
    known = session.get_one(InspectionSwitch, (site, supplier, sku))
    known.good_run, known.skipped, known.tight = switch.good_run, switch.skipped, switch.tight
    session.flush()


def save_tolerance(
    session: Session, site: SiteId, supplier: str, sku: UUID | None, tolerance: Tolerance
) -> None:
    """Say what is tolerated of a supplier ('' any) and a SKU (None: any)."""
    facts = {name: getattr(tolerance, name) for name in _TOLERANCE}
    _save(session, InboundPolicy, (site, supplier, sku), facts)


def save_plan(
    session: Session, site: SiteId, supplier: str, sku: UUID | None, plan: Plan, *, active: bool
) -> None:
    """Say how goods of a supplier ('' any) and a SKU (None: any) are inspected.

    Raises:
        NoPlan: the sample is larger than what it is taken of.
    """
    if plan.sample_units > plan.of_units:
        raise NoPlan(f"{plan.sample_units} of {plan.of_units}")
    facts = {name: getattr(plan, name) for name in _PLAN} | {"active": active}
    _save(session, InspectionPlan, (site, supplier, sku), facts)


def read_all(session: Session, table: Table, site: UUID) -> Sequence[tuple[Any, str | None]]:
    """All lines of a site, each with the code of its SKU."""
    query = (
        select(table, Sku.code)
        .outerjoin(Sku, Sku.id == table.sku_id)
        .where(table.site_id == site)
        .order_by(table.supplier, Sku.code)
    )
    return [(row[0], row[1]) for row in session.execute(query)]


def latest_table(session: Session, site: UUID) -> PutawayTable | None:
    """The putaway rules of a site; None: the usual ones."""
    query = select(PutawayTable).where(PutawayTable.site_id == site)
    return session.scalars(query.order_by(PutawayTable.version.desc()).limit(1)).first()


def save_table(
    session: Session, site: SiteId, rules: list[dict[str, Any]], *, actor: str, now: datetime
) -> PutawayTable:
    """A new version of a site's putaway rules; the same rules again are no new one."""
    known = latest_table(session, site)
    if known is not None and known.rules == rules:
        return known
    version = 1 if known is None else known.version + 1
    row = {
        "site_id": site, "version": version, "rules": rules, "made_at": now, "made_by": actor,
    }  # fmt: skip
    session.execute(insert(PutawayTable).values(row).on_conflict_do_nothing())
    return session.get_one(PutawayTable, (site, version))


def _best(session: Session, table: Table, site: UUID, supplier: str, sku: UUID) -> Any:
    query = select(table).where(
        table.site_id == site, table.supplier.in_(("", supplier)), table.sku_id.in_((ANY, sku))
    )
    found: Sequence[Any] = session.scalars(query).all()
    return max(found, key=lambda each: (each.sku_id != ANY, each.supplier != ""), default=None)


def _save(
    session: Session,
    table: Table,
    key: tuple[UUID, str, UUID | None],
    facts: dict[str, Any],
) -> None:
    site, supplier, sku = key
    row = {"site_id": site, "supplier": supplier, "sku_id": sku or ANY, **facts}
    statement = insert(table).values(row)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["site_id", "supplier", "sku_id"], set_=facts
        )
    )
