"""LLRP 1.0.1 and 1.1, the language of RFID readers: bytes to messages and back.

A message is a frame: 3 reserved bits, version 3, type 10, length 32, id 32, then a body of fields
and parameters. A parameter is either a TLV (type 10 bits, length 16, fields, parameters) or, for
the small ones in tag reports, a TV: one byte with the top bit set, and a length known by type.

    client  --connect-->                        reader
            <--READER_EVENT_NOTIFICATION        "connected", or why not: one client per reader
            --SET_READER_CONFIG--> <--RESPONSE  keepalives, please
            --ADD_, ENABLE_, START_ROSPEC-->    what to read, on which antennas, what to tell
            <--RO_ACCESS_REPORT ...             the tags
            <--KEEPALIVE  --KEEPALIVE_ACK-->

For an inventory both versions say the same; 1.1 asks first (46, 47) which one is spoken.
What we do not know is skipped if it says how long it is, and `Malformed` if it does not.

Laws:
    total       `decode` of any bytes returns a message or raises Malformed, and nothing else
    inverse     decode(encode(m)) == m for every message that we can make

Pure: no sockets here. `Splitter` cuts a stream of bytes into frames.

Source: EPCglobal Low Level Reader Protocol (LLRP) 1.0.1, 2007, sections 15 to 17; 1.1, 2010.
"""

import struct
from collections.abc import Callable, Iterator

from edge.drivers.llrp_encode import HEADER, encode, encode_rospec, tlv
from edge.drivers.llrp_messages import (
    ON_SPEC,
    PLAIN,
    REPLIES,
    AddRospec,
    Ask,
    Kind,
    Message,
    OnSpec,
    Plain,
    ReaderEvent,
    Reply,
    Rospec,
    SetConfig,
    SetVersion,
    Status,
    TagRead,
    TagReport,
    Unknown,
    Versions,
)
from edge.drivers.llrp_messages import Parameter as Of

__all__ = [
    "HEADER",
    "Malformed",
    "Splitter",
    "decode",
    "decode_rospec",
    "encode",
    "encode_rospec",
    "message_id",
    "parameters",
    "tlv",
    "version_of",
]

VERSIONS = (1, 2)  # as a header has it: 1.0.1, 1.1
FRAME_BYTES_MAX = 1 << 20


class Malformed(ValueError):  # noqa: N818 - reads as a situation
    """Bytes that are not LLRP.

    Attributes:
        status: what an answer to them should carry.
    """

    def __init__(self, detail: str, status: Status = Status.PARAMETER_ERROR) -> None:
        super().__init__(detail)
        self.status = status


_TV_BYTES = {1: 2, 2: 8, 3: 8, 4: 8, 5: 8, 6: 1, 7: 2, 8: 2, 9: 4, 10: 2, 11: 2, 12: 2, 13: 12}
_TV_BYTES |= {14: 2, 15: 2, 16: 4, 17: 2, 18: 4, 19: 2, 20: 2}


class Splitter:
    """Cuts what a socket gives into frames."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The frames that are complete with this data. Take them all before feeding again.

        Raises:
            Malformed: a length that no frame has. The stream has no further frames then.
        """
        self._bytes += data
        while len(self._bytes) >= HEADER.size:
            length: int = HEADER.unpack_from(self._bytes)[1]
            if not HEADER.size <= length <= FRAME_BYTES_MAX:
                raise Malformed(f"a frame of {length} bytes", Status.FIELD_ERROR)
            if len(self._bytes) < length:
                return
            frame = bytes(self._bytes[:length])
            del self._bytes[:length]
            yield frame


def message_id(frame: bytes) -> int:
    """The id in the header of a frame: what an error message about it refers to."""
    number: int = HEADER.unpack_from(frame)[2] if len(frame) >= HEADER.size else 0
    return number


def version_of(frame: bytes) -> int:
    """The version in the header of a frame: 1 is LLRP 1.0.1, 2 is 1.1."""
    return _fields(HEADER.format, frame)[0] >> 10 & 0b111


