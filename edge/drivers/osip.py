"""Conveyors and sorters whose PLC speaks OSIP telegrams over TCP (edge.osip).

    a sorter      REQ_ at the scanner -> CartonScanned     lane -> RES_ (target = the lane)
                  UPD_ at a lane      -> CartonSorted      UPD_ elsewhere with an error: why not
                  LOCU                -> that lane is closed, or open again
    a conveyor    REQ_ at its point   -> CartonArrived     release -> RES_ (target = where it leads)
    a network     of belts and nodes: edge.drivers.osip_network
    all           SYSU -> the device has a fault, or not; SYNQ -> TIMS

The PLC listens, we connect. OSIP knows no tracking number and no laps: the sequence number of the
first REQ_ of a barcode is its tracking number, every further one another lap. What an error code
means is each project's own affair: `[devices.errors]` maps numbers to statuses
(edge.drivers.osip_line has the usual). `[devices.locations]` names the PLC's location of each lane
and of the conveyor's target, where it is not called as in the site file.

Laws:
    once        a REQ_ that is repeated (same sequence, same barcode) is answered again and said
                once
    allow-list  `writes = ["RES_", "TIMS", "ERR_"]`: a type that is not named is not sent
    unharmed    a telegram that makes no sense is answered with ERR_ and counted; a stream that is
                no OSIP ends the connection

OSIP acknowledges nothing but a REQ_, by its RES_: that is sent when the request is on disk. What
else a PLC says while nobody is connected, or in the milliseconds before an edge is killed, is lost
unless the PLC says it again. OSIP knows neither password nor encryption: keep it on the machines'
own network. Time-outs are real seconds.

Source: OSIP, messaging between layer N and N-1.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import structlog
from typing_extensions import override

from edge.clock import Clock
from edge.drivers import DeviceUnavailable, Driver
from edge.drivers.around import Around
from edge.drivers.lane_desk import LaneDesk
from edge.drivers.osip_line import OsipLine
from edge.drivers.osip_network import OsipNetwork
from edge.drivers.sorting import together
from edge.messages import (
    CartonArrived,
    CartonScanned,
    CartonSorted,
    DeviceCommand,
    Divert,
    LaneTable,
    ReleaseCarton,
    ScanStatus,
    SortStatus,
    TellAgain,
)
from edge.osip import SEQUENCES, Telegram

log = structlog.get_logger(__name__)

_SCANS: Mapping[str, ScanStatus] = {status: status for status in get_args(ScanStatus)}
_SORTS: Mapping[str, SortStatus] = {status: status for status in get_args(SortStatus)}
_SPOOL_S = 5.0
_KEPT = 10_000  # barcodes whose requests are remembered


def make(device: Mapping[str, Any], around: Around) -> Driver:
    """The driver of one `[[devices]]` row: of a sorter, a network, or a conveyor and its point.

    Raises:
        ValueError: the site has no such machine, or a setting names what there is not.
    """
    port = around.port(device)
    if any(row["device"] == device["name"] for row in around.site.get("sorters", ())):
        desk = LaneDesk.of(device, around)
        return OsipSorter(device, desk, clock=around.clock, port=port)
    nodes = around.site.get("nodes", ())
    if any(row["device"] == device["name"] for row in nodes):
        belts = around.site.get("belts", ())
        return OsipNetwork(device, nodes, belts, clock=around.clock, port=port)
    rows = [row for row in around.site.get("conveyors", ()) if row["device"] == device["name"]]
    if len(rows) != 1:
        raise ValueError(f"{device['name']}: wants a row of [[sorters]], [[conveyors]], [[nodes]]")
    return OsipConveyor(device, rows[0], clock=around.clock, port=port)


@dataclass(slots=True)
class _Request:
    """The latest REQ_ of a barcode."""

    tracking: int
    sequence: int
    lap: int
    scanner: str
    status: str
    lane: str | None = None


class OsipSorter(OsipLine):
    """A sorter."""

    def __init__(
        self, device: Mapping[str, Any], desk: LaneDesk, *, clock: Clock, port: int
    ) -> None:
        super().__init__(device, clock=clock, port=port)
        self.spooled: Callable[[], Awaitable[None]] | None = None  # set by the agent
        self._desk = desk
        self._asked: dict[str, _Request] = {}  # by barcode, oldest first
        self._code_of: dict[int, str] = {}  # tracking -> barcode

    @override
    async def _converse(self, reader: asyncio.StreamReader) -> None:
        assert self._say is not None
        serving = self._desk.serve(self._say, self._divert)
        await together(self.name, self._listen(reader), serving)

    async def tell(self, command: DeviceCommand) -> None:
        """Send a lane, take rows of the lane table, or say the status again.

        Raises:
            DeviceUnavailable: there is no connection.
        """
        if isinstance(command, TellAgain):
            self._say_again()
            self._desk.say_known()
        elif isinstance(command, LaneTable):
            self._desk.take(command)
        elif isinstance(command, Divert):
            if self._clock.now() < command.expires_at:
                await self._divert([(command.tracking, command.lane)])
                self._desk.told(command.tracking, command.lane)
        else:
            log.warning("sorter.refused", device=self.name, command=command.type)

    @override
    def health(self) -> Mapping[str, float | int | str]:
        """What was counted here and at the desk."""
        return {**super().health(), **self._desk.health()}

    async def _divert(self, answers: Sequence[tuple[int, str]]) -> None:
        """Answer requests; by then they are on disk, for a PLC asks no more once it is answered."""
        if self.spooled is not None:
            try:
                async with asyncio.timeout(_SPOOL_S):
                    await self.spooled()
            except TimeoutError as error:
                raise DeviceUnavailable(self.name, "the spool does not get done") from error
        for tracking, lane in answers:
            barcode = self._code_of.get(tracking)
            if barcode is None:
                log.warning("divert.unknown", device=self.name, tracking=tracking)
                continue
            request = self._asked[barcode]
            request.lane = lane
            target = self._location.get(lane, lane)
            fields = {"barcode": barcode, "actual": request.scanner, "target": target}
            await self._send("RES_", fields, request.sequence % SEQUENCES + 1)

    @override
    def _hear(self, telegram: Telegram) -> None:
        if telegram.type == "REQ_":
            self._scanned(telegram)
        elif telegram.type == "UPD_":
            self._moved(telegram)
        elif telegram.type == "LOCU":
            lane = self._ours(telegram.get("actual"))
            self._desk.close(lane, is_closed=telegram.error != 0)

    def _scanned(self, telegram: Telegram) -> None:
        assert self._say is not None
        barcode = telegram.get("barcode")
        status = _SCANS.get(self._status_of(telegram.error, "GOOD"))
        if not barcode or status is None:
            self._counts["malformed"] += 1
            self._send_soon("ERR_", error=1)
            return
        known = self._asked.pop(barcode, None)
        if known is not None and known.sequence == telegram.sequence:
            self._asked[barcode] = known  # it has not heard our answer
            if known.lane is not None:
                self._desk.answer(known.tracking, known.lane)
            return
        request = _Request(
            tracking=known.tracking if known else telegram.sequence,
            sequence=telegram.sequence,
            lap=known.lap + 1 if known else 0,
            scanner=telegram.get("actual"),
            status=status,
        )
        self._remember(barcode, request)
        scan = CartonScanned(
            at=self._clock.now(),
            device=self.name,
            tracking=request.tracking,
            status=status,
            barcode=barcode if status not in {"NO_READ", "MULTI_READ"} else None,
            lap=request.lap,
        )
        self._say(self._desk.scanned(scan))

    def _moved(self, telegram: Telegram) -> None:
        assert self._say is not None
        barcode, place = telegram.get("barcode"), self._ours(telegram.get("actual"))
        status = _SORTS.get(self._status_of(telegram.error, "DIVERTED"))
        if status is None:
            self._counts["malformed"] += 1
            return
        request = self._asked.get(barcode)
        is_there = status in {"DIVERTED", "MAX_RECIRC"}
        legible = request is None or request.status not in {"NO_READ", "MULTI_READ"}
        done = CartonSorted(
            at=self._clock.now(),
            device=self.name,
            tracking=request.tracking if request else telegram.sequence,
            status=status,
            lane=place if is_there else None,
            barcode=barcode if legible else None,
            lap=request.lap if request else 0,
        )
        self._desk.sorted(done)
        self._say(done)
        if request is not None and (is_there or status == "LOST_TRACK"):
            del self._asked[barcode], self._code_of[request.tracking]

    def _remember(self, barcode: str, request: _Request) -> None:
        self._asked[barcode] = request
        self._code_of[request.tracking] = barcode
        while len(self._asked) > _KEPT:
            oldest = next(iter(self._asked))
            self._code_of.pop(self._asked.pop(oldest).tracking, None)


class OsipConveyor(OsipLine):
    """A conveyor with one decision point."""

    def __init__(
        self, device: Mapping[str, Any], row: Mapping[str, Any], *, clock: Clock, port: int
    ) -> None:
        super().__init__(device, clock=clock, port=port)
        self._point: str = row["point"]
        self._to: str = self._location.get(row["to"], row["to"])
        self._standing: deque[Telegram] = deque(maxlen=1)

    async def tell(self, command: DeviceCommand) -> None:
        """Release the carton that stands at the point, or say again who does.

        Raises:
            DeviceUnavailable: there is no connection.
        """
        if isinstance(command, TellAgain):
            self._say_again()
            for telegram in self._standing:
                self._hear(telegram)
        elif isinstance(command, ReleaseCarton):
            here = self._standing[0] if self._standing else None
            is_late = self._clock.now() >= command.expires_at
            if is_late or here is None or here.sequence != command.tracking:
                log.info("release.gone", device=self.name, tracking=command.tracking)
                return
            fields = {"barcode": here.get("barcode"), "actual": here.get("actual")}
            await self._send("RES_", {**fields, "target": self._to}, here.sequence % SEQUENCES + 1)
        else:
            log.warning("conveyor.refused", device=self.name, command=command.type)

    @override
    def _hear(self, telegram: Telegram) -> None:
        assert self._say is not None
        if telegram.type == "UPD_":  # it has gone on
            if self._standing and self._standing[0].get("barcode") == telegram.get("barcode"):
                self._standing.clear()
        elif telegram.type == "REQ_" and self._ours(telegram.get("actual")) == self._point:
            self._standing.append(telegram)
            self._say(
                CartonArrived(
                    at=self._clock.now(),
                    device=self.name,
                    point=self._point,
                    tracking=telegram.sequence,
                )
            )
