"""The simulated robot: orders by the book, and a life that physics allows."""

import itertools
import json
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
from tests.edge.vda5050_pair import BUILD, START, check, fresh_body

HEAD = {
    "headerId": 1,
    "timestamp": "2026-03-02T08:00:00.000Z",
    "version": "2.1.0",
    "manufacturer": "soko",
    "serialNumber": "R-01",
}
CALM = Build(name="R-01", manufacturer="soko", serial="R-01", map_id="TYO1", hindered_share=0.0)


def node(
    number: int, *, released: bool = True, actions: Any = (), **place: float
) -> dict[str, Any]:
    """A node of a line along x, two metres apart, unless another place is given."""
    position = {"x": 2.0 * number, "y": 0.0, "mapId": "TYO1", **place}
    return {
        "nodeId": f"P{number}",
        "sequenceId": 2 * number,
        "released": released,
        "nodePosition": position,
        "actions": list(actions),
    }


def order(nodes: list[dict[str, Any]], **fields: Any) -> bytes:
    """An order along these nodes, with the edges that belong there."""
    edges = [
        {
            "edgeId": f"{a['nodeId']}--{b['nodeId']}",
            "sequenceId": a["sequenceId"] + 1,
            "released": b["released"],
            "startNodeId": a["nodeId"],
            "endNodeId": b["nodeId"],
            "actions": [],
        }
        for a, b in itertools.pairwise(nodes)
    ]
    message = {**HEAD, "orderId": "m-1", "orderUpdateId": 0, "nodes": nodes, "edges": edges}
    return json.dumps(message | fields).encode()


def action(kind: str, number: int = 1, blocking: str = "HARD", **parameters: str) -> dict[str, Any]:
    """An action with its settings."""
    settings_ = [{"key": key, "value": value} for key, value in parameters.items()]
    return {
        "actionId": f"a-{number}",
        "actionType": kind,
        "blockingType": blocking,
        "actionParameters": settings_,
    }


def instant(*actions: dict[str, Any]) -> bytes:
    """Instant actions."""
    return json.dumps({**HEAD, "actions": list(actions)}).encode()


class Life:
    """A robot and its time."""

    def __init__(self, build: Build = CALM) -> None:
        self.robot = Robot(build, fresh_body())
        self.now = START
        self.states: list[dict[str, Any]] = []
        self.factsheets: list[dict[str, Any]] = []

    def tell(self, kind: str, message: bytes) -> dict[str, Any]:
        """Give it a message; the state after it."""
        self.robot.receive(kind, message, self.now)
        return self.look()

    def look(self) -> dict[str, Any]:
        """Step, and see the last state."""
        for said in self.robot.step(self.now):
            data = check(said.kind, said.body)
            (self.states if said.kind == "state" else self.factsheets).append(data)
        return self.states[-1]

    def live(self, seconds: float, *, step_s: float = 0.5) -> dict[str, Any]:
        """Let time pass; the last state."""
        for _ in range(round(seconds / step_s)):
            self.now += timedelta(seconds=step_s)
            self.look()
        return self.look()


def statuses(state: dict[str, Any]) -> dict[str, str]:
    """The status of every action."""
    return {a["actionId"]: a["actionStatus"] for a in state["actionStates"]}


def errors(state: dict[str, Any]) -> list[str]:
    """The types of what it complains about."""
    return [error["errorType"] for error in state["errors"]]


# ------------------------------------------------------------------------------ orders: figure 8
def test_an_order_is_taken_and_driven_to_the_end_of_the_base():
    life = Life()
    state = life.tell("order", order([node(0), node(1), node(2, released=False)]))
    assert [n["sequenceId"] for n in state["nodeStates"]] == [2, 4]
    assert [e["sequenceId"] for e in state["edgeStates"]] == [1, 3]
    state = life.live(60)
    assert (state["lastNodeId"], state["lastNodeSequenceId"]) == ("P1", 2)
    assert [n["sequenceId"] for n in state["nodeStates"]] == [4]
    assert state["newBaseRequest"]
    assert not state["driving"]


def test_an_update_joins_at_the_decision_point_and_replaces_the_horizon():
    life = Life()
    life.tell("order", order([node(0), node(1), node(2, released=False)]))
    elsewhere = node(2, x=2.0, y=2.0) | {"nodeId": "Q2"}
    state = life.tell("order", order([node(1), elsewhere], orderUpdateId=1))
    assert [n["nodeId"] for n in state["nodeStates"]] == ["P1", "Q2"]
    state = life.live(60)
    assert (state["orderUpdateId"], state["lastNodeId"], state["nodeStates"]) == (1, "Q2", [])


