"""For the control room: alarms as operators need them, the last day, machines, heat.

Commands to machines are in wms.api.machines; the live picture in wms.api.console.
"""

import json
import tomllib
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import AwareDatetime
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from wms.api.control_shapes import (
    AlarmFiguresOut,
    AlarmOut,
    AlarmsOut,
    HeatOut,
    HiderOut,
    KindOut,
    MachineOut,
    MinuteOut,
    MomentOut,
    OrderHeldUp,
    OutOfServiceOut,
    Row,
    ShelveIn,
    SpanOut,
    TakeOutIn,
)
from wms.api.dependencies import Boss, Now, Services, Svc
from wms.api.shapes import CommandIn
from wms.control import alarms, out_of_service
from wms.control.alarms import AlarmList, Listed, alarm_list, orders_of, standing_at
from wms.control.figures import figures
from wms.control.health import CELL_M, Spell, health, heat
from wms.control.hour import last_hour
from wms.control.model import MachineHour, SiteMinute
from wms.control.moments import LOADED, PAUSED, Moment, Spot, unpack
from wms.control.rules import Ground, ground_of
from wms.errors import NotFound
from wms.outbound.attend import Act, exception_of
from wms.outbound.model import Counter

router = APIRouter(prefix="/console/v1", tags=["control"])
Hours = Annotated[int, Query(ge=1, le=720)]
Minutes = Annotated[int, Query(ge=1, le=120)]


@lru_cache(maxsize=4)
def _ground(site_file: Path | None) -> Ground:
    if site_file is None or not site_file.exists():
        return Ground()
    return ground_of(tomllib.loads(site_file.read_text(encoding="utf-8")))


def alarms_now(session: Session, services: Services, now: datetime) -> AlarmsOut:
    """The list, as the stream of the console tells it too."""
    return _alarms_out(alarm_list(session, _ground(services.settings.site_file), now=now))


# -------------------------------------------------------------------------------- alarms
@router.get("/alarms")
def get_alarms(services: Svc, now: Now) -> AlarmsOut:
    """What needs somebody, the most urgent first. Those with a cause lie under it."""
    return services.database.run(lambda session: alarms_now(session, services, now))


def _after(services: Services, now: datetime, act: Callable[[Session], object]) -> AlarmsOut:
    """The alarms as they are after that, in one transaction."""

    def work(session: Session) -> AlarmsOut:
        act(session)
        return alarms_now(session, services, now)

    return services.database.run(work)


@router.post("/alarms/{alarm_id}:acknowledge")
def post_acknowledge(
    alarm_id: UUID, body: CommandIn, services: Svc, now: Now, boss: Boss
) -> AlarmsOut:
    """I know of it: the alarm stands for as long as its trouble does."""
    act = Act(id=body.command_id, name="acknowledge", by=boss)
    return _after(
        services, now, lambda session: alarms.acknowledge(session, alarm_id, act, now=now)
    )


@router.post("/alarms/{alarm_id}:shelve")
def post_shelve(alarm_id: UUID, body: ShelveIn, services: Svc, now: Now, boss: Boss) -> AlarmsOut:
    """Out of the way until then, with all of that trouble of that machine; back by itself."""
    act = Act(id=body.command_id, name="shelve", by=boss, note=body.reason)
    until = now + timedelta(minutes=body.minutes)
    return _after(
        services, now, lambda session: alarms.shelve(session, alarm_id, act, until=until, now=now)
    )


@router.post("/alarms/{alarm_id}:unshelve")
def post_unshelve(
    alarm_id: UUID, body: CommandIn, services: Svc, now: Now, boss: Boss
) -> AlarmsOut:
    """It is to be heard of again."""
    act = Act(id=body.command_id, name="unshelve", by=boss)
    return _after(services, now, lambda session: alarms.unshelve(session, alarm_id, act, now=now))


@router.post("/alarms/{alarm_id}:reset")
def post_reset(alarm_id: UUID, body: CommandIn, services: Svc, now: Now, boss: Boss) -> AlarmsOut:
    """What a latched alarm left behind was looked at. 409 alarm_stands: its trouble is not over."""
    act = Act(id=body.command_id, name="reset", by=boss)
    return _after(services, now, lambda session: alarms.reset(session, alarm_id, act, now=now))


