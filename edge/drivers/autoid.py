"""An RFID reader with an OPC UA server, by the AutoID companion specification.

    object = "DeviceSet/Gate 1"      where the reader stands below Objects, by browse names

Its RfidScanEvents are subscribed to; every sighting in them is a read, and the rest is as with any
reader (edge.drivers.tags). If `writes` of its row names "ScanStart", it is told to scan; otherwise
somebody else has set it up. How the connection is made safe: edge.drivers.opcua_link.

Laws:
    lenient in   a result without sightings counts once, at antenna `antenna` of the row (1); one
                 that makes no sense is counted and dropped
    no faith     the server is asked for a sign of life; silence is `DeviceUnavailable`

The types are the server's own, read when connecting: AutoID 1.0 and 1.01 do alike. Time-outs are
real seconds. Source: OPC 30010 (AutoID), OPC 10000-9.
"""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import structlog

from edge.clock import Clock
from edge.drivers import DeviceUnavailable, Driver, Say
from edge.drivers.around import Around
from edge.drivers.opcua_link import Link, new_client, read_link
from edge.drivers.tags import UNKNOWN_DBM, TagReads, antennas_of
from edge.drivers.writes import Writes
from edge.identity import IdentityMissing
from edge.messages import DeviceCommand, TellAgain
from edge.tagfilter import RawRead

if TYPE_CHECKING:
    from asyncua.client.client import Client
    from asyncua.common.node import Node

log = structlog.get_logger(__name__)

NAMESPACE = "http://opcfoundation.org/UA/AutoID/"
EVENT = ("AutoIdScanEventType", "RfidScanEventType")
_SCAN_START, _ERROR_STATE = "ScanStart", 1
_CONNECT_S, _ANSWER_S, _TICK_S, _LIFE_S = 15.0, 2.0, 0.05, 2.0
_PERIOD_MS, _WAITING_MAX = 20.0, 10_000
_FAILURES = (OSError, TimeoutError, IdentityMissing, ValueError)


def make(device: Mapping[str, Any], around: Around) -> Driver:
    """The driver of one `[[devices]]` row.

    Raises:
        ValueError: its settings are not safe, or name what there is not.
    """
    link = read_link(device, around)
    return AutoIdReader(device, link, antennas_of(device["name"], around.site), clock=around.clock)


