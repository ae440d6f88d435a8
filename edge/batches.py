"""The wire of a stream: batches of messages, and acknowledgements of them, as JSON.

    data  {"epoch": "...", "seq": 4, "boot": "...", "up_s": 9.1, "shift_s": null,
           "messages": [{...}, {...}]}
    ack   {"epoch": "...", "seq": 5, "at": "...", "boot": "...", "up_s": 9.1, "again": true}

`seq` is the number of the first message. `boot`, `up_s` and `shift_s` are said by a sender that
stamps (edge.stamp); an acknowledgement gives the first two back, with its own time. `again` asks
for what follows: a batch came before its turn, or the receiver has just come back.

Laws:
    lenient  what else stands in a batch is left alone, and a message is anything that is an object
    refused  whatever could not be written down again (half characters, endless nests, NaN) is
             `Malformed`, and nothing else is ever raised
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog
from pydantic_core import from_json

log = structlog.get_logger(__name__)

EPOCH_MAX = 100  # characters
BYTES_MAX = 250_000  # of a batch; brokers take a megabyte
AGE_MAX_S = 1e12  # no run gets that old


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages `seq`, `seq` + 1 … of an epoch, as JSON objects."""

    epoch: str
    seq: int
    messages: tuple[Mapping[str, Any], ...]
    boot: str = ""  # the run that sends it, if it stamps …
    up_s: float = 0.0  # … how old it was then …
    shift_s: float | None = None  # … and what its clock is known to be off by


@dataclass(frozen=True, slots=True)
class Ack:
    """Everything of that epoch through `seq` has been done."""

    epoch: str
    seq: int
    at: datetime | None = None  # by the receiver's clock, after it got the batch that it echoes
    boot: str = ""
    up_s: float = 0.0
    again: bool = field(default=False, compare=False)  # what follows is missed: send it again


class Malformed(ValueError):  # noqa: N818 - reads as a situation
    """Bytes on a stream's topic that are no batch and no acknowledgement."""


def encode_batch(
    epoch: str, seq: int, bodies: Sequence[bytes], head: Mapping[str, Any] | None = None
) -> bytes:
    """A batch for the wire; the bodies are JSON objects already. `head` is what it says more."""
    start = json.dumps({"epoch": epoch, "seq": seq, **(head or {})})[:-1]
    return b"".join((start.encode(), b', "messages": [', b",".join(bodies), b"]}"))


def parts(seq: int, bodies: Sequence[bytes]) -> Iterator[tuple[int, Sequence[bytes]]]:
    """Messages from `seq` on in batches that a broker takes: `BYTES_MAX`, or one message."""
    start = size = 0
    for n, body in enumerate(bodies):
        if n > start and size + len(body) > BYTES_MAX:
            yield seq + start, bodies[start:n]
            start, size = n, 0
        size += len(body)
    if bodies:
        yield seq + start, bodies[start:]


def decode_batch(body: bytes) -> Batch:
    """Read a batch.

    Raises:
        Malformed: it is none.
    """
    match found := _decode(body):
        case {"epoch": str(epoch), "seq": int(seq), "messages": list(messages)} if seq >= 1:
            if _is_name(epoch) and all(isinstance(message, dict) for message in messages):
                shift_s = found.get("shift_s")
                return Batch(
                    epoch,
                    seq,
                    tuple(messages),
                    boot=str(found.get("boot", "")),
                    up_s=_number(found.get("up_s")),
                    shift_s=None if shift_s is None else _number(shift_s),
                )
    raise Malformed(f"not a batch: {body[:200]!r}")


def encode_ack(ack: Ack) -> bytes:
    """An acknowledgement for the wire."""
    said: dict[str, Any] = {"epoch": ack.epoch, "seq": ack.seq}
    if ack.at is not None:
        said |= {"at": ack.at.isoformat(), "boot": ack.boot, "up_s": ack.up_s}
    if ack.again:
        said["again"] = True
    return json.dumps(said).encode()


def decode_ack(body: bytes) -> Ack:
    """Read an acknowledgement.

    Raises:
        Malformed: it is none.
    """
    match found := _decode(body):
        case {"epoch": str(epoch), "seq": int(seq)} if seq >= 0 and _is_name(epoch):
            boot, up_s = str(found.get("boot", "")), _number(found.get("up_s"))
            again = found.get("again") is True
            return Ack(epoch, seq, _moment(found.get("at")), boot, up_s, again=again)
    raise Malformed(f"not an acknowledgement: {body[:200]!r}")


def _decode(body: bytes) -> Mapping[str, Any]:
    try:
        decoded = from_json(body, allow_inf_nan=False)  # refuses half characters and deep nests
    except ValueError as error:
        raise Malformed(f"not JSON: {body[:200]!r}") from error
    return decoded if isinstance(decoded, dict) else {}


def _is_name(epoch: str) -> bool:
    return 0 < len(epoch) <= EPOCH_MAX and epoch.isprintable()


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) and abs(value) < AGE_MAX_S else 0.0


def _moment(value: object) -> datetime | None:
    with suppress(ValueError, TypeError):
        at = datetime.fromisoformat(value)  # type: ignore[arg-type]
        return at if at.tzinfo is not None else None
    return None


def sound(body: bytes) -> bytes:
    """The body if it is a JSON object, or one that says that it is damaged."""
    with suppress(ValueError):
        if isinstance(from_json(body, allow_inf_nan=False), dict):
            return body
    log.error("stream.damaged", body=body[:200])
    return json.dumps({"type": "stream.damaged", "hex": body[:1000].hex()}).encode()
