"""What people say of machines, and what machines did not do: the engine passes both on, once."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from typing_extensions import override

from edge.messages import CancelDrive, CommandRefused, DeviceStatus, PauseRobot
from tests.builders import an_id
from tests.wcs.fleet import START, Weather, World, tokyo
from tests.wcs.test_engine import PLANT
from wcs.engine import Engine, Started
from wcs.messages import RobotHold
from wcs.state import Outbox, Stop, Transport, fresh_state

ROBOT = next(iter(PLANT.robots))


def heard(*messages: object, stopped: bool = False) -> Outbox:
    state = fresh_state(PLANT, START)
    if stopped:
        state.stops["nobody knows it"] = Stop(since=START)
    return Engine(PLANT).step(state, messages, START)  # type: ignore[arg-type]


def a_hold(
    *, robot: str = ROBOT, held: bool = True, cancel: bool = False, at: datetime = START,
    late_s: float = -60,
) -> RobotHold:  # fmt: skip
    until = at - timedelta(seconds=late_s)
    return RobotHold(
        id=str(an_id()), robot=robot, held=held, by="EMI", reason="spill", expires_at=until,
        cancel=cancel,
    )  # fmt: skip


def test_a_robot_is_told_once_by_the_id_of_what_was_confirmed():
    for held in (True, False):
        hold = a_hold(held=held)
        (pause,) = [one for one in heard(hold).to_edge if isinstance(one, PauseRobot)]
        assert (pause.robot, pause.paused, str(pause.command)) == (ROBOT, held, hold.id)
        assert pause.expires_at == hold.expires_at


def test_what_cannot_be_done_is_answered_and_not_told():
    for hold, stopped in (
        (a_hold(robot="nobody"), False),
        (a_hold(late_s=0), False),
        (a_hold(held=False), True),  # an emergency stop ends by its own two acts
    ):
        outbox = heard(hold, stopped=stopped)
        (refused,) = [one for one in outbox.to_wms if isinstance(one, CommandRefused)]
        assert str(refused.command) == hold.id
        told = [one for one in outbox.to_edge if isinstance(one, PauseRobot)]
        assert [one.paused for one in told if one.command is not None] == []


def test_an_order_that_has_not_begun_is_taken_back_and_another_robot_is_not_sent():
    world = World(tokyo(), 3, Weather(lost=0, stall=0))
    first = world.fetch_and_return(1, 1)[0]
    world.run_until(lambda: world.state.transports[first].robot is not None, 600)
    name = world.state.transports[first].robot
    assert name is not None
    hold = replace(a_hold(robot=name, held=False, at=world.now), withdraw=True)
    world.inbox.append(hold)
    world.step()
    assert world.ended()[first] == ["WITHDRAWN"]
    world.work_off(5_000)
    assert world.state.robots[name].report is not None
    assert world.ended()[first] == ["WITHDRAWN"], "once"


def test_what_is_on_a_robot_is_delivered_and_that_is_said():
    world = World(tokyo(), 3, Weather(lost=0, stall=0))
    first = world.fetch_and_return(1, 1)[0]
    world.run_until(lambda: world.state.transports[first].loaded, 2_000)
    name = world.state.transports[first].robot
    assert name is not None
    hold = replace(a_hold(robot=name, held=False, at=world.now), withdraw=True)
    outbox = world.engine.step(world.state, [hold], world.now)
    (refused,) = [one for one in outbox.to_wms if isinstance(one, CommandRefused)]
    assert "delivered" in refused.detail
    assert first in world.state.transports
    nobody = replace(a_hold(held=False), withdraw=True)
    (refused,) = [one for one in heard(nobody).to_wms if isinstance(one, CommandRefused)]
    assert refused.detail == "it has no order"


def test_what_a_device_did_not_do_is_told_to_people():
    said = CommandRefused(at=START, device="sorter1", about="carton.divert", reason="untold")
    assert said in heard(said).to_wms


def test_a_device_that_is_no_more_is_not_down():
    state, engine = fresh_state(PLANT, START), Engine(PLANT)
    down = DeviceStatus(at=START, device="old", status="DOWN", detail="no power")
    engine.step(state, [down], START)
    assert "device/old" in state.alarms
    gone = DeviceStatus(at=START, device="old", status="DOWN", detail="taken out", gone=True)
    (over,) = engine.step(state, [gone], START).to_wms
    assert (over.type, state.alarms) == ("alarm", {})

    engine.step(state, [down], START)
    engine.step(state, [Started()], START)  # with a site file that does not name it
    assert "device/old" not in state.alarms


class Cancelling(World):
    """Robots that obey CancelDrive: to the next point, and no further."""

    told: list[CommandRefused | CancelDrive]

    def __init__(self, seed: int) -> None:
        self.told = []
        super().__init__(tokyo(), seed, Weather(lost=0.0))

    @override
    def _carry_out(self, outbox: Outbox) -> None:
        super()._carry_out(outbox)
        self.told += [one for one in outbox.to_wms if isinstance(one, CommandRefused)]
        for command in outbox.to_edge:
            if isinstance(command, CancelDrive):
                self.told.append(command)
                self.later(3.0, lambda command=command: self._cancel(command))  # type: ignore[misc]

    def _cancel(self, command: CancelDrive) -> None:
        robot = self.robots[command.robot]
        if robot.mission == command.mission:
            robot.ahead, robot.todo, robot.horizon = [], [], False
            if robot.driving_to is not None:
                robot.driving_to = replace(robot.driving_to, actions=())

    def say(self, robot: str, **what: bool) -> None:
        self.inbox.append(a_hold(robot=robot, at=self.now, **what))

    def until(self, over: Callable[[], bool], limit_s: float = 900) -> None:
        self.run_until(over, limit_s)

    def stands(self, name: str) -> bool:
        """Long enough for everybody to know."""
        cancelled_at = self.state.robots[name].cancelled_at
        assert cancelled_at is not None
        return self.now > cancelled_at + timedelta(seconds=150)


@pytest.mark.parametrize("loaded", [False, True])
def test_a_robot_whose_drive_people_took_stands_until_they_let_it_go_on(
    loaded: bool,  # noqa: FBT001 - a parameter of the test
):
    world = Cancelling(seed=3)
    order = world.order("tote-1", f"{world.plant.points_of_kind('storage')[7]}-1", "ST-3")
    world.until(lambda: any(one.loaded >= loaded and one.robot for one in _orders(world)))
    name = next(robot for one in _orders(world) if (robot := one.robot))
    world.until(lambda: len(world.state.robots[name].held) > 2)
    world.say(name, cancel=True)
    world.until(lambda: bool(world.told))
    assert isinstance(world.told[0], CancelDrive)
    world.say(name, held=False)  # it has not said yet that it stands
    world.until(lambda: len(world.told) > 1)
    assert isinstance(world.told[1], CommandRefused)

    world.until(lambda: world.stands(name))
    assert world.state.robots[name].obstacle == "cancelled"
    stood = world.robots[name].node
    others = [one.robot for one in _orders(world)]
    assert (others == [name]) == loaded, "what it had not begun is another's, what it has is not"
    world.until(lambda: bool(loaded) or not world.state.transports, 3000)
    assert world.robots[name].node == stood

    world.say(name, held=False)
    world.until(lambda: not world.state.transports and not world.inbox, 3000)
    assert world.ended() == {order: ["FINISHED"]}
    assert not world.state.robots[name].obstacle


def _orders(world: World) -> list[Transport]:
    return list(world.state.transports.values())
