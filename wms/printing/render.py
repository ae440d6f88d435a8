"""Render: drawings as one PDF, or as ZPL for a label printer: the same marks, page by page.

    to_pdf(drawings, told=...)            bytes
    to_zpl(drawings, dpi=203, told=...)   bytes; each page is a picture (GRF, Z64), so a printer
                                          needs neither our font nor our barcodes

`told(n)` is called after each page and may raise to stop. The same drawings are the same bytes.
Pages become dots in groups, because a PDF's fonts are looked up once a file.

Source: ZPL II Programming Guide, ^GF (binary data as ":Z64:", with their CRC), ^PW, ^LL.
"""

import io
import zlib
from base64 import b64encode
from binascii import crc_hqx
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, TypeAlias

import numpy as np
import pypdfium2  # type: ignore[import-untyped]
from reportlab import rl_config  # type: ignore[import-untyped]
from reportlab.graphics.barcode.code128 import Code128  # type: ignore[import-untyped]
from reportlab.lib.units import mm  # type: ignore[import-untyped]
from reportlab.pdfgen.canvas import Canvas  # type: ignore[import-untyped]

from wms.printing.drawing import FONT, Bars, Block, Drawing, Mark, Matrix, Rule, Words, runs

Told: TypeAlias = Callable[[int], None]

TOGETHER = 50  # pages that become dots from one PDF
DARK = 128  # below this grey a dot is printed

rl_config.useA85 = 0  # a PDF need not pass through what knows only seven bits any more


def to_pdf(drawings: Iterable[Drawing], *, told: Told | None = None) -> bytes:
    """One PDF, a page each."""
    out = io.BytesIO()
    page = Canvas(out, invariant=1, pageCompression=1)
    for number, drawing in enumerate(drawings, start=1):
        page.setPageSize((drawing.width_mm * mm, drawing.height_mm * mm))
        if number == 1:
            page.setTitle(drawing.title)
        page.setLineWidth(1)
        for mark in drawing.marks:
            _draw(page, mark)
        page.showPage()
        if told is not None:
            told(number)
    page.save()
    return out.getvalue()


def to_zpl(drawings: Iterable[Drawing], *, dpi: int = 203, told: Told | None = None) -> bytes:
    """One label after the other."""
    out = []
    for number, drawing in enumerate(_pictures(drawings, dpi), start=1):
        out.append(drawing)
        if told is not None:
            told(number)
    return b"".join(out)


def _pictures(drawings: Iterable[Drawing], dpi: int) -> Iterator[bytes]:
    """Each drawing as one label of ZPL."""
    rest = iter(drawings)
    while group := list(islice(rest, TOGETHER)):
        document = pypdfium2.PdfDocument(to_pdf(group))
        try:
            for page in document:
                yield _label(page, dpi)
        finally:
            document.close()


def _label(page: Any, dpi: int) -> bytes:
    bitmap = page.render(scale=dpi / 72, grayscale=True)
    grey = bitmap.to_numpy()
    high, wide = grey.shape[:2]
    dots = np.packbits(grey.reshape(high, wide) < DARK, axis=1)
    bitmap.close()
    page.close()
    data = b64encode(zlib.compress(dots.tobytes()))
    field = b":Z64:%s:%04X" % (data, crc_hqx(data, 0))
    return b"^XA^PW%d^LL%d^FO0,0^GFA,%d,%d,%d,%s^FS^XZ\n" % (
        wide, high, len(field), dots.size, dots.shape[1], field,
    )  # fmt: skip


def _draw(page: Canvas, mark: Mark) -> None:
    match mark:
        case Words():
            page.setFont(FONT, mark.size)
            page.setFillGray(1 if mark.white else 0)
            draw = {"LEFT": page.drawString, "CENTRE": page.drawCentredString,
                    "RIGHT": page.drawRightString}[mark.align]  # fmt: skip
            draw(mark.x_mm * mm, mark.y_mm * mm, mark.text)
            page.setFillGray(0)
        case Rule():
            page.line(mark.x_mm * mm, mark.y_mm * mm, mark.to_x_mm * mm, mark.to_y_mm * mm)
        case Block():
            sides = (mark.x_mm, mark.y_mm, mark.width_mm, mark.height_mm)
            page.rect(*(side * mm for side in sides), fill=int(mark.filled))
        case Bars():
            bars = Code128(
                mark.text, barHeight=mark.height_mm * mm, barWidth=mark.module_mm * mm,
                humanReadable=0, quiet=0,
            )  # fmt: skip
            bars.drawOn(page, mark.x_mm * mm, mark.y_mm * mm)
        case Matrix():
            _draw_matrix(page, mark)


def _draw_matrix(page: Canvas, mark: Matrix) -> None:
    step = mark.side_mm / len(mark.rows)
    path = page.beginPath()
    for at, row in enumerate(mark.rows):
        y_mm = mark.y_mm + (len(mark.rows) - at - 1) * step
        for begin, length in runs(row):
            path.rect((mark.x_mm + begin * step) * mm, y_mm * mm, length * step * mm, step * mm)
    page.drawPath(path, stroke=0, fill=1)
