"""`soko edge` and `soko broker`. Everything heavy is imported when a command is called."""

import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from edge.letters import dead

SiteFile = Annotated[Path, typer.Option(help="The site file (TOML).", envvar="SOKO_SITE_FILE")]

edge = typer.Typer(help="Devices of a site: drivers between machines and site control.")
edge.add_typer(dead, name="dead")
broker = typer.Typer(help="The MQTT broker that comes with us.")


@edge.callback()
def _edge() -> None:
    """Keep `run` a sub-command."""


@broker.callback()
def _broker() -> None:
    """Keep `run` a sub-command."""


@edge.command("run")
def edge_run(
    *,
    site: SiteFile,
    check: Annotated[bool, typer.Option("--check", help="Only say what was understood.")] = False,
) -> None:
    """Talk to the devices of a site until stopped."""
    import asyncio

    from edge.agent import EdgeSettings, make_drivers, run_edge
    from edge.clock import clock_from_environment
    from edge.logs import configure
    from edge.site import SiteFaults, read_site
    from edge.spool import SpoolBusy

    try:
        settings = EdgeSettings()
        understood = read_site(site.read_text())
        if check:
            make_drivers(understood, settings, clock_from_environment())
            _show(understood.code, understood.devices, len(understood.robot_device), settings)
            return
        configure("edge", level=settings.log_level)
        asyncio.run(run_edge(understood, settings, clock_from_environment()))
    except SiteFaults as error:
        _end(f"{site} cannot be used:", *(f"  {fault}" for fault in error.faults))
    except (OSError, UnicodeDecodeError) as error:
        _end(f"{site}: {error}")
    except SpoolBusy as error:
        _end(f"the edge of this site runs already: {error}")


def _show(code: str, devices: object, robots: int, settings: object) -> None:
    from edge.agent import EdgeSettings

    assert isinstance(devices, dict)
    assert isinstance(settings, EdgeSettings)
    typer.echo(f"site {code}, broker {settings.mqtt_url.rpartition('@')[2]}")
    typer.echo(f"state in {settings.state_dir}, ports + {settings.port_offset}")
    for name, row in devices.items():
        place = f"{row.get('host', '127.0.0.1')}:{row['port'] + settings.port_offset}"
        detail = f"{robots} robots over the broker" if row["driver"] == "vda5050" else place
        typer.echo(f"  {name:<16} {row['driver']:<8} {detail}")


@broker.command("run")
def broker_run(
    *,
    port: Annotated[int, typer.Option(help="Where to listen, on 127.0.0.1.", min=1)] = 18830,
    folder: Annotated[
        Path, typer.Option("--dir", help="Where it keeps its state.", envvar="SOKO_STATE_DIR")
    ] = Path("var"),
) -> None:
    """Run the broker in the foreground; it is started again when it falls."""
    import signal
    import threading

    from edge.broker import BrokerMissing, broker_child, url_of
    from edge.ports import PortInUse, check_port_is_free
    from edge.process import ChildFailed, Keeper

    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stopping.set())
    try:
        check_port_is_free(port)
        with Keeper(broker_child(folder, port=port)):
            typer.echo(f"broker ready: SOKO_MQTT_URL={url_of(port)}", err=True)
            stopping.wait()
    except (BrokerMissing, PortInUse, ChildFailed) as error:
        _end(str(error))


def _end(*lines: str) -> NoReturn:
    for line in lines:
        typer.echo(line, err=True)
    sys.exit(1)
