"""A network of conveyors with everything real between PLC and WMS: telegrams, edge, broker, WCS.

    PLC (simulators.live_network) --OSIP, TCP--> edge --broker--> WCS --broker--> who plays the WMS

Edge and WCS are processes of their own.
"""

import asyncio
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any
from uuid import uuid1

import pytest

from edge.clock import SystemClock
from edge.mqtt import Message, PahoBus, stream_ack_topic, stream_data_topic
from edge.process import Child
from edge.spool import Spool
from edge.stream import Receiver, SenderPump, decode_batch, encode_ack
from simulators.live_network import LiveNetwork
from tests.wcs.conveying import loop
from wcs.messages import Alarm, ParcelExpected, ParcelSorted, from_wcs, to_wcs

QUICK = 0.15  # of a belt's seconds
LOCATIONS = {"l1": "LANE-1"}
PROGRAMS = {
    "edge": ("from edge.commands import edge; edge()", "run"),
    "wcs": ("from wcs.commands import wcs; wcs()", "run"),
}


def site_text(code: str, port: int) -> str:
    """A ring of four scanners with two feeds, two lanes and the hospital, on one PLC."""
    text = f'[site]\ncode = "{code}"\n[[devices]]\nname = "plc"\ndriver = "osip"\nport = {port}\n'
    text += 'writes = ["RES_", "TIMS", "ERR_"]\n[devices.locations]\n'
    text += "".join(f'{ours} = "{theirs}"\n' for ours, theirs in LOCATIONS.items())
    for name, x in (("a", 0.0), ("b", 4.0)):
        text += f'[[points]]\nname = "{name}"\nx_m = {x}\ny_m = 0.0\n'
    text += '[[paths]]\nfrom = "a"\nto = "b"\ntwo_way = true\n'
    network = loop()
    for node in network.nodes.values():
        text += f'[[nodes]]\nname = "{node.name}"\ndevice = "plc"\nkind = "{node.kind}"\n'
        text += f'through = "{node.through}"\n'
    for belt in network.belts.values():
        text += f'[[belts]]\nname = "{belt.name}"\nstart = "{belt.start}"\nend = "{belt.end}"\n'
        text += f"room = {belt.room}\nseconds = {QUICK * belt.seconds}\n"
    return text


class House:
    """The site: its PLC, its processes, and who plays the WMS."""

    def __init__(self, bus: PahoBus, plc: LiveNetwork, code: str, url: str, folder: Path) -> None:
        self.plc, self.url, self.folder = plc, url, folder
        self.bus, self.code = bus, code
        self.said: list[ParcelSorted] = []
        self.alarms: list[Alarm] = []
        self.children: dict[str, Child] = {}
        self._receiver, self._spool = Receiver(), Spool(folder / "wms.spool")
        ack = stream_ack_topic(code, "wms", "wcs")
        data = stream_data_topic(code, "wms", "wcs")
        self.pump = SenderPump(bus, self._spool, data_topic=data, ack_topic=ack)
        bus.subscribe(stream_data_topic(code, "wcs", "wms"), qos=0, handler=self._hear)

    def _hear(self, message: Message) -> None:
        received = self._receiver.receive(decode_batch(message.body))
        for body in received.new:
            report = from_wcs.validate_python(body)
            if isinstance(report, ParcelSorted):
                self.said.append(report)
            elif isinstance(report, Alarm):
                self.alarms.append(report)
        ack = stream_ack_topic(self.code, "wcs", "wms")
        self.bus.publish(ack, encode_ack(received.ack), qos=0)

    async def start(self, name: str) -> None:
        program, *words = PROGRAMS[name]
        argv = (sys.executable, "-c", program, *words, "--site", str(self.folder / "site.toml"))
        env = {"SOKO_MQTT_URL": self.url, "SOKO_STATE_DIR": str(self.folder)}
        env["PYTHONPATH"] = os.pathsep.join(sys.path)
        child = self.children[name] = Child(argv, name=name, folder=self.folder, env=env)
        await asyncio.to_thread(child.start)

    async def kill(self, name: str) -> None:
        child = self.children[name]
        assert child.pid is not None
        os.kill(child.pid, signal.SIGKILL)
        await asyncio.to_thread(child.stop)

    async def stop(self) -> None:
        for child in self.children.values():
            await asyncio.to_thread(child.stop)
        self._spool.close()

    def bring(self, count: int, first: int = 0) -> dict[str, str]:
        """Announce units and put them before the feeds; the lane of each."""
        lanes = {f"{n:018}": f"L{n % 2 + 1}" for n in range(first, first + count)}
        news = [ParcelExpected(code=code, epc_hex="31", lane=lane) for code, lane in lanes.items()]
        self._spool.append([to_wcs.dump_json(one) for one in news])
        self.pump.wake()
        for n, code in enumerate(lanes):
            self.plc.conveyors.bring("in" + "AB"[n % 2], code)
        return lanes

    async def until(self, condition: Callable[[], object], within_s: float = 45.0) -> None:
        deadline = time.monotonic() + within_s
        while not condition():
            arrived, inside = len(self.plc.conveyors.arrived), self.plc.conveyors.inside()
            assert time.monotonic() < deadline, f"{arrived} arrived, {inside} on belts"
            await asyncio.sleep(0.02)

    @property
    def arrived(self) -> dict[str, str]:
        return self.plc.conveyors.arrived


