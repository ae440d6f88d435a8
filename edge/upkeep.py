"""One device of the edge: its driver kept running, its commands told, and what came of it counted.

    run     the driver runs; when it ends, in whatever way, the device is DOWN and the driver is
            started again after a growing, jittered pause
    tell    one command after the other: too late or begun before, it is refused; what could not
            be told is not tried again, the WCS says again what it wants
    figures what it has said and been told, when, how fast; with what the driver itself counts

Laws:
    alone          what happens to one device is no other's affair
    at most once   a command with an id is begun once, over restarts too (edge.commands_seen)
    answered       a command that was not carried out is answered by `CommandRefused`, with why
    one a change   a status is said and logged when it is another, not at every try
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol, TypeAlias
from uuid import UUID

import structlog

from edge.backoff import Backoff
from edge.clock import Clock
from edge.commands_seen import Executed
from edge.drivers import DeviceUnavailable, Driver, HasHealth
from edge.messages import (
    CommandRefused,
    DeviceCommand,
    DeviceEvent,
    DeviceStatus,
    RobotReport,
)

log = structlog.get_logger(__name__)

COMMANDS_MAX = 1_000  # that may wait for one device; then the oldest is dropped
PAUSE_MOST_S = 5.0  # real, between two tries to reach a device

Reason: TypeAlias = Literal["expired", "repeated", "dropped", "untold", "failed"]
Outcome: TypeAlias = Reason | Literal["told"]
_REFUSED: Mapping[Reason, str] = {
    "expired": "command.expired",
    "repeated": "command.repeated",
    "dropped": "command.dropped",
    "untold": "command.untold",
    "failed": "command.failed",
}
Heard: TypeAlias = Callable[[DeviceEvent | RobotReport], None]


class Watch(Protocol):
    """Who measures; the default does not."""

    def said(self, device: str, kind: str, lag_s: float) -> None:
        """A device said something that is `lag_s` old by its own time."""

    def told(self, device: str, outcome: Outcome, took_s: float) -> None:
        """A command's outcome, so long after it came to us."""


class _Unwatched:
    def said(self, device: str, kind: str, lag_s: float) -> None:
        pass

    def told(self, device: str, outcome: Outcome, took_s: float) -> None:
        pass


@dataclass(slots=True)
class Figures:
    """What a device has come to since the process began."""

    starts: int = 0
    events: Counter[str] = field(default_factory=Counter)  # by type; reports too
    commands: Counter[Outcome] = field(default_factory=Counter)
    last_at: datetime | None = None  # when it last said something


