"""The catalog: what goods there are, whose they are, and how a scanner names them.

A SKU is known to people by its code, unique within its owner, and to machines by any of its
barcodes. Its id is derived from owner and code, so that the same master data loaded twice, or in
two places, makes the same SKU. Lengths are millimetres, weights grams.

Source: GS1 General Specifications, section 7.9 (check digits).
"""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar, Literal, TypeAlias
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from edge import gs1
from wms.database import Base
from wms.errors import Rejected
from wms.ids import OwnerId, SkuId, derive

HOUSE_OWNER_ID = OwnerId(UUID("00000000-0000-7000-8000-000000000001"))  # made by the migration

Tracking: TypeAlias = Literal["NONE", "LOT", "SERIAL", "BOTH"]
Temperature: TypeAlias = Literal["AMBIENT", "COOL", "FROZEN"]


class MalformedGtin(Rejected):
    """A barcode that is not a GTIN: wrong length, not digits, or a wrong check digit.

    Attributes:
        text: what was given.
    """

    code: ClassVar[str] = "malformed_gtin"

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class Owner(Base):
    """Whose goods they are (荷主)."""

    __tablename__ = "owner"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]


class Sku(Base):
    """One kind of goods."""

    __tablename__ = "sku"
    __table_args__ = (
        UniqueConstraint("owner_id", "code"),
        CheckConstraint("tracking IN ('NONE', 'LOT', 'SERIAL', 'BOTH')", name="tracking"),
        CheckConstraint("temperature IN ('AMBIENT', 'COOL', 'FROZEN')", name="temperature"),
        CheckConstraint(
            "length_mm >= 0 AND width_mm >= 0 AND height_mm >= 0 AND weight_g >= 0", name="size"
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("owner.id"))
    code: Mapped[str]
    name_en: Mapped[str]
    name_ja: Mapped[str]
    tracking: Mapped[str] = mapped_column(server_default="NONE")
    temperature: Mapped[str] = mapped_column(server_default="AMBIENT")
    length_mm: Mapped[int] = mapped_column(server_default="0")
    width_mm: Mapped[int] = mapped_column(server_default="0")
    height_mm: Mapped[int] = mapped_column(server_default="0")
    weight_g: Mapped[int] = mapped_column(server_default="0")
    catch_weight: Mapped[bool] = mapped_column(server_default="false")
    shelf_life_days: Mapped[int | None]
    dangerous_goods: Mapped[str] = mapped_column(server_default="")
    saved_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Pack(Base):
    """How a SKU is packed: an inner box, a case, a pallet of so many units (入数)."""

    __tablename__ = "pack"
    __table_args__ = (
        CheckConstraint("level IN ('EACH', 'INNER', 'CASE', 'PALLET')", name="level"),
        CheckConstraint("units > 0", name="units"),
    )

    sku_id: Mapped[UUID] = mapped_column(ForeignKey("sku.id"), primary_key=True)
    level: Mapped[str] = mapped_column(primary_key=True)
    units: Mapped[int]
    length_mm: Mapped[int] = mapped_column(server_default="0")
    width_mm: Mapped[int] = mapped_column(server_default="0")
    height_mm: Mapped[int] = mapped_column(server_default="0")
    weight_g: Mapped[int] = mapped_column(server_default="0")


class Lot(Base):
    """Goods of a SKU that were made together: until when they may be sold, if at all."""

    __tablename__ = "lot"
    __table_args__ = (CheckConstraint("status IN ('OK', 'BLOCKED')", name="status"),)

    sku_id: Mapped[UUID] = mapped_column(ForeignKey("sku.id"), primary_key=True)
    code: Mapped[str] = mapped_column(primary_key=True)
    expires_on: Mapped[date | None]
    made_on: Mapped[date | None]
    origin: Mapped[str] = mapped_column(server_default="")
    status: Mapped[str] = mapped_column(server_default="OK")


class Barcode(Base):
    """What a scanner may read on a SKU, always as a GTIN-14; a case's own says how many."""

    __tablename__ = "barcode"
    __table_args__ = (CheckConstraint("units > 0", name="units"),)

    owner_id: Mapped[UUID] = mapped_column(ForeignKey("owner.id"), primary_key=True)
    gtin: Mapped[str] = mapped_column(primary_key=True)
    sku_id: Mapped[UUID] = mapped_column(ForeignKey("sku.id"), index=True)
    units: Mapped[int] = mapped_column(server_default="1")


@dataclass(frozen=True, slots=True, kw_only=True)
class SkuRecord:
    """A SKU as master data bring it."""

    code: str
    name_en: str
    name_ja: str = ""
    gtins: tuple[str, ...] = ()
    tracking: Tracking = "NONE"
    temperature: Temperature = "AMBIENT"
    length_mm: int = 0
    width_mm: int = 0
    height_mm: int = 0
    weight_g: int = 0
    owner_id: OwnerId = HOUSE_OWNER_ID


def sku_id(code: str, owner_id: OwnerId = HOUSE_OWNER_ID) -> SkuId:
    """The id of the SKU with that code."""
    return SkuId(derive(owner_id, "sku", code))


def gtin14(text: str) -> str:
    """A GTIN of 8, 12, 13 or 14 digits in its one form of 14; wide digits are read as digits.

    Raises:
        MalformedGtin: it is none.
    """
    try:
        return gs1.gtin14(unicodedata.normalize("NFKC", text).strip())
    except gs1.InvalidKey as error:
        raise MalformedGtin(text) from error


def save_skus(session: Session, records: Sequence[SkuRecord]) -> list[SkuId]:
    """Make or change SKUs and their barcodes, known by owner and code. Repeating changes nothing.

    Raises:
        MalformedGtin: a barcode is none; nothing is saved.
    """
    skus, barcodes = {}, {}
    for record in records:
        id_ = sku_id(record.code, record.owner_id)
        skus[id_] = {
            "id": id_,
            "owner_id": record.owner_id,
            "code": record.code,
            "name_en": record.name_en,
            "name_ja": record.name_ja or record.name_en,
            "tracking": record.tracking,
            "temperature": record.temperature,
            "length_mm": record.length_mm,
            "width_mm": record.width_mm,
            "height_mm": record.height_mm,
            "weight_g": record.weight_g,
        }
        for gtin in map(gtin14, record.gtins):
            barcodes[record.owner_id, gtin] = {
                "owner_id": record.owner_id, "gtin": gtin, "sku_id": id_, "units": 1
            }  # fmt: skip
    _upsert(session, Sku, [skus[key] for key in sorted(skus)], ["id"])
    _upsert(session, Barcode, [barcodes[key] for key in sorted(barcodes)], ["owner_id", "gtin"])
    return [sku_id(record.code, record.owner_id) for record in records]


def skus_by_code(
    session: Session, codes: Iterable[str], owner_id: OwnerId = HOUSE_OWNER_ID
) -> dict[str, Sku]:
    """Those of the codes that there are, with their SKUs."""
    query = select(Sku).where(Sku.owner_id == owner_id, Sku.code.in_(set(codes)))
    return {sku.code: sku for sku in session.scalars(query)}


def find_by_barcode(session: Session, text: str) -> Sku | None:
    """The SKU that a scanner means: by any of its GTINs, else by its code."""
    try:
        query = select(Sku).join(Barcode, Barcode.sku_id == Sku.id)
        found = session.scalars(query.where(Barcode.gtin == gtin14(text)).limit(1)).first()
    except MalformedGtin:
        found = None
    return found or session.scalars(select(Sku).where(Sku.code == text).limit(1)).first()


def _upsert(
    session: Session, table: type[Base], rows: list[dict[str, object]], key: list[str]
) -> None:
    if not rows:
        return
    statement = insert(table)
    changes = {name: statement.excluded[name] for name in rows[0] if name not in key}
    session.execute(statement.on_conflict_do_update(index_elements=key, set_=changes), rows)
