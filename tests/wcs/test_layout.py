"""Roadmaps, rows, lanes and zones against plain searches on small plants and drawn grids."""

from heapq import heappop, heappush
from random import Random

import numpy as np
import pytest

from tests.wcs.fleet import tokyo
from tests.wcs.plain import plain  # noqa: F401 - a fixture
from tests.wcs.small import grid
from wcs.layout.connect import bridges, dead_ends, neighbours, parts, strong_components
from wcs.layout.lanes import lanes
from wcs.layout.roadmap import Roadmap, build, of_grid
from wcs.layout.rows import FAR, Rows
from wcs.layout.zones import Zone, zone_of
from wcs.routing import Routes


def drawn(seed: int, size: int = 6, walls: float = 0.25) -> Roadmap:
    rng = np.random.default_rng(seed)
    return of_grid(rng.random((size, size)) > walls, cost=2, quarter=3)


def test_a_roadmap_has_the_arcs_of_its_plant_sorted_and_with_their_twins():
    plant = tokyo()
    roadmap = Roadmap.of(plant)
    assert len(roadmap.start) == len(plant.arcs)
    assert roadmap.names == tuple(plant.points)
    pairs = list(zip(roadmap.start.tolist(), roadmap.end.tolist(), strict=True))
    assert pairs == sorted(pairs)
    for a, (start, end) in enumerate(pairs):
        assert a in roadmap.leaving(start)
        back = roadmap.arc(end, start)
        assert roadmap.twin[a] == back
        assert a in roadmap.back[roadmap.back_first[end] : roadmap.back_first[end + 1]]


@pytest.mark.usefixtures("plain")
def test_rows_are_the_seconds_of_the_routes_of_a_plant():
    plant = tokyo()
    roadmap, routes = Roadmap.of(plant), Routes(plant)
    node = {name: i for i, name in enumerate(roadmap.names)}
    rows = Rows(roadmap, rows_max=2)
    for goal in ("F1-01", "A03-07"):
        row = rows.row(node[goal])
        for name in ("ST-1", "K2-05", "A01-01"):
            at = node[plant.point_of(name) or name]
            through_s = 20.0 if plant.points[goal].kind == "station" else 0.0
            least_s = min(row[a] for a in roadmap.leaving(at)) / 1000 - through_s
            assert least_s == pytest.approx(routes.seconds(None, roadmap.names[at], goal), abs=0.2)


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize("seed", range(5))
def test_rows_are_what_a_plain_search_finds(seed: int):
    roadmap = drawn(seed)
    rng = Random(seed)
    shut = np.zeros((1, len(roadmap.start)), np.bool_)
    shut[0, [rng.randrange(len(roadmap.start)) for _ in range(4)]] = True
    rows = Rows(roadmap, shut)
    goal = rng.randrange(roadmap.nodes)
    row = rows.row(goal)
    for first in range(len(row)):
        if shut[0, first] and roadmap.end[first] != goal:
            assert row[first] == FAR
            continue
        heap, seen = [(int(roadmap.cost[first]), first)], set()
        best = FAR
        while heap:
            cost, a = heappop(heap)
            if roadmap.end[a] == goal:
                best = cost
                break
            if a in seen:
                continue
            seen.add(a)
            for b in roadmap.leaving(int(roadmap.end[a])):
                if not shut[0, b] or roadmap.end[b] == goal:
                    turn = roadmap.turn[(roadmap.facing[b] - roadmap.facing[a]) % 16]
                    heappush(heap, (cost + int(turn) + int(roadmap.cost[b]), b))
        assert row[first] == best


@pytest.mark.usefixtures("plain")
def test_a_full_table_of_rows_begins_again():
    rows = Rows(drawn(1), rows_max=2)
    first = rows.row(0).copy()
    assert [rows.slot(goal) for goal in (1, 2, 0)] == [1, 0, 1]
    assert (rows.row(0) == first).all()


def cut_off(near: list[list[int]], gone: tuple[int, int]) -> bool:
    """Whether the graph falls apart without one way, by looking."""
    left = [[j for j in others if {i, j} != {*gone}] for i, others in enumerate(near)]
    whole = parts(near, [True] * len(near))
    return len(parts(left, [True] * len(near))) > len(whole)


@pytest.mark.parametrize("seed", range(8))
def test_bridges_are_the_ways_without_which_a_graph_falls_apart(seed: int):
    rng = Random(seed)
    pairs = [(rng.randrange(14), rng.randrange(14)) for _ in range(18)]
    near = neighbours(14, [(a, b) for a, b in pairs if a != b])
    found = bridges(near)
    ways = {(i, j) for i, others in enumerate(near) for j in others if i < j}
    assert found == {way for way in ways if cut_off(near, way)}


