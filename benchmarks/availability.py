"""How long it takes to see stock: a SKU at all sites, in days to come, near by; a page of SKUs.

    python -m benchmarks.availability --json [--sites 35] [--skus 30000] [--movements 10]

On a network of 35 sites and 30,000 SKUs: a million balances and quants and more, and ten million
movements behind them. Each read is for another SKU by chance, in a transaction of its own, and as
JSON at the end, as the door tells it. The same answer, by adding up what stands where, and by
adding up what has moved, is timed in the same run: what a system without balances does.

The last line is one JSON object: *_p50_ms, *_p99_ms, *_cpu_ms (a read's, of the server and of
us together: a busy neighbour does not change it), and how much there was.
"""

import argparse
import json
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from sqlalchemy import Uuid, bindparam, text
from sqlalchemy.orm import Session

from benchmarks.world import World, fresh
from edge.clock import SystemClock
from wms.api.stock_shapes import AtpOut, AvailabilityOut, LineOfStock, PlaceOut
from wms.catalog import Sku
from wms.database import Database
from wms.ids import SkuId
from wms.stock.browse import Place, Wish, browse
from wms.stock.near import Near, find_in_store
from wms.stock.network import Named, availability
from wms.stock.supply import atp_by_day

CLOCK = SystemClock()
DAYS = 28
WARM_UP = 20

_PLACES = text(
    "UPDATE site SET kind = CASE WHEN right(code, 1) < '7' THEN 'STORE' ELSE 'DC' END,"
    " latitude = 31 + 12 * random(), longitude = 130 + 12 * random()"
)
_PROMISES = text(
    "UPDATE stock_balance SET reserved = 3, allocated = 2, lost = (random() < 0.001)::int"
    " WHERE random() < 0.1"
)
_LOST = text(
    "INSERT INTO quant (site_id, location_id, sku_id, owner_id, handling_unit_id, lot, condition,"
    " units, outside) SELECT b.site_id, l.id, b.sku_id, b.owner_id,"
    " '00000000-0000-0000-0000-000000000000', '', 'A', b.lost, false FROM stock_balance b"
    " JOIN location l ON l.site_id = b.site_id AND l.code = '@LOST' WHERE b.lost > 0"
)
_SUPPLY = text(
    "INSERT INTO supply (site_id, id, kind, owner_id, sku_id, units, held, eta_p50, eta_p90,"
    " confidence) SELECT b.site_id, uuidv7(), 'PO', b.owner_id, b.sku_id, 100, 10,"
    " now() + 9 * random() * interval '1 day', now() + 10 * interval '1 day', 80"
    " FROM stock_balance b WHERE random() < 0.05"
)
_BY_QUANTS = text(
    "SELECT q.site_id, l.counter, sum(q.units), sum(q.pinned) FROM quant q"
    " JOIN location l ON l.site_id = q.site_id AND l.id = q.location_id"
    " WHERE q.site_id IN (SELECT id FROM site) AND q.sku_id = :sku GROUP BY 1, 2"
).bindparams(bindparam("sku", type_=Uuid()))
_BY_MOVEMENTS = text(
    "SELECT m.site_id, l.counter, sum(CASE WHEN l.id = m.to_location_id THEN m.units"
    " ELSE - m.units END) FROM movement m JOIN location l ON l.site_id = m.site_id"
    " AND l.id IN (m.from_location_id, m.to_location_id)"
    " WHERE m.site_id IN (SELECT id FROM site) AND m.sku_id = :sku GROUP BY 1, 2"
).bindparams(bindparam("sku", type_=Uuid()))


