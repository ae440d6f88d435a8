"""Sheets: what CSV and XLSX files are made of, read and written without trusting them.

    read(content)  -> Sheet(header, rows)        CSV in UTF-8, UTF-16 or CP932; XLSX
    write_csv / write_xlsx                       text that a spreadsheet would run is made harmless

Laws, each with a test:
  * a cell that begins like a formula gets a ' before it, and loses it when it is read: both ways
    the value is the same, and no spreadsheet ever calculates what somebody wrote into a name;
  * nothing is unpacked beyond UNPACKED_MAX bytes, and no sheet is read whose cells stand farther
    out than ROWS_MAX and COLUMNS_MAX: a small file cannot become a large one;
  * of a workbook only cells are read; formulas are the values that were saved with them.

Source: ECMA-376 part 1, 18.3 (cell references); RFC 4180; OWASP on CSV injection.
"""

import codecs
import csv
import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, ClassVar

import python_calamine
import xlsxwriter  # type: ignore[import-untyped]

from wms.errors import Rejected
from wms.masters.columns import Cell

FILE_BYTES_MAX = 30_000_000
UNPACKED_MAX = 400_000_000
ROWS_MAX = 200_000
COLUMNS_MAX = 100
CELL_MAX = 32_767  # what a spreadsheet can hold in one
CHUNK = 1 << 20
OVERLAP = 400  # longer than what stands before a reference in its element
FORMULA = re.compile(r"'*[=+\-@\t\r]")
QUOTED = re.compile(r"'+[=+\-@\t\r]")
REFERENCE = re.compile(rb"<(?:\w+:)?c\s[^>]{0,200}?\br\s*=\s*[\"']\s*([A-Za-z]{1,9})([0-9]{1,20})")
ROW = re.compile(rb"<(?:\w+:)?row\s[^>]{0,200}?\br\s*=\s*[\"']\s*([0-9]{1,20})")


class UnreadableFile(Rejected):
    """A file that is none of ours, or too large.

    Attributes:
        reason: "empty", "too_large", "too_many_rows", "too_many_columns", "encoding",
            "not_a_table", "not_a_workbook".
    """

    code: ClassVar[str] = "unreadable_file"

    def __init__(self, reason: str) -> None:
        super().__init__(f"the file cannot be read: {reason}")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Sheet:
    """A header, and rows numbered as a spreadsheet shows them; empty ones are left out."""

    header: tuple[str, ...]
    rows: list[tuple[int, list[Cell]]]


def read(content: bytes) -> Sheet:
    """A table, from CSV or XLSX.

    Raises:
        UnreadableFile: it is neither, or too large.
    """
    if len(content) > FILE_BYTES_MAX:
        raise UnreadableFile("too_large")
    if not content.strip(b"\x00 \t\r\n\xef\xbb\xbf"):
        raise UnreadableFile("empty")
    raw = _workbook(content) if content.startswith(b"PK") else _csv(content)
    return _sheet(raw)


def _sheet(raw: Iterable[Sequence[Cell]]) -> Sheet:
    header: tuple[str, ...] | None = None
    rows: list[tuple[int, list[Cell]]] = []
    for number, cells in enumerate(raw, start=1):
        if all(cell is None or cell == "" for cell in cells):
            continue
        if len(cells) > COLUMNS_MAX:
            raise UnreadableFile("too_many_columns")
        if header is None:
            header = tuple(str(cell or "").strip() for cell in cells)
            continue
        if len(rows) >= ROWS_MAX:
            raise UnreadableFile("too_many_rows")
        rows.append((number, [unquoted(cell) for cell in cells]))
    if header is None:
        raise UnreadableFile("empty")
    return Sheet(header, rows)


# ----------------------------------------------------------------------------------- formulas
def quoted(value: Cell) -> Cell:
    """What may stand in a file: text that begins like a formula gets a ' before it."""
    return f"'{value}" if isinstance(value, str) and FORMULA.match(value) else value


