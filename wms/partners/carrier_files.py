"""Files for carriers' own label programs: parcels out, tracking numbers in.

    write(FORMATS["YAMATO"], bookings, codes)  ->  bytes (cp932), and what is wrong with whom
    read_tracking(FORMATS["YAMATO"], content)  ->  (reference, tracking number) by line

    YAMATO     B2クラウド      95 columns
    SAGAWA     e飛伝III        74 columns
    JAPANPOST  ゆうプリR       117 columns

Filled are: our reference, whom it goes to and who sends it, kind of label (paid, COD), cool, day,
hours, COD amount, number of pieces, contents, our codes with the carrier, and in the remarks the
order's number and where to leave it; all others stay empty for the program's own settings. A
parcel whose address does not fit the columns is not written: it is told. The answer is known by
its header; ours is the reference that we gave.

Amounts are yen with taxes.

Source: carrier_layouts.py; the check digit of tracking numbers is the first eleven digits modulo 7
with all three.
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from wms.partners.carrier_layouts import HALF_WIDTH, DoesNotFit, Format
from wms.partners.legacy_text import ENCODING, fit
from wms.ports import Booking


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is wrong with a parcel: written (characters were lost), or not."""

    parcel_id: UUID
    code: str
    written: bool
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A file, who is in it, and what is wrong."""

    content: bytes
    parcels: tuple[UUID, ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A line of the program's answer; `problem` is a code, empty if it can be used."""

    line: int
    reference: str
    tracking: str
    problem: str = ""


class NotTheirFile(ValueError):  # noqa: N818 - reads as a situation
    """This is no file of that program: its columns are not there."""


def write(format_: Format, bookings: Iterable[Booking], codes: Mapping[str, str]) -> Written:
    """The file for these parcels, with a header, in the order given."""
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\r\n")
    rows.writerow(format_.columns)
    parcels: list[UUID] = []
    problems: list[Problem] = []
    for booking in bookings:
        id_ = booking.parcel_id
        try:
            filled = format_.fill(booking, codes)
        except DoesNotFit as error:
            problems.append(Problem(parcel_id=id_, code=str(error), written=False))
            continue
        if lost := _lost(booking):
            problems.append(
                Problem(parcel_id=id_, code="characters_lost", written=True, detail=lost)
            )
        rows.writerow([_cell(name, filled.get(name, "")) for name in format_.columns])
        parcels.append(id_)
    return Written(
        content=out.getvalue().encode(ENCODING), parcels=tuple(parcels), problems=tuple(problems)
    )


def read_tracking(format_: Format, content: bytes) -> list[Answer]:
    """What the program answers, line by line.

    Raises:
        NotTheirFile: there are no such columns in it.
    """
    lines = list(csv.reader(io.StringIO(_decoded(content))))
    header = [fit(name).text for name in lines[0]] if lines else []
    reference, number = _column(header, format_.references), _column(header, format_.numbers)
    return [
        _answer(at, row, reference, number)
        for at, row in enumerate(lines[1:], start=2)
        if any(cell.strip() for cell in row)
    ]


def _answer(line: int, row: Sequence[str], reference: int, number: int) -> Answer:
    if len(row) <= max(reference, number):
        return Answer(line=line, reference="", tracking="", problem="too_few_columns")
    ours = fit(row[reference]).text
    theirs = fit(row[number]).text.replace("-", "").replace(" ", "")
    problem = ""
    if not ours:
        problem = "no_reference"
    elif not theirs:
        problem = "no_number"
    elif not is_tracking_number(theirs):
        problem = "no_tracking_number"
    return Answer(line=line, reference=ours[:100], tracking=theirs[:100], problem=problem)


def _cell(column: str, value: str) -> str:
    return value if column in HALF_WIDTH else fit(value).text


def _lost(booking: Booking) -> str:
    """The characters of a parcel's people that the file does not have."""
    people = [party for party in (booking.recipient, booking.sender) if party is not None]
    texts = [text for party in people for text in (party.name, *party.address_lines)]
    return " ".join(dict.fromkeys("".join(fit(text).lost for text in texts)))


def is_tracking_number(code: str) -> bool:
    """Whether these are twelve digits with the check digit of the three carriers."""
    return (
        len(code) == 12  # noqa: PLR2004 - the number of digits
        and code.isascii()
        and code.isdigit()
        and int(code[:11]) % 7 == int(code[11])
    )


def _decoded(content: bytes) -> str:
    """The text of a file: UTF-8 if it says so or is, else cp932."""
    for encoding in ("utf-8-sig", ENCODING):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise NotTheirFile("neither UTF-8 nor Shift_JIS")


def _column(header: Sequence[str], names: Sequence[str]) -> int:
    for name in names:
        if fit(name).text in header:
            return header.index(fit(name).text)
    raise NotTheirFile(f"no column {names[0]}: expected a file of the program, with its header")
