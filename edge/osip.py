r"""OSIP telegrams: fixed-length ASCII lines between a material flow controller and its PLCs.

    ### 00160 SPS03 MFC__ 00001 REQ_ barcode(20) actual(20) target(20) error(8) yyyyMMddHHmmss ***
    SYNC LEN  SEND  RECV  SEQ   TYPE fields of the type                                        pad

    REQ_ barcode, actual, target           where to with it?          PLC -> MFC
    RES_ barcode, actual, target, group    there                      MFC -> PLC
    UPD_ barcode, actual                   it is there now
    LOCU group, actual · SYSU group        a location, a group of them, is (not) to be used
    ERR_ group                             that telegram was not understood
    SYNQ · TIMS                            what time is it?           (date only)

Fields that are not filled are padded with `*` or `_`; all `?` means nobody knows. LEN is the length
of the whole telegram, as in the examples of the specification. Telegrams of one connection follow
each other, with or without a line end between them.

Laws:
    strict out   what does not fit its field is refused, never cut off
    lenient in   pads, line ends and unknown types are taken; a sync that is lost is found again,
                 and what was skipped is counted
    bounded      at most `SKIP_MAX` bytes are skipped, then it is no OSIP

Pure. Times are given and read as UTC. Source: OSIP, messaging between layer N and N-1.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

LENGTH = 160
SYNC = b"###"
SEQUENCES = 99_999
SKIP_MAX = 10_000
_NAME, _FIELD, _ERROR, _DATE = 5, 20, 8, 14
_HEADER = len(SYNC) + 4 * _NAME
FIELDS: Mapping[str, tuple[str, ...]] = {
    "REQ_": ("barcode", "actual", "target"),
    "RES_": ("barcode", "actual", "target", "group"),
    "UPD_": ("barcode", "actual"),
    "LOCU": ("group", "actual"),
    "SYSU": ("group",),
    "ERR_": ("group",),
}
_DATE_ONLY = {"SYNQ": "SYNQ", "TIMS": "TIMS", "SYNC": "TIMS"}  # as it comes -> what it is
_PADS = "*_ ?"


class Malformed(ValueError):  # noqa: N818 - reads as a situation
    """That is no OSIP telegram."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Telegram:
    """One telegram. `fields` are those of its type; "" is not filled."""

    type: str
    sender: str
    receiver: str
    sequence: int
    at: datetime
    error: int = 0
    fields: Mapping[str, str] = field(default_factory=dict)

    def get(self, name: str) -> str:
        """A field, "" when it is not filled or not of this type."""
        return self.fields.get(name, "")


def encode(telegram: Telegram, *, length: int = LENGTH) -> bytes:
    """The bytes of a telegram, without a line end.

    Raises:
        Malformed: its type is not known, or a value does not fit.
    """
    head = "###" + _number(length, _NAME) + _padded(telegram.sender, _NAME, "_")
    head += _padded(telegram.receiver, _NAME, "_") + _number(telegram.sequence, _NAME)
    at = telegram.at.astimezone(UTC).strftime("%Y%m%d%H%M%S")
    if telegram.type in _DATE_ONLY:
        body = telegram.type + at
    elif telegram.type in FIELDS:
        names = FIELDS[telegram.type]
        if unknown := set(telegram.fields) - {*names}:
            raise Malformed(f"{telegram.type} has no {sorted(unknown)}")
        values = "".join(_padded(telegram.get(name), _FIELD, "*") for name in names)
        body = telegram.type + values + _number(telegram.error, _ERROR) + at
    else:
        raise Malformed(f"no type {telegram.type!r}")
    if len(head + body) > length:
        raise Malformed(f"{telegram.type} does not fit {length} characters")
    return (head + body).ljust(length, "*").encode("ascii")


def decode(body: bytes) -> Telegram:
    """The telegram in these bytes.

    Raises:
        Malformed: it is none; says what is wrong.
    """
    try:
        text = body.decode("ascii")
    except UnicodeDecodeError as problem:
        raise Malformed("not ASCII") from problem
    if not text.startswith("###") or len(text) < _HEADER + 4:
        raise Malformed("no header")
    named = text[_HEADER : _HEADER + 4]
    kind, at = _DATE_ONLY.get(named, named), _HEADER + 4
    if kind not in FIELDS and kind not in _DATE_ONLY:
        raise Malformed(f"unknown type {named!r}")
    fields, error = {}, 0
    if kind in FIELDS:
        for name in FIELDS[kind]:
            fields[name] = text[at : at + _FIELD].rstrip(_PADS)
            at += _FIELD
        error = _read_number(text[at : at + _ERROR].rstrip("x*"), "error code")
        at += _ERROR
    return Telegram(
        type=kind,
        sender=text[8:13].rstrip(_PADS),
        receiver=text[13:18].rstrip(_PADS),
        sequence=_read_number(text[18:23], "sequence"),
        at=_time(text[at : at + _DATE]),
        error=error,
        fields=fields,
    )


class Splitter:
    """Cuts a stream of bytes into telegrams."""

    def __init__(self, length: int = LENGTH) -> None:
        self.skipped = 0  # bytes that belonged to no telegram
        self._length = length
        self._buffer = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The telegrams that are whole now.

        Raises:
            Malformed: this is no OSIP.
        """
        buffer, out = self._buffer + data, []
        while True:
            buffer = buffer.lstrip(b"\r\n")
            start = buffer.find(SYNC)
            if start < 0:  # two bytes may be the beginning of a sync
                start = max(0, len(buffer) - 2)
                self._skip(start)
                buffer = buffer[start:]
                break
            self._skip(start)
            buffer = buffer[start:]
            again = buffer.find(SYNC, len(SYNC), self._length)
            if again > 0:  # the rest of this one is lost
                self._skip(again)
                buffer = buffer[again:]
                continue
            if len(buffer) < self._length:
                break
            out.append(buffer[: self._length])
            buffer = buffer[self._length :]
        self._buffer = buffer
        return out

    def _skip(self, count: int) -> None:
        self.skipped += count
        if self.skipped > SKIP_MAX:
            raise Malformed(f"{self.skipped} bytes without a telegram")


def _padded(value: str, size: int, pad: str) -> str:
    if len(value) > size or not value.isascii() or not value.isprintable() or "#" in value:
        raise Malformed(f"{value!r} does not fit {size} characters of ASCII")
    return value.ljust(size, pad)


def _number(value: int, size: int) -> str:
    if not 0 <= value < 10**size:
        raise Malformed(f"{value} does not fit {size} digits")
    return f"{value:0{size}}"


def _read_number(text: str, what: str) -> int:
    if not text:
        return 0
    if not (text.isascii() and text.isdigit()):
        raise Malformed(f"{what} {text!r} is no number")
    return int(text)


def _time(text: str) -> datetime:
    if not (len(text) == _DATE and text.isascii() and text.isdigit()):
        raise Malformed(f"{text!r} is no date")
    try:
        return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError as error:
        raise Malformed(f"{text!r} is no date") from error
