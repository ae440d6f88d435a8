"""Tables: booking, parcel event, carrier and its health, its files, saved tables, calendars.

A booking is the wish that a carrier takes a parcel, and what came of it:

    WANTED -> BOOKED        a label has been bought, once: the key is the id of the parcel
           -> REFUSED       the carrier does not take it: a person must look
    WANTED, BOOKED -> CANCELLING -> CANCELLED

`attempts` grows before the carrier is asked: a booking that was never asked for can go to another
carrier, one that was may exist there already. Money is minor units, weights are grams.
"""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from wms.database import Base

BOOKING_STATES = ("WANTED", "BOOKED", "REFUSED", "CANCELLING", "CANCELLED")
DIRECTIONS = ("OUT", "RETURN")
MODES = ("API", "FILE")


def _one_of(column: str, values: tuple[str, ...]) -> CheckConstraint:
    words = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({words})", name=column)


class BookingRow(Base):
    """A parcel and its carrier. `id` is the parcel's; `reference` is what files call it."""

    __tablename__ = "booking"
    __table_args__ = (
        _one_of("direction", DIRECTIONS),
        _one_of("state", BOOKING_STATES),
        CheckConstraint("(state = 'BOOKED') <= (tracking IS NOT NULL)", name="tracking"),
        Index(
            "ix_booking_due",
            "carrier",
            "due_at",
            postgresql_where=text("state IN ('WANTED', 'CANCELLING')"),
        ),
        Index("ix_booking_reference", "reference"),
        Index("ix_booking_sscc", "sscc"),
        Index("ix_booking_file_id", "file_id", postgresql_where=text("file_id IS NOT NULL")),
    )

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    order_id: Mapped[UUID | None]
    contact_id: Mapped[UUID | None]
    number: Mapped[str] = mapped_column(server_default="")
    sscc: Mapped[str]
    reference: Mapped[str]
    direction: Mapped[str] = mapped_column(server_default="OUT")
    carrier: Mapped[str]
    service: Mapped[str]
    weight_g: Mapped[int]
    cool: Mapped[bool] = mapped_column(server_default="false")
    postal_code: Mapped[str] = mapped_column(server_default="")
    prefecture: Mapped[str] = mapped_column(server_default="")
    ship_on: Mapped[date | None]
    deliver_on: Mapped[date | None]
    slot: Mapped[str] = mapped_column(server_default="")
    leave_at: Mapped[str] = mapped_column(server_default="")
    cod_minor: Mapped[int] = mapped_column(server_default="0")
    currency: Mapped[str] = mapped_column(server_default="JPY")
    state: Mapped[str] = mapped_column(server_default="WANTED")
    attempts: Mapped[int] = mapped_column(server_default="0")
    wanted_at: Mapped[datetime]
    due_at: Mapped[datetime]
    booked_at: Mapped[datetime | None]
    problem: Mapped[str] = mapped_column(server_default="")
    estimate_minor: Mapped[int | None]
    cost_minor: Mapped[int | None]
    tracking: Mapped[str | None]
    label_pdf: Mapped[bytes | None] = mapped_column(LargeBinary)
    file_id: Mapped[UUID | None]
    status: Mapped[str] = mapped_column(server_default="")
    status_at: Mapped[datetime | None]


class ParcelEvent(Base):
    """What a carrier said of a parcel, and when that was."""

    __tablename__ = "parcel_event"

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    parcel_id: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    status: Mapped[str] = mapped_column(primary_key=True)


class CarrierRow(Base):
    """How we talk to a carrier: over its API, or by files. `facts` are what its files need."""

    __tablename__ = "carrier"
    __table_args__ = (_one_of("mode", MODES),)

    code: Mapped[str] = mapped_column(primary_key=True)
    mode: Mapped[str] = mapped_column(server_default="API")
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")


class CarrierHealth(Base):
    """Whether a carrier answers: after a failure it is asked again at `due_at`, one parcel."""

    __tablename__ = "carrier_health"

    carrier: Mapped[str] = mapped_column(primary_key=True)
    failures: Mapped[int] = mapped_column(server_default="0")
    due_at: Mapped[datetime]
    down_since: Mapped[datetime | None]
    problem: Mapped[str] = mapped_column(server_default="")


class CarrierFile(Base):
    """A file for a carrier. Its rows are the bookings that name it; nothing else is kept."""

    __tablename__ = "carrier_file"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    carrier: Mapped[str]
    made_at: Mapped[datetime]
    parcels: Mapped[int]


class SavedTable(Base):
    """A version of the rules or of the rates. The highest is in force; none is ever changed."""

    __tablename__ = "shipping_table"

    name: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    saved_at: Mapped[datetime]
    saved_by: Mapped[str] = mapped_column(server_default="")
    body: Mapped[dict[str, Any]] = mapped_column(JSONB)


class CalendarRow(Base):
    """A site's calendar; a site without one has the default."""

    __tablename__ = "site_calendar"

    site_id: Mapped[UUID] = mapped_column(ForeignKey("site.id"), primary_key=True)
    body: Mapped[dict[str, Any]] = mapped_column(JSONB)
    saved_at: Mapped[datetime]
