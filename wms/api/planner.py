"""The planner's desk over HTTP: snapshots, scenarios, runs, comparison, proposals, the report."""

from datetime import date
from functools import partial
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import ValidationError
from sqlalchemy.orm import Session

from wms.api.dependencies import Boss, Now, Svc, signed_in
from wms.api.imports import TYPES, UPLOAD, Upload
from wms.api.planner_shapes import (
    CheckIn,
    CheckOut,
    ComparedOut,
    EditIn,
    FaultOut,
    HeldOut,
    NetworkOut,
    PlanOut,
    ProposeIn,
    ReportOut,
    RunIn,
    RunOut,
    ScenarioIn,
    ScenarioOut,
    SnapshotId,
    SnapshotIn,
    SnapshotOut,
)
from wms.errors import NotFound, Rejected
from wms.masters.sheet import read as read_sheet
from wms.masters.sheet import write_csv, write_xlsx
from wms.planner import proposals, read, runs, scenarios
from wms.planner.compare import side_by_side
from wms.planner.model import PlanProposal, PlanRun, PlanSnapshot
from wms.planner.snapshot import Wanted, read_snapshot, take_snapshot

router = APIRouter(prefix="/planner/v1", tags=["planner"], dependencies=[signed_in])
Four = Annotated[list[UUID], Query(min_length=2, max_length=4)]
Form = Literal["csv", "xlsx"]


class ScenarioOfNothing(Rejected):
    """A scenario is of a snapshot, or a copy of another one: say which, and only one of them."""

    code = "scenario_of_nothing"


# --------------------------------------------------------------------------------- snapshots
@router.post("/snapshots")
def post_snapshot(body: SnapshotIn, services: Svc, now: Now, boss: Boss) -> SnapshotOut:
    """Freeze the network as it is now. The same network is the same snapshot."""
    wanted = Wanted(**body.model_dump())
    made = services.database.run(lambda s: take_snapshot(s, wanted, by=boss, now=now))
    return SnapshotOut.model_validate(made)


@router.get("/snapshots")
def get_snapshots(services: Svc) -> list[SnapshotOut]:
    """The newest first."""
    return [SnapshotOut(**each) for each in services.database.run(read.snapshots)]


@router.get("/snapshots/{id}")
def get_snapshot(id: SnapshotId, services: Svc) -> NetworkOut:  # noqa: A002 - it is the id
    """A network as the editor shows it, without its orders."""

    def work(session: Session) -> NetworkOut:
        network = read_snapshot(session, id)
        row = session.get_one(PlanSnapshot, id)
        plain = row.network
        return NetworkOut(
            **SnapshotOut.model_validate(row).model_dump(),
            nodes=plain["nodes"], carriers=plain["carriers"], regions=plain["regions"],
            rules=plain["rules"], orders_per_day=network.orders_per_day,
            units={code: sum(there.values()) for code, there in network.stock.items()},
        )  # fmt: skip

    return services.database.run(work)


# --------------------------------------------------------------------------------- scenarios
@router.get("/scenarios")
def get_scenarios(
    services: Svc, snapshot: Annotated[SnapshotId | None, Query()] = None
) -> list[ScenarioOut]:
    """All, or those of a snapshot, each with its last run."""
    found = services.database.run(lambda s: read.scenarios(s, snapshot))
    return [ScenarioOut(**each) for each in found]


@router.post("/scenarios:check")
def post_check(body: CheckIn, services: Svc) -> CheckOut:
    """What cannot apply, before it is kept; and how long a run may take."""

    def work(session: Session) -> CheckOut:
        full, faults = scenarios.faults_of(read_snapshot(session, body.snapshot), body.patches)
        return CheckOut(
            patches=full,
            faults=[FaultOut(number=number, words=words) for number, words in faults],
            estimate_s=read.estimate_s(session, body.snapshot, body.days),
        )

    return services.database.run(work)


@router.get("/scenarios/{id}")
def get_scenario(id: UUID, services: Svc) -> ScenarioOut:  # noqa: A002
    """A scenario."""
    return _scenario(services, id)


