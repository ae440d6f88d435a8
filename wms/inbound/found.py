"""Found: a parcel that was given up as lost turns up after all.

What was in it has been wanted again elsewhere, and may have been sent; so the goods come back as
stock that nobody has asked for. They leave LOST at the site that had sent them and stand at the
dock of the site where the box turned up, from where they are put away.

    LOST (sender) -> ADJUST      ADJUST -> dock (finder)      both under the parcel's id
"""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from wms.catalog import owner_of
from wms.errors import Conflict, NotFound
from wms.ids import CommandId, LocationId, OwnerId, SiteId, SkuId, derive
from wms.inbound.goods import Loose
from wms.inbound.putaway import put_away_later
from wms.outbound.floor import Floor
from wms.outbound.steps import serial_skus
from wms.sites import location_id, virtual_location
from wms.stock import ledger
from wms.stock.where import holds_at
from wms.transfers.model import Arrival, ArrivalLine
from wms.transfers.receive import lines_of, short_id


class NotLost(Conflict):
    """A parcel was never given up, or its goods have numbers and are received one by one.

    Attributes:
        arrival_id: the parcel.
        reason: "not_lost" or "serials".
    """

    code: ClassVar[str] = "not_lost"

    def __init__(self, arrival_id: UUID, reason: str) -> None:
        super().__init__(f"parcel {arrival_id}: {reason}")
        self.arrival_id = arrival_id
        self.reason = reason


def found_parcel(
    session: Session,
    floor: Floor,
    site: SiteId,
    arrival_id: UUID,
    *,
    actor: str,
    now: datetime,
) -> int:
    """A lost parcel is here, at the site that it was for; how many units came back. Once.

    Raises:
        NotFound: no such parcel was on its way to that site.
        NotLost: it was not given up.
    """
    arrival = session.scalars(
        select(Arrival).where(Arrival.site_id == site, Arrival.id == arrival_id).with_for_update()
    ).first()
    if arrival is None:
        raise NotFound(f"parcel {arrival_id}")
    if arrival.state != "LOST":
        raise NotLost(arrival_id, "not_lost")
    if arrival.found_at is not None:
        return 0
    lines = [line for line in lines_of(session, arrival) if line.short]
    if serial_skus(session, [line.sku_id for line in lines]):
        raise NotLost(arrival_id, "serials")
    arrival.found_at = now
    units = 0
    for line in lines:
        units += _take_in(session, floor, arrival, line, actor, now)
    return units


def _take_in(
    session: Session, floor: Floor, arrival: Arrival, line: ArrivalLine, actor: str, now: datetime
) -> int:
    """The units of one line come back into the books."""
    source, here = SiteId(arrival.from_site_id), SiteId(arrival.site_id)
    lost = holds_at(session, source, [line.allocation_id, short_id(line.allocation_id)])
    gone = lost.get(short_id(line.allocation_id)) or lost.get(line.allocation_id)
    owner, lot = owner_of(session, line.sku_id), "" if gone is None else gone.lot
    dock = virtual_location(here, "DOCK_IN")
    place = virtual_location(source, "LOST") if gone is None else location_id(source, gone.place)

    def move(site: SiteId, name: str, from_: LocationId, to: LocationId) -> ledger.Move:
        return ledger.Move(
            command_id=CommandId(derive(line.allocation_id, "found", name)),
            site_id=site,
            owner_id=OwnerId(owner),
            sku_id=SkuId(line.sku_id),
            units=line.short,
            from_location_id=from_,
            to_location_id=to,
            lot=lot,
            cause_kind="FOUND",
            cause_id=arrival.id,
            actor=actor,
            reason="found",
            occurred_at=now,
        )

    ledger.move(session, [move(source, "out", place, virtual_location(source, "ADJUST"))])
    ledger.move(session, [move(here, "in", virtual_location(here, "ADJUST"), dock)])
    loose = Loose(
        sku_id=line.sku_id, units=line.short, from_location_id=dock, lot=lot, owner_id=owner
    )
    cause = derive(arrival.id, "found", str(line.allocation_id))
    put_away_later(session, here, loose, cause=cause, now=now, floor=floor)
    return line.short
