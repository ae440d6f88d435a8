"""EPCs: what an RFID tag says, as bits, as a GS1 key, as URIs.

    3114257BF4499602D2000000      the tag: its EPC memory, whole words of 16 bits, as hex
    106141412345678908            the key: an SSCC, a GTIN, …, as everything else in Soko knows it
    urn:epc:id:sscc:0614141.1234567890          the identity, where the tag tells the prefix
    https://id.gs1.org/00/106141412345678908    the same as a GS1 Digital Link

Classic tags tell how many digits of the key are the company prefix; "plus" tags (TDS 2) carry
the key as it stands and do not. So whoever makes a classic tag from a key must know it.

Laws:
    strict       an Epc that exists can be written; `decode_epc` accepts exactly what is written
                 for some Epc (of "plus" text any of the ways that the standard allows). So a
                 partition of 7, a prefix or a reference with too many digits, reserved bits that
                 are not zero, a wrong check digit in a "plus" key make it NotAnEpc
    inverse      decode_epc(encode_epc(epc)) == epc
    total        `decode_epc` never raises. Tags carry all kinds of bits, most of them no EPC
    upper case   hex is upper case everywhere in Soko: EPCs are compared as text

Pure.

Source: GS1 EPC Tag Data Standard 2.3 (2025), sections 6 (URI), 14 (binary), 15.3; GS1 Digital
Link URI Syntax 1.4. Schemes of variable length for aviation and CPI, and those with a host name
("++", TDS 2.3), are told apart and not read.
"""

from dataclasses import dataclass
from urllib.parse import quote

from edge.epc_bits import (
    WORD_BITS,
    BitReader,
    BitWriter,
    put_date,
    put_delimited,
    put_digits,
    put_number,
    put_text,
    take_date,
    take_delimited,
    take_digits,
    take_number,
    take_text,
)
from edge.epc_schemes import COMPANY_BITS, Classic, Own, Plus, Scheme
from edge.keys import InvalidKey, is_digits, is_key, with_check_digit

HEX_MAX = 128  # 512 bits: more EPC memory than any tag has
_BY_HEADER = {scheme.header: scheme for scheme in Scheme}
AIS = {  # the application identifiers of key and serial
    "sgtin": ("01", "21"), "sscc": ("00", ""), "sgln": ("414", "254"), "grai": ("8003", None),
    "giai": ("8004", ""), "gsrn": ("8018", ""), "gsrnp": ("8017", ""), "gdti": ("253", None),
    "cpi": ("8010", "8011"), "sgcn": ("255", None), "itip": ("8006", "21"),
}  # fmt: skip
GRAI_DIGITS, _ITIP_KEY_DIGITS = 14, 14
_GID_BITS, _USDOD_BITS = (28, 24, 36), (8, 36)
_CAGE_CHARACTERS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Epc:
    """The contents of a tag that follows the standard.

    Attributes:
        company_prefix: 6 to 12 digits; "" of "plus" tags, which do not tell it.
        reference: what follows the prefix in the URI: the indicator or extension digit comes
            first, before item or serial reference. Of "plus" tags the whole key.
        serial: as the standard writes it; "" where there is none.
        date: of DSGTIN+: application identifier and day, such as "17=220630".
        more: of "plus" tags: the bits behind the EPC, other data of the goods, as "0101…".

    Raises:
        InvalidKey: when made from what does not fit the scheme.
    """

    scheme: Scheme
    filter: int = 0
    company_prefix: str = ""
    reference: str
    serial: str = ""
    date: str = ""
    more: str = ""

    def __post_init__(self) -> None:
        encode_epc(self)  # whatever exists can be written

    @property
    def key(self) -> str:
        """The GS1 key with its check digit: GTIN-14, SSCC, GLN, GRAI without its serial."""
        if not self.company_prefix:
            return self.reference
        scheme = self.scheme
        lead, rest = self.reference[: scheme.leading], self.reference[scheme.leading :]
        digits = lead + self.company_prefix + rest
        if not isinstance(scheme.layout, Classic) or not scheme.layout.digits:
            return digits
        return ("0" if scheme.word == "grai" else "") + with_check_digit(digits)

    @property
    def uri(self) -> str:
        """The identity: urn:epc:id:…, and the Digital Link for tags that tell no prefix."""
        if isinstance(self.scheme.layout, Plus):
            return self.link
        fields = [self.company_prefix, self.reference]
        if self.scheme.word == "usdod":
            fields = [self.company_prefix]
        if self.serial:
            fields.append(self.serial)
        return f"urn:epc:id:{self.scheme.word}:{'.'.join(map(_escape, fields))}"

    @property
    def elements(self) -> tuple[tuple[str, str], ...]:
        """Application identifiers and their values, as in a barcode. None for GID and USDOD."""
        if self.scheme.word not in AIS:
            return ()
        key_ai, serial_ai = AIS[self.scheme.word]
        if serial_ai is None:
            return ((key_ai, self.key + self.serial),)
        no_extension = self.scheme.word == "sgln" and self.serial == "0"
        serial = ((serial_ai, self.serial),) if self.serial and not no_extension else ()
        date = (tuple(self.date.split("=")),) if self.date else ()
        return ((key_ai, self.key), *serial, *((ai, day) for ai, day in date))

    @property
    def link(self) -> str:
        """The GS1 Digital Link; "" for what has none."""
        path = "".join(
            f"/{ai}/{quote(value, safe='')}"
            for ai, value in self.elements
            if f"{ai}={value}" != self.date
        )
        query = f"?{self.date}" if self.date else ""
        return f"https://id.gs1.org{path}{query}" if path else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotAnEpc:
    """A tag that carries something else: what it carries, and what is wrong with it."""

    epc_hex: str
    reason: str


