"""What a supplier tells of a delivery, and all that is wrong with it, by line and field."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy.orm import Session

from edge import gs1
from wms.catalog import HOUSE, Sku, find_by_barcode, owners_by_code, skus_by_code
from wms.errors import Rejected
from wms.ids import OwnerId
from wms.sites import Site, sites_by_code

SSCC_DIGITS = 18


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced:
    """Units of a SKU (by its code, or by a GTIN of it) that come."""

    line_no: int
    sku: str = ""
    gtin: str = ""
    units: int
    level: str = "EACH"
    lot: str = ""
    expires_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnouncedUnit:
    """A pallet or carton by its SSCC: units by line number."""

    code: str
    kind: str = "PALLET"
    content: Mapping[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """A delivery as its supplier tells it."""

    id: UUID
    site: str
    number: str
    supplier: str
    owner: str = HOUSE
    purchase_order: str = ""
    eta_p50: datetime
    eta_p90: datetime
    lines: Sequence[Announced]
    units: Sequence[AnnouncedUnit] = field(default=())

    def body_hash(self) -> str:
        """What tells one announcement under an id from another."""
        text = json.dumps(asdict(self), default=str, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is wrong: in which line (of the delivery, or of the file), where, and what."""

    line: int
    column: str
    code: str
    value: str = ""


class FaultyAnnouncement(Rejected):
    """Lines of a delivery that cannot be taken: all that is wrong with them.

    Attributes:
        faults: line, column, code and value of each.
    """

    code: ClassVar[str] = "faulty_announcement"

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(f"{len(faults)} faults")
        self.faults = [asdict(fault) for fault in faults]


def checked(session: Session, request: Announcement) -> tuple[Site, OwnerId, dict[int, Sku]]:
    """The site, the owner and the SKU of each line; or all that is wrong."""
    faults = []
    site = sites_by_code(session, [request.site]).get(request.site)
    owner = owners_by_code(session, [request.owner]).get(request.owner)
    if site is None:
        faults.append(Fault(0, "site", "unknown_site", request.site))
    if owner is None:
        faults.append(Fault(0, "owner", "unknown_owner", request.owner))
    if request.eta_p50 > request.eta_p90:
        faults.append(Fault(0, "eta_p90", "no_forecast"))
    skus = {} if owner is None else _skus(session, request, owner)
    faults += _line_faults(request, skus) if owner is not None else []
    faults += _unit_faults(request)
    if faults:
        raise FaultyAnnouncement(faults)
    assert site is not None
    assert owner is not None
    return site, owner, skus


def _skus(session: Session, request: Announcement, owner: OwnerId) -> dict[int, Sku]:
    by_code = skus_by_code(session, [line.sku for line in request.lines if line.sku], owner)
    found = {}
    for line in request.lines:
        sku = by_code.get(line.sku)
        if sku is None and line.gtin:
            scanned = find_by_barcode(session, line.gtin)
            sku = scanned.sku if scanned and scanned.sku.owner_id == owner else None
        if sku is not None:
            found[line.line_no] = sku
    return found


def _line_faults(request: Announcement, skus: Mapping[int, Sku]) -> list[Fault]:
    faults = []
    for no, times in Counter(line.line_no for line in request.lines).items():
        if times > 1:
            faults.append(Fault(no, "line_no", "twice"))
    for line in request.lines:
        sku = skus.get(line.line_no)
        if sku is None:
            column = "sku" if line.sku else "gtin"
            faults.append(Fault(line.line_no, column, "unknown_sku", line.sku or line.gtin))
        elif line.lot and sku.tracking not in {"LOT", "BOTH"}:
            faults.append(Fault(line.line_no, "lot", "lot_unwanted", line.lot))
    return faults


def _unit_faults(request: Announcement) -> list[Fault]:
    faults = []
    lines = {line.line_no: line.units for line in request.lines}
    left = Counter(lines)
    seen = set()
    for unit in request.units:
        first = min(unit.content, default=0)
        is_number = unit.code.isascii() and unit.code.isdecimal()
        if is_number and len(unit.code) == SSCC_DIGITS and not gs1.is_sscc(unit.code):
            faults.append(Fault(first, "sscc", "check_digit", unit.code))
        if unit.code in seen:
            faults.append(Fault(first, "sscc", "twice", unit.code))
        seen.add(unit.code)
        for no, units in unit.content.items():
            if no not in lines:
                faults.append(Fault(no, "sscc", "unknown_line", unit.code))
            elif units > left[no]:
                faults.append(Fault(no, "sscc", "more_than_the_line", unit.code))
            left[no] -= units
    return faults
