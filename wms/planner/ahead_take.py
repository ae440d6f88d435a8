"""Answers taken over: what a planner was answered is done, once, whole or in the rows picked.

    docks    the doors are booked
    levels   the policies get the suggested levels
    slots    the faces change places, and people bring what lies there (tasks)
    wave     the wave is released

Laws: an answer is taken over once; asked again, nothing more happens. What has changed since it was
given is left as it is, and said (`gone`): a plan never undoes what somebody did meanwhile.
"""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any, ClassVar, TypeAlias
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from wms.catalog import Sku
from wms.collect.policy import is_for_release
from wms.errors import Conflict, NotFound
from wms.ids import SiteId, SkuId, derive
from wms.inbound.docks import Book, book_door
from wms.planner.model import PlanQuestion
from wms.replenishment.decide import approve
from wms.replenishment.model import PickFace, Proposal, StockPolicy
from wms.replenishment.propose import fill_pressed, propose, withdraw
from wms.sites import Location
from wms.stock.availability import pickable
from wms.waves.wave import release

Row: TypeAlias = Mapping[str, Any]
ROWS = {"docks": "slots", "levels": "rows", "slots": "moves", "wave": "rows"}


class NothingToTake(Conflict):
    """The question has no answer yet, or none that could be carried out."""

    code: ClassVar[str] = "nothing_to_take"


def take_over(
    session: Session, id_: UUID, picked: Collection[int] | None, *, by: str, now: datetime
) -> PlanQuestion:
    """Do what was answered; `picked`: which of its rows, by number, None: all.

    Raises:
        NotFound: no such question.
        NothingToTake: it has no answer that could be carried out.
    """
    row = session.get(PlanQuestion, id_, with_for_update=True)
    if row is None:
        raise NotFound(f"question {id_}")
    if row.taken_at is not None:
        return row
    rows = (row.answer or {}).get(ROWS.get(row.kind, ""), [])
    if row.kind == "wave":
        picked = None  # it is released whole
    chosen = [each for at, each in enumerate(rows) if picked is None or at in picked]
    if row.answer is None or not (chosen or row.kind == "wave") or row.kind not in ROWS:
        raise NothingToTake(str(id_))
    row.took = TAKE[row.kind](session, row, chosen, now)
    row.taken_at, row.taken_by = now, by
    return row


def _docks(session: Session, row: PlanQuestion, slots: list[Row], now: datetime) -> dict[str, Any]:
    doors = [each for each in slots if each["door"] is not None]
    if not doors:
        raise NothingToTake(str(row.id))
    for each in doors:
        wish = Book(
            id=derive(row.id, f"truck {each['name']} {each['starts_at']}"),
            site_id=SiteId(row.site_id),
            door=each["door"],
            starts_at=datetime.fromisoformat(each["starts_at"]),
            ends_at=datetime.fromisoformat(each["ends_at"]),
            carrier=each["name"],
        )
        book_door(session, wish, now=now)
    return {"done": len(doors), "gone": 0}


def _levels(session: Session, row: PlanQuestion, rows: list[Row], now: datetime) -> dict[str, Any]:
    done = 0
    for each in rows:
        if each.get("suggested_high", 0) < 1:
            continue
        query = select(StockPolicy).join(Sku, Sku.id == StockPolicy.sku_id)
        mine = query.where(StockPolicy.site_id == row.site_id, Sku.code == each["sku"])
        policy = session.scalar(mine.with_for_update(of=StockPolicy))
        if policy is None or (policy.low, policy.high) != (each["low"], each["high"]):
            continue
        policy.low, policy.high = each["suggested_low"], each["suggested_high"]
        policy.changed_at = now
        done += 1
    return {"done": done, "gone": len(rows) - done}