def _escape(text: str) -> str:
    """As in an EPC URI, where fewer characters are escaped than in others."""
    return "".join(f"%{ord(c):02X}" if c in '"%&/<>?#' else c for c in text)


# ------------------------------------------------------------------------------------ encoding
def encode_epc(epc: Epc) -> str:
    """The EPC memory of a tag, whole words of 16 bits, as upper-case hex.

    Raises:
        InvalidKey: something does not fit the scheme.
    """
    out = BitWriter()
    out.put(epc.scheme.header, 8)
    layout = epc.scheme.layout
    if isinstance(layout, Classic):
        _put_classic(out, epc, layout)
    elif isinstance(layout, Plus):
        _put_plus(out, epc, layout)
    else:
        _put_own(out, epc, layout)
    return out.words()


def _put_classic(out: BitWriter, epc: Epc, layout: Classic) -> None:
    prefix, reference = epc.company_prefix, epc.reference
    if len(prefix) not in COMPANY_BITS or not is_digits(prefix) or epc.date or epc.more:
        raise InvalidKey(f"{prefix!r} is no company prefix of 6 to 12 digits")
    longest = layout.digits or layout.longest
    if len(prefix + reference) > longest or (layout.digits and len(prefix + reference) < longest):
        raise InvalidKey(f"{prefix}.{reference} has not the {longest} characters of the scheme")
    out.put(epc.filter, 3)
    out.put(12 - len(prefix), 3)
    out.put(int(prefix), COMPANY_BITS[len(prefix)])
    rest_bits = layout.key_bits - COMPANY_BITS[len(prefix)]
    if layout.reference == "text":
        put_text(out, reference, rest_bits)
    elif layout.reference == "number":
        out.put(_plain_number(reference), rest_bits)
    else:
        if reference and not is_digits(reference):
            raise InvalidKey(f"{reference!r} are not digits")
        out.put(int(reference or "0"), rest_bits)
    _put_tail(out, epc.serial, layout)


