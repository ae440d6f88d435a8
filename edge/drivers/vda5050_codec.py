"""The words of each version of VDA 5050: from the one model into them, and back.

    model  -- narrow(kind, data, dialect) -->  what is sent      (plain JSON objects)
    model  <-- widen(kind, data, dialect) --   what arrived

Most of it is names, so most of it is a table: `_V3` says how 3.0 names the fields of the model,
the rest is a function a message. 2.1 is the model's own spelling. 2.0 differs in one place: its
schema wants instant actions to have an `actionName`, its document an `actionType`; both are sent.

Laws:
    there and back   widen(narrow(x)) is x, for all that the version can say
    total            `widen` takes any JSON object and never fails; a field with a strange shape
                     is left as it is, for the reader to find fault with

An allowed deviation is a circle in the model. 3.0 has an ellipse: a circle goes out as one, and
of an ellipse comes back the circle that lies inside it, which promises nothing that it does not.

Source: VDA 5050 3.0.0, chapter 7, against 2.1.0, chapter 6; the schemas of 2.0.0.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, get_args

Dialect: TypeAlias = Literal["2.0", "2.1", "3.0"]
Data: TypeAlias = dict[str, Any]

DIALECTS: tuple[Dialect, ...] = get_args(Dialect)


def dialect_of(version: str) -> Dialect | None:
    """The dialect of a version that somebody says to speak, or None if we do not speak it."""
    parts = version.split(".")
    if parts[0] == "2":
        return "2.0" if parts[1:2] == ["0"] else "2.1"
    return "3.0" if parts[0] == "3" else None


@dataclass(frozen=True, slots=True)
class _Word:
    """How 3.0 names a field, what it calls its values, and the same for the fields in it."""

    name: str = ""  # empty: as in the model
    values: Mapping[str, str] = field(default_factory=dict)
    parts: "Mapping[str, _Word]" = field(default_factory=dict)


_MODE = _Word(values={"TEACHIN": "TEACH_IN"})
_ACTION_STATES = _Word(parts={"resultDescription": _Word("actionResult")})
_V3: Mapping[str, Mapping[str, _Word]] = {
    "order": {"edges": _Word(parts={"maxSpeed": _Word("maximumSpeed")})},
    "state": {
        "agvPosition": _Word(
            "mobileRobotPosition", parts={"positionInitialized": _Word("localized")}
        ),
        "batteryState": _Word("powerSupply", parts={"batteryCharge": _Word("stateOfCharge")}),
        "safetyState": _Word(parts={"eStop": _Word("activeEmergencyStop")}),
        "operatingMode": _MODE,
        "actionStates": _ACTION_STATES,
        "instantActionStates": _ACTION_STATES,
    },
    "connection": {"connectionState": _Word(values={"CONNECTIONBROKEN": "CONNECTION_BROKEN"})},
    "factsheet": {
        "typeSpecification": _Word(
            parts={
                "agvKinematic": _Word("mobileRobotKinematics"),
                "agvClass": _Word("mobileRobotClass"),
                "maxLoadMass": _Word("maximumLoadMass"),
            }
        ),
        "physicalParameters": _Word(
            parts={
                "speedMin": _Word("minimumSpeed"),
                "speedMax": _Word("maximumSpeed"),
                "accelerationMax": _Word("maximumAcceleration"),
                "decelerationMax": _Word("maximumDeceleration"),
                "heightMin": _Word("minimumHeight"),
                "heightMax": _Word("maximumHeight"),
            }
        ),
        "protocolLimits": _Word(
            parts={
                "maxStringLens": _Word(
                    "maximumStringLengths", parts={"idLen": _Word("maximumIdLength")}
                ),
                "maxArrayLens": _Word("maximumArrayLengths"),
                "timing": _Word(
                    parts={
                        "minOrderInterval": _Word("minimumOrderInterval"),
                        "minStateInterval": _Word("minimumStateInterval"),
                    }
                ),
            }
        ),
        "protocolFeatures": _Word(parts={"agvActions": _Word("mobileRobotActions")}),
        "agvGeometry": _Word("mobileRobotGeometry"),
    },
}
V3_NAMES: Mapping[str, str] = {  # of fields of a state, for who reads about them
    "batteryState": "powerSupply",
    "batteryCharge": "stateOfCharge",
    "eStop": "activeEmergencyStop",
}


def narrow(kind: str, data: Data, dialect: Dialect) -> Data:
    """A message of the model in the words of that dialect."""
    if dialect == "3.0":
        said = _renamed(data, _V3.get(kind, {}))
        return _NARROW_3[kind](said) if kind in _NARROW_3 else said
    return _narrow_2(kind, data, dialect)


def widen(kind: str, data: Data, dialect: Dialect) -> Data:
    """A message in the words of that dialect, in those of the model."""
    if dialect != "3.0":
        return data
    heard = _unnamed(data, _V3.get(kind, {}))
    return _WIDEN_3[kind](heard) if kind in _WIDEN_3 else heard


# ------------------------------------------------------------------------------------- 2.0, 2.1
def _narrow_2(kind: str, data: Data, dialect: Dialect) -> Data:
    if kind == "instantActions" and dialect == "2.0":
        named = [{**action, "actionName": action["actionType"]} for action in data["actions"]]
        return {**data, "actions": named}
    if kind == "state":
        mine = {key: value for key, value in data.items() if key not in _SINCE[dialect]}
        instant = data.get("instantActionStates", [])
        return {**mine, "actionStates": [*data["actionStates"], *instant]}
    return data


_ONLY_3 = frozenset({"instantActionStates", "zoneSets", "zoneRequests", "edgeRequests"})
_SINCE: Mapping[Dialect, frozenset[str]] = {"2.0": _ONLY_3 | {"maps"}, "2.1": _ONLY_3}


# ------------------------------------------------------------------------------------------ 3.0
def _narrow_order(data: Data) -> Data:
    edges = [
        {key: value for key, value in edge.items() if key not in ("startNodeId", "endNodeId")}
        for edge in data["edges"]
    ]
    return {**data, "edges": edges, "nodes": [_with_ellipse(node) for node in data["nodes"]]}


def _with_ellipse(node: Data) -> Data:
    place = node.get("nodePosition", {})
    radius_m = place.get("allowedDeviationXY")
    if radius_m is None:
        return node
    ellipse = {"a": radius_m, "b": radius_m, "theta": 0.0}
    return {**node, "nodePosition": {**place, "allowedDeviationXY": ellipse}}


def _widen_order(data: Data) -> Data:
    nodes, edges = data.get("nodes"), data.get("edges")
    if not isinstance(nodes, list) or not isinstance(edges, list):
        return data
    ids = [node.get("nodeId") if isinstance(node, dict) else None for node in nodes]
    joined = [
        {**edge, "startNodeId": start, "endNodeId": end} if isinstance(edge, dict) else edge
        for edge, start, end in zip(edges, ids, ids[1:], strict=False)
    ]
    circles = [_with_circle(node) for node in nodes]
    return {**data, "nodes": circles, "edges": [*joined, *edges[len(joined) :]]}


def _with_circle(node: Any) -> Any:
    place = node.get("nodePosition") if isinstance(node, dict) else None
    if not isinstance(place, dict) or "allowedDeviationXY" not in place:
        return node
    said = place["allowedDeviationXY"]
    is_ellipse = isinstance(said, dict) and all(
        type(said.get(key)) in (int, float) for key in ("a", "b", "theta")
    )
    radius_m = min(said["a"], said["b"]) if is_ellipse else f"not an ellipse: {said!r}"
    return {**node, "nodePosition": {**place, "allowedDeviationXY": radius_m}}


def _narrow_state(data: Data) -> Data:
    return {"instantActionStates": [], **data}


def _narrow_factsheet(data: Data) -> Data:
    features = data["protocolFeatures"]
    actions = [
        {"pauseAllowed": False, "cancelAllowed": False, **action}
        for action in features["mobileRobotActions"]
    ]
    return {**data, "protocolFeatures": {**features, "mobileRobotActions": actions}}


_NARROW_3: Mapping[str, Callable[[Data], Data]] = {
    "order": _narrow_order,
    "state": _narrow_state,
    "factsheet": _narrow_factsheet,
}
_WIDEN_3: Mapping[str, Callable[[Data], Data]] = {"order": _widen_order}


def _renamed(value: Any, words: Mapping[str, _Word]) -> Any:
    if isinstance(value, list):
        return [_renamed(item, words) for item in value]
    if not isinstance(value, dict):
        return value
    out: Data = {}
    for key, item in value.items():
        word = words.get(key, _AS_IT_IS)
        is_named = isinstance(item, str) and item in word.values
        out[word.name or key] = word.values[item] if is_named else _renamed(item, word.parts)
    return out


def _unnamed(value: Any, words: Mapping[str, _Word]) -> Any:
    """The way back. It is asked for the few words that have another name, not for all."""
    if isinstance(value, list):
        return [_unnamed(item, words) for item in value]
    if not isinstance(value, dict):
        return value
    out = dict(value)
    for key, word in words.items():
        theirs = word.name or key
        if theirs not in value:
            continue
        item = out.pop(theirs)
        mine = {said: own for own, said in word.values.items()}
        is_named = isinstance(item, str) and item in mine
        out[key] = mine[item] if is_named else _unnamed(item, word.parts) if word.parts else item
    return out


_AS_IT_IS = _Word()
