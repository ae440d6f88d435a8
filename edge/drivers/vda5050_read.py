"""Reading what robots say: the best of anything, and a note of what was wrong with it.

Robots in the field leave required fields out, write null, send numbers as text and repeat
themselves. Fleet control has to live with that, so nothing here refuses a JSON object: what is
missing gets the harmless value (no order, not driving, automatic), and every deviation from the
schema is named in `Noted.problems`, in a few words that can be counted.

Fields that this system does not use are not looked at. A state of 3.0 is read in its own words;
what is wrong with it is named in them too.

Source: VDA 5050 version 2.1.0, section 6.10; version 3.0.0, section 7.8.
"""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast, get_args

from edge.drivers.vda5050_codec import V3_NAMES, widen
from edge.drivers.vda5050_conduct import UNKNOWN
from edge.drivers.vda5050_model import (
    ActionState,
    ActionStatus,
    AgvPosition,
    BatteryState,
    ConnectionState,
    EdgeRequest,
    EdgeState,
    Error,
    ErrorLevel,
    Load,
    MapInfo,
    NodeState,
    OperatingMode,
    RequestStatus,
    SafetyState,
    State,
    ZoneRequest,
    ZoneSetInfo,
)
from edge.drivers.vda5050_wire import WireError, parse_state

_STATUSES: frozenset[str] = frozenset(get_args(ActionStatus))
_MODES: frozenset[str] = frozenset(get_args(OperatingMode))
_V3 = 3


@dataclass(frozen=True, slots=True)
class Noted:
    """A state as far as it could be read, and what was wrong with it."""

    state: State
    problems: tuple[str, ...]


def read_json(body: bytes) -> Mapping[str, Any]:
    """The JSON object in a message.

    Raises:
        WireError: there is none.
    """
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise WireError(f"not JSON: {error}") from error
    if not isinstance(value, dict):
        raise WireError("not a JSON object")
    return value


def read_state(body: bytes, major: int = 2) -> Noted:
    """The state in a message of that major version, whatever is missing from it.

    `orderUpdateId`, `lastNodeSequenceId` and `batteryCharge` are UNKNOWN when not said. A state
    of 2.x that follows the schema takes a short cut.

    Raises:
        WireError: it is not a JSON object.
    """
    if major >= _V3:
        return _read_state_3(widen("state", dict(read_json(body)), "3.0"))
    if (state := parse_state(body)) is not None:
        return Noted(state, ())
    return read_state_fields(read_json(body))


def _read_state_3(data: Mapping[str, Any]) -> Noted:
    noted = read_state_fields(data)
    missing = () if isinstance(data.get("instantActionStates"), list) else ("instantActionStates",)
    problems = (V3_NAMES.get(problem, problem) for problem in noted.problems)
    return Noted(noted.state, (*problems, *missing))


def read_state_fields(data: Mapping[str, Any]) -> Noted:
    """The same for a JSON object in the words of the model, field by field."""
    at = _Fields(data, [])
    state = State(
        headerId=at.whole("headerId"),
        timestamp=at.text("timestamp"),
        version=at.text("version"),
        manufacturer=at.text("manufacturer"),
        serialNumber=at.text("serialNumber"),
        orderId=at.text("orderId"),
        orderUpdateId=at.whole("orderUpdateId"),
        lastNodeId=at.text("lastNodeId"),
        lastNodeSequenceId=at.whole("lastNodeSequenceId"),
        nodeStates=tuple(
            NodeState(
                nodeId=i.text("nodeId"),
                sequenceId=i.whole("sequenceId"),
                released=i.flag("released"),
            )
            for i in at.items("nodeStates")
        ),
        edgeStates=tuple(
            EdgeState(
                edgeId=i.text("edgeId"),
                sequenceId=i.whole("sequenceId"),
                released=i.flag("released"),
            )
            for i in at.items("edgeStates")
        ),
        actionStates=tuple(_action(i) for i in at.items("actionStates")),
        driving=at.flag("driving"),
        paused=data.get("paused") is True,
        operatingMode=_mode(at),
        batteryState=_battery(at),
        errors=tuple(_error(i) for i in at.items("errors")),
        safetyState=_safety(at),
        loads=_loads(at),
        agvPosition=_position(at),
        newBaseRequest=data.get("newBaseRequest") is True,
        maps=tuple(_map(i) for i in at.items("maps")) if "maps" in data else None,
        instantActionStates=(
            tuple(_action(i) for i in at.items("instantActionStates"))
            if "instantActionStates" in data
            else None
        ),
        zoneSets=tuple(_zone_set(i) for i in at.items("zoneSets")) if "zoneSets" in data else None,
        zoneRequests=tuple(_zone_requests(at)) if "zoneRequests" in data else None,
        edgeRequests=tuple(_edge_requests(at)) if "edgeRequests" in data else None,
    )
    return Noted(state, tuple(at.problems))


def read_connection(data: Mapping[str, Any]) -> ConnectionState | None:
    """What a connection message says, or None when it says nothing known.

    3.0 writes CONNECTION_BROKEN, 2.x without the line; robots mix it up.
    """
    said = str(data.get("connectionState", "")).replace("_", "").upper()
    return cast("ConnectionState", said) if said in get_args(ConnectionState) else None


