"""Planners on small sites, judged by a checker that shares nothing with them."""

import numpy as np
import pytest

from benchmarks import fleet_maps
from benchmarks.fleet import judge, own_instance, run_locks, run_steps, run_windows
from benchmarks.fleet_maps import MAPS
from benchmarks.fleet_world import World
from benchmarks.mapf import Instance, aisles, drawn, read_map, write_map
from tests.wcs.fleet_log import faults_of_locks, faults_of_steps
from tests.wcs.plain import plain  # noqa: F401 - a fixture
from wcs.fleet.claims import Claims
from wcs.fleet.grants import Fleet
from wcs.fleet.overdue import overdue_first, patience
from wcs.fleet.serve import GOES, NONE
from wcs.layout.roadmap import of_grid
from wcs.layout.rows import Rows

WAYS = {(0, 1), (1, 0), (1, 2), (2, 1)}


def small(robots: int = 8, seed: int = 1) -> Instance:
    return drawn(aisles(2, 2, (2, 3), 2), robots, seed)


# ------------------------------------------------------------------ the checker itself
def test_the_checker_sees_what_is_wrong_with_steps():
    assert faults_of_steps([[0, 2], [1, 2]], WAYS) == []
    assert faults_of_steps([[0, 1], [1, 0]], WAYS) == ["step 1: 0 and 1 were swapped"]
    assert faults_of_steps([[0, 2], [1, 1]], WAYS) == ["step 1: two robots at one node"]
    assert faults_of_steps([[0, 1], [2, 1]], WAYS) == ["step 1: 0 jumped from 0 to 2"]


def test_the_checker_sees_what_is_wrong_with_locks():
    held = [(0, 7, 0, 5), (1, 7, 0, 9), (2, 8, 0, 9)]
    moved = [(7, 0, 1, 0, 5)]
    assert faults_of_locks(held, moved, WAYS, 5) == []
    assert faults_of_locks([*held, (1, 8, 3, 9)], moved, WAYS, 5), "two at node 1"
    assert faults_of_locks(held, moved, WAYS, 6), "too fast"
    assert faults_of_locks(held, [(7, 0, 2, 0, 5)], WAYS, 5), "no way"
    assert faults_of_locks(held[1:], moved, WAYS, 5), "without its node"
    assert faults_of_locks(held, [*moved, (7, 0, 1, 6, 9)], WAYS, 3), "not from where it is"
    assert faults_of_locks(held, moved, WAYS, 5, [((1, 2), 1)]), "two in a zone of one"
    assert faults_of_locks(held, moved, WAYS, 5, (), [(1, 2)]), "1 and 2 clash"


def test_a_map_is_read_as_it_is_written():
    free = aisles(1, 2, (2, 3), 1)
    assert (read_map(write_map(free)) == free).all()
    with pytest.raises(ValueError, match="the map says"):
        read_map("type octile\nheight 2\nwidth 3\nmap\n...\n")


# ------------------------------------------------------------------ planners
@pytest.mark.usefixtures("plain")
def test_robots_that_step_together_neither_meet_nor_swap():
    run = run_steps(small(), 20)
    assert run["faults"] == 0
    assert run["tasks"] > 0.1


@pytest.mark.usefixtures("plain")
def test_robots_that_look_three_steps_ahead_neither_meet_nor_swap():
    run = run_windows(small(14), 25, has_lanes=False)
    assert run["faults"] == 0
    assert run["tasks"] > 0.1


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize("late", [0.0, 0.2])
def test_robots_on_locks_hold_what_they_drive_on(late: float):
    run = run_locks(small(), 60, late)
    assert run["faults"] == 0
    assert run["tasks"] > 0.1


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize("name", MAPS)
def test_nobody_is_locked_up(name: str):
    world = MAPS[name](5, 3, 0.05)
    world.run(500)
    assert judge(world) == []
    assert world.without_progress() < 10
    assert {leg[0] for leg in world.legs} == set(range(5)), "everybody got somewhere"


