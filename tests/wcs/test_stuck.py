"""Who stands though it has somewhere to go is let go first, and then people are called."""

from datetime import timedelta

from edge.messages import RobotReport
from tests.wcs.fleet import START, RobotDouble
from tests.wcs.small import plant_of
from wcs import stuck
from wcs.fleet.overdue import patience
from wcs.moves import Moves
from wcs.routing import Routes
from wcs.state import Held, Outbox, State, fresh_state

PLANT = plant_of(
    {"a": (0.0, 0.0), "b": (4.0, 0.0), "c": (4.0, 4.0), "d": (0.0, 4.0)},
    ["a>b", "b>c", "c>d", "d>a"],
    robots={"R1": "a", "R2": "c"},
)
ROUTES = Routes(PLANT)


def report(name: str, node: str) -> RobotReport:
    return RobotDouble(name=name, node=node).report(START, PLANT)


def waiting() -> State:
    state = fresh_state(PLANT, START)
    for name, at, goal in (("R1", "a", "b"), ("R2", "c", "d")):
        robot = state.robots[name]
        robot.report, robot.held = report(name, at), [Held(at, 0)]
        robot.goal, robot.kind = goal, "park"
    return state


def looked(state: State, seconds: float, waits_for: dict[str, str]) -> list[str]:
    """What is told when so many seconds have passed."""
    outbox, state.now = Outbox(), START + timedelta(seconds=seconds)
    stuck.call(state)
    stuck.look(state, ROUTES, state.robots.values(), waits_for, outbox)
    return [f"{one.id} {one.active} {one.detail}" for one in outbox.to_wms]  # type: ignore[union-attr]


def test_who_stands_for_long_is_urgent_then_an_alarm_that_says_who_waits_for_whom():
    state = waiting()
    ring = {"R1": "R2", "R2": "R1"}
    assert looked(state, 0.0, ring) == []
    assert looked(state, stuck.CALL_S - 1, ring) == []
    assert state.robots["R1"].urgent
    assert "R1" in state.stirred, "so that traffic hears of it"
    state.robots["R2"].goal = None
    assert looked(state, stuck.CALL_S + 1, ring) == ["robot.stuck/R1 True a: R1 > R2 > R1"]
    state.robots["R1"].held.append(Held("b", 2))
    assert looked(state, stuck.CALL_S + 2, {})[0].startswith("robot.stuck/R1 False")
    assert not state.robots["R1"].urgent


def test_who_gets_no_nearer_for_some_times_its_way_is_overdue_until_it_is_nearer_than_ever():
    def is_urgent() -> bool:
        return state.robots["R1"].urgent

    state = waiting()
    robot = state.robots["R1"]
    robot.goal = "d"  # a > b > c > d: at ever more seconds, R1 is at a
    far_s = ROUTES.seconds(None, "a", "d")
    looked(state, 0.0, {})
    due_s = patience(far_s, stuck.LEAST_S)
    looked(state, due_s - 1, {})
    assert not is_urgent()
    looked(state, due_s + 1, {})
    assert is_urgent()
    robot.obstacle = "silent"
    looked(state, due_s + 2, {})
    assert not is_urgent(), "a wall is in nobody's way but its own"
    robot.obstacle = ""
    looked(state, due_s + 3, {})
    assert is_urgent()
    robot.held = [Held("b", 2)]
    looked(state, due_s + 4, {})
    assert not is_urgent(), "nearer"
    robot.held = [Held("a", 4)]  # pushed back, it is no nearer when it is where it was
    looked(state, due_s + 5, {})
    robot.held = [Held("b", 6)]
    looked(state, 2 * due_s + 5, {})
    assert is_urgent()
    robot.goal = "a"
    looked(state, 2 * due_s + 6, {})
    assert not is_urgent(), "another goal"


def test_who_is_overdue_goes_before_all_others_the_longest_overdue_first():
    def rank(name: str) -> tuple[int, float, str]:
        mover = Moves(PLANT)._mover(state.robots[name], ROUTES)
        assert mover is not None
        return mover.rank

    state = waiting()
    first, second = state.robots["R1"], state.robots["R2"]
    first.since, second.since = START, START + timedelta(seconds=1)
    assert rank("R1") < rank("R2"), "the older wish"
    looked(state, 0.0, {})
    second.urgent = True
    assert rank("R2") < rank("R1")
    first.urgent = True
    assert first.approach is not None
    first.approach.due_at += timedelta(seconds=1)
    assert rank("R2") < rank("R1"), "however old its wish is"


def test_traffic_hears_of_who_is_urgent_no_more():
    state = waiting()
    state.robots["R1"].urgent, state.robots["R1"].goal = True, None
    stuck.look(state, ROUTES, state.robots.values(), {}, Outbox())
    assert [*state.stirred] == ["R1"]


def test_who_works_or_is_there_does_not_stand():
    state = waiting()
    state.robots["R1"].action, state.robots["R2"].goal = "m1-pick", "c"
    assert looked(state, 0.0, {}) == looked(state, 2 * stuck.CALL_S, {}) == []
