"""Tables: presentation, parcel and its lines, exceptions for people, and the site's counters."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Sequence, UniqueConstraint, false, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from wms.database import Base

PARCEL_STATES = (
    "PLANNED",
    "PACKED",
    "LINE_HAUL",
    "AT_HUB",
    "INDUCTED",
    "SORTED",
    "SHIPPED",
    "DELIVERED",
    "LOST",
    "CANCELLED",
)
SSCC_SERIAL = Sequence("sscc_serial", metadata=Base.metadata)


class Presentation(Base):
    """A tote's trip to a station and home again.

    COMING -> PRESENT (a person picks from it) -> RETURNING -> HOME; FAILED if it never came.
    `transport_id` is the transport order of the leg under way, `attempt` counts the returns.
    """

    __tablename__ = "presentation"
    __table_args__ = (
        CheckConstraint(
            "state IN ('COMING', 'PRESENT', 'RETURNING', 'HOME', 'FAILED')", name="state"
        ),
        Index(
            "ix_presentation_open",
            "site_id",
            "tote",
            unique=True,
            postgresql_where=text("state IN ('COMING', 'PRESENT', 'RETURNING')"),
        ),
        Index("ix_presentation_transport_id", "transport_id"),
    )

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    tote: Mapped[str]
    home: Mapped[str]
    station: Mapped[str]
    state: Mapped[str]
    transport_id: Mapped[UUID]
    attempt: Mapped[int] = mapped_column(server_default="0")
    made_at: Mapped[datetime]


class Transport(Base):
    """A transport order as the WMS knows it: how far the WCS says that it is."""

    __tablename__ = "transport"

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    presentation_id: Mapped[UUID]
    leg: Mapped[str]
    state: Mapped[str]
    metres: Mapped[float] = mapped_column(server_default="0")
    robot: Mapped[str | None]
    reason: Mapped[str] = mapped_column(server_default="")


class Parcel(Base):
    """A box with a label (SSCC) and a tag (EPC), from one site for one order.

    With `to_site_id` it goes to a site of ours (wms.outbound.ways): SHIPPED when it was loaded,
    DELIVERED when that site has received it, LOST when somebody has given it up. CANCELLED: its
    goods were put back. `weight_g` is what its goods and its carton should weigh, `weighed_g`
    what they were found to.
    """

    __tablename__ = "parcel"
    __table_args__ = (
        CheckConstraint(
            "state IN ({})".format(", ".join(f"'{state}'" for state in PARCEL_STATES)), name="state"
        ),
        UniqueConstraint("site_id", "sscc"),
        Index("ix_parcel_sscc", "sscc"),
        Index("ix_parcel_epc_hex", "epc_hex"),
        Index("ix_parcel_order_id", "order_id"),
        Index("ix_parcel_unbooked", "made_at", postgresql_where=text("tracking IS NULL")),
        Index("ix_parcel_tracking", "tracking"),
        Index(
            "ix_parcel_manifest_id",
            "manifest_id",
            postgresql_where=text("manifest_id IS NOT NULL"),
        ),
        Index(
            "ix_parcel_to_site_id",
            "to_site_id",
            "state",
            postgresql_where=text("to_site_id IS NOT NULL"),
        ),
    )

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    order_id: Mapped[UUID]
    sscc: Mapped[str]
    epc_hex: Mapped[str]
    service: Mapped[str]
    lane: Mapped[str]
    weight_g: Mapped[int]
    state: Mapped[str]
    tracking: Mapped[str | None]
    made_at: Mapped[datetime]
    shipped_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]
    reads: Mapped[int] = mapped_column(server_default="0")
    recirculations: Mapped[int] = mapped_column(server_default="0")
    sorts: Mapped[int] = mapped_column(server_default="0")
    passages_in: Mapped[int] = mapped_column(server_default="0")
    passages_out: Mapped[int] = mapped_column(server_default="0")
    to_site_id: Mapped[UUID | None]
    carton: Mapped[str] = mapped_column(server_default="")
    weighed_g: Mapped[int | None]
    manifest_id: Mapped[UUID | None]


class ParcelLine(Base):
    """Units of an allocation in a parcel."""

    __tablename__ = "parcel_line"
    __table_args__ = (Index("ix_parcel_line_allocation_id", "site_id", "allocation_id"),)

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    parcel_id: Mapped[UUID] = mapped_column(primary_key=True)
    allocation_id: Mapped[UUID] = mapped_column(primary_key=True)
    units: Mapped[int]


class ExceptionRow(Base):
    """Something that a person should look at: an ambiguous passage, a failed transport.

    `owner` sees to it (TAKEN); `act` is what solved it. It may also end by itself (`active`).
    """

    __tablename__ = "exception_report"
    __table_args__ = (CheckConstraint("state IN ('OPEN', 'TAKEN', 'SOLVED')", name="state"),)

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    code: Mapped[str]
    source: Mapped[str]
    priority: Mapped[int]
    active: Mapped[bool]
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB)
    state: Mapped[str] = mapped_column(server_default="OPEN")
    owner: Mapped[str] = mapped_column(server_default="")
    act: Mapped[str] = mapped_column(server_default="")
    solved_at: Mapped[datetime | None]
    latched: Mapped[bool] = mapped_column(server_default=false())  # shown until a person resets it


class ExceptionAct(Base):
    """What somebody did about an exception."""

    __tablename__ = "exception_act"
    __table_args__ = (Index("ix_exception_act_exception_id", "site_id", "exception_id", "at"),)

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    exception_id: Mapped[UUID]
    act: Mapped[str]
    by: Mapped[str]
    note: Mapped[str] = mapped_column(server_default="")
    at: Mapped[datetime]


class Counter(Base):
    """How often something happened at a site that belongs to no parcel: a no-read, a passage."""

    __tablename__ = "site_counter"

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[int] = mapped_column(server_default="0")


class StreamOut(Base):
    """A message to a site's WCS, until that has acknowledged it. `seq` is given by the sender."""

    __tablename__ = "stream_out"
    __table_args__ = (
        Index("ix_stream_out_new", "site", "id", postgresql_where=text("seq IS NULL")),
        Index("ix_stream_out_seq", "site", "seq", postgresql_where=text("seq IS NOT NULL")),
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    site: Mapped[str]
    seq: Mapped[int | None]
    body: Mapped[str]


class StreamSender(Base):
    """The numbering of the messages to a site's WCS."""

    __tablename__ = "stream_sender"

    site: Mapped[str] = mapped_column(primary_key=True)
    epoch: Mapped[str]
    last: Mapped[int] = mapped_column(server_default="0")
    acked: Mapped[int] = mapped_column(server_default="0")
