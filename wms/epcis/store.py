"""Events kept: once, however often they come, and found by what they name.

    keep(session, events, ...)   those that are new; the others were known

An event is known by its eventID, which is its hash (wms.epcis.hashing) where its maker gave it
none. One that comes again is not kept again; another event under an id that is taken is a fault
of its sender, and told.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from wms.epcis.check import EPC_LISTS, QUANTITY_LISTS
from wms.epcis.hashing import event_hash
from wms.epcis.model import EpcisEvent
from wms.epcis.names import canonical, kind_of
from wms.epcis.vocabulary import bare

_ROWS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of events: how many are new, how many were known, which ids are another's."""

    taken: int
    known: int
    taken_ids: Sequence[str]


def keep(
    session: Session,
    events: Iterable[Mapping[str, Any]],
    namespaces: Mapping[str, str],
    *,
    capture: UUID | None,
    now: datetime,
) -> Kept:
    """Keep checked events, each once."""
    rows = {row["id"]: row for row in (_row(each, namespaces, capture, now) for each in events)}
    fresh = set[str]()
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        some = list(rows.values())[start : start + _ROWS_AT_ONCE]
        new = insert(EpcisEvent).values(some).on_conflict_do_nothing().returning(EpcisEvent.id)
        fresh.update(session.scalars(new))
    known = rows.keys() - fresh
    hashes = dict(
        session.execute(
            select(EpcisEvent.id, EpcisEvent.hash).where(EpcisEvent.id.in_(known))
        ).all()
    )
    others = sorted(id_ for id_ in known if hashes.get(id_) != rows[id_]["hash"])
    return Kept(len(fresh), len(known) - len(others), others)


def event_id(event: Mapping[str, Any], namespaces: Mapping[str, str]) -> str:
    """The id of an event: what its maker says, else its hash."""
    return str(event.get("eventID") or event_hash(event, namespaces))


def _row(
    event: Mapping[str, Any], namespaces: Mapping[str, str], capture: UUID | None, now: datetime
) -> dict[str, Any]:
    parent = canonical(event["parentID"]) if event.get("parentID") else ""
    inside = sorted({canonical(epc) for name in EPC_LISTS for epc in event.get(name) or ()})
    told = {canonical(q["epcClass"]) for name in QUANTITY_LISTS for q in event.get(name) or ()}
    kinds = {kind_of(name) for name in (*told, *inside)} - {None}
    hash_ = event_hash(event, namespaces)
    id_ = str(event.get("eventID") or hash_)
    used = {key.partition(":")[0] for key in event if ":" in key}
    spaces = {key: value for key, value in sorted(namespaces.items()) if key in used}
    body = {**event, "eventID": id_, "recordTime": _zulu(now)}
    if spaces:
        body["@context"] = [spaces]
    return {
        "id": id_,
        "hash": hash_,
        "type": event["type"],
        "action": event.get("action") or "",
        "event_time": datetime.fromisoformat(event["eventTime"]),
        "record_time": now,
        "biz_step": bare("bizStep", event.get("bizStep") or ""),
        "disposition": bare("disposition", event.get("disposition") or ""),
        "read_point": canonical((event.get("readPoint") or {}).get("id", "")),
        "biz_location": canonical((event.get("bizLocation") or {}).get("id", "")),
        "parent": parent,
        "epcs": sorted({*inside, parent} - {""}),
        "inside": inside,
        "classes": sorted(str(name) for name in told | kinds),
        "papers": sorted({
            str(each["bizTransaction"]) for each in event.get("bizTransactionList") or ()
        }),
        "capture_id": capture,
        "body": body,
    }  # fmt: skip


def _zulu(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
