"""Tables: events, and the documents that they came in.

epcis_event     an event, ours or a partner's, with what it is found by in one form each
epcis_capture   a document that a partner sent, and what became of it
epcis_told      how far our own movements have been told
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Text

from wms.database import Base


class EpcisEvent(Base):
    """An event. `id` is its eventID: its hash, where its maker gave it none.

    Names are canonical links and words are bare (wms.epcis.names, .vocabulary): `epcs` all single
    things that it names, `inside` those without the parent, `classes` kinds of goods and lots,
    `papers` its business transactions. `body` is the event as it came.
    """

    __tablename__ = "epcis_event"
    __table_args__ = (
        Index("ix_epcis_event_recorded", "record_time", "id"),
        Index("ix_epcis_event_event_time", "event_time", "id"),
        Index("ix_epcis_event_biz_step", "biz_step", "record_time"),
        Index("ix_epcis_event_epcs", "epcs", postgresql_using="gin"),
        Index("ix_epcis_event_classes", "classes", postgresql_using="gin"),
        Index("ix_epcis_event_papers", "papers", postgresql_using="gin"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    hash: Mapped[str]
    type: Mapped[str]
    action: Mapped[str] = mapped_column(server_default="")
    event_time: Mapped[datetime]
    record_time: Mapped[datetime]
    biz_step: Mapped[str] = mapped_column(server_default="")
    disposition: Mapped[str] = mapped_column(server_default="")
    read_point: Mapped[str] = mapped_column(server_default="")
    biz_location: Mapped[str] = mapped_column(server_default="")
    parent: Mapped[str] = mapped_column(server_default="")
    epcs: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    inside: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    classes: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    papers: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    capture_id: Mapped[UUID | None]
    body: Mapped[dict[str, Any]] = mapped_column(JSONB)


class EpcisCapture(Base):
    """A document that was sent. `errors` are problems, each with its place in the document."""

    __tablename__ = "epcis_capture"
    __table_args__ = (CheckConstraint("behaviour IN ('ROLLBACK', 'PROCEED')", name="behaviour"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    made_at: Mapped[datetime]
    done_at: Mapped[datetime]
    behaviour: Mapped[str]
    success: Mapped[bool]
    taken: Mapped[int]
    known: Mapped[int]
    errors: Mapped[list[Any]] = mapped_column(JSONB)


class EpcisTold(Base):
    """All movements up to here have been told; a transaction number and a movement's."""

    __tablename__ = "epcis_told"
    __table_args__ = (CheckConstraint("one = 1", name="one"),)

    one: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    xid: Mapped[int]
    movement_id: Mapped[int]
