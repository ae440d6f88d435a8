"""A robot with several slots: each load is named with the slot that it lies in, both ways."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from edge.drivers.vda5050 import RobotSession
from edge.messages import DriveAction
from tests.edge.vda5050_chain import BUILD as CHAINED
from tests.edge.vda5050_chain import PLANT, Chain
from tests.edge.vda5050_pair import (
    BUILD,
    NAME,
    PATIENCE_S,
    START,
    VERSIONS,
    Pair,
    drive,
    foreign,
    path,
)

FIRST = DriveAction(action_id="pick-1", kind="PICK", load="T-1", slot="2")
SECOND = DriveAction(action_id="pick-2", kind="PICK", load="T-2", slot="1")
DOWN = DriveAction(action_id="drop-1", kind="DROP", load="T-1", slot="2")
THREE = replace(
    PLANT,
    robots={name: replace(spec, slots=3) for name, spec in PLANT.robots.items()},
    stations={name: replace(one, capacity=3) for name, one in PLANT.stations.items()},
)


@pytest.mark.parametrize("version", VERSIONS)
def test_each_load_is_named_with_its_slot_both_ways(version: str):
    build, name = replace(BUILD, version=version, slots=2), replace(NAME, version=version)
    pair = Pair(build=build, session=RobotSession(name))
    nodes = path(6, {1: (FIRST,), 3: (SECOND,), 5: (DOWN,)})
    pair.session.drive(drive("m-1", 0, nodes, (0, 5)))
    pair.run(lambda: len(pair.known.carried) == 2)
    had = pair.known.carried
    assert had == ("T-1", "T-2")
    loads: list[dict[str, Any]] = []
    pair.session.hear = _seeing(pair.session, loads)  # type: ignore[method-assign]
    pair.run(lambda: pair.arrived("m-1", 10))
    has: tuple[str, ...] = pair.known.carried
    assert has == ("T-2",), "what was set down, and not what came first"
    assert pair.done == ["pick-1", "pick-2", "drop-1"]
    asked = [
        {one["key"]: one["value"] for one in action["actionParameters"]}
        for node in pair.sent[0]["nodes"]
        for action in node["actions"]
    ]
    assert [(one["loadId"], one["lhd"]) for one in asked] == [
        ("T-1", "2"), ("T-2", "1"), ("T-1", "2")
    ]  # fmt: skip
    assert {"loadId": "T-2", "loadPosition": "1"} in loads


def _seeing(session: RobotSession, loads: list[dict[str, Any]]) -> Any:
    hear = session.hear

    def heard(kind: str, body: bytes, *more: Any) -> bool:
        if kind == "state":
            loads.extend(json.loads(body)["loads"])
        return hear(kind, body, *more)

    return heard


def test_a_slot_that_is_full_or_that_it_has_not_fails_that_action_alone():
    pair = Pair(build=replace(BUILD, slots=2))
    full = replace(SECOND, slot="2")
    nowhere = DriveAction(action_id="pick-3", kind="PICK", load="T-3", slot="3")
    pair.session.drive(drive("m-1", 0, path(5, {1: (FIRST,), 2: (full,), 3: (nowhere,)}), (0, 4)))
    pair.run(lambda: pair.arrived("m-1", 8))
    ended = {one.action_id: one.status for one in pair.known.actions}
    assert ended == {"pick-1": "FINISHED", "pick-2": "FAILED", "pick-3": "FAILED"}
    assert pair.known.carried == ("T-1",)


# ------------------------------------------------------------- WCS, driver and robot together
def three_totes() -> Chain:
    chain = Chain(build=replace(CHAINED, slots=3), plant=THREE)
    for n in (1, 2, 3):
        chain.order(n)
    return chain


def test_three_totes_come_in_one_go_and_each_order_ends_once():
    chain, most = three_totes(), 0
    while chain.states.count("FINISHED") < 3:
        chain.tick()
        most = max(most, len(chain.robot.body.loads))
        assert chain.now < START + timedelta(minutes=10)
    assert most == 3
    assert chain.robot.body.loads == {}
    assert sorted(r.id for r in chain.reports if r.state == "FINISHED") == ["o-1", "o-2", "o-3"]
    assert not chain.active()
    assert chain.session.conformance() == 1.0


@pytest.mark.parametrize(
    ("action", "loads", "status"),
    [
        (FIRST, [("T-2", "1")], "RUNNING"),
        (FIRST, [("T-2", "1"), ("T-1", "2")], "FINISHED"),
        (FIRST, [("T-2", "1"), (None, "2")], "FINISHED"),
        (DOWN, [("T-2", "1"), ("T-1", "2")], "RUNNING"),
        (DOWN, [("T-2", "1"), (None, "2")], "RUNNING"),
        (DOWN, [("T-2", "1")], "FINISHED"),
    ],
)
def test_of_several_loads_it_is_believed_about_each_by_itself(
    action: DriveAction, loads: list[tuple[str | None, str]], status: str
):
    session = RobotSession(NAME)
    session.drive(drive("m-1", 0, path(3, {1: (action,)}), (0, 1)))
    body = foreign(
        orderId="m-1", lastNodeId="P1", lastNodeSequenceId=2,
        actionStates=[
            {"actionId": action.action_id, "actionStatus": "FINISHED", "actionType": "pick"}
        ],
        loads=[{"loadId": load, "loadPosition": slot} for load, slot in loads],
    )  # fmt: skip
    session.hear("state", body, START)
    report = session.report(START, PATIENCE_S)
    assert report is not None
    assert [one.status for one in report.actions] == [status]