def _put_tail(out: BitWriter, serial: str, layout: Classic) -> None:
    match layout.tail:
        case "zeros":
            if serial:
                raise InvalidKey(f"has no serial, not even {serial!r}")
            out.put(0, layout.tail_bits)
        case "number":
            out.put(_plain_number(serial), layout.tail_bits)
        case "digits":
            if not is_digits(serial) or len(serial) > layout.tail_longest:
                raise InvalidKey(f"{serial!r} is no serial of 1 to {layout.tail_longest} digits")
            out.put(int("1" + serial), layout.tail_bits)
        case "text":
            put_text(out, serial, layout.tail_bits)


def _plain_number(digits: str) -> int:
    """A number without leading zeros.

    Raises:
        InvalidKey: it is none.
    """
    if not is_digits(digits) or str(int(digits)) != digits:
        raise InvalidKey(f"{digits!r} is no number without leading zeros")
    return int(digits)


def _put_plus(out: BitWriter, epc: Epc, layout: Plus) -> None:
    if epc.company_prefix or set(epc.more) - {"0", "1"}:
        raise InvalidKey(f"{epc.scheme.label} has a key and no company prefix")
    out.put(bool(epc.more), 1)
    out.put(epc.filter, 3)
    if layout.dated:
        put_date(out, epc.date)
    elif epc.date:
        raise InvalidKey(f"{epc.scheme.label} has no date")
    _check_key(epc.scheme, epc.reference)
    if layout.delimited is not None:
        put_delimited(out, epc.reference, layout.delimited)
    else:
        put_digits(out, epc.reference, layout.digits)
    if layout.serial is not None:
        layout.serial.put(out, epc.serial)
    elif layout.number:
        put_number(out, epc.serial, layout.number)
    elif epc.serial:
        raise InvalidKey(f"{epc.scheme.label} has no serial")
    if epc.more:
        out.put(int(epc.more, 2), len(epc.more))


def _check_key(scheme: Scheme, key: str) -> None:
    if scheme.word in {"giai", "cpi"}:
        return  # they have no check digit
    body = key[:_ITIP_KEY_DIGITS] if scheme.word == "itip" else key
    body = body.removeprefix("0") if scheme.word == "grai" else body
    if not is_key(body, (len(body),)) or (scheme.word == "grai" and len(body) != GRAI_DIGITS - 1):
        raise InvalidKey(f"{key!r} is no {scheme.word.upper()}: the check digit is wrong")


def _put_own(out: BitWriter, epc: Epc, layout: Own) -> None:
    if epc.date or epc.more:
        raise InvalidKey(f"{epc.scheme.label} has neither date nor more data")
    if layout is Own.GID:
        if epc.filter:
            raise InvalidKey("GID-96 has no filter")
        fields = (epc.company_prefix, epc.reference, epc.serial)
        for field, width in zip(fields, _GID_BITS, strict=True):
            out.put(_plain_number(field), width)
        return
    cage = epc.company_prefix
    if len(cage) not in {5, 6} or not set(cage) <= set("0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"):
        raise InvalidKey(f"{cage!r} is no CAGE code or DoDAAC")
    if epc.reference:
        raise InvalidKey("USDOD-96 has no reference")
    out.put(epc.filter, 4)
    out.put(int.from_bytes(cage.rjust(_CAGE_CHARACTERS).encode()), 8 * _CAGE_CHARACTERS)
    out.put(_plain_number(epc.serial), 36)


# ------------------------------------------------------------------------------------ decoding
def decode_epc(epc_hex: str) -> Epc | NotAnEpc:
    """What a tag says. Never raises."""
    if len(epc_hex) > HEX_MAX or not set(epc_hex) <= set("0123456789abcdefABCDEF"):
        return NotAnEpc(epc_hex=epc_hex[: HEX_MAX + 1], reason="not hex of 96 bits or more")
    header = int(epc_hex[:2], 16) if len(epc_hex) > 1 else None
    scheme = _BY_HEADER.get(header) if header is not None else None
    if header is None or scheme is None:
        reason = "less than 96 bits" if header is None else f"header {header:02X} is not spoken"
        return NotAnEpc(epc_hex=epc_hex, reason=reason)
    bits = BitReader(int(epc_hex, 16), 4 * len(epc_hex))
    bits.take(8)
    try:
        return _take(bits, scheme, epc_hex.upper())
    except InvalidKey as error:
        return NotAnEpc(epc_hex=epc_hex, reason=str(error))


