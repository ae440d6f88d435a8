"""A provider of robots by the mission, as its interface shows it: pure, on the caller's time.

    put      a mission under the customer's id; the same id again is the same mission
    cancel   before its load is taken it ends CANCELLED; later it goes on
    changes  what has changed since a number, and the number to ask from next time

A mission is taken up when a robot is free (`robots`), picks after `fetch_s`, and sets down after
`carry_s` more. Some fail, by `fails`; places that are not in `places` are refused. The price is
`base_minor` and `metre_minor` a metre; `surcharge_minor` is what it asks beside the contract.

Units: seconds, metres, minor units of `currency`.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from random import Random
from typing import Any

_OVER = ("FINISHED", "FAILED", "CANCELLED", "REFUSED")


@dataclass(slots=True)
class Mission:
    """One mission. `due_at`: when it gets to its next state, if it is under way."""

    id: str
    load: str
    source: str
    destination: str
    state: str = "ACCEPTED"
    robot: str = ""
    metres: float = 0.0
    price_minor: int | None = None
    reason: str = ""
    number: int = 0  # of its last change
    due_at: datetime | None = None


@dataclass(slots=True)
class Provider:
    """The provider's side."""

    seed: int = 0
    robots: int = 3
    places: tuple[str, ...] = ("*",)
    fetch_s: float = 40.0
    carry_s: float = 60.0
    fails: float = 0.0
    base_minor: int = 100
    metre_minor: float = 0.5
    surcharge_minor: int = 0
    cancel_minor: int | None = None  # what it asks for one that the customer took back
    currency: str = "JPY"
    missions: dict[str, Mission] = field(default_factory=dict)
    carried: list[str] = field(default_factory=list)  # loads that were set down, in order
    number: int = 0

    def put(self, id_: str, asked: Mapping[str, Any], now: datetime) -> dict[str, Any]:
        """Take a mission, or say what has become of it."""
        if id_ not in self.missions:
            source, destination = str(asked["source"]), str(asked["destination"])
            mission = Mission(id_, str(asked["load"]), source, destination)
            self.missions[id_] = mission
            if not all(self._knows(place) for place in (source, destination)):
                mission.reason = "unknown place"
                self._change(mission, "REFUSED", now)
            else:
                self._change(mission, "ACCEPTED", now)
        return self._said(self.missions[id_])

    def cancel(self, id_: str, now: datetime) -> dict[str, Any] | None:
        """End a mission that has not been loaded; None if there is none of that name."""
        mission = self.missions.get(id_)
        if mission is None:
            return None
        if mission.state == "ACCEPTED":
            mission.price_minor = self.cancel_minor
            self._change(mission, "CANCELLED", now)
        return self._said(mission)

    def changes(self, after: int) -> dict[str, Any]:
        """What has changed since then."""
        news = sorted((m for m in self.missions.values() if m.number > after), key=_number)
        return {"next": self.number, "missions": [self._said(one) for one in news]}

    def step(self, now: datetime) -> list[dict[str, Any]]:
        """Let time pass; what has changed."""
        before = self.number
        for mission in list(self.missions.values()):
            if mission.due_at is not None and now >= mission.due_at:
                self._go_on(mission, now)
        busy = sum(m.due_at is not None for m in self.missions.values())
        for mission in self.missions.values():
            if busy < self.robots and mission.state == "ACCEPTED" and mission.due_at is None:
                busy += 1
                mission.robot = f"robot-{mission.number % self.robots + 1}"
                mission.due_at = now + timedelta(seconds=self.fetch_s)
        return list(self.changes(before)["missions"])

    def _go_on(self, mission: Mission, now: datetime) -> None:
        chance = Random(f"{self.seed}/{mission.id}/{mission.state}")
        mission.metres += round(chance.uniform(10.0, 60.0), 1)
        if chance.random() < self.fails:
            mission.reason = "blocked"
            self._change(mission, "FAILED", now)
        elif mission.state == "ACCEPTED":
            self._change(mission, "LOADED", now)
            mission.due_at = now + timedelta(seconds=self.carry_s)
        else:
            self.carried.append(mission.load)
            price = self.base_minor + int(self.metre_minor * mission.metres + 0.5)
            mission.price_minor = price + self.surcharge_minor
            self._change(mission, "FINISHED", now)

    def _change(self, mission: Mission, state: str, _now: datetime) -> None:
        self.number += 1
        mission.state, mission.number = state, self.number
        if state in _OVER:
            mission.due_at = None

    def _knows(self, place: str) -> bool:
        return any(fnmatchcase(place, pattern) for pattern in self.places)

    def _said(self, mission: Mission) -> dict[str, Any]:
        said = asdict(mission)
        del said["due_at"], said["number"]
        return {**said, "currency": self.currency}


def _number(mission: Mission) -> int:
    return mission.number
