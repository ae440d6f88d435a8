"""A world to measure in: a fresh PostgreSQL of our own, fsync on, with sites, SKUs and stock.

    with fresh() as world:
        world.stock(sites=1, skus=10_000)
        found = compare(world, {"sets": sets, "rows": rows}, Turns(4, 1.0, 5))

Stock is loaded by SQL as superuser, past the posting functions, but so that the books are right:
`soko verify` finds nothing. Ways that are compared take turns, a slice of time each, and what is
told is the median of the slices: a busy neighbour disturbs both alike.

Rates are units of work a second; what the server's processes used for it is microseconds a unit.
"""

import shutil
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Generic, TypeVar
from uuid import UUID

import psutil
import psycopg
from sqlalchemy import make_url
from sqlalchemy.orm import Session

from wms.catalog import HOUSE_OWNER_ID
from wms.database import Database
from wms.ids import SiteId, SkuId
from wms.migrations import upgrade
from wms.postgres import EmbeddedPostgres
from wms.sites import LocationRecord, SiteRecord, location_id, save_locations, save_sites
from wms.sites import virtual_location as virtual

PLENTY = 1_000_000_000
# PostgreSQL's manual gives a quarter of the memory to this.
SETTINGS = {"shared_buffers": f"{psutil.virtual_memory().total // 4 // 2**20}MB"}
CLIENTS_MAX = 16
WARM_UP_S = 0.5

T = TypeVar("T")

_SKUS = """
INSERT INTO sku (id, owner_id, code, name_en, name_ja)
  SELECT md5('benchmark ' || n)::uuid, %(owner)s, 'B-' || n, 'Thing ' || n, '品 ' || n
    FROM generate_series(1, %(skus)s) AS n
  ON CONFLICT DO NOTHING
"""
_BALANCES = """
INSERT INTO stock_balance (site_id, owner_id, sku_id, segment, sellable)
  SELECT %(site)s, %(owner)s, id, 'A', %(units)s FROM sku ORDER BY id
"""
_QUANTS = """
INSERT INTO quant (site_id, location_id, sku_id, owner_id, handling_unit_id, lot, condition, units,
                   outside)
  SELECT b.site_id, p.place, b.sku_id, b.owner_id, '00000000-0000-0000-0000-000000000000', '', 'A',
         p.sign * b.sellable, p.sign < 0
    FROM stock_balance b
   CROSS JOIN (VALUES (%(shelf)s::uuid, 1), (%(supplier)s::uuid, -1)) AS p(place, sign)
   WHERE b.site_id = %(site)s
"""
_MOVEMENTS = """
INSERT INTO movement (site_id, command_id, cause_kind, cause_id, actor, owner_id, sku_id, lot,
                      from_condition, to_condition, from_location_id, from_unit_id, to_location_id,
                      to_unit_id, units, reason, occurred_at)
  SELECT b.site_id, gen_random_uuid(), 'BENCHMARK', b.sku_id, 'benchmark', b.owner_id, b.sku_id, '',
         'A', 'A', %(supplier)s, '00000000-0000-0000-0000-000000000000', %(shelf)s,
         '00000000-0000-0000-0000-000000000000', b.sellable / %(each)s, '', now()
    FROM generate_series(1, %(each)s) AS n CROSS JOIN stock_balance b
   WHERE b.site_id = %(site)s
"""
_MORE_QUANTS = """
UPDATE quant SET units = units + CASE WHEN location_id = %(shelf)s THEN %(each)s ELSE - %(each)s END
 WHERE site_id = %(site)s AND location_id IN (%(shelf)s, %(supplier)s)
"""
_MORE_BALANCES = """
UPDATE stock_balance SET sellable = sellable + %(each)s WHERE site_id = %(site)s
"""


