"""Robots that carry several loads: never more than they have slots, each order ends once, and the
same orders take fewer metres.

Where a further order goes is compared with all places that there are, tried one by one.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from math import cos, inf, pi, sin
from random import Random

import pytest

from tests.wcs.fleet import START, Weather, World
from tests.wcs.small import grid, plant_of
from wcs.assign import is_begun
from wcs.engine import Started
from wcs.messages import Withdrawal
from wcs.plant import Plant
from wcs.routing import Routes
from wcs.state import Held, State, Transport, fresh_state
from wcs.stops import (
    ACT_S,
    TURN_BACK_S,
    best,
    fetched,
    has_room,
    left_s,
    orders_of,
    put_in,
    stops,
    take_out,
)

CALM = Weather(lost=0.0, stall=0.0)


def floor(slots: int, robots: int = 1, side: int = 6) -> Plant:
    plant = grid(side, side, {f"R{n}": f"{n},0" for n in range(robots)})
    specs = {name: replace(spec, slots=slots) for name, spec in plant.robots.items()}
    return replace(plant, robots=specs)


def order_of(name: str, source: str, goal: str, **facts: int) -> Transport:
    due_at = START + timedelta(seconds=facts["due_s"]) if "due_s" in facts else None
    return Transport(
        id=name, load=name, source=source, destination=goal, priority=facts.get("priority", 0),
        due_at=due_at, accepted_at=START,
    )  # fmt: skip


# ------------------------------------------------------------------ where a further order goes
@dataclass
class Drawn:
    """A robot under way with several orders, and one more order, from a seed."""

    seed: int

    def __post_init__(self) -> None:
        rng = self.rng = Random(self.seed)
        self.plant = floor(rng.randint(2, 4))
        self.routes, self.state = Routes(self.plant), fresh_state(self.plant, START)
        self.robot = self.state.robots["R0"]
        self.robot.held, self.robot.kind = [Held(self._point(), 0)], "transport"
        for n in range(rng.randint(1, self.slots - 1)):
            one = self._order(f"t{n}")
            self.state.transports[one.id] = one
            if self.robot.transport is None:
                self.robot.transport = one.id
            else:
                put_in(self.state, self.routes, self.robot, one)
            one.robot = "R0"
            for _ in range(rng.randint(0, 1)):
                self._go_on()
        if self.robot.transport is not None and rng.random() < 0.2:
            self.robot.action = "begun"
        self.more = self._order("more")
        self.state.transports["more"] = self.more

    @property
    def slots(self) -> int:
        return self.plant.robots["R0"].slots

    def _point(self) -> str:
        return f"{self.rng.randrange(6)},{self.rng.randrange(6)}"

    def _order(self, name: str) -> Transport:
        facts = {"priority": self.rng.choice([0, 0, 1])}
        if self.rng.random() < 0.3:
            facts["due_s"] = self.rng.randrange(300)
        return order_of(name, self._point(), self._point(), **facts)

    def _go_on(self) -> None:
        """It has got to its next stop, of fetching."""
        assert self.robot.transport is not None
        one = self.state.transports[self.robot.transport]
        if not one.loaded:
            self.robot.held = [Held(one.source, 0)]
            one.loaded = True
            fetched(self.robot)

    def times(self, has: list[str]) -> Iterator[tuple[Transport, float, bool]]:
        """Of each stop: its order, when it is done with, and whether it is a setting down."""
        at_s, before, here = 0.0, self.robot.before, self.robot.held[0].point
        on_board = {one.id for one in self.state.transports.values() if one.loaded}
        turned = bool(has) and has[0] != self.robot.transport
        for id_ in has:
            one = self.state.transports[id_]
            spot = one.destination if id_ in on_board else one.source
            at_s += self.routes.seconds(before, here, spot) + ACT_S + TURN_BACK_S * turned
            before, here, turned = None, spot, False
            yield one, at_s, id_ in on_board
            on_board.add(id_)

    def loads(self, has: list[str]) -> list[int]:
        """How many are on board after each stop."""
        board = sum(one.loaded for one in self.state.transports.values())
        found = []
        for _, _, is_drop in self.times(has):
            board += -1 if is_drop else 1
            found.append(board)
        return found


def late_s(one: Transport, at_s: float) -> float:
    return inf if one.due_at is None else at_s - (one.due_at - START).total_seconds()


def all_places(drawn: Drawn) -> list[tuple[float, float, float, int, int]]:
    """Every place that breaks no law, tried one by one."""
    has, more, found = stops(drawn.state, drawn.robot), drawn.more, []
    was = {(one.id, is_drop): at_s for one, at_s, is_drop in drawn.times(has)}
    whole_s = max(was.values())
    ranks = [drawn.state.transports[one].priority for one in has]
    urgent = [n for n, rank in enumerate(ranks) if rank > more.priority]
    first = max([n + 1 for n in urgent] + [bool(drawn.robot.action)])
    for i in range(first, len(has) + 1):
        for j in range(i, len(has) + 1):
            tried = [*has[:i], "more", *has[i:j], "more", *has[j:]]
            if max(drawn.loads(tried)) > drawn.slots:
                continue
            done = [*drawn.times(tried)]
            hurt = any(
                is_drop and one is not more and one.due_at is not None
                and late_s(one, at_s) > max(0.0, late_s(one, was[one.id, is_drop])) + 1e-6
                for one, at_s, is_drop in done
            )  # fmt: skip
            end_s = next(at_s for one, at_s, is_drop in done if one is more and is_drop)
            prompt = min(ranks) < more.priority
            if not hurt or i == len(has):
                late = max(0.0, late_s(more, end_s)) if more.due_at is not None else 0.0
                found.append((late, end_s if prompt else 0.0, done[-1][1] - whole_s, i, j))
    return found


@pytest.mark.parametrize("first", range(0, 400, 100))
def test_it_is_the_best_of_all_places_that_break_no_law(first: int):
    tried = 0
    for seed in range(first, first + 100):
        drawn = Drawn(seed)
        if not has_room(drawn.state, drawn.plant, drawn.robot):
            continue
        place, places = best(drawn.state, drawn.routes, drawn.robot, drawn.more), all_places(drawn)
        assert place is not None
        assert place.late_s == pytest.approx(min(places)[0]), f"SEED={seed}"
        least = min(one for one in places if one[0] <= place.late_s + 1e-6)
        assert place.prompt_s == pytest.approx(least[1]), f"SEED={seed}"
        least_s = min(
            one[2] for one in places
            if one[0] <= place.late_s + 1e-6 and one[1] <= place.prompt_s + 1e-6
        )  # fmt: skip
        assert place.detour_s == pytest.approx(least_s, abs=0.01), f"SEED={seed}"
        before_s = left_s(drawn.state, drawn.routes, drawn.robot)
        put_in(drawn.state, drawn.routes, drawn.robot, drawn.more)
        has = stops(drawn.state, drawn.robot)
        assert max(drawn.loads(has)) <= drawn.slots
        after_s = left_s(drawn.state, drawn.routes, drawn.robot)
        assert after_s - before_s <= place.detour_s + 0.01
        tried += 1
    assert tried > 40


def test_a_closed_way_is_no_place():
    drawn = Drawn(1)
    drawn.more.destination = "5,5"
    routes = drawn.routes.closing(frozenset({"5,5"}))
    assert best(drawn.state, routes, drawn.robot, drawn.more) is None


# ------------------------------------------------------------------------------- on the floor
def loaded(world: World) -> int:
    return max(len(robot.loads) for robot in world.robots.values())


def full_robot(orders: int = 4) -> tuple[World, list[str]]:
    """A robot with four slots that has orders for all of them, one of which it has fetched."""
    world = World(floor(4), 1, CALM)
    ids = [world.order(f"x{n}", f"{n + 1},3", f"{n},5") for n in range(orders)]
    world.run_until(lambda: len(orders_of(world.state, world.state.robots["R0"])) == orders, 300)
    world.run_until(lambda: any(one.loaded for one in world.state.transports.values()), 300)
    return world, ids


def not_begun(world: World, name: str = "R0") -> list[Transport]:
    orders = orders_of(world.state, world.state.robots[name])
    return [one for one in orders if not is_begun(world.state, one)]


def two_robots(lost_s: float = 3_600.0) -> tuple[World, list[str], str]:
    """Two robots with four slots and six orders; and the one that has two loads first."""
    plant = floor(4, 2)
    world = World(replace(plant, site=replace(plant.site, lost_s=lost_s)), 1, CALM)
    ids = [world.order(f"x{n}", f"{n},{1 + n % 4}", f"{n},5") for n in range(6)]
    world.run_until(lambda: loaded(world) >= 2, 600)
    return world, ids, max(world.robots, key=lambda name: len(world.robots[name].loads))


def test_it_carries_several_names_their_slots_and_each_order_ends_once():
    world, ids = full_robot()
    world.run_until(lambda: loaded(world) >= 2, 300)
    robot = world.robots["R0"]
    named = {one.slot: one.load for one in world.state.transports.values() if one.loaded}
    assert {*robot.loads.items()} >= {*named.items()}
    assert {*robot.loads} <= {"1", "2", "3", "4"}
    world.work_off(2_000)
    assert world.ended() == {one: ["FINISHED"] for one in ids}
    assert robot.loads == {}


def test_a_tote_that_cannot_be_taken_fails_alone():
    world, ids = full_robot()
    last = not_begun(world)[-1]
    world.jammed.add(last.load)
    world.work_off(2_000)
    assert world.ended() == {one: ["FAILED" if one == last.id else "FINISHED"] for one in ids}
    failed = next(report for report in world.heard if report.state == "FAILED")
    assert failed.reason == "pick.failed"


def test_a_tote_that_cannot_be_set_down_stays_and_the_robot_fetches_nothing_more():
    world, ids, name = two_robots()
    robot = world.state.robots[name]
    stuck = next(one for one in orders_of(world.state, robot) if one.loaded)
    world.jammed.add(stuck.load)
    world.run_until(lambda: stuck.id in world.ended(), 2_000)
    more = world.order("y", "3,3", "1,1")
    world.work_off(2_000)
    assert world.ended() == {
        one: ["FAILED" if one == stuck.id else "FINISHED"] for one in [*ids, more]
    }
    assert [*world.robots[name].loads.values()] == [stuck.load], "the others were brought"
    assert next(r.robot for r in world.heard if (r.id, r.state) == (more, "FINISHED")) != name
    assert f"robot.stranded/{name}" in world.state.alarms


def test_what_is_withdrawn_in_time_is_left_out_and_what_is_on_board_is_brought():
    world, ids = full_robot()
    on_board = next(one.id for one in world.state.transports.values() if one.loaded)
    left = not_begun(world)[-1].id
    world.inbox += [Withdrawal(id=left), Withdrawal(id=on_board)]
    world.work_off(2_000)
    assert world.ended() == {one: ["WITHDRAWN" if one == left else "FINISHED"] for one in ids}
    assert left not in {report.id for report in world.heard if report.state == "LOADED"}


def test_switched_off_and_on_it_brings_what_it_has_on_board():
    world, ids = full_robot()
    world.run_until(lambda: loaded(world) >= 2, 300)
    robot = world.robots["R0"]
    world.run_until(lambda: not robot.ahead and robot.driving_to is None and not robot.todo, 300)
    assert robot.loads
    world.forget("R0")
    world.work_off(2_000)
    assert world.ended() == {one: ["FINISHED"] for one in ids}
    assert [r.state for r in world.heard].count("LOADED") == len(ids), "none was fetched twice"


def test_of_a_robot_that_falls_silent_others_fetch_the_rest_and_what_it_has_is_given_up():
    world, ids, name = two_robots(lost_s=300.0)
    robot, had = world.robots[name], orders_of(world.state, world.state.robots[name])
    world.die(name)
    world.work_off(3_000)
    lost = {r.id for r in world.heard if r.reason == "robot.lost"}
    assert {one.id for one in had if one.load in robot.loads.values()} <= lost
    assert len(lost) <= len(robot.loads) + 1, "and perhaps one that it was told to take"
    assert {one.id for one in had} - lost, "others have fetched the rest"
    assert world.ended() == {one: ["FAILED" if one in lost else "FINISHED"] for one in ids}


def test_with_fewer_slots_in_the_site_file_it_gives_back_what_it_has_not_begun():
    world, ids = full_robot()
    world.plant = floor(1)
    world.engine = type(world.engine)(world.plant)
    world.inbox.append(Started())
    robot = world.state.robots["R0"]
    world.run_until(lambda: not world.inbox, 10)
    assert all(one.loaded or robot.action for one in orders_of(world.state, robot))
    world.check = False  # it carries what it carried
    world.work_off(3_000)
    assert world.ended() == {one: ["FINISHED"] for one in ids}


def test_a_more_urgent_one_is_brought_before_those_that_are_less():
    world = World(floor(6), 1, CALM)
    slow = [world.order(f"x{n}", f"{n + 1},4", f"{n},5") for n in range(4)]
    world.run_until(lambda: len(world.state.robots["R0"].then) >= 5, 300)
    fast = world.order("y", "5,2", "5,1", priority=5)
    world.work_off(2_000)
    ends = [report.id for report in world.heard if report.state == "FINISHED"]
    begun = {r.id for r in world.heard if r.state == "LOADED"}
    assert begun == {*slow, fast}
    assert ends.index(fast) == 0, f"it is the first of {ends}"


def test_nobody_is_put_off_for_long_by_those_who_come(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("wcs.stops.PATIENCE_S", 150.0)
    ring = plant_of(
        {str(n): (30 * cos(n * pi / 12), 30 * sin(n * pi / 12)) for n in range(24)},
        [f"{n}={(n + 1) % 24}" for n in range(24)],
        robots={"R0": "0"},
    )
    four = replace(ring.robots["R0"], slots=4)
    world = World(replace(ring, robots={"R0": four}), 1, CALM)
    far = world.order("far", "1", "12")
    world.run_until(lambda: world.state.transports[far].loaded, 300)

    def one_more() -> None:
        """Something to be brought from where it is back to where it comes from."""
        world.later(5.0, one_more)
        if len(world.state.transports) < 4:
            here = int(world.state.robots["R0"].held[-1].point)
            world.order(f"near-{world.orders}", str(here), str((here - 2) % 24))

    one_more()
    world.run_until(lambda: far in world.ended(), 2_000)
    assert world.ended()[far] == ["FINISHED"]
    given_at = next(r.at for r in world.heard if (r.id, r.state) == (far, "ASSIGNED"))
    assert (world.now - given_at).total_seconds() < 150.0 + 90.0  # it drives as it can
    assert len(world.ended()) > 2, "others were served meanwhile"


def test_a_stray_load_is_an_alarm_of_a_working_robot_too_and_the_rest_is_anybodys():
    world, _ = full_robot()
    assert not_begun(world)
    world.robots["R0"].loads["4"] = "what is this"
    world.run_until(lambda: "robot.stranded/R0" in world.state.alarms, 300)
    assert not_begun(world) == []
    world.run_until(lambda: world.robots["R0"].loads == {"4": "what is this"}, 600)


@pytest.mark.parametrize("seed", range(3))
def test_the_same_orders_take_fewer_metres_with_more_slots(seed: int):
    metres = {}
    for slots in (1, 6):
        world = World(floor(slots, 2, side=8), seed, CALM)
        rng = Random(seed)
        ids = []
        for n in range(30):
            shelf = f"{rng.randrange(8)},{rng.randrange(2, 8)}"
            ends = (shelf, "3,0") if n % 2 else ("4,0", shelf)
            ids.append(world.order(f"x{n}", *ends))
        world.work_off(20_000)
        assert world.ended() == {one: ["FINISHED"] for one in ids}
        metres[slots] = sum(r.metres for r in world.heard if r.state == "FINISHED")
    print(f"metres with 6 slots / with 1: {metres[6] / metres[1]:.2f}")  # noqa: T201
    assert metres[6] < 0.6 * metres[1], metres


def test_a_robot_with_one_slot_has_no_list_of_stops():
    state, plant = State("T", START, START), floor(1)
    assert fresh_state(plant, START).robots["R0"].then == []
    one = order_of("a", "1,1", "2,2")
    state.transports["a"] = one
    robot = fresh_state(plant, START).robots["R0"]
    robot.transport, robot.held = "a", [Held("0,0", 0)]
    assert stops(state, robot) == ["a", "a"]
    fetched(robot)
    one.loaded = True
    assert (robot.transport, stops(state, robot)) == ("a", ["a"])
    take_out(state, robot, one)
    assert stops(state, robot) == []
