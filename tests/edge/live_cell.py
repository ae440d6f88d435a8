"""A conveyor cell behind its real servers, and somebody who listens to drivers."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from typing_extensions import override

from edge.clock import Clock, SystemClock, counted
from edge.drivers import DeviceUnavailable, Driver, modbus, opcua, osip
from edge.drivers.around import Around
from edge.messages import (
    CartonArrived,
    CartonScanned,
    CartonSorted,
    DeviceEvent,
    Divert,
    ReleaseCarton,
    RobotReport,
)
from edge.mqtt import PahoBus
from edge.spool import Spool
from edge.uplink import Uplink
from simulators.live_conveyor import LiveConveyor

CLOCK = SystemClock()
SORTER_TAGS = {
    "opcua": ("Acknowledged", "WcsHeartbeat", "Divert"),
    "modbus": ("window", "divert"),
    "osip": ("RES_", "TIMS", "ERR_"),
}


def a_site(modbus_port: int = 0, opcua_port: int = 0, **sorter: Any) -> dict[str, Any]:
    """A quick cell of two lanes, in which nothing errs by chance."""
    quick = {
        "decision_window_s": 1.0,
        "induct_s": 0.05,
        "lap_s": 0.1,
        "lane_s": 0.05,
        "no_read": 0.0,
        "multi_read": 0.0,
        "bad_label": 0.0,
        "missed_divert": 0.0,
    }
    driver = sorter.get("driver", "opcua")
    open_door = {"security": "None", "insecure": True, "writes": [*SORTER_TAGS[driver]]}
    sorter = {"name": "sorter1", "driver": driver, "port": opcua_port} | open_door | quick | sorter
    return {
        "conveyors": [{"device": "cv1", "point": "INDUCT", "to": "sorter1", "seconds": 0.05}],
        "sorters": [{"device": "sorter1", "lanes": ["L1", "L2"], "hospital": "HOSP"}],
        "devices": [
            {"name": "cv1", "driver": "modbus", "port": modbus_port, "writes": ["command"]},
            sorter,
        ],
    }


@asynccontextmanager
async def a_cell(
    state_dir: Path, site: dict[str, Any] | None = None
) -> AsyncIterator[tuple[LiveConveyor, dict[str, Any]]]:
    """The cell, and a site file in which its ports stand."""
    lanes: list[tuple[str, str]] = []
    site = site or a_site()
    live = LiveConveyor.from_site(
        site, "cv1", clock=CLOCK, state_dir=state_dir, on_lane=lambda *one: lanes.append(one)
    )
    async with live:
        rows = {row["name"]: row for row in site["devices"]}
        rows["cv1"]["port"], rows["sorter1"]["port"] = live.modbus_port, live.sorter_port
        yield live, site


def a_driver(
    site: dict[str, Any], name: str, clock: Clock = CLOCK, *, folder: Path | None = None
) -> Any:
    """The driver of that device, made as the agent makes it, keeping what it keeps in `folder`."""
    if folder is None:
        folder = Path(mkdtemp(prefix="soko-driver-"))
    row = next(row for row in site["devices"] if row["name"] == name)
    make = {"opcua": opcua.make, "modbus": modbus.make, "osip": osip.make}[row["driver"]]
    return make(row, Around(clock=clock, site=site, state_dir=folder))


async def until(condition: Callable[[], object], within_s: float = 20.0) -> None:
    """Wait until it is so."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "it never came about"
        await asyncio.sleep(0.005)


class Wcs:
    """Hears everything and, when asked to, answers: the lane is the barcode's first letters."""

    def __init__(self, *drivers: Driver, answers: bool = True) -> None:
        self.heard: list[DeviceEvent] = []
        self._drivers = {driver.name: driver for driver in drivers}
        self._answers = answers
        self._tasks: set[asyncio.Task[None]] = set()

    def say(self, event: DeviceEvent | RobotReport) -> None:
        assert not isinstance(event, RobotReport)
        self.heard.append(event)
        if not self._answers:
            return
        soon = CLOCK.now() + timedelta(seconds=5)
        if isinstance(event, CartonArrived):
            release = ReleaseCarton(
                device=event.device, point=event.point, tracking=event.tracking, expires_at=soon
            )
            self._start(self._drivers[event.device].tell(release))
        elif isinstance(event, CartonScanned) and event.barcode is not None:
            lane = event.barcode.partition("-")[0]
            divert = Divert(
                device=event.device, tracking=event.tracking, lane=lane, expires_at=soon
            )
            self._start(self._drivers[event.device].tell(divert))

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.heard if isinstance(event, kind)]

    def _start(self, telling: Any) -> None:
        task = asyncio.create_task(_quietly(telling))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class Spooling(Wcs):
    """A Wcs, and the edge's own disk: what is said is written down as the agent does it."""

    def __init__(self, driver: Any, spool: Spool) -> None:
        super().__init__(driver)
        self.spool = spool
        nobody = PahoBus("mqtt://127.0.0.1:1", client_id="spooling")  # the WCS is away
        self.uplink = Uplink(nobody, spool, site="T", clock=counted(CLOCK))
        driver.spooled = self.uplink.flush

    @override
    def say(self, event: DeviceEvent | RobotReport) -> None:
        self.uplink.say(event)
        super().say(event)

    def written(self) -> list[dict[str, Any]]:
        """The cartons on disk, in order."""
        bodies = self.spool.read(range(1, self.spool.last + 1))
        said = [json.loads(body) for body in bodies]
        return [each for each in said if each["type"].startswith("carton.")]


@asynccontextmanager
async def an_edge(site: dict[str, Any], folder: Path) -> AsyncIterator[Spooling]:
    """The sorter's driver with the spool of that folder; afterwards it is killed."""
    driver = a_driver(site, "sorter1")
    with Spool(folder / "edge.db") as spool:
        edge = Spooling(driver, spool)
        uplink = asyncio.create_task(edge.uplink.run())
        async with running(driver, edge):
            yield edge
        await edge.uplink.flush()
        uplink.cancel()
        await asyncio.gather(uplink, return_exceptions=True)


async def says_again(live: LiveConveyor, site: dict[str, Any], folder: Path) -> None:
    """An edge dies before it has acknowledged; the next hears everything again and writes none.

    What `writes` of the row names must leave out the acknowledgement.
    """
    for n in range(2):
        async with an_edge(site, folder) as edge:
            if n == 0:
                await live.put("L1-a")
                standing = live.cell.line.state.standing
                assert standing is not None
                live._command(live.cell.line.state.last_task + 1, standing.tracking)
            await until(lambda: len(edge.of(CartonSorted)) == 1)
            await edge.uplink.flush()
            assert len(edge.of(CartonScanned)) == 1, "the PLC shows what is not acknowledged"
            written = [(each["type"], each["sequence"]) for each in edge.written()]
            assert len(written) == 2, "it is written once"
            assert written[0][1] + 1 == written[1][1]
        assert live.cell.sorter.state.unacknowledged


async def _quietly(telling: Any) -> None:
    try:
        await telling
    except DeviceUnavailable:
        return  # the agent's log; what was meant is asked for again


@asynccontextmanager
async def running(driver: Driver, wcs: Wcs) -> AsyncIterator[None]:
    """The driver as the agent runs it: started again whenever its device was away."""

    async def again_and_again() -> None:
        while True:
            try:
                await driver.run(wcs.say)
            except DeviceUnavailable:
                await asyncio.sleep(0.05)

    task = asyncio.create_task(again_and_again())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
