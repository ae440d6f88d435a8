"""Zebra fixed readers (FX7500, FX9600, ATR7000) by the IoT Connector: JSON over MQTT or HTTP.

    {"type": "SIMPLE", "timestamp": "2026-07-06T10:00:00.123+0000",
     "data": {"idHex": "30118…", "antenna": 1, "peakRssi": -43, "reads": 2, "eventNum": 17}}

also in lists, and as batches (`data.tagData`). `eventNum` counts the events of a reader: gaps are
counted as lost. `{"type": "GPI", "pin": 1, "state": "HIGH"}` tells of an input. Topics are the
operator's choice.

A site file says `driver = "zebra"`, and either `topic` (and `control`, where the reader listens
for commands: we tell it to start), or `port`, where it posts to us (user, password_file).

Pure but for `make`.

Source: Zebra IoT Connector, data interface (tag data events) and control interface ("start").
"""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from edge.drivers import Driver
from edge.drivers.around import Around
from edge.drivers.json_http import HttpSettings, PostSource
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
_WEAKEST_DBM, _STRONGEST_DBM, _READS_MAX = -150, 50, 100_000
_HIGH = frozenset({"HIGH", "1", "TRUE"})
_LEVELS = _HIGH | {"LOW", "0", "FALSE"}


class _Tag(BaseModel):
    model_config = _LENIENT
    idHex: str | None = None  # noqa: N815 - theirs
    antenna: int | None = None
    peakRssi: float | None = None  # noqa: N815
    reads: int = 1
    eventNum: int | None = None  # noqa: N815
    timestamp: str | None = None


class _Input(BaseModel):
    model_config = _LENIENT
    pin: Any = None
    state: Any = None


class _Data(_Tag, _Input):
    tagData: list[_Tag] | None = None  # noqa: N815


class _Event(_Input):
    type: str | None = None
    timestamp: str | None = None
    data: _Data | None = None


_events: TypeAdapter[list[_Event] | _Event] = TypeAdapter(list[_Event] | _Event)


def read(body: bytes) -> Heard:
    """The tags and inputs of a body; other events (heartbeats) say nothing to us.

    Raises:
        Malformed: it is no event and no list of them, or a tag in it has no EPC or no antenna.
    """
    try:
        found = _events.validate_json(body)
    except (ValidationError, RecursionError) as error:
        raise Malformed(str(error)) from error
    reads: list[JsonRead] = []
    numbers: list[int] = []
    inputs: list[tuple[int, bool, datetime | None]] = []
    for event in found if isinstance(found, list) else [found]:
        data = event.data
        if event.type == "GPI":
            inputs += [*_inputs(event)]
        if data is None or (data.idHex is None and not data.tagData):
            continue
        reads += [_read(tag, event) for tag in data.tagData or [data]]
        numbers += [tag.eventNum for tag in (data, *(data.tagData or ())) if tag.eventNum]
    return Heard(reads=tuple(reads), numbers=tuple(numbers), inputs=tuple(inputs))


def _inputs(event: _Event) -> Iterator[tuple[int, bool, datetime | None]]:
    """The input of a GPI event, which older readers tell flat and newer ones as data."""
    for one in (event, event.data):
        level = str(one.state).upper() if one is not None else ""
        if one is not None and isinstance(one.pin, int) and level in _LEVELS:
            yield one.pin, level in _HIGH, time_of(event.timestamp)


def _read(tag: _Tag, event: _Event) -> JsonRead:
    strength = UNKNOWN_DBM if tag.peakRssi is None else tag.peakRssi
    if not _WEAKEST_DBM <= strength <= _STRONGEST_DBM or not 0 < tag.reads <= _READS_MAX:
        raise Malformed(f"{tag.reads} reads of {strength} dBm")
    return JsonRead(
        epc_hex=hex_of(tag.idHex),
        antenna=antenna_of(tag.antenna),
        rssi_dbm=strength,
        at=time_of(tag.timestamp) or time_of(event.timestamp),
        count=tag.reads,
    )


def make(device: Mapping[str, Any], around: Around) -> Driver:
    """The driver of one `[[devices]]` row.

    Raises:
        ValueError: it says neither `topic` nor `port`, or something about HTTP that cannot be.
    """
    name = device["name"]
    source: Source
    if "topic" in device:
        start = json.dumps({"command": "start", "command_id": name, "payload": {}}).encode()
        source = MqttSource(
            device=name,
            url=around.mqtt_url,
            client_id=f"tags-{around.code}-{name}",
            topic=device["topic"],
            greeting=(device["control"], start) if "control" in device else None,
        )
    elif "port" in device:
        source = PostSource(http=HttpSettings.of(device, port_offset=around.port_offset))
    else:
        raise ValueError("says neither `topic` (MQTT) nor `port` (HTTP)")
    return JsonReader(device, around.site, clock=around.clock, source=source, read=read)