def of_the_plc() -> dict[str, Any]:
    """Nodes and belts as its own programme has them: one of them by another name."""
    network = loop()
    belts = [asdict(belt) | {"seconds": QUICK * belt.seconds} for belt in network.belts.values()]
    for row in belts:
        row["name"] = LOCATIONS.get(row["name"], row["name"])
    return {"nodes": [asdict(node) for node in network.nodes.values()], "belts": belts}


@pytest.fixture
async def house(nats_url: str, tmp_path: Path) -> AsyncIterator[House]:
    code, clock = f"N{uuid1().hex[:10]}", SystemClock()
    live = LiveNetwork(of_the_plc(), "plc", clock=clock, window_s=0.3, again_s=2.0)
    live.conveyors.pace_s |= dict.fromkeys(("L1", "L2", "HOSP"), 0.1)
    async with live, PahoBus(nats_url, client_id=f"wms-{code}") as bus:
        (tmp_path / "site.toml").write_text(site_text(code, live.port), encoding="utf-8")
        found = House(bus, live, code, nats_url, tmp_path)
        pump = asyncio.create_task(found.pump.run())
        await bus.until_settled()
        for name in PROGRAMS:
            await found.start(name)
        yield found
        pump.cancel()
        await found.stop()


async def test_units_come_to_their_lanes_round_a_jam_and_over_a_killed_wcs(house: House):
    lanes = house.bring(8)
    await house.until(lambda: len(house.arrived) >= 4)
    house.plc.conveyors.turn("l2", "JAM")
    await house.until(lambda: any(one.code == "mfc.jam" and one.active for one in house.alarms))
    house.plc.conveyors.turn("l2", "OPEN")
    await house.until(lambda: house.arrived == lanes)
    assert house.plc.unknown == 0, "each route came in time"

    lanes |= house.bring(8, first=8)
    await house.until(lambda: len(house.arrived) >= 10)
    await house.kill("wcs")
    await asyncio.sleep(1.5)  # units go round meanwhile, and come to where they were sent
    await house.start("wcs")
    await house.until(lambda: len(house.arrived) == len(lanes))
    assert house.arrived == lanes, "nobody came to another lane"
    await house.until(lambda: len(house.said) >= len(lanes))
    assert Counter((one.code, one.lane) for one in house.said) == Counter(lanes.items()), "once"
    assert house.plc.errors == 0
