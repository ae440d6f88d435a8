"""The simulated robot: a life that physics allows, the same one for the same seed."""

import math
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.drivers.vda5050_wire import encode
from simulators.robot import Robot
from simulators.robot_body import Build, body_from_json, body_to_json, said_connection
from simulators.robot_motion import Going, Motors, plan
from tests.edge.vda5050_pair import BUILD, START, check
from tests.simulators.robot_life import CALM, Life, action, instant, node, order, other, statuses


def test_a_state_is_said_at_least_every_thirty_seconds_and_numbered():
    life = Life()
    life.live(300, step_s=1.0)
    assert 10 <= len(life.states) <= 13
    assert [s["headerId"] for s in life.states] == list(range(len(life.states)))
    check("connection", encode(said_connection(CALM, life.robot.body, "ONLINE")))


def test_many_events_in_one_step_are_told_in_one_state():
    life = Life()
    life.tell("order", order([node(i) for i in range(6)]))
    life.now += timedelta(minutes=2)
    before = len(life.states)
    state = life.look()
    assert len(life.states) == before + 1
    assert (state["lastNodeId"], state["driving"]) == ("P5", False)


def test_driving_through_is_quicker_than_stopping_at_each_node():
    through, halting = Life(), Life()
    nodes = [node(i) for i in range(8)]
    through.tell("order", order(nodes))
    halting.tell("order", order(nodes[:2]))
    for update in range(1, 7):
        halting.live(20, step_s=0.1)
        halting.tell("order", order(nodes[update : update + 2], orderUpdateId=update))
    through.live(20, step_s=0.1)
    passed = [s for s in through.states if s["lastNodeId"] == "P7"]
    assert passed
    assert all(s["driving"] for s in through.states if 0 < s["lastNodeSequenceId"] < 14)


def test_a_base_that_grows_in_time_lets_the_robot_keep_its_speed():
    nodes = [node(i) for i in range(5)]

    def seconds_to_the_end(wait_s: float) -> float:
        life = Life()
        life.tell("order", order([*nodes[:2], *(n | {"released": False} for n in nodes[2:])]))
        life.live(wait_s, step_s=0.1)
        life.tell("order", order(nodes[1:], orderUpdateId=1))
        while life.live(0.1, step_s=0.1)["lastNodeId"] != "P4":
            assert life.now < START + timedelta(minutes=1)
        return (life.now - START).total_seconds()

    whole = 8.0 / CALM.speed_mps + CALM.speed_mps  # 8 m with one start and one stop at 1 m/s2
    assert seconds_to_the_end(0.5) == pytest.approx(whole, abs=0.11)
    assert seconds_to_the_end(2.0) > whole + 0.2


def test_the_same_seed_lives_the_same_life_whoever_looks_and_whoever_kills():
    def play(step_s: float, *, kill: bool) -> tuple[Any, ...]:
        life = Life(BUILD)
        pick = action("pick", 1, loadId="T-1")
        life.tell("order", order([node(0), node(1, actions=[pick]), *map(node, range(2, 9))]))
        for _ in range(round(60 / step_s)):
            life.live(step_s, step_s=step_s)
            if kill:
                body = body_from_json(body_to_json(life.robot.body))
                assert body == life.robot.body
                life.robot = Robot(BUILD, body)
        body = life.robot.body
        return body.last_node, body.load, body.draws, round(body.battery, 9), round(body.x_m, 9)

    assert play(0.5, kill=False) == play(4.0, kill=False) == play(0.5, kill=True)


def test_charging_fills_the_battery_and_driving_ends_it():
    life = Life(Build(**{**build_fields(), "charge_nodes": frozenset({"P0"})}))
    life.robot.body.battery = 0.2
    life.tell("order", order([node(0, actions=[action("startCharging")])]))
    state = life.live(600)
    assert state["batteryState"]["charging"]
    assert 35 < state["batteryState"]["batteryCharge"] < 45
    state = life.tell("order", other())
    assert not state["batteryState"]["charging"]
    state = life.live(30)
    life.tell("instantActions", instant(action("startCharging", 9, "NONE")))
    assert statuses(life.live(10))["a-9"] == "FAILED"  # there is no charger here


def build_fields() -> dict[str, Any]:
    """The fields of the calm build."""
    return {name: getattr(CALM, name) for name in CALM.__dataclass_fields__}


def test_an_empty_robot_stands_and_calls_for_help():
    life = Life()
    life.robot.body.battery = 0.0
    life.tell("order", order([node(0), node(1)]))
    state = life.live(60)
    assert state["lastNodeId"] == "P0"
    assert ("batteryEmpty", "FATAL") in [(e["errorType"], e["errorLevel"]) for e in state["errors"]]


places = st.tuples(st.floats(-50, 50), st.floats(-50, 50))


@settings(deadline=None)
@given(
    start=places,
    end=places,
    v0=st.floats(0, 2),
    v1=st.floats(0, 2),
    limit=st.floats(0.1, 2),
    heading=st.floats(-math.pi, math.pi),
)
def test_a_leg_leads_from_its_start_to_its_end_within_its_limits(
    start: tuple[float, float],
    end: tuple[float, float],
    v0: float,
    v1: float,
    limit: float,
    heading: float,
):
    leg = plan(Going(100.0, start, heading, v0), end, (limit, v1), Motors())
    begun = leg.at(leg.starts_at)
    assert math.dist(begun[:2], start) < 1e-6
    assert math.dist(leg.at(leg.ends_at)[:2], end) < 1e-4
    assert leg.ends_at >= leg.starts_at
    before, way_m = 0.0, math.dist(start, end)
    for share in range(21):
        x_m, y_m, _heading, speed = leg.at(100.0 + share / 20 * (leg.ends_at - 100.0))
        done_m = math.dist(start, (x_m, y_m))
        assert before - 1e-6 <= done_m <= way_m + 1e-6
        assert speed <= limit + 1e-6
        before = done_m
