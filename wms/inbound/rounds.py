"""What a round of scans says in the end: the count that goes into the books."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from edge.gs1 import sscc_from
from wms.catalog import Sku
from wms.inbound.announce import lines_of
from wms.inbound.judge import Tolerance
from wms.inbound.model import Asn
from wms.inbound.policy import tolerance_for
from wms.inbound.scan import read_day, read_scan
from wms.inbound.share import OK, Count
from wms.outbound.floor import Floor
from wms.outbound.model import SSCC_SERIAL
from wms.work.codes import part_of
from wms.work.packet import Packet, Problem, code_of, scans

PALLET_DIGIT = 2  # parcels of ours have 1


def tolerance_of(session: Session, asn: Asn, sku: Sku) -> Tolerance:
    """What is tolerated of these goods in that delivery."""
    return tolerance_for(session, asn.site_id, asn.supplier, sku.id)


def left_of(session: Session, asn: Asn, sku: Sku) -> tuple[int, bool]:
    """How many units of a SKU are still to come, and whether any were announced."""
    lines = [line for line in lines_of(session, asn) if line.sku_id == sku.id]
    left = sum(line.units - line.received - line.damaged - line.held for line in lines)
    return max(0, left), bool(lines)


def label_for(session: Session, floor: Floor) -> str:
    """A new SSCC for a pallet or carton of ours."""
    serial = session.scalar(SSCC_SERIAL.next_value())
    assert serial is not None
    return sscc_from(floor.company_prefix, PALLET_DIGIT, serial)


def count_of(
    session: Session, said: Mapping[str, Any], packet: Packet, number: int
) -> Count | Problem:
    """What was counted in a round, or why it cannot be taken."""
    sku = session.get_one(Sku, UUID(said["sku"]))
    serials = _serials(packet, number) if sku.tracking in {"SERIAL", "BOTH"} else ()
    units = _units(said, packet, number, serials)
    if units <= 0:
        return Problem(code="not_a_count", facts={"units": units})
    lot = str(said["lot"]) or next(
        (part_of(each, "lot") for each in scans(packet, f"{number}.lot")[-1:]), ""
    )
    grams = said["weight_g"]
    return Count(
        cause=packet.history[-1].id,
        sku=sku,
        units=units,
        condition=packet.choices.get(f"{number}.state", OK),
        lot=lot if sku.tracking in {"LOT", "BOTH"} else "",
        expires_on=_day(said, packet, number),
        serials=serials,
        weight_g=(grams or packet.counts.get(f"{number}.weight")) if sku.catch_weight else None,
        unit_code=str(said["unit"]) or _unit(session, packet, number),
        photo=packet.choices.get(f"{number}.photo", ""),
    )


def _units(said: Mapping[str, Any], packet: Packet, number: int, serials: tuple[str, ...]) -> int:
    if serials:
        return len(serials)
    if said["pieces"] is not None and f"{number}.count" not in packet.counts:
        return int(said["pieces"]) * int(said["units"])
    return packet.counts.get(f"{number}.count", 0) * int(said["units"])


def _serials(packet: Packet, number: int) -> tuple[str, ...]:
    found = (part_of(each, "serial") for each in scans(packet, f"{number}.count"))
    return tuple(dict.fromkeys(found))


def _day(said: Mapping[str, Any], packet: Packet, number: int) -> date | None:
    typed = scans(packet, f"{number}.day")[-1:]
    return read_day(typed[0]) if typed else read_day(str(said["day"]))


def _unit(session: Session, packet: Packet, number: int) -> str:
    """The unit that goods were put in; '' where somebody said that they are loose."""
    scanned = scans(packet, f"{number}.unit")[-1:]
    if not scanned:
        return ""
    read = read_scan(session, scanned[0])
    return read.code or code_of(scanned[0])
