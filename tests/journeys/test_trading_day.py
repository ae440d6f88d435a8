"""A trading day through everything, while one process after the other is killed (by night).

The whole demo runs as its users run it: `soko demo` with an order file, on ports of its own. In
mid-day every process is killed once with -9. The day must still end: every line in exactly one
final state, every parcel seen by sorter and gate, every truck received and put away, the stock
proven, nothing left running.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import httpx2
import psutil
import pytest

from edge.clock import ScaledClock
from edge.ports import free_port
from simulators.demo import HTTP_PORT
from simulators.equipment import COUNTED
from simulators.order_file import COLUMNS
from simulators.trucks import SUPPLIERS

ORDERS, MINUTES, SKUS = 24, 45, 60
KILLED = ("worker", "wcs", "edge", "sim", "broker", "postgres", "serve")
DAY_WITHIN_S = 420


def order_file(folder: Path, orders: int, minutes: int) -> Path:
    """A morning of orders, with a return, a service and a line that nobody can fill."""
    draw = random.Random(5)
    rows = [",".join(COLUMNS)]
    for number in range(orders):
        minute = number * minutes // orders
        moment = f"11/27/2026 9:{minute:02d}"
        for _ in range(draw.choice((1, 1, 2, 3, 8))):
            sku = 10_000 + draw.randrange(SKUS)
            rows.append(f"{5000 + number},{sku},THING {sku},{draw.randint(1, 8)},{moment},2.5,7,UK")
    rows.append("C6000,10001,THING 10001,-2,11/27/2026 9:10,2.5,7,UK")
    rows.append("5003,POST,POSTAGE,1,11/27/2026 9:10,18,7,UK")
    rows.append("6001,10002,THING 10002,900000,11/27/2026 9:12,2.5,7,UK")
    file = folder / "morning.csv"
    file.write_text("\n".join(rows) + "\n")
    return file


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    """A folder for the demo's state, from which nothing runs in the end."""
    yield tmp_path / "state"
    assert running_in(tmp_path) == []


def running_in(folder: Path) -> list[int]:
    return [
        process.pid
        for process in psutil.process_iter(["cmdline"])
        if any(str(folder) in word for word in process.info["cmdline"] or [])
    ]


def pid_of(name: str, state: Path) -> int:
    """The process behind a name; PostgreSQL's is the server itself, not who keeps it."""
    (day,) = state.glob("*/day")
    if name == "postgres":
        keeper = psutil.Process(pid_of("database", state))
        below = [p for p in keeper.children(recursive=True) if "-D" in p.cmdline()]
        return min(below, key=lambda p: p.create_time()).pid
    return int(json.loads((day / f"{name}.pid").read_text())["child"]["pid"])


def summary_at(offset: int) -> dict[str, int]:
    try:
        url = f"http://127.0.0.1:{HTTP_PORT + offset}/console/v1/summary"
        answer = httpx2.get(url, timeout=5)
        return dict(answer.json()) if answer.status_code == 200 else {}
    except (httpx2.HTTPError, ValueError):
        return {}


def served_time(offset: int) -> datetime:
    """What time it is for the WMS."""
    url = f"http://127.0.0.1:{HTTP_PORT + offset}/console/v1/clock"
    return datetime.fromisoformat(httpx2.get(url, timeout=20).json()["now"])


def wait_until(demo: subprocess.Popen[bytes], offset: int, missions: int) -> None:
    """Until robots have done that many missions, or the day has ended."""
    until = time.monotonic() + DAY_WITHIN_S
    while summary_at(offset).get("robot_missions", 0) < missions:
        assert time.monotonic() < until, "the day does not go on"
        try:
            demo.wait(0.5)
        except subprocess.TimeoutExpired:
            continue
        return


@pytest.mark.nightly
@pytest.mark.timeout(DAY_WITHIN_S + 60)
def test_a_day_in_which_everything_is_killed_once_ends_rightly(state: Path, tmp_path: Path):
    file = order_file(tmp_path, ORDERS, MINUTES)
    offset = 100 + free_port() % 8000  # ours all lie below those that the system hands out
    command = [
        sys.executable, "-m", "wms.cli", "demo", "--orders", str(file), "--exit", "--json",
        "--speed", "60", "--port-offset", str(offset),
    ]  # fmt: skip
    environment = {**os.environ, "SOKO_STATE_DIR": str(state)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as demo:
        for number, name in enumerate(KILLED):
            wait_until(demo, offset, 2 + 4 * number)
            assert demo.poll() is None, f"the day ended before {name} was killed"
            os.kill(pid_of(name, state), 9)
        out, _ = demo.communicate(timeout=DAY_WITHIN_S)
    facts = json.loads(out.splitlines()[-1])

    assert demo.returncode == 0, facts
    assert facts["verify"] == "clean"
    lines = file.read_text().count("\n") - 1
    ends = [facts[f"lines_{end}"] for end in ("shipped", "backordered", "cancelled")]
    assert facts["lines"] == lines == sum(ends) + facts["lines_returned"] + facts["lines_service"]
    assert (facts["lines_returned"], facts["lines_service"]) == (1, 1)
    assert facts["lines_backordered"] >= 1, "900,000 units are nowhere"
    assert facts["gate_passages"] == facts["parcels"] > 0
    assert facts["robot_missions"] >= 2 + 4 * (len(KILLED) - 1)
    assert facts["deliveries"] == len(SUPPLIERS)
    assert facts["receipts"] == facts["putaways"] == 6 * len(SUPPLIERS), "loose or in a unit"
    assert facts["counts"] >= len(COUNTED)
    assert facts["labels"] >= facts["parcels_weighed"] > 0


@pytest.mark.timeout(180)
def test_the_demo_begins_works_and_leaves_nothing_behind(state: Path, tmp_path: Path):
    """Robots bring totes; all go by one clock, the worker last; Ctrl-C ends it, none is left."""
    file = order_file(tmp_path, 4, 4)
    offset = 100 + free_port() % 8000
    command = [
        sys.executable, "-m", "wms.cli", "demo", "--orders", str(file), "--speed", "90",
        "--port-offset", str(offset),
    ]  # fmt: skip
    environment = {**os.environ, "SOKO_STATE_DIR": str(state)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as demo:
        wait_until(demo, offset, 1)
        assert demo.poll() is None, "it ended by itself"
        (clock_file,) = state.glob("*/day/clock")
        clock = ScaledClock(clock_file)
        before, said, after = clock.now(), served_time(offset), clock.now()
        assert before <= said <= after
        nice = {name: psutil.Process(pid_of(name, state)).nice() for name in ("serve", "worker")}
        assert nice["worker"] > nice["serve"], "people wait for the one, nobody for the other"
        demo.send_signal(signal.SIGINT)
        demo.communicate(timeout=60)
