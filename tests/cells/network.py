"""Eleven DCs and their stores over three cells, some goods in them, and orders for those."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from tests.builders import NOW, a_move, a_reserve, an_id
from wms.catalog import SkuRecord, save_skus, sku_id
from wms.cells import Cells
from wms.ids import SiteId, SkuId
from wms.sites import LocationRecord, SiteRecord, save_locations, save_sites, site_id
from wms.stock import ledger
from wms.stock.promises import Reserve

DCS = {
    "TYO1": "east", "CHB1": "east", "SAI1": "east", "YOK1": "east",
    "CTS1": "north", "SDJ1": "north", "KIJ1": "north",
    "OSA1": "west", "NGO1": "west", "HIJ1": "west", "FUK1": "west",
}  # fmt: skip
STORES = {f"{code[:3]}-S{n}": cell for code, cell in DCS.items() for n in (1, 2)}
SITES = DCS | STORES


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """What there is: sites by code, SKUs, and the units at each."""

    sites: dict[str, SiteId]
    skus: tuple[SkuId, ...]
    units: int


def a_network(cells: Cells, *, skus: int, units: int, sites: Iterable[str] = SITES) -> Network:
    """Masters in all cells; `units` of every SKU at every one of the sites."""
    codes = tuple(sites)
    things = [SkuRecord(code=f"SKU-{n}", name_en=f"Thing {n}") for n in range(skus)]
    records = [
        SiteRecord(code=code, kind="DC" if code in DCS else "STORE", name_en=code) for code in codes
    ]
    cells.save_masters(lambda s: save_skus(s, things))
    cells.save_masters(lambda s: save_sites(s, records))
    ids = tuple(sku_id(thing.code) for thing in things)
    for code in codes:
        _stock(cells, site_id(code), ids, units)
    return Network(sites={code: site_id(code) for code in codes}, skus=ids, units=units)


def _stock(cells: Cells, site: SiteId, skus: Sequence[SkuId], units: int) -> None:
    shelf = [LocationRecord(code="S-1", kind="PICK_FACE", zone="SHELF")]
    cells.of(site).run(lambda s: save_locations(s, site, shelf))
    cells.of(site).run(lambda s: ledger.move(s, [a_move(site, sku, units) for sku in skus]))


def an_id_at(cells: Cells, home: str) -> UUID:
    """Some id whose home is that cell."""
    return next(i for i in (an_id() for _ in iter(int, 1)) if cells.home(i).name == home)


def clock() -> datetime:
    """For cells that go by their own time; ours only dates events."""
    return datetime.now(UTC)  # noqa: TID251


def an_order(
    network: Network, *wants: tuple[str, int], sku: int = 0, **fields: Any
) -> list[Reserve]:
    """One line a site: that many units of that SKU there, to be allocated."""
    facts = {"state": "ALLOCATED", "demand_id": an_id()} | fields
    return [
        a_reserve(network.sites[code], network.skus[sku], units, **facts) for code, units in wants
    ]


def holds(cells: Cells, lines: Iterable[Reserve]) -> list[str | None]:
    """The states of the lines' holds; None where there is no hold."""
    query = text("SELECT state FROM hold WHERE site_id = :site_id AND id = :hold_id")
    found = []
    for line in lines:
        facts = {"site_id": line.site_id, "hold_id": line.hold_id}
        found.append(
            cells.of(line.site_id).run(partial(Session.scalar, statement=query, params=facts))
        )
    return found


def promised(cells: Cells) -> Counter[str]:
    """Over all cells: units that are reserved, and units that are allocated."""
    query = text(
        "SELECT coalesce(sum(reserved), 0) AS reserved, coalesce(sum(allocated), 0) AS allocated"
        " FROM stock_balance"
    )
    total: Counter[str] = Counter()
    for found in cells.each(lambda s: s.execute(query).one()._asdict()).values():
        assert isinstance(found, dict)
        total.update({name: int(units) for name, units in found.items()})
    return +total


def state_of(cells: Cells, saga_id: UUID) -> str | None:
    """Where a saga is."""
    query = text("SELECT state FROM saga WHERE id = :id")
    state: str | None = cells.home(saga_id).run(lambda s: s.scalar(query, {"id": saga_id}))
    return state


def events(cells: Cells, saga_id: UUID) -> list[str]:
    """What the outbox of its home says of a saga."""
    query = text("SELECT type FROM outbox WHERE topic = 'saga' AND key = :id ORDER BY id")
    return list(cells.home(saga_id).run(lambda s: s.scalars(query, {"id": str(saga_id)}).all()))


__all__ = ["DCS", "NOW", "SITES", "STORES", "Network", "a_network", "an_order"]