class _Fields:
    """A JSON object that is asked for fields, and remembers what it could not give."""

    __slots__ = ("data", "problems")

    def __init__(self, data: Mapping[str, Any], problems: list[str]) -> None:
        self.data = data
        self.problems = problems

    def text(self, key: str) -> str:
        value = self.data.get(key)
        if type(value) is str:
            return value
        self.problems.append(key)
        return "" if value is None else str(value)

    def whole(self, key: str) -> int:
        value = self.data.get(key)
        if type(value) is int:
            return value
        self.problems.append(key)
        number = _number(value)
        return UNKNOWN if number is None else int(number)

    def flag(self, key: str) -> bool:
        value = self.data.get(key)
        if type(value) is bool:
            return value
        self.problems.append(key)
        return value in (1, "true", "TRUE", "True")

    def number(self, key: str) -> float | None:
        value = self.data.get(key)
        if type(value) is float or type(value) is int:
            return _number(value)
        self.problems.append(key)
        return _number(value)

    def part(self, key: str) -> "_Fields":
        value = self.data.get(key)
        if type(value) is dict:
            return _Fields(value, self.problems)
        self.problems.append(key)
        return _Fields({}, [])

    def items(self, key: str) -> Iterator["_Fields"]:
        value = self.data.get(key)
        if type(value) is not list:
            self.problems.append(key)
            return
        for item in value:
            if type(item) is dict:
                yield _Fields(item, self.problems)
            else:
                self.problems.append(key)


def _number(value: object) -> float | None:
    try:
        number = float(value)  # type: ignore[arg-type]  # that is what is being found out
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _action(item: _Fields) -> ActionState:
    status = item.text("actionStatus").upper()
    if status not in _STATUSES:
        item.problems.append("actionStatus")
        status = "WAITING"
    kind = item.data.get("actionType")
    return ActionState(
        actionId=item.text("actionId"),
        actionStatus=cast("ActionStatus", status),
        actionType=kind if type(kind) is str else None,
    )


def _map(item: _Fields) -> MapInfo:
    return MapInfo(
        mapId=item.text("mapId"),
        mapVersion=item.text("mapVersion"),
        mapStatus="ENABLED" if item.text("mapStatus").upper() == "ENABLED" else "DISABLED",
    )


def _zone_set(item: _Fields) -> ZoneSetInfo:
    return ZoneSetInfo(
        zoneSetId=item.text("zoneSetId"),
        mapId=item.text("mapId"),
        zoneSetStatus="ENABLED" if item.text("zoneSetStatus").upper() == "ENABLED" else "DISABLED",
    )


def _zone_requests(at: _Fields) -> Iterator[ZoneRequest]:
    for item in at.items("zoneRequests"):
        kind = item.text("requestType").upper()
        yield ZoneRequest(
            requestId=item.text("requestId"),
            requestType="REPLANNING" if kind == "REPLANNING" else "ACCESS",
            zoneId=item.text("zoneId"),
            zoneSetId=item.text("zoneSetId"),
            requestStatus=_request_status(item),
        )


def _edge_requests(at: _Fields) -> Iterator[EdgeRequest]:
    for item in at.items("edgeRequests"):
        yield EdgeRequest(
            requestId=item.text("requestId"),
            requestType="CORRIDOR",
            edgeId=item.text("edgeId"),
            sequenceId=item.whole("sequenceId"),
            requestStatus=_request_status(item),
        )


def _request_status(item: _Fields) -> RequestStatus:
    """QUEUED is in the text of 3.0 and not in its schema: still only asked for."""
    status = item.text("requestStatus").upper()
    if status in get_args(RequestStatus):
        return cast("RequestStatus", status)
    if status != "QUEUED":
        item.problems.append("requestStatus")
    return "REQUESTED"


def _mode(at: _Fields) -> OperatingMode:
    mode = at.text("operatingMode").upper().replace("_", "")
    if mode in _MODES:
        return cast("OperatingMode", mode)
    if mode:
        at.problems.append("operatingMode")
    return "AUTOMATIC"


def _battery(at: _Fields) -> BatteryState:
    battery = at.part("batteryState")
    charge = battery.number("batteryCharge")
    return BatteryState(
        batteryCharge=UNKNOWN if charge is None else charge, charging=battery.flag("charging")
    )


def _error(item: _Fields) -> Error:
    said = item.data.get("errorDescription")
    level = item.text("errorLevel").upper() or "WARNING"
    return Error(
        errorType=item.text("errorType"),
        errorLevel=cast("ErrorLevel", level if level in get_args(ErrorLevel) else "FATAL"),
        errorDescription=said if type(said) is str else None,
    )


def _safety(at: _Fields) -> SafetyState:
    part = at.part("safetyState")
    stopped = part.text("eStop").upper()
    return SafetyState(
        eStop="NONE" if stopped in ("NONE", "") else "MANUAL",
        fieldViolation=part.flag("fieldViolation"),
    )


def _loads(at: _Fields) -> tuple[Load, ...] | None:
    loads = at.data.get("loads")
    if type(loads) is not list:
        return None
    return tuple(
        Load(**{key: _optional(i.get(key)) for key in ("loadId", "loadType", "loadPosition")})
        for i in loads
        if type(i) is dict
    )


def _optional(value: object) -> str | None:
    return None if value is None else str(value)


def _position(at: _Fields) -> AgvPosition | None:
    data = at.data.get("agvPosition")
    if type(data) is not dict:
        return None
    part = _Fields(data, at.problems)
    x, y, theta = part.number("x"), part.number("y"), part.number("theta")
    if x is None or y is None:
        return None
    return AgvPosition(x=x, y=y, theta=theta or 0.0, mapId=part.text("mapId"))
