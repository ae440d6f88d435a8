"""Thirty robots on the demo's plant, on virtual time, over a bad network, from seeds.

After every step the laws are looked at (tests.wcs.fleet): one holder a point, what a robot has
is held for it, no two robots at one point. At the end every order has ended, once.
"""

from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Literal

import pytest
from typing_extensions import override

from edge.messages import DeviceStatus, Drive, TagGone, TagSeen
from tests.wcs.fleet import START, TOKYO, Weather, World, tokyo
from tests.wcs.small import grid, square
from wcs.engine import GAP_S, LOOK_EVERY_S, Engine, Started
from wcs.messages import Alarm, GatePassage, TransportOrder, TransportReport, Withdrawal
from wcs.plant import read_plant
from wcs.state import fresh_state, from_json, to_json

PLANT = tokyo()
BAD = Weather(delay_s=(0.2, 8.0), lost=0.05, stall=0.02)


def end_well(world: World, ids: list[str]) -> None:
    assert world.ended() == {one: ["FINISHED"] for one in ids}
    for one in ids:
        said = [report for report in world.heard if report.id == one]
        states = [report.state for report in said]
        assert states == ["ACCEPTED", "ASSIGNED", "LOADED", "FINISHED"], "each once, in order"
        metres = [report.metres for report in said]
        assert metres == sorted(metres)
        assert metres[-1] > 3.0


@pytest.mark.parametrize("seed", range(4))
def test_a_busy_hour_is_worked_off(seed: int):
    world = World(PLANT, seed, BAD if seed % 2 else Weather())
    ids = world.fetch_and_return(20, seed)
    world.work_off(4_000)
    end_well(world, ids)
    robots = world.state.robots.values()
    aside = {name for name, each in PLANT.points.items() if each.kind in ("park", "charge")}
    world.run_until(  # all leave the lanes
        lambda: all(r.goal is None and r.held[-1].point in aside for r in robots), 2_000
    )


@pytest.mark.nightly
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(100, 140))
def test_a_long_day_is_worked_off(seed: int):
    world = World(PLANT, seed, BAD)
    ids = world.fetch_and_return(200, seed)
    world.work_off(20_000)
    end_well(world, ids)


def test_robots_that_fall_silent_come_back_and_forget_stop_nobody_for_long():
    world = World(PLANT, 7)
    ids = world.fetch_and_return(25, 7)
    for n, name in enumerate(("R-03", "R-11", "R-19", "R-27")):
        world.later(100.0 + 30 * n, partial(world.die, name))
        world.later(700.0 + 30 * n, partial(world.revive, name))
    world.run_until(lambda: world.now - START > timedelta(seconds=600), 4_000)
    silent = [alarm for alarm in world.state.alarms.values() if alarm.code == "robot.silent"]
    assert len(silent) == 4
    done_before = len(world.ended())
    assert done_before >= 20, "the others worked on"
    world.work_off(6_000)
    end_well(world, ids)
    world.run_until(lambda: not world.state.alarms, 300)


def test_a_robot_that_was_switched_off_and_on_is_told_again_under_a_new_name():
    world = World(PLANT, 3, Weather(lost=0.0))
    (order,) = [world.order("tote-1", "A01-05-1", "ST-3")]
    world.run_until(lambda: any(r.state == "LOADED" for r in world.heard), 1_000)
    (name,) = {report.robot for report in world.heard if report.robot}
    robot = world.robots[name]
    world.run_until(lambda: not robot.ahead and robot.driving_to is None and not robot.todo, 300)
    world.forget(name)
    world.work_off(1_000)
    assert robot.mission.startswith(f"{order}~")
    end_well(world, [order])


