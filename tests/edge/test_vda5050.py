"""The driver of one robot, against our robot on virtual time."""

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.drivers.vda5050 import RobotSession
from edge.drivers.vda5050_order import Robot as RobotName
from edge.drivers.vda5050_read import read_state, read_state_fields
from edge.drivers.vda5050_wire import parse_state, read_json
from edge.messages import ActionReport, DriveAction
from tests.edge.vda5050_pair import (
    NAME,
    OFFICIAL,
    PATIENCE_S,
    START,
    Pair,
    cancel,
    check,
    drive,
    fresh_body,
    lossy,
    path,
    validators,
)

PICK = DriveAction(action_id="a-pick", kind="PICK", load="T-0007")
DROP = DriveAction(action_id="a-drop", kind="DROP", load="T-0007")


def test_a_mission_is_driven_from_end_to_end():
    pair, nodes = Pair(), path(6, {2: (PICK,), 5: (DROP,)})
    pair.session.drive(drive("m-1", 0, nodes, (0, 5)))
    pair.run(lambda: pair.known.load == "T-0007")
    assert pair.driven[-1] == ("m-1", 4)
    pair.run(lambda: pair.arrived("m-1", 10))
    assert pair.known.load is None
    assert pair.done == ["a-pick", "a-drop"]
    assert pair.driven == [("", 0), *(("m-1", s) for s in range(0, 12, 2))]
    assert [message["kind"] for message in pair.sent] == ["order"]


def test_the_robot_waits_at_the_end_of_its_base_and_goes_on_when_it_grows():
    pair, nodes = Pair(), path(6)
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


def nodes_back(nodes: list[Any]) -> list[Any]:
    """From the fourth node of `nodes` home."""
    home = path(4)
    return [
        type(n)(node=m.node, sequence=n.sequence, released=False, x_m=m.x_m, y_m=m.y_m)
        for n, m in zip(home, reversed(nodes[:4]), strict=True)
    ]


def vars_of(value: Any) -> dict[str, Any]:
    """The fields of a dataclass with slots."""
    return {name: getattr(value, name) for name in value.__dataclass_fields__}


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


def test_what_a_robot_leaves_out_is_filled_in_and_noted():
    session = RobotSession(NAME)
    session.drive(drive("m-1", 0, path(4), (0, 3)))
    poor = {
        "orderId": "m-1",
        "orderUpdateId": 0,
        "lastNodeId": "P2",
        "nodeStates": [ahead(2), ahead(4), ahead(6)],
    }
    session.hear("state", json.dumps(poor).encode(), START)
    report = session.report(START, PATIENCE_S)
    assert report is not None
    assert (report.passed_sequence, report.released_ahead) == (0, ("P1", "P2", "P3"))
    poor["nodeStates"] = []
    session.hear("state", json.dumps(poor).encode(), START)
    report = session.report(START, PATIENCE_S)
    assert report is not None
    assert (report.passed_sequence, report.x_m, report.y_m) == (4, 4.0, 0.0)
    assert (report.operating_mode, report.load, report.battery) == ("AUTOMATIC", None, 0.0)
    assert session.problems["batteryState"] == 2
    assert session.conformance() == 0.0


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"{}",
        b'{"orderId": null, "nodeStates": null, "headerId": "x", "agvPosition": {"x": null}}',
        b'{"nodeStates": [1, {"sequenceId": null}], "actionStates": [{}], "errors": [null]}',
        b'{"headerId": 1e999, "batteryState": {"batteryCharge": "NaN"}, "loads": [{}, 3]}',
        b"\xff\xfe",
    ],
)
def test_no_message_of_a_robot_is_too_strange(body: bytes):
    session = RobotSession(NAME)
    for kind in ("state", "connection", "factsheet", "visualization"):
        session.hear(kind, body, START)
    session.due(START, PATIENCE_S)
    session.report(START, PATIENCE_S)
    assert session.problems.total() > 0


def test_states_whose_nodes_never_go_away_are_read_by_what_has_been_passed():
    session = RobotSession(NAME)
    stale = [ahead(0), ahead(2), ahead(4)]
    session.hear("state", foreign(orderId="old", lastNodeSequenceId=4, nodeStates=stale), START)
    report = session.report(START, PATIENCE_S)
    assert report is not None
    assert report.released_ahead == ()
    session.drive(drive("m-1", 0, path(2), (0, 1)))
    assert session.due(START, PATIENCE_S) is not None


def test_the_short_cut_reads_what_the_long_way_reads():
    pair, nodes = Pair(), path(5, {1: (PICK,), 3: (DROP,)})
    pair.session.drive(drive("m-1", 0, nodes, (0, 4)))
    for _ in range(300):
        pair.tick()
        for _at, kind, body in pair.up:
            if kind == "state":
                short, long = read_state(body), read_state_fields(read_json(body))
                assert short == long
                assert parse_state(body) is not None


@pytest.mark.parametrize("last", ["P0", "P3"])
def test_the_place_of_the_order_before_is_not_taken_for_one_of_the_new_order(last: str):
    session = RobotSession(NAME)
    session.hear("state", foreign(orderId="m-0", lastNodeId=last, lastNodeSequenceId=6), START)
    session.drive(drive("m-1", 0, path(4), (0, 3)))
    nodes = [ahead(0), ahead(2), ahead(4), ahead(6)]
    old = foreign(orderId="m-1", lastNodeId=last, lastNodeSequenceId=6, nodeStates=nodes)
    session.hear("state", old, START)
    report = session.report(START, PATIENCE_S)
    assert report is not None
    assert report.passed_sequence == 0
    assert report.released_ahead == ("P1", "P2", "P3")


