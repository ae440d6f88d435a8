"""The edge's fault drill: a day without the core and everything that falls, and no event is lost.

    devices ──> edge ──> broker ~~ bad line ~~ broker ──> WCS ──> the WMS's end
    count       spool              loses,                 journal  inbox on PostgreSQL
    what they   (killed,           doubles,               (killed) (killed, its connections
    say         torn)              mixes up                        cut)

First the core is away for more than a virtual day, and the edge falls again and again, each time
leaving a torn record behind its spool. Then the core comes, and both brokers, the WCS, the edge
and the WMS's end are killed in turn, its database cuts it off, devices begin to count from 1
again, and the edge's clock is two hours behind. In the end every event has had its effect once, in
the order of its device, with the right time.
"""

import asyncio
import os
import signal
import struct
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest

from edge.broker import broker_child, find_program, url_of
from edge.clock import ScaledClock
from edge.dead import read_letters
from edge.mqtt import PahoBus
from edge.ports import free_port
from edge.process import Child, Keeper
from edge.spool import Spool
from tests.edge.waiting import soon
from tests.faults.drill_world import BadLine, Books, Device, tear
from tests.night import by_night
from wcs.replay import replay

REPOSITORY = Path(__file__).parents[2]
START = datetime(2026, 11, 27, 0, 0, tzinfo=UTC)
CODE = "DRILL"
SITE = f"""
[site]
code = "{CODE}"
[[points]]
name = "a"
x_m = 0.0
y_m = 0.0
[[points]]
name = "b"
x_m = 4.0
y_m = 0.0
[[paths]]
from = "a"
to = "b"
two_way = true
"""
BEHIND = timedelta(hours=2)
ONLINE_SPEED = 60.0
RIGHT = timedelta(hours=1)  # of a time: pauses of the machine, at sixty or more times the speed
STEP_S = 0.05


class Size(NamedTuple):
    """How much of it."""

    events: int
    offline_s: float
    online_s: float
    falls: int  # more of the edge while the core is away


SMALL, WHOLE = Size(900, 1.0, 1.5, 0), Size(10_000, 30.0, 25.0, 6)


