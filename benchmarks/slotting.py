"""Where goods lie, judged by orders that came later, each walked exactly; one JSON line at the end.

python -m benchmarks.slotting [--orders 2000] [--seconds 10] [--seeds 3]

under_random  how much less is walked than if goods lay anywhere (mean of the seeds)
under_abc     how much less than if each lay as near as it sells (what is ordered together ignored)
moves         the best forty moves: which share of all that there is to save they save
"""

import argparse
import json
import statistics
import sys

from benchmarks.slotting_world import AISLES, BAYS, World, world
from optimizer import picktour, slotting
from optimizer.result import Limits

MOVES = 40


def walked_m(there: World, place: slotting.Ints) -> float:
    """Metres of the orders to come, each alone, by exact tours."""
    return sum(
        picktour.solve(
            picktour.Problem(
                block=there.block,
                aisle=there.aisle[place[each]],
                depth_m=there.depth_m[place[each]],
            )
        ).objective
        for each in there.future
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Slotting, measured.")
    parser.add_argument("--orders", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="as always")
    args = parser.parse_args()
    under: dict[str, list[float]] = {"random": [], "abc": [], "moves": []}
    slotting.solve(world(10, 0).problem(), limits=Limits(iterations=1))  # compiled before it counts
    for seed in range(1, args.seeds + 1):
        there = world(args.orders, seed)
        problem = there.problem()
        found = slotting.solve(problem, limits=Limits(seconds=args.seconds), seed=seed)
        abc = slotting.solve(there.problem(together=False)).plan
        some = problem.now.copy()
        for change in slotting.moves_worth(problem, MOVES):
            some[list(change.skus)] = change.to
        random_m, abc_m, best_m, some_m = (
            walked_m(there, place) for place in (problem.now, abc, found.plan, some)
        )
        under["random"].append(1 - best_m / random_m)
        under["abc"].append(1 - best_m / abc_m)
        under["moves"].append((random_m - some_m) / (random_m - best_m))
        sys.stderr.write(f"{seed} {random_m:.0f} {abc_m:.0f} {best_m:.0f} {some_m:.0f} m\n")
    print(
        json.dumps(
            {
                "under_random": round(statistics.mean(under["random"]), 4),
                "under_abc": round(statistics.mean(under["abc"]), 4),
                "moves": round(statistics.mean(under["moves"]), 4),
                "instances": args.seeds,
                "skus": AISLES * BAYS,
            }
        )
    )


if __name__ == "__main__":
    main()
