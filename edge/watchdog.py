"""The watchdog of one child process: a script that edge.process starts, and what both know.

It runs the child in a process group of its own, writes the pid file, and waits for the first of:
the child ends; its own stdin (a pipe of its owner) closes; SIGTERM. Then it stops what is left of
the group and ends with the child's exit status (128 + n after signal n).

It is started once per child and start, so it imports little.
"""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

_SAME_START_S = 2.0  # the system's idea of when a process started moves a little


def identity(pid: int) -> dict[str, Any]:
    """What tells a process from a later one with the same number."""
    import psutil  # noqa: PLC0415 - the watchdog must start fast

    return {"pid": pid, "created_s": psutil.Process(pid).create_time()}


def alive(known: Mapping[str, Any]) -> bool:
    """Whether that process (by `identity`) still runs."""
    import psutil  # noqa: PLC0415

    try:
        process = psutil.Process(known["pid"])
        return (
            abs(process.create_time() - known["created_s"]) < _SAME_START_S
            and process.status() != psutil.STATUS_ZOMBIE
        )
    except psutil.NoSuchProcess:
        return False


def send_signal(send: Callable[[int, int], None], pid: int, number: int) -> None:
    """Signal a process (os.kill) or group (os.killpg) that may be gone already."""
    with suppress(ProcessLookupError):
        send(pid, number)


def _watch(spec: Mapping[str, Any]) -> int:
    """Run the child of that spec until it ends or our stdin does; its status becomes ours."""
    wake_r, wake_w = os.pipe()
    os.set_blocking(wake_w, False)
    signal.set_wakeup_fd(wake_w, warn_on_full_buffer=False)
    asked = False

    def ask(_number: int, _frame: object) -> None:
        nonlocal asked
        asked = True

    signal.pthread_sigmask(signal.SIG_SETMASK, [])  # whatever our owner blocks
    # handlers, not SIG_IGN, which the child would inherit
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    signal.signal(signal.SIGINT, lambda _number, _frame: None)
    signal.signal(signal.SIGTERM, ask)
    me = identity(os.getpid())  # before there is a child: afterwards every moment counts
    try:
        with Path(spec["log"]).open("ab") as log:
            child = _spawn(spec, log)
    except OSError as error:
        print(json.dumps({"error": f"{spec['argv'][0]}: {error}"}), flush=True)  # noqa: T201
        return 127
    _write_pid_file(spec, child=identity(child.pid), watchdog=me)
    print(json.dumps({"pid": child.pid}), flush=True)  # noqa: T201
    while not _has_ended(child.pid) and not asked:
        readable, _, _ = select.select([0, wake_r], [], [])
        if wake_r in readable:
            os.read(wake_r, 4096)
        if 0 in readable and not os.read(0, 4096):
            break
    if not _has_ended(child.pid):
        send_signal(os.kill, child.pid, spec["stop_signal"])
        deadline = time.monotonic() + spec["grace_s"]
        while not _has_ended(child.pid) and (left_s := deadline - time.monotonic()) > 0:
            select.select([wake_r], [], [], left_s)
            with suppress(BlockingIOError):
                os.set_blocking(wake_r, False)
                os.read(wake_r, 4096)
    send_signal(os.killpg, child.pid, signal.SIGKILL)  # not yet reaped: the number is still its own
    code = child.wait()
    Path(spec["pid_file"]).unlink(missing_ok=True)
    return code if code >= 0 else 128 - code


def _spawn(spec: Mapping[str, Any], log: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - what our caller said
        spec["argv"],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        user=spec["user"],
        group=spec["group"],
        extra_groups=[] if spec["user"] is not None else None,
    )


def _write_pid_file(
    spec: Mapping[str, Any], *, child: Mapping[str, Any], watchdog: Mapping[str, Any]
) -> None:
    facts = {"child": child, "watchdog": watchdog, "stop_signal": spec["stop_signal"]}
    fresh = Path(spec["pid_file"] + ".new")
    fresh.write_text(json.dumps(facts))
    fresh.replace(spec["pid_file"])


def _has_ended(pid: int) -> bool:
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


if __name__ == "__main__":
    sys.exit(_watch(json.loads(sys.argv[1])))
