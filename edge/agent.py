"""The edge agent of one site: its composition root.

    site file -> drivers, one supervised task each
        events  (cartons, tags, status)  -> spool -> stream edge -> wcs      never lost
        reports (robots)                 -> live topic                       latest only
        raw reads                        -> a ring -> raw topic              the newest
        commands of the wcs              -> the driver of that device        unless too late

A driver that fails, in whatever way, is reported DOWN and started again after a growing, jittered
pause; the others do not notice. One log line lists all devices that are down whenever that
changes. When the spool is full, saying an event fails inside the driver: it then stops listening
to its device rather than dropping what it heard.

On `TellAgain` the latest report of every robot and every DOWN is said again, and the drivers are
asked to say what they know. `tell` is called for one command after the other per device; what
could not be told is not tried again: the WCS says again what it wants.
"""

import asyncio
import signal
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Protocol, runtime_checkable

import structlog
from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from edge.backoff import Backoff
from edge.clock import Clock, counted
from edge.drivers import DeviceUnavailable, Driver
from edge.messages import (
    CancelDrive,
    DeviceCommand,
    DeviceEvent,
    DeviceStatus,
    Divert,
    Drive,
    LaneTable,
    PauseRobot,
    ReleaseCarton,
    RobotReport,
    ShowLight,
    TellAgain,
    device_command,
)
from edge.mqtt import Bus, Message, PahoBus, live_topic
from edge.site import DRIVERS, EdgeSite, SiteFaults
from edge.spool import Spool
from edge.stamp import to_edge_time
from edge.uplink import Uplink

log = structlog.get_logger(__name__)

COMMANDS_MAX = 1_000  # that may wait for one device; then the oldest is dropped
TOGETHER_S = 0.2  # real, from the first that falls to the line that lists the fallen
PAUSE_MOST_S = 5.0  # real, between two tries to reach a device


class EdgeSettings(BaseSettings):
    """Settings of the process, from SOKO_*."""

    model_config = SettingsConfigDict(env_prefix="SOKO_", frozen=True, extra="ignore")

    mqtt_url: str = "mqtt://127.0.0.1:18830"
    state_dir: Path = Path("var")
    port_offset: int = 0
    log_level: str = "INFO"


@runtime_checkable
class _WantsSpooled(Protocol):
    """A driver that acknowledges to its device only what is on our disk."""

    spooled: Callable[[], Awaitable[None]] | None


@runtime_checkable
class _SaysRaw(Protocol):
    """A driver that says each raw read of its device, for people who look for a fault."""

    raw: Callable[[bytes], None] | None


def make_drivers(site: EdgeSite, settings: EdgeSettings, clock: Clock) -> dict[str, Driver]:
    """The driver of every device of a site; their modules are imported here and not before.

    Raises:
        SiteFaults: with what all drivers found wrong with their settings.
    """
    drivers: dict[str, Driver] = {}
    faults: list[str] = []
    for name, row in site.devices.items():
        module = import_module(DRIVERS[row["driver"]])
        try:
            drivers[name] = module.make(
                row,
                site.tables,
                clock=clock,
                port_offset=settings.port_offset,
                mqtt_url=settings.mqtt_url,
                state_dir=settings.state_dir,
            )
        except (KeyError, TypeError, ValueError) as error:
            faults.append(f"device {name}: {type(error).__name__}: {error}")
    if faults:
        raise SiteFaults(faults)
    return drivers


@dataclass(slots=True)
class _Device:
    """One device: its driver, what is to be told to it, and how it is."""

    driver: Driver
    commands: deque[DeviceCommand] = field(default_factory=deque)
    more: asyncio.Event = field(default_factory=asyncio.Event)
    backoff: Backoff = field(default_factory=lambda: Backoff(most_s=PAUSE_MOST_S))
    status: DeviceStatus | None = None  # the last that was said, by the driver or by us
    down_since: datetime | None = None


