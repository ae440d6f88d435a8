"""Columns of an import file: how a cell is read and written, and what is wrong with it.

A column has the name that the API has for it and a Japanese one; a file may use either, in letters
of any width and case. Reading is lenient about form (full-width digits, thousands, はい for yes)
and strict about meaning: what cannot be meant is a fault of that cell, with what was expected.

    Column("units", "数量", whole(1, 999))      "1,000" is a fault: 1–999 is expected

What is written is read back as the same value; a test tries it with anything. Lengths are
millimetres, weights grams, dates ISO 8601.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal, TypeAlias

from wms.catalog import MalformedGtin, gtin14

Written: TypeAlias = str | int | float | bool | None  # as we write it
Cell: TypeAlias = Written | date  # as a file has it
Read: TypeAlias = Callable[[Cell], Any]
Form: TypeAlias = Literal["text", "number", "day", "tick", "choice"]

BIG = 2**31 - 1
YES = frozenset({"yes", "true", "y", "1", "はい", "有", "○", "◯"})
NO = frozenset({"no", "false", "n", "0", "いいえ", "無", "×"})
WHOLE = re.compile(r"[+-]?(\d+|\d{1,3}(,\d{3})+)(\.0+)?")
DECIMAL = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?")
DAY = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?")
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
WORDS_MAX = 1_000  # in one cell
PLACES = 7  # of a degree: a centimetre


class BadCell(ValueError):  # noqa: N818 - reads as a situation
    """A cell that cannot be meant: a code of what is wrong, and what was expected."""

    def __init__(self, code: str, expected: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.expected = expected


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is wrong: the row as a spreadsheet counts it (the header is 1), and the column.

    `code` says what, and on a screen also how to mend it; `given` is what stands there.
    """

    row: int
    column: str
    code: str
    given: str = ""
    expected: str = ""


@dataclass(frozen=True, slots=True)
class Reads:
    """A way to read a cell, and what a screen offers for it: one choice, or `many` with commas."""

    read: Read
    form: Form = "text"
    choices: tuple[str, ...] = ()
    many: bool = False

    def __call__(self, cell: Cell) -> Any:
        """What a cell means."""
        return self.read(cell)


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its two names, how it is read, what an empty cell of it means.

    An empty cell of a `needed` column is a fault. What has keys in a file is known by them.
    """

    name: str
    ja: str
    read: Read
    default: Any = ""
    needed: bool = False
    key: bool = False

    @property
    def offers(self) -> Reads:
        """What a screen offers for it."""
        return self.read if isinstance(self.read, Reads) else Reads(self.read)

    def written(self, value: Any) -> Written:
        """A value as it stands in a file."""
        if self.offers.many:
            return ",".join(value)
        return written(value)

    def value(self, cell: Cell) -> Any:
        """What a cell means.

        Raises:
            BadCell: nothing that could be meant.
        """
        if cell is None or (isinstance(cell, str) and not cell.strip()):
            if self.needed:
                raise BadCell("missing")
            return self.default
        return self.read(cell)


def written(value: Any) -> Written:
    """A value as it stands in a file."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return " ".join(map(str, value))
    if isinstance(value, date):
        return value.isoformat()
    known: Written = value
    return known


def plain(cell: Cell) -> str:
    """A cell as text: 12.0 of a spreadsheet is 12."""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 2**53:
        return str(int(cell))
    if isinstance(cell, datetime):
        return cell.date().isoformat()
    if isinstance(cell, date):
        return cell.isoformat()
    return "" if cell is None else str(cell).strip()


def text(longest: int = 200, pattern: str | None = None) -> Read:
    """Text without control characters."""
    form = None if pattern is None else re.compile(pattern)

    def read(cell: Cell) -> str:
        said = plain(cell)
        if CONTROL.search(said):
            raise BadCell("control_character")
        if len(said) > longest:
            raise BadCell("too_long", f"≤ {longest}")
        if form is not None and not form.fullmatch(said):
            raise BadCell("malformed", form.pattern)
        return said

    return read


def whole(low: int = 0, high: int = BIG) -> Read:
    """A whole number."""

    def read(cell: Cell) -> int:
        said = unicodedata.normalize("NFKC", plain(cell))
        if not WHOLE.fullmatch(said) or len(said) > len(str(BIG)) * 2:
            raise BadCell("not_whole", f"{low}–{high}")
        number = int(said.replace(",", "").partition(".")[0])
        if not low <= number <= high:
            raise BadCell("out_of_range", f"{low}–{high}")
        return number

    return Reads(read, "number")


def degrees(limit: int) -> Read:
    """A latitude or longitude, to a centimetre."""

    def read(cell: Cell) -> float:
        said = repr(cell) if isinstance(cell, float) else unicodedata.normalize("NFKC", plain(cell))
        if not DECIMAL.fullmatch(said):
            raise BadCell("not_a_number", f"-{limit}–{limit}")
        number = round(float(said), PLACES)
        if not -limit <= number <= limit:
            raise BadCell("out_of_range", f"-{limit}–{limit}")
        return number + 0.0  # never -0.0

    return read


def one_of(*codes: str) -> Read:
    """One of these codes, in letters of any case."""
    known = {code.casefold(): code for code in codes}

    def read(cell: Cell) -> str:
        said = unicodedata.normalize("NFKC", plain(cell)).casefold()
        if said not in known:
            raise BadCell("not_one_of", " | ".join(code for code in codes if code))
        return known[said]

    return Reads(read, "choice", codes)


def parted(*codes: str) -> Read:
    """Words with a comma between them; each one of the codes, if there are any."""

    def read(cell: Cell) -> tuple[str, ...]:
        found = tuple(p.strip() for p in plain(cell).replace("、", ",").split(",") if p.strip())
        if codes and not set(found) <= set(codes):
            raise BadCell("not_one_of", " | ".join(codes))
        if len(found) > WORDS_MAX:
            raise BadCell("too_long", f"≤ {WORDS_MAX}")
        if any(CONTROL.search(each) for each in found):
            raise BadCell("control_character")
        return found

    return Reads(read, "choice" if codes else "text", codes, many=True)


def _yes_no(cell: Cell) -> bool:
    said = unicodedata.normalize("NFKC", plain(cell)).casefold()
    if said in YES or said in NO:
        return said in YES
    raise BadCell("not_one_of", "yes | no")


def _day(cell: Cell) -> date:
    said = unicodedata.normalize("NFKC", plain(cell))
    found = DAY.fullmatch(said)
    try:
        if found is not None:
            return date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        pass  # no month has that day
    raise BadCell("not_a_day", "YYYY-MM-DD")


yes_no = Reads(_yes_no, "tick")  # yes or no, in either language
day = Reads(_day, "day")  # 2026-11-22, 2026/11/22, 2026年11月22日, or a spreadsheet's own


def gtins(cell: Cell) -> tuple[str, ...]:
    """Barcodes with blanks between them, each as a GTIN of 14 digits."""
    try:
        said = unicodedata.normalize("NFKC", plain(cell)).replace(",", " ").split()
        return tuple(sorted({gtin14(each) for each in said}))
    except MalformedGtin as error:
        raise BadCell("malformed_gtin", str(error)) from error


def words(longest: int = 200) -> Read:
    """Codes with blanks between them."""
    one = text(longest)

    def read(cell: Cell) -> tuple[str, ...]:
        return tuple(one(each) for each in plain(cell).split())

    return read


def header_form(name: str) -> str:
    """A header as it is compared: width, case, blanks and marks do not count."""
    said = unicodedata.normalize("NFKC", name).casefold()
    return re.sub(r"[\s_\-*()./:・]+", "", said)
