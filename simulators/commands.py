"""`soko demo` and `soko sim`: the world of the demo, played.

Everything heavy is imported when a command is called.
"""

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simulators.sites.make_tokyo import Sorter

if TYPE_CHECKING:
    from simulators.swarm.run import Result

SITE_FILE = Path(__file__).parent / "sites" / "tokyo.toml"

Orders = Annotated[
    Path | None, typer.Option(help="A file of orders in the Online Retail format.", dir_okay=False)
]
Count = Annotated[int, typer.Option(help="Orders of our own day, without a file.", min=1)]
Seed = Annotated[int, typer.Option(help="The same seed plays the same world.")]

sim = typer.Typer(help="Simulated devices, people, carriers and shops behind real protocols.")


@sim.callback()
def _sim() -> None:
    """Keep `run` a sub-command."""


@sim.command("run")
def sim_run(  # noqa: PLR0913 - options
    *,
    site: Annotated[Path, typer.Option(help="The site file.")] = SITE_FILE,
    orders: Orders = None,
    count: Count = 200,
    seed: Seed = 1,
    http: Annotated[str, typer.Option(envvar="SOKO_HTTP")] = "http://127.0.0.1:8080",
    mqtt: Annotated[str, typer.Option(envvar="SOKO_MQTT_URL")] = "mqtt://127.0.0.1:18830",
    state_dir: Annotated[Path, typer.Option(envvar="SOKO_STATE_DIR")] = Path("var"),
    port_offset: Annotated[int, typer.Option(envvar="SOKO_PORT_OFFSET")] = 0,
    carrier_port: Annotated[int, typer.Option(envvar="SOKO_CARRIER_PORT")] = 8090,
    payments_port: Annotated[int, typer.Option(envvar="SOKO_PAYMENTS_PORT")] = 8091,
    smtp_port: Annotated[int, typer.Option(envvar="SOKO_SMTP_PORT")] = 8025,
    mails_port: Annotated[int, typer.Option(envvar="SOKO_MAILS_PORT")] = 8026,
) -> None:
    """Play the world until stopped; started again, it goes on where it was."""
    import asyncio

    from edge.clock import clock_from_environment
    from simulators.live import SimSettings, run
    from simulators.scenario import read_scenario

    scenario = read_scenario(orders, count=count, seed=seed)
    settings = SimSettings(
        site_file=site,
        state_dir=state_dir / "sim",
        http_url=http,
        mqtt_url=mqtt,
        port_offset=port_offset,
        carrier_port=carrier_port,
        payments_port=payments_port,
        smtp_port=smtp_port,
        mails_port=mails_port,
        seed=seed,
    )
    asyncio.run(run(settings, scenario, clock_from_environment()))


