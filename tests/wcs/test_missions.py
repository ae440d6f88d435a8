"""What a robot is told, update by update, and what its reports make of it."""

from dataclasses import replace
from typing import Any

import pytest

from edge.messages import ActionReport, Drive, DriveAction, RobotReport
from tests.wcs.fleet import START, RobotDouble
from tests.wcs.small import square
from wcs.missions import act, at_rest, extend, hear, start, takes_points, tell, unheard
from wcs.routing import Routes
from wcs.state import Outbox, Robot, State, fresh_state

PLANT = square(robots={"R1": "a"})
ROUTES = Routes(PLANT)


def placed() -> tuple[State, Robot, RobotDouble]:
    state, double = fresh_state(PLANT, START), RobotDouble(name="R1", node="a")
    robot = state.robots["R1"]
    hear(state, PLANT, robot, double.report(START, PLANT))
    return state, robot, double


def told(state: State, robot: Robot) -> Drive | None:
    outbox = Outbox()
    tell(state, ROUTES, robot, outbox)
    drives = [command for command in outbox.to_edge if isinstance(command, Drive)]
    return drives[0] if drives else None


def begin(state: State, robot: Robot) -> Drive:
    """On the way from a to d, as far as b."""
    start(state, robot, "m1", "transport", "d")
    robot.transport = "m1"
    extend(robot, ["b"])
    drive = told(state, robot)
    assert drive is not None
    return drive


def test_a_drive_has_what_is_granted_and_shows_a_little_more():
    state, robot, _ = placed()
    assert told(state, robot) is None, "nothing to say"
    drive = begin(state, robot)
    assert (drive.mission, drive.update) == ("m1", 0)
    assert [(n.node, n.sequence, n.released) for n in drive.nodes] == [
        ("a", 0, True),
        ("b", 2, True),
        ("c", 4, False),
        ("d", 6, False),
    ]
    assert told(state, robot) is None, "it is said again as it was, not anew"
    assert unheard(state) == [drive]


def test_the_next_update_waits_until_the_robot_knows_the_last_and_joins_it():
    state, robot, double = placed()
    double.hear(begin(state, robot))
    extend(robot, ["c"])
    assert not takes_points(robot)
    assert told(state, robot) is None
    hear(state, PLANT, robot, double.report(START, PLANT))
    assert unheard(state) == []
    drive = told(state, robot)
    assert drive is not None
    assert (drive.update, [n.node for n in drive.nodes]) == (1, ["b", "c", "d"])
    assert drive.nodes[0].sequence == 2


def test_points_are_freed_as_they_are_passed_and_metres_counted():
    state, robot, double = placed()
    double.hear(begin(state, robot))
    double.node, double.sequence, double.ahead = "b", 2, []
    progress = hear(state, PLANT, robot, double.report(START, PLANT))
    assert progress.metres == 4.0
    assert ([held.point for held in robot.held], robot.before) == (["b"], "a")
    late = replace(double.report(START, PLANT), passed_sequence=0, passed_node="a")
    assert hear(state, PLANT, robot, late).metres == 0.0, "older news frees nothing again"


def test_a_robot_that_was_shown_more_is_not_at_rest_until_that_is_taken_back():
    state, robot, double = placed()
    double.hear(begin(state, robot))
    double.node, double.sequence, double.ahead = "b", 2, []
    hear(state, PLANT, robot, double.report(START, PLANT))
    robot.transport, robot.goal = None, None
    assert not at_rest(robot), "it waits for more"
    drive = told(state, robot)
    assert drive is not None
    assert (drive.update, [(n.node, n.released) for n in drive.nodes]) == (1, [("b", True)])
    double.hear(drive)
    hear(state, PLANT, robot, double.report(START, PLANT))
    assert at_rest(robot)


