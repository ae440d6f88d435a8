"""What an LLRP reader answers: its capabilities, and the life of its ROSpecs.

    ADD -> disabled -ENABLE-> inactive -START-> active -STOP-> inactive -DISABLE-> disabled
                                  | at once, when its start trigger says "immediate"
    DELETE from anywhere; an id of 0 means all of them

ROSpecs belong to the reader and outlive the connection, as on a real one: a client that finds
some left by its predecessor has to delete them. We play the start triggers "on request" and
"immediate", and no stop triggers; others are refused.

Laws:
    answered     every request is answered once, with its id; KEEPALIVE_ACK and
                 ENABLE_EVENTS_AND_REPORTS are no requests, and are taken in silence
    unharmed     bytes that are no message, and messages that make no sense here, are answered
                 with an ERROR_MESSAGE and change nothing

Pure: bytes in, bytes out.

Source: LLRP 1.0.1, sections 6.1 (ROSpec states), 10 (capabilities), 13 (errors).
"""

import struct
from collections.abc import Callable
from dataclasses import replace

from edge.drivers.llrp import (
    Malformed,
    decode,
    encode,
    encode_rospec,
    message_id,
    tlv,
    version_of,
)
from edge.drivers.llrp_messages import (
    AddRospec,
    Ask,
    Kind,
    Message,
    OnSpec,
    Parameter,
    Plain,
    Reply,
    Rospec,
    SetConfig,
    SetVersion,
    Start,
    Status,
    TagReport,
    Versions,
)

ROSPECS_MAX = 8
MANUFACTURER = 0  # a private enterprise number that stands for nobody
MODEL = 1
FIRMWARE = "soko simulator 1"
DISABLED, INACTIVE, ACTIVE = range(3)
_FREQUENCIES_KHZ = (916_800, 918_000, 919_200, 920_400)  # Japan, ARIB STD-T106
_SILENT = frozenset({Kind.KEEPALIVE_ACK, Kind.ENABLE_EVENTS_AND_REPORTS})


