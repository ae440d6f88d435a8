"""Tables: accounts, rights, sessions, what is good once, what was done, who must agree.

Tokens are kept as quick hashes (256 random bits), passwords with argon2.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import FetchedValue, ForeignKey, Index, LargeBinary, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Text

from wms.database import Base


class Account(Base):
    """Somebody of the office. `issuer` and `subject` are what a provider of identities calls them.

    `code` is what the books say; the name stays on the screens.
    """

    __tablename__ = "account"
    __table_args__ = (
        Index(
            "uq_account_subject",
            "issuer",
            "subject",
            unique=True,
            postgresql_where=text("subject <> ''"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    issuer: Mapped[str] = mapped_column(server_default="")
    subject: Mapped[str] = mapped_column(server_default="")
    password_hash: Mapped[str] = mapped_column(server_default="")
    active: Mapped[bool] = mapped_column(server_default="true")
    made_at: Mapped[datetime]


class AccountRight(Base):
    """A role of theirs; sites and owners by code, '*' for all."""

    __tablename__ = "account_right"

    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), primary_key=True)
    role: Mapped[str] = mapped_column(primary_key=True)
    sites: Mapped[list[str]] = mapped_column(ARRAY(Text))
    owners: Mapped[list[str]] = mapped_column(ARRAY(Text))


class AccountSession(Base):
    """Somebody at a screen."""

    __tablename__ = "account_session"
    __table_args__ = (Index("ix_account_session_account_id", "account_id", "began_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    began_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class AccountTry(Base):
    """How often a password was wrong in a row, for a name that somebody or nobody has."""

    __tablename__ = "account_try"

    code_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    failed: Mapped[int]
    at: Mapped[datetime]


class OneTime(Base):
    """What is good once and soon over: a set-up link, a sign-in that is under way."""

    __tablename__ = "one_time"

    hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    purpose: Mapped[str]
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    until_at: Mapped[datetime]


class AuditEvent(Base):
    """What somebody did that is no movement. Written once; sealed with the movements."""

    __tablename__ = "audit_event"
    __table_args__ = (
        Index("ix_audit_event_at", "at", "id"),
        Index("ix_audit_event_xid", "xid"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    kind: Mapped[str]
    who: Mapped[str]
    what: Mapped[str]
    subject: Mapped[str] = mapped_column(server_default="")
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    address: Mapped[str] = mapped_column(server_default="")
    xid: Mapped[int] = mapped_column(server_default=FetchedValue())


class SecondPerson(Base):
    """A deed that waits for the word of somebody else than who asked for it."""

    __tablename__ = "second_person"
    __table_args__ = (
        Index("ix_second_person_waiting", "until_at", postgresql_where=text("state = 'WAITING'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    what: Mapped[str]
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB)
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    asked_by: Mapped[str]
    asked_at: Mapped[datetime]
    until_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(server_default="WAITING")
    decided_by: Mapped[str | None]
    decided_at: Mapped[datetime | None]
