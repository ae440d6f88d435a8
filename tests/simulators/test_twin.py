"""The twin: the real WCS on played machines, in virtual time."""

import json
from collections.abc import Sequence
from dataclasses import replace
from random import Random

import pytest

from benchmarks.mfc import site as network_text
from benchmarks.twin import busy_site, faults_of
from edge.messages import Drive, DriveAction, DriveNode, PauseRobot
from simulators.twin import Settings, Twin
from simulators.twin_robot import Mishaps, Robot
from tests.wcs.small import plant_of
from wcs.engine import Incoming
from wcs.messages import MissionCharged, ParcelExpected
from wcs.plant import Plant, read_plant
from wcs.state import Outbox, from_json, to_json

HARSH = Settings(
    orders_open=12,
    cartons_per_hour=400.0,
    people_per_hour=200.0,
    lost=0.02,
    mishaps=Mishaps(hindered=0.2, stopped=0.01, mended_s=60.0),
)


@pytest.fixture(scope="module")
def site() -> Plant:
    return read_plant(busy_site(12, 10))


def two_floors() -> Plant:
    """Two rings, one above the other, and a lift between them."""
    ring = ((0, 0), (4, 0), (8, 0), (8, 4), (4, 4), (0, 4))
    ground = {f"g{n}": (float(x), float(y)) for n, (x, y) in enumerate(ring)}
    ground["car-g"] = (-4.0, 0.0)
    paths = [f"{floor}{n}>{floor}{(n + 1) % 6}" for floor in "gu" for n in range(6)]
    paths += ["g0=car-g", "car-g=car-u", "car-u=u0"]
    above = {name.replace("g", "u"): place for name, place in ground.items()}
    rides = [("g0", "car-g", "1"), ("car-g", "car-u", "2"), ("car-u", "u0", "2")]
    rides += [("u0", "car-u", "2"), ("car-u", "car-g", "1"), ("car-g", "g0", "1")]
    more = [
        f'[[points]]\nname = "{name}"\nx_m = {x}\ny_m = {y}\nmap = "up"\n'
        for name, (x, y) in above.items()
    ]
    more += [f'[[stations]]\nname = "S{p}"\npoint = "{p}"\n' for p in ("g3", "u3")]
    more += ['[[devices]]\nname = "fleet"\ndriver = "vda5050"\n']
    more += ['[[devices]]\nname = "building"\ndriver = "portals"\n']
    more += ['[[zones]]\nname = "lift"\nkind = "lift"\npoints = ["car-g", "car-u"]\n']
    more += ['[[portals]]\nname = "lift"\ndevice = "building"\nkind = "lift"\n']
    more += [f"ways = {json.dumps(rides)}\n"]
    return plant_of(ground, paths, robots={"R1": "g1", "R2": "u2"}, more="".join(more))


# ------------------------------------------------------------------------------- the whole
def test_the_same_seed_is_the_same_run_and_another_one_is_not(site: Plant):
    def digest(seed: int) -> str:
        twin = Twin(site, replace(HARSH, seed=seed))
        twin.run(60)
        return twin.figures().digest

    assert digest(1) == digest(1)
    assert digest(1) != digest(2)


def test_whatever_goes_wrong_orders_end_and_nobody_meets_anybody(site: Plant):
    twin = Twin(site, HARSH)
    starts = {name: robot.node for name, robot in twin.robots.items()}
    log = twin.log = []
    twin.run(400)
    found = twin.figures()
    assert found.orders_ended > 10
    assert found.orders_failed == 0
    assert found.cartons_sorted > 10
    assert faults_of(twin, log, starts) == []
    name, got, moves = next(row for row in log if len(row[1]) > 1)
    other = next(one for one in twin.robots if one != name)
    log.append((other, [(got[-1][0], got[-1][1])], moves))
    assert faults_of(twin, log, starts), "the checker can find something"


