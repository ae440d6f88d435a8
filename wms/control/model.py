"""Tables: alarms shelved, out of service, come and gone; minutes of pictures, hours of machines."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from wms.database import Base


class AlarmShelf(Base):
    """People want to hear nothing of that trouble of that machine until then."""

    __tablename__ = "alarm_shelf"

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(primary_key=True)
    until: Mapped[datetime]
    by: Mapped[str]
    reason: Mapped[str]
    at: Mapped[datetime]


class AlarmOutOfService(Base):
    """Nothing is to be heard of it until then: of that trouble, or (no code) of that machine."""

    __tablename__ = "alarm_out_of_service"
    __table_args__ = (
        CheckConstraint("until > at AND until <= at + interval '31 days'", name="ends"),
        CheckConstraint("reason <> ''", name="why"),
    )

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(primary_key=True)
    exception_id: Mapped[UUID]  # of the alarm at which it was said: its history has all of it
    until: Mapped[datetime]
    by: Mapped[str]
    reason: Mapped[str]
    at: Mapped[datetime]


class AlarmEvent(Base):
    """An alarm came or went: what rates and bad actors are counted from."""

    __tablename__ = "alarm_event"
    __table_args__ = (
        CheckConstraint("what IN ('RAISED', 'ENDED')", name="what"),
        Index("ix_alarm_event_at", "site_id", "at"),
    )

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    exception_id: Mapped[UUID]
    at: Mapped[datetime]
    what: Mapped[str]
    code: Mapped[str]
    source: Mapped[str]
    priority: Mapped[int]


class SiteMinute(Base):
    """The pictures of a minute of a site (wms.control.moments)."""

    __tablename__ = "site_minute"

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    minute: Mapped[datetime] = mapped_column(primary_key=True)
    body: Mapped[bytes] = mapped_column(LargeBinary)


class MachineHour(Base):
    """How long a machine was in a state in an hour, in milliseconds; and how often it began."""

    __tablename__ = "machine_hour"

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    hour: Mapped[datetime] = mapped_column(primary_key=True)
    machine: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str] = mapped_column(primary_key=True)
    lasted_ms: Mapped[int] = mapped_column(server_default="0")
    times: Mapped[int] = mapped_column(server_default="0")
