"""Subscribe: who is told, of what, and with which secret; tried out, and told again.

The secret is the subscriber's own (Standard Webhooks: `whsec_` and base64). Saying the same again
changes nothing; another address, other types or another secret change the subscription, and the
secret before it signs as well until the next change of it.
"""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from wms.catalog import owners_by_code
from wms.errors import IdReused, NotFound, Rejected
from wms.events import EVENTS
from wms.ids import derive
from wms.reach import sees_all_owners
from wms.webhooks.model import Attempt, Delivery, Subscriber

SECRET_BYTES_MIN = 24  # Standard Webhooks asks for 24 to 64
TEST = "TestEvent"


class UnknownEventType(Rejected):
    """There is no event of that type; all there are stand at /catalog/events.

    Attributes:
        type: what was asked for.
    """

    code: ClassVar[str] = "unknown_event_type"

    def __init__(self, type_: str) -> None:
        super().__init__(f"there is no event {type_}")
        self.type = type_


class WeakSecret(Rejected):
    """A secret is `whsec_` and base64 of 24 random bytes or more."""

    code: ClassVar[str] = "weak_secret"


class OwnerNeeded(Rejected):
    """Who is limited to some owners hears of one of them: `owner` says of which."""

    code: ClassVar[str] = "owner_needed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """What a subscriber wants: of these types (none: all), whose (None: everybody's), and where."""

    url: str
    secret: str
    types: Sequence[str] = ()
    owner: str | None = None


def subscribe(session: Session, webhook_id: UUID, wanted: Subscription, *, now: datetime) -> bool:
    """Tell that address from now on; False if there was such a subscription, changed now.

    Raises:
        NotFound: there is no such owner.
        IdReused: it is another owner's; what was sent there is that owner's business.
        UnknownEventType, WeakSecret, OwnerNeeded: nothing has been changed.
    """
    for type_ in wanted.types:
        if type_ not in EVENTS:
            raise UnknownEventType(type_)
    check_secret(wanted.secret)
    owner_id = _owner(session, wanted.owner)
    wanted_types = sorted(set(wanted.types))
    statement = insert(Subscriber).values(
        id=webhook_id, url=wanted.url, secret=wanted.secret, types=wanted_types,
        owner_id=owner_id, made_at=now,
    )  # fmt: skip
    made = session.scalar(statement.on_conflict_do_nothing().returning(Subscriber.id))
    if made is not None:
        return True
    known = session.get_one(Subscriber, webhook_id, with_for_update=True)
    if known.owner_id != owner_id:
        raise IdReused(webhook_id)
    if known.secret != wanted.secret:
        known.secret_before = known.secret
    known.url, known.secret = wanted.url, wanted.secret
    known.types, known.off_because = wanted_types, None
    return False


def _owner(session: Session, code: str | None) -> UUID | None:
    if code is None:
        if not sees_all_owners():
            raise OwnerNeeded("say whose orders are told: owner")
        return None
    found = owners_by_code(session, [code]).get(code)
    if found is None:
        raise NotFound(f"owner {code}")
    return found


def check_secret(secret: str) -> None:
    """Whether it is one.

    Raises:
        WeakSecret: too short, or no base64.
    """
    try:
        raw = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error as error:
        raise WeakSecret("a secret is whsec_ and base64") from error
    if len(raw) < SECRET_BYTES_MIN:
        raise WeakSecret(f"a secret has {SECRET_BYTES_MIN} bytes or more, this has {len(raw)}")


def unsubscribe(session: Session, webhook_id: UUID) -> None:
    """Tell that address no more. What was on its way is dropped; the log stays.

    Raises:
        NotFound: there is no such subscription.
    """
    of(session, webhook_id).off_because = "asked"


def of(session: Session, webhook_id: UUID) -> Subscriber:
    """A subscription.

    Raises:
        NotFound: there is none.
    """
    known = session.get(Subscriber, webhook_id)
    if known is None:
        raise NotFound(f"webhook {webhook_id}")
    return known


def try_out(session: Session, webhook_id: UUID, command_id: UUID, *, now: datetime) -> UUID:
    """Send an event that means nothing, to see whether it is taken. Returns the delivery's id.

    Raises:
        NotFound: there is no such subscription.
    """
    subscriber = of(session, webhook_id)
    id_ = derive(subscriber.id, "test", str(command_id))
    row = {
        "id": id_, "webhook_id": subscriber.id, "type": TEST, "at": now, "due_at": now,
        "body": {"says": "If you can read this, it works."},
    }  # fmt: skip
    session.execute(insert(Delivery).values(row).on_conflict_do_nothing())
    return id_


def send_again(session: Session, delivery_id: UUID, *, now: datetime) -> None:
    """Send an event once more, under the id that it always had.

    Raises:
        NotFound: there is no such delivery.
    """
    delivery = session.get(Delivery, delivery_id, with_for_update=True)
    if delivery is None or session.get(Subscriber, delivery.webhook_id) is None:
        raise NotFound(f"delivery {delivery_id}")
    if delivery.state != "DUE":
        delivery.state, delivery.due_at, delivery.attempts = "DUE", now, 0


def log_of(
    session: Session, webhook_id: UUID, *, before: datetime | None, limit: int
) -> list[tuple[Delivery, list[Attempt]]]:
    """The deliveries to a subscriber, newest first, each with its attempts.

    Raises:
        NotFound: there is no such subscription.
    """
    of(session, webhook_id)
    query = select(Delivery).where(Delivery.webhook_id == webhook_id)
    if before is not None:
        query = query.where(Delivery.at < before)
    found = session.scalars(query.order_by(Delivery.at.desc(), Delivery.id).limit(limit)).all()
    attempts = session.scalars(
        select(Attempt)
        .where(Attempt.delivery_id.in_([each.id for each in found]))
        .order_by(Attempt.delivery_id, Attempt.at, Attempt.no)
    ).all()
    return [(each, [one for one in attempts if one.delivery_id == each.id]) for each in found]


def forget_log(session: Session, *, before: datetime, limit: int = 10_000) -> int:
    """Forget deliveries older than that which are not on their way. Returns how many."""
    old = select(Delivery.id).where(Delivery.at < before, Delivery.state != "DUE").limit(limit)
    ids = session.scalars(old).all()
    session.execute(delete(Attempt).where(Attempt.delivery_id.in_(ids)))
    session.execute(delete(Delivery).where(Delivery.id.in_(ids)))
    return len(ids)
