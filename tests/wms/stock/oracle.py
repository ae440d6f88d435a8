"""The sequential oracle: what reserving does, said one line after the other in plain Python.

It keeps balances, holds and a clock, and knows nothing of sets, locks or databases. Where it and
the ledger differ, one of them is wrong; as it is short enough to read, that is mostly the ledger.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from wms.stock.balance import Wish, first_come_first_served
from wms.stock.faults import UNITS_MAX
from wms.stock.promises import Reserve

Key = tuple[UUID, UUID, str]  # site, SKU, segment


@dataclass
class Account:
    """A balance."""

    sellable: int
    safety: int = 0
    overdraft: int = 0
    promised: dict[str, int] = field(default_factory=lambda: {"HELD": 0, "ALLOCATED": 0})
    parts: dict[str, int] = field(default_factory=lambda: {"CART": 0, "CLICK_RESERVE": 0})

    @property
    def can(self) -> int:
        """Units that may be promised."""
        return self.sellable - sum(self.promised.values()) - self.safety + self.overdraft

    def count(self, line: Reserve, state: str, sign: int) -> None:
        """A hold in that state begins (1) or ends (-1)."""
        self.promised[state] += sign * line.units
        if state == "HELD" and line.kind in self.parts:
            self.parts[line.kind] += sign * line.units


@dataclass
class Held:
    """A hold, or a refusal."""

    line: Reserve
    state: str
    granted: bool
    free: int


@dataclass
class Oracle:
    """Stock and promises of some SKUs."""

    accounts: dict[Key, Account]
    keeps: dict[tuple[UUID, str], int]  # by SKU and channel
    known: set[UUID]  # SKUs
    holds: dict[UUID, Held] = field(default_factory=dict)
    _timed: dict[Key, list[Held]] = field(default_factory=dict)  # HELD, and may run out

    def reserve(self, lines: Sequence[Reserve], now: datetime) -> list[tuple[bool, int] | str]:
        """For each line, granted and free, or what is wrong with it."""
        answers: dict[int, str] = {}
        refused: set[UUID | None] = set()
        fresh: dict[UUID, Reserve] = {}
        place: dict[UUID, int] = {}  # of a line or a group in the queue: where it is named first
        for number, line in enumerate(lines):
            before = fresh.get(line.hold_id) or getattr(self.holds.get(line.hold_id), "line", None)
            place.setdefault(line.group_id or line.hold_id, number)
            fault = self._fault(line, before)
            if fault:
                answers[number] = fault
                refused.add(line.group_id)
            elif before is None:
                fresh[line.hold_id] = line
            elif line.hold_id in self.holds and not self.holds[line.hold_id].granted:
                refused.add(line.group_id)
        refused.discard(None)
        self._end_overdue([*fresh.values()], now)
        queue = sorted(
            (line for line in fresh.values() if line.group_id not in refused),
            key=lambda line: place[line.group_id or line.hold_id],
        )
        self._decide([*fresh.values()], queue)
        return [
            answers.get(number) or (self.holds[line.hold_id].granted, self.holds[line.hold_id].free)
            for number, line in enumerate(lines)
        ]

    def _fault(self, line: Reserve, before: Reserve | None) -> str | None:
        if not 1 <= line.units <= UNITS_MAX:
            return "units_out_of_range"
        if before is not None:
            return None if self._same(line, before) else "id_reused"
        return None if line.sku_id in self.known else "not_found"

    @staticmethod
    def _same(line: Reserve, before: Reserve) -> bool:
        names = ("sku_id", "segment", "units", "kind", "state", "demand_id", "channel")
        return all(getattr(line, name) == getattr(before, name) for name in names)

    def _end_overdue(self, fresh: list[Reserve], now: datetime) -> None:
        """Where more is wanted than there is, what is overdue ends first."""
        wanted: dict[Key, list[int]] = {}
        for line in fresh:
            sums = wanted.setdefault(self._key(line), [0, 0])
            sums[0] += line.units
            sums[1] = max(sums[1], self._keep(line))
        for key, sums in wanted.items():
            if key in self.accounts and sum(sums) > self.accounts[key].can:
                self._expire(key, now)

    def _decide(self, fresh: list[Reserve], queue: list[Reserve]) -> None:
        free: dict[Hashable, int] = {key: account.can for key, account in self.accounts.items()}
        wishes = [
            Wish(
                balance=self._key(line),
                units=line.units,
                group=line.group_id or line.hold_id,
                keep=self._keep(line),
            )
            for line in queue
        ]
        yes = {
            line.hold_id: granted
            for line, granted in zip(queue, first_come_first_served(free, wishes), strict=True)
        }
        for line in fresh:
            account = self.accounts.get(self._key(line), Account(0))
            granted = yes.get(line.hold_id, False)
            if granted:
                account.count(line, line.state, 1)
            left = account.can - account.overdraft
            state = line.state if granted else "REFUSED"
            hold = self.holds[line.hold_id] = Held(line, state, granted, left)
            if state == "HELD" and line.expires_at:
                self._timed.setdefault(self._key(line), []).append(hold)

    def release(self, line: Reserve) -> None:
        """The hold of that line ends."""
        hold = self.holds[line.hold_id]
        self.accounts[self._key(line)].count(line, hold.state, -1)
        hold.state = "RELEASED"

    def sweep(self, now: datetime) -> None:
        """All that is overdue ends."""
        for key in list(self._timed):
            self._expire(key, now)

    def _expire(self, key: Key, now: datetime) -> None:
        live = []
        for hold in self._timed.get(key, []):
            if hold.state == "HELD" and hold.line.expires_at and hold.line.expires_at <= now:
                self.accounts[key].count(hold.line, "HELD", -1)
                hold.state = "EXPIRED"
            elif hold.state == "HELD":
                live.append(hold)
        self._timed[key] = live

    def _keep(self, line: Reserve) -> int:
        return self.keeps.get((line.sku_id, line.channel), 0) if line.channel else 0

    @staticmethod
    def _key(line: Reserve) -> Key:
        return line.site_id, line.sku_id, line.segment
