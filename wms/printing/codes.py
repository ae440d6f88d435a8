"""Codes: a text as bars or squares, and a GS1 element string as the characters in it.

    bars_text(Code("GS1_128", "(01)04912345000019(10)L7"))   with FNC1 first and between
    matrix(Code("QR", "…"))                                   squares

Widths of bars are multiples of one dot of a printer with 203 dots an inch, so that its bars are
as even as the drawing's.

Source: GS1 General Specifications, sections 5.4 (FNC1) and 7.8 (lengths known beforehand).
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeAlias

import segno

from wms.printing import datamatrix

Symbology: TypeAlias = Literal["CODE128", "GS1_128", "QR", "DATAMATRIX", "GS1_DATAMATRIX"]

FNC1 = "\xf1"  # what Code128 means by it
GROUP = "\x1d"
DOT_MM = 25.4 / 203
QUIET_MODULES = 10
LINEAR: frozenset[Symbology] = frozenset({"CODE128", "GS1_128"})
_ELEMENT = re.compile(r"\((\d{2,4})\)([^(]+)")
# Application identifiers whose fields are known to be that long: no separator after them.
_FIXED = ("00", "01", "02", "03", "04", "11", "12", "13", "14", "15", "16", "17", "18", "19", "20",
          "31", "32", "33", "34", "35", "36", "41")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Code:
    """What a scanner shall read. GS1: as element string, "(00)349012345000000018"."""

    symbology: Symbology
    text: str


def elements(text: str) -> list[tuple[str, str]]:
    """The identifiers and values of an element string.

    Raises:
        ValueError: it is none.
    """
    found = _ELEMENT.findall(text)
    if "".join(f"({ai}){value}" for ai, value in found) != text or not found:
        raise ValueError(f"no GS1 element string: {text}")
    return found


def gs1_text(text: str, separator: str) -> str:
    """The characters of an element string, with a separator where one must be."""
    parts = elements(text)
    last = len(parts) - 1
    return "".join(
        ai + value + (separator if at < last and not ai.startswith(_FIXED) else "")
        for at, (ai, value) in enumerate(parts)
    )


def bars_text(code: Code) -> str:
    """What `Code128` is given."""
    return FNC1 + gs1_text(code.text, FNC1) if code.symbology == "GS1_128" else code.text


def module_mm(text: str, width_mm: float, *, most_dots: int = 4) -> float | None:
    """The widest bars that leave room for the quiet zones; None if the thinnest do not."""
    if not all(" " <= char <= "~" or char == FNC1 for char in text):
        return None
    modules = _modules(text) + 2 * QUIET_MODULES
    dots = min(most_dots, int(width_mm / DOT_MM / modules))
    return dots * DOT_MM if dots >= 2 else None  # noqa: PLR2004 - one dot is no bar


def bars_width_mm(text: str, module: float) -> float:
    """How wide the bars are."""
    return _modules(text) * module


def _modules(text: str) -> float:
    # drawing takes half a second to import: who only knows of codes need not have it
    from reportlab.graphics.barcode.code128 import Code128  # type: ignore[import-untyped]  # noqa: PLC0415

    return float(Code128(text, quiet=0, barWidth=1).width)


@lru_cache(maxsize=256)
def matrix(code: Code) -> tuple[tuple[int, ...], ...]:
    """The squares of a two-dimensional code; of bars that found no room, a QR code."""
    if code.symbology == "DATAMATRIX":
        return datamatrix.rows(code.text)
    if code.symbology == "GS1_DATAMATRIX":
        return datamatrix.rows(gs1_text(code.text, GROUP), gs1=True)
    made = segno.make(code.text, micro=False, error="m")
    return tuple(tuple(int(dark) for dark in row) for row in made.matrix)