@pytest.mark.parametrize("seed", range(8))
def test_strong_components_reach_each_other_and_nobody_else(seed: int):
    rng = Random(seed)
    arcs = [(rng.randrange(12), rng.randrange(12)) for _ in range(20)]
    reach = [[i == j for j in range(12)] for i in range(12)]
    for _ in range(12):
        for a, b in arcs:
            reach[a] = [x or y for x, y in zip(reach[a], reach[b], strict=True)]
    part = strong_components(12, arcs)
    for i in range(12):
        for j in range(12):
            assert (part[i] == part[j]) == (reach[i][j] and reach[j][i])


@pytest.mark.parametrize("seed", range(8))
def test_lanes_alone_connect_what_the_ways_connect(seed: int):
    roadmap = drawn(seed, 8)
    with_lane = lanes(roadmap)
    start, end = roadmap.start.tolist(), roadmap.end.tolist()
    whole = strong_components(roadmap.nodes, zip(start, end, strict=True))
    kept = [(start[a], end[a]) for a in np.flatnonzero(with_lane)]
    by_lane = strong_components(roadmap.nodes, kept)
    assert len(set(whole)) == len(set(by_lane)), "nothing is lost"
    both = with_lane & with_lane[roadmap.twin]
    open_grid = of_grid(np.ones((6, 6), np.bool_))
    assert both.sum() < len(both), "something is one way"
    assert not (lanes(open_grid) & lanes(open_grid)[open_grid.twin]).any()


def test_one_way_streets_of_a_plant_stay_as_they_are():
    roadmap = Roadmap.of(grid(4, 4))
    assert lanes(roadmap).all()


def test_parallel_streets_run_against_each_other():
    roadmap = of_grid(np.ones((4, 6), np.bool_))
    with_lane = lanes(roadmap)
    rows = [
        {int(roadmap.facing[a]) for a in np.flatnonzero(with_lane) if _row(roadmap, a) == r}
        - {4, 12}
        for r in range(4)
    ]
    assert rows in ([{0}, {8}, {0}, {8}], [{8}, {0}, {8}, {0}])


def _row(roadmap: Roadmap, a: np.signedinteger) -> int:
    return int(-roadmap.y_m[roadmap.start[a]])


def test_dead_ends_and_bridges_become_zones_and_what_is_declared_comes_first():
    free = np.zeros((4, 13), np.bool_)
    free[:, :4] = free[:, 9:] = True  # two halls
    free[1, :] = True  # one lane between them
    free[0, 2:9] = True  # and a dead end beside it, up to the second hall's wall
    free[0, 8] = False
    roadmap = of_grid(free)
    names = [
        (zone.kind, [roadmap.names[i] for i in zone.nodes], zone.capacity)
        for zone in roadmap.with_zones().zones
    ]
    assert ("BRIDGE", ["1,8"], 1) in names, "where only one lane is left"
    comb = np.zeros((5, 6), np.bool_)
    comb[3:] = True
    comb[:3, 1] = comb[:3, 4] = True
    roadmap = of_grid(comb)
    zones = roadmap.with_zones().zones
    assert [(zone.kind, len(zone.nodes), zone.capacity) for zone in zones] == [
        ("DEAD_END", 3, 1)
    ] * 2
    lift = Zone("LIFT", (zones[0].nodes[0],), 1, "lift")
    assert roadmap.with_zones((lift,)).zones[0] is lift
    assert [len(zone.nodes) for zone in roadmap.with_zones((lift,)).zones] == [1, 3, 2]
    found = zone_of(roadmap.nodes, zones)
    assert (found >= 0).sum() == 6


def test_dead_ends_go_one_after_the_other():
    near = neighbours(6, [(0, 1), (1, 2), (2, 0), (2, 3), (3, 4), (4, 5)])
    assert dead_ends(near) == [False, False, False, True, True, True]
    assert all(dead_ends(neighbours(3, [(0, 1), (1, 2)]))), "a tree is nothing else"


def test_a_way_out_of_sight_costs_its_turn():
    roadmap = build(
        names="abc",
        xy_m=[(0, 0), (1, 0), (1, 1)],
        level=[0, 0, 0],
        arcs=[(0, 1, 5), (1, 2, 5)],
        quarter=4,
    )
    assert roadmap.facing.tolist() == [0, 4]
    assert roadmap.turn[4] == 4
    assert roadmap.turn[8] == 8
    assert roadmap.turn[12] == 4
