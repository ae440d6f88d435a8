"""Doors and lifts: nobody goes through what does not stand open for him; none is kept for nobody.

Robots drive on virtual time; the lift and the door are played. Whoever is between two points of a
way through a portal while it stands elsewhere has been let down: that is looked at every step.
"""

from datetime import timedelta

import pytest
from typing_extensions import override

from edge.machine_messages import PortalReport, PortalWanted
from simulators.portals import PortalModel
from tests.wcs.fleet import Weather, World
from tests.wcs.small import plant_of
from wcs.messages import Withdrawal
from wcs.plant import Plant
from wcs.sitefile import PlantError
from wcs.state import Outbox

CALM = Weather(lost=0.0, stall=0.0, delay_s=(0.1, 0.5))
DEVICE = '[[devices]]\nname = "plc"\ndriver = "portals"\n'
DOOR = (
    DEVICE
    + """
[[portals]]
name = "door"
device = "plc"
lease_s = 12.0
ways = [["b", "c", "OPEN"], ["e", "f", "OPEN"]]
"""
)
LIFT = (
    DEVICE
    + """
[[portals]]
name = "lift"
device = "plc"
kind = "lift"
lease_s = 12.0
ways = [["c", "car1", "1"], ["car1", "c", "1"], ["car1", "car2", "2"], ["car2", "car1", "1"],
        ["car2", "u1", "2"], ["u1", "car2", "2"]]
"""
)


def hall(more: str, **robots: str) -> Plant:
    """Two rooms, a b e' | c d e f, a ring through one door, twice."""
    xy = {
        "a": (0, 0),
        "b": (4, 0),
        "c": (8, 0),
        "d": (12, 0),
        "e": (12, 4),
        "f": (4, 4),
        "g": (0, 4),
    }
    ring = ["a>b", "b>c", "c>d", "d>e", "e>f", "f>g", "g>a"]
    points = {name: (float(x), float(y)) for name, (x, y) in xy.items()}
    return plant_of(points, ring, robots=robots, more=more)


def floors(**robots: str) -> Plant:
    """A ring on each floor; the lift between them. The upper floor is drawn beside the lower."""
    xy = {
        "a": (0, 0), "b": (4, 0), "c": (4, 4), "d": (0, 4), "car1": (8, 4), "car2": (12, 4),
        "u1": (16, 4), "u2": (20, 4), "u3": (20, 0), "u4": (16, 0),
    }  # fmt: skip
    points = {name: (float(x), float(y)) for name, (x, y) in xy.items()}
    paths = ["a>b", "b>c", "c>d", "d>a", "c=car1", "car1=car2", "car2=u1"]
    paths += ["u1>u2", "u2>u3", "u3>u4", "u4>u1"]
    return plant_of(points, paths, robots=robots, more=LIFT)


class House(World):
    """A world whose portals are played."""

    def __init__(self, plant: Plant, seed: int = 1, **portals: PortalModel) -> None:
        self.portals = portals
        self.deaf = False  # the PLC hears nothing
        self.wanted: list[PortalWanted] = []
        self._told: dict[str, tuple[object, ...]] = {}
        super().__init__(plant, seed, CALM)
        self.later(0.5, self.live)

    def live(self) -> None:
        self.later(0.5, self.live)
        for name, model in self.portals.items():
            model.step(self.now)
            said = (model.status, model.session, model.at, model.until_at)
            if self._told.get(name) != said:
                self._told[name] = said
                self.inbox.append(
                    PortalReport(
                        at=self.now, device="plc", portal=name, status=model.status,
                        session=model.session, position=model.at, until_at=model.until_at,
                    )
                )  # fmt: skip
        self._look()

    def _look(self) -> None:
        for portal in self.plant.portals.values():
            ways = {(a, b): position for a, b, position in portal.ways}
            for robot in self.robots.values():
                if robot.driving_to is None:
                    continue
                position = ways.get((robot.node, robot.driving_to.node))
                model = self.portals[portal.name]
                if position is not None and (model.at or model.target) != position:
                    raise AssertionError(f"{robot.name} goes through {portal.name}: {model}")

    @override
    def _carry_out(self, outbox: Outbox) -> None:
        super()._carry_out(outbox)
        for command in outbox.to_edge:
            if isinstance(command, PortalWanted):
                self.wanted.append(command)
                if not self.deaf:
                    model = self.portals[command.portal]
                    model.want(command.session, command.position, command.until_at, self.now)

    def quiet(self) -> bool:
        return not any(access.session for access in self.state.portals.values())


