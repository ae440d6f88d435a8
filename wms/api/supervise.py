"""For supervisors: what is in work and who has it, what went wrong, what was achieved.

Acts are POST with a `command_id`: sent again they change nothing more, and are answered with how
things stand now. Where handhelds are paired, a supervisor's badge is asked for.
"""

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Query
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from wms.api.acts import acts_for, carry_out
from wms.api.dependencies import Boss, Now, Services, Svc
from wms.api.shapes import CommandIn, Text
from wms.api.supervise_shapes import (
    ActIn,
    AssignIn,
    ExceptionOut,
    ExceptionsIn,
    HistoryOut,
    Kind,
    LabourIn,
    LabourLine,
    LabourOut,
    NoteIn,
    PrioritiseIn,
    RuleIn,
    RuleOut,
    StandardIn,
    StandardOut,
    SteeredOut,
    TaskOut,
    TasksIn,
    WhyIn,
)
from wms.errors import NotFound
from wms.ids import SiteId
from wms.outbound.attend import (
    TAKE,
    Act,
    exception_of,
    exceptions,
    history,
    is_done,
    solve,
    state_of,
    take,
)
from wms.outbound.in_work import InWork, Which, in_work
from wms.outbound.model import ExceptionRow
from wms.sites import Site, site_id, sites_by_code
from wms.work import steer
from wms.work.labour import DEFAULTS, TASK, Line, labour
from wms.work.model import Task, WorkRule, WorkStandard

router = APIRouter(prefix="/console/v1", tags=["supervise"])
Op = Literal["task", "scan", "count", "choose", "confirm", "print", "photo"]


# ------------------------------------------------------------------------------------- tasks
@router.get("/tasks")
def get_tasks(services: Svc, _boss: Boss, which: Annotated[TasksIn, Query()]) -> list[TaskOut]:
    """What is in work: tasks of people, the most urgent first, then robots' transport orders."""

    def work(session: Session) -> list[TaskOut]:
        site = None if which.site is None else _site(session, which.site)
        asked = Which(site=site, kind=which.kind, limit=which.limit)
        if which.state is not None:
            asked = Which(site=site, kind=which.kind, limit=which.limit, states=(which.state,))
        return [_task_out(each) for each in in_work(session, asked)]

    return services.database.run(work)


@router.post("/tasks/{task_id}:assign")
def post_assign(task_id: UUID, body: AssignIn, services: Svc, now: Now, _boss: Boss) -> SteeredOut:
    """It is theirs alone, and comes first for them. 409 `task_leased`: another has it in hand."""
    return _steered(services, task_id, lambda _s, task: steer.assign(task, body.worker), now)


@router.post("/tasks/{task_id}:prioritise")
def post_prioritise(
    task_id: UUID, body: PrioritiseIn, services: Svc, now: Now, _boss: Boss
) -> SteeredOut:
    """It is so urgent."""
    return _steered(
        services, task_id, lambda _s, task: steer.prioritise(task, body.priority, body.due_at), now
    )


@router.post("/tasks/{task_id}:revoke")
def post_revoke(task_id: UUID, body: WhyIn, services: Svc, now: Now, _boss: Boss) -> SteeredOut:
    """Take it from whoever has it; they are told, and put back what they took."""

    def act(session: Session, task: Task) -> UUID | None:
        if task.state != "LEASED":
            return None
        return steer.revoke(session, task, body.why, now=now)

    return _steered(services, task_id, act, now)


@router.post("/tasks/{task_id}:block")
def post_block(task_id: UUID, body: WhyIn, services: Svc, now: Now, _boss: Boss) -> SteeredOut:
    """Nobody gets it until it is opened again."""

    def act(session: Session, task: Task) -> UUID | None:
        if task.state == "BLOCKED":
            return None
        return steer.block(session, task, body.why, now=now)

    return _steered(services, task_id, act, now)


