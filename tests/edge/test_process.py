"""Children do not outlive us: real processes, really killed."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from edge.process import Child, ChildFailed, Keeper
from tests.edge.waiting import eventually, soon

REPOSITORY = Path(__file__).parents[2]
FOREVER = (sys.executable, "-c", "import signal; print('up', flush=True); signal.pause()")
# deaf to polite requests, and with a child of its own
DEAF = """
import signal, subprocess, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print(subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"]).pid, flush=True)
signal.pause()
"""
OWNER = """
import signal, sys
from pathlib import Path
from edge.process import Child
child = Child(sys.argv[2:], name="child", folder=Path(sys.argv[1]), grace_s=0.5)
child.start()
print(child.pid, child._watchdog.pid, flush=True)
signal.pause()
"""


def gone(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def restarted(keeper: Keeper, times: int) -> Callable[[], bool]:
    return lambda: keeper.restarts == times


def start_owner(folder: Path, *argv: str) -> tuple["subprocess.Popen[bytes]", int, int]:
    """A process of its own with a child: the owner, the child's pid, the watchdog's pid."""
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(folder), *argv], stdout=subprocess.PIPE, cwd=REPOSITORY
    )
    assert owner.stdout is not None
    with owner.stdout:
        pid, watchdog = map(int, owner.stdout.readline().split())
    return owner, pid, watchdog


def test_a_child_runs_writes_its_log_and_stops(tmp_path: Path):
    with Child(FOREVER, name="c", folder=tmp_path) as child:
        assert child.pid is not None
        assert child.is_running()
        eventually(child.output)
        assert json.loads(child.pid_file.read_text())["child"]["pid"] == child.pid
    assert gone(child.pid)
    assert not child.is_running()
    assert child.poll() == 128 + signal.SIGTERM
    assert child.output() == "up"
    assert not child.pid_file.exists()
    with child:
        assert child.is_running(), "it can be started again"


def test_the_exit_status_and_the_environment_come_through(tmp_path: Path):
    code = "import os, sys; sys.exit(int(os.environ['STATUS']))"
    child = Child((sys.executable, "-c", code), name="c", folder=tmp_path, env={"STATUS": "7"})
    child.start()
    assert child.wait(10) == 7
    assert child.stop() == 7


def test_no_such_program(tmp_path: Path):
    child = Child(("no-such-program",), name="c", folder=tmp_path)
    with pytest.raises(ChildFailed, match=r"no-such-program: .*No such file"):
        child.start()
    assert not child.is_running()


def test_ready_waits_and_an_early_end_shows_the_log(tmp_path: Path):
    flag = tmp_path / "flag"
    ready = f"from pathlib import Path; import signal; Path({str(flag)!r}).touch(); signal.pause()"
    argv = (sys.executable, "-c", ready)
    with Child(argv, name="a", folder=tmp_path, ready=flag.exists):
        assert flag.exists()
    argv = (sys.executable, "-c", "raise SystemExit('bad settings')")
    child = Child(argv, name="b", folder=tmp_path, ready=lambda: False)
    with pytest.raises(ChildFailed, match=r"ended at once \(status 1\)\nbad settings"):
        child.start()
    child = Child(FOREVER, name="c", folder=tmp_path, ready=lambda: False, ready_within_s=0.3)
    with pytest.raises(ChildFailed, match=r"not ready after 0.3 s"):
        child.start()
    assert child.pid is not None
    assert gone(child.pid)


def test_a_deaf_child_and_its_children_are_killed_after_the_grace(tmp_path: Path):
    child = Child((sys.executable, "-c", DEAF), name="c", folder=tmp_path, grace_s=0.2)
    child.start()
    grandchild = int(eventually(child.output))
    assert child.stop() == 128 + signal.SIGKILL
    assert gone(grandchild)


def test_kill_9_of_us_stops_the_child(tmp_path: Path):
    owner, pid, watchdog = start_owner(tmp_path, *FOREVER)
    owner.kill()
    owner.wait()
    eventually(lambda: gone(pid) and gone(watchdog))


def test_kill_9_of_us_stops_even_a_deaf_child(tmp_path: Path):
    owner, pid, watchdog = start_owner(tmp_path, sys.executable, "-c", DEAF)
    grandchild = int(eventually((tmp_path / "child.log").read_text))
    owner.kill()
    owner.wait()
    eventually(lambda: gone(pid) and gone(watchdog) and gone(grandchild))


def test_ctrl_c_is_for_us_and_the_child_ends_with_us(tmp_path: Path):
    owner, pid, _ = start_owner(tmp_path, *FOREVER)
    owner.send_signal(signal.SIGTERM)
    owner.wait()
    eventually(lambda: gone(pid))


def test_kill_9_of_the_watchdog_is_noticed(tmp_path: Path):
    child = Child(FOREVER, name="c", folder=tmp_path)
    child.start()
    assert child._watchdog is not None
    child._watchdog.kill()
    assert child.wait(10) == 128 + signal.SIGKILL
    assert child.pid is not None
    assert gone(child.pid), "the orphan has been stopped"


def test_kill_9_of_both_is_put_right_at_the_next_start(tmp_path: Path):
    owner, pid, watchdog = start_owner(tmp_path, *FOREVER)
    os.kill(watchdog, signal.SIGSTOP)  # so that it cannot react to the end of its owner
    owner.kill()
    owner.wait()
    os.kill(watchdog, signal.SIGKILL)
    eventually(lambda: gone(watchdog))
    assert not gone(pid)
    with Child(FOREVER, name="child", folder=tmp_path) as child:
        assert gone(pid)
        assert child.is_running()


def test_a_pid_file_of_a_number_used_again_harms_nobody(tmp_path: Path):
    innocent = {"pid": os.getpid(), "created_s": 1.0}
    facts = {"child": innocent, "watchdog": innocent, "stop_signal": int(signal.SIGKILL)}
    (tmp_path / "c.pid").write_text(json.dumps(facts))
    with Child(FOREVER, name="c", folder=tmp_path) as child:
        assert child.is_running()


def test_one_owner_at_a_time(tmp_path: Path):
    with Child(FOREVER, name="c", folder=tmp_path) as first:
        second = Child(FOREVER, name="c", folder=tmp_path, grace_s=0.1)
        with pytest.raises(ChildFailed, match=f"already running as process {first.pid}"):
            second.start()
        assert first.is_running()


def test_a_keeper_starts_it_again(tmp_path: Path):
    ends: list[int | None] = []
    child = Child(FOREVER, name="c", folder=tmp_path)
    with Keeper(child, on_end=ends.append, pause_s=lambda _failures: 0.01) as keeper:
        for n in range(1, 3):
            assert child.pid is not None
            os.kill(child.pid, signal.SIGKILL)
            eventually(restarted(keeper, n))
        assert child.is_running()
    assert ends == [128 + signal.SIGKILL] * 2
    assert not child.is_running()


async def test_a_keeper_for_asyncio_stops_while_it_waits_to_try_again(tmp_path: Path):
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()

    def on_end(_code: int | None) -> None:
        loop.call_soon_threadsafe(ended.set)

    child = Child(FOREVER, name="c", folder=tmp_path)
    began = time.monotonic()
    async with Keeper(child, on_end=on_end, pause_s=lambda _failures: 60.0):
        assert child.pid is not None
        os.kill(child.pid, signal.SIGKILL)
        await ended.wait()
    assert time.monotonic() - began < 30
    await soon(lambda: not child.is_running())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may run a child as somebody else")
def test_a_child_can_run_as_somebody_else(tmp_path: Path):
    argv = ("sh", "-c", "id -u; id -g; id -G")
    child = Child(argv, name="c", folder=tmp_path, user=65534, group=65534)
    child.start()
    child.wait(10)
    assert child.output().split() == ["65534"] * 3


def test_a_long_log_is_set_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("edge.process.LOG_MAX_BYTES", 10)
    (tmp_path / "c.log").write_text("x" * 11)
    with Child(FOREVER, name="c", folder=tmp_path) as child:
        eventually(lambda: child.output() == "up")
    assert (tmp_path / "c.log.1").read_text() == "x" * 11


def test_nothing_of_ours_leaks_into_the_child(tmp_path: Path):
    code = "import os; print(sorted(int(n) for n in os.listdir('/proc/self/fd'))[:4])"
    facts: list[Any] = []
    child = Child((sys.executable, "-c", code), name="c", folder=tmp_path)
    child.start()
    child.wait(10)
    facts = json.loads(child.output())
    assert facts == [0, 1, 2, 3], "3 is the listing itself"
