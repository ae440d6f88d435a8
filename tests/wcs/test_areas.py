"""Areas that people close: who is in one stands, nobody goes in, and afterwards all goes on."""

from datetime import timedelta

import pytest

from benchmarks.twin import busy_site
from edge.messages import CommandRefused, PauseRobot
from simulators.twin import START, Settings, Twin
from simulators.twin_robot import Mishaps
from tests.builders import an_id
from wcs.engine import Engine, Started
from wcs.messages import AreaHold
from wcs.plant import Plant, read_plant
from wcs.sitefile import PlantError
from wcs.state import Stop, fresh_state, from_json, to_json

AREA = '[[areas]]\nname = "west"\npoints = ["0-*", "1-*", "2-*", "3-*"]\n'
CALM = Settings(orders_open=12, mishaps=Mishaps(hindered=0.0, stopped=0.0))


@pytest.fixture(scope="module")
def site() -> Plant:
    return read_plant(busy_site(12, 10) + AREA)


def close(twin: Twin, *, held: bool) -> None:
    until = twin.state.now + timedelta(seconds=60)
    hold = AreaHold(
        id=str(an_id()), area="west", held=held, by="EMI", reason="spill", expires_at=until
    )
    twin.say(hold)


def test_in_a_closed_area_all_stand_and_nobody_goes_in_until_it_is_opened(site: Plant):
    twin = Twin(site, CALM)
    twin.run(90)
    close(twin, held=True)
    twin.run(3)
    west = site.areas["west"]
    inside = {name for name, robot in twin.robots.items() if west.holds_point(robot.node)}
    assert inside
    told = set(twin.state.areas["west"])
    log = twin.log = []
    twin.run(90)
    ends = [(name, move[1]) for name, _, moves in log for move in moves]
    assert ends, "the others go on"
    assert [row for row in ends if west.holds_point(row[1])] == []
    assert inside.isdisjoint(name for name, _ in ends)
    assert all(twin.robots[name].paused for name in inside)
    assert set(twin.state.areas["west"]) == told, "nobody else was granted a way in"
    twin.state = from_json(to_json(twin.state))
    twin.say(Started())
    twin.run(2)
    assert list(twin.state.areas) == ["west"], "a restart opens nothing"
    close(twin, held=False)
    twin.run(120)
    assert not any(robot.paused for robot in twin.robots.values())
    moved = {name for name, _, moves in log if moves}
    assert inside <= moved


def test_who_stood_before_and_whom_a_circuit_holds_does_not_go_on(site: Plant):
    twin = Twin(site, CALM)
    twin.run(40)
    name = next(n for n, one in twin.robots.items() if site.areas["west"].holds_point(one.node))
    twin.robots[name].hear(PauseRobot(robot=name, paused=True), twin.now_s)
    twin._say(twin.robots[name])
    twin.run(2)
    close(twin, held=True)
    twin.run(5)
    assert name not in twin.state.areas["west"]
    others = set(twin.state.areas["west"])
    twin.state.stops["nobody knows it"] = Stop(since=twin.state.now)
    close(twin, held=False)
    twin.run(5)
    assert twin.robots[name].paused, "people had told it before"
    assert all(twin.robots[other].paused for other in others), "a circuit stands"


def test_an_area_that_there_is_not_and_a_late_word_are_answered(site: Plant):
    for area, late_s in (("east", 60), ("west", 0)):
        until = START + timedelta(seconds=late_s)
        hold = AreaHold(
            id=str(an_id()), area=area, held=True, by="EMI", reason="spill", expires_at=until
        )
        outbox = Engine(site).step(state := fresh_state(site, START), [hold], START)
        (refused,) = [one for one in outbox.to_wms if isinstance(one, CommandRefused)]
        assert str(refused.command) == hold.id
        assert state.areas == {}


def test_an_area_has_points():
    with pytest.raises(PlantError, match="no point of the site lies in it"):
        read_plant(busy_site(12, 10) + AREA.replace("-*", "-x"))
