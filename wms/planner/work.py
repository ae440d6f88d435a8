"""What is done in a process of a run's own: the day searched as a whole, then played for each seed.

    Task -> messages    ("best", seconds, best, bound) | ("day", seed, played, failed) | ("end",)

The search tells how good the best plan is and how good any could be. To stop it is to keep the best
so far: the days are played all the same, as far as nobody has asked to stop a second time.
"""

import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from typing import Any, TypeAlias

from optimizer.result import Limits, Stopwatch
from optimizer.scenario_patches import patch_from
from optimizer.scenarios import played_to, snapshot_from
from optimizer.scenarios_run import Case, Outcome, Runner, in_turn, pooled
from optimizer.scenarios_whole import whole_day

Message: TypeAlias = tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """Where days are played: in so many processes, or on the Ray cluster at that address."""

    processes: int = 1
    cluster: str = ""

    def runner(self) -> Runner:
        """What plays them. Raises ModuleNotFoundError: there is a cluster, but no Ray."""
        if self.cluster:
            from optimizer.scenarios_ray import on_cluster  # noqa: PLC0415 - may not be there

            return on_cluster(self.cluster)
        return in_turn if self.processes <= 1 else pooled(self.processes)


HERE = How()


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A run, as plain values that can be sent to another process.

    Attributes:
        network, patches: as JSON has them.
        seeds: days to play; those that were played before are left out.
        search_seed: of the day that is searched as a whole; None: it was already.
        iterations: steps of that search.
    """

    network: Mapping[str, Any]
    patches: Sequence[Mapping[str, Any]]
    seeds: Sequence[int]
    search_seed: int | None
    iterations: int
    how: How = HERE


def do(task: Task, say: Callable[[Message], None], stop: Callable[[], bool]) -> None:
    """Search and play; `stop` is asked as it goes on."""
    snapshot = snapshot_from(task.network)
    patches = tuple(patch_from(each) for each in task.patches)
    watch = Stopwatch()

    def told(best: float, bound: float | None) -> None:
        say(("best", round(watch.elapsed_s, 3), best, bound))

    if task.search_seed is not None:
        limits = Limits(iterations=task.iterations, stop=stop)
        found = whole_day(snapshot, patches, task.search_seed, limits=limits, progress=told)
        told(found.objective, found.bound)
    cases = [Case(key=str(seed), patches=patches, seed=seed) for seed in task.seeds]
    for outcome in _until(task.how.runner()(snapshot, cases), stop):
        played = None if outcome.played is None else played_to(outcome.played)
        say(("day", int(outcome.key), played, outcome.failed))
    say(("end",))


def _until(outcomes: Iterator[Outcome], stop: Callable[[], bool]) -> Iterator[Outcome]:
    """What comes until somebody wants to stop; then the processes behind it end."""
    try:
        for outcome in outcomes:
            yield outcome
            if stop():
                break
    finally:
        if (close := getattr(outcomes, "close", None)) is not None:
            close()


def child(task: Task, pipe: Connection, stop: Event) -> None:
    """The process of a run; told to end, it ends those that it has started first."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        do(task, pipe.send, stop.is_set)
    except Exception as error:  # noqa: BLE001 - whatever it is, the desk hears of it
        with suppress(OSError):  # unless nobody is there any more to hear it
            pipe.send(("failed", f"{type(error).__name__}: {error}"))
    finally:
        pipe.close()
