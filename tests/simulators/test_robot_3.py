"""The simulated robot by the book of VDA 5050 3.0, where it differs from the one before."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from simulators.robot_body import KnownZones
from tests.simulators.robot_life import (
    CALM,
    Life,
    action,
    errors,
    instant,
    node,
    order,
    order_3,
    statuses,
)


def a_life(**build: Any) -> Life:
    """A robot of 3.0."""
    return Life(replace(CALM, version="3.0.0", **build))


def test_an_order_is_driven_and_its_actions_are_told_apart_from_instant_ones():
    life = a_life()
    pick = action("pick", 1, loadId="T-1")
    life.tell("order", order_3([node(0, actions=[pick]), node(1), node(2, released=False)]))
    life.tell("instantActions", instant(action("stateRequest", 5, "NONE")))
    state = life.live(60)
    assert (state["lastNodeId"], state["newBaseRequest"]) == ("P1", True)
    assert statuses(state) == {"a-1": "FINISHED"}
    assert [a["actionId"] for a in state["instantActionStates"]] == ["a-5"]
    assert state["powerSupply"]["stateOfCharge"] > 90
    assert state["mobileRobotPosition"]["localized"]


def in_the_cellar() -> dict[str, Any]:
    """A node on a map that the robot does not have."""
    place = node(1)
    return {**place, "nodePosition": {**place["nodePosition"], "mapId": "cellar"}}


@pytest.mark.parametrize(
    ("message", "complaint"),
    [
        (order([node(0, allowedDeviationXY=0.2), node(1)]), "VALIDATION_FAILURE"),
        (order_3([node(0), node(1)], orderUpdateId=1), "VALIDATION_FAILURE"),
        (order_3([node(0), node(1, actions=[action("fly")])]), "INVALID_ORDER_ACTION"),
        (order_3([node(0, x=9.0), node(1)]), "START_NODE_OUT_OF_RANGE"),
        (order_3([node(0), in_the_cellar()]), "UNKNOWN_MAP_ID"),
        (order_3([node(0), {**node(1), "nodePosition": None}]), "NO_ROUTE_TO_TARGET"),
    ],
)
def test_a_bad_order_is_refused_with_the_error_of_the_standard(message: bytes, complaint: str):
    life = a_life()
    state = life.tell("order", message)
    assert errors(state) == [complaint]
    assert state["orderId"] == ""
    assert errors(life.tell("order", order_3([node(0), node(1)]))) == []


def test_updates_that_do_not_fit_are_told_apart():
    life = a_life()
    life.tell("order", order_3([node(0), node(1)]))
    assert errors(life.tell("order", order_3([node(0), node(1)]))) == []  # said twice
    assert errors(life.tell("order", order_3([node(0)]))) == ["SAME_ORDER_UPDATE_ID"]
    other = order_3([node(0), node(1)], orderId="m-2")
    assert "OTHER_ORDER_ACTIVE" in errors(life.tell("order", other))
    skipped = order_3([node(2), node(3)], orderUpdateId=1)
    assert "OUTDATED_ORDER_UPDATE" in errors(life.tell("order", skipped))
    assert errors(life.tell("order", order_3([node(1), node(2)], orderUpdateId=1))) == []
    life.tell("instantActions", instant(action("cancelOrder", 7, "NONE", orderId="m-9")))
    assert "NO_ORDER_TO_CANCEL" in errors(life.look())
    life.tell("instantActions", instant(action("cancelOrder", 8, "NONE", orderId="m-1")))
    life.live(20)
    late = order_3([node(1), node(2)], orderUpdateId=2)
    assert "ORDER_UPDATE_FOLLOWING_CANCEL" in errors(life.tell("order", late))


def test_an_action_that_runs_alone_does_not_stop_the_robot():
    life = a_life()
    both = [action("pick", 1, "SINGLE"), action("startCharging", 2, "NONE")]
    state = life.tell("order", order_3([node(0, actions=both), node(1)]))
    assert statuses(state) == {"a-1": "RUNNING", "a-2": "WAITING"}
    assert not state["driving"]  # the second has yet to begin
    life = a_life()
    state = life.tell("order", order_3([node(0, actions=both[:1]), node(1)]))
    assert state["driving"]


def test_a_failed_pick_waits_to_be_tried_again_and_stands():
    life = a_life(slips=frozenset({"T-1"}))
    pick = {**action("pick", 1, loadId="T-1"), "retriable": True}
    life.tell("order", order_3([node(0, actions=[pick]), node(1)]))
    state = life.live(60)
    assert (statuses(state), state["driving"]) == ({"a-1": "RETRIABLE"}, False)
    life.tell("instantActions", instant(action("retry", 4, "NONE", actionId="a-9")))
    assert "INVALID_INSTANT_ACTION" in errors(life.look())
    life.tell("instantActions", instant(action("retry", 5, "NONE", actionId="a-1")))
    state = life.live(60)
    assert statuses(state) == {"a-1": "FINISHED"}
    assert (state["lastNodeId"], state["loads"]) == ("P1", [{"loadId": "T-1"}])


def test_an_operating_mode_that_clears_the_order_clears_it():
    life = a_life()
    drop = action("drop", 1)
    life.tell("order", order_3([node(0), node(1), node(2, actions=[drop])]))
    life.live(2)
    life.robot.switch("SERVICE", life.now)
    state = life.look()
    assert (state["operatingMode"], state["nodeStates"]) == ("SERVICE", [])
    assert (statuses(state), state["driving"]) == ({"a-1": "FAILED"}, False)
    state = life.tell("order", order_3([node(0), node(1)], orderId="m-2"))
    assert "MOBILE_ROBOT_NOT_AVAILABLE" in errors(state)


def test_the_robot_brakes_in_time_for_a_zone_that_it_may_not_enter():
    corners = [{"x": x, "y": y} for x, y in ((3.0, -1.0), (5.0, -1.0), (5.0, 1.0), (3.0, 1.0))]
    life = a_life()
    for kind, speed_mps in (("PENALTY", 1.5), ("RELEASE", 0.0)):
        life = a_life()
        zone = {"zoneId": "door", "zoneType": kind, "vertices": corners}
        life.robot.body.zone_sets = [KnownZones("z", "TYO1", "ENABLED", [zone])]
        life.tell("order", order_3([node(number) for number in range(5)]))
        assert life.robot.body.leg is not None
        assert life.robot.body.leg.v1_mps == pytest.approx(speed_mps)
    state = life.live(20)
    assert (state["lastNodeId"], state["driving"]) == ("P1", False)
    assert [r["requestStatus"] for r in state["zoneRequests"]] == ["REQUESTED"]


def test_an_answer_to_nobody_and_a_zone_set_twice_change_nothing():
    life = a_life()
    life.tell(
        "responses",
        b'{"headerId": 0, "timestamp": "", "version": "3.0.0", '
        b'"manufacturer": "m", "serialNumber": "s", '
        b'"responses": [{"requestId": "9", "grantType": "GRANTED"}]}',
    )
    zones = (
        b'{"headerId": 0, "timestamp": "", "version": "3.0.0", "manufacturer": "m", '
        b'"serialNumber": "s", "zoneSet": {"zoneSetId": "z", "mapId": "M", "zones": []}}'
    )
    assert [z["zoneSetStatus"] for z in life.tell("zoneSet", zones)["zoneSets"]] == ["DISABLED"]
    assert errors(life.tell("zoneSet", zones)) == ["DUPLICATE_ZONE_SET"]
    life.now += timedelta(seconds=1)
    assert len(life.tell("zoneSet", b"{")["zoneSets"]) == 1
