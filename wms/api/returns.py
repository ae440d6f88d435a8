"""Returns: asked for by shops, received at counters, and the rules of what becomes of them."""

from dataclasses import asdict
from http import HTTPStatus
from uuid import UUID

from fastapi import APIRouter, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from wms.api.dependencies import Now, Svc, Who
from wms.api.return_shapes import (
    CounterReturnIn,
    DispositionTestIn,
    DispositionTestOut,
    OrderReturnsOut,
    ReturnableLineOut,
    ReturnIn,
    ReturnLineOut,
    ReturnOut,
    ReturnPolicyIn,
    VerdictOut,
)
from wms.api.shapes import CommandIn, Text
from wms.errors import NotFound
from wms.ids import derive
from wms.orders.kits import OrderKit, kits_of
from wms.orders.model import Order, OrderLine
from wms.returns.accept import announce_return
from wms.returns.counter import return_at_counter
from wms.returns.ending import cancel_return
from wms.returns.entitled import units_left, window_end
from wms.returns.model import Return, ReturnLine
from wms.returns.policy import read_policy, save_policy
from wms.returns.rules import Facts, Policy, dispose
from wms.shipping.model import BookingRow
from wms.sites import Site

router = APIRouter(tags=["returns"])
CREATED = HTTPStatus.CREATED


@router.put(
    "/oms/v1/returns/{return_id}", status_code=CREATED, responses={200: {"model": ReturnOut}}
)
def put_return(
    return_id: UUID, body: ReturnIn, response: Response, services: Svc, now: Now
) -> ReturnOut:
    """Announce goods that come back; with an order, no more than its customer has had."""
    request = body.request(return_id)
    floor = services.floor
    if not services.database.run(lambda s: announce_return(s, floor, request, now=now)):
        response.status_code = HTTPStatus.OK
    return services.database.run(lambda s: return_out(s, return_id))


@router.get("/oms/v1/returns/{return_id}")
def get_return(return_id: UUID, services: Svc) -> ReturnOut:
    """A return as it stands."""
    return services.database.run(lambda s: return_out(s, return_id))


@router.post("/oms/v1/returns/{return_id}:cancel")
def post_cancel(return_id: UUID, body: CommandIn, services: Svc, now: Now) -> ReturnOut:
    """The customer keeps the goods, while they are not on their way; once or more, it is one."""
    del body  # a return ends once: its own id is enough
    services.database.run(lambda s: cancel_return(s, return_id, now=now))
    return services.database.run(lambda s: return_out(s, return_id))


@router.get(
    "/oms/v1/returns/{return_id}/label",
    response_class=Response,
    responses={200: {"content": {"application/pdf": {}}, "description": "the carrier's label"}},
)
def get_label(return_id: UUID, services: Svc) -> Response:
    """The label that the carrier made for it, as PDF."""
    pdf = services.database.run(lambda s: _label(s, return_id))
    return Response(pdf, media_type="application/pdf")


@router.get("/oms/v1/orders/{order_id}/returns")
def get_order_returns(order_id: UUID, services: Svc) -> OrderReturnsOut:
    """What of an order has come back, and what still may."""
    return services.database.run(lambda s: _of_order(s, order_id))


@router.post("/store/v1/{site}/returns", status_code=CREATED, responses={200: {"model": ReturnOut}})
def post_store_return(
    site: Text, body: CounterReturnIn, response: Response, services: Svc, actor: Who, now: Now
) -> ReturnOut:
    """Take goods over the counter that were bought online; sent again it is done once."""
    request = body.request(site)
    if not services.database.run(lambda s: return_at_counter(s, request, actor, now=now)):
        response.status_code = HTTPStatus.OK
    return services.database.run(lambda s: return_out(s, body.return_id))


@router.get("/console/v1/returns/policy")
def get_policy(services: Svc) -> ReturnPolicyIn:
    """The policy that holds now: windows, deductions, exchanges, and the table of dispositions."""
    return _policy_out(services.database.run(read_policy))


@router.put("/console/v1/returns/policy")
def put_policy(body: ReturnPolicyIn, services: Svc, now: Now) -> ReturnPolicyIn:
    """Let this policy hold from now on, for what is received from now on."""
    policy = body.policy()
    services.database.run(lambda s: save_policy(s, policy, now=now))
    return _policy_out(policy)


