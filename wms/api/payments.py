"""Payments: what an order was paid with, what went back, and refunds that people look at."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from sqlalchemy.orm import Session

from wms.api.dependencies import Now, Svc
from wms.api.return_shapes import PaidIn, RefundOut, RefundsOut, TenderOut
from wms.api.shapes import CommandIn
from wms.errors import NotFound
from wms.orders.change import once
from wms.orders.close import lock_order
from wms.orders.model import Order
from wms.payments.ask import refused_refunds
from wms.payments.model import RefundRow, TenderRow
from wms.payments.refund import find_refund, refunds_of, retry_refund
from wms.payments.tenders import Tender, read_tenders, record_tenders
from wms.returns.people import refund_goes_on

router = APIRouter(tags=["payments"])


@router.get("/oms/v1/orders/{order_id}/refunds")
def get_refunds(order_id: UUID, services: Svc) -> RefundsOut:
    """What an order was paid with, and what of that goes back."""
    return services.database.run(lambda s: _refunds(s, order_id))


@router.put(
    "/oms/v1/orders/{order_id}/tenders/{tender_id}",
    status_code=HTTPStatus.CREATED,
    responses={200: {"model": TenderOut}},
)
def put_tender(
    order_id: UUID, tender_id: UUID, body: PaidIn, response: Response, services: Svc, now: Now
) -> TenderOut:
    """A tender of an order, or that it has brought more since; less is refused as out of date."""
    tender = Tender(id=tender_id, **body.model_dump())

    def work(session: Session) -> TenderOut:
        if session.get(Order, order_id) is None:
            raise NotFound(f"order {order_id}")
        lock_order(session, order_id)
        if tender_id in {row.id for row in read_tenders(session, order_id)}:
            response.status_code = HTTPStatus.OK
        record_tenders(session, order_id, [tender], now=now)
        rows = read_tenders(session, order_id)
        return _tender(next(row for row in rows if row.id == tender_id))

    return services.database.run(work)


@router.post("/oms/v1/refunds/{refund_id}:retry")
def post_retry(refund_id: UUID, body: CommandIn, services: Svc, now: Now) -> RefundOut:
    """Ask the provider once more for a refund that it refused, under the same id."""

    def work(session: Session) -> RefundOut:
        row = find_refund(session, refund_id)
        if once(session, row.order_id, body.command_id, "RETRY_REFUND", str(refund_id), now=now):
            retry_refund(session, refund_id, now=now)
            refund_goes_on(services.floor, session, refund_id)
        session.flush()
        return _refund(find_refund(session, refund_id))

    return services.database.run(work)


@router.get("/console/v1/refunds/refused")
def get_refused(services: Svc, limit: Annotated[int, Query(ge=1, le=500)] = 100) -> list[RefundOut]:
    """Refunds that wait for a person, the oldest first."""
    return services.database.run(
        lambda s: [_refund(row) for row in refused_refunds(s, limit=limit)]
    )


def _refunds(session: Session, order_id: UUID) -> RefundsOut:
    if session.get(Order, order_id) is None:
        raise NotFound(f"order {order_id}")
    return RefundsOut(
        tenders=[_tender(row) for row in read_tenders(session, order_id)],
        refunds=[_refund(row) for row in refunds_of(session, order_id)],
    )


def _tender(row: TenderRow) -> TenderOut:
    names = TenderOut.model_fields
    return TenderOut(**{name: getattr(row, name) for name in names})


def _refund(row: RefundRow) -> RefundOut:
    names = set(RefundOut.model_fields) - {"reference"}
    facts = {name: getattr(row, name) for name in names}
    return RefundOut(**facts, reference=row.provider_reference)