@pytest.mark.nightly
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", MAPS)
@pytest.mark.parametrize("robots", [5, 10, 20, 40])
def test_nobody_is_locked_up_for_long(name: str, robots: int):
    for seed in range(12):
        world = MAPS[name](robots, seed, 0.05)
        world.run(3000)
        assert judge(world) == []
        assert world.without_progress() < 10
        assert all(
            any(leg[0] == one and leg[3] > 1500 for leg in world.legs) for one in range(robots)
        )


@pytest.mark.nightly
@pytest.mark.parametrize(("name", "seed"), [("bridge", 17), ("comb", 20)])
def test_who_is_crowded_out_of_its_goal_is_let_go_first(name: str, seed: int):
    # waited 13.7 and 13.5 free-flow times before: decision 60
    world = MAPS[name](40, seed, 0.05)
    world.run(3000)
    assert judge(world) == []
    assert world.without_progress() < 9


@pytest.mark.nightly
@pytest.mark.usefixtures("plain")
def test_compiled_or_not_the_grants_are_the_same(monkeypatch: pytest.MonkeyPatch):
    def moves() -> list[tuple[int, int, int, int, int]]:
        world = MAPS["comb"](20, 1, 0.05)
        world.run(600)
        return world.moved

    slow = moves()
    monkeypatch.undo()
    assert moves() == slow


# ------------------------------------------------------------------ grants
def corridor(robots: dict[int, int], goals: dict[int, int]) -> tuple[Fleet, Rows]:
    """Robots at cells of a row of five above a row of five; 2 by 5 nodes."""
    roadmap = of_grid(np.ones((2, 5), np.bool_), cost=2, quarter=2)
    fleet = Fleet.at(roadmap, np.array(list(robots.values()), np.int32))
    rows = Rows(roadmap)
    for robot, goal in goals.items():
        fleet.goal[robot], fleet.slot[robot] = goal, rows.slot(goal)
    return fleet, rows


def ends(fleet: Fleet, granted: np.ndarray) -> list[tuple[int, int]]:
    return [(int(robot), int(fleet.roadmap.end[arc])) for robot, arc in granted]


@pytest.mark.usefixtures("plain")
def test_who_stands_in_the_way_goes_first_and_is_not_pushed_back_through_the_other():
    fleet, rows = corridor({0: 0, 1: 1}, {0: 4})
    order = np.array([0, 1], np.int32)
    assert ends(fleet, fleet.serve(order, rows.table)) in ([(1, 2)], [(1, 6)])
    assert fleet.waits_for[0] == 1
    fleet, rows = corridor({0: 0, 1: 1, 2: 2, 3: 6}, {0: 4})
    assert ends(fleet, fleet.serve(np.arange(4, dtype=np.int32), rows.table))[0][0] in (2, 3)


@pytest.mark.usefixtures("plain")
def test_who_does_not_answer_is_a_wall_and_who_works_is_waited_for():
    fleet, rows = corridor({0: 0, 1: 1}, {0: 4})
    fleet.takes[1] = False
    assert ends(fleet, fleet.serve(np.array([0], np.int32), rows.table)) == []
    rows = Rows(fleet.roadmap, np.array([fleet.roadmap.end == 1]))  # closed, as its site does
    fleet.slot[0] = rows.slot(4)
    assert ends(fleet, fleet.serve(np.array([0], np.int32), rows.table)) == [(0, 5)], "round it"
    fleet, rows = corridor({0: 0, 1: 1}, {0: 4})
    fleet.takes[1], fleet.settles[1] = False, True
    assert ends(fleet, fleet.serve(np.array([0], np.int32), rows.table)) == []


@pytest.mark.usefixtures("plain")
def test_as_far_ahead_as_is_free():
    fleet, rows = corridor({0: 0}, {0: 4})
    assert ends(fleet, fleet.serve(np.array([0], np.int32), rows.table, 3.0)) == [
        (0, 1),
        (0, 2),
        (0, 3),
    ]
    assert ends(fleet, fleet.serve(np.array([0], np.int32), rows.table, 3.0)) == []