@router.put("/scenarios/{id}")
def put_scenario(
    id: UUID,  # noqa: A002
    body: ScenarioIn,
    services: Svc,
    now: Now,
    boss: Boss,
) -> ScenarioOut:
    """Make a scenario under an id of the caller's. Told again, it is made once."""
    edit = scenarios.Edit(name=body.name, patches=body.patches, tags=body.tags)

    def work(session: Session) -> None:
        if body.copy_of is not None and body.snapshot is None:
            scenarios.copy_scenario(session, body.copy_of, id, body.name, by=boss, now=now)
        elif body.snapshot is not None and body.copy_of is None:
            scenarios.make_scenario(session, id, body.snapshot, edit, by=boss, now=now)
        else:
            raise ScenarioOfNothing(str(id))

    services.database.run(work)
    return _scenario(services, id)


@router.post("/scenarios/{id}:change")
def post_change(
    id: UUID,  # noqa: A002
    body: EditIn,
    services: Svc,
    now: Now,
    _boss: Boss,
) -> ScenarioOut:
    """Change a scenario; runs of it stay as they were asked for."""
    edit = scenarios.Edit(name=body.name, patches=body.patches, tags=body.tags)
    services.database.run(
        lambda s: scenarios.change_scenario(s, id, edit, version=body.version, now=now)
    )
    return _scenario(services, id)


@router.post("/scenarios/{id}:pin")
def post_pin(id: UUID, services: Svc, _boss: Boss) -> ScenarioOut:  # noqa: A002
    """Make it the baseline of its snapshot."""
    services.database.run(lambda s: scenarios.pin_baseline(s, id))
    return _scenario(services, id)


@router.get(
    "/scenarios/{id}/differences.{form}",
    response_class=Response,
    responses={200: {"content": {TYPES["xlsx"]: {}, "text/csv": {}}, "description": "the file"}},
)
def get_differences(id: UUID, form: Form, services: Svc) -> Response:  # noqa: A002
    """The differences as a file that `differences` takes back."""
    rows = scenarios.rows_of(services.database.run(lambda s: scenarios.scenario(s, id)).patches)
    content = write_csv(rows) if form == "csv" else write_xlsx(rows, name="scenario")
    name = f'attachment; filename="scenario-{id}.{form}"'
    return Response(content, media_type=TYPES[form], headers={"content-disposition": name})


@router.post("/differences", openapi_extra=UPLOAD)
def post_differences(
    content: Upload, services: Svc, snapshot: Annotated[SnapshotId, Query()]
) -> CheckOut:
    """What a file (CSV or XLSX) says, and what of it cannot apply; nothing is kept."""
    rows = [cells for _, cells in read_sheet(content).rows]
    said = {"snapshot": snapshot, "patches": scenarios.patches_of(rows)}
    try:
        body = CheckIn.model_validate(said)
    except ValidationError as error:
        faults = [(int(e["loc"][1]) if len(e["loc"]) > 1 else 0, e["msg"]) for e in error.errors()]
        raise scenarios.PatchRefused(faults) from error
    return post_check(body, services)


# -------------------------------------------------------------------------------------- runs
@router.put("/runs/{id}", status_code=202)
def put_run(id: UUID, body: RunIn, services: Svc, now: Now, boss: Boss) -> RunOut:  # noqa: A002
    """Have a scenario played, by the worker, in a process of its own."""
    ask = runs.Ask(scenario_id=body.scenario, seeds=body.seeds, iterations=body.iterations)
    services.database.run(lambda s: runs.ask_for(s, id, ask, by=boss, now=now))
    return _run(services, id)


@router.get("/runs")
def get_runs(services: Svc) -> list[RunOut]:
    """The newest first, without results."""
    found = services.database.run(read.runs)
    brief: dict[str, Any] = {"result": None, "progress": []}
    return [RunOut.model_validate(run).model_copy(update=brief) for run in found]


@router.get("/runs/{id}")
def get_run(id: UUID, services: Svc) -> RunOut:  # noqa: A002
    """A run as it stands: its best and bound over time, and what its days came to."""
    return _run(services, id)


