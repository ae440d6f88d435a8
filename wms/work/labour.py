"""Labour: what was done, how long it took and how long it should take.

An engineered standard says how long a step and each unit of it should take; a task's standard is
their sum, kept with the task when it is done, so that a later standard changes no past figure.
"""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from wms.work.model import WorkStandard
from wms.work.packet import Packet

ANY, TASK = "", ""
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
