"""Commands to devices: told once, in time, or answered with why not."""

from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from edge.clock import SystemClock
from edge.messages import CancelDrive, Divert, ReleaseCarton, ShowLight
from edge.mqtt import live_topic
from tests.edge.test_agent import FakeDriver, House, running
from tests.edge.waiting import soon


def refusals(house: House) -> list[tuple[str, str, str]]:
    return [
        (e["device"], e["about"], e["reason"])
        for e in house.wcs.events
        if e["type"] == "command.refused"
    ]


async def test_commands_reach_the_driver_of_their_device_or_are_answered(
    nats_url: str, tmp_path: Path
):
    now = SystemClock().now()
    late, in_time = now - timedelta(seconds=1), now + timedelta(minutes=5)
    sorter, fleet, dead = FakeDriver("sorter1"), FakeDriver("fleet"), FakeDriver("cv9")
    dead.unavailable = True
    show = ShowLight(
        device="sorter1", light="L1", colour="GREEN", command=UUID(int=7), expires_at=in_time
    )
    async with running(nats_url, tmp_path, sorter, fleet, dead) as house:
        good = Divert(device="sorter1", tracking=1, lane="L1", expires_at=in_time)
        with capture_logs() as logs:
            house.wcs.command(Divert(device="sorter1", tracking=1, lane="L1", expires_at=late))
            house.wcs.command(
                ReleaseCarton(device="sorter1", point="P", tracking=2, expires_at=late)
            )
            house.wcs.command(Divert(device="nobody", tracking=1, lane="L1", expires_at=in_time))
            house.wcs.command(Divert(device="cv9", tracking=4, lane="L1", expires_at=in_time))
            house.wcs.command(CancelDrive(robot="R-01", mission="M", command=UUID(int=1)))
            topic = live_topic(house.agent.site.code, "wcs")
            house.wcs.bus.publish(topic, b"{nonsense", qos=0)
            house.wcs.command(show)
            house.wcs.command(show)
            house.wcs.command(good)
            await soon(lambda: sorter.told == [show, good])
            await soon(lambda: len(refusals(house)) == 5)
            await house.agent.until_delivered()
    events = [entry["event"] for entry in logs if entry["event"].startswith("command.")]
    assert events.count("command.unknown_device") == 1
    assert events.count("command.malformed") == 1
    assert sorted(refusals(house)) == [
        ("cv9", "carton.divert", "untold"),
        ("fleet", "robot.cancel", "failed"),
        ("sorter1", "carton.divert", "expired"),
        ("sorter1", "carton.release", "expired"),
        ("sorter1", "light.show", "repeated"),
    ]
    assert fleet.told == []


async def test_what_waits_too_long_behind_a_slow_device_is_dropped_and_answered(
    nats_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("edge.upkeep.COMMANDS_MAX", 2)
    async with running(nats_url, tmp_path, FakeDriver("cv1")) as house:
        end = SystemClock().now() + timedelta(minutes=5)
        for tracking in (1, 2, 3):
            command = Divert(device="cv1", tracking=tracking, lane="L", expires_at=end)
            house.agent.devices["cv1"].enqueue(command)
        await soon(lambda: refusals(house) == [("cv1", "carton.divert", "dropped")])
        told = house.drivers["cv1"].told
        assert [c.tracking for c in told if isinstance(c, Divert)] == [2, 3]
