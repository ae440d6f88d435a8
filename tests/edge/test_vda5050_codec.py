"""The words of each version: there and back, strict out, and total in."""

import json
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from edge.drivers.vda5050 import RobotSession
from edge.drivers.vda5050_codec import DIALECTS, dialect_of, narrow, widen
from edge.drivers.vda5050_model import Response, Responses
from edge.drivers.vda5050_order import Route, Writer
from edge.drivers.vda5050_read import read_json, read_state
from edge.drivers.vda5050_wire import (
    WireError,
    encode,
    parse_instant_actions,
    parse_order,
    parse_responses,
    parse_state,
    parse_topic,
    parse_zone_set,
    topic,
)
from simulators.robot import Robot
from simulators.robot_body import said_connection, said_factsheet, said_state
from tests.edge.vda5050_pair import (
    BUILD,
    NAME,
    PICK,
    START,
    VERSIONS,
    check,
    drive,
    fresh_body,
    pair_of,
    path,
)
from tests.night import by_night

RUBBISH: list[Any] = [None, True, -1, 1e999, "", "NaN", [], {}, [None], [[]], {"x": {}}, "\u0000"]


def messages(version: str) -> dict[str, dict[str, Any]]:
    """A message of every kind, in the words of that version."""
    writer, build = Writer(replace(NAME, version=version)), replace(BUILD, version=version)
    said = {
        "order": writer.order(route(), START).body,
        "instantActions": writer.cancel("c-1", START).body,
        "state": encode(said_state(build, fresh_body())),
        "connection": encode(said_connection(build, fresh_body(), "ONLINE")),
        "factsheet": encode(said_factsheet(build, fresh_body())),
    }
    return {kind: json.loads(body) for kind, body in said.items()}


def spoiled(value: Any, chance: Random) -> Any:
    """The same with something in it exchanged for rubbish, or left out."""
    if chance.random() < 0.05:
        return chance.choice(RUBBISH)
    if isinstance(value, dict):
        kept = {key: spoiled(item, chance) for key, item in value.items()}
        return {key: item for key, item in kept.items() if chance.random() > 0.02}
    return [spoiled(item, chance) for item in value] if isinstance(value, list) else value


def route() -> Route:
    """A short order, all of it released."""
    nodes = [replace(node, released=True) for node in path(4, {1: (PICK,)})]
    return Route("m-1", 0, nodes, is_update=False)


@pytest.mark.parametrize("version", VERSIONS)
def test_an_order_is_the_same_order_in_every_version(version: str):
    writer = Writer(replace(NAME, version=version))
    send = writer.order(route(), START)
    data = check("order", send.body)
    said = parse_order(send.body, dialect_of(version) or "2.1")
    plain = parse_order(Writer(NAME).order(route(), START).body)
    assert replace(said, version="", edges=said.edges) == replace(plain, version="")
    assert ("startNodeId" in data["edges"][0]) is (version < "3")
    deviation = data["nodes"][0]["nodePosition"]["allowedDeviationXY"]
    assert deviation == ({"a": 0.25, "b": 0.25, "theta": 0.0} if version > "3" else 0.25)


@pytest.mark.parametrize("version", VERSIONS)
def test_what_a_robot_says_of_itself_is_read_back_whole(version: str):
    pair = pair_of(version)
    pair.session.drive(drive_of())
    for _ in range(100):
        pair.tick()
        state = said_state(pair.build, pair.robot.body)
        noted = read_state(encode(state), pair.build.major)
        assert not noted.problems
        plain = replace(state, instantActionStates=None) if version < "3" else state
        assert replace(noted.state, safetyState=plain.safetyState) == plain
    for said, kind in (
        (said_connection(pair.build, pair.robot.body, "CONNECTIONBROKEN"), "connection"),
        (said_factsheet(pair.build, pair.robot.body), "factsheet"),
    ):
        check(kind, encode(said))


def drive_of() -> Any:
    """A short drive."""
    return drive("m-1", 0, path(4, {1: (PICK,)}), (0, 3))


def test_a_state_of_3_0_is_read_in_its_words_and_blamed_in_them():
    body = json.dumps({"version": "3.0.0", "powerSupply": {}, "operatingMode": "TEACH_IN"}).encode()
    noted = read_state(body, 3)
    assert {"stateOfCharge", "instantActionStates", "safetyState"} <= {*noted.problems}
    assert noted.state.operatingMode == "TEACHIN"