def test_a_finished_order_is_continued_from_the_last_node():
    life = Life()
    life.tell("order", order([node(0), node(1)]))
    life.live(30)
    life.tell("order", order([node(1), node(2)], orderUpdateId=1))
    assert life.live(30)["lastNodeId"] == "P2"


def other(**fields: Any) -> bytes:
    """An order with another id."""
    return order([node(0), node(1)], orderId="m-2", **fields)


@pytest.mark.parametrize(
    ("message", "complaint"),
    [
        (b"{", "validationError"),
        (order([]), "validationError"),
        (order([node(0, released=False)]), "validationError"),
        (order([node(0), node(1, released=False), node(2)]), "validationError"),
        (order([node(0), node(2)]), "validationError"),
        (order([node(0), node(1)], edges=[]), "validationError"),
        (order([node(0), node(1)], orderUpdateId="one"), "validationError"),
        (order([node(0), node(1, actions=[action("fly")])]), "orderError"),
        (order([node(0, x=9.0), node(1)]), "orderError"),
        (order([node(0) | {"nodePosition": {"x": 0, "y": 0, "mapId": "else"}}]), "orderError"),
        (order([node(0), {k: v for k, v in node(1).items() if k != "nodePosition"}]), "orderError"),
    ],
)
def test_a_bad_order_is_refused(message: bytes, complaint: str):
    life = Life()
    state = life.tell("order", message)
    assert errors(state) == [complaint]
    assert (state["orderId"], state["nodeStates"], state["actionStates"]) == ("", [], [])
    assert errors(life.tell("order", order([node(0), node(1)]))) == []


def test_orders_that_do_not_fit_what_is_under_way_are_refused():
    life = Life()
    life.tell("order", order([node(0), node(1)], orderUpdateId=3))
    assert errors(life.tell("order", other())) == ["orderError"]
    assert "orderUpdateError" in errors(
        life.tell("order", order([node(1), node(2)], orderUpdateId=2))
    )
    assert "orderUpdateError" in errors(
        life.tell("order", order([node(0), node(1)], orderUpdateId=4))
    )
    state = life.tell("order", order([node(1), node(2)], orderUpdateId=4))
    assert errors(state) == []
    assert state["orderUpdateId"] == 4


def test_the_same_order_twice_is_taken_once_and_in_silence():
    life = Life()
    message = order([node(0), node(1, actions=[action("pick", loadId="T-1")])])
    life.tell("order", message)
    life.live(30)
    state = life.tell("order", message)
    assert errors(state) == []
    assert life.live(30)["loads"] == [{"loadId": "T-1"}]
    assert sum(s["lastNodeSequenceId"] == 2 and s["driving"] for s in life.states) == 0


# ------------------------------------------------------------------------------------- actions
def test_a_tote_is_picked_carried_and_dropped():
    life = Life()
    pick, drop = action("pick", 1, loadId="T-1"), action("drop", 2, loadId="T-1")
    state = life.tell("order", order([node(0, actions=[pick]), node(1, actions=[drop])]))
    assert statuses(state) == {"a-1": "RUNNING", "a-2": "WAITING"}
    assert not state["driving"]
    state = life.live(12)
    assert state["loads"] == [{"loadId": "T-1"}]
    assert life.live(30)["loads"] == []
    assert statuses(life.look()) == {"a-1": "FINISHED", "a-2": "FINISHED"}


def test_what_cannot_be_done_fails_with_an_error():
    life = Life()
    both = [action("drop", 1, loadId="T-1"), action("pick", 2), action("pick", 3)]
    life.tell("order", order([node(0, actions=both)]))
    state = life.live(60)
    assert statuses(state) == {"a-1": "FAILED", "a-2": "FINISHED", "a-3": "FAILED"}
    assert errors(state) == ["actionError"]


def test_hard_actions_run_one_after_the_other_and_soft_ones_together():
    life = Life()
    first, second = action("pick", 1, "SOFT"), action("startCharging", 2, "SOFT")
    third = action("drop", 3, "HARD")
    state = life.tell("order", order([node(0, actions=[first, second, third]), node(1)]))
    assert statuses(state) == {"a-1": "RUNNING", "a-2": "RUNNING", "a-3": "WAITING"}
    for state in (life.live(0.5) for _ in range(60)):
        running = [i for i, status in statuses(state).items() if status == "RUNNING"]
        assert "a-3" not in running or running == ["a-3"]
        assert not (running and state["driving"])
    assert life.look()["lastNodeId"] == "P1"