def unquoted(cell: Cell) -> Cell:
    """What was meant by it."""
    return cell[1:] if isinstance(cell, str) and QUOTED.match(cell) else cell


# ---------------------------------------------------------------------------------------- CSV
def _csv(content: bytes) -> Iterator[list[Cell]]:
    said = _decoded(content)
    first = said[: said.find("\n") + 1 or len(said)]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(said, newline=""), delimiter=delimiter, strict=True)
    try:
        for row in reader:
            yield list(row)
    except csv.Error as error:
        raise UnreadableFile("not_a_table") from error


def _decoded(content: bytes) -> str:
    wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    tried = ["utf-16"] if wide else ["utf-8-sig", "cp932"]
    for encoding in tried:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise UnreadableFile("encoding")


def write_csv(rows: Iterable[Sequence[Cell]], *, encoding: str = "utf-8-sig") -> bytes:
    """Rows as CSV.

    Raises:
        UnreadableFile: that encoding has no letter for something ("encoding").
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerows([quoted(cell) for cell in row] for row in rows)
    try:
        return out.getvalue().encode(encoding)
    except UnicodeEncodeError as error:
        raise UnreadableFile("encoding") from error


# --------------------------------------------------------------------------------------- XLSX
def _workbook(content: bytes) -> Iterator[list[Cell]]:
    _inspect(content)
    try:
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
        rows = book.get_sheet_by_index(0).to_python(skip_empty_area=False)
    except (python_calamine.CalamineError, OSError, ValueError, IndexError) as error:
        raise UnreadableFile("not_a_workbook") from error
    for row in rows:
        yield [_cell(value) for value in row]


def _cell(value: Any) -> Cell:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, time | timedelta):
        return str(value)
    known: Cell = value
    return known


def _inspect(content: bytes) -> None:
    """Whether unpacking it is safe: every byte of it is counted, every reference looked at.

    Raises:
        UnreadableFile: it is not, or it is no XLSX.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            names = set(packed.namelist())
            if "xl/workbook.xml" not in names or names & {"content.xml", "xl/workbook.bin"}:
                raise UnreadableFile("not_a_workbook")
            left = UNPACKED_MAX
            for name in packed.namelist():
                with packed.open(name) as member:
                    left = _look_through(member.read, left)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        raise UnreadableFile("not_a_workbook") from error


def _look_through(take: Callable[[int], bytes], left: int) -> int:
    tail = b""
    while chunk := take(CHUNK):
        left -= len(chunk)
        if left < 0:
            raise UnreadableFile("too_large")
        piece = tail + chunk
        for found in REFERENCE.finditer(piece):
            if _column_number(found[1]) > COLUMNS_MAX:
                raise UnreadableFile("too_many_columns")
            if int(found[2]) > ROWS_MAX + 1:
                raise UnreadableFile("too_many_rows")
        if any(int(found[1]) > ROWS_MAX + 1 for found in ROW.finditer(piece)):
            raise UnreadableFile("too_many_rows")
        tail = piece[-OVERLAP:]
    return left


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number


def write_xlsx(rows: Iterable[Sequence[Cell]], *, name: str = "Sheet1") -> bytes:
    """Rows as XLSX: text is text, numbers are numbers, the header stays in sight."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"constant_memory": True, "in_memory": True}) as book:
        sheet = book.add_worksheet(name[:31])
        bold = book.add_format({"bold": True, "bg_color": "#E6E8EB"})
        sheet.freeze_panes(1, 0)
        for number, row in enumerate(rows):
            for place, cell in enumerate(row):
                value = quoted(cell)
                if value is None or value == "":
                    continue
                if isinstance(value, int | float):
                    sheet.write_number(number, place, value)
                elif isinstance(value, str):
                    sheet.write_string(number, place, value, bold if number == 0 else None)
                else:
                    assert isinstance(value, date)
                    sheet.write_string(number, place, value.isoformat())
    return out.getvalue()
