"""Labels, read back by a decoder that is not ours: from the PDF, and from the dots of the ZPL."""

import io
import re
from dataclasses import replace
from typing import Any

import pypdfium2  # type: ignore[import-untyped]
import pytest
import zxingcpp
from pypdf import PdfReader
from zebrafy.zebrafy_zpl import ZebrafyZPL

from tests.wms.shipping.test_carrier_files import BOOKING
from wms.printing import datamatrix
from wms.printing.codes import Code, bars_text, elements, gs1_text
from wms.printing.drawing import Drawing, marked
from wms.printing.labels import (
    SIZES_MM,
    LabelSpec,
    badge,
    command_label,
    item_label,
    label,
    location_label,
    lpn_label,
)
from wms.printing.papers import Column, Paper, Section, paper, sheet
from wms.printing.render import to_pdf, to_zpl
from wms.shipping.labels import parcel_label

SSCC, GTIN = "349012345000000018", "4912345000019"
DPI = 203

LABELS: dict[str, tuple[Drawing, set[tuple[str, str]]]] = {
    "place": (
        label(location_label("A03-07-2", "47", arrow="UP", lines=("棚 3 段目",))),
        {("Code128", "A03-07-2")},
    ),
    "pallet": (
        label(lpn_label(SSCC)),
        {("Code128", f"(00){SSCC}"), ("QRCode", SSCC)},
    ),
    "tote": (label(lpn_label("T-0012")), {("Code128", "T-0012"), ("QRCode", "T-0012")}),
    "goods": (
        label(item_label("抹茶クッキー 12枚入り", "SK00007", GTIN, lot="L7", expires="270131")),
        {("Code128", f"(01)0{GTIN}"), ("DataMatrix", f"(01)0{GTIN}(17)270131(10)L7")},
    ),
    "goods without a GTIN": (
        label(item_label("Tea", "SK00007", lot="L7", expires="270131")),
        {("Code128", "SK00007")},
    ),
    "badge": (
        label(badge("山田 花子", "BADGE:8f3a91c2")),
        {("Code128", "BADGE:8f3a91c2"), ("QRCode", "BADGE:8f3a91c2")},
    ),
    "command": (label(command_label("CMD:UNDO", "取消 / Undo")), {("Code128", "CMD:UNDO")}),
    "parcel": (
        parcel_label(BOOKING, tracking="444413758703"),
        {
            ("Code128", f"(00){BOOKING.sscc}"),
            ("Code128", "444413758703"),
            ("QRCode", f"(00){BOOKING.sscc}\n444413758703"),
        },
    ),
    "parcel, printed again": (
        marked(parcel_label(replace(BOOKING, cool=True)), "再発行"),
        {("Code128", f"(00){BOOKING.sscc}"), ("QRCode", f"(00){BOOKING.sscc}")},
    ),
    "sheet": (
        sheet("Soko", [Section(title="コマンド", codes=(("CMD:DONE", "完了"), ("CMD:BACK", "")))])[
            0
        ],
        {("Code128", "CMD:DONE"), ("Code128", "CMD:BACK")},
    ),
    "slip": (paper(Paper(title="納品書", code="N-1"))[0], {("QRCode", "N-1")}),
}


def codes_in(image: Any) -> set[tuple[str, str]]:
    return {(found.format.name, found.text) for found in zxingcpp.read_barcodes(image)}


@pytest.mark.parametrize("name", list(LABELS))
def test_every_code_is_read_from_pdf_and_from_zpl(name: str):
    drawing, wanted = LABELS[name]
    page = pypdfium2.PdfDocument(to_pdf([drawing]))[0]
    assert codes_in(page.render(scale=DPI / 72).to_pil()) == wanted

    zpl = to_zpl([drawing], dpi=DPI).decode("ascii")
    (image,) = ZebrafyZPL(zpl).to_images()
    assert codes_in(image) == wanted
    size = re.match(r"\^XA\^PW(\d+)\^LL(\d+)\^FO0,0\^GFA,", zpl)
    assert size is not None
    for dots, side_mm in zip(size.groups(), (drawing.width_mm, drawing.height_mm), strict=True):
        assert abs(int(dots) - side_mm / 25.4 * DPI) <= 1.5


@pytest.mark.parametrize(
    "text", ["A", "12", "A-01-02", "0123456789" * 8, "It is DataMatrix! " * 7, "~", "1a2b3c"]
)
def test_datamatrix_of_every_size(text: str):
    spec = LabelSpec(
        kind="LPN", title="", codes=(Code("DATAMATRIX", text),), width_mm=40, height_mm=40
    )
    (image,) = ZebrafyZPL(to_zpl([label(spec)]).decode()).to_images()
    assert codes_in(image) == {("DataMatrix", text)}


def test_what_is_too_long_for_bars_becomes_a_square():
    code = "A place with a very long name 0123456789-ABCDEFGHIJKL"
    for text in (code, "場所-01"):
        spec = LabelSpec(kind="ITEM", title=text, codes=(Code("CODE128", text),))
        (image,) = ZebrafyZPL(to_zpl([label(spec)]).decode()).to_images()
        assert codes_in(image) == {("QRCode", text)}


def test_fields_of_unknown_length_are_ended_and_others_are_not():
    text = f"(10)L7(01)0{GTIN}(21)S9(17)270131"
    assert gs1_text(text, "|") == f"10L7|010{GTIN}21S9|17270131"
    assert bars_text(Code("GS1_128", "(10)L7(21)S9")) == "\xf110L7\xf121S9"
    for wrong in ("", "0104912345000019", "(01)", "(1)2", "x(10)L7"):
        with pytest.raises(ValueError, match="element string"):
            elements(wrong)


def test_datamatrix_says_what_it_cannot():
    with pytest.raises(ValueError, match="ASCII"):
        datamatrix.rows("棚")
    with pytest.raises(ValueError, match="do not fit"):
        datamatrix.rows("x" * 145)


def test_what_is_printed_again_says_so_and_the_same_is_the_same_bytes():
    plain = label(lpn_label(SSCC))
    again = PdfReader(io.BytesIO(to_pdf([marked(plain, "再発行")]))).pages[0].extract_text()
    assert "再発行" in again
    assert to_pdf([plain]) == to_pdf([plain])
    assert to_zpl([plain]) == to_zpl([plain])


def test_a_long_table_goes_on_and_says_where_it_is():
    rows = tuple((f"品物 {number}", str(number)) for number in range(60))
    columns = (Column(head="品名", share=5), Column(head="数量", share=1, right=True))
    pages = paper(
        Paper(title="納品書", facts=("ご注文 N-1",), columns=columns, rows=rows, foot=("以上",))
    )
    texts = [page.extract_text() for page in PdfReader(io.BytesIO(to_pdf(pages))).pages]
    assert len(texts) == 2
    assert all("品名" in text and f"{at}/2" in text for at, text in enumerate(texts, start=1))
    assert all(sum(f"品物 {n}\n" in text for text in texts) == 1 for n in range(60))


def test_progress_is_told_and_can_stop_it():
    told: list[int] = []
    to_pdf([label(lpn_label(f"T-{n}")) for n in range(3)], told=told.append)
    assert told == [1, 2, 3]

    def stop(number: int) -> None:
        if number == 2:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        to_zpl([label(lpn_label(f"T-{n}")) for n in range(9)], told=stop)
    assert set(SIZES_MM) == {"PARCEL", "LOCATION", "LPN", "ITEM", "BADGE", "COMMAND"}
