"""Labels: 100 × 150 mm, for carriers without labels of their own and for goods that come back.

    label_pdf(booking)  ->  bytes

What people read is in Japanese and large where a driver looks: where to, when, what to collect.
What machines read is the SSCC as GS1-128, the tracking number as Code 128, and both as a QR code.
The Japanese font is one that every PDF reader has (no file of ours); the same label is the same
bytes.

Millimetres, from the lower left corner.

Source: GS1 General Specifications, logistic label; (00) is the SSCC.
"""

# ruff: noqa: RUF001 - what is printed is Japanese

import io
from collections.abc import Sequence

import segno
from reportlab.graphics.barcode.code128 import Code128  # type: ignore[import-untyped]
from reportlab.lib.units import mm  # type: ignore[import-untyped]
from reportlab.pdfbase import pdfmetrics  # type: ignore[import-untyped]
from reportlab.pdfbase.cidfonts import UnicodeCIDFont  # type: ignore[import-untyped]
from reportlab.pdfgen.canvas import Canvas  # type: ignore[import-untyped]

from wms.ports import Booking, Party

WIDTH_MM, HEIGHT_MM, EDGE_MM = 100.0, 150.0, 5.0
ADDRESS_LINES = 3
FONT = "HeiseiKakuGo-W5"
FNC1 = "\xf1"  # what Code128 means by it
LEAVE_AT = {
    "FRONT_DOOR": "玄関前", "DELIVERY_BOX": "宅配ボックス", "METER_BOX": "メーターボックス",
    "BICYCLE_BASKET": "自転車かご", "GARAGE": "車庫", "STORAGE": "物置", "RECEPTION": "管理人",
}  # fmt: skip


def label_pdf(booking: Booking, *, service_name: str = "", tracking: str = "") -> bytes:
    """The label of a parcel, one page. `service_name` is how people call the service."""
    pdfmetrics.registerFont(UnicodeCIDFont(FONT))
    out = io.BytesIO()
    page = Canvas(out, pagesize=(WIDTH_MM * mm, HEIGHT_MM * mm), invariant=1)
    page.setTitle(booking.sscc)
    _head(page, booking, service_name)
    _party(page, "お届け先", booking.recipient, booking, (133.0, 13))
    _party(page, "ご依頼主", booking.sender, None, (94.0, 8))
    _wishes(page, booking, 69.5)
    for y in (133.0, 94.0, 73.5, 60.0):
        page.line(2 * mm, y * mm, 98 * mm, y * mm)
    _codes(page, booking, tracking)
    page.showPage()
    page.save()
    return out.getvalue()


def _head(page: Canvas, booking: Booking, service_name: str) -> None:
    page.setLineWidth(1)
    page.rect(2 * mm, 2 * mm, (WIDTH_MM - 4) * mm, (HEIGHT_MM - 4) * mm)
    _text(page, EDGE_MM, 138, service_name or booking.service, 20)
    mark = "返品" if booking.direction == "RETURN" else "クール" if booking.cool else ""
    if mark:
        page.setFillGray(0)
        page.rect(68 * mm, 135.5 * mm, 28 * mm, 11 * mm, fill=1)
        page.setFillGray(1)
        _centred(page, 82, 138.5, mark, 18)
        page.setFillGray(0)


def _party(
    page: Canvas, title: str, party: Party | None, booking: Booking | None, band: tuple[float, int]
) -> None:
    """Who it goes to (with the booking) or comes from, below `band`'s upper edge, in its size."""
    top, size = band
    _text(page, EDGE_MM, top - 4, title, 7)
    postal = (party.postal_code if party else "") or (booking.postal_code if booking else "")
    y = top - 3 - size * 0.25
    if postal:
        _text(page, 22, y, f"〒{postal}", size)
    for line in _address(party, booking, size):
        y -= size * 0.46
        _text(page, EDGE_MM, y, line, size)
    if party is None:
        return
    for line in _wrapped(f"{party.name} 様" if booking else party.name, size + 2, 90)[:1]:
        y -= size * 0.55
        _text(page, EDGE_MM, y, line, size + 2)
    if party.phone:
        _text(page, EDGE_MM, y - size * 0.45, f"TEL {party.phone}", max(7, size - 4))


