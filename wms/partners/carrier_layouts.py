"""Layouts: which column of a carrier's file says what of a parcel.

`fill` gives the columns that we fill, by name; all others stay empty, for the program's own
settings. An address goes over as many columns as there are, cut where a reader would; what does
not fit is an error, for no parcel shall go to half an address.

Source: carrier_columns.toml for columns; time codes: manuals of next-engine and raku-uru (ヤマト
0812 to 1921, 佐川 01 12 14 16 18 04 19), ゆうパック 51 to 57; widths: 送り状発行データレイアウト of
B2, 取込仕様 of e飛伝 (16 characters a line), CSV入出力項目 of ゆうパックプリントR (50 bytes).
"""

# ruff: noqa: RUF001 - columns are called what they are called

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path

from wms.partners.legacy_text import divide, fit, half_kana
from wms.ports import Booking, Party

Row = dict[str, str]
CONTENTS = "商品"
HALF_WIDTH = frozenset({"お届け先名(ｶﾅ)", "ご依頼主名(ｶﾅ)"})
LEAVE_AT = {
    "FRONT_DOOR": "玄関前", "DELIVERY_BOX": "宅配ボックス", "METER_BOX": "メーターボックス",
    "BICYCLE_BASKET": "自転車かご", "GARAGE": "車庫", "STORAGE": "物置", "RECEPTION": "管理人",
}  # fmt: skip
_B2_SLOTS = {
    "08-12": "0812", "12-14": "1214", "14-16": "1416", "16-18": "1618", "18-20": "1820",
    "19-21": "1921", "20-21": "2021",
}  # fmt: skip
_EHIDEN_SLOTS = {
    "08-12": "01", "12-14": "12", "14-16": "14", "16-18": "16", "18-20": "18", "18-21": "04",
    "19-21": "19",
}  # fmt: skip
_YUPRI_SLOTS = {
    "08-12": "51", "12-14": "52", "14-16": "53", "16-18": "54", "18-20": "55", "20-21": "56",
    "19-21": "57",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A program's files: its columns, how to fill them, and how it calls what it answers."""

    name: str
    columns: tuple[str, ...]
    fill: Callable[[Booking, Mapping[str, str]], Row]
    references: tuple[str, ...]
    numbers: tuple[str, ...]


class DoesNotFit(ValueError):  # noqa: N818
    """A parcel cannot be said in the columns there are; the argument is a code."""


# --------------------------------------------------------------------------- what all three say
def _day(day: date | None, form: str) -> str:
    return "" if day is None else day.strftime(form)


def _recipient(booking: Booking) -> Party:
    if booking.recipient is None or not booking.recipient.address_lines:
        raise DoesNotFit("no_address")
    if not booking.recipient.name:
        raise DoesNotFit("no_name")
    return booking.recipient


def _slot(slots: Mapping[str, str], slot: str) -> str:
    if slot and slot not in slots:
        raise DoesNotFit("slot_unknown")
    return slots.get(slot, "")


def _address(party: Party, width: int, parts: int) -> list[str]:
    lines = [fit(line).text for line in party.address_lines]
    if party.prefecture and not lines[0].startswith(party.prefecture):
        lines[0] = party.prefecture + lines[0]
    whole = divide(" ".join(line for line in lines if line), width, parts)
    if whole is None:
        raise DoesNotFit("address_too_long")
    return whole


def _names(party: Party, width: int, parts: int) -> list[str]:
    names = divide(fit(party.name).text, width, parts)
    if names is None:
        raise DoesNotFit("name_too_long")
    return names


def _remark(booking: Booking) -> str:
    place = LEAVE_AT.get(booking.leave_at, booking.leave_at)
    return f"{booking.number} 置き配:{place}" if place else booking.number


def _amount(booking: Booking) -> str:
    return str(booking.cod_minor) if booking.cod_minor else ""


# ------------------------------------------------------------------------------- B2クラウド
def _b2(booking: Booking, codes: Mapping[str, str]) -> Row:
    to, house = _recipient(booking), booking.sender
    lines = _street_and_house(to)
    row = {
        "お客様管理番号": booking.reference,
        "送り状種類": "2" if booking.cod_minor else "0",
        "クール区分": "2" if booking.cool else "0",
        "出荷予定日": _day(booking.ship_on, "%Y/%m/%d"),
        "お届け予定日": _day(booking.deliver_on, "%Y/%m/%d"),
        "配達時間帯": _slot(_B2_SLOTS, booking.slot),
        "お届け先電話番号": to.phone,
        "お届け先郵便番号": to.postal_code,
        "お届け先住所": lines[0],
        "お届け先アパートマンション名": lines[1],
        "お届け先名": _names(to, 32, 1)[0],
        "お届け先名(ｶﾅ)": half_kana(to.kana)[:50],
        "敬称": "様",
        "品名１": codes.get("contents", CONTENTS),
        "記事": fit(_remark(booking), 44).text,
        "ｺﾚｸﾄ代金引換額（税込)": _amount(booking),
        "発行枚数": "1",
        "請求先顧客コード": codes.get("customer", ""),
        "請求先分類コード": codes.get("class", ""),
        "運賃管理番号": codes.get("fare", "01"),
    }
    if house is not None:
        from_ = _street_and_house(house)
        row |= {
            "ご依頼主電話番号": house.phone,
            "ご依頼主郵便番号": house.postal_code,
            "ご依頼主住所": from_[0],
            "ご依頼主アパートマンション": from_[1],
            "ご依頼主名": _names(house, 32, 1)[0],
            "ご依頼主名(ｶﾅ)": half_kana(house.kana)[:50],
        }
    return row


def _joined(party: Party) -> str:
    first = party.address_lines[0]
    return first if first.startswith(party.prefecture) else party.prefecture + first


def _street_and_house(party: Party) -> list[str]:
    """The street in one column, the building in another: as they were said, if they fit."""
    lines = [fit(_joined(party)).text, *(fit(line).text for line in party.address_lines[1:])]
    for first in range(1, len(lines) + 1):
        street, house = " ".join(lines[:first]), " ".join(lines[first:])
        if divide(street, 64, 1) is not None and divide(house, 32, 1) is not None:
            return [street, house]
    whole = divide(" ".join(lines), 64, 2)
    if whole is None or divide(whole[1], 32, 1) is None:
        raise DoesNotFit("address_too_long")
    return whole


# --------------------------------------------------------------------------------- e飛伝III
def _ehiden(booking: Booking, codes: Mapping[str, str]) -> Row:
    to, house = _recipient(booking), booking.sender
    lines = _address(to, 32, 3)
    names = _names(to, 32, 2)
    row = {
        "お届け先コード取得区分": "0",
        "お届け先電話番号": to.phone,
        "お届け先郵便番号": to.postal_code,
        "お届け先住所１": lines[0],
        "お届け先住所２": lines[1],
        "お届け先住所３": lines[2],
        "お届け先名称１": names[0],
        "お届け先名称２": names[1],
        "お客様管理番号": booking.reference,
        "お客様コード": codes.get("customer", ""),
        "荷姿": "001",
        "品名１": fit(codes.get("contents", CONTENTS), 32).text,
        "品名２": fit(_remark(booking), 32).text,
        "出荷個数": "1",
        "スピード指定": "000",
        "クール便指定": "002" if booking.cool else "001",
        "配達日": _day(booking.deliver_on, "%Y%m%d"),
        "配達指定時間帯": _slot(_EHIDEN_SLOTS, booking.slot),
        "代引金額": _amount(booking),
        "元着区分": "1",
        "出荷日": _day(booking.ship_on, "%Y%m%d"),
    }
    if booking.slot or booking.deliver_on:
        row["指定シール１"] = "007" if booking.slot else "005"
    if house is not None:
        from_ = _address(house, 32, 2)
        row |= {
            "ご依頼主電話番号": house.phone,
            "ご依頼主郵便番号": house.postal_code,
            "ご依頼主住所１": from_[0],
            "ご依頼主住所２": from_[1],
            "ご依頼主名称１": _names(house, 32, 1)[0],
        }
    return row


# -------------------------------------------------------------------------------- ゆうプリR
def _yupri(booking: Booking, codes: Mapping[str, str]) -> Row:
    to, house = _recipient(booking), booking.sender
    row = {
        "お客様側管理番号": booking.reference,
        "発送予定日": _day(booking.ship_on, "%Y%m%d"),
        "郵便種別": "0",
        "保冷種別": "1" if booking.cool else "0",
        "元／着払／代引": "2" if booking.cod_minor else "0",
        "送り状種別": codes.get("label", ""),
        **_yupri_party("お届け先", to),
        "お届け先_敬称区分": "0",
        "重量合計（ｇ）": str(booking.weight_g),
        "配達指定日／希望日": _day(booking.deliver_on, "%Y%m%d"),
        "配達時間帯区分": _slot(_YUPRI_SLOTS, booking.slot) or "00",
        "複数個口数": "1",
        "記事名１": fit(_remark(booking), 50).text,
        "代引金額": _amount(booking),
        "品名": fit(codes.get("contents", CONTENTS), 50).text,
        "個数": "1",
    }
    if house is not None:
        row |= _yupri_party("ご依頼主", house)
    return row


def _yupri_party(who: str, party: Party) -> Row:
    names = _names(party, 50, 2)
    lines = _address(party, 50, 3)
    return {
        f"{who}_郵便番号": party.postal_code,
        **{f"{who}_住所{mark}": line for mark, line in zip("１２３", lines, strict=True)},
        f"{who}_名称１": names[0],
        f"{who}_名称２": names[1],
        f"{who}_電話番号": party.phone,
    }


def _formats() -> dict[str, Format]:
    raw = tomllib.loads(Path(__file__).with_name("carrier_columns.toml").read_text("utf-8"))
    columns = {name: tuple(c.replace("_", " ") for c in text.split()) for name, text in raw.items()}
    spaced = partial(_with_spaces, _yupri)
    return {
        "YAMATO": Format(
            name="B2クラウド", columns=columns["b2"], fill=_b2,
            references=("お客様管理番号",), numbers=("伝票番号",),
        ),
        "SAGAWA": Format(
            name="e飛伝III", columns=columns["ehiden"], fill=_ehiden,
            references=("お客様管理番号", "お客様管理ナンバー"),
            numbers=("お問い合せ送り状No.", "お問い合せ送り状№", "お問合せ送り状No."),
        ),
        "JAPANPOST": Format(
            name="ゆうプリR", columns=columns["yupri"], fill=spaced,
            references=("お客様側管理番号",), numbers=("お問い合わせ番号", "お問合せ番号"),
        ),
    }  # fmt: skip


def _with_spaces(
    fill: Callable[[Booking, Mapping[str, str]], Row], booking: Booking, codes: Mapping[str, str]
) -> Row:
    return {name.replace("_", " "): value for name, value in fill(booking, codes).items()}


FORMATS = _formats()