def decode(frame: bytes) -> Message:
    """The message in a frame.

    Raises:
        Malformed: it is none, or of a version that we do not speak.
    """
    first, length, number = _fields(HEADER.format, frame)
    if length != len(frame):
        raise Malformed(f"a frame of {len(frame)} bytes says it has {length}", Status.FIELD_ERROR)
    if first >> 10 & 0b111 not in VERSIONS:
        raise Malformed(f"version {first >> 10 & 0b111}", Status.UNSUPPORTED_VERSION)
    body = frame[HEADER.size :]
    try:
        kind = Kind(first & 0x3FF)
    except ValueError:
        return Unknown(type=first & 0x3FF, id=number, body=body)
    if kind in PLAIN:
        return Plain(kind=kind, id=number)
    if kind in ON_SPEC:
        return OnSpec(kind=kind, id=number, spec_id=_fields(">I", body)[0])
    if kind in REPLIES:
        return _reply(kind, number, body)
    return _OTHERS[kind](number, body)


def _fields(layout: str, data: bytes) -> tuple[int, ...]:
    try:
        return struct.unpack_from(layout, data)
    except struct.error as error:
        raise Malformed(f"{len(data)} bytes are too few: {error}") from error


def parameters(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The parameters that fill these bytes, as (type, contents).

    Raises:
        Malformed: a length that is too small or too large, or a TV of unknown length.
    """
    at = 0
    while at < len(data):
        if data[at] & 0x80:
            kind, start = data[at] & 0x7F, at + 1
            if kind not in _TV_BYTES:
                raise Malformed(f"a TV parameter of unknown type {kind}")
            end = start + _TV_BYTES[kind]
        else:
            kind, length = _fields(">HH", data[at:])
            kind, start, end = kind & 0x3FF, at + 4, at + length
        if not start <= end <= len(data):
            raise Malformed(f"parameter {kind} does not end where it should")
        yield kind, data[start:end]
        at = end


def _find(wanted: int, data: bytes) -> bytes:
    for kind, contents in parameters(data):
        if kind == wanted:
            return contents
    raise Malformed(f"parameter {wanted} is missing")


def _reply(kind: Kind, number: int, body: bytes) -> Reply:
    first, contents = next(parameters(body), (0, b""))
    if first != Of.LLRP_STATUS:
        raise Malformed("a reply does not begin with its status")
    status, text_bytes = _fields(">HH", contents)
    text = contents[4 : 4 + text_bytes].decode(errors="replace")
    return Reply(kind=kind, id=number, status=status, text=text, rest=body[4 + len(contents) :])


def _set_config(number: int, body: bytes) -> SetConfig:
    (flags,) = _fields(">B", body)
    keepalive_ms = None
    inputs: list[int] = []
    for kind, contents in parameters(body[1:]):
        if kind == Of.KEEPALIVE_SPEC:
            periodic, period_ms = _fields(">BI", contents)
            keepalive_ms = period_ms if periodic else 0
        elif kind == Of.GPI_PORT_CURRENT_STATE:
            port, config = _fields(">HB", contents)
            inputs += [port] if config >> 7 else []
    return SetConfig(
        id=number, reset=bool(flags >> 7), keepalive_ms=keepalive_ms, inputs=tuple(inputs)
    )


def _add_rospec(number: int, body: bytes) -> AddRospec:
    return AddRospec(id=number, rospec=decode_rospec(body))


def decode_rospec(data: bytes) -> Rospec:
    """The ROSpec parameter that these bytes begin with."""
    spec = _find(Of.ROSPEC, data)
    rospec_id, _, state = _fields(">IBB", spec)
    (start,) = _fields(">B", _find(Of.ROSPEC_START_TRIGGER, _find(Of.RO_BOUNDARY_SPEC, spec[6:])))
    antennas: list[int] = []
    report_after_tags = 1
    for kind, contents in parameters(spec[6:]):
        if kind == Of.AI_SPEC:
            (count,) = _fields(">H", contents)
            antennas += _fields(f">{count}H", contents[2:])
        elif kind == Of.RO_REPORT_SPEC:
            _, report_after_tags = _fields(">BH", contents)
    if not antennas:
        raise Malformed("a ROSpec without antennas")
    return Rospec(
        rospec_id=rospec_id,
        state=state,
        start=start,
        antennas=tuple(antennas),
        report_after_tags=report_after_tags,
    )


def _tag_report(number: int, body: bytes) -> TagReport:
    tags = tuple(
        _tag_read(contents) for kind, contents in parameters(body) if kind == Of.TAG_REPORT_DATA
    )
    return TagReport(id=number, tags=tags)


_TAG_FIELDS: dict[int, str] = {
    Of.ANTENNA_ID: ">H",
    Of.PEAK_RSSI: ">b",
    Of.FIRST_SEEN_UTC: ">Q",
    Of.LAST_SEEN_UTC: ">Q",
    Of.TAG_SEEN_COUNT: ">H",
}


def _tag_read(data: bytes) -> TagRead:
    epc: bytes | None = None
    values: dict[int, int] = {}
    for kind, contents in parameters(data):
        if kind == Of.EPC_96:
            epc = contents
        elif kind == Of.EPC_DATA:
            epc = contents[2 : 2 + (_fields(">H", contents)[0] + 7) // 8]
        elif kind in _TAG_FIELDS:
            (values[kind],) = _fields(_TAG_FIELDS[kind], contents)
    if epc is None:
        raise Malformed("a tag without an EPC")
    return TagRead(
        epc_hex=epc.hex().upper(),
        antenna=values.get(Of.ANTENNA_ID),
        rssi_dbm=values.get(Of.PEAK_RSSI),
        first_seen_us=values.get(Of.FIRST_SEEN_UTC),
        last_seen_us=values.get(Of.LAST_SEEN_UTC),
        count=values.get(Of.TAG_SEEN_COUNT),
    )


def _reader_event(number: int, body: bytes) -> ReaderEvent:
    at_us = connection = antenna = input_ = None
    for kind, contents in parameters(_find(Of.READER_EVENT_NOTIFICATION_DATA, body)):
        if kind == Of.UTC_TIMESTAMP:
            (at_us,) = _fields(">Q", contents)
        elif kind == Of.ANTENNA_EVENT:
            connected, antenna_number = _fields(">BH", contents)
            antenna = (antenna_number, bool(connected))
        elif kind == Of.GPI_EVENT:
            port, high = _fields(">HB", contents)
            input_ = (port, bool(high >> 7))
        elif kind == Of.CONNECTION_ATTEMPT_EVENT:
            (connection,) = _fields(">H", contents)
    return ReaderEvent(id=number, at_us=at_us, connection=connection, antenna=antenna, input=input_)


def _set_version(number: int, body: bytes) -> SetVersion:
    return SetVersion(id=number, version=_fields(">B", body)[0])


def _versions(number: int, body: bytes) -> Versions:
    current, supported = _fields(">BB", body)
    (status,) = _fields(">H", _find(Of.LLRP_STATUS, body[2:]))
    return Versions(id=number, current=current, supported=supported, status=status)


def _capabilities(number: int, body: bytes) -> Ask:
    return Ask(kind=Kind.GET_READER_CAPABILITIES, id=number, requested=_fields(">B", body)[0])


def _config(number: int, body: bytes) -> Ask:
    return Ask(kind=Kind.GET_READER_CONFIG, id=number, requested=_fields(">HB", body)[1])


_OTHERS: dict[Kind, Callable[[int, bytes], Message]] = {
    Kind.GET_READER_CAPABILITIES: _capabilities,
    Kind.GET_READER_CONFIG: _config,
    Kind.SET_READER_CONFIG: _set_config,
    Kind.SET_PROTOCOL_VERSION: _set_version,
    Kind.GET_SUPPORTED_VERSION_RESPONSE: _versions,
    Kind.ADD_ROSPEC: _add_rospec,
    Kind.RO_ACCESS_REPORT: _tag_report,
    Kind.READER_EVENT_NOTIFICATION: _reader_event,
}
