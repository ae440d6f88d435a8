"""Gate: a unit that was announced is seen by an RFID gate: all in it is received, once.

    IN          each SSCC (or GRAI of what it stands in) that is expected: received as announced
    AMBIGUOUS   nobody knows which way: an exception, never a movement (wms.outbound.ship)
    OUT         nothing of ours

Units with goods of which each must be looked at (serials, weights, lots that nobody has told) are
put before people. Tags of single goods (SGTIN) inside a unit are compared with what was announced:
fewer than that is an exception, as tags are read badly next to water and metal.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from edge.gs1 import Epc, decode_epc
from wcs.messages import GatePassage
from wms.catalog import find_by_barcode
from wms.ids import SiteId, derive
from wms.inbound.announce import find_asn, lines_of
from wms.inbound.book import CountIt, book_unit
from wms.inbound.model import OPEN_STATES, Asn, AsnUnit
from wms.inbound.putaway import put_away_later
from wms.outbound.floor import Floor
from wms.outbound.ship import evidence
from wms.outbound.tell import report

UNITS_OF = ("sscc", "grai")  # whatever their tags look like


def receive_passage(
    session: Session, floor: Floor, message: GatePassage, message_id: UUID, *, now: datetime
) -> int:
    """Receive the units that came in through a gate of the hub; how many."""
    epcs = [epc for each in message.epcs_hex if isinstance(epc := decode_epc(each), Epc)]
    keys = {epc.key for epc in epcs if epc.scheme.word in UNITS_OF}
    units = _expected(session, floor.hub, keys)
    if not units:
        return 0
    if message.direction != "IN":
        if message.direction == "AMBIGUOUS":
            _ambiguous(session, floor.hub, message, message_id, units)
        return 0
    received = 0
    for unit in units:
        received += _receive(session, floor, unit, message, message_id, now=now)
    _compare(session, floor.hub, units, epcs, message, message_id)
    return received


def _expected(session: Session, site: SiteId, keys: set[str]) -> Sequence[AsnUnit]:
    query = (
        select(AsnUnit)
        .join(Asn, (Asn.site_id == AsnUnit.site_id) & (Asn.id == AsnUnit.asn_id))
        .where(
            AsnUnit.site_id == site,
            AsnUnit.code.in_(keys),
            AsnUnit.state == "EXPECTED",
            Asn.state.in_(OPEN_STATES),
        )
        .order_by(AsnUnit.asn_id, AsnUnit.code)
    )
    return session.scalars(query).all()


def _receive(
    session: Session,
    floor: Floor,
    unit: AsnUnit,
    message: GatePassage,
    message_id: UUID,
    *,
    now: datetime,
) -> int:
    asn = find_asn(session, unit.asn_id)
    session.refresh(unit, with_for_update=True)
    actor = f"device:{message.gate}"
    try:
        booked = book_unit(
            session, asn, unit, cause=message_id, actor=actor, at=message.ended_at, now=now
        )
    except CountIt as error:
        facts = {"asn": asn.number, "sscc": unit.code, "sku": error.sku, "gate": message.gate}
        report(
            session, floor.hub, derive(asn.id, "count", unit.code), code="inbound.count_unit",
            source=message.gate, facts=facts, at=message.at, priority=3,
        )  # fmt: skip
        return 0
    if booked is None:
        return 0
    if not booked.in_quality:
        cause = derive(asn.id, "unit", unit.code)
        put_away_later(session, floor.hub, unit.code, cause=cause, now=now, floor=floor)
    return 1


def _ambiguous(
    session: Session,
    site: SiteId,
    message: GatePassage,
    message_id: UUID,
    units: Sequence[AsnUnit],
) -> None:
    facts = {**evidence(message), "sscc": [unit.code for unit in units]}
    report(
        session, site, derive(message_id, "inbound"), code="inbound.gate_ambiguous",
        source=message.gate, facts=facts, at=message.at,
    )  # fmt: skip


def _compare(
    session: Session,
    site: SiteId,
    units: Sequence[AsnUnit],
    epcs: Sequence[Epc],
    message: GatePassage,
    message_id: UUID,
) -> None:
    """Where single goods have tags: fewer than announced is a question for a person."""
    seen = Counter(epc.key for epc in epcs if epc.scheme.word == "sgtin")
    if not seen:
        return
    wanted: Counter[UUID] = Counter()
    for unit in units:
        asn = session.get_one(Asn, (unit.site_id, unit.asn_id))
        skus = {line.line_no: line.sku_id for line in lines_of(session, asn)}
        for no, count in unit.content.items():
            wanted[skus[int(no)]] += count
    found: Counter[UUID] = Counter()
    for gtin, count in seen.items():
        scanned = find_by_barcode(session, gtin)
        if scanned is not None:
            found[scanned.sku.id] += count * scanned.units
    missing = {
        str(sku): count - found[sku] for sku, count in wanted.items() if 0 < found[sku] < count
    }
    if missing:
        facts = {
            "gate": message.gate, "sscc": [unit.code for unit in units],
            "missing": sum(missing.values()),
        }  # fmt: skip
        report(
            session, site, derive(message_id, "missing"), code="inbound.tags_missing",
            source=message.gate, facts=facts, at=message.at, priority=3,
        )  # fmt: skip
