"""Goods that are to be put away: loose ones at a place, or a handling unit with all in it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from wms.catalog import HOUSE_OWNER_ID, Pack, Sku
from wms.errors import NotFound
from wms.ids import CommandId, LocationId, OwnerId, SiteId, SkuId, derive
from wms.inbound.model import Inspection, Putaway, Receipt
from wms.inbound.rules import Goods
from wms.inbound.supplies import land
from wms.stock import ledger
from wms.stock.unit_moves import MoveUnit, move_unit
from wms.stock.units import StandingUnit, find_units, unit_id

_INSIDE = text("""
SELECT q.sku_id, q.owner_id, q.lot, sum(q.units)::bigint AS units, sum(q.weight_g)::bigint AS grams
  FROM unit_inside(:site, :unit) AS i(id)
  JOIN quant q ON q.site_id = :site AND q.handling_unit_id = i.id AND q.units > 0
 GROUP BY q.sku_id, q.owner_id, q.lot ORDER BY q.sku_id, q.lot
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Loose:
    """Units of a SKU that stand at a place, in no handling unit."""

    sku_id: UUID
    units: int
    from_location_id: UUID
    lot: str = ""
    serials: tuple[str, ...] = ()
    owner_id: UUID = HOUSE_OWNER_ID
    receipt_id: UUID | None = None
    weight_g: int = 0


def loose_goods(session: Session, loose: Loose) -> Goods:
    """What the rules must know of loose goods."""
    sku = session.get_one(Sku, loose.sku_id)
    return Goods(
        sku_id=sku.id,
        sku=sku.code,
        units=loose.units,
        lots=frozenset({loose.lot}),
        skus=frozenset({sku.id}),
        height_mm=sku.height_mm,
        weight_g=loose.weight_g or sku.weight_g * loose.units,
        temperature=sku.temperature,
        dangerous_goods=frozenset(sku.dangerous_goods.split()),
    )


def unit_at(session: Session, site: SiteId, code: str) -> StandingUnit:
    """A handling unit of that site.

    Raises:
        NotFound: there is none, or it stands nowhere.
    """
    unit = find_units(session, site, [code]).get(code)
    if unit is None or unit.location_id is None:
        raise NotFound(f"handling unit {code}")
    return unit


def unit_goods(session: Session, site: SiteId, unit: StandingUnit) -> Goods:
    """What the rules must know of a handling unit.

    Raises:
        NotFound: there is nothing in it.
    """
    rows = session.execute(_INSIDE, {"site": site, "unit": unit.id}).all()
    if not rows:
        raise NotFound(f"goods in handling unit {unit.code}")
    skus = {
        sku.id: sku
        for sku in session.scalars(select(Sku).where(Sku.id.in_({row.sku_id for row in rows})))
    }
    only = next(iter(skus.values())) if len(skus) == 1 else None
    coldest = min(
        skus.values(), key=lambda sku: ("FROZEN", "COOL", "AMBIENT").index(sku.temperature)
    )
    return Goods(
        sku_id=None if only is None else only.id,
        sku="" if only is None else only.code,
        units=sum(row.units for row in rows),
        lots=frozenset(row.lot for row in rows),
        skus=frozenset(skus),
        unit=unit.kind,
        height_mm=_height(session, unit, list(skus.values())),
        weight_g=sum(row.grams or row.units * skus[row.sku_id].weight_g for row in rows),
        temperature=coldest.temperature,
        dangerous_goods=frozenset(
            each for sku in skus.values() for each in sku.dangerous_goods.split()
        ),
    )


def owner_of(session: Session, site: SiteId, unit: StandingUnit) -> UUID:
    """Whose goods are in a unit: of the first of them."""
    row: Any = session.execute(_INSIDE, {"site": site, "unit": unit.id}).first()
    return HOUSE_OWNER_ID if row is None else row.owner_id


def carry(  # noqa: PLR0913 - what goes where, how much of it, who did it, when
    session: Session, putaway: Putaway, place: UUID, units: int, *, actor: str, at: datetime,
    now: datetime,
) -> None:  # fmt: skip
    """The goods are at that place now; promises on what was announced are kept."""
    site = SiteId(putaway.site_id)
    if putaway.unit_code:
        line = MoveUnit(
            command_id=CommandId(derive(putaway.id, "move")),
            site_id=site,
            unit_id=unit_id(site, putaway.unit_code),
            to_location_id=LocationId(place),
            cause_kind="PUTAWAY",
            cause_id=putaway.id,
            actor=actor,
            occurred_at=at,
        )
        move_unit(session, [line])
    else:
        assert putaway.sku_id is not None
        move = ledger.Move(
            command_id=CommandId(derive(putaway.id, "move")),
            site_id=site,
            owner_id=OwnerId(putaway.owner_id),
            sku_id=SkuId(putaway.sku_id),
            units=units,
            from_location_id=LocationId(putaway.from_location_id),
            to_location_id=LocationId(place),
            lot=putaway.lot,
            serials=tuple(putaway.serials[:units]),
            cause_kind="PUTAWAY",
            cause_id=putaway.id,
            actor=actor,
            occurred_at=at,
        )
        ledger.move(session, [move])
    land(session, _came(session, putaway, units), site, now=now)


def _came(session: Session, putaway: Putaway, units: int) -> dict[UUID, int]:
    """Of which receipts, and how many units of each."""
    if not putaway.unit_code:
        return {} if putaway.receipt_id is None else {putaway.receipt_id: units}
    query = (
        select(Receipt.id, Receipt.units, Inspection.bad)
        .outerjoin(
            Inspection,
            (Inspection.site_id == Receipt.site_id) & (Inspection.receipt_id == Receipt.id),
        )
        .where(
            Receipt.site_id == putaway.site_id,
            Receipt.unit_code == putaway.unit_code,
            Receipt.reversed_at.is_(None),
            Receipt.landed == 0,
        )
    )
    return {row.id: row.units - (row.bad or 0) for row in session.execute(query)}


def _height(session: Session, unit: StandingUnit, skus: list[Sku]) -> int:
    """A pallet is as high as its goods' pallet pack, a carton as their case; else one unit."""
    level = "PALLET" if unit.kind in {"PALLET", "CAGE"} else "CASE"
    query = select(Pack.height_mm).where(
        Pack.sku_id.in_([sku.id for sku in skus]), Pack.level == level
    )
    return max([*session.scalars(query), *(sku.height_mm for sku in skus)], default=0)
