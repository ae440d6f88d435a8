"""The jobs of inbound: who did not come, units that wait for a place, what gates may expect."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from edge.clock import Clock
from wms.database import Database
from wms.ids import SiteId
from wms.inbound.docks import no_shows
from wms.inbound.expected import Expecting
from wms.inbound.model import Asn, Putaway, Receipt
from wms.inbound.receive import put_units_away
from wms.job import Job
from wms.outbound.floor import Floor
from wms.sites import virtual_location

IDLE = timedelta(minutes=15)  # nobody has put anything into it for so long
ASNS_A_RUN = 50


def inbound_jobs(database: Database, clock: Clock, floor: Floor) -> list[Job]:
    """All of them."""

    def give_up() -> int:
        return database.run(lambda s: no_shows(s, now=clock.now()))

    def forgotten() -> int:
        return database.run(lambda s: put_away_forgotten(s, floor, now=clock.now()))

    return [
        Job(name="no_shows", run=give_up, idle_s=60.0),
        Job(name="put_away", run=forgotten, idle_s=60.0),
        Job(name="expected", run=Expecting(database, clock, floor).run, idle_s=15.0),
    ]


def put_away_forgotten(session: Session, floor: Floor, *, now: datetime) -> int:
    """Units at the dock that nobody has finished get their putaway after a while; how many."""
    has_one = (
        select(Putaway.id)
        .where(Putaway.site_id == Receipt.site_id, Putaway.unit_code == Receipt.unit_code)
        .exists()
    )
    query = select(Receipt.site_id, Receipt.asn_id, Receipt.location_id).where(
        Receipt.unit_code != "",
        Receipt.landed == 0,
        Receipt.reversed_at.is_(None),
        Receipt.at < now - IDLE,
        ~has_one,
    )
    found = session.execute(query.distinct().limit(ASNS_A_RUN)).all()
    done = 0
    for row in found:
        if row.location_id == virtual_location(SiteId(row.site_id), "DOCK_IN"):
            asn = session.get_one(Asn, (row.site_id, row.asn_id))
            done += put_units_away(session, asn, floor, now=now)
    return done
