"""Supplies: what is announced may be promised; what has come, and may be sold, keeps the promises.

line announced       supply of its units
received             stands at the dock: not for sale yet, the supply goes on
put away             so many land: the oldest promises get them
closed, all landed   the supply ends; who still waits for it is told
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from wms.errors import NotFound
from wms.ids import CommandId, OwnerId, SiteId, SkuId, derive
from wms.inbound.model import OPEN_STATES, Asn, AsnLine, Receipt
from wms.stock import incoming
from wms.stock.faults import NotEnoughStock
from wms.stock.supply import one_supply

log = structlog.get_logger(__name__)


def supply_id(asn_id: UUID, line_no: int) -> UUID:
    """The supply that a line of a delivery is."""
    return derive(asn_id, "supply", line_no)


def say_supply(session: Session, asn: Asn, lines: Sequence[AsnLine], *, now: datetime) -> None:
    """Say what is to come of these lines, as they are now."""
    for line in lines:
        if line.units <= 0:
            continue
        try:
            with session.begin_nested():
                incoming.announce(session, [_supply(asn, line, line.units)], now=now)
        except NotEnoughStock:
            # more is promised than still comes: who loses is known when all has come
            log.warning("asn.promised_more", asn=str(asn.id), line=line.line_no)
        except incoming.SupplyClosed:
            log.warning("asn.line_had_ended", asn=str(asn.id), line=line.line_no)


def close_supply(session: Session, asn: Asn, line: AsnLine, *, now: datetime) -> None:
    """Nothing more comes of that line: who waits for it is told."""
    if _is_open(session, asn, line):
        incoming.close(session, SiteId(asn.site_id), supply_id(asn.id, line.line_no), now=now)


def settle_supply(session: Session, asn: Asn, lines: Sequence[AsnLine], *, now: datetime) -> None:
    """End the supplies of a delivery that is over, once what came of it is in stock."""
    if asn.state in OPEN_STATES:
        return
    for line in lines:
        if line.landed >= line.received:
            close_supply(session, asn, line, now=now)
        elif _is_open(session, asn, line):
            say = _supply(asn, line, line.received)
            try:
                with session.begin_nested():
                    incoming.announce(session, [say], now=now)
            except NotEnoughStock:
                log.warning("asn.promised_more", asn=str(asn.id), line=line.line_no)


def land(session: Session, came: Mapping[UUID, int], site: SiteId, *, now: datetime) -> None:
    """So many units of these receipts may be sold now: promises on their supply are kept.

    The ledger has them in stock already. What nobody had announced keeps no promise.
    """
    query = select(Receipt).where(Receipt.site_id == site, Receipt.id.in_(came))
    for receipt in session.scalars(query.order_by(Receipt.id).with_for_update()).all():
        units = min(came[receipt.id], receipt.units - receipt.landed)
        if units <= 0:
            continue
        before = receipt.landed
        receipt.landed += units
        if receipt.line_no:
            _land_line(session, receipt, before, units, now)


def _land_line(session: Session, receipt: Receipt, before: int, units: int, now: datetime) -> None:
    key = (receipt.site_id, receipt.asn_id, receipt.line_no)
    line = session.get_one(AsnLine, key, with_for_update=True, populate_existing=True)
    asn = session.get_one(Asn, (receipt.site_id, receipt.asn_id), populate_existing=True)
    line.landed += units
    session.flush()
    if _is_open(session, asn, line):
        landed = incoming.Land(
            command_id=CommandId(derive(receipt.id, "land", before)),
            site_id=SiteId(receipt.site_id),
            supply_id=supply_id(asn.id, line.line_no),
            units=units,
        )
        incoming.land_supply(session, [landed], now=now)
    settle_supply(session, asn, [line], now=now)


def _supply(asn: Asn, line: AsnLine, units: int) -> incoming.Supply:
    return incoming.Supply(
        site_id=SiteId(asn.site_id),
        supply_id=supply_id(asn.id, line.line_no),
        kind="ASN",
        owner_id=OwnerId(asn.owner_id),
        sku_id=SkuId(line.sku_id),
        units=units,
        eta_p50=asn.eta_p50,
        eta_p90=asn.eta_p90,
    )


def _is_open(session: Session, asn: Asn, line: AsnLine) -> bool:
    try:
        known = one_supply(session, SiteId(asn.site_id), supply_id(asn.id, line.line_no))
    except NotFound:
        return False
    return known.state == "OPEN"
