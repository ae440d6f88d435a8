"""Child processes that never outlive us, and come back when they fall.

    we --pipe--> watchdog (edge/watchdog.py) --fork--> the child, leader of a process group

The watchdog holds the other end of a pipe of ours. When the pipe closes, because we asked for it
or because we are gone (even by kill -9), it stops the child: first its stop signal, after a grace
SIGKILL for the whole group. (PR_SET_PDEATHSIG would be shorter, but it is tied to the thread that
forked and is lost when the child changes its user.) The child's pid and start time stand in a pid
file. If the watchdog itself is killed, we notice and stop the orphan; if we go at the same time,
the next start with the same pid file does.

    with Child(("nats-server", "-c", "n.conf"), name="broker", folder=folder) as child: ...
    with Keeper(child): ...           # and starts it again, with a growing, jittered pause
    async with Keeper(child): ...     # the same from asyncio: start and stop run in a thread

Laws: at most one child per folder and name; output goes to {name}.log; stdin is empty.
Everything blocks at most for the times given. Units: seconds.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from random import uniform
from types import TracebackType
from typing import Self

from edge import watchdog
from edge.watchdog import alive, send_signal

LOG_MAX_BYTES = 10_000_000  # a longer log is set aside at the next start
POLL_S = 0.02


class ChildFailed(Exception):  # noqa: N818 - reads as a situation
    """The child could not be started, ended at once, or was not ready in time.

    Attributes:
        name: of the child.
        detail: what happened.
        output: the end of its log.
    """

    def __init__(self, name: str, detail: str, output: str = "") -> None:
        super().__init__(f"{name}: {detail}" + (f"\n{output}" if output else ""))
        self.name = name
        self.detail = detail
        self.output = output


class Child:
    """One process. `start` waits until it is ready; `stop` until it is gone.

    `user` and `group` are numbers to run as; `env` is added to our environment. Without a `ready`
    check a child is ready as soon as it runs.
    """

    def __init__(  # noqa: PLR0913 - the facts of a process
        self,
        argv: Sequence[str],
        *,
        name: str,
        folder: Path,
        env: Mapping[str, str] | None = None,
        user: int | None = None,
        group: int | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        grace_s: float = 10.0,
        ready: Callable[[], bool] = lambda: True,
        ready_within_s: float = 30.0,
    ) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self.pid_file = folder / f"{name}.pid"
        self.pid: int | None = None
        self.grace_s = grace_s
        self._env = env
        self._ready = ready
        self._ready_within_s = ready_within_s
        self._spec = {
            "argv": [os.fspath(word) for word in argv],
            "log": str(self.log),
            "pid_file": str(self.pid_file),
            "user": user,
            "group": group,
            "stop_signal": int(stop_signal),
            "grace_s": grace_s,
        }
        self._watchdog: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.stop()

    def is_running(self) -> bool:
        """Whether it runs."""
        return self.poll() is None and self._watchdog is not None

    def start(self) -> None:
        """Stop what an earlier owner left behind, start, and wait until ready.

        Raises:
            ChildFailed: it did not start or was not ready in time; nothing is left running.
        """
        assert not self.is_running()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        stop_orphan(self.pid_file, grace_s=self.grace_s)
        if self.log.exists() and self.log.stat().st_size > LOG_MAX_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        process = subprocess.Popen(  # noqa: S603 - ourselves
            # -I: that file's folder must not become a place to import from
            [sys.executable, "-I", watchdog.__file__, json.dumps(self._spec)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **(self._env or {})},
            start_new_session=True,  # Ctrl-C is for us: we stop it in order
        )
        self._watchdog = process
        assert process.stdout is not None
        with process.stdout as answers:
            answer = json.loads(answers.readline() or b'{"error": "the watchdog died"}')
        if "error" in answer:
            self.stop()
            raise ChildFailed(self.name, answer["error"])
        self.pid = answer["pid"]
        try:
            self._await_ready(process)
        except BaseException:
            self.stop()
            raise

    def _await_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + self._ready_within_s
        while not self._ready():
            if process.poll() is not None or process.stdin is None or process.stdin.closed:
                code = self.poll()
                raise ChildFailed(self.name, f"ended at once (status {code})", self.output())
            if time.monotonic() > deadline:
                detail = f"not ready after {self._ready_within_s:g} s"
                raise ChildFailed(self.name, detail, self.output())
            time.sleep(POLL_S)

    def poll(self) -> int | None:
        """The exit status (128 + n after signal n), or None while it runs or never ran."""
        if self._watchdog is None:
            return None
        return self._ended(self._watchdog.poll())

    def wait(self, timeout_s: float | None = None) -> int | None:
        """Wait for its end and return the exit status, or None if it still runs by then."""
        assert self._watchdog is not None
        try:
            return self._ended(self._watchdog.wait(timeout_s))
        except subprocess.TimeoutExpired:
            return None

    def stop(self) -> int | None:
        """Ask it to stop, make it stop, and return the exit status. Harmless if it has ended."""
        if self._watchdog is None:
            return None
        self.ask_to_stop()
        if self.wait(self.grace_s + 5.0) is None:
            self._watchdog.kill()
            self.wait()
        return self.poll()

    def ask_to_stop(self) -> None:
        """Begin to stop it and return at once. May be called from any thread."""
        if self._watchdog is not None and self._watchdog.stdin is not None:
            with suppress(BrokenPipeError):
                self._watchdog.stdin.close()

    def output(self, lines: int = 20) -> str:
        """The last lines of its log."""
        with suppress(FileNotFoundError):
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        return ""

    def _ended(self, code: int | None) -> int | None:
        if code is None:
            return None
        self.ask_to_stop()  # closes the pipe
        if code < 0:  # the watchdog was killed; its child runs on
            stop_orphan(self.pid_file, grace_s=self.grace_s)
            return 128 - code
        return code


class Keeper:
    """Keeps a child running: starts it again whenever it ends, until `stop`.

    `on_restart` is called (in the keeper's thread) after every start but the first.
    """

    def __init__(
        self,
        child: Child,
        *,
        on_end: Callable[[int | None], None] = lambda _code: None,
        on_restart: Callable[[], None] = lambda: None,
        pause_s: Callable[[int], float] | None = None,
    ) -> None:
        self.child = child
        self.restarts = 0
        self.problem: ChildFailed | None = None  # why it could not be started again, if so
        self._on_end = on_end
        self._on_restart = on_restart
        self._pause_s = pause_s or _pause_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._keep, name=f"keep {child.name}", daemon=True)

    def start(self) -> None:
        """Start the child.

        Raises:
            ChildFailed: the first start failed. Later ones are tried again for ever.
        """
        self.child.start()
        self._thread.start()

    def stop(self) -> int | None:
        """Stop the child for good and return its exit status."""
        self._stopping.set()
        while self._thread.is_alive():  # it may just be starting the child once more
            self.child.ask_to_stop()
            self._thread.join(0.1)
        return self.child.stop()

    def _keep(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            began = time.monotonic()
            code = self.child.wait()
            if self._stopping.is_set():
                return
            self._on_end(code)
            failures = 0 if time.monotonic() - began > 30 else failures + 1  # noqa: PLR2004
            while not self._stopping.wait(self._pause_s(failures)):
                try:
                    self.child.start()
                except ChildFailed as problem:
                    self.problem = problem
                    failures += 1
                else:
                    self.problem = None
                    self.restarts += 1
                    self._on_restart()
                    break

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self.start)
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        await asyncio.to_thread(self.stop)


def stop_orphan(pid_file: Path, *, grace_s: float) -> bool:
    """Stop the process that a pid file names, if it still runs; True if there was one.

    A living watchdog is given the time to stop it by itself.

    Raises:
        ChildFailed: it is watched by somebody who does not let go.
    """
    try:
        left = json.loads(pid_file.read_text())
    except (FileNotFoundError, ValueError):
        return False
    deadline = time.monotonic() + grace_s + 2.0
    while alive(left["watchdog"]):
        if time.monotonic() > deadline:
            detail = f"is already running as process {left['child']['pid']}; stop its owner first"
            raise ChildFailed(pid_file.stem, detail)
        time.sleep(POLL_S)
    found = alive(left["child"])
    if found:
        pid = left["child"]["pid"]
        send_signal(os.kill, pid, left["stop_signal"])
        deadline = time.monotonic() + grace_s
        while alive(left["child"]) and time.monotonic() < deadline:
            time.sleep(POLL_S)
        send_signal(os.killpg, pid, signal.SIGKILL)
        while alive(left["child"]):
            time.sleep(POLL_S)
    pid_file.unlink(missing_ok=True)
    return found


def _pause_s(failures: int) -> float:
    return min(10.0, 0.1 * 2.0 ** min(failures, 10)) * uniform(0.5, 1.0)  # noqa: S311 - jitter
