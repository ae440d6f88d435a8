"""The catalog: what goods there are, whose they are, and how a scanner names them.

A SKU is known to people by its code, unique within its owner, and to machines by any of its
barcodes. Its id is derived from owner and code, so that the same master data loaded twice, or in
two places, makes the same SKU. Lengths are millimetres, weights grams.

Source: GS1 General Specifications, section 7.9 (check digits).
"""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, ClassVar, Literal, TypeAlias
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    UniqueConstraint,
    Uuid,
    any_,
    delete,
    func,
    literal,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from edge import gs1
from wms.bulk import upsert
from wms.database import Base
from wms.errors import Conflict, Rejected
from wms.ids import OwnerId, SkuId, derive

HOUSE_OWNER_ID = OwnerId(UUID("00000000-0000-7000-8000-000000000001"))  # made by the migration
HOUSE = "HOUSE"
_OWNERS: dict[UUID, OwnerId] = {}  # of SKUs that somebody has asked for

Tracking: TypeAlias = Literal["NONE", "LOT", "SERIAL", "BOTH"]
Temperature: TypeAlias = Literal["AMBIENT", "COOL", "FROZEN"]
Level: TypeAlias = Literal["EACH", "INNER", "CASE", "PALLET"]
LotStatus: TypeAlias = Literal["OK", "BLOCKED"]


class MalformedGtin(Rejected):
    """A barcode that is not a GTIN: wrong length, not digits, or a wrong check digit.

    Attributes:
        text: what was given.
    """

    code: ClassVar[str] = "malformed_gtin"

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class TrackingInUse(Conflict):
    """How a SKU is kept (by lot, serial, weight) cannot change while there are goods of it.

    Attributes:
        sku: its code.
    """

    code: ClassVar[str] = "tracking_in_use"

    def __init__(self, sku: str) -> None:
        super().__init__(f"there is stock of {sku}: how it is kept cannot change now")
        self.sku = sku


class Owner(Base):
    """Whose goods they are (荷主)."""

    __tablename__ = "owner"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]


