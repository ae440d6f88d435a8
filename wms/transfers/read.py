"""Read: how a transfer stands, and which parcels are on their way to a site."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from wms.catalog import Sku
from wms.errors import NotFound
from wms.orders.model import ENDED, Allocation, Order, OrderLine
from wms.sites import Site
from wms.transfers.model import Arrival, ArrivalLine, Transfer


@dataclass(frozen=True, slots=True, kw_only=True)
class LineView:
    """A line of a transfer: units wanted, on their way, and what became of the others."""

    line_no: int
    sku: str
    units: int
    on_the_way: int
    received: int
    damaged: int
    short: int
    cancelled: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ParcelView:
    """A parcel that has left; `differences` is what was not as sent."""

    id: UUID
    site: str
    from_site: str
    order_id: UUID
    number: str
    sscc: str
    state: str
    shipped_at: datetime
    due_at: datetime
    overdue: bool
    ended_at: datetime | None
    ended_by: str
    reason: str
    lines: Sequence["ContentView"] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentView:
    """Units in a parcel, and what was found when it came."""

    line_no: int
    sku: str
    units: int
    received: int
    damaged: int
    short: int
    surplus: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferView:
    """A transfer as it stands.

    PLACED, SHIPPED (some of it is on a lane, nothing is left to pick), ENDED.
    """

    id: UUID
    number: str
    from_site: str
    to_site: str
    why: str
    state: str
    eta_p50: datetime
    eta_p90: datetime
    made_at: datetime
    proposal_id: UUID | None
    lines: Sequence[LineView]
    parcels: Sequence[ParcelView]


def one_transfer(session: Session, order_id: UUID) -> TransferView:
    """A transfer.

    Raises:
        NotFound: there is none of that id.
    """
    transfer = session.get(Transfer, order_id)
    if transfer is None:
        raise NotFound(f"transfer {order_id}")
    order = session.get_one(Order, order_id)
    codes = dict(
        session.execute(
            select(Site.id, Site.code).where(
                Site.id.in_((transfer.from_site_id, transfer.to_site_id))
            )
        ).all()
    )
    return TransferView(
        id=order.id,
        number=order.number,
        from_site=codes[transfer.from_site_id],
        to_site=codes[transfer.to_site_id],
        why=transfer.why,
        state=_state(session, order),
        eta_p50=transfer.eta_p50,
        eta_p90=transfer.eta_p90,
        made_at=transfer.made_at,
        proposal_id=transfer.proposal_id,
        lines=_line_views(session, order.id),
        parcels=arrivals(session, order_id=order.id),
    )


def arrivals(
    session: Session,
    *,
    site: str | None = None,
    state: str | None = None,
    order_id: UUID | None = None,
    arrival_id: UUID | None = None,
    limit: int = 500,
) -> list[ParcelView]:
    """Parcels on their way to sites of ours, or that were; the longest on its way first."""
    source = aliased(Site)
    query = (
        select(Arrival, Site.code, source.code, Order.number)
        .join(Site, Site.id == Arrival.site_id)
        .join(source, source.id == Arrival.from_site_id)
        .join(Order, Order.id == Arrival.order_id)
        .order_by(Arrival.shipped_at, Arrival.sscc)
        .limit(limit)
    )
    if site is not None:
        query = query.where(Site.code == site)
    if state is not None:
        query = query.where(Arrival.state == state)
    if order_id is not None:
        query = query.where(Arrival.order_id == order_id)
    if arrival_id is not None:
        query = query.where(Arrival.id == arrival_id)
    rows = session.execute(query).all()
    inside = _contents(session, [arrival.id for arrival, *_ in rows])
    return [
        ParcelView(
            id=arrival.id,
            site=code,
            from_site=from_code,
            order_id=arrival.order_id,
            number=number,
            sscc=arrival.sscc,
            state=arrival.state,
            shipped_at=arrival.shipped_at,
            due_at=arrival.due_at,
            overdue=arrival.overdue,
            ended_at=arrival.ended_at,
            ended_by=arrival.ended_by,
            reason=arrival.reason,
            lines=inside[arrival.id],
        )
        for arrival, code, from_code, number in rows
    ]


def _contents(session: Session, ids: Sequence[UUID]) -> defaultdict[UUID, list[ContentView]]:
    query = (
        select(ArrivalLine, Sku.code)
        .join(Sku, Sku.id == ArrivalLine.sku_id)
        .where(ArrivalLine.arrival_id.in_(ids))
        .order_by(ArrivalLine.line_no, ArrivalLine.allocation_id)
    )
    inside: defaultdict[UUID, list[ContentView]] = defaultdict(list)
    for line, sku in session.execute(query):
        inside[line.arrival_id].append(
            ContentView(
                line_no=line.line_no,
                sku=sku,
                units=line.units,
                received=line.received,
                damaged=line.damaged,
                short=line.short,
                surplus=line.surplus,
            )
        )
    return inside


def _state(session: Session, order: Order) -> str:
    if order.closed:
        return "ENDED"
    live = set(
        session.scalars(
            select(Allocation.state).where(
                Allocation.order_id == order.id, Allocation.state.not_in((*ENDED, "DELIVERED"))
            )
        )
    )
    return "SHIPPED" if live == {"SHIPPED"} else "PLACED"


def _line_views(session: Session, order_id: UUID) -> list[LineView]:
    of_way = (
        select(Allocation.line_no, func.sum(Allocation.units))
        .where(Allocation.order_id == order_id, Allocation.state.not_in((*ENDED, "DELIVERED")))
        .group_by(Allocation.line_no)
    )
    live = {line_no: int(units) for line_no, units in session.execute(of_way)}
    of_end = (
        select(ArrivalLine.line_no, func.sum(ArrivalLine.received), func.sum(ArrivalLine.damaged))
        .join(
            Arrival,
            (Arrival.site_id == ArrivalLine.site_id) & (Arrival.id == ArrivalLine.arrival_id),
        )
        .where(Arrival.order_id == order_id)
        .group_by(ArrivalLine.line_no)
    )
    came = {no: (int(good), int(broken)) for no, good, broken in session.execute(of_end)}
    lines = select(OrderLine).where(OrderLine.order_id == order_id).order_by(OrderLine.line_no)
    views = []
    for line in session.scalars(lines):
        received, damaged = came.get(line.line_no, (0, 0))
        views.append(
            LineView(
                line_no=line.line_no,
                sku=line.sku,
                units=line.units,
                on_the_way=live.get(line.line_no, 0),
                received=received,
                damaged=damaged,
                short=line.units_short - damaged,
                cancelled=line.units_cancelled,
            )
        )
    return views
