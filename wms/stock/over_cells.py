"""The door to stock over several cells: lines find their cells, by one way in for all callers.

    door = OverCells(cells, {name: Coalescer(...), ...}, Sagas(cells), clock)
    answers = await door.reserve(lines, deadline_s=1.0)        as of a Coalescer

A line goes to the coalescer of the cell that its site is in. So does a group of lines that lie in
one cell; with one cell that is all there is, and nothing is added. A group over several cells is
a saga: its id is made of the ids of its holds, so that the same request again is the same saga.

An answer of a cell is not lost because another one is away or full: its lines say so each for
themselves. Only when nobody could do anything does the whole call fail, as a Coalescer's does.
"""

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from edge.clock import Clock
from wms.cells import Cell, Cells, open_cells
from wms.database import Database
from wms.errors import Conflict, NotFound, Unavailable, WmsError
from wms.ids import SiteId, derive
from wms.settings import Settings
from wms.stock.coalescer import WRITERS, Coalescer
from wms.stock.ledger import Advance, Advanced
from wms.stock.posting import NIL
from wms.stock.promises import Extend, Extended, Reserve, Reserved, Swap, Swapped
from wms.stock.saga import Placed, Sagas

Answer = TypeVar("Answer")
Post = Callable[[Coalescer, Sequence[Any]], Awaitable[Sequence[Any]]]


class NotPlaced(Conflict):
    """A group over several cells could not be granted, and for these ids that stays so.

    Attributes:
        why: cell_away, too_late, hold_lost, or the code of what is wrong with a line.
    """

    code = "not_placed"

    def __init__(self, saga_id: UUID, why: str) -> None:
        super().__init__(f"nothing of {saga_id} was set aside: {why}; ask again with new ids")
        self.why = why


def saga_id_of(lines: Sequence[Reserve]) -> UUID:
    """The id of the saga of these holds, in whichever order."""
    return derive(NIL, "saga", *sorted(str(line.hold_id) for line in lines))


