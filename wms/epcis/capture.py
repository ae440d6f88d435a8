"""Capture: a partner's document of events, taken whole or as far as it can be.

    ROLLBACK   one fault, and nothing of the document is taken (the default)
    PROCEED    what can be taken is, and the faults of the rest are told

What became of a document is kept, and is asked for by its id. It is in the books before the sender
is answered, so a document has no state between sent and done.

Source: GS1 EPCIS 2.0, section 12.6 (capture interface).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, TypeAlias
from uuid import UUID

from sqlalchemy.orm import Session

from wms.epcis.check import Fault, event_faults, faults, namespaces_of
from wms.epcis.model import EpcisCapture
from wms.epcis.store import Kept, event_id, keep
from wms.errors import Conflict, Rejected

Behaviour: TypeAlias = Literal["ROLLBACK", "PROCEED"]


class EventRefused(Rejected):
    """An event cannot be taken.

    Attributes:
        faults: all that is wrong with it.
    """

    code = "event_refused"

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("; ".join(f"{fault.at}: {fault.text}" for fault in faults[:20]))
        self.faults = tuple(faults)


class EventKnown(Conflict):
    """This event was captured before."""

    code = "event_known"


def capture(
    session: Session, document: Any, *, id_: UUID, behaviour: Behaviour, now: datetime
) -> EpcisCapture:
    """Take a document; what became of it."""
    found = faults(document, now=now)
    whole = [fault for fault in found if not fault.at.startswith("epcisBody.eventList[")]
    bad = {fault.at.split("]")[0] for fault in found}
    taken = Kept(0, 0, ())
    if not whole and (not found or behaviour == "PROCEED"):
        events = [
            event for number, event in enumerate(document["epcisBody"]["eventList"])
            if f"epcisBody.eventList[{number}" not in bad
        ]  # fmt: skip
        with session.begin_nested() as part:
            taken = keep(session, events, namespaces_of(document), capture=id_, now=now)
            for other in taken.taken_ids:
                text = "another event has this id: an event is never changed; declare an error"
                found.append(Fault(at=f"eventID {other}", code="id_reused", text=text))
            if taken.taken_ids and behaviour == "ROLLBACK":
                part.rollback()
                taken = Kept(0, 0, ())
    done = EpcisCapture(
        id=id_,
        made_at=now,
        done_at=now,
        behaviour=behaviour,
        success=not found,
        taken=taken.taken,
        known=taken.known,
        errors=[{"at": each.at, "code": each.code, "text": each.text} for each in found[:1_000]],
    )
    session.add(done)
    session.flush()
    return done


def capture_one(session: Session, event: Any, *, now: datetime) -> str:
    """Take a single event; its id.

    Raises:
        EventRefused: with all that is wrong with it.
        EventKnown: it, or another under its id, was captured before.
    """
    spaces = namespaces_of(event) if isinstance(event, Mapping) else {}
    if found := list(event_faults(event, spaces, at="event", now=now)):
        raise EventRefused(found)
    plain = {key: value for key, value in event.items() if key != "@context"}
    kept = keep(session, [plain], spaces, capture=None, now=now)
    if not kept.taken:
        raise EventKnown("it was captured before; an event is never changed")
    return event_id(plain, spaces)
