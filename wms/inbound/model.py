"""Tables: what suppliers have announced, docks and their hours, receipts, inspections, putaways.

    asn            what a supplier sends (or, BLIND, what came unannounced): EXPECTED -> ARRIVED
                   (at the door, or something of it is received) -> CLOSED | CANCELLED
    asn_line       units of a SKU in it: `received` are good, `damaged` and `held` are not
    asn_unit       a pallet or carton of it by its SSCC, with its content: received whole, once
    receipt        units that somebody has counted: one movement of the ledger each
    appointment    a truck at a door, from then to then; each quarter of an hour is a `dock_slot`
    inspection     a sample of a receipt, and what was found
    putaway        goods at the dock that go to a place; `to` and `second` are kept free for it

Units are base units; the ledger's supply of a line is `derive(asn_id, "supply", line_no)`.
"""

from datetime import date, datetime, time
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from wms.database import Base

ASN_STATES = ("EXPECTED", "ARRIVED", "CLOSED", "CANCELLED")
OPEN_STATES = ("EXPECTED", "ARRIVED")


class Asn(Base):
    """An advance shipping notice (入荷予定). `number` is the supplier's, one an open delivery."""

    __tablename__ = "asn"
    __table_args__ = (
        CheckConstraint("kind IN ('ASN', 'BLIND')", name="kind"),
        CheckConstraint("state IN ('EXPECTED', 'ARRIVED', 'CLOSED', 'CANCELLED')", name="state"),
        CheckConstraint("eta_p50 <= eta_p90", name="eta"),
        CheckConstraint(
            "(state IN ('CLOSED', 'CANCELLED')) = (ended_at IS NOT NULL)", name="ended"
        ),
        Index("ix_asn_id", "id"),
        Index("ix_asn_eta", "site_id", "eta_p50", "id"),
        Index(
            "ix_asn_number",
            "site_id",
            "supplier",
            "number",
            unique=True,
            postgresql_where=text("state IN ('EXPECTED', 'ARRIVED')"),
        ),
    )

    site_id: Mapped[UUID] = mapped_column(ForeignKey("site.id"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(server_default="ASN")
    number: Mapped[str]
    supplier: Mapped[str]
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("owner.id"))
    purchase_order: Mapped[str] = mapped_column(server_default="")
    state: Mapped[str] = mapped_column(server_default="EXPECTED")
    eta_p50: Mapped[datetime]
    eta_p90: Mapped[datetime]
    body_hash: Mapped[str]
    made_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    arrived_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str] = mapped_column(server_default="")
    packets: Mapped[int] = mapped_column(server_default="0")


class AsnLine(Base):
    """Units of a SKU in a delivery, and what came of them.

    `landed` of the received ones are in stock, and promises on them have been kept.
    """

    __tablename__ = "asn_line"
    __table_args__ = (
        ForeignKeyConstraint(["site_id", "asn_id"], ["asn.site_id", "asn.id"]),
        CheckConstraint("level IN ('EACH', 'INNER', 'CASE', 'PALLET')", name="level"),
        CheckConstraint(
            "units >= 0 AND received >= 0 AND damaged >= 0 AND held >= 0 AND landed >= 0"
            " AND landed <= received",
            name="units",
        ),
    )

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    asn_id: Mapped[UUID] = mapped_column(primary_key=True)
    line_no: Mapped[int] = mapped_column(primary_key=True)
    sku_id: Mapped[UUID] = mapped_column(ForeignKey("sku.id"))
    units: Mapped[int]
    lot: Mapped[str] = mapped_column(server_default="")
    expires_on: Mapped[date | None]
    level: Mapped[str] = mapped_column(server_default="EACH")
    received: Mapped[int] = mapped_column(server_default="0")
    damaged: Mapped[int] = mapped_column(server_default="0")
    held: Mapped[int] = mapped_column(server_default="0")
    landed: Mapped[int] = mapped_column(server_default="0")


