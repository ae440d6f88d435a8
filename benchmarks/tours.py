"""Tours through aisles: published optima, and how long one takes; one JSON line at the end.

    python -m benchmarks.tours [--seconds 60] [--instances 40] [--workers 2] [--plain] [--json]
                               [--folder ../shared/data/optimizer/tours]

    scattered_equal   share of the published instances with goods at several places whose tour is as
                      long as the published optimum, in --seconds; null where the data are missing
    scattered_gap     mean share by which the others are longer
    scattered_proven  share that is proven
    scattered_s       median seconds of the processor of those
    blocks_equal      share of the published tours through fixed places (one block; two, where the
                      folder has their table) that are as long as ours; `tours` is how many
    brute_equal       share of tours of 7 stops through three and four blocks that are as long as
                      the shortest of all orders
    block_1_ms .. 4   the median time of a tour of 15 stops in 10 aisles, of the processor
    s_shape, largest_gap   mean share by which the usual rules are longer, in one block and more
    graph_equal       share of tours of 15 stops that are as long over the graph of their aisles
    graph_s           the median seconds of the processor of those

`--plain` (or SOKO_COMPILED=0) measures the loops as they are, without numba. `--folder` is for
whoever has more of the published set: every file and table in it is read.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise, permutations
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from benchmarks.tours_files import TOURS as PUBLISHED
from benchmarks.tours_files import files, optima, read
from optimizer import picktour, picktour_graph, picktour_rules, picktour_scattered
from optimizer.layout import Block
from optimizer.result import Limits, Status

FEW = 7  # stops of which all orders are tried
BRUTE, GRAPHS = 20, 10  # tours
AISLES, LENGTH_M, PITCH_M, STOPS, TOURS = 10, 48.0, 5.0, 15, 100
LEAST = 1e-6


def drawn(blocks: int, stops: int = STOPS) -> list[picktour.Problem]:
    """Tours by a seed, through so many blocks."""
    chance = np.random.default_rng((blocks, stops))
    cuts_m = tuple(LENGTH_M * at / blocks for at in range(1, blocks))
    block = Block(
        aisles=AISLES, aisle_length_m=LENGTH_M, aisle_pitch_m=PITCH_M, cross_aisles_m=cuts_m
    )
    return [
        picktour.Problem(
            block=block,
            aisle=chance.integers(0, AISLES, stops),
            depth_m=chance.integers(0, int(LENGTH_M) + 1, stops).astype(np.float64),
        )
        for _ in range(TOURS)
    ]


def timed(blocks: int) -> dict[str, float]:
    """The median time of a tour, and how much longer the rules are."""
    tours = drawn(blocks)
    picktour.solve(tours[0])
    took_ms, by_s_shape, by_gap = [], [], []
    for tour in tours:
        begun_s = time.process_time()
        best_m = picktour.solve(tour).objective
        took_ms.append((time.process_time() - begun_s) * 1e3)
        by_s_shape.append(picktour.s_shape_length_m(tour) / best_m - 1)
        by_gap.append(picktour.largest_gap_length_m(tour) / best_m - 1)
    return {
        f"block_{blocks}_ms": round(statistics.median(took_ms), 3),
        f"s_shape_{blocks}": round(statistics.mean(by_s_shape), 4),
        f"largest_gap_{blocks}": round(statistics.mean(by_gap), 4),
    }


def one_scattered(file: Path, seconds: float) -> tuple[float, bool, float]:
    """How long the tour is, whether that is proven, and the seconds of the processor."""
    begun_s = time.process_time()
    solution = picktour_scattered.solve(read(file), limits=Limits(seconds=seconds))
    took_s = time.process_time() - begun_s
    return solution.objective, solution.status is Status.OPTIMAL, took_s


def warm() -> None:
    """Compile: the first instance takes that long."""
    for tour in drawn(1)[:1]:
        one, wanted = np.arange(tour.aisle.size), np.ones(tour.aisle.size, dtype=np.int64)
        problem = picktour_scattered.Problem(
            block=tour.block, aisle=tour.aisle, depth_m=tour.depth_m, article=one // 2,
            quantity=wanted, wanted=wanted[: STOPS // 2 + 1],
        )  # fmt: skip
        picktour_scattered.solve(problem, limits=Limits(iterations=2))


def scattered(folder: Path, seconds: float, most: int, workers: int) -> dict[str, float | None]:
    """The published instances with goods at several places."""
    found = files(folder)[:most]
    best = optima(folder) if found else {}
    if not found:
        sys.stderr.write(f"no published tours here: {folder} is missing\n")
        return {"scattered_equal": None, "scattered_gap": None, "scattered": 0}
    with ProcessPoolExecutor(workers, get_context("spawn"), warm) as pool:
        rows = list(pool.map(one_scattered, found, [seconds] * len(found)))
    longer = []
    for file, (metres, is_proven, took_s) in zip(found, rows, strict=True):
        longer.append(metres / best[file.stem] - 1)
        told = f"{file.stem} {metres} {best[file.stem]} {is_proven} {took_s:.2f} s"
        sys.stderr.write(f"{told}\n")
    return {
        "scattered_equal": statistics.mean(abs(each) < LEAST for each in longer),
        "scattered_gap": round(statistics.mean(longer), 4),
        "scattered_proven": statistics.mean(is_proven for _, is_proven, _ in rows),
        "scattered_s": round(statistics.median(took_s for _, _, took_s in rows), 2),
        "scattered": len(longer),
    }


def fixed(folder: Path) -> dict[str, float | None]:
    """The published tours through fixed places."""
    equal = []
    for two_blocks in (False, True):
        best = optima(folder, two_blocks=two_blocks)
        for file in folder.glob("*_F1_*.txt"):
            if file.stem in best:
                problem = read(file, two_blocks=two_blocks)
                metres = problem.walk_m(np.ones(problem.aisle.size, dtype=np.bool_))
                equal.append(abs(metres - best[file.stem]) < LEAST)
    return {"blocks_equal": statistics.mean(equal) if equal else None, "tours": len(equal)}


def by_brute_force() -> dict[str, float]:
    """Tours of few stops through three and four blocks, beside the shortest of all orders."""
    equal = []
    for tour in drawn(3, FEW)[:BRUTE] + drawn(4, FEW)[:BRUTE]:
        far = picktour_rules.from_depot_m(tour.block, tour.aisle, tour.depth_m, tour.depot_aisle)
        metres = far.tolist()
        shortest = min(
            sum(metres[a][b] for a, b in pairwise((0, *order, 0)))
            for order in permutations(range(1, FEW + 1))
        )
        equal.append(abs(picktour.length_m(tour) - shortest) < LEAST)
    return {"brute_equal": statistics.mean(equal)}


def as_graph(tour: picktour.Problem) -> picktour_graph.Problem:
    """The same as places and ways: a place for every metre of every aisle."""
    block, long = tour.block, int(tour.block.aisle_length_m) + 1
    along = [(a * long + y, a * long + y + 1) for a in range(block.aisles) for y in range(long - 1)]
    over = [
        (a * long + int(cut), (a + 1) * long + int(cut))
        for a in range(block.aisles - 1)
        for cut in block.cuts_m
    ]
    metres = [1.0] * len(along) + [block.aisle_pitch_m] * len(over)
    return picktour_graph.Problem(
        ways=np.array(along + over),
        metres=np.array(metres),
        stops=tour.aisle * long + tour.depth_m.astype(np.int64),
    )


def over_graphs() -> dict[str, float]:
    """Tours over the graph of their aisles, beside the exact ones."""
    equal, took_s = [], []
    for tour in drawn(2)[:GRAPHS]:
        begun_s = time.process_time()
        solution = picktour_graph.solve(as_graph(tour), limits=Limits(seconds=5))
        took_s.append(time.process_time() - begun_s)
        equal.append(abs(solution.objective - picktour.length_m(tour)) < LEAST)
    return {
        "graph_equal": statistics.mean(equal),
        "graph_s": round(statistics.median(took_s), 3),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Tours, measured.")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--instances", type=int, default=40)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=PUBLISHED)
    parser.add_argument("--plain", action="store_true", help="without numba")
    parser.add_argument("--json", action="store_true", help="as always")
    args = parser.parse_args()
    if args.plain and os.environ.get("SOKO_COMPILED") != "0":
        again = [sys.executable, "-m", "benchmarks.tours", *sys.argv[1:]]
        done = subprocess.run(again, env=os.environ | {"SOKO_COMPILED": "0"}, check=False)  # noqa: S603 - ourselves
        raise SystemExit(done.returncode)
    figures: dict[str, float | None] = {}
    for blocks in range(1, 5):
        figures |= timed(blocks)
    figures |= by_brute_force() | over_graphs() | fixed(args.folder)
    if args.instances:
        figures |= scattered(args.folder, args.seconds, args.instances, args.workers)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