def _address(party: Party | None, booking: Booking | None, size: float) -> list[str]:
    """At most three lines: as they were said if they fit so, else one after the other."""
    width = WIDTH_MM - 2 * EDGE_MM
    if party is None or not party.address_lines:
        return [booking.prefecture] if booking else []
    first, *others = party.address_lines
    lines = [first if first.startswith(party.prefecture) else party.prefecture + first, *others]
    apart = [part for line in lines for part in _wrapped(line, size, width)]
    together = _wrapped(" ".join(lines), size, width)
    return apart if len(apart) <= ADDRESS_LINES else together[:ADDRESS_LINES]


def _wishes(page: Canvas, booking: Booking, top: float) -> None:
    day = "" if booking.deliver_on is None else booking.deliver_on.strftime("%m/%d")
    hours = booking.slot.replace("-", "～") + ("時" if booking.slot else "")
    _text(page, EDGE_MM, top, "お届け日時", 7)
    _text(page, EDGE_MM, top - 6, f"{day} {hours}".strip() or "指定なし", 13)
    _text(page, 48, top, "置き配", 7)
    _text(page, 48, top - 6, LEAVE_AT.get(booking.leave_at, booking.leave_at) or "なし", 10)
    _text(page, 74, top, "代引", 7)
    amount = f"{booking.cod_minor:,} 円" if booking.cod_minor else "なし"
    _text(page, 74, top - 6, amount, 13)


def _codes(page: Canvas, booking: Booking, tracking: str) -> None:
    weight = f"{booking.weight_g / 1000:.1f} kg"
    _text(page, EDGE_MM, 55, f"{booking.number}   {weight}", 9)
    if tracking:
        _text(page, EDGE_MM, 50, f"お問い合せ番号 {tracking}", 9)
        _barcode(page, tracking, EDGE_MM + 1, 36, height_mm=12, module_mm=0.38)
    _qr(page, f"(00){booking.sscc}" + (f"\n{tracking}" if tracking else ""), 71.5, 35, 22)
    _barcode(page, f"{FNC1}00{booking.sscc}", 11, 9, height_mm=20, module_mm=0.5)
    _centred(page, WIDTH_MM / 2, 4.5, f"(00) {booking.sscc}", 9)


def _barcode(
    page: Canvas, code: str, x: float, y: float, *, height_mm: float, module_mm: float
) -> None:
    bars = Code128(
        code, barHeight=height_mm * mm, barWidth=module_mm * mm, humanReadable=0, quiet=0
    )
    bars.drawOn(page, x * mm, y * mm)


def _qr(page: Canvas, text: str, x: float, y: float, side: float) -> None:
    rows = [list(row) for row in segno.make(text, micro=False, error="m").matrix]
    step = side / len(rows)
    for at, row in enumerate(rows):
        for begin, length in _runs(row):
            page.rect(
                (x + begin * step) * mm,
                (y + (len(rows) - at - 1) * step) * mm,
                length * step * mm,
                step * mm,
                stroke=0,
                fill=1,
            )


def _runs(row: Sequence[int]) -> list[tuple[int, int]]:
    """Where dark runs begin, and how long they are."""
    runs: list[tuple[int, int]] = []
    for at, dark in enumerate(row):
        if not dark:
            continue
        if runs and sum(runs[-1]) == at:
            runs[-1] = (runs[-1][0], runs[-1][1] + 1)
        else:
            runs.append((at, 1))
    return runs


def _wrapped(text: str, size: float, width_mm: float) -> list[str]:
    lines, line = [], ""
    for char in text:
        if pdfmetrics.stringWidth(line + char, FONT, size) > width_mm * mm:
            lines.append(line)
            line = ""
        line += char
    return [*lines, line] if line else lines


def _text(page: Canvas, x: float, y: float, text: str, size: float) -> None:
    page.setFont(FONT, size)
    page.drawString(x * mm, y * mm, text)


def _centred(page: Canvas, x: float, y: float, text: str, size: float) -> None:
    page.setFont(FONT, size)
    page.drawCentredString(x * mm, y * mm, text)