@pytest.mark.usefixtures("plain")
def test_what_clashes_is_not_held_by_two():
    roadmap = of_grid(np.ones((2, 5), np.bool_))
    first = np.zeros(11, np.int32)
    first[2:] = 1  # node 1 clashes with node 6, and 6 with 1
    first[7:] = 2
    fleet = Fleet.at(roadmap, np.array([0, 6], np.int32), clash=(first, np.array([6, 1], np.int32)))
    fleet.takes[1] = False
    rows = Rows(roadmap)
    fleet.goal[0], fleet.slot[0] = 2, rows.slot(2)
    granted = ends(fleet, fleet.serve(np.array([0], np.int32), rows.table))
    assert (0, 1) not in granted


@pytest.mark.usefixtures("plain")
def test_nobody_enters_a_zone_without_its_claim():
    free = np.zeros((4, 5), np.bool_)
    free[2:] = True
    free[:2, 2] = True  # a dead end
    roadmap = of_grid(free).with_zones()
    zones = roadmap.zones
    place = {name: i for i, name in enumerate(roadmap.names)}
    starts = np.array([place["2,2"], place["2,1"]], np.int32)
    fleet = Fleet.at(roadmap, starts)
    rows = Rows(roadmap)
    for robot in (0, 1):
        fleet.goal[robot], fleet.slot[robot] = place["0,2"], rows.slot(place["0,2"])
    order = np.array([1, 0], np.int32)
    leads = Claims(roadmap).decide(fleet, order, rows.table)
    assert leads.tolist() == [1], "the first in rank has the claim"
    for _ in range(2):
        for _, node in ends(fleet, fleet.serve(leads, rows.table)):
            assert node not in zones[0].nodes or fleet.tail[0] == starts[0]
    assert fleet.lock[place["1,2"]] in (NONE, 1)


def claiming(rows: list[str], robots: dict[str, str | None]) -> tuple[Claims, Fleet, Rows]:
    """Robots by place on a grid of "." and "#", and where each goes; the first in rank first."""
    roadmap = of_grid(np.array([[c == "." for c in row] for row in rows]), cost=2).with_zones()
    place = {name: i for i, name in enumerate(roadmap.names)}
    fleet, costs = (
        Fleet.at(roadmap, np.array([place[at] for at in robots], np.int32)),
        Rows(roadmap),
    )
    for robot, goal in enumerate(robots.values()):
        if goal is not None:
            fleet.goal[robot], fleet.slot[robot] = place[goal], costs.slot(place[goal])
    return Claims(roadmap), fleet, costs


def leaders(claims: Claims, fleet: Fleet, rows: Rows) -> list[int]:
    order = np.arange(len(fleet.tail), dtype=np.int32)
    return sorted(claims.decide(fleet, order, rows.table).tolist())


TWO_HALLS = ["..#.#..", ".......", "..#.#.."]  # dead ends open to the lane between two halls


@pytest.mark.usefixtures("plain")
def test_zones_without_open_ground_between_them_are_claimed_together():
    claims, fleet, rows = claiming(TWO_HALLS, {"0,3": None, "1,1": "2,3"})
    assert leaders(claims, fleet, rows) == [0, 1]
    assert fleet.claims[1].sum() == 2, "the lane, and the dead end behind it"
    claims, fleet, rows = claiming(TWO_HALLS, {"0,3": None, "1,1": "0,3"})
    assert leaders(claims, fleet, rows) == [0]
    assert fleet.claims[1].sum() == 0, "not the lane either: the other has to come out"
    names = fleet.roadmap.names
    assert [names[node] for node in claims.retreats.values()] in (["1,1"], ["1,5"])


@pytest.mark.usefixtures("plain")
def test_a_single_lane_is_driven_one_way_at_a_time():
    claims, fleet, rows = claiming(TWO_HALLS, {"1,1": "1,6", "1,0": "1,5", "1,5": "1,0"})
    assert leaders(claims, fleet, rows) == [0, 1], "who comes the other way waits"
    assert fleet.claims.any(axis=1).tolist() == [True, True, False]


