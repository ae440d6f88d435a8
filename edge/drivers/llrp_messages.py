"""The words of LLRP 1.0.1 and 1.1 that an inventory needs: kinds, statuses and messages.

Many messages look alike, so a few classes carry all of them: a `Plain` message is its kind alone,
a `Reply` is a status, and so on. `edge.drivers.llrp` turns them into bytes and back.

Units: timestamps are microseconds UTC, RSSI whole dBm, periods milliseconds.

Source: EPCglobal Low Level Reader Protocol (LLRP) 1.0.1, 2007, sections 10 to 16; 1.1, 2010,
section 9.1 (versions).
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import TypeAlias


class Kind(IntEnum):
    """Message types. A response has the number of its request plus 10, but for the config ones."""

    GET_READER_CAPABILITIES = 1
    GET_READER_CONFIG = 2
    SET_READER_CONFIG = 3
    CLOSE_CONNECTION_RESPONSE = 4
    GET_READER_CAPABILITIES_RESPONSE = 11
    GET_READER_CONFIG_RESPONSE = 12
    SET_READER_CONFIG_RESPONSE = 13
    CLOSE_CONNECTION = 14
    ADD_ROSPEC = 20
    DELETE_ROSPEC = 21
    START_ROSPEC = 22
    STOP_ROSPEC = 23
    ENABLE_ROSPEC = 24
    DISABLE_ROSPEC = 25
    GET_ROSPECS = 26
    ADD_ROSPEC_RESPONSE = 30
    DELETE_ROSPEC_RESPONSE = 31
    START_ROSPEC_RESPONSE = 32
    STOP_ROSPEC_RESPONSE = 33
    ENABLE_ROSPEC_RESPONSE = 34
    DISABLE_ROSPEC_RESPONSE = 35
    GET_ROSPECS_RESPONSE = 36
    DELETE_ACCESSSPEC = 41
    GET_SUPPORTED_VERSION = 46
    SET_PROTOCOL_VERSION = 47
    DELETE_ACCESSSPEC_RESPONSE = 51
    GET_SUPPORTED_VERSION_RESPONSE = 56
    SET_PROTOCOL_VERSION_RESPONSE = 57
    GET_REPORT = 60
    RO_ACCESS_REPORT = 61
    KEEPALIVE = 62
    READER_EVENT_NOTIFICATION = 63
    ENABLE_EVENTS_AND_REPORTS = 64
    KEEPALIVE_ACK = 72
    ERROR_MESSAGE = 100


class Parameter(IntEnum):
    """Parameter types: those below 128 are TVs."""

    ANTENNA_ID = 1
    FIRST_SEEN_UTC = 2
    LAST_SEEN_UTC = 4
    PEAK_RSSI = 6
    TAG_SEEN_COUNT = 8
    EPC_96 = 13
    UTC_TIMESTAMP = 128
    GENERAL_DEVICE_CAPABILITIES = 137
    RECEIVE_SENSITIVITY_TABLE_ENTRY = 139
    PER_ANTENNA_AIR_PROTOCOL = 140
    GPIO_CAPABILITIES = 141
    LLRP_CAPABILITIES = 142
    REGULATORY_CAPABILITIES = 143
    UHF_BAND_CAPABILITIES = 144
    TRANSMIT_POWER_LEVEL_TABLE_ENTRY = 145
    FREQUENCY_INFORMATION = 146
    FIXED_FREQUENCY_TABLE = 148
    ROSPEC = 177
    RO_BOUNDARY_SPEC = 178
    ROSPEC_START_TRIGGER = 179
    ROSPEC_STOP_TRIGGER = 182
    AI_SPEC = 183
    AI_SPEC_STOP_TRIGGER = 184
    INVENTORY_PARAMETER_SPEC = 186
    IDENTIFICATION = 218
    KEEPALIVE_SPEC = 220
    GPI_PORT_CURRENT_STATE = 225
    RO_REPORT_SPEC = 237
    TAG_REPORT_CONTENT_SELECTOR = 238
    TAG_REPORT_DATA = 240
    EPC_DATA = 241
    READER_EVENT_NOTIFICATION_SPEC = 244
    EVENT_NOTIFICATION_STATE = 245
    READER_EVENT_NOTIFICATION_DATA = 246
    GPI_EVENT = 248
    ANTENNA_EVENT = 255
    CONNECTION_ATTEMPT_EVENT = 256
    LLRP_STATUS = 287
    C1G2_LLRP_CAPABILITIES = 327
    UHF_C1G2_RF_MODE_TABLE = 328
    UHF_C1G2_RF_MODE_TABLE_ENTRY = 329
    C1G2_EPC_MEMORY_SELECTOR = 348


class Status(IntEnum):
    """The status codes that we send; others are kept as numbers."""

    SUCCESS = 0
    PARAMETER_ERROR = 100
    FIELD_ERROR = 101
    DUPLICATE_PARAMETER = 104
    UNSUPPORTED_MESSAGE = 109
    UNSUPPORTED_VERSION = 110
    UNSUPPORTED_PARAMETER = 111


class Start(IntEnum):
    """What starts a ROSpec that is enabled."""

    ON_REQUEST = 0
    IMMEDIATE = 1
    PERIODIC = 2
    GPI = 3


GPI_EVENTS, ANTENNA_EVENTS = 1, 8  # of EventNotificationState: what a reader may tell unasked
CONNECTED = 0  # of ConnectionAttemptEvent: success
ALREADY_CONNECTED = 2  # a client-initiated connection already exists

PLAIN = frozenset(
    {
        Kind.CLOSE_CONNECTION,
        Kind.GET_ROSPECS,
        Kind.GET_REPORT,
        Kind.KEEPALIVE,
        Kind.KEEPALIVE_ACK,
        Kind.ENABLE_EVENTS_AND_REPORTS,
        Kind.GET_SUPPORTED_VERSION,
    }
)
ON_SPEC = frozenset(
    {
        Kind.DELETE_ROSPEC,
        Kind.START_ROSPEC,
        Kind.STOP_ROSPEC,
        Kind.ENABLE_ROSPEC,
        Kind.DISABLE_ROSPEC,
        Kind.DELETE_ACCESSSPEC,
    }
)
REPLIES = (  # those that begin with a status
    frozenset(kind for kind in Kind if kind.name.endswith("_RESPONSE")) | {Kind.ERROR_MESSAGE}
) - {Kind.GET_SUPPORTED_VERSION_RESPONSE}
NEGOTIATION = frozenset(  # always said in the words of 1.1
    {
        Kind.GET_SUPPORTED_VERSION,
        Kind.GET_SUPPORTED_VERSION_RESPONSE,
        Kind.SET_PROTOCOL_VERSION,
        Kind.SET_PROTOCOL_VERSION_RESPONSE,
    }
)


# ----------------------------------------------------------------------------------- messages
@dataclass(frozen=True, slots=True, kw_only=True)
class Plain:
    """A message that says no more than its kind."""

    kind: Kind
    id: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OnSpec:
    """Do something to a ROSpec (or delete AccessSpecs). A spec id of 0 means all of them."""

    kind: Kind
    id: int = 0
    spec_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """GET_READER_CAPABILITIES or GET_READER_CONFIG; 0 asks for everything."""

    kind: Kind
    id: int = 0
    requested: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SetConfig:
    """SET_READER_CONFIG, of which we know keepalives (None leaves them, 0 stops them) and inputs.

    `inputs` are those that are to be watched; if there are any, we are told of antennas and inputs.
    """

    id: int = 0
    reset: bool = False
    keepalive_ms: int | None = None
    inputs: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rospec:
    """What to read: the antennas (0 means all), what starts it, how many tags make a report."""

    rospec_id: int
    state: int = 0  # 0 disabled, 1 inactive (enabled), 2 active
    start: int = Start.ON_REQUEST
    antennas: tuple[int, ...] = (0,)
    report_after_tags: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class AddRospec:
    """ADD_ROSPEC."""

    id: int = 0
    rospec: Rospec


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """Any response, and ERROR_MESSAGE: a status, and then (capabilities) parameters as bytes."""

    kind: Kind
    id: int = 0
    status: int = Status.SUCCESS
    text: str = ""
    rest: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetVersion:
    """SET_PROTOCOL_VERSION: 1 is LLRP 1.0.1, 2 is 1.1."""

    kind: Kind = Kind.SET_PROTOCOL_VERSION
    id: int = 0
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Versions:
    """GET_SUPPORTED_VERSION_RESPONSE: what is spoken now, and the highest that could be."""

    kind: Kind = Kind.GET_SUPPORTED_VERSION_RESPONSE
    id: int = 0
    current: int
    supported: int
    status: int = Status.SUCCESS


@dataclass(frozen=True, slots=True, kw_only=True)
class TagRead:
    """One tag of a report. Readers leave out what they were not asked for, or do not know."""

    epc_hex: str
    antenna: int | None = None
    rssi_dbm: int | None = None
    first_seen_us: int | None = None
    last_seen_us: int | None = None
    count: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TagReport:
    """RO_ACCESS_REPORT."""

    id: int = 0
    tags: tuple[TagRead, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderEvent:
    """READER_EVENT_NOTIFICATION, of which we know connection attempts, antennas and inputs."""

    id: int = 0
    at_us: int | None = None
    connection: int | None = None  # CONNECTED, or why not
    antenna: tuple[int, bool] | None = None  # (number, connected)
    input: tuple[int, bool] | None = None  # (number, high)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """A message of a type that we do not speak."""

    type: int
    id: int = 0
    body: bytes = b""


Message: TypeAlias = (
    Plain
    | OnSpec
    | Ask
    | SetConfig
    | SetVersion
    | Versions
    | AddRospec
    | Reply
    | TagReport
    | ReaderEvent
    | Unknown
)
