"""Run a journal through the engine again, and show where it would do something else today.

What the WCS did on a site can so be looked at on any desk, and a change of the engine be tried
on a real day: the first step whose outbox differs is shown, with the lines that differ.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from difflib import unified_diff
from hashlib import sha256
from pathlib import Path

from wcs.engine import Engine
from wcs.journal import Batch, open_recording
from wcs.state import State, outbox_json, to_json


@dataclass(frozen=True, slots=True)
class Difference:
    """The first step that came out differently."""

    batch: int
    at: datetime
    inbox: tuple[str, ...]  # the types of what came in
    lines: tuple[str, ...]  # a unified diff: - as it was, + as it is now


@dataclass(frozen=True, slots=True)
class Replay:
    """What a replay found. `digest` names everything that was said."""

    batches: int
    first_at: datetime | None
    last_at: datetime | None
    digest: str
    state: State
    difference: Difference | None


def replay(path: Path) -> Replay:
    """Replay a journal from its first snapshot to its end, or to the first difference.

    Raises:
        FileNotFoundError: there is no journal there.
    """
    recording = open_recording(path)
    state, digest = recording.state, sha256()
    plants = list(recording.plants)
    engine = Engine(plants.pop(0)[1])
    count, first_at, last_at = 0, None, None
    for batch in recording.batches():
        while plants and batch.id >= plants[0][0]:
            engine = Engine(plants.pop(0)[1])
        said = outbox_json(engine.step(state, batch.inbox, batch.at))
        digest.update(said)
        count += 1
        first_at, last_at = first_at or batch.at, batch.at
        if said != batch.outbox:
            found = _difference(batch, said)
            return Replay(count, first_at, last_at, digest.hexdigest(), state, found)
    digest.update(to_json(state))
    return Replay(count, first_at, last_at, digest.hexdigest(), state, None)


def _difference(batch: Batch, said: bytes) -> Difference:
    lines = unified_diff(
        list(_lines(batch.outbox)), list(_lines(said)), "journal", "now", lineterm="", n=1
    )
    return Difference(
        batch=batch.id,
        at=batch.at,
        inbox=tuple(message.type for message in batch.inbox),
        lines=tuple(lines),
    )


def _lines(outbox: bytes) -> Iterator[str]:
    """One line a message."""
    for where, messages in json.loads(outbox).items():
        for message in messages:
            yield f"{where} {json.dumps(message, sort_keys=True)}"
