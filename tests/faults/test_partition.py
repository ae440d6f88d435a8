"""A site is cut off from its core: the edge in a network namespace, its link down for 20 s.

    namespace of the site                 |            this machine
    devices ──> edge ── spool             |  mosquitto ──> WCS (soko wcs run) ──> the WMS's end
                  └──────── veth ─────────┼── veth ──┘                            on PostgreSQL

Nobody closes a socket: both ends only hear nothing more. Devices speak on all the while, and the
core goes on to say commands. Then the link is up again, and without any help all that was said has
its effect once, in the order of its device; no command that has come too late is obeyed.

By night only: it takes half a minute, root, and `ip`.
"""

import asyncio
import ctypes
import os
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import psutil
import pytest
from pydantic import TypeAdapter

from edge.broker import broker_child, find_program, url_of
from edge.clock import ScaledClock
from edge.messages import ReleaseCarton
from edge.mqtt import PahoBus, live_topic
from edge.ports import free_port
from tests.edge.waiting import soon
from tests.faults.drill_world import Books, Device
from tests.faults.test_edge_drill import CODE, REPOSITORY, SITE, START

DOWN_S = 20.0
THROUGH_S = 15.0  # from the link's return to the effect of the last that was said without it
STEP_S = 0.05
GOOD_FOR = timedelta(seconds=5)  # a command
_COMMAND = TypeAdapter(ReleaseCarton)


class Site:
    """A network namespace and the link to it."""

    def __init__(self) -> None:
        number = os.getpid()
        self.name = f"soko-site-{number}"
        self._near, self._far = f"sk{number}s", f"sk{number}c"
        net = f"198.18.{number % 256}"  # for tests of networks (RFC 2544): nobody's
        self.core, self._own = f"{net}.1", f"{net}.2"

    def make(self) -> None:
        """Make both, the link up. What a test left that was killed itself goes first."""
        for left in Path("/run/netns").glob("soko-site-*"):
            if not psutil.pid_exists(int(left.name.rpartition("-")[2])):
                ip("netns", "del", left.name)  # and with it both ends of its link
        ip("netns", "add", self.name)
        ip("link", "add", self._far, "type", "veth", "peer", "name", self._near)
        ip("link", "set", self._near, "netns", self.name)
        ip("addr", "add", f"{self.core}/30", "dev", self._far)
        ip("-n", self.name, "addr", "add", f"{self._own}/30", "dev", self._near)
        ip("-n", self.name, "link", "set", "lo", "up")
        ip("link", "set", self._far, "up")
        self.link("up")

    def link(self, state: str) -> None:
        """Pull the cable out of the site's machine, or put it back."""
        ip("-n", self.name, "link", "set", self._near, state)

    def remove(self) -> None:
        """Take away what is there of both."""
        for words in (("link", "del", self._far), ("netns", "del", self.name)):
            with suppress(subprocess.CalledProcessError):
                ip(*words)

    def listen(self) -> socket.socket:
        """What listens on a port of the site's own machine. A thread goes there to open it."""
        made: list[socket.socket] = []

        def there() -> None:
            with Path("/run/netns", self.name).open() as namespace:
                libc = ctypes.CDLL(None, use_errno=True)
                if libc.setns(namespace.fileno(), 0):
                    raise OSError(ctypes.get_errno(), "setns")
            made.append(socket.create_server(("127.0.0.1", 0)))

        thread = threading.Thread(target=there)
        thread.start()
        thread.join()
        return made[0]


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True, timeout=10)


@contextmanager
def a_site() -> Iterator[Site]:
    if shutil.which("ip") is None or find_program("mosquitto") is None:
        pytest.skip("no `ip` (iproute2), or no mosquitto on this machine")
    site = Site()
    try:
        try:
            site.make()
        except subprocess.CalledProcessError as error:
            pytest.skip(f"no network namespace can be made here: {error.stderr.strip()}")
        yield site
    finally:
        site.remove()


