"""What people must look at: refunds that were refused, boxes in which something else came."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.orm import Session

from wms.ids import derive
from wms.outbound.floor import Floor
from wms.outbound.model import ExceptionRow
from wms.outbound.tell import report
from wms.payments.ask import Refused

# Goods are here that nobody waits for any more: a counter takes them in, or they go back.
UNEXPECTED = "return.unexpected"


def tell_of_refund(floor: Floor, session: Session, news: Refused, now: datetime) -> None:
    """A provider will not give money back: somebody must see why, and try again or pay by hand."""
    facts = {
        "order": str(news.order_id),
        "refund": str(news.refund_id),
        "tender": news.kind,
        "amount_minor": news.amount.amount_minor,
        "currency": news.amount.currency,
        "problem": news.problem,
    }
    trouble = derive(news.refund_id, "refused")
    report(
        session, floor.hub, trouble, code="refund.refused", source="payments", facts=facts, at=now
    )


def refund_goes_on(floor: Floor, session: Session, refund_id: UUID) -> None:
    """A person has looked, and has it asked for again."""
    trouble = derive(refund_id, "refused")
    session.execute(
        update(ExceptionRow)
        .where(ExceptionRow.site_id == floor.hub, ExceptionRow.id == trouble)
        .values(active=False)
    )


def tell_of_return(
    session: Session, site: UUID, return_id: UUID, *, code: str, facts: dict[str, Any], at: datetime
) -> None:
    """A return is not what was announced."""
    trouble = derive(return_id, code)
    said = {"return": str(return_id), **facts}
    report(session, site, trouble, code=code, source="returns", facts=said, at=at)