class AsnUnit(Base):
    """A pallet or carton of a delivery, by its SSCC (or the GRAI of what it stands in)."""

    __tablename__ = "asn_unit"
    __table_args__ = (
        ForeignKeyConstraint(["site_id", "asn_id"], ["asn.site_id", "asn.id"]),
        CheckConstraint("state IN ('EXPECTED', 'RECEIVED', 'CANCELLED')", name="state"),
        CheckConstraint("kind IN ('CARTON', 'PALLET', 'TOTE', 'CAGE')", name="kind"),
        Index("ix_asn_unit_asn_id", "site_id", "asn_id"),
    )

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(primary_key=True)
    asn_id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(server_default="PALLET")
    content: Mapped[dict[str, int]] = mapped_column(JSONB)
    state: Mapped[str] = mapped_column(server_default="EXPECTED")
    received_at: Mapped[datetime | None]
    received_by: Mapped[str] = mapped_column(server_default="")


class Receipt(Base):
    """Units that came in: counted by a person, or announced in a unit that a gate has seen.

    GOOD goods stand at the dock (or wait for inspection), DAMAGED and HELD ones in quarantine.
    It is never changed; undone by the opposite movement, once. `line_no` 0: not announced.
    """

    __tablename__ = "receipt"
    __table_args__ = (
        ForeignKeyConstraint(["site_id", "asn_id"], ["asn.site_id", "asn.id"]),
        CheckConstraint("outcome IN ('GOOD', 'DAMAGED', 'HELD')", name="outcome"),
        CheckConstraint("units > 0 AND landed >= 0 AND landed <= units", name="units"),
        Index("ix_receipt_asn_id", "site_id", "asn_id", "at"),
        Index("ix_receipt_unit_code", "site_id", "unit_code"),
    )

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    asn_id: Mapped[UUID]
    line_no: Mapped[int] = mapped_column(server_default="0")
    sku_id: Mapped[UUID] = mapped_column(ForeignKey("sku.id"))
    units: Mapped[int]
    outcome: Mapped[str]
    why: Mapped[str] = mapped_column(server_default="")
    lot: Mapped[str] = mapped_column(server_default="")
    expires_on: Mapped[date | None]
    serials: Mapped[list[str]] = mapped_column(JSONB, server_default="[]")
    weight_g: Mapped[int | None]
    unit_code: Mapped[str] = mapped_column(server_default="")
    location_id: Mapped[UUID]
    photo: Mapped[str] = mapped_column(server_default="")
    actor: Mapped[str]
    at: Mapped[datetime]
    landed: Mapped[int] = mapped_column(server_default="0")
    reversed_at: Mapped[datetime | None]
    reversed_by: Mapped[str] = mapped_column(server_default="")


class InboundPolicy(Base):
    """What is tolerated of a supplier ('' is any) and a SKU (the nil UUID is any).

    Over by `over_percent` and `over_units` together is taken; what is beyond is held or refused.
    """

    __tablename__ = "inbound_policy"
    __table_args__ = (
        CheckConstraint("over IN ('HOLD', 'REFUSE')", name="over"),
        CheckConstraint("unlisted IN ('HOLD', 'REFUSE', 'TAKE')", name="unlisted"),
        CheckConstraint("labels IN ('NONE', 'ASK', 'PRINT')", name="labels"),
        CheckConstraint(
            "over_percent >= 0 AND over_units >= 0 AND under_percent >= 0 AND shelf_days_min >= 0",
            name="figures",
        ),
    )

    site_id: Mapped[UUID] = mapped_column(ForeignKey("site.id"), primary_key=True)
    supplier: Mapped[str] = mapped_column(primary_key=True)
    sku_id: Mapped[UUID] = mapped_column(primary_key=True)
    over_percent: Mapped[int] = mapped_column(server_default="0")
    over_units: Mapped[int] = mapped_column(server_default="0")
    under_percent: Mapped[int] = mapped_column(server_default="0")
    over: Mapped[str] = mapped_column(server_default="HOLD")
    unlisted: Mapped[str] = mapped_column(server_default="HOLD")
    labels: Mapped[str] = mapped_column(server_default="NONE")
    shelf_days_min: Mapped[int] = mapped_column(server_default="0")