@router.post("/alarms/{alarm_id}:take-out-of-service")
def post_take_out(
    alarm_id: UUID, body: TakeOutIn, services: Svc, now: Now, boss: Boss
) -> AlarmsOut:
    """Nothing is to be heard of it until then, 31 days at most; it is listed all the while."""
    act = Act(id=body.command_id, name="out_of_service", by=boss, note=body.reason)
    until = now + timedelta(hours=body.hours)
    return _after(
        services,
        now,
        lambda session: out_of_service.take_out(
            session, alarm_id, act, until=until, whole=body.whole, now=now
        ),
    )


@router.post("/alarms/{alarm_id}:put-back-in-service")
def post_put_back(
    alarm_id: UUID, body: CommandIn, services: Svc, now: Now, boss: Boss
) -> AlarmsOut:
    """What was put out of service at that alarm is heard again."""
    act = Act(id=body.command_id, name="back_in_service", by=boss)
    return _after(
        services, now, lambda session: out_of_service.put_back(session, alarm_id, act, now=now)
    )


@router.get("/alarms/{alarm_id}/orders")
def get_orders_held_up(alarm_id: UUID, services: Svc) -> list[OrderHeldUp]:
    """The open orders that wait for what is in trouble, the oldest first."""

    def work(session: Session) -> list[OrderHeldUp]:
        row = exception_of(session, alarm_id)
        return [OrderHeldUp(id=id_, number=number) for id_, number in orders_of(session, row)]

    return services.database.run(work)


@router.get("/alarm-figures")
def get_figures(services: Svc, now: Now, hours: Hours = 24) -> AlarmFiguresOut:
    """How many came, how often as a flood, and who is behind most of them."""
    since = now - timedelta(hours=hours)
    operators = _ground(services.settings.site_file).operators
    found = services.database.run(
        lambda session: figures(session, services.floor.hub, since, now, operators)
    )
    return AlarmFiguresOut(since=since, until=now, **found)


# --------------------------------------------------------------------------- time machine
@router.get("/minutes")
def get_span(services: Svc) -> SpanOut:
    """From when to when there are pictures: a day at most."""

    def work(session: Session) -> SpanOut:
        mine = SiteMinute.site_id == services.floor.hub
        query = select(func.min(SiteMinute.minute), func.max(SiteMinute.minute)).where(mine)
        first, last = session.execute(query).one()
        return SpanOut(first=first, last=last)

    return services.database.run(work)


@router.get("/minutes/{at}")
def get_minute(at: AwareDatetime, services: Svc) -> MinuteOut:
    """The pictures of that minute. 404: there are none, nobody recorded it."""

    def work(session: Session) -> MinuteOut:
        minute = at.replace(second=0, microsecond=0)
        row = session.get(SiteMinute, (services.floor.hub, minute))
        if row is None:
            raise NotFound(f"no pictures of {minute:%H:%M}")
        moments = unpack(row.body)
        names = sorted({name for moment in moments for name in moment.robots})
        end = minute + timedelta(minutes=1)
        return MinuteOut(
            minute=minute,
            names=names,
            moments=[_moment(moment, names) for moment in moments],
            alarms=[
                {
                    "id": str(event.exception_id), "at": event.at.isoformat(), "active": True,
                    "source": event.source, "code": event.code, "priority": event.priority,
                }
                for event in standing_at(session, services.floor.hub, end)
            ],
        )  # fmt: skip

    return services.database.run(work)


