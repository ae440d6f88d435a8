"""What robots say, as the driver of one robot takes it: gaps, oddities, silence."""

import json

import pytest

from edge.drivers.vda5050 import RobotSession
from edge.drivers.vda5050_profile import Robot as RobotName
from edge.drivers.vda5050_read import read_json, read_state, read_state_fields
from edge.drivers.vda5050_wire import parse_state
from edge.messages import ActionReport
from tests.edge.vda5050_pair import (
    DROP,
    NAME,
    OFFICIAL,
    PATIENCE_S,
    PICK,
    START,
    Pair,
    ahead,
    cancel,
    check,
    drive,
    foreign,
    path,
    validators,
    vars_of,
)


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
            said = foreign(headerId=stream + number, orderId="m-0", driving=True)
            session.hear("state", said, START)
    assert session.due(START, PATIENCE_S) is None
    session.cancel(cancel("m-0"))  # which of the two would it stop?
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
