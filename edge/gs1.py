"""GS1 keys and their codes: check digits, barcodes, and the EPC of an RFID tag.

The same parcel is known by three spellings, and this module translates between them:

    106141412345678908          the key, an SSCC of 18 digits, as a person reads it
    00106141412345678908        the barcode on its label: GS1-128, application identifier 00
    3114257BF4499602D2000000    the tag in its label: an EPC of 96 bits, as hex

An EPC binary is: header 8 bits | filter 3 | partition 3 | company prefix + reference | serial.
The partition says how many digits the company prefix has (12 down to 6), and with it where the
bits of the prefix end; a key alone does not tell, so whoever encodes must know it.

Laws:
    strict       only what the standard allows is encoded or decoded: a partition of 7, a prefix
                 or a reference with too many digits for its field, or reserved bits that are
                 not zero make it NotAnEpc. So decode and encode are each other's inverse
    total        `decode_epc` never raises. Tags carry all kinds of bits, most of them no EPC
    upper case   hex is upper case everywhere in Soko: EPCs are compared as text

Source: GS1 EPC Tag Data Standard 2.3 (2025), sections 12 (URI) and 14 (binary), tables 14-2 to
14-9; GS1 General Specifications, section 7.9 (check digits). Barcodes are parsed by `biip`.
"""

from dataclasses import dataclass
from enum import Enum

GTIN_LENGTHS = (8, 12, 13, 14)
SSCC_LENGTH = 18
_EPC_HEX_LENGTH = 24
_COMPANY_BITS = {12: 40, 11: 37, 10: 34, 9: 30, 8: 27, 7: 24, 6: 20}  # by digits of the prefix
_PREFIX_DIGITS_MAX = 12


class InvalidKey(ValueError):  # noqa: N818 - reads as a situation
    """Digits that are no GS1 key, or that do not fit where they should go."""


# ------------------------------------------------------------------------------- check digits
def check_digit(digits: str) -> str:
    """The check digit of a key that lacks it: weights 3, 1, 3 … from the right, modulo 10.

    Raises:
        InvalidKey: anything but ASCII digits.
    """
    if not (digits.isascii() and digits.isdigit()):
        raise InvalidKey(f"only digits have a check digit: {digits!r}")
    total = sum(
        int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(digits))
    )
    return str(-total % 10)


def with_check_digit(digits: str) -> str:
    """The key, completed."""
    return digits + check_digit(digits)


def _is_key(code: str, lengths: tuple[int, ...]) -> bool:
    if len(code) not in lengths or not (code.isascii() and code.isdigit()):
        return False
    return check_digit(code[:-1]) == code[-1]


def gtin_with_check_digit(digits: str) -> str:
    """A GTIN from its 7, 11, 12 or 13 digits without the check digit.

    Raises:
        InvalidKey: another number of digits.
    """
    if len(digits) + 1 not in GTIN_LENGTHS:
        raise InvalidKey(f"no GTIN has {len(digits)} digits before its check digit: {digits!r}")
    return with_check_digit(digits)


def is_gtin(code: str) -> bool:
    """Whether this is a GTIN-8, -12, -13 or -14 with a right check digit."""
    return _is_key(code, GTIN_LENGTHS)


def gtin14(code: str) -> str:
    """Any GTIN as 14 digits, by which GTINs of all lengths compare.

    Raises:
        InvalidKey: it is no GTIN.
    """
    if not is_gtin(code):
        raise InvalidKey(f"not a GTIN: {code!r}")
    return code.zfill(14)


def is_sscc(code: str) -> bool:
    """Whether these are the 18 digits of an SSCC with a right check digit."""
    return _is_key(code, (SSCC_LENGTH,))


