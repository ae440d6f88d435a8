"""The live pictures of a site are kept for a day, and what machines did in them by the hour.

    frames ─> one in `EVERY_S` ─> a minute of them, packed ─> site_minute
          └─> every one ─> spells of machines ──────────────> machine_hour

A minute is written when the next one begins, or the pictures stop. Several workers may do it: the
first one's minute stays, and the others leave the hour alone that came with theirs.
Seconds are the site's.
"""

import tomllib
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import structlog
from pydantic import ValidationError
from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from edge.mqtt import Message
from wcs.messages import SiteFrame, site_frame
from wms.control.health import Watch
from wms.control.model import MachineHour, SiteMinute
from wms.control.moments import pack
from wms.database import Database

log = structlog.get_logger(__name__)

EVERY_S = 2.0
KEPT = timedelta(hours=24)
HOURS_KEPT = timedelta(days=30)


def devices_in(site_file: Path | None) -> tuple[str, ...]:
    """The belts and sorters of a site file."""
    if site_file is None or not site_file.exists():
        return ()
    plant = tomllib.loads(site_file.read_text(encoding="utf-8"))
    rows = [*plant.get("conveyors", []), *plant.get("sorters", [])]
    return tuple(dict.fromkeys(row["device"] for row in rows))


class Recorder:
    """Pictures in; a row a minute out. For one site."""

    def __init__(self, site_id: UUID, devices: tuple[str, ...] = ()) -> None:
        self._site_id, self._watch = site_id, Watch(devices)
        self._minute: datetime | None = None
        self._frames: list[SiteFrame] = []

    def see(self, frame: SiteFrame) -> Callable[[Session], None] | None:
        """Take a picture in; what is to be done in a transaction, when a minute is over."""
        minute = frame.at.replace(second=0, microsecond=0)
        if self._frames and frame.at < self._frames[-1].at:
            return None  # an old one, kept by the broker
        over = self._over() if self._minute is not None and minute != self._minute else None
        self._minute = minute
        self._watch.see(frame)
        last = self._frames[-1].at if self._frames else None
        if last is None or (frame.at - last).total_seconds() >= EVERY_S:
            self._frames.append(frame)
        return over

    def _over(self) -> Callable[[Session], None]:
        minute, frames, self._frames = self._minute, self._frames, []
        spells = self._watch.take()
        assert minute is not None, "a minute has begun"
        body = pack(frames)

        def write(session: Session) -> None:
            row = insert(SiteMinute).values(site_id=self._site_id, minute=minute, body=body)
            mine = session.execute(row.on_conflict_do_nothing().returning(SiteMinute.minute))
            if mine.first() is None:
                return
            for (hour, machine, state), spell in spells.items():
                facts = {"lasted_ms": spell.lasted_ms, "times": spell.times}
                key = {
                    "site_id": self._site_id, "hour": hour, "machine": machine, "state": state
                }  # fmt: skip
                added = {name: getattr(MachineHour, name) + value for name, value in facts.items()}
                session.execute(
                    insert(MachineHour)
                    .values(**key, **facts)
                    .on_conflict_do_update(index_elements=list(key), set_=added)
                )
            old = SiteMinute.site_id == self._site_id, SiteMinute.minute < minute - KEPT
            session.execute(delete(SiteMinute).where(*old))
            long_ago = MachineHour.hour < minute - HOURS_KEPT
            session.execute(
                delete(MachineHour).where(MachineHour.site_id == self._site_id, long_ago)
            )

        return write


class Record:
    """The worker's loop: takes what has come by the bus."""

    def __init__(
        self, database: Database, recorder: Recorder, receive: Callable[[], Message | None]
    ) -> None:
        self._database, self._recorder, self._receive = database, recorder, receive

    def __call__(self) -> int:
        """One picture; 0 when none came."""
        message = self._receive()
        if message is None:
            return 0
        try:
            frame = site_frame.validate_json(message.body)
        except ValidationError as error:
            log.warning("frame.refused", problem=str(error)[:500])
            return 1
        write = self._recorder.see(frame)
        if write is not None:
            self._database.run(write)
        return 1
