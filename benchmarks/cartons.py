"""Orders into cartons: how fast, and what it costs over the exact answer; one JSON line.

Orders of one to a dozen things of an assortment, into six kinds of cartons.

    seconds_1000   CPU seconds for 1,000 orders in plain Python
    over_exact     per cent more cost than exact on orders of three to six things, half are bulky
    ffd_over_exact the same of first-fit decreasing: into the largest, then each the smallest
    carton_over_exact, ffd_carton_over_exact   of the cartons' cost alone
    proven         share of orders whose solution is proven optimal by its own bound

Exact: the cheapest way to share things out among cartons, over all subsets; whether a subset goes
into a carton is asked of CP-SAT where the product has found no way.
"""

import json
import random
import sys
from functools import cache
from itertools import combinations
from time import process_time

from ortools.sat.python import cp_model

from optimizer.cartons import Carton, Item, Packed, Placed, Problem, cost_terms, solve, turns
from optimizer.cartons_check import faults
from optimizer.cartons_lay import lay, volume

CARTONS = tuple(
    Carton(code=code, sides_mm=sides, tare_g=tare, max_g=most, cost_minor=cost)
    for code, sides, tare, most, cost in (
        ("60", (250, 180, 120), 100, 5_000, 40), ("80", (340, 250, 160), 200, 10_000, 60),
        ("100", (400, 300, 250), 300, 15_000, 80), ("120", (480, 380, 300), 450, 20_000, 110),
        ("140", (600, 400, 350), 600, 25_000, 150), ("160", (700, 500, 400), 900, 25_000, 200),
    )
)  # fmt: skip


def typical(count: int, lines: tuple[int, ...], seed: int, *, bulky: float = 1.0) -> list[Problem]:
    """Orders of an assortment of 300; `bulky` things are so many times as long."""
    draw = random.Random(seed)
    mm, grams = bulky, 0.5 + bulky**3 / 2
    shelf = [
        Item(
            sides_mm=(
                int(mm * draw.randint(40, 320)),
                int(mm * draw.randint(30, 220)),
                int(mm * draw.randint(10, 160)),
            ),
            weight_g=int(grams * draw.randint(30, 2_500)),
            upright=draw.random() < 0.1,
            fragile=draw.random() < 0.1,
        )
        for _ in range(300)
    ]
    return [
        Problem(
            items=tuple(
                thing
                for _ in range(draw.choice(lines))
                for thing in [draw.choice(shelf)] * draw.choice([1, 1, 1, 2, 3])
            ),
            cartons=CARTONS,
            parcel_minor=700,
        )
        for _ in range(count)
    ]


def goes_in(problem: Problem, group: tuple[int, ...], carton: Carton) -> bool:
    """Whether these go into a carton: asked of the product, of volume, then of CP-SAT."""
    things = [problem.items[number] for number in group]
    if carton.tare_g + sum(thing.weight_g for thing in things) > carton.max_g:
        return False
    if sum(volume(thing.sides_mm) for thing in things) > volume(carton.sides_mm):
        return False
    return lay(problem.items, carton.sides_mm, group) is not None or _by_cp_sat(things, carton)


def _by_cp_sat(things: list[Item], carton: Carton) -> bool:
    model = cp_model.CpModel()
    low, high = [], []
    for thing in things:
        ways = turns(thing.sides_mm, upright=thing.upright)
        turned = [model.new_bool_var("") for _ in ways]
        model.add_exactly_one(turned)
        corner = [model.new_int_var(0, room, "") for room in carton.sides_mm]
        low.append(corner)
        high.append(
            [
                corner[axis] + sum(way[axis] * on for way, on in zip(ways, turned, strict=True))
                for axis in range(3)
            ]
        )
        for axis, room in enumerate(carton.sides_mm):
            model.add(high[-1][axis] <= room)
    for one, other in combinations(range(len(things)), 2):
        apart = []
        for first, second in ((one, other), (other, one)):
            for axis in range(3):
                if axis == 2 and things[first].fragile:
                    continue  # the second would lie above it
                before = model.new_bool_var("")
                model.add(high[first][axis] <= low[second][axis]).only_enforce_if(before)
                apart.append(before)
        model.add_bool_or(apart)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.max_time_in_seconds = 5
    return bool(solver.solve(model) in {cp_model.OPTIMAL, cp_model.FEASIBLE})


