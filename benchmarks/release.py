"""Release by itself against the best fixed limit that a sweep can find; one JSON line.

A loop of 200 cells and ten stations (benchmarks/release_loop.py) and an endless row of totes, 300
of which can be seen. Every way of letting in has the same time and the same totes; the first
`WARM_S` are nobody's. Totes in a thousand seconds, seconds from induct to exit.

    sweep          throughput and lead of each fixed limit; the best of them is the reference
    t9_auto        the limit that CONWIP finds for itself, by the best of the sweep: >= 0.97
    t9_workload    the work a station that it finds for itself: >= 1.10, t9_lead <= 0.6
    t9_least       of all stretches of 3,000 seconds the worst: never 0
    push           the baseline: without any limit it stands in the end
    *_from_start   from the first second, the search included

Three rows of totes: in waves of 30 that need the same neighbourhood (the T9 figures), `even_*`
without waves, and `hot_*` with one station that is needed three times as often, which no order of
totes can make faster than that station is.
"""

import json
import sys
from statistics import mean

from benchmarks.release_loop import CELLS, Loop, Tote
from wcs.release import Job, Limits, Tuner, admit, tuner_for, work_tuner_for

WARM_S, RUN_S = 15_000, 60_000
SWEEP = (40, 60, 80, 100, 120, 140, 160, 180)
POOL = 300
OLD_S = 2_000.0
WAVE = 30


class Run:
    """One way of letting in, over one stretch of time."""

    def __init__(self, mode: str, limit: float, loop: Loop) -> None:
        self.mode, self.loop = mode, loop
        self.pool: list[tuple[Job, Tote]] = []
        self.tuner: Tuner | None = None
        if mode == "auto":
            self.tuner = tuner_for(CELLS)
        elif mode == "workload":
            self.tuner = work_tuner_for(CELLS / 2)
        self.limit = limit
        self.ends: list[tuple[int, int, int]] = []  # when, lead, wait in the pool

    def play(self, until_s: int) -> dict[str, float]:
        """Let time pass; what came out of it after the warm-up."""
        loop = self.loop
        while loop.now_s < until_s:
            self._let_in()
            out = loop.tick()
            for tote in out:
                wait_s = tote.let_in_s - tote.made_s
                self.ends.append((loop.now_s, loop.now_s - tote.let_in_s, wait_s))
            if self.tuner is not None and (out or loop.now_s % 100 == 0):
                self.tuner.finished(len(out), loop.inside, float(loop.now_s))
        warm = [end for end in self.ends if end[0] > WARM_S]
        return {
            "throughput": 1e3 * len(warm) / (until_s - WARM_S),
            "from_start": 1e3 * len(self.ends) / until_s,
            "lead_s": mean(end[1] for end in warm) if warm else float("inf"),
            "longest_wait_s": max((end[2] for end in warm), default=0),
            "least": self._least(until_s),
            "limit": self.tuner.limit if self.tuner is not None else self.limit,
        }

    def _least(self, until_s: int) -> float:
        """Throughput of the worst stretch of 3,000 seconds after the warm-up."""
        counts = [0] * ((until_s - WARM_S) // 3_000)
        for at, _, _ in self.ends:
            if at > WARM_S and (n := (at - WARM_S - 1) // 3_000) < len(counts):
                counts[n] += 1
        return min(counts) / 3.0

    def _let_in(self) -> None:
        loop = self.loop
        limits = self._limits()
        if not loop.has_room or loop.inside + 1 > limits.jobs:
            return
        while len(self.pool) < POOL:
            tote = loop.wants()
            work = {str(at): float(work_s) for at, work_s in tote.work.items()}
            self.pool.append((Job(str(tote.number), float(tote.made_s), work), tote))
        load_s = {str(at): float(work_s) for at, work_s in enumerate(loop.load_s)}
        jobs = [job for job, _ in self.pool]
        job = admit(jobs, loop.inside, load_s, limits, float(loop.now_s))
        if job is not None:
            _, tote = self.pool.pop(jobs.index(job))
            loop.push(tote)

    def _limits(self) -> Limits:
        if self.mode == "workload":
            assert self.tuner is not None
            return Limits(0.9 * CELLS, self.tuner.limit, OLD_S)
        return Limits(self.tuner.limit if self.tuner is not None else self.limit)


def compare(seeds: range, run_s: int, hot: float = 1.0, wave: int = 0) -> dict[str, object]:
    """All ways of letting in, over these seeds."""

    def of(mode: str, limit: float = 0.0) -> dict[str, float]:
        runs = [Run(mode, limit, Loop(seed, hot, wave)).play(WARM_S + run_s) for seed in seeds]
        found = {name: mean(run[name] for run in runs) for name in runs[0]}
        return found | {"least": min(run["least"] for run in runs)}

    sweep = {limit: of("fixed", limit) for limit in SWEEP}
    best = max(sweep, key=lambda limit: sweep[limit]["throughput"])
    auto, workload = of("auto"), of("workload")
    reference = sweep[best]["throughput"]
    return {
        "best_limit": best, "best": reference, "best_lead_s": sweep[best]["lead_s"],
        "t9_auto": auto["throughput"] / reference,
        "auto_from_start": auto["from_start"] / reference,
        "auto_limit": auto["limit"],
        "t9_workload": workload["throughput"] / reference,
        "t9_lead": workload["lead_s"] / sweep[best]["lead_s"],
        "workload_from_start": workload["from_start"] / reference,
        "workload_limit_s": workload["limit"],
        "longest_wait_s": workload["longest_wait_s"],
        "t9_never_zero": min(auto["least"], workload["least"]) > 0,
        "t9_least": min(auto["least"], workload["least"]),
        "sweep": {limit: [found["throughput"], found["lead_s"]] for limit, found in sweep.items()},
    }  # fmt: skip


def rounded(found: object) -> object:
    """For people."""
    if isinstance(found, dict):
        return {name: rounded(value) for name, value in found.items()}
    if isinstance(found, list):
        return [rounded(value) for value in found]
    return round(found, 4) if isinstance(found, float) else found


if __name__ == "__main__":
    is_quick = "--quick" in sys.argv
    seeds, run_s = (range(1), RUN_S // 2) if is_quick else (range(3), RUN_S)
    found = {"benchmark": "release", **compare(seeds, run_s, wave=WAVE)}
    for name, hot in {"even": 1.0, "hot": 3.0}.items():
        found |= {f"{name}_{key}": value for key, value in compare(seeds, run_s, hot).items()}
    push = Run("fixed", 10_000.0, Loop(0)).play(WARM_S + run_s)["throughput"]
    sys.stdout.write(json.dumps(rounded(found | {"push": push})) + "\n")
