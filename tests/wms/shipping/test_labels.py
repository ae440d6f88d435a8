"""Labels: one page of the right size, what people read is on it, the same each time."""

# ruff: noqa: RUF001 - what is printed is Japanese

import io
from dataclasses import replace

import pytest
from pypdf import PdfReader
from reportlab.graphics.barcode.code128 import Code128  # type: ignore[import-untyped]

from tests.wms.shipping.test_carrier_files import BOOKING, TARO
from wms.ports import Booking
from wms.shipping.labels import FNC1, label_pdf


def words(booking: Booking, **more: str) -> str:
    (page,) = PdfReader(io.BytesIO(label_pdf(booking, **more))).pages
    assert [round(float(side) / 72 * 25.4) for side in page.mediabox[2:]] == [100, 150]
    return page.extract_text()


def test_what_a_driver_needs_is_on_it():
    text = words(BOOKING, service_name="クール宅急便", tracking="444413758703")
    for said in (
        "クール宅急便", "クール", "〒530-0001", "大阪府大阪市北区梅田1-2-3", "梅田マンション405",
        "髙橋 太郎 様", "TEL 090-1234-5678", "倉庫", "11/29 14～16時", "玄関前", "5,500 円",
        "444413758703", "(00) 349012345000000018", "N-1", "0.9 kg",
    ):  # fmt: skip
        assert said in text, said


def test_a_label_for_goods_that_come_back_says_so():
    back = replace(BOOKING, direction="RETURN", sender=BOOKING.recipient, recipient=BOOKING.sender)
    text = words(back)
    assert "返品" in text
    assert text.index("倉庫 様") < text.index("髙橋 太郎")


def test_without_people_it_says_what_is_known():
    text = words(replace(BOOKING, recipient=None, sender=None, prefecture="大阪府"))
    assert "〒530-0001" in text
    assert "大阪府" in text


def test_the_same_label_is_the_same_bytes():
    assert label_pdf(BOOKING) == label_pdf(BOOKING)


@pytest.mark.parametrize("name", ["", "あ" * 200, "𠮷 🎁", "A&<b>"])
def test_whatever_a_name_is_there_is_a_label(name: str):
    assert label_pdf(replace(BOOKING, recipient=replace(TARO, name=name))).startswith(b"%PDF")


def test_the_sscc_is_a_gs1_128_symbol():
    """Start C, FNC1, ten pairs of digits, check, stop: 13 * 11 + 13 modules."""
    bars = Code128(f"{FNC1}00{BOOKING.sscc}", quiet=0, barWidth=1)
    assert bars.width == 13 * 11 + 13
    assert bars.encoded[:2] == [105, 102]
