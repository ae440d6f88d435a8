"""Published instances of vehicle routing: how near to the best known; one JSON line.

CVRPLIB X-n200-k36 and X-n303-k21 (distances rounded) and Solomon's RC208 (tenths, cut off), read
from `../shared/data/optimizer/vrp`; skipped where that is missing.

    pyvrp_percent     over the best known in --seconds (10), worst of the X instances, with PyVRP
    rc208_percent     the same of RC208 (0: optimal)
    fallback_percent  over the best known on n <= 200 in 20 s, with OR-Tools
    savings_percent   of the first plan, in the same run
"""

import json
import sys
from pathlib import Path
from time import process_time

import numpy as np

from optimizer.result import Limits
from optimizer.routes import ALWAYS, Ints, Problem, Stop, solve
from optimizer.routes_check import faults, length

DATA = Path(__file__).parents[2] / "shared" / "data" / "optimizer" / "vrp"
XS = ("X-n200-k36", "X-n303-k21")


def sections(text: str) -> tuple[dict[str, str], dict[str, Ints]]:
    """The facts of a file in the format of TSPLIB, and its tables of whole numbers by name."""
    facts: dict[str, str] = {}
    tables: dict[str, list[list[int]]] = {}
    rows: list[list[int]] = []
    for line in text.splitlines():
        words = line.replace(":", " : ").split()
        if len(words) > 2 and words[1] == ":":
            facts[words[0]] = words[2]
        elif words and words[0].endswith("_SECTION"):
            rows = tables[words[0].removesuffix("_SECTION")] = []
        elif words and words[0].lstrip("-").isdigit() and int(words[0]) > 0:
            rows.append([int(word) for word in words])
    return facts, {name: np.array(table, dtype=np.int64) for name, table in tables.items()}


def read(name: str) -> tuple[Problem, int]:
    """An instance, and its best known cost."""
    facts, tables = sections((DATA / f"{name}.vrp").read_text())
    known = float((DATA / f"{name}.sol").read_text().rsplit("Cost", 1)[1].split()[0])
    points, takes = tables["NODE_COORD"][:, 1:], tables["DEMAND"][:, 1]
    windows = tables.get("TIME_WINDOW")
    scale = 1 if windows is None else 10
    apart = points[:, None, :] - points[None, :, :]
    length = scale * np.hypot(apart[..., 0], apart[..., 1])
    distance = (np.rint(length) if windows is None else np.floor(length)).astype(np.int64)
    opens, closes = np.zeros(len(points), dtype=np.int64), np.full(len(points), ALWAYS)
    if windows is not None:
        opens, closes = scale * windows[:, 1], scale * windows[:, 2]
    lasts = scale * int(facts.get("SERVICE_TIME", 0))
    stops = tuple(
        Stop(takes=takes_, lasts=lasts, opens=first, closes=last)
        for takes_, first, last in zip(
            takes[1:].tolist(), opens[1:].tolist(), closes[1:].tolist(), strict=True
        )
    )
    problem = Problem(
        distance=distance,
        stops=stops,
        capacity=int(facts["CAPACITY"]),
        closes=int(closes[0]),
        vehicles=int(facts["VEHICLES"]) if "VEHICLES" in facts else None,
    )
    return problem, round(scale * known)


def over(name: str, seconds: float, engine: str) -> tuple[float, float, float]:
    """Per cent over the best known of the best plan and of the first; CPU seconds."""
    problem, best = read(name)
    begun = process_time()
    found = solve(problem, limits=Limits(seconds=seconds), engine=engine)
    cpu_s = process_time() - begun
    assert not faults(problem, found.plan)
    assert found.objective == length(problem, found.plan), "some stop is left out"
    return 100 * (found.objective / best - 1), 100 * (found.stages["savings"] / best - 1), cpu_s


def run(seconds: float) -> dict[str, object]:
    """All figures."""
    found = {name: over(name, seconds, "pyvrp") for name in (*XS, "RC208")}
    fallback = over(XS[0], 2 * seconds, "ortools")
    return {
        "benchmark": "vrp",
        "seconds": seconds,
        "pyvrp_percent": round(max(found[name][0] for name in XS), 3),
        "by_name": {name: round(each[0], 3) for name, each in found.items()},
        "rc208_percent": round(found["RC208"][0], 3),
        "fallback_percent": round(fallback[0], 3),
        "savings_percent": round(max(found[name][1] for name in XS), 2),
        "cpu_s": round(sum(each[2] for each in found.values()), 1),
    }


if __name__ == "__main__":
    if not DATA.exists():
        sys.stdout.write(json.dumps({"benchmark": "vrp", "skipped": "no instances here"}) + "\n")
        sys.exit()
    limit = float(sys.argv[sys.argv.index("--seconds") + 1]) if "--seconds" in sys.argv else 10.0
    sys.stdout.write(json.dumps(run(limit)) + "\n")
