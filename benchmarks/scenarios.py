"""Twenty scenarios of 1,000 orders each, in one process and in a pool; one JSON line last.

    python -m benchmarks.scenarios --json [--scenarios 20] [--orders 1000] [--processes 2]

    seconds             of the pool, its start included
    seconds_one         of one process; `times_one` is how often the pool is as fast
    identical           whether both gave the same, byte by byte
    resumed             whether a sweep that was stopped half-way and went on gave the same, and
                        played each case once
    cpu_s_each          of one run, in this process

The network is benchmarks/scenarios_world.py. Loops are compiled before a clock runs.
"""

import argparse
import json
import time
from collections.abc import Iterator, Sequence

from benchmarks.scenarios_world import snapshot
from optimizer.scenario_patches import (
    CloseNode,
    CutOff,
    Demand,
    Rates,
    SplitPolicy,
)
from optimizer.scenarios import Patch, Snapshot
from optimizer.scenarios_run import Case, Outcome, in_turn, outcome_to, pooled, sweep
from optimizer.sourcing_batch import warm

WHAT_IF: dict[str, tuple[Patch, ...]] = {
    "as it is": (),
    "without N05": (CloseNode(node="N05", stock_to="N00"),),
    "demand x 1.2": (Demand(factor=1.2),),
    "rates x 1.15": (Rates(carrier="VAN", factor=1.15),),
    "later, and whole": (CutOff(minute=1080), SplitPolicy(split="ONE_SITE")),
}


def cases(count: int) -> list[Case]:
    """That many: what-ifs, with as many seeds as needed."""
    names = list(WHAT_IF)
    return [
        Case(
            key=f"{names[at % len(names)]} {at // len(names)}",
            patches=WHAT_IF[names[at % len(names)]],
            seed=at // len(names),
        )
        for at in range(count)
    ]


def shown(outcomes: dict[str, Outcome]) -> str:
    """All of it, to compare."""
    return json.dumps([outcome_to(each) for each in outcomes.values()])


def resumes(of: Snapshot, wanted: Sequence[Case], expected: str) -> bool:
    """Stop half-way, go on, and compare."""
    played: list[str] = []

    def counted(on: Snapshot, some: Sequence[Case]) -> Iterator[Outcome]:
        for outcome in in_turn(on, some):
            played.append(outcome.key)
            yield outcome

    kept: dict[str, Outcome] = {}
    sweep(of, wanted, counted, kept=kept, stop=lambda: len(kept) >= len(wanted) // 2)
    again = sweep(of, wanted, counted, kept=kept)
    return shown(again) == expected and len(played) == len(wanted)


def main(words: Sequence[str] | None = None) -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one line of JSON (always so)")
    parser.add_argument("--scenarios", type=int, default=20)
    parser.add_argument("--orders", type=int, default=1000)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args(words)
    of, wanted = snapshot(1, orders=options.orders), cases(options.scenarios)
    warm()
    began, began_cpu = time.perf_counter(), time.process_time()
    one = sweep(of, wanted)
    seconds_one, cpu_s = time.perf_counter() - began, time.process_time() - began_cpu
    began = time.perf_counter()
    pool = sweep(of, wanted, pooled(options.processes))
    seconds = time.perf_counter() - began
    some = wanted[: max(2, len(wanted) // 5)]
    failed = [each.key for each in pool.values() if each.failed]
    costs = {
        case.key: outcome.played.kpis["cost_per_order_minor"]
        for case in wanted[: len(WHAT_IF)]
        if (outcome := one[case.key]).played is not None
    }
    print(
        json.dumps(
            {
                "benchmark": "scenarios",
                "scenarios": len(wanted),
                "orders": options.orders,
                "processes": options.processes,
                "seconds": round(seconds, 2),
                "seconds_one": round(seconds_one, 2),
                "times_one": round(seconds_one / seconds, 2),
                "identical": shown(one) == shown(pool),
                "resumed": resumes(of, some, shown({c.key: one[c.key] for c in some})),
                "failed": len(failed),
                "cpu_s_each": round(cpu_s / len(wanted), 2),
                "cost_per_order_minor": costs,
            }
        )
    )


if __name__ == "__main__":
    main()
