"""Our driver on real brokers: with our robots, and with a foreign one."""

import asyncio
import json
import tomllib
from pathlib import Path

import pytest

from edge.drivers import DeviceUnavailable
from edge.drivers.around import Around
from edge.drivers.vda5050_fleet import Vda5050Fleet, make
from edge.drivers.vda5050_profile import robots_of
from edge.messages import CancelDrive, DriveAction, DriveNode, PauseRobot, TellAgain
from edge.mqtt import Message, PahoBus
from simulators.live_robots import run_robots
from tests.edge.foreign_robot import ForeignRobot
from tests.edge.vda5050_live import (
    a_clock,
    a_site,
    driven,
    lane,
    running,
)
from tests.edge.vda5050_pair import cancel, foreign
from tests.edge.waiting import soon


def with_actions(nodes: list[DriveNode], at: dict[int, DriveAction]) -> list[DriveNode]:
    """The nodes with an action at some of them."""
    return [
        DriveNode(
            node=n.node,
            sequence=n.sequence,
            released=False,
            x_m=n.x_m,
            y_m=n.y_m,
            actions=(at[i],) if i in at else (),
        )
        for i, n in enumerate(nodes)
    ]


async def test_robots_of_three_versions_carry_totes_to_and_fro(broker_url: str, tmp_path: Path):
    site, clock = a_site(robots=3), a_clock(tmp_path)
    site["devices"][0]["types"] = {"new": {"version": "3.0.0"}}
    site["robots"][0]["version"] = "2.0.0"
    site["robots"][2]["type"] = "new"
    robots = run_robots(site, broker_url, clock=clock, state_dir=tmp_path, seed=1)
    async with driven(site, broker_url, clock, tmp_path) as wcs, running(robots):
        await wcs.until_known(3)

        async def to_and_fro(number: int) -> None:
            pick = DriveAction(action_id=f"p{number}", kind="PICK", load=f"T-{number}")
            drop = DriveAction(action_id=f"d{number}", kind="DROP", load=f"T-{number}")
            out = with_actions(lane(site, number), {2: pick, 5: drop})
            await wcs.mission(f"R-{number}", f"out-{number}", out)
            await wcs.mission(f"R-{number}", f"home-{number}", lane(site, number, back=True))

        await asyncio.gather(*(to_and_fro(number) for number in range(3)))
        for number in range(3):
            passed = wcs.passed[f"R-{number}"]
            assert len(set(passed)) == len(passed)
            assert wcs.reports[f"R-{number}"].load is None
            assert not wcs.reports[f"R-{number}"].errors
            session = wcs.fleet.sessions[f"R-{number}"]
            assert session.conformance() == 1.0
        await soon(lambda: all(s.factsheet for s in wcs.fleet.sessions.values()))
        health = wcs.fleet.health()
        assert (health["robots_connected"], health["violations_total"]) == (3, 0)
        answer_ms = health["answer_median_ms"]
        assert isinstance(answer_ms, float)
        assert 0.0 < answer_ms < 5_000.0


async def test_a_robot_is_paused_and_one_that_speaks_a_newer_version_is_followed(
    nats_url: str, tmp_path: Path
):
    site, clock = a_site(robots=1), a_clock(tmp_path)
    newer = {**site, "robots": [{**site["robots"][0], "version": "3.0.0"}]}
    robots = run_robots(newer, nats_url, clock=clock, state_dir=tmp_path)
    async with driven(site, nats_url, clock, tmp_path) as wcs, running(robots):
        await wcs.until_known(1)
        mission = asyncio.ensure_future(wcs.mission("R-0", "m-1", lane(site, 0)))
        await soon(lambda: wcs.reports["R-0"].driving)
        await wcs.fleet.tell(PauseRobot(robot="R-0", paused=True))
        await soon(lambda: wcs.reports["R-0"].paused and not wcs.reports["R-0"].driving)
        await wcs.fleet.tell(PauseRobot(robot="R-0", paused=False))
        await mission
        assert wcs.fleet.sessions["R-0"].conformance() == 1.0


