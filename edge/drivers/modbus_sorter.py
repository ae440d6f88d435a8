"""A sorter over Modbus TCP: its confirmations in a window of registers, lanes by a counted task.

    the PLC shows its state and the five oldest confirmations that we have not heard
    we write `heard` and `acknowledged`, and tasks with lanes         (edge.drivers.sorter_wire)

`heard` moves the window on at once, `acknowledged` says that what was heard is safe: a PLC keeps
what is not acknowledged, and shows it again to whoever starts with `heard` 0.

Laws:
    none missed, none doubled   edge.drivers.heard, as over OPC UA
    counts on     tasks go on from the PLC's `answer`, 1..65535 and round; the PLC carries out a
                  task that is another than its last, once
    together      a task has the lanes of up to four cartons, since a PLC takes one after the other
    allow-list    "window" (heard, acknowledged, heartbeat) and "divert", each only when named
    silent = away no answer, or a heartbeat that stands still, is `DeviceUnavailable`

Time-outs are real seconds. Source: Modbus Application Protocol 1.1b3; PackML state numbers.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import structlog
from typing_extensions import override

from edge.clock import Clock
from edge.drivers import DeviceUnavailable, Say
from edge.drivers.around import Around
from edge.drivers.lane_desk import LaneDesk
from edge.drivers.modbus_link import Registers
from edge.drivers.sorter_wire import (
    BLOCK_SIZE,
    DEFAULT_REGISTERS,
    HEAD_SIZE,
    ROWS,
    SCAN_STATUSES,
    SCANNED,
    SORT_STATUSES,
    SORTED,
    WORD,
    Block,
    Record,
    decode_block,
    encode_task,
    high_low,
    results_of,
)
from edge.drivers.sorting import FAULTS, NO_SUCH_LANE, SorterDriver, together
from edge.drivers.writes import Writes
from edge.messages import (
    CartonScanned,
    CartonSorted,
)

log = structlog.get_logger(__name__)

_POLL_S, _SILENCE_S, _ANSWER_S, _BEAT_S = 0.01, 3.0, 1.0, 0.3


def make(device: Mapping[str, Any], around: Around) -> "ModbusSorter":
    """The driver of one `[[devices]]` row that is a sorter.

    Raises:
        ValueError: its settings name what there is not.
    """
    (row,) = [row for row in around.site["sorters"] if row["device"] == device["name"]]
    desk = LaneDesk.of(device, around)
    lanes = (*row["lanes"], row["hospital"])
    return ModbusSorter(device, lanes, desk, clock=around.clock, port=around.port(device))


class ModbusSorter(SorterDriver):
    """One sorter."""

    def __init__(
        self,
        device: Mapping[str, Any],
        lanes: Sequence[str],
        desk: LaneDesk,
        *,
        clock: Clock,
        port: int,
    ) -> None:
        super().__init__(device, desk, clock=clock)
        self._lanes = lanes
        self._writes = Writes(device, ("window", "divert"))
        self._registers = Registers(device, DEFAULT_REGISTERS, self._writes, port=port)
        self._silence_s: float = device.get("silence_s", _SILENCE_S)
        self._beat = 0
        self._task = 0
        self._telling = asyncio.Lock()  # one task at a time

    async def run(self, say: Say) -> None:
        """Connect and poll until cancelled.

        Raises:
            DeviceUnavailable: the PLC cannot be reached, or not any more.
        """
        self._say, self._status = say, None
        try:
            await self._registers.open()
            block = await self._look()
            self._heard.start(f"{block.stream:08x}")
            self._task = block.answer
            serving = self._desk.serve(say, self._divert, together=ROWS)
            await together(self.name, self._poll(), self._keep_up(), serving)
        except TimeoutError as error:
            raise DeviceUnavailable(self.name, "the spool does not get done") from error
        finally:
            self._registers.close()

    def health(self) -> Mapping[str, float | int | str]:
        """Requests, refused writes, and what the desk has counted."""
        return {
            "requests_total": self._registers.exchanges,
            "writes_refused_total": self._writes.refused,
            "sequence": self._heard.said,
            "stream": self._heard.stream,
            **self._desk.health(),
        }

    # ------------------------------------------------------------------------------ listening
    async def _poll(self) -> None:
        loop = asyncio.get_running_loop()
        beat, alive_until = -1, loop.time() + self._silence_s
        while True:
            block = await self._look()
            if block.heartbeat != beat:
                beat, alive_until = block.heartbeat, loop.time() + self._silence_s
            if loop.time() > alive_until:
                raise DeviceUnavailable(self.name, "the PLC's heartbeat stands still")
            if f"{block.stream:08x}" != self._heard.stream:
                raise DeviceUnavailable(self.name, "the PLC has lost its memory")
            self._tell_status(FAULTS.get(block.state, ""))
            if self._hear(block):
                await self._write_window()  # and look at once: there may be more
            else:
                await asyncio.sleep(_POLL_S)

    async def _look(self) -> Block:
        return decode_block(await self._registers.read("state", BLOCK_SIZE))

    def _hear(self, block: Block) -> bool:
        """Say what is new in the window; whether something was."""
        assert self._say is not None
        before = self._heard.said
        for record in block.records:
            if self._heard.is_new(record.sequence):
                if (event := self._event(record)) is not None:
                    self._say(event)
                self._heard.note(record.sequence)
        return self._heard.said != before

    def _event(self, record: Record) -> CartonScanned | CartonSorted | None:
        lane = self._lanes[record.lane - 1] if 0 < record.lane <= len(self._lanes) else None
        facts: dict[str, Any] = {
            "at": self._clock.now() - timedelta(milliseconds=record.age_ms),
            "device": self.name,
            "tracking": record.tracking,
            "barcode": record.barcode or None,
            "lap": record.lap,
            "stream": self._heard.stream,
            "sequence": record.sequence,
        }
        if record.kind == SCANNED and record.status < len(SCAN_STATUSES):
            scan = CartonScanned(status=SCAN_STATUSES[record.status], **facts)
            return self._desk.scanned(scan)
        if record.kind == SORTED and record.status < len(SORT_STATUSES):
            done = CartonSorted(status=SORT_STATUSES[record.status], lane=lane, **facts)
            self._desk.sorted(done)
            return done
        log.error("sorter.nonsense", device=self.name, record=record)
        return None

    # -------------------------------------------------------------------- what goes to the PLC
    async def _keep_up(self) -> None:
        """Beat, and acknowledge what is safe."""
        while True:
            self._beat = self._beat + 1 & WORD
            self._heard.acknowledged = max(self._heard.acknowledged, await self._heard.safe())
            await self._write_window()
            await asyncio.sleep(_BEAT_S)

    async def _write_window(self) -> None:
        if "window" in self._writes.allowed:
            heard, safe = high_low(self._heard.said), high_low(self._heard.acknowledged)
            await self._registers.write("window", [*heard, *safe, self._beat])

    @override
    async def _divert(self, answers: Sequence[tuple[int, str]]) -> None:
        """Send lanes, of one to `ROWS` cartons, as one task."""
        rows = [(tracking, lane) for tracking, lane in answers if lane in self._lanes]
        for tracking, lane in set(answers) - set(rows):
            self._refused(tracking, lane, NO_SUCH_LANE)
        if not rows or not self._writes.may("divert", tracking=rows[0][0]):
            return
        async with self._telling:
            self._task = self._task % WORD + 1
            numbers = [(tracking, self._lanes.index(lane) + 1) for tracking, lane in rows]
            await self._registers.write("divert", encode_task(self._task, numbers))
            result = await self._result()
        for (tracking, lane), one in zip(rows, results_of(result, len(rows)), strict=True):
            if one:
                self._refused(tracking, lane, one)

    async def _result(self) -> int:
        try:
            async with asyncio.timeout(_ANSWER_S):
                while True:
                    head = decode_block(await self._registers.read("state", HEAD_SIZE))
                    if head.answer == self._task:
                        return head.result
                    await asyncio.sleep(_POLL_S)
        except TimeoutError:
            raise DeviceUnavailable(self.name, f"no answer to task {self._task}") from None
