"""Robots that break the rules: handled by profile or quarantined, alarmed, and no stock moves."""

import json
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest

from edge.drivers.vda5050 import RobotSession
from edge.drivers.vda5050_conduct import Conduct
from tests.edge.vda5050_chain import Chain, honest, with_habits
from tests.edge.vda5050_pair import (
    NAME,
    PATIENCE_S,
    PICK,
    START,
    ahead,
    cancel,
    drive,
    foreign,
    path,
)


def test_an_honest_robot_brings_the_tote_and_nobody_complains():
    chain = Chain()
    chain.order()
    chain.until(lambda: "FINISHED" in chain.states)
    assert chain.robot.body.last_node == "S1"
    assert chain.states == ["ACCEPTED", "ASSIGNED", "LOADED", "FINISHED"]
    assert not chain.active()
    assert chain.session.conformance() == 1.0


# ------------------------------------------------------------------- it lies about FINISHED
def too_early(_kind: str, said: dict[str, Any]) -> Iterable[dict[str, Any]]:
    """Everything that it was ever told is FINISHED at once."""
    for action in said.get("actionStates", []):
        action["actionStatus"] = "FINISHED"
    yield said


def empty_handed(_kind: str, said: dict[str, Any]) -> Iterable[dict[str, Any]]:
    """It has picked, so it says, and its fork is empty."""
    if "loads" in said:
        said["loads"] = []
    yield said


@pytest.mark.parametrize("lie", [too_early, empty_handed])
def test_what_a_liar_says_moves_no_stock_and_is_an_alarm(lie: Any):
    chain = Chain(mask=lie)
    chain.order()
    chain.until(lambda: "robot.quarantined" in chain.active())
    assert not {"LOADED", "FINISHED"} & {*chain.states}
    chain.mask = honest  # it is repaired
    chain.until(lambda: "FINISHED" in chain.states)
    assert "robot.quarantined" not in chain.active()
    assert chain.robot.body.load is None


def test_a_make_that_is_known_to_tell_no_loads_is_believed_by_its_profile():
    chain = Chain(mask=empty_handed, profile=with_habits(tells_load=False))
    chain.order()
    chain.until(lambda: "LOADED" in chain.states)
    assert not chain.active()


def test_a_robot_in_quarantine_for_a_lie_is_only_told_to_stop():
    session, now = RobotSession(NAME), START
    session.drive(drive("m-1", 0, path(4, {2: (PICK,)}), (0, 2)))
    lie = {"actionId": PICK.action_id, "actionStatus": "FINISHED", "actionType": "pick"}
    for _ in range(8):
        now += timedelta(seconds=1)
        way = [ahead(2), ahead(4)]
        session.hear("state", foreign(orderId="m-1", nodeStates=way, actionStates=[lie]), now)
    report = session.report(now, PATIENCE_S)
    assert report is not None
    assert [action.status for action in report.actions] == ["RUNNING"]
    assert any("finished before it was there" in error for error in report.errors)
    session.drive(drive("m-1", 1, path(4), (2, 3)))
    assert session.due(now, PATIENCE_S) is None
    session.cancel(cancel("m-1"))
    assert session.due(now, PATIENCE_S) is not None


# ----------------------------------------------------------------------- a twin of the same name
@pytest.mark.parametrize("counts", [True, False])
def test_a_twin_is_found_out_and_both_are_told_nothing(counts: bool):  # noqa: FBT001
    def twice(kind: str, said: dict[str, Any]) -> Iterable[dict[str, Any]]:
        if not counts:  # two copies of one program begun at once, or a make that does not count
            said["headerId"] = 0
        yield said
        if kind == "state":
            other = {**said, "orderId": "elsewhere", "lastNodeId": "B7", "nodeStates": []}
            yield {**other, "headerId": said["headerId"] + (5_000 if counts else 0)}

    chain = Chain(mask=twice)
    chain.order()
    chain.until(lambda: "robot.quarantined" in chain.active())
    told = len(chain.sent)
    chain.live(60)
    assert len(chain.sent) == told
    assert not {"LOADED", "FINISHED"} & {*chain.states}
    chain.mask = honest  # somebody has found the other one
    chain.until(lambda: "robot.quarantined" not in chain.active(), within_s=1_200)


