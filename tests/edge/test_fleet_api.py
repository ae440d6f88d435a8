"""Fleets that take missions, over real HTTP and real brokers: none is lost, none done twice."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid1

import pytest

from edge.drivers import DeviceUnavailable, fleet_api
from edge.drivers.around import Around
from edge.drivers.fleet_missions import Missions, Said
from edge.machine_messages import FleetMission, FleetReport
from edge.messages import DeviceStatus, TellAgain
from edge.mqtt import PahoBus
from edge.ports import free_port
from edge.site import DRIVERS, SiteFaults, read_site
from simulators.live_raas import RaasOnBus, RaasServer
from simulators.raas import Provider
from tests.edge.live_cell import CLOCK, Wcs, running, until

NOW = datetime(2026, 4, 1, 8, 0, tzinfo=UTC)


def a_driver(**row: Any) -> Any:
    device = {"name": "raas", "driver": "fleet_api", "writes": ["missions"], "poll_s": 0.05} | row
    assert DRIVERS["fleet_api"] == fleet_api.__name__
    return fleet_api.make(
        device, Around(clock=CLOCK, site={"site": {"code": "T"}}, mqtt_url=row.get("url", ""))
    )


def over_http(port: int, **row: Any) -> Any:
    return a_driver(port=port, tls=False, **row)


def mission(id_: str, **more: Any) -> FleetMission:
    wanted = {"load": f"load-{id_}", "source": "dock 1", "destination": "hall 2"} | more
    return FleetMission(device="raas", mission=id_, **wanted)


def states(wcs: Wcs, id_: str) -> list[str]:
    return [one.state for one in wcs.of(FleetReport) if one.mission == id_]


def quick(**more: Any) -> Provider:
    return Provider(fetch_s=0.1, carry_s=0.1, **more)


async def test_a_mission_over_http_is_done_once_and_priced_though_answers_are_lost(tmp_path: Path):
    secret = tmp_path / "token"
    secret.write_text("let-me-in\n")
    with RaasServer(quick(), CLOCK, token=secret.read_text().strip()) as server:
        with pytest.raises(DeviceUnavailable, match="401"):
            await over_http(server.port).run(Wcs().say)
        driver, wcs = over_http(server.port, token_file=str(secret)), Wcs()
        async with running(driver, wcs):
            await until(lambda: wcs.of(DeviceStatus))
            server.loses = 2
            await driver.tell(mission("t1"))
            await until(lambda: states(wcs, "t1")[-1:] == ["FINISHED"])
            last = wcs.of(FleetReport)[-1]
            assert last.price_minor == 100 + int(0.5 * last.metres + 0.5)
            assert server.provider.carried == ["load-t1"]
            assert states(wcs, "t1") == sorted(
                set(states(wcs, "t1")), key=["ACCEPTED", "LOADED", "FINISHED"].index
            )
            before = len(wcs.of(FleetReport))
            await driver.tell(mission("t1", tells=2))
            assert len(wcs.of(FleetReport)) == before + 1, "who asks again hears it again"
            await driver.tell(TellAgain())
            assert [one.status for one in wcs.of(DeviceStatus)][-2:] == ["UP", "UP"]


async def test_an_outage_loses_and_doubles_nothing():
    with RaasServer(quick(), CLOCK) as server:
        driver, wcs = over_http(server.port, hold_s=0.0), Wcs()
        async with running(driver, wcs):
            await until(lambda: wcs.of(DeviceStatus))
            server.loses = 1
            await driver.tell(mission("t1"))
            await until(lambda: not server.loses)
            server.stop()
            await until(lambda: not driver._up)
            await driver.tell(mission("t2"))
            await until(lambda: states(wcs, "t2") == ["REFUSED"])
            assert states(wcs, "t1")[-1:] != ["REFUSED"], "it may have arrived, and it has"
            server.start()
            await until(lambda: states(wcs, "t1")[-1:] == ["FINISHED"])
            assert server.provider.carried == ["load-t1"]
            assert "t2" not in server.provider.missions


async def test_cancelled_refused_and_unknown_missions_say_so():
    slow = Provider(fetch_s=100.0, places=("dock*", "hall*"))
    with RaasServer(slow, CLOCK) as server:
        driver, wcs = over_http(server.port), Wcs()
        async with running(driver, wcs):
            await driver.tell(mission("t1"))
            await driver.tell(mission("t2", source="moon"))
            await until(lambda: states(wcs, "t1") == ["ACCEPTED"])
            await until(lambda: states(wcs, "t2") == ["REFUSED"])
            await driver.tell(mission("t1", wanted=False))
            await driver.tell(mission("t3", wanted=False))
            await until(lambda: states(wcs, "t1")[-1] == "CANCELLED")
            await until(lambda: states(wcs, "t3") == ["REFUSED"])
            health = driver.health()
            assert (health["missions_cancelled"], health["missions_refused"]) == (1, 2)


async def test_without_a_list_no_mission_is_given():
    with RaasServer(quick(), CLOCK) as server:
        driver, wcs = over_http(server.port, writes=[]), Wcs()
        async with running(driver, wcs):
            await until(lambda: wcs.of(DeviceStatus))
            await driver.tell(mission("t1"))
            assert driver.health()["writes_refused_total"] == 1
        assert not server.provider.missions
    with pytest.raises(DeviceUnavailable):
        await over_http(free_port()).run(Wcs().say)


async def test_a_mission_over_a_broker_is_done_once(broker_url: str):
    prefix, provider = f"raas/{uuid1().hex[:8]}", quick()
    driver, wcs = a_driver(over="mqtt", url=broker_url, prefix=prefix), Wcs()
    async with PahoBus(broker_url, client_id=prefix.replace("/", "-")) as bus:
        raas = RaasOnBus(provider, bus, prefix, CLOCK)
        await bus.until_settled()
        async with running(driver, wcs):
            await driver.tell(mission("t1"))
            raas.come()
            await until(lambda: wcs.of(DeviceStatus))

            def is_over() -> bool:
                raas.step()
                return states(wcs, "t1")[-1:] == ["FINISHED"]

            await until(is_over)
            bus.publish(f"{prefix}/missions/t1/state", b'{"id": 7}')
            await driver.tell(mission("t4", wanted=False))
            await until(lambda: states(wcs, "t4") == ["REFUSED"])
            assert driver.health()["malformed_total"] == 1
            raas.go()
            await until(lambda: not driver._up)
    assert provider.carried == ["load-t1"]


def test_what_may_have_left_is_never_refused_by_us():
    missions = Missions("raas", hold_s=60.0)
    late = NOW + timedelta(seconds=61)
    missions.want(mission("new"), NOW)
    missions.want(mission("old", tells=2), NOW)
    assert not [*missions.unreached(NOW)]
    assert [one.mission for one in missions.unreached(late)] == ["new"]
    assert not [*missions.unreached(late)], "once"
    missions.want(mission("sent"), NOW)
    missions.left("sent")
    assert not [*missions.unreached(late)]
    assert missions.hear(Said(id="sent", state="FINISHED"), NOW) is not None
    assert missions.hear(Said(id="sent", state="FAILED"), NOW) is None, "over is over"
    assert missions.hear(Said(id="nobody's", state="ACCEPTED"), NOW) is None
    assert [ask.id for ask in missions.due()] == ["old"]


def test_a_wrong_row_is_told():
    with pytest.raises(ValueError, match="http or mqtt"):
        a_driver(over="post")
    with pytest.raises(ValueError, match="no topic"):
        a_driver(over="mqtt", prefix="a/#")
    with pytest.raises(ValueError, match="no such file"):
        a_driver(token_file="/nowhere")  # noqa: S106
    text = '[site]\ncode = "T"\n[[devices]]\nname = "cv1"\ndriver = "modbus"\nport = 1\n'
    with pytest.raises(SiteFaults, match="not fleet_api"):
        read_site(text + '[[fleets]]\nname = "r"\ndevice = "cv1"\n')
