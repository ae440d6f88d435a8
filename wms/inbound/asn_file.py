"""Announced deliveries as a file: CSV with a head line, all faults at once, by line and column.

    number,supplier,line_no,sku,gtin,units,level,lot,expires_on,sscc,eta,eta_latest,purchase_order
    A-4711,ACME,1,TEA,,24,CASE,L-7,2027-06-30,106141412345678908,2026-12-01T09:00+09:00,,PO-1

Lines with one number are one delivery; `supplier`, `eta` and `purchase_order` are those of its
first line. A line with an SSCC stands in that unit; one line_no twice is one line in two units. All
of a file is taken or nothing. The same file again changes nothing: a delivery's id comes from its
supplier and number. UTF-8 (with or without a mark) or Shift_JIS.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from wms.errors import IdReused, NotFound
from wms.ids import SiteId
from wms.inbound.announce import AsnNumberTaken, announce_asn, asn_id_of
from wms.inbound.check import (
    Announced,
    AnnouncedUnit,
    Announcement,
    Fault,
    FaultyAnnouncement,
)
from wms.inbound.scan import read_day
from wms.sites import site_id, sites_by_code

COLUMNS = (
    "number", "supplier", "line_no", "sku", "gtin", "units", "level", "lot", "expires_on", "sscc",
    "eta", "eta_latest", "purchase_order",
)  # fmt: skip
NEEDED = ("number", "units", "eta")
LEVELS = frozenset({"EACH", "INNER", "CASE", "PALLET"})
UNITS_MAX = 2**31 - 1
LINES_MAX = 20_000
TEXT_MAX = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What became of a file: deliveries that are new, and those that were known."""

    new: tuple[str, ...]
    known: tuple[str, ...]


def take_file(
    session: Session, site: str, content: bytes, *, supplier: str, now: datetime, dry_run: bool
) -> Taken:
    """Take a file of deliveries; with `dry_run` only say what would become of it.

    Raises:
        NotFound: there is no such site.
        FaultyAnnouncement: all faults, with the lines of the file.
    """
    if site not in sites_by_code(session, [site]):
        raise NotFound(f"site {site}")
    rows, faults = _rows(content)
    deliveries = _deliveries(rows, faults, site, supplier, now) if not faults else {}
    new: list[str] = []
    known: list[str] = []
    with session.begin_nested() as attempt:
        for first, (request, lines) in deliveries.items():
            try:
                is_new = announce_asn(session, request, now=now)
                (new if is_new else known).append(request.number)
            except FaultyAnnouncement as error:
                faults += [_in_file(fault, first, lines) for fault in error.faults]
            except IdReused:
                faults.append(Fault(first, "number", "other_delivery", request.number))
            except AsnNumberTaken:
                faults.append(Fault(first, "number", "number_taken", request.number))
        if faults:
            raise FaultyAnnouncement(faults)
        if dry_run:
            attempt.rollback()
    return Taken(new=tuple(new), known=tuple(known))


def _rows(content: bytes) -> tuple[list[tuple[int, dict[str, str]]], list[Fault]]:
    text = _text(content)
    if text is None or "\x00" in text:
        return [], [Fault(1, "", "encoding")]
    try:
        lines = list(csv.reader(io.StringIO(text), strict=True))
    except csv.Error:
        return [], [Fault(1, "", "not_csv")]
    if not lines:
        return [], [Fault(1, "", "empty")]
    head = [name.strip().casefold() for name in lines[0]]
    faults = [Fault(1, name, "unknown_column") for name in head if name not in COLUMNS]
    faults += [Fault(1, name, "column_missing") for name in NEEDED if name not in head]
    if len(lines) - 1 > LINES_MAX:
        faults.append(Fault(LINES_MAX, "", "too_many_lines"))
    rows = []
    for number, line in enumerate(lines[1:LINES_MAX], start=2):
        if not any(cell.strip() for cell in line):
            continue
        if len(line) > len(head):
            faults.append(Fault(number, "", "too_many_cells"))
        cells = dict(zip(head, (cell.strip() for cell in line), strict=False))
        faults += [
            Fault(number, name, "too_long") for name, cell in cells.items() if len(cell) > TEXT_MAX
        ]
        rows.append((number, cells))
    return rows, faults


