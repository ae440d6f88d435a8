"""GS1 keys and Digital Links -> the tag that carries them.

Pure.

Source: GS1 Digital Link URI Syntax 1.4; GS1 EPC Tag Data Standard 2.3 (2025), section 7.
"""

from urllib.parse import unquote, urlsplit

from edge.epc import AIS, GRAI_DIGITS, Epc, decode_epc, encode_epc
from edge.epc_bits import DATES
from edge.epc_schemes import Classic, Plus, Scheme
from edge.keys import InvalidKey, gtin14, is_key, is_sscc


def epc_of_link(link: str, prefix_digits: int | None = None, *, filter_value: int = 0) -> Epc:
    """The tag for a GS1 Digital Link: a "plus" one, or the shortest classic one that holds it.

    Args:
        link: such as https://id.gs1.org/01/09506000134352/21/32a%2Fb; whose host, and what is
            asked of it, are not looked at, but for a date that goes into the tag (17=220630).
        prefix_digits: of the company prefix; without it the tag is a "plus" one.
        filter_value: what kind of thing the tag is on.

    Raises:
        InvalidKey: it names no single thing, or does not fit.
    """
    parts = urlsplit(link)
    path = [unquote(segment) for segment in parts.path.strip("/").split("/")]
    values = dict(zip(path[-2::-2], path[-1::-2], strict=False))
    word = next((word for word, (key_ai, _) in AIS.items() if key_ai in values), None)
    if word is None:
        raise InvalidKey(f"no key that a tag can carry: {link!r}")
    key_ai, serial_ai = AIS[word]
    key, serial = values[key_ai], values.get(serial_ai or "", "")
    if word == "sgln":
        serial = serial or "0"
    if serial_ai is None:
        cut = GRAI_DIGITS if word == "grai" else 13
        key, serial = key[:cut], key[cut:]
    if word == "sgtin":
        key = gtin14(key)
    if prefix_digits is not None:
        return _classic_of(word, key, serial, prefix_digits, filter_value)
    dates = [query for query in parts.query.split("&") if query.split("=")[0] in DATES]
    dated = word == "sgtin" and bool(dates)
    return Epc(
        scheme=next(
            scheme
            for scheme in Scheme
            if scheme.word == word
            and isinstance(scheme.layout, Plus)
            and scheme.layout.dated == dated
        ),
        filter=filter_value,
        reference=key,
        serial=serial,
        date=dates[0] if dated else "",
    )


def _classic_of(word: str, key: str, serial: str, prefix_digits: int, filter_value: int) -> Epc:
    problem = InvalidKey(f"{word} has no tag with a company prefix")
    for scheme in Scheme:
        layout = scheme.layout
        if scheme.word != word or not isinstance(layout, Classic):
            continue
        digits = key
        if layout.digits:
            if not is_key(key, (len(key),)):
                raise InvalidKey(f"{key!r}: the check digit is wrong")
            digits = key[:-1].removeprefix("0") if word == "grai" else key[:-1]
        lead, rest = digits[: scheme.leading], digits[scheme.leading :]
        try:
            return Epc(
                scheme=scheme,
                filter=filter_value,
                company_prefix=rest[:prefix_digits],
                reference=lead + rest[prefix_digits:],
                serial=serial,
            )
        except InvalidKey as error:
            problem = error
    raise problem


def sscc_to_epc_hex(sscc: str, company_prefix_digits: int, *, filter_value: int = 2) -> str:
    """The tag of a logistic unit, SSCC-96. Filter 2 is a full case, 6 a unit load, 0 others.

    Raises:
        InvalidKey: it is no SSCC, or no company prefix has so many digits.
    """
    if not is_sscc(sscc):
        raise InvalidKey(f"not an SSCC: {sscc!r}")
    return encode_epc(_classic_of("sscc", sscc, "", company_prefix_digits, filter_value))


def epc_hex_to_sscc(epc_hex: str) -> str | None:
    """The SSCC that a tag carries, or None for any other tag."""
    epc = decode_epc(epc_hex)
    return epc.key if isinstance(epc, Epc) and epc.scheme.word == "sscc" else None


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
            serial=str(serial),
        )
    )
