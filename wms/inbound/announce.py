"""Announce: a supplier says what comes (入荷予定), says it otherwise, takes it back; and its end.

    announce   taken once under the sender's id; each line becomes a supply of the ledger, so that
               what is on its way may be promised
    change     the whole of it again, as it is now; what was received stays received
    cancel     while nothing of it has come
    close      nothing more comes: what is short is told, and promises on it end

Whatever is wrong with it is said at once, all of it, by line and field. Units are base units.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from wms import outbox
from wms.catalog import Sku
from wms.errors import Conflict, IdReused, NotFound
from wms.ids import SiteId, SkuId, derive
from wms.inbound.check import (
    Announced,
    AnnouncedUnit,
    Announcement,
    Fault,
    FaultyAnnouncement,
    checked,
)
from wms.inbound.model import OPEN_STATES, Asn, AsnLine, AsnUnit
from wms.inbound.supplies import close_supply, say_supply, settle_supply
from wms.sites import Site


class AsnEnded(Conflict):
    """The delivery is closed or cancelled, or goods of it are here already."""

    code: ClassVar[str] = "asn_ended"

    def __init__(self, asn: Asn) -> None:
        super().__init__(f"delivery {asn.number} is {asn.state}")
        self.state = asn.state


class AsnNumberTaken(Conflict):
    """Another delivery of that supplier is open under that number."""

    code: ClassVar[str] = "asn_number_taken"


def find_asn(session: Session, asn_id: UUID, *, lock: bool = True) -> Asn:
    """A delivery by its id, locked.

    Raises:
        NotFound: there is none.
    """
    query = select(Asn).where(Asn.id == asn_id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    asn = session.scalars(query).first()
    if asn is None:
        raise NotFound(f"delivery {asn_id}")
    return asn


def lines_of(session: Session, asn: Asn, *, lock: bool = False) -> list[AsnLine]:
    """Its lines, in order; locked, nothing of them is put away meanwhile."""
    query = select(AsnLine).where(AsnLine.site_id == asn.site_id, AsnLine.asn_id == asn.id)
    if lock:
        query = query.with_for_update()
    fresh = {"populate_existing": True}
    return list(session.scalars(query.order_by(AsnLine.line_no), execution_options=fresh))


def announce_asn(session: Session, request: Announcement, *, now: datetime) -> bool:
    """Take an announcement; False if it has been taken already.

    Raises:
        FaultyAnnouncement: all that is wrong with it.
        IdReused: the id is that of another one.
        AsnNumberTaken: that supplier has sent another one under that number.
    """
    if _is_known(session, request):
        return False
    site, owner, skus = checked(session, request)
    row = {
        "site_id": site.id, "id": request.id, "number": request.number,
        "supplier": request.supplier, "owner_id": owner,
        "purchase_order": request.purchase_order, "eta_p50": request.eta_p50,
        "eta_p90": request.eta_p90, "body_hash": request.body_hash(), "made_at": now,
        "changed_at": now,
    }  # fmt: skip
    made = session.scalar(insert(Asn).values(row).on_conflict_do_nothing().returning(Asn.id))
    if made is None:
        if _is_known(session, request):  # somebody has sent the same at the same time
            return False
        same = (Asn.site_id == site.id, Asn.supplier == request.supplier)
        query = select(Asn.id).where(*same, Asn.number == request.number)
        if session.scalars(query).first() is None:  # it is there, and not for who asks
            raise NotFound(f"delivery {request.id}")
        raise AsnNumberTaken(f"delivery {request.number} of {request.supplier} is open")
    asn = session.get_one(Asn, (site.id, request.id))
    lines = [_line(asn, each, skus[each.line_no]) for each in request.lines]
    session.add_all([*lines, *(_unit(asn, each) for each in request.units)])
    session.flush()
    say_supply(session, asn, lines, now=now)
    return True


def change_asn(session: Session, request: Announcement, *, now: datetime) -> None:
    """The delivery as it is now: another time, other units, lines more or less.

    Raises:
        NotFound, FaultyAnnouncement: as above.
        AsnEnded: it is over.
    """
    asn = find_asn(session, request.id)
    if asn.state not in OPEN_STATES:
        raise AsnEnded(asn)
    _, _, skus = checked(session, request)
    lines = {line.line_no: line for line in lines_of(session, asn)}
    wanted = {each.line_no: each for each in request.lines}
    faults = [
        Fault(no, "sku", "other_sku")
        for no, line in lines.items()
        if no in wanted and skus[no].id != line.sku_id
    ]
    if faults:
        raise FaultyAnnouncement(faults)
    for no, each in wanted.items():
        line = lines.get(no)
        if line is None:
            lines[no] = _line(asn, each, skus[no])
            session.add(lines[no])
        else:
            line.units, line.lot, line.expires_on = each.units, each.lot, each.expires_on
            line.level = each.level
    gone = [line for no, line in lines.items() if no not in wanted]
    for line in gone:
        line.units = 0
    asn.eta_p50, asn.eta_p90, asn.changed_at = request.eta_p50, request.eta_p90, now
    asn.purchase_order = request.purchase_order
    _change_units(session, asn, request)
    session.flush()
    for line in gone:
        close_supply(session, asn, line, now=now)
    say_supply(session, asn, [line for no, line in lines.items() if no in wanted], now=now)


def cancel_asn(session: Session, asn_id: UUID, *, actor: str, now: datetime) -> Asn:
    """Nothing of it comes. Done again it does nothing.

    Raises:
        NotFound: there is no such delivery.
        AsnEnded: some of it is here, or it is closed.
    """
    asn = find_asn(session, asn_id)
    if asn.state == "CANCELLED":
        return asn
    lines = lines_of(session, asn)
    came = any(line.received + line.damaged + line.held for line in lines)
    if asn.state not in OPEN_STATES or came:
        raise AsnEnded(asn)
    asn.state, asn.ended_at, asn.ended_by = "CANCELLED", now, actor
    for unit in _units(session, asn):
        unit.state = "CANCELLED"
    session.flush()
    for line in lines:
        close_supply(session, asn, line, now=now)
    tell(session, asn, "AsnCancelled", {}, now=now)
    return asn


def close_asn(session: Session, asn_id: UUID, *, actor: str, now: datetime) -> Asn:
    """Nothing more of it comes: what is short ends, and its supplier's system is told.

    Raises:
        NotFound: there is no such delivery.
        AsnEnded: it was cancelled.
    """
    asn = find_asn(session, asn_id)
    if asn.state == "CLOSED":
        return asn
    if asn.state not in OPEN_STATES:
        raise AsnEnded(asn)
    asn.state, asn.ended_at, asn.ended_by = "CLOSED", now, actor
    for unit in _units(session, asn):
        unit.state = "CANCELLED" if unit.state == "EXPECTED" else unit.state
    session.flush()
    lines = lines_of(session, asn, lock=True)
    settle_supply(session, asn, lines, now=now)
    codes = sku_codes(session, [line.sku_id for line in lines])
    body = {"lines": [summary(line, codes[line.sku_id]) for line in lines]}
    tell(session, asn, "AsnClosed", body, now=now)
    return asn


def summary(line: AsnLine, sku: str) -> dict[str, object]:
    """A line as it is told to others."""
    came = line.received + line.damaged
    return {
        "line_no": line.line_no,
        "sku": sku,
        "announced": line.units,
        "received": line.received,
        "damaged": line.damaged,
        "held": line.held,
        "short": max(0, line.units - came - line.held),
    }


def sku_codes(session: Session, ids: Sequence[UUID]) -> dict[UUID, str]:
    """The codes of SKUs."""
    return dict(session.execute(select(Sku.id, Sku.code).where(Sku.id.in_(set(ids)))).all())


def tell(
    session: Session, asn: Asn, type_: str, more: Mapping[str, object], *, now: datetime
) -> None:
    """Say what happened to a delivery."""
    site = session.get_one(Site, asn.site_id).code
    body = {
        "id": str(asn.id), "number": asn.number, "supplier": asn.supplier, "site": site, **more
    }  # fmt: skip
    outbox.record(session, topic="order", key=asn.id, type=type_, body=body, now=now)


def _is_known(session: Session, request: Announcement) -> bool:
    known = session.scalars(select(Asn).where(Asn.id == request.id)).first()
    if known is not None and known.body_hash != request.body_hash():
        raise IdReused(request.id)
    return known is not None


def _line(asn: Asn, each: Announced, sku: Sku) -> AsnLine:
    return AsnLine(
        site_id=asn.site_id,
        asn_id=asn.id,
        line_no=each.line_no,
        sku_id=SkuId(sku.id),
        units=each.units,
        lot=each.lot,
        expires_on=each.expires_on,
        level=each.level,
        received=0,
        damaged=0,
        held=0,
        landed=0,
    )


def _unit(asn: Asn, each: AnnouncedUnit) -> AsnUnit:
    return AsnUnit(
        site_id=asn.site_id,
        code=each.code,
        asn_id=asn.id,
        kind=each.kind,
        content={str(no): units for no, units in sorted(each.content.items())},
    )


def _units(session: Session, asn: Asn) -> list[AsnUnit]:
    query = select(AsnUnit).where(AsnUnit.site_id == asn.site_id, AsnUnit.asn_id == asn.id)
    return list(session.scalars(query.order_by(AsnUnit.code)))


def _change_units(session: Session, asn: Asn, request: Announcement) -> None:
    """Units that are not here yet are as they are told now."""
    known = {unit.code: unit for unit in _units(session, asn)}
    for each in request.units:
        unit = known.pop(each.code, None)
        if unit is None:
            session.add(_unit(asn, each))
        elif unit.state == "EXPECTED":
            unit.kind = each.kind
            unit.content = {str(no): units for no, units in sorted(each.content.items())}
    for unit in known.values():
        unit.state = "CANCELLED" if unit.state == "EXPECTED" else unit.state


def asn_id_of(site: SiteId, supplier: str, number: str) -> UUID:
    """The id of a delivery that came in a file: its supplier's number is all that names it."""
    return derive(site, "asn", supplier, number)
