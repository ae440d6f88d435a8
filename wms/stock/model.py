"""Tables of the stock ledger, for reading. Only the posting functions write them.

Only `wms.stock` may name them. The laws are checks in the database (wms/migrations/posting).
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Integer,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from wms.database import Base


class HandlingUnit(Base):
    """A tote, carton, parcel, pallet or cage: goods in it go where it goes."""

    __tablename__ = "handling_unit"
    __table_args__ = (
        UniqueConstraint("site_id", "code"),
        ForeignKeyConstraint(
            ["site_id", "parent_id"], ["handling_unit.site_id", "handling_unit.id"]
        ),
        ForeignKeyConstraint(["site_id", "location_id"], ["location.site_id", "location.id"]),
        CheckConstraint("kind IN ('TOTE', 'CARTON', 'PARCEL', 'PALLET', 'CAGE')", name="kind"),
    )

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    code: Mapped[str]
    kind: Mapped[str]
    parent_id: Mapped[UUID | None]
    location_id: Mapped[UUID | None]


class StockBalance(Base):
    """What one site has of one SKU in one condition, by state: the row that is locked."""

    __tablename__ = "stock_balance"

    site_id: Mapped[UUID] = mapped_column(ForeignKey("site.id"), primary_key=True)
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("owner.id"), primary_key=True)
    sku_id: Mapped[UUID] = mapped_column(ForeignKey("sku.id"), primary_key=True)
    segment: Mapped[str] = mapped_column(primary_key=True)
    expected: Mapped[int]
    received: Mapped[int]
    sellable: Mapped[int]
    reserved: Mapped[int]
    cart: Mapped[int]
    click_reserve: Mapped[int]
    allocated: Mapped[int]
    picked: Mapped[int]
    packed: Mapped[int]
    to_customer: Mapped[int]
    to_store: Mapped[int]
    to_locker: Mapped[int]
    store_to_dc: Mapped[int]
    dc_to_dc: Mapped[int]
    return_requested: Mapped[int]
    return_in_transit: Mapped[int]
    return_received: Mapped[int]
    quarantine: Mapped[int]
    damaged: Mapped[int]
    lost: Mapped[int]
    unknown: Mapped[int]
    safety: Mapped[int]
    overdraft: Mapped[int]
    blocked: Mapped[int]
    judged_at: Mapped[datetime | None]
    stops_at: Mapped[datetime | None]


class Quant(Base):
    """What is where: units of a SKU at a place, in a handling unit (or the nil UUID: in none)."""

    __tablename__ = "quant"

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    location_id: Mapped[UUID] = mapped_column(primary_key=True)
    sku_id: Mapped[UUID] = mapped_column(primary_key=True)
    owner_id: Mapped[UUID] = mapped_column(primary_key=True)
    handling_unit_id: Mapped[UUID] = mapped_column(primary_key=True)
    lot: Mapped[str] = mapped_column(primary_key=True)
    condition: Mapped[str] = mapped_column(primary_key=True)
    units: Mapped[int]
    pinned: Mapped[int]
    weight_g: Mapped[int]
    outside: Mapped[bool]


class Hold(Base):
    """Units set aside for one demand. Its id is the client's, so asking twice holds once."""

    __tablename__ = "hold"

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    owner_id: Mapped[UUID]
    sku_id: Mapped[UUID]
    segment: Mapped[str]
    kind: Mapped[str]
    channel: Mapped[str]
    state: Mapped[str]
    supply_id: Mapped[UUID | None]
    units: Mapped[int]
    demand_id: Mapped[UUID] = mapped_column(index=True)
    group_id: Mapped[UUID | None]
    parent_id: Mapped[UUID | None]
    asked: Mapped[UUID | None]
    free_then: Mapped[int]
    expires_at: Mapped[datetime | None]
    location_id: Mapped[UUID | None]
    handling_unit_id: Mapped[UUID]
    lot: Mapped[str]
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]


class Movement(Base):
    """Units that went from one place to another. Written once."""

    __tablename__ = "movement"

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    recorded_at: Mapped[datetime] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(primary_key=True)
    command_id: Mapped[UUID]
    cause_kind: Mapped[str]
    cause_id: Mapped[UUID]
    actor: Mapped[str]
    owner_id: Mapped[UUID]
    sku_id: Mapped[UUID]
    lot: Mapped[str]
    serial: Mapped[str]
    from_condition: Mapped[str]
    to_condition: Mapped[str]
    from_location_id: Mapped[UUID]
    from_unit_id: Mapped[UUID]
    to_location_id: Mapped[UUID]
    to_unit_id: Mapped[UUID]
    units: Mapped[int]
    weight_g: Mapped[int]
    variance_g: Mapped[int]
    reason: Mapped[str]
    occurred_at: Mapped[datetime]
    xid: Mapped[int]


class ChannelBuffer(Base):
    """Units that one channel may not have, of what is free: kept for the others."""

    __tablename__ = "channel_buffer"

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    owner_id: Mapped[UUID] = mapped_column(primary_key=True)
    sku_id: Mapped[UUID] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(primary_key=True)
    keep: Mapped[int]


class Supply(Base):
    """What is to come, and how much of it is promised already."""

    __tablename__ = "supply"

    site_id: Mapped[UUID] = mapped_column(ForeignKey("site.id"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    owner_id: Mapped[UUID]
    sku_id: Mapped[UUID] = mapped_column(ForeignKey("sku.id"))
    segment: Mapped[str]
    units: Mapped[int]
    received: Mapped[int]
    held: Mapped[int]
    eta_p50: Mapped[datetime]
    eta_p90: Mapped[datetime]
    confidence: Mapped[int] = mapped_column(Integer)
    state: Mapped[str]
    changed_at: Mapped[datetime]


class Serial(Base):
    """Where each serial number is."""

    __tablename__ = "serial"

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    owner_id: Mapped[UUID] = mapped_column(primary_key=True)
    sku_id: Mapped[UUID] = mapped_column(primary_key=True)
    serial: Mapped[str] = mapped_column(primary_key=True)
    location_id: Mapped[UUID]
    handling_unit_id: Mapped[UUID]
    lot: Mapped[str]
    condition: Mapped[str]
    hold_id: Mapped[UUID | None]
