"""The usual scan: somebody goes on with what they have in hand. One statement, no lock, no reading.

    the packet as this process saw it last -> reduce -> UPDATE the task, INSERT the event

The statement writes only where the task's row is the very version that was seen (`xmin`, which
Postgres changes with every change of a row). So it does not matter what this process does not
know: another process, another device, a supervisor or a lease that went to somebody else has left
another version, nothing is written, and the event goes the long way (wms.work.tasks), which locks,
reads and judges it. An id that was answered before is in the table already: nothing is written.

The long way is also for all that is not usual: several events, what is refused, exceptions, steps
that the server judges, and the event that ends the packet. A few packets are remembered, the last
ones that were worked on; which ones matters to nobody.
"""

import json
from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from threading import Lock
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from wms.database import Database
from wms.work.actor import Actor
from wms.work.packet import Event, Packet, packet_json, reduce
from wms.work.pool import LEASE_S

REMEMBERED_MAX = 500
USUAL = frozenset({"scan", "qty", "choice", "undo"})

_READ = text(
    "SELECT site_id, state, device, operator, lease_s, xmin::text AS version,"
    " packet::text AS packet FROM task WHERE id = :task"
)
_WRITE = text("""
WITH kept AS (
  UPDATE task SET packet = CAST(:packet AS jsonb), lease_until = :lease_until
   WHERE site_id = :site AND id = :task AND xmin = CAST(:version AS xid)
  RETURNING fence, xmin::text AS version),
told AS (
  INSERT INTO work_event (id, task_id, device, operator, at, problem, rev, fence, site_id, step,
                          type, value, seq)
  SELECT :id, :task, :device, :operator, :at, 'null', :rev, kept.fence, :site, :step, :type,
         CAST(:value AS jsonb), :seq
    FROM kept)
SELECT version FROM kept
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """A task as it was when it had that version."""

    site: UUID
    state: str
    device: str | None
    operator: str | None
    lease_s: int
    version: str
    packet: Packet


class AtHand:
    """The packets that are being worked on, as this process saw them last."""

    def __init__(self) -> None:
        self._seen: OrderedDict[UUID, _Seen] = OrderedDict()
        self._lock = Lock()

    def take(self, database: Database, event: Event, actor: Actor, *, now: datetime) -> str | None:
        """Take an event, if it is a usual one.

        Returns:
            the packet as it is now, as JSON; None: nothing was done, it must go the long way.
        """
        seen = self._recall(event.packet)
        try:
            seen = seen or _read(database, event.packet)
            after = None if seen is None else _judged(seen, event, actor)
            if seen is None or after is None:
                return None
            packet = packet_json.dump_json(after).decode()
            version = _write(database, seen, event, actor, packet, now)
        except DBAPIError:  # answered before, or nobody knows: the long way finds out
            return None
        if version is None:
            return None
        self._remember(event.packet, replace(seen, version=version, packet=after))
        return packet

    def _recall(self, task: UUID) -> _Seen | None:
        """What is remembered is used once: another call that comes meanwhile looks for itself."""
        with self._lock:
            return self._seen.pop(task, None)

    def _remember(self, task: UUID, seen: _Seen) -> None:
        with self._lock:
            self._seen[task] = seen
            if len(self._seen) > REMEMBERED_MAX:
                self._seen.popitem(last=False)


def _read(database: Database, task: UUID) -> _Seen | None:
    row = database.say(_READ, {"task": task})
    if row is None:
        return None
    return _Seen(
        site=row.site_id,
        state=row.state,
        device=row.device,
        operator=row.operator,
        lease_s=row.lease_s,
        version=row.version,
        packet=packet_json.validate_json(row.packet),
    )


def _judged(seen: _Seen, event: Event, actor: Actor) -> Packet | None:
    """The packet after that event; None where it is not a usual one."""
    if event.type not in USUAL or seen.state != "LEASED" or seen.device != actor.device:
        return None
    packet = seen.packet
    if any(step.online for step in packet.steps if step.id == event.step):
        return None
    after = reduce(packet, event)
    return after if isinstance(after, Packet) and after.step is not None else None


def _write(
    database: Database, seen: _Seen, event: Event, actor: Actor, packet: str, now: datetime
) -> str | None:
    """Write it down, if the task is as it was seen; its version then."""
    operator = seen.operator if actor.signed_in and seen.operator else actor.operator
    given = {
        "packet": packet,
        "lease_until": now + timedelta(seconds=seen.lease_s or LEASE_S),
        "site": seen.site,
        "task": event.packet,
        "version": seen.version,
        "id": event.id,
        "device": actor.device,
        "operator": operator,
        "at": event.at,
        "rev": event.rev,
        "step": event.step,
        "type": event.type,
        "value": json.dumps(event.value),
        "seq": event.seq,
    }
    row = database.say(_WRITE, given)
    return None if row is None else str(row.version)
