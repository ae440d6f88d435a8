"""Tables: collection, what was tried to open it, what a store has to ship, how a store answers.

    WAITING -> TO_ACCEPT -> ACCEPTED -> PREPARING -> READY -> HANDED_OVER
       ^           |                                   |
       +- missing -+-> REJECTED                        +-> RETURNING -> RETURNED_TO_FLOOR, CANCELLED

WAITING: goods come by transfer. RETURNING: the order has ended, the bag still lies on the shelf.
Law: no two bags lie in one slot (`shelf_id` is unique within a site while it is set).
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from wms.database import Base

ENDED = ("HANDED_OVER", "REJECTED", "RETURNED_TO_FLOOR", "CANCELLED")
STATES = ("WAITING", "TO_ACCEPT", "ACCEPTED", "PREPARING", "READY", "RETURNING", *ENDED)
REQUEST_STATES = ("TO_ACCEPT", "ACCEPTED", "REJECTED", "ENDED")
_NOT_ENDED = "state NOT IN ('HANDED_OVER', 'REJECTED', 'RETURNED_TO_FLOOR', 'CANCELLED')"


def _one_of(column: str, words: tuple[str, ...]) -> CheckConstraint:
    return CheckConstraint(f"{column} IN ({', '.join(map(repr, words))})", name=column)


class Collection(Base):
    """An order at the store where it is collected.

    `keep_until` is how long it is kept, `shelf_id` where its bag lies or will lie; `bag` is the
    code on the label; `qr_mark` tells the QR of its customer, which is not kept. `reason` says why
    it went on as it did, `till_reference` what was paid at the till.
    """

    __tablename__ = "collection"
    __table_args__ = (
        _one_of("state", STATES),
        UniqueConstraint("site_id", "order_id"),
        UniqueConstraint("site_id", "bag"),
        Index(
            "ix_collection_shelf_id",
            "site_id",
            "shelf_id",
            unique=True,
            postgresql_where=text("shelf_id IS NOT NULL"),
        ),
        Index("ix_collection_open", "site_id", "state", postgresql_where=text(_NOT_ENDED)),
        Index("ix_collection_qr_mark", "qr_mark"),
        Index("ix_collection_bag", "bag"),
        Index("ix_collection_order_id", "order_id"),
    )

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    order_id: Mapped[UUID]
    state: Mapped[str]
    bag: Mapped[str]
    qr_mark: Mapped[str]
    made_at: Mapped[datetime]
    asked_at: Mapped[datetime | None]
    escalated_at: Mapped[datetime | None]
    ready_at: Mapped[datetime | None]
    keep_until: Mapped[datetime | None]
    reminded_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    shelf_id: Mapped[UUID | None]
    task_id: Mapped[UUID | None]
    reason: Mapped[str] = mapped_column(server_default="")
    till_reference: Mapped[str] = mapped_column(server_default="")


class CollectionTry(Base):
    """A code that was shown at the counter, right or wrong; not which."""

    __tablename__ = "collection_try"
    __table_args__ = (Index("ix_collection_try_collection_id", "site_id", "collection_id", "at"),)

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    collection_id: Mapped[UUID]
    at: Mapped[datetime]
    actor: Mapped[str]
    is_right: Mapped[bool]


class ShipRequest(Base):
    """A delivery that a store is asked to send; its id is the order's."""

    __tablename__ = "ship_request"
    __table_args__ = (
        _one_of("state", REQUEST_STATES),
        Index("ix_ship_request_open", "site_id", postgresql_where=text("state = 'TO_ACCEPT'")),
    )

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    state: Mapped[str]
    asked_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]
    escalated_at: Mapped[datetime | None]
    reason: Mapped[str] = mapped_column(server_default="")


class StorePolicy(Base):
    """How a store answers, where it is not as usual (wms.collect.policy)."""

    __tablename__ = "store_policy"
    __table_args__ = (
        _one_of("accept", ("BY_HAND", "AUTO")),
        _one_of("accept_ship", ("BY_HAND", "AUTO")),
        _one_of("unanswered", ("ESCALATE", "RESOURCE")),
        CheckConstraint(
            "answer_within_min > 0 AND keep_days > 0 AND remind_before_h >= 0", name="times"
        ),
    )

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    accept: Mapped[str]
    accept_ship: Mapped[str]
    answer_within_min: Mapped[int]
    unanswered: Mapped[str]
    keep_days: Mapped[int]
    remind_before_h: Mapped[int]


class StoreCommand(Base):
    """An act of store staff that was carried out: sent again, it is not done again."""

    __tablename__ = "store_command"

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    asked: Mapped[str]
    at: Mapped[datetime]
