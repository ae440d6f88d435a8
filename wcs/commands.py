"""The command `soko wcs`: run a site's WCS, replay its journal, check a site file."""

import asyncio
import os
from pathlib import Path
from typing import Annotated

import typer

wcs = typer.Typer(help="The control of one site's machines.", no_args_is_help=True)

lif = typer.Typer(help="Layouts of robot makers (LIF).", no_args_is_help=True)
wcs.add_typer(lif, name="lif")

SiteFile = Annotated[Path, typer.Option("--site", help="The site file (TOML).")]


@wcs.command()
def run(
    site: SiteFile,
    state_dir: Annotated[
        Path, typer.Option(envvar="SOKO_STATE_DIR", help="Where the journal lies.")
    ] = Path("var"),
    mqtt_url: Annotated[
        str, typer.Option(envvar="SOKO_MQTT_URL", help="The broker.")
    ] = "mqtt://127.0.0.1:18830",
    standby: Annotated[  # noqa: FBT002 - a flag
        bool, typer.Option("--standby", help="Wait while another one leads, and follow it.")
    ] = False,
) -> None:
    """Run the WCS of a site until it is told to stop."""
    text = _text(site)
    raise typer.Exit(asyncio.run(_run(text, state_dir, mqtt_url, standby=standby)))


async def _run(text: str, state_dir: Path, mqtt_url: str, *, standby: bool) -> int:
    import signal

    from edge.kept import InUse
    from wcs.journal import Superseded
    from wcs.sitefile import PlantError

    task = asyncio.current_task()
    assert task is not None
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    try:
        await _lead(text, state_dir, mqtt_url, standby=standby)
    except asyncio.CancelledError:
        return 0
    except (PlantError, InUse, Superseded) as error:
        typer.echo(str(error), err=True)
        return 1
    return 0


async def _lead(text: str, state_dir: Path, mqtt_url: str, *, standby: bool) -> None:
    import gc

    from edge.clock import clock_from_environment
    from edge.mqtt import PahoBus
    from wcs.journal import Journal
    from wcs.plant import read_plant
    from wcs.runtime import Runtime
    from wcs.standby import Standby

    clock, code = clock_from_environment(), read_plant(text).site.code
    path = state_dir / f"wcs-{code}.journal"
    if standby:
        journal = await Standby(path).lead(text, lambda: int(clock.now().timestamp()))
    else:
        journal = Journal(path, text, term=int(clock.now().timestamp()))
    with journal:
        async with PahoBus(mqtt_url, client_id=f"wcs-{code}-{os.getpid()}") as bus:
            runtime = Runtime(journal, bus, clock)
            gc.collect()
            gc.freeze()  # plant and ways stay: looking for garbage in them would hold up robots
            await runtime.run()


@wcs.command()
def replay(journal: Annotated[Path, typer.Argument(help="A journal file.")]) -> None:
    """Run a journal through the engine again; show the first difference, if there is one."""
    from wcs.replay import replay as replay_journal

    try:
        found = replay_journal(journal)
    except FileNotFoundError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
    typer.echo(f"{found.batches} steps from {found.first_at} to {found.last_at}")
    if found.difference is None:
        typer.echo(f"all the same: {found.digest}")
        return
    where = found.difference
    typer.echo(f"step {where.batch} at {where.at} differs; in: {', '.join(where.inbox) or '-'}")
    for line in where.lines:
        typer.echo(line)
    raise typer.Exit(1)


@wcs.command("raas-bill")
def raas_bill(
    journal: Annotated[Path, typer.Argument(help="A journal file.")],
    month: Annotated[str, typer.Option(help="Such as 2026-04; all, when absent.")] = "",
    form: Annotated[str, typer.Option("--format", help="json or csv.")] = "json",
) -> None:
    """Print what the missions of hired fleets cost, by agreement and as asked for."""
    from wcs.charges import as_csv, as_json, charges

    forms = {"json": as_json, "csv": as_csv}
    if form not in forms:
        typer.echo(f"--format is {' or '.join(forms)}, not {form}", err=True)
        raise typer.Exit(2)
    try:
        rows = charges(journal, month)
    except FileNotFoundError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
    typer.echo(forms[form](rows).rstrip())


