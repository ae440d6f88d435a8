"""Which robot takes which order: against all ways of pairing them, and on a ring of points."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import permutations
from math import cos, pi, sin
from random import Random
from typing import Any

import numpy as np
import pytest

from tests.wcs.fleet import START, RobotDouble
from tests.wcs.small import plant_of
from wcs.assign import AGAIN_S, FRESH_S, HOLD_S, STICK_S, TO_STATION_MAX, plan
from wcs.assign_match import Ints, match, nearest
from wcs.plant import Plant
from wcs.routing import Routes
from wcs.state import Held, State, Transport, fresh_state

POINTS = 40
FREE: list[list[int]] = []


def sum_of(cost: Ints, found: Ints) -> int:
    return int(cost[found].sum())


# ------------------------------------------------------------------------------- the flow
def best_of_all(
    costs: dict[tuple[int, int], int], stations: list[int], dues: list[list[int]], shape: Any
) -> tuple[int, int]:
    """The most pairs, and what these cost at least, by trying everything."""
    robots, orders = shape
    best = (0, 0)
    choices = [*range(orders), *[None] * robots]
    for chosen in set(permutations(choices, robots)):
        total, pairs, load = 0, 0, [0] * len(dues)
        for robot, order in enumerate(chosen):
            if order is None:
                continue
            if (robot, order) not in costs:
                break
            total, pairs = total + costs[robot, order], pairs + 1
            if (station := stations[order]) >= 0:
                if load[station] >= len(dues[station]):
                    break
                total += dues[station][load[station]]
                load[station] += 1
        else:
            best = min(best, (-pairs, total))
    return -best[0], best[1]


@pytest.mark.parametrize("seed", range(30))
def test_the_most_pairs_and_the_cheapest_of_these(seed: int):
    rng = Random(seed)
    robots, orders = rng.randint(1, 4), rng.randint(1, 5)
    costs = {
        (i, j): rng.randint(-50, 200)
        for i in range(robots) for j in range(orders) if rng.random() < 0.8
    }  # fmt: skip
    stations = [rng.randint(-1, 1) for _ in range(orders)]
    dues = [sorted(rng.randint(0, 40) for _ in range(rng.randint(0, 2))) for _ in range(2)]
    table = np.array([(i, j, cost) for (i, j), cost in costs.items()], np.int64).reshape(-1, 3)
    ends = np.array(stations, np.int64)

    found = match(table[:, 0], table[:, 1], table[:, 2], ends, dues)

    taken = table[found]
    assert len(set(taken[:, 0].tolist())) == len(set(taken[:, 1].tolist())) == len(taken)
    total = int(taken[:, 2].sum())
    for station, due in enumerate(dues):
        load = int((ends[taken[:, 1]] == station).sum())
        assert load <= len(due), "room"
        total += sum(due[:load])
    assert (len(taken), total) == best_of_all(costs, stations, dues, (robots, orders))


def test_nearest_pairs_are_enough_and_the_same_every_time():
    chance = np.random.default_rng(3)
    robots, orders = chance.uniform(0, 100, (120, 2)), chance.uniform(0, 100, (180, 2))
    square = ((robots[:, None, :] - orders[None, :, :]) ** 2).sum(axis=2)
    metres = np.rint(100 * np.sqrt(square)).astype(np.int64)
    nowhere = np.full(180, -1)

    def total(most: int) -> tuple[int, list[int]]:
        i, j = nearest(robots, orders, most)
        found = match(i, j, metres[i, j], nowhere, FREE)
        assert len(found) == 120
        return sum_of(metres[i, j], found), found.tolist()

    assert total(12)[0] <= 1.02 * total(180)[0]
    assert total(12) == total(12)


# ------------------------------------------------------------------------------- on a ring
def ring(**more: Any) -> Plant:
    """Points "0" to "39", 4 m apart, both ways round; robots drive at 1.5 m/s."""
    radius_m = 4.0 * POINTS / (2 * pi)
    points = {
        str(n): (radius_m * cos(2 * pi * n / POINTS), radius_m * sin(2 * pi * n / POINTS))
        for n in range(POINTS)
    }
    paths = [f"{n}={(n + 1) % POINTS}" for n in range(POINTS)]
    return plant_of(points, paths, **more)


class House:
    """Robots and orders on the ring, put there as a test wants them."""

    def __init__(
        self, robots: dict[str, str], drive_s: float = 14_400.0, slots: int = 1, **more: Any
    ) -> None:
        """The first of them has so many slots."""
        plant = ring(robots=robots, **more)
        specs = {name: replace(spec, drive_s=drive_s) for name, spec in plant.robots.items()}
        first = next(iter(robots))
        specs[first] = replace(specs[first], slots=slots)
        self.plant = replace(plant, robots=specs)
        self.state: State = fresh_state(self.plant, START)
        self.routes = Routes(self.plant)
        self.silent: set[str] = set()
        for name, point in robots.items():
            self.put(name, point)

    def put(self, name: str, point: str, **facts: Any) -> None:
        double = RobotDouble(name=name, node=point, **facts)
        robot = self.state.robots[name]
        robot.report = double.report(self.state.now, self.plant)
        robot.held, robot.heard_at = [Held(point, 0)], self.state.now

    def order(self, source: str, goal: str, *, load: str = "", **facts: Any) -> str:
        name = f"{source}>{goal}/{len(self.state.transports)}"
        self.state.transports[name] = Transport(
            id=name, load=load or name, source=source, destination=goal,
            priority=facts.get("priority", 0), due_at=facts.get("due_at"),
            accepted_at=self.state.now,
        )  # fmt: skip
        return name

    def carry(self, name: str, order: str, *, loaded: bool = True) -> None:
        transport, robot = self.state.transports[order], self.state.robots[name]
        transport.robot, transport.loaded = name, loaded
        robot.transport, robot.kind, robot.mission = order, "transport", order

    def plan(self, after_s: float = 0.0) -> dict[str, str | None]:
        """What changes; and change it."""
        self.state.now += timedelta(seconds=after_s)
        for robot in self.state.robots.values():
            robot.heard_at = self.state.now if robot.name not in self.silent else robot.heard_at
        changes = plan(self.state, self.routes)
        for order in changes:
            if (name := self.state.transports[order].robot) is not None:
                self.state.robots[name].transport = None
        for order, now in changes.items():
            self.state.transports[order].robot = now
            if now is not None:
                self.state.robots[now].transport = order
        return changes

    def due(self, seconds: float) -> datetime:
        return self.state.now + timedelta(seconds=seconds)


def test_nobody_takes_the_nearest_if_all_together_drive_less():
    house = House({"A": "10", "B": "6"})
    near, far = house.order("8", "30"), house.order("14", "30")
    assert house.plan() == {near: "B", far: "A"}, "8 is as near to A as to B"


def test_an_order_that_nobody_has_begun_goes_to_a_robot_that_is_much_nearer():
    house = House({"A": "10", "B": "20"})
    house.state.robots["B"].obstacle = "manual"
    order = house.order("21", "30")
    assert house.plan() == {order: "A"}
    house.state.robots["B"].obstacle = ""
    assert house.plan(AGAIN_S) == {order: "B"}
    assert house.plan(AGAIN_S) == {}, "and stays with it"


def test_a_small_difference_moves_nobody():
    house = House({"A": "10", "B": "17"})
    house.state.robots["B"].obstacle = "manual"
    order = house.order("14", "30")
    house.plan()
    house.state.robots["B"].obstacle = ""
    nearer_s = house.routes.seconds(None, "10", "14") - house.routes.seconds(None, "17", "14")
    assert 0 < nearer_s < STICK_S
    assert house.plan(AGAIN_S) == {}
    assert house.state.transports[order].robot == "A"


def test_what_has_been_begun_stays():
    house = House({"A": "10", "B": "20"})
    order = house.order("21", "30")
    house.carry("A", order, loaded=False)
    house.state.robots["A"].action = "pick"
    assert house.plan() == {}


def test_who_sets_down_something_takes_the_nearest_thing_back():
    house = House({"A": "10", "B": "38"})
    house.carry("A", house.order("5", "12"))
    back = house.order("13", "30")
    assert house.plan() == {}, "A will be there earlier"
    assert house.plan(AGAIN_S) == {}
    assert house.plan(HOLD_S) == {back: "B"}, "but it took too long"


def test_one_who_is_far_from_done_is_not_waited_for():
    house = House({"A": "10", "B": "38"})
    house.carry("A", house.order("5", "28"))
    order = house.order("25", "30")
    assert house.plan() == {order: "B"}


def test_what_is_due_goes_before_what_is_near():
    house = House({"A": "10"})
    near, due = house.order("11", "30"), house.order("20", "30", due_at=house.due(120))
    assert house.plan() == {due: "A"}
    assert house.state.transports[near].robot is None


def test_priority_goes_before_everything_near():
    house = House({"A": "10"})
    house.order("11", "30", due_at=house.due(60))
    high = house.order("29", "30", priority=1)
    assert house.plan() == {high: "A"}


def test_who_could_not_get_to_a_charger_afterwards_does_not_go():
    for drive_s, taker in ((14_400.0, "A"), (150.0, "B")):
        house = House({"A": "10", "B": "20"}, kinds={"35": "charge"}, drive_s=drive_s)
        house.put("A", "10", battery=0.3)
        order = house.order("11", "30")
        assert house.plan() == {order: taker}


def test_the_fuller_battery_goes_if_both_are_as_near():
    house = House({"A": "10", "B": "14"})
    house.put("A", "10", battery=0.4)
    order = house.order("12", "30")
    assert house.plan() == {order: "B"}


def test_stations_are_served_by_turns():
    """The second tote to one is dearer than the first to the other."""
    more = "".join(
        f'[[stations]]\nname = "ST-{n}"\npoint = "{n}"\ncapacity = 2\n' for n in (20, 30)
    )
    house = House({"A": "36", "B": "11"}, more=more, kinds={"20": "station", "30": "station"})
    house.carry("A", house.order("5", "ST-20"))
    near, far = house.order("12", "ST-20"), house.order("13", "ST-30")
    assert house.plan() == {far: "B"}
    assert house.state.transports[near].robot is None


def test_only_the_oldest_order_of_a_load_is_looked_at():
    house = House({"A": "10", "B": "11"})
    first = house.order("12", "30", load="tote")
    house.order("30", "12", load="tote", priority=3)
    assert set(house.plan()) == {first}


def test_who_is_not_heard_keeps_what_they_have_and_gets_nothing():
    house = House({"A": "10", "B": "20"})
    kept = house.order("19", "30")
    house.state.robots["B"].obstacle = "manual"
    assert house.plan() == {kept: "A"}
    house.state.robots["B"].obstacle = ""
    house.silent = {"A"}
    assert house.plan(FRESH_S + 1.0) == {}, "B is nearer, but A may have begun"
    other = house.order("12", "30")
    assert house.plan() == {other: "B"}


# ------------------------------------------------------------------------------ robots with slots
@pytest.mark.parametrize(("slots", "taker"), [(3, "A"), (1, "B")])
def test_who_has_room_and_comes_by_takes_it_instead_of_one_from_afar(slots: int, taker: str):
    house = House({"A": "10", "B": "34"}, slots=slots)
    house.carry("A", house.order("10", "28"))
    more = house.order("12", "15")
    assert house.plan() == {more: taker}


def test_who_is_full_gets_nothing_more_and_what_it_has_stays():
    house = House({"A": "10", "B": "34"}, slots=2)
    first, second = house.order("10", "16"), house.order("11", "16")
    house.carry("A", first)
    house.carry("A", second, loaded=False)
    house.state.robots["A"].then = [first, second]
    third = house.order("12", "16")
    assert house.plan() == {third: "B"}, "and B does not take the second"


@pytest.mark.parametrize(("drive_s", "takes"), [(1_000.0, True), (80.0, False)])
def test_who_could_not_bring_all_and_reach_a_charger_gets_no_more(drive_s: float, takes: bool):  # noqa: FBT001
    house = House({"A": "10"}, drive_s, slots=3, kinds={"30": "charge"})
    house.carry("A", house.order("10", "20"))
    house.order("11", "20")
    assert bool(house.plan()) == takes


def test_several_loads_on_one_robot_come_to_the_station_as_one():
    station = '[[stations]]\nname = "ST"\npoint = "20"\ncapacity = 20\n'
    house = House({"A": "10", "B": "12"}, slots=TO_STATION_MAX + 1, more=station)
    ids = [house.order("10", "ST") for _ in range(TO_STATION_MAX + 1)]
    for one in ids:
        house.carry("A", one)
    house.state.robots["A"].then = ids[:-1]
    more = house.order("13", "ST")
    assert house.plan() == {more: "B"}
