"""Onward: goods that arrived for a customer of the store go on as an allocation of the store.

    allocation at the source   DELIVERED, onward_id ----> allocation at the store, ALLOCATED

In the transaction of the arrival nobody else can take them: they are announced as supply, held
for the order while they are nothing but supply, and land on that hold. So a promise is kept even
where the store keeps a safety stock from everybody.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from wms.catalog import owner_of
from wms.ids import CommandId, HoldId, SiteId, SkuId, derive
from wms.orders.model import Allocation, Order
from wms.stock import incoming, ledger, promises
from wms.transfers.model import Arrival, ArrivalLine


def onward_id(allocation: UUID) -> UUID:
    """The id of the allocation as which goods go on at the site that they went to."""
    return derive(allocation, "onward")


def keep_for(
    session: Session,
    order: Order,
    arrival: Arrival,
    lines: Sequence[ArrivalLine],
    goods: dict[UUID, Allocation],
    *,
    now: datetime,
) -> None:
    """Hold what was received good for the order that it came for."""
    came = [line for line in lines if line.received]
    if not came:
        return
    site = SiteId(arrival.site_id)
    incoming.announce(session, [_supply(session, site, line, now) for line in came], now=now)
    wanted = [_reserve(session, site, order, line) for line in came]
    answers = promises.reserve(session, wanted, now=now)
    assert all(answer.granted for answer in answers), "all of a supply that is new is free"
    incoming.land_supply(session, [_land(site, line) for line in came], now=now)
    ledger.advance(session, [_allocate(site, line, now) for line in came])
    for line in came:
        old = goods[line.allocation_id]
        old.onward_id = onward_id(old.id)
        session.add(
            Allocation(
                site_id=site,
                id=old.onward_id,
                order_id=order.id,
                line_no=line.line_no,
                sku_id=line.sku_id,
                units=line.received,
                state="ALLOCATED",
                ordered_at=old.ordered_at,
            )
        )
    session.flush()


def _supply(session: Session, site: SiteId, line: ArrivalLine, now: datetime) -> incoming.Supply:
    return incoming.Supply(
        site_id=site,
        supply_id=derive(line.allocation_id, "supply"),
        kind="TRANSFER",
        owner_id=owner_of(session, line.sku_id),
        sku_id=SkuId(line.sku_id),
        units=line.received,
        eta_p50=now,
        eta_p90=now,
    )


def _reserve(session: Session, site: SiteId, order: Order, line: ArrivalLine) -> promises.Reserve:
    return promises.Reserve(
        hold_id=HoldId(onward_id(line.allocation_id)),
        site_id=site,
        owner_id=owner_of(session, line.sku_id),
        sku_id=SkuId(line.sku_id),
        units=line.received,
        kind="COLLECT",
        demand_id=order.id,
        supply_id=derive(line.allocation_id, "supply"),
    )


def _land(site: SiteId, line: ArrivalLine) -> incoming.Land:
    return incoming.Land(
        command_id=CommandId(derive(line.allocation_id, "land")),
        site_id=site,
        supply_id=derive(line.allocation_id, "supply"),
        units=line.received,
    )


def _allocate(site: SiteId, line: ArrivalLine, now: datetime) -> ledger.Advance:
    return ledger.Advance(
        command_id=CommandId(derive(line.allocation_id, "onward")),
        site_id=site,
        hold_id=HoldId(onward_id(line.allocation_id)),
        to="ALLOCATED",
        actor="rule:transfer",
        occurred_at=now,
    )