def sscc_from(prefix: str, extension: int, serial: int) -> str:
    """The SSCC of a company's logistic unit: extension digit, company prefix, serial, check digit.

    Raises:
        InvalidKey: the prefix has not 6 to 12 digits, or the serial does not fit behind it.
    """
    digits = SSCC_LENGTH - 2 - len(prefix)
    if len(prefix) not in _COMPANY_BITS or not 0 <= extension <= 9:  # noqa: PLR2004 - one digit
        raise InvalidKey(f"no SSCC of prefix {prefix!r} and extension {extension}")
    if not 0 <= serial < 10**digits:
        raise InvalidKey(f"serial {serial} does not fit into {digits} digits")
    return with_check_digit(f"{extension}{prefix}{serial:0{digits}}")


# ------------------------------------------------------------------------------------ barcodes
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


# ---------------------------------------------------------------------------------------- EPC
class Scheme(Enum):
    """The coding schemes we speak: header, bits of prefix + reference, their digits, serial bits.

    The digits are those of the key without its check digit.
    """

    SGTIN_96 = (0x30, 44, 13, 38)
    SSCC_96 = (0x31, 58, 17, 24)  # the 24 are reserved, and zero
    SGLN_96 = (0x32, 41, 12, 41)
    GRAI_96 = (0x33, 44, 12, 38)

    def __init__(self, header: int, key_bits: int, key_digits: int, serial_bits: int) -> None:
        self.header = header
        self.key_bits = key_bits
        self.key_digits = key_digits
        self.serial_bits = serial_bits

    @property
    def word(self) -> str:
        """Its name in a URI, such as "sscc"."""
        return self.name.split("_")[0].lower()

    @property
    def serial_max(self) -> int:
        """The largest serial; an SSCC is its own serial and has none besides."""
        return 0 if self is Scheme.SSCC_96 else (1 << self.serial_bits) - 1

    @property
    def leading(self) -> int:
        """How many digits of the reference go before the company prefix in the key."""
        return 1 if self in (Scheme.SGTIN_96, Scheme.SSCC_96) else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Epc:
    """The contents of a tag that follows the standard.

    `reference` is what follows the prefix in the URI: the indicator or extension digit comes
    first, before item or serial reference.

    Raises:
        InvalidKey: when made from digits that do not fit the scheme.
    """

    scheme: Scheme
    filter: int
    company_prefix: str
    reference: str
    serial: int = 0

    def __post_init__(self) -> None:
        digits = self.company_prefix + self.reference
        fits = (
            len(self.company_prefix) in _COMPANY_BITS
            and len(digits) == self.scheme.key_digits
            and digits.isascii()
            and digits.isdigit()
            and 0 <= self.filter < 1 << 3
            and 0 <= self.serial <= self.scheme.serial_max
        )
        if not fits:
            raise InvalidKey(f"not {self.scheme.name}: {self}")

    @property
    def key(self) -> str:
        """GTIN-14, SSCC, GLN or GRAI (14 digits, without its serial), with check digit."""
        lead, rest = self.reference[: self.scheme.leading], self.reference[self.scheme.leading :]
        key = with_check_digit(lead + self.company_prefix + rest)
        return f"0{key}" if self.scheme is Scheme.GRAI_96 else key

    @property
    def uri(self) -> str:
        """The pure identity, such as urn:epc:id:sscc:0614141.1234567890."""
        serial = () if self.scheme is Scheme.SSCC_96 else (str(self.serial),)
        fields = ".".join((self.company_prefix, self.reference, *serial))
        return f"urn:epc:id:{self.scheme.word}:{fields}"


@dataclass(frozen=True, slots=True, kw_only=True)
class NotAnEpc:
    """A tag that carries something else: what it carries, and what is wrong with it."""

    epc_hex: str
    reason: str


_SCHEMES = {scheme.header: scheme for scheme in Scheme}