class Sku(Base):
    """One kind of goods: how it is kept, and how it is handled; `picture` is an address."""

    __tablename__ = "sku"
    __table_args__ = (
        UniqueConstraint("owner_id", "code"),
        CheckConstraint("tracking IN ('NONE', 'LOT', 'SERIAL', 'BOTH')", name="tracking"),
        CheckConstraint("temperature IN ('AMBIENT', 'COOL', 'FROZEN')", name="temperature"),
        CheckConstraint("least(length_mm, width_mm, height_mm, weight_g) >= 0", name="size"),
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
    upright: Mapped[bool] = mapped_column(server_default="false")
    fragile: Mapped[bool] = mapped_column(server_default="false")
    stackable: Mapped[bool] = mapped_column(server_default="true")
    picture: Mapped[str] = mapped_column(server_default="")
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
    expires_on: Mapped[date | None] = mapped_column(index=True)
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
class PackRecord:
    """A pack of so many units, with its own barcodes. EACH is one unit."""

    level: Level
    units: int
    gtins: tuple[str, ...] = ()
    length_mm: int = 0
    width_mm: int = 0
    height_mm: int = 0
    weight_g: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LotRecord:
    """A lot as master data bring it. `expires_on` is the last day on which it may be sold."""

    sku_id: SkuId
    code: str
    expires_on: date | None = None
    made_on: date | None = None
    origin: str = ""
    status: LotStatus = "OK"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanned:
    """What a scanner means: a SKU, and how many units what it read has in it."""

    sku: Sku
    units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SkuRecord:
    """A SKU as master data bring it; `packs` are all that there are of it (None: as they are)."""

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
    catch_weight: bool = False
    shelf_life_days: int | None = None
    dangerous_goods: str = ""
    upright: bool = False
    fragile: bool = False
    stackable: bool = True
    picture: str = ""
    packs: tuple[PackRecord, ...] | None = ()
    owner_id: OwnerId = HOUSE_OWNER_ID


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerRecord:
    """An owner as master data bring it."""

    code: str
    name: str


def owner_id(code: str) -> OwnerId:
    """The id of the owner with that code."""
    return HOUSE_OWNER_ID if code == HOUSE else OwnerId(derive(HOUSE_OWNER_ID, "owner", code))


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


def save_owners(session: Session, records: Sequence[OwnerRecord]) -> list[OwnerId]:
    """Make or change owners, known by code."""
    rows = {record.code: _slots(record) | {"id": owner_id(record.code)} for record in records}
    upsert(session, Owner, [rows[code] for code in sorted(rows)], ["id"])
    return [owner_id(record.code) for record in records]


def save_skus(session: Session, records: Sequence[SkuRecord]) -> list[SkuId]:
    """Make or change SKUs, their packs and barcodes. Repeating changes nothing.

    SKUs are known by owner and code. The last record of a SKU counts.

    Raises:
        MalformedGtin: a barcode is none; nothing is saved.
        TrackingInUse: a SKU of which there is stock would be kept another way.
    """
    by_id = {sku_id(record.code, record.owner_id): record for record in records}
    ids = sorted(by_id)
    packs = [_pack_row(id_, pack) for id_ in ids for pack in by_id[id_].packs or ()]
    barcodes = {
        (by_id[id_].owner_id, gtin14(gtin)): (id_, units)
        for id_ in ids
        for units, gtins in _gtins(by_id[id_])
        for gtin in gtins
    }
    for code in kept_otherwise(session, by_id):
        raise TrackingInUse(code)
    upsert(session, Sku, [_sku_row(id_, by_id[id_]) for id_ in ids], ["id"])
    packed = {id_ for id_ in ids if by_id[id_].packs is not None}
    session.execute(delete(Pack).where(Pack.sku_id.in_(packed)))
    if packs:
        session.execute(insert(Pack), packs)
    _save_barcodes(session, barcodes)
    return [sku_id(record.code, record.owner_id) for record in records]


def save_packs(session: Session, records: Sequence[tuple[OwnerId, SkuId, PackRecord]]) -> None:
    """Make or change packs one by one, known by SKU and level; a SKU's others stay as they are.

    Raises:
        MalformedGtin: a barcode is none; nothing is saved.
    """
    rows = {(id_, pack.level): _pack_row(id_, pack) for _, id_, pack in records}
    barcodes = {
        (owner, gtin14(gtin)): (id_, pack.units)
        for owner, id_, pack in records
        for gtin in pack.gtins
    }
    upsert(session, Pack, [rows[key] for key in sorted(rows)], ["sku_id", "level"])
    _save_barcodes(session, barcodes)


def _save_barcodes(
    session: Session, barcodes: Mapping[tuple[OwnerId, str], tuple[SkuId, int]]
) -> None:
    rows: list[dict[str, object]] = [
        {"owner_id": owner, "gtin": gtin, "sku_id": id_, "units": units}
        for (owner, gtin), (id_, units) in sorted(barcodes.items())
    ]
    upsert(session, Barcode, rows, ["owner_id", "gtin"])


def owner_of(session: Session, sku: UUID) -> OwnerId:
    """Whose goods a SKU's are. It never changes: the SKU's id is derived from it."""
    if sku not in _OWNERS:
        _OWNERS[sku] = OwnerId(session.scalars(select(Sku.owner_id).where(Sku.id == sku)).one())
    return _OWNERS[sku]


def save_lots(session: Session, records: Sequence[LotRecord]) -> None:
    """Make or change lots, known by SKU and code. The last record of a lot counts."""
    rows = {(record.sku_id, record.code): _slots(record) for record in records}
    upsert(session, Lot, [rows[key] for key in sorted(rows)], ["sku_id", "code"])


def packs_of(session: Session, ids: Iterable[SkuId]) -> dict[SkuId, list[Pack]]:
    """How these SKUs are packed, the smallest first."""
    found: dict[SkuId, list[Pack]] = {id_: [] for id_ in ids}
    query = select(Pack).where(Pack.sku_id.in_(found)).order_by(Pack.sku_id, Pack.units, Pack.level)
    for pack in session.scalars(query):
        found[SkuId(pack.sku_id)].append(pack)
    return found


def owners_by_code(session: Session, codes: Iterable[str]) -> dict[str, OwnerId]:
    """Those of the codes that there are, with their ids."""
    query = select(Owner.code, Owner.id).where(Owner.code.in_(set(codes)))
    return {code: OwnerId(id_) for code, id_ in session.execute(query)}


def skus_by_code(
    session: Session, codes: Iterable[str], owner_id: OwnerId = HOUSE_OWNER_ID
) -> dict[str, Sku]:
    """Those of the codes that there are, with their SKUs."""
    query = select(Sku).where(Sku.owner_id == owner_id, Sku.code.in_(set(codes)))
    return {sku.code: sku for sku in session.scalars(query)}


def find_by_barcode(session: Session, text: str) -> Scanned | None:
    """What a scanner means: a SKU by any of its GTINs, a case's says how many; else by its code."""
    try:
        query = select(Sku, Barcode.units).join(Barcode, Barcode.sku_id == Sku.id)
        found = session.execute(query.where(Barcode.gtin == gtin14(text)).limit(1)).first()
    except MalformedGtin:
        found = None
    if found is not None:
        return Scanned(sku=found[0], units=found[1])
    sku = session.scalars(select(Sku).where(Sku.code == text).limit(1)).first()
    return None if sku is None else Scanned(sku=sku, units=1)


def _slots(record: Any) -> dict[str, object]:
    return {name: getattr(record, name) for name in record.__slots__}


def _sku_row(id_: SkuId, record: SkuRecord) -> dict[str, object]:
    row = _slots(record) | {"id": id_, "name_ja": record.name_ja or record.name_en}
    return {name: value for name, value in row.items() if name not in {"gtins", "packs"}}


def _pack_row(id_: SkuId, pack: PackRecord) -> dict[str, object]:
    row = _slots(pack) | {"sku_id": id_}
    return {name: value for name, value in row.items() if name != "gtins"}


def _gtins(record: SkuRecord) -> list[tuple[int, tuple[str, ...]]]:
    return [(1, record.gtins), *((pack.units, pack.gtins) for pack in record.packs or ())]


def kept_otherwise(session: Session, by_id: Mapping[SkuId, SkuRecord]) -> list[str]:
    """Codes of those that would be kept another way (lot, serial, weight) while there is stock."""
    known = select(Sku.id, Sku.code, Sku.tracking, Sku.catch_weight).where(
        Sku.id == any_(literal(list(by_id), ARRAY(Uuid())))
    )
    changed = [
        sku
        for sku in session.execute(known)
        for will in [by_id[SkuId(sku.id)]]
        if (sku.tracking, sku.catch_weight) != (will.tracking, will.catch_weight)
    ]
    if not changed:
        return []
    ids = literal([sku.id for sku in changed], ARRAY(Uuid()))
    kept = set(session.scalars(select(func.stock_kept(ids).table_valued("sku_id").c.sku_id)))
    return [sku.code for sku in changed if sku.id in kept]
