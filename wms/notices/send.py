"""Send: a notice that is due is worded, sent between two transactions, and settled.

    claim    it is due: mine for a while (a lease), attempts + 1
    word     who it is and what to say, read now and kept nowhere; or nothing is to be said any more
    settle   SENT, or tried again later and later, DEAD after a day

A worker that dies between the gateway's yes and `settle` leaves a lease, and the notice goes out
again under the same id (a mail: the same Message-ID, the same bytes). Whoever keeps mail drops the
second one; a gateway for messages is told the id. That is all that can be done without a
transaction that spans the gateway; everything else is once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from wms.contacts.contact import Contact
from wms.contacts.keep import read_contact
from wms.contacts.keys import Keys
from wms.ids import derive
from wms.notices.brand import Brand
from wms.notices.facts import facts_of
from wms.notices.hours import awake_at
from wms.notices.model import Notice
from wms.notices.templates import Language, fill, fill_line, texts
from wms.orders.model import Allocation, Order
from wms.outbound.tell import report
from wms.ports import Message
from wms.sites import Site

LEASE = timedelta(seconds=300)
BATCH = 10  # all within a lease, however slow the gateway is
STALE = timedelta(days=3)  # nobody wants to know any more
BACKOFF = timedelta(seconds=30)
BACKOFF_MAX = timedelta(hours=1)
SIGNS_MAX = 300  # of a message to a telephone


@dataclass(frozen=True, slots=True)
class Claim:
    """A notice that this process may send, until its lease ends."""

    order_id: UUID
    id: UUID
    attempt: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an attempt: `problem` None, it was taken. `is_final`: never will be."""

    problem: str | None = None
    is_final: bool = False


def claim(session: Session, *, now: datetime, limit: int = BATCH) -> list[Claim]:
    """Notices that are due, no longer anybody else's."""
    query = (
        select(Notice)
        .where(Notice.state == "WAITING", Notice.due_at <= now)
        .order_by(Notice.due_at, Notice.order_id, Notice.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    mine = []
    for notice in session.scalars(query):
        notice.attempts += 1
        notice.due_at = now + LEASE
        mine.append(Claim(notice.order_id, notice.id, notice.attempts))
    return mine


def word(
    session: Session, keys: Keys, brand: Brand, mine: Claim, *, now: datetime
) -> Message | None:
    """The message; None when there is nothing to be sent now: the notice says why."""
    notice = _mine(session, mine)
    if notice is None:
        return None
    contact = read_contact(session, keys, notice.contact_id)
    if contact is None:
        _end(notice, "UNWANTED", "erased", now)
        return None
    if not _is_to_go(session, notice, contact, brand, now):
        return None
    return _message(session, notice, contact, brand)


def settle(session: Session, mine: Claim, outcome: Outcome, *, now: datetime) -> str:
    """How it went; the notice's state. Who came too late (another took it over) changes nothing."""
    notice = session.get_one(Notice, (mine.order_id, mine.id), with_for_update=True)
    if notice.attempts != mine.attempt or notice.state not in {"WAITING", "SUPERSEDED"}:
        return notice.state
    if outcome.problem is None:
        _end(notice, "SENT", None, now)
    elif outcome.is_final or now >= notice.give_up_at:
        _dead(session, notice, outcome.problem, now)
    elif notice.state == "WAITING":
        notice.problem = outcome.problem
        notice.due_at = now + min(BACKOFF * 2 ** min(mine.attempt - 1, 12), BACKOFF_MAX)
    return notice.state


def notices_of(session: Session, contact_ids: Sequence[UUID]) -> Sequence[Notice]:
    """What these people have been told, or shall be."""
    query = select(Notice).where(Notice.contact_id.in_(contact_ids))
    return session.scalars(query.order_by(Notice.happened_at, Notice.id)).all()


def _is_to_go(
    session: Session, notice: Notice, contact: Contact, brand: Brand, now: datetime
) -> bool:
    """Whether it goes out now; where not, the notice says why, or when."""
    awake = awake_at(now, contact.time_zone or brand.zone)
    if contact.notify == "NONE":
        _end(notice, "UNWANTED", None, now)
    elif awake > now:
        notice.due_at, notice.attempts = awake, notice.attempts - 1
    elif now - notice.happened_at > STALE or _is_over(notice, now):
        _end(notice, "SUPERSEDED", "too late", now)
    elif not contact.address:
        _dead(session, notice, f"no address for {contact.notify}", now)
    else:
        return True
    return False


def _message(session: Session, notice: Notice, contact: Contact, brand: Brand) -> Message | None:
    if contact.notify == "NONE":
        return None
    order = session.get(Order, notice.order_id)
    facts = facts_of(session, notice, order, contact, brand)
    language: Language = "en" if notice.language == "en" else "ja"
    words = texts().by_name[notice.template].words[language]
    is_mail = contact.notify == "EMAIL"
    short = fill_line(words.short, facts)[:SIGNS_MAX]
    notice.channel = contact.notify
    return Message(
        id=notice.id,
        channel=contact.notify,
        address=contact.address,
        language=language,
        subject=fill_line(words.subject, facts) if is_mail else "",
        text=fill(words.text, facts) if is_mail else short,
        at=notice.happened_at,
    )


def _mine(session: Session, mine: Claim) -> Notice | None:
    notice = session.get_one(Notice, (mine.order_id, mine.id), with_for_update=True)
    return notice if (notice.state, notice.attempts) == ("WAITING", mine.attempt) else None


def _is_over(notice: Notice, now: datetime) -> bool:
    """What was offered until a moment that has passed."""
    until = notice.facts.get("keep_until") or notice.facts.get("until")
    return isinstance(until, str) and datetime.fromisoformat(until) <= now


def _end(notice: Notice, state: str, problem: str | None, now: datetime) -> None:
    notice.state, notice.problem, notice.ended_at = state, problem, now


def _dead(session: Session, notice: Notice, problem: str, now: datetime) -> None:
    """Given up, and a person is told: at the site that has to do with the order."""
    _end(notice, "DEAD", problem, now)
    order = session.get(Order, notice.order_id)
    facts = {
        "order": order.number if order else None,
        "template": notice.template,
        "channel": notice.channel,
        "problem": problem,
    }
    site = order.to_site_id if order else None
    if site is None:
        at_work = select(Allocation.site_id).where(Allocation.order_id == notice.order_id)
        anywhere = select(Site.id).order_by(Site.code)
        site = session.scalar(at_work.order_by(Allocation.site_id).limit(1))
        site = site or session.scalar(anywhere.limit(1))
    if site is not None:
        report(
            session,
            site,
            derive(notice.id, "dead"),
            code="notice.dead",
            source="notices",
            facts=facts,
            at=now,
            priority=3,
        )
