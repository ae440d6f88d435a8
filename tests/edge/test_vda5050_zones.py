"""Zones of a site file, and leases: one robot at a time, whatever is lost."""

import json
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.drivers.vda5050 import RobotSession
from edge.drivers.vda5050_model import EdgeRequest, RequestStatus, ZoneRequest
from edge.drivers.vda5050_zones import Leases, read_zone_set
from edge.messages import DriveNode
from simulators.robot import Robot
from simulators.robot_body import Body
from tests.edge.vda5050_pair import BUILD, NAME, PATIENCE_S, START, check, drive

LEASE_S = 20.0
ROBOTS = ("R-1", "R-2", "R-3")
SQUARE = [[3.0, -1.0], [5.0, -1.0], [5.0, 5.0], [3.0, 5.0]]


def asks(number: str, status: RequestStatus = "REQUESTED", zone: str = "door") -> ZoneRequest:
    """A request for that zone."""
    return ZoneRequest(
        requestId=number,
        requestType="ACCESS",
        zoneId=zone,
        zoneSetId="z-1",
        requestStatus=status,
    )


def leases(*robots: str) -> Leases:
    """Leases of a fleet, of which nobody has been heard yet."""
    return Leases(LEASE_S, PATIENCE_S, frozenset(robots), START)


def later(seconds: float) -> Any:
    """That long after the start."""
    return START + timedelta(seconds=seconds)


# --------------------------------------------------------------------------------------- leases
def test_who_asks_first_gets_the_zone_and_the_next_one_when_it_is_left():
    book = leases("R-1", "R-2")
    book.hear("R-1", [asks("1")], later(0))
    book.hear("R-2", [asks("7")], later(1))
    assert [(a.robot, a.request, a.grant) for a in book.due(later(1))] == [
        ("R-1", "1", "GRANTED"),
        ("R-2", "7", "QUEUED"),
    ]
    assert book.due(later(1)) == []
    book.hear("R-1", [asks("1", "GRANTED")], later(2))
    assert book.due(later(5)) == []
    book.hear("R-1", [], later(6))
    (answer,) = book.due(later(6))
    assert (answer.robot, answer.grant, answer.until) == ("R-2", "GRANTED", later(6 + LEASE_S))


def test_a_lost_answer_is_said_again_and_a_lease_is_renewed_in_time():
    book = leases("R-1")
    book.hear("R-1", [asks("1")], later(0))
    assert [a.grant for a in book.due(later(0))] == ["GRANTED"]
    assert [a.grant for a in book.due(later(PATIENCE_S))] == ["GRANTED"]
    book.hear("R-1", [asks("1", "GRANTED")], later(3))
    assert book.due(later(10)) == []
    (renewed,) = book.due(later(13))
    assert renewed.until == later(13 + LEASE_S)


@pytest.mark.parametrize("status", ["EXPIRED", "REVOKED"])
def test_a_zone_whose_lease_is_lost_is_not_free_before_its_holder_is_out(status: RequestStatus):
    book = leases("R-1", "R-2")
    book.hear("R-1", [asks("1", "GRANTED")], later(0))
    book.hear("R-2", [asks("2")], later(0))
    book.hear("R-1", [asks("1", status)], later(100))
    assert [(a.robot, a.grant) for a in book.due(later(100))] == [("R-2", "QUEUED")]
    book.hear("R-1", [], later(101))
    assert [(a.robot, a.grant) for a in book.due(later(101))] == [("R-2", "GRANTED")]
    fresh = leases("R-1", "R-2")  # the edge has started again, and the robot is still in there
    fresh.hear("R-1", [asks("1", status)], later(0))
    fresh.hear("R-2", [asks("2")], later(0))
    assert [(a.robot, a.grant) for a in fresh.due(later(0))] == [("R-2", "QUEUED")]


def test_after_a_start_nothing_is_granted_before_all_were_heard_or_old_leases_are_over():
    book = leases("R-1", "R-2")
    book.hear("R-2", [asks("2")], later(0))
    assert [a.grant for a in book.due(later(0))] == ["QUEUED"]
    book.hear("R-1", [asks("1", "GRANTED")], later(1))  # it stands in there
    assert [(a.robot, a.grant) for a in book.due(later(1))] == [("R-1", "GRANTED")]
    alone = leases("R-1", "R-2")
    alone.hear("R-2", [asks("2")], later(0))
    alone.due(later(0))
    assert [a.grant for a in alone.due(later(LEASE_S))] == ["GRANTED"]


def test_two_who_say_to_hold_one_zone_are_a_clash_and_one_loses_it():
    book = leases("R-1", "R-2")
    book.hear("R-1", [asks("1", "GRANTED")], later(0))
    book.hear("R-2", [asks("2", "GRANTED")], later(0))
    assert book.clashes == 1
    assert ("R-2", "REVOKED") in [(a.robot, a.grant) for a in book.due(later(0))]
    assert book.holder(("z-1", "door")) == "R-1"


