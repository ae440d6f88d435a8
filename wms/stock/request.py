"""A request to reserve: lines made ready for the database, and what it says of each of them.

    lines        a  b  c  b  d        b comes twice, d has no units
    sent         a  b  c              each once, and each balance named once
    answers      a  b  c  b  error

A line that is wrong by itself is not sent, and its group is refused. Thousands of lines a second
come through here: what is done for a line is done in few steps.
"""

import hashlib
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from wms.errors import IdReused, NotFound, WmsError
from wms.stock import columns
from wms.stock.faults import UNITS_MAX, UnitsOutOfRange


class Request:
    """Lines of a reservation (`promises.Reserve`) on their way to stock_reserve.

    Attributes:
        lines: all of them.
        sent: those that the database decides.
        place: of each line, where among those sent it is; -1: it is wrong.
        errors: what is wrong with lines, by their number.
    """

    def __init__(self, lines: Sequence[Any]) -> None:
        self.lines = lines
        self.sent: list[Any] = []
        self.place: list[int] = []
        self.errors: dict[int, WmsError] = {}
        self._asked: list[str] = []  # of those sent
        self._balance: list[int] = []
        self._first: list[Any] = []  # of each balance the first line that names it
        self._twins: dict[int, int] = {}  # where one id asks for several things: who says so first
        known: dict[tuple[int, int], int] = {}
        others: dict[tuple[int, int, str], int] = {}
        balances: dict[tuple[Any, ...], int] = {}
        for number, line in enumerate(lines):
            if not 1 <= line.units <= UNITS_MAX:
                self.errors[number] = UnitsOutOfRange(line.hold_id, line.units)
                self.place.append(-1)
                continue
            site, hold = line.site_id.int, line.hold_id.int
            asked = _asked(line)
            here = len(self.sent)
            at = first = known.setdefault((site, hold), here)
            if first < here and self._asked[first] != asked:
                at = others.setdefault((site, hold, asked), here)
                self._twins[first] = self._twins[at] = first
            self.place.append(at)
            if at == here:
                self.sent.append(line)
                self._asked.append(asked)
                key = site, line.owner_id.int, line.sku_id.int, line.segment, line.supply_id
                balance = balances.setdefault(key, len(balances) + 1)
                if balance > len(self._first):
                    self._first.append(line)
                self._balance.append(balance)

    def columns(self) -> tuple[object, ...]:
        """What stock_reserve takes: the balances, the lines, and what few lines have."""
        sent, first = self.sent, self._first
        party, refused = self._parties()
        return (
            columns.uuids([line.site_id for line in first]),
            columns.uuids([line.owner_id for line in first]),
            columns.uuids([line.sku_id for line in first]),
            columns.texts([line.segment for line in first]),
            columns.some_uuids([line.supply_id for line in first]),
            columns.integers(self._balance),
            columns.uuids([line.hold_id for line in sent]),
            columns.integers([line.units for line in sent]),
            columns.texts([line.kind for line in sent]),
            columns.texts([line.state for line in sent]),
            columns.uuids([line.demand_id for line in sent]),
            "{" + ",".join(self._asked) + "}",
            columns.some_texts([line.channel for line in sent]),
            columns.some_uuids([line.group_id for line in sent]),
            party,
            columns.some_times([line.expires_at for line in sent]),
            refused,
            self._first_twins(),
        )

    def _parties(self) -> tuple[str | None, str | None]:
        """Which lines stand or fall together, by the place of the first of them; who has failed."""
        groups = [line.group_id for line in self.sent]
        if not any(groups):
            return None, None
        first: dict[UUID, int] = {}
        party = [
            at if group is None else first.setdefault(group, at)
            for at, group in enumerate(groups, 1)
        ]
        wrong = {self.lines[number].group_id for number in self.errors}
        refused = [at for group, at in first.items() if group in wrong]
        return columns.integers(party), columns.integers(refused) if refused else None

    def _first_twins(self) -> str | None:
        """Which lines have the id of another that asks for something else; the database judges."""
        if not self._twins:
            return None
        twins = [self._twins.get(at, -1) + 1 for at in range(len(self.sent))]
        return columns.integers(twins)

    def take_faults(self, faults: Sequence[str | None]) -> None:
        """What the database has found wrong, by the place of lines sent."""
        for number, (line, at) in enumerate(zip(self.lines, self.place, strict=True)):
            if at >= 0 and (fault := faults[at]) is not None:
                self.errors[number] = (
                    IdReused(line.hold_id)
                    if fault == "id_reused"
                    else NotFound(f"SKU {line.sku_id}, site {line.site_id} or the supply named")
                )


def _asked(line: Any) -> str:
    """A hash of what a line asks for; when it ends and with whom it comes are no part of it."""
    said = (
        f"{line.hold_id.int:x} {line.site_id.int:x} {line.owner_id.int:x} {line.sku_id.int:x}"
        f" {line.units} {line.kind} {line.state} {line.demand_id.int:x} {line.supply_id}"
        f" {line.segment}\0{line.channel}"
    )
    return hashlib.blake2b(said.encode(), digest_size=16).hexdigest()
