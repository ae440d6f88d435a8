"""Drawings: what is printed, as marks on a page, before anybody has asked for PDF or ZPL.

    Drawing(width_mm, height_mm, marks)
        Words    a line of text: Japanese and Latin, black or white
        Rule     a line
        Block    a frame, or a filled rectangle
        Bars     Code 128, with FNC1 as `FNC1`
        Matrix   dark and light squares: QR, DataMatrix

Millimetres, from the lower left corner; text sizes are points.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from reportlab.lib.units import mm  # type: ignore[import-untyped]
from reportlab.pdfbase import pdfmetrics  # type: ignore[import-untyped]
from reportlab.pdfbase.cidfonts import UnicodeCIDFont  # type: ignore[import-untyped]

FONT = "HeiseiKakuGo-W5"  # one that every PDF reader has: no file of ours
LINE = 1.25  # from one line to the next, of the size
POINT_MM = 25.4 / 72

Align: TypeAlias = Literal["LEFT", "CENTRE", "RIGHT"]

pdfmetrics.registerFont(UnicodeCIDFont(FONT))


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """A line of text that begins at, is centred on, or ends at x."""

    x_mm: float
    y_mm: float
    text: str
    size: float
    align: Align = "LEFT"
    white: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A line."""

    x_mm: float
    y_mm: float
    to_x_mm: float
    to_y_mm: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A rectangle."""

    x_mm: float
    y_mm: float
    width_mm: float
    height_mm: float
    filled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """Code 128 of a text."""

    x_mm: float
    y_mm: float
    text: str
    height_mm: float
    module_mm: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """Squares, the upper row first; the quiet zone is whoever's who places it."""

    x_mm: float
    y_mm: float
    side_mm: float
    rows: tuple[tuple[int, ...], ...]


Mark: TypeAlias = Words | Rule | Block | Bars | Matrix


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """One label or page."""

    width_mm: float
    height_mm: float
    marks: tuple[Mark, ...]
    title: str = ""


def text_width_mm(text: str, size: float) -> float:
    """How wide a line of text is."""
    return float(pdfmetrics.stringWidth(text, FONT, size)) / float(mm)


def fitted(text: str, width_mm: float, most: float, least: float = 5.0) -> float:
    """The largest size from `most` down in which a line has room."""
    wide = text_width_mm(text, most)
    return most if wide <= width_mm else max(least, most * width_mm / wide)


def wrapped(text: str, size: float, width_mm: float) -> list[str]:
    """Lines of at most that width, broken between any two characters."""
    lines, line = [], ""
    for char in text:
        if line and text_width_mm(line + char, size) > width_mm:
            lines.append(line)
            line = ""
        line += char
    return [*lines, line] if line else lines


def cut(text: str, size: float, width_mm: float) -> str:
    """The text, or its beginning and a mark that there is more."""
    lines = wrapped(text, size, width_mm)
    if len(lines) <= 1:
        return text
    return wrapped(text, size, width_mm - text_width_mm("…", size))[0] + "…"


def marked(drawing: Drawing, mark: str) -> Drawing:
    """The same with a word in the upper right corner: what is printed again says so."""
    size = 8.0
    word = Words(
        x_mm=drawing.width_mm - 2.5,
        y_mm=drawing.height_mm - 2.2 - size * POINT_MM,
        text=mark,
        size=size,
        align="RIGHT",
    )
    wide = text_width_mm(mark, size)
    frame = Block(
        x_mm=drawing.width_mm - 3.2 - wide,
        y_mm=word.y_mm - 0.9,
        width_mm=wide + 1.4,
        height_mm=size * POINT_MM + 1.2,
    )
    return Drawing(
        width_mm=drawing.width_mm,
        height_mm=drawing.height_mm,
        marks=(*drawing.marks, frame, word),
        title=drawing.title,
    )


def runs(row: Sequence[int]) -> list[tuple[int, int]]:
    """Where dark runs begin, and how long they are."""
    found: list[tuple[int, int]] = []
    for at, dark in enumerate(row):
        if not dark:
            continue
        if found and sum(found[-1]) == at:
            found[-1] = (found[-1][0], found[-1][1] + 1)
        else:
            found.append((at, 1))
    return found
