"""Decide: what a supervisor does with a count that people do not agree on.

    approve    the last round is right: the books are adjusted
    reject     the books are right: nothing changes
    recount    somebody else shall count once more
    cancel     nobody shall count

Nobody decides on what they have counted themselves. What is worth more than the policy's limit
two people approve. A command is carried out once.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal, TypeAlias
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.orm import Session

from wms.counting.again import seen
from wms.counting.make import next_round, operators_of
from wms.counting.model import CountAct, CountRound, StockCount
from wms.counting.policy import read_policy
from wms.counting.post import post_count
from wms.errors import Conflict, Forbidden, IdReused, NotFound
from wms.ids import SiteId
from wms.work.model import Task

Act: TypeAlias = Literal["approve", "reject", "recount", "cancel"]
_FROM: dict[str, tuple[str, ...]] = {
    "approve": ("REVIEW",),
    "reject": ("REVIEW",),
    "recount": ("REVIEW",),
    "cancel": ("OPEN", "REVIEW"),
}


class CountOver(Conflict):
    """A count is not where this can be done with it.

    Attributes:
        state: where it is.
    """

    code: ClassVar[str] = "count_over"

    def __init__(self, state: str) -> None:
        super().__init__(f"the count is {state}")
        self.state = state


class CountedOneself(Forbidden):
    """Who has counted, or has approved already, does not decide on it."""

    code: ClassVar[str] = "counted_oneself"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """What somebody does with a count, and why."""

    command_id: UUID
    act: Act
    operator: str
    reason: str


def decide(
    session: Session, site: SiteId, count_id: UUID, deed: Deed, *, now: datetime
) -> StockCount:
    """Do it; sent again it has been done.

    Raises:
        NotFound: there is no such count.
        CountOver: it has ended, or is not to be decided on.
        CountedOneself: the same person.
        IdReused: the command did something else.
    """
    count = session.get(StockCount, (site, count_id), with_for_update=True, populate_existing=True)
    if count is None:
        raise NotFound(f"count {count_id}")
    known = session.get(CountAct, (site, deed.command_id))
    if known is not None:
        if (known.count_id, known.act) != (count_id, deed.act):
            raise IdReused(deed.command_id)
        return count
    if count.state not in _FROM[deed.act]:
        raise CountOver(count.state)
    if deed.act in {"approve", "reject"}:
        _other_person(session, count, deed)
    session.add(
        CountAct(
            site_id=site, id=deed.command_id, count_id=count_id, act=deed.act,
            actor=deed.operator, reason=deed.reason, at=now,
        )
    )  # fmt: skip
    count.reason = deed.reason
    if deed.act == "approve":
        _approve(session, count, deed, now)
    elif deed.act == "recount":
        count.approved_by = ""
        next_round(session, count, now=now)
        seen(session, count)
    else:
        count.state = "REJECTED" if deed.act == "reject" else "CANCELLED"
        count.ended_at, count.ended_by = now, deed.operator
        _call_off(session, count, now)
        seen(session, count)
    session.flush()
    return count


def _other_person(session: Session, count: StockCount, deed: Deed) -> None:
    if deed.operator in {*operators_of(session, count), count.approved_by}:
        raise CountedOneself(f"{deed.operator} has counted or approved it")


def _approve(session: Session, count: StockCount, deed: Deed, now: datetime) -> None:
    policy = read_policy(session, count.site_id)
    if count.value_minor > policy.two_person_minor and not count.approved_by:
        count.approved_by = deed.operator
        return
    count.approved_by = f"{count.approved_by}, {deed.operator}".lstrip(", ")
    count.state = "ACCEPTED"
    session.flush()
    post_count(session, count, actor=f"user:{deed.operator}", now=now)
    seen(session, count)


def _call_off(session: Session, count: StockCount, now: datetime) -> None:
    """Nobody is given its task any more; who has it in hand ends it in vain."""
    this = session.get(CountRound, (count.site_id, count.id, count.rounds))
    if this is None:
        return
    session.execute(
        update(Task)
        .where(Task.site_id == count.site_id, Task.id == this.task_id, Task.state == "OPEN")
        .values(state="CANCELLED", why="count", done_at=now)
    )
