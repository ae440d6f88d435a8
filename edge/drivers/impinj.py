"""Impinj R700 readers by their IoT interface: JSON events over MQTT or an HTTP stream.

    {"timestamp": "2026-07-06T10:00:00.123456789Z", "hostname": "impinj-14-a6-c8",
     "eventType": "tagInventory",
     "tagInventoryEvent": {"epc": "MBGDHdRuiSlBZC0A", "epcHex": "30118…", "antennaPort": 1,
                           "peakRssiCdbm": -4350, "lastSeenTime": "…"}}

Which of them come is set on the reader. `epc` is URL-safe base64 and not hex, strengths are
hundredths of dBm. Other events (antennas, inventory, overflow) say how the reader is, or that an
input has another level (gpiTransition).

A site file says `driver = "impinj"`, and either `topic`, or `host` and `port` with `preset`, the
inventory preset on the reader that we start (user, password_file, tls, ca: edge.drivers.json_http).

Pure but for `make`.

Source: Impinj R700 IoT device interface, REST API 1.x: /data/stream, /profiles/inventory.
"""

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from edge.drivers import Driver
from edge.drivers.around import Around
from edge.drivers.json_http import HttpSettings, StreamSource
from edge.drivers.json_reads import (
    Heard,
    JsonRead,
    JsonReader,
    Malformed,
    MqttSource,
    Source,
    antenna_of,
    hex_of,
    time_of,
)
from edge.drivers.tags import UNKNOWN_DBM

_LENIENT = ConfigDict(extra="ignore", allow_inf_nan=False)
_WEAKEST_CDBM, _STRONGEST_CDBM = -15_000, 5_000


class _Tag(BaseModel):
    model_config = _LENIENT
    epc: str | None = None
    epcHex: str | None = None  # noqa: N815 - theirs
    antennaPort: int | None = None  # noqa: N815
    peakRssiCdbm: float | None = None  # noqa: N815
    lastSeenTime: str | None = None  # noqa: N815


class _Antenna(BaseModel):
    model_config = _LENIENT
    antennaPort: int  # noqa: N815


class _Input(BaseModel):
    model_config = _LENIENT
    gpi: int
    transition: Literal["low-to-high", "high-to-low"]


class _Event(BaseModel):
    model_config = _LENIENT
    timestamp: str | None = None
    gpiTransitionEvent: _Input | None = None  # noqa: N815
    tagInventoryEvent: _Tag | None = None  # noqa: N815
    antennaConnectedEvent: _Antenna | None = None  # noqa: N815
    antennaDisconnectedEvent: _Antenna | None = None  # noqa: N815
    inventoryStatusEvent: dict[str, Any] | None = None  # noqa: N815
    inventoryTerminatedEvent: dict[str, Any] | None = None  # noqa: N815
    overflowEvent: dict[str, Any] | None = None  # noqa: N815


_events: TypeAdapter[list[_Event] | _Event] = TypeAdapter(list[_Event] | _Event)


def read(body: bytes) -> Heard:
    """The events of a body: one, a list of them, or nothing but white space (a keepalive).

    Raises:
        Malformed: it is none of these, or a tag in it has no EPC or no antenna.
    """
    if not body.strip():
        return Heard()
    try:
        found = _events.validate_json(body)
    except (ValidationError, RecursionError) as error:
        raise Malformed(str(error)) from error
    events = found if isinstance(found, list) else [found]
    fault = None
    for event in events:
        fault = _fault(event) if _fault(event) is not None else fault
    return Heard(
        reads=tuple(
            _tag(event.tagInventoryEvent, event)
            for event in events
            if event.tagInventoryEvent is not None
        ),
        antennas=tuple(pair for event in events for pair in _antennas(event)),
        fault=fault,
        inputs=tuple(
            (one.gpi, one.transition == "low-to-high", time_of(event.timestamp))
            for event in events
            if (one := event.gpiTransitionEvent) is not None
        ),
    )


def _tag(tag: _Tag, event: _Event) -> JsonRead:
    if tag.epcHex is not None:
        epc_hex = hex_of(tag.epcHex)
    else:
        try:
            padded = (tag.epc or "") + "=" * (-len(tag.epc or "") % 4)
            epc_hex = hex_of(base64.b64decode(padded, altchars=b"-_", validate=True).hex())
        except (binascii.Error, ValueError) as error:
            raise Malformed(f"no EPC: {tag.epc!r}") from error
    strength = tag.peakRssiCdbm
    if strength is not None and not _WEAKEST_CDBM <= strength <= _STRONGEST_CDBM:
        raise Malformed(f"a strength of {strength} cdBm")
    return JsonRead(
        epc_hex=epc_hex,
        antenna=antenna_of(tag.antennaPort),
        rssi_dbm=UNKNOWN_DBM if strength is None else strength / 100,
        at=time_of(tag.lastSeenTime) or time_of(event.timestamp),
    )


def _antennas(event: _Event) -> Iterator[tuple[int, bool]]:
    if event.antennaConnectedEvent is not None:
        yield event.antennaConnectedEvent.antennaPort, True
    if event.antennaDisconnectedEvent is not None:
        yield event.antennaDisconnectedEvent.antennaPort, False


def _fault(event: _Event) -> str | None:
    if event.inventoryTerminatedEvent is not None:
        return "the inventory was ended"
    if event.overflowEvent is not None:
        return "the reader lost events"
    if event.inventoryStatusEvent is not None:
        status = str(event.inventoryStatusEvent.get("inventoryStatus", ""))[:40]
        return "" if status == "running" else f"the inventory is {status or 'unknown'}"
    return None


def make(device: Mapping[str, Any], around: Around) -> Driver:
    """The driver of one `[[devices]]` row.

    Raises:
        ValueError: it says neither `topic` nor `port`, or something about HTTP that cannot be.
    """
    name = device["name"]
    source: Source
    if "topic" in device:
        client_id = f"tags-{around.code}-{name}"
        source = MqttSource(
            device=name, url=around.mqtt_url, client_id=client_id, topic=device["topic"]
        )
    elif "port" in device:
        preset = device.get("preset")
        start = f"/api/v1/profiles/inventory/presets/{preset}/start" if preset else ""
        http = HttpSettings.of(device, port_offset=around.port_offset)
        source = StreamSource(http=http, path="/api/v1/data/stream", start=start)
    else:
        raise ValueError("says neither `topic` (MQTT) nor `port` (HTTP)")
    return JsonReader(device, around.site, clock=around.clock, source=source, read=read)