@router.post("/runs/{id}:stop")
def post_stop(id: UUID, services: Svc, now: Now, _boss: Boss) -> RunOut:  # noqa: A002
    """Stop, and keep the best so far."""
    services.database.run(lambda s: runs.stop(s, id, now=now))
    return _run(services, id)


@router.get("/compare")
def get_compare(services: Svc, run: Four) -> ComparedOut:
    """Two to four runs of one snapshot; the first is what the others are held against."""
    sides = services.database.run(lambda s: read.sides(s, run))
    return ComparedOut(names=[side.name for side in sides], **side_by_side(sides))


# --------------------------------------------------------------------------------- proposals
@router.get("/proposals")
def get_plans(services: Svc) -> list[PlanOut]:
    """The newest first."""
    return services.database.run(lambda s: [_told(s, each) for each in proposals.all_proposals(s)])


@router.put("/proposals/{id}")
def put_plan(id: UUID, body: ProposeIn, services: Svc, now: Now, boss: Boss) -> PlanOut:  # noqa: A002
    """Propose that a run's scenario should be, from a moment on."""
    wanted = proposals.Propose(
        run_id=body.run, base_run_id=body.base_run, reason=body.reason,
        active_from=body.active_from,
    )  # fmt: skip
    return services.database.run(
        lambda s: _told(s, proposals.propose(s, id, wanted, by=boss, now=now))
    )


@router.post("/proposals/{id}:approve")
def post_approve_plan(id: UUID, services: Svc, now: Now, boss: Boss) -> PlanOut:  # noqa: A002
    """Yes; by somebody else than who proposed."""
    decide = partial(proposals.decide, id_=id, approve=True, by=boss, now=now)
    return services.database.run(lambda s: _told(s, decide(s)))


@router.post("/proposals/{id}:reject")
def post_reject_plan(id: UUID, services: Svc, now: Now, boss: Boss) -> PlanOut:  # noqa: A002
    """No; by somebody else than who proposed."""
    decide = partial(proposals.decide, id_=id, approve=False, by=boss, now=now)
    return services.database.run(lambda s: _told(s, decide(s)))


@router.post("/proposals/{id}:rollback")
def post_rollback_plan(id: UUID, services: Svc, now: Now, boss: Boss) -> PlanOut:  # noqa: A002
    """Put back what there was before, if nobody has changed it since."""
    return services.database.run(lambda s: _told(s, proposals.roll_back(s, id, by=boss, now=now)))


@router.get("/proposals/{id}/measured")
def get_measured(id: UUID, services: Svc, now: Now) -> HeldOut:  # noqa: A002
    """What it was said to do, and what was measured since."""
    found = services.database.run(
        lambda s: proposals.held_against(s, proposals.proposal(s, id), now=now)
    )
    return HeldOut(**found)


@router.get("/report")
def get_report(services: Svc, day: Annotated[date, Query()]) -> ReportOut:
    """A day against the usual rules: cost and splits of sourcing, metres and minutes of picking."""
    if not date(2000, 1, 1) <= day <= date(2200, 1, 1):
        raise NotFound(f"{day} has no orders")
    # tours and their compiler: only for who asks, not for each start
    from wms.planner import report  # noqa: PLC0415

    return ReportOut(**report.of_day(services.database, day))


# ------------------------------------------------------------------------------------ shared
def _scenario(services: Svc, id_: UUID) -> ScenarioOut:
    return ScenarioOut(**services.database.run(lambda s: read.one_scenario(s, id_)))


def _run(services: Svc, id_: UUID) -> RunOut:
    def work(session: Session) -> RunOut:
        row = runs.run_named(session, id_)
        told = RunOut.model_validate(row)
        return told.model_copy(update={"waiting_before": read.waiting_before(session, row)})

    return services.database.run(work)


def _told(session: Session, row: PlanProposal) -> PlanOut:
    run = session.get_one(PlanRun, row.run_id)
    name = scenarios.scenario(session, run.scenario_id).name
    return PlanOut.model_validate(row).model_copy(update={"name": name})