@pytest.mark.usefixtures("plain")
def test_who_comes_for_a_single_lane_has_its_turn_before_those_of_lower_rank_from_the_other_side():
    # the first is still four nodes away, the second is at the other mouth
    halls = ["....#.#..", ".........", "....#.#.."]
    claims, fleet, rows = claiming(halls, {"1,0": "1,8", "1,7": "1,0"})
    assert leaders(claims, fleet, rows)[:1] == [0]
    assert not fleet.claims[1].any(), "it would hold up one who comes before it"
    claims, fleet, rows = claiming(halls, {"1,7": "1,0", "1,0": "1,8"})
    leaders(claims, fleet, rows)
    assert fleet.claims[0].any(), "it comes first itself"


@pytest.mark.usefixtures("plain")
def test_only_a_share_of_the_open_ground_is_under_way_and_one_for_each_dead_end():
    robots: dict[str, str | None] = {"1,0": "0,0", "1,1": "2,0", "1,5": "2,6", "1,6": "0,6"}
    claims, fleet, rows = claiming(["..###..", ".......", "..###.."], dict(robots))
    assert leaders(claims, fleet, rows) == [0, 1, 2, 3]
    assert leaders(Claims(fleet.roadmap, share=0.1), fleet, rows) == [0], "one of the ten nodes"
    _, fleet, rows = claiming(TWO_HALLS, dict(robots))
    assert leaders(Claims(fleet.roadmap, share=0.1), fleet, rows) == [0, 1, 2], "two dead ends"


@pytest.mark.usefixtures("plain")
def test_who_is_in_a_zone_goes_before_who_waits_for_it_and_not_before_those_of_higher_rank():
    dead_end = ["##.##", "##.##", ".....", "....."]
    # the second waits for the third
    there: dict[str, str | None] = {"2,0": "3,4", "2,4": "0,2", "1,2": "3,0"}
    claims, fleet, rows = claiming(dead_end, there)
    order = np.arange(3, dtype=np.int32)
    assert claims.decide(fleet, order, rows.table).tolist() == [0, 2, 1]
    claims, fleet, rows = claiming(dead_end, there | {"2,4": "3,3"})
    assert claims.decide(fleet, order, rows.table).tolist() == [0, 1, 2], "nobody waits for it"


def street(robots: dict[int, int], *, has_dead_end: bool = True) -> tuple[Fleet, Rows]:
    """As a corridor, of nodes 0 to 4 and 7 to 11; 5 and 6 are a dead end. All go to 4."""
    free = np.ones((2, 7), np.bool_)
    free[1, 5:] = False
    roadmap = of_grid(free, cost=2, quarter=2)
    roadmap = roadmap.with_zones() if has_dead_end else roadmap
    assert bool(roadmap.zones) == has_dead_end
    fleet, rows = Fleet.at(roadmap, np.array(list(robots.values()), np.int32)), Rows(roadmap)
    for robot in robots:
        fleet.goal[robot], fleet.slot[robot] = 4, rows.slot(4)
    return fleet, rows


@pytest.mark.usefixtures("plain")
def test_who_is_under_way_and_pushed_waits_for_one_who_leaves_and_others_step_aside():
    def pushed(*order: int) -> list[tuple[int, int]]:
        fleet, rows = street({0: 0, 1: 1, 2: 2})
        fleet.lock[3], fleet.tail[2] = 2, 3  # it drives from 2 to 3
        fleet.takes[2], fleet.settles[2] = False, True
        return ends(fleet, fleet.serve(np.array(order, np.int32), rows.table))

    assert pushed(2, 0, 1) == []
    assert pushed(2, 0) == [(1, 8)]


