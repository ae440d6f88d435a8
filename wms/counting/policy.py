"""The policy of a site, as it was saved; and what a unit is worth."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.orm import Session

from wms.counting.model import CountClass, CountPolicyRow, SkuValue
from wms.counting.rules import Policy
from wms.ids import SiteId
from wms.orders.model import Order, OrderLine

_POLICY: TypeAdapter[Policy] = TypeAdapter(Policy)


def read_policy(session: Session, site: UUID) -> Policy:
    """How that site counts."""
    row = session.get(CountPolicyRow, site)
    return Policy() if row is None else _POLICY.validate_python(row.body)


def save_policy(session: Session, site: SiteId, policy: Policy, *, now: datetime) -> None:
    """From now on it counts so."""
    row = {"site_id": site, "body": asdict(policy), "saved_at": now}
    new = insert(CountPolicyRow).values(row)
    changes = {"body": new.excluded.body, "saved_at": now}
    session.execute(new.on_conflict_do_update(index_elements=["site_id"], set_=changes))


def save_values(session: Session, values: Mapping[UUID, int], *, now: datetime) -> None:
    """What a unit of these SKUs is worth, in minor units."""
    rows = [
        {"sku_id": sku, "value_minor": value, "saved_at": now}
        for sku, value in sorted(values.items())
    ]
    if rows:
        new = insert(SkuValue)
        changes = {"value_minor": new.excluded.value_minor, "saved_at": now}
        session.execute(new.on_conflict_do_update(index_elements=["sku_id"], set_=changes), rows)


def values_of(session: Session, skus: Iterable[UUID]) -> dict[UUID, int]:
    """What a unit of each is worth: as it was said, else what it was last sold for."""
    wanted = set(skus)
    said = select(SkuValue.sku_id, SkuValue.value_minor).where(SkuValue.sku_id.in_(wanted))
    values: dict[UUID, int] = dict(session.execute(said).all())
    if rest := wanted - values.keys():
        sold = (
            select(OrderLine.sku_id, OrderLine.price_minor)
            .join(Order, Order.id == OrderLine.order_id)
            .where(OrderLine.sku_id.in_(rest), OrderLine.price_minor > 0)
            .ext(distinct_on(OrderLine.sku_id))
            .order_by(OrderLine.sku_id, Order.placed_at.desc(), Order.id)
        )
        values |= dict(session.execute(sold).all())  # type: ignore[arg-type]
    return {sku: values.get(sku, 0) for sku in wanted}


def class_of(session: Session, site: UUID, skus: Iterable[UUID]) -> str:
    """The class of a place: the strictest of what lies there."""
    query = select(func.min(CountClass.abc)).where(
        CountClass.site_id == site, CountClass.sku_id.in_(set(skus))
    )
    return session.scalar(query) or "C"