def test_a_load_on_a_robot_that_stays_silent_is_given_up_with_the_reason():
    plant = replace(PLANT, site=replace(PLANT.site, lost_s=300.0))
    world = World(plant, 5, Weather(lost=0.0))
    world.order("tote-1", "A01-05-1", "ST-3")
    world.run_until(lambda: any(r.state == "LOADED" for r in world.heard), 1_000)
    (name,) = {report.robot for report in world.heard if report.robot}
    world.die(name)
    world.work_off(4_000)
    assert (world.heard[-1].state, world.heard[-1].reason) == ("FAILED", "robot.lost")
    world.revive(name)
    stranded = f"robot.stranded/{name}"
    world.run_until(lambda: stranded in world.state.alarms, 600)
    assert world.state.robots[name].report is not None
    world.order("tote-2", "A01-06-1", "ST-3")
    world.work_off(1_000)
    assert world.heard[-1].robot != name, "it still carries tote-1"


def test_what_was_not_fetched_yet_goes_to_another_robot():
    world = World(PLANT, 5, Weather(lost=0.0))
    order = world.order("tote-1", "A01-05-1", "ST-3")
    world.run_until(lambda: any(r.state == "ASSIGNED" for r in world.heard), 100)
    (name,) = {report.robot for report in world.heard if report.robot}
    world.run_until(lambda: world.robots[name].driving_to is not None, 100)
    world.die(name)
    world.work_off(2_000)
    assert world.heard[-1].robot != name
    end_well(world, [order])


def test_when_nothing_is_heard_of_anybody_one_alarm_is_enough_and_nothing_is_given_up():
    plant = replace(PLANT, site=replace(PLANT.site, lost_s=300.0))
    world = World(plant, 5, Weather(lost=0.0))
    ids = [world.order(f"tote-{n}", f"A{n + 1:02}-05-1", "ST-3") for n in range(5)]
    world.run_until(lambda: any(r.state == "LOADED" for r in world.heard), 1_000)
    for name in world.robots:
        world.die(name)
    world.run_until(lambda: bool(world.state.alarms), 300)
    before = {t.id: t.robot for t in world.state.transports.values()}
    end = world.now + timedelta(seconds=500)
    world.run_until(lambda: world.now > end, 600)
    assert set(world.state.alarms) == {"fleet.silent/fleet"}
    assert {t.id: t.robot for t in world.state.transports.values()} == before
    for name in world.robots:
        world.revive(name)
    world.work_off(2_000)
    end_well(world, ids)
    world.run_until(lambda: not world.state.alarms, 100)


def test_withdrawn_before_it_is_fetched_and_not_after():
    world = World(PLANT, 9, Weather(lost=0.0))
    early, late = world.order("t1", "A01-05-1", "ST-3"), world.order("t2", "A09-05-1", "ST-3")
    world.run_until(lambda: sum(r.state == "ASSIGNED" for r in world.heard) == 2, 100)
    world.inbox.append(Withdrawal(id=early))
    world.run_until(lambda: any(r.state == "LOADED" for r in world.heard), 1_000)
    world.inbox += [Withdrawal(id=late), Withdrawal(id=early), Withdrawal(id="unknown")]
    world.work_off(1_000)
    assert world.ended() == {early: ["WITHDRAWN"], late: ["FINISHED"]}
    again = world.order("t3", "A01-06-1", "ST-3")
    world.work_off(1_000)
    assert world.ended()[again] == ["FINISHED"], "the robot is free for others"


def test_an_order_told_twice_is_one_and_a_senseless_one_fails_at_once():
    world = World(PLANT, 1)
    order = TransportOrder(id="t1", load="t", source="A01-05-1", destination="A01-05-2")
    lost = TransportOrder(id="t2", load="t", source="A01-05-9", destination="ST-1")
    world.inbox += [order, order, lost, lost]
    world.work_off(1_000)
    world.inbox += [order, lost]
    world.run_until(lambda: not world.inbox, 10)
    assert world.ended() == {"t1": ["FINISHED"], "t2": ["FAILED"]}
    assert [r.reason for r in world.heard if r.state == "FAILED"] == ["place.unknown: A01-05-9"]


