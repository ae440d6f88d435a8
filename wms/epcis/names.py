"""Names of things in EPCIS events, brought to one form: the canonical GS1 Digital Link.

    urn:epc:id:sgtin:4012345.011111.987           https://id.gs1.org/01/04012345111118/21/987
    urn:epc:class:lgtin:4012345.011111.L1         https://id.gs1.org/01/04012345111118/10/L1
    urn:epc:idpat:sgtin:4012345.011111.*          https://id.gs1.org/01/04012345111118
    urn:epc:id:sscc:4012345.0111111111            https://id.gs1.org/00/040123450111111118
    https://example.com/p/01/4012345111118/22/2A/21/987?10=x   as the first

The same thing is told in several ways; only one form can be compared, found and hashed. The
canonical link names the finest level alone: a serial, else a lot, else the kind; no variant (22),
no question after it. What is no GS1 name stays as it is: anybody may name things by URIs of
their own.

Pure. Source: GS1 EPC Tag Data Standard 2.3, section 6; Digital Link URI Syntax 1.4; CBV 2.0, 8.9.
"""

import re
from urllib.parse import quote, unquote, urlsplit

from edge.keys import GTIN_LENGTHS, SSCC_LENGTH, InvalidKey, is_key, with_check_digit

RESOLVER = "https://id.gs1.org"
GTIN_DIGITS, GLN_DIGITS = 14, 13
_URN = re.compile(r"urn:epc:(id|class|idpat):([a-z]+):([!-~]+)", re.ASCII)
_PREFIX = re.compile(r"[0-9]{6,12}", re.ASCII)
_SAFE = "-._~"  # of what a serial may hold, all that a path takes as it is
# AI of the key, in the order in which a path names them, and the AI of what makes it finer
_KEYS = {"01": ("21", "10"), "00": (), "414": ("254",), "8003": (), "8004": (), "8018": (),
         "253": (), "255": (), "8017": (), "8006": ("21", "10"), "8010": ("8011",),
         "417": ()}  # fmt: skip
_LENGTHS = {"01": GTIN_LENGTHS, "00": (SSCC_LENGTH,), "414": (GLN_DIGITS,), "417": (GLN_DIGITS,)}


def canonical(uri: str) -> str:
    """A name in its one form; what is no GS1 name, as it is."""
    if uri.startswith("urn:epc:"):
        return _of_urn(uri) or uri
    if uri.startswith(("https://", "http://")):
        return _of_link(uri) or uri
    return uri


def kind_of(uri: str) -> str | None:
    """The class that a canonical name belongs to: the goods of a serial or a lot; None: none."""
    start = f"{RESOLVER}/01/"
    return uri[: len(start) + GTIN_DIGITS] if uri.startswith(start) else None


def sgtin(gtin: str, serial: str) -> str:
    """A single piece."""
    return f"{goods(gtin)}/21/{quote(serial, safe=_SAFE)}"


def lot_of(gtin: str, lot: str) -> str:
    """The goods of a lot."""
    return f"{goods(gtin)}/10/{quote(lot, safe=_SAFE)}"


def goods(gtin: str) -> str:
    """Goods of a kind."""
    return f"{RESOLVER}/01/{gtin.zfill(GTIN_DIGITS)}"


def sscc(digits: str) -> str:
    """A handling unit."""
    return f"{RESOLVER}/00/{digits}"


def own(base: str, *parts: str) -> str:
    """A name of this house: urn:soko:site:TYO1, or below an address of its own."""
    between = ":" if base.startswith("urn:") else "/"
    return between.join((base, *(quote(part, safe=_SAFE) for part in parts)))


def _of_urn(uri: str) -> str | None:
    found = _URN.fullmatch(uri)
    if found is None:
        return None
    form, scheme, rest = found.groups()
    parts = rest.split(".", 2)
    if not _PREFIX.fullmatch(parts[0]) or len(parts) == 1:
        return None
    try:
        return _of_parts(form, scheme, parts[0], parts[1], parts[2] if parts[2:] else "")
    except InvalidKey:
        return None


def _of_parts(  # noqa: PLR0911 - one a scheme
    form: str, scheme: str, prefix: str, reference: str, tail: str
) -> str | None:
    match form, scheme:
        case ("id", "sgtin") | ("class", "lgtin") | ("idpat", "sgtin"):
            gtin = _joined(reference[:1] + prefix + reference[1:], GTIN_DIGITS)
            if form == "idpat":
                return goods(gtin) if tail == "*" else None
            ai = "21" if form == "id" else "10"
            return f"{goods(gtin)}/{ai}/{quote(unquote(tail), safe=_SAFE)}" if tail else None
        case ("id", "sscc"):
            return sscc(_joined(reference[:1] + prefix + reference[1:], SSCC_LENGTH))
        case ("id", "sgln"):
            place = f"{RESOLVER}/414/{_joined(prefix + reference, GLN_DIGITS)}"
            finer = quote(unquote(tail), safe=_SAFE)
            return f"{place}/254/{finer}" if tail not in {"", "0"} else place
        case ("id", "pgln"):
            return f"{RESOLVER}/417/{_joined(prefix + reference, GLN_DIGITS)}"
        case ("id", "grai"):
            asset = _joined(prefix + reference, GLN_DIGITS)
            return f"{RESOLVER}/8003/0{asset}{quote(unquote(tail), safe=_SAFE)}"
        case ("id", "giai"):
            whole = prefix + ".".join(filter(None, (reference, tail)))
            return f"{RESOLVER}/8004/{quote(unquote(whole), safe=_SAFE)}"
        case _:
            return None


def _joined(digits: str, length: int) -> str:
    if len(digits) + 1 != length:
        raise InvalidKey(digits)
    return with_check_digit(digits)


def _of_link(uri: str) -> str | None:
    try:
        path = urlsplit(uri).path.strip("/").split("/")
    except ValueError:
        return None
    for start in range(len(path) - 1):  # the domain's own path may come first
        ai, key = path[start], path[start + 1]
        if ai in _KEYS and _is_whole(ai, key):
            return _canonical_link(ai, key, path[start + 2 :])
    return None


def _is_whole(ai: str, key: str) -> bool:
    lengths = _LENGTHS.get(ai)
    return is_key(key, lengths) if lengths else bool(key)


def _canonical_link(ai: str, key: str, path: list[str]) -> str:
    told = dict(zip(path[::2], path[1::2], strict=False))
    name = goods(key) if ai == "01" else f"{RESOLVER}/{ai}/{key}"
    for finer in _KEYS[ai]:
        if told.get(finer):
            return f"{name}/{finer}/{quote(unquote(told[finer]), safe=_SAFE)}"
    return name