async def test_a_twin_on_a_real_broker_is_quarantined_and_said_once(
    broker_url: str, tmp_path: Path
):
    site, clock = a_site(robots=1), a_clock(tmp_path)
    code = site["site"]["code"]
    other = {**site, "site": {"code": f"{code}-twin"}}
    other["robots"] = [{**site["robots"][0], "start": "L0-3", "map": code}]
    async with (
        driven(site, broker_url, clock, tmp_path) as wcs,
        running(run_robots(site, broker_url, clock=clock, state_dir=tmp_path)),
    ):
        await wcs.until_known(1)
        mission = asyncio.ensure_future(wcs.mission("R-0", "m-1", lane(site, 0)))
        async with running(run_robots(other, broker_url, clock=clock, state_dir=tmp_path / "twin")):

            def asked() -> str:
                wcs.fleet._ask_all()  # so that both have something to say
                return wcs.conduct["R-0"].quarantined

            await soon(asked)
            assert "two robots" in wcs.conduct["R-0"].quarantined
            assert not wcs.reports["R-0"].connected
            assert wcs.fleet.health()["robots_quarantined"] == 1
            wcs.events.clear()
            await wcs.fleet.tell(TellAgain())
            assert [event.type for event in wcs.events] == ["device.status", "robot.conformance"]
        mission.cancel()


def test_twins_whose_states_arrive_together_are_found_out(tmp_path: Path):
    site = a_site(robots=1)
    fleet = make(
        site["devices"][0],
        Around(
            clock=a_clock(tmp_path), site=site, mqtt_url="mqtt://127.0.0.1:9", state_dir=tmp_path
        ),
    )
    assert isinstance(fleet, Vda5050Fleet)
    place = f"uagv/v2/{site['site']['code']}/R-0/state"
    for number in range(8):
        for stream in (100, 5_000):  # both wait when the fleet looks
            fleet._on_message(Message(place, foreign(headerId=stream + number)))
        fleet._read()
    assert fleet.health()["robots_quarantined"] == 1


def test_the_example_of_the_documentation_is_understood():
    text = (Path(__file__).parents[2] / "docs" / "edge.md").read_text()
    section = text.partition("## Robots (VDA 5050)")[2].partition("\n## ")[0]
    sample = section.partition("```toml")[2].partition("```")[0]
    site = tomllib.loads('[site]\ncode = "T1"\n' + sample)
    (robot,) = robots_of(site["devices"][0], site)
    assert robot.action_type("PICK") == "lift"
    assert robot.zone_set is not None
    assert robot.zone_set["mapId"] == robot.map_id


def test_all_that_is_wrong_with_the_robots_of_a_site_file_is_said_at_once(tmp_path: Path):
    site = a_site()
    device = site["devices"][0]
    device["types"] = {
        "old": {"version": "1.1.0", "horizon_nodes": "many", "stitch_actions": 1},
        "odd": {"speaks": "loud", "instant_key": "do", "action_types": {"LIFT": "up"}},
    }
    device["zone_sets"] = [{"id": "z", "zones": [{"id": "a", "type": "PARK", "corners": []}]}]
    site["robots"][0]["type"] = "tugger"
    site["robots"][1]["retries"] = 1.5
    with pytest.raises(ValueError, match="is not spoken here") as caught:
        make(
            device,
            Around(
                clock=a_clock(tmp_path),
                site=site,
                mqtt_url="mqtt://127.0.0.1:9",
                state_dir=tmp_path,
            ),
        )
    for fault in (
        "horizon_nodes should be of type int",
        "stitch_actions should be of type bool",
        "speaks is not known here",
        "instant_key is actions or instantActions",
        "action_types has no LIFT",
        "no type 'PARK'",
        "there is no type 'tugger'",
        "retries should be of type int",
    ):
        assert fault in str(caught.value)


async def test_tell_again_says_everything_once_more(nats_url: str, tmp_path: Path):
    site, clock = a_site(), a_clock(tmp_path)
    robots = run_robots(site, nats_url, clock=clock, state_dir=tmp_path)
    async with driven(site, nats_url, clock, tmp_path) as wcs, running(robots):
        await wcs.until_known(2)
        wcs.reports.clear()
        await wcs.fleet.tell(TellAgain())
        assert set(wcs.reports) == {"R-0", "R-1"}
        said = [event.type for event in wcs.events]
        assert said == ["device.status", *["robot.conformance"] * 2] * 2


async def test_a_drive_can_be_cancelled(nats_url: str, tmp_path: Path):
    site, clock = a_site(robots=1), a_clock(tmp_path)
    robots = run_robots(site, nats_url, clock=clock, state_dir=tmp_path)
    async with driven(site, nats_url, clock, tmp_path) as wcs, running(robots):
        await wcs.until_known(1)
        mission = asyncio.ensure_future(wcs.mission("R-0", "m-1", lane(site, 0), base=5))
        await soon(lambda: wcs.reports["R-0"].mission == "m-1")
        told = cancel("m-1")
        await wcs.fleet.tell(CancelDrive(robot="R-0", mission="m-1", command=told.command))
        await soon(lambda: not wcs.reports["R-0"].driving and not wcs.reports["R-0"].released_ahead)
        mission.cancel()
        assert wcs.reports["R-0"].passed_sequence < 10


