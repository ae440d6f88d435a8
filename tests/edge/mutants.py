"""Mutants: frames that were right, damaged in ways that hurt decoders.

Any frame: bits flipped, bytes cut out, doubled, put in, the end cut off, two frames grafted, and
numbers of 2 or 4 bytes set to what lengths and counts must not be. Frames that are JSON objects
also: values exchanged for extremes, keys dropped, renamed and doubled, endless nests.
"""

import json
import struct
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any

EXTREMES: Sequence[Any] = (
    None, True, -1, 0, 2**31, 2**53 + 1, -(2**63), 10**30, 1e308, -1e-308, "", "\x00", "x" * 5_000,
    "倉庫", "\ud800", "9999-12-31T23:59:59Z", "0000-00-00T00:00:00Z", "NaN", [], {}, [[]] * 50,
    {"a": {"b": None}},
)  # fmt: skip
NUMBERS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
NEST = 20_000


def mutants(frames: Sequence[bytes], count: int, seed: int) -> Iterator[bytes]:
    """So many damaged frames; the same seed gives the same ones."""
    chance = Random(seed)
    for _ in range(count):
        frame = chance.choice(frames)
        if frame.lstrip()[:1] == b"{" and chance.random() < 0.6:
            yield _json_mutant(frame, chance)
            continue
        for _ in range(chance.choice((1, 1, 1, 2, 5))):
            frame = chance.choice(WAYS)(frame, frames, chance)
        yield frame


def _flip(frame: bytes, _all: Sequence[bytes], chance: Random) -> bytes:
    if not frame:
        return b"\x00"
    at = chance.randrange(len(frame))
    return frame[:at] + bytes([frame[at] ^ 1 << chance.randrange(8)]) + frame[at + 1 :]


def _cut_out(frame: bytes, _all: Sequence[bytes], chance: Random) -> bytes:
    start, end = _range(frame, chance)
    return frame[:start] + frame[end:]


def _double(frame: bytes, _all: Sequence[bytes], chance: Random) -> bytes:
    start, end = _range(frame, chance)
    return frame[:end] + frame[start:end] * chance.choice((1, 2, 200)) + frame[end:]


def _put_in(frame: bytes, _all: Sequence[bytes], chance: Random) -> bytes:
    at = chance.randint(0, len(frame))
    return frame[:at] + chance.randbytes(chance.choice((1, 2, 4, 64))) + frame[at:]


def _end(frame: bytes, _all: Sequence[bytes], chance: Random) -> bytes:
    return frame[: chance.randint(0, len(frame))]


def _graft(frame: bytes, frames: Sequence[bytes], chance: Random) -> bytes:
    other = chance.choice(frames)
    return frame[: chance.randint(0, len(frame))] + other[chance.randint(0, len(other)) :]


def _number(frame: bytes, _all: Sequence[bytes], chance: Random) -> bytes:
    layout, size = chance.choice(((">B", 1), (">H", 2), (">I", 4), ("<I", 4)))
    at = chance.randint(0, max(0, len(frame) - size))
    value = chance.choice(NUMBERS) & (1 << 8 * size) - 1
    return frame[:at] + struct.pack(layout, value) + frame[at + size :]


WAYS: Sequence[Callable[[bytes, Sequence[bytes], Random], bytes]] = (
    _flip, _cut_out, _double, _put_in, _end, _graft, _number
)  # fmt: skip


def _range(frame: bytes, chance: Random) -> tuple[int, int]:
    start = chance.randint(0, len(frame))
    return start, min(len(frame), start + chance.choice((1, 2, 4, 16)))


def _json_mutant(frame: bytes, chance: Random) -> bytes:
    root = json.loads(frame)
    if chance.random() < 0.02:
        return b'{"a":' * NEST + b"1" + b"}" * NEST
    holders = [holder for holder in _holders(root) if holder]
    holder = chance.choice(holders) if holders else root
    key = chance.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
    if isinstance(holder, dict) and chance.random() < 0.3:
        value = holder.pop(key)
        if chance.random() < 0.5:
            holder[chance.choice((key.upper(), key + " ", "\ud800", ""))] = value
    else:
        holder[key] = chance.choice(EXTREMES)
    said = json.dumps(root, allow_nan=True)
    return said.replace("1e+308", "1e999").encode()


def _holders(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list):
        yield value
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _holders(inner)
