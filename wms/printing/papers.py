"""Papers: slips, manifests, pick lists and sheets of barcodes: a title, facts, and a table.

    paper(Paper(title="納品書", facts=..., columns=..., rows=...))    pages, A4 or a label's size
    sheet("Soko", sections)                                         A4 pages full of barcodes

A table goes on over as many pages as it needs, its head on each. Millimetres.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from wms.printing.codes import DOT_MM, Code, bars_text, bars_width_mm, matrix, module_mm
from wms.printing.drawing import Bars, Drawing, Mark, Matrix, Rule, Words, cut, fitted

A4_MM = (210.0, 297.0)
SLIP_MM = (100.0, 150.0)
EDGE_MM = 12.0
ROW_MM = 6.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column: its head, its share of the width, and on which side its words stand."""

    head: str
    share: float
    right: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """A paper as whoever wants one says it; `code` is its own barcode, if it has one."""

    title: str
    facts: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    foot: tuple[str, ...] = ()
    code: str = ""
    size_mm: tuple[float, float] = A4_MM


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Barcodes that belong together on a sheet: (code, what it is)."""

    title: str
    codes: tuple[tuple[str, str], ...]


def paper(what: Paper) -> list[Drawing]:
    """Its pages."""
    wide, high = what.size_mm
    edge = EDGE_MM if wide > SLIP_MM[0] else 4.0
    head_mm = 16.0 + 5.0 * len(what.facts) + ROW_MM
    foot_mm = edge + 5.0 * len(what.foot)
    first = max(1, int((high - edge - head_mm - foot_mm) / ROW_MM))
    parts = [what.rows[:first]]
    parts += [what.rows[at : at + first] for at in range(first, len(what.rows), first)]
    pages = []
    for number, rows in enumerate(parts, start=1):
        marks = _head(what, edge, f"{number}/{len(parts)}")
        y_mm = high - edge - head_mm
        marks += _row([column.head for column in what.columns], what, edge, y_mm)
        marks.append(Rule(x_mm=edge, y_mm=y_mm - 1.5, to_x_mm=wide - edge, to_y_mm=y_mm - 1.5))
        for row in rows:
            y_mm -= ROW_MM
            marks += _row(row, what, edge, y_mm)
        for at, line in enumerate(reversed(what.foot)):
            size = fitted(line, wide - 2 * edge, 9)
            marks.append(Words(x_mm=edge, y_mm=edge + 5.0 * at, text=line, size=size))
        pages.append(Drawing(width_mm=wide, height_mm=high, marks=tuple(marks), title=what.title))
    return pages


def _head(what: Paper, edge: float, page: str) -> list[Mark]:
    wide, high = what.size_mm
    marks: list[Mark] = [
        Words(x_mm=edge, y_mm=high - edge - 6, text=what.title,
              size=fitted(what.title, wide * 0.6, 18)),
        Words(x_mm=wide - edge, y_mm=edge - 3, text=page, size=7, align="RIGHT"),
    ]  # fmt: skip
    if what.code:
        side = 18.0
        rows = matrix(Code("QR", what.code))
        marks.append(
            Matrix(x_mm=wide - edge - side, y_mm=high - edge - side, side_mm=side, rows=rows)
        )
    for at, line in enumerate(what.facts):
        y_mm = high - edge - 13 - 5.0 * at
        room = wide - 2 * edge - (20 if what.code and at < 2 else 0)  # noqa: PLR2004 - beside it
        marks.append(Words(x_mm=edge, y_mm=y_mm, text=cut(line, 9, room), size=9))
    return marks


def _row(row: Sequence[str], what: Paper, edge: float, y_mm: float) -> list[Mark]:
    room = what.size_mm[0] - 2 * edge
    all_shares = sum(column.share for column in what.columns)
    marks: list[Mark] = []
    x_mm = edge
    for text, column in zip(row, what.columns, strict=True):
        width = room * column.share / all_shares
        shown = cut(text, 8, width - 1)
        if column.right:
            marks.append(Words(x_mm=x_mm + width - 1, y_mm=y_mm, text=shown, size=8, align="RIGHT"))
        else:
            marks.append(Words(x_mm=x_mm, y_mm=y_mm, text=shown, size=8))
        x_mm += width
    return marks


def sheet(title: str, sections: Iterable[Section]) -> list[Drawing]:
    """A4 pages of barcodes to scan from paper or screen, three a row."""
    pages: list[list[Mark]] = [[]]
    y_mm = A4_MM[1] - EDGE_MM - 8
    pages[-1].append(Words(x_mm=EDGE_MM, y_mm=y_mm, text=title, size=18))
    for part in sections:
        for row_no, row in enumerate(_threes(part.codes)):
            needed = 26.0 + (9.0 if row_no == 0 else 0.0)
            if y_mm - needed < EDGE_MM:
                pages.append([])
                y_mm = A4_MM[1] - EDGE_MM
            if row_no == 0:
                y_mm -= 9
                pages[-1].append(Words(x_mm=EDGE_MM, y_mm=y_mm, text=part.title, size=12))
            y_mm -= 26
            for at, (code, words) in enumerate(row):
                pages[-1] += _cell(code, words, EDGE_MM + at * 62.0, y_mm)
    return [
        Drawing(width_mm=A4_MM[0], height_mm=A4_MM[1], marks=tuple(marks), title=title)
        for marks in pages
    ]


def _threes(codes: Sequence[tuple[str, str]]) -> Iterator[Sequence[tuple[str, str]]]:
    for at in range(0, len(codes), 3):
        yield codes[at : at + 3]


def _cell(code: str, words: str, x_mm: float, y_mm: float) -> list[Mark]:
    under = words if words == code or not words else f"{code}  {words}"
    marks: list[Mark] = [
        Words(x_mm=x_mm + 29, y_mm=y_mm, text=cut(under, 7, 58), size=7, align="CENTRE")
    ]
    text = bars_text(Code("CODE128", code))
    module = module_mm(text, 60)
    if module is None:
        rows = matrix(Code("QR", code))
        return [*marks, Matrix(x_mm=x_mm + 20, y_mm=y_mm + 3, side_mm=18, rows=rows)]
    module = min(module, 3 * DOT_MM)
    left = x_mm + (58 - bars_width_mm(text, module)) / 2
    return [*marks, Bars(x_mm=left, y_mm=y_mm + 4, text=text, height_mm=14, module_mm=module)]
