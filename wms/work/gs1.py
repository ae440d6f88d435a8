"""What a scan carries besides its key: lot, expiry, serial, units, weight; read by `biip`.

    read("]d2010491234567890417261130" "10L-7<GS>21S-9") -> Gs1(gtin="04912345678904", lot="L-7", …)

Total: whatever was scanned has an answer; a code that is no GS1 code has only its `raw`. What is
wrong in itself (a check digit, the 13th month) is not read at all, rather than half. An expiry
(17) wins over a best-before date (15); the day 00 is the month's last.

The device reads the few elements that it needs itself (`wms.work.codes`, handheld/gs1.ts); all
three agree on tests/vectors/gs1.json. Units: pieces, grams.

Source: GS1 General Specifications, section 3 (application identifiers); Digital Link 1.4.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from edge.gs1 import GTIN_LENGTHS, gtin14, is_gtin, is_sscc
from wms.work.codes import bare

GRAMS_PER_KG = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Gs1:
    """What a scan says. `gtin` has 14 digits, `sscc` 18."""

    raw: str
    gtin: str | None = None
    sscc: str | None = None
    lot: str | None = None
    expires_on: date | None = None
    serial: str | None = None
    units: int | None = None
    weight_g: int | None = None


def read(scanned: str) -> Gs1:
    """Understand a scan: a bare GTIN or SSCC, an element string, a Digital Link, anything."""
    import biip  # noqa: PLC0415 - slow to import, and most who import this module scan nothing

    text = bare(scanned)
    if is_sscc(text):
        return Gs1(raw=scanned, sscc=text)
    if len(text) in GTIN_LENGTHS and text.isdecimal():
        return Gs1(raw=scanned, gtin=gtin14(text) if is_gtin(text) else None)
    if not text or text.startswith("]"):
        return Gs1(raw=scanned)
    found = biip.parse(text)
    message = found.gs1_message or found.gs1_digital_link_uri
    return _read(scanned, message.element_strings) if message else Gs1(raw=scanned)


def _read(scanned: str, elements: Iterable[object]) -> Gs1:
    from biip.gs1_element_strings import GS1ElementString  # noqa: PLC0415 - see `read`

    known = {each.ai.ai: each for each in elements if isinstance(each, GS1ElementString)}
    values = {code: each.value for code, each in known.items()}
    weights = [each.decimal for code, each in known.items() if code.startswith("310")]
    dates = [known[code].date for code in ("17", "15") if code in known]
    gtin, sscc, units = values.get("01", ""), values.get("00", ""), values.get("37", "")
    return Gs1(
        raw=scanned,
        gtin=gtin if is_gtin(gtin) else None,
        sscc=sscc if is_sscc(sscc) else None,
        lot=values.get("10"),
        expires_on=next((each for each in dates if each), None),
        serial=values.get("21"),
        units=int(units) if units.isdecimal() else None,
        weight_g=next((int(each * GRAMS_PER_KG) for each in weights if each is not None), None),
    )