def test_where_a_site_stands_its_twin_goes_on(site: Plant):
    first = Twin(site, replace(HARSH, orders_open=12))
    first.run(120)
    body = to_json(first.state)
    carried = {robot.load for robot in first.robots.values() if robot.load}
    fork = Twin(site, replace(HARSH, orders_open=0, cartons_per_hour=0), from_json(body))
    assert {robot.load for robot in fork.robots.values() if robot.load} == carried
    starts = {name: robot.node for name, robot in fork.robots.items()}
    fork.run(400)
    assert fork.figures().orders_ended == 12
    assert fork.state.transports == {}, "what was open is done"
    assert not any(robot.load for robot in fork.robots.values())
    assert starts.keys() == fork.robots.keys()
    assert to_json(first.state) == body, "the site itself has not moved"


def test_robots_with_slots_carry_several_and_a_fork_goes_on_with_all_of_them(site: Plant):
    specs = {name: replace(spec, slots=4) for name, spec in site.robots.items()}
    twin = Twin(replace(site, robots=specs), replace(HARSH, orders_open=40, cartons_per_hour=0))
    starts = {name: robot.node for name, robot in twin.robots.items()}
    log = twin.log = []
    most = 0
    while most < 2:
        twin.run(10)
        most = max(len(robot.loads) for robot in twin.robots.values())
        assert twin.now_s < twin.state.started_at.timestamp() + 1_000
    had = {name: robot.loads for name, robot in twin.robots.items()}
    fork = Twin(twin.plant, replace(HARSH, cartons_per_hour=0), from_json(to_json(twin.state)))
    assert sum(map(len, had.values())) - sum(len(one.loads) for one in fork.robots.values()) <= 2
    for one in (twin, fork):
        one.settings = replace(one.settings, orders_open=0)
        one.run(1_500)
        assert not one.state.transports
        assert not any(robot.loads for robot in one.robots.values())
        assert one.figures().orders_failed == 0
    assert faults_of(twin, log, starts) == []


def test_robots_take_the_lift_and_nobody_enters_it_uncalled():
    plant = two_floors()
    twin = Twin(plant, Settings(orders_open=3, mishaps=Mishaps(hindered=0, stopped=0)))
    log = twin.log = []
    twin.run(400)
    assert twin.figures().orders_ended >= 5
    rides = [move for _, _, moves in log for move in moves if {*move[:2]} == {"car-g", "car-u"}]
    assert len(rides) >= 4
    assert twin.figures().alarms == {}


def test_who_crosses_is_waited_for(site: Plant):
    calm = Settings(orders_open=12, mishaps=Mishaps(hindered=0, stopped=0))
    crowd = replace(calm, people_per_hour=8_000.0)
    runs = [Twin(site, settings) for settings in (calm, crowd)]
    for twin in runs:
        twin.run(150)
    assert runs[0].metres > 1.1 * runs[1].metres


# ------------------------------------------------------------------------------- one robot
def a_robot() -> Robot:
    still = Mishaps(hindered=0.0, stopped=0.0)
    return Robot(name="R", node="n0", x_m=0.0, y_m=0.0, rng=Random(1), mishaps=still)


def a_drive(update: int, *released: int, horizon: int = 0, act: bool = False) -> Drive:
    """Nodes 4 m apart on a line; the last one is worked at, if `act`."""
    last = released[-1]
    pick = (DriveAction(action_id="a", kind="PICK", load="box"),) if act else ()
    nodes = [
        DriveNode(
            node=f"n{n}", sequence=2 * n, released=n <= last, x_m=4.0 * n, y_m=0.0,
            actions=pick if n == last else (),
        )
        for n in range(released[0], last + horizon + 1)
    ]  # fmt: skip
    return Drive(robot="R", mission="m", update=update, nodes=tuple(nodes))


def live_until(robot: Robot, at: float) -> float:
    """How long it took until nothing more is due, at most until then."""
    last = 0.0
    while robot.due <= at:
        last = robot.due
        robot.live(robot.due)
    return last


