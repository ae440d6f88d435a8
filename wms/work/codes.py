"""What a scan means for matching: the same few rules here and on the device (handheld/gs1.ts).

A scan is matched by its key, wherever the key stands in it:

    ]C100106141412345678908             an SSCC, 18 digits
    ]d2010491234567890410L-7<GS>21S-9   a GTIN with lot and serial
    https://id.example/01/04912345678904/21/S-9    a GS1 Digital Link
    4912345678904                       a bare GTIN, which is compared without its leading zeros

Only the elements that a handheld needs are read: 00 SSCC, 01 GTIN, 10 lot, 15/17 best before and
expiry, 21 serial, 37 units. Where an unknown element begins, reading ends: what stands before it
is known. The server reads all of them (`wms.work.gs1`); both must agree on tests/vectors/gs1.json.

Source: GS1 General Specifications, sections 3 and 7.8 (element strings, FNC1 as GS, 0x1D);
GS1 Digital Link Standard: URI Syntax 1.4.
"""

import re

GS = "\x1d"
_SYMBOLOGY = re.compile(r"^\][A-Za-z][0-9A-Za-z]")
_LINK = re.compile(r"^https?://[^?#]*?/01/([0-9]{8,14})((?:/[^/?#]+/[^/?#]+)*)/?(?:[?#]|$)")
_GTIN_LENGTHS = frozenset({8, 12, 13, 14})
_FIXED = {"00": 18, "01": 14, "11": 6, "13": 6, "15": 6, "17": 6}
_FIXED |= dict.fromkeys(("31", "32", "33", "34", "35", "36"), 8)  # measures: two more digits first
_FREE = {"10": 20, "21": 20, "37": 8}
GTIN_DIGITS = 14


def bare(scanned: str) -> str:
    """A scan without blanks round it, and without the scanner's word on the kind of barcode."""
    return _SYMBOLOGY.sub("", scanned.strip(" \t\r\n")).strip(GS)


def elements(scanned: str) -> dict[str, str]:
    """The elements of a GS1 code that are understood here; none when it is no GS1 code."""
    text = bare(scanned)
    if link := _LINK.match(text):
        parts = link[2].split("/")[1:]
        more = dict(zip(parts[::2], parts[1::2], strict=True))
        known = {code: value for code, value in more.items() if code in _FREE}
        return {"01": link[1].zfill(GTIN_DIGITS), **known}
    if not text.startswith(("00", "01")):
        return {}
    found: dict[str, str] = {}
    while text:
        code, text = text[:2], text[2:]
        value, text = _value(code, text)
        if value is None:
            break
        found[code] = value
        text = text.removeprefix(GS)
    return found


def _value(code: str, text: str) -> tuple[str | None, str]:
    if length := _FIXED.get(code):
        value, rest = text[:length], text[length:]
        return (value, rest) if re.fullmatch(rf"[0-9]{{{length}}}", value) else (None, "")
    if code not in _FREE:
        return None, ""
    value, _, rest = text.partition(GS)
    return (value, rest) if 0 < len(value) <= _FREE[code] else (None, "")


def code_of(scanned: str) -> str:
    """What a scan means for matching: no symbology id, the SSCC or GTIN of a GS1 code."""
    text = bare(scanned)
    if text.isascii() and text.isdecimal() and len(text) in _GTIN_LENGTHS:
        return text.lstrip("0")
    known = elements(scanned)
    if sscc := known.get("00"):
        return sscc
    return known["01"].lstrip("0") if "01" in known else text


def part_of(scanned: str, kind: str) -> str:
    """What a scan means where that kind of thing is wanted: its serial or lot, or the whole."""
    wanted = {"serial": "21", "lot": "10"}.get(kind)
    known = elements(scanned) if wanted else {}
    return known.get(wanted or "") or code_of(scanned)


def unit_of(scanned: str) -> str:
    """What tells one unit from another: GTIN and serial of a GS1 code, else the whole code."""
    known = elements(scanned)
    if "21" in known:
        return f"{known.get('01', '')}/{known['21']}"
    return bare(scanned)
