"""The driver of one robot drives missions, against our robot on virtual time."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.drivers.vda5050 import RobotSession
from edge.drivers.vda5050_profile import Robot as RobotName
from tests.edge.vda5050_pair import (
    BUILD,
    DROP,
    NAME,
    PATIENCE_S,
    PICK,
    START,
    VERSIONS,
    Pair,
    action_of,
    ahead,
    cancel,
    drive,
    foreign,
    fresh_body,
    lossy,
    pair_of,
    path,
    vars_of,
)


def nodes_back(nodes: list[Any]) -> list[Any]:
    """From the fourth node of `nodes` home."""
    home = path(4)
    return [
        type(n)(node=m.node, sequence=n.sequence, released=False, x_m=m.x_m, y_m=m.y_m)
        for n, m in zip(home, reversed(nodes[:4]), strict=True)
    ]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_mission_is_driven_from_end_to_end(version: str):
    pair, nodes = pair_of(version), path(6, {2: (PICK,), 5: (DROP,)})
    pair.session.drive(drive("m-1", 0, nodes, (0, 5)))
    pair.run(lambda: pair.known.load == "T-0007")
    assert pair.driven[-1] == ("m-1", 4)
    pair.run(lambda: pair.arrived("m-1", 10))
    assert pair.known.load is None
    assert pair.done == ["a-pick", "a-drop"]
    assert pair.driven == [("", 0), *(("m-1", s) for s in range(0, 12, 2))]
    assert [message["kind"] for message in pair.sent] == ["order"]


@pytest.mark.parametrize("version", VERSIONS)
def test_the_robot_waits_at_the_end_of_its_base_and_goes_on_when_it_grows(version: str):
    pair, nodes = pair_of(version), path(6)
    pair.session.drive(drive("m-1", 0, nodes, (0, 2)))
    pair.wait(60)
    assert pair.arrived("m-1", 4)
    assert pair.known.released_ahead == ()
    pair.session.drive(drive("m-1", 1, nodes, (2, 5)))
    pair.run(lambda: pair.arrived("m-1", 10))
    stitch = pair.sent[1]["nodes"][0]
    assert stitch == pair.sent[0]["nodes"][2]
    assert [n["released"] for n in pair.sent[0]["nodes"]] == [True] * 3 + [False] * 3


def test_a_stitching_node_is_sent_again_with_the_actions_that_it_had():
    pair, nodes = Pair(), path(4, {1: (PICK,)})
    pair.session.drive(drive("m-1", 0, nodes, (0, 1)))
    pair.run(lambda: "a-pick" in pair.done)
    forgetful = path(4)  # says nothing of the pick any more
    pair.session.drive(drive("m-1", 1, forgetful, (1, 3)))
    pair.run(lambda: pair.arrived("m-1", 6))
    assert pair.sent[1]["nodes"][0] == pair.sent[0]["nodes"][1]
    assert pair.done == ["a-pick"]


def test_a_make_that_repeats_stitched_actions_is_sent_none():
    name = RobotName(**{**vars_of(NAME), "stitch_actions": False})
    pair, nodes = Pair(session=RobotSession(name)), path(4, {1: (PICK,)})
    pair.session.drive(drive("m-1", 0, nodes, (0, 1)))
    pair.run(lambda: "a-pick" in pair.done)
    pair.session.drive(drive("m-1", 1, nodes, (1, 3)))
    pair.run(lambda: pair.arrived("m-1", 6))
    assert pair.sent[0]["nodes"][1]["actions"]
    assert not pair.sent[1]["nodes"][0]["actions"]


def test_updates_that_follow_each_other_at_once_need_no_answer_between_them():
    pair, nodes = Pair(delay=timedelta(milliseconds=500)), path(6)
    pair.wait(2)
    for update in range(5):
        pair.session.drive(drive("m-1", update, nodes, (max(update, 0), update + 1)))
        pair.tick()
    pair.run(lambda: pair.arrived("m-1", 10))
    orders = [(m["orderUpdateId"], m["nodes"][0]["sequenceId"]) for m in pair.sent]
    assert orders == [(0, 0), (1, 2), (2, 4), (3, 6), (4, 8)]
    assert not pair.known.errors


def test_an_update_that_was_lost_is_part_of_the_next_one():
    losing = False
    pair, nodes = Pair(loses=lambda kind: losing and kind == "order"), path(6)
    pair.session.drive(drive("m-1", 0, nodes, (0, 1)))
    pair.wait(5)
    losing = True
    pair.session.drive(drive("m-1", 1, nodes, (1, 3)))
    pair.tick()
    losing = False
    pair.wait(PATIENCE_S)
    pair.session.drive(drive("m-1", 2, nodes, (3, 5)))  # begins where the lost one ended
    pair.run(lambda: pair.arrived("m-1", 10))
    assert pair.driven == [("", 0), *(("m-1", s) for s in range(0, 12, 2))]


def test_an_older_drive_that_comes_late_is_not_heard():
    pair, nodes = Pair(), path(4)
    pair.session.drive(drive("m-1", 1, nodes, (0, 3)))
    pair.session.drive(drive("m-1", 0, nodes, (0, 1)))
    pair.run(lambda: pair.arrived("m-1", 6))
    assert [m["orderUpdateId"] for m in pair.sent] == [1]


def test_a_new_driver_goes_on_in_the_middle_of_a_mission():
    pair, nodes = Pair(), path(6, {1: (PICK,)})
    pair.session.drive(drive("m-1", 0, nodes, (0, 2)))
    pair.run(lambda: pair.arrived("m-1", 4))
    pair.kill_edge()
    pair.session.drive(drive("m-1", 0, nodes, (2, 2)))
    pair.wait(40)
    assert len(pair.sent) == 1  # the robot has that already
    pair.session.drive(drive("m-1", 1, nodes, (1, 5)))
    pair.run(lambda: pair.arrived("m-1", 10))
    assert pair.sent[-1]["nodes"][0]["sequenceId"] == 4
    assert pair.done == ["a-pick"]


def test_a_cancelled_mission_ends_at_a_node_and_is_not_taken_up_again():
    pair, nodes = Pair(), path(6, {5: (DROP,)})
    pair.session.drive(drive("m-1", 0, nodes, (0, 5)))
    pair.run(lambda: pair.known.passed_sequence == 4)
    pair.session.cancel(cancel("m-1"))
    pair.run(lambda: pair.known.released_ahead == ())
    pair.session.drive(drive("m-1", 1, nodes, (0, 5)))
    pair.wait(60)
    assert pair.driven[-1] == ("m-1", 6)
    assert [m["kind"] for m in pair.sent] == ["order", "instantActions"]
    pair.session.drive(drive("m-2", 0, nodes_back(nodes), (0, 3)))
    pair.run(lambda: pair.arrived("m-2", 6))


def test_a_cancel_that_was_lost_is_said_again():
    losses = iter([True])
    pair, nodes = Pair(), path(6)
    pair.session.drive(drive("m-1", 0, nodes, (0, 2)))
    pair.run(lambda: pair.known.mission == "m-1")
    pair.loses = lambda kind: kind == "instantActions" and next(losses, False)
    pair.session.cancel(cancel("m-1"))
    pair.wait(30)
    assert not pair.robot.body.is_busy()
    first, second = (m["actions"][0]["actionId"] for m in pair.sent if "actions" in m)
    assert first == second


def test_a_robot_that_says_nothing_of_a_cancelled_order_is_asked():
    pair = Pair(build=replace(BUILD, pick_s=600.0))
    pair.wait(1)
    pair.loses = lambda kind: kind == "state"
    pair.session.drive(drive("m-1", 0, path(6, {0: (PICK,)}), (0, 5)))
    pair.tick()
    pair.session.cancel(cancel("m-1"))
    pair.wait(2 * PATIENCE_S)
    pair.loses = lambda _kind: False
    pair.wait(2 * PATIENCE_S)  # it picks, and has nothing to say for long
    asked = [a["actionType"] for m in pair.sent if "actions" in m for a in m["actions"]]
    assert [*dict.fromkeys(asked)] == ["stateRequest", "cancelOrder"]


def test_an_order_on_its_way_is_cancelled_when_it_has_come():
    pair, nodes = Pair(delay=timedelta(seconds=1)), path(6)
    pair.wait(3)
    pair.session.drive(drive("m-1", 0, nodes, (0, 5)))
    pair.tick()
    pair.session.cancel(cancel("m-1"))
    pair.wait(60)
    assert pair.driven[-1][1] < 10
    assert not pair.robot.body.is_busy()


def test_the_next_mission_waits_until_the_robot_is_free():
    pair, nodes = Pair(), path(4)
    pair.session.drive(drive("m-1", 0, nodes, (0, 3)))
    pair.run(lambda: pair.known.passed_sequence == 2)
    pair.session.drive(drive("m-2", 0, nodes_back(nodes), (0, 3)))
    pair.run(lambda: pair.arrived("m-2", 6))
    assert [m["orderId"] for m in pair.sent] == ["m-1", "m-2"]
    assert not pair.known.errors


def test_a_mission_that_the_robot_has_forgotten_is_not_sent_again():
    pair, nodes = Pair(), path(4)
    pair.session.drive(drive("m-1", 0, nodes, (0, 3)))
    pair.run(lambda: pair.known.passed_sequence == 2)
    pair.robot.body = fresh_body()
    pair.robot.body.at = pair.now.timestamp()
    pair.wait(60)
    assert len(pair.sent) == 1
    assert pair.known.errors == ("orderLost: the robot no longer has m-1",)


def test_a_cancel_is_not_believed_while_the_robot_drives_on():
    session = RobotSession(NAME)
    session.drive(drive("m-1", 0, path(4), (0, 3)))
    session.hear("state", foreign(orderId="m-1", nodeStates=[ahead(6)], driving=True), START)
    session.cancel(cancel("m-1"))
    first = session.due(START, PATIENCE_S)
    assert first is not None
    done = {"actionId": str(cancel("m-1").command), "actionStatus": "FINISHED"}
    driving = foreign(orderId="m-1", nodeStates=[ahead(6)], driving=True, actionStates=[done])
    session.hear("state", driving, START)
    again = session.due(START, PATIENCE_S)
    assert again is not None
    assert action_of(again.body) != action_of(first.body)
    rolling = foreign(orderId="m-1", driving=True, actionStates=[done])
    session.hear("state", rolling, START)
    assert session.due(START + timedelta(hours=1), PATIENCE_S) is not None
    session.hear("state", foreign(orderId="m-1", actionStates=[done]), START)
    assert session.due(START + timedelta(hours=1), PATIENCE_S) is None
    assert session.problems["drove on after a cancel"] == 1


# --------------------------------------------------------------- anything that may go wrong
@settings(deadline=None, max_examples=45)
@given(
    seed=st.integers(0, 10_000),
    share=st.sampled_from([0.0, 0.1, 0.3, 0.5]),
    grows=st.lists(st.integers(1, 3), min_size=1, max_size=6),
    kills=st.sets(st.integers(0, 60), max_size=3),
    edge_kills=st.sets(st.integers(0, 60), max_size=2),
    version=st.sampled_from(VERSIONS),
)
def test_whatever_is_lost_each_node_is_driven_once_and_the_mission_ends(
    seed: int,
    share: float,
    grows: list[int],
    kills: set[int],
    edge_kills: set[int],
    version: str,
):
    pair = pair_of(version, loses=lossy(seed, share))
    last = sum(grows)
    nodes = path(last + 1, {1: (PICK,), last: (DROP,)} if last > 1 else {})
    update, base = 0, grows[0]
    wished = drive("m-1", 0, nodes, (0, base))
    for number in range(3000):
        if number in kills:
            pair.kill_robot()
        if number in edge_kills:
            pair.kill_edge()
        pair.session.drive(wished)
        pair.tick()
        report = pair.report
        if number in edge_kills or number == 0:  # what was wished is said from where it stands
            passed = report.passed_sequence // 2 if report and report.mission == "m-1" else 0
            wished = drive("m-1", update, nodes, (passed, base))
        is_near_end = report and (report.mission, report.passed_sequence) >= ("m-1", 2 * base - 2)
        if is_near_end and update + 1 < len(grows):
            update += 1
            wished = drive("m-1", update, nodes, (base, base + grows[update]))
            base += grows[update]
        if base == last and pair.arrived("m-1", 2 * last):
            break
    else:
        pytest.fail(f"the mission did not end: {pair.report}")
    missions = [place for place in pair.driven if place[0] == "m-1"]
    assert missions == [("m-1", 2 * i) for i in range(last + 1)]
    assert pair.done == (["a-pick", "a-drop"] if last > 1 else [])
    calm = len(pair.sent)
    pair.loses = lambda _kind: False
    pair.wait(60)
    assert len(pair.sent) == calm  # nothing more to say


@settings(deadline=None, max_examples=30)
@given(
    seed=st.integers(0, 10_000),
    share=st.sampled_from([0.0, 0.3]),
    after=st.integers(0, 80),
    version=st.sampled_from(VERSIONS),
)
def test_a_cancel_ends_any_mission_and_the_next_one_is_driven(
    seed: int, share: float, after: int, version: str
):
    pair, nodes = pair_of(version, loses=lossy(seed, share)), path(5, {2: (PICK,)})
    pair.session.drive(drive("m-1", 0, nodes, (0, 2)))
    for _ in range(after):
        pair.tick()
    pair.session.drive(drive("m-1", 1, nodes, (2, 4)))
    pair.session.cancel(cancel("m-1"))
    pair.wait(90)
    stopped_at = pair.driven[-1][1]
    assert not pair.robot.body.is_busy()
    here = stopped_at // 2
    way = [
        type(n)(node=n.node, sequence=2 * i, released=False, x_m=n.x_m, y_m=n.y_m)
        for i, n in enumerate(reversed(nodes[: here + 1]))
    ]
    pair.session.drive(drive("m-2", 0, way, (0, here)))
    pair.run(lambda: pair.arrived("m-2", 2 * here))
    driven = [place for place in pair.driven if place[0] == "m-1"]
    assert len(set(driven)) == len(driven)
