"""Who gets which order, and what robots do when there is none."""

from dataclasses import replace
from datetime import timedelta
from functools import partial

from tests.wcs.fleet import START, Weather, World, say, tokyo
from wcs.assign import TO_STATION_MAX
from wcs.messages import TransportReport
from wcs.state import State

PLANT = tokyo()
CALM = Weather(lost=0.0, stall=0.0)


def calm(seed: int = 1) -> World:
    """A world in which all robots have been heard of."""
    world = World(PLANT, seed, CALM)
    world.run_until(lambda: all(robot.held for robot in world.state.robots.values()), 60)
    return world


def assigned(world: World) -> dict[str, str]:
    """Robots by order."""
    return {t.id: t.robot for t in world.state.transports.values() if t.robot is not None}


def settle(world: World, seconds: float = 30.0) -> None:
    end = world.now + timedelta(seconds=seconds)
    world.run_until(lambda: world.now >= end, seconds + 10)


def test_the_nearest_robot_goes():
    world = calm()
    order = world.order("t1", "A01-12-1", "ST-1")
    settle(world, 10)
    robot = world.state.robots[assigned(world)[order]]
    seconds = {
        name: world.engine.routes.seconds(None, other.held[0].point, "A01-12")
        for name, other in world.state.robots.items()
        if name != robot.name
    }
    mine = world.engine.routes.seconds(None, PLANT.robots[robot.name].start, "A01-12")
    assert mine <= min(seconds.values()) + 1.0


def test_not_more_robots_than_fit_go_to_one_station():
    world = calm()
    for n in range(12):
        world.order(f"t{n}", f"A{n + 1:02}-03-1", "ST-4")
    settle(world)
    assert len(assigned(world)) == TO_STATION_MAX
    world.work_off(2_000)


def test_one_order_of_a_load_at_a_time_the_oldest_first():
    world = calm()
    first = world.order("t1", "A01-12-1", "ST-1")
    world.order("t1", "ST-1", "A02-01-1", priority=5)
    settle(world)
    assert set(assigned(world)) == {first}
    world.work_off(1_000)


def test_an_order_that_has_waited_long_is_not_passed_over_for_ever():
    """Near orders keep coming for the only robot; the far one gets its turn all the same."""
    plant = replace(PLANT, robots={"R-01": PLANT.robots["R-01"]})
    world = World(plant, 1, CALM)
    far = world.order("far", "A12-01-1", "ST-6")
    for n in range(60):  # faster than it can work
        near = (f"near-{n}", f"A01-{n % 12 + 1:02}-1", "ST-1")
        world.later(60.0 * n, partial(world.order, *near))
    world.run_until(lambda: far in world.ended(), 2_000)


def test_low_batteries_go_to_chargers_and_do_not_work():
    world = calm()
    for name in ("R-20", "R-21"):
        world.robots[name].battery = 0.1
        world.inbox.append(world.robots[name].report(world.now, PLANT))
    assert PLANT.points[world.state.robots["R-20"].held[0].point].kind == "park"
    world.run_until(lambda: world.robots["R-21"].charging, 2_000)
    at = world.robots["R-21"].node
    assert PLANT.points[at].kind == "charge"
    orders = [world.order(f"t{n}", f"A{n % 12 + 1:02}-01-1", f"ST-{n % 6 + 1}") for n in range(12)]
    settle(world, 20)
    assert "R-21" not in assigned(world).values()
    world.work_off(3_000)
    assert set(orders) <= set(world.ended())
    world.run_until(lambda: world.robots["R-21"].battery > 0.9, 3_000)


def test_a_charging_robot_unplugs_before_it_works():
    world = calm()
    world.robots["R-01"].battery = 0.7
    world.inbox.append(world.robots["R-01"].report(world.now, PLANT))
    world.run_until(lambda: world.robots["R-01"].charging, 500)
    assert world.robots["R-01"].node == PLANT.robots["R-01"].start, "it stands at a charger"
    for n in range(30):
        world.order(f"t{n}", f"A{n % 12 + 1:02}-01-1", f"ST-{n % 6 + 1}")
    world.run_until(lambda: "R-01" in assigned(world).values(), 100)
    world.work_off(3_000)
    assert not any(
        robot.charging and robot.mission.startswith("t") for robot in world.robots.values()
    )


def test_a_robot_in_the_hands_of_people_is_left_alone():
    world = calm()
    near = min(
        world.state.robots,
        key=lambda name: world.engine.routes.seconds(None, PLANT.robots[name].start, "A01-12"),
    )
    report = world.robots[near].report(world.now, PLANT)
    world.inbox.append(say(report, operating_mode="MANUAL"))
    world.run_until(lambda: f"robot.manual/{near}" in world.state.alarms, 10)
    order = world.order("t1", "A01-12-1", "ST-1")
    world.run_until(lambda: order in assigned(world), 10)
    assert assigned(world)[order] != near
    world.inbox.append(report)
    world.run_until(lambda: not world.state.alarms, 10)


def test_a_pick_that_fails_ends_the_order_and_frees_the_robot():
    world = calm()
    order = world.order("t1", "A01-12-1", "ST-1")
    world.run_until(lambda: any(r.action for r in world.state.robots.values()), 500)
    name = assigned(world)[order]
    robot = world.robots[name]
    world.run_until(lambda: bool(robot.todo), 500)
    action = robot.todo[0].action_id
    robot.todo, robot.done, robot.busy_until = [], {action: "FAILED"}, None
    robot.dead = True  # its drawn end of the action never comes
    world.inbox.append(robot.report(world.now, PLANT))
    world.work_off(60)
    assert (world.heard[-1].state, world.heard[-1].reason) == ("FAILED", "pick.failed")
    assert world.state.robots[name].transport is None


def test_a_robot_that_refuses_what_it_is_told_is_an_alarm():
    world = calm()
    order = world.order("t1", "A09-03-1", "ST-1")
    world.run_until(lambda: order in assigned(world), 10)
    name = assigned(world)[order]
    world.robots[name].hear = lambda drive: drive is None  # type: ignore[method-assign]
    world.run_until(lambda: f"robot.deaf/{name}" in world.state.alarms, 1_000)
    world.work_off(1_000)
    assert world.heard[-1].state == "FINISHED", "another robot brought it"


def test_no_two_robots_are_sent_to_one_bay():
    world = World(PLANT, 1, CALM)
    for n in range(1, 13):
        world.robots[f"R-{n:02}"].node = f"F1-{n:02}"
    for robot in world.robots.values():
        world.inbox.append(robot.report(START, PLANT))
    world.step()
    goals = [robot.goal for robot in world.state.robots.values() if robot.goal is not None]
    assert len(goals) == len(set(goals)) == 12


def test_idle_robots_go_back_to_bays():
    world = calm()
    world.order("t1", "A01-12-1", "ST-1")
    world.work_off(1_000)

    def in_bays(state: State) -> bool:
        return all(
            PLANT.points[robot.held[-1].point].kind in ("park", "charge") and len(robot.held) == 1
            for robot in state.robots.values()
        )

    world.run_until(lambda: in_bays(world.state), 1_000)
    assert isinstance(world.heard[-1], TransportReport)
    assert world.now > START
