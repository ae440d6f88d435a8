"""A day of pictures: kept as few bytes, read back as they were; what machines did in them."""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import cos, pi, sin

import pytest

from tests.wms.house import HUB, House
from wcs.messages import Alarm, CartonOnMap, RobotOnMap, SiteFrame
from wms.control.health import Spell, Watch, health, heat, states_of
from wms.control.moments import pack, unpack
from wms.control.record import EVERY_S, Recorder
from wms.sites import site_id

AT = datetime(2026, 4, 1, 8, 0, tzinfo=UTC)


def a_robot(name: str, **facts: object) -> RobotOnMap:
    robot = RobotOnMap(
        robot=name, x_m=1.0, y_m=2.0, heading_rad=0.0, state="DRIVING", battery=0.8, load=None,
        transport=None, route=(),
    )  # fmt: skip
    return replace(robot, **facts)  # type: ignore[arg-type]


def a_frame(at: datetime, *robots: RobotOnMap, **facts: object) -> SiteFrame:
    frame = SiteFrame(
        at=at, site=HUB, robots=robots, cartons=(), transports_open=0, lanes=(), alarms=()
    )
    return replace(frame, **facts)  # type: ignore[arg-type]


def drives(robots: int, seed: int) -> Iterator[SiteFrame]:
    """A minute of a fleet that drives about at 1.5 m/s."""
    chance = random.Random(seed)
    at = [[chance.uniform(0, 200), chance.uniform(0, 100)] for _ in range(robots)]
    way = [chance.randrange(4) * pi / 2 for _ in range(robots)]
    for n in range(30):
        for spot, heading in zip(at, way, strict=True):
            spot[0] += 3 * cos(heading)
            spot[1] += 3 * sin(heading)
        yield a_frame(
            AT + timedelta(seconds=2 * n),
            *(
                a_robot(f"R-{i:03}", x_m=x, y_m=y, heading_rad=way[i], load="T" if i % 3 else None)
                for i, (x, y) in enumerate(at)
            ),
        )


def test_pictures_are_read_back_as_they_were_and_take_few_bytes():
    frames = list(drives(500, seed=1))
    gone = replace(frames[7], robots=frames[7].robots[1:])
    frames[7] = gone
    body = pack(frames)
    assert len(body) < 130_000, "a day of 500 robots is a few hundred megabytes at the very most"
    moments = unpack(body)
    assert [one.at for one in moments] == [one.at for one in frames]
    assert "R-000" not in moments[7].robots
    assert "R-000" in moments[8].robots
    for frame, moment in zip(frames, moments, strict=True):
        assert len(moment.robots) == len(frame.robots)
        for robot in frame.robots:
            spot = moment.robots[robot.robot]
            assert (spot.x_m, spot.y_m) == pytest.approx((robot.x_m, robot.y_m), abs=0.011)
            turned = (spot.heading_rad - robot.heading_rad + pi) % (2 * pi) - pi
            assert abs(turned) < 0.013
            assert (spot.state, spot.loaded) == (robot.state, robot.load is not None)
    with pytest.raises(ValueError, match="no pictures"):
        unpack(b"nothing of the kind")
    assert unpack(pack([])) == []


def test_a_fleet_that_stands_costs_next_to_nothing():
    robots = [a_robot(f"R-{n:03}", x_m=float(n), state="IDLE") for n in range(500)]
    frames = [a_frame(AT + timedelta(seconds=2 * n), *robots) for n in range(30)]
    assert len(pack(frames)) < 6_000


