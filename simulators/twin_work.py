"""What a twin's site is asked to do: totes to stations and home again, and how long that took.

A load lies at each storage place and belongs there; it is brought to a station and then home. Where
there is no storage, loads go from station to station.

Units: seconds (unix time for moments).
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from wcs.messages import TransportOrder, TransportReport

OVER = ("FINISHED", "FAILED", "WITHDRAWN")


@dataclass(slots=True)
class _Load:
    """A tote: where it belongs ("": anywhere), and where it is or will be."""

    name: str
    home: str
    place: str


class Work:
    """The orders of a run.

    Attributes:
        took_s: how long each order took that is over.
        failed: how many of these failed.
    """

    def __init__(
        self,
        name: str,
        homes: Sequence[str],
        stations: Sequence[str],
        rng: Random,
        *,
        loads: int,
        asked_s: Mapping[str, float],
    ) -> None:
        """`loads` without a home, if there are no `homes`; `asked_s`: orders that are under way."""
        self.took_s: list[float] = []
        self.failed = self._count = 0
        self._name, self._stations, self._rng = name, [*stations], rng
        self._asked_s = dict(asked_s)
        self._under_way: dict[str, _Load] = {}
        mixed = rng.sample(homes, len(homes))
        rows = [(home, home) for home in mixed]
        rows = rows or [("", stations[n % len(stations)]) for n in range(loads if stations else 0)]
        self._loads = deque(_Load(f"{name}-{n}", *row) for n, row in enumerate(rows))

    def wanted(self, at: float) -> list[TransportOrder]:
        """One more order; nothing while all loads are on their way."""
        if not self._loads or len(self._stations) < 2:
            return []
        load = self._loads.popleft()
        source = load.place
        away = [name for name in self._stations if name != source]
        is_home = source == load.home or not load.home
        load.place = self._rng.choice(away) if is_home else load.home
        self._count += 1
        order = TransportOrder(
            id=f"{self._name}-{self._count}",
            load=load.name,
            source=source,
            destination=load.place,
        )
        self._asked_s[order.id], self._under_way[order.id] = at, load
        return [order]

    def reported(self, said: TransportReport, at: float) -> None:
        """The WCS says how far an order is."""
        if said.state not in OVER or (asked_s := self._asked_s.pop(said.id, None)) is None:
            return
        self.took_s.append(at - asked_s)
        self.failed += said.state == "FAILED"
        load = self._under_way.pop(said.id, None)
        if load is None or said.state != "FINISHED":
            return
        if load.home in ("", load.place):
            self._loads.append(load)
        else:
            self._loads.appendleft(load)  # its picks are done: it goes home next