@dataclass
class World:
    """A server with stock, and the means to measure it."""

    server: EmbeddedPostgres
    sites: list[SiteId] = field(default_factory=list)
    skus: list[SkuId] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The address for `Database`."""
        return self.server.url

    def connect(self, *, autocommit: bool = False) -> psycopg.Connection:
        """A superuser's connection, to load and to look."""
        address = make_url(self.url).set(drivername="postgresql")
        return psycopg.connect(address.render_as_string(hide_password=False), autocommit=autocommit)

    def stock(self, *, sites: int, skus: int, units: int = PLENTY, movements_each: int = 0) -> None:
        """Stock of all SKUs at so many more sites; with movements (of the whole) or, 0, without.

        Without movements there are no quants either: enough to promise, not to pick.
        """
        assert units % max(movements_each, 1) == 0
        first = len(self.sites) + 1
        records = [
            SiteRecord(code=f"B{n}", kind="DC", name_en=f"B{n}")
            for n in range(first, first + sites)
        ]

        def build(session: Session) -> None:
            for site_id in save_sites(session, records):
                save_locations(session, site_id, [LocationRecord(code="S-1", kind="PICK_FACE")])
                self.sites.append(site_id)

        database = Database(self.url, pool_size=1, role=None)
        database.run(build)
        database.close()
        with self.connect() as connection:
            # the rows are right, and their keys exist: no trigger need look
            connection.execute("SET session_replication_role = replica")
            facts = {"owner": HOUSE_OWNER_ID, "skus": skus, "units": units, "each": movements_each}
            connection.execute(_SKUS, facts)
            for site_id in self.sites[-sites:]:
                places = self._places(site_id)
                connection.execute(_BALANCES, facts | places)
                if movements_each:
                    connection.execute(_QUANTS, facts | places)
                    connection.execute(_MOVEMENTS, facts | places)
            self.skus = [row[0] for row in connection.execute("SELECT id FROM sku ORDER BY id")]
        self.settle()

    def more_movements(self, each: int) -> None:
        """Ever so often a unit has come to every shelf: so many movements more of every balance."""
        with self.connect() as connection:
            for site_id in self.sites:
                places = self._places(site_id) | {"each": each}
                # one at a time is too slow for millions: the index is made anew when they are in
                connection.execute("DROP INDEX ix_movement_site_id_sku_id")
                connection.execute(_MOVEMENTS.replace("b.sellable / %(each)s", "1"), places)
                connection.execute(
                    "CREATE INDEX ix_movement_site_id_sku_id ON movement (site_id, sku_id)"
                )
                connection.execute(_MORE_QUANTS, places)
                connection.execute(_MORE_BALANCES, places)
        self.settle()

    def _places(self, site_id: SiteId) -> dict[str, UUID]:
        return {
            "site": site_id,
            "shelf": location_id(site_id, "S-1"),
            "supplier": virtual(site_id, "SUPPLIER"),
        }

    def settle(self) -> None:
        """Tidy up after loading, so that nobody does it while we measure."""
        with self.connect(autocommit=True) as connection:
            connection.execute("VACUUM (ANALYZE)")
            connection.execute("CHECKPOINT")

    def cpu_s(self) -> float:
        """What the server has used so far, with its children that have ended."""
        assert self.server.pid is not None
        postmaster = psutil.Process(self.server.pid)
        ended = postmaster.cpu_times()
        total = float(ended.children_user + ended.children_system)
        for process in (postmaster, *postmaster.children()):
            with suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                total += times.user + times.system
        return total


@dataclass(frozen=True, slots=True)
class Rate:
    """The median of some slices: work done a second, and what each cost the server."""

    per_s: float
    cpu_us: float


class Work(Generic[T]):
    """Something to be done over and over by several clients: `make` a piece, then `do` it.

    Pieces are made between the slices, so that what is timed is the doing. `do` says how many
    units of work a piece was.
    """

    def __init__(self, make: Callable[[], T], do: Callable[[T], int]) -> None:
        self._make = make
        self._do = do
        self._pieces: deque[T] = deque()
        self._used = CLIENTS_MAX

    def stock_up(self) -> None:
        """Have as many pieces as the last slice took, and some more."""
        while len(self._pieces) < 1.3 * self._used:
            self._pieces.append(self._make())
        self._used = 0

    def client(self, stop: threading.Event) -> int:
        """Work until told to stop; how much was done."""
        done = 0
        while not stop.is_set():
            try:
                piece = self._pieces.popleft()
            except IndexError:
                piece = self._make()
            self._used += 1
            done += self._do(piece)
        return done


@dataclass(frozen=True, slots=True)
class Turns:
    """How ways take turns: by so many clients, for so long, so often, warmed up for so long."""

    clients: int
    slice_s: float
    slices: int
    warm_up_s: float = WARM_UP_S


def compare(world: World, ways: Mapping[str, Work[Any]], turns: Turns) -> dict[str, Rate]:
    """How fast each way is; they take turns, and none is timed while it warms up."""
    found: dict[str, list[Rate]] = {name: [] for name in ways}
    with ThreadPoolExecutor(turns.clients) as pool:
        for turn in range(turns.slices + 1):
            for name, work in ways.items():
                work.stock_up()
                seconds = turns.slice_s if turn else turns.warm_up_s
                rate = _slice(world, work, pool, turns.clients, seconds)
                if turn:
                    found[name].append(rate)
    return {
        name: Rate(median(one.per_s for one in rates), median(one.cpu_us for one in rates))
        for name, rates in found.items()
    }


def _slice(
    world: World, work: Work[Any], pool: ThreadPoolExecutor, clients: int, seconds: float
) -> Rate:
    stop = threading.Event()
    cpu_s, began = world.cpu_s(), time.perf_counter()
    running = [pool.submit(work.client, stop) for _ in range(clients)]
    stop.wait(seconds)
    stop.set()
    done = sum(one.result() for one in running)
    took_s = time.perf_counter() - began
    return Rate(done / took_s, (world.cpu_s() - cpu_s) / done * 1e6)


@contextmanager
def fresh() -> Iterator[World]:
    """A new server with our schema, gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="soko-bench-"))
    folder.chmod(0o755)  # the server may run as another user
    try:
        with EmbeddedPostgres(folder, settings=SETTINGS) as server:
            upgrade(server.url)
            yield World(server)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def say(text: str) -> None:
    """Tell whoever waits what is going on; figures go to the other stream."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
