"""What a robot is told, update by update, and what its reports make of it."""

from dataclasses import replace

from edge.messages import ActionReport, Drive
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