def test_it_passes_nodes_at_speed_and_stops_where_its_base_ends():
    whole, parts = a_robot(), a_robot()
    whole.hear(a_drive(0, 0, 5), 0.0)
    took_s = live_until(whole, 100.0)
    assert whole.node == "n5"
    assert took_s == pytest.approx(20.0 / 1.5 + 1.5), "one trapezium: it brakes only at the end"
    parts.hear(a_drive(0, 0, 1, horizon=2), 0.0)
    live_until(parts, 100.0)
    assert parts.node == "n1", "what was not released is not driven"
    assert parts.report(50.0).released_ahead == ()


def test_a_base_that_grows_in_time_is_driven_without_a_stop():
    robot = a_robot()
    robot.hear(a_drive(0, 0, 1, horizon=2), 0.0)
    robot.hear(a_drive(1, 1, 5), 1.0)
    assert live_until(robot, 100.0) == pytest.approx(20.0 / 1.5 + 1.5)


def test_an_update_that_does_not_begin_where_the_last_one_ended_is_refused():
    robot = a_robot()
    assert robot.hear(a_drive(0, 0, 1), 0.0)
    assert not robot.hear(a_drive(1, 2, 3), 0.0)
    assert not robot.hear(a_drive(0, 0, 1), 0.0), "nor twice"


def test_paused_it_stands_and_goes_on_from_there():
    robot = a_robot()
    robot.hear(a_drive(0, 0, 3, act=True), 0.0)
    robot.hear(PauseRobot(robot="R", paused=True), 3.0)
    there = robot.report(3.0).x_m
    assert live_until(robot, 100.0) == 0.0
    assert robot.report(90.0).x_m == there
    robot.hear(PauseRobot(robot="R", paused=False), 90.0)
    live_until(robot, 200.0)
    assert (robot.node, robot.load) == ("n3", "box")


# ------------------------------------------------------------------------------- networks
def ring() -> Plant:
    """A ring of conveyors with twelve scanners, 24 lanes and three feeds, beside a few streets."""
    return read_plant(busy_site(12, 2) + network_text())


def test_a_network_of_conveyors_is_played_too_and_nobody_comes_to_another_lane():
    twin = Twin(ring(), Settings(cartons_per_hour=1_500.0))
    lanes: dict[str, str] = {}

    def watch(inbox: Sequence[Incoming], _outbox: Outbox) -> None:
        lanes.update({m.code: m.lane for m in inbox if isinstance(m, ParcelExpected)})

    twin.watch = watch
    twin.run(900)
    assert twin.things.net is not None
    arrived = twin.things.net.conveyors.arrived
    assert len(arrived) > 250
    assert {code: lanes[code] for code in arrived} == arrived
    assert not twin.figures().alarms


def test_the_twin_goes_on_with_what_lies_on_the_belts():
    twin = Twin(ring(), Settings(cartons_per_hour=1_500.0))
    twin.run(120)
    inside = {unit.code for unit in twin.state.conveying.units.values() if unit.belt}
    assert len(inside) > 5
    other = Twin(twin.plant, Settings(), from_json(to_json(twin.state)))
    other.run(300)
    assert other.things.net is not None
    assert set(other.things.net.conveyors.arrived) == inside
    assert not other.state.conveying.units
    assert not other.figures().alarms


# ------------------------------------------------------------------------------- hired fleets
def test_a_hired_fleet_does_what_our_own_robots_do_not_get_to():
    text = (
        busy_site(12, 2)
        + """
[[devices]]
name = "raas"
driver = "fleet_api"
[[fleets]]
name = "raas"
device = "raas"
after_s = 60
missions_max = 3
"""
    )
    charged: list[MissionCharged] = []
    twin = Twin(read_plant(text), Settings(orders_open=12))
    twin.watch = lambda _, said: charged.extend(
        one for one in said.to_wms if isinstance(one, MissionCharged)
    )
    twin.run(900)
    assert len(charged) > 10
    assert {one.state for one in charged} == {"FINISHED"}
    alone = Twin(read_plant(busy_site(12, 2)), Settings(orders_open=12))
    alone.run(900)
    assert twin.figures().orders_ended > alone.figures().orders_ended + len(charged) / 2
