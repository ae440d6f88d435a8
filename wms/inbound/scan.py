"""What a scan at the dock says: which goods or unit, how many, which lot, until when, how heavy.

    (01)04912345678904(10)L-7(17)270630(37)12     goods, lot, last day, twelve of them
    (00)106141412345678908                        a pallet or carton
    (310300) 001250                               grams, of goods by weight

Source: GS1 General Specifications, sections 3.3 to 3.6 (application identifiers).
"""

import calendar
import re
from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from edge.gs1 import read_barcode
from wms.catalog import Sku, find_by_barcode
from wms.work.packet import code_of

_WEIGHT = re.compile(r"310([0-5])")
_DAY = re.compile(r"(\d{2})(\d{2})(\d{2})|(\d{4})-?(\d{2})-?(\d{2})")
_MONTHS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What a scan says. `code` is what it is matched by, `units` are those of its pack."""

    code: str
    sku: Sku | None = None
    units: int = 1
    pieces: int | None = None  # AI 37
    lot: str = ""
    expires_on: date | None = None
    serial: str = ""
    weight_g: int | None = None
    is_unit: bool = False


def read_scan(session: Session, scanned: str) -> Read:
    """Understand a scan."""
    code = code_of(scanned)
    barcode = read_barcode(scanned)
    parts = dict(barcode.elements)
    if barcode.sscc is not None:
        return Read(code=barcode.sscc, is_unit=True)
    found = find_by_barcode(session, barcode.gtin or code) if code else None
    weight = next((grams(ai, value) for ai, value in parts.items() if _WEIGHT.match(ai)), None)
    pieces = parts.get("37", "")
    return Read(
        code=code,
        sku=None if found is None else found.sku,
        units=1 if found is None else found.units,
        pieces=int(pieces) if pieces.isdecimal() and int(pieces) else None,
        lot=barcode.lot or "",
        expires_on=read_day(parts.get("17") or parts.get("15") or ""),
        serial=barcode.serial or "",
        weight_g=weight,
    )


def read_day(text: str) -> date | None:
    """A day as it is typed (2027-06-30, 20270630) or stands in a code (270630, or 270600)."""
    found = _DAY.fullmatch(text.strip())
    if found is None:
        return None
    year, month, day = (int(part) for part in found.groups() if part is not None)
    year += 2000 if found[1] else 0
    if not 1 <= month <= _MONTHS:
        return None
    last = calendar.monthrange(year, month)[1]
    return date(year, month, day or last) if day <= last else None


def grams(ai: str, value: str) -> int | None:
    """A net weight (AI 310n: kilograms with n decimals) in grams."""
    found = _WEIGHT.fullmatch(ai[:4])
    if found is None or not value.isdecimal():
        return None
    decimals = int(found[1])
    return int(value) * 1000 // int(10**decimals)
