"""What the driver asks of a robot besides driving, and what it must not send it."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from edge.drivers.vda5050 import RobotSession
from edge.drivers.vda5050_facts import read_factsheet
from edge.drivers.vda5050_model import MapInfo
from edge.drivers.vda5050_wire import encode
from edge.messages import PauseRobot
from simulators.robot_body import said_factsheet
from tests.edge.vda5050_pair import (
    BUILD,
    DROP,
    NAME,
    PATIENCE_S,
    PICK,
    START,
    VERSIONS,
    Pair,
    cancel,
    check,
    drive,
    foreign,
    fresh_body,
    pair_of,
    path,
)

ZONES = {
    "zoneSetId": "z-1",
    "mapId": "TYO1",
    "zones": [
        {
            "zoneId": "dock",
            "zoneType": "BLOCKED",
            "vertices": [{"x": 90.0, "y": 90.0}, {"x": 91.0, "y": 90.0}, {"x": 91.0, "y": 91.0}],
        }
    ],
}


def instants(pair: Pair) -> list[str]:
    """The instant actions that were sent, in order."""
    said = [message for message in pair.sent if message["kind"] == "instantActions"]
    return [action["actionType"] for message in said for action in message["actions"]]


def with_habits(version: str, **habits: Any) -> Pair:
    """A pair whose driver knows that of the robot's make."""
    pair = pair_of(version)
    pair.session = RobotSession(replace(pair.session.robot, **habits))
    return pair


# ---------------------------------------------------------------------------------------- pause
@pytest.mark.parametrize("version", VERSIONS)
def test_a_robot_is_paused_and_goes_on_with_its_drive(version: str):
    pair = pair_of(version)
    pair.session.drive(drive("m-1", 0, path(6), (0, 5)))
    pair.run(lambda: pair.known.passed_sequence == 2)
    pair.session.pause(PauseRobot(robot="R-01", paused=True))
    pair.run(lambda: pair.known.paused and not pair.known.driving)
    here = pair.known.x_m, pair.known.y_m
    pair.wait(60)
    assert (pair.known.x_m, pair.known.y_m) == here
    pair.session.pause(PauseRobot(robot="R-01", paused=False))
    pair.run(lambda: pair.arrived("m-1", 10))
    assert instants(pair) == ["startPause", "stopPause"]
    assert pair.session.conformance() == 1.0


def test_a_pause_that_was_lost_is_said_again_and_a_late_one_never():
    pair = Pair()
    pair.wait(1)
    lost = iter([True, True])
    pair.loses = lambda kind: kind == "instantActions" and next(lost, False)
    pair.session.pause(PauseRobot(robot="R-01", paused=True))
    pair.run(lambda: pair.known.paused)
    assert instants(pair) == ["startPause"] * 3
    late = PauseRobot(robot="R-01", paused=False, expires_at=pair.now)
    pair.session.pause(late)
    pair.wait(30)
    assert pair.known.paused


def test_the_pause_of_a_person_is_not_fought():
    pair = Pair()
    pair.session.pause(PauseRobot(robot="R-01", paused=True))
    pair.run(lambda: pair.known.paused)
    pair.robot.body.paused = False  # somebody pressed the button
    pair.wait(60)
    assert instants(pair) == ["startPause"]


# ----------------------------------------------------------------------------------------- maps
@pytest.mark.parametrize("version", ["2.1.0", "3.0.0"])
def test_a_new_map_is_fetched_enabled_at_rest_and_replaces_the_old(version: str):
    pair = with_habits(version, map_version="2", map_link="https://maps/TYO1-2.zip")
    pair.robot.body.maps = [MapInfo(mapId="TYO1", mapVersion="1", mapStatus="ENABLED")]
    pair.session.drive(drive("m-1", 0, path(6), (0, 5)))
    pair.run(lambda: pair.known.passed_sequence == 8)
    assert instants(pair) == ["downloadMap"]  # while it drives
    pair.run(lambda: pair.arrived("m-1", 10))
    pair.wait(10)
    assert instants(pair) == ["downloadMap", "enableMap", "deleteMap"]
    assert pair.robot.body.maps == [MapInfo(mapId="TYO1", mapVersion="2", mapStatus="ENABLED")]
    pair.wait(100)
    assert len(instants(pair)) == 3


def test_a_robot_of_2_0_is_not_asked_for_maps():
    pair = with_habits("2.0.0", map_version="2", map_link="https://maps/TYO1-2.zip")
    pair.robot.body.maps = []
    pair.wait(30)
    assert instants(pair) == []


