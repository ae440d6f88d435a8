"""LLRP messages -> bytes (edge.drivers.llrp says how they are laid out, and reads them).

Pure.

Source: EPCglobal Low Level Reader Protocol (LLRP) 1.0.1, 2007, sections 15 to 17; 1.1, 2010.
"""

import struct

from edge.drivers.llrp_messages import (
    ANTENNA_EVENTS,
    GPI_EVENTS,
    NEGOTIATION,
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
    TagRead,
    TagReport,
    Unknown,
    Versions,
)
from edge.drivers.llrp_messages import Parameter as Of

HEADER = struct.Struct(">HII")
_GEN2 = 1  # air protocol EPCglobal Class 1 Gen 2
_EPC_96_BYTES = 12
_UNKNOWN_LEVEL = 2  # of an input: what it is, the reader knows


def tlv(kind: int, *parts: bytes) -> bytes:
    """A TLV parameter."""
    body = b"".join(parts)
    return struct.pack(">HH", kind, 4 + len(body)) + body


def _tv(kind: int, layout: str, value: int) -> bytes:
    return struct.pack(f">B{layout}", 0x80 | kind, value)


def encode(message: Message, version: int = 1) -> bytes:
    """The frame of a message, in that version; what is said about versions is always in 1.1."""
    kind, body = _body(message)
    version = 2 if kind in NEGOTIATION else version
    return HEADER.pack(version << 10 | kind, HEADER.size + len(body), message.id) + body


def _body(message: Message) -> tuple[int, bytes]:
    kind, body = 0, b""
    match message:
        case Plain():
            kind = message.kind
        case OnSpec():
            kind, body = message.kind, struct.pack(">I", message.spec_id)
        case Ask():
            kind, body = message.kind, _ask_body(message)
        case Reply():
            kind, body = message.kind, _status(message.status, message.text) + message.rest
        case SetVersion() | Versions():
            kind, body = message.kind, _version_body(message)
        case Unknown():
            kind, body = message.type, message.body
        case _:
            kind, body = _special_body(message)
    return kind, body


def _special_body(message: AddRospec | TagReport | SetConfig | ReaderEvent) -> tuple[int, bytes]:
    match message:
        case AddRospec():
            return Kind.ADD_ROSPEC, encode_rospec(message.rospec)
        case TagReport():
            return Kind.RO_ACCESS_REPORT, b"".join(map(_tag_data, message.tags))
        case SetConfig():
            return Kind.SET_READER_CONFIG, _set_config_body(message)
        case ReaderEvent():
            return Kind.READER_EVENT_NOTIFICATION, _reader_event_body(message)


def _version_body(message: SetVersion | Versions) -> bytes:
    if isinstance(message, SetVersion):
        return struct.pack(">B", message.version)
    head = struct.pack(">BB", message.current, message.supported)
    return head + _status(message.status, "")


def _ask_body(message: Ask) -> bytes:
    if message.kind is Kind.GET_READER_CONFIG:
        return struct.pack(">HBHH", 0, message.requested, 0, 0)  # of all antennas and ports
    return struct.pack(">B", message.requested)


def _status(status: int, text: str) -> bytes:
    words = text.encode()
    return tlv(Of.LLRP_STATUS, struct.pack(">HH", status, len(words)), words)


def _set_config_body(message: SetConfig) -> bytes:
    body = struct.pack(">B", message.reset << 7)
    if message.keepalive_ms is not None:
        periodic = message.keepalive_ms > 0
        body += tlv(Of.KEEPALIVE_SPEC, struct.pack(">BI", periodic, message.keepalive_ms))
    if message.inputs:
        wanted = [
            tlv(Of.EVENT_NOTIFICATION_STATE, struct.pack(">HB", kind, 1 << 7))
            for kind in (GPI_EVENTS, ANTENNA_EVENTS)
        ]
        states = [
            tlv(Of.GPI_PORT_CURRENT_STATE, struct.pack(">HBB", number, 1 << 7, _UNKNOWN_LEVEL))
            for number in message.inputs
        ]
        events = tlv(Of.READER_EVENT_NOTIFICATION_SPEC, *wanted)
        body = body[:1] + events + body[1:] + b"".join(states)
    return body


def _reader_event_body(message: ReaderEvent) -> bytes:
    """Events in the order of the standard's table, which a reader of parameters may insist on."""
    events = tlv(Of.UTC_TIMESTAMP, struct.pack(">Q", message.at_us or 0))
    if message.input is not None:
        number, high = message.input
        events += tlv(Of.GPI_EVENT, struct.pack(">HB", number, high << 7))
    if message.antenna is not None:
        number, connected = message.antenna
        events += tlv(Of.ANTENNA_EVENT, struct.pack(">BH", connected, number))
    if message.connection is not None:
        events += tlv(Of.CONNECTION_ATTEMPT_EVENT, struct.pack(">H", message.connection))
    return tlv(Of.READER_EVENT_NOTIFICATION_DATA, events)


def encode_rospec(rospec: Rospec) -> bytes:
    """The ROSpec parameter: runs until stopped, reports with antenna, RSSI, times and count."""
    boundary = tlv(
        Of.RO_BOUNDARY_SPEC,
        tlv(Of.ROSPEC_START_TRIGGER, struct.pack(">B", rospec.start)),
        tlv(Of.ROSPEC_STOP_TRIGGER, struct.pack(">BI", 0, 0)),
    )
    antennas = struct.pack(f">H{len(rospec.antennas)}H", len(rospec.antennas), *rospec.antennas)
    inventory = tlv(
        Of.AI_SPEC,
        antennas,
        tlv(Of.AI_SPEC_STOP_TRIGGER, struct.pack(">BI", 0, 0)),
        tlv(Of.INVENTORY_PARAMETER_SPEC, struct.pack(">HB", 1, _GEN2)),
    )
    wanted = 1 << 12 | 1 << 10 | 1 << 9 | 1 << 8 | 1 << 7  # antenna, RSSI, first, last, count
    content = tlv(
        Of.TAG_REPORT_CONTENT_SELECTOR,
        struct.pack(">H", wanted),
        tlv(Of.C1G2_EPC_MEMORY_SELECTOR, b"\0"),
    )
    report = tlv(Of.RO_REPORT_SPEC, struct.pack(">BH", 2, rospec.report_after_tags), content)
    head = struct.pack(">IBB", rospec.rospec_id, 0, rospec.state)
    return tlv(Of.ROSPEC, head, boundary, inventory, report)


def _tag_data(tag: TagRead) -> bytes:
    epc = bytes.fromhex(tag.epc_hex)
    parts = [
        b"\x8d" + epc
        if len(epc) == _EPC_96_BYTES
        else tlv(Of.EPC_DATA, struct.pack(">H", len(epc) * 8), epc)
    ]
    for kind, layout, value in (
        (Of.ANTENNA_ID, "H", tag.antenna),
        (Of.PEAK_RSSI, "b", tag.rssi_dbm),
        (Of.FIRST_SEEN_UTC, "Q", tag.first_seen_us),
        (Of.LAST_SEEN_UTC, "Q", tag.last_seen_us),
        (Of.TAG_SEEN_COUNT, "H", tag.count),
    ):
        if value is not None:
            parts.append(_tv(kind, layout, value))
    return tlv(Of.TAG_REPORT_DATA, *parts)