class ReaderSession:
    """The reader's mind, without its sockets and its radio."""

    def __init__(self, antennas: tuple[int, ...], *, versions: int = 2) -> None:
        self.antennas = antennas
        self.versions = versions  # the highest that it speaks: 1 is LLRP 1.0.1, 2 is 1.1
        self.version = 1  # what is spoken on this connection
        self.rospecs: dict[int, Rospec] = {}
        self.keepalive_ms = 0
        self.keepalives_unanswered = 0
        self.inputs: frozenset[int] = frozenset()  # that the client wants to hear of
        self.is_closing = False

    @property
    def reading(self) -> frozenset[int]:
        """The antennas that active ROSpecs read."""
        active = [spec for spec in self.rospecs.values() if spec.state == ACTIVE]
        numbers = {number for spec in active for number in spec.antennas}
        return frozenset(self.antennas if 0 in numbers else numbers & set(self.antennas))

    def connected(self) -> None:
        """A client has come: what belongs to a connection starts anew."""
        self.keepalive_ms = self.keepalives_unanswered = 0
        self.inputs = frozenset()
        self.is_closing = False
        self.version = 1

    def say(self, message: Message) -> bytes:
        """The frame of a message in the version that was agreed on."""
        return encode(message, self.version)

    def answer(self, frame: bytes) -> bytes:
        """The reply to one frame; empty where there is none."""
        try:
            message = decode(frame)
        except Malformed as error:
            return self._refusal(message_id(frame), error.status, str(error))
        version = version_of(frame)
        about_versions = isinstance(message, SetVersion) or (
            isinstance(message, Plain) and message.kind is Kind.GET_SUPPORTED_VERSION
        )
        if version > self.versions or (version != self.version and not about_versions):
            return self._refusal(message.id, Status.UNSUPPORTED_VERSION, f"version {version}")
        reply = self._reply(message)
        return self.say(reply) if reply is not None else b""

    def _refusal(self, number: int, status: Status, text: str) -> bytes:
        return self.say(Reply(kind=Kind.ERROR_MESSAGE, id=number, status=status, text=text))

    def _reply(self, message: Message) -> Message | None:
        reply: Message | None = None
        match message:
            case Plain():
                reply = self._plain(message)
            case Ask(kind=Kind.GET_READER_CAPABILITIES):
                reply = _done(message, rest=self._capabilities(message.requested))
            case Ask():
                reply = _done(message, rest=self._config())
            case SetVersion():
                reply = self._set_version(message)
            case SetConfig():
                reply = self._set_config(message)
            case AddRospec():
                reply = self._add(message)
            case OnSpec():
                reply = self._on_spec(message)
            case _:
                reply = _error(message.id, f"{type(message).__name__} is no request")
        return reply

    def _plain(self, message: Plain) -> Message | None:
        if message.kind in _SILENT:
            if message.kind is Kind.KEEPALIVE_ACK:
                self.keepalives_unanswered = 0
            return None
        if message.kind is Kind.GET_ROSPECS:
            return _done(message, rest=b"".join(map(encode_rospec, self.rospecs.values())))
        if message.kind is Kind.GET_SUPPORTED_VERSION:
            return Versions(id=message.id, current=self.version, supported=self.versions)
        if message.kind is Kind.GET_REPORT:
            return TagReport(id=message.id)  # reports go out at once; nothing is kept back
        if message.kind is Kind.CLOSE_CONNECTION:
            self.is_closing = True
            return Reply(kind=Kind.CLOSE_CONNECTION_RESPONSE, id=message.id)
        return _error(message.id, f"{message.kind.name} is no request")

    def _set_version(self, message: SetVersion) -> Message:
        kind, status = Kind.SET_PROTOCOL_VERSION_RESPONSE, Status.UNSUPPORTED_VERSION
        if message.version in range(1, self.versions + 1):
            self.version, status = message.version, Status.SUCCESS
        return Reply(kind=kind, id=message.id, status=status)

    def _set_config(self, message: SetConfig) -> Message:
        if message.reset:
            self.rospecs.clear()
            self.keepalive_ms = 0
        self.inputs |= {*message.inputs}
        if message.keepalive_ms is not None:
            self.keepalive_ms = message.keepalive_ms
            self.keepalives_unanswered = 0
        return Reply(kind=Kind.SET_READER_CONFIG_RESPONSE, id=message.id)

    def _add(self, message: AddRospec) -> Message:
        rospec = message.rospec
        unknown = set(rospec.antennas) - {0, *self.antennas}
        problem: tuple[Status, str] | None = None
        if rospec.rospec_id == 0 or rospec.state != DISABLED or unknown:
            problem = Status.FIELD_ERROR, f"id, state or antennas {sorted(unknown)} cannot be"
        elif rospec.rospec_id in self.rospecs or len(self.rospecs) >= ROSPECS_MAX:
            problem = Status.DUPLICATE_PARAMETER, f"ROSpec {rospec.rospec_id}, or too many"
        elif rospec.start not in {Start.ON_REQUEST, Start.IMMEDIATE}:
            problem = Status.UNSUPPORTED_PARAMETER, f"start trigger {rospec.start}"
        if problem is not None:
            return Reply(
                kind=Kind.ADD_ROSPEC_RESPONSE, id=message.id, status=problem[0], text=problem[1]
            )
        self.rospecs[rospec.rospec_id] = rospec
        return Reply(kind=Kind.ADD_ROSPEC_RESPONSE, id=message.id)

    def _on_spec(self, message: OnSpec) -> Message:
        if message.kind is Kind.DELETE_ACCESSSPEC:
            return _done(message)  # there are none to delete
        number = message.spec_id
        wanted = sorted(self.rospecs) if number == 0 else [number]
        change = _CHANGES[message.kind]
        after = {n: change(self.rospecs[n]) for n in wanted if n in self.rospecs}
        if len(after) < len(wanted):
            return _done(message, status=Status.FIELD_ERROR, text=f"there is no ROSpec {number}")
        if number != 0 and message.kind is Kind.START_ROSPEC and _is_disabled(after[number]):
            return _done(message, status=Status.FIELD_ERROR, text=f"ROSpec {number} is disabled")
        for n, rospec in after.items():
            if rospec is None:
                del self.rospecs[n]
            else:
                self.rospecs[n] = rospec
        return _done(message)

    def _config(self) -> bytes:
        return tlv(Parameter.IDENTIFICATION, struct.pack(">BH", 0, 8), bytes(8))

    def _capabilities(self, requested: int) -> bytes:
        parts = (_general(self.antennas), _limits(), _regulatory(), _air_protocol())
        return b"".join(parts) if requested == 0 else b"".join(parts[requested - 1 : requested])


