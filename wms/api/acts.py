"""What can be done about an exception: a name, what it needs, and what it does.

    ACTS   name -> act(session, floor, row, act, now)
    acts_for(row)   those that its code and its facts allow, the usual one first

A new act is a function, a line here, and its code or fact in `acts_for`.
"""

from collections.abc import Callable
from datetime import datetime
from typing import ClassVar, TypeAlias
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from wcs.messages import GatePassage
from wms.errors import Rejected
from wms.ids import LocationId, SiteId, derive
from wms.inbound.gate import receive_passage
from wms.outbound import machines
from wms.outbound.attend import Act
from wms.outbound.floor import Floor
from wms.outbound.model import ExceptionRow
from wms.outbound.ship import take_passage
from wms.outbound.unrelease import unrelease
from wms.sites import Location
from wms.work import steer
from wms.work.model import Task
from wms.work.wanted import Wish, want_count

Do: TypeAlias = Callable[[Session, Floor, ExceptionRow, Act, datetime], None]
GATES = ("gate.ambiguous", "inbound.gate_ambiguous")
PLACE_FACTS = ("location", "place", "location_id", "to", "from")


class ActImpossible(Rejected):
    """That act does not fit this exception: there is no such place, task or act.

    Attributes:
        act: which one.
    """

    code: ClassVar[str] = "act_impossible"

    def __init__(self, act: str) -> None:
        super().__init__(f"{act}: that cannot be done about this exception")
        self.act = act


def acts_for(session: Session, row: ExceptionRow) -> list[str]:
    """What can be done about it."""
    acts = []
    if row.code == "pack.weight_differs":
        acts.append("accept_weight")
    if row.code in machines.CODES.values():
        acts.append("confirm")
    if row.code in GATES and row.facts.get("epcs"):
        acts += ["went_out", "went_in", "did_not_pass"]
    task = _task(session, row)
    if task is not None and task.state in steer.UNDONE:
        acts += ["message", "call_back", "release_lease"]
        acts += ["reallocate"] if task.kind == "pick" else []
    place = _place(session, row)
    if place is not None:
        acts += ["recount", "unblock_place" if place.blocked else "block_place"]
    return [*acts, "ok"]


def carry_out(
    session: Session, floor: Floor, row: ExceptionRow, act: Act, *, now: datetime
) -> None:
    """Do it.

    Raises:
        ActImpossible: it does not fit.
    """
    if act.name not in acts_for(session, row):
        raise ActImpossible(act.name)
    ACTS[act.name](session, floor, row, act, now)


def _nothing(session: Session, floor: Floor, row: ExceptionRow, act: Act, now: datetime) -> None:
    """Somebody has looked at it, and it is as it should be."""


def _recount(session: Session, floor: Floor, row: ExceptionRow, act: Act, now: datetime) -> None:
    del floor
    place = _place(session, row)
    assert place is not None
    wish = Wish(
        site_id=SiteId(row.site_id),
        location_id=LocationId(place.id),
        why="SUPERVISOR",
        cause=act.id,
    )
    want_count(session, wish, now=now)


def _block(session: Session, floor: Floor, row: ExceptionRow, act: Act, now: datetime) -> None:
    del floor, now
    place = _place(session, row)
    assert place is not None
    place.blocked = (act.note or row.code) if act.name == "block_place" else ""


def _message(session: Session, floor: Floor, row: ExceptionRow, act: Act, now: datetime) -> None:
    del floor, now
    task = _task(session, row)
    assert task is not None
    steer.leave_note(task, act.note)


def _release(session: Session, floor: Floor, row: ExceptionRow, act: Act, now: datetime) -> None:
    """Somebody else may have it; with a call back, whoever has it is told why."""
    del floor
    task = _task(session, row)
    assert task is not None
    if act.name == "call_back" and act.note:
        steer.leave_note(task, act.note)
    steer.revoke(session, task, act.note or row.code, now=now)


def _reallocate(session: Session, floor: Floor, row: ExceptionRow, act: Act, now: datetime) -> None:
    """Its goods are looked for anew: what was taken goes back, and the release pins again."""
    task = _task(session, row)
    assert task is not None
    steer.revoke(session, task, act.note or row.code, now=now)
    ids = [UUID(id_) for id_ in task.plan["picks"].values()]
    unrelease(session, floor, SiteId(task.site_id), ids, actor=f"user:{act.by}", now=now)
    left = session.get(Task, (task.site_id, task.id), populate_existing=True)
    if left is not None and left.state in steer.UNDONE:
        steer.cancel(session, left, act.note or row.code, now=now)


def _passed(session: Session, floor: Floor, row: ExceptionRow, act: Act, now: datetime) -> None:
    """Somebody has looked where the goods are: the gate is told what it could not tell."""
    seen_at = datetime.fromisoformat(row.facts["at"])
    message = GatePassage(
        at=now,
        gate=row.facts["gate"],
        direction="OUT" if act.name == "went_out" else "IN",
        confidence=1.0,
        epcs_hex=tuple(row.facts["epcs"]),
        reads=0,
        started_at=seen_at,
        ended_at=seen_at,
    )
    message_id = derive(row.id, act.name)
    take_passage(session, floor, message, message_id, now=now)
    receive_passage(session, floor, message, message_id, now=now)


ACTS: dict[str, Do] = {
    "ok": _nothing,
    "went_out": _passed,
    "went_in": _passed,
    "did_not_pass": _nothing,
    "accept_weight": _nothing,  # the parcel has gone on with what the scale said
    "confirm": machines.confirm,
    "recount": _recount,
    "block_place": _block,
    "unblock_place": _block,
    "message": _message,
    "call_back": _release,
    "release_lease": _release,
    "reallocate": _reallocate,
}


def _task(session: Session, row: ExceptionRow) -> Task | None:
    """The task that it is about."""
    id_ = _id(row.facts.get("task") or row.facts.get("packet"))
    if id_ is None:
        return None
    query = select(Task).where(Task.site_id == row.site_id, Task.id == id_).with_for_update()
    return session.scalars(query).first()


def _place(session: Session, row: ExceptionRow) -> Location | None:
    """The place that it is about: by its code or its id."""
    said = [str(row.facts[name]) for name in PLACE_FACTS if row.facts.get(name)]
    if not said:
        return None
    ids = [id_ for id_ in map(_id, said) if id_ is not None]
    query = select(Location).where(
        Location.site_id == row.site_id, Location.code.in_(said) | Location.id.in_(ids)
    )
    found = {
        name: place for place in session.scalars(query) for name in (place.code, str(place.id))
    }
    return next((found[name] for name in said if name in found), None)


def _id(said: object) -> UUID | None:
    try:
        return UUID(str(said))
    except ValueError:
        return None
