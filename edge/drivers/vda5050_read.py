"""Reading what robots say: the best of anything, and a note of what was wrong with it.

Robots in the field leave required fields out, write null, send numbers as text and repeat
themselves. Fleet control has to live with that, so nothing here refuses a JSON object: what is
missing gets the harmless value (no order, not driving, automatic), and every deviation from the
schema is named in `Noted.problems`, in a few words that can be counted.

Fields that this system does not use are not looked at.

Source: VDA 5050 version 2.1.0, section 6.10.
"""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast, get_args

from edge.drivers.vda5050_model import (
    ActionState,
    ActionStatus,
    AgvPosition,
    BatteryState,
    ConnectionState,
    EdgeState,
    Error,
    Load,
    NodeState,
    OperatingMode,
    SafetyState,
    State,
)
from edge.drivers.vda5050_wire import WireError, parse_state

_STATUSES: frozenset[str] = frozenset(get_args(ActionStatus))
_MODES: frozenset[str] = frozenset(get_args(OperatingMode))
UNKNOWN = -1  # a number that the robot did not say
_DOUBTFUL = 6


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
    except ValueError as error:
        raise WireError(f"not JSON: {error}") from error
    if not isinstance(value, dict):
        raise WireError("not a JSON object")
    return value


def read_state(body: bytes) -> Noted:
    """The state in a message, whatever is missing from it.

    `orderUpdateId`, `lastNodeSequenceId` and `batteryCharge` are UNKNOWN when not said. A state
    that follows the schema takes a short cut.

    Raises:
        WireError: it is not a JSON object.
    """
    if (state := parse_state(body)) is not None:
        return Noted(state, ())
    return read_state_fields(read_json(body))


def read_state_fields(data: Mapping[str, Any]) -> Noted:
    """The same for a JSON object, field by field."""
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
    )
    return Noted(state, tuple(at.problems))


def read_connection(data: Mapping[str, Any]) -> ConnectionState | None:
    """What a connection message says, or None when it says nothing known."""
    said = str(data.get("connectionState", "")).replace("_", "").upper()
    return cast("ConnectionState", said) if said in get_args(ConnectionState) else None


class Identity:
    """Notices when two processes answer to one name: the header ids of states go to and fro.

    A robot that restarts jumps back once; two streams that alternate do it every other time.
    """

    def __init__(self) -> None:
        self._last = -1
        self._doubt = 0

    def note(self, header_id: int) -> None:
        """Take the header id of the next state in."""
        jumped_back = header_id < self._last
        self._doubt = self._doubt + 2 if jumped_back else max(0, self._doubt - 1)
        self._doubt = min(self._doubt, 4 * _DOUBTFUL)
        self._last = header_id

    @property
    def is_shared(self) -> bool:
        """Whether there is reason to believe it."""
        return self._doubt >= _DOUBTFUL


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
    fatal = item.text("errorLevel").upper() not in ("WARNING", "")
    return Error(
        errorType=item.text("errorType"),
        errorLevel="FATAL" if fatal else "WARNING",
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
        Load(loadId=_optional(i.get("loadId")), loadType=_optional(i.get("loadType")))
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
