"""Robots on small plants: they never share a point, and all of them arrive.

The property sets robots down anywhere on one-way streets, gives each one goal after another, and
lets them drive at drawn speeds. It fails if a robot may be granted a held point, if nobody is
pushed, if pushing may go through who pushes, or if the longest under way does not go first.
"""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.wcs.small import grid, plant_of, square
from wcs.plant import Plant
from wcs.routing import Routes
from wcs.traffic import Mover, Traffic


def grant(
    movers: list[Mover],
    routes: Routes,
    look_ahead_m: float,
    waits_for: dict[str, str] | None = None,
) -> dict[str, list[str]]:
    """A round of a fleet that was just put together; what is granted the movers hold."""
    traffic = Traffic(routes, [one.robot for one in movers])
    for one in movers:
        traffic.put(one.robot, one)
    found = traffic.grant(look_ahead_m, waits_for)
    for one in movers:
        for point in found.get(one.robot, ()):
            one.ahead_m += routes.plant.metres(one.held[-1], point)
            one.held.append(point)
    return found


def mover(robot: str, *held: str, goal: str | None = None, since: float = 0.0) -> Mover:
    return Mover(
        robot=robot,
        held=list(held),
        before=None,
        goal=goal,
        rank=(0 if goal else 1, since, robot),
        takes=True,
        settles=False,
    )


def test_a_free_way_is_granted_as_far_as_the_look_ahead():
    routes = Routes(grid(6, 6))
    one = mover("one", "0,0", goal="5,5")
    assert len(grant([one], routes, 6.0)["one"]) == 3
    assert one.ahead_m == 6.0
    assert grant([one], routes, 6.0) == {}, "enough is granted"
    one.held, one.ahead_m = one.held[2:], 2.0
    assert len(grant([one], routes, 6.0)["one"]) == 2, "filled up again"


def test_nothing_beyond_the_goal_and_nothing_held():
    routes = Routes(square())
    one = mover("one", "a", goal="c")
    two = replace(mover("two", "c"), takes=False, settles=True)
    assert grant([one, two], routes, 99.0) == {"one": ["b"]}, "two works at c"
    assert grant([mover("one", "a", goal="c")], routes, 99.0) == {"one": ["b", "c"]}


def test_who_stands_in_the_way_is_pushed_and_idle_ones_first_go_where_it_is_free():
    routes = Routes(square())
    one, two = mover("one", "b", goal="d", since=1.0), mover("two", "c")
    assert grant([one, two], routes, 99.0) == {"two": ["d"]} or two.held == ["c", "p"]
    one, two = mover("one", "b", goal="p"), mover("two", "c", goal="a", since=9.0)
    assert grant([one, two], routes, 99.0)["two"][0] == "d", "on its own way"


def test_a_whole_row_moves_up_from_its_far_end():
    routes = Routes(square())
    row = [mover("one", "b", goal="a"), mover("two", "c"), mover("three", "d")]
    wall = replace(mover("wall", "p"), takes=False)
    assert grant([*row, wall], routes, 99.0) == {"three": ["a"]}


def test_nobody_is_pushed_through_the_one_who_pushes_nor_a_wall():
    routes = Routes(square())
    wall = replace(mover("wall", "p"), takes=False)
    ring = [mover("one", "b", goal="a"), mover("two", "c"), mover("three", "d"), mover("four", "a")]
    assert grant([*ring, wall], routes, 99.0) == {}, "a closed ring cannot turn"
    assert grant(ring, routes, 99.0) == {"two": ["p"]}, "but it can open"


def test_the_longest_under_way_goes_first():
    points = {"a": (0.0, 0.0), "b": (4.0, 0.0), "c": (8.0, 4.0), "d": (0.0, 4.0), "e": (4.0, 8.0)}
    routes = Routes(plant_of(points, ["a>b", "b>c", "c>d", "d>a", "d>e", "e>c"]))
    late, early = mover("a1", "b", goal="d", since=9.0), mover("z9", "e", goal="d", since=1.0)
    assert grant([late, early], routes, 99.0) == {"z9": ["c", "d"]}
    assert late.held == ["b"]