class OverCells:
    """Takes lines for any site and brings them to their cells."""

    def __init__(
        self, cells: Cells, coalescers: Mapping[str, Coalescer], sagas: Sagas, clock: Clock
    ) -> None:
        self._cells = cells
        self._coalescers = coalescers
        self._sagas = sagas
        self._clock = clock

    async def reserve(
        self, lines: Sequence[Reserve], *, deadline_s: float = math.inf
    ) -> Sequence[Reserved | WmsError]:
        """Set units aside; a line that cannot be posted is answered by its error.

        Raises:
            Overloaded, DeadlinePassed, ShuttingDown: nothing was posted.
            Unavailable: nobody knows; the same ids again are safe.
        """
        answers = self._nowhere(lines)
        apart = self._groups_over_cells(lines, answers)
        taken = {at for group in apart for at in group} | set(answers)
        rest = [at for at in range(len(lines)) if at not in taken]
        post = partial(Coalescer.reserve, deadline_s=deadline_s)
        jobs = [self._place(lines, group) for group in apart]
        return await self._gather(lines, answers, [*jobs, *self._by_cell(lines, rest, post)])

    async def advance(
        self, lines: Sequence[Advance], *, deadline_s: float = math.inf
    ) -> Sequence[Advanced | WmsError]:
        """Take holds one step further: confirm, release."""
        return await self._each(lines, partial(Coalescer.advance, deadline_s=deadline_s))

    async def extend(
        self, lines: Sequence[Extend], *, deadline_s: float = math.inf
    ) -> Sequence[Extended | WmsError]:
        """Let holds end at another time."""
        return await self._each(lines, partial(Coalescer.extend, deadline_s=deadline_s))

    async def swap(
        self, lines: Sequence[Swap], *, deadline_s: float = math.inf
    ) -> Sequence[Swapped | WmsError]:
        """Let demands exchange what they hold, at one site."""
        return await self._each(lines, partial(Coalescer.swap, deadline_s=deadline_s))

    def database_of(self, site: SiteId) -> Database:
        """Where what belongs to that site is.

        Raises:
            NotFound: no cell has it.
        """
        return self._cells.of(site).database

    async def drain(self) -> None:
        """Post or refuse what is queued, in all cells."""
        await asyncio.gather(*(coalescer.drain() for coalescer in self._coalescers.values()))

    async def _each(self, lines: Sequence[Any], post: Post) -> list[Any]:
        answers = self._nowhere(lines)
        rest = [at for at in range(len(lines)) if at not in answers]
        return await self._gather(lines, answers, self._by_cell(lines, rest, post))

    def _nowhere(self, lines: Sequence[Any]) -> dict[int, Any]:
        """Lines of sites that no cell has, and of groups with such a line, each with its error."""
        answers: dict[int, Any] = {}
        for at, line in enumerate(lines):
            try:
                self._cells.of(line.site_id)
            except NotFound as error:
                answers[at] = error
        groups = {getattr(lines[at], "group_id", None): answers[at] for at in answers}
        for at, line in enumerate(lines):
            group = getattr(line, "group_id", None)
            if group is not None and group in groups:
                answers.setdefault(at, groups[group])
        return answers

    def _groups_over_cells(
        self, lines: Sequence[Reserve], answers: Mapping[int, Any]
    ) -> list[list[int]]:
        """The places of the lines of each group that no single cell has."""
        groups: dict[UUID, list[int]] = {}
        for at, line in enumerate(lines):
            if line.group_id is not None and at not in answers:
                groups.setdefault(line.group_id, []).append(at)
        return [
            group
            for group in groups.values()
            if len({self._cells.of(lines[at].site_id).name for at in group}) > 1
        ]

    def _by_cell(
        self, lines: Sequence[Any], places: Sequence[int], post: Post
    ) -> list[Awaitable[dict[int, Any]]]:
        of_cell: dict[Cell, list[int]] = {}
        for at in places:
            of_cell.setdefault(self._cells.of(lines[at].site_id), []).append(at)

        async def ask(cell: Cell, mine: list[int]) -> dict[int, Any]:
            try:
                answers = await post(self._coalescers[cell.name], [lines[at] for at in mine])
            except Unavailable as error:
                return dict.fromkeys(mine, error)
            return dict(zip(mine, answers, strict=True))

        return [ask(cell, mine) for cell, mine in of_cell.items()]

    async def _place(self, lines: Sequence[Reserve], group: list[int]) -> dict[int, Any]:
        wanted = [lines[at] for at in group]
        place = partial(self._sagas.place, saga_id_of(wanted), wanted, now=self._clock.now())
        try:
            placed = await asyncio.to_thread(place)
        except WmsError as error:
            return dict.fromkeys(group, error)
        return dict(zip(group, _answers(placed), strict=True))

    async def _gather(
        self,
        lines: Sequence[Any],
        answers: dict[int, Any],
        jobs: Sequence[Awaitable[dict[int, Any]]],
    ) -> list[Any]:
        for part in await asyncio.gather(*jobs):
            answers |= part
        found = [answers[at] for at in range(len(lines))]
        if found and all(isinstance(answer, Unavailable) for answer in found):
            raise found[0]
        return found


@asynccontextmanager
async def open_door(settings: Settings, clock: Clock) -> AsyncIterator[OverCells]:
    """The door to the cells that the settings name; each coalescer has connections of its own."""
    writers, cells = open_cells(settings, pool_size=WRITERS), open_cells(settings)
    coalescers = {cell.name: Coalescer(cell.database, clock) for cell in writers.all}
    door = OverCells(cells, coalescers, Sagas(cells), clock)
    try:
        yield door
    finally:
        await door.drain()
        cells.close()
        writers.close()


def _answers(placed: Placed) -> list[Reserved | WmsError]:
    if placed.why in {"", "not_enough_stock"}:
        return [
            Reserved(hold_id=line.hold_id, granted=line.granted, free=line.free or 0)
            for line in placed.lines
        ]
    return [NotPlaced(placed.saga_id, placed.why) for _ in placed.lines]
