"""Write off: goods that were missed and will not be found leave the books, for a reason."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from wms.catalog import owner_id, skus_by_code
from wms.errors import NotFound
from wms.ids import CommandId, SiteId, SkuId
from wms.sites import virtual_location
from wms.stock import ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteOff:
    """So many units at UNKNOWN are gone."""

    command_id: UUID
    sku: str
    owner: str
    lot: str
    units: int
    serials: tuple[str, ...]
    reason: str


def write_off(session: Session, site: SiteId, wish: WriteOff, *, actor: str, now: datetime) -> None:
    """Take them out of the books; sent again it has been done.

    Raises:
        NotFound: there is no such SKU.
        NotEnoughStock: not so many are missed.
    """
    owner = owner_id(wish.owner)
    sku = skus_by_code(session, [wish.sku], owner).get(wish.sku)
    if sku is None:
        raise NotFound(f"SKU {wish.sku}")
    move = ledger.Move(
        command_id=CommandId(wish.command_id),
        site_id=site,
        owner_id=owner,
        sku_id=SkuId(sku.id),
        units=wish.units,
        from_location_id=virtual_location(site, "UNKNOWN"),
        to_location_id=virtual_location(site, "ADJUST"),
        lot=wish.lot,
        serials=wish.serials,
        cause_kind="WRITE_OFF",
        cause_id=wish.command_id,
        actor=actor,
        reason=wish.reason,
        occurred_at=now,
    )
    ledger.move(session, [move])
