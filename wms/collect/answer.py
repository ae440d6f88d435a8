"""Answer: a store says yes or no to a collection; who says nothing is asked louder, then no more.

No, for all or some lines: they are found elsewhere and come by transfer, or end as short. The
customer is told that it takes longer (PromiseChanged); the store that it was heard
(CollectRejected).
"""

from collections.abc import Collection as Some
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from wms.collect.goods import WrongCollectionState, lock_collection, tell
from wms.collect.missing import promise_later
from wms.collect.model import Collection
from wms.collect.open import look_at
from wms.collect.policy import policy_of
from wms.ids import SiteId, derive
from wms.orders import exclusion
from wms.outbound.tell import report

TO_ANSWER = frozenset({"TO_ACCEPT", "ACCEPTED"})
NOT_ANSWERED = "not_answered"


def accept(session: Session, site: SiteId, id_: UUID) -> None:
    """The store will prepare it. Repeating changes nothing.

    Raises:
        NotFound: no such collection here.
        WrongCollectionState: there is nothing to accept.
    """
    _, collection = lock_collection(session, site, id_)
    if collection.state == "TO_ACCEPT":
        collection.state = "ACCEPTED"
    elif collection.state not in {"ACCEPTED", "PREPARING", "READY", "HANDED_OVER"}:
        raise WrongCollectionState(id_, state=collection.state, act="accept")


def reject(
    session: Session, site: SiteId, id_: UUID, lines: Some[int], *, reason: str, now: datetime
) -> None:
    """The store cannot give these lines (all, if none is named).

    Raises:
        NotFound: no such collection here.
        WrongCollectionState: it is in hand already: what is not found is said at the packet.
        AlreadyInWork: some of it lies in the bag already.
    """
    order, collection = lock_collection(session, site, id_)
    if collection.state not in TO_ANSWER:
        raise WrongCollectionState(id_, state=collection.state, act="reject")
    gone = exclusion.reject(session, order.id, site, lines, reason="store_rejected", now=now)
    collection.state, collection.reason, collection.ended_at = "REJECTED", reason, now
    tell(session, order, collection, "CollectRejected", now, lines=gone, reason=reason)
    promise_later(session, order, collection, reason="store_rejected", now=now)
    look_at(session, order.id, now=now)


def unanswered(session: Session, *, now: datetime) -> Sequence[tuple[UUID, UUID]]:
    """Site and id of collections whose store has been silent for too long."""
    query = select(Collection).where(
        Collection.state == "TO_ACCEPT", Collection.asked_at.is_not(None)
    )
    due = []
    for each in session.scalars(query):
        policy = policy_of(session, each.site_id)
        assert each.asked_at is not None
        silent = now - each.asked_at
        is_late = each.escalated_at is None and silent >= policy.answer_within
        if is_late or (policy.unanswered == "RESOURCE" and silent >= 2 * policy.answer_within):
            due.append((each.site_id, each.id))
    return due


def escalate(session: Session, site: UUID, id_: UUID, *, now: datetime) -> None:
    """Put a silent store before people; the second time, by policy, take it from there."""
    order, collection = lock_collection(session, SiteId(site), id_)
    if collection.state != "TO_ACCEPT" or collection.asked_at is None:
        return
    policy = policy_of(session, site)
    silent = now - collection.asked_at
    if policy.unanswered == "RESOURCE" and silent >= 2 * policy.answer_within:
        _report(session, collection, order.number, now, active=False)
        reject(session, SiteId(site), id_, (), reason=NOT_ANSWERED, now=now)
    elif collection.escalated_at is None and silent >= policy.answer_within:
        collection.escalated_at = now
        _report(session, collection, order.number, now, active=True)


def _report(
    session: Session, collection: Collection, number: str, now: datetime, *, active: bool
) -> None:
    report(
        session,
        collection.site_id,
        derive(collection.id, "unanswered"),
        code="collect.unanswered",
        source=f"collection {collection.id}",
        facts={"order": number},
        at=now,
        priority=2,
        active=active,
    )
