"""Many seeds: played one after the other, the failing ones made shorter and named.

A seed that failed once is written into the committed list (`regressions.txt`, a line each: the
seed, the numbers of its items, and why), and is played first from then on.
"""

import logging
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

import structlog

from simulators.swarm.plan import MISHAPS, OF_ROBOTS, Plan, draw
from simulators.swarm.shrink import shrink
from simulators.swarm.world import Outcome, hours, play

REGRESSIONS = Path(__file__).parent / "regressions.txt"
MEMORY = Path("/dev/shm")  # noqa: S108 - files in memory, where there is such a place


@dataclass
class Result:
    """What came of all seeds."""

    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def cpu_s(self) -> float:
        """Seconds of processor that all took."""
        return sum(outcome.cpu_s for outcome in self.outcomes)

    @property
    def failed(self) -> list[Outcome]:
        """Those in which a law was broken."""
        return [outcome for outcome in self.outcomes if outcome.problem]

    @property
    def hours(self) -> float:
        """Simulated hours."""
        return hours(self.outcomes)

    @property
    def counts(self) -> Counter[str]:
        """How often what happened."""
        return sum((outcome.counts for outcome in self.outcomes), Counter[str]())


@contextmanager
def room() -> Iterator[Path]:
    """A folder for the files of one run, in memory if possible."""
    parent = MEMORY if MEMORY.is_dir() else None
    folder = Path(tempfile.mkdtemp(prefix="soko-swarm-", dir=parent))
    try:
        yield folder / "run"
    finally:
        shutil.rmtree(folder)


def run(plans: Sequence[Plan], *, processes: int = 1) -> Result:
    """Play those plans, on so many processors at once; what comes of each is the same."""
    if processes == 1:
        return Result([_played(plan) for plan in plans])
    spawn = get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=spawn, initializer=hush) as pool:
        return Result(list(pool.map(_played, plans, chunksize=4)))


def hush() -> None:
    """Hours of trouble in seconds would log a book."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


def _played(plan: Plan) -> Outcome:
    began_s = time.process_time()
    with room() as folder:
        outcome = play(plan, folder)
    outcome.cpu_s = time.process_time() - began_s
    return outcome


def figures_of(result: Result) -> dict[str, object]:
    """What a run comes to, for machines."""
    counts = result.counts
    return {
        "seeds": len(result.outcomes),
        "failed": len(result.failed),
        "hours": round(result.hours, 1),
        "cpu_s": round(result.cpu_s, 1),
        "happenings": sum(outcome.happened for outcome in result.outcomes),
        "mishaps": {kind: counts[kind] for kind in sorted({*MISHAPS, *OF_ROBOTS})},
        "deaths": {who: counts[f"{who} died"] for who in ("control", "edge", "office")},
        "messages": {
            what: sum(n for name, n in counts.items() if name.endswith(f" {what}"))
            for what in ("said", "lost", "twice", "late")
        },
    }


def shortened(plan: Plan) -> Plan:
    """A failing plan without what it does not need to fail."""

    def fails(fewer: Plan) -> bool:
        with room() as folder:
            return bool(play(fewer, folder).problem)

    return shrink(plan, fails)


def command_of(plan: Plan, drawn: Callable[[int], Plan] = draw, option: str = "") -> str:
    """What to type to play this plan again; `drawn` is how it was drawn, `option` says so."""
    numbers = ",".join(str(item.number) for item in plan.items)
    whole = len(drawn(plan.seed).items) == len(plan.items)
    only = "" if whole else f" --only {numbers}"
    return f"soko sim swarm{option} --first-seed {plan.seed} --seeds 1{only}"


def plan_of(seed: int, only: str = "", drawn: Callable[[int], Plan] = draw) -> Plan:
    """The plan of a seed, or of some of its items: "3,8,21"."""
    plan = drawn(seed)
    return plan.only(frozenset(int(n) for n in only.split(","))) if only else plan


def regressions(path: Path = REGRESSIONS, drawn: Callable[[int], Plan] = draw) -> list[Plan]:
    """The plans that failed once."""
    rows = [line.split() for line in path.read_text(encoding="utf-8").splitlines()]
    return [plan_of(int(row[0]), row[1] if row[1] != "all" else "", drawn)
            for row in rows if row and row[0] != "#"]  # fmt: skip
