"""Cells: one PostgreSQL each, with the stock of one or more sites.

    cells.of(site).run(work)        what belongs to a site lies in the cell of that site
    cells.home(order_id).run(work)  what belongs to an order lies in its home, found by its id
    cells.save_masters(work)        owners, SKUs and sites lie in all cells
    cells.read(work, now=now)       what every cell answers, each with the time it speaks of

By default there is one cell and it has all sites. With several (SOKO_CELLS names a file) the code
is the same, the schema is the same, and so is every statement, because no transaction ever needs
two cells: every key of stock begins with the site, and an order over several sites is a saga
(wms/stock/saga.py), never a distributed transaction. The file:

    default = "east"                # has the sites that no cell names
    [cells.east]
    url = "postgresql://..."        # or url_file: where the address stands, with its password
    sites = ["TYO1", "CHB1"]
    [cells.west]
    url_file = "/run/secrets/west"
    sites = ["OSA1"]

An order's home is chosen by rendezvous hashing: the cell whose name gives the highest hash with
the id. It is the same on every host, and when a cell is added only the orders that move go to it.

A cell that is away makes its own callers wait, not those of the others: for a second after it did
not answer, calls to it fail at once, and one of them in a second tries.
"""

import threading
import time
import tomllib
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Generic, TypeVar
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from wms.database import Database, DatabaseUnavailable
from wms.errors import NotFound, Unavailable
from wms.ids import SiteId
from wms.settings import Settings
from wms.sites import site_id

T = TypeVar("T")

ONLY = "main"  # the name of the cell when there is one
AWAY_S = 1.0


class CellAway(Unavailable):
    """A cell does not answer. What was asked of it may or may not have been done.

    Attributes:
        cell: its name.
    """

    code = "cell_away"

    def __init__(self, cell: str, problem: str) -> None:
        super().__init__(f"cell {cell} is away: {problem}")
        self.cell = cell


class BadCells(ValueError):  # noqa: N818 - reads as a situation
    """The file that names the cells is wrong; the text says what and how it should be."""


class Cell:
    """One database and the sites in it."""

    def __init__(self, name: str, database: Database) -> None:
        self.name = name
        self.database = database
        self._lock = threading.Lock()
        self._away_until = 0.0
        self._problem = ""

    def run(self, work: Callable[[Session], T]) -> T:
        """Run `work` in one transaction of this cell, as `Database.run` does.

        Raises:
            CellAway: it did not answer, now or less than a second ago.
        """
        self._try()
        try:
            done = self.database.run(work)
        except DatabaseUnavailable as error:
            if not isinstance(error.__cause__, PoolTimeout):  # busy is not away
                with self._lock:
                    self._problem = str(error)
                    self._away_until = time.monotonic() + AWAY_S
            raise CellAway(self.name, str(error)) from error
        self._problem, self._away_until = "", 0.0
        return done

    def _try(self) -> None:
        with self._lock:
            if not self._away_until:
                return
            if time.monotonic() < self._away_until:
                raise CellAway(self.name, self._problem)
            self._away_until = time.monotonic() + AWAY_S  # I try; the others do not wait for me


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading(Generic[T]):
    """What a cell answered, and the time that its answer speaks of; or why it did not."""

    cell: str
    as_of: datetime | None = None
    value: T | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    url: str
    sites: tuple[str, ...] = field(default=())


