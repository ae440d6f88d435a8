"""`soko edge` and `soko broker`. Everything heavy is imported when a command is called."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from edge.ca import ca
from edge.letters import dead

if TYPE_CHECKING:
    from edge.agent import EdgeSettings
    from edge.site import EdgeSite

SiteFile = Annotated[Path, typer.Option(help="The site file (TOML).", envvar="SOKO_SITE_FILE")]
Real = Annotated[bool, typer.Option("--real", help="Yes, the real machines of the site file.")]
Device = Annotated[str | None, typer.Argument(help="One device; without: all.")]
Pki = Annotated[Path, typer.Option(help="The folder with ca.crt and devices/.")]

edge = typer.Typer(help="Devices of a site: drivers between machines and site control.")
edge.add_typer(dead, name="dead")
edge.add_typer(ca, name="ca")
broker = typer.Typer(help="The MQTT broker that comes with us.")


@edge.callback()
def _edge() -> None:
    """Keep `run` a sub-command."""


@broker.callback()
def _broker() -> None:
    """Keep `run` a sub-command."""


@edge.command("check")
def edge_check(
    *,
    site: SiteFile,
    pki: Annotated[
        Path | None, typer.Option(help="Also see that everybody has a certificate there.")
    ] = None,
) -> None:
    """Say everything that is wrong with a site file, or what was understood."""
    from edge.agent import EdgeSettings
    from edge.check import faults_of
    from edge.site import read_site

    settings = EdgeSettings()
    text = _text(site)
    if faults := faults_of(text, settings, pki):
        _end(f"{site} cannot be used:", *(f"  {fault}" for fault in faults))
    _show(read_site(text), settings)


@edge.command("run")
def edge_run(*, site: SiteFile, real: Real = False) -> None:
    """Talk to the devices of a site until stopped."""
    import asyncio

    from edge.agent import EdgeSettings
    from edge.check import located
    from edge.clock import clock_from_environment
    from edge.kept import InUse
    from edge.logs import configure
    from edge.run import Unmeant, run_edge
    from edge.site import SiteFaults

    text = _text(site)
    try:
        settings = EdgeSettings()
        configure("edge", level=settings.log_level)
        asyncio.run(run_edge(site, settings, clock_from_environment(), real=real))
    except SiteFaults as error:
        faults = located(text, error.faults)
        _end(f"{site} cannot be used:", *(f"  {fault}" for fault in faults))
    except InUse as error:
        _end(f"the edge of this site runs already: {error}")
    except (OSError, Unmeant) as error:
        _end(str(error))


@edge.command("status")
def edge_status(*, site: SiteFile) -> None:
    """How the devices of the edge are that runs on this machine."""
    from edge.probe import show_status

    _asked(site, {"do": "status"}, show_status)


@edge.command("reload")
def edge_reload(device: Device = None, *, site: SiteFile) -> None:
    """Have the edge that runs on this machine read its site file again."""
    from edge.probe import show_reload

    _asked(site, {"do": "reload", "device": device}, show_reload)


@edge.command("probe")
def edge_probe(
    device: Device = None,
    *,
    site: SiteFile,
    seconds: Annotated[float, typer.Option(help="How long to listen.", min=0.1)] = 10.0,
    real: Real = False,
) -> None:
    """Show what devices say, live: through the edge that runs here, or else by ourselves."""
    import asyncio

    from edge.agent import EdgeSettings
    from edge.clock import clock_from_environment
    from edge.probe import probe
    from edge.run import Unmeant
    from edge.site import SiteFaults, read_site

    try:
        what = read_site(_text(site))
        asked = probe(
            what,
            device,
            EdgeSettings(),
            clock_from_environment(),
            seconds=seconds,
            real=real,
            show=typer.echo,
        )
        if not asyncio.run(asked):
            sys.exit(1)
    except SiteFaults as error:
        _end(f"{site} cannot be used:", *(f"  {fault}" for fault in error.faults))
    except Unmeant as error:
        _end(str(error))


@edge.command("broker-config")
def edge_broker_config(  # noqa: PLR0913 - options
    *,
    site: Annotated[list[Path], typer.Option(help="The site files that share the broker.")],
    pki: Pki = Path("pki"),
    kind: Annotated[str, typer.Option(help="mosquitto or nats.")] = "mosquitto",
    folder: Annotated[Path, typer.Option("--dir", help="Where to write.")] = Path("broker"),
    listen: Annotated[str, typer.Option(help="Its address.")] = "0.0.0.0",  # noqa: S104 - a broker
    port: Annotated[int, typer.Option(help="Its port.", min=1)] = 8883,
    user: Annotated[
        str | None, typer.Option(help="Whom mosquitto runs as; may read its key.")
    ] = None,
) -> None:
    """Write the settings of a broker with mutual TLS and the rights of every device."""
    from edge.authority import Authority, AuthorityFault
    from edge.broker import write_settings
    from edge.identity import IdentityMissing, identity_of
    from edge.rights import BROKER, rights_of
    from edge.site import SiteFaults, read_site

    if kind not in {"mosquitto", "nats"}:
        _end(f"no broker {kind!r}; there are mosquitto and nats")
    try:
        sites = [read_site(_text(one)) for one in site]
        known = {one.name for one in Authority(pki).issued()}
        wanted = rights_of(sites)
        own = identity_of(pki, BROKER)
        written = write_settings(
            folder,
            rights_of(sites, known),
            own,
            listen=(listen, port),
            kind="nats" if kind == "nats" else "mosquitto",
            user=user,
        )
    except (SiteFaults, AuthorityFault, IdentityMissing, OSError) as error:
        _end(str(error))
    typer.echo(f"{written}: {len(wanted.keys() & known)} may come in; reload the broker (SIGHUP)")
    if missing := sorted(wanted.keys() - known):
        typer.echo(f"without a certificate and so without rights: {', '.join(missing)}", err=True)


def _show(site: "EdgeSite", settings: "EdgeSettings") -> None:
    typer.echo(f"site {site.code}, broker {settings.mqtt_url.rpartition('@')[2]}")
    typer.echo(f"state in {settings.state_dir}, ports + {settings.port_offset}")
    for name, row in site.devices.items():
        robots = sum(device == name for device in site.robot_device.values())
        port = f":{row['port'] + settings.port_offset}" if "port" in row else ""
        place = f"{row.get('host', '127.0.0.1')}{port}"
        detail = f"{robots} robots over the broker" if row["driver"] == "vda5050" else place
        mode = row.get("mode", "")
        typer.echo(f"  {name:<16} {row['driver']:<8} {detail:<32} {mode}".rstrip())


def _asked(site: Path, question: "dict[str, object]", show: "object") -> None:
    """Ask the edge of that site that runs on this machine and show what it says."""
    from edge.agent import EdgeSettings
    from edge.control import NotRunning, ask, socket_of
    from edge.site import SiteFaults, code_of

    try:
        code = code_of(_text(site))  # all else in the file is the running edge's to judge
        answers = [*ask(socket_of(EdgeSettings().state_dir, code), question)]
    except (NotRunning, SiteFaults) as error:
        _end(str(error))
    for answer in answers:
        if "error" in answer:
            _end(answer["error"], *(f"  {fault}" for fault in answer.get("faults", ())))
        assert callable(show)
        show(answer, typer.echo)
    if not answers:
        _end("the edge did not answer in time")


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


def _text(site: Path) -> str:
    try:
        return site.read_text(encoding="utf-8")
    except OSError as error:
        _end(f"{site}: {error.strerror}")
    except UnicodeDecodeError as error:
        _end(f"{site}: {error}")


@edge.command("schema")
def edge_schema(
    name: Annotated[str, typer.Argument(help="event, report, command, batch or ack.")] = "",
) -> None:
    """Print the JSON Schemas of what an edge and its WCS say to each other."""
    import json

    from edge.schema import schemas

    found = schemas()
    if name and name not in found:
        _end(f"there is no {name!r}: {', '.join(found)}")
    typer.echo(json.dumps(found[name] if name else found, indent=2))


def _end(*lines: str) -> NoReturn:
    for line in lines:
        typer.echo(line, err=True)
    sys.exit(1)
