"""The rules of a site for extras: kept as they were said, asked for each parcel that is planned."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, fields
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from wms.catalog import Owner, Sku
from wms.ids import SiteId
from wms.orders.model import Allocation, Order, OrderLine
from wms.outbound.extras import Extra, Facts, Rule, When, wanted
from wms.outbound.packing_tables import PackRule
from wms.sites import Site


def rules_of(session: Session, site: UUID) -> tuple[Rule, ...]:
    """The rules of a site, in their order."""
    query = select(PackRule).where(PackRule.site_id == site).order_by(PackRule.position)
    return tuple(_rule(row) for row in session.scalars(query))


def save_rules(session: Session, site: UUID, rules: Sequence[Rule]) -> None:
    """Let these be all the rules of a site, in this order."""
    session.execute(delete(PackRule).where(PackRule.site_id == site))
    session.add_all(
        PackRule(
            site_id=site, code=rule.code, position=position, kind=rule.kind, name=rule.name,
            text=rule.text, picture=rule.picture, scan=rule.scan, each=rule.each,
            which={name: value for name, value in _said(rule.when).items() if value},
        )
        for position, rule in enumerate(rules)
    )  # fmt: skip
    session.flush()


def extras_of(
    session: Session,
    site: UUID,
    order: Order,
    inside: Collection[Allocation],
    *,
    first: bool,
    now: datetime,
) -> tuple[Extra, ...]:
    """What is added to a parcel with these goods."""
    rules = rules_of(session, site)
    if not rules:
        return ()
    return wanted(rules, facts_of(session, site, order, inside, now=now), first=first)


def facts_of(
    session: Session, site: UUID, order: Order, inside: Collection[Allocation], *, now: datetime
) -> Facts:
    """What rules may ask of an order, and of those of its goods."""
    query = select(OrderLine).where(OrderLine.order_id == order.id)
    lines = session.scalars(query.order_by(OrderLine.line_no)).all()
    numbers = {each.line_no for each in inside}
    named = select(Owner.code, Sku.code).join(Sku, Sku.owner_id == Owner.id)
    goods = session.execute(named.where(Sku.id.in_({each.sku_id for each in inside}))).all()
    zone = ZoneInfo(session.get_one(Site, SiteId(site)).time_zone)
    return Facts(
        on=now.astimezone(zone).date(),
        owners=frozenset(owner for owner, _ in goods),
        channel=order.channel,
        fulfilment=order.fulfilment,
        skus=frozenset(sku for _, sku in goods),
        gifts=tuple(
            dict.fromkeys(line.gift for line in lines if line.gift and line.line_no in numbers)
        ),
        worth_minor=sum(line.price_minor * line.units for line in lines),
    )


def _said(when: When) -> dict[str, Any]:
    said = asdict(when)
    return {k: v.isoformat() if isinstance(v, date) else v for k, v in said.items()}


def _rule(row: PackRule) -> Rule:
    kept: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in row.which.items()
    }
    for name in ("from_on", "until_on"):
        if name in kept:
            kept[name] = date.fromisoformat(kept[name])
    facts = {each.name: getattr(row, each.name) for each in fields(Rule) if each.name != "when"}
    return Rule(**facts, when=When(**kept))