def _take(bits: BitReader, scheme: Scheme, epc_hex: str) -> Epc:
    layout = scheme.layout
    if isinstance(layout, Plus):
        return _take_plus(bits, scheme, layout)
    if isinstance(layout, Classic):
        epc = _take_classic(bits, scheme, layout)
    else:
        epc = _take_own(bits, scheme)
    if encode_epc(epc) != epc_hex:
        raise InvalidKey("reserved bits are not zero, or the length is not that of the scheme")
    return epc


def _take_classic(bits: BitReader, scheme: Scheme, layout: Classic) -> Epc:
    filter_, partition = bits.take(3), bits.take(3)
    prefix_digits = 12 - partition
    if prefix_digits not in COMPANY_BITS:
        raise InvalidKey(f"partition {partition}")
    company_bits = COMPANY_BITS[prefix_digits]
    prefix = bits.take(company_bits)
    rest_bits = layout.key_bits - company_bits
    if layout.reference == "text":
        reference = take_text(bits, rest_bits)
    else:
        digits = layout.digits - prefix_digits if layout.digits else 1
        number = bits.take(rest_bits)
        reference = f"{number:0{digits}}" if digits else ""
        if layout.digits and (prefix >= 10**prefix_digits or number >= 10**digits):
            raise InvalidKey(f"more than {prefix_digits} + {digits} digits")
    return Epc(
        scheme=scheme,
        filter=filter_,
        company_prefix=f"{prefix:0{prefix_digits}}",
        reference=reference,
        serial=_take_tail(bits, layout),
    )


def _take_tail(bits: BitReader, layout: Classic) -> str:
    if layout.tail == "text":
        return take_text(bits, layout.tail_bits)
    number = str(bits.take(layout.tail_bits))
    if layout.tail == "zeros":
        return ""
    if layout.tail == "number":
        return number
    if number[0] != "1":
        raise InvalidKey("the digits of the serial do not follow a 1")
    return number[1:]


def _take_plus(bits: BitReader, scheme: Scheme, layout: Plus) -> Epc:
    more_follows, filter_ = bits.take(1), bits.take(3)
    date = take_date(bits) if layout.dated else ""
    if layout.delimited is not None:
        key = take_delimited(bits, layout.delimited)
    else:
        key = take_digits(bits, layout.digits)
    serial = ""
    if layout.serial is not None:
        serial = layout.serial.take(bits)
    elif layout.number:
        serial = take_number(bits, layout.number)
    left = bits.left
    behind = bits.take(left)
    if not more_follows and (left >= WORD_BITS or behind):
        raise InvalidKey("bits behind the EPC, which says that there are none")
    if more_follows and not left:
        raise InvalidKey("no bits behind the EPC, which says that there are some")
    more = f"{behind:0{left}b}" if more_follows else ""
    return Epc(scheme=scheme, filter=filter_, reference=key, serial=serial, date=date, more=more)


def _take_own(bits: BitReader, scheme: Scheme) -> Epc:
    if scheme.layout is Own.GID:
        manager, kind, serial = (str(bits.take(width)) for width in _GID_BITS)
        return Epc(scheme=scheme, company_prefix=manager, reference=kind, serial=serial)
    filter_ = bits.take(4)
    cage = bits.take(8 * _CAGE_CHARACTERS).to_bytes(_CAGE_CHARACTERS).decode("latin-1")
    return Epc(
        scheme=scheme,
        filter=filter_,
        company_prefix=cage.removeprefix(" "),
        reference="",
        serial=str(bits.take(36)),
    )
