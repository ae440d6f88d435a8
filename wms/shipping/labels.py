"""Parcel labels: 100 × 150 mm, for carriers without labels of their own and for what comes back.

    parcel_label(booking) -> Drawing          (wms.printing: as PDF and as ZPL the same)
    label_pdf(booking)    -> bytes

What people read is in Japanese and large where a driver looks: where to, when, what to collect.
What machines read is the SSCC as GS1-128, the tracking number as Code 128, and both as a QR code.

Millimetres, from the lower left corner.

Source: GS1 General Specifications, logistic label; (00) is the SSCC.
"""

# ruff: noqa: RUF001 - what is printed is Japanese

from collections.abc import Iterator

from wms.ports import Booking, Party
from wms.printing.codes import DOT_MM, FNC1, Code, matrix, module_mm
from wms.printing.drawing import (
    Align,
    Bars,
    Block,
    Drawing,
    Mark,
    Matrix,
    Rule,
    Words,
    text_width_mm,
    wrapped,
)
from wms.printing.render import to_pdf

__all__ = ["FNC1", "HEIGHT_MM", "WIDTH_MM", "label_pdf", "parcel_label"]

WIDTH_MM, HEIGHT_MM, EDGE_MM = 100.0, 150.0, 5.0
ADDRESS_LINES = 3
RULES_MM = (133.0, 94.0, 73.5, 60.0)
LEAVE_AT = {
    "FRONT_DOOR": "玄関前", "DELIVERY_BOX": "宅配ボックス", "METER_BOX": "メーターボックス",
    "BICYCLE_BASKET": "自転車かご", "GARAGE": "車庫", "STORAGE": "物置", "RECEPTION": "管理人",
}  # fmt: skip


def label_pdf(booking: Booking, *, service_name: str = "", tracking: str = "") -> bytes:
    """The label of a parcel, one page. `service_name` is how people call the service."""
    return to_pdf([parcel_label(booking, service_name=service_name, tracking=tracking)])


def parcel_label(booking: Booking, *, service_name: str = "", tracking: str = "") -> Drawing:
    """The drawing of a parcel's label."""
    marks = (
        *_head(booking, service_name),
        *_party("お届け先", booking.recipient, booking, (133.0, 13)),
        *_party("ご依頼主", booking.sender, None, (94.0, 8)),
        *_wishes(booking, 69.5),
        *(Rule(x_mm=2, y_mm=y, to_x_mm=98, to_y_mm=y) for y in RULES_MM),
        *_codes(booking, tracking),
    )
    return Drawing(width_mm=WIDTH_MM, height_mm=HEIGHT_MM, marks=marks, title=booking.sscc)


def _head(booking: Booking, service_name: str) -> Iterator[Mark]:
    yield Block(x_mm=2, y_mm=2, width_mm=WIDTH_MM - 4, height_mm=HEIGHT_MM - 4)
    yield _text(EDGE_MM, 138, service_name or booking.service, 20)
    mark = "返品" if booking.direction == "RETURN" else "クール" if booking.cool else ""
    if mark:
        yield Block(x_mm=68, y_mm=135.5, width_mm=28, height_mm=11, filled=True)
        yield Words(x_mm=82, y_mm=138.5, text=mark, size=18, align="CENTRE", white=True)


def _party(
    title: str, party: Party | None, booking: Booking | None, band: tuple[float, int]
) -> Iterator[Mark]:
    """Who it goes to (with the booking) or comes from, below `band`'s upper edge, in its size."""
    top, size = band
    yield _text(EDGE_MM, top - 4, title, 7)
    postal = (party.postal_code if party else "") or (booking.postal_code if booking else "")
    y = top - 3 - size * 0.25
    if postal:
        yield _text(22, y, f"〒{postal}", size)
    for line in _address(party, booking, size):
        y -= size * 0.46
        yield _text(EDGE_MM, y, line, size)
    if party is None:
        return
    for line in wrapped(f"{party.name} 様" if booking else party.name, size + 2, 90)[:1]:
        y -= size * 0.55
        yield _text(EDGE_MM, y, line, size + 2)
    if party.phone:
        yield _text(EDGE_MM, y - size * 0.45, f"TEL {party.phone}", max(7, size - 4))


def _address(party: Party | None, booking: Booking | None, size: float) -> list[str]:
    """At most three lines: as they were said if they fit so, else one after the other."""
    width = WIDTH_MM - 2 * EDGE_MM
    if party is None or not party.address_lines:
        return [booking.prefecture] if booking else []
    first, *others = party.address_lines
    lines = [first if first.startswith(party.prefecture) else party.prefecture + first, *others]
    apart = [part for line in lines for part in wrapped(line, size, width)]
    together = wrapped(" ".join(lines), size, width)
    return apart if len(apart) <= ADDRESS_LINES else together[:ADDRESS_LINES]


def _wishes(booking: Booking, top: float) -> Iterator[Mark]:
    day = "" if booking.deliver_on is None else booking.deliver_on.strftime("%m/%d")
    hours = booking.slot.replace("-", "～") + ("時" if booking.slot else "")
    yield _text(EDGE_MM, top, "お届け日時", 7)
    yield _text(EDGE_MM, top - 6, f"{day} {hours}".strip() or "指定なし", 13)
    yield _text(48, top, "置き配", 7)
    yield _text(48, top - 6, LEAVE_AT.get(booking.leave_at, booking.leave_at) or "なし", 10)
    yield _text(74, top, "代引", 7)
    yield _text(74, top - 6, f"{booking.cod_minor:,} 円" if booking.cod_minor else "なし", 13)


def _codes(booking: Booking, tracking: str) -> Iterator[Mark]:
    weight = f"{booking.weight_g / 1000:.1f} kg"
    yield _text(EDGE_MM, 55, f"{booking.number}   {weight}", 9)
    if tracking:
        yield _text(EDGE_MM, 50, f"お問い合せ番号 {tracking}", 9)
        module = module_mm(tracking, 68, most_dots=3)
        if module is not None:  # else it is in the QR code
            yield Bars(x_mm=EDGE_MM + 1, y_mm=36, text=tracking, height_mm=12, module_mm=module)
    both = f"(00){booking.sscc}" + (f"\n{tracking}" if tracking else "")
    yield Matrix(x_mm=71.5, y_mm=35, side_mm=22, rows=matrix(Code("QR", both)))
    yield Bars(x_mm=11, y_mm=9, text=f"{FNC1}00{booking.sscc}", height_mm=20, module_mm=4 * DOT_MM)
    sscc = f"(00) {booking.sscc}"
    yield _text((WIDTH_MM - text_width_mm(sscc, 9)) / 2, 4.5, sscc, 9)


def _text(x_mm: float, y_mm: float, text: str, size: float, align: Align = "LEFT") -> Words:
    return Words(x_mm=x_mm, y_mm=y_mm, text=text, size=size, align=align)