@router.post("/console/v1/returns/dispositions:test")
def post_test(body: DispositionTestIn, services: Svc) -> DispositionTestOut:
    """What would become of such goods, and how each rule answers; nothing is done."""
    rules = services.database.run(read_policy).dispositions
    if body.rules is not None:
        rules = tuple(each.rule() for each in body.rules)
    facts = Facts(**body.model_dump(exclude={"rules"}))
    disposition, verdicts = dispose(rules, facts)
    told = [VerdictOut(**asdict(verdict)) for verdict in verdicts]
    return DispositionTestOut(disposition=disposition, verdicts=told)


def return_out(session: Session, return_id: UUID) -> ReturnOut:
    """A return as it stands.

    Raises:
        NotFound: there is none.
    """
    back = session.get(Return, return_id)
    if back is None:
        raise NotFound(f"return {return_id}")
    lines = session.scalars(
        select(ReturnLine).where(ReturnLine.return_id == return_id).order_by(ReturnLine.line_no)
    )
    order = None if back.order_id is None else session.get(Order, back.order_id)
    site = session.scalar(select(Site.code).where(Site.id == back.site_id))
    label = f"/oms/v1/returns/{return_id}/label" if back.tracking is not None else None
    return ReturnOut(
        id=back.id,
        number=back.number,
        order_id=back.order_id,
        status="RETURNED" if back.closed else "REQUESTED",
        state=back.state,
        way=back.way,
        site=site,
        tracking=back.tracking,
        label=label,
        expires_at=back.expires_at,
        received_at=back.received_at,
        refund_minor=back.refund_minor,
        currency="JPY" if order is None else order.currency,
        exchange_id=back.exchange_id,
        lines=[_line(line, site) for line in lines],
    )


def _line(line: ReturnLine, site: str | None) -> ReturnLineOut:
    return ReturnLineOut(
        line_no=line.line_no,
        sku=line.sku,
        units=line.units,
        units_received=line.units_received,
        status="REQUESTED" if line.state == "OPEN" else line.state,
        site=site,
        reason=line.reason,
        grade=line.grade,
        photo=line.photo,
        disposition=line.disposition,
        refund_minor=line.refund_minor,
    )


def _of_order(session: Session, order_id: UUID) -> OrderReturnsOut:
    order = session.get(Order, order_id)
    if order is None:
        raise NotFound(f"order {order_id}")
    left = units_left(session, order)
    lines = session.scalars(
        select(OrderLine)
        .where(OrderLine.order_id == order_id, OrderLine.sku_id.is_not(None))
        .order_by(OrderLine.line_no)
    )
    returns = session.scalars(
        select(Return.id).where(Return.order_id == order_id).order_by(Return.recorded_at, Return.id)
    ).all()
    kits = kits_of(session, [order_id]).get(order_id, {}).values()
    rows: list[tuple[OrderLine | OrderKit, int]] = [
        (line, left.get(line.line_no, 0)) for line in lines if line.kit_no is None
    ]
    rows += [(of.kit, of.kits(left)) for of in kits]
    return OrderReturnsOut(
        until=window_end(session, order, read_policy(session)),
        lines=[
            ReturnableLineOut(
                line_no=line.line_no,
                sku=line.sku,
                units_left=max(0, units),
                price_minor=line.price_minor,
            )
            for line, units in sorted(rows, key=lambda row: row[0].line_no)
        ],
        returns=[return_out(session, each) for each in returns],
    )


def _label(session: Session, return_id: UUID) -> bytes:
    back = session.get(Return, return_id)
    row = None
    if back is not None and back.site_id is not None:
        row = session.get(BookingRow, (back.site_id, derive(return_id, "label")))
    if row is None or not row.label_pdf:
        raise NotFound(f"a carrier's label of return {return_id}")
    return row.label_pdf


def _policy_out(policy: Policy) -> ReturnPolicyIn:
    facts = asdict(policy)
    for rule in facts["dispositions"]:
        for name in ("grades", "reasons", "site_kinds"):
            rule[name] = list(rule[name])
    return ReturnPolicyIn(**(facts | {"dispositions": list(facts["dispositions"])}))
