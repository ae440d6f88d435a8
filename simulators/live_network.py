"""The PLC of a network of conveyors as a TCP server that speaks OSIP (edge.osip).

    a unit at a node that asks    REQ_ barcode, node        error code: what the scanner saw
    a belt for it                 RES_ barcode, target = the belt
    a unit at an exit             UPD_ barcode, exit
    a belt that stands, or runs   LOCU belt, error code     0: it runs

It lives in real time, a step every STEP_S. What could not be read goes by a number of its own,
NOREAD00000007. One client at a time, the latest; to a new one it says how the belts are, and what
stands at a stop is said again. What passes while nobody is connected goes through. OSIP knows no
password: loopback or a machine network only.

Source: OSIP, messaging between layer N and N-1.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Self

from edge.clock import Clock
from edge.machine_messages import BeltChanged, UnitScanned
from edge.osip import SEQUENCES, Malformed, Splitter, Telegram, decode, encode
from simulators.conveyor_network import Conveyors

STEP_S = 0.02
_ERRORS = {
    "NO_READ": 1, "MULTI_READ": 2, "GAP_ERROR": 3, "OVERSIZE": 4, "OVERWEIGHT": 5,
    "FULL": 11, "STOPPED": 12, "JAM": 18,
}  # fmt: skip
_EXITS = ("EXIT", "HOSPITAL")


class LiveNetwork:
    """One PLC and what it moves. A context: it runs between enter and exit."""

    def __init__(
        self,
        site: Mapping[str, Any],
        device: str,
        *,
        clock: Clock,
        address: tuple[str, int] = ("127.0.0.1", 0),
        **more: Any,
    ) -> None:
        self._clock = clock
        self.conveyors = Conveyors.of_site(site, device, self._say, clock.now(), **more)
        self.errors = self.unknown = 0  # ERR_ telegrams; routes for who was not there (any more)
        self._address = address
        self._server: asyncio.Server | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._task: asyncio.Task[None] | None = None
        self._sequence = 0
        self._asked: dict[str, tuple[str, int]] = {}  # barcode -> node and number

    async def __aenter__(self) -> Self:
        """Listen, and let time pass."""
        self._server = await asyncio.start_server(self._serve, *self._address)
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop, and close every connection."""
        assert self._server is not None
        assert self._task is not None
        self._task.cancel()
        self._server.close()
        if self._writer is not None:
            self._writer.close()
        await asyncio.gather(self._task, return_exceptions=True)

    @property
    def port(self) -> int:
        """The port that it listens on."""
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    async def _run(self) -> None:
        while True:
            self.conveyors.step(self._clock.now())
            await asyncio.sleep(STEP_S)

    # ------------------------------------------------------------------------------ the line
    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._writer is not None:
            self._writer.close()
        self._writer = writer
        for belt in self.conveyors.belts:
            self.conveyors.report(belt)
        splitter = Splitter()
        with suppress(OSError, Malformed):
            while data := await reader.read(65_536):
                for frame in splitter.feed(data):
                    self._hear(decode(frame))
        writer.close()
        if self._writer is writer:
            self._writer = None

    def _hear(self, telegram: Telegram) -> None:
        self.errors += telegram.type == "ERR_"
        if telegram.type != "RES_":
            return
        node, tracking = self._asked.get(telegram.get("barcode"), ("", 0))
        belt = telegram.get("target")
        if node != telegram.get("actual") or belt not in self.conveyors.belts:
            self.unknown += 1
        elif telegram.sequence == tracking % SEQUENCES + 1:
            self.conveyors.route(node, tracking, belt)

    def _say(self, event: UnitScanned | BeltChanged) -> None:
        if isinstance(event, BeltChanged):
            error = _ERRORS.get(event.status, 0)
            self._write("LOCU", {"group": event.device, "actual": event.belt}, error=error)
            return
        barcode = event.barcode or f"NOREAD{event.tracking:08}"
        fields, error = {"barcode": barcode, "actual": event.node}, _ERRORS.get(event.status, 0)
        if self.conveyors.nodes[event.node].kind in _EXITS:
            self._write("UPD_", fields, event.tracking, error=error)
            return
        self._asked[barcode] = (event.node, event.tracking)
        self._write("REQ_", fields, event.tracking, error=error)

    def _write(
        self, kind: str, fields: dict[str, str], sequence: int | None = None, *, error: int = 0
    ) -> None:
        if self._writer is None or self._writer.is_closing():
            return
        self._sequence = self._sequence % SEQUENCES + 1
        telegram = Telegram(
            type=kind,
            sender="PLC",
            receiver="MFC",
            sequence=self._sequence if sequence is None else sequence,
            at=self.conveyors.now,
            error=error,
            fields=fields,
        )
        self._writer.write(encode(telegram))