def _is_disabled(rospec: Rospec | None) -> bool:
    return rospec is not None and rospec.state == DISABLED


def _enable(rospec: Rospec) -> Rospec:
    if rospec.state != DISABLED:
        return rospec
    return replace(rospec, state=ACTIVE if rospec.start == Start.IMMEDIATE else INACTIVE)


def _start(rospec: Rospec) -> Rospec:
    return replace(rospec, state=ACTIVE) if rospec.state == INACTIVE else rospec


def _stop(rospec: Rospec) -> Rospec:
    return replace(rospec, state=INACTIVE) if rospec.state == ACTIVE else rospec


def _disable(rospec: Rospec) -> Rospec:
    return replace(rospec, state=DISABLED)


def _delete(_rospec: Rospec) -> None:
    return None


_CHANGES: dict[Kind, Callable[[Rospec], Rospec | None]] = {
    Kind.ENABLE_ROSPEC: _enable,
    Kind.START_ROSPEC: _start,
    Kind.STOP_ROSPEC: _stop,
    Kind.DISABLE_ROSPEC: _disable,
    Kind.DELETE_ROSPEC: _delete,
}


def _done(
    message: Plain | Ask | OnSpec,
    *,
    status: Status = Status.SUCCESS,
    text: str = "",
    rest: bytes = b"",
) -> Reply:
    return Reply(kind=Kind(message.kind + 10), id=message.id, status=status, text=text, rest=rest)


def _error(number: int, text: str) -> Reply:
    return Reply(kind=Kind.ERROR_MESSAGE, id=number, status=Status.UNSUPPORTED_MESSAGE, text=text)


# -------------------------------------------------------------------------------- capabilities
def _general(antennas: tuple[int, ...]) -> bytes:
    firmware = FIRMWARE.encode()
    utc_clock = 1 << 14
    head = struct.pack(">HHII", len(antennas), utc_clock, MANUFACTURER, MODEL)
    return tlv(
        Parameter.GENERAL_DEVICE_CAPABILITIES,
        head,
        struct.pack(">H", len(firmware)),
        firmware,
        tlv(Parameter.RECEIVE_SENSITIVITY_TABLE_ENTRY, struct.pack(">HH", 1, 0)),
        tlv(Parameter.GPIO_CAPABILITIES, struct.pack(">HH", 0, 0)),
        *(tlv(Parameter.PER_ANTENNA_AIR_PROTOCOL, struct.pack(">HHB", n, 1, 1)) for n in antennas),
    )


def _limits() -> bytes:
    return tlv(
        Parameter.LLRP_CAPABILITIES, struct.pack(">BBHIIIII", 0, 1, 0, ROSPECS_MAX, 1, 1, 0, 0)
    )


def _regulatory() -> bytes:
    power = tlv(Parameter.TRANSMIT_POWER_LEVEL_TABLE_ENTRY, struct.pack(">Hh", 1, 3000))
    frequencies = struct.pack(
        f">H{len(_FREQUENCIES_KHZ)}I", len(_FREQUENCIES_KHZ), *_FREQUENCIES_KHZ
    )
    table = tlv(Parameter.FIXED_FREQUENCY_TABLE, frequencies)
    mode = struct.pack(">IBBBBIIIII", 2, 0x80, 2, 0, 2, 274_000, 1500, 20_000, 20_000, 0)
    modes = tlv(Parameter.UHF_C1G2_RF_MODE_TABLE, tlv(Parameter.UHF_C1G2_RF_MODE_TABLE_ENTRY, mode))
    band = tlv(
        Parameter.UHF_BAND_CAPABILITIES,
        power,
        tlv(Parameter.FREQUENCY_INFORMATION, b"\0", table),
        modes,
    )
    japan, arib = 392, 7
    return tlv(Parameter.REGULATORY_CAPABILITIES, struct.pack(">HH", japan, arib), band)


def _air_protocol() -> bytes:
    return tlv(Parameter.C1G2_LLRP_CAPABILITIES, struct.pack(">BH", 0, 0))