def test_an_action_at_the_goal_holds_the_robot_until_it_is_finished():
    state, robot, double = placed()
    double.hear(begin(state, robot))
    hear(state, PLANT, robot, double.report(START, PLANT))
    extend(robot, ["c"])
    act(robot, "PICK", "x")
    drive = told(state, robot)
    assert drive is not None
    assert [action.kind for action in drive.nodes[-1].actions] == ["PICK"]
    assert not takes_points(robot)
    double.hear(drive)
    double.node, double.sequence, double.ahead = "c", 4, []
    report = double.report(START, PLANT)
    assert hear(state, PLANT, robot, report).action == ""
    ended = replace(report, actions=(ActionReport(action_id="m1-pick", status="FINISHED"),))
    progress = hear(state, PLANT, robot, ended)
    assert (progress.action, progress.finished) == ("m1-pick", True)
    assert hear(state, PLANT, robot, ended).action == "", "once"


def test_an_action_where_the_robot_stands_is_a_node_of_its_own_or_the_first_one():
    state, robot, double = placed()
    start(state, robot, "m1", "transport", "a")
    act(robot, "PICK", "x")
    drive = told(state, robot)
    assert drive is not None
    assert [(n.node, n.sequence, len(n.actions)) for n in drive.nodes] == [("a", 0, 1)]
    double.hear(drive)
    done = replace(
        double.report(START, PLANT),
        actions=(ActionReport(action_id="m1-pick", status="FINISHED"),),
    )
    hear(state, PLANT, robot, done)
    act(robot, "DROP", "x")
    drive = told(state, robot)
    assert drive is not None
    assert [(n.node, n.sequence, len(n.actions)) for n in drive.nodes] == [("a", 0, 1), ("a", 2, 1)]


def test_an_old_report_is_not_heard():
    state, robot, double = placed()
    state.now = START.replace(hour=9)
    news = double.report(state.now, PLANT)
    hear(state, PLANT, robot, news)
    hear(state, PLANT, robot, double.report(START, PLANT))
    assert robot.report == news


def test_a_report_of_an_edge_whose_clock_is_ahead_does_not_outdate_those_that_follow():
    state, robot, double = placed()
    hear(state, PLANT, robot, double.report(START.replace(hour=17), PLANT))
    state.now = START.replace(minute=1)
    news = double.report(state.now, PLANT)
    hear(state, PLANT, robot, news)
    assert robot.report == news


def test_what_the_edge_has_numbered_counts_in_that_order_whatever_the_clocks_say():
    state, robot, double = placed()
    state.now = START.replace(hour=9)
    news = replace(double.report(START, PLANT), run=5, number=8)
    hear(state, PLANT, robot, news)
    for run, number in ((5, 7), (4, 99)):
        late = replace(double.report(state.now, PLANT), run=run, number=number)
        hear(state, PLANT, robot, late)
        assert robot.report == news
    after = replace(double.report(START.replace(hour=7), PLANT), run=6, number=1)
    hear(state, PLANT, robot, after)
    assert robot.report == after


# ------------------------------------------------------------------------------- it has forgotten
def forgetful(node: str, **fields: Any) -> RobotReport:
    """At that point, without any mission."""
    return replace(RobotDouble(name="R1", node=node).report(START, PLANT), **fields)


def lost_on_the_way() -> tuple[State, Robot, RobotDouble]:
    """It was told to drive from a to c for a pick, has been seen at b, and then forgot."""
    state, robot, double = placed()
    double.hear(begin(state, robot))
    hear(state, PLANT, robot, double.report(START, PLANT))
    extend(robot, ["c"])
    act(robot, "PICK", "x")
    assert told(state, robot) is not None
    double.node, double.sequence = "b", 2
    hear(state, PLANT, robot, double.report(START, PLANT))
    assert [held.point for held in robot.held] == ["b", "c"]
    return state, robot, double


def test_who_has_forgotten_begins_anew_where_it_rests_and_keeps_all_until_it_is_seen_to():
    state, robot, _ = lost_on_the_way()
    hear(state, PLANT, robot, forgetful("c"))
    (drive,) = unheard(state)
    assert (drive.mission.partition("~")[0], drive.update) == ("m1", 0)
    assert [(n.node, n.sequence, n.released, n.actions) for n in drive.nodes] == [
        ("c", 0, True, ())
    ]
    assert [held.point for held in robot.held] == ["b", "c"], "it may have been said before"
    assert not takes_points(robot)
    again = RobotDouble(name="R1", node="c")
    assert again.hear(drive)
    hear(state, PLANT, robot, again.report(START, PLANT))
    assert ([held.point for held in robot.held], robot.action) == (["c"], "")
    assert unheard(state) == []


