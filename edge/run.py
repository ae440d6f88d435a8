"""`soko edge run`: the composition root of the edge of one site.

    drivers, spool, executed commands, broker -> agent; its presence, and a last will
    SIGHUP and the control socket             -> reload
    Prometheus on loopback, OTLP              <- metrics
    SIGTERM, SIGINT                           -> an orderly end

Whoever drives real machines says so twice: `mode = "real"` in the row of the device, and `--real`.
"""

import asyncio
import gc
import signal
from collections.abc import Collection, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path

import structlog

from edge.agent import Agent, EdgeSettings, make_drivers
from edge.clock import Clock, counted
from edge.commands_seen import Executed
from edge.control import Control, socket_of
from edge.drivers import Driver
from edge.fence import Fence
from edge.metrics import Metrics, measured
from edge.mqtt import PahoBus, Will, presence, presence_topic
from edge.reload import Reloader
from edge.runs import next_run
from edge.site import EdgeSite, SiteFaults, read_site
from edge.spool import Spool
from edge.uplink import Uplink

log = structlog.get_logger(__name__)


class Unmeant(Exception):  # noqa: N818 - reads as a situation
    """The site file names real machines, and nobody said that they are meant."""


def check_meant(site: EdgeSite, *, real: bool, only: Collection[str] | None = None) -> None:
    """Real machines move only when both the file and whoever starts us say so.

    Raises:
        Unmeant: the file does, the command line does not.
    """
    machines = [
        name
        for name, row in site.devices.items()
        if row.get("mode") == "real" and (only is None or name in only)
    ]
    if machines and not real:
        raise Unmeant(
            f"{', '.join(machines)}: real machines, which may move; if they are meant, say --real"
        )


async def run_edge(path: Path, settings: EdgeSettings, clock: Clock, *, real: bool) -> None:
    """Run the edge of the site in that file until SIGTERM or SIGINT.

    Raises:
        SiteFaults: the site file cannot be used.
        Unmeant: it names real machines and `real` is not said.
        InUse: an edge of this site is running on this machine already.
        OSError: the file cannot be read, or the port for metrics is taken.
    """
    stop = _asked_to_stop()
    site = read_site(await asyncio.to_thread(path.read_text, encoding="utf-8"))
    check_meant(site, real=real)
    clock = counted(clock)

    def make(site: EdgeSite, only: Collection[str]) -> Mapping[str, Driver]:
        try:
            check_meant(site, real=real)
        except Unmeant as error:
            raise SiteFaults([str(error)]) from error
        return make_drivers(site, settings, clock, only)

    drivers = make_drivers(site, settings, clock)
    folder = settings.state_dir
    with ExitStack() as stack:
        spool = stack.enter_context(Spool(folder / f"edge-{site.code}.db"))
        executed = stack.enter_context(Executed(folder / f"edge-{site.code}-commands.db"))
        port, endpoint = settings.edge_metrics_port, settings.otlp_endpoint
        watch = stack.enter_context(measured(site.code, port=port, otlp_endpoint=endpoint))
        here = presence_topic(site.code, "edge")
        will = Will(topic=here, body=presence(is_up=False))
        name = f"edge-{site.code}"
        async with PahoBus(settings.mqtt_url, client_id=name, will=will) as bus:
            bus.on_connect(lambda: bus.publish(here, presence(is_up=True), retain=True))
            facts = {"site": site.code, "devices": list(drivers), "waiting": len(spool)}
            address = settings.mqtt_url.rpartition("@")[2].partition("?")[0]
            log.info("edge.started", mqtt_url=address, real=real, **facts)
            run = next_run(folder / f"edge-{site.code}-run", clock.now().timestamp())
            uplink = Uplink(bus, spool, site=site.code, clock=clock, run=run)
            fence = Fence(folder / f"edge-{site.code}-term")
            agent = Agent(site, drivers, uplink, executed=executed, watch=watch, fence=fence)
            reloader = Reloader(path, agent, make)
            control = Control(socket_of(folder, site.code), agent, reloader)
            gc.collect()
            gc.freeze()  # what is loaded stays: looking for garbage in it would hold up robots
            await _until(stop, agent, control, reloader, watch)
            bus.publish(here, presence(is_up=False), retain=True)  # a goodbye has no last will
    log.info("edge.stopped", site=site.code)


def _asked_to_stop() -> asyncio.Event:
    """Set at SIGTERM or SIGINT, from now on: whoever is asked while it begins says goodbye too."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


async def _until(
    stop: asyncio.Event, agent: Agent, control: Control, reloader: Reloader, watch: Metrics | None
) -> None:
    loop = asyncio.get_running_loop()
    reloads: set[asyncio.Task[None]] = set()

    def reload() -> None:
        task = loop.create_task(_reload(reloader))
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    loop.add_signal_handler(signal.SIGHUP, reload)
    work = [loop.create_task(agent.run()), loop.create_task(control.serve())]
    if watch is not None:
        work.append(loop.create_task(watch.gather(agent)))
    asked = loop.create_task(stop.wait())
    await asyncio.wait([*work, asked], return_when=asyncio.FIRST_COMPLETED)
    for task in (*work, asked, *reloads):
        task.cancel()
    for task in work:
        with suppress(asyncio.CancelledError):
            await task


async def _reload(reloader: Reloader) -> None:
    with suppress(SiteFaults):  # it is in the log
        await reloader.reload()
