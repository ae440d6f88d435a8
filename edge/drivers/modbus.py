"""A small conveyor PLC over Modbus TCP: who stands at the decision point, and who may go on.

Fifteen holding registers and a handshake; `[devices.registers]` of the site file may give each
another address (the defaults are in `DEFAULT_REGISTERS`). Two-register numbers: high word first.

    PLC   status (1 occupied, 2 auto, 4 fault) · heartbeat · tracking (2) · answer · result ·
          last_task
    WCS   command · argument (2), written in one request, so `argument` follows `command`

    release n:   argument = tracking, command = n
                 until answer = n          (the PLC carries n out once and shows the result)
                 command = 0, until answer = 0                             (both are clear again)

Laws:
    counts on     task numbers go on from the PLC's `last_task`, 1..65535 and round, so no
                  driver repeats one, however often it is restarted
    once          a carton that no longer stands there is not released; a task left behind by a
                  killed driver is cleared before the next one
    says again    a carton that stands for `_REPEAT_S` is said again: the release may have been
                  lost on its way. Whoever hears it twice answers twice; nothing happens twice
    silent = away no answer, or a heartbeat that stands still, is `DeviceUnavailable`

    allow-list    `writes = ["command"]` of its row; without it the conveyor is only listened to

The registers are polled, because Modbus cannot call. Time-outs are real seconds. A device of
[[sorters]] with this driver is a sorter: edge.drivers.modbus_sorter.

Source: Modbus Application Protocol 1.1b3.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from edge.clock import Clock
from edge.drivers import DeviceUnavailable, Driver, Say
from edge.drivers import modbus_sorter as sorter
from edge.drivers.around import Around
from edge.drivers.modbus_link import Registers
from edge.drivers.sorter_wire import WORD, high_low
from edge.drivers.writes import Writes
from edge.messages import CartonArrived, DeviceCommand, DeviceStatus, ReleaseCarton, TellAgain

log = structlog.get_logger(__name__)

DEFAULT_REGISTERS: Mapping[str, int] = {
    "status": 0,
    "heartbeat": 1,
    "tracking": 2,
    "answer": 4,
    "result": 5,
    "last_task": 6,
    "command": 10,
}
_OCCUPIED, _AUTO, _FAULT = 1, 2, 4
_RESULTS = {1: "released", 2: "no such carton", 3: "stale task", 4: "fault"}
_POLL_S, _ANSWER_S, _SILENCE_S, _REPEAT_S = 0.015, 1.0, 3.0, 2.0
_POLLS = int(_ANSWER_S / _POLL_S)
_SIZES = {name: 2 if name == "tracking" else 1 for name in DEFAULT_REGISTERS if name != "command"}


@dataclass(frozen=True, slots=True)
class _Plc:
    """What one poll has read."""

    status: int
    heartbeat: int
    tracking: int
    answer: int
    result: int
    last_task: int

    @property
    def standing(self) -> int:
        """The tracking number of the carton at the point; 0 when there is none."""
        return self.tracking if self.status & _OCCUPIED else 0


def make(device: Mapping[str, Any], around: Around) -> Driver:
    """The driver of one `[[devices]]` row: of a sorter, or of a conveyor and its point.

    Raises:
        ValueError: the site has no such machine, or a register is unknown.
    """
    if any(row["device"] == device["name"] for row in around.site.get("sorters", ())):
        return sorter.make(device, around)
    points = [row["point"] for row in around.site["conveyors"] if row["device"] == device["name"]]
    if len(points) != 1:
        raise ValueError(f"{device['name']}: wants exactly one row of [[conveyors]]")
    return ModbusConveyor(device, points[0], clock=around.clock, port=around.port(device))


class ModbusConveyor:
    """One conveyor with one decision point."""

    def __init__(self, device: Mapping[str, Any], point: str, *, clock: Clock, port: int) -> None:
        self.name: str = device["name"]
        self.point = point
        self._clock = clock
        self._writes = Writes(device, ("command",))
        self._registers = Registers(device, DEFAULT_REGISTERS, self._writes, port=port)
        self._silence_s: float = device.get("silence_s", _SILENCE_S)
        self._say: Say | None = None
        self._standing = 0  # whom we have said to be at the point
        self._said_s = 0.0
        self._releases = 0
        self._status: DeviceStatus | None = None
        self._telling = asyncio.Lock()  # one task at a time

    async def run(self, say: Say) -> None:
        """Connect and poll until cancelled.

        Raises:
            DeviceUnavailable: the PLC cannot be reached, or not any more.
        """
        self._say, self._status = say, None
        try:
            await self._registers.open()
            async with self._telling:
                if "command" in self._writes.allowed:
                    await self._clear()
            await self._poll()
        finally:
            self._registers.close()

    async def tell(self, command: DeviceCommand) -> None:
        """Release a carton, or say again who stands here.

        Raises:
            DeviceUnavailable: there is no connection, or no answer.
        """
        if isinstance(command, TellAgain):
            self._standing = 0
            if self._status is not None and self._say is not None:
                self._say(self._status)
        elif isinstance(command, ReleaseCarton):
            if not self._writes.may("command", tracking=command.tracking):
                return
            async with self._telling:
                await self._release(command)
        else:
            log.warning("conveyor.refused", device=self.name, command=command.type)

    def health(self) -> Mapping[str, float | int | str]:
        """Requests, refused writes, and who stands at the point."""
        return {
            "requests_total": self._registers.exchanges,
            "releases_total": self._releases,
            "writes_refused_total": self._writes.refused,
            "standing": self._standing,
        }

    # ------------------------------------------------------------------------------ listening
    async def _poll(self) -> None:
        loop = asyncio.get_running_loop()
        beat, alive_until = -1, loop.time() + self._silence_s
        while True:
            plc = await self._read()
            if plc.heartbeat != beat:
                beat, alive_until = plc.heartbeat, loop.time() + self._silence_s
            if loop.time() > alive_until:
                raise DeviceUnavailable(self.name, "the PLC's heartbeat stands still")
            self._hear(plc, loop.time())
            await asyncio.sleep(_POLL_S)

    def _hear(self, plc: _Plc, now_s: float) -> None:
        assert self._say is not None
        self._tell_status(fault=bool(plc.status & _FAULT), auto=bool(plc.status & _AUTO))
        standing = plc.standing
        if standing and (standing != self._standing or now_s - self._said_s >= _REPEAT_S):
            self._said_s = now_s
            self._say(
                CartonArrived(
                    at=self._clock.now(), device=self.name, point=self.point, tracking=standing
                )
            )
        self._standing = standing

    def _tell_status(self, *, fault: bool, auto: bool) -> None:
        assert self._say is not None
        detail = "fault" if fault else "" if auto else "not in automatic"
        status = DeviceStatus(
            at=self._clock.now(),
            device=self.name,
            status="FAULT" if detail else "UP",
            detail=detail,
        )
        if self._status is None or self._status.detail != detail:
            self._say(status)
            self._status = status

    # -------------------------------------------------------------------------- the handshake
    async def _release(self, command: ReleaseCarton) -> None:
        facts = {"device": self.name, "tracking": command.tracking}
        if self._clock.now() >= command.expires_at:
            log.warning("release.expired", **facts)
            return
        plc = await self._clear()
        if plc.standing != command.tracking:
            log.info("release.gone", **facts)  # it was released before
            return
        task = plc.last_task % WORD + 1
        await self._registers.write("command", [task, *high_low(command.tracking)])
        self._releases += 1
        result = (await self._until(task)).result
        await self._clear()
        if result != 1:
            log.warning("release.refused", result=_RESULTS.get(result, result), **facts)

    async def _clear(self) -> _Plc:
        """Command and answer both 0; the PLC as it is then."""
        await self._registers.write("command", [0, 0, 0])
        return await self._until(0)

    async def _until(self, answer: int) -> _Plc:
        for _ in range(_POLLS):
            plc = await self._read()
            if plc.answer == answer:
                return plc
            await asyncio.sleep(_POLL_S)
        raise DeviceUnavailable(self.name, f"no answer {answer} to a task")

    async def _read(self) -> _Plc:
        return _Plc(**await self._registers.read_named(_SIZES))