class Reads:
    """The reads that are timed, each for a SKU by chance."""

    def __init__(self, skus: list[Named]) -> None:
        self.skus = skus
        self.chance = random.Random(1)

    def sku(self) -> Named:
        """Some SKU."""
        return self.chance.choice(self.skus)

    def availability(self, session: Session) -> object:
        """A SKU in all states at all sites."""
        view = availability(session, [self.sku()], now=CLOCK.now())
        return AvailabilityOut.model_validate(view).model_dump_json()

    def find_in_store(self, session: Session) -> object:
        """The ten nearest stores that have one."""
        near = Near(sku=self.sku(), latitude=35.7, longitude=139.8)
        found = find_in_store(session, near, now=CLOCK.now())
        return [PlaceOut.model_validate(each).model_dump_json() for each in found]

    def atp(self, session: Session) -> object:
        """Four weeks of it."""
        atp = atp_by_day(session, self.sku(), now=CLOCK.now(), days=DAYS)
        return AtpOut.model_validate(atp).model_dump_json()

    def page(self, session: Session, wish: Callable[[Named], Wish], limit: int = 50) -> object:
        """A page of stock from anywhere."""
        sku = self.sku()
        after = Place(code=sku.code, id=sku.id)
        page = browse(session, wish(sku), now=CLOCK.now(), after=after, limit=limit)
        return [LineOfStock.model_validate(line).model_dump_json() for line in page.lines]

    def added_up(self, session: Session, what: str) -> object:
        """What stands where, or what has moved, added up."""
        statement = _BY_QUANTS if what == "quants" else _BY_MOVEMENTS
        return session.execute(statement, {"sku": self.sku().id}).all()


def main() -> None:
    """Fill a fresh server, read, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one line of JSON (always so)")
    parser.add_argument("--sites", type=int, default=35)
    parser.add_argument("--skus", type=int, default=30_000)
    parser.add_argument("--movements", type=int, default=10, help="of each SKU at each site")
    parser.add_argument("--reads", type=int, default=1000, help="of each kind")
    options = parser.parse_args()
    began = time.perf_counter()
    with fresh() as world:
        each = options.movements
        world.stock(sites=options.sites, skus=options.skus, units=10 * each, movements_each=each)
        _dress(world)
        filled_s = time.perf_counter() - began
        figures = measure(world, options.reads)
        with world.connect() as connection:
            counts = {
                table + "s": connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608
                for table in ("stock_balance", "quant", "movement")
            }
    told = {name: row[0] for name, row in counts.items() if row}
    print(json.dumps({"benchmark": "availability", **figures, **told, "fill_s": round(filled_s)}))


def _dress(world: World) -> None:
    """Stores among the sites, some promises, some damage, some supply."""
    with _plain(world) as plain:
        for statement in (_PLACES, _PROMISES, _LOST, _SUPPLY):
            plain.run(partial(Session.execute, statement=statement))
    world.settle()


def measure(world: World, reads: int) -> dict[str, float]:
    """The times of each kind of read."""
    database = Database(world.url, pool_size=1)
    skus = database.run(
        lambda s: [
            Named(id=SkuId(id_), code=code, name_en=code, name_ja=code)
            for id_, code in s.query(Sku.id, Sku.code).limit(100_000)
        ]
    )
    make = Reads(skus)
    kinds: dict[str, Callable[[Session], object]] = {
        "availability": make.availability,
        "find_in_store": make.find_in_store,
        "atp": make.atp,
        "page": partial(make.page, wish=lambda _: Wish()),
        "page_text": partial(make.page, wish=lambda sku: Wish(text=sku.code[:-1])),
        "page_site": partial(make.page, wish=lambda _: Wish(site="B1")),
        "page_lost": partial(make.page, wish=lambda _: Wish(states=("lost",))),
        "page_sold_out": partial(make.page, wish=lambda _: Wish(states=("sold_out",))),
        "by_quants": partial(make.added_up, what="quants"),
        "by_movements": partial(make.added_up, what="movements"),
    }
    figures: dict[str, float] = {}
    for name, read in kinds.items():
        cpu_s = world.cpu_s() + time.process_time()
        times_ms = sorted(_times_ms(database, read, reads))
        used_s = world.cpu_s() + time.process_time() - cpu_s
        figures[f"{name}_p50_ms"] = round(times_ms[len(times_ms) // 2], 2)
        figures[f"{name}_p99_ms"] = round(times_ms[len(times_ms) * 99 // 100], 2)
        figures[f"{name}_cpu_ms"] = round(1000 * used_s / (reads + WARM_UP), 2)
    database.close()
    return figures


def _times_ms(database: Database, read: Callable[[Session], object], reads: int) -> Iterator[float]:
    for number in range(-WARM_UP, reads):
        began = time.perf_counter()
        assert database.run(read) is not None
        if number >= 0:
            yield 1000 * (time.perf_counter() - began)


@contextmanager
def _plain(world: World) -> Iterator[Database]:
    database = Database(world.url, pool_size=1, role=None)
    yield database
    database.close()


if __name__ == "__main__":
    main()
