"""The edge of the drill: the product's own, with drivers for devices that count what they say.

    python drill_edge.py FOLDER MQTT_URL SITE NAME:PORT...

A device sends lines {"boot", "seq", "grams"} and keeps each until it is told {"boot", "seq"}: all
of that run through `seq` is on the edge's disk. What the edge takes for the time of day is the
shared clock and the error in the file `skew_s`; what passes is what really passes. A command that
a driver is told goes to its device as {"told": tracking}.
"""

import asyncio
import json
import struct
import sys
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from typing_extensions import override

from edge.agent import Agent
from edge.clock import ScaledClock, counted
from edge.drivers import DeviceUnavailable, Say
from edge.messages import DeviceCommand, DeviceStatus, ReleaseCarton, WeightRead
from edge.mqtt import PahoBus
from edge.site import EdgeSite
from edge.spool import Spool
from edge.uplink import Uplink


class SkewedClock(ScaledClock):
    """The shared clock as a machine shows it whose own was set wrong."""

    skew: Path

    @override
    def now(self) -> datetime:
        """The wrong time of day."""
        (skew_s,) = struct.unpack("<d", self.skew.read_bytes())
        return super().now() + timedelta(seconds=skew_s)

    def steady_s(self) -> float:
        """What really passes."""
        return super().now().timestamp()


@dataclass
class LineDriver:
    """The driver of one device."""

    name: str
    port: int
    uplink: Uplink
    writer: asyncio.StreamWriter | None = None

    async def run(self, say: Say) -> None:
        """Hear what it says, write it down, and tell it so."""
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError as error:
            raise DeviceUnavailable(self.name, "no connection") from error
        self.writer = writer
        try:
            say(DeviceStatus(at=self.uplink.clock.now(), device=self.name, status="UP"))
            while line := await reader.readline():
                said = json.loads(line)
                at = self.uplink.clock.now()
                weight = WeightRead(at=at, device=self.name, grams=said["grams"], stable=True)
                self.uplink.say(weight, (self.name, said["boot"], said["seq"]))
                if said["last"]:
                    await self.uplink.flush()
                    writer.write(json.dumps({"boot": said["boot"], "seq": said["seq"]}).encode())
                    writer.write(b"\n")
        except OSError as error:
            raise DeviceUnavailable(self.name, str(error)) from error
        finally:
            writer.close()
        raise DeviceUnavailable(self.name, "it closed the connection")

    async def tell(self, command: DeviceCommand) -> None:
        """Hand the release of a carton on; it obeys nothing else."""
        if isinstance(command, ReleaseCarton) and self.writer is not None:
            self.writer.write(json.dumps({"told": command.tracking}).encode() + b"\n")


async def main(folder: Path, url: str, code: str, *devices: str) -> None:
    """Run until killed."""
    wrong = SkewedClock(folder / "clock")
    wrong.skew = folder / "skew_s"
    clock = counted(wrong)
    site = EdgeSite(code=code, devices={}, robot_device={}, tables={})
    async with PahoBus(url, client_id=f"edge-{code}") as bus:
        with Spool(folder / "edge.db") as spool:
            uplink = Uplink(bus, spool, site=code, clock=clock)
            drivers = [
                LineDriver(name, int(port), uplink)
                for name, port in (device.split(":") for device in devices)
            ]
            await Agent(site, {driver.name: driver for driver in drivers}, uplink).run()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(main(Path(sys.argv[1]), *sys.argv[2:]))