def _text(content: bytes) -> str | None:
    for encoding in ("utf-8-sig", "cp932"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    return None


def _deliveries(
    rows: Sequence[tuple[int, dict[str, str]]],
    faults: list[Fault],
    site: str,
    supplier: str,
    now: datetime,
) -> dict[int, tuple[Announcement, dict[int, int]]]:
    """By the first line of each: the delivery, and the file's lines of its lines."""
    by_number: dict[str, list[tuple[int, dict[str, str]]]] = {}
    for number, cells in rows:
        if not cells.get("number"):
            faults.append(Fault(number, "number", "missing"))
        by_number.setdefault(cells.get("number", ""), []).append((number, cells))
    made = {}
    for name, some in by_number.items():
        delivery = _delivery(name, some, faults, site, supplier, now)
        made[some[0][0]] = delivery
    return {} if faults else made


def _delivery(
    name: str,
    rows: Sequence[tuple[int, dict[str, str]]],
    faults: list[Fault],
    site: str,
    supplier: str,
    now: datetime,
) -> tuple[Announcement, dict[int, int]]:
    first, head = rows[0]
    lines: dict[int, Announced] = {}
    units: dict[str, dict[int, int]] = {}
    at: dict[int, int] = {}
    for number, cells in rows:
        line = _line(number, cells, len(lines) + 1, faults)
        old = lines.get(line.line_no)
        lines[line.line_no] = line if old is None else replace(old, units=old.units + line.units)
        at.setdefault(line.line_no, number)
        if sscc := cells.get("sscc", ""):
            content = units.setdefault(sscc, {})
            content[line.line_no] = content.get(line.line_no, 0) + line.units
    if not head.get("eta"):
        faults.append(Fault(first, "eta", "missing"))
    eta = _time(first, "eta", head, faults) or now
    latest = _time(first, "eta_latest", head, faults) or eta + timedelta(days=1)
    sender = head.get("supplier") or supplier
    if not sender:
        faults.append(Fault(first, "supplier", "missing"))
    request = Announcement(
        id=asn_id_of(SiteId(site_id(site)), sender, name),
        site=site,
        number=name,
        supplier=sender,
        purchase_order=head.get("purchase_order", ""),
        eta_p50=eta,
        eta_p90=latest,
        lines=tuple(lines.values()),
        units=tuple(AnnouncedUnit(code=code, content=content) for code, content in units.items()),
    )
    return request, at


def _line(number: int, cells: dict[str, str], next_no: int, faults: list[Fault]) -> Announced:
    line_no = _whole(number, "line_no", cells, faults) if cells.get("line_no") else next_no
    level = cells.get("level", "").upper() or "EACH"
    if level not in LEVELS:
        faults.append(Fault(number, "level", "unknown_level", level))
    day = cells.get("expires_on", "")
    if day and read_day(day) is None:
        faults.append(Fault(number, "expires_on", "not_a_day", day))
    return Announced(
        line_no=line_no,
        sku=cells.get("sku", ""),
        gtin=cells.get("gtin", ""),
        units=_whole(number, "units", cells, faults),
        level=level,
        lot=cells.get("lot", ""),
        expires_on=read_day(day) if day else None,
    )


def _whole(number: int, column: str, cells: dict[str, str], faults: list[Fault]) -> int:
    text = cells.get(column, "")
    if text.isascii() and text.isdecimal() and 1 <= int(text) <= UNITS_MAX:
        return int(text)
    faults.append(Fault(number, column, "not_a_number" if text else "missing", text))
    return 1


def _time(number: int, column: str, cells: dict[str, str], faults: list[Fault]) -> datetime | None:
    text = cells.get(column, "")
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
        at = found if found.tzinfo else found.replace(tzinfo=UTC)
        return at.astimezone(UTC)
    except (ValueError, OverflowError):
        faults.append(Fault(number, column, "not_a_time", text))
        return None


def _in_file(fault: dict[str, Any], first: int, lines: dict[int, int]) -> Fault:
    return Fault(lines.get(fault["line"], first), fault["column"], fault["code"], fault["value"])
