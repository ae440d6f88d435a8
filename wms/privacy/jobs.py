"""The jobs of privacy: what was kept for long enough is erased; keys are wrapped anew."""

from functools import partial
from uuid import UUID

import structlog

from edge.clock import Clock
from wms.contacts.keep import masters_used, rewrap
from wms.contacts.keys import Keys
from wms.database import Database
from wms.job import Job
from wms.privacy.erase import due_contacts, erase_due

log = structlog.get_logger(__name__)

PAGE = 200


def privacy_jobs(database: Database, clock: Clock, keys: Keys | None) -> list[Job]:
    """Erase what is due, one contact a transaction; and what a new master key asks for."""

    def forget() -> int:
        now = clock.now()
        erased = 0
        after: UUID | None = None
        while due := database.run(partial(due_contacts, now=now, after=after, limit=PAGE)):
            for contact_id in due:
                done = database.run(partial(erase_due, contact_id=contact_id, now=now))
                erased += done is not None
            after = due[-1]
        if erased:
            log.info("contacts.erased", contacts=erased)
        return 0  # those that are still needed are looked at again after the pause

    def wrap() -> int:
        if keys is None:
            return 0
        done = database.run(lambda s: rewrap(s, keys))
        if not done:
            retired = keys.retire(clock.now(), used=database.run(masters_used))
            if retired:
                log.info("contact_keys.retired", masters=retired)
        return done

    return [
        Job(name="forget_people", run=forget, idle_s=600.0),
        Job(name="wrap_keys", run=wrap, idle_s=60.0),
    ]
