"""Tours through aisles: published optima, and how long one takes; one JSON line at the end.

    python -m benchmarks.tours [--seconds 60] [--files 40] [--plain]

    scattered_equal   share of the published instances (../shared/data/optimizer/tours) whose tour
                      is as long as the published optimum; null where the data are missing
    scattered_gap     mean share by which the others are longer
    block_1_ms .. 4   the median time of a tour of 15 stops in 10 aisles, of the processor
    s_shape, largest_gap   mean share by which the usual rules are longer, in one block and two

`--plain` (or SOKO_COMPILED=0) measures the loops as they are, without numba.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time

import numpy as np

from benchmarks.tours_files import files, optima, read
from optimizer import picktour, picktour_scattered
from optimizer.layout import Block
from optimizer.result import Limits

AISLES, LENGTH_M, PITCH_M, STOPS, TOURS = 10, 48.0, 5.0, 15, 100


def drawn(blocks: int) -> list[picktour.Problem]:
    """Tours by a seed, through so many blocks."""
    chance = np.random.default_rng(blocks)
    cuts_m = tuple(LENGTH_M * at / blocks for at in range(1, blocks))
    block = Block(
        aisles=AISLES, aisle_length_m=LENGTH_M, aisle_pitch_m=PITCH_M, cross_aisles_m=cuts_m
    )
    return [
        picktour.Problem(
            block=block,
            aisle=chance.integers(0, AISLES, STOPS),
            depth_m=chance.uniform(0, LENGTH_M, STOPS),
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


def scattered(seconds: float, most: int) -> dict[str, float | None]:
    """The published instances."""
    longer = []
    found = files()[:most]
    best = optima() if found else {}
    for file in found:
        solution = picktour_scattered.solve(read(file), limits=Limits(seconds=seconds))
        longer.append(solution.objective / best[file.stem] - 1)
        sys.stderr.write(f"{file.stem} {solution.objective} {best[file.stem]} {solution.status}\n")
    if not longer:
        sys.stderr.write("no published tours here: ../shared/data/optimizer/tours is missing\n")
        return {"scattered_equal": None, "scattered_gap": None, "scattered": 0}
    return {
        "scattered_equal": statistics.mean(abs(each) < 1e-9 for each in longer),
        "scattered_gap": round(statistics.mean(longer), 4),
        "scattered": len(longer),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Tours, measured.")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--files", type=int, default=40)
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
    print(json.dumps({**figures, **scattered(args.seconds, args.files)}))


if __name__ == "__main__":
    main()
