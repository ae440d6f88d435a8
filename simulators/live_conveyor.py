"""The conveyor and its sorter, alive: the pure models behind Modbus TCP, OPC UA and OSIP.

The sorter speaks what the driver of its row in the site file says.

The idea: every change is made to the model in memory, written to SQLite, and only then shown
on the wire or told to `on_lane`. A kill at any moment therefore loses nothing and doubles
nothing: what nobody was told has not happened, what somebody was told is written down. After a
kill, `on_lane` is called again for every carton that still lies in a lane.

    async with LiveConveyor.from_site(site, "cv1", clock=..., state_dir=..., on_lane=...) as line:
        await line.put("340123450000000018")     # durable when it returns; may be repeated
        ...                                      # on_lane("L1", "340123450000000018")
        await line.take_from_lane("L1", "340123450000000018")

If the WCS's heartbeat stops for `watchdog_s` (real seconds), the loop stands still: network
time-outs are real, physics runs on the given clock.
"""

import asyncio
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

from edge.clock import Clock
from simulators.conveyor import CellState, ConveyorCell, cell_json
from simulators.live_line import LineServer
from simulators.live_osip import SorterTelegrams
from simulators.live_registers import SorterRegisters
from simulators.live_sorter import Door, SorterCalls, SorterServer
from simulators.sorter import Confirmation, Delivered, ReplyResult, SorterConfig

OnLane = Callable[[str, str], None]
_T = TypeVar("_T")
_BEAT_S = 0.5
_KEPT_LATENCIES = 10_000
_NO_WCS = "no WCS"
_SORTER_KEYS = frozenset(SorterConfig.__dataclass_fields__)


@dataclass(frozen=True, slots=True, kw_only=True)
class CellConfig:
    """Where one conveyor and its sorter are served, and how they are built."""

    conveyor: str
    conveyor_address: tuple[str, int]
    travel_s: float
    sorter: str
    sorter_address: tuple[str, int]
    sorter_config: SorterConfig
    sorter_driver: str = "opcua"
    watchdog_s: float = 1.5


def read_site(
    site: Mapping[str, Any], conveyor: str, *, port_offset: int = 0, seed: int = 0
) -> CellConfig:
    """The cell of that conveyor. A port of 0 in the site file stays 0: any free one.

    How the sorter is built (`SorterConfig`, `watchdog_s`) stands in its `[[devices]]` row, which
    the WCS does not read; lanes, hospital and `laps_max` in `[[sorters]]`, which it does.
    """
    belt = next(row for row in site["conveyors"] if row["device"] == conveyor)
    devices = {row["name"]: row for row in site["devices"]}
    of_wcs = next(row for row in site["sorters"] if row["device"] == belt["to"])
    sorter = {**devices[belt["to"]], **of_wcs}
    addresses = {
        name: (row.get("host", "127.0.0.1"), row["port"] + (port_offset if row["port"] else 0))
        for name, row in devices.items()
        if name in {conveyor, belt["to"]}
    }
    built = {key: value for key, value in sorter.items() if key in _SORTER_KEYS}
    built["lanes"] = tuple(sorter["lanes"])
    return CellConfig(
        conveyor=conveyor,
        conveyor_address=addresses[conveyor],
        travel_s=belt["seconds"],
        sorter=belt["to"],
        sorter_address=addresses[belt["to"]],
        sorter_config=SorterConfig(**{"seed": seed, **built}),
        sorter_driver=sorter.get("driver", "opcua"),
        watchdog_s=sorter.get("watchdog_s", 1.5),
    )


class SorterPlc(Protocol):
    """A sorter's PLC as its protocol's server; see live_sorter, live_registers, live_osip."""

    @property
    def port(self) -> int:
        """The port that it listens on."""
        ...

    async def prepare(self, lanes: tuple[str, ...]) -> None:
        """Before anything is shown."""
        ...

    async def publish(self, state: Callable[[], CellState], beat: int) -> None:
        """Show the state as it is now; it has been written down."""
        ...

    async def start(self) -> None:
        """Listen."""
        ...

    async def stop(self) -> None:
        """Close every connection."""
        ...


