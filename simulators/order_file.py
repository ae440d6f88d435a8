"""Order files in the format of the "Online Retail" data set: read whole, or refused whole.

    InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
    536365,85123A,WHITE HANGING HEART T-LIGHT HOLDER,6,12/1/2010 8:26,2.55,17850,United Kingdom

The data have quirks, and each has its meaning here:

    InvoiceNo begins with C, or Quantity is negative   goods that come back
    POST, D, M, DOT, BANK CHARGES …                    a service: nothing to fetch from a shelf
    no CustomerID                                      a guest
    one SKU twice in an invoice                        two lines
    85123a and 85123A                                  one SKU

A file with faults names every one by line and column and loads nothing.

Source: D. Chen, "Online Retail", UCI Machine Learning Repository, 2015 (CC BY 4.0).
"""

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Literal, TypeAlias, TypeVar
from zoneinfo import ZoneInfo

from typing_extensions import override

COLUMNS = (
    "InvoiceNo", "StockCode", "Description", "Quantity",
    "InvoiceDate", "UnitPrice", "CustomerID", "Country",
)  # fmt: skip
UNITS_MAX = 2**31 - 1
T = TypeVar("T")
LineKind: TypeAlias = Literal["GOODS", "RETURN", "SERVICE"]

_WHOLE_NUMBER = re.compile(r"-?[0-9]+", re.ASCII)
_GOODS_CODE = re.compile(r"[0-9]{4}")
_FAULTS_SHOWN_MAX = 50


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """One line; `units` is positive, whatever its kind."""

    line_no: int
    sku: str
    description: str
    units: int
    price: Decimal
    kind: LineKind


@dataclass(frozen=True, slots=True)
class Invoice:
    """One invoice with its lines in the order of the file."""

    number: str
    placed_at: datetime
    customer: str | None
    country: str
    lines: tuple[InvoiceLine, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong at one place of the file. Lines and columns count from 1."""

    line: int
    column: int
    what: str

    @override
    def __str__(self) -> str:
        name = COLUMNS[self.column - 1] if 0 < self.column <= len(COLUMNS) else "the line"
        return f"line {self.line}, column {self.column} ({name}): {self.what}"


class FaultyOrderFile(ValueError):  # noqa: N818 - reads as a situation
    """The file cannot be loaded.

    Attributes:
        faults: all of them, in the order of the file.
    """

    def __init__(self, faults: Sequence[Fault]) -> None:
        shown = [str(fault) for fault in faults[:_FAULTS_SHOWN_MAX]]
        if len(faults) > _FAULTS_SHOWN_MAX:
            shown.append(f"… and {len(faults) - _FAULTS_SHOWN_MAX} more")
        super().__init__("\n".join([f"{len(faults)} faults; nothing was loaded:", *shown]))
        self.faults = tuple(faults)


class _Refused(ValueError):  # noqa: N818
    """One cell says something else than was expected."""


def read_invoices(content: bytes, *, zone: ZoneInfo) -> list[Invoice]:
    """All invoices of a file, in the order of their first lines.

    Args:
        content: the file; UTF-8 (with or without a byte order mark) or ISO 8859-1.
        zone: the time zone that InvoiceDate is written in.

    Raises:
        FaultyOrderFile: with every fault that was found.
    """
    rows = csv.reader(io.StringIO(_decoded(content), newline=""))
    header = next(rows, [])
    if tuple(name.strip() for name in header) != COLUMNS:
        raise FaultyOrderFile([Fault(1, 1, f"expected the header {','.join(COLUMNS)}")])
    faults: list[Fault] = []
    invoices: dict[str, list[tuple[datetime, str | None, str, InvoiceLine]]] = {}
    for row in _rows(rows, faults):
        if not row:
            continue
        read = _read_row(row, rows.line_num, zone, faults)
        if read is not None:
            number, placed_at, customer, country, line = read
            of_invoice = invoices.setdefault(number, [])
            numbered = InvoiceLine(len(of_invoice) + 1, *line)
            of_invoice.append((placed_at, customer, country, numbered))
    if not invoices and not faults:
        faults.append(Fault(2, 1, "the file has no lines under its header"))
    if faults:
        raise FaultyOrderFile(faults)
    return [
        Invoice(number, *of_invoice[0][:3], tuple(line for *_, line in of_invoice))
        for number, of_invoice in invoices.items()
    ]


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("iso-8859-1")  # as the data set was published


def _rows(rows: Iterator[list[str]], faults: list[Fault]) -> Iterator[list[str]]:
    try:
        yield from rows
    except csv.Error as error:
        faults.append(Fault(getattr(rows, "line_num", 0), 1, f"not CSV: {error}"))


_Line: TypeAlias = tuple[str, str, int, Decimal, LineKind]


def _read_row(
    row: list[str], line: int, zone: ZoneInfo, faults: list[Fault]
) -> tuple[str, datetime, str | None, str, _Line] | None:
    if len(row) != len(COLUMNS):
        faults.append(Fault(line, len(row), f"{len(row)} columns, expected {len(COLUMNS)}"))
        return None
    before = len(faults)
    cells = [cell.strip() for cell in row]

    def read(column: int, reader: Callable[[str], T], instead: T) -> T:
        try:
            return reader(cells[column - 1])
        except _Refused as refused:
            faults.append(Fault(line, column, str(refused)))
            return instead

    number = read(1, _code, "")
    sku = read(2, _code, "")
    units = read(4, _units, 0)
    placed_at = read(5, lambda text: _moment(text, zone), datetime.min.replace(tzinfo=zone))
    price = read(6, _price, Decimal(0))
    if len(faults) > before:
        return None
    goods = (sku, cells[2], abs(units), price, kind_of_line(number, sku, units))
    return number, placed_at, cells[6] or None, cells[7], goods


def kind_of_line(invoice: str, sku: str, units: int) -> LineKind:
    """Whether a line is goods, goods that come back, or a service."""
    if not _GOODS_CODE.search(sku) or sku.startswith("GIFT_"):
        return "SERVICE"
    return "RETURN" if invoice.startswith("C") or units < 0 else "GOODS"


def _code(text: str) -> str:
    if not text or not text.isascii() or not text.isprintable():
        raise _Refused(f"{text!r} is no code; expected letters and digits")
    return text.upper()


def _units(text: str) -> int:
    if not _WHOLE_NUMBER.fullmatch(text):
        raise _Refused(f"{text!r} is not a whole number; expected digits 0-9, like 6 or -6")
    units = int(text)
    if units == 0 or abs(units) > UNITS_MAX:
        raise _Refused(f"{text} is out of range; expected 1 to {UNITS_MAX}, or its negative")
    return units


def _moment(text: str, zone: ZoneInfo) -> datetime:
    try:
        return datetime.strptime(text, "%m/%d/%Y %H:%M").replace(tzinfo=zone)
    except ValueError:
        raise _Refused(
            f"{text!r} is no moment; expected month/day/year hour:minute, like 12/1/2010 8:26"
        ) from None


def _price(text: str) -> Decimal:
    try:
        price = Decimal(text) if text.isascii() else Decimal("NaN")
    except InvalidOperation:
        price = Decimal("NaN")
    if not price.is_finite():
        raise _Refused(f"{text!r} is no price; expected a number like 2.55")
    return price
