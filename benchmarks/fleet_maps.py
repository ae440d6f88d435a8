"""Sites that lock careless fleets up: dead ends, a single lane, two lifts, pods (T7).

    comb      fifteen dead-end aisles of depth six on a street of two lanes
    bridge    two halls with one lane between them
    floors    two floors with two lifts
    pods      shelves that robots drive under when empty, and carry through the aisles

Each gives a World for a number of robots and a seed. Everybody always has somewhere to go: the
first goal of its list of eight that does not lead to another hall while CROSSING robots are on
their way to one, nor into a dead end that another is going to, if there is one. Which of them are
under way at a time is the planner's business (SHARE, wcs.fleet.claims); who waits for that waits.
Nobody's goal is in a lift or on a single lane: there is nothing to do there.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.fleet_world import Leg, World
from wcs.fleet.claims import Claims
from wcs.fleet.grants import Fleet
from wcs.fleet.serve import NONE
from wcs.layout.connect import neighbours, parts
from wcs.layout.lanes import lanes
from wcs.layout.roadmap import Roadmap, build, of_grid
from wcs.layout.rows import Rows
from wcs.layout.zones import Zone

WITH, AGAINST, QUARTER = 2, 8, 2
CROSSING = 5
SHARE = 0.15  # robots under way to a node outside of all zones
_AHEAD = 8  # goals of its list that a robot may choose from

Flags = NDArray[np.bool_]
Ints = NDArray[np.int32]


def comb(robots: int, seed: int, late: float) -> World:
    """Fifteen dead-end aisles."""
    free = np.zeros((8, 45), np.bool_)
    free[6:] = True
    free[:6, 1::3] = True
    return _world(of_grid(free), (), robots, seed, late)


def bridge(robots: int, seed: int, late: float) -> World:
    """Two halls of 8 by 8 and a lane of six between them."""
    free = np.zeros((8, 22), np.bool_)
    free[:, :8] = free[:, 14:] = True
    free[3] = True
    return _world(of_grid(free), (), robots, seed, late)


def floors(robots: int, seed: int, late: float) -> World:  # noqa: C901 - a plan of a house
    """Two floors of 8 by 8, with a lift at either side; a ride takes as long as four moves."""
    size = 8
    names, xy, level, arcs = [], [], [], []
    for floor in range(2):
        for r in range(size):
            for c in range(size):
                names.append(f"{floor}:{r},{c}")
                xy.append((float(c + 100 * floor), float(-r)))
                level.append(floor)
    node = {name: i for i, name in enumerate(names)}
    for floor in range(2):
        for r in range(size):
            for c in range(size):
                for near in (f"{floor}:{r},{c + 1}", f"{floor}:{r + 1},{c}"):
                    if near in node:
                        here = node[f"{floor}:{r},{c}"]
                        arcs += [(here, node[near], WITH), (node[near], here, WITH)]
    zones = []
    for side, column in (("west", 0), ("east", size - 1)):
        cars = []
        for floor in range(2):
            cars.append(len(names))
            names.append(f"{side}:{floor}")
            xy.append((100.0 * floor + (-1.0 if column == 0 else float(size)), -3.0))
            level.append(floor)
            landing = node[f"{floor}:3,{column}"]
            arcs += [(landing, cars[-1], WITH), (cars[-1], landing, WITH)]
        arcs += [(cars[0], cars[1], 4 * WITH), (cars[1], cars[0], 4 * WITH)]
        zones.append(Zone("LIFT", tuple(cars), 1, side))
    roadmap = build(names=names, xy_m=xy, level=level, arcs=arcs, quarter=QUARTER)
    return _world(roadmap, zones, robots, seed, late)


def pods(robots: int, seed: int, late: float) -> World:
    """Blocks of two by five pods between aisles; four stations along the edge."""
    rows, columns = 3, 4
    height, width = rows * 3 + 1, columns * 6 + 1
    free = np.ones((height + 2, width), np.bool_)
    roadmap = of_grid(free)
    roadmap = _with_lanes(roadmap)
    place = {name: i for i, name in enumerate(roadmap.names)}
    is_pod = np.zeros(roadmap.nodes, np.bool_)
    for r in range(rows * 3):
        for c in range(width - 1):
            if r % 3 and c % 6:
                is_pod[place[f"{r},{c}"]] = True
    shut = np.zeros((2, len(roadmap.start)), np.bool_)
    shut[1] = is_pod[roadmap.end]
    stations = [place[f"{height + 1},{c}"] for c in (3, 9, 15, 21)]
    cells = np.flatnonzero(is_pod)
    rng = np.random.default_rng(seed)
    starts = rng.permutation(np.flatnonzero(~is_pod))[:robots].astype(np.int32)
    fleet = Fleet.at(roadmap, starts, shut=shut)
    fleet.heading[:] = 0
    carried: dict[int, int] = {}  # whose pod; others choose another one

    def next_leg(robot: int, done: int) -> Leg:
        stage = done % 3
        if stage == 1:
            return Leg(int(rng.choice(stations)), 1)
        if stage == 2:
            return Leg(carried[robot], 1)
        carried.pop(robot, None)
        free_cells = [int(cell) for cell in cells if cell not in carried.values()]
        carried[robot] = int(rng.choice(free_cells))
        return Leg(carried[robot], 0)

    rows_of = Rows(roadmap, shut, rows_max=2 * roadmap.nodes)
    return World(fleet, rows_of, next_leg, None, late, seed)


MAPS: dict[str, Callable[[int, int, float], World]] = {
    "comb": comb,
    "bridge": bridge,
    "floors": floors,
    "pods": pods,
}


def _with_lanes(roadmap: Roadmap) -> Roadmap:
    times = np.where(lanes(roadmap), WITH, AGAINST)
    scale = np.maximum(roadmap.cost // WITH, 1)
    return roadmap.costing((times * scale).astype(np.int32), QUARTER)


def _world(
    roadmap: Roadmap, declared: Sequence[Zone], robots: int, seed: int, late: float
) -> World:
    roadmap = _with_lanes(roadmap).with_zones(declared)
    zones, zone = roadmap.zones, roadmap.zone_of
    hall = _halls(roadmap, zones, zone)
    rng = np.random.default_rng(seed)
    starts = rng.permutation(np.flatnonzero(zone == NONE))[:robots].astype(np.int32)
    fleet = Fleet.at(roadmap, starts)
    fleet.heading[:] = 0
    goals = np.array([i for i in range(roadmap.nodes) if not _is_passed(zones, zone[i])])
    lists: list[list[int]] = [rng.choice(goals, _AHEAD).tolist() for _ in range(robots)]

    def next_leg(robot: int, done: int) -> Leg:  # noqa: ARG001 - the list goes on by itself
        mine, here = lists[robot], hall[fleet.tail[robot]]
        others = np.flatnonzero((fleet.goal != NONE) & (np.arange(robots) != robot))
        ends = set(zone[fleet.goal[others]].tolist()) - {NONE}
        crossing = int((hall[fleet.tail[others]] != hall[fleet.goal[others]]).sum())

        def dear(goal: int) -> tuple[bool, bool]:
            return bool(hall[goal] != here and crossing >= CROSSING), int(zone[goal]) in ends

        goal = min(mine, key=dear)
        mine.remove(goal)
        mine.append(int(rng.choice(goals)))
        return Leg(goal)

    rows = Rows(roadmap, rows_max=roadmap.nodes)
    return World(fleet, rows, next_leg, Claims(roadmap, share=SHARE), late, seed)


def _halls(roadmap: Roadmap, zones: Sequence[Zone], zone: Ints) -> Ints:
    """(n,) which hall a node is in; a dead end belongs to the hall it opens to."""
    near = neighbours(roadmap.nodes, zip(roadmap.start.tolist(), roadmap.end.tolist(), strict=True))
    passed = [z != NONE and zones[z].kind != "DEAD_END" for z in zone.tolist()]
    hall = np.full(roadmap.nodes, NONE, np.int32)
    for number, group in enumerate(parts(near, [not one for one in passed])):
        hall[group] = number
    return hall


def _is_passed(zones: Sequence[Zone], zone: int) -> bool:
    return zone != NONE and zones[zone].kind in {"LIFT", "BRIDGE"}