@dataclass
class Drill:
    """What runs on both sides."""

    folder: Path
    site: Site
    clock: ScaledClock
    core: PahoBus
    devices: list[Device]
    books: Books
    running: dict[str, Process]

    async def start(self, name: str, *argv: str, before: tuple[str, ...] = ()) -> None:
        """Start one of the processes."""
        environment = {
            **os.environ, "SOKO_CLOCK": str(self.folder / "clock"), "PYTHONPATH": str(REPOSITORY)
        }  # fmt: skip
        with (self.folder / f"{name}.log").open("ab") as log:
            self.running[name] = await asyncio.create_subprocess_exec(
                *before, sys.executable, *argv, env=environment, stdout=log, stderr=log
            )

    async def stop(self) -> None:
        """Stop all of them."""
        for process in self.running.values():
            if process.returncode is None:
                process.terminate()
                await process.wait()

    async def speak(self, seconds: float) -> None:
        """Each device says something at each step."""
        for _ in range(int(seconds / STEP_S)):
            for device in self.devices:
                device.make(1)
            await asyncio.sleep(STEP_S)

    def command(self, number: int) -> None:
        """The core lets a carton go, at each device, now."""
        for device in self.devices:
            command = ReleaseCarton(
                device=device.name, point="a", tracking=number,
                expires_at=self.clock.now() + GOOD_FOR,
            )  # fmt: skip
            self.core.publish(live_topic(CODE, "wcs"), _COMMAND.dump_json(command), qos=0)

    def said(self) -> int:
        """How much the devices have said."""
        return sum(len(device.made) for device in self.devices)

    def is_through(self, count: int) -> bool:
        """Whether so much has had its effect; fails if a process has ended."""
        ended = [name for name, each in self.running.items() if each.returncode is not None]
        assert not ended, (self.folder / f"{ended[0]}.log").read_text()[-2000:]
        return self.books.count() >= count


@asynccontextmanager
async def a_drill(folder: Path, database_url: str) -> AsyncIterator[Drill]:
    async with AsyncExitStack() as stack:
        site = stack.enter_context(a_site())
        clock = ScaledClock.start(folder / "clock", at=START, speed=1.0)
        (folder / "skew_s").write_bytes(struct.pack("<d", 0.0))
        (folder / "site.toml").write_text(SITE)
        port = free_port()
        broker = broker_child(folder, port=port, kind="mosquitto")
        with (folder / "mosquitto.conf").open("a") as settings:
            settings.write(f"listener {port} {site.core}\n")  # in this test alone
        stack.enter_context(broker)
        url = f"mqtt://{site.core}:{port}"
        core = await stack.enter_async_context(PahoBus(url_of(port), client_id="core"))
        books = Books(database_url, CODE)
        stack.callback(books.close)
        devices = [Device(f"scale{n}", clock) for n in range(3)]
        for device in devices:
            await device.start(site.listen())
            stack.push_async_callback(device.stop)
        drill = Drill(folder, site, clock, core, devices, books, {})
        stack.push_async_callback(drill.stop)
        here = Path(__file__).parent
        await drill.start("wms", str(here / "drill_wms.py"), str(folder), database_url, url, CODE)
        await drill.start(
            "wcs", "-c", "from wcs.commands import wcs; wcs()", "run",
            "--site", str(folder / "site.toml"), "--state-dir", str(folder), "--mqtt-url", url,
        )  # fmt: skip
        names = [f"{device.name}:{device.port}" for device in devices]
        argv = (str(here / "drill_edge.py"), str(folder), url, CODE, *names)
        await drill.start("edge", *argv, before=("ip", "netns", "exec", site.name))
        await core.until_connected()
        yield drill


@pytest.mark.nightly
@pytest.mark.timeout(300)
async def test_a_link_that_is_silent_for_20_s_loses_nothing_and_is_taken_up_again(
    tmp_path: Path, database_url: str
):
    async with a_drill(tmp_path, database_url) as drill:
        await soon(lambda: all(device.connected for device in drill.devices), within_s=60)
        await drill.speak(1.0)
        await soon(lambda: drill.is_through(drill.said()), within_s=120)
        drill.command(1)
        await soon(lambda: all(device.told == [1] for device in drill.devices))

        drill.site.link("down")
        await asyncio.sleep(0.5)  # what was under way has come
        before = drill.books.count()
        for number in range(2, 6):  # the core does not know that nobody hears it
            drill.command(number)
            await drill.speak(DOWN_S / 4)
        assert drill.books.count() == before, "the link was down"
        said = drill.said()
        assert said - before >= 900

        drill.site.link("up")
        began = time.monotonic()
        speaking = asyncio.create_task(drill.speak(3.0))
        await soon(lambda: drill.is_through(said), within_s=60)
        took_s = time.monotonic() - began
        await speaking
        await soon(lambda: drill.is_through(drill.said()))
        drill.command(6)
        await soon(lambda: all(6 in device.told for device in drill.devices))

        effects = drill.books.effects()
        for device in drill.devices:
            done = [grams for grams, _ in effects[device.name]]
            assert done == list(range(1, len(device.made) + 1)), "each once, in its order"
            assert not {2, 3, 4} & set(device.told), "it came too late, and was obeyed"
            assert device.told.count(1) == device.told.count(6) == 1
        assert not {"message.malformed", "message.refused"} & set(drill.books.exceptions())
        assert took_s < THROUGH_S, f"{said - before} said in {DOWN_S:g} s without a link"
