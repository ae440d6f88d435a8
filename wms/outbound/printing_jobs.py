"""The jobs of printing."""

from edge.clock import Clock
from wms.contacts.keys import Keys
from wms.database import Database
from wms.job import Job
from wms.outbound.printers import PrintDesk


def printing_jobs(database: Database, clock: Clock, keys: Keys | None) -> list[Job]:
    """Print what is wanted."""
    return [
        Job(name="print", run=PrintDesk(database=database, clock=clock, keys=keys).run, idle_s=0.5)
    ]