@pytest.mark.parametrize("rounds", [150, by_night(2_500)])
@pytest.mark.parametrize("version", VERSIONS)
def test_no_message_is_too_strange_for_the_codec_the_driver_or_a_robot(version: str, rounds: int):
    chance, dialect = Random(version), dialect_of(version)
    assert dialect is not None
    session = RobotSession(replace(NAME, version=version))
    robot = Robot(replace(BUILD, version=version), fresh_body())
    good = messages(version)
    for number in range(rounds):
        now = START + timedelta(seconds=number)
        for kind, message in good.items():
            body = json.dumps(spoiled(message, chance)).encode()
            if kind in ("order", "instantActions"):
                robot.receive(kind, body, now)
            else:
                session.hear(kind, body, now, int(version[0]))
                session.report(now, 1.0)
                session.due(now, 1.0)
        for said in robot.step(now):
            check(said.kind, said.body)
    assert session.conformance() < 0.5


@pytest.mark.parametrize("dialect", DIALECTS)
def test_narrow_and_widen_are_each_others_way_back(dialect: Any):
    version = f"{dialect}.0"
    body = fresh_body()
    said = said_factsheet(replace(BUILD, version=version), body)
    plain = json.loads(encode(replace(said, version="2.1.0")))
    back = widen("factsheet", narrow("factsheet", plain, dialect), dialect)
    for action in back["protocolFeatures"]["agvActions"]:
        action.pop("pauseAllowed", None)
        action.pop("cancelAllowed", None)
    assert back == plain


def test_an_ellipse_promises_no_more_than_the_circle_inside_it():
    order = json.loads(Writer(replace(NAME, version="3.0.0")).order(route(), START).body)
    place = order["nodes"][0]["nodePosition"]
    place["allowedDeviationXY"] = {"a": 0.9, "b": 0.2, "theta": 1.0}
    said = parse_order(json.dumps(order).encode(), "3.0")
    assert said.nodes[0].nodePosition is not None
    assert said.nodes[0].nodePosition.allowedDeviationXY == 0.2
    for wrong in (0.3, {"a": 0.9, "b": 0.2}, {"a": "x", "b": 1, "theta": 0}):
        place["allowedDeviationXY"] = wrong
        with pytest.raises(WireError, match="allowedDeviationXY"):
            parse_order(json.dumps(order).encode(), "3.0")


def test_instant_actions_of_2_0_please_its_schema_and_its_document():
    send = Writer(replace(NAME, version="2.0.0")).cancel("c-1", START)
    (action,) = check("instantActions", send.body)["actions"]
    assert action["actionName"] == action["actionType"] == "cancelOrder"
    assert parse_instant_actions(send.body, "2.0").actions[0].actionId == "c-1"


def test_what_3_0_forbids_is_refused_by_a_robot_and_never_written():
    writer = Writer(replace(NAME, version="3.0.0"))
    said = json.loads(writer.cancel("c-1", START).body)
    said["actions"][0]["blockingType"] = "HARD"
    with pytest.raises(WireError, match="blocks"):
        parse_instant_actions(json.dumps(said).encode(), "3.0")
    lease = Responses(
        headerId=0,
        timestamp="",
        version="3.0.0",
        manufacturer="m",
        serialNumber="s",
        responses=(Response(requestId="1", grantType="QUEUED", leaseExpiry="2026-01-01"),),
    )
    with pytest.raises(WireError, match="lease"):
        encode(lease)
    with pytest.raises(WireError, match="not spoken"):
        encode(replace(lease, version="1.1.0", responses=()))
    for body in (b"{", b"[]", b"{}", b'{"zoneSet": {"zones": 1}}'):
        with pytest.raises(WireError):
            parse_zone_set(body)
        with pytest.raises(WireError):
            parse_responses(body)
    single = json.loads(Writer(NAME).order(route(), START).body)
    single["nodes"][0]["actions"] = [
        {"actionId": "a", "actionType": "pick", "blockingType": "SINGLE", "actionParameters": []}
    ]
    with pytest.raises(WireError, match="SINGLE"):
        parse_order(json.dumps(single).encode(), "2.1")


def test_topics_carry_the_interface_and_the_major_version():
    assert (
        topic("KIT", "0001", "order", major=3, interface="vda5050") == "vda5050/v3/KIT/0001/order"
    )
    assert parse_topic("uagv/v2/KIT/0001/state") == (2, "KIT", "0001", "state")
    for wrong in ("uagv/v1/KIT/0001/state", "uagv/v2/KIT/0001", "uagv/v2/a/b/c/d", ""):
        with pytest.raises(WireError):
            parse_topic(wrong)


def test_a_robot_follows_the_version_that_it_is_built_for_and_no_other():
    robot = Robot(replace(BUILD, version="3.0.0"), fresh_body())
    old = Writer(NAME).order(route(), START).body
    robot.receive("order", old, START)
    assert [error.errorType for error in robot.body.errors] == ["VALIDATION_FAILURE"]
    robot.receive("order", Writer(replace(NAME, version="3.0.0")).order(route(), START).body, START)
    assert robot.body.order == "m-1"
    assert not robot.body.errors


def test_a_state_of_2_x_takes_a_short_cut():
    assert parse_state(encode(said_state(BUILD, fresh_body()))) is not None
    assert read_json(b"{}") == {}