@dataclass
class Drill:
    """All the pieces, and how they are made to fall."""

    folder: Path
    clock: ScaledClock
    devices: list[Device]
    line: BadLine
    books: Books
    near: Child
    far: Child
    near_url: str
    far_url: str
    database_url: str
    edge: Process | None = None
    wcs: Process | None = None
    wms: Process | None = None
    torn: int = 0

    async def edge_up(self) -> None:
        """Start the edge."""
        devices = [f"{device.name}:{device.port}" for device in self.devices]
        program = str(Path(__file__).with_name("drill_edge.py"))
        self.edge = await self._start(
            "edge", program, str(self.folder), self.near_url, CODE, *devices
        )

    async def edge_falls(self) -> None:
        """Kill -9 while it writes, a torn record behind what it wrote; then it comes back."""
        assert self.edge is not None
        for device in self.devices:
            device.make(5)  # on their way, and not acknowledged
        self.edge.kill()
        await self.edge.wait()
        self.torn += tear(self.folder / "edge.db") > 0
        await self.edge_up()

    async def wcs_up(self) -> None:
        """Start the WCS."""
        (self.folder / "site.toml").write_text(SITE)
        program = "from wcs.commands import wcs; wcs()"
        self.wcs = await self._start(
            "wcs", "-c", program, "run", "--site", str(self.folder / "site.toml"),
            "--state-dir", str(self.folder), "--mqtt-url", self.far_url,
        )  # fmt: skip

    async def wcs_falls(self) -> None:
        """Kill -9 when it has done something; then it comes back."""
        assert self.wcs is not None
        await soon(self.books.count)
        self.wcs.kill()
        await self.wcs.wait()
        tear(self.folder / f"wcs-{CODE}.journal")
        await self.wcs_up()

    async def broker_falls(self, broker: Child) -> None:
        """Kill -9; its keeper starts it again."""
        assert broker.pid is not None
        os.kill(broker.pid, signal.SIGKILL)

    async def near_falls(self) -> None:
        """The broker at the edge."""
        await self.broker_falls(self.near)

    async def far_falls(self) -> None:
        """The broker of the core."""
        await self.broker_falls(self.far)

    async def wms_up(self) -> None:
        """Start the WMS's end."""
        program = str(Path(__file__).with_name("drill_wms.py"))
        where = (str(self.folder), self.database_url, self.far_url, CODE)
        self.wms = await self._start("wms", program, *where)
        is_up = (self.folder / "wms.pid").exists
        await soon(lambda: is_up() or self._ended(self.wms), within_s=120)
        assert is_up(), (self.folder / "wms.log").read_text()

    async def wms_falls(self) -> None:
        """Kill -9 in the middle of its work; another one goes on from what was committed."""
        done = self.books.count()
        await soon(lambda: self.books.count() > done)
        os.kill(int((self.folder / "wms.pid").read_text()), signal.SIGKILL)

    async def devices_reboot(self) -> None:
        """They count from 1 again."""
        for device in self.devices:
            device.reboot()

    async def clock_is_set(self) -> None:
        """Somebody sets the clock of the edge's machine two hours back."""
        (self.folder / "skew_s").write_bytes(struct.pack("<d", -BEHIND.total_seconds()))

    async def phase(self, events: int, seconds: float, faults: Sequence[Awaitable[None]]) -> None:
        """Say so many things in that time, and let one fall after the other."""
        steps = max(int(seconds / STEP_S), len(faults) + 1)
        share, done = events // steps // len(self.devices) + 1, 0
        at_step = {(n + 1) * steps // (len(faults) + 1): fault for n, fault in enumerate(faults)}
        for step in range(steps):
            for device in self.devices:
                some = min(share, events - done)
                if some > 0:
                    device.make(some)
                    done += some
            if step in at_step:
                await at_step[step]
            await asyncio.sleep(STEP_S)

    async def stop(self) -> None:
        """Stop edge, WCS and WMS."""
        for process in (self.edge, self.wcs, self.wms):
            if process is not None and process.returncode is None:
                process.terminate()
                await process.wait()

    def _ended(self, process: Process | None) -> bool:
        return process is not None and process.returncode is not None

    async def _start(self, name: str, *argv: str) -> Process:
        environment = {
            **os.environ, "SOKO_CLOCK": str(self.folder / "clock"), "PYTHONPATH": str(REPOSITORY)
        }  # fmt: skip
        with (self.folder / f"{name}.log").open("ab") as log:
            return await asyncio.create_subprocess_exec(
                sys.executable, *argv, env=environment, stdout=log, stderr=log
            )


@asynccontextmanager
async def a_drill(folder: Path, database_url: str, seed: int) -> AsyncIterator[Drill]:
    """Everything but edge, WCS and WMS runs; the line is down."""
    clock = ScaledClock.start(folder / "clock", at=START, speed=1.0)
    (folder / "skew_s").write_bytes(struct.pack("<d", 0.0))
    async with AsyncExitStack() as stack:
        brokers: list[Child] = []
        urls: list[str] = []
        for kind in ("nats", "mosquitto" if find_program("mosquitto") else "nats"):
            port = free_port()
            child = broker_child(folder / f"{kind}{port}", port=port, kind=kind)
            await stack.enter_async_context(Keeper(child, pause_s=lambda _failures: 0.05))
            brokers.append(child)
            urls.append(url_of(port))
        near = await stack.enter_async_context(PahoBus(urls[0], client_id="line-near"))
        far = await stack.enter_async_context(PahoBus(urls[1], client_id="line-far"))
        line = BadLine(near, far, CODE, Random(seed))
        line.up = False
        books = Books(database_url, CODE)
        stack.callback(books.close)
        devices = [Device(f"scale{n}", clock) for n in range(3)]
        for device in devices:
            await device.start()
            stack.push_async_callback(device.stop)
        drill = Drill(
            folder, clock, devices, line, books,
            near=brokers[0], far=brokers[1], near_url=urls[0], far_url=urls[1],
            database_url=database_url,
        )  # fmt: skip
        stack.push_async_callback(drill.stop)
        yield drill


def all_done(drill: Drill) -> bool:
    for process in (drill.edge, drill.wcs, drill.wms):
        assert process is not None
        assert process.returncode is None, "it has ended by itself: see its log"
    return drill.books.count() >= sum(len(device.made) for device in drill.devices)


async def until_done(drill: Drill) -> None:
    """Wait as long as it gets further."""
    far = -1
    while not all_done(drill):
        try:
            await soon(partial(_further, drill, far), within_s=60)
        except TimeoutError:
            made = sum(len(device.made) for device in drill.devices)
            pytest.fail(f"{far} of {made} had their effect, and no more came")
        far = drill.books.count()
        await asyncio.sleep(0.2)


def _further(drill: Drill, than: int) -> bool:
    return drill.books.count() > than


@pytest.mark.timeout(900)
@pytest.mark.parametrize("size", [SMALL, by_night(WHOLE)], ids=lambda size: str(size.events))
async def test_every_event_has_its_effect_once_in_order_at_the_right_time(
    tmp_path: Path, database_url: str, size: Size
):
    async with a_drill(tmp_path, database_url, seed=size.events) as drill:
        await drill.edge_up()
        await drill.wms_up()
        await soon(lambda: all(device.connected for device in drill.devices))
        drill.clock.set_speed(25 * 3600 / size.offline_s)
        acts: list[Callable[[], Awaitable[None]]] = [
            act
            for _ in range(size.falls)
            for act in (drill.near_falls, drill.edge_falls, drill.devices_reboot)
        ]
        acts += [drill.near_falls, drill.devices_reboot, drill.clock_is_set]
        offline = [act() for act in acts]
        await drill.phase(size.events * 2 // 3, size.offline_s, offline)
        assert drill.clock.now() - START > timedelta(days=1), "the core has been away for a day"
        drill.clock.set_speed(ONLINE_SPEED)
        await drill.wcs_up()
        drill.line.up = True
        online = [
            drill.near_falls(), drill.edge_falls(), drill.wcs_falls(), drill.wms_falls(),
            drill.far_falls(), drill.books.cut(), drill.devices_reboot(),
        ]  # fmt: skip
        await drill.phase(size.events // 3, size.online_s, online)
        await until_done(drill)

        proven(drill, size)


def proven(drill: Drill, size: Size) -> None:
    """Look at what has come of it."""
    assert sum(len(device.made) for device in drill.devices) >= size.events
    assert drill.line.counts.total()
    assert not size.falls or all(drill.line.counts[fault] for fault in ("lost", "twice", "late"))
    assert all(device.said_again for device in drill.devices)
    assert drill.torn > size.falls
    effects = drill.books.effects()
    now = drill.clock.now()
    for device in drill.devices:
        done = effects[device.name]
        assert [grams for grams, _ in done] == list(range(1, len(device.made) + 1))
        for (_, at), made in zip(done, device.made, strict=True):
            assert made - RIGHT <= at <= now + RIGHT
        runs = [at for _, at in done]
        assert all(after - before > -RIGHT for before, after in pairwise(runs))
    assert not {"message.malformed", "message.refused"} & set(drill.books.exceptions())
    journal = drill.folder / f"wcs-{CODE}.journal"
    assert read_letters(journal) == []
    assert replay(journal).difference is None


def test_a_torn_record_is_no_record_and_the_whole_ones_stay(tmp_path: Path):
    path = tmp_path / "s.db"
    spool = Spool(path)
    for n in range(5):
        spool.append([b"%d" % n])
    fallen = path.with_name("fallen.db")  # as a power cut leaves it: nobody has closed the file
    fallen.write_bytes(path.read_bytes())
    fallen.with_name("fallen.db-wal").write_bytes(path.with_name("s.db-wal").read_bytes())
    spool.close()
    assert tear(fallen) > 0
    with Spool(fallen) as again:
        assert again.read(range(1, again.last + 1)) == [b"%d" % n for n in range(5)]
        assert again.append([b"more"]) == 6
