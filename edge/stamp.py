"""Stamps: by which run of the edge, and how long after its start, something was written.

A time that a device or an edge tells is a claim: its clock may be wrong. So every event carries

    "recorded": {"boot": "...", "up_s": 12.5, "shift_s": 7200.0}

beside its own fields: the run of the edge, the seconds since that run began (which nobody can
set), and what its clock was known to be off by just then (null: not known yet). A batch says what
the run that sends it knows by now, so what it wrote before it first met the WCS is put right too.

Inside the edge all times are its own counted time (edge.clock); they are put right at the border,
outwards by who receives (`put_right`), inwards by `to_edge_time`.

Times are aware UTC, shifts in seconds: WCS time = edge time + shift.
"""

import json
from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

KEY = "recorded"

T = TypeVar("T")


def stamped(body: bytes, *, boot: str, up_s: float, shift_s: float | None) -> bytes:
    """A JSON object with its stamp."""
    stamp = json.dumps({"boot": boot, "up_s": round(up_s, 6), "shift_s": shift_s})
    comma = b"," if body.rstrip() != b"{}" else b""
    return b"".join((body.rstrip()[:-1], comma, b'"recorded":', stamp.encode(), b"}"))


def shift_of(body: Mapping[str, Any], *, boot: str, shift_s: float | None) -> float:
    """By how many seconds the times of an event are off, by its stamp and its sender's word."""
    stamp = body.get(KEY)
    if not isinstance(stamp, Mapping):
        return 0.0
    known = shift_s if stamp.get("boot") == boot and shift_s is not None else stamp.get("shift_s")
    return float(known) if isinstance(known, int | float) else 0.0


def put_right(body: Mapping[str, Any], shift_s: float) -> dict[str, Any]:
    """The event without its stamp, its times (`at` and `..._at`) shifted.

    What is no time stays as it is: whoever reads the event will say so.
    """
    plain = {name: value for name, value in body.items() if name != KEY}
    if shift_s:
        for name, value in plain.items():
            if (name == "at" or name.endswith("_at")) and isinstance(value, str):
                plain[name] = _shifted(value, shift_s)
    return plain


def to_edge_time(message: T, shift_s: float) -> T:
    """A command in the time of the edge: every moment in it less the shift."""
    if not shift_s:
        return message
    moments = {
        field.name: value - timedelta(seconds=shift_s)
        for field in fields(message)  # type: ignore[arg-type]  # messages are dataclasses
        if isinstance(value := getattr(message, field.name), datetime)
    }
    return replace(message, **moments) if moments else message  # type: ignore[type-var]


def _shifted(value: str, shift_s: float) -> str:
    try:
        return (datetime.fromisoformat(value) + timedelta(seconds=shift_s)).isoformat()
    except (ValueError, OverflowError):
        return value
