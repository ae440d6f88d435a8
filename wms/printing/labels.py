"""Labels: what stands on one, and where.

    label(LabelSpec(kind="LOCATION", title="A-01-02", codes=(Code("CODE128", "A-01-02"),), ...))

A label is a title as large as it fits, lines below it, bars at the bottom over the whole width and
squares on the right. A place's has its check digits, white on black, and an arrow to where it is.
Bars that find no room become a QR code, so that whatever is asked for can be scanned.

Millimetres.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from wms.printing.codes import (
    DOT_MM,
    LINEAR,
    QUIET_MODULES,
    Code,
    bars_text,
    bars_width_mm,
    matrix,
    module_mm,
)
from wms.printing.drawing import (
    LINE,
    POINT_MM,
    Bars,
    Block,
    Drawing,
    Mark,
    Matrix,
    Words,
    cut,
    fitted,
)

Kind: TypeAlias = Literal["PARCEL", "LOCATION", "LPN", "ITEM", "BADGE", "COMMAND"]
Arrow: TypeAlias = Literal["", "UP", "DOWN", "LEFT", "RIGHT"]

EDGE_MM = 2.5
BARS_MM = 14.0
SIZES_MM: Mapping[Kind, tuple[float, float]] = {
    "PARCEL": (100, 150),
    "LOCATION": (100, 50),
    "LPN": (100, 70),
    "ITEM": (60, 40),
    "BADGE": (86, 54),
    "COMMAND": (86, 40),
}
ARROWS: Mapping[Arrow, str] = {"": "", "UP": "↑", "DOWN": "↓", "LEFT": "←", "RIGHT": "→"}


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelSpec:
    """A label as whoever wants one says it. Without a size it has that of its kind."""

    kind: Kind
    title: str
    lines: tuple[str, ...] = ()
    codes: tuple[Code, ...] = ()
    digits: str = ""
    arrow: Arrow = ""
    width_mm: float = 0
    height_mm: float = 0


def label(spec: LabelSpec) -> Drawing:
    """The drawing of a label."""
    usual = SIZES_MM[spec.kind]
    wide, high = spec.width_mm or usual[0], spec.height_mm or usual[1]
    bars, squares = _sorted(spec.codes, wide)
    marks: list[Mark] = []
    floor = EDGE_MM
    for code in reversed(bars):
        marks += _bars(code, wide, floor)
        floor += BARS_MM + 5
    side = max(8.0, min(28.0, high - floor - EDGE_MM)) if squares or spec.digits else 0.0
    right = wide - EDGE_MM
    for code in squares:
        marks.append(Matrix(x_mm=right - side, y_mm=floor + 1, side_mm=side - 1, rows=matrix(code)))
        right -= side + 2
    if spec.digits:
        marks += _digits(spec, right, floor, side)
        right -= side + 2
    marks += _words(spec, right - EDGE_MM, high, floor)
    return Drawing(width_mm=wide, height_mm=high, marks=tuple(marks), title=spec.title)


def _sorted(codes: Sequence[Code], wide: float) -> tuple[list[Code], list[Code]]:
    """Those that are bars, and those that are squares or become some for want of room."""
    bars: list[Code] = []
    squares: list[Code] = []
    for code in codes:
        fits = code.symbology in LINEAR and module_mm(bars_text(code), wide - 1)
        (bars if fits else squares).append(code)
    return bars, squares


def _bars(code: Code, wide: float, floor: float) -> list[Mark]:
    text = bars_text(code)
    module = module_mm(text, wide - 1) or 2 * DOT_MM
    x_mm = max((wide - bars_width_mm(text, module)) / 2, QUIET_MODULES * module)
    return [
        Bars(x_mm=x_mm, y_mm=floor + 3.6, text=text, height_mm=BARS_MM, module_mm=module),
        Words(
            x_mm=wide / 2, y_mm=floor + 0.6, text=code.text,
            size=fitted(code.text, wide - 2 * EDGE_MM, 8), align="CENTRE",
        ),
    ]  # fmt: skip


def _digits(spec: LabelSpec, right: float, floor: float, side: float) -> list[Mark]:
    """White on black: what is said or typed instead of scanning; the arrow below them."""
    room = side - 9 if spec.arrow else side - 1
    size = fitted(spec.digits, side - 3, room / POINT_MM * 0.85)
    y_mm = floor + side - room
    marks: list[Mark] = [
        Block(x_mm=right - side, y_mm=y_mm, width_mm=side, height_mm=room, filled=True),
        Words(
            x_mm=right - side / 2, y_mm=y_mm + (room - size * POINT_MM * 0.72) / 2,
            text=spec.digits, size=size, align="CENTRE", white=True,
        ),
    ]  # fmt: skip
    if spec.arrow:
        marks.append(
            Words(
                x_mm=right - side / 2, y_mm=floor + 1, text=ARROWS[spec.arrow], size=24,
                align="CENTRE",
            )
        )  # fmt: skip
    return marks


def _words(spec: LabelSpec, width: float, high: float, floor: float) -> list[Mark]:
    size = fitted(spec.title, width - EDGE_MM, 40.0 if spec.kind == "LOCATION" else 20.0, 7)
    size = max(5.0, min(size, (high - floor - EDGE_MM) / POINT_MM * 0.8))
    y_mm = high - EDGE_MM - size * POINT_MM
    title = cut(spec.title, size, width - EDGE_MM)
    marks: list[Mark] = [Words(x_mm=EDGE_MM + 0.5, y_mm=y_mm, text=title, size=size)]
    for line in spec.lines:
        fits = fitted(line, width - EDGE_MM, 9, 6)
        y_mm -= 9 * POINT_MM * LINE
        if y_mm < floor:
            break
        text = cut(line, fits, width - EDGE_MM)
        marks.append(Words(x_mm=EDGE_MM + 0.5, y_mm=y_mm, text=text, size=fits))
    return marks


# ------------------------------------------------------------------------- what is printed often
def location_label(code: str, digits: str, *, arrow: Arrow = "", lines: tuple[str, ...] = ()) -> (
    LabelSpec
):  # fmt: skip
    """The label of a place."""
    return LabelSpec(
        kind="LOCATION", title=code, lines=lines, codes=(Code("CODE128", code),), digits=digits,
        arrow=arrow,
    )  # fmt: skip


def lpn_label(code: str, *, lines: tuple[str, ...] = ()) -> LabelSpec:
    """The label of a tote or pallet: an SSCC as GS1-128, else its own code."""
    sscc = code.isdecimal() and len(code) == len("349012345000000018")
    bars = Code("GS1_128", f"(00){code}") if sscc else Code("CODE128", code)
    return LabelSpec(kind="LPN", title=code, lines=lines, codes=(bars, Code("QR", code)))


def item_label(
    name: str, sku: str, gtin: str = "", *, lot: str = "", expires: str = ""
) -> LabelSpec:
    """The label of goods: a GTIN with lot and expiry (YYMMDD) as GS1 DataMatrix, else the SKU."""
    lines = (sku, *((f"LOT {lot}",) if lot else ()), *((f"EXP {expires}",) if expires else ()))
    if not gtin:
        return LabelSpec(kind="ITEM", title=name, lines=lines, codes=(Code("CODE128", sku),))
    more = (f"(17){expires}" if expires else "") + (f"(10){lot}" if lot else "")
    return LabelSpec(
        kind="ITEM",
        title=name,
        lines=lines,
        codes=(
            Code("GS1_128", f"(01){gtin.zfill(14)}"),
            Code("GS1_DATAMATRIX", f"(01){gtin.zfill(14)}{more}"),
        ),
    )


def badge(name: str, code: str) -> LabelSpec:
    """What a person signs in with."""
    return LabelSpec(kind="BADGE", title=name, codes=(Code("CODE128", code), Code("QR", code)))


def command_label(command: str, words: str) -> LabelSpec:
    """A command to the handheld, to be worn: CMD:UNDO."""
    return LabelSpec(kind="COMMAND", title=words, codes=(Code("CODE128", command),))