@wcs.command("raas-check")
def raas_check(
    journal: Annotated[Path, typer.Argument(help="A journal file.")],
    invoice: Annotated[Path, typer.Argument(help="CSV: mission, price_minor, currency.")],
    fleet: Annotated[str, typer.Option(help="Whose invoice; all, when absent.")] = "",
    month: Annotated[str, typer.Option(help="Such as 2026-04; all, when absent.")] = "",
) -> None:
    """Hold a provider's invoice against the missions that were played; exit 1 where it differs."""
    import json

    from wcs.charges import charges, differences, read_invoice

    try:
        rows = [row for row in charges(journal, month) if fleet in ("", row["fleet"])]
        found = differences(rows, read_invoice(invoice))
    except (FileNotFoundError, ValueError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
    typer.echo(json.dumps(found, indent=2, ensure_ascii=False))
    raise typer.Exit(1 if found else 0)


@wcs.command()
def check(
    site: Annotated[Path, typer.Argument(help="A site file (TOML).")],
    svg: Annotated[Path | None, typer.Option(help="Draw it, with all that was found.")] = None,
) -> None:
    """Check a site file and print what was understood, or all of its faults."""
    from wcs.layout.check import findings
    from wcs.layout.draw import draw, faults_found
    from wcs.plant import read_plant
    from wcs.sitefile import PlantError, read_site_file

    text = _text(site)
    try:
        plant = read_plant(text)
    except PlantError as error:
        for fault in error.faults:
            typer.echo(f"{site}: {fault}", err=True)
        if svg is not None:
            try:
                file = read_site_file(text)
            except PlantError:
                typer.echo("nothing to draw: points and paths cannot be read", err=True)
            else:
                svg.write_text(draw(file, faults_found(file, error.faults)), encoding="utf-8")
        raise typer.Exit(1) from error
    found = findings(plant)
    for finding in found:
        typer.echo(f"note: {finding.text}", err=True)
    if svg is not None:
        svg.write_text(draw(read_site_file(text), found), encoding="utf-8")
    places = sum(point.levels for point in plant.points.values())
    one_way = sum(not arc.contraflow for arc in plant.arcs)
    typer.echo(f"{plant.site.code}: {len(plant.points)} points, {one_way} ways, {places} places")
    for name, things in {
        "stations": plant.stations,
        "robots": plant.robots,
        "conveyors": plant.conveyors,
        "sorters": plant.sorters,
        "gates": {gate.name: gate for gate in plant.gates.values()},
        "devices": plant.devices,
        "fleets": plant.fleets,
        "portals": plant.portals,
        "circuits": plant.circuits,
    }.items():
        typer.echo(f"  {len(things)} {name}: {', '.join(things)}")


@lif.command("export")
def lif_export(
    site: Annotated[Path, typer.Argument(help="A site file (TOML).")],
    vehicle_type: Annotated[str, typer.Option(help="What the layout calls the robots.")] = "robot",
) -> None:
    """Print the plant of a site file as a layout (LIF) that robot makers' tools can load."""
    import json
    import tomllib

    from edge.clock import clock_from_environment
    from edge.lif import write_lif
    from wcs.sitefile import PlantError, read_site_file

    text = _text(site)
    try:
        read_site_file(text)
    except PlantError as error:
        for fault in error.faults:
            typer.echo(f"{site}: {fault}", err=True)
        raise typer.Exit(1) from error
    document = write_lif(tomllib.loads(text), clock_from_environment().now(), vehicle_type)
    typer.echo(json.dumps(document, indent=2, ensure_ascii=False))


@lif.command("import")
def lif_import(
    file: Annotated[Path, typer.Argument(help="A layout (LIF, JSON).")],
    layout: Annotated[str | None, typer.Option(help="Its layoutId, if there are several.")] = None,
    vehicle_type: Annotated[
        str | None, typer.Option(help="Its vehicleTypeId, if there are several.")
    ] = None,
) -> None:
    """Print the points, paths and stations of a layout as tables of a site file."""
    from edge.lif import LifFaults, as_toml, read_lif

    try:
        plant = read_lif(_text(file), layout=layout, vehicle_type=vehicle_type)
    except LifFaults as error:
        for fault in error.faults:
            typer.echo(f"{file}: {fault}", err=True)
        raise typer.Exit(1) from error
    typer.echo(as_toml(plant))
    for what, count in plant.left_out.items():
        typer.echo(f"left out: {what} ({count})", err=True)


def _text(site: Path) -> str:
    try:
        return site.read_text(encoding="utf-8")
    except OSError as error:
        typer.echo(f"{site}: {error.strerror}", err=True)
        raise typer.Exit(2) from error
