"""Files for carriers' programs: read back with the columns that the programs have."""

# ruff: noqa: RUF001 - columns are called what they are called

import csv
import io
from dataclasses import replace
from datetime import date

import pytest

from tests.builders import an_id
from wms.partners.carrier_files import (
    NotTheirFile,
    is_tracking_number,
    read_tracking,
    write,
)
from wms.partners.carrier_layouts import FORMATS
from wms.ports import Booking, Party

TARO = Party(
    name="髙橋 太郎", kana="タカハシ タロウ", phone="090-1234-5678", postal_code="530-0001",
    prefecture="大阪府", address_lines=("大阪市北区梅田1-2-3", "梅田マンション405"),
)  # fmt: skip
HOUSE = Party(
    name="倉庫", kana="ソウコ", phone="03-0000-0000", postal_code="100-0001",
    address_lines=("東京都千代田区1-1",),
)  # fmt: skip
BOOKING = Booking(
    parcel_id=an_id(), sscc="349012345000000018", service="YAMATO", weight_g=900,
    postal_code="530-0001", carrier="YAMATO", reference="345000000018", number="N-1",
    sender=HOUSE, recipient=TARO, ship_on=date(2026, 11, 27), deliver_on=date(2026, 11, 29),
    slot="14-16", leave_at="FRONT_DOOR", cod_minor=5_500, cool=True,
)  # fmt: skip
CODES = {"customer": "0123456789", "class": "01", "contents": "食品"}


def rows(carrier: str, *bookings: Booking) -> list[dict[str, str]]:
    written = write(FORMATS[carrier], bookings or [BOOKING], CODES)
    return list(csv.DictReader(io.StringIO(written.content.decode("cp932"))))


@pytest.mark.parametrize(
    ("carrier", "columns"), [("YAMATO", 95), ("SAGAWA", 74), ("JAPANPOST", 117)]
)
def test_a_file_has_all_columns_and_lines_end_as_windows_has_it(carrier: str, columns: int):
    content = write(FORMATS[carrier], [BOOKING], CODES).content
    assert content.endswith(b"\r\n")
    assert {len(row) for row in csv.reader(io.StringIO(content.decode("cp932")))} == {columns}


def test_b2_cloud():
    (row,) = rows("YAMATO")
    assert {name: value for name, value in row.items() if value} == {
        "お客様管理番号": "345000000018", "送り状種類": "2", "クール区分": "2",
        "出荷予定日": "2026/11/27", "お届け予定日": "2026/11/29", "配達時間帯": "1416",
        "お届け先電話番号": "090-1234-5678", "お届け先郵便番号": "530-0001",
        "お届け先住所": "大阪府大阪市北区梅田1-2-3",
        "お届け先アパートマンション名": "梅田マンション405",
        "お届け先名": "髙橋 太郎", "お届け先名(ｶﾅ)": "ﾀｶﾊｼ ﾀﾛｳ", "敬称": "様",
        "ご依頼主電話番号": "03-0000-0000", "ご依頼主郵便番号": "100-0001",
        "ご依頼主住所": "東京都千代田区1-1", "ご依頼主名": "倉庫", "ご依頼主名(ｶﾅ)": "ｿｳｺ",
        "品名１": "食品", "記事": "N-1 置き配:玄関前", "ｺﾚｸﾄ代金引換額（税込)": "5500",
        "発行枚数": "1",
        "請求先顧客コード": "0123456789", "請求先分類コード": "01", "運賃管理番号": "01",
    }  # fmt: skip


def test_ehiden():
    (row,) = rows("SAGAWA")
    assert {name: value for name, value in row.items() if value} == {
        "お届け先コード取得区分": "0", "お届け先電話番号": "090-1234-5678",
        "お届け先郵便番号": "530-0001", "お届け先住所１": "大阪府大阪市北区梅田1-2-3",
        "お届け先住所２": "梅田マンション405", "お届け先名称１": "髙橋 太郎",
        "お客様管理番号": "345000000018", "お客様コード": "0123456789",
        "ご依頼主電話番号": "03-0000-0000", "ご依頼主郵便番号": "100-0001",
        "ご依頼主住所１": "東京都千代田区1-1", "ご依頼主名称１": "倉庫", "荷姿": "001",
        "品名１": "食品", "品名２": "N-1 置き配:玄関前", "出荷個数": "1", "スピード指定": "000",
        "クール便指定": "002", "配達日": "20261129", "配達指定時間帯": "14", "代引金額": "5500",
        "指定シール１": "007", "元着区分": "1", "出荷日": "20261127",
    }  # fmt: skip


def test_yupri():
    (row,) = rows("JAPANPOST")
    assert {name: value for name, value in row.items() if value} == {
        "お客様側管理番号": "345000000018", "発送予定日": "20261127", "郵便種別": "0",
        "保冷種別": "1", "元／着払／代引": "2", "お届け先 郵便番号": "530-0001",
        "お届け先 住所１": "大阪府大阪市北区梅田1-2-3 梅田マンション405",
        "お届け先 名称１": "髙橋 太郎", "お届け先 敬称区分": "0",
        "お届け先 電話番号": "090-1234-5678", "ご依頼主 郵便番号": "100-0001",
        "ご依頼主 住所１": "東京都千代田区1-1", "ご依頼主 名称１": "倉庫",
        "ご依頼主 電話番号": "03-0000-0000", "重量合計（ｇ）": "900",
        "配達指定日／希望日": "20261129", "配達時間帯区分": "53", "複数個口数": "1",
        "記事名１": "N-1 置き配:玄関前", "代引金額": "5500", "品名": "食品", "個数": "1",
    }  # fmt: skip