class DockDoor(Base):
    """A door where trucks unload, and between which hours of the site's day."""

    __tablename__ = "dock_door"

    site_id: Mapped[UUID] = mapped_column(ForeignKey("site.id"), primary_key=True)
    code: Mapped[str] = mapped_column(primary_key=True)
    opens: Mapped[time] = mapped_column(server_default="00:00")
    closes: Mapped[time] = mapped_column(server_default="23:59")
    active: Mapped[bool] = mapped_column(server_default="true")


class Appointment(Base):
    """A truck at a door. PLANNED -> CHECKED_IN -> DONE; or NO_SHOW, or CANCELLED."""

    __tablename__ = "appointment"
    __table_args__ = (
        ForeignKeyConstraint(["site_id", "door"], ["dock_door.site_id", "dock_door.code"]),
        CheckConstraint(
            "state IN ('PLANNED', 'CHECKED_IN', 'DONE', 'NO_SHOW', 'CANCELLED')", name="state"
        ),
        CheckConstraint("starts_at < ends_at", name="times"),
        Index("ix_appointment_starts_at", "site_id", "starts_at"),
        Index("ix_appointment_asn_id", "site_id", "asn_id"),
    )

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    door: Mapped[str]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    asn_id: Mapped[UUID | None]
    carrier: Mapped[str] = mapped_column(server_default="")
    vehicle: Mapped[str] = mapped_column(server_default="")
    state: Mapped[str] = mapped_column(server_default="PLANNED")
    late: Mapped[bool] = mapped_column(server_default="false")
    body_hash: Mapped[str]
    made_at: Mapped[datetime]
    checked_in_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class DockSlot(Base):
    """A quarter of an hour at a door: one appointment has it, or nobody."""

    __tablename__ = "dock_slot"
    __table_args__ = (
        ForeignKeyConstraint(
            ["site_id", "appointment_id"], ["appointment.site_id", "appointment.id"]
        ),
        Index("ix_dock_slot_appointment_id", "site_id", "appointment_id"),
    )

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    door: Mapped[str] = mapped_column(primary_key=True)
    slot_at: Mapped[datetime] = mapped_column(primary_key=True)
    appointment_id: Mapped[UUID]


class InspectionPlan(Base):
    """How goods of a supplier ('' any) and a SKU (nil: any) are inspected: n of N, c bad at most.

    After `skip_after` good deliveries only one in `skip_every` is inspected; a bad one, and all
    units of the next `tighten` deliveries are.
    """

    __tablename__ = "inspection_plan"
    __table_args__ = (
        CheckConstraint(
            "sample_units > 0 AND of_units >= sample_units AND accept >= 0 AND skip_after >= 0"
            " AND skip_every >= 1 AND tighten >= 0",
            name="figures",
        ),
    )

    site_id: Mapped[UUID] = mapped_column(ForeignKey("site.id"), primary_key=True)
    supplier: Mapped[str] = mapped_column(primary_key=True)
    sku_id: Mapped[UUID] = mapped_column(primary_key=True)
    sample_units: Mapped[int]
    of_units: Mapped[int]
    accept: Mapped[int] = mapped_column(server_default="0")
    skip_after: Mapped[int] = mapped_column(server_default="0")
    skip_every: Mapped[int] = mapped_column(server_default="1")
    tighten: Mapped[int] = mapped_column(server_default="0")
    active: Mapped[bool] = mapped_column(server_default="true")