# ---------------------------------------------------------------------------------------- zones
def test_a_zone_set_is_sent_enabled_and_replaces_the_old():
    pair = with_habits("3.0.0", zone_set=ZONES)
    pair.wait(10)
    assert [m["kind"] for m in pair.sent] == ["zoneSet", "instantActions"]
    assert [known.status for known in pair.robot.body.zone_sets] == ["ENABLED"]
    newer = {**ZONES, "zoneSetId": "z-2"}
    pair.session = RobotSession(replace(NAME, version="3.0.0", zone_set=newer))
    pair.wait(20)
    assert [(known.id, known.status) for known in pair.robot.body.zone_sets] == [("z-2", "ENABLED")]
    assert instants(pair) == ["enableZoneSet", "enableZoneSet", "deleteZoneSet"]
    assert not pair.known.errors


# ---------------------------------------------------------------------------------------- retry
@pytest.mark.parametrize(("retries", "end"), [(1, "FINISHED"), (0, "FAILED")])
def test_an_action_that_may_be_tried_again_is_or_is_skipped(retries: int, end: str):
    pair = pair_of("3.0.0")
    slips = replace(pair.build, slips=frozenset({"T-0007"}))
    pair = Pair(build=slips, session=RobotSession(replace(pair.session.robot, retries=retries)))
    nodes = path(3, {1: (PICK,)})
    pair.session.drive(drive("m-1", 0, nodes, (0, 2)))
    if retries:
        pair.run(lambda: pair.arrived("m-1", 4))
        assert instants(pair) == ["retry"]
    else:  # the robot is not told that it may wait for us, so the action has simply failed
        pair.run(lambda: any(a.status == "FAILED" for a in pair.known.actions))
    assert [a.status for a in pair.known.actions if a.action_id == "a-pick"] == [end]


def test_what_fails_for_good_is_skipped_after_its_tries():
    session, now = RobotSession(replace(NAME, version="3.0.0", retries=2)), START
    action = {"actionId": "a-9", "actionType": "pick", "actionStatus": "RETRIABLE"}
    told = []
    for number in range(60):
        now += timedelta(seconds=1)
        said = foreign(headerId=number, version="3.0.0", orderId="m-1", actionStates=[action])
        session.hear("state", said, now, 3)
        while (send := session.due(now, PATIENCE_S)) is not None:
            told += [a["actionType"] for a in json.loads(send.body)["actions"]]
    assert told[:3] == ["retry", "retry", "skipRetry"]
    assert set(told[3:]) == {"skipRetry"}
    report = session.report(now, PATIENCE_S)
    assert report is not None
    assert [a.status for a in report.actions] == ["RUNNING"]


# ------------------------------------------------------------------------------ operating modes
@pytest.mark.parametrize("mode", ["MANUAL", "SERVICE", "TEACHIN", "STARTUP", "INTERVENED"])
def test_a_robot_in_other_hands_is_left_alone(mode: Any):
    pair = pair_of("3.0.0")
    pair.wait(1)
    pair.robot.switch(mode, pair.now)
    pair.run(lambda: pair.known.operating_mode != "AUTOMATIC")
    pair.session.drive(drive("m-1", 0, path(4), (0, 3)))
    pair.session.pause(PauseRobot(robot="R-01", paused=True))
    pair.wait(30)
    kinds = {message["kind"] for message in pair.sent}
    assert kinds == ({"order"} if mode == "INTERVENED" else set())
    pair.robot.switch("AUTOMATIC", pair.now)
    pair.run(lambda: pair.known.paused)


def test_a_robot_that_is_taken_out_of_an_order_does_not_get_it_again():
    pair = pair_of("3.0.0")
    pair.session.drive(drive("m-1", 0, path(5, {4: (DROP,)}), (0, 4)))
    pair.run(lambda: pair.known.passed_sequence == 2)
    pair.robot.switch("MANUAL", pair.now)
    pair.run(lambda: pair.known.operating_mode == "MANUAL")
    assert [a.status for a in pair.known.actions] == ["FAILED"]
    pair.robot.switch("AUTOMATIC", pair.now)
    pair.wait(60)
    assert sum(message["kind"] == "order" for message in pair.sent) == 1
    assert pair.driven[-1][1] < 8


# ------------------------------------------------------------------------------------ factsheet
def sheet(**changes: Any) -> bytes:
    """A factsheet of 2.1 with other limits."""
    data = json.loads(encode(said_factsheet(BUILD, fresh_body())))
    for key, value in changes.items():
        part, name = key.split("__")
        data[part][name] = value
    return json.dumps(data).encode()


