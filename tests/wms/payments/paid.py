"""Orders that are paid for, for the tests of payments."""

from typing import Any
from uuid import UUID

from tests.builders import NOW, an_id
from wms.database import Database
from wms.orders.place import PlaceLine, PlaceOrder, ShipTo, place_order
from wms.payments.model import RefundRow, TenderRow
from wms.payments.refund import refunds_of
from wms.payments.tenders import Tender, TenderKind, read_tenders, record_tenders

TOKYO = ShipTo(prefecture="東京都", postal_code="100-0001", latitude=35.7, longitude=139.8)


def a_tender(captured_minor: int, kind: TenderKind = "CARD", **more: Any) -> Tender:
    """A tender that has brought so much."""
    tender_id = an_id()
    facts: dict[str, Any] = {"payment": f"pay-{tender_id}"} | more
    return Tender(id=tender_id, kind=kind, captured_minor=captured_minor, **facts)


def an_order(database: Database, *tenders: Tender) -> UUID:
    """An order of a service, which needs no stock, paid with these."""
    order_id = an_id()
    request = PlaceOrder(
        id=order_id, number=f"N-{order_id}", channel="web", placed_at=NOW, customer=None,
        ship_to=TOKYO, lines=(PlaceLine(line_no=1, sku="WRAP", units=1, service=True),),
    )  # fmt: skip
    database.run(lambda s: place_order(s, request, now=NOW))
    if tenders:
        database.run(lambda s: record_tenders(s, order_id, tenders, now=NOW))
    return order_id


def tenders(database: Database, order_id: UUID) -> list[TenderRow]:
    """How its tenders stand, in the order in which they were recorded."""
    return list(database.run(lambda s: read_tenders(s, order_id)))


def refunds(database: Database, order_id: UUID) -> list[RefundRow]:
    """Its refunds."""
    return list(database.run(lambda s: refunds_of(s, order_id)))
