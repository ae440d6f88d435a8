"""Messages that the engine cannot bear: found by trying, so that the others can go on.

    step fails ──> the state before it ──> halves of the inbox, again and again ──> what it bears
                   (from the journal)                                          └──> dead letters

A message that makes sense by its form may still meet a fault of ours. Tried again and again it
would hold a site up for good. So the shell (wcs.runtime) takes the step once more without it, from
the state before: only what was taken in is journaled, and a replay does the same.

Law:
    the state comes first   where the engine fails without any message no message is to blame: that
                            error goes on
"""

from collections.abc import Sequence
from datetime import datetime

from wcs.engine import Engine, Incoming
from wcs.state import from_json


def sift(
    engine: Engine, state: bytes, inbox: Sequence[Incoming], now: datetime
) -> tuple[list[int], dict[int, str]]:
    """Which messages the engine bears, and of the others why not; by their places in `inbox`.

    Each attempt begins with a new copy of `state` (JSON).
    """
    kept: list[int] = []
    faults: dict[int, str] = {}

    def try_out(places: list[int]) -> None:
        try:
            engine.step(from_json(state), [inbox[n] for n in (*kept, *places)], now)
        except Exception as error:  # whatever it is, it is not to hold up the others
            if not places:
                raise
            if len(places) == 1:
                faults[places[0]] = f"{type(error).__name__}: {error}"
                return
        else:
            kept.extend(places)
            return
        half = len(places) // 2
        try_out(places[:half])
        try_out(places[half:])

    try_out([])
    try_out([*range(len(inbox))])
    return kept, faults
