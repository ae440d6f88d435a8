"""The conveyor's driver against a real Modbus server: every carton is released once."""

import asyncio
import os
import shutil
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from edge.drivers import DeviceUnavailable, modbus
from edge.messages import CartonArrived, DeviceStatus, ReleaseCarton, TellAgain
from simulators.conveyor import ConveyorLine, LineState
from simulators.live_line import LineServer
from tests.edge.live_cell import CLOCK, Wcs, a_driver, a_site, running, until


def release(tracking: int, seconds: float = 9) -> ReleaseCarton:
    expires_at = CLOCK.now() + timedelta(seconds=seconds)
    return ReleaseCarton(device="cv1", point="INDUCT", tracking=tracking, expires_at=expires_at)


class Plc:
    """The conveyor's model behind its real server, without the sorter: what leaves, stays."""

    def __init__(self, *codes: str) -> None:
        self.line = ConveyorLine(1, LineState())
        self.server = LineServer(("127.0.0.1", 0), lambda: self.line.state, self._command)
        self.port = 0
        self.put(*codes)

    def put(self, *codes: str) -> None:
        for code in codes:
            self.line.put(code)
        self.line.step()

    @property
    def released(self) -> list[str]:
        return [carton.code for carton in self.line.state.belt]

    @asynccontextmanager
    async def switched_on(self) -> AsyncIterator[dict[str, Any]]:
        """Serve, always on the same port; gives the site file that says where."""
        self.server = LineServer(("127.0.0.1", self.port), lambda: self.line.state, self._command)
        await self.server.start()
        self.port = self.server.port
        try:
            yield a_site(modbus_port=self.port)
        finally:
            await self.server.stop()

    def _command(self, task: int, tracking: int) -> None:
        self.line.command(task, tracking, CLOCK.now())
        self.line.step()


async def test_cartons_are_released_one_after_the_other():
    codes = [str(n) for n in range(10)]
    plc = Plc()
    async with plc.switched_on() as site:
        driver = a_driver(site, "cv1")
        wcs = Wcs(driver)
        async with running(driver, wcs):
            plc.put(*codes)
            await until(lambda: len(plc.released) == 10)
            await until(lambda: plc.server._task == 0)  # cleared, both

    assert plc.released == codes
    arrived = [(one.device, one.point, one.tracking) for one in wcs.of(CartonArrived)]
    assert arrived == [("cv1", "INDUCT", n) for n in range(1, 11)]
    assert [one.status for one in wcs.of(DeviceStatus)] == ["UP"]
    assert plc.line.state.last_task == 10


async def test_a_command_is_safe_to_repeat():
    plc = Plc("A", "B")
    async with plc.switched_on() as site:
        driver = a_driver(site, "cv1")
        wcs = Wcs(driver, answers=False)
        async with running(driver, wcs):
            await until(lambda: wcs.of(CartonArrived))
            await driver.tell(release(1, seconds=-1))
            assert plc.released == []

            await driver.tell(release(1))
            await driver.tell(release(1))
            assert plc.released == ["A"]

            await until(lambda: wcs.of(CartonArrived)[-1].tracking == 2)
            told = len(wcs.of(CartonArrived))
            await driver.tell(TellAgain())
            await until(lambda: len(wcs.of(CartonArrived)) > told)