def test_time_in_a_state_is_counted_by_the_hour_and_never_guessed():
    watch = Watch(["sorter1"])
    hour = AT.replace(minute=59, second=50)
    jam = Alarm(
        at=AT, id="sorter.jam/sorter1", source="sorter1", code="sorter.jam", priority=1, active=True
    )
    carton = CartonOnMap(device="sorter1", tracking=1, code="1", place="SCAN")
    pictures: list[tuple[int, dict[str, object], dict[str, object]]] = [
        (0, {"state": "DRIVING"}, {"cartons": (carton,)}),
        (5, {"state": "FAULT"}, {"alarms": (jam,)}),
        (15, {"state": "DRIVING", "paused": True}, {}),
        (20, {"state": "IDLE"}, {}),
        (500, {"state": "IDLE"}, {}),  # nobody knows what was in between
    ]
    for seconds, robot, facts in pictures:
        watch.see(a_frame(hour + timedelta(seconds=seconds), a_robot("R-1", **robot), **facts))
    spells = watch.take()
    first, second = hour.replace(minute=0, second=0), AT.replace(hour=9)
    assert spells[first, "R-1", "RUNNING"] == Spell(lasted_ms=5000, times=1)
    assert spells[first, "R-1", "FAULT"] == Spell(lasted_ms=10_000, times=1)
    assert spells[second, "R-1", "MAINT"] == Spell(lasted_ms=5000, times=1)
    assert spells[second, "R-1", "IDLE"] == Spell(lasted_ms=0, times=1)
    assert spells[first, "sorter1", "FAULT"].lasted_ms == 10_000
    assert spells[second, "sorter1", "STARVED"].lasted_ms == 5000
    assert watch.take() == {}, "taken once"


def test_what_a_machine_was_worth_is_a_product():
    spells = {
        "RUNNING": Spell(lasted_ms=60_000, times=3), "BLOCKED": Spell(lasted_ms=20_000, times=2),
        "FAULT": Spell(lasted_ms=20_000, times=2),
    }  # fmt: skip
    found = health("sorter1", spells, quality=0.9)
    assert (found.availability, found.performance) == (0.8, 0.75)
    assert found.oee == pytest.approx(0.8 * 0.75 * 0.9)
    assert (found.mtbf_s, found.mttr_s) == (40.0, 10.0)
    unheard = health("R-9", {"OFFLINE": Spell(lasted_ms=1000, times=1)})
    assert (unheard.availability, unheard.performance, unheard.oee) == (0.0, None, None)


def test_people_who_have_a_robot_are_no_fault_of_it():
    frame = a_frame(AT, a_robot("R-1", state="FAULT", why="manual"), a_robot("R-2", paused=True))
    assert states_of(frame) == {"R-1": "MAINT", "R-2": "MAINT"}


def test_heat_is_where_robots_were_and_waited():
    robots = a_robot("R-1", x_m=0.5, y_m=0.5, state="WAITING"), a_robot("R-2", x_m=1.9, y_m=1.0)
    moments = unpack(pack([a_frame(AT, *robots), a_frame(AT + timedelta(seconds=2), *robots)]))
    assert heat(moments) == {(0, 0): (4, 2)}


def test_a_day_is_kept_and_found_again(house: House):
    recorder = Recorder(site_id(HUB))
    start = house.clock.now().replace(second=0, microsecond=0) - timedelta(minutes=2)

    def play(begin: datetime, seconds: int) -> None:
        for n in range(seconds):
            at = begin + timedelta(seconds=n)
            write = recorder.see(a_frame(at, a_robot("R-01", x_m=n % 60 / 2), a_robot("R-02")))
            if write is not None:
                house.database.run(write)

    play(start - timedelta(hours=25), 61)
    play(start, 121)
    span = house.ok(house.http.get("/console/v1/minutes"))
    first, last = (datetime.fromisoformat(span[name]) for name in ("first", "last"))
    assert (first, last) == (start, start + timedelta(minutes=1)), "what is older is forgotten"
    minute = house.ok(house.http.get(f"/console/v1/minutes/{start.isoformat()}"))
    assert minute["names"] == ["R-01", "R-02"]
    times = [datetime.fromisoformat(one["at"]) for one in minute["moments"]]
    assert times == [start + timedelta(seconds=EVERY_S * n) for n in range(30)]
    assert [one["robots"][0][0] for one in minute["moments"]][:3] == [0.0, 1.0, 2.0]
    before = (start - timedelta(hours=3)).isoformat()
    assert house.http.get(f"/console/v1/minutes/{before}").status_code == 404
    machines = house.ok(house.http.get("/console/v1/machine-health", params={"hours": 2}))
    assert [(one["machine"], one["availability"]) for one in machines] == [
        ("R-01", 1.0), ("R-02", 1.0),
    ]  # fmt: skip
    cells = house.ok(house.http.get("/console/v1/heat"))["cells"]
    assert sum(seen for _, _, seen, _ in cells) == 120
