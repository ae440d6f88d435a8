"""The job of notices: what has happened is told to customers, each once, between transactions."""

from dataclasses import dataclass
from functools import partial

import structlog
from sqlalchemy.orm import Session

from edge.clock import Clock
from wms.contacts.keys import Keys
from wms.database import Database
from wms.errors import Rejected, Unavailable
from wms.job import Job
from wms.notices.brand import Brand
from wms.notices.gather import gather
from wms.notices.send import Claim, Outcome, claim, settle, word
from wms.ports import Message, Notifier

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """What it takes to tell people."""

    database: Database
    clock: Clock
    notifier: Notifier
    keys: Keys
    brand: Brand

    def notify(self) -> int:
        """Gather all that has happened, then send what is due: what is superseded is known."""
        events = self.database.run(lambda s: gather(s, zone=self.brand.zone))
        if events:
            return events
        now = self.clock.now()
        mine = self.database.run(lambda s: claim(s, now=now))
        for each in mine:
            self._tell(each)
        return len(mine)

    def _tell(self, mine: Claim) -> None:
        message: Message | None = None
        outcome: Outcome | None = None
        try:
            message = self.database.run(partial(self._word, mine=mine))
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 - its neighbours go on; what it says is in no log
            outcome = Outcome(problem=f"cannot be worded: {type(error).__name__}")
        if message is not None:
            outcome = _said(self.notifier, message)
        if outcome is None:
            return
        now = self.clock.now()
        state = self.database.run(partial(settle, mine=mine, outcome=outcome, now=now))
        if state == "DEAD":
            log.warning("notice.dead", notice=str(mine.id), problem=outcome.problem)

    def _word(self, session: Session, mine: Claim) -> Message | None:
        return word(session, self.keys, self.brand, mine, now=self.clock.now())


def notice_jobs(
    database: Database, clock: Clock, notifier: Notifier | None, keys: Keys | None, brand: Brand
) -> list[Job]:
    """Tell customers; nothing to do where nobody has been told how."""
    if notifier is None or keys is None:
        return []
    post = Post(database=database, clock=clock, notifier=notifier, keys=keys, brand=brand)
    return [Job(name="notify", run=post.notify, idle_s=0.5)]


def _said(notifier: Notifier, message: Message) -> Outcome:
    try:
        notifier.send(message)
    except Rejected as error:
        return Outcome(problem=str(error), is_final=True)
    except Unavailable as error:
        return Outcome(problem=str(error))
    return Outcome()
