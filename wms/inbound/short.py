"""Short: what of a closed delivery did not come is put before people, line by line."""

from datetime import datetime

from sqlalchemy.orm import Session

from wms.ids import derive
from wms.inbound.announce import lines_of, sku_codes
from wms.inbound.judge import is_short
from wms.inbound.model import Asn
from wms.inbound.policy import tolerance_for
from wms.outbound.tell import report


def tell_short(session: Session, asn: Asn, *, actor: str, at: datetime) -> int:
    """Say which lines came short by more than is tolerated; how many."""
    lines = lines_of(session, asn)
    codes = sku_codes(session, [line.sku_id for line in lines])
    short = 0
    for line in lines:
        came = line.received + line.damaged + line.held
        tolerance = tolerance_for(session, asn.site_id, asn.supplier, line.sku_id)
        if not is_short(line.units, came, tolerance):
            continue
        short += 1
        facts = {
            "asn": asn.number, "supplier": asn.supplier, "sku": codes[line.sku_id],
            "announced": line.units, "received": came, "short": line.units - came, "by": actor,
        }  # fmt: skip
        report(
            session, asn.site_id, derive(asn.id, "short", line.line_no), code="inbound.short",
            source="inbound", facts=facts, at=at, priority=3,
        )  # fmt: skip
    return short
