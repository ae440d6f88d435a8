"""Doors, lifts and safety circuits on real brokers."""

from datetime import timedelta
from typing import Any
from uuid import uuid1

import pytest

from edge.drivers import DeviceUnavailable, portals
from edge.drivers.around import Around
from edge.machine_messages import PortalReport, PortalWanted, SafetyReport
from edge.messages import DeviceStatus, TellAgain
from edge.mqtt import PahoBus
from edge.ports import free_port
from edge.site import DRIVERS
from simulators.live_portals import LivePortals
from simulators.portals import CircuitModel, PortalModel
from tests.edge.live_cell import CLOCK, Wcs, running, until


def a_driver(url: str, prefix: str, **row: Any) -> Any:
    device = {"name": "plc", "driver": "portals", "writes": ["set"], "prefix": prefix} | row
    assert DRIVERS["portals"] == portals.__name__
    return portals.make(device, Around(clock=CLOCK, site={"site": {"code": "T"}}, mqtt_url=url))


def want(session: str = "R1-1", lease_s: float = 30.0) -> PortalWanted:
    until_at = CLOCK.now() + timedelta(seconds=lease_s) if session else None
    return PortalWanted(
        device="plc", portal="door", session=session, position="OPEN", until_at=until_at
    )


async def test_a_door_is_held_for_a_session_and_a_stop_is_said(broker_url: str):
    prefix = f"hall/{uuid1().hex[:8]}"
    door, circuit = PortalModel("door", move_s=0.05), CircuitModel("hall")
    driver, wcs = a_driver(broker_url, prefix), Wcs()
    async with PahoBus(broker_url, client_id=prefix.replace("/", "-")) as bus:
        building = LivePortals(bus, prefix, CLOCK, [door], [circuit])
        await bus.until_settled()

        def says(status: str) -> bool:
            building.step()
            said = wcs.of(PortalReport)
            return bool(said) and said[-1].status == status

        def is_there() -> bool:
            building.come()  # again: what is retained while somebody asks for it may be missed
            return bool(wcs.of(DeviceStatus) and wcs.of(SafetyReport))

        async with running(driver, wcs):
            await until(is_there)
            await driver.tell(want())
            await until(lambda: says("GRANTED"))
            granted = wcs.of(PortalReport)[-1]
            assert (granted.session, granted.position) == ("R1-1", "OPEN")
            assert granted.until_at is not None
            left_s = (granted.until_at - CLOCK.now()).total_seconds()
            assert 0 < left_s <= 31
            await driver.tell(want("R2-9"))  # somebody else: it is taken
            await driver.tell(want(""))
            await until(lambda: says("FREE"))
            await driver.tell(want("R2-9", lease_s=0.2))
            await until(lambda: says("GRANTED"))
            await until(lambda: says("FREE"))
            assert door.at == "CLOSED", "nobody said it again"
            circuit.press()
            building.step()
            await until(lambda: wcs.of(SafetyReport)[-1].stopped)
            bus.publish(f"{prefix}/portals/door/state", b'{"status": "AJAR"}')
            count = len(wcs.of(SafetyReport))
            await driver.tell(TellAgain())
            await until(lambda: len(wcs.of(SafetyReport)) > count)
            await until(lambda: driver.health()["malformed_total"] == 1)


async def test_without_a_list_or_a_broker_nothing_is_asked(nats_url: str):
    prefix = f"hall/{uuid1().hex[:8]}"
    driver = a_driver(nats_url, prefix, writes=[])
    await driver.tell(want())
    assert driver.health()["writes_refused_total"] == 1
    with pytest.raises(DeviceUnavailable, match="no broker"):
        await a_driver(f"mqtt://127.0.0.1:{free_port()}", prefix).tell(want())
    with pytest.raises(ValueError, match="is no topic"):
        a_driver(nats_url, "a/#")
