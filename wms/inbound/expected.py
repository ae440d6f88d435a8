"""Expected: what should go through the hub's gates, told to its WCS as a help to judge by.

    IN     the units of deliveries that are about to come, or are here
    OUT    the parcels that are loaded at a door, at the gate of that name

The WCS weighs it with what the readers saw (wcs.passage): it makes sure what nearly was, and
never moves anything by itself. A list is told when it changes, and again before it runs out; so a
list that was lost is told again, and one that nobody takes back ends by itself.
"""

from collections import defaultdict
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from edge.clock import Clock
from wcs.messages import PassageExpected
from wms.database import Database
from wms.inbound.model import OPEN_STATES, Asn, AsnUnit
from wms.outbound.floor import Floor
from wms.outbound.model import Parcel
from wms.outbound.packing_tables import DockLoad
from wms.outbound.ship import RANK
from wms.outbound.tell import tell_wcs

EARLY = timedelta(hours=12)  # a truck may come that long before it is expected
LASTS = timedelta(hours=4)


class Expecting:
    """What the WCS was told, so that it is told only what is news; a new one tells all again."""

    def __init__(self, database: Database, clock: Clock, floor: Floor) -> None:
        self._database = database
        self._clock = clock
        self._floor = floor
        self._told: dict[str, PassageExpected] = {}

    def run(self) -> int:
        """Tell what has changed or runs out; how many lists."""
        now = self._clock.now()

        def tell(session: Session) -> list[PassageExpected]:
            lists = {each.id: each for each in expected_lists(session, self._floor, now=now)}
            gone = [replace(said, codes=()) for id_, said in self._told.items() if id_ not in lists]
            news = [*gone, *(each for each in lists.values() if self._is_news(each, now))]
            for each in news:
                tell_wcs(session, self._floor.hub_code, each)
            return news

        news = self._database.run(tell)
        for each in news:
            self._told.pop(each.id, None)
            if each.codes:
                self._told[each.id] = each
        return len(news)

    def _is_news(self, said: PassageExpected, now: datetime) -> bool:
        before = self._told.get(said.id)
        if before is None or before.expires_at - now < LASTS / 2:
            return True
        return replace(before, expires_at=said.expires_at) != said


def expected_lists(session: Session, floor: Floor, *, now: datetime) -> list[PassageExpected]:
    """What should pass from now on: a list a delivery, and a list a door."""
    until = now + LASTS
    coming: dict[UUID, list[str]] = defaultdict(list)
    units = (
        select(AsnUnit.asn_id, AsnUnit.code)
        .join(Asn, (Asn.site_id == AsnUnit.site_id) & (Asn.id == AsnUnit.asn_id))
        .where(
            AsnUnit.site_id == floor.hub,
            AsnUnit.state == "EXPECTED",
            Asn.state.in_(OPEN_STATES),
            or_(Asn.state == "ARRIVED", Asn.eta_p50 < now + EARLY),
        )
        .order_by(AsnUnit.asn_id, AsnUnit.code)
    )
    for asn, code in session.execute(units):
        coming[asn].append(code)
    lists = [
        PassageExpected(id=str(asn), direction="IN", codes=tuple(codes), expires_at=until)
        for asn, codes in coming.items()
    ]
    here = select(DockLoad).where(DockLoad.site_id == floor.hub, DockLoad.closed_at.is_(None))
    for load in session.scalars(here.order_by(DockLoad.id)):
        ids = [UUID(id_) for id_ in load.parcels]
        waiting = select(Parcel.sscc).where(
            Parcel.id.in_(ids), Parcel.state.in_([s for s in RANK if RANK[s] < RANK["SHIPPED"]])
        )
        if codes := tuple(session.scalars(waiting.order_by(Parcel.sscc))):
            lists.append(
                PassageExpected(
                    id=str(load.id), direction="OUT", codes=codes, gate=load.door, expires_at=until
                )
            )
    return lists
