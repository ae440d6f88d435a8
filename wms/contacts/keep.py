"""Keep: a person's contact is saved, read, found, wrapped anew and erased. Nobody else may.

Laws, each with its test:

    who a person is stands in `contact` alone, sealed with a key of that person's own
    the same id twice is saved once; another content under it is refused
    an erased person stays erased: nothing that is sent again brings them back
    a contact is kept for as many days as its channel says, counted from the day it was saved
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from wms.contacts.contact import LAST, Contact, from_json, plain_email, plain_phone
from wms.contacts.keys import Keys, Wrapped, digest, new_data_key, seal, unseal
from wms.contacts.model import ContactRow, Erasure, Retention
from wms.errors import IdReused, NotFound

KEEP_DAYS = 400
KEEP_DAYS_OF = {"marketplace": 30}  # a marketplace lends its customers' data for thirty days
DESTROYED = "data key, name, address, telephone, mail, indexes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """That a contact was erased. `digest` is over all the rest: a changed receipt is found out."""

    contact_id: UUID
    at: datetime
    by: str
    reason: str
    destroyed: str
    digest: str


def save_contact(
    session: Session,
    keys: Keys,
    contact_id: UUID,
    contact: Contact,
    *,
    channel: str,
    now: datetime,
) -> bool:
    """Keep a contact; False if it was kept before, or has been erased since.

    Raises:
        IdReused: another contact was saved under that id.
    """
    data_key = new_data_key()
    row = {
        "id": contact_id,
        "channel": channel,
        "made_at": now,
        "keep_until": now + timedelta(days=keep_days(session, channel)),
        "first": digest(data_key, contact.to_json()),
        **_sealed(keys, contact_id, data_key, contact),
    }
    statement = insert(ContactRow).values(row).on_conflict_do_nothing().returning(ContactRow.id)
    if session.scalar(statement) is not None:
        return True
    stored = session.get_one(ContactRow, contact_id)
    if stored.first is None:
        return False
    again = digest(_data_key(keys, stored), contact.to_json())
    if not hmac.compare_digest(stored.first, again):
        raise IdReused(contact_id)
    return False


def change_contact(
    session: Session, keys: Keys, contact_id: UUID, contact: Contact, *, now: datetime
) -> None:
    """Another address, or another way to be told. Of what was said first only a mark stays.

    Raises:
        NotFound: there is no such contact, or it has been erased.
    """
    stored = _get(session, contact_id)
    if stored is None or stored.erased_at is not None:
        raise NotFound(f"contact {contact_id}")
    assert now >= stored.made_at
    for name, value in _sealed(keys, contact_id, _data_key(keys, stored), contact).items():
        setattr(stored, name, value)


def read_contact(session: Session, keys: Keys, contact_id: UUID | None) -> Contact | None:
    """Who it is; None when nobody said, or when they have been erased."""
    stored = None if contact_id is None else session.get(ContactRow, contact_id)
    if stored is None or stored.sealed is None:
        return None
    return from_json(unseal(_data_key(keys, stored), stored.id, stored.sealed))


def find_contacts(
    session: Session,
    keys: Keys,
    *,
    email: str = "",
    phone: str = "",
    last4: str = "",
    limit: int = 50,
) -> Sequence[UUID]:
    """The contacts that have all of this, newest first: none if nothing is asked."""
    wanted = {
        ContactRow.by_email: keys.index("email", plain_email(email)),
        ContactRow.by_phone: keys.index("phone", plain_phone(phone)),
        ContactRow.by_last4: keys.index("last4", plain_phone(last4)),
    }
    asked = [column == mark for column, mark in wanted.items() if mark is not None]
    if not asked:
        return []
    query = select(ContactRow.id).where(*asked).order_by(ContactRow.made_at.desc(), ContactRow.id)
    return session.scalars(query.limit(limit)).all()


def erase_contact(
    session: Session,
    contact_id: UUID,
    *,
    by: str,
    reason: str,
    now: datetime,
    destroyed: str = DESTROYED,
) -> Receipt:
    """Destroy a person's key and all that it sealed. Erased before: the receipt of then.

    `destroyed` says what, for the receipt: the caller may have destroyed more in this transaction.

    Raises:
        NotFound: there is no such contact.
    """
    stored = _get(session, contact_id)
    if stored is None:
        raise NotFound(f"contact {contact_id}")
    if stored.erased_at is not None:
        return receipt(session, contact_id)
    for name in _OF_A_PERSON:
        setattr(stored, name, None)
    stored.erased_at = now
    session.add(_receipt(contact_id, (by, reason, destroyed), now))
    session.flush()
    return receipt(session, contact_id)


def receipt(session: Session, contact_id: UUID) -> Receipt:
    """The receipt of an erasure.

    Raises:
        NotFound: that contact has not been erased.
    """
    row = session.get(Erasure, contact_id)
    if row is None:
        raise NotFound(f"no erasure of contact {contact_id}")
    return Receipt(
        contact_id=row.contact_id,
        at=row.at,
        by=row.by,
        reason=row.reason,
        destroyed=row.destroyed,
        digest=row.digest,
    )


def keep_days(session: Session, channel: str) -> int:
    """How long contacts of that channel are kept."""
    row = session.get(Retention, channel)
    return KEEP_DAYS_OF.get(channel, KEEP_DAYS) if row is None else row.keep_days


def set_keep_days(session: Session, channel: str, days: int) -> None:
    """Keep contacts of that channel for so long from when they were saved, old ones, too."""
    known = insert(Retention).values(channel=channel, keep_days=days)
    session.execute(
        known.on_conflict_do_update(index_elements=["channel"], set_={"keep_days": days})
    )
    kept = ContactRow.made_at + timedelta(days=days)
    query = ContactRow.__table__.update().where(  # type: ignore[attr-defined]
        ContactRow.channel == channel, ContactRow.erased_at.is_(None)
    )
    session.execute(query.values(keep_until=kept))


def rewrap(session: Session, keys: Keys, *, limit: int = 500) -> int:
    """Wrap data keys of older master keys with the newest. Returns how many."""
    query = (
        select(ContactRow)
        .where(ContactRow.master != keys.master, ContactRow.erased_at.is_(None))
        .order_by(ContactRow.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    rows = session.scalars(query).all()
    for row in rows:
        wrapped = keys.wrap(row.id, _data_key(keys, row))
        row.master, row.wrapped_key = wrapped.master, wrapped.key
    return len(rows)


def masters_used(session: Session) -> set[str]:
    """The master keys that something is wrapped with."""
    query = select(ContactRow.master).where(ContactRow.erased_at.is_(None)).distinct()
    return {master for master in session.scalars(query) if master is not None}


def _sealed(keys: Keys, contact_id: UUID, data_key: bytes, contact: Contact) -> dict[str, Any]:
    wrapped = keys.wrap(contact_id, data_key)
    phone = plain_phone(contact.phone)
    return {
        "notify": contact.notify,
        "time_zone": contact.time_zone,
        "master": wrapped.master,
        "wrapped_key": wrapped.key,
        "sealed": seal(data_key, contact_id, contact.to_json()),
        "by_email": keys.index("email", plain_email(contact.email)),
        "by_phone": keys.index("phone", phone),
        "by_last4": keys.index("last4", phone[-LAST:]),
    }


def _data_key(keys: Keys, row: ContactRow) -> bytes:
    assert row.master is not None
    assert row.wrapped_key is not None
    return keys.unwrap(row.id, Wrapped(row.master, row.wrapped_key))


def _get(session: Session, contact_id: UUID) -> ContactRow | None:
    return session.get(ContactRow, contact_id, with_for_update=True)


_OF_A_PERSON = (
    "master", "wrapped_key", "sealed", "first", "by_email", "by_phone", "by_last4",
    "erase_at_close",
)  # fmt: skip


def _receipt(contact_id: UUID, said: tuple[str, str, str], now: datetime) -> Erasure:
    by, reason, destroyed = said
    whole = "\n".join((str(contact_id), now.isoformat(), *said))
    return Erasure(
        contact_id=contact_id,
        at=now,
        by=by,
        reason=reason,
        destroyed=destroyed,
        digest=sha256(whole.encode()).hexdigest(),
    )