def test_who_took_up_what_was_said_before_begins_anew_where_that_has_ended():
    state, robot, _ = lost_on_the_way()
    hear(state, PLANT, robot, forgetful("b"))
    (first,) = unheard(state)
    hear(state, PLANT, robot, forgetful("c", lost=first.mission))
    (second,) = unheard(state)
    assert [node.node for node in second.nodes] == ["c"]
    assert second.number > first.number
    assert [held.point for held in robot.held] == ["b", "c"]


def test_who_is_seen_where_it_cannot_be_is_not_believed():
    state, robot, _ = lost_on_the_way()
    progress = hear(state, PLANT, robot, forgetful("a"))
    assert "has lost m1" in progress.misplaced
    assert robot.mission == "m1"
    progress = hear(state, PLANT, robot, forgetful("c", driving=True))
    assert "busy" in progress.misplaced
    assert (robot.mission, [held.point for held in robot.held]) == ("m1", ["b", "c"])


def test_a_load_that_it_carries_was_picked_though_nobody_heard_so():
    state, robot, _ = lost_on_the_way()
    hear(state, PLANT, robot, forgetful("c", load="x"))
    (drive,) = unheard(state)
    progress = hear(state, PLANT, robot, forgetful("c", load="x", mission=drive.mission))
    assert (progress.action, progress.finished) == ("m1-pick", True)


def test_a_mission_that_was_never_seen_is_lost_only_when_the_edge_says_so():
    state, robot, _ = placed()
    drive = begin(state, robot)
    hear(state, PLANT, robot, forgetful("a"))
    assert unheard(state) == [drive], "it may still be on its way"
    hear(state, PLANT, robot, forgetful("a", lost="m1"))
    assert unheard(state)[0].mission != "m1"


def test_what_is_said_again_is_for_the_run_of_the_edge_that_was_heard_last():
    state, robot, _ = placed()
    drive = begin(state, robot)
    assert drive.run == 0
    hear(state, PLANT, robot, forgetful("a", run=3, number=1))
    assert unheard(state) == [replace(drive, run=3)]


@pytest.mark.parametrize(("load", "finished"), [("x", True), ("y", False), (None, False)])
def test_a_pick_that_failed_because_the_load_was_on_board_is_done(
    load: str | None,
    finished: bool,  # noqa: FBT001 - a case
):
    state, robot, _ = lost_on_the_way()
    failed = (ActionReport(action_id="m1-pick", status="FAILED"),)
    at_goal = forgetful("c", mission="m1", update=1, passed_sequence=4, load=load, actions=failed)
    progress = hear(state, PLANT, robot, at_goal)
    assert (progress.action, progress.finished) == ("m1-pick", finished)


def test_what_was_to_be_set_down_at_the_goal_is_when_it_carries_nothing_any_more():
    state, robot, _ = lost_on_the_way()
    robot.held[-1].actions = (DriveAction(action_id="m1-pick", kind="DROP", load="x"),)
    robot.tells_load = True
    hear(state, PLANT, robot, forgetful("c"))
    progress = hear(state, PLANT, robot, forgetful("c", mission=unheard(state)[0].mission))
    assert (progress.action, progress.finished) == ("m1-pick", True)


@pytest.mark.parametrize(
    ("load", "more", "finished"),
    [("y", (), True), ("y", ("x",), False), ("y", ("?",), False), (None, (), True)],
)
def test_of_several_loads_the_one_that_is_not_there_any_more_was_set_down(
    load: str | None,
    more: tuple[str, ...],
    finished: bool,  # noqa: FBT001 - a case
):
    state, robot, _ = lost_on_the_way()
    down = DriveAction(action_id="m1-pick", kind="DROP", load="x", slot="2")
    robot.held[-1].actions, robot.tells_load = (down,), True
    hear(state, PLANT, robot, forgetful("c", load=load, more_loads=more))
    again = forgetful("c", mission=unheard(state)[0].mission, load=load, more_loads=more)
    assert hear(state, PLANT, robot, again).finished == finished