class Agent:
    """Runs the drivers of a site between the devices and the WCS."""

    def __init__(
        self,
        site: EdgeSite,
        drivers: Mapping[str, Driver],
        *,
        bus: Bus,
        spool: Spool,
        clock: Clock,
    ) -> None:
        self._site = site
        self._clock = counted(clock)
        self._bus = bus
        self._devices = {name: _Device(driver) for name, driver in drivers.items()}
        self._telling_dead: asyncio.TimerHandle | None = None
        self.uplink = Uplink(bus, spool, site=site.code, clock=self._clock)
        for name, driver in drivers.items():
            if isinstance(driver, _WantsSpooled):
                driver.spooled = self.uplink.flush
            if isinstance(driver, _SaysRaw):
                driver.raw = partial(self.uplink.sample, name)

    async def run(self) -> None:
        """Run until cancelled; what was said by then is on disk afterwards."""
        self._bus.subscribe(live_topic(self._site.code, "wcs"), qos=0, handler=self._on_message)
        uplink = asyncio.create_task(self.uplink.run())
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_watch(uplink))
                for name, device in self._devices.items():
                    tasks.create_task(self._keep_running(name, device))
                    tasks.create_task(self._keep_telling(name, device))
        finally:  # after the drivers, which may have spoken until now
            uplink.cancel()
            with suppress(asyncio.CancelledError):
                await uplink

    async def until_delivered(self) -> None:
        """Wait until the WCS has acknowledged everything said so far."""
        await self.uplink.until_delivered()

    # ------------------------------------------------------------------------ devices -> wcs
    async def _keep_running(self, name: str, device: _Device) -> None:
        while True:
            try:
                await device.driver.run(lambda message: self._say(name, message))
                detail = "the driver ended"
            except DeviceUnavailable as error:
                detail = error.detail
            except Exception as error:
                log.exception("driver.crashed", device=name)
                detail = f"{type(error).__name__}: {error}"
            self._note_down(name, device, detail)
            await asyncio.sleep(device.backoff.next_s())

    def _say(self, name: str, message: DeviceEvent | RobotReport) -> None:
        device = self._devices[name]
        self.uplink.say(message)
        if isinstance(message, DeviceStatus) and message.device == name:
            self._note_status(name, device, message)
        elif device.down_since is not None:
            self._spool_status(name, device, "UP", "")

    def _note_down(self, name: str, device: _Device, detail: str) -> None:
        known = device.status
        if known is None or (known.status, known.detail) != ("DOWN", detail):
            self._spool_status(name, device, "DOWN", detail)

    def _spool_status(self, name: str, device: _Device, status: str, detail: str) -> None:
        is_up = status == "UP"
        said = DeviceStatus(
            at=self._clock.now(), device=name, status="UP" if is_up else "DOWN", detail=detail
        )
        try:
            self.uplink.say(said)
        except Exception:  # the spool is full: the driver was stopped by that, and we must go on
            log.exception("status.unsaid", device=name, status=status)
            return
        self._note_status(name, device, said)

    def _note_status(self, name: str, device: _Device, status: DeviceStatus) -> None:
        before = device.status.status if device.status else None
        device.status = status
        if status.status != "DOWN":
            device.backoff.reset()
        if status.status == before:
            return
        log.info("device.changed", device=name, status=status.status, detail=status.detail)
        device.down_since = status.at if status.status == "DOWN" else None
        if self._telling_dead is None:  # those who fall together are told together
            loop = asyncio.get_running_loop()
            self._telling_dead = loop.call_later(TOGETHER_S, self._log_dead)

    def _log_dead(self) -> None:
        self._telling_dead = None
        dead = {
            name: {"detail": device.status.detail, "since": device.down_since.isoformat()}
            for name, device in self._devices.items()
            if device.status is not None and device.down_since is not None
        }
        if dead:
            log.warning("devices.down", count=len(dead), devices=dead)
        elif all(device.status is not None for device in self._devices.values()):
            log.info("devices.all_up", count=len(self._devices))

    # ------------------------------------------------------------------------ wcs -> devices
    def _on_message(self, message: Message) -> None:
        try:
            command = device_command.validate_json(message.body)
        except ValidationError as error:
            log.warning("command.malformed", problem=str(error)[:500])
            return
        if isinstance(command, TellAgain):
            self._tell_again(command)
            return
        command = to_edge_time(command, self._clock.shift_s)
        name = self._device_of(command)
        if name not in self._devices:
            log.warning("command.unknown_device", command=command.type, device=name)
            return
        self._enqueue(self._devices[name], command)

    def _device_of(self, command: DeviceCommand) -> str:
        match command:
            case Drive(robot=robot) | CancelDrive(robot=robot) | PauseRobot(robot=robot):
                return self._site.robot_device.get(robot, robot)
            case ReleaseCarton(device=device) | Divert(device=device):
                return device
            case LaneTable(device=device) | ShowLight(device=device):
                return device
            case TellAgain():
                raise AssertionError("is for all")

    def _tell_again(self, command: TellAgain) -> None:
        self.uplink.say_latest()
        for name, device in self._devices.items():
            if device.status is not None and device.down_since is not None:
                self._spool_status(name, device, "DOWN", device.status.detail)
            self._enqueue(device, command)

    def _enqueue(self, device: _Device, command: DeviceCommand) -> None:
        if len(device.commands) >= COMMANDS_MAX:
            lost = device.commands.popleft()
            log.warning("command.dropped", device=device.driver.name, command=lost.type)
        device.commands.append(command)
        device.more.set()

    async def _keep_telling(self, name: str, device: _Device) -> None:
        while True:
            await device.more.wait()
            device.more.clear()
            while device.commands:
                await self._tell(name, device, device.commands.popleft())

    async def _tell(self, name: str, device: _Device, command: DeviceCommand) -> None:
        if isinstance(command, Divert | ReleaseCarton):
            late_s = (self._clock.now() - command.expires_at).total_seconds()
            if late_s >= 0:
                facts = {"device": name, "tracking": command.tracking, "late_s": late_s}
                log.warning("command.expired", command=command.type, **facts)
                return
        try:
            await device.driver.tell(command)
        except DeviceUnavailable as error:
            log.info("command.untold", device=name, command=command.type, detail=error.detail)
        except Exception:  # a command must not stop those that follow
            log.exception("command.failed", device=name, command=command.type)


