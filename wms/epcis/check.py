"""Whether a document of events may be taken: what a schema says, and what it cannot say.

    faults(document) -> [Fault("epcisBody.eventList[3].bizStep", "unknown_word", ...), ...]

All faults are told, each with its place. Beyond the JSON schema of the standard, which accepts
them:

    words        a bare word, or a link of the vocabulary, that the standard does not have
    names        an EPC that is no URI; a class where a single thing must stand, and the other way
    sense        what an event of that kind must have, and must not (a packing without a parent
                 that is observed is fine, one that is added to is not); nothing moved at all
    name spaces  a prefix that the context does not declare
    times        an event of the day after tomorrow; an offset that is not the time's own form

Pure. Source: GS1 EPCIS 2.0, section 7.4 (events); CBV 2.0, section 8.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from wms.epcis.names import canonical
from wms.epcis.vocabulary import is_known

EVENTS_MAX = 1_000  # of one document
AHEAD = timedelta(days=1)  # as far as the clock of a partner may be wrong
ACTIONS = frozenset({"ADD", "OBSERVE", "DELETE"})
_OFFSET = re.compile(r"[+-](0[0-9]|1[0-4]):[0-5][0-9]", re.ASCII)
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,30}:[!-~]{1,1000}", re.ASCII)
YEARS = range(1970, 9999)
_COMMON = frozenset({
    "type", "eventID", "eventTime", "recordTime", "eventTimeZoneOffset", "errorDeclaration",
    "certificationInfo", "bizStep", "disposition", "persistentDisposition", "readPoint",
    "bizLocation", "bizTransactionList", "sourceList", "destinationList", "sensorElementList",
    "@context",
})  # fmt: skip
_OF = {  # the fields that an event of a kind has beside the common ones
    "ObjectEvent": {"epcList", "quantityList", "action", "ilmd"},
    "AggregationEvent": {"parentID", "childEPCs", "childQuantityList", "action"},
    "AssociationEvent": {"parentID", "childEPCs", "childQuantityList", "action"},
    "TransactionEvent": {"parentID", "epcList", "quantityList", "action"},
    "TransformationEvent": {"inputEPCList", "inputQuantityList", "outputEPCList",
                            "outputQuantityList", "transformationID", "ilmd"},
}  # fmt: skip
EPC_LISTS = ("epcList", "childEPCs", "inputEPCList", "outputEPCList")
QUANTITY_LISTS = ("quantityList", "childQuantityList", "inputQuantityList", "outputQuantityList")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is wrong, and where in the document."""

    at: str
    code: str
    text: str


def faults(document: Any, *, now: datetime) -> list[Fault]:
    """All that is wrong with a document; nothing: it may be taken."""
    if not isinstance(document, Mapping) or document.get("type") != "EPCISDocument":
        return [Fault(at="", code="no_document", text='expected {"type": "EPCISDocument", …}')]
    if str(document.get("schemaVersion")) not in {"2.0", "2.0.0"}:
        return [Fault(at="schemaVersion", code="version", text="expected 2.0")]
    body = document.get("epcisBody")
    events = body.get("eventList") if isinstance(body, Mapping) else None
    if not isinstance(events, list) or not events:
        return [Fault(at="epcisBody.eventList", code="no_events", text="expected a list of events")]
    if len(events) > EVENTS_MAX:
        text = f"expected no more than {EVENTS_MAX}, not {len(events)}: send several documents"
        return [Fault(at="epcisBody.eventList", code="too_many", text=text)]
    spaces = namespaces_of(document)
    return [
        fault
        for number, event in enumerate(events)
        for fault in event_faults(event, spaces, at=f"epcisBody.eventList[{number}]", now=now)
    ]


def namespaces_of(document: Mapping[str, Any]) -> dict[str, str]:
    """Prefixes that the context of a document or event declares, with what they stand for."""
    context = document.get("@context")
    parts = context if isinstance(context, list) else [context]
    return {
        key: value
        for part in parts if isinstance(part, Mapping)
        for key, value in part.items() if isinstance(key, str) and isinstance(value, str)
    }  # fmt: skip


def event_faults(
    event: Any, namespaces: Mapping[str, str], *, at: str, now: datetime
) -> Iterator[Fault]:
    """All that is wrong with one event."""
    if not isinstance(event, Mapping) or str(event.get("type")) not in _OF:
        yield Fault(at=f"{at}.type", code="unknown_event", text=f"expected one of {sorted(_OF)}")
        return
    spaces = {**namespaces, **namespaces_of(event)}
    for code, field, text in (
        *_fields(event, spaces), *_times(event, now), *_words(event), *_papers(event),
        *_things(event), *_places(event), *_sense(event),
    ):  # fmt: skip
        yield Fault(at=f"{at}.{field}", code=code, text=text)


Found = Iterator[tuple[str, str, str]]  # code, field, text


def _fields(event: Mapping[str, Any], namespaces: Mapping[str, str]) -> Found:
    own = _OF[event["type"]] | _COMMON
    for key in event:
        prefix, colon, _ = str(key).partition(":")
        if colon and prefix not in namespaces:
            yield "undeclared_prefix", key, f"{prefix} is not declared in @context"
        elif not colon and key not in own:
            kind = event["type"]
            yield "unknown_field", key, f"an {kind} has no {key}; own fields need a prefix"


