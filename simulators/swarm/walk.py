"""Through the gate: a tag near the antenna inside, then near that outside."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from edge.messages import DeviceEvent, TagGone, TagSeen
from simulators.swarm.timeline import Timeline

WALK_S, CARRY_AGAIN_S = 2.0, 600.0
Tell: TypeAlias = Callable[[Callable[[Any], DeviceEvent]], bool]


class Gate:
    """The gate, and who was carried through it when."""

    def __init__(self, timeline: Timeline, tag: Tell) -> None:
        """`tag`: a reader says something, if the edge is there to hear it."""
        self._timeline, self._tag = timeline, tag
        self._carried_s: dict[str, float] = {}

    def carry(self, code: str, epc: str) -> None:
        """Carry it through, unless that was done a moment ago."""
        now_s = self._timeline.now_s
        if now_s - self._carried_s.get(code, -CARRY_AGAIN_S) < CARRY_AGAIN_S:
            return
        self._carried_s[code] = now_s
        since = {1: 0.0, 2: 0.0}
        for antenna, near_s in ((1, WALK_S), (2, 2 * WALK_S)):
            self._timeline.later(
                near_s - 1,
                lambda antenna=antenna: self._seen(epc, antenna, since),  # type: ignore[misc]
            )
            self._timeline.later(
                near_s + 3,
                lambda antenna=antenna: self._left(epc, antenna, since),  # type: ignore[misc]
            )

    def _seen(self, epc: str, antenna: int, since: dict[int, float]) -> None:
        since[antenna] = self._timeline.now_s
        self._tag(
            lambda at: TagSeen(at=at, device="rfid", antenna=antenna, epc_hex=epc, rssi_dbm=-50.0)
        )

    def _left(self, epc: str, antenna: int, since: dict[int, float]) -> None:
        ago = timedelta(seconds=self._timeline.now_s - since[antenna])

        def gone(at: datetime) -> DeviceEvent:
            first = at - ago
            return TagGone(
                at=at, device="rfid", antenna=antenna, epc_hex=epc, first_seen_at=first,
                last_seen_at=first + timedelta(seconds=2),
                strongest_at=first + timedelta(seconds=1),
                reads=20, peak_rssi_dbm=-45.0, strongest_reads=10, strongest_spread_s=0.3,
            )  # fmt: skip

        self._tag(gone)