def test_a_plain_parcel_is_paid_not_cool_and_has_no_wishes():
    plain = replace(
        BOOKING, cod_minor=0, cool=False, slot="", leave_at="", deliver_on=None, ship_on=None
    )
    (b2,), (ehiden,), (yupri,) = (rows(c, plain) for c in ("YAMATO", "SAGAWA", "JAPANPOST"))
    assert (b2["送り状種類"], b2["クール区分"], b2["配達時間帯"], b2["記事"]) == (
        "0",
        "0",
        "",
        "N-1",
    )
    assert (ehiden["クール便指定"], ehiden["指定シール１"], ehiden["代引金額"]) == ("001", "", "")
    assert (yupri["元／着払／代引"], yupri["保冷種別"], yupri["配達時間帯区分"]) == ("0", "0", "00")


@pytest.mark.parametrize("carrier", FORMATS)
@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"recipient": None}, "no_address"),
        ({"recipient": replace(TARO, address_lines=())}, "no_address"),
        ({"recipient": replace(TARO, name="")}, "no_name"),
        ({"recipient": replace(TARO, name="あ" * 60)}, "name_too_long"),
        ({"recipient": replace(TARO, address_lines=("あ" * 90,))}, "address_too_long"),
        ({"slot": "09-10"}, "slot_unknown"),
    ],
)
def test_a_parcel_that_cannot_be_said_is_not_written_the_others_are(
    carrier: str, change: dict[str, object], code: str
):
    bad = replace(BOOKING, parcel_id=an_id(), **change)  # type: ignore[arg-type]
    written = write(FORMATS[carrier], [bad, BOOKING], CODES)
    assert written.parcels == (BOOKING.parcel_id,)
    assert [(p.parcel_id, p.code, p.written) for p in written.problems] == [
        (bad.parcel_id, code, False)
    ]


def test_characters_that_were_lost_are_told_and_the_parcel_goes():
    odd = replace(BOOKING, recipient=replace(TARO, name="김 𠮷男"))
    written = write(FORMATS["YAMATO"], [odd], {})
    assert written.parcels == (odd.parcel_id,)
    (problem,) = written.problems
    assert (problem.code, problem.written, problem.detail) == ("characters_lost", True, "김")
    (row,) = rows("YAMATO", odd)
    assert row["お届け先名"] == "〓 吉男"


def test_a_comma_or_a_quote_in_a_name_stays_in_its_column():
    odd = replace(BOOKING, recipient=replace(TARO, name='A, "B"'))
    (row,) = rows("YAMATO", odd)
    assert (row["お届け先名"], row["敬称"]) == ('A, "B"', "様")


def answer(header: str, *lines: str) -> bytes:
    return "\r\n".join([header, *lines]).encode("cp932")


def test_tracking_numbers_come_with_our_references():
    content = answer(
        "お客様管理番号,送り状種類,クール区分,伝票番号",
        '"345000000018",0,0,"4906-4713-6571"',
        ",0,0,490647136571",
        "9,0,0,",
        "9,0,0,490647136574",
        "9",
        "",
    )
    found = [
        (a.line, a.reference, a.tracking, a.problem)
        for a in read_tracking(FORMATS["YAMATO"], content)
    ]
    assert found == [
        (2, "345000000018", "490647136571", ""),
        (3, "", "490647136571", "no_reference"),
        (4, "9", "", "no_number"),
        (5, "9", "490647136574", "no_tracking_number"),
        (6, "", "", "too_few_columns"),
    ]


@pytest.mark.parametrize(
    ("carrier", "header"),
    [
        ("SAGAWA", "お問い合せ送り状No.,お客様管理番号"),
        ("SAGAWA", "お問い合せ送り状№,お客様管理ナンバー"),
        ("JAPANPOST", "お問い合わせ番号,お客様側管理番号"),
    ],
)
def test_each_program_calls_its_columns_its_own_way(carrier: str, header: str):
    (found,) = read_tracking(FORMATS[carrier], answer(header, "490647136571,7"))
    assert (found.reference, found.tracking, found.problem) == ("7", "490647136571", "")


@pytest.mark.parametrize("content", [b"", b"a,b\r\n1,2", b"\xff\xfe\x00", "番号".encode("utf-16")])
def test_another_file_is_refused(content: bytes):
    with pytest.raises(NotTheirFile):
        read_tracking(FORMATS["YAMATO"], content)


def test_utf_8_is_read_too():
    content = "\ufeffお客様管理番号,伝票番号\n1,490647136571\n".encode()
    assert read_tracking(FORMATS["YAMATO"], content)[0].tracking == "490647136571"


def test_the_check_digit_of_a_tracking_number():
    for known in ("444413758703", "405548424886", "512547514334"):  # of each carrier
        assert is_tracking_number(known)
    assert not is_tracking_number("490647136572")
    assert not is_tracking_number("４９０６４７１３６５７１")
    assert not is_tracking_number("49064713657")
