"""Many scenarios: in this process, in a pool of processes, or on a cluster, with one answer.

    cases = [Case(key="base/1", patches=(), seed=1), Case(key="close/1", patches=(...), seed=1)]
    outcomes = sweep(snapshot, cases, pooled(2), kept=kept)

A `Runner` plays cases and yields outcomes as they are ready, in any order. What is ready is put
into `kept` at once (any mutable mapping from a case's key: a dict, rows of a table), and what is
there already is not played again: a sweep that was stopped, or whose machine died, goes on where
it was. A case that fails has an outcome with `failed`, and spoils no other; it is played again
when the sweep is.

Laws: outcomes are the same whatever the runner, and whether stopped between or not. One failed
case leaves the others alone.
"""

from collections.abc import Callable, Iterator, MutableMapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any, TypeAlias

from optimizer.scenarios import Patch, Played, Snapshot, played_from, played_to
from optimizer.scenarios_play import run

TRIES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One run: a scenario and a seed. `key` names it in a sweep."""

    key: str
    patches: tuple[Patch, ...] = ()
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a case came to: `played`, or the words of what failed."""

    key: str
    played: Played | None = None
    failed: str = ""


Runner: TypeAlias = Callable[[Snapshot, Sequence[Case]], Iterator[Outcome]]


def outcome_to(outcome: Outcome) -> dict[str, Any]:
    """As plain JSON values."""
    played = None if outcome.played is None else played_to(outcome.played)
    return {"key": outcome.key, "played": played, "failed": outcome.failed}


def outcome_from(file: dict[str, Any]) -> Outcome:
    """From what `outcome_to` gave."""
    played = None if file["played"] is None else played_from(file["played"])
    return Outcome(key=file["key"], played=played, failed=file["failed"])


def play_case(snapshot: Snapshot, case: Case) -> Outcome:
    """Play one case. Whatever goes wrong is its outcome."""
    try:
        return Outcome(key=case.key, played=run(snapshot, case.patches, case.seed))
    except Exception as error:  # noqa: BLE001 - one case must not spoil the others
        return Outcome(key=case.key, failed=f"{type(error).__name__}: {error}")


def in_turn(snapshot: Snapshot, cases: Sequence[Case]) -> Iterator[Outcome]:
    """The runner of this process."""
    for case in cases:
        yield play_case(snapshot, case)


_snapshot: list[Snapshot] = []  # of a process of the pool: sent once, not with every case


def _open(snapshot: Snapshot) -> None:
    _snapshot[:] = [snapshot]


def _pooled_case(case: Case) -> Outcome:
    return play_case(_snapshot[0], case)


def pooled(processes: int) -> Runner:
    """A runner of so many processes.

    A process that dies takes the pool with it: a new one plays what was being played once more,
    and what dies TRIES times has failed. Processes are new ones, not copies of this: a copy has
    the locks of threads that it lacks.
    """

    def play(snapshot: Snapshot, cases: Sequence[Case]) -> Iterator[Outcome]:
        waiting, tries = list(reversed(cases)), dict.fromkeys((c.key for c in cases), 0)
        running: dict[Future[Outcome], Case] = {}
        pool = _pool(processes, snapshot)
        try:
            while waiting or running:
                while waiting and len(running) < processes:
                    case = waiting.pop()
                    tries[case.key] += 1
                    running[pool.submit(_pooled_case, case)] = case
                done = wait(running, return_when=FIRST_COMPLETED).done
                lived = [future for future in done if future.exception() is None]
                for future in lived:
                    del running[future]
                    yield future.result()
                if len(lived) == len(done):
                    continue
                pool.shutdown()
                for case in reversed(running.values()):
                    if tries[case.key] < TRIES:
                        waiting.append(case)
                    else:
                        yield Outcome(key=case.key, failed=f"its process died, {TRIES} times")
                running.clear()
                pool = _pool(processes, snapshot)
        finally:
            pool.shutdown(cancel_futures=True)

    return play


def _pool(processes: int, snapshot: Snapshot) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(
        processes, get_context("spawn"), initializer=_open, initargs=(snapshot,)
    )


def sweep(
    snapshot: Snapshot,
    cases: Sequence[Case],
    runner: Runner = in_turn,
    *,
    kept: MutableMapping[str, Outcome] | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> dict[str, Outcome]:
    """Play what is not kept yet, and keep it.

    Args:
        snapshot: what all cases differ from.
        cases: keys must differ.
        runner: `in_turn`, `pooled(n)`, or a cluster's.
        kept: outcomes by key, also of an earlier sweep; those that failed are played again.
        stop: asked after each outcome; once True, what is kept is the answer.

    Returns:
        the outcomes there are, by key in the order of the cases.
    """
    if len({case.key for case in cases}) < len(cases):
        raise ValueError("two cases have the same key")
    kept = {} if kept is None else kept
    todo = [case for case in cases if case.key not in kept or kept[case.key].failed]
    if todo and not stop():
        outcomes = runner(snapshot, todo)
        for outcome in outcomes:
            kept[outcome.key] = outcome
            if stop():
                break
        close = getattr(outcomes, "close", None)  # a generator ends its processes
        if close is not None:
            close()
    return {case.key: kept[case.key] for case in cases if case.key in kept}
