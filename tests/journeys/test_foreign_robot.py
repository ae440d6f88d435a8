"""A robot of another maker joins the fleet by four lines of the site file, and works.

The whole chain as it runs at a site: `soko wcs` and `soko edge` as processes on a broker, one
robot of ours and one foreign robot on the same ring. Of ours nobody knows which is which.
"""

import asyncio
import sys
import tomllib
from contextlib import ExitStack, closing
from pathlib import Path
from uuid import uuid1

from edge.broker import broker_child, url_of
from edge.clock import ScaledClock
from edge.mqtt import Message, PahoBus, stream_ack_topic, stream_data_topic
from edge.ports import free_port
from edge.process import Child
from edge.spool import Spool
from edge.stream import Receiver, SenderPump, decode_batch, encode_ack
from simulators.live_robots import run_robots
from tests.edge.foreign_robot import ForeignRobot
from tests.edge.vda5050_live import a_clock, running
from wcs.messages import TransportOrder, TransportReport, from_wcs, to_wcs

RING = ["a", "b", "c", "d", "e", "f", "g", "h"]
ORDERS = 8


def site_text(code: str) -> str:
    """A one-way ring with shelves at every point, and a bay for each robot off it."""
    text = f'[site]\ncode = "{code}"\n'
    for number, name in enumerate(RING):
        x, y = (4.0 * number, 0.0) if number < 4 else (4.0 * (7 - number), 4.0)
        text += f'[[points]]\nname = "{name}"\nx_m = {x}\ny_m = {y}\n'
        text += 'kind = "storage"\nlevels = 2\n'
    for start, end in zip(RING, RING[1:] + RING[:1], strict=True):
        text += f'[[paths]]\nfrom = "{start}"\nto = "{end}"\n'
    for bay, before, after, y in (("p1", "a", "c", -4.0), ("p2", "e", "g", 8.0)):
        text += f'[[points]]\nname = "{bay}"\nx_m = 4.0\ny_m = {y}\nkind = "park"\n'
        text += f'[[paths]]\nfrom = "{before}"\nto = "{bay}"\n'
        text += f'[[paths]]\nfrom = "{bay}"\nto = "{after}"\n'
    for name, maker, start in (("R-01", code, "p1"), ("F-01", "ACME", "p2")):
        text += f'[[robots]]\nname = "{name}"\nmanufacturer = "{maker}"\n'
        text += f'serial = "{code}-{name}"\nstart = "{start}"\n'
    return text + '[[devices]]\nname = "fleet"\ndriver = "vda5050"\n'


class Wms:
    """The WMS's end of the two streams."""

    def __init__(self, bus: PahoBus, code: str, folder: Path) -> None:
        self.ended: dict[str, TransportReport] = {}
        self.changed = asyncio.Event()
        self._bus, self._code = bus, code
        self._receiver = Receiver()
        self._spool = Spool(folder / "wms.spool")
        self.pump = SenderPump(
            bus,
            self._spool,
            data_topic=stream_data_topic(code, "wms", "wcs"),
            ack_topic=stream_ack_topic(code, "wms", "wcs"),
        )
        bus.subscribe(stream_data_topic(code, "wcs", "wms"), handler=self._hear)

    def close(self) -> None:
        self._spool.close()

    def order(self, order: TransportOrder) -> None:
        self._spool.append([to_wcs.dump_json(order)])

    def _hear(self, message: Message) -> None:
        received = self._receiver.receive(decode_batch(message.body))
        for raw in received.new:
            report = from_wcs.validate_python(dict(raw))
            if isinstance(report, TransportReport) and report.state in ("FINISHED", "FAILED"):
                assert report.id not in self.ended, "an order ends once"
                self.ended[report.id] = report
        topic = stream_ack_topic(self._code, "wcs", "wms")
        self._bus.publish(topic, encode_ack(received.ack))
        self.changed.set()


def an_order(number: int) -> TransportOrder:
    here, there = RING[number % 8], RING[(number + 3) % 8]
    return TransportOrder(
        id=f"o-{number}", load=f"T-{number}", source=f"{here}-1", destination=f"{there}-2"
    )


def by_stranger(wms: Wms) -> list[str]:
    """The orders that the foreign robot has done."""
    return [report.id for report in wms.ended.values() if report.robot == "F-01"]


async def test_a_foreign_robot_joins_by_the_site_file_and_completes_missions(tmp_path: Path):
    code = f"T{uuid1().hex[:12]}"
    file = tmp_path / "site.toml"
    file.write_text(site_text(code))
    site = tomllib.loads(file.read_text())
    ours = {**site, "robots": [r for r in site["robots"] if r["manufacturer"] == code]}
    (foreign,) = [r for r in site["robots"] if r["manufacturer"] != code]
    port = free_port()
    clock: ScaledClock = a_clock(tmp_path)
    environment = {
        "SOKO_MQTT_URL": url_of(port),
        "SOKO_CLOCK": str(tmp_path / "clock"),
        "SOKO_STATE_DIR": str(tmp_path),
    }

    def soko(*words: str) -> Child:
        argv = (sys.executable, "-m", "wms.cli", *words, "--site", str(file))
        return Child(argv, name=words[0], folder=tmp_path, env=environment)

    with ExitStack() as stack:
        for child in (broker_child(tmp_path, port=port, kind="mosquitto"), soko("wcs", "run")):
            stack.enter_context(child)
        stack.enter_context(soko("edge", "run"))
        async with PahoBus(url_of(port), client_id=f"wms-{code}") as bus:
            wms = stack.enter_context(closing(Wms(bus, code, tmp_path)))
            for number in range(ORDERS):
                wms.order(an_order(number))
            stranger = ForeignRobot(url_of(port), foreign, site)
            async with (
                running(wms.pump.run()),
                running(stranger.run()),
                running(run_robots(ours, url_of(port), clock=clock, state_dir=tmp_path, seed=1)),
                asyncio.timeout(50),
            ):
                given = ORDERS
                while len(wms.ended) < given or not by_stranger(wms):
                    if len(wms.ended) == given:  # it came late: there is more to do
                        wms.order(an_order(given))
                        given += 1
                    wms.changed.clear()
                    await wms.changed.wait()

    assert {report.state for report in wms.ended.values()} == {"FINISHED"}
    done = by_stranger(wms)
    assert done, "it did its share"
    assert len(stranger.loads) == 2 * len(done), "picked and dropped, once each"
