"""What is printed is read back: by our own reader, and by a foreign one just so."""

import re
import zlib
from base64 import b64decode, b64encode

import numpy as np
import pytest
import zxingcpp
from zebrafy.zebrafy_zpl import ZebrafyZPL

from edge.gs1 import sscc_from
from simulators.label_reader import codes_on
from wms.printing.codes import Code
from wms.printing.labels import LabelSpec, label, location_label, lpn_label
from wms.printing.render import to_zpl

PICTURE = re.compile(rb"\^GFA,\d+,\d+,(\d+),:Z64:([A-Za-z0-9+/=]+):")


@pytest.mark.parametrize(("number", "dpi"), [(1, 203), (771, 300), (545_690_995, 203)])
def test_an_sscc_is_read_as_any_scanner_reads_it(number: int, dpi: int):
    sscc = sscc_from("4912345", 2, number)
    zpl = to_zpl([label(lpn_label(sscc))], dpi=dpi)
    assert codes_on(zpl) == [f"00{sscc}"]
    (picture,) = ZebrafyZPL(zpl.decode()).to_images()
    assert {f"(00){sscc}", sscc} >= {each.text for each in zxingcpp.read_barcodes(picture)} != set()


def test_letters_and_figures_mixed_are_read_and_each_code_once():
    codes = (Code("CODE128", "A01-02-3"), Code("CODE128", "L12345678x"))
    zpl = to_zpl([label(LabelSpec(kind="LPN", title="two", codes=codes))])
    assert sorted(codes_on(zpl)) == ["A01-02-3", "L12345678x"]
    assert codes_on(b"^XA^FO10,10^FDno picture^FS^XZ") == []


def test_bars_whose_sum_is_wrong_are_no_code():
    whole = to_zpl([label(location_label("S01-03", "42"))])
    assert codes_on(whole) == ["S01-03"]
    assert codes_on(other_bars(whole)) == []


def other_bars(zpl: bytes) -> bytes:
    """The label with its third symbol exchanged for its fourth: all are symbols, none is right."""
    picture = PICTURE.search(zpl)
    assert picture is not None
    wide = int(picture[1])
    dots = np.frombuffer(zlib.decompress(b64decode(picture[2])), dtype=np.uint8).reshape(-1, wide)
    bits = np.unpackbits(dots, axis=1)
    edges = np.flatnonzero(np.diff(bits[-130], prepend=0, append=0))
    third, fourth, fifth = edges[12], edges[18], edges[24]
    assert fourth - third == fifth - fourth, "each has eleven modules"
    kept = bits[:, third:fourth].copy()
    bits[:, third:fourth] = bits[:, fourth:fifth]
    bits[:, fourth:fifth] = kept
    data = b64encode(zlib.compress(np.packbits(bits, axis=1).tobytes()))
    return b"^XA^GFA,1,1,%d,:Z64:%s:0000^FS^XZ" % (wide, data)