# ------------------------------------------------------------------------------- machines
@router.get("/machine-health")
def get_health(services: Svc, now: Now, hours: Hours = 24) -> list[MachineOut]:
    """How long each machine was in which state, and how effective that makes it."""

    def work(session: Session) -> list[MachineOut]:
        since = now - timedelta(hours=hours)
        query = (
            select(
                MachineHour.machine, MachineHour.state,
                func.sum(MachineHour.lasted_ms), func.sum(MachineHour.times),
            )
            .where(MachineHour.site_id == services.floor.hub, MachineHour.hour > since)
            .group_by(MachineHour.machine, MachineHour.state)
        )  # fmt: skip
        spells: dict[str, dict[str, Spell]] = {}
        for machine, state, lasted_ms, times in session.execute(query):
            spell = Spell(lasted_ms=int(lasted_ms), times=int(times))
            spells.setdefault(machine, {})[state] = spell
        quality = _read_share(session, services)
        return [
            MachineOut(**asdict(health(name, of, quality if name.startswith("sorter") else None)))
            for name, of in sorted(spells.items())
        ]

    return services.database.run(work)


@router.get("/heat")
def get_heat(services: Svc, now: Now, minutes: Minutes = 30) -> HeatOut:
    """Where robots were in the last minutes, and where they waited."""

    def work(session: Session) -> list[bytes]:
        query = select(SiteMinute.body).where(
            SiteMinute.site_id == services.floor.hub,
            SiteMinute.minute > now - timedelta(minutes=minutes + 1),
        )
        return list(session.scalars(query))

    bodies = services.database.run(work)
    cells = heat(moment for body in bodies for moment in unpack(body))
    rows = [[column, row, seen, waited] for (column, row), (seen, waited) in cells.items()]
    return HeatOut(cell_m=CELL_M, minutes=len(bodies), cells=rows)


@router.get("/hour")
def get_hour(services: Svc, now: Now) -> list[KindOut]:
    """Each kind of work in the last hour, by five minutes; the plan is in the site file."""
    found = services.database.run(lambda session: last_hour(session, services.floor.hub, now=now))
    return [KindOut(kind=one.kind, done=one.done, open=one.open) for one in found]


# ---------------------------------------------------------------------------------- parts
def _read_share(session: Session, services: Services) -> float | None:
    names = "sorter_reads", "sorter_no_reads"
    query = select(Counter.name, Counter.value).where(
        Counter.site_id == services.floor.hub, Counter.name.in_(names)
    )
    counts = {name: int(value) for name, value in session.execute(query)}
    reads, unread = (counts.get(name, 0) for name in names)
    return reads / (reads + unread) if reads + unread else None


def _moment(moment: Moment, names: list[str]) -> MomentOut:
    return MomentOut(at=moment.at, robots=[_row(moment.robots.get(name)) for name in names])


def _row(spot: Spot | None) -> Row | None:
    if spot is None:
        return None
    flags = (LOADED if spot.loaded else 0) | (PAUSED if spot.paused else 0)
    return (
        round(spot.x_m, 2), round(spot.y_m, 2), round(spot.heading_rad, 2), spot.state,
        round(spot.battery, 3), flags,
    )  # fmt: skip


def _said(facts: dict[str, Any]) -> str:
    return json.dumps(facts, ensure_ascii=False) if facts else ""


def _alarms_out(found: AlarmList) -> AlarmsOut:
    return AlarmsOut(
        alarms=[_alarm_out(one) for one in found.alarms],
        flood=found.flood,
        out_of_service=[
            OutOfServiceOut(
                alarm=one.exception_id, source=one.source, code=one.code, since=one.at,
                until=one.until, by=one.by, reason=one.reason,
            )
            for one in found.out
        ],
    )  # fmt: skip


def _alarm_out(one: Listed) -> AlarmOut:
    row, shelf, hider = one.row, one.shelf, one.hidden_by
    facts: dict[str, Any] = row.facts
    return AlarmOut(
        id=row.id,
        at=row.at,
        source=row.source,
        code=row.code,
        priority=row.priority,
        active=row.active,
        state=one.state,
        owner=row.owner,
        detail=str(facts["detail"] if "detail" in facts else _said(facts)),
        cause=one.cause,
        shelved_until=None if shelf is None else shelf.until,
        shelved_by="" if shelf is None else shelf.by,
        shelved_why="" if shelf is None else shelf.reason,
        suppressed_by=None if hider is None else HiderOut(code=hider[0], source=hider[1]),
        out_until=None if one.out is None else one.out.until,
        until=facts.get("until"),
        by=str(facts.get("by") or ""),
    )
