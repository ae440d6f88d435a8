"""The conveyor's PLC as a Modbus TCP server: fifteen registers and a handshake.

    read by the WCS                               written by the WCS
    0   status: 1 occupied, 2 auto, 4 fault       10     command: task number, 0 = none
    1   heartbeat, counts up                      11-12  tracking number to release, high first
    2-3 tracking of the carton here, high first
    4   answer: the task carried out, 0 = none
    5   result of that task
    6   the last task ever carried out

    WCS  writes 11-12 and task n into 10   ->   PLC  carries n out (once), shows 4 = n and 5
    WCS  sees 4 = n, writes 10 = 0         ->   PLC  shows 4 = 0 and 5 = 0

A task that is written again in the meantime is not carried out again. The addresses are
holding registers of unit 1. Modbus knows no password: loopback or a machine network only.

Source: Modbus Application Protocol 1.1b3; the handshake is the usual two-register one.
"""

import asyncio
import time
from collections.abc import Callable

from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from simulators.conveyor import LineState

OCCUPIED, AUTO, FAULT = 1, 2, 4
_PLC, _WCS = 0, 10
_PLC_SIZE, _WCS_SIZE = 7, 3
_BEATS_PER_S = 10


class LineServer:
    """Serves one conveyor's state; `command` carries a task out and writes it down."""

    def __init__(
        self,
        address: tuple[str, int],
        state: Callable[[], LineState],
        command: Callable[[int, int], object],
    ) -> None:
        self._address = address
        self._state = state
        self._command = command
        self._task = 0  # that the WCS has written and not yet cleared
        self._server: ModbusTcpServer | None = None

    @property
    def port(self) -> int:
        """The port that it listens on."""
        assert self._server is not None
        assert isinstance(self._server.transport, asyncio.Server)
        return int(self._server.transport.sockets[0].getsockname()[1])

    async def start(self) -> None:
        """Listen."""
        size, kind = _PLC_SIZE, DataType.REGISTERS
        plc = SimData(_PLC, values=[0] * size, datatype=kind, readonly=True)
        wcs = SimData(_WCS, values=[0] * _WCS_SIZE, datatype=kind)
        device = SimDevice(1, [plc, wcs], action=self._access)
        self._server = ModbusTcpServer(device, address=self._address)
        await self._server.serve_forever(background=True)

    async def stop(self) -> None:
        """Close every connection."""
        if self._server is not None:
            await self._server.shutdown()  # type: ignore[no-untyped-call]

    async def _access(
        self,
        _function: int,
        start: int,
        address: int,
        _count: int,
        registers: list[int],
        values: list[int] | list[bool] | None,
    ) -> ExcCodes | None:
        if values is not None:
            written = registers[_WCS - start : _WCS - start + _WCS_SIZE]
            for offset, value in enumerate(values, start=address - _WCS):
                written[offset] = int(value)
            self._task = written[0]
            if self._task:
                self._command(self._task, written[1] << 16 | written[2])
        registers[_PLC - start : _PLC - start + _PLC_SIZE] = self._plc_registers()
        return None

    def _plc_registers(self) -> list[int]:
        state = self._state()
        tracking = state.standing.tracking if state.standing is not None else 0
        done = self._task != 0 and self._task == state.last_task
        status = (OCCUPIED if tracking else 0) | (FAULT if state.fault else AUTO)
        return [
            status,
            int(time.monotonic() * _BEATS_PER_S) & 0xFFFF,
            tracking >> 16,
            tracking & 0xFFFF,
            self._task if done else 0,
            state.last_result if done else 0,
            state.last_task,
        ]
