"""Order files are read whole or refused whole, and every fault is named where it stands."""

from collections import Counter
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.order_file import COLUMNS, FaultyOrderFile, read_invoices

TOKYO = ZoneInfo("Asia/Tokyo")
DAY = Path(__file__).parents[3] / "shared/data/online-retail/2010-12-01.csv"
GOOD = "536365,85123A,WHITE HANGING HEART,6,12/1/2010 8:26,2.55,17850,United Kingdom"


def file(*lines: str) -> bytes:
    return "\n".join([",".join(COLUMNS), *lines]).encode()


def test_a_line_is_read():
    (invoice,) = read_invoices(file(GOOD), zone=TOKYO)
    (line,) = invoice.lines
    assert (invoice.number, invoice.customer) == ("536365", "17850")
    assert invoice.placed_at.isoformat() == "2010-12-01T08:26:00+09:00"
    assert (line.sku, line.units, line.price, line.kind) == ("85123A", 6, Decimal("2.55"), "GOODS")


def test_quirks_have_their_meaning():
    invoices = read_invoices(
        file(
            "C1,22423,STAND,-2,12/1/2010 9:00,1,,France",
            "2,22423,STAND,-2,12/1/2010 9:00,1,,France",
            "2,POST,POSTAGE,1,12/1/2010 9:00,18,,France",
            "2,22423a,STAND,1,12/1/2010 9:00,1,,France",
            "2,22423A,STAND,3,12/1/2010 9:00,1,,France",
        ),
        zone=TOKYO,
    )
    assert [[(x.line_no, x.sku, x.units, x.kind) for x in i.lines] for i in invoices] == [
        [(1, "22423", 2, "RETURN")],
        [
            (1, "22423", 2, "RETURN"),
            (2, "POST", 1, "SERVICE"),
            (3, "22423A", 1, "GOODS"),
            (4, "22423A", 3, "GOODS"),
        ],
    ]
    assert invoices[1].customer is None, "a guest"


@pytest.mark.parametrize("quantity", ["", "0", "NaN", "6.0", "\uff12", "1e3", str(2**31), "six"])
def test_a_quantity_that_is_none_is_named_with_line_and_column(quantity: str):
    bad = f"536365,85123A,X,{quantity},12/1/2010 8:26,2.55,17850,United Kingdom"
    with pytest.raises(FaultyOrderFile) as caught:
        read_invoices(file(GOOD, bad), zone=TOKYO)
    assert [(fault.line, fault.column) for fault in caught.value.faults] == [(3, 4)]
    assert "line 3, column 4 (Quantity)" in str(caught.value)


def test_all_faults_are_named_at_once():
    with pytest.raises(FaultyOrderFile) as caught:
        read_invoices(
            file("1,2,3", ",22423,X,1,2010-12-01,NaN,,", GOOD, "1,22423,X,x,12/1/2010 8:26,1,,"),
            zone=TOKYO,
        )
    assert [(f.line, f.column) for f in caught.value.faults] == [
        (2, 3),
        (3, 1),
        (3, 5),
        (3, 6),
        (5, 4),
    ]


def test_another_header_or_no_lines_is_a_fault():
    for content in (b"", b"a,b,c\n1,2,3", file()):
        with pytest.raises(FaultyOrderFile):
            read_invoices(content, zone=TOKYO)


@given(st.binary(max_size=200))
def test_whatever_bytes_come_the_answer_is_invoices_or_faults(content: bytes):
    try:
        assert read_invoices(file() + b"\n" + content, zone=TOKYO)
    except FaultyOrderFile as refused:
        assert refused.faults  # noqa: PT017 - either answer is right


@pytest.mark.skipif(not DAY.exists(), reason="needs shared/data/online-retail beside the checkout")
def test_the_real_day():
    invoices = read_invoices(DAY.read_bytes(), zone=TOKYO)
    kinds = Counter(line.kind for invoice in invoices for line in invoice.lines)
    assert (len(invoices), sum(kinds.values())) == (68, 1071)
    assert kinds["RETURN"] > 0 < kinds["SERVICE"]