async def test_a_carton_that_goes_on_standing_is_said_again(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(modbus, "_REPEAT_S", 0.1)
    async with Plc("A").switched_on() as site:
        driver = a_driver(site, "cv1")
        wcs = Wcs(driver, answers=False)
        async with running(driver, wcs):
            await until(lambda: len(wcs.of(CartonArrived)) == 3)

    assert {one.tracking for one in wcs.of(CartonArrived)} == {1}


async def test_a_fault_is_reported_and_holds_the_carton():
    plc = Plc("A")
    async with plc.switched_on() as site:
        driver = a_driver(site, "cv1")
        wcs = Wcs(driver, answers=False)
        async with running(driver, wcs):
            plc.line.state.fault = True
            await until(lambda: [one.status for one in wcs.of(DeviceStatus)][-1:] == ["FAULT"])
            await driver.tell(release(1))
            assert plc.released == []

            plc.line.state.fault = False
            await until(lambda: [one.status for one in wcs.of(DeviceStatus)][-1:] == ["UP"])
            await driver.tell(release(1))
            assert plc.released == ["A"]


async def test_restarts_of_plc_and_driver_release_every_carton_once():
    codes = [str(n) for n in range(30)]
    plc = Plc(*codes)
    for wanted in range(3, 31, 3):  # both end every few cartons, wherever the handshake is
        async with plc.switched_on() as site:
            driver = a_driver(site, "cv1")
            async with running(driver, Wcs(driver)):
                await until(partial(lambda n: len(plc.released) >= n, wanted))

    assert plc.released == codes
    assert plc.line.state.next_tracking == len(codes) + 1


async def test_a_connection_that_drops_comes_back():
    plc = Plc("A")
    async with plc.switched_on() as site:
        driver = a_driver(site, "cv1")
        wcs = Wcs(driver)
        async with running(driver, wcs):
            await until(lambda: plc.released == ["A"])
            await plc.server.stop()
            await until(lambda: not driver._registers.is_open)
            plc.put("B")
            async with plc.switched_on():
                await until(lambda: plc.released == ["A", "B"])

    assert Counter(one.tracking for one in wcs.of(CartonArrived)) == {1: 1, 2: 1}


async def test_a_task_that_a_killed_driver_left_behind_is_cleared():
    plc = Plc("A", "B")
    async with plc.switched_on() as site:
        foreign = AsyncModbusTcpClient("127.0.0.1", port=plc.port)
        await foreign.connect()
        for _ in range(2):  # the same task again, in the window before it is cleared
            await foreign.write_registers(10, [41, 0, 1], device_id=1)
        await foreign.write_registers(10, [41, 0, 2], device_id=1)
        assert plc.released == ["A"]
        foreign.close()

        driver = a_driver(site, "cv1")
        async with running(driver, Wcs(driver)):
            await until(lambda: plc.released == ["A", "B"])

    assert plc.line.state.last_task == 42


async def test_other_addresses_and_a_heartbeat_that_stands_still():
    registers = {"status": 120, "heartbeat": 121, "tracking": 100, "answer": 110}
    registers |= {"result": 111, "last_task": 112, "command": 130}
    words = [0] * 33
    words[20], words[21], words[0], words[1] = 0b011, 7, 1, 2
    plc = SimDevice(5, SimData(100, values=words, datatype=DataType.REGISTERS))
    server = ModbusTcpServer(plc, address=("127.0.0.1", 0))
    await server.serve_forever(background=True)
    assert isinstance(server.transport, asyncio.Server)
    site = a_site(modbus_port=server.transport.sockets[0].getsockname()[1])
    site["devices"][0] |= {"unit": 5, "registers": registers, "silence_s": 0.2}
    wcs = Wcs(answers=False)

    try:
        with pytest.raises(DeviceUnavailable, match="stands still"):
            await a_driver(site, "cv1").run(wcs.say)
    finally:
        await server.shutdown()  # type: ignore[no-untyped-call]

    assert [one.tracking for one in wcs.of(CartonArrived)] == [(1 << 16) + 2]


async def test_who_cancels_just_as_the_answer_comes_is_heard():
    async with Plc().switched_on() as site:
        driver = a_driver(site, "cv1")
        await driver._registers.open()
        context = driver._registers._client.ctx
        reading = asyncio.create_task(driver._registers.read("status", 1))
        before = context.response_future
        while context.response_future is before:  # noqa: ASYNC110 - the very turn it is sent in
            await asyncio.sleep(0)
        context.response_future.add_done_callback(lambda _: reading.cancel())
        await asyncio.wait([reading])
        assert reading.cancelled()
        driver._registers.close()


async def test_a_plc_that_is_away_is_unavailable():
    async with Plc().switched_on() as site:
        driver = a_driver(site, "cv1")
    with pytest.raises(DeviceUnavailable, match="cv1"):
        await driver.run(Wcs().say)
    with pytest.raises(DeviceUnavailable, match="not connected"):
        await driver.tell(release(1))


def test_a_site_file_that_says_too_little_is_refused():
    site = a_site()
    site["conveyors"] = []
    with pytest.raises(ValueError, match="conveyors"):
        a_driver(site, "cv1")

    site = a_site()
    site["devices"][0]["registers"] = {"colour": 3}
    with pytest.raises(ValueError, match="colour"):
        a_driver(site, "cv1")


async def mbpoll(port: int, start: str, *arguments: str, values: str = "") -> str:
    """Debian's Modbus client: an implementation that is not ours (libmodbus)."""
    if shutil.which("mbpoll") is None:
        assert os.environ.get("SOKO_TEST_SKIP") != "never", "mbpoll is missing"
        pytest.skip("mbpoll is not installed; type: apt-get install mbpoll")
    command = ["mbpoll", "-m", "tcp", "-p", str(port), "-a", "1", "-0", "-1", "-t", "4"]
    command += ["-r", start, *arguments, "127.0.0.1", *values.split()]
    pipe, merged = asyncio.subprocess.PIPE, asyncio.subprocess.STDOUT
    process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=merged)
    output, _ = await process.communicate()
    return output.decode()


def registers(output: str) -> list[int]:
    """The values in what mbpoll prints."""
    lines = [line for line in output.splitlines() if line.startswith("[")]
    return [int(line.split("]:")[1].split()[0]) for line in lines]


async def test_a_foreign_client_does_the_handshake():
    plc = Plc("A")
    async with plc.switched_on():
        status, _, *rest = registers(await mbpoll(plc.port, "0", "-c", "7"))
        assert (status, rest) == (0b011, [0, 1, 0, 0, 0])

        await mbpoll(plc.port, "10", values="7 0 1")
        assert plc.released == ["A"]
        status, _, *rest = registers(await mbpoll(plc.port, "0", "-c", "7"))
        assert (status, rest) == (0b010, [0, 0, 7, 1, 7])

        await mbpoll(plc.port, "10", values="0 0 0")
        _, _, *rest = registers(await mbpoll(plc.port, "0", "-c", "7"))
        assert rest == [0, 0, 0, 0, 7]

        assert "Illegal data address" in await mbpoll(plc.port, "0", values="1")
