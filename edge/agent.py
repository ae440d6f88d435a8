"""The edge agent of one site: drivers between the devices and the WCS.

    site file -> drivers, one looked after each (edge.upkeep)
        events  (cartons, tags, status)  -> spool -> stream edge -> wcs      never lost
        reports (robots)                 -> live topic                       latest only
        raw reads                        -> a ring -> raw topic              the newest
        commands of the wcs              -> the driver of that device        unless too late

A driver that fails, in whatever way, is reported DOWN and started again; the others do not
notice. One log line lists all devices that are down whenever that changes. When the spool is
full, saying an event fails inside the driver: it then stops listening to its device rather than
dropping what it heard.

On `TellAgain` the latest report of every robot and every DOWN is said again, and the drivers are
asked to say what they know.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Protocol, runtime_checkable

import structlog
from pydantic import ValidationError
from pydantic_core import from_json
from pydantic_settings import BaseSettings, SettingsConfigDict

from edge.clock import Clock
from edge.commands_seen import Executed
from edge.drivers import Driver
from edge.drivers.around import Around
from edge.fence import Fence, term_of
from edge.machine_messages import FleetMission, PortalWanted, RouteUnit
from edge.messages import (
    CancelDrive,
    DeviceCommand,
    Divert,
    Drive,
    LaneTable,
    PauseRobot,
    ReleaseCarton,
    ShowLight,
    TellAgain,
    device_command,
)
from edge.mqtt import Message, live_topic
from edge.site import DRIVERS, EdgeSite, SiteFaults
from edge.stamp import to_edge_time
from edge.upkeep import Upkeep, Watch
from edge.uplink import Uplink

log = structlog.get_logger(__name__)

TOGETHER_S = 0.2  # real, from the first that falls to the line that lists the fallen


class EdgeSettings(BaseSettings):
    """Settings of the process, from SOKO_*."""

    model_config = SettingsConfigDict(env_prefix="SOKO_", frozen=True, extra="ignore")

    mqtt_url: str = "mqtt://127.0.0.1:18830"
    state_dir: Path = Path("var")
    port_offset: int = 0
    log_level: str = "INFO"
    edge_metrics_port: int = 0  # of this machine, for Prometheus; 0: none
    otlp_endpoint: str = ""  # such as http://collector:4318/v1/metrics; empty: none


@runtime_checkable
class _WantsSpooled(Protocol):
    """A driver that acknowledges to its device only what is on our disk."""

    spooled: Callable[[], Awaitable[None]] | None


@runtime_checkable
class _SaysRaw(Protocol):
    """A driver that says each raw read of its device, for people who look for a fault."""

    raw: Callable[[bytes], None] | None


def make_drivers(
    site: EdgeSite,
    settings: EdgeSettings,
    clock: Clock,
    only: Collection[str] | None = None,
) -> dict[str, Driver]:
    """The drivers of a site's devices (or of some); their modules are imported here, not before.

    Raises:
        SiteFaults: with what all drivers found wrong with their settings.
    """
    drivers: dict[str, Driver] = {}
    faults: list[str] = []
    for name, row in site.devices.items():
        if only is not None and name not in only:
            continue
        module = import_module(DRIVERS[row["driver"]])
        try:
            drivers[name] = module.make(
                row,
                Around(
                    clock=clock,
                    site=site.tables,
                    port_offset=settings.port_offset,
                    mqtt_url=settings.mqtt_url,
                    state_dir=settings.state_dir,
                ),
            )
        except (KeyError, TypeError, ValueError) as error:
            faults.append(f"device {name}: {type(error).__name__}: {error}")
    if faults:
        raise SiteFaults(faults)
    return drivers


class Agent:
    """Runs the drivers of a site between the devices and the WCS."""

    def __init__(
        self,
        site: EdgeSite,
        drivers: Mapping[str, Driver],
        uplink: Uplink,
        *,
        executed: Executed | None = None,
        watch: Watch | None = None,
        fence: Fence | None = None,
    ) -> None:
        self.site = site
        self.uplink = uplink
        self._fence = fence
        self.devices: dict[str, Upkeep] = {}
        self._executed, self._watch = executed, watch
        self._tasks: asyncio.TaskGroup | None = None
        self._running: dict[str, asyncio.Task[None]] = {}
        self._telling_dead: asyncio.TimerHandle | None = None
        for driver in drivers.values():
            self._take_in(driver)

    async def run(self) -> None:
        """Run until cancelled; what was said by then is on disk afterwards."""
        self.uplink.bus.subscribe(
            live_topic(self.site.code, "wcs"), qos=0, handler=self._on_message
        )
        uplink = asyncio.create_task(self.uplink.run())
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                tasks.create_task(_watch(uplink))
                for name in self.devices:
                    self._start(name)
        finally:  # after the drivers, which may have spoken until now
            self._tasks = None
            uplink.cancel()
            with suppress(asyncio.CancelledError):
                await uplink

    async def until_delivered(self) -> None:
        """Wait until the WCS has acknowledged everything said so far."""
        await self.uplink.until_delivered()

    # ------------------------------------------------------------------------ which devices
    async def take_over(
        self, site: EdgeSite, drivers: Mapping[str, Driver], *, removed: Collection[str] = ()
    ) -> None:
        """Another site file: these drivers are new or replace others, those are removed.

        All else runs on. Of a device that is replaced the old driver has ended before the new one
        begins; its waiting commands and its figures stay.
        """
        assert self._tasks is not None, "the agent does not run"
        self.site = site
        for name in (*removed, *drivers):
            if (task := self._running.pop(name, None)) is not None:
                task.cancel()
                await asyncio.wait([task])
        for name in removed:
            self.devices.pop(name).say_status("DOWN", "taken out of the site file", gone=True)
        for driver in drivers.values():
            self._take_in(driver)
            self._start(driver.name)

    def _take_in(self, driver: Driver) -> None:
        name = driver.name
        if isinstance(driver, _WantsSpooled):
            driver.spooled = self.uplink.flush
        if isinstance(driver, _SaysRaw):
            driver.raw = partial(self.uplink.sample, name)
        if name in self.devices:
            self.devices[name].driver = driver
            return
        self.devices[name] = Upkeep(
            driver,
            self.uplink.say,
            clock=self.uplink.clock,
            executed=self._executed,
            watch=self._watch,
            changed=self._on_change,
        )

    def _start(self, name: str) -> None:
        assert self._tasks is not None
        self._running[name] = self._tasks.create_task(self.devices[name].run())

    # ------------------------------------------------------------------------ devices -> people
    def _on_change(self) -> None:
        if self._telling_dead is None:  # those who fall together are told together
            loop = asyncio.get_running_loop()
            self._telling_dead = loop.call_later(TOGETHER_S, self._log_dead)

    def _log_dead(self) -> None:
        self._telling_dead = None
        dead = {
            name: {"detail": device.status.detail, "since": device.down_since.isoformat()}
            for name, device in self.devices.items()
            if device.status is not None and device.down_since is not None
        }
        if dead:
            log.warning("devices.down", count=len(dead), devices=dead)
        elif all(device.status is not None for device in self.devices.values()):
            log.info("devices.all_up", count=len(self.devices))

    # ------------------------------------------------------------------------ wcs -> devices
    def _on_message(self, message: Message) -> None:
        try:
            said = from_json(message.body)
            command = device_command.validate_python(said)
        except (ValidationError, ValueError) as error:
            log.warning("command.malformed", problem=str(error)[:500])
            return
        if self._fence is not None and not self._fence.passes(term := term_of(said)):
            log.warning("command.of_before", command=command.type, term=term)
            return
        if isinstance(command, TellAgain):
            self.uplink.say_latest()
            for device in self.devices.values():
                device.say_again()
                device.enqueue(command)
            return
        if isinstance(command, Drive) and command.run not in (0, self.uplink.run_number):
            log.warning("command.of_before", command=command.type, run=command.run)
            return
        command = to_edge_time(command, self.uplink.clock.shift_s)
        name = self._device_of(command)
        if name not in self.devices:
            log.warning("command.unknown_device", command=command.type, device=name)
            return
        self.devices[name].enqueue(command)

    def _device_of(self, command: DeviceCommand) -> str:
        match command:
            case Drive(robot=robot) | CancelDrive(robot=robot) | PauseRobot(robot=robot):
                return self.site.robot_device.get(robot, robot)
            case ReleaseCarton(device=device) | Divert(device=device):
                return device
            case LaneTable(device=device) | ShowLight(device=device):
                return device
            case FleetMission(device=device) | PortalWanted(device=device):
                return device
            case RouteUnit(device=device):
                return device
            case TellAgain():
                raise AssertionError("is for all")


async def _watch(task: asyncio.Task[None]) -> None:
    """Fail when that task fails."""
    await asyncio.wait([task])
    task.result()
