"""What the tests of the screens share: a server on a free port, the stage's hand, what to skip."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from socket import create_connection, socket
from typing import Any, Protocol, TypeAlias

import httpx2
import pytest
from playwright.sync_api import Page

from tests import debian
from wms.work.packet import Packet, packet_json

ROOT = Path(__file__).parents[2]
SHOTS = ROOT / "tests/screenshots"
CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
START_S = 90.0
# One look by day; the other three by night.
LOOKS = [
    (420, "dark"),
    pytest.param(1280, "light", marks=pytest.mark.nightly),
    pytest.param(420, "light", marks=pytest.mark.nightly),
    pytest.param(1280, "dark", marks=pytest.mark.nightly),
]


def needs(path: Path | str, *packages: str) -> None:
    """Skip without that file, with the command to type; fail where nothing may be skipped."""
    if Path(path).exists():
        return
    reason = f"{path} is missing; type: {debian.command(packages)}"
    if os.environ.get("SOKO_TEST_SKIP") == "never":
        pytest.fail(reason)
    pytest.skip(reason)


def free_port() -> int:
    """A port that nobody listens on."""
    with closing(socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(command: list[str], port: int, **settings: str) -> Iterator[str]:
    """A Python process that serves HTTP on that port; its address."""
    environment = {**os.environ, **settings}
    child = subprocess.Popen([sys.executable, *command], cwd=ROOT, env=environment)
    try:
        _wait_until_it_listens(port, child)
        yield f"http://127.0.0.1:{port}"
    finally:
        child.terminate()
        child.wait(15)


@contextmanager
def staging() -> Iterator[str]:
    """The stage on a free port; its address."""
    port = free_port()
    command = ["-m", "granian", "--interface", "asgi", "--host", "127.0.0.1", "--port", str(port)]
    with running([*command, "--no-log", "tests.web.stage:app"], port) as address:
        yield address


@contextmanager
def soko_serve(
    database_url: str, mqtt_url: str, clock: Path, *, port: int = 0, **more: str
) -> Iterator[str]:
    """The real `soko serve`, with the demo's plant; its address."""
    port = port or free_port()
    with running(
        ["-m", "wms.cli", "serve"],
        port,
        SOKO_DATABASE_URL=database_url,
        SOKO_MQTT_URL=mqtt_url,
        SOKO_CLOCK=str(clock),
        SOKO_HTTP=f"http://127.0.0.1:{port}",
        SOKO_SITE_FILE=str(ROOT / "simulators/sites/tokyo.toml"),
        SOKO_LOG_LEVEL="WARNING",
        **more,
    ) as address:
        yield address


def _wait_until_it_listens(port: int, child: subprocess.Popen[bytes]) -> None:
    deadline_s = time.monotonic() + START_S
    while True:
        try:
            create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert child.poll() is None, "the server has ended"
            assert time.monotonic() < deadline_s, "the server does not listen"
        else:
            return


class Opener(Protocol):
    """Open an address in a fresh browser profile."""

    def __call__(
        self, url: str, *, width: int = 1440, height: int = 810, touch: bool = False
    ) -> Page:
        """The page."""


Snapper: TypeAlias = Callable[[Page, str], None]


class StageHand:
    """The stage's address, and what can be told to it."""

    def __init__(self, address: str) -> None:
        self.address = address

    def tell(self, deed: str) -> None:
        """Pause, resume or reset."""
        httpx2.post(f"{self.address}/stage/{deed}").raise_for_status()

    def hand_in(self, packet: Packet) -> None:
        """The next work is this packet."""
        told = httpx2.post(f"{self.address}/stage/packets", content=packet_json.dump_json(packet))
        told.raise_for_status()

    def get(self, path: str) -> Any:
        """The JSON of a path; None when there is none."""
        answer = httpx2.get(f"{self.address}{path}").raise_for_status()
        return answer.json() if answer.content else None