class LiveConveyor:
    """One conveyor that ends on a sorter, served over their real protocols."""

    def __init__(
        self,
        config: CellConfig,
        *,
        clock: Clock,
        state_dir: Path,
        on_lane: OnLane,
        door: Door | None = None,
    ) -> None:
        self.config = config
        self.latencies_s: deque[float] = deque(maxlen=_KEPT_LATENCIES)  # scan to reply, real
        self._clock = clock
        self._on_lane = on_lane
        self._memory = _Memory(state_dir / f"conveyor-{config.conveyor}.db")
        fresh = CellState(stream=token_hex(8), seen_at=clock.now())
        state = self._memory.load() or fresh
        self.cell = ConveyorCell(config.travel_s, config.sorter_config, state)
        calls = SorterCalls(divert=self._divert, acknowledge=self._acknowledge, alive=self._alive)
        self._sorter = self._plc(config, calls, door)
        self._line = LineServer(config.conveyor_address, lambda: self._shown().line, self._command)
        self._changed = asyncio.Event()
        self._asked: dict[int, float] = {}
        self._wcs_seen_at = float("-inf")
        self._beat = 0
        self._running: asyncio.Task[None] | None = None
        self._failure: Exception | None = None

    @classmethod
    def from_site(
        cls,
        site: Mapping[str, Any],
        conveyor: str,
        *,
        clock: Clock,
        state_dir: Path,
        on_lane: OnLane,
        port_offset: int = 0,
    ) -> Self:
        """The conveyor of that name in a site file, with the sorter that it leads to."""
        config = read_site(site, conveyor, port_offset=port_offset)
        return cls(config, clock=clock, state_dir=state_dir, on_lane=on_lane)

    @staticmethod
    def _plc(config: CellConfig, calls: SorterCalls, door: Door | None) -> SorterPlc:
        built = config.sorter_config
        if config.sorter_driver == "modbus":
            lanes = (*built.lanes, built.hospital)
            return SorterRegisters(config.sorter_address, lanes, calls)
        if config.sorter_driver == "osip":
            return SorterTelegrams(config.sorter_address, calls)
        return SorterServer(config.sorter, config.sorter_address, calls, door)

    @property
    def modbus_port(self) -> int:
        """Where the conveyor listens."""
        return self._line.port

    @property
    def sorter_port(self) -> int:
        """Where the sorter listens."""
        return self._sorter.port

    async def put(self, code: str) -> bool:
        """Lay a labelled carton on the conveyor; False if it is somewhere here already."""
        return self._change(lambda: self.cell.put(code))

    async def take_from_lane(self, lane: str, code: str) -> bool:
        """Take a carton out of a lane; False if it is not (or no longer) there."""
        return self._change(lambda: self.cell.take_from_lane(lane, code))

    async def relabel(self, code: str) -> bool:
        """Take a carton out of the hospital and lay it on the conveyor with a new label."""
        hospital = self.config.sorter_config.hospital

        def relabel() -> bool:
            return self.cell.take_from_lane(hospital, code) and self.cell.put(code)

        return self._change(relabel)

    async def find_lost(self, code: str) -> bool:
        """Pick a carton up that fell off, and lay it on the conveyor; False if it is not there."""
        return self._change(lambda: self.cell.sorter.find(code) and self.cell.put(code))

    async def clear_jam(self) -> None:
        """Free the carton that is stuck on the sorter."""
        self._change(lambda: self.cell.sorter.clear_jam(self._clock.now()))

    def lane(self, lane: str) -> tuple[str, ...]:
        """The cartons that lie in a lane, in the order in which they came."""
        return tuple(self.cell.sorter.state.lanes[lane])

    def set_fault(self, *, fault: bool) -> None:
        """Jam the conveyor, or clear the jam."""

        def jam() -> None:
            self.cell.line.state.fault = fault

        self._change(jam)

    async def __aenter__(self) -> Self:
        """Go on where the last run stopped, and listen."""
        self.cell.wake(self._clock.now())
        self._change(self._watch)
        lanes = tuple(self.cell.sorter.state.lanes)
        for lane in lanes:
            for code in self.lane(lane):
                self._on_lane(lane, code)
        await self._sorter.prepare(lanes)
        await self._sorter.publish(self._shown, self._beat)
        await self._sorter.start()
        await self._line.start()
        self._running = asyncio.create_task(self._run(), name=f"conveyor {self.config.conveyor}")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop listening. A kill does no harm either."""
        assert self._running is not None
        self._running.cancel()
        await asyncio.gather(self._running, return_exceptions=True)
        await self._line.stop()
        await self._sorter.stop()
        self._memory.close()

    async def run(self) -> None:
        """Serve until cancelled."""
        async with self:
            assert self._running is not None
            await self._running

    def _change(self, act: Callable[[], _T]) -> _T:
        """Act, let follow what follows, write down, then tell: in one go, nobody in between."""
        state = self._shown()
        result = act()
        said = self.cell.step(self._clock.now())
        try:
            self._memory.save(state)
        except sqlite3.Error as error:
            self._failure = error
            raise
        for one in said:
            if isinstance(one, Delivered):
                self._on_lane(one.lane, one.code)
            elif isinstance(one, Confirmation) and one.kind == "SCANNED":
                self._asked[one.tracking] = time.monotonic()
        self._changed.set()
        return result

    def _shown(self) -> CellState:
        """The state, unless it could not be written down: then nothing works any more."""
        if self._failure is not None:
            raise RuntimeError("the conveyor has lost its memory") from self._failure
        return self.cell.state

    async def _run(self) -> None:
        while True:
            self._beat = int(time.monotonic() / _BEAT_S) & 0xFFFFFFFF
            await self._sorter.publish(self._shown, self._beat)
            try:
                async with asyncio.timeout(self._idle_s()):
                    await self._changed.wait()
            except TimeoutError:
                self._change(self._watch)
            self._changed.clear()

    def _idle_s(self) -> float:
        at = self.cell.next_event_at()
        if at is None:
            return _BEAT_S
        due_s = (at - self._clock.now()).total_seconds()
        return min(_BEAT_S, max(0.0, self._clock.real_s(due_s)))

    def _watch(self) -> None:
        silent_s = time.monotonic() - self._wcs_seen_at
        if 0 < self.config.watchdog_s < silent_s:
            self.cell.sorter.suspend(_NO_WCS, self._clock.now())

    def _alive(self) -> None:
        self._wcs_seen_at = time.monotonic()
        if _NO_WCS in self.cell.sorter.state.held_by:
            self._change(lambda: self.cell.sorter.resume(_NO_WCS, self._clock.now()))

    def _acknowledge(self, sequence: int) -> None:
        self._change(lambda: self.cell.sorter.acknowledge(sequence, self._clock.now()))

    def _divert(self, tracking: int, lane: str) -> int:
        now = self._clock.now()
        result = self._change(lambda: self.cell.sorter.reply(tracking, lane, now))
        if result is ReplyResult.ACCEPTED and tracking in self._asked:
            self.latencies_s.append(time.monotonic() - self._asked.pop(tracking))
        return int(result)

    def _command(self, task: int, tracking: int) -> None:
        self._change(lambda: self.cell.line.command(task, tracking, self._clock.now()))


class _Memory:
    """One row of JSON. A commit outlives a kill of the process at any moment."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS cell (id INTEGER PRIMARY KEY CHECK (id = 1), state BLOB)"
        )

    def load(self) -> CellState | None:
        row = self._database.execute("SELECT state FROM cell").fetchone()
        return cell_json.validate_json(row[0]) if row else None

    def save(self, state: CellState) -> None:
        body = cell_json.dump_json(state)
        self._database.execute("INSERT OR REPLACE INTO cell VALUES (1, ?)", (body,))

    def close(self) -> None:
        self._database.close()
