"""Goods go from one site of ours to another: what leaves here arrives there, once.

    source        hold ALLOCATED ... SHIPPED on a lane    ->  @NETWORK       `hand_over`
    destination                                @NETWORK   ->  DOCK_IN        `ledger.move`

The goods of a transfer are a hold of kind TRANSFER at the source; it is shipped on a lane between
sites (DC to DC, DC to store, store to DC). Arriving ends the hold and brings the goods to the
other site. @NETWORK is where each site keeps account of the other: over all sites it holds nothing
once both legs are done.

Both legs carry the arrival's command id, each has its effect once, and the second is made of what
the first has written. So they may be posted in one transaction (`arrive`), or one after the other
on two clusters, each again and again until it is done.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from wms.ids import CommandId, HandlingUnitId, HoldId, LocationId, OwnerId, SiteId, SkuId
from wms.sites import virtual_location
from wms.stock import ledger, posting
from wms.stock.ledger import Advance, Move, Moved
from wms.stock.model import Hold

_LEFT = text("""
SELECT m.owner_id, m.sku_id, m.lot, m.to_condition, k.catch_weight,
       sum(m.units)::bigint AS units, sum(m.weight_g)::bigint AS weight_g,
       coalesce(array_agg(m.serial ORDER BY m.serial) FILTER (WHERE m.serial <> ''), '{}')
         AS serials
  FROM stock_command c
  JOIN movement m ON m.site_id = c.site_id AND m.recorded_at = c.at
   AND m.command_id = c.command_id AND m.to_location_id = :network
  JOIN sku k ON k.id = m.sku_id
 WHERE c.site_id = :site AND c.command_id = :command
 GROUP BY m.owner_id, m.sku_id, m.lot, m.to_condition, k.catch_weight
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """What a hold has on a lane from `site_id` arrives at `to_site_id`, all of it or some.

    With fewer `units` the rest is a hold of its own, `rest_hold_id`: still on its way (SAME), or
    SHORT. Without a place it stands at the dock.
    """

    command_id: CommandId
    site_id: SiteId
    hold_id: HoldId
    to_site_id: SiteId
    to_location_id: LocationId | None = None
    to_unit_id: HandlingUnitId | None = None
    units: int | None = None
    rest_hold_id: HoldId | None = None
    rest_state: Literal["SAME", "SHORT"] = "SAME"
    serials: tuple[str, ...] = ()
    weight_g: int | None = None
    actor: str
    reason: str = ""
    occurred_at: datetime


def arrive(session: Session, lines: Sequence[Arrival]) -> list[Moved]:
    """Both legs, where both sites are in one database.

    Raises:
        WrongState: a hold is not on its way.
        NotFound, WrongLocation, UnitsOutOfRange, IdReused: as for `ledger.advance` and `move`.
    """
    posting.lock(session, lines, _there(session, lines))
    return ledger.move(session, hand_over(session, lines))


def hand_over(session: Session, lines: Sequence[Arrival]) -> list[Move]:
    """The leg at the source; the moves that are the leg at the destination.

    Raises:
        WrongState: a hold is not on its way.
        NotFound, UnitsOutOfRange, IdReused: as for `ledger.advance`.
    """
    ledger.advance(
        session,
        [
            Advance(
                command_id=line.command_id,
                site_id=line.site_id,
                hold_id=line.hold_id,
                to="DELIVERED",
                units=line.units,
                rest_hold_id=line.rest_hold_id,
                rest_state=line.rest_state,
                location_id=virtual_location(line.site_id, "NETWORK"),
                serials=line.serials,
                weight_g=line.weight_g,
                actor=line.actor,
                reason=line.reason,
                occurred_at=line.occurred_at,
            )
            for line in lines
        ],
    )
    return [_taken_in(session, line) for line in lines]


class _Key(NamedTuple):
    site_id: SiteId
    owner_id: UUID
    sku_id: UUID


def _there(session: Session, lines: Sequence[Arrival]) -> list[_Key]:
    """The balances at the destinations."""
    query = select(Hold.site_id, Hold.id, Hold.owner_id, Hold.sku_id).where(
        Hold.site_id.in_({line.site_id for line in lines}),
        Hold.id.in_({line.hold_id for line in lines}),
    )
    of = {(site, hold): (owner, sku) for site, hold, owner, sku in session.execute(query)}
    return [
        _Key(line.to_site_id, *of[line.site_id, line.hold_id])
        for line in lines
        if (line.site_id, line.hold_id) in of
    ]


def _taken_in(session: Session, line: Arrival) -> Move:
    network = virtual_location(line.site_id, "NETWORK")
    ids = {"site": line.site_id, "command": line.command_id, "network": network}
    left = session.execute(_LEFT, ids).one()
    return Move(
        command_id=line.command_id,
        site_id=line.to_site_id,
        owner_id=OwnerId(left.owner_id),
        sku_id=SkuId(left.sku_id),
        units=left.units,
        from_location_id=virtual_location(line.to_site_id, "NETWORK"),
        to_location_id=line.to_location_id or virtual_location(line.to_site_id, "DOCK_IN"),
        to_unit_id=line.to_unit_id,
        lot=left.lot,
        condition=left.to_condition,
        serials=tuple(left.serials),
        weight_g=left.weight_g if left.catch_weight else None,
        cause_kind="TRANSFER",
        cause_id=line.hold_id,
        actor=line.actor,
        reason=line.reason,
        occurred_at=line.occurred_at,
    )