def test_the_more_urgent_goes_first():
    world = World(PLANT, 2, Weather(lost=0.0))
    for n in range(40):
        world.order(f"slow-{n}", f"A01-{n % 12 + 1:02}-{n // 12 + 1}", f"ST-{n % 6 + 1}")
    urgent = world.order("fast", "A12-01-1", "ST-1", priority=9)
    world.run_until(lambda: any(r.state == "ASSIGNED" for r in world.heard), 100)
    assert next(r.id for r in world.heard if r.state == "ASSIGNED") == urgent


def test_killed_and_restored_at_any_moment_it_does_the_same():
    smooth, killed = World(PLANT, 11, BAD), World(PLANT, 11, BAD)

    def kill() -> None:
        killed.state = from_json(to_json(killed.state))
        killed.engine = Engine(PLANT)
        killed.later(31.0, kill)

    killed.later(31.0, kill)
    for world in (smooth, killed):
        world.fetch_and_return(8, 11)
        world.work_off(4_000)
    assert killed.digest.hexdigest() == smooth.digest.hexdigest()
    assert to_json(killed.state) == to_json(smooth.state)


def test_no_robot_moves_before_all_have_said_where_they_are():
    world = World(PLANT, 4, Weather(lost=0.0, delay_s=(1.0, 2.0)))
    world.heap = [entry for entry in world.heap if entry[2] == world.tick]
    world.order("t1", "A01-05-1", "ST-3")
    for robot in list(world.robots.values())[:-1]:
        world.inbox.append(robot.report(world.now, PLANT))
    world.run_until(lambda: world.now - START > timedelta(seconds=60), 100)
    assert not any(robot.drive for robot in world.state.robots.values())
    world.run_until(lambda: world.now - START > timedelta(seconds=130), 100)
    assert "robot.missing/R-30" in world.state.alarms
    assert any(robot.drive for robot in world.state.robots.values()), "but nobody waits for ever"


def test_a_robot_that_is_on_the_way_already_keeps_what_it_was_released():
    plant = square(robots={"R1": "a"})
    engine, state = Engine(plant), fresh_state(plant, START)
    double = World(plant, 1).robots["R1"]
    report = double.report(START, plant)
    under_way = type(report)(
        **{f: getattr(report, f) for f in report.__slots__}
        | {"mission": "of-before", "passed_sequence": 4, "released_ahead": ("b", "c")}
    )
    order = TransportOrder(id="t1", load="x", source="p", destination="a")
    outbox = engine.step(state, [Started(), under_way, order], START)
    assert [held.point for held in state.robots["R1"].held] == ["a", "b", "c"]
    assert not outbox.to_edge, "it drives to its end first"
    done = type(report)(
        **{f: getattr(under_way, f) for f in report.__slots__}
        | {"passed_node": "c", "passed_sequence": 8, "released_ahead": ()}
    )
    (drive,) = engine.step(state, [done], START + timedelta(seconds=LOOK_EVERY_S)).to_edge
    assert isinstance(drive, Drive)
    assert (drive.mission, drive.nodes[0].node, drive.nodes[0].sequence) == ("t1", "c", 0)


def test_two_robots_at_one_point_are_an_alarm():
    plant = grid(4, 4, robots={"R1": "0,0", "R2": "1,1"})
    engine, state = Engine(plant), fresh_state(plant, START)
    robots = World(plant, 1).robots
    robots["R2"].node = "0,0"
    outbox = engine.step(state, [r.report(START, plant) for r in robots.values()], START)
    (alarm,) = outbox.to_wms
    assert isinstance(alarm, Alarm)
    assert (alarm.code, alarm.detail) == ("robot.misplaced", "0,0 is held by R1")
    robots["R2"].node = "3,3"
    (alarm,) = engine.step(state, [robots["R2"].report(START, plant)], START).to_wms
    assert isinstance(alarm, Alarm)
    assert not alarm.active


def test_a_device_that_is_down_is_an_alarm_until_it_is_up():
    engine, state = Engine(PLANT), fresh_state(PLANT, START)
    said: list[Alarm | TransportReport | object] = []
    statuses: list[Literal["UP", "DOWN", "FAULT"]] = ["UP", "DOWN", "DOWN", "FAULT", "UP"]
    for status in statuses:
        event = DeviceStatus(at=START, device="cv1", status=status)
        said += engine.step(state, [event], START).to_wms
    assert [(a.code, a.active) for a in said if isinstance(a, Alarm)] == [
        ("device.down", True),
        ("device.fault", True),
        ("device.fault", False),
    ]