class AutoIdReader:
    """One reader."""

    def __init__(
        self, device: Mapping[str, Any], link: Link, antennas: tuple[int, ...], *, clock: Clock
    ) -> None:
        self.name: str = device["name"]
        self._path = str(device.get("object", f"DeviceSet/{self.name}")).split("/")
        self._antenna: int = device.get("antenna", 1)
        self._link, self._clock = link, clock
        self._writes = Writes(device, (_SCAN_START,))
        self._reads = TagReads(device, antennas, clock=clock)

    async def run(self, say: Say) -> None:
        """Connect and listen until cancelled.

        Raises:
            DeviceUnavailable: the reader cannot be reached, or not any more.
        """
        from asyncua.ua.uaerrors import UaError  # noqa: PLC0415 - takes a second

        client, is_connected = None, False
        try:
            async with asyncio.timeout(_CONNECT_S):
                client = await new_client(self._link, timeout_s=_ANSWER_S)
                await client.connect()
                is_connected = True
                await client.load_data_type_definitions()
                values = await self._subscribe(client)
            self._reads.begin(say)
            self._reads.tell_status()
            await self._listen(client, values)
        except (*_FAILURES, UaError) as error:
            raise DeviceUnavailable(self.name, f"{self._link.url}: {error!r}") from error
        finally:
            if client is not None and (is_connected or client.uaclient.has_transport):
                with suppress(UaError, OSError, TimeoutError):
                    await client.disconnect()

    async def tell(self, command: DeviceCommand) -> None:
        """Say again how the reader is and which tags it sees; it takes no other command."""
        if isinstance(command, TellAgain):
            self._reads.tell_again()
        else:
            log.warning("rfid.refused", device=self.name, command=command.type)

    def health(self) -> Mapping[str, float | int | str]:
        """What was read and counted."""
        return {**self._reads.health(), "security": self._link.mode}

    # ------------------------------------------------------------------------- the connection
    async def _subscribe(self, client: "Client") -> "asyncio.Queue[tuple[str, Any]]":
        values: asyncio.Queue[tuple[str, Any]] = asyncio.Queue(_WAITING_MAX)
        space = await client.get_namespace_index(NAMESPACE)
        kind = await client.nodes.base_event_type.get_child([f"{space}:{name}" for name in EVENT])
        reader = await self._find(client)
        subscription = await client.create_subscription(_PERIOD_MS, _Handler(values))
        await subscription.subscribe_events(reader, kind)
        for child in await reader.get_children():
            name = (await child.read_browse_name()).Name
            if name == "DeviceStatus":
                await subscription.subscribe_data_change(child)
            elif name == _SCAN_START and _SCAN_START in self._writes.allowed:
                await self._start(reader, child)
        return values

    async def _find(self, client: "Client") -> "Node":
        """By browse names, in whatever namespace: how a reader is filed is its maker's affair."""
        here = client.nodes.objects
        for wanted in self._path:
            for child in await here.get_children():
                if (await child.read_browse_name()).Name == wanted:
                    here = child
                    break
            else:
                raise ValueError(f"there is no {'/'.join(self._path)} below Objects")
        return here

    async def _start(self, reader: "Node", method: "Node") -> None:
        from asyncua import ua  # noqa: PLC0415

        self._writes.check(_SCAN_START)
        settings = ua.ScanSettings()  # type: ignore[attr-defined]  # the server's own type
        settings.DataAvailable = False  # go on until told otherwise
        await reader.call_method(method.nodeid, settings)

    async def _listen(self, client: "Client", values: "asyncio.Queue[tuple[str, Any]]") -> None:
        loop = asyncio.get_running_loop()
        look_s = loop.time() + _LIFE_S
        while True:
            try:
                async with asyncio.timeout(_TICK_S):
                    name, value = await values.get()
            except TimeoutError:
                self._reads.tick()
            else:
                self._hear(name, value)
            if loop.time() > look_s:
                await client.nodes.server_state.read_value()
                look_s = loop.time() + _LIFE_S

    def _hear(self, name: str, value: Any) -> None:
        if name == "lost":
            raise ValueError(f"the subscription ended: {value}")
        if name == "status":
            self._reads.tell_status("reader error" if value == _ERROR_STATE else "")
            return
        now = self._clock.now()
        reads = []
        for result in value or []:
            try:
                reads += [*self._of(result, now)]
            except (AttributeError, TypeError, ValueError) as error:
                self._reads.counts["malformed"] += 1
                log.warning("autoid.malformed", device=self.name, problem=str(error))
        self._reads.take(sorted(reads, key=lambda read: read.at))

    def _of(self, result: Any, now: datetime) -> Iterator[RawRead]:
        """The reads of one RfidScanResult."""
        epc_hex = epc_of(result.ScanData)
        sightings = result.Sighting or []
        if not sightings:
            at = self._reads.at(_aware(result.Timestamp), now)
            yield RawRead(at=at, antenna=self._antenna, epc_hex=epc_hex, rssi_dbm=UNKNOWN_DBM)
        for one in sightings:
            yield RawRead(
                at=self._reads.at(_aware(one.Timestamp), now),
                antenna=int(one.Antenna),
                epc_hex=epc_hex,
                rssi_dbm=float(one.Strength),
            )


def epc_of(data: Any) -> str:
    """The EPC in a ScanData: its Epc, or bytes or hexadecimal text; in capitals.

    Raises:
        ValueError: there is none.
    """
    if (epc := getattr(data, "Epc", None)) is not None:
        return bytes(epc.UId).hex().upper()
    if (raw := getattr(data, "ByteString", None)) is not None:
        return bytes(raw).hex().upper()
    text = str(getattr(data, "String", None) or "")
    if not text:
        raise ValueError("a scan without an EPC")
    return bytes.fromhex(text).hex().upper()


def _aware(at: datetime | None) -> datetime | None:
    return at.replace(tzinfo=UTC) if at is not None and at.tzinfo is None else at


class _Handler:
    """What asyncua calls with events and values. A reader that floods us loses reads, not us."""

    def __init__(self, values: "asyncio.Queue[tuple[str, Any]]") -> None:
        self._values = values

    def event_notification(self, event: Any) -> None:
        self._put("reads", getattr(event, "ScanResult", None))

    def datachange_notification(self, _node: Any, val: Any, _data: Any) -> None:
        self._put("status", val)

    def status_change_notification(self, status: Any) -> None:
        self._put("lost", status)

    def _put(self, name: str, value: Any) -> None:
        with suppress(asyncio.QueueFull):
            self._values.put_nowait((name, value))
