"""GS1 keys and barcodes: digits that check, scans that are understood."""

from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edge.gs1 import (
    Barcode,
    InvalidKey,
    check_digit,
    epc_hex_to_sscc,
    gtin14,
    gtin_with_check_digit,
    is_gtin,
    is_sscc,
    read_barcode,
    sgtin_to_epc_hex,
    sscc_from,
    sscc_to_epc_hex,
)

FULLWIDTH = "".join(chr(0xFF10 + digit) for digit in (9, 6, 3, 8, 5, 0, 7, 4, 0, 0))


def digits(count: int) -> st.SearchStrategy[str]:
    return st.text("0123456789", min_size=count, max_size=count)


# --------------------------------------------------------------------------------------- keys
@given(st.integers(6, 12).flatmap(digits), st.integers(0, 9), st.integers(0, 10**4 - 1))
def test_an_sscc_goes_into_a_tag_and_comes_back(prefix: str, extension: int, serial: int):
    sscc = sscc_from(prefix, extension, serial)
    assert is_sscc(sscc)
    assert epc_hex_to_sscc(sscc_to_epc_hex(sscc, len(prefix))) == sscc
    assert read_barcode(f"00{sscc}").sscc == sscc


@given(st.sampled_from([7, 11, 12, 13]).flatmap(digits), st.integers(0, 9))
def test_one_wrong_digit_is_noticed(body: str, other: int):
    gtin = gtin_with_check_digit(body)
    assert is_gtin(gtin)
    for place, digit in enumerate(gtin):
        changed = f"{gtin[:place]}{other}{gtin[place + 1 :]}"
        assert is_gtin(changed) == (digit == str(other))


def test_gtins_of_all_lengths_compare_as_14_digits():
    assert gtin14("96385074") == "00000096385074"
    assert gtin14("036000291452") == "00036000291452"
    assert gtin14("4006381333931") == "04006381333931"


def test_a_unit_of_an_article_goes_into_a_tag():
    assert sgtin_to_epc_hex("80614141123458", 6789, 7, filter_value=3) == "3074257BF7194E4000001A85"
    with pytest.raises(InvalidKey):
        sgtin_to_epc_hex("80614141123458", 1 << 38, 7)


def test_what_is_no_key_is_refused():
    attempts: tuple[Callable[[], str], ...] = (
        lambda: check_digit("12a"),
        lambda: check_digit("²"),
        lambda: gtin_with_check_digit("123456"),
        lambda: gtin14("4006381333932"),
        lambda: sscc_from("12345", 1, 1),
        lambda: sscc_from("123456789012", 1, 10_000),
        lambda: sscc_from("1234567", 10, 1),
        lambda: sscc_to_epc_hex("106141412345678907", 7),
        lambda: sscc_to_epc_hex("106141412345678908", 5),
    )
    for make in attempts:
        with pytest.raises(InvalidKey):
            make()
    assert not is_gtin(FULLWIDTH[:8])
    assert not is_sscc("")


# ----------------------------------------------------------------------------------- barcodes
@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("4006381333931", {"gtin": "04006381333931"}),
        ("]E04006381333931", {"gtin": "04006381333931"}),
        ("106141412345678908", {"sscc": "106141412345678908"}),
        ("]C100106141412345678908", {"sscc": "106141412345678908"}),
        (
            "]d2010950600013435221A1\x1d10L-7",
            {"gtin": "09506000134352", "serial": "A1", "lot": "L-7"},
        ),
        ("A03-07-2", {}),
        ("T-000123", {}),
        ("", {}),
    ],
)
def test_a_scan_is_understood(text: str, meaning: dict[str, str]):
    barcode = read_barcode(text)
    assert barcode == Barcode(text=text, elements=barcode.elements, **meaning)


@given(
    st.text(max_size=60) | st.from_regex(r"(\]C1)?[0-9]{2,40}(\x1d[0-9A-Z]{1,9})*", fullmatch=True)
)
@example("]")
@example("]00")
def test_no_scan_is_too_strange(text: str):
    barcode = read_barcode(text)
    assert barcode.gtin is None or is_gtin(barcode.gtin)
    assert barcode.sscc is None or is_sscc(barcode.sscc)
