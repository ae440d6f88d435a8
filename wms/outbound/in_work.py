"""What is in work: one list of what people have to do and what robots carry.

Tasks of people stand in the pool (wms.work.pool); a robot's transport order is the WCS's to give
to a robot, and is seen here as it reports.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from wms.outbound.model import Presentation, Transport
from wms.sites import Site
from wms.work.model import Task

TRIPS = ("COMING", "PRESENT", "RETURNING")


@dataclass(frozen=True, slots=True, kw_only=True)
class InWork:
    """A task or a transport order, as a supervisor sees it."""

    id: UUID
    site: str
    by: Literal["person", "robot"]
    kind: str
    state: str
    title: str
    zone: str
    station: str | None
    priority: int
    done: int
    total: int
    made_at: datetime
    due_at: datetime | None = None
    leased_at: datetime | None = None
    lease_until: datetime | None = None
    operator: str = ""
    device: str = ""
    for_operator: str | None = None
    equipment: tuple[str, ...] = ()
    note: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Which:
    """What to list."""

    states: tuple[str, ...] = ("OPEN", "LEASED", "BLOCKED")
    site: UUID | None = None
    kind: str | None = None
    limit: int = 200
    only: UUID | None = None


def in_work(session: Session, which: Which) -> list[InWork]:
    """What is in work, the most urgent first; robots' transport orders behind it."""
    codes = {site.id: site.code for site in session.scalars(select(Site))}
    rows = _of_people(session, which, codes)
    left = which.limit - len(rows)
    robots = which.kind in {None, "transport"} and "LEASED" in which.states
    if robots and left > 0 and which.only is None:
        rows += _of_robots(session, which, codes, left)
    return rows


def _of_people(session: Session, which: Which, codes: dict[UUID, str]) -> list[InWork]:
    said = Task.packet
    query = (
        select(
            Task.id, Task.site_id, Task.kind, Task.state, Task.zone, Task.station, Task.priority,
            Task.made_at, Task.due_at, Task.leased_at, Task.lease_until, Task.operator,
            Task.device, Task.for_operator, Task.equipment, Task.why,
            said["title"].astext.label("title"), said["note"].astext.label("note"),
            said["progress"]["done"].as_integer().label("done"),
            said["progress"]["total"].as_integer().label("total"),
        )
        .where(Task.state.in_(which.states))
        .order_by(Task.priority.desc(), Task.made_at, Task.id)
        .limit(which.limit)
    )  # fmt: skip
    if which.site is not None:
        query = query.where(Task.site_id == which.site)
    if which.only is not None:
        query = query.where(Task.id == which.only)
    if which.kind is not None:
        query = query.where(Task.kind == which.kind)
    return [
        InWork(
            id=row.id, site=codes.get(row.site_id, ""), by="person", kind=row.kind,
            state=row.state, title=row.title, zone=row.zone, station=row.station,
            priority=row.priority, done=row.done, total=row.total, made_at=row.made_at,
            due_at=row.due_at, leased_at=row.leased_at, lease_until=row.lease_until,
            operator=row.operator or "", device=row.device or "", for_operator=row.for_operator,
            equipment=tuple(row.equipment), note=row.note or "", why=row.why,
        )
        for row in session.execute(query)
    ]  # fmt: skip


def _of_robots(session: Session, which: Which, codes: dict[UUID, str], left: int) -> list[InWork]:
    query = (
        select(Presentation, Transport)
        .join(
            Transport,
            (Transport.site_id == Presentation.site_id)
            & (Transport.id == Presentation.transport_id),
        )
        .where(Presentation.state.in_(TRIPS), Transport.state.not_in(("FINISHED", "FAILED")))
        .order_by(Presentation.made_at, Presentation.id)
        .limit(left)
    )
    if which.site is not None:
        query = query.where(Presentation.site_id == which.site)
    return [
        InWork(
            id=transport.id, site=codes.get(trip.site_id, ""), by="robot", kind="transport",
            state=transport.state, zone="ROBOT", station=trip.station, priority=0, done=0, total=1,
            title=f"{trip.tote} → {trip.station if transport.leg == 'OUT' else trip.home}",
            made_at=trip.made_at, device=transport.robot or "", why=transport.reason,
        )
        for trip, transport in session.execute(query)
    ]  # fmt: skip
