"""Tours and batches in files (`soko plan solve`): the fields of the problem.

    {"kind": "tours", "block": {"aisles": 4, "aisle_length_m": 10, "aisle_pitch_m": 3},
     "aisle": [0, 3], "depth_m": [9, 2]}
    {"kind": "tours", "block": {...}, "aisle": [...], "depth_m": [...], "article": [0, 0],
     "quantity": [1, 5], "wanted": [3]}                         goods that lie at several places
    {"kind": "tours", "ways": [[0, 1], [1, 2]], "metres": [5, 4], "stops": [2]}       any graph
    {"kind": "batching", "block": {...}, "aisle": [...], "depth_m": [...],
     "order_of_stop": [0, 0, 1], "size_of_order": [2, 1], "capacity": 3}

What is told of a tour is the order of its stops (of scattered goods: what is taken where, and the
order of these places), of batches the stops of each walk in its order. The picture is the block
with the walks; a graph has none.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np

from optimizer import batching, picktour, picktour_graph, picktour_scattered, pictures
from optimizer.layout import Block
from optimizer.plain import made
from optimizer.problems import Kind
from optimizer.result import Limits, Progress, Solution

Tour: TypeAlias = picktour.Problem | picktour_scattered.Problem | picktour_graph.Problem
Place: TypeAlias = tuple[int, float]  # an aisle and a depth
STOP = 0.6  # of an aisle's pitch, as wide as a stop is drawn


def _read_tour(file: Mapping[str, Any]) -> Tour:
    if "ways" in file:
        in_graph = made(picktour_graph.Problem, file)
        assert isinstance(in_graph, picktour_graph.Problem)
        return in_graph
    if "wanted" in file:
        scattered = made(picktour_scattered.Problem, file)
        assert isinstance(scattered, picktour_scattered.Problem)
        return scattered
    tour = made(picktour.Problem, file)
    assert isinstance(tour, picktour.Problem)
    return tour


def _solve_tour(tour: Tour, limits: Limits, seed: int, progress: Progress) -> Solution[Any]:
    match tour:
        case picktour_graph.Problem():
            return picktour_graph.solve(tour, limits=limits, seed=seed, progress=progress)
        case picktour_scattered.Problem():
            return picktour_scattered.solve(tour, limits=limits, seed=seed, progress=progress)
        case picktour.Problem():
            return picktour.solve(tour, seed=seed)


def _walk(tour: Tour, plan: batching.Ints) -> list[int]:
    """The stops, or the places where something is taken, in the order of the walk."""
    if isinstance(tour, picktour_scattered.Problem):
        places = np.flatnonzero(plan)
        order = picktour.solve(tour.tour(plan > 0)).plan
        return [int(place) for place in places[order]]
    return [int(stop) for stop in plan]


def _told_tour(tour: Tour, plan: batching.Ints) -> dict[str, list[int]]:
    told = {"walk": _walk(tour, plan)}
    if isinstance(tour, picktour_scattered.Problem):
        told["taken"] = plan.tolist()
    return told


def _drawn_tour(tour: Tour, plan: batching.Ints) -> str:
    if isinstance(tour, picktour_graph.Problem):
        return pictures.document(1, 1, "a graph has no picture", ())
    walk = _walk(tour, plan)
    places = [(int(tour.aisle[stop]), float(tour.depth_m[stop])) for stop in walk]
    return _drawn(tour.block, tour.depot_aisle, [places], f"{len(walk)} stops")


def _read_batches(file: Mapping[str, Any]) -> batching.Problem:
    problem = made(batching.Problem, file)
    assert isinstance(problem, batching.Problem)
    return problem


def _solve_batches(
    problem: batching.Problem, limits: Limits, seed: int, progress: Progress
) -> Solution[batching.Ints]:
    return batching.solve(problem, limits=limits, seed=seed, progress=progress)


def _walks(problem: batching.Problem, plan: batching.Ints) -> list[list[int]]:
    """The stops of each walk, in its order."""
    walks = []
    for number in range(int(plan.max(initial=-1)) + 1):
        mine = np.flatnonzero(plan[problem.order_of_stop] == number)
        tour = picktour.Problem(
            block=problem.block,
            aisle=problem.aisle[mine],
            depth_m=problem.depth_m[mine],
            depot_aisle=problem.depot_aisle,
        )
        walks.append([int(stop) for stop in mine[picktour.solve(tour).plan]])
    return walks


def _told_batches(problem: batching.Problem, plan: batching.Ints) -> dict[str, Any]:
    return {"batch_of_order": plan.tolist(), "walks": _walks(problem, plan)}


def _drawn_batches(problem: batching.Problem, plan: batching.Ints) -> str:
    walks = [
        [(int(problem.aisle[stop]), float(problem.depth_m[stop])) for stop in walk]
        for walk in _walks(problem, plan)
    ]
    return _drawn(problem.block, problem.depot_aisle, walks, f"{len(walks)} walks")


def _drawn(block: Block, depot_aisle: int, walks: Sequence[Sequence[Place]], title: str) -> str:
    """The block from above, the depot below: the aisles, the stops, and the walks in colours."""
    pitch_m, high_m = block.aisle_pitch_m, block.aisle_length_m
    side_m = STOP * pitch_m / 2
    marks = []
    for number, walk in enumerate(walks):
        for aisle, depth_m in walk:
            at = aisle * pitch_m + side_m, high_m - depth_m + side_m, side_m, side_m, number
            marks.append(pictures.rectangle(at, f"walk {number}"))
        points = _corners(block, [(depot_aisle, 0.0), *walk, (depot_aisle, 0.0)])
        shift_m = side_m * (1 + number / len(walks))  # beside each other, not over each other
        line = [(shift_m + x, high_m - y + shift_m) for x, y in points]
        marks.append(pictures.line(line, number))
    return pictures.document(block.aisles * pitch_m, high_m + pitch_m, title, marks)


def _corners(block: Block, places: Sequence[Place]) -> list[tuple[float, float]]:
    """The points of the shortest way from place to place."""
    points = []
    for (one, from_m), (other, to_m) in pairwise(places):
        points.append((one * block.aisle_pitch_m, from_m))
        if one != other:
            cut_m = min(block.cuts_m, key=lambda c, f=from_m, t=to_m: abs(f - c) + abs(t - c))  # type: ignore[misc]
            points += [(aisle * block.aisle_pitch_m, cut_m) for aisle in (one, other)]
    last, depth_m = places[-1]
    return [*points, (last * block.aisle_pitch_m, depth_m)]


TOURS = Kind(read=_read_tour, solve=_solve_tour, told=_told_tour, drawn=_drawn_tour)
BATCHING = Kind(read=_read_batches, solve=_solve_batches, told=_told_batches, drawn=_drawn_batches)
