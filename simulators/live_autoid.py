"""An RFID reader with an OPC UA server, as far as an AutoID client needs one.

The types are built here, in the AutoID namespace and with its names and fields, so that no nodeset
file is needed; a client learns them from the server, as from any other. Anonymous and unencrypted,
for the loopback interface only.

Source: OPC 30010 (AutoID): RfidScanEventType, RfidScanResult, RfidSighting, ScanData, ScanSettings.
"""

from datetime import UTC, datetime
from ipaddress import ip_address
from types import TracebackType
from typing import Any, Self

from asyncua import ua
from asyncua.common.node import Node
from asyncua.common.structures104 import new_enum, new_struct, new_struct_field
from asyncua.server.event_generator import EventGenerator
from asyncua.server.server import Server

NAMESPACE = "http://opcfoundation.org/UA/AutoID/"
_KINDS = ua.VariantType


class AutoIdServer:
    """One reader. `see` says what its antennas see."""

    def __init__(self, reader: str, address: tuple[str, int]) -> None:
        if not ip_address(address[0]).is_loopback:
            raise ValueError(f"{reader}: anonymous OPC UA is for the loopback interface only")
        self.scans_started = 0
        self._reader, self._address = reader, address
        self._server = Server()
        self._events: EventGenerator | None = None
        self._status: Node | None = None

    @property
    def port(self) -> int:
        """The port that it listens on."""
        assert self._server.bserver is not None
        return int(self._server.bserver.port)

    async def __aenter__(self) -> Self:
        """Build the types and the reader, and listen."""
        server = self._server
        await server.init()
        server.set_endpoint("opc.tcp://{}:{}/autoid/".format(*self._address))
        server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        server.set_identity_tokens([ua.AnonymousIdentityToken])
        space = await server.register_namespace(NAMESPACE)
        result = await _types(server, space)
        scan = await server.nodes.base_event_type.add_object_type(space, "AutoIdScanEventType")
        rfid = await scan.add_object_type(space, "RfidScanEventType")
        empty = ua.Variant([], _KINDS.ExtensionObject, is_array=True)
        shown = await rfid.add_property(space, "ScanResult", empty, datatype=result.nodeid)
        await shown.set_modelling_rule(True)
        devices = await server.nodes.objects.add_folder(space, "DeviceSet")
        reader = await devices.add_object(space, self._reader)
        self._status = await reader.add_variable(space, "DeviceStatus", 2, _KINDS.Int32)
        await reader.add_method(space, "ScanStart", self._scan_start, [_KINDS.ExtensionObject], [])
        self._events = await server.get_event_generator(rfid.nodeid, reader.nodeid)
        await server.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close every connection."""
        await self._server.stop()

    async def see(self, epc: bytes, *sightings: tuple[int, int]) -> None:
        """A tag, and at which antennas how strongly (dBm)."""
        now = datetime.now(UTC).replace(tzinfo=None)  # noqa: TID251 - a reader has a clock
        made: Any = ua
        result = made.RfidScanResult()
        result.CodeType, result.Timestamp = "EPC", now
        result.ScanData = made.ScanData()
        result.ScanData.ByteString = epc
        result.Sighting = []
        for antenna, strength in sightings:
            one = made.RfidSighting()
            one.Antenna, one.Strength, one.Timestamp = antenna, strength, now
            result.Sighting.append(one)
        assert self._events is not None
        self._events.event.ScanResult = [result]
        await self._events.trigger()

    async def fail(self, *, has_failed: bool) -> None:
        """The reader's hardware is broken, or works again."""
        assert self._status is not None
        await self._status.write_value(ua.Variant(1 if has_failed else 2, _KINDS.Int32))

    async def _scan_start(self, _parent: ua.NodeId, _settings: ua.Variant) -> list[ua.Variant]:
        self.scans_started += 1
        return []


async def _types(server: Server, space: int) -> Node:
    """The structures; gives that of a scan's result."""
    field = new_struct_field
    await new_enum(server, space, "DeviceStatusEnumeration", ["Idle", "Error", "Scanning", "Busy"])
    await new_struct(
        server,
        space,
        "ScanSettings",
        [
            field("Duration", _KINDS.Double),
            field("Cycles", _KINDS.Int32),
            field("DataAvailable", _KINDS.Boolean),
        ],
    )
    data, _ = await new_struct(
        server,
        space,
        "ScanData",
        [field("ByteString", _KINDS.ByteString), field("String", _KINDS.String)],
        is_union=True,
    )
    sighting, _ = await new_struct(
        server,
        space,
        "RfidSighting",
        [
            field("Antenna", _KINDS.Int32),
            field("Strength", _KINDS.Int32),
            field("Timestamp", _KINDS.DateTime),
            field("CurrentPowerLevel", _KINDS.Int32),
        ],
    )
    result, _ = await new_struct(
        server,
        space,
        "RfidScanResult",
        [
            field("CodeType", _KINDS.String),
            field("ScanData", data),
            field("Timestamp", _KINDS.DateTime),
            field("Sighting", sighting, array=True),
        ],
    )
    await server.load_data_type_definitions()
    return result
