"""A smart shelf says what lies on it: compared with the books, and never put into them.

A tag that does not answer is not a unit that is gone. So a difference is a question for a person,
whose usual answer is a count; when the shelf agrees again, the question ends by itself.
"""

from collections import Counter
from datetime import datetime

from sqlalchemy.orm import Session

from edge.gs1 import Epc, decode_epc
from edge.messages import ShelfSeen
from wms.catalog import find_by_barcode
from wms.ids import LocationId, derive
from wms.outbound.floor import Floor
from wms.outbound.tell import count, report
from wms.sites import locations_by_code
from wms.stock.lying import lying


def compare_shelf(session: Session, floor: Floor, message: ShelfSeen, *, now: datetime) -> bool:
    """Whether the shelf and the books agree; if not, a person is asked."""
    place = locations_by_code(session, floor.hub, [message.shelf]).get(message.shelf)
    if place is None:
        count(session, floor.hub, "shelves_unknown")
        return False
    seen: Counter[str] = Counter()
    unknown = 0
    for epc_hex in message.epcs_hex:
        epc = decode_epc(epc_hex)
        found = None
        if isinstance(epc, Epc) and epc.scheme.word == "sgtin":
            found = find_by_barcode(session, epc.key)
        if found is None:
            unknown += 1
        else:
            seen[found.sku.code] += found.units
    booked: Counter[str] = Counter()
    for each in lying(session, floor.hub, [LocationId(place.id)]):
        booked[each.sku] += each.units
    differs = {
        sku: {"booked": booked[sku], "seen": seen[sku]}
        for sku in sorted(booked | seen)
        if booked[sku] != seen[sku]
    }
    report(
        session, floor.hub, derive(place.id, "shelf"), code="shelf.differs",
        source=message.shelf, priority=3, active=bool(differs), at=now,
        facts={"location": message.shelf, "skus": differs, "unknown_tags": unknown},
    )  # fmt: skip
    return not differs
