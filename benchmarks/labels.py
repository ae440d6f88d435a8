"""How long it takes to print thousands of labels: one PDF and one stream of ZPL.

    python -m benchmarks.labels --json [--labels 2000]

The baseline, in the same run, is what one does without mass printing: a PDF for each label, written
and put together afterwards, and for ZPL each barcode and line rendered as ASCII hexadecimal. A
sample of the pages is read back by a decoder that is not ours. Seconds are wall clock.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from uuid import UUID

import pypdfium2  # type: ignore[import-untyped]
import zxingcpp
from pypdf import PdfReader, PdfWriter
from zebrafy.zebrafy_pdf import ZebrafyPDF
from zebrafy.zebrafy_zpl import ZebrafyZPL

from edge.gs1 import sscc_from
from wms.ports import Booking, Party
from wms.printing.drawing import Drawing
from wms.printing.render import to_pdf, to_zpl
from wms.shipping.labels import parcel_label

DPI, SAMPLE = 203, 20


def drawings(count: int) -> Iterator[Drawing]:
    """Parcel labels, all different, with Japanese and four codes each."""
    for number in range(count):
        booking = Booking(
            parcel_id=UUID(int=number),
            sscc=sscc_from("4912345", 1, number),
            service="YAMATO",
            weight_g=500 + number,
            postal_code="530-0001",
            prefecture="大阪府",
            number=f"N-{number}",
            slot="14-16",
            leave_at="FRONT_DOOR",
            recipient=Party(
                name=f"髙橋 太郎{number}",
                phone="090-1234-5678",
                address_lines=(f"大阪市北区梅田1-2-{number}", "梅田マンション405"),
            ),
            sender=Party(name="倉庫", address_lines=("東京都江東区青海1-1",)),
        )
        yield parcel_label(booking, service_name="宅急便", tracking=f"{444000000000 + number}")


def timed(work: Callable[[], bytes]) -> tuple[bytes, float]:
    """What it made, and how long that took."""
    began = time.perf_counter()
    made = work()
    return made, time.perf_counter() - began


def one_by_one(count: int) -> bytes:
    """The baseline: a file a label, put together."""
    writer = PdfWriter()
    for drawing in drawings(count):
        writer.append(PdfReader(BytesIO(to_pdf([drawing]))))
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


def hexadecimal(count: int) -> bytes:
    """The baseline: each label as ASCII hexadecimal."""
    return b"".join(
        ZebrafyPDF(to_pdf([drawing]), format="ASCII", dither=False, dpi=DPI).to_zpl().encode()
        for drawing in drawings(count)
    )


def read_back(pdf: bytes, zpl: bytes, count: int) -> int:
    """How many of a sample of labels say what they should, in both."""
    document = pypdfium2.PdfDocument(pdf)
    pages = zpl.decode("ascii").splitlines()
    assert len(document) == len(pages) == count
    right = 0
    for number in range(0, count, max(1, count // SAMPLE)):
        wanted = f"(00){sscc_from('4912345', 1, number)}"
        images = (
            document[number].render(scale=DPI / 72).to_pil(),
            ZebrafyZPL(pages[number]).to_images()[0],
        )
        right += all(
            wanted in {found.text for found in zxingcpp.read_barcodes(image)} for image in images
        )
    return right


def main() -> None:
    """Print, measure, read back."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--labels", type=int, default=2000)
    asked = parser.parse_args()
    count = asked.labels
    shown = sys.stderr.isatty()

    def told(number: int) -> None:
        if shown and number % 100 == 0:
            print(f"\r{number}/{count}", end="", file=sys.stderr, flush=True)

    pdf, pdf_s = timed(lambda: to_pdf(drawings(count), told=told))
    zpl, zpl_s = timed(lambda: to_zpl(drawings(count), dpi=DPI, told=told))
    few = max(1, count // 10)
    merged, merged_s = timed(lambda: one_by_one(few))
    plain, plain_s = timed(lambda: hexadecimal(few))
    sample = len(range(0, count, max(1, count // SAMPLE)))
    figures = {
        "labels": count,
        "pdf_s": round(pdf_s, 2),
        "pdf_bytes": len(pdf),
        "zpl_s": round(zpl_s, 2),
        "zpl_bytes": len(zpl),
        "baseline_pdf_s": round(merged_s / few * count, 2),
        "baseline_pdf_bytes": len(merged) // few * count,
        "baseline_zpl_s": round(plain_s / few * count, 2),
        "baseline_zpl_bytes": len(plain) // few * count,
        "read_back": f"{read_back(pdf, zpl, count)}/{sample}",
    }
    if asked.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:20} {value}")


if __name__ == "__main__":
    main()
