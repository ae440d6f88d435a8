"""Text for cp932: every character comes out as one that it has, none is cut in two."""

# ruff: noqa: RUF001 - characters that look alike are what this is about

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wms.partners.legacy_text import ENCODING, cut, divide, fit, half_kana, width_of

LONG = "東京都千代田区千代田一丁目１番１号 皇居前マンション南棟１２３号室"


@pytest.mark.parametrize(
    ("said", "written", "lost"),
    [
        ("髙﨑 ①㈱", "髙﨑 ①㈱", ""),  # cp932 has these
        ("𠮷田", "吉田", ""),
        ("鷗外〜森", "鴎外～森", ""),
        ("1−2—3", "1－2―3", ""),
        ("葛󠄀城", "葛城", ""),  # with a variation selector
        ("ﾔﾏﾀﾞ ｶﾞｰﾃﾞﾝ", "ヤマダ ガーデン", ""),
        ("か\u3099", "が", ""),
        ("Café", "Cafe", ""),
        ("한", "〓", "한"),
        ("改\n行\t", "改 行", ""),
    ],
)
def test_what_cp932_does_not_have_is_written_as_its_common_form_or_told(
    said: str, written: str, lost: str
):
    found = fit(said)
    assert (found.text, found.lost) == (written, lost)


@given(st.text())
def test_whatever_is_said_can_be_written(said: str):
    text = fit(said).text
    assert text.encode(ENCODING).decode(ENCODING) == text
    assert "\n" not in text


@given(st.text(alphabet="東京都A1ア"), st.integers(0, 40))
def test_a_cut_text_is_a_beginning_and_not_too_wide(said: str, width: int):
    short = cut(said, width)
    assert said.startswith(short)
    assert width_of(short) <= width


def test_a_long_address_is_cut_where_a_reader_would():
    fields = divide(LONG, 32, 3)
    assert fields is not None
    assert fields == ["東京都千代田区千代田一丁目１番", "１号 皇居前マンション南棟１２３", "号室"]
    assert all(width_of(field) <= 32 for field in fields)


def test_what_breaks_would_not_let_in_is_filled_to_the_brim():
    tight = "あ市いうえおかきくけこさ市しすせそたちつ"
    fields = divide(tight, 20, 2)
    assert fields is not None
    assert "".join(fields) == tight


def test_an_address_that_does_not_fit_is_said_not_to():
    assert divide("あ" * 49, 32, 3) is None
    assert divide("あ" * 48, 32, 3) is not None
    assert divide("", 32, 3) == ["", "", ""]


@given(st.text(alphabet="東京都千代田区1番 号", max_size=60))
def test_nothing_of_an_address_is_lost_but_spaces_at_the_ends(said: str):
    fields = divide(said, 40, 3)
    if fields is not None:
        assert "".join(fields).replace(" ", "") == said.replace(" ", "")


def test_kana_for_fields_that_want_half_width():
    assert half_kana("やまだ　タロウ") == "ﾔﾏﾀﾞ ﾀﾛｳ"
    assert half_kana("ガーデン・パーク1") == "ｶﾞｰﾃﾞﾝ ﾊﾟｰｸ1"
    assert half_kana("山田") == ""
