"""Doors, lifts and a safety circuit, as the PLC of a building has them: pure, on the caller's time.

A portal moves to where its session wants it, stands there while the lease lasts, and closes (a
lift stays) when the session ends or nobody renews it. A second session waits until the first has
ended. `broken` ones move no more.

Units: seconds.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

CLOSED = "CLOSED"


@dataclass(slots=True)
class PortalModel:
    """One door or lift. `at` is where it is, "" while it moves."""

    name: str
    at: str = CLOSED
    move_s: float = 3.0
    closes: bool = True  # a door does, a lift does not
    broken: bool = False
    session: str = ""
    target: str = ""
    until_at: datetime | None = None
    _arrives_at: datetime | None = field(default=None, repr=False)

    def want(self, session: str, position: str, until_at: datetime | None, now: datetime) -> None:
        """Somebody says which session shall have it, and where."""
        if self.session and session not in ("", self.session) and not self._lapsed(now):
            return
        self.session, self.until_at = session, until_at
        self._go(position if session else CLOSED if self.closes else self.at or self.target, now)

    def step(self, now: datetime) -> None:
        """Let time pass."""
        if self._lapsed(now):
            self.session, self.until_at = "", None
            self._go(CLOSED if self.closes else self.at or self.target, now)
        if self._arrives_at is not None and now >= self._arrives_at and not self.broken:
            self.at, self._arrives_at = self.target, None

    @property
    def status(self) -> Literal["FREE", "MOVING", "GRANTED", "FAULT"]:
        """What it says of itself."""
        if self.broken:
            return "FAULT"
        if not self.at:
            return "MOVING"
        return "GRANTED" if self.session else "FREE"

    def _lapsed(self, now: datetime) -> bool:
        return self.until_at is not None and now >= self.until_at

    def _go(self, target: str, now: datetime) -> None:
        if target == (self.at or self.target):
            return
        self.at, self.target = "", target
        self._arrives_at = now + timedelta(seconds=self.move_s)


@dataclass(slots=True)
class CircuitModel:
    """A safety circuit with its button and its reset."""

    name: str
    stopped: bool = False

    def press(self) -> None:
        """Emergency stop."""
        self.stopped = True

    def reset(self) -> None:
        """Pulled out and acknowledged at the machine."""
        self.stopped = False