async def test_who_leaves_politely_is_not_connected(nats_url: str, tmp_path: Path):
    site, clock = a_site(robots=1), a_clock(tmp_path)
    async with driven(site, nats_url, clock, tmp_path) as wcs:
        async with running(run_robots(site, nats_url, clock=clock, state_dir=tmp_path)):
            await wcs.until_known(1)
            await soon(lambda: wcs.reports["R-0"].connected)
        await soon(lambda: not wcs.reports["R-0"].connected)


async def test_robots_that_end_and_come_back_go_on_where_they_were(nats_url: str, tmp_path: Path):
    site, clock = a_site(robots=1), a_clock(tmp_path)
    async with driven(site, nats_url, clock, tmp_path) as wcs:
        async with running(run_robots(site, nats_url, clock=clock, state_dir=tmp_path)):
            await wcs.until_known(1)
            mission = asyncio.ensure_future(wcs.mission("R-0", "m-1", lane(site, 0)))
            await soon(lambda: wcs.reports["R-0"].passed_sequence >= 2)
        async with running(run_robots(site, nats_url, clock=clock, state_dir=tmp_path)):
            await mission
        passed = wcs.passed["R-0"]
        assert len(set(passed)) == len(passed)


async def test_without_a_broker_the_fleet_is_unavailable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("edge.drivers.vda5050_fleet._BROKER_S", 0.2)
    site = a_site()
    fleet = make(
        site["devices"][0],
        Around(
            clock=a_clock(tmp_path), site=site, mqtt_url="mqtt://127.0.0.1:9", state_dir=tmp_path
        ),
    )
    with pytest.raises(DeviceUnavailable, match="no broker"):
        await fleet.run(lambda _said: None)


def test_two_robots_of_one_name_are_a_mistake_in_the_site_file(tmp_path: Path):
    site = a_site()
    site["robots"][1]["serial"] = site["robots"][0]["serial"]
    with pytest.raises(ValueError, match="share a name"):
        make(
            site["devices"][0],
            Around(
                clock=a_clock(tmp_path),
                site=site,
                mqtt_url="mqtt://127.0.0.1:9",
                state_dir=tmp_path,
            ),
        )


def test_a_robot_may_name_the_device_that_speaks_with_it(tmp_path: Path):
    site, clock = a_site(), a_clock(tmp_path)
    site["devices"].append({"name": "fleet-2", "driver": "vda5050"})
    site["robots"][1]["device"] = "fleet-2"
    for device, robot in zip(site["devices"], ("R-0", "R-1"), strict=True):
        fleet = make(
            device,
            Around(clock=clock, site=site, mqtt_url="mqtt://127.0.0.1:9", state_dir=tmp_path),
        )
        assert isinstance(fleet, Vda5050Fleet)
        assert list(fleet.sessions) == [robot]


async def test_a_foreign_robot_completes_missions_under_our_driver(broker_url: str, tmp_path: Path):
    site, clock = a_site(robots=1), a_clock(tmp_path)
    robot = ForeignRobot(broker_url, site["robots"][0], site)
    pick = DriveAction(action_id="p", kind="PICK", load="T-1")
    drop = DriveAction(action_id="d", kind="DROP", load="T-1")
    async with driven(site, broker_url, clock, tmp_path) as wcs, running(robot.run()):
        await wcs.until_known(1)
        await wcs.mission("R-0", "m-1", with_actions(lane(site, 0), {1: pick, 4: drop}))
        await wcs.mission("R-0", "m-2", lane(site, 0, back=True), base=5)
        assert robot.loads == ["pick T-1", "drop T-1"]
        passed = wcs.passed["R-0"]
        assert len(set(passed)) == len(passed)
        assert passed[-1] == ("m-2", 10)
        assert not wcs.reports["R-0"].errors


async def test_noise_on_the_topics_of_a_robot_does_not_stop_the_others(
    nats_url: str, tmp_path: Path
):
    site, clock = a_site(), a_clock(tmp_path)
    robots = run_robots(site, nats_url, clock=clock, state_dir=tmp_path)
    async with (
        driven(site, nats_url, clock, tmp_path) as wcs,
        running(robots),
        PahoBus(nats_url, client_id=f"noise-{site['site']['code']}") as noise,
    ):
        await wcs.until_known(2)
        await noise.until_connected()
        for body in (b"{", b"[]", json.dumps({"headerId": None}).encode()):
            for kind in ("order", "instantActions", "factsheet"):
                noise.publish(f"uagv/v2/{site['site']['code']}/R-1/{kind}", body)
        await wcs.mission("R-0", "m-1", lane(site, 0))
        await soon(lambda: any("validationError" in e for e in wcs.reports["R-1"].errors))