def _slots(session: Session, row: PlanQuestion, moves: list[Row], now: datetime) -> dict[str, Any]:
    done = tasks = 0
    for move in moves:
        pairs = [_face(session, SiteId(row.site_id), each) for each in move["skus"]]
        if any(pair is None for pair in pairs) or not _is_free(session, pairs):
            continue
        for face, _ in (pair for pair in pairs if pair is not None):
            face.active, face.changed_at = False, now
        session.flush()
        for face, to in (pair for pair in pairs if pair is not None):
            _put(session, face, to, now)
            tasks += _bring(session, face, to, row, now)
        done += 1
    return {"done": done, "gone": len(moves) - done, "tasks": tasks}


Pair: TypeAlias = "tuple[PickFace, Location] | None"


def _face(session: Session, site: SiteId, each: Row) -> Pair:
    """The face as it was when the answer was given, and where it goes; None: it is not there."""
    at = {place.code: place for place in session.scalars(
        select(Location).where(
            Location.site_id == site, Location.code.in_((each["from"], each["to"]))
        )
    )}  # fmt: skip
    query = (
        select(PickFace)
        .join(Sku, Sku.id == PickFace.sku_id)
        .where(PickFace.site_id == site, PickFace.active, Sku.code == each["sku"])
        .where(PickFace.location_id == (at[each["from"]].id if each["from"] in at else None))
    )
    face = session.scalar(query.with_for_update(of=PickFace))
    to = at.get(each["to"])
    return None if face is None or to is None or to.blocked else (face, to)


def _is_free(session: Session, pairs: Collection[Pair]) -> bool:
    """Whether the places are nobody's but theirs who leave."""
    mine = [pair for pair in pairs if pair is not None]
    leaving = {(face.location_id, face.sku_id) for face, _ in mine}
    site = mine[0][0].site_id
    query = select(PickFace.location_id, PickFace.sku_id).where(
        PickFace.site_id == site, PickFace.active,
        PickFace.location_id.in_({to.id for _, to in mine}),
    )  # fmt: skip
    return all((place, sku) in leaving for place, sku in session.execute(query))


def _put(session: Session, face: PickFace, to: Location, now: datetime) -> None:
    known = session.get(PickFace, (face.site_id, to.id, face.sku_id))
    new = known or PickFace(site_id=face.site_id, location_id=to.id, sku_id=face.sku_id)
    new.low, new.high, new.pack_units = face.low, face.high, face.pack_units
    new.auto_units_max, new.active, new.changed_at = face.auto_units_max, True, now
    session.add(new)
    session.flush()


def _bring(session: Session, face: PickFace, to: Location, row: PlanQuestion, now: datetime) -> int:
    """A task for what lies free at the old place; what fills that place is not wanted any more."""
    site, sku = SiteId(face.site_id), SkuId(face.sku_id)
    query = select(Proposal).where(
        Proposal.site_id == site, Proposal.sku_id == sku, Proposal.state == "OPEN",
        Proposal.to_location_id == face.location_id,
    )  # fmt: skip
    for each in session.scalars(query.with_for_update()):
        withdraw(each, now)
    lying = [each for each in pickable(session, site, [sku], now=now)
             if each.location_id == face.location_id and each.tote is None]  # fmt: skip
    units = sum(each.units for each in lying)
    if not units:
        return 0
    facts = {"here": units, "low": face.low, "high": face.high, "question": str(row.id)}
    way, places = (site, sku, site), (face.location_id, to.id)
    made = propose(session, "PICK_FACE", way, units, facts, now=now, places=places)
    approve(session, made, command_id=derive(row.id, f"bring {sku}"), actor=row.asked_by, now=now)
    return 1


def _wave(session: Session, row: PlanQuestion, rows: list[Row], now: datetime) -> dict[str, Any]:
    del rows
    wave, command = UUID(row.wish["wave"]), derive(row.id, "taken over")
    said = release(session, wave, command, now=now, only=is_for_release())
    fill_pressed(session, SiteId(row.site_id), now=now)
    return {"done": said["lines"], "gone": 0, "tasks": said["walks"]}


TAKE: Mapping[str, Callable[[Session, PlanQuestion, list[Row], datetime], dict[str, Any]]] = {
    "docks": _docks,
    "levels": _levels,
    "slots": _slots,
    "wave": _wave,
}
