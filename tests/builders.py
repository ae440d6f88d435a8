"""Build by meaning, with defaults: a_site(), a_sku(), stock_of(...).

Ids that a test makes up are new every time; what it says is what it cares about.
"""

import itertools
import os
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from wms.catalog import HOUSE_OWNER_ID, SkuRecord, save_skus
from wms.ids import CommandId, HandlingUnitId, HoldId, LocationId, SiteId, SkuId, new_id
from wms.sites import (
    LocationRecord,
    SiteKind,
    SiteRecord,
    location_id,
    save_locations,
    save_sites,
    virtual_location,
)
from wms.stock import ledger, units
from wms.stock.ledger import Advance, HoldState, Move
from wms.stock.promises import Reserve

NOW = datetime(2026, 11, 27, 9, 0, tzinfo=UTC)
PATIENCE_S = 30
_numbers = itertools.count(1)


def eventually(condition: Callable[[], object]) -> None:
    """Ask until it is so, for half a minute at most."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        os.sched_yield()


def an_id() -> UUID:
    """Some id that nobody else has."""
    return new_id(NOW)


def a_site(
    session: Session, code: str = "TYO1", *, shelves: Sequence[str] = ("S-1", "S-2", "S-3"),
    kind: SiteKind = "DC",
) -> SiteId:  # fmt: skip
    """A site with a few shelves in zone SHELF."""
    (site,) = save_sites(session, [SiteRecord(code=code, kind=kind, name_en=code)])
    save_locations(
        session,
        site,
        [LocationRecord(code=shelf, kind="PICK_FACE", zone="SHELF") for shelf in shelves],
    )
    return site


def a_sku(session: Session, code: str | None = None, **fields: Any) -> SkuId:
    """A SKU, kept neither by lot nor serial nor weight unless said otherwise."""
    code = code or f"SKU-{next(_numbers)}"
    record = SkuRecord(code=code, name_en=f"Thing {code}", name_ja=f"品 {code}", **fields)
    (sku,) = save_skus(session, [record])
    return sku


def a_tote(session: Session, site: SiteId, code: str = "T-1", *, at: str = "S-1") -> HandlingUnitId:
    """A tote that stands at a shelf."""
    record = units.UnitRecord(code=code, location_id=location_id(site, at))
    (unit,) = units.save_units(session, site, [record])
    return unit


def shelf(site: SiteId, code: str = "S-1") -> LocationId:
    """The id of a shelf."""
    return location_id(site, code)


def a_move(site: SiteId, sku: SkuId, count: int, **fields: Any) -> Move:
    """Units that come from the supplier to shelf S-1, unless said otherwise."""
    facts: dict[str, Any] = {
        "command_id": CommandId(an_id()),
        "from_location_id": virtual_location(site, "SUPPLIER"),
        "to_location_id": shelf(site),
        "cause_kind": "TEST",
        "cause_id": an_id(),
        "actor": "test",
        "occurred_at": NOW,
    }
    return Move(site_id=site, owner_id=HOUSE_OWNER_ID, sku_id=sku, units=count, **(facts | fields))


def stock_of(session: Session, site: SiteId, sku: SkuId, count: int, at: str = "S-1") -> None:
    """Put stock on a shelf."""
    ledger.move(session, [a_move(site, sku, count, to_location_id=shelf(site, at))])


def a_reserve(site: SiteId, sku: SkuId, count: int = 1, **fields: Any) -> Reserve:
    """A line that reserves for some order."""
    facts: dict[str, Any] = {"hold_id": HoldId(an_id()), "kind": "ORDER", "demand_id": an_id()}
    return Reserve(
        site_id=site, owner_id=HOUSE_OWNER_ID, sku_id=sku, units=count, **(facts | fields)
    )


def an_advance(line: Reserve, to: HoldState, **fields: Any) -> Advance:
    """One step for the hold of that line. PINNED: to shelf S-1, unless said otherwise."""
    facts: dict[str, Any] = {"command_id": CommandId(an_id()), "actor": "test", "occurred_at": NOW}
    if to == "PINNED":
        facts["location_id"] = shelf(line.site_id)
    return Advance(**{"site_id": line.site_id, "hold_id": line.hold_id, "to": to} | facts | fields)