def exact(problem: Problem) -> dict[str, float]:
    """The least cost by name, when nothing has to be apart and cartons do not run out."""
    full = (1 << len(problem.items)) - 1

    @cache
    def alone(subset: int) -> dict[str, float] | None:
        """The cheapest one carton for all of these."""
        group = tuple(n for n in range(len(problem.items)) if subset >> n & 1)
        placed = tuple(
            Placed(item=n, at_mm=(0, 0, 0), sides_mm=problem.items[n].sides_mm) for n in group
        )
        costs = [
            (cost_terms(problem, [Packed(carton=number, placed=placed)]), number)
            for number in range(len(problem.cartons))
        ]
        costs.sort(key=lambda each: sum(each[0].values()))
        for cost, number in costs:
            if goes_in(problem, group, problem.cartons[number]):
                return cost
        if len(group) == 1:
            return cost_terms(problem, [Packed(carton=None, placed=placed)])
        return None

    @cache
    def best(subset: int) -> dict[str, float]:
        found: dict[str, float] = {}
        first, part = subset & -subset, subset
        while part:
            if part & first and (one := alone(part)) is not None:
                rest = best(subset ^ part) if part != subset else {}
                both = {name: cost + rest.get(name, 0.0) for name, cost in one.items()}
                if not found or sum(both.values()) < sum(found.values()):
                    found = both
            part = (part - 1) & subset
        return found

    return best(full)


def first_fit(problem: Problem) -> dict[str, float]:
    """First-fit decreasing: into the first of the largest cartons; then each the smallest."""
    largest = max(problem.cartons, key=lambda each: volume(each.sides_mm))
    bins: list[tuple[int, ...]] = []
    by_size = sorted(range(len(problem.items)), key=lambda n: -volume(problem.items[n].sides_mm))
    for number in by_size:
        for at, held in enumerate(bins):
            weight = sum(problem.items[n].weight_g for n in (*held, number)) + largest.tare_g
            group = (*held, number)
            if weight <= largest.max_g and lay(problem.items, largest.sides_mm, group):
                bins[at] = group
                break
        else:
            bins.append((number,))
    plan = []
    for held in bins:
        weight = sum(problem.items[n].weight_g for n in held)
        fitting = [
            (carton.cost_minor, number, placed)
            for number, carton in enumerate(problem.cartons)
            if carton.tare_g + weight <= carton.max_g
            and (placed := lay(problem.items, carton.sides_mm, held)) is not None
        ]
        here = Placed(item=held[0], at_mm=(0, 0, 0), sides_mm=problem.items[held[0]].sides_mm)
        _, carton, placed = min(fitting, default=(0, None, (here,)))
        plan.append(Packed(carton=carton, placed=placed))
    return cost_terms(problem, plan)


def run(orders: int, small: int) -> dict[str, object]:
    """All figures."""
    problems = typical(orders, (1, 1, 2, 2, 3, 4), 5)
    begun = process_time()
    found = [solve(problem) for problem in problems]
    seconds = process_time() - begun
    for problem, solution in zip(problems, found, strict=True):
        assert not faults(problem, solution.plan)
    drawn = typical(9 * small, (2, 3, 4), 6, bulky=1.0) + typical(
        9 * small, (2, 3, 4), 7, bulky=1.9
    )
    random.Random(1).shuffle(drawn)
    few = [each for each in drawn if 3 <= len(each.items) <= 6][:small]
    ours = [dict(solve(problem).terms) for problem in few]
    theirs = [first_fit(problem) for problem in few]
    least = [exact(problem) for problem in few]

    def over(costs: list[dict[str, float]], name: str | None = None) -> float:
        total = [
            sum(sum(each.values()) if name is None else each[name] for each in rows)
            for rows in (costs, least)
        ]
        return round(100 * (total[0] / total[1] - 1), 3)

    return {
        "benchmark": "cartons",
        "orders": orders,
        "seconds_1000": round(1000 * seconds / orders, 3),
        "slowest_ms": round(1000 * max(solution.runtime_s for solution in found), 1),
        "small_orders": len(few),
        "over_exact": over(ours),
        "ffd_over_exact": over(theirs),
        "carton_over_exact": over(ours, "cartons"),
        "ffd_carton_over_exact": over(theirs, "cartons"),
        "proven": round(sum(solution.gap == 0 for solution in found) / orders, 3),
    }


if __name__ == "__main__":
    quick = "--quick" in sys.argv
    sys.stdout.write(json.dumps(run(200 if quick else 1000, 40 if quick else 200)) + "\n")