def test_a_robot_in_quarantine_gets_nothing_and_loses_what_it_has():
    book = leases("R-1", "R-2")
    book.hear("R-1", [asks("1", "GRANTED")], later(0))
    book.hear("R-2", [asks("2", zone="dock")], later(0))
    answers = book.due(later(0), frozenset(ROBOTS))
    assert [(a.robot, a.grant) for a in answers] == [("R-1", "REVOKED")]


def test_corridors_of_edges_are_leased_like_zones():
    asked = EdgeRequest(
        requestId="9",
        requestType="CORRIDOR",
        edgeId="A--B",
        sequenceId=1,
        requestStatus="REQUESTED",
    )
    book = leases("R-1", "R-2")
    book.hear("R-1", [asked], later(0))
    book.hear("R-2", [replace(asked, requestId="8")], later(1))
    assert [(a.request, a.grant) for a in book.due(later(1))] == [("9", "GRANTED"), ("8", "QUEUED")]


class Walker:
    """A robot as the leases see it: it asks, enters only with a lease in time, and leaves."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.number = 0
        self.request: ZoneRequest | None = None
        self.until: Any = None
        self.inside = False

    def live(self, now: Any, wish: int) -> None:
        if self.request is None:
            if wish == 0:
                self.number += 1
                self.request = asks(str(self.number))
            return
        if self.request.requestStatus == "GRANTED" and now >= self.until:
            self.request = replace(self.request, requestStatus="EXPIRED") if self.inside else None
        elif self.request.requestStatus == "GRANTED" and wish == 1:
            self.inside = True
        elif wish == 2:
            self.inside, self.request = False, None

    def hear(self, request: str, grant: str, until: Any) -> None:
        if self.request is None or self.request.requestId != request:
            return
        if grant == "GRANTED":
            self.request, self.until = replace(self.request, requestStatus="GRANTED"), until
        elif grant in ("REVOKED", "REJECTED"):
            lost = replace(self.request, requestStatus="REVOKED")
            self.request = lost if self.inside else None


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 10_000),
    lost=st.sampled_from([0.0, 0.2, 0.6]),
    restarts=st.sets(st.integers(0, 400), max_size=2),
)
def test_never_are_two_in_one_zone(seed: int, lost: float, restarts: set[int]):
    chance = Random(seed)
    walkers = [Walker(name) for name in ROBOTS]
    book, entered = leases(*ROBOTS), 0
    for second in range(400):
        now = later(second)
        if second in restarts:
            book = Leases(LEASE_S, PATIENCE_S, frozenset(ROBOTS), now)
        for walker in walkers:
            was_in = walker.inside
            walker.live(now, chance.randrange(6))
            entered += walker.inside > was_in
            if chance.random() >= lost:
                book.hear(walker.name, [walker.request] if walker.request else [], now)
        for answer in book.due(now):
            walker = walkers[ROBOTS.index(answer.robot)]
            if chance.random() >= lost:
                walker.hear(answer.request, answer.grant, answer.until)
        assert sum(walker.inside for walker in walkers) <= 1
        assert not book.clashes
    assert entered or lost > 0.5 or restarts


# ------------------------------------------------------------------------------- with our robots
def test_robots_of_3_0_pass_a_release_zone_one_after_the_other_and_a_blocked_one_never():
    rows = [
        {"id": "door", "type": "RELEASE", "corners": SQUARE},
        {"id": "pit", "type": "BLOCKED", "corners": [[9, -1], [11, -1], [11, 5], [9, 5]]},
    ]
    zones = read_zone_set({"id": "z-1", "zones": rows}, "TYO1")
    book, now = leases("R-0", "R-1"), START
    robots, sessions = {}, {}
    for n in range(2):
        name = f"R-{n}"
        build = replace(BUILD, name=name, serial=name, version="3.0.0", hindered_share=0.0)
        body = Body(at=START.timestamp(), x_m=0.0, y_m=2.0 * n, heading_rad=0.0, last_node=f"{n}.0")
        robots[name] = Robot(build, body)
        sessions[name] = RobotSession(
            replace(NAME, name=name, serial=name, version="3.0.0", zone_set=zones)
        )
    passed: list[str] = []
    for tick in range(1_200):
        now += timedelta(milliseconds=200)
        inside = []
        for n, (name, robot) in enumerate(robots.items()):
            session = sessions[name]
            for said in robot.step(now):
                data = check(said.kind, said.body)
                session.hear(said.kind, said.body, now, 3)
                if said.kind == "state":
                    book.hear(name, session.requests(), now)
                    x_m = data["mobileRobotPosition"]["x"]
                    inside += [name] if 3.0 < x_m < 5.0 else []
                    assert x_m <= 8.01
            if tick == 50:
                way = [
                    DriveNode(
                        node=f"{n}.{i}", sequence=2 * i, released=False, x_m=2.0 * i, y_m=2.0 * n
                    )
                    for i in range(7)
                ]
                session.drive(drive("m-1", 0, way, (0, 6)))
            while (send := session.due(now, PATIENCE_S)) is not None:
                check(send.kind, send.body)
                robot.receive(send.kind, send.body, now)
        assert len(inside) <= 1
        passed += [name for name in inside if name not in passed]
        for answer in book.due(now):
            send = sessions[answer.robot].answers([answer], now)
            check(send.kind, send.body)
            robots[answer.robot].receive(send.kind, send.body, now)
    assert sorted(passed) == ["R-0", "R-1"]
    assert [robot.body.last_sequence for robot in robots.values()] == [8, 8]  # the pit is next
    assert all(s.conformance() == 1.0 for s in sessions.values())


def test_a_robot_that_loses_its_lease_inside_stops_and_says_so():
    zones = read_zone_set(
        {"id": "z-1", "zones": [{"id": "door", "type": "RELEASE", "corners": SQUARE}]}, "TYO1"
    )
    build = replace(BUILD, version="3.0.0", hindered_share=0.0)
    body = Body(at=START.timestamp(), x_m=0.0, y_m=0.0, heading_rad=0.0, last_node="0.0")
    robot, session = (
        Robot(build, body),
        RobotSession(replace(NAME, version="3.0.0", zone_set=zones)),
    )
    book, now, was_in = leases("R-01"), START, False
    way = [
        DriveNode(node=f"0.{i}", sequence=2 * i, released=False, x_m=2.0 * i, y_m=0.0)
        for i in range(6)
    ]
    for tick in range(900):
        now += timedelta(milliseconds=200)
        for said in robot.step(now):
            session.hear(said.kind, said.body, now, 3)
            book.hear("R-01", session.requests(), now)
        if tick == 50:
            session.drive(drive("m-1", 0, way, (0, 5)))
        while (send := session.due(now, PATIENCE_S)) is not None:
            robot.receive(send.kind, send.body, now)
        was_in |= 3.0 < robot.body.x_m < 5.0
        for answer in book.due(now, frozenset({"R-01"} if was_in else ())):
            send = session.answers([answer], now)
            robot.receive(send.kind, send.body, now)
    assert 3.0 < robot.body.x_m < 5.0
    report = session.report(now, PATIENCE_S)
    assert report is not None
    assert any(error.startswith("RELEASE_LOST") for error in report.errors)
    assert not report.driving
    assert [r.requestStatus for r in session.requests()] == ["REVOKED", "REQUESTED"]


# ------------------------------------------------------------------------------------ site file
def test_a_zone_set_of_the_site_file_is_one_of_the_standard():
    row = {
        "id": "z-1",
        "map": "M",
        "zones": [
            {"id": "a", "type": "SPEED_LIMIT", "corners": SQUARE[::-1], "maximumSpeed": 0.5},
            {"id": "b", "type": "RELEASE", "corners": SQUARE, "releaseLossBehavior": "EVACUATE"},
            {"id": "c", "type": "RELEASE", "corners": SQUARE},
        ],
    }
    zones = read_zone_set(row, "TYO1")
    assert zones["mapId"] == "M"
    first = [(v["x"], v["y"]) for v in zones["zones"][0]["vertices"]]
    assert first == [tuple(corner) for corner in SQUARE]  # counterclockwise, however written
    session = RobotSession(replace(NAME, version="3.0.0", zone_set=zones))
    said = json.dumps({"version": "3.0.0", "zoneSets": []}).encode()
    session.hear("state", said, START, 3)
    send = session.due(START, PATIENCE_S)
    assert send is not None
    check("zoneSet", send.body)


@pytest.mark.parametrize(
    ("zone", "fault"),
    [
        ({"type": "RELEASE", "corners": SQUARE}, "no id"),
        ({"id": "a", "type": "PARK", "corners": SQUARE}, "no type"),
        ({"id": "a", "type": "SPEED_LIMIT", "corners": SQUARE}, "needs maximumSpeed"),
        ({"id": "a", "type": "RELEASE", "corners": SQUARE[:2]}, "three or more"),
        ({"id": "a", "type": "RELEASE", "corners": [[0, 0], [1, 1], [2, 2]]}, "on a line"),
        ({"id": "a", "type": "RELEASE", "corners": [[0, 0], ["x", 1], [2, 2]]}, "numbers"),
        (
            {"id": "a", "type": "RELEASE", "corners": SQUARE, "releaseLossBehavior": "RUN"},
            "is one of STOP",
        ),
    ],
)
def test_a_zone_that_robots_would_refuse_is_refused_in_the_site_file(
    zone: dict[str, Any], fault: str
):
    with pytest.raises(ValueError, match=fault):
        read_zone_set({"id": "z-1", "zones": [zone]}, "TYO1")
