"""Lights on real brokers: shown once and for all, pressed once."""

from datetime import timedelta
from typing import Any
from uuid import uuid1

import pytest

from edge.drivers import DeviceUnavailable, lights
from edge.drivers.around import Around
from edge.messages import DeviceStatus, LightPressed, ShowLight, TellAgain
from edge.mqtt import PahoBus
from edge.ports import free_port
from simulators.live_lights import LightShelf
from tests.edge.live_cell import CLOCK, Wcs, running, until


def a_driver(url: str, name: str, **row: Any) -> Any:
    device = {"name": name, "driver": "lights", "writes": ["set"], **row}
    return lights.make(device, Around(clock=CLOCK, site={"site": {"code": "T"}}, mqtt_url=url))


def show(name: str, light: str = "A1", **more: Any) -> ShowLight:
    return ShowLight(device=name, light=light, colour="GREEN", **more)


async def test_a_light_shows_what_is_wanted_and_a_press_is_said_once(broker_url: str):
    name = f"wall-{uuid1().hex[:8]}"
    driver, wcs, command = a_driver(broker_url, name), Wcs(), uuid1()
    async with PahoBus(broker_url, client_id=f"shelf-{name}") as bus, running(driver, wcs):
        await until(lambda: wcs.of(DeviceStatus))
        await driver.tell(show(name, text="3", command=command))
        late = CLOCK.now() - timedelta(seconds=1)
        await driver.tell(show(name, "A2", expires_at=late))
        await driver.tell(show(name, "A/2"))
        shelf = LightShelf(bus, f"soko/lights/{name}")  # it is plugged in only now
        shelf.wake("A1")
        await until(lambda: shelf.shown)
        assert shelf.shown["A1"]["text"] == "3"
        assert [*shelf.shown] == ["A1"], "too late, or no light's name"

        shelf.press("A1", 2, times=2)
        shelf.press("A1")
        bus.publish(f"soko/lights/{name}/A1/pressed", b'{"press": "often"}')
        shelf.press("A2")
        await until(lambda: len(wcs.of(LightPressed)) == 3)
        pressed = [(one.light, one.units, one.command) for one in wcs.of(LightPressed)]
        assert pressed == [("A1", 2, command), ("A1", None, command), ("A2", None, None)]
        assert driver.health()["malformed_total"] == 1

        shelf.wake("A1")
        shelf.sleep("A2")
        await until(lambda: wcs.of(DeviceStatus)[-1].detail == "lights away: A2")
        shelf.wake("A2")
        await until(lambda: wcs.of(DeviceStatus)[-1].status == "UP")
        await driver.tell(TellAgain())


async def test_without_a_list_or_a_broker_nothing_is_shown(nats_url: str):
    name = f"wall-{uuid1().hex[:8]}"
    driver, wcs = a_driver(nats_url, name, writes=[]), Wcs()
    async with running(driver, wcs):
        await until(lambda: wcs.of(DeviceStatus))
        await driver.tell(show(name))
        health = driver.health()
        assert (health["shown_total"], health["writes_refused_total"]) == (0, 1)

    away = a_driver(f"mqtt://127.0.0.1:{free_port()}", name)
    with pytest.raises(DeviceUnavailable, match="no broker"):
        await away.tell(show(name))
    with pytest.raises(ValueError, match="is no topic"):
        a_driver(nats_url, name, prefix="a/#")
