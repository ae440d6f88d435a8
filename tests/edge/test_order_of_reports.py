"""The order of what is said of robots and to them: no clock, delay or restart can upset it."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid1

import pytest

from edge.agent import Agent
from edge.clock import CountedClock
from edge.drivers import Say
from edge.drivers.vda5050 import RobotSession
from edge.messages import DeviceCommand, Drive, RobotReport, device_command, robot_report
from edge.mqtt import Message, PahoBus, live_topic
from edge.runs import next_run
from edge.site import EdgeSite
from edge.spool import Spool
from edge.uplink import Uplink
from tests.edge.test_stamp import HandClock
from tests.edge.test_uplink import TRUE, report
from tests.edge.vda5050_pair import (
    NAME,
    PATIENCE_S,
    PICK,
    START,
    Pair,
    drive,
    foreign,
    fresh_body,
    path,
)
from tests.edge.waiting import soon


# ------------------------------------------------------------------------------- runs, numbers
def test_a_run_has_a_greater_number_than_any_before_whatever_the_clock_says(tmp_path: Path):
    file = tmp_path / "run"
    first = next_run(file, 2_000_000.0)
    assert next_run(file, 1_000_000.0) > first, "the clock was set back"
    file.unlink()
    assert next_run(file, 3_000_000.0) > first + 1, "its disk was replaced"


def test_which_of_two_reports_is_later_is_told_by_run_and_number():
    one = replace(report(TRUE, 0.5), run=7, number=3)
    early = TRUE - timedelta(days=1)
    assert replace(one, number=4, at=early).follows(one)
    assert replace(one, run=8, number=1, at=early).follows(one)
    assert not replace(one, number=2, at=TRUE + timedelta(days=1)).follows(one)
    assert not replace(one, run=0, at=early).follows(one), "without numbers the time counts"


class Told:
    """A driver that only listens."""

    name = "fleet"

    def __init__(self) -> None:
        self.told: list[DeviceCommand] = []

    async def run(self, say: Say) -> None:
        say(report(TRUE, 0.5))
        say(report(TRUE, 0.4))
        await asyncio.Event().wait()

    async def tell(self, command: DeviceCommand) -> None:
        self.told.append(command)


async def test_reports_are_numbered_and_a_drive_for_an_earlier_run_is_not_heard(
    nats_url: str, tmp_path: Path
):
    site, driver, heard = f"U-{uuid1()}", Told(), list[RobotReport]()
    clock = CountedClock(HandClock(wall=TRUE), boot="b")

    def on_live(message: Message) -> None:
        heard.append(robot_report.validate_json(message.body))

    async with (
        PahoBus(nats_url, client_id=f"edge-{site}") as bus,
        PahoBus(nats_url, client_id=f"wcs-{site}") as core,
    ):
        core.subscribe(live_topic(site, "edge"), qos=0, handler=on_live)
        await core.until_settled()
        with Spool(tmp_path / "s.db") as spool:
            uplink = Uplink(bus, spool, site=site, clock=clock, run=9)
            row = EdgeSite(code=site, devices={}, robot_device={"R-01": "fleet"}, tables={})
            task = asyncio.create_task(Agent(row, {"fleet": driver}, uplink).run())
            await soon(lambda: len(heard) >= 2)
            wanted = [
                Drive(robot="R-01", mission=f"m-{run}", update=0, nodes=(), run=run)
                for run in (8, 0, 9)
            ]
            for command in wanted:
                core.publish(live_topic(site, "wcs"), device_command.dump_json(command), qos=0)
            await soon(lambda: len(driver.told) >= 2)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
    assert {(r.run, r.number) for r in heard} == {(9, 1), (9, 2)}
    assert driver.told == wanted[1:]


# ------------------------------------------------------------------------------- one session
def said(session: RobotSession, header: int, minute: int, node: str, order: str = "m-1") -> None:
    body = foreign(
        headerId=header,
        timestamp=f"2026-03-02T08:{minute:02}:00.000Z",
        orderId=order,
        lastNodeId=node,
        lastNodeSequenceId=2 * int(node[1:]),
    )
    session.hear("state", body, START + timedelta(seconds=header))


def at(session: RobotSession) -> str:
    known = session.report(START, PATIENCE_S)
    assert known is not None
    return known.passed_node


def test_a_state_that_comes_late_undoes_nothing():
    session = RobotSession(NAME)
    for header, node in ((10, "P1"), (12, "P3"), (11, "P2")):
        said(session, header, header, node)
    assert at(session) == "P3"


def test_a_robot_that_counts_from_0_again_is_heard():
    session = RobotSession(NAME)
    said(session, 10, 10, "P3")
    said(session, 0, 20, "P2", order="")
    assert at(session) == "P2"


def test_a_drive_of_an_older_mission_that_comes_late_is_not_heard():
    pair, nodes = Pair(), path(4)
    pair.session.drive(replace(drive("m-2", 0, nodes, (0, 3)), number=2))
    pair.session.drive(replace(drive("m-1", 0, nodes, (0, 1)), number=1))
    pair.run(lambda: pair.arrived("m-2", 6))
    assert {m["orderId"] for m in pair.sent} == {"m-2"}


def test_a_mission_that_is_gone_or_was_refused_is_told_as_lost():
    pair, nodes = Pair(), path(4)
    pair.session.drive(drive("m-1", 0, nodes, (0, 3)))
    pair.run(lambda: pair.known.passed_sequence == 2)
    assert pair.known.lost == ""
    pair.robot.body = fresh_body()
    pair.robot.body.at = pair.now.timestamp()
    pair.run(lambda: pair.known.lost == "m-1")
    pair.session.drive(drive("m-2", 0, nodes, (2, 3)))
    pair.run(lambda: pair.known.lost == "m-2", limit_s=30)
    assert [e for e in pair.known.errors if "out of range" in e], "it is not there"


@pytest.mark.parametrize("is_earlier_life", [True, False])
def test_who_waits_for_more_of_what_was_begun_anew_is_told_to_stop(is_earlier_life: bool):  # noqa: FBT001 - a case
    pair, nodes = Pair(), path(4)
    pair.session.drive(drive("t1" if is_earlier_life else "t2", 0, nodes, (0, 1)))
    pair.run(lambda: pair.known.passed_sequence == 2)
    pair.session.drive(replace(drive("t1~5", 0, nodes[1:], (0, 1)), number=5))
    pair.wait(30)
    stops = [m for m in pair.sent if "cancelOrder" in str(m)]
    assert bool(stops) == is_earlier_life


def test_who_still_works_there_is_not_told_to_stop():
    pair, nodes = Pair(), path(4, {1: (PICK,)})
    pair.session.drive(drive("t1", 0, nodes, (0, 1)))
    pair.run(lambda: any(a.status == "RUNNING" for a in pair.known.actions))
    pair.session.drive(replace(drive("t1~5", 0, nodes[1:], (0, 1)), number=5))
    pair.run(lambda: PICK.action_id in pair.done)
    assert not [m for m in pair.sent if "cancelOrder" in str(m)]