@sim.command("twin")
def sim_twin(  # noqa: PLR0913 - options
    *,
    site: Annotated[Path, typer.Option(help="The site file.")] = SITE_FILE,
    journal: Annotated[
        Path | None, typer.Option(help="Begin where this journal of a WCS stands.", dir_okay=False)
    ] = None,
    hours: Annotated[float, typer.Option(help="Of the site.", min=0.01, max=240)] = 1.0,
    orders_open: Annotated[int, typer.Option(help="Kept open all the time.", min=0)] = 0,
    orders_per_hour: Annotated[float, typer.Option(min=0)] = 300.0,
    cartons_per_hour: Annotated[float, typer.Option(help="A conveyor.", min=0)] = 300.0,
    people_per_hour: Annotated[float, typer.Option(help="Who cross a way.", min=0)] = 20.0,
    robots: Annotated[int | None, typer.Option(help="So many of them only.", min=1)] = None,
    seed: Seed = 1,
) -> None:
    """What a site would do: its WCS on played machines, many times as fast. JSON comes out."""
    import json
    from dataclasses import asdict

    from simulators.twin import Settings, twin_of

    settings = Settings(
        seed=seed,
        orders_open=orders_open,
        orders_per_hour=orders_per_hour,
        cartons_per_hour=cartons_per_hour,
        people_per_hour=people_per_hour,
    )
    try:
        twin = twin_of(site, settings, journal=journal, robots=robots)
    except (OSError, ValueError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    twin.run(3_600 * hours)
    typer.echo(json.dumps(asdict(twin.figures())))


@sim.command("swarm")
def sim_swarm(
    *,
    seeds: Annotated[int, typer.Option(help="How many.", min=1)] = 300,
    first_seed: Annotated[int, typer.Option(help="The first of them.", min=0)] = 1,
    only: Annotated[str, typer.Option(help="Of each plan only these items: 3,8,21.")] = "",
    office: Annotated[bool, typer.Option("--office", help="The WMS on a PostgreSQL.")] = False,
    json_: Annotated[bool, typer.Option("--json", help="Figures as JSON, last line.")] = False,
) -> None:
    """Play the whole system on virtual time, under faults that each seed draws."""
    from simulators.swarm.run import figures_of, hush

    hush()
    numbers = range(first_seed, first_seed + seeds)
    result = (_with_office if office else _without_office)(numbers, only)
    figures = figures_of(result)
    typer.echo(
        f"seeds {first_seed} to {first_seed + seeds - 1}: {figures['failed']} failed,"
        f" {figures['hours']} simulated hours, {figures['cpu_s']} s of processor"
    )
    if json_:
        typer.echo(json.dumps(figures))
    sys.exit(1 if result.failed else 0)


def _without_office(seeds: range, only: str) -> "Result":
    from simulators.swarm.run import command_of, plan_of, run, shortened

    result = run([plan_of(seed, only) for seed in seeds], processes=_processes(seeds))
    for outcome in result.failed:
        typer.echo(f"seed {outcome.seed}: {outcome.problem}")
        typer.echo(f"  {command_of(shortened(plan_of(outcome.seed, only)))}")
    return result


def _with_office(seeds: range, only: str) -> "Result":
    from simulators.swarm.house.plan import draw_house
    from simulators.swarm.house.run import own_server, run_house, shortened
    from simulators.swarm.run import command_of, plan_of

    plans = [plan_of(seed, only, draw_house) for seed in seeds]
    with own_server() as server:
        result = run_house(plans, server, processes=_processes(seeds))
        for outcome in result.failed:
            typer.echo(f"seed {outcome.seed}: {outcome.problem}")
            least = shortened(server, plan_of(outcome.seed, only, draw_house))
            typer.echo(f"  {command_of(least, draw_house, ' --office')}")
    return result


def _processes(seeds: range) -> int:
    return min(len(seeds), os.cpu_count() or 1)


def demo(  # noqa: PLR0913 - options
    *,
    orders: Orders = None,
    count: Count = 200,
    speed: Annotated[float, typer.Option(help="How fast the day runs.", min=1, max=240)] = 90,
    exit_: Annotated[bool, typer.Option("--exit", help="End after the summary.")] = False,
    json_: Annotated[bool, typer.Option("--json", help="Summary as JSON, last line.")] = False,
    seed: Seed = 1,
    port_offset: Annotated[int, typer.Option(help="Added to every port.", min=0, max=9000)] = 0,
    sorter: Annotated[Sorter, typer.Option(help="What the sorter speaks.")] = "opcua",
    fresh: Annotated[bool, typer.Option(help="Forget the database of earlier days.")] = False,
) -> None:
    """Play a trading day over the whole network, on real components, in minutes."""
    from edge.ports import PortInUse
    from edge.process import ChildFailed
    from simulators.demo import Demo, DemoSettings
    from simulators.order_file import FaultyOrderFile
    from simulators.scenario import read_scenario

    try:
        scenario = read_scenario(orders, count=count, seed=seed)
    except FaultyOrderFile as faulty:
        typer.echo(f"{orders}: {faulty}", err=True)
        raise typer.Exit(2) from None
    except OSError as error:
        typer.echo(f"{orders}: {error.strerror}; name a file that can be read", err=True)
        raise typer.Exit(2) from None
    settings = DemoSettings(
        site_file=SITE_FILE,
        sorter=sorter,
        orders=orders,
        count=count,
        speed=speed,
        seed=seed,
        port_offset=port_offset,
        end_after_summary=exit_,
        summary_as_json=json_,
        fresh=fresh,
    )
    try:
        ended_well = Demo(settings, scenario).run()
    except (PortInUse, ChildFailed) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        typer.echo("stopped; nothing is left running")
        raise typer.Exit(130) from None
    sys.exit(0 if ended_well else 1)
