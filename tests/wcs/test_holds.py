"""What people say of machines, and what machines did not do: the engine passes both on, once."""

from datetime import timedelta

from edge.messages import CommandRefused, DeviceStatus, PauseRobot
from tests.builders import an_id
from tests.wcs.fleet import START
from tests.wcs.test_engine import PLANT
from wcs.engine import Engine, Started
from wcs.messages import RobotHold
from wcs.state import Outbox, Stop, fresh_state

ROBOT = next(iter(PLANT.robots))


def heard(*messages: object, stopped: bool = False) -> Outbox:
    state = fresh_state(PLANT, START)
    if stopped:
        state.stops["nobody knows it"] = Stop(since=START)
    return Engine(PLANT).step(state, messages, START)  # type: ignore[arg-type]


def a_hold(*, robot: str = ROBOT, held: bool = True, late_s: float = -60) -> RobotHold:
    until = START - timedelta(seconds=late_s)
    return RobotHold(
        id=str(an_id()), robot=robot, held=held, by="EMI", reason="spill", expires_at=until
    )


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