@router.post("/tasks/{task_id}:unblock")
def post_unblock(
    task_id: UUID, body: CommandIn, services: Svc, now: Now, _boss: Boss
) -> SteeredOut:
    """Anybody may get it again."""
    del body
    return _steered(services, task_id, lambda _s, task: steer.unblock(task), now)


@router.post("/tasks/{task_id}:note")
def post_note(task_id: UUID, body: NoteIn, services: Svc, now: Now, _boss: Boss) -> SteeredOut:
    """A message over every step, for whoever has it or gets it."""
    return _steered(services, task_id, lambda _s, task: steer.leave_note(task, body.note), now)


# -------------------------------------------------------------------------------- exceptions
@router.get("/exceptions")
def get_exceptions(
    services: Svc, _boss: Boss, which: Annotated[ExceptionsIn, Query()]
) -> list[ExceptionOut]:
    """What people should look at, the most urgent first; what is over, the latest first."""

    def work(session: Session) -> list[ExceptionOut]:
        site = None if which.site is None else _site(session, which.site)
        rows = exceptions(session, which.state, site, which.limit)
        return [_exception_out(session, row) for row in rows]

    return services.database.run(work)


@router.post("/exceptions/{exception_id}:take")
def post_take(
    exception_id: UUID, body: CommandIn, services: Svc, now: Now, boss: Boss
) -> ExceptionOut:
    """I see to it. 409 `exception_taken`: somebody else does."""

    def work(session: Session) -> ExceptionOut:
        row = exception_of(session, exception_id)
        act = Act(id=body.command_id, name=TAKE, by=boss)
        if not is_done(session, row, act):
            take(session, row, act, now=now)
        return _exception_out(session, row)

    return services.database.run(work)


@router.post("/exceptions/{exception_id}:act")
def post_act(exception_id: UUID, body: ActIn, services: Svc, now: Now, boss: Boss) -> ExceptionOut:
    """Do something about it, and go on looking after it."""
    return _acted(services, exception_id, Act(id=body.command_id, name=body.act, by=boss,
                                              note=body.note), now, ends=False)  # fmt: skip


@router.post("/exceptions/{exception_id}:solve")
def post_solve(
    exception_id: UUID, body: ActIn, services: Svc, now: Now, boss: Boss
) -> ExceptionOut:
    """Do something about it; with that it is over."""
    return _acted(services, exception_id, Act(id=body.command_id, name=body.act, by=boss,
                                              note=body.note), now, ends=True)  # fmt: skip


# ------------------------------------------------------------------------------------ labour
@router.get("/labour")
def get_labour(services: Svc, _boss: Boss, which: Annotated[LabourIn, Query()]) -> LabourOut:
    """What was done, by hour, kind and zone, against the standard; by person if asked for."""

    def work(session: Session) -> LabourOut:
        site = _site(session, which.site)
        lines = labour(session, site, which.since, which.until, per_person=which.per_person)
        return LabourOut(site=which.site, lines=[_labour_line(line) for line in lines])

    return services.database.run(work)


@router.get("/work-rules/{site}")
def get_rules(site: Text, services: Svc, _boss: Boss) -> list[RuleOut]:
    """What the site has decided of kinds of work."""

    def work(session: Session) -> list[RuleOut]:
        query = select(WorkRule).where(WorkRule.site_id == _site(session, site))
        return [
            RuleOut(site=site, kind=row.kind, lease_s=row.lease_s, priority=row.priority)
            for row in session.scalars(query.order_by(WorkRule.kind))
        ]

    return services.database.run(work)


@router.put("/work-rules/{site}/{kind}")
def put_rule(
    site: Text, kind: Annotated[Kind, Path()], body: RuleIn, services: Svc, _boss: Boss
) -> RuleOut:
    """How long a lease of this kind lasts without a sign of life, and how urgent it is."""

    def work(session: Session) -> None:
        row = insert(WorkRule).values(site_id=_site(session, site), kind=kind, **body.model_dump())
        session.execute(
            row.on_conflict_do_update(index_elements=["site_id", "kind"], set_=body.model_dump())
        )

    services.database.run(work)
    return RuleOut(site=site, kind=kind, lease_s=body.lease_s, priority=body.priority)


