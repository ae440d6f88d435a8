"""Text for files in Shift_JIS (cp932): characters it does not have, widths, and long addresses.

    fit("𠮷野家ｶﾌｪ", 32)            "吉野家カフェ": known variants are written as their common form
    divide("東京都…", 32, 3)         over several fields, cut where a reader would

Width is counted in bytes as these formats do: 2 for a full-width character, 1 for a half-width
one. What has no common form becomes 〓 and is told, for a person to look at.

Source: cp932 as Python has it; the variants are those of 表外漢字字体表 (2000) and 常用漢字 (2010)
that it lacks.
"""

# ruff: noqa: RUF001 - characters that look alike are what this is about

import unicodedata
from dataclasses import dataclass

ENCODING = "cp932"
GETA = "〓"  # what printers set for a character that they do not have
_VARIANTS = str.maketrans({
    "𠮷": "吉", "鷗": "鴎", "俱": "倶", "剝": "剥", "塡": "填", "頰": "頬", "繫": "繋",
    "蟬": "蝉", "瘦": "痩", "噓": "嘘", "嚙": "噛", "摑": "掴", "𠮟": "叱", "醬": "醤",
    "麴": "麹", "顚": "顛", "屢": "屡", "萊": "莱", "蠟": "蝋", "軀": "躯", "簞": "箪",
    "〜": "～", "−": "－", "—": "―", "‖": "∥", "¢": "￠", "£": "￡", "¬": "￢", "¥": "￥",
    "‐": "-", "‑": "-", "–": "-", "\u00a0": " ", "\u200b": "", "\ufeff": "",
})  # fmt: skip
_SELECTORS = {*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)}  # of variants: not a character
_BREAK_AFTER = frozenset(" 　、,都道府県市区町村番号地目丁階")
_HALF_KANA = {
    unicodedata.normalize("NFKC", chr(code)): chr(code) for code in range(0xFF66, 0xFF9E)
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Text:
    """A text that a file can have, and the characters that it could not."""

    text: str
    lost: str = ""


def fit(text: str, width: int | None = None) -> Text:
    """The text in characters that the file has, not wider than that."""
    plain = "".join(c for c in unicodedata.normalize("NFC", text) if ord(c) not in _SELECTORS)
    plain = " ".join(_wide_kana(plain.translate(_VARIANTS)).split("\r"))
    out, lost = [], []
    for char in plain.replace("\n", " ").replace("\t", " "):
        if _has(char):
            out.append(char)
            continue
        bare = unicodedata.normalize("NFKD", char)
        common = "".join(each for each in bare if not unicodedata.combining(each))
        if common and common != char and all(map(_has, common)):
            out.append(common)
        elif unicodedata.combining(char) or not char.isprintable():
            continue
        else:
            out.append(GETA)
            lost.append(char)
    whole = "".join(out).strip()
    return Text(whole if width is None else cut(whole, width), "".join(lost))


def width_of(text: str) -> int:
    """How wide a text is: bytes in cp932."""
    return len(text.encode(ENCODING, "replace"))


def cut(text: str, width: int) -> str:
    """The beginning of a text, not wider than that; no character is cut in two."""
    while width_of(text) > width:
        text = text[:-1]
    return text


def divide(text: str, width: int, parts: int) -> list[str] | None:
    """A text over so many fields of that width; None if it does not fit.

    A field ends after a break (a space, 市, 丁目, 番 …) if there is one in its second half, so
    that no number is torn apart; else where it is full. If that takes too many fields, all are
    filled to the brim.
    """
    for with_breaks in (True, False):
        fields: list[str] = []
        rest = text.strip()
        while rest and len(fields) < parts:
            field = cut(rest, width)
            if with_breaks and len(field) < len(rest):
                field = _at_a_break(field)
            fields.append(field.strip())
            rest = rest[len(field) :].strip()
        if not rest:
            return fields + [""] * (parts - len(fields))
    return None


def half_kana(text: str) -> str:
    """Kana as half-width katakana, which some fields want; ひらがな too. Others are left out."""
    wide = unicodedata.normalize("NFKC", text)
    katakana = "".join(chr(ord(c) + 0x60) if "ぁ" <= c <= "ゖ" else c for c in wide)
    out = []
    for char in unicodedata.normalize("NFD", katakana):
        if char in _HALF_KANA:
            out.append(_HALF_KANA[char])
        elif char in "\u3099\u309a":
            out.append("ﾞ" if char == "\u3099" else "ﾟ")
        elif char.isascii() and char.isprintable():
            out.append(char)
        elif char in "　・":
            out.append(" ")
    return "".join(out)


def _wide_kana(text: str) -> str:
    """Half-width katakana as full-width, with their marks; nothing else changes."""
    out, run = [], ""
    for char in text:
        if "\uff61" <= char <= "\uff9f":
            run += char
            continue
        out.append(unicodedata.normalize("NFKC", run))
        run = ""
        out.append(char)
    return "".join(out) + unicodedata.normalize("NFKC", run)


def _has(char: str) -> bool:
    try:
        return bool(char.encode(ENCODING)) and (char.isprintable() or char == "　")
    except UnicodeEncodeError:
        return False


def _at_a_break(field: str) -> str:
    for end in range(len(field), len(field) // 2, -1):
        if field[end - 1] in _BREAK_AFTER:
            return field[:end]
    return field