def test_the_robot_waits_for_an_action_that_has_yet_to_begin():
    life = Life()
    free, hard = action("pick", 1, "NONE"), action("drop", 2, "HARD")
    state = life.tell("order", order([node(0, actions=[free, hard]), node(1)]))
    assert statuses(state) == {"a-1": "RUNNING", "a-2": "WAITING"}
    assert not state["driving"]


def test_the_robot_drives_while_an_action_that_blocks_nothing_runs():
    life = Life()
    state = life.tell("order", order([node(0, actions=[action("pick", 1, "NONE")]), node(1)]))
    assert state["driving"]
    assert statuses(state) == {"a-1": "RUNNING"}


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


# ------------------------------------------------------------------------------ instant actions
def test_a_cancelled_order_ends_at_the_next_node_and_stays_ended():
    life = Life()
    life.tell("order", order([node(0), node(1), node(2), node(3, actions=[action("drop", 3)])]))
    life.live(2)
    state = life.tell("instantActions", instant(action("cancelOrder", 7, "NONE")))
    assert statuses(state) == {"a-3": "FAILED", "a-7": "RUNNING"}
    state = life.live(20)
    assert statuses(state)["a-7"] == "FINISHED"
    assert (state["orderId"], state["nodeStates"], state["edgeStates"]) == ("m-1", [], [])
    here = state["lastNodeSequenceId"] // 2
    state = life.tell("order", order([node(here), node(here + 1)], orderUpdateId=1))
    assert errors(state) == ["orderUpdateError"]
    assert life.live(30)["lastNodeSequenceId"] == 2 * here
    fresh = [node(here), node(here + 1)]
    assert errors(life.tell("order", order(fresh, orderId="m-2"))) == []
    more = order([node(here + 1), node(here + 2)], orderId="m-2", orderUpdateId=1)
    assert errors(life.tell("order", more)) == []
    assert life.live(30)["lastNodeSequenceId"] == 2 * here + 4


def test_a_running_action_is_finished_before_the_cancellation_is():
    life = Life()
    life.tell("order", order([node(0, actions=[action("pick", loadId="T-1")]), node(1)]))
    state = life.tell("instantActions", instant(action("cancelOrder", 7, "NONE")))
    assert statuses(state) == {"a-1": "RUNNING", "a-7": "RUNNING"}
    state = life.live(20)
    assert statuses(state) == {"a-1": "FINISHED", "a-7": "FINISHED"}
    assert (state["lastNodeId"], state["loads"]) == ("P0", [{"loadId": "T-1"}])


def test_a_cancel_without_an_order_fails_and_is_not_tried_again():
    life = Life()
    state = life.tell("instantActions", instant(action("cancelOrder", 7, "NONE")))
    assert statuses(state) == {"a-7": "FAILED"}
    assert errors(state) == ["noOrderToCancel"]
    life.tell("order", order([node(0), node(1)]))
    life.tell("instantActions", instant(action("cancelOrder", 8, "NONE")))
    life.live(20)
    state = life.tell("instantActions", instant(action("cancelOrder", 8, "NONE")))
    assert statuses(state) == {"a-8": "FINISHED"}


def test_a_paused_robot_stands_where_it_is_and_drives_on():
    life = Life()
    life.tell("order", order([node(0), node(1), node(2)]))
    life.live(1)
    state = life.tell("instantActions", instant(action("startPause", 7, "NONE")))
    assert state["paused"]
    assert not state["driving"]
    where = state["agvPosition"]
    assert 0.0 < where["x"] < 4.0
    assert life.live(30)["agvPosition"] == where
    life.tell("instantActions", instant(action("stopPause", 8, "NONE")))
    assert life.live(30)["lastNodeId"] == "P2"


def test_questions_are_answered_each_time():
    life = Life()
    life.look()
    before = len(life.states)
    ask = instant(action("stateRequest", 1, "NONE"), action("factsheetRequest", 2, "NONE"))
    for _ in range(3):
        life.tell("instantActions", ask)
    assert len(life.states) == before + 3
    assert len(life.factsheets) == 3
    assert len(life.look()["actionStates"]) == 2
    assert statuses(life.tell("instantActions", instant(action("dance", 5, "NONE"))))["a-5"] == (
        "FAILED"
    )


# ------------------------------------------------------------------------------- life and physics
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
