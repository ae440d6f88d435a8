"""Tables: contact, how long the contacts of a channel are kept, and receipts of erasures."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from wms.contacts.contact import NOTIFY
from wms.database import Base

_WORDS = ", ".join(f"'{word}'" for word in NOTIFY)


class ContactRow(Base):
    """A person of one order. All that says who stands in `sealed`, under a key of its own.

    `by_email`, `by_phone`, `by_last4` find people and cannot be turned back. `first` tells whether
    a repetition is one, by what was said first. Erased: every one of these is null.
    `erase_at_close` somebody asked for it while the order was open.
    """

    __tablename__ = "contact"
    __table_args__ = (
        Index("ix_contact_by_email", "by_email", postgresql_where=text("by_email IS NOT NULL")),
        Index("ix_contact_by_phone", "by_phone", postgresql_where=text("by_phone IS NOT NULL")),
        Index("ix_contact_by_last4", "by_last4", postgresql_where=text("by_last4 IS NOT NULL")),
        Index("ix_contact_keep_until", "keep_until", postgresql_where=text("erased_at IS NULL")),
        Index("ix_contact_master", "master", postgresql_where=text("erased_at IS NULL")),
        CheckConstraint(f"notify IN ({_WORDS})", name="notify"),
        CheckConstraint(
            "(erased_at IS NULL) = (wrapped_key IS NOT NULL)"
            " AND (erased_at IS NULL) = (sealed IS NOT NULL)"
            " AND (erased_at IS NULL) = (first IS NOT NULL)"
            " AND (erased_at IS NULL OR by_email IS NULL AND by_phone IS NULL"
            " AND by_last4 IS NULL)",
            name="erased",
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    channel: Mapped[str]
    notify: Mapped[str]
    time_zone: Mapped[str] = mapped_column(server_default="")
    master: Mapped[str | None]
    wrapped_key: Mapped[bytes | None]
    sealed: Mapped[bytes | None]
    first: Mapped[bytes | None]
    by_email: Mapped[bytes | None]
    by_phone: Mapped[bytes | None]
    by_last4: Mapped[bytes | None]
    made_at: Mapped[datetime]
    keep_until: Mapped[datetime]
    erase_at_close: Mapped[str | None]
    erased_at: Mapped[datetime | None]


class Retention(Base):
    """How many days the contacts of a channel are kept; other channels: the default."""

    __tablename__ = "contact_retention"
    __table_args__ = (CheckConstraint("keep_days >= 1", name="keep_days"),)

    channel: Mapped[str] = mapped_column(primary_key=True)
    keep_days: Mapped[int]


class Erasure(Base):
    """The receipt of an erasure: what was destroyed, when, by whom. `digest` is over the rest."""

    __tablename__ = "contact_erasure"

    contact_id: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    by: Mapped[str]
    reason: Mapped[str]
    destroyed: Mapped[str]
    digest: Mapped[str]