def test_tags_at_a_gate_become_a_passage():
    engine, state = Engine(PLANT), fresh_state(PLANT, START)

    def gone(antenna: int, second: float) -> TagGone:
        at = START + timedelta(seconds=second)
        return TagGone(
            at=at + timedelta(seconds=1),
            device="rfid-out",
            antenna=antenna,
            epc_hex="31AA",
            first_seen_at=at - timedelta(seconds=1),
            last_seen_at=at + timedelta(seconds=1),
            strongest_at=at,
            reads=20,
            peak_rssi_dbm=-40.0,
        )

    seen = TagSeen(at=START, device="rfid-out", antenna=1, epc_hex="31AA", rssi_dbm=-50.0)
    engine.step(state, [seen, gone(1, 1.0), gone(3, 4.0)], START + timedelta(seconds=5))
    (passage,) = engine.step(state, [], START + timedelta(seconds=60)).to_wms
    assert isinstance(passage, GatePassage)
    assert (passage.gate, passage.direction, passage.epcs_hex) == ("GATE-OUT", "OUT", ("31AA",))


def test_after_a_change_of_the_site_file_what_is_gone_is_let_go():
    world = World(PLANT, 6, Weather(lost=0.0))
    gone, kept = world.order("t1", "A12-12-1", "ST-1"), world.order("t2", "A02-02-1", "ST-1")
    world.run_until(lambda: sum(r.state == "ASSIGNED" for r in world.heard) == 2, 100)
    text = TOKYO.read_text(encoding="utf-8").replace("A12-12", "B12-12")
    world.engine, world.plant = Engine(read_plant(text)), read_plant(text)
    world.inbox.append(Started())
    world.run_until(lambda: gone in world.ended(), 10)
    world.work_off(1_000)
    assert world.ended() == {gone: ["FAILED"], kept: ["FINISHED"]}


class Between(World):
    """From the first load on no step comes as late as the look at all robots that time brings."""

    @override
    def step(self) -> None:
        if any(report.state == "LOADED" for report in self.heard):
            self.state.looked_at = self.now - timedelta(seconds=GAP_S * len(self.robots))
        super().step()


def test_a_robot_that_has_set_something_down_gets_its_next_order_in_the_same_step():
    world = Between(square(robots={"R1": "a"}), 1, Weather(lost=0, stall=0))
    first, second = world.order("x", "p", "a"), world.order("y", "p", "b")
    world.run_until(lambda: first in world.ended(), 1_000)
    assert world.state.robots["R1"].transport == second
    assert world.heard[-1].state == "ASSIGNED", "and that was said"


def test_an_order_is_looked_at_when_it_comes_but_a_fleet_not_all_the_time():
    world = World(PLANT, 1, Weather(lost=0, stall=0))
    world.run_until(lambda: all(robot.held for robot in world.state.robots.values()), 60)
    engine, state, gap_s = world.engine, world.state, GAP_S * len(world.robots)
    orders = [
        TransportOrder(id=f"t{n}", load=f"l{n}", source=f"A0{n}-05-1", destination="ST-3")
        for n in range(1, 4)
    ]

    def robot_of(order: TransportOrder, after_s: float) -> str | None:
        inbox = [order] if order.id not in state.transports else []
        engine.step(state, inbox, state.now + timedelta(seconds=after_s))
        return state.transports[order.id].robot

    assert robot_of(orders[0], LOOK_EVERY_S) is not None
    assert robot_of(orders[1], gap_s) is not None, "at once"
    assert robot_of(orders[2], gap_s / 2) is None, "that was just now"
    assert robot_of(orders[2], LOOK_EVERY_S - gap_s) is None
    assert robot_of(orders[2], LOOK_EVERY_S) is not None