@router.get("/work-standards/{site}")
def get_standards(site: Text, services: Svc, _boss: Boss) -> list[StandardOut]:
    """How long steps should take: the usual times, then those of the site."""

    def work(session: Session) -> list[StandardOut]:
        query = select(WorkStandard).where(WorkStandard.site_id == _site(session, site))
        usual = [
            StandardOut(site="", kind="", op=op or "task", step_ms=step_ms, unit_ms=unit_ms)
            for op, (step_ms, unit_ms) in DEFAULTS.items()
        ]
        return usual + [
            StandardOut(
                site=site, kind=row.kind, op=row.op or "task", step_ms=row.step_ms,
                unit_ms=row.unit_ms,
            )
            for row in session.scalars(query.order_by(WorkStandard.kind, WorkStandard.op))
        ]  # fmt: skip

    return services.database.run(work)


@router.put("/work-standards/{site}/{kind}/{op}")
def put_standard(
    site: Text, kind: Annotated[Kind, Path()], op: Op, body: StandardIn, services: Svc, _boss: Boss
) -> StandardOut:
    """How long that should take from now on; what is done keeps the standard that it had."""

    def work(session: Session) -> None:
        key = {"site_id": _site(session, site), "kind": kind, "op": TASK if op == "task" else op}
        row = insert(WorkStandard).values(**key, **body.model_dump())
        session.execute(row.on_conflict_do_update(index_elements=list(key), set_=body.model_dump()))

    services.database.run(work)
    return StandardOut(site=site, kind=kind, op=op, **body.model_dump())


# ------------------------------------------------------------------------------------- parts
def _steered(
    services: Services, id_: UUID, act: Callable[[Session, Task], UUID | None], now: datetime
) -> SteeredOut:
    del now

    def work(session: Session) -> SteeredOut:
        task = steer.undone(session, id_)
        recovery = act(session, task)
        session.flush()
        which = Which(site=task.site_id, only=id_)
        return SteeredOut(task=_task_out(in_work(session, which)[0]), recovery=recovery)

    return services.database.run(work)


def _acted(services: Services, id_: UUID, act: Act, now: datetime, *, ends: bool) -> ExceptionOut:
    def work(session: Session) -> ExceptionOut:
        row = exception_of(session, id_)
        if not is_done(session, row, act):
            carry_out(session, services.floor, row, act, now=now)
            (solve if ends else take)(session, row, act, now=now)
        return _exception_out(session, row)

    return services.database.run(work)


def _site(session: Session, code: str) -> SiteId:
    if code not in sites_by_code(session, [code]):
        raise NotFound(f"site {code}")
    return site_id(code)


def _task_out(row: InWork) -> TaskOut:
    return TaskOut(**asdict(row))


def _exception_out(session: Session, row: ExceptionRow) -> ExceptionOut:
    site = session.get(Site, row.site_id)
    state = state_of(row)
    return ExceptionOut(
        id=row.id,
        site="" if site is None else site.code,
        at=row.at,
        code=row.code,
        source=row.source,
        priority=row.priority,
        state=state,
        owner=row.owner,
        act=row.act,
        solved_at=row.solved_at,
        facts=row.facts,
        acts=[] if state == "SOLVED" else acts_for(session, row),
        history=[
            HistoryOut(act=each.act, by=each.by, note=each.note, at=each.at)
            for each in history(session, row)
        ],
    )


def _labour_line(line: Line) -> LabourLine:
    facts = {name: getattr(line, name) for name in LabourLine.model_fields if hasattr(line, name)}
    active_h = line.active_ms / 3_600_000
    return LabourLine(
        **facts,
        active_min=round(line.active_ms / 60_000, 1),
        idle_min=round(line.idle_ms / 60_000, 1),
        standard_min=round(line.standard_ms / 60_000, 1),
        units_per_hour=round(line.units / active_h, 1) if active_h else None,
        performance=round(100 * line.standard_ms / line.active_ms, 1) if line.active_ms else None,
    )