def drive(
    plant: Plant, robots: list[str], goals: Callable[[], str], rounds: int, rng: Random
) -> dict[str, int]:
    """Let robots run; how many goals each has reached."""
    routes = Routes(plant)
    movers = {name: mover(name, at) for name, at in zip("abcdefgh", robots, strict=False)}
    reached = dict.fromkeys(movers, 0)
    for moment in range(rounds):
        for one in movers.values():
            if one.goal is None or one.held == [one.goal]:
                reached[one.robot] += one.goal is not None
                one.goal, one.rank = goals(), (0, float(moment), one.robot)
            # told only now and then: a robot that is yet to answer takes nothing
            one.takes = rng.random() < 0.7
            one.settles = not one.takes
            one.ahead_m = 2.0 * (len(one.held) - 1)
        grant(list(movers.values()), routes, 6.0)
        held = [point for one in movers.values() for point in one.held]
        assert len(held) == len(set(held)), "one holder"
        for one in movers.values():
            if len(one.held) > 1 and rng.random() < 0.5:
                one.before = one.held.pop(0)
    return reached


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 10**9), st.integers(2, 8))
def test_everybody_gets_everywhere(seed: int, robots: int):
    rng = Random(seed)
    plant = grid(4, 4)
    starts = rng.sample(list(plant.points), robots)
    reached = drive(plant, starts, lambda: rng.choice(list(plant.points)), 1500, rng)
    assert min(reached.values()) >= 3, reached


def comb(robots: dict[str, str] | None = None) -> Plant:
    """A one-way ring of ten points, with three dead-end aisles of three points beside it."""
    points = {f"r{x}": (4.0 * x, 0.0) for x in range(5)}
    points |= {f"r{9 - x}": (4.0 * x, -4.0) for x in range(5)}
    paths = [f"r{n}>r{(n + 1) % 10}" for n in range(10)]
    for aisle in (0, 2, 4):
        names = [f"r{aisle}", *(f"{aisle}{depth}" for depth in "abc")]
        points |= {name: (4.0 * aisle, 4.0 * n) for n, name in enumerate(names) if n}
        paths += [f"{a}={b}" for a, b in pairwise(names)]
    return plant_of(points, paths, robots=robots)


def test_a_dead_end_is_one_robot_s_at_a_time_and_is_left_before_another_comes():
    routes = Routes(comb())
    inside, first, second = (
        mover("i", "0b"),
        mover("f", "r9", goal="0c"),
        mover("s", "r8", goal="0a"),
    )
    granted = grant([second, first, inside], routes, 99.0)
    assert granted["i"] == ["0a", "r0"], "who stands there with nothing to do leaves"
    assert "f" not in granted
    assert "s" not in granted
    inside.held = ["r1"]
    assert grant([second, first, inside], routes, 99.0) == {"f": ["r0", "0a", "0b", "0c"]}


def test_who_is_pushed_goes_into_a_free_dead_end_but_not_into_one_that_is_taken():
    routes = Routes(comb())
    wall = replace(mover("wall", "r1"), takes=False)
    one, two = mover("one", "r9", goal="r1"), mover("two", "r0")
    assert grant([one, two, wall], routes, 99.0) == {"two": ["0a"]}
    one, two = mover("one", "r9", goal="r1"), mover("two", "r0")
    other = replace(mover("other", "0c"), takes=False)
    assert grant([one, two, wall, other], routes, 99.0) == {}


@settings(deadline=None, max_examples=6)
@given(st.integers(0, 10**9), st.integers(2, 6))
def test_everybody_gets_into_dead_ends_and_out_again(seed: int, robots: int):
    rng = Random(seed)
    plant = comb()
    ring = [name for name in plant.points if name[0] == "r"]
    starts = rng.sample(ring, robots)
    reached = drive(plant, starts, lambda: rng.choice(list(plant.points)), 1500, rng)
    assert min(reached.values()) >= 3, reached


def test_points_at_which_robots_would_touch_are_not_held_by_two():
    points = {"a": (0.0, 0.0), "b": (4.0, 0.0), "c": (8.0, 0.0), "d": (4.0, -9.0)}
    points |= {"e": (0.0, 1.2), "f": (4.0, 1.2), "g": (8.0, 1.2), "h": (4.0, 9.0)}
    paths = ["a>b", "b>c", "c>d", "d>a", "e>f", "f>g", "g>h", "h>e", "c=g"]
    wide = plant_of(points, paths, robots={"one": "a"}, more="radius_m = 0.7\n")
    one, two = mover("one", "a", goal="c"), mover("two", "f", goal="g")
    two.takes = False
    assert grant([one, two], Routes(wide), 99.0) == {}, "b is 1.2 m from f"
    assert grant([one, two], Routes(plant_of(points, paths)), 99.0) == {"one": ["b", "c"]}
