"""Labour: what was done, how long it took and how long it should take.

An engineered standard says how long a step and each unit of it should take; a task's standard is
their sum, kept with the task when it is done, so that a later standard changes no past figure.

    active       time between one event and the next of a worker, up to IDLE
    idle         longer gaps, up to AWAY; beyond that somebody was not at work
    performance  standard / active

Figures are of kinds, zones and hours. Those of single persons are for whoever asks for them by
name of that wish, and are in no event.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from wms.ids import SiteId
from wms.work.model import WorkStandard
from wms.work.packet import Packet

ANY, TASK = "", ""
IDLE, AWAY = timedelta(minutes=3), timedelta(minutes=60)
FIRST = timedelta(seconds=15)  # what the first event after a gap counts for
# ms a step, ms a unit; by what is done at the step. TASK: to begin and to end it.
DEFAULTS: dict[str, tuple[int, int]] = {
    TASK: (15_000, 0),
    "scan": (9_000, 0),  # walk there, scan
    "count": (3_000, 2_500),
    "choose": (4_000, 0),
    "confirm": (5_000, 0),
    "print": (8_000, 0),
    "photo": (12_000, 0),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What a packet was: units, lines (steps that count), and the time that it should take."""

    units: int
    lines: int
    standard_ms: int


def figures_of(session: Session, site: UUID, packet: Packet) -> Figures:
    """The figures of a packet that is done, by the standards of its site."""
    rows = session.execute(
        select(WorkStandard.op, WorkStandard.step_ms, WorkStandard.unit_ms)
        .where(WorkStandard.site_id == site, WorkStandard.kind.in_((packet.kind, ANY)))
        .order_by(WorkStandard.kind)  # that of the kind comes last and wins
    ).all()
    standards = DEFAULTS | {op: (step_ms, unit_ms) for op, step_ms, unit_ms in rows}
    seen = {event.step for event in packet.history}
    standard_ms = standards[TASK][0]
    for step in packet.steps:
        if step.id in seen:
            step_ms, unit_ms = standards.get(step.op, (0, 0))
            standard_ms += step_ms + unit_ms * packet.counts.get(step.id, 0)
    counted = [packet.counts.get(step.id, 0) for step in packet.steps if step.qty]
    return Figures(
        units=sum(counted), lines=sum(1 for units in counted if units), standard_ms=standard_ms
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What was done in an hour, of a kind, in a zone; by one person, or by so many."""

    hour: datetime
    kind: str
    zone: str
    operator: str | None
    people: int
    tasks: int
    lines: int
    units: int
    active_ms: int
    idle_ms: int
    idle_gaps: int
    standard_ms: int


_TASKS = """
SELECT date_trunc('hour', done_at, 'UTC') AS hour, kind, zone,
       CASE WHEN :each THEN operator END AS operator, count(*) AS tasks,
       sum(lines)::bigint AS lines, sum(units)::bigint AS units,
       sum(standard_ms)::bigint AS standard_ms
  FROM task
 WHERE site_id = :site AND state = 'DONE' AND done_at >= :since AND done_at < :until
 GROUP BY 1, 2, 3, 4
"""
_EVENTS = """
WITH event AS (
  SELECT w.operator, w.task_id, w.at, 1000 * extract(epoch FROM w.at - lag(w.at) OVER (
           PARTITION BY w.device, w.operator ORDER BY w.at, w.no)) AS gap_ms
    FROM work_event w
   WHERE w.site_id = :site AND w.at >= :before AND w.at < :until
     AND coalesce(w.problem, 'null') = 'null')
SELECT date_trunc('hour', e.at, 'UTC') AS hour, t.kind, t.zone,
       CASE WHEN :each THEN e.operator END AS operator, count(DISTINCT e.operator) AS people,
       sum(CASE WHEN e.gap_ms <= :idle THEN e.gap_ms ELSE :first END)::bigint AS active_ms,
       coalesce(sum(e.gap_ms) FILTER (WHERE e.gap_ms > :idle AND e.gap_ms <= :away), 0)::bigint
         AS idle_ms,
       count(*) FILTER (WHERE e.gap_ms > :idle AND e.gap_ms <= :away) AS idle_gaps
  FROM event e JOIN task t ON t.site_id = :site AND t.id = e.task_id
 WHERE e.at >= :since
 GROUP BY 1, 2, 3, 4
"""


def labour(
    session: Session, site: SiteId, since: datetime, until: datetime, *, per_person: bool = False
) -> list[Line]:
    """What was done at a site, by hour, kind and zone; and by person where that is asked for."""
    asked = {
        "site": site, "since": since, "until": until, "before": since - AWAY, "each": per_person,
        "idle": IDLE / _MS, "away": AWAY / _MS, "first": FIRST / _MS,
    }  # fmt: skip
    done = _by_key(session.execute(text(_TASKS), asked).mappings().all())
    spent = _by_key(session.execute(text(_EVENTS), asked).mappings().all())
    lines = []
    for key in sorted(done.keys() | spent.keys(), key=str):
        task, event = done.get(key, {}), spent.get(key, {})
        hour, kind, zone, operator = key
        lines.append(
            Line(
                hour=hour, kind=kind, zone=zone, operator=operator,
                people=event.get("people", 0), tasks=task.get("tasks", 0),
                lines=task.get("lines", 0), units=task.get("units", 0),
                active_ms=event.get("active_ms", 0), idle_ms=event.get("idle_ms", 0),
                idle_gaps=event.get("idle_gaps", 0), standard_ms=task.get("standard_ms", 0),
            )
        )  # fmt: skip
    return lines


_MS = timedelta(milliseconds=1)


def _by_key(rows: Sequence[Any]) -> dict[tuple[datetime, str, str, str | None], Any]:
    return {(row["hour"], row["kind"], row["zone"], row["operator"]): row for row in rows}