def _can(kind: str, scope: str) -> dict[str, Any]:
    return {"actionType": kind, "actionScopes": [scope]}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"protocolFeatures__agvActions": [_can("drop", "NODE")]},
            "pick",
        ),
        (
            {"protocolFeatures__agvActions": [_can("pick", "EDGE")]},
            "pick",
        ),
        ({"protocolLimits__maxArrayLens": {"order.nodes": 3}}, "more than the 3"),
        ({"protocolLimits__maxStringLens": {"idLen": 4}}, "longer than the 4"),
        ({"protocolLimits__maxStringLens": {"idNumericalOnly": True}}, "is no number"),
        (
            {
                "protocolFeatures__optionalParameters": [
                    {"parameter": "order.edges.trajectory", "support": "REQUIRED"}
                ]
            },
            "requires order.edges.trajectory",
        ),
    ],
)
def test_a_drive_that_its_factsheet_forbids_is_not_sent_and_the_reason_is_said(
    changes: dict[str, Any], reason: str
):
    session = RobotSession(NAME)
    session.hear("factsheet", sheet(**changes), START)
    session.hear("state", foreign(), START)
    session.drive(drive("m-1", 0, path(5, {1: (PICK,)}), (0, 4)))
    assert session.due(START, PATIENCE_S) is None
    report = session.report(START, PATIENCE_S)
    assert report is not None
    assert any(e.startswith("notSent") and reason in e for e in report.errors)
    session.hear("factsheet", sheet(), START)  # it got new software
    assert session.due(START, PATIENCE_S) is not None


def test_the_horizon_gives_way_to_what_the_robot_can_hold():
    session = RobotSession(NAME)
    session.hear("factsheet", sheet(protocolLimits__maxArrayLens={"order.nodes": 4}), START)
    session.hear("state", foreign(), START)
    session.drive(drive("m-1", 0, path(6), (0, 2)))
    send = session.due(START, PATIENCE_S)
    assert send is not None
    assert [n["released"] for n in json.loads(send.body)["nodes"]] == [True] * 3 + [False]


def test_orders_come_no_faster_than_the_robot_takes_them():
    timing = {"minOrderInterval": 5.0, "minStateInterval": 0.0, "defaultStateInterval": 90.0}
    session = RobotSession(NAME)
    session.hear("factsheet", sheet(protocolLimits__timing=timing), START)
    session.hear("state", foreign(), START)
    session.drive(drive("m-1", 0, path(6), (0, 2)))
    assert session.due(START, PATIENCE_S) is not None
    session.drive(drive("m-1", 1, path(6), (2, 3)))
    assert session.due(START + timedelta(seconds=4), PATIENCE_S) is None
    assert session.due(START + timedelta(seconds=5), PATIENCE_S) is not None
    report = session.report(START + timedelta(seconds=150), PATIENCE_S)
    assert report is not None
    assert report.connected  # it says something every 90 s only


@pytest.mark.parametrize("version", VERSIONS)
def test_a_factsheet_of_any_version_says_what_the_robot_can_do(version: str):
    build = replace(BUILD, version=version)
    body = encode(said_factsheet(build, fresh_body()))
    can = read_factsheet(check("factsheet", body), build.dialect)
    assert can.speed_mps == build.speed_mps
    assert can.state_interval_s == build.state_every_s
    assert can.actions["pick"] == {"NODE"}
    assert can.can_instantly("cancelOrder")
    assert can.can_instantly("downloadMap") is (version != "2.0.0")
    assert can.zones == ({"BLOCKED", "RELEASE"} if version == "3.0.0" else frozenset())
    assert not can.required


# ------------------------------------------------------------------------------ numbers of orders
@pytest.mark.parametrize("version", VERSIONS)
def test_a_first_order_whose_answer_is_lost_is_said_again_in_the_same_words(version: str):
    pair = pair_of(version)
    pair.session.drive(drive("m-1", 0, path(6), (0, 1)))
    pair.run(lambda: bool(pair.sent))
    pair.loses = lambda kind: kind == "state"
    pair.session.drive(drive("m-1", 1, path(6), (1, 3)))
    pair.wait(3 * PATIENCE_S)
    pair.loses = lambda _kind: False
    pair.run(lambda: pair.arrived("m-1", 6), limit_s=60)
    assert (pair.known.update, pair.known.errors) == (1, ())


@pytest.mark.parametrize(("version", "first"), [("2.1.0", 3), ("3.0.0", 0)])
def test_a_mission_that_begins_late_begins_with_the_number_that_its_version_wants(
    version: str, first: int
):
    pair = pair_of(version)
    pair.session.drive(drive("m-1", 3, path(6), (0, 2)))
    pair.run(lambda: pair.arrived("m-1", 4))
    assert (pair.sent[0]["orderUpdateId"], pair.known.update) == (first, 3)
    pair.session.drive(drive("m-1", 4, path(6), (2, 5)))
    pair.run(lambda: pair.arrived("m-1", 10))
    assert (pair.sent[-1]["orderUpdateId"], pair.known.update) == (first + 1, 4)
    assert not pair.known.errors
    pair.session.cancel(cancel("m-1"))
    pair.wait(10)
    assert pair.sent[-1]["kind"] == "order"  # there is nothing to cancel
