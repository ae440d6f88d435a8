"""Drivers: one language of machines each, behind one small port.

A driver is a task of the edge agent. `run` connects, listens and says what it hears until it is
cancelled; when the device cannot be reached or falls silent it raises `DeviceUnavailable`, and
the agent starts it again after a while. `tell` carries one command out, and must be safe to
repeat: what has been done already is not done again.

Where a protocol allows it the driver proper is a pure module (bytes or JSON to messages, with
`now` as an argument) and the class here only moves bytes. Drivers are found by name, in
`edge.site.DRIVERS`; each of those modules has `make(row of the site file, edge.drivers.around)`:

    vda5050   robots over MQTT               edge.drivers.vda5050_fleet
    opcua     sorters over OPC UA            edge.drivers.opcua
    modbus    small PLCs over Modbus TCP     edge.drivers.modbus
    llrp      RFID readers over LLRP         edge.drivers.rfid
    impinj    Impinj R700 over MQTT or HTTP  edge.drivers.impinj
    zebra     Zebra FX over MQTT or HTTP     edge.drivers.zebra
    scale     scales over TCP (MT-SICS)      edge.drivers.scale
    osip      conveyors, sorters: telegrams  edge.drivers.osip
    autoid    RFID readers over OPC UA       edge.drivers.autoid
    lights    pick-to-light over MQTT        edge.drivers.lights
    fleet_api fleets that take missions      edge.drivers.fleet_api
    portals   doors, lifts, safety circuits  edge.drivers.portals
"""

from collections.abc import Callable, Mapping
from typing import Protocol, runtime_checkable

from edge.messages import DeviceCommand, DeviceEvent, RobotReport

Say = Callable[[DeviceEvent | RobotReport], None]


class DeviceUnavailable(Exception):  # noqa: N818 - reads as a situation
    """The device did not answer, closed the connection or is silent for too long.

    Attributes:
        device: its name in the site file.
        detail: what was tried and what came back.
    """

    def __init__(self, device: str, detail: str) -> None:
        super().__init__(f"{device}: {detail}")
        self.device = device
        self.detail = detail


class Driver(Protocol):
    """What the agent asks of every driver."""

    name: str  # of the device in the site file

    async def run(self, say: Say) -> None:
        """Connect and listen until cancelled; `say` never blocks.

        Raises:
            DeviceUnavailable: the device cannot be reached, or not any more.
        """
        ...

    async def tell(self, command: DeviceCommand) -> None:
        """Carry a command out.

        Raises:
            DeviceUnavailable: it could not be handed to the device.
        """
        ...


@runtime_checkable
class HasHealth(Protocol):
    """A driver that can say how its device is: for metrics and `soko edge probe`."""

    def health(self) -> Mapping[str, float | int | str]:
        """What it has counted and measured so far; asked for every few seconds, so it is cheap.

        Names are `noun_unit` (`reads_total`, `latency_p99_ms`, `session_state`). Those that end
        in `_total` only grow while the process lives; texts are facts (versions, states).
        """
        ...
