"""Incoming: what is to come, what of it is promised already, and what becomes of that in the end.

    announce      what is to come, when, how surely; said anew whenever it is known better
    land_supply   some of it has come and is in stock: the oldest holds on it become holds on stock
    close         nothing more will come: who still waits is told so (SHORT)

    supply 12     |= received 5 =|=== held 4 ===|= may be promised 3 =|

A hold on supply (`Reserve.supply_id`) is a pre-order, or a booking of goods under way (輸送中
在庫). It takes no stock. It is never promised that more comes than was announced, and never more
lands than has come:

    received + held <= units        always

Goods are received by moves, as all goods; `land_supply` comes after them, once they may be sold,
best in the same transaction. Who has waited longest gets first; a hold for more than has come is
parted, and its rest waits on in its place. Promises are kept even out of the safety stock.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from wms.errors import Conflict, IdReused, NotFound, Rejected
from wms.ids import CommandId, HoldId, OwnerId, SiteId, SkuId
from wms.stock import posting
from wms.stock.faults import NotEnoughStock, check_units

SupplyKind: TypeAlias = Literal["PO", "ASN", "TRANSFER", "RETURN"]

_ANNOUNCE = text("SELECT * FROM stock_announce(cast(:lines AS jsonb), :now)")
_LAND = text("SELECT * FROM stock_land(cast(:lines AS jsonb), :now)")
_CLOSE = text(
    "SELECT id AS hold_id, demand_id, units FROM stock_close_supply(:site, :supply, :now)"
    " ORDER BY created_at, id"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Supply:
    """What is to come of a SKU to a site: by when half the time, and by when nine times of ten."""

    site_id: SiteId
    supply_id: UUID
    kind: SupplyKind
    owner_id: OwnerId
    sku_id: SkuId
    segment: str = "A"
    units: int
    eta_p50: datetime
    eta_p90: datetime
    confidence: int = 100  # percent: how surely it comes at all


@dataclass(frozen=True, slots=True, kw_only=True)
class Land:
    """So many units of a supply have come and are in stock."""

    command_id: CommandId
    site_id: SiteId
    supply_id: UUID
    units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Landed:
    """The answer to a Land; `replayed` if it had been done before."""

    command_id: CommandId
    replayed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmet:
    """A hold that waited for goods that do not come."""

    hold_id: HoldId
    demand_id: UUID
    units: int


class SupplyClosed(Conflict):
    """Nothing more comes of that supply.

    Attributes:
        supply_id: the supply.
    """

    code = "supply_closed"

    def __init__(self, supply_id: UUID) -> None:
        super().__init__(f"supply {supply_id} is closed")
        self.supply_id = supply_id


class NoForecast(Rejected):
    """A forecast is a time, a later time, and a percentage."""

    code = "no_forecast"


def announce(session: Session, supplies: Sequence[Supply], *, now: datetime) -> None:
    """Say what is to come, or say it anew, all or none. Said twice it is the same.

    Raises:
        NotFound: there is no such SKU of that owner, or no such site.
        NotEnoughStock: fewer units than have come and are promised; close it, or swap first.
        SupplyClosed: nothing more comes of it.
        IdReused: the id is that of other goods.
        UnitsOutOfRange, NoForecast: the figures are none.
    """
    for supply in supplies:
        check_units(supply.supply_id, supply.units)
        if supply.eta_p50 > supply.eta_p90 or not 0 <= supply.confidence <= 100:  # noqa: PLR2004
            raise NoForecast(f"{supply.supply_id}: {supply.eta_p50} to {supply.eta_p90}")
    for batch in posting.rounds(supplies, lambda supply: {supply.supply_id}):
        for row in session.execute(_ANNOUNCE, {"lines": posting.as_json(batch), "now": now}):
            _raise(row, batch[row.ord].supply_id, batch[row.ord].supply_id)


def land_supply(session: Session, lines: Sequence[Land], *, now: datetime) -> list[Landed]:
    """Turn the oldest holds on supplies into holds on stock, as far as has come; all lines or none.

    Raises:
        NotFound: there is no such supply.
        NotEnoughStock: so many are not in stock, or are promised to others.
        SupplyClosed: nothing more was to come of it.
        UnitsOutOfRange: less than one unit or more than the ledger can count.
        IdReused: a command id has been used before, for something else.
    """
    for line in lines:
        check_units(line.command_id, line.units)
    answers = []
    for batch in posting.rounds(lines, lambda line: {line.command_id, line.supply_id}):
        for row in session.execute(_LAND, {"lines": posting.as_json(batch), "now": now}):
            line = batch[row.ord]
            _raise(row, line.command_id, line.supply_id)
            answers.append(Landed(command_id=line.command_id, replayed=row.replayed))
    return answers


def close(session: Session, site: SiteId, supply: UUID, *, now: datetime) -> list[Unmet]:
    """Nothing more comes: the holds that still wait end as SHORT, and are told of by events."""
    rows = session.execute(_CLOSE, {"site": site, "supply": supply, "now": now}).all()
    return [Unmet(**row._asdict()) for row in rows]


def _raise(row: Any, id_: UUID, supply: UUID) -> None:
    match row.fault:
        case None:
            return
        case "not_found":
            raise NotFound(f"supply {supply}, or its SKU or site")
        case "not_enough_stock":
            raise NotEnoughStock(id_, wanted=row.wanted, free=row.free)
        case "wrong_state":
            raise SupplyClosed(supply)
        case _:
            assert row.fault == "id_reused", row.fault
            raise IdReused(id_)
