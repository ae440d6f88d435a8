"""The sorter's PLC as a TCP server that speaks OSIP (edge.osip).

    a carton at the scanner    REQ_ barcode, scanner      error code: what the scanner saw
    a lane for it              RES_ barcode, target = the lane
    what became of it          UPD_ barcode, lane, or the scanner with an error code

A carton that could not be read goes by a number of its own, NOREAD00000007. One client at a time,
the latest. OSIP acknowledges nothing, so what has been written to a client counts as heard; while
there is none, everything waits. OSIP knows no password: loopback or a machine network only.

Source: OSIP, messaging between layer N and N-1.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from edge.osip import SEQUENCES, Malformed, Splitter, Telegram, decode, encode
from simulators.conveyor import CellState
from simulators.live_sorter import SorterCalls, packml_state
from simulators.sorter import Confirmation

SCANNER = "SCANNER"
ERRORS = {
    "NO_READ": 1, "MULTI_READ": 2, "GAP_ERROR": 3, "OVERSIZE": 4, "OVERWEIGHT": 5,
    "RECIRCULATED": 10, "LANE_FULL": 11, "LANE_DISABLED": 12, "MISSED_DIVERT": 13,
    "NO_REPLY": 14, "MAX_RECIRC": 15, "NO_DATA": 16, "LOST_TRACK": 17, "JAM": 18,
}  # fmt: skip
_ABORTED = 9


class SorterTelegrams:
    """Serves one sorter's state; what it is told is written down by `calls`."""

    def __init__(self, address: tuple[str, int], calls: SorterCalls) -> None:
        self.errors = 0  # ERR_ telegrams that came in
        self._address = address
        self._calls = calls
        self._server: asyncio.Server | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._state: Callable[[], CellState] | None = None
        self._said = 0
        self._sequence = 0
        self._tracking: dict[str, int] = {}  # barcode -> tracking number
        self._has_fault = False

    @property
    def port(self) -> int:
        """The port that it listens on."""
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    async def prepare(self, _lanes: tuple[str, ...]) -> None:
        """Nothing is to be built."""

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._serve, *self._address)

    async def stop(self) -> None:
        """Close every connection."""
        if self._server is not None:
            self._server.close()
            if self._writer is not None:
                self._writer.close()
            await self._server.wait_closed()

    async def publish(self, state: Callable[[], CellState], _beat: int) -> None:
        """Say what has not been said, to whoever listens."""
        self._state = state
        if self._writer is None or self._writer.is_closing():
            return
        self._calls.alive()
        cell = state()
        has_fault = packml_state(cell.sorter) == _ABORTED
        if has_fault != self._has_fault:
            self._has_fault = has_fault
            self._write("SYSU", {"group": "SORTER"}, error=int(has_fault))
        for one in cell.sorter.unacknowledged:
            if one.sequence > self._said:
                self._tell(one)
                self._said = one.sequence
        if cell.sorter.unacknowledged:
            self._calls.acknowledge(self._said)

    def ask_time(self) -> None:
        """Ask for the time, as PLCs do now and then."""
        self._write("SYNQ", {})

    def send(self, data: bytes) -> None:
        """Send these bytes as they are, whatever they mean."""
        assert self._writer is not None
        self._writer.write(data)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._writer is not None:
            self._writer.close()
        self._writer = writer
        splitter = Splitter()
        self._calls.alive()  # and so `publish` is called
        with suppress(OSError, Malformed):
            while data := await reader.read(65_536):
                for frame in splitter.feed(data):
                    self._hear(decode(frame))
        writer.close()
        if self._writer is writer:
            self._writer = None

    def _hear(self, telegram: Telegram) -> None:
        self.errors += telegram.type == "ERR_"
        if telegram.type == "RES_":
            tracking = self._tracking.get(telegram.get("barcode"))
            if tracking is not None:
                self._calls.divert(tracking, telegram.get("target"))

    def _tell(self, one: Confirmation) -> None:
        barcode = one.barcode or f"NOREAD{one.tracking:08}"
        if one.kind == "SCANNED":
            self._tracking[barcode] = one.tracking
            fields = {"barcode": barcode, "actual": SCANNER}
            self._write("REQ_", fields, error=ERRORS.get(one.status, 0))
            return
        fields = {"barcode": barcode, "actual": one.lane or SCANNER}
        self._write("UPD_", fields, error=ERRORS.get(one.status, 0))

    def _write(self, kind: str, fields: dict[str, str], *, error: int = 0) -> None:
        assert self._state is not None
        assert self._writer is not None
        self._sequence = self._sequence % SEQUENCES + 1
        telegram = Telegram(
            type=kind,
            sender="PLC",
            receiver="MFC",
            sequence=self._sequence,
            at=self._state().seen_at,
            error=error,
            fields=fields,
        )
        self._writer.write(encode(telegram))