def test_a_door_opens_for_who_comes_and_closes_behind_him():
    house = House(hall(DOOR, R1="a", R2="g"), door=PortalModel("door"))
    order = house.order("x", "d", "g")
    house.work_off(600)
    assert house.ended() == {order: ["FINISHED"]}
    house.run_until(lambda: house.quiet() and house.portals["door"].at == "CLOSED", 200)
    sessions = {one.session for one in house.wanted if one.session}
    assert sessions, "it was asked for"
    assert house.wanted[-1].session == ""


def test_a_broken_door_lets_nobody_through_and_is_an_alarm_until_it_is_mended():
    door = PortalModel("door", broken=True)
    house = House(hall(DOOR, R1="a"), door=door)
    house.order("x", "d", "g")
    house.run_until(lambda: "portal.fault/door" in house.state.alarms, 100)
    house.run_until(lambda: house.now > house.state.started_at + timedelta(seconds=100), 200)
    assert house.robots["R1"].node == "b", "as far as it goes"
    door.broken = False
    house.work_off(600)
    assert not [code for code in house.state.alarms if code.startswith("portal")]


def test_a_deaf_plc_is_an_alarm():
    house = House(hall(DOOR, R1="a"), door=PortalModel("door"))
    house.deaf = True
    house.order("x", "d", "g")
    house.run_until(lambda: "portal.silent/door" in house.state.alarms, 100)
    house.deaf = False
    house.work_off(600)
    assert "portal.silent/door" not in house.state.alarms


def test_a_session_that_nobody_uses_after_all_ends():
    house = House(hall(DOOR, R1="a"), door=PortalModel("door", move_s=60.0))
    order = house.order("x", "d", "g")
    house.run_until(lambda: not house.quiet(), 100)
    house.inbox.append(Withdrawal(id=order))
    house.run_until(house.quiet, 60)


@pytest.mark.parametrize("seed", [1, 2])  # with 1 an idle robot is left in the car, and sent out
def test_a_lift_carries_one_at_a_time_up_and_down(seed: int):
    lift = PortalModel("lift", at="1", closes=False, move_s=8.0)
    house = House(floors(R1="a", R2="u3"), seed, lift=lift)
    orders = [house.order("x", "a", "u2"), house.order("y", "u3", "d"), house.order("z", "b", "u4")]
    house.work_off(3_000)
    assert {how for ends in house.ended().values() for how in ends} == {"FINISHED"}
    assert len(house.ended()) == len(orders)
    house.run_until(house.quiet, 600)
    assert len({one.session for one in house.wanted if one.session}) >= 3


def test_whoever_is_in_the_lift_keeps_it_though_his_order_is_taken_back():
    lift = PortalModel("lift", at="1", closes=False, move_s=8.0)
    house = House(floors(R1="a"), lift=lift)
    order = house.order("x", "u2", "d")
    house.run_until(lambda: house.robots["R1"].node == "car1", 300)
    session = house.state.portals["lift"].session
    house.inbox.append(Withdrawal(id=order))
    house.run_until(lambda: bool(house.ended()), 10)
    assert house.ended() == {order: ["WITHDRAWN"]}
    while house.robots["R1"].node in ("car1", "car2"):
        assert house.state.portals["lift"].users == ["R1"]
        assert house.state.portals["lift"].session == session
        if house.now > house.state.started_at + timedelta(seconds=400):
            break  # it may stay there: nobody else wants it
        house.run_until(lambda at=house.now: house.now > at + timedelta(seconds=5), 60)  # type: ignore[misc]
    assert "portal.lost/lift" not in house.state.alarms


def test_what_is_wrong_with_portals_is_told():
    with pytest.raises(PlantError) as caught:
        hall(DOOR.replace('"b", "c", "OPEN"', '"b", "d", ""').replace('"plc"\nlease', '"x"\nlease'))
    assert caught.value.faults == (
        "portals[1].device: there is no device x",
        "portals[1].ways: there is no path from b to d",
        "portals[1].ways: b > d has no position",
    )
