"""Who is looked at because of what people and files say: in that very step.

Nothing else happens in these steps: no report, and no look at all robots.
"""

from dataclasses import replace
from datetime import timedelta

import pytest

from edge.machine_messages import SafetyReport
from edge.messages import Drive
from tests.builders import an_id
from tests.wcs.fleet import Weather, World
from tests.wcs.small import plant_of
from tests.wcs.test_moves import unlike
from wcs.engine import Engine, Incoming, Started
from wcs.messages import AreaHold, RobotHold, SafetyConfirmed, Withdrawal
from wcs.missions import has_horizon
from wcs.plant import Plant
from wcs.state import Outbox

RING = {"a": (0, 0), "b": (4, 0), "c": (8, 0), "d": (8, 4), "e": (4, 4), "f": (0, 4), "g": (4, 8)}
MORE = """
[[areas]]
name = "east"
points = ["e"]
[[stations]]
name = "ST"
point = "f"
[[devices]]
name = "cell"
driver = "opcua"
[[circuits]]
name = "hall"
device = "cell"
"""


def ring(*bypass: str, start: str = "a") -> Plant:
    """A ring with a shelf at d; it leads through e to the station, or also round it."""
    ways = ["a>b", "b>c", "c>d", "d>e", "e>f", "f>a", "d=s", *(bypass or ("f=g",))]
    points = {name: (float(x), float(y)) for name, (x, y) in RING.items()} | {"s": (12.0, 4.0)}
    return plant_of(points, ways, kinds={"s": "storage"}, robots={"R": start}, more=MORE)


@pytest.fixture
def world() -> World:
    """One robot that answers, on a site where nothing is late or lost."""
    found = World(ring(), 1, Weather(lost=0.0, stall=0.0))
    found.run_until(lambda: bool(found.state.robots["R"].held), 60)
    return found


def alone(world: World, message: Incoming) -> Outbox:
    """A step with this and nothing else, and no look at all; checked by what traffic sees."""
    world.state.stirred, world.state.looked_at = {}, world.now
    outbox = world.engine.step(world.state, [message], world.now)
    assert unlike(world.engine, world.state) == []
    return outbox


def area(world: World, *, held: bool) -> AreaHold:
    soon = world.now + timedelta(seconds=60)
    return AreaHold(
        id=str(an_id()), area="east", held=held, by="EMI", reason="spill", expires_at=soon
    )


def hold(world: World) -> RobotHold:
    soon = world.now + timedelta(seconds=60)
    return RobotHold(
        id=str(an_id()), robot="R", held=True, by="EMI", reason="spill", expires_at=soon
    )


def drives(outbox: Outbox) -> list[Drive]:
    return [one for one in outbox.to_edge if isinstance(one, Drive)]


def waits_at_d(world: World) -> None:
    """The robot has its load; the way to the station was closed meanwhile."""
    world.order("tote", "s-1", "ST")
    world.run_until(lambda: world.robots["R"].load == "tote", 600)
    world.inbox.append(area(world, held=True))
    world.run_until(lambda: world.state.robots["R"].stood_at is not None, 600)


def test_an_area_that_opens_lets_go_on_who_waits_before_it(world: World):
    waits_at_d(world)
    (drive,) = drives(alone(world, area(world, held=False)))
    assert [node.node for node in drive.nodes if node.released][-1] in {"e", "f"}


def test_a_way_that_a_new_site_file_opens_is_taken_at_once(world: World):
    waits_at_d(world)
    world.engine = Engine(ring("d>g", "g>f"))
    (drive,) = drives(alone(world, Started()))
    assert "g" in {node.node for node in drive.nodes}


def test_who_loses_its_order_has_nowhere_to_go(world: World):
    order = world.order("tote", "s-1", "ST")
    robot = world.state.robots["R"]
    world.run_until(lambda: has_horizon(robot) and robot.shown, 60)
    (drive,) = drives(alone(world, Withdrawal(id=order)))
    assert all(node.released for node in drive.nodes)
    assert robot.goal is None


def test_whose_drive_is_cancelled_is_a_wall_at_once(world: World):
    world.order("tote", "s-1", "ST")
    world.run_until(lambda: world.robots["R"].node == "b", 60)
    alone(world, replace(hold(world), cancel=True))
    assert world.state.robots["R"].obstacle


def test_who_falls_silent_is_a_wall_for_traffic_too(world: World):
    world.die("R")
    while not world.state.robots["R"].obstacle:
        world.now += timedelta(seconds=5)
        world.state.stirred = {}
        world.engine.step(world.state, [], world.now)
        assert unlike(world.engine, world.state) == []


def test_what_a_safety_circuit_held_back_is_said_once_people_confirm(world: World):
    def stop(*, stopped: bool) -> SafetyReport:
        return SafetyReport(at=world.now, device="cell", circuit="hall", stopped=stopped)

    def step(*inbox: Incoming) -> list[Drive]:
        return drives(world.engine.step(world.state, inbox, world.now))

    world = World(ring(start="s"), 1, Weather(lost=0.0, stall=0.0))
    world.run_until(lambda: bool(world.state.robots["R"].held), 60)
    step(stop(stopped=True))
    world.now += timedelta(seconds=2)
    world.order("tote", "s-1", "ST")
    assert not step(*world.inbox)
    assert world.state.robots["R"].action, "it is where its load is"
    assert not step(stop(stopped=False))
    assert step(SafetyConfirmed(id=str(an_id()), circuit="hall", by="EMI"))
