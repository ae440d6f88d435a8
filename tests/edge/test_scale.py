"""The scale's driver against a scale over TCP: weights at rest, once; and a scale that is away."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from edge.drivers import DeviceUnavailable, scale
from edge.drivers.around import Around
from edge.messages import DeviceStatus, TellAgain, WeightRead, device_event
from edge.site import DRIVERS
from simulators.scale import ScaleServer
from tests.edge.live_cell import CLOCK, Wcs, running, until
from wcs.engine import Engine
from wcs.messages import from_wcs
from wcs.plant import read_plant
from wcs.state import fresh_state


def a_driver(port: int, **more: Any) -> Any:
    row = {"name": "scale-1", "driver": "scale", "host": "127.0.0.1", "port": port} | more
    assert DRIVERS["scale"] == scale.__name__
    return scale.make(row, Around(clock=CLOCK))


def weights(wcs: Wcs, *, stable: bool = True) -> list[int]:
    return [one.grams for one in wcs.of(WeightRead) if one.stable == stable]


async def test_each_weight_at_rest_is_said_once_and_movement_too():
    async with ScaleServer() as server:
        driver = a_driver(server.port)
        wcs = Wcs(driver, answers=False)
        async with running(driver, wcs):
            await until(lambda: weights(wcs) == [0])
            server.put(912)
            await until(lambda: weights(wcs) == [0, 912])
            server.put(0)
            await until(lambda: weights(wcs) == [0, 912, 0])
            await driver.tell(TellAgain())
            await until(lambda: weights(wcs) == [0, 912, 0, 0])
    assert len(weights(wcs, stable=False)) == 2
    assert [(one.device, one.status) for one in wcs.of(DeviceStatus)] == [("scale-1", "UP")]


async def test_a_scale_that_is_away_or_silent_or_speaks_something_else_is_unavailable():
    async with ScaleServer() as server:
        server.silent = True
        with pytest.raises(DeviceUnavailable, match="silent"):
            await a_driver(server.port, silence_s=0.05).run(Wcs(answers=False).say)
    with pytest.raises(DeviceUnavailable, match="no connection"):
        await a_driver(server.port).run(Wcs(answers=False).say)

    async def chatter(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello\r\n")
        with suppress(ConnectionError):
            await writer.drain()
        writer.close()

    other = await asyncio.start_server(chatter, "127.0.0.1", 0)
    async with other:
        port = other.sockets[0].getsockname()[1]
        with pytest.raises(DeviceUnavailable, match="not a weight"):
            await a_driver(port).run(Wcs(answers=False).say)


async def test_the_simulated_scale_answers_as_the_manual_says():
    async with ScaleServer(number="B123") as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)

        async def ask(command: str) -> str:
            writer.write(f"{command}\r\n".encode())
            return (await reader.readline()).decode().strip()

        server.put(1_500)
        assert (await ask("SI")).startswith("S D")
        assert (await ask("S")).split() == ["S", "S", "1.500", "kg"]
        assert await ask("Z") == "Z A"
        assert (await ask("S")).split() == ["S", "S", "0.000", "kg"]
        assert await ask("I4") == 'I4 A "B123"'
        assert await ask("XYZ") == "ES"
        writer.close()


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("S S     100.00 g", (100, True)),
        ("S D      0.455 kg", (455, False)),
        ("S S     -0.012 kg", (-12, True)),
        ("S S          1 lb", (454, True)),
        ("S S       2.50 oz", (71, True)),
        ("S I", None),
        ("S +", None),
        ("S -", None),
    ],
)
def test_what_a_scale_says_is_read(line: str, wanted: tuple[int, bool] | None):
    assert scale.read_weight(line) == wanted


@pytest.mark.parametrize("line", ["", "S S 1.0", "S S 1.0 stone", "S X 1 g", "S S 1e9 g"])
def test_what_no_scale_says_is_refused(line: str):
    with pytest.raises(ValueError, match=r"weight|unit"):
        scale.read_weight(line)


def test_a_weight_goes_through_the_wcs_untouched():
    plant = read_plant(Path("simulators/sites/tokyo.toml").read_text("utf-8"))
    engine, state = Engine(plant), fresh_state(plant, CLOCK.now())
    said = WeightRead(at=CLOCK.now(), device="scale-1", grams=912, stable=True)
    heard = device_event.validate_json(device_event.dump_json(said))
    outbox = engine.step(state, [heard], CLOCK.now())
    assert outbox.to_wms == [said]
    assert from_wcs.validate_python(from_wcs.dump_python(said, mode="json")) == said