class Cells:
    """All cells of an installation, and which site is in which.

    Sites are known by their codes; those that `sites` does not name are in cell `default`.
    """

    def __init__(
        self,
        databases: Mapping[str, Database],
        *,
        sites: Mapping[str, str] | None = None,
        default: str | None = None,
    ) -> None:
        self._cells = {name: Cell(name, databases[name]) for name in sorted(databases)}
        self._of_site = {site_id(code): self._cells[name] for code, name in (sites or {}).items()}
        only = next(iter(self._cells)) if len(self._cells) == 1 else None
        fallback = default or only
        self._default = self._cells[fallback] if fallback else None

    @property
    def all(self) -> tuple[Cell, ...]:
        """The cells, in order of their names."""
        return tuple(self._cells.values())

    def of(self, site: SiteId) -> Cell:
        """The cell that a site is in.

        Raises:
            NotFound: no cell has that site, and none is the default.
        """
        cell = self._of_site.get(site, self._default)
        if cell is None:
            raise NotFound(f"no cell has site {site}: name it in the file of SOKO_CELLS")
        return cell

    def home(self, id_: UUID) -> Cell:
        """The cell where an order, a saga or whatever else goes over sites is written down."""
        return max(self.all, key=lambda cell: _weight(cell.name, id_))

    def by_cell(self, sites: Iterable[SiteId]) -> dict[Cell, list[SiteId]]:
        """The sites of each cell that has one of them, cells in order of their names."""
        found: dict[Cell, list[SiteId]] = {}
        for site in sites:
            found.setdefault(self.of(site), []).append(site)
        return {cell: found[cell] for cell in self.all if cell in found}

    def each(self, work: Callable[[Session], T]) -> dict[str, T | CellAway]:
        """Run `work` in every cell at the same time: its answers, or that a cell is away."""

        def ask(cell: Cell) -> T | CellAway:
            try:
                return cell.run(work)
            except CellAway as away:
                return away

        if len(self._cells) == 1:
            return {cell.name: ask(cell) for cell in self.all}
        with ThreadPoolExecutor(len(self._cells)) as threads:
            return dict(zip(self._cells, threads.map(ask, self.all), strict=True))

    def save_masters(self, work: Callable[[Session], T]) -> T:
        """Write master data (owners, SKUs, sites) in every cell; the answer of the last.

        `work` is repeatable, as master data are: known by code, made or changed.

        Raises:
            CellAway: one or more are away. The others have it; send the same again.
        """
        done = []
        for answer in self.each(work).values():
            if isinstance(answer, CellAway):
                raise answer
            done.append(answer)
        return done[-1]

    def read(self, work: Callable[[Session], T], *, now: datetime) -> list[Reading[T]]:
        """What every cell answers to a question, each with its time; a cell may be away."""
        answers = self.each(partial(_as_of, work=work, now=now))
        return [
            Reading(cell=name, problem=str(answer))
            if isinstance(answer, CellAway)
            else Reading(cell=name, as_of=answer[0], value=answer[1])
            for name, answer in answers.items()
        ]

    def health(self) -> dict[str, str | None]:
        """What is wrong with each cell; None if it answers."""
        answers = self.each(lambda session: session.execute(text("SELECT 1")).scalar())
        return {
            name: str(answer) if isinstance(answer, CellAway) else None
            for name, answer in answers.items()
        }

    def close(self) -> None:
        """Give all connections back."""
        for cell in self.all:
            cell.database.close()


def one_cell(database: Database) -> Cells:
    """Everything in one database: the default."""
    return Cells({ONLY: database})


def open_cells(settings: Settings, *, pool_size: int | None = None) -> Cells:
    """The cells that the settings name, with a pool of connections for each."""
    given = settings.clock is not None
    pool = pool_size or settings.database_pool
    if settings.cells is None:
        return one_cell(Database(settings.database_url, pool_size=pool, given_clock=given))
    plans, default = read_cells(settings.cells)
    databases = {
        name: Database(plan.url, pool_size=pool, given_clock=given) for name, plan in plans.items()
    }
    sites = {code: name for name, plan in plans.items() for code in plan.sites}
    return Cells(databases, sites=sites, default=default)


def addresses(settings: Settings) -> dict[str, str]:
    """Where the database of each cell is."""
    if settings.cells is None:
        return {ONLY: settings.database_url}
    return {name: plan.url for name, plan in read_cells(settings.cells)[0].items()}


def read_cells(file: Path) -> tuple[dict[str, _Plan], str | None]:
    """The cells by name and the default one, as the file says.

    Raises:
        BadCells: it says it wrongly.
    """
    said = tomllib.loads(file.read_text(encoding="utf-8"))
    plans: dict[str, _Plan] = {}
    seen: dict[str, str] = {}
    for name, cell in said.get("cells", {}).items():
        if strange := set(cell) - {"url", "url_file", "sites"}:
            raise BadCells(f"{file}: cell {name} says {sorted(strange)}; it has url, sites")
        if ("url" in cell) == ("url_file" in cell):
            raise BadCells(f"{file}: cell {name} needs either url or url_file")
        url = cell.get("url") or Path(cell["url_file"]).read_text(encoding="utf-8").strip()
        for code in cell.get("sites", ()):
            if seen.setdefault(code, name) != name:
                raise BadCells(f"{file}: site {code} is in {seen[code]} and in {name}")
        plans[name] = _Plan(url=_with_driver(url), sites=tuple(cell.get("sites", ())))
    default = said.get("default")
    if not plans:
        raise BadCells(f"{file}: there is no [cells.NAME]")
    if default is not None and default not in plans:
        raise BadCells(f"{file}: default = {default!r} is none of {sorted(plans)}")
    return plans, default


def _with_driver(url: str) -> str:
    scheme = urlsplit(url).scheme
    return url.replace(scheme, "postgresql+psycopg", 1) if "+" not in scheme else url


def _weight(name: str, id_: UUID) -> bytes:
    return blake2b(id_.bytes + name.encode(), digest_size=8).digest()


def _as_of(session: Session, work: Callable[[Session], T], now: datetime) -> tuple[datetime, T]:
    as_of = session.execute(text("SELECT stock_now(:now)"), {"now": now}).scalar_one()
    return as_of, work(session)
