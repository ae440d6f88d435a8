"""Tables: operator, device, who is signed in where, and wrong PINs.

A badge, a pairing code and a token are kept as hashes: a quick one, since nobody guesses 128
random bits; a badge is no secret at all and is hashed only so that a list of operators is not a
list of badges. A PIN has few digits: it is kept with argon2 (wms.people.pin).
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, LargeBinary, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Text

from wms.database import Base


class Operator(Base):
    """Somebody who works here. Empty `kinds`, `zones`: any; `equipment` is what they may drive.

    `code` is what the books say; the name stays on the screens.
    """

    __tablename__ = "operator"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    badge_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    pin_hash: Mapped[str]
    languages: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{ja}")
    kinds: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    zones: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    equipment: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    supervisor: Mapped[bool] = mapped_column(server_default="false")
    active: Mapped[bool] = mapped_column(server_default="true")
    made_at: Mapped[datetime]


class Device(Base):
    """A handheld or a screen. With `pairing_hash` it waits for the one that scans its code.

    What it said of itself last: `battery` in percent, `firmware` in its own words, `queued` scans
    that it has not sent yet.
    """

    __tablename__ = "device"
    __table_args__ = (
        Index(
            "ix_device_pairing_hash",
            "pairing_hash",
            postgresql_where=text("pairing_hash IS NOT NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    site_id: Mapped[UUID]
    zone: Mapped[str] = mapped_column(server_default="")
    station: Mapped[str] = mapped_column(server_default="")
    printer: Mapped[str] = mapped_column(server_default="")
    equipment: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    pairing_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    pairing_until: Mapped[datetime | None]
    token_hash: Mapped[bytes | None] = mapped_column(LargeBinary, unique=True)
    made_at: Mapped[datetime]
    paired_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_seen_at: Mapped[datetime | None]
    battery: Mapped[int | None]
    firmware: Mapped[str] = mapped_column(server_default="")
    queued: Mapped[int] = mapped_column(server_default="0")


class SignIn(Base):
    """An operator at a device. `away_at`: the next user has come; `ended_at`: signed out."""

    __tablename__ = "sign_in"
    __table_args__ = (
        Index("ix_sign_in_device_id", "device_id", "began_at"),
        Index("ix_sign_in_operator_id", "operator_id", "began_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    operator_id: Mapped[UUID] = mapped_column(ForeignKey("operator.id"))
    device_id: Mapped[UUID] = mapped_column(ForeignKey("device.id"))
    began_at: Mapped[datetime]
    pin_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    away_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class SignInTry(Base):
    """How often a PIN was wrong in a row, for a badge at a device."""

    __tablename__ = "sign_in_try"

    device_id: Mapped[UUID] = mapped_column(primary_key=True)
    badge_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    failed: Mapped[int]
    at: Mapped[datetime]
