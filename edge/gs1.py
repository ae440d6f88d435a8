"""GS1 for everybody: what a barcode means, and the face of keys and EPCs.

The same parcel is known by three spellings, and these modules translate between them:

    106141412345678908          the key, an SSCC of 18 digits, as a person reads it    edge.keys
    00106141412345678908        the barcode on its label: GS1-128, identifier 00       here
    3114257BF4499602D2000000    the tag in its label: an EPC, as hex          edge.epc

Source: GS1 General Specifications. Barcodes are parsed by `biip`.
"""

from dataclasses import dataclass

from edge.epc import Epc, NotAnEpc, decode_epc, encode_epc
from edge.epc_link import epc_hex_to_sscc, epc_of_link, sgtin_to_epc_hex, sscc_to_epc_hex
from edge.epc_schemes import Scheme
from edge.keys import (
    GTIN_LENGTHS,
    SSCC_LENGTH,
    InvalidKey,
    check_digit,
    gtin14,
    gtin_with_check_digit,
    is_gtin,
    is_sscc,
    sscc_from,
    with_check_digit,
)

__all__ = [
    "GTIN_LENGTHS",
    "SSCC_LENGTH",
    "Barcode",
    "Epc",
    "InvalidKey",
    "NotAnEpc",
    "Scheme",
    "check_digit",
    "decode_epc",
    "encode_epc",
    "epc_hex_to_sscc",
    "epc_of_link",
    "gtin14",
    "gtin_with_check_digit",
    "is_gtin",
    "is_sscc",
    "read_barcode",
    "sgtin_to_epc_hex",
    "sscc_from",
    "sscc_to_epc_hex",
    "with_check_digit",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Barcode:
    """What a scanned barcode means. A code that is no GS1 code has neither keys nor elements."""

    text: str
    gtin: str | None = None  # as 14 digits
    sscc: str | None = None
    serial: str | None = None
    lot: str | None = None
    elements: tuple[tuple[str, str], ...] = ()  # (application identifier, value), GS1-128 only


def read_barcode(text: str) -> Barcode:
    """Understand a scan: a bare GTIN or SSCC, or GS1-128, DataMatrix and QR element strings.

    Symbology identifiers ("]C1") are understood where a scanner sends them. GS (0x1D) separates
    elements. Digits that are a valid GTIN or SSCC are read as that, whatever else they could be.
    """
    bare = text.strip()
    if is_gtin(bare):
        return Barcode(text=text, gtin=gtin14(bare))
    if is_sscc(bare):
        return Barcode(text=text, sscc=bare)

    import biip  # noqa: PLC0415 - slow to import, and most who import this module scan nothing

    try:
        found = biip.parse(bare)
    except (biip.ParseError, IndexError):  # no symbology that there is; a lone "]"
        return Barcode(text=text)
    message = found.gs1_message
    if message is None:
        return Barcode(text=text, gtin=found.gtin.as_gtin_14() if found.gtin else None)
    elements = tuple((element.ai.ai, element.value) for element in message.element_strings)
    values = dict(elements)
    gtin, sscc = values.get("01", ""), values.get("00", "")
    return Barcode(
        text=text,
        gtin=gtin if is_gtin(gtin) else None,
        sscc=sscc if is_sscc(sscc) else None,
        serial=values.get("21"),
        lot=values.get("10"),
        elements=elements,
    )