class InspectionSwitch(Base):
    """What inspections of a supplier's SKU have found so far: good ones in a row, since when."""

    __tablename__ = "inspection_switch"

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    supplier: Mapped[str] = mapped_column(primary_key=True)
    sku_id: Mapped[UUID] = mapped_column(primary_key=True)
    good_run: Mapped[int] = mapped_column(server_default="0")
    skipped: Mapped[int] = mapped_column(server_default="0")
    tight: Mapped[int] = mapped_column(server_default="0")


class Inspection(Base):
    """A sample of a receipt: OPEN -> PASSED (to the dock) | FAILED (held, its lot blocked)."""

    __tablename__ = "inspection"
    __table_args__ = (
        ForeignKeyConstraint(["site_id", "receipt_id"], ["receipt.site_id", "receipt.id"]),
        CheckConstraint("state IN ('OPEN', 'PASSED', 'FAILED', 'CANCELLED')", name="state"),
        CheckConstraint(
            "sample > 0 AND sample <= units AND bad BETWEEN 0 AND sample", name="units"
        ),
        CheckConstraint("(state = 'OPEN') = (ended_at IS NULL)", name="ended"),
    )

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    receipt_id: Mapped[UUID]
    supplier: Mapped[str]
    sku_id: Mapped[UUID]
    units: Mapped[int]
    sample: Mapped[int]
    accept: Mapped[int]
    mode: Mapped[str]
    bad: Mapped[int] = mapped_column(server_default="0")
    state: Mapped[str] = mapped_column(server_default="OPEN")
    photo: Mapped[str] = mapped_column(server_default="")
    made_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str] = mapped_column(server_default="")


class PutawayTable(Base):
    """The putaway rules of a site; the newest version is the one that counts."""

    __tablename__ = "putaway_table"

    site_id: Mapped[UUID] = mapped_column(ForeignKey("site.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    rules: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    made_at: Mapped[datetime]
    made_by: Mapped[str]


class Putaway(Base):
    """Goods (a unit with all in it, or loose ones) that go from a place to another.

    OPEN: a person does it; MOVING: a robot does. While it is open its units are kept free at the
    place that it goes to and at the second choice. `before` and `limit_units` are what the place
    had and may have at most, when it came there.
    """

    __tablename__ = "putaway"
    __table_args__ = (
        CheckConstraint("state IN ('OPEN', 'MOVING', 'DONE', 'CANCELLED')", name="state"),
        CheckConstraint("units > 0 AND done_units BETWEEN 0 AND units", name="units"),
        CheckConstraint("before + done_units <= limit_units", name="limit"),
        CheckConstraint("unit_code <> '' OR sku_id IS NOT NULL", name="goods"),
        Index("ix_putaway_task_id", "site_id", "task_id"),
        Index(
            "ix_putaway_open",
            "site_id",
            "to_location_id",
            postgresql_where=text("state IN ('OPEN', 'MOVING')"),
        ),
        Index("ix_putaway_transport_id", "transport_id"),
    )

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    cause: Mapped[UUID]
    receipt_id: Mapped[UUID | None]
    unit_code: Mapped[str] = mapped_column(server_default="")
    owner_id: Mapped[UUID]
    sku_id: Mapped[UUID | None]
    lot: Mapped[str] = mapped_column(server_default="")
    serials: Mapped[list[str]] = mapped_column(JSONB, server_default="[]")
    units: Mapped[int]
    weight_g: Mapped[int] = mapped_column(server_default="0")
    from_location_id: Mapped[UUID]
    to_location_id: Mapped[UUID | None]
    second_location_id: Mapped[UUID | None]
    refused: Mapped[list[str]] = mapped_column(JSONB, server_default="[]")
    verdict: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    state: Mapped[str] = mapped_column(server_default="OPEN")
    task_id: Mapped[UUID | None]
    transport_id: Mapped[UUID | None]
    done_units: Mapped[int] = mapped_column(server_default="0")
    before: Mapped[int] = mapped_column(server_default="0")
    limit_units: Mapped[int | None]
    made_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str] = mapped_column(server_default="")
