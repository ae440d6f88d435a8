"""Waves: orders that are released together, after a look at how that will go.

    save      PLANNED, from a template
    choose    of a dense wave: which orders it is of (found by the worker, wms.waves.dense)
    simulate  what would happen now: kept beside the wave, as often as one likes
    release   its lines are pinned, its walks made; what was simulated last stays to be compared
    cancel    before that it just ends; afterwards what is still pinned is given back
    finish    everything of it is packed, or has ended otherwise

Each act has an id of its own and is done once: asked again it is answered as the first time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, and_, exists, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from wms.errors import Conflict, IdReused, NotFound
from wms.ids import SiteId
from wms.orders.model import Allocation
from wms.outbound.floor import Floor
from wms.outbound.release import Ordered, pin
from wms.outbound.style import PickLine
from wms.outbound.unrelease import unrelease
from wms.outbound.walks import make_walks
from wms.waves.channel import known_site
from wms.waves.choice import Dense, dense_from
from wms.waves.forecast import Forecast, forecast
from wms.waves.model import Wave, WaveAct
from wms.waves.plan import Plan, Template, gather, plan

TEMPLATE: TypeAdapter[Template] = TypeAdapter(Template)
NOT_RELEASED = ("PLANNED", "SIMULATED")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewWave:
    """A wave to be planned, under an id of its maker's."""

    id: UUID
    site: str
    name: str
    template: Template


class WaveState(Conflict):
    """A wave is not in a state in which that can be done.

    Attributes:
        wave_id: the wave.
        state: the state that it is in.
    """

    code: ClassVar[str] = "wave_state"

    def __init__(self, wave_id: UUID, state: str) -> None:
        super().__init__(f"wave {wave_id} is {state}")
        self.wave_id = wave_id
        self.state = state


class WaveEmpty(Conflict):
    """Nothing that is allocated fits the wave, or nothing of it can be taken from a place now."""

    code: ClassVar[str] = "wave_empty"


class WaveUnchosen(Conflict):
    """The orders of a dense wave are still being chosen; ask again when the worker is done."""

    code: ClassVar[str] = "wave_unchosen"


def save_wave(session: Session, new: NewWave, *, now: datetime) -> bool:
    """Plan a wave; whether it is new.

    Raises:
        NotFound: there is no such site.
        IdReused: the id is that of another wave.
    """
    site = known_site(session, new.site)
    asked = f"{new.site} {new.name} {TEMPLATE.dump_json(new.template).decode()}"
    row = {
        "site_id": site, "id": new.id, "name": new.name, "state": "PLANNED", "asked": asked,
        "template": TEMPLATE.dump_python(new.template, mode="json"), "lines": 0, "made_at": now,
    }  # fmt: skip
    known = session.scalars(select(Wave).where(Wave.id == new.id)).first()
    if known is None:
        statement = insert(Wave).values(row).on_conflict_do_nothing().returning(Wave.id)
        if session.scalar(statement) is not None:
            return True
        known = session.get_one(Wave, (site, new.id))
    if known.asked != asked:
        raise IdReused(new.id)
    return False


def simulate(
    session: Session,
    wave_id: UUID,
    command: UUID,
    *,
    now: datetime,
    only: ColumnElement[bool] | None = None,
) -> dict[str, Any]:
    """What would happen if the wave were released now.

    Raises:
        NotFound: there is no such wave.
        WaveState: it has been released, or has ended.
        WaveUnchosen: its orders are still being chosen.
    """
    wave = lock_wave(session, wave_id)
    if (said := _said(session, wave, command, "simulate")) is not None:
        return said
    if wave.state not in NOT_RELEASED:
        raise WaveState(wave_id, wave.state)
    template = TEMPLATE.validate_python(wave.template)
    site = SiteId(wave.site_id)
    dense = _dense(wave)
    wave.forecast = _foretold(
        session, site, template, dense, _mine(only, dense, template, now), now
    )
    wave.state, wave.simulated_at = "SIMULATED", now
    return _keep(session, wave, command, "simulate", wave.forecast, now)


def release(
    session: Session,
    wave_id: UUID,
    command: UUID,
    *,
    now: datetime,
    only: ColumnElement[bool] | None = None,
) -> dict[str, Any]:
    """Release the wave: pin its lines, make its walks.

    Raises:
        NotFound: there is no such wave.
        WaveState: it was released before, or has ended.
        WaveEmpty: there is nothing to release.
        WaveUnchosen: its orders are still being chosen.
    """
    wave = lock_wave(session, wave_id)
    if (said := _said(session, wave, command, "release")) is not None:
        return said
    if wave.state not in NOT_RELEASED:
        raise WaveState(wave_id, wave.state)
    site = SiteId(wave.site_id)
    template = TEMPLATE.validate_python(wave.template)
    dense = _dense(wave)
    mine = _mine(only, dense, template, now)
    if wave.forecast is None:
        wave.forecast = _foretold(session, site, template, dense, mine, now)
        wave.simulated_at = now
    goods = gather(session, site, template, now=now, only=mine, lock=True)
    how = template.how(wave_id, dense.aisles if dense else frozenset())
    lines = pin(session, site, goods, how=how, now=now)
    if not lines:
        raise WaveEmpty(str(wave_id))
    walks = 0
    while made := make_walks(session, site, now=now):
        walks += made
    wave.state, wave.released_at, wave.lines = "RELEASED", now, lines
    return _keep(session, wave, command, "release", {"lines": lines, "walks": walks}, now)