def encode_epc(epc: Epc) -> str:
    """The 96 bits of an EPC, as 24 upper-case hex digits."""
    scheme, company_bits = epc.scheme, _COMPANY_BITS[len(epc.company_prefix)]
    reference_bits = scheme.key_bits - company_bits
    bits = scheme.header
    for value, width in (
        (epc.filter, 3),
        (_PREFIX_DIGITS_MAX - len(epc.company_prefix), 3),
        (int(epc.company_prefix), company_bits),
        (int(epc.reference or "0"), reference_bits),
        (epc.serial, scheme.serial_bits),
    ):
        assert value < 1 << width, "the digits of a field always fit into its bits"
        bits = bits << width | value
    return f"{bits:0{_EPC_HEX_LENGTH}X}"


def decode_epc(epc_hex: str) -> Epc | NotAnEpc:
    """What a tag says. Never raises."""

    def refuse(reason: str) -> NotAnEpc:
        return NotAnEpc(epc_hex=epc_hex, reason=reason)

    if len(epc_hex) != _EPC_HEX_LENGTH or not set(epc_hex) <= set("0123456789abcdefABCDEF"):
        return refuse("not 96 bits of hex")
    bits = int(epc_hex, 16)
    scheme = _SCHEMES.get(bits >> 88)
    if scheme is None:
        return refuse(f"header {bits >> 88:02X} is none of {sorted(_SCHEMES)}")
    partition = bits >> 82 & 0b111
    prefix_digits = _PREFIX_DIGITS_MAX - partition
    if prefix_digits not in _COMPANY_BITS:
        return refuse(f"partition {partition}")
    key = bits >> scheme.serial_bits & (1 << scheme.key_bits) - 1
    reference_bits = scheme.key_bits - _COMPANY_BITS[prefix_digits]
    reference_digits = scheme.key_digits - prefix_digits
    prefix, reference = key >> reference_bits, key & (1 << reference_bits) - 1
    if prefix >= 10**prefix_digits or reference >= 10**reference_digits:
        return refuse(f"more than {prefix_digits} + {reference_digits} digits")
    serial = bits & (1 << scheme.serial_bits) - 1
    if serial > scheme.serial_max:
        return refuse("reserved bits are not zero")
    return Epc(
        scheme=scheme,
        filter=bits >> 85 & 0b111,
        company_prefix=f"{prefix:0{prefix_digits}}",
        reference=f"{reference:0{reference_digits}}" if reference_digits else "",
        serial=serial,
    )


def sscc_to_epc_hex(sscc: str, company_prefix_digits: int, *, filter_value: int = 2) -> str:
    """The tag of a logistic unit, SSCC-96. Filter 2 is a full case, 6 a unit load, 0 others.

    Raises:
        InvalidKey: it is no SSCC, or no company prefix has so many digits.
    """
    if not is_sscc(sscc):
        raise InvalidKey(f"not an SSCC: {sscc!r}")
    return encode_epc(
        Epc(
            scheme=Scheme.SSCC_96,
            filter=filter_value,
            company_prefix=sscc[1 : 1 + company_prefix_digits],
            reference=sscc[0] + sscc[1 + company_prefix_digits : -1],
        )
    )


def epc_hex_to_sscc(epc_hex: str) -> str | None:
    """The SSCC that a tag carries, or None for any other tag."""
    epc = decode_epc(epc_hex)
    return epc.key if isinstance(epc, Epc) and epc.scheme is Scheme.SSCC_96 else None


def sgtin_to_epc_hex(
    gtin: str, serial: int, company_prefix_digits: int, *, filter_value: int = 1
) -> str:
    """The tag of one unit of an article, SGTIN-96. Filter 1 is an item at the point of sale.

    Raises:
        InvalidKey: it is no GTIN, the serial needs more than 38 bits, or the prefix is wrong.
    """
    digits = gtin14(gtin)
    return encode_epc(
        Epc(
            scheme=Scheme.SGTIN_96,
            filter=filter_value,
            company_prefix=digits[1 : 1 + company_prefix_digits],
            reference=digits[0] + digits[1 + company_prefix_digits : -1],
            serial=serial,
        )
    )
