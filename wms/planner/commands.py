"""`soko plan`: solve a problem, play a scenario, hold a day against the rules.

Everything heavy is imported when a command is called.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from optimizer.commands import solve
from wms.settings import Settings

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy.orm import Session

    from wms.database import Database

plan = typer.Typer(help="Plans: solve, play scenarios, hold a day against.", no_args_is_help=True)
plan.command("solve")(solve)
BY = "soko plan"
SHORT: dict[str, tuple[str, str]] = {  # --set NAME=VALUE: the difference, and its field
    "robots": ("robots", "robots"),
    "pickers": ("labour", "pickers"),
    "demand": ("demand", "factor"),
    "stock": ("stock_policy", "factor"),
    "cut_off": ("cut_off", "minute"),
    "units_per_day": ("capacity", "units_per_day"),
    "split_minor": ("split_policy", "split_minor"),
    "promise_days": ("promise", "days"),
    "close": ("close_node", "node"),
}


@plan.command("list")
def list_(*, as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False) -> None:
    """Scenarios, with how their last runs stand."""
    from wms.planner import read

    with _opened() as database:
        rows = database.run(read.scenarios)
    if as_json:
        typer.echo(json.dumps(rows, default=str))
        return
    for row in rows:
        run = row["run"]
        state, cost = ("-", "-") if run is None else (run["state"], run["kpis"].get("cost_minor"))
        mark = "*" if row["baseline"] else " "
        typer.echo(f"{mark} {row['id']}  {row['name']:<30} {len(row['patches']):>3} {state} {cost}")


@plan.command("run")
def run(
    name: Annotated[str, typer.Argument(help="A scenario by its name; a new one is made.")],
    *,
    differ: Annotated[
        list[str] | None,
        typer.Option("--set", help=f"NAME=VALUE, of {', '.join(SHORT)}."),
    ] = None,
    file: Annotated[Path | None, typer.Option(help="Differences, CSV or XLSX.")] = None,
    days: Annotated[int, typer.Option(min=1, max=100, help="To play.")] = 3,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Play a scenario on the newest snapshot, in a process of its own, and say what it came to."""
    from edge.clock import clock_from_environment
    from wms.planner import runs
    from wms.planner.watch import Watch
    from wms.planner.work import How

    clock, settings = clock_from_environment(), Settings()
    how = How(processes=settings.plan_processes, cluster=settings.plan_cluster)
    now = clock.now()
    patches = [_patch(each) for each in differ or []] + ([] if file is None else _read(file))
    made = _id(now)
    with _opened() as database:
        scenario = database.run(lambda s: _scenario(s, name, patches, now))
        ask = runs.Ask(scenario_id=scenario, seeds=range(1, days + 1))
        database.run(lambda s: runs.ask_for(s, made, ask, by=BY, now=now))
        database.run(lambda s: runs.begin(s, made, now=now))
        Watch(database, clock, made, how).until_done()
        done = database.run(lambda s: runs.run_named(s, made))
    result = done.result or {}
    facts = {"id": str(made), "state": done.state, "failed": done.failed, **result}
    if as_json:
        typer.echo(json.dumps(facts))
    else:
        typer.echo(f"{name}: {done.state} {done.failed}".rstrip())
        for kpi, spread in result.get("kpis", {}).items():
            typer.echo(f"  {kpi:<24} {spread['mean']:>16,.2f}  P90 {spread['p90']:>16,.2f}")
    raise typer.Exit(0 if done.state == "DONE" else 1)


@plan.command("report")
def report(
    day: Annotated[datetime, typer.Argument(formats=["%Y-%m-%d"], help="The day.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """A day that was played, against what the usual rules would have made of it."""
    from wms.planner.report import of_day

    with _opened() as database:
        found = of_day(database, date(day.year, day.month, day.day))
    if as_json:
        typer.echo(json.dumps(found))
        return
    typer.echo(f"{found['day']}: {found['orders']} orders; not below {found['bound_minor']}")
    for side, figures in found["sourcing"].items():
        typer.echo(f"  {side:<8} " + "  ".join(f"{k} {v:,.0f}" for k, v in figures.items()))
    for row in found["picking"]:
        both = "  ".join(
            f"{side} {row[side]['metres']:,.0f} m {row[side]['minutes']:,.0f} min"
            for side in ("done", "rules")
        )
        typer.echo(f"  {row['site']:<8} {row['lines']} lines  {both}")


@plan.command("slots")
def slots(
    site: Annotated[str, typer.Argument(help="A site by its code.")],
    *,
    days: Annotated[int, typer.Option(min=1, help="Of how many days the orders count.")] = 28,
    moves: Annotated[int, typer.Option(min=1, help="Faces that are moved, at most.")] = 20,
    seconds: Annotated[float, typer.Option(min=0, help="How long the best is looked for.")] = 10.0,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Which faces should change places, because that saves more walking than it takes."""
    from dataclasses import replace
    from datetime import timedelta

    from edge.clock import clock_from_environment
    from wms.errors import NotFound
    from wms.planner.slots import LOOKED_FOR, propose, slots_of

    with _opened() as database:
        now = clock_from_environment().now()
        since = now - timedelta(days=days)
        try:
            found = database.run(lambda s: slots_of(s, site, since=since, now=now))
        except NotFound as error:
            raise typer.BadParameter(str(error)) from error
    said = propose(found, most=moves, limits=replace(LOOKED_FOR, seconds=seconds))
    if as_json:
        typer.echo(json.dumps(said))
        return
    for move in said["moves"]:
        ways = ", ".join(f"{e['sku']} {e['from']} -> {e['to']}" for e in move["skus"])
        typer.echo(f"{move['saved_m']:>10.1f} m  {ways}")
    typer.echo(
        f"{said['now_m']:.0f} m now, {said['after_m']:.0f} then, {said['best_m']:.0f} at best"
    )


@contextmanager
def _opened() -> "Iterator[Database]":
    from wms.database import Database

    settings = Settings()
    database = Database(settings.database_url, given_clock=settings.clock is not None)
    try:
        yield database
    finally:
        database.close()


def _id(now: datetime) -> "UUID":
    from wms.ids import new_id

    return new_id(now)


def _patch(said: str) -> dict[str, Any]:
    name, equals, value = said.partition("=")
    if name not in SHORT or not equals:
        raise typer.BadParameter(f"{said!r} is not NAME=VALUE of {', '.join(SHORT)}")
    kind, field = SHORT[name]
    try:
        return {"patch": kind, field: json.loads(value)}
    except ValueError:
        return {"patch": kind, field: value}


def _read(file: Path) -> list[dict[str, Any]]:
    from wms.masters.sheet import read
    from wms.planner.scenarios import patches_of

    return patches_of([cells for _, cells in read(file.read_bytes()).rows])


def _scenario(
    session: "Session", name: str, patches: list[dict[str, Any]], now: datetime
) -> "UUID":
    """The scenario of that name on the newest snapshot, with these differences."""
    from wms.planner import read
    from wms.planner.scenarios import Edit, change_scenario, make_scenario
    from wms.planner.snapshot import Wanted, take_snapshot

    known = read.snapshots(session, limit=1)
    snapshot = (
        known[0]["id"] if known else take_snapshot(session, Wanted(name=name), by=BY, now=now).id
    )
    edit = Edit(name=name, patches=patches)
    for row in read.scenarios(session, snapshot):
        if row["name"] == name:
            if patches:
                change_scenario(session, row["id"], edit, version=row["version"], now=now)
            found: UUID = row["id"]
            return found
    return make_scenario(session, _id(now), snapshot, edit, by=BY, now=now).id