def choose(session: Session, wave_id: UUID, dense: Dense | None) -> None:
    """Keep what was found for the wave; None: nothing was, it goes in turn."""
    wave = lock_wave(session, wave_id)
    if wave.state in NOT_RELEASED:
        wave.chosen = dense.kept() if dense else {}


def cancel(
    session: Session, floor: Floor, wave_id: UUID, command: UUID, *, actor: str, now: datetime
) -> dict[str, Any]:
    """Call the wave off. What was picked by then goes on.

    Raises:
        NotFound: there is no such wave.
        WaveState: it has ended.
    """
    wave = lock_wave(session, wave_id)
    if (said := _said(session, wave, command, "cancel")) is not None:
        return said
    if wave.state in {"DONE", "CANCELLED"}:
        raise WaveState(wave_id, wave.state)
    site = SiteId(wave.site_id)
    ids = allocations_of(session, wave)
    back = unrelease(session, floor, site, ids, actor=actor, now=now) if ids else 0
    wave.state, wave.ended_at = "CANCELLED", now
    answer = {"taken_back": back, "too_late": len(ids) - back}
    return _keep(session, wave, command, "cancel", answer, now)


def finish_waves(session: Session, *, now: datetime, limit: int = 100) -> int:
    """End the waves of which nothing is left to pick, sort or pack; how many."""
    open_ = exists().where(
        PickLine.site_id == Wave.site_id,
        PickLine.wave_id == Wave.id,
        Allocation.site_id == PickLine.site_id,
        Allocation.id == PickLine.allocation_id,
        Allocation.state.in_(("PINNED", "PICKED")),
    )
    query = select(Wave).where(Wave.state == "RELEASED", ~open_).order_by(Wave.released_at)
    ended = session.scalars(query.limit(limit).with_for_update(skip_locked=True)).all()
    for wave in ended:
        wave.state, wave.ended_at = "DONE", now
    return len(ended)


def allocations_of(session: Session, wave: Wave) -> list[UUID]:
    """The lines that the wave has released and still has."""
    query = select(PickLine.allocation_id).where(
        PickLine.site_id == wave.site_id, PickLine.wave_id == wave.id
    )
    return list(session.scalars(query.order_by(PickLine.allocation_id)))


def lock_wave(session: Session, wave_id: UUID) -> Wave:
    """A wave, locked.

    Raises:
        NotFound: there is none.
    """
    query = select(Wave).where(Wave.id == wave_id).with_for_update()
    wave = session.scalars(query, execution_options={"populate_existing": True}).first()
    if wave is None:
        raise NotFound(f"wave {wave_id}")
    return wave


def _dense(wave: Wave) -> Dense | None:
    """What was chosen for it; None: it goes in turn."""
    if wave.is_unchosen:
        raise WaveUnchosen(str(wave.id))
    return dense_from(wave.chosen) if wave.chosen else None


def _mine(
    only: ColumnElement[bool] | None, dense: Dense | None, template: Template, now: datetime
) -> ColumnElement[bool] | None:
    """What of the backlog is the wave's: what was chosen, and what has become urgent since."""
    if dense is None:
        return only
    soon = now + timedelta(minutes=template.hurry_min)
    chosen = or_(Allocation.order_id.in_(dense.orders), Ordered.promised_by < soon)
    return chosen if only is None else and_(only, chosen)


def _foretold(
    session: Session,
    site: SiteId,
    template: Template,
    dense: Dense | None,
    mine: ColumnElement[bool] | None,
    now: datetime,
) -> dict[str, Any]:
    aisles = dense.aisles if dense else frozenset[tuple[str, int]]()
    found = plan(session, site, template, now=now, only=mine, aisles=aisles)
    said = told(found, forecast(found.problem), now)
    return said | ({"dense": dense.facts()} if dense else {})


def told(found: Plan, what: Forecast, now: datetime) -> dict[str, Any]:
    """A forecast as it is kept and shown, with times of the clock."""

    def at(seconds: float) -> str:
        return (now + timedelta(seconds=round(seconds))).isoformat()

    return {
        "at": now.isoformat(),
        "lines": found.lines,
        "units": found.units,
        "orders": found.orders,
        "aisles": found.aisles,
        "walks": len(found.problem.walks),
        "metres": round(what.metres, 1),
        "finish_at": at(what.finish_s),
        "steps": {
            name: {
                "start_at": at(span.start_s),
                "finish_at": at(span.finish_s),
                "work_s": round(span.work_s),
            }
            for name, span in what.steps.items()
        },
        "zones": {
            name: {"lines": zone.lines, "units": zone.units, "work_s": round(zone.work_s)}
            for name, zone in what.zones.items()
        },
        "congestion_s": round(what.congestion_s),
        "late": [str(order) for order in what.late],
        "short": list(found.short),
    }


def _said(session: Session, wave: Wave, command: UUID, what: str) -> dict[str, Any] | None:
    """What was answered when that act was done; None: it is new."""
    known = session.get(WaveAct, (wave.site_id, command))
    if known is None:
        return None
    if known.what != f"{what} {wave.id}":
        raise IdReused(command)
    return known.said


def _keep(
    session: Session,
    wave: Wave,
    command: UUID,
    what: str,
    answer: Mapping[str, Any],
    now: datetime,
) -> dict[str, Any]:
    said = {"wave": str(wave.id), "state": wave.state} | dict(answer)
    act = WaveAct(site_id=wave.site_id, id=command, what=f"{what} {wave.id}", said=said, at=now)
    session.add(act)
    session.flush()
    return said