@pytest.mark.usefixtures("plain")
def test_for_the_first_as_few_move_as_can_be_and_without_zones_for_all():
    def moved(*order: int, has_dead_end: bool = True) -> list[tuple[int, int]]:
        # 3 has just been granted the way back: it is the first, and on its way
        fleet, rows = street({0: 0, 1: 1, 2: 2, 3: 7}, has_dead_end=has_dead_end)
        fleet.takes[3], fleet.settles[3] = False, True
        return ends(fleet, fleet.serve(np.array(order, np.int32), rows.table))

    assert moved(0) == [(1, 8)], "not 2 to 3, and 1 after it"
    assert moved(3, 0) == [(2, 3)], "for others it goes where each likes best"
    assert moved(3, 0, has_dead_end=False) == [(1, 8)]


@pytest.mark.usefixtures("plain")
def test_room_is_not_made_through_who_cannot_move_and_who_works_is_waited_for_last():
    fleet, rows = street({0: 0, 1: 1, 2: 2, 3: 8})
    fleet.takes[3] = False
    order = np.array([0], np.int32)
    assert ends(fleet, fleet.serve(order, rows.table)) == [(2, 3)]
    fleet, rows = street({0: 0, 1: 1, 2: 2, 3: 8, 4: 3, 5: 9})
    fleet.takes[2:] = False
    assert ends(fleet, fleet.serve(order, rows.table)) == []
    assert fleet.fate[1] != GOES, "walls all round: others may push it"
    fleet.settles[3] = True
    assert ends(fleet, fleet.serve(order, rows.table)) == []
    assert fleet.fate[1] == GOES, "it waits for one who works"


@pytest.mark.usefixtures("plain")
def test_who_is_overdue_goes_first_and_the_longest_overdue_before_all():
    order = np.array([3, 0, 1, 2], np.int32)
    due = np.array([np.inf, 9.0, 5.0, 20.0])
    assert overdue_first(order, due, 10).tolist() == [2, 1, 3, 0]
    assert overdue_first(order, due, 5).tolist() == [3, 0, 1, 2]
    assert patience(10, 50) < patience(60, 50)


@pytest.mark.nightly
def test_nobody_comes_out_of_a_dead_end_before_those_who_pushed_it_in(
    monkeypatch: pytest.MonkeyPatch,
):
    # stood from tick 400 on: one robot went in and out, and everybody waited for it to pass
    monkeypatch.setattr(fleet_maps, "SHARE", -0.05)  # with fifteen dead ends, eleven under way
    world = fleet_maps.comb(40, 6, 0.05)
    world.run(3000)
    assert world.without_progress() < 15


@pytest.mark.usefixtures("plain")
def test_only_the_first_few_come_near_a_zone():
    dead_end = ["...#...", ".......", ".......", "......."]
    dead_end[0] = "###.###"
    goals = {"3,0": "0,3", "3,6": "0,3", "3,1": "0,3", "3,5": "2,0"}
    claims, fleet, rows = claiming(dead_end, dict(goals))
    assert leaders(claims, fleet, rows) == [0, 1, 3], "two come, the third waits where it is"
    assert not fleet.claims.any(), "and nobody has it from afar"


@pytest.mark.usefixtures("plain")
def test_who_stands_in_a_zone_for_nothing_leaves_it_when_another_waits_for_it():
    dead_end = ["##.##", "##.##", ".....", "....."]
    claims, fleet, rows = claiming(dead_end, {"2,1": "1,2", "0,2": None})
    assert leaders(claims, fleet, rows) == [1]
    names = fleet.roadmap.names
    assert {robot: names[node] for robot, node in claims.retreats.items()} == {1: "2,2"}
    claims, fleet, rows = claiming(dead_end, {"2,1": "3,4", "0,2": None})
    leaders(claims, fleet, rows)
    assert claims.retreats == {}, "nobody needs it"


@pytest.mark.usefixtures("plain")
def test_own_instances_are_the_same_every_time():
    assert (own_instance().tasks == own_instance().tasks).all()
    assert isinstance(MAPS["comb"](5, 1, 0.0), World)
