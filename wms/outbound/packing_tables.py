"""Tables of the way out of a packing bench: cartons, stations, weights, printing, manifests, doors.

A print job's labels are kept as what they are of ({"kind": "PARCEL", "id": …}), never as what is
printed on them: names and addresses stay with `contact`. Lengths are millimetres inside, weights
grams, costs minor units.
"""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from wms.database import Base


class CartonRow(Base):
    """A kind of box that a site packs into. `stock` is how many there are; None: not counted."""

    __tablename__ = "carton"
    __table_args__ = (
        CheckConstraint(
            "length_mm > 0 AND width_mm > 0 AND height_mm > 0 AND tare_g >= 0 AND max_g > 0"
            " AND cost_minor >= 0 AND stock >= 0",
            name="size",
        ),
    )

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(primary_key=True)
    length_mm: Mapped[int]
    width_mm: Mapped[int]
    height_mm: Mapped[int]
    tare_g: Mapped[int]
    max_g: Mapped[int]
    cost_minor: Mapped[int]
    stock: Mapped[int | None]


class PackRule(Base):
    """What is added to parcels, and of which orders: wms.outbound.extras."""

    __tablename__ = "pack_rule"
    __table_args__ = (
        CheckConstraint("kind IN ('NOSHI', 'WRAP', 'CARD', 'FLYER')", name="kind"),
        CheckConstraint("\"each\" IN ('PARCEL', 'ORDER')", name="each"),
    )

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int]
    kind: Mapped[str]
    name: Mapped[str]
    text: Mapped[str]
    picture: Mapped[str]
    scan: Mapped[str]
    each: Mapped[str]
    which: Mapped[dict[str, Any]] = mapped_column(JSONB)


class PackStation(Base):
    """A bench: its scale, its printer, and the devices that work there.

    `weigh` says how parcels are weighed: SCALE (typed while the scale is silent), TYPED or NONE.
    """

    __tablename__ = "pack_station"
    __table_args__ = (CheckConstraint("weigh IN ('SCALE', 'TYPED', 'NONE')", name="weigh"),)

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    weigh: Mapped[str] = mapped_column(server_default="TYPED")
    scale: Mapped[str] = mapped_column(server_default="")
    printer: Mapped[str] = mapped_column(server_default="")
    devices: Mapped[list[str]] = mapped_column(JSONB, server_default="[]")


class ScaleWeight(Base):
    """What a scale said last, and its last weight at rest."""

    __tablename__ = "scale_weight"

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    scale: Mapped[str] = mapped_column(primary_key=True)
    grams: Mapped[int]
    stable: Mapped[bool]
    at: Mapped[datetime]


class Printer(Base):
    """A label printer that is spoken to over TCP, and whether it answered the last time."""

    __tablename__ = "printer"
    __table_args__ = (
        CheckConstraint("state IN ('NEW', 'UP', 'DOWN')", name="state"),
        CheckConstraint("port BETWEEN 1 AND 65535 AND dpi > 0", name="address"),
    )

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    host: Mapped[str]
    port: Mapped[int] = mapped_column(server_default="9100")
    dpi: Mapped[int] = mapped_column(server_default="203")
    state: Mapped[str] = mapped_column(server_default="NEW")
    problem: Mapped[str] = mapped_column(server_default="")
    due_at: Mapped[datetime | None]


class PrintJob(Base):
    """Labels to print: on a printer, or (no printer) into one PDF that is kept here.

    `done` labels were acknowledged by the printer, `sent` were given to it: those between may be
    on paper or not, and are marked when they are printed again.
    """

    __tablename__ = "print_job"
    __table_args__ = (
        CheckConstraint("state IN ('WANTED', 'DONE', 'CANCELLED', 'FAILED')", name="state"),
        CheckConstraint("0 <= done AND done <= sent AND sent <= total", name="counts"),
        Index("ix_print_job_wanted", "made_at", postgresql_where=text("state = 'WANTED'")),
    )

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    printer: Mapped[str] = mapped_column(server_default="")
    state: Mapped[str] = mapped_column(server_default="WANTED")
    total: Mapped[int]
    sent: Mapped[int] = mapped_column(server_default="0")
    done: Mapped[int] = mapped_column(server_default="0")
    labels: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    document: Mapped[bytes | None] = mapped_column(LargeBinary)
    problem: Mapped[str] = mapped_column(server_default="")
    made_by: Mapped[str]
    made_at: Mapped[datetime]
    done_at: Mapped[datetime | None]


class Manifest(Base):
    """The parcels that a carrier takes from a site on a day: open until it is closed, for good."""

    __tablename__ = "manifest"
    __table_args__ = (
        CheckConstraint("(closed_at IS NULL) = (closed_by = '')", name="closed"),
        UniqueConstraint("site_id", "carrier", "ship_on", "number"),
        Index(
            "ix_manifest_open", "site_id", "carrier", unique=True,
            postgresql_where=text("closed_at IS NULL"),
        ),
    )  # fmt: skip

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    carrier: Mapped[str]
    ship_on: Mapped[date]
    number: Mapped[int]
    made_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str] = mapped_column(server_default="")


class DockLoad(Base):
    """What is loaded at a door: the parcels that belong on that van, and those the gate saw."""

    __tablename__ = "dock_load"
    __table_args__ = (
        Index(
            "ix_dock_load_open", "site_id", "door", unique=True,
            postgresql_where=text("closed_at IS NULL"),
        ),
    )  # fmt: skip

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    door: Mapped[str]
    route: Mapped[str]
    manifest_id: Mapped[UUID | None]
    parcels: Mapped[list[str]] = mapped_column(JSONB)
    seen: Mapped[list[str]] = mapped_column(JSONB, server_default="[]")
    seal: Mapped[str] = mapped_column(server_default="")
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