async def _watch(task: asyncio.Task[None]) -> None:
    """Fail when that task fails."""
    await asyncio.wait([task])
    task.result()


async def run_edge(site: EdgeSite, settings: EdgeSettings, clock: Clock) -> None:
    """Run the edge of a site until SIGTERM or SIGINT.

    Raises:
        SiteFaults: a driver cannot use its row of the site file.
        SpoolBusy: an edge of this site is running on this machine already.
    """
    clock = counted(clock)
    drivers = make_drivers(site, settings, clock)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with Spool(settings.state_dir / f"edge-{site.code}.db") as spool:
        async with PahoBus(settings.mqtt_url, client_id=f"edge-{site.code}") as bus:
            facts = {"site": site.code, "devices": list(drivers), "waiting": len(spool)}
            log.info("edge.started", mqtt_url=settings.mqtt_url.rpartition("@")[2], **facts)
            agent = Agent(site, drivers, bus=bus, spool=spool, clock=clock)
            work = asyncio.create_task(agent.run())
            asked = asyncio.create_task(stop.wait())
            await asyncio.wait({work, asked}, return_when=asyncio.FIRST_COMPLETED)
            for task in (work, asked):
                task.cancel()
            with suppress(asyncio.CancelledError):
                await work
    log.info("edge.stopped", site=site.code)
