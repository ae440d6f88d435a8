"""The fingerprint of an event: the same event has the same, however it is written.

    ni:///sha-256;7f3c…?ver=CBV2.0

An event is written down as one string in the order of the standard, and hashed:

    eventType=ObjectEvent eventTime=2026-11-27T09:00:00.000Z … epcListepc=https://id.gs1.org/… …
    (without the blanks)

names as canonical links, words of the vocabulary as links, times in UTC with milliseconds,
numbers without idle zeros, lists sorted. What is not of the standard (a partner's own fields)
comes last, sorted. The event's own id, the time of recording and an error declaration are left
out: they may differ where the event is the same.

So an event that is captured twice is known, and so is one of ours that is made once more.

Pure. Source: GS1 Core Business Vocabulary 2.0, section 8.9 (event hash id).
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from wms.epcis.names import canonical
from wms.epcis.vocabulary import linked

VERSION = "?ver=CBV2.0"
PREFIX = "ni:///sha-256;"
IGNORED = frozenset({"type", "eventID", "recordTime", "errorDeclaration", "@context",
                     "certificationInfo"})  # fmt: skip
_QUANTITY = ("epcClass", "quantity", "uom")
_METADATA = ("time", "startTime", "endTime", "deviceID", "deviceMetadata", "rawData",
             "dataProcessingMethod", "bizRules")  # fmt: skip
_REPORT = ("type", "exception", "deviceID", "deviceMetadata", "rawData", "dataProcessingMethod",
           "time", "microorganism", "chemicalSubstance", "value", "component", "stringValue",
           "booleanValue", "hexBinaryValue", "uriValue", "minValue", "maxValue", "meanValue",
           "sDev", "percRank", "percValue", "uom", "coordinateReferenceSystem")  # fmt: skip
# The fields of an event in their order, and what stands in each.
ORDER: Sequence[tuple[str, str]] = (
    ("eventTime", "time"), ("eventTimeZoneOffset", "text"), ("certificationInfo", "text"),
    ("parentID", "text"), ("epcList", "epcs"), ("inputEPCList", "epcs"), ("childEPCs", "epcs"),
    ("quantityList", "quantities"), ("childQuantityList", "quantities"),
    ("inputQuantityList", "quantities"), ("outputEPCList", "epcs"),
    ("outputQuantityList", "quantities"), ("action", "text"), ("transformationID", "text"),
    ("bizStep", "bizStep"), ("disposition", "disposition"),
    ("persistentDisposition", "lasting"), ("readPoint", "place"), ("bizLocation", "place"),
    ("sensorElementList", "sensors"),
)  # fmt: skip
_KNOWN = frozenset(field for field, _ in ORDER)
# Come after those, sorted by name, and with them what is a partner's own.
_TYPED = {"bizTransactionList": ("bizTransaction", "bizTransaction"),
          "sourceList": ("source", "party"),
          "destinationList": ("destination", "party")}  # fmt: skip


def event_hash(event: Mapping[str, Any], namespaces: Mapping[str, str] | None = None) -> str:
    """The fingerprint of an event that has been checked (wms.epcis.check)."""
    written = written_down(event, namespaces or {}).encode()
    return f"{PREFIX}{hashlib.sha256(written).hexdigest()}{VERSION}"


def written_down(event: Mapping[str, Any], namespaces: Mapping[str, str]) -> str:
    """The event as the one string that is hashed."""
    own = [key for key in event if key not in _KNOWN | IGNORED]
    return "".join(
        [
            f"eventType={event['type']}",
            *(_field(name, kind, event[name]) for name, kind in ORDER if name in event),
            *sorted(_own(key, event[key], namespaces) for key in own),
        ]
    )


def _field(name: str, kind: str, value: Any) -> str:  # noqa: PLR0911 - one a kind
    match kind:
        case "time":
            return f"{name}={_time(value)}"
        case "epcs":
            return _list(name, [f"epc={_text(epc)}" for epc in value])
        case "quantities":
            return _list(name, [f"quantityElement{_fields(each, _QUANTITY)}" for each in value])
        case "bizStep" | "disposition":
            return f"{name}={linked(kind, value)}"
        case "lasting":
            parts = [
                f"{way}={linked('disposition', word)}"
                for way in ("set", "unset") for word in sorted(value.get(way, ()))
            ]  # fmt: skip
            return name + "".join(parts)
        case "place":
            return f"{name}id={_text(value['id'])}"
        case "sensors":
            return _list(name, [_sensor(each) for each in value])
        case _:
            return f"{name}={_text(value)}" if value not in (None, "") else ""


def _typed(value: Mapping[str, Any], kind: str, words: str) -> str:
    type_ = f"type={linked(words, value['type'])}" if value.get("type") else ""
    return f"{type_}{kind}={_text(value[kind])}"


def _list(name: str, parts: Sequence[str]) -> str:
    return name + "".join(sorted(parts)) if parts else ""


def _fields(value: Mapping[str, Any], names: Sequence[str]) -> str:
    found = ((name, value.get(name)) for name in names)
    return "".join(
        f"{name}={_time(each) if name in {'time', 'startTime', 'endTime'} else _text(each)}"
        for name, each in found if each not in (None, "")
    )  # fmt: skip


def _sensor(element: Mapping[str, Any]) -> str:
    metadata = _fields(element.get("sensorMetadata", {}), _METADATA)
    reports = sorted(
        f"sensorReport{_fields(each, _REPORT)}" for each in element.get("sensorReport", ())
    )
    return f"sensorElement{'sensorMetadata' + metadata if metadata else ''}{''.join(reports)}"


def _own(key: str, value: Any, namespaces: Mapping[str, str]) -> str:
    """A partner's own field: its name with the whole name space, then what is in it."""
    if key in _TYPED:
        return _list(key, [_typed(each, *_TYPED[key]) for each in value])
    prefix, colon, rest = key.partition(":")
    name = f"{{{namespaces[prefix]}}}{rest}" if colon and prefix in namespaces else key
    if isinstance(value, Mapping):
        inner = sorted(_own(k, v, namespaces) for k, v in value.items() if k != "#text")
        text = f"={_text(value['#text'])}" if "#text" in value else ""
        return name + text + "".join(inner)
    if isinstance(value, list):
        return "".join(sorted(_own(key, each, namespaces) for each in value))
    text = _text(value)
    return f"{name}={text}" if text else name


def _time(value: str) -> str:
    at = datetime.fromisoformat(value).astimezone(UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(int(value)) if value == int(value) else str(value)
    return canonical(str(value).strip())
