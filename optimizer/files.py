"""Problems of packing, levels, docks, shifts and routes in files (`soko plan solve`).

A file has the fields of the problem's dataclass, and `kind`:

    {"kind": "loading", "kinds": [{"sides": [5, 5, 5], "count": 8}], "room": [10, 10, 10]}
    {"kind": "docks", "trucks": [{"arrives": 0, "lasts": 2, "due": 4, "way": [0]}],
     "doors": [{"closes": 9}]}

Levels take a demand as "mean" and "variance" as well as as "demand"; routes take "points" instead
of "distance". What is not as it should be is a ValueError that says where (optimizer.plain).
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from optimizer import cartons, docks, labour, loading, pallets, pictures, replenishment, routes
from optimizer.plain import made, plain
from optimizer.problems import Kind
from optimizer.result import Limits, Progress, Solution


def _kind(
    module: Any,
    read: Callable[[Mapping[str, Any]], Any] | None = None,
    drawn: Callable[[Any, Any], str] | None = None,
) -> Kind:
    def solve(problem: Any, limits: Limits, seed: int, progress: Progress) -> Solution[Any]:
        found: Solution[Any] = module.solve(problem, limits=limits, seed=seed, progress=progress)
        return found

    def told(_problem: Any, plan: Any) -> Any:
        return plain(plan)

    by_fields = read or (lambda file: made(module.Problem, file))
    return Kind(read=by_fields, solve=solve, told=told, drawn=drawn)


def _levels(file: Mapping[str, Any]) -> replenishment.Problem:
    rest = {name: value for name, value in file.items() if name not in {"mean", "variance"}}
    if "mean" in file:
        mean = made(float, file["mean"], "mean")
        variance = made(float, file.get("variance", mean), "variance")
        rest["demand"] = replenishment.spread(mean, variance).tolist()
    problem = made(replenishment.Problem, rest)
    assert isinstance(problem, replenishment.Problem)
    return problem


def _routes(file: Mapping[str, Any]) -> routes.Problem:
    rest = dict(file)
    if "points" in file and "distance" not in file:
        points = np.array(made(tuple[tuple[float, float], ...], file["points"], "points"))
        apart = points[:, None, :] - points[None, :, :]
        rest["distance"] = np.rint(np.hypot(apart[..., 0], apart[..., 1])).astype(int).tolist()
    problem = made(routes.Problem, rest)
    assert isinstance(problem, routes.Problem)
    return problem


def _drawn_cartons(problem: cartons.Problem, plan: tuple[cartons.Packed, ...]) -> str:
    rooms = [
        (
            each.placed[0].sides_mm
            if each.carton is None
            else problem.cartons[each.carton].sides_mm,
            [(box.at_mm, box.sides_mm, box.item) for box in each.placed],
        )
        for each in plan
    ]
    return pictures.boxes(rooms, f"{len(plan)} cartons")


def _drawn_load(problem: loading.Problem, plan: tuple[loading.Stowed, ...]) -> str:
    inside = [(box.at, box.sides, box.kind) for box in plan]
    return pictures.boxes([(problem.room, inside)], f"{len(plan)} boxes")


def _drawn_pallets(problem: pallets.Problem, plan: tuple[tuple[loading.Stowed, ...], ...]) -> str:
    rooms = [(problem.room, [(box.at, box.sides, box.kind) for box in each]) for each in plan]
    return pictures.boxes(rooms, f"{len(plan)} pallets")


def _drawn_docks(problem: docks.Problem, plan: docks.Plan) -> str:
    rows: list[list[tuple[float, float, str]]] = [[] for _ in problem.doors]
    for number, slot in enumerate(plan):
        if slot is not None:
            until = slot.starts + problem.trucks[number].lasts
            rows[slot.door].append((slot.starts, until, f"truck {number}"))
    return pictures.bars(rows, f"{len(plan)} trucks at {len(rows)} doors")


def _drawn_labour(problem: labour.Problem, plan: tuple[labour.Duty, ...]) -> str:
    rows: list[list[tuple[float, float, str]]] = [[] for _ in problem.staff]
    for person, day, shift, work in plan:
        start = day * labour.DAY_MIN
        each = problem.shifts[shift]
        rows[person].append((start + each.starts_min, start + each.ends_min, f"work {work}"))
    return pictures.bars(rows, f"{len(plan)} shifts of {len(rows)} people")


def _drawn_routes(problem: routes.Problem, plan: routes.Routes) -> str:
    if not problem.points:
        return pictures.document(1, 1, "no points were given", ())
    lines = [[stop + 1 for stop in route] for route in plan]
    return pictures.ways(problem.points, lines, f"{len(plan)} routes")


CARTONS = _kind(cartons, drawn=_drawn_cartons)
LOADING = _kind(loading, drawn=_drawn_load)
PALLETS = _kind(pallets, drawn=_drawn_pallets)
REPLENISHMENT = _kind(replenishment, read=_levels)
DOCKS = _kind(docks, drawn=_drawn_docks)
LABOUR = _kind(labour, drawn=_drawn_labour)
ROUTES = _kind(routes, read=_routes, drawn=_drawn_routes)
