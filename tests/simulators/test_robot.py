"""The simulated robot: orders, actions and instant actions by the book."""

import pytest

from tests.simulators.robot_life import Life, action, errors, instant, node, order, other, statuses


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