def _times(event: Mapping[str, Any], now: datetime) -> Found:
    offset = event.get("eventTimeZoneOffset")
    if not isinstance(offset, str) or not _OFFSET.fullmatch(offset):
        yield "offset", "eventTimeZoneOffset", "expected the local offset, as +09:00"
    try:
        at = datetime.fromisoformat(str(event.get("eventTime")))
    except ValueError:
        at = datetime.min  # noqa: DTZ901 - said next
    if at.tzinfo is None or at.year not in YEARS:
        yield "time", "eventTime", "expected a time with its zone, as 2026-11-27T09:00:00Z"
    elif at > now + AHEAD:
        yield "future", "eventTime", "has not happened yet"


def _words(event: Mapping[str, Any]) -> Found:
    for field in ("bizStep", "disposition"):
        word = event.get(field)
        if word is not None and not _is_word(field, word):
            yield "unknown_word", field, f"{word!r} is no word of CBV 2.0; own ones are URIs"
    for way in ("set", "unset"):
        for word in _listed(event.get("persistentDisposition"), way):
            if not _is_word("disposition", word):
                yield "unknown_word", f"persistentDisposition.{way}", f"{word!r} is no word"


def _papers(event: Mapping[str, Any]) -> Found:
    for field, inner, words in (
        ("bizTransactionList", "bizTransaction", "bizTransaction"),
        ("sourceList", "source", "party"), ("destinationList", "destination", "party"),
    ):  # fmt: skip
        for each in _listed(event, field):
            if not isinstance(each, Mapping) or not _is_uri(each.get(inner)):
                yield "name", field, f"expected {{type, {inner}}} with a URI"
            elif "type" in each and not _is_word(words, each["type"]):
                yield "unknown_word", field, f"{each['type']!r} is no word of CBV 2.0"


def _things(event: Mapping[str, Any]) -> Found:
    for field in EPC_LISTS:
        for epc in _listed(event, field):
            if not _is_uri(epc):
                yield "name", field, f"{epc!r} is no URI"
            elif _is_class(epc):
                yield "class", field, f"{epc} is a class of goods: tell it as a quantity"
    for field in QUANTITY_LISTS:
        for each in _listed(event, field):
            yield from _quantity(field, each)


def _quantity(field: str, element: Any) -> Found:
    name = element.get("epcClass") if isinstance(element, Mapping) else None
    if not _is_uri(name):
        yield "name", field, "expected {epcClass, quantity?, uom?} with a URI"
    elif not _is_class(str(name)) and _is_gs1(str(name)):
        yield "instance", field, f"{name} is a single thing: tell it as an EPC"
    elif not _is_quantity(element.get("quantity")):
        yield "quantity", field, "expected a number of 0 or more"


def _places(event: Mapping[str, Any]) -> Found:
    for field in ("readPoint", "bizLocation"):
        place = event.get(field)
        if place is not None and not (isinstance(place, Mapping) and _is_uri(place.get("id"))):
            yield "place", field, "expected {id} with a URI"
    for field in ("parentID", "eventID", "transformationID"):
        if field in event and not _is_uri(event[field]):
            yield "name", field, "expected a URI"


def _sense(event: Mapping[str, Any]) -> Found:
    kind, action = event["type"], event.get("action")
    if kind == "TransformationEvent":
        yield from _transformed(event)
        return
    if str(action) not in ACTIONS:
        yield "action", "action", "expected ADD, OBSERVE or DELETE"
    lists = [name for name in (*EPC_LISTS, *QUANTITY_LISTS) if name in _OF[kind]]
    moved = any(_listed(event, name) for name in lists)
    parent = bool(event.get("parentID"))
    if kind in {"AggregationEvent", "AssociationEvent"}:
        if action != "OBSERVE" and not parent:
            yield "parent", "parentID", "who adds to a unit or takes from it says which"
        if not moved and action != "DELETE":  # DELETE of all that is in it
            yield "nothing", "childEPCs", "nothing was put in"
    elif not (moved or event.get("sensorElementList") or (kind == "TransactionEvent" and parent)):
        yield "nothing", "epcList", "nothing is said to have happened to anything"
    if kind == "TransactionEvent" and not _listed(event, "bizTransactionList"):
        yield "nothing", "bizTransactionList", "a transaction event names a transaction"
    if "ilmd" in event and action != "ADD":
        yield "ilmd", "ilmd", "master data of goods are told where they are made (ADD)"


def _transformed(event: Mapping[str, Any]) -> Found:
    for way in ("input", "output"):
        told = any(_listed(event, f"{way}{what}") for what in ("EPCList", "QuantityList"))
        in_parts = way == "output" and event.get("transformationID")  # told in several events
        if not told and not in_parts:
            yield "nothing", f"{way}EPCList", "a transformation has inputs and outputs"


def _listed(event: Any, field: str) -> Sequence[Any]:
    value = event.get(field) if isinstance(event, Mapping) else None
    return value if isinstance(value, list) else ()


def _is_uri(value: object) -> bool:
    return isinstance(value, str) and _URI.fullmatch(value) is not None


def _is_word(field: str, word: object) -> bool:
    own = isinstance(word, str) and ":" in word and _is_uri(word)
    return isinstance(word, str) and is_known(field, word) and (own or ":" not in word)


def _is_quantity(value: object) -> bool:
    if value is None:
        return True
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


def _is_gs1(name: str) -> bool:
    return canonical(name).startswith("https://id.gs1.org/01/")


def _is_class(name: str) -> bool:
    if name.startswith(("urn:epc:class:", "urn:epc:idpat:")):
        return True
    return _is_gs1(name) and "/21/" not in canonical(name)
