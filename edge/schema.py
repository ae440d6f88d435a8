"""The JSON Schemas of what goes over the broker between an edge and its WCS.

For whoever writes another edge, or looks at what goes by. Within version 1 (`soko/v1/...`) fields
are only added, with defaults: a reader leaves alone what it does not know, and sets aside what it
cannot understand (edge.dead).

Source: JSON Schema draft 2020-12.
"""

from typing import Any

from pydantic import TypeAdapter

from edge.messages import device_command, device_event, robot_report

_EPOCH = {"type": "string", "minLength": 1, "maxLength": 100}
_RUN = {"boot": {"type": "string"}, "up_s": {"type": "number"}}
_RECORDED = {
    "description": "the run of the edge that wrote it, its age then, what its clock was off by",
    "type": "object",
    "properties": {**_RUN, "shift_s": {"type": ["number", "null"]}},
}


def schemas() -> dict[str, Any]:
    """A schema by name: event, report, command; batch and ack are the stream's."""
    adapters: dict[str, TypeAdapter[Any]] = {
        "event": device_event, "report": robot_report, "command": device_command
    }  # fmt: skip
    found: dict[str, Any] = {name: each.json_schema() for name, each in adapters.items()}
    seq = {"type": "integer", "minimum": 1}
    message = {"type": "object", "properties": {"recorded": _RECORDED}}
    found["batch"] = {
        "type": "object",
        "required": ["epoch", "seq", "messages"],
        "properties": {
            "epoch": _EPOCH,
            "seq": seq,
            **_RECORDED["properties"],  # type: ignore[dict-item]  # a mapping, as it stands above
            "messages": {"type": "array", "items": message},
        },
    }
    at = {"type": "string", "format": "date-time"}
    found["ack"] = {
        "type": "object",
        "required": ["epoch", "seq"],
        "properties": {"epoch": _EPOCH, "seq": {**seq, "minimum": 0}, "at": at, **_RUN},
    }
    draft = "https://json-schema.org/draft/2020-12/schema"
    return {name: {"$schema": draft, **schema} for name, schema in found.items()}