def test_a_robot_that_starts_again_or_repeats_itself_is_no_twin():
    session = RobotSession(NAME)
    for number in (500, 501, 502, 0, 0, 1, 1, 2):
        session.hear("state", foreign(headerId=number), START)
    assert not session.quarantine(START)


# ------------------------------------------------------- it never sends a connection message
def test_a_robot_without_a_connection_topic_is_judged_by_its_states():
    def mute(kind: str, said: dict[str, Any]) -> Iterable[dict[str, Any]]:
        if kind != "connection":
            yield said

    chain = Chain(mask=mute)
    chain.order()
    chain.until(lambda: "FINISHED" in chain.states)
    assert not chain.active()
    chain.mask = lambda _kind, _said: ()
    chain.until(lambda: "robot.silent" in chain.active(), within_s=600)
    chain.mask = honest
    chain.until(lambda: "robot.silent" not in chain.active())


def test_a_connection_topic_that_means_nothing_is_not_heeded():
    gone = json.dumps({"connectionState": "OFFLINE"}).encode()
    for heeds in (True, False):
        session = RobotSession(with_habits(heed_connection=heeds))
        session.hear("state", foreign(), START)
        session.hear("connection", gone, START)
        report = session.report(START, PATIENCE_S)
        assert report is not None
        assert report.connected is not heeds


# ------------------------------------------------------------------------- fields are missing
MISSING = ("edgeStates", "batteryState", "safetyState", "operatingMode", "lastNodeSequenceId")


def test_a_robot_with_missing_fields_does_its_work_and_its_faults_are_known():
    def poor(_kind: str, said: dict[str, Any]) -> Iterable[dict[str, Any]]:
        battery = {"batteryState": said["batteryState"]} if "batteryState" in said else {}
        yield {key: value for key, value in said.items() if key not in MISSING} | battery

    chain = Chain(mask=poor)
    chain.order()
    chain.until(lambda: "FINISHED" in chain.states)
    assert {"edgeStates", "safetyState", "operatingMode"} <= chain.session.problems.keys()
    assert chain.session.conformance() == 0.0
    chain.until(lambda: "robot.nonconforming" in chain.active())
    known = Chain(mask=poor, profile=with_habits(tolerates=MISSING))
    known.order()
    known.until(lambda: "FINISHED" in known.states)
    assert known.session.conformance() == 1.0
    assert not known.active()


def test_nothing_that_a_robot_may_say_brings_anything_down():
    rubbish: list[Any] = [None, 7, "x", [], {}, {"nodeStates": [None]}, {"orderId": {}}, [[]]]

    def mad(_kind: str, said: dict[str, Any]) -> Iterable[dict[str, Any]]:
        yield {key: rubbish[len(key) % len(rubbish)] for key in said}
        yield from rubbish

    chain = Chain(mask=mad)
    chain.order()
    chain.live(60)
    assert not {"LOADED", "FINISHED"} & {*chain.states}
    assert chain.session.conformance() == 0.0


# --------------------------------------------------------------------------------- bookkeeping
def test_the_log_of_violations_is_bounded_and_the_score_forgets():
    conduct = Conduct()
    for number in range(1_000):
        conduct.heard([f"rule {number}"], START + timedelta(seconds=number))
    assert conduct.score == 0.0
    assert (len(conduct.log), conduct.log[-1].rule) == (100, "others")
    assert len(conduct.counts) == 201
    assert conduct.counts.total() == 1_000
    for _ in range(200):
        conduct.heard((), START)
    assert conduct.score == 1.0


def test_a_cancel_is_believed_at_once_of_a_make_that_can_be_trusted():
    for trusts in (True, False):
        session = RobotSession(with_habits(trust_cancel=trusts))
        command = cancel("m-1")
        session.hear("state", foreign(orderId="m-1", driving=True), START)
        session.cancel(command)
        assert session.due(START, PATIENCE_S) is not None
        done = {"actionId": str(command.command), "actionStatus": "FINISHED"}
        said = foreign(orderId="m-1", driving=True, actionStates=[done])
        session.hear("state", said, START)
        assert (session.due(START, PATIENCE_S) is None) is trusts
