"""Write off: goods that were missed and will not be found leave the books, for a reason."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from wms.catalog import owner_id, sku_id, skus_by_code
from wms.counting.policy import read_policy, values_of
from wms.errors import NotFound, WmsError
from wms.identity import seconds
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


def second_needed(
    session: Session, site: SiteId, wish: WriteOff, *, now: datetime
) -> WmsError | None:
    """Why it is not done now; None: it may be. To be raised after the commit.

    Where two persons are wanted, somebody else must agree to what is worth more than the site's
    limit for a count.
    """
    if not seconds.is_wanted():
        return None
    sku = sku_id(wish.sku, owner_id(wish.owner))
    value_minor = wish.units * values_of(session, [sku])[sku]
    if value_minor <= read_policy(session, site).two_person_minor:
        return None
    facts = {
        "site_id": str(site), "sku": wish.sku, "owner": wish.owner, "lot": wish.lot,
        "units": wish.units, "serials": sorted(wish.serials), "value_minor": value_minor,
    }  # fmt: skip
    return seconds.need(session, wish.command_id, "write-off", facts, now=now)


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