class Upkeep:
    """Looks after one device; `run` until cancelled. `driver` may be another at the next run.

    `say` takes what the device says; it raises when there is no room for it.
    """

    def __init__(
        self,
        driver: Driver,
        say: Heard,
        *,
        clock: Clock,
        executed: Executed | None = None,
        watch: Watch | None = None,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self.name = driver.name
        self.driver = driver
        self.status: DeviceStatus | None = None  # the last that was said, by the driver or by us
        self.down_since: datetime | None = None
        self.figures = Figures()
        self.listeners: set[Heard] = set()
        self._say, self._clock = say, clock
        self._executed = executed
        self._watch = watch or _Unwatched()
        self._changed = changed
        self._measures_badly = False
        self._commands: deque[tuple[DeviceCommand, datetime]] = deque()  # and when they came
        self._more = asyncio.Event()
        self._backoff = Backoff(most_s=PAUSE_MOST_S)

    async def run(self) -> None:
        """Keep the driver running and tell it its commands, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep_running())
            tasks.create_task(self._keep_telling())

    def measured(self) -> Mapping[str, float | int | str]:
        """What the driver counts and measures, as it names it."""
        if not isinstance(self.driver, HasHealth):
            return {}
        try:
            return self.driver.health()
        except Exception:  # a figure is not worth a device, nor a line every second
            if not self._measures_badly:
                log.exception("health.failed", device=self.name)
            self._measures_badly = True
            return {}

    def health(self) -> dict[str, float | int | str]:
        """How it is, in plain figures, and what the driver measures."""
        status, figures = self.status, self.figures
        return {
            "status": status.status if status else "STARTING",
            "detail": status.detail if status else "",
            "since": status.at.isoformat() if status else "",
            "starts_total": figures.starts,
            "said_total": figures.events.total(),
            "last_said_at": figures.last_at.isoformat() if figures.last_at else "",
            "commands_waiting": len(self._commands),
            **{f"commands_{name}_total": count for name, count in figures.commands.items()},
            **self.measured(),
        }

    # ------------------------------------------------------------------------ device -> wcs
    async def _keep_running(self) -> None:
        while True:
            self.figures.starts += 1
            try:
                await self.driver.run(self.say)
                detail = "the driver ended"
            except DeviceUnavailable as error:
                detail = error.detail
            except Exception as error:
                log.exception("driver.crashed", device=self.name)
                detail = f"{type(error).__name__}: {error}"
            if (known := self.status) is None or (known.status, known.detail) != ("DOWN", detail):
                self.say_status("DOWN", detail)
            await asyncio.sleep(self._backoff.next_s())

    def say(self, message: DeviceEvent | RobotReport) -> None:
        """What the driver says; never blocks.

        Raises:
            SpoolFull: it is an event, and there is no room: the driver is to stop listening.
        """
        self._say(message)
        self._count(message)
        if isinstance(message, DeviceStatus) and message.device == self.name:
            self._note(message)
        elif self.down_since is not None:
            self.say_status("UP", "")

    def say_status(self, status: Literal["UP", "DOWN"], detail: str, *, gone: bool = False) -> None:
        """Say how the device is; when that cannot be written down, it is said in the log only."""
        said = DeviceStatus(
            at=self._clock.now(), device=self.name, status=status, detail=detail, gone=gone
        )
        try:
            self._say(said)
        except Exception:  # the spool is full: the driver was stopped by that, and we must go on
            log.exception("status.unsaid", device=self.name, status=status)
            return
        self._count(said)
        self._note(said)

    def say_again(self) -> None:
        """A WCS has started: what it would not hear of by itself."""
        if self.status is not None and self.down_since is not None:
            self.say_status("DOWN", self.status.detail)

    def _count(self, message: DeviceEvent | RobotReport) -> None:
        now = self._clock.now()
        self.figures.events[message.type] += 1
        self.figures.last_at = now
        self._watch.said(self.name, message.type, (now - message.at).total_seconds())
        for heard in tuple(self.listeners):
            heard(message)

    def _note(self, status: DeviceStatus) -> None:
        before = self.status.status if self.status else None
        self.status = status
        if status.status != "DOWN":
            self._backoff.reset()
        if status.status == before:
            return
        log.info("device.changed", device=self.name, status=status.status, detail=status.detail)
        self.down_since = status.at if status.status == "DOWN" else None
        self._changed()

    # ------------------------------------------------------------------------ wcs -> device
    def enqueue(self, command: DeviceCommand) -> None:
        """Tell it that when it is its turn."""
        if len(self._commands) >= COMMANDS_MAX:
            lost, came_at = self._commands.popleft()
            self._refuse(lost, "dropped", came_at, f"{COMMANDS_MAX} commands wait")
        self._commands.append((command, self._clock.now()))
        self._more.set()

    async def _keep_telling(self) -> None:
        while True:
            await self._more.wait()
            self._more.clear()
            while self._commands:
                await self._tell(*self._commands.popleft())

    async def _tell(self, command: DeviceCommand, came_at: datetime) -> None:
        now, expires_at = self._clock.now(), getattr(command, "expires_at", None)
        if expires_at is not None and now >= expires_at:
            late_s = (now - expires_at).total_seconds()
            self._refuse(command, "expired", came_at, f"{late_s:.3f} s too late")
            return
        if not await self._first_time(command, now):
            self._refuse(command, "repeated", came_at, "it was begun before")
            return
        try:
            await self.driver.tell(command)
        except DeviceUnavailable as error:
            self._refuse(command, "untold", came_at, error.detail)
        except Exception as error:  # a command must not stop those that follow
            log.exception("driver.failed", device=self.name, command=command.type)
            self._refuse(command, "failed", came_at, f"{type(error).__name__}: {error}")
        else:
            self._end("told", came_at)

    async def _first_time(self, command: DeviceCommand, now: datetime) -> bool:
        number: UUID | None = getattr(command, "command", None)
        if number is None or self._executed is None:
            return True
        first = self._executed.first_time
        until: datetime | None = getattr(command, "expires_at", None)
        return await asyncio.to_thread(first, number, now, expires_at=until)

    def _refuse(
        self, command: DeviceCommand, outcome: Reason, came_at: datetime, detail: str
    ) -> None:
        facts = {"device": self.name, "command": command.type, "detail": detail}
        log.warning(_REFUSED[outcome], **facts)
        self._end(outcome, came_at)
        number: UUID | None = getattr(command, "command", None)
        if number is None and getattr(command, "expires_at", None) is None:
            return  # a statement: who made it says it again
        refused = CommandRefused(
            at=self._clock.now(),
            device=self.name,
            about=command.type,
            reason=outcome,
            detail=detail,
            command=number,
            tracking=getattr(command, "tracking", None),
        )
        try:
            self._say(refused)
        except Exception:  # no room for it: it is in the log
            log.exception("refusal.unsaid", device=self.name)

    def _end(self, outcome: Outcome, came_at: datetime) -> None:
        self.figures.commands[outcome] += 1
        took_s = (self._clock.now() - came_at).total_seconds()
        self._watch.told(self.name, outcome, took_s)
