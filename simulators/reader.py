"""What a gate's reader does, whoever made it: tags are carried past it."""

import asyncio
from typing import Protocol

from simulators.rfid import Way


class GateReader(Protocol):
    """A reader with its gate: LLRP (simulators.live_rfid), JSON (simulators.live_json_readers)."""

    def carry(self, epcs_hex: list[str], way: Way, seconds: float) -> asyncio.Task[None]:
        """Carry tags through the gate, beginning now; await it to know when they are through."""
        ...
