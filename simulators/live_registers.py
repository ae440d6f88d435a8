"""The sorter's PLC as a Modbus TCP server: confirmations in a window of registers.

What stands where: edge.drivers.sorter_wire. The WCS moves the window with `heard`, and lets go of
what is safe with `acknowledged`; a task, of up to four cartons, is carried out once, when its
number is another than that of the last. Holding registers of unit 1. Modbus knows no password:
loopback or a machine network only.

Source: Modbus Application Protocol 1.1b3.
"""

import asyncio
import time
from collections.abc import Callable
from zlib import crc32

from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from edge.drivers.sorter_wire import (
    BLOCK_SIZE,
    DEFAULT_REGISTERS,
    DIVERT_SIZE,
    RECORDS,
    SCAN_STATUSES,
    SCANNED,
    SORT_STATUSES,
    SORTED,
    WINDOW_SIZE,
    Block,
    Record,
    decode_task,
    encode_block,
    result_of,
)
from edge.messages import ScanStatus, SortStatus
from simulators.conveyor import CellState
from simulators.live_sorter import SorterCalls, packml_state
from simulators.sorter import Confirmation

_WINDOW, _DIVERT = DEFAULT_REGISTERS["window"], DEFAULT_REGISTERS["divert"]
_BEATS_PER_S = 10
_NO_SUCH_LANE = 3
_SCANS: dict[ScanStatus | SortStatus, int] = {one: n for n, one in enumerate(SCAN_STATUSES)}
_SORTS: dict[ScanStatus | SortStatus, int] = {one: n for n, one in enumerate(SORT_STATUSES)}


class SorterRegisters:
    """Serves one sorter's state; what it does is written down by `calls`."""

    def __init__(
        self, address: tuple[str, int], lanes: tuple[str, ...], calls: SorterCalls
    ) -> None:
        """`lanes` in the order of their numbers, the hospital last."""
        self._address = address
        self._lanes = lanes
        self._calls = calls
        self._state: Callable[[], CellState] | None = None
        self._heard = 0
        self._task, self._result = 0, 0
        self._server: ModbusTcpServer | None = None

    @property
    def port(self) -> int:
        """The port that it listens on."""
        assert self._server is not None
        assert isinstance(self._server.transport, asyncio.Server)
        return int(self._server.transport.sockets[0].getsockname()[1])

    async def prepare(self, _lanes: tuple[str, ...]) -> None:
        """Nothing is to be built."""

    async def publish(self, state: Callable[[], CellState], _beat: int) -> None:
        """Registers are made when they are read."""
        self._state = state

    async def start(self) -> None:
        """Listen."""
        kind = DataType.REGISTERS
        plc = SimData(0, values=[0] * BLOCK_SIZE, datatype=kind, readonly=True)
        wcs = SimData(_WINDOW, values=[0] * (WINDOW_SIZE + DIVERT_SIZE), datatype=kind)
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
            words = [int(value) for value in values]
            if address == _WINDOW and len(words) == WINDOW_SIZE:
                self._move(words)
            elif address == _DIVERT and (task := decode_task(words)) is not None:
                self._divert(*task)
            else:  # half a number would be another number
                return ExcCodes.ILLEGAL_ADDRESS
        registers[-start : BLOCK_SIZE - start] = self._block()
        return None

    def _move(self, words: list[int]) -> None:
        self._heard = words[0] << 16 | words[1]
        self._calls.alive()
        self._calls.acknowledge(words[2] << 16 | words[3])

    def _divert(self, task: int, rows: list[tuple[int, int]]) -> None:
        if task == self._task:
            return
        self._task = task
        self._result = result_of([self._divert_one(tracking, lane) for tracking, lane in rows])

    def _divert_one(self, tracking: int, lane: int) -> int:
        if not 0 < lane <= len(self._lanes):
            return _NO_SUCH_LANE
        return self._calls.divert(tracking, self._lanes[lane - 1])

    def _block(self) -> list[int]:
        assert self._state is not None
        cell = self._state()
        open_ones = [one for one in cell.sorter.unacknowledged if one.sequence > self._heard]
        return encode_block(
            Block(
                state=packml_state(cell.sorter),
                heartbeat=int(time.monotonic() * _BEATS_PER_S) & 0xFFFF,
                stream=crc32(cell.stream.encode()),
                answer=self._task,
                result=self._result,
                records=tuple(self._record(one, cell) for one in open_ones[:RECORDS]),
            )
        )

    def _record(self, one: Confirmation, cell: CellState) -> Record:
        is_scan = one.kind == "SCANNED"
        age_s = (cell.seen_at - one.at).total_seconds()
        return Record(
            sequence=one.sequence,
            kind=SCANNED if is_scan else SORTED,
            status=(_SCANS if is_scan else _SORTS)[one.status],
            tracking=one.tracking,
            lap=one.lap,
            lane=self._lanes.index(one.lane) + 1 if one.lane in self._lanes else 0,
            age_ms=max(0, round(age_s * 1000)),
            barcode=one.barcode or "",
        )