def test_an_action_that_is_done_stays_done():
    session = RobotSession(NAME)
    for status in ("RUNNING", "FINISHED", "WAITING"):
        states = [{"actionId": "a-1", "actionStatus": status, "actionType": "pick"}]
        session.hear("state", foreign(orderId="m-1", actionStates=states), START)
    report = session.report(START, PATIENCE_S)
    assert report is not None
    assert report.actions == (ActionReport(action_id="a-1", status="FINISHED"),)
    session.drive(drive("m-2", 0, path(2), (0, 1)))
    assert session.due(START, PATIENCE_S) is not None  # it is not busy with that for ever


def test_two_robots_under_one_name_are_told_nothing():
    session = RobotSession(NAME)
    session.drive(drive("m-1", 0, path(2), (0, 1)))
    for number in range(8):
        for stream in (100, 5000):
            session.hear("state", foreign(headerId=stream + number), START)
    assert session.due(START, PATIENCE_S) is None
    report = session.report(START, PATIENCE_S)
    assert report is not None
    assert not report.connected
    assert report.errors[0].startswith("sharedName")


def test_a_robot_that_restarts_once_is_trusted():
    session = RobotSession(NAME)
    session.drive(drive("m-1", 0, path(2), (0, 1)))
    for number in (500, 501, 502, 0, 1, 2):
        session.hear("state", foreign(headerId=number), START)
    assert session.due(START, PATIENCE_S) is not None


def test_a_silent_robot_is_not_connected_until_it_speaks_again():
    pair = Pair()
    pair.wait(30)
    assert pair.known.connected
    pair.loses = lambda kind: kind == "state"
    pair.run(lambda: not pair.known.connected)
    pair.loses = lambda _kind: False
    pair.run(lambda: pair.known.connected)


def test_a_broken_connection_shows_at_once_and_a_state_heals_it():
    session = RobotSession(NAME)
    session.hear("state", foreign(), START)
    for said in ("CONNECTIONBROKEN", "CONNECTION_BROKEN", "OFFLINE"):
        session.hear("connection", json.dumps({"connectionState": said}).encode(), START)
        report = session.report(START, PATIENCE_S)
        assert report is not None
        assert not report.connected
        session.hear("state", foreign(), START)
        report = session.report(START, PATIENCE_S)
        assert report is not None
        assert report.connected


def test_a_robot_is_spoken_to_in_its_own_minor_version_and_key():
    name = RobotName(**{**vars_of(NAME), "instant_key": "instantActions"})
    session = RobotSession(name)
    session.hear("state", foreign(version="2.0.0"), START)
    question = json.loads(session.questions(START).body)
    assert question["version"] == "2.0.0"
    assert {a["actionType"] for a in question["instantActions"]} == {
        "stateRequest",
        "factsheetRequest",
    }


def test_a_robot_answers_questions_and_its_factsheet_is_kept():
    pair = Pair()
    pair.wait(30)
    before = pair.session.states
    question = pair.session.questions(pair.now)
    check(question.kind, question.body)
    pair.down.append((pair.now, question.kind, question.body))
    pair.run(lambda: pair.session.factsheet is not None, limit_s=3)
    assert pair.session.states > before


@pytest.mark.skipif(not OFFICIAL.exists(), reason="the official schema files are not here")
def test_the_official_schemas_are_those_of_the_wheel():
    for kind, both in validators().items():
        assert both[0].schema == both[1].schema, kind


# --------------------------------------------------------------- anything that may go wrong
@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 10_000),
    share=st.sampled_from([0.0, 0.1, 0.3, 0.5]),
    grows=st.lists(st.integers(1, 3), min_size=1, max_size=6),
    kills=st.sets(st.integers(0, 60), max_size=3),
    edge_kills=st.sets(st.integers(0, 60), max_size=2),
)
def test_whatever_is_lost_each_node_is_driven_once_and_the_mission_ends(
    seed: int, share: float, grows: list[int], kills: set[int], edge_kills: set[int]
):
    pair = Pair(loses=lossy(seed, share))
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


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10_000), share=st.sampled_from([0.0, 0.3]), after=st.integers(0, 80))
def test_a_cancel_ends_any_mission_and_the_next_one_is_driven(seed: int, share: float, after: int):
    pair, nodes = Pair(loses=lossy(seed, share)), path(5, {2: (PICK,)})
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


# ------------------------------------------------------------------------------- foreign words
def foreign(**fields: Any) -> bytes:
    """A state as another maker's robot might send it."""
    state: dict[str, Any] = {
        "headerId": 1,
        "timestamp": "2026-03-02T08:00:00.000Z",
        "version": "2.1.0",
        "manufacturer": "soko",
        "serialNumber": "R-01",
        "orderId": "",
        "orderUpdateId": 0,
        "lastNodeId": "P0",
        "lastNodeSequenceId": 0,
        "nodeStates": [],
        "edgeStates": [],
        "actionStates": [],
        "driving": False,
        "batteryState": {"batteryCharge": 80.0, "charging": False},
        "operatingMode": "AUTOMATIC",
        "errors": [],
        "safetyState": {"eStop": "NONE", "fieldViolation": False},
    }
    return json.dumps({**state, **fields}).encode()


def ahead(sequence: int) -> dict[str, Any]:
    """A node that is still ahead."""
    return {"nodeId": f"P{sequence // 2}", "sequenceId": sequence, "released": True}


def action_of(body: bytes) -> str:
    """The id of the first action in an instantActions message."""
    action: str = json.loads(body)["actions"][0]["actionId"]
    return action
