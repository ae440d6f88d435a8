"""A sorter over OPC UA: hears every scan, answers with a lane, acknowledges what is safe.

The PLC shows an object of these nodes (names are those of simulators and of our PLC template;
`object` and `namespace` of the site file say where it is):

    read      StateCurrent (PackML), Heartbeat, Stream, Confirmations
    written   Acknowledged, WcsHeartbeat
    called    Divert(Tracking, Lane) -> Result

`Confirmations` holds everything that we have not acknowledged, in order, one JSON object each:
{sequence, kind: SCANNED | SORTED, at, tracking, lap, status, barcode, lane}. So one
subscription to one variable is enough, and a connection that comes back has missed nothing.

Laws:
    none missed   a sequence is acknowledged only when `spooled` has returned after it was said
    none doubled  a sequence is said once while this driver lives. After a kill the PLC shows again
                  what was not acknowledged; the spool knows what it has of it (edge.uplink)
    unharmed      a confirmation that makes no sense is counted, logged and passed over: it is
                  acknowledged with its neighbours, and the sorter goes on
    not too late  a lane whose time is over is not sent; the PLC judges again by its own clock
    allow-list    what `writes` of its row does not name is neither written nor called, whoever
                  asks (edge.drivers.writes); with an empty list the sorter is only listened to

Scans are answered at the edge's own desk (edge.drivers.lane_desk), or by a Divert of the WCS.
How the connection is made safe: edge.drivers.opcua_link.

Time-outs are real seconds: they are the network's. Source: OPC 10000-4; PackML (OPC 30050).
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import structlog
from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass
from typing_extensions import override

from edge.clock import Clock
from edge.drivers import DeviceUnavailable, Driver, Say
from edge.drivers.around import Around
from edge.drivers.lane_desk import LaneDesk
from edge.drivers.opcua_link import Link, new_client, read_link
from edge.drivers.sorting import FAULTS, SorterDriver, together
from edge.drivers.writes import Writes
from edge.identity import IdentityMissing
from edge.messages import (
    CartonScanned,
    CartonSorted,
    ScanStatus,
    SortStatus,
)

if TYPE_CHECKING:  # asyncua takes a second to import: only who connects pays it
    from asyncua import ua
    from asyncua.client.client import Client
    from asyncua.common.node import Node

log = structlog.get_logger(__name__)

NAMESPACE = "urn:soko:sorter"
_READ = ("StateCurrent", "Heartbeat", "Stream", "Confirmations")
_WRITTEN = ("Acknowledged", "WcsHeartbeat")
_METHOD = "Divert"
_LOST = "(lost)"
_CONNECT_S, _ANSWER_S, _SILENCE_S = 10.0, 2.0, 5.0
_BEAT_S = 0.3
_SUBSCRIPTION_MS, _KEEPALIVES = 10.0, 1000
_SESSION_MS = 600_000
_FAILURES = (OSError, TimeoutError, ValidationError, IdentityMissing, ValueError)

Value: TypeAlias = tuple[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scanned:
    sequence: int
    kind: Literal["SCANNED"]
    at: datetime
    tracking: int
    lap: int
    status: ScanStatus
    barcode: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sorted:
    sequence: int
    kind: Literal["SORTED"]
    at: datetime
    tracking: int
    lap: int
    status: SortStatus
    barcode: str | None
    lane: str | None


_confirmation: TypeAdapter[_Scanned | _Sorted] = TypeAdapter(_Scanned | _Sorted)


def make(device: Mapping[str, Any], around: Around) -> Driver:
    """The driver of one `[[devices]]` row.

    Raises:
        ValueError: its settings are not safe, or name what there is not.
    """
    link = read_link(device, around)
    desk = LaneDesk.of(device, around)
    return OpcuaSorter(device, link, desk, clock=around.clock)


class OpcuaSorter(SorterDriver):
    """One sorter."""

    def __init__(
        self, device: Mapping[str, Any], link: Link, desk: LaneDesk, *, clock: Clock
    ) -> None:
        super().__init__(device, desk, clock=clock)
        self._device, self._link = device, link
        self._writes = Writes(device, (*_WRITTEN, _METHOD))
        self._nodes: dict[str, Node] = {}
        self._root: Node | None = None
        self._connections = self._malformed = 0

    async def run(self, say: Say) -> None:
        """Connect and listen until cancelled.

        Raises:
            DeviceUnavailable: the sorter cannot be reached, or not any more.
        """
        from asyncua.ua.uaerrors import UaError  # noqa: PLC0415 - takes a second

        self._say = say
        client, is_connected = None, False
        try:
            async with asyncio.timeout(_CONNECT_S):
                client = await new_client(self._link, timeout_s=_ANSWER_S)
                client.session_timeout = _SESSION_MS
                await client.connect()
                is_connected = True
                await self._find(client)
            await self._converse(client)
        except _FAILURES as error:
            raise DeviceUnavailable(self.name, f"{self._link.url}: {error!r}") from error
        except UaError as error:
            raise DeviceUnavailable(self.name, f"{self._link.url}: {error!r}") from error
        finally:
            self._root, self._nodes = None, {}
            # a connect that failed at the door has left nothing to tidy up
            if client is not None and (is_connected or client.uaclient.has_transport):
                with suppress(UaError, OSError, TimeoutError):
                    await client.disconnect()

    def health(self) -> Mapping[str, float | int | str]:
        """Connections, refused writes, and what the desk has counted."""
        return {
            "connections_total": self._connections,
            "malformed_total": self._malformed,
            "writes_refused_total": self._writes.refused,
            "sequence": self._heard.said,
            "stream": self._heard.stream,
            "security": self._link.mode,
            **self._desk.health(),
        }

    @override
    async def _divert(self, answers: Sequence[tuple[int, str]]) -> None:
        for tracking, lane in answers:
            await self._divert_one(tracking, lane)

    async def _divert_one(self, tracking: int, lane: str) -> None:
        from asyncua import ua  # noqa: PLC0415
        from asyncua.ua.uaerrors import UaError  # noqa: PLC0415

        if not self._writes.may(_METHOD, tracking=tracking):
            return
        if self._root is None:
            raise DeviceUnavailable(self.name, "not connected")
        number = ua.Variant(tracking, ua.VariantType.UInt64)
        try:
            result = await self._call(self._nodes[_METHOD], number, lane)
        except (UaError, OSError, TimeoutError) as error:
            raise DeviceUnavailable(self.name, f"Divert: {error!r}") from error
        if result != 0:
            self._refused(tracking, lane, result)

    # ------------------------------------------------------------------------- the connection
    async def _find(self, client: "Client") -> None:
        """Look the nodes up by path: their ids are the PLC's own affair."""
        space = await client.get_namespace_index(self._device.get("namespace", NAMESPACE))
        path = self._device.get("object", self.name).split("/")
        root = await client.nodes.objects.get_child([f"{space}:{part}" for part in path])
        for name in (*_READ, *_WRITTEN, _METHOD):
            self._nodes[name] = await root.get_child(f"{space}:{name}")
        self._root = root
        self._connections += 1

    async def _converse(self, client: "Client") -> None:
        from asyncua import ua  # noqa: PLC0415

        values: asyncio.Queue[Value] = asyncio.Queue()
        self._status = None  # after a pause we say once more how it is
        self._heard.start(str(await self._nodes["Stream"].read_value()))
        handler = _Handler({self._nodes[name].nodeid: name for name in _READ}, values)
        wanted = ua.CreateSubscriptionParameters(
            RequestedPublishingInterval=_SUBSCRIPTION_MS,
            RequestedLifetimeCount=_KEEPALIVES * 3,
            RequestedMaxKeepAliveCount=_KEEPALIVES,
        )
        subscription = await client.create_subscription(wanted, handler)
        await subscription.subscribe_data_change([self._nodes[name] for name in _READ], queuesize=1)
        assert self._say is not None
        serving = self._desk.serve(self._say, self._divert)
        await together(self.name, self._listen(values), self._keep_up(), serving)

    async def _listen(self, values: asyncio.Queue[Value]) -> None:
        """Turn values into messages. A PLC whose heartbeat stands still is as good as away."""
        loop = asyncio.get_running_loop()
        alive_until = loop.time() + _SILENCE_S
        while True:
            async with asyncio.timeout_at(alive_until):
                name, value = await values.get()
            if name == "Heartbeat":
                alive_until = loop.time() + _SILENCE_S
            elif name == "StateCurrent":
                self._tell_status(FAULTS.get(int(value), ""))
            elif name == "Confirmations":
                self._hear(value or [])
            elif name == "Stream" and value != self._heard.stream:
                raise DeviceUnavailable(self.name, "the PLC has lost its memory")
            elif name == _LOST:
                raise DeviceUnavailable(self.name, f"the subscription ended: {value}")

    def _hear(self, lines: list[str]) -> None:
        """Say what is new of all that the PLC shows, in order."""
        assert self._say is not None
        sequence = self._heard.acknowledged
        for line in lines:
            try:
                one = _confirmation.validate_json(line)
            except ValidationError as error:
                sequence += 1  # whatever number it claims: those that follow must be heard
                if self._heard.is_new(sequence):
                    self._malformed += 1
                    log.error("sorter.nonsense", device=self.name, line=line[:500], why=str(error))  # noqa: TRY400 - theirs
                    self._heard.note(sequence)
                continue
            sequence = one.sequence
            if self._heard.is_new(sequence):
                self._say(self._message(one))
                self._heard.note(sequence)

    def _message(self, one: _Scanned | _Sorted) -> CartonScanned | CartonSorted:
        facts: dict[str, Any] = {
            "at": one.at,
            "device": self.name,
            "tracking": one.tracking,
            "barcode": one.barcode,
            "lap": one.lap,
            "stream": self._heard.stream,
            "sequence": one.sequence,
        }
        if isinstance(one, _Scanned):
            return self._desk.scanned(CartonScanned(status=one.status, **facts))
        done = CartonSorted(status=one.status, lane=one.lane, **facts)
        self._desk.sorted(done)
        return done

    # -------------------------------------------------------------------- what goes to the PLC
    async def _keep_up(self) -> None:
        """Beat, and acknowledge what is safe."""
        from asyncua import ua  # noqa: PLC0415

        beat = 0
        while True:
            beat = (beat + 1) & 0xFFFFFFFF
            if "WcsHeartbeat" in self._writes.allowed:
                await self._write("WcsHeartbeat", ua.Variant(beat, ua.VariantType.UInt32))
            safe = await self._heard.safe()
            if safe > self._heard.acknowledged and "Acknowledged" in self._writes.allowed:
                await self._write("Acknowledged", ua.Variant(safe, ua.VariantType.UInt64))
                self._heard.acknowledged = safe
            await asyncio.sleep(_BEAT_S)

    async def _write(self, name: str, value: "ua.Variant") -> None:
        self._writes.check(name)
        await self._nodes[name].write_value(value)

    async def _call(self, method: "Node", *arguments: Any) -> int:
        self._writes.check(_METHOD)
        assert self._root is not None
        return int(await self._root.call_method(method.nodeid, *arguments))


class _Handler:
    """What asyncua calls with each value that has changed."""

    def __init__(self, names: dict[Any, str], values: asyncio.Queue[Value]) -> None:
        self._names = names
        self._values = values

    def datachange_notification(self, node: "Node", val: Any, _data: Any) -> None:
        self._values.put_nowait((self._names[node.nodeid], val))

    def status_change_notification(self, status: Any) -> None:
        self._values.put_nowait((_LOST, status))
