"""What the drivers of sorters have in common: their desk, their commands, how the machine is.

    class MySorter(SorterDriver):
        async def run(self, say)            connects, `begin(say)`, and then `together(...)`
        async def _divert(self, answers)    tells the PLC the lanes of cartons

Laws:
    not too late   a lane whose time is over is not sent; the PLC judges again by its own clock
    one a change   a status is said when it is another
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any

import structlog

from edge.clock import Clock
from edge.drivers import Say
from edge.drivers.heard import Heard
from edge.drivers.lane_desk import LaneDesk
from edge.messages import DeviceCommand, DeviceStatus, Divert, LaneTable, TellAgain

log = structlog.get_logger(__name__)

FAULTS: Mapping[int, str] = {  # of PackML's states
    2: "stopped", 8: "aborting", 9: "aborted", 10: "holding", 11: "held"
}  # fmt: skip
NO_SUCH_LANE = 3
RESULTS: Mapping[int, str] = {
    0: "accepted", 1: "repeated", 2: "too late", NO_SUCH_LANE: "no such lane"
}  # fmt: skip


class SorterDriver(ABC):
    """One sorter. An agent sets `spooled` to wait until what was said is on disk."""

    def __init__(self, device: Mapping[str, Any], desk: LaneDesk, *, clock: Clock) -> None:
        self.name: str = device["name"]
        self._desk, self._clock = desk, clock
        self._heard = Heard()
        self._say: Say | None = None
        self._status: DeviceStatus | None = None

    @property
    def spooled(self) -> Callable[[], Awaitable[None]] | None:
        """Waits until what was said is on disk; set by the agent."""
        return self._heard.spooled

    @spooled.setter
    def spooled(self, spooled: Callable[[], Awaitable[None]] | None) -> None:
        self._heard.spooled = spooled

    async def tell(self, command: DeviceCommand) -> None:
        """Send a lane, take rows of the lane table, or say the status again.

        Raises:
            DeviceUnavailable: there is no connection, or no answer.
        """
        if isinstance(command, TellAgain):
            if self._status is not None and self._say is not None:
                self._say(self._status)
            self._desk.say_known()
        elif isinstance(command, LaneTable):
            self._desk.take(command)
        elif isinstance(command, Divert):
            if self._clock.now() >= command.expires_at:
                log.warning("divert.expired", device=self.name, tracking=command.tracking)
                return
            await self._divert([(command.tracking, command.lane)])
            self._desk.told(command.tracking, command.lane)
        else:
            log.warning("sorter.refused", device=self.name, command=command.type)

    @abstractmethod
    async def _divert(self, answers: Sequence[tuple[int, str]]) -> None:
        """Tell the PLC the lanes of these cartons, by tracking number."""

    def _tell_status(self, detail: str) -> None:
        """Say how the machine is, if that is news; "" is well."""
        assert self._say is not None
        if self._status is None or self._status.detail != detail:
            self._status = DeviceStatus(
                at=self._clock.now(),
                device=self.name,
                status="FAULT" if detail else "UP",
                detail=detail,
            )
            self._say(self._status)

    def _refused(self, tracking: int, lane: str, result: int) -> None:
        facts = {"device": self.name, "tracking": tracking, "lane": lane}
        log.warning("divert.refused", result=RESULTS.get(result, result), **facts)


async def together(name: str, *work: Coroutine[Any, Any, None]) -> None:
    """Run all of it until one ends or fails; the others are cancelled then."""
    tasks = {asyncio.create_task(one, name=f"{name} {n}") for n, one in enumerate(work)}
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
