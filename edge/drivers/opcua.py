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
    none doubled  a sequence is said once while this driver lives. After a kill, what was said
                  but not yet acknowledged is said again; (device, tracking, lap) tells it
    not too late  a lane whose time is over is not sent; the PLC judges again by its own clock
    allow-list    the driver writes and calls three nodes, and refuses any other

Without encryption and a user it connects only to the loopback interface (the demo). Elsewhere
the device needs `security` (an asyncua security string: policy, mode, certificate, key) and may
have `user` and `password_file`.

Time-outs are real seconds: they are the network's. Source: OPC 10000-4; PackML (OPC 30050).
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import structlog
from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from edge.clock import Clock
from edge.drivers import DeviceUnavailable, Driver, Say
from edge.messages import (
    CartonScanned,
    CartonSorted,
    DeviceCommand,
    DeviceStatus,
    Divert,
    ScanStatus,
    SortStatus,
    TellAgain,
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
_BEAT_S, _UNSPOOLED_ACK_S = 0.3, 1.0
_SUBSCRIPTION_MS, _KEEPALIVES = 10.0, 1000
_SESSION_MS = 600_000
_RESULTS = {0: "accepted", 1: "repeated", 2: "too late", 3: "no such lane"}
_FAULTS = {2: "stopped", 8: "aborting", 9: "aborted", 10: "holding", 11: "held"}

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


def make(
    device: Mapping[str, Any],
    site: Mapping[str, Any],  # noqa: ARG001 - every driver is made alike
    *,
    clock: Clock,
    port_offset: int,
    mqtt_url: str,  # noqa: ARG001
    state_dir: Path,  # noqa: ARG001 - the PLC remembers for us
) -> Driver:
    """The driver of one `[[devices]]` row.

    Raises:
        ValueError: the device is not on this machine and has no `security`.
    """
    host = device.get("host", "127.0.0.1")
    if "security" not in device and not ip_address(host).is_loopback:
        raise ValueError(f"{device['name']}: OPC UA to {host} needs `security` in the site file")
    return OpcuaSorter(device, clock=clock, port=device["port"] + port_offset)


class OpcuaSorter:
    """One sorter. An agent sets `spooled` to wait until what was said is on disk."""

    def __init__(self, device: Mapping[str, Any], *, clock: Clock, port: int) -> None:
        self.name: str = device["name"]
        self.spooled: Callable[[], Awaitable[None]] | None = None
        self._settings = device
        self._clock = clock
        self._url = f"opc.tcp://{device.get('host', '127.0.0.1')}:{port}"
        self._nodes: dict[str, Node] = {}
        self._allowed: frozenset[ua.NodeId] = frozenset()
        self._root: Node | None = None
        self._say: Say | None = None
        self._stream = ""
        self._said = 0  # the last sequence that went to `say`
        self._acknowledged = 0
        self._unacknowledged: deque[tuple[float, int]] = deque()  # when said, up to where
        self._status: DeviceStatus | None = None

    async def run(self, say: Say) -> None:
        """Connect and listen until cancelled.

        Raises:
            DeviceUnavailable: the sorter cannot be reached, or not any more.
        """
        from asyncua.client.client import Client  # noqa: PLC0415 - takes a second
        from asyncua.ua.uaerrors import UaError  # noqa: PLC0415

        self._say = say
        client = Client(self._url, timeout=_ANSWER_S)
        client.session_timeout = _SESSION_MS
        is_connected = False
        try:
            await self._secure(client)
            async with asyncio.timeout(_CONNECT_S):
                await client.connect()
                is_connected = True
                await self._find(client)
            await self._converse(client)
        except (UaError, OSError, TimeoutError, ValidationError) as error:
            raise DeviceUnavailable(self.name, f"{self._url}: {error!r}") from error
        finally:
            self._root, self._nodes, self._allowed = None, {}, frozenset()
            # a connect that failed at the door has left nothing to tidy up
            if is_connected or client.uaclient.has_transport:
                with suppress(UaError, OSError, TimeoutError):
                    await client.disconnect()

    async def tell(self, command: DeviceCommand) -> None:
        """Send a lane, or say the status again.

        Raises:
            DeviceUnavailable: there is no connection, or no answer.
        """
        if isinstance(command, TellAgain):
            if self._status is not None and self._say is not None:
                self._say(self._status)
        elif isinstance(command, Divert):
            await self._divert(command)
        else:
            log.warning("sorter.refused", device=self.name, command=command.type)

    async def _divert(self, command: Divert) -> None:
        from asyncua import ua  # noqa: PLC0415
        from asyncua.ua.uaerrors import UaError  # noqa: PLC0415

        facts = {"device": self.name, "tracking": command.tracking, "lane": command.lane}
        if self._clock.now() >= command.expires_at:
            log.warning("divert.expired", **facts)
            return
        if self._root is None:
            raise DeviceUnavailable(self.name, "not connected")
        tracking = ua.Variant(command.tracking, ua.VariantType.UInt64)
        try:
            result = await self._call(self._nodes[_METHOD], tracking, command.lane)
        except (UaError, OSError, TimeoutError) as error:
            raise DeviceUnavailable(self.name, f"Divert: {error!r}") from error
        if result != 0:
            log.warning("divert.refused", result=_RESULTS.get(result, result), **facts)

    # ------------------------------------------------------------------------- the connection
    async def _secure(self, client: "Client") -> None:
        if "security" in self._settings:
            await client.set_security_string(self._settings["security"])
        if "user" in self._settings:
            client.set_user(self._settings["user"])
            client.set_password(_secret(self._settings["password_file"]))

    async def _find(self, client: "Client") -> None:
        """Look the nodes up by path: their ids are the PLC's own affair."""
        uri = self._settings.get("namespace", NAMESPACE)
        space = await client.get_namespace_index(uri)
        path = self._settings.get("object", self.name).split("/")
        root = await client.nodes.objects.get_child([f"{space}:{part}" for part in path])
        for name in (*_READ, *_WRITTEN, _METHOD):
            self._nodes[name] = await root.get_child(f"{space}:{name}")
        self._allowed = frozenset(self._nodes[name].nodeid for name in (*_WRITTEN, _METHOD))
        self._root = root

    async def _converse(self, client: "Client") -> None:
        from asyncua import ua  # noqa: PLC0415

        values: asyncio.Queue[Value] = asyncio.Queue()
        await self._start_stream(str(await self._nodes["Stream"].read_value()))
        handler = _Handler({self._nodes[name].nodeid: name for name in _READ}, values)
        wanted = ua.CreateSubscriptionParameters(
            RequestedPublishingInterval=_SUBSCRIPTION_MS,
            RequestedLifetimeCount=_KEEPALIVES * 3,
            RequestedMaxKeepAliveCount=_KEEPALIVES,
        )
        subscription = await client.create_subscription(wanted, handler)
        await subscription.subscribe_data_change([self._nodes[name] for name in _READ], queuesize=1)
        tasks = {
            asyncio.create_task(self._listen(values), name=f"{self.name} listens"),
            asyncio.create_task(self._keep_up(), name=f"{self.name} keeps up"),
        }
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

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
                self._tell_status(int(value))
            elif name == "Confirmations":
                self._hear(value or [])
            elif name == "Stream" and value != self._stream:
                raise DeviceUnavailable(self.name, "the PLC has lost its memory")
            elif name == _LOST:
                raise DeviceUnavailable(self.name, f"the subscription ended: {value}")

    def _hear(self, lines: list[str]) -> None:
        assert self._say is not None
        for line in lines:
            one = _confirmation.validate_json(line)
            if one.sequence > self._said:
                self._say(self._message(one))
                self._said = one.sequence
                now_s = asyncio.get_running_loop().time()
                self._unacknowledged.append((now_s, one.sequence))

    def _message(self, one: _Scanned | _Sorted) -> CartonScanned | CartonSorted:
        if isinstance(one, _Scanned):
            return CartonScanned(
                at=one.at,
                device=self.name,
                tracking=one.tracking,
                status=one.status,
                barcode=one.barcode,
                lap=one.lap,
            )
        return CartonSorted(
            at=one.at,
            device=self.name,
            tracking=one.tracking,
            status=one.status,
            lane=one.lane,
            barcode=one.barcode,
            lap=one.lap,
        )

    def _tell_status(self, state: int) -> None:
        fault = _FAULTS.get(state)
        told = DeviceStatus(
            at=self._clock.now(),
            device=self.name,
            status="FAULT" if fault else "UP",
            detail=fault or "",
        )
        known = self._status
        self._status = told
        if known is None or (known.status, known.detail) != (told.status, told.detail):
            assert self._say is not None
            self._say(told)

    # -------------------------------------------------------------------- what goes to the PLC
    async def _start_stream(self, stream: str) -> None:
        """Sequences count within a stream; a PLC with a new memory counts from 1 again."""
        self._status = None  # after a pause we say once more how it is
        if stream != self._stream:
            self._stream, self._said, self._acknowledged = stream, 0, 0
        self._unacknowledged.clear()
        if self._said > self._acknowledged:
            self._unacknowledged.append((asyncio.get_running_loop().time(), self._said))

    async def _keep_up(self) -> None:
        """Beat, and acknowledge what is safe."""
        from asyncua import ua  # noqa: PLC0415

        beat = 0
        while True:
            beat = (beat + 1) & 0xFFFFFFFF
            await self._write("WcsHeartbeat", ua.Variant(beat, ua.VariantType.UInt32))
            safe = await self._safe()
            if safe > self._acknowledged:
                await self._write("Acknowledged", ua.Variant(safe, ua.VariantType.UInt64))
                self._acknowledged = safe
            await asyncio.sleep(_BEAT_S)

    async def _safe(self) -> int:
        """Up to which sequence the messages outlive us: flushed, or said a good while ago."""
        said = self._said
        if self.spooled is not None:
            async with asyncio.timeout(_SILENCE_S):
                await self.spooled()
            self._unacknowledged.clear()
            return said
        safe = self._acknowledged
        long_ago = asyncio.get_running_loop().time() - _UNSPOOLED_ACK_S
        while self._unacknowledged and self._unacknowledged[0][0] <= long_ago:
            safe = self._unacknowledged.popleft()[1]
        return safe

    async def _write(self, name: str, value: "ua.Variant") -> None:
        node = self._nodes[name]
        self._check(node)
        await node.write_value(value)

    async def _call(self, method: "Node", *arguments: Any) -> int:
        self._check(method)
        assert self._root is not None
        return int(await self._root.call_method(method.nodeid, *arguments))

    def _check(self, node: "Node") -> None:
        if node.nodeid not in self._allowed:
            raise PermissionError(f"{self.name}: {node.nodeid} is not ours to write")


def _secret(path: str) -> str:
    return Path(path).read_text(encoding="utf-8").strip()


class _Handler:
    """What asyncua calls with each value that has changed."""

    def __init__(self, names: dict[Any, str], values: asyncio.Queue[Value]) -> None:
        self._names = names
        self._values = values

    def datachange_notification(self, node: "Node", val: Any, _data: Any) -> None:
        self._values.put_nowait((self._names[node.nodeid], val))

    def status_change_notification(self, status: Any) -> None:
        self._values.put_nowait((_LOST, status))
