"""kill -9 of one process after the other while people work without a pause.

Nobody helps: their keepers start them again, the clients ask again with the same ids. What was
acknowledged is there, every answer stays what it was, the books are right, and each time it is
ready again within ten seconds. Ready is when something asked for after the kill is answered; of
what nobody asks, when what only it does has been done again.

Two loads: shops that reserve in bulk (PostgreSQL and `soko serve` fall), and all of a day's work
(tests/faults/mixed.py), where broker, worker and WCS fall too. `make gates` runs them in CI, where
each has the machine to itself; by hand

    SEED=7 python -m pytest -m "" -q -s tests/journeys/test_kill_under_load.py -k mixed
"""

import json
import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from time import monotonic
from typing import Any, NamedTuple
from uuid import UUID

import psutil
import pytest
from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

from edge.clock import ScaledClock, SystemClock
from edge.ports import free_port, is_ready
from edge.process import Keeper
from simulators.carrier import CarrierApi, Moods
from simulators.memory import Memory
from tests.builders import a_site, a_sku, an_id, stock_of
from tests.faults.mixed import Day as Mixed
from tests.faults.shop import Serve, Shop, a_serve
from tests.faults.works import DONE, Works, works
from wcs.journal import open_recording
from wcs.messages import ParcelExpected
from wms.books import ALL_LAWS
from wms.database import Database
from wms.migrations import upgrade
from wms.postgres import EmbeddedPostgres
from wms.stock.verify import verify

SEED = int(os.environ.get("SEED", "20261127"))
KILLS = ("postgres", "serve", "postgres", "serve", "postgres", "serve")
# Ten seconds, on a machine of its own. Beside others' work only that it comes back is judged.
BUSY = "PYTEST_XDIST_WORKER" in os.environ or os.getloadavg()[0] > 1.5 * (os.cpu_count() or 1)
READY_WITHIN_S = 60.0 if BUSY else 10.0
SHOPS, SKUS, UNITS = 6, 20, 400
BETWEEN = 1000  # lines that are acknowledged before the next kill
pytestmark = pytest.mark.timeout(240)


@dataclass
class House:
    """A database server and a web process, each with a keeper, as `soko demo` runs them."""

    postgres: EmbeddedPostgres
    serve: Serve
    database: Database
    skus: list[str]

    def kill(self, name: str) -> None:
        """With everything that belongs to it."""
        pid = self.postgres.pid if name == "postgres" else self.serve.child.pid
        assert pid
        process = psutil.Process(pid)
        for each in [process, *process.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess):
                each.send_signal(signal.SIGKILL)
        process.wait(10)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("kills")
    skus = [f"GOODS-{number}" for number in range(SKUS)]

    def stock(session: Session) -> None:
        site = a_site(session)
        for sku in skus:
            stock_of(session, site, a_sku(session, sku), UNITS)

    with EmbeddedPostgres(folder / "pg", port=free_port(), keep=True) as postgres:
        upgrade(postgres.url)
        database = Database(postgres.url, pool_size=2)
        database.run(stock)
        serve = a_serve(folder, postgres.url)
        with Keeper(serve.child):
            yield House(postgres, serve, database, skus)
        database.close()


@dataclass
class Day:
    """What the shops do until they are stopped, and what they were told."""

    port: int
    skus: list[str]
    stop: threading.Event = field(default_factory=threading.Event)
    told: dict[int, dict[UUID, tuple[dict[str, Any], str]]] = field(default_factory=dict)
    troubles: Counter[str] = field(default_factory=Counter)
    acknowledged: int = 0
    latest_at: float = 0.0  # when the request was made that was answered last

    def trade(self, number: int) -> None:
        """Reserve, in requests of one to ten lines; now and then give something back."""
        random = Random(f"{SEED}/{number}")
        demand = str(an_id())
        told = self.told[number] = {}
        with Shop([self.port], troubles=self.troubles) as shop:
            while not self.stop.is_set():
                lines = [
                    {"hold_id": str(an_id()), "site": "TYO1", "sku": random.choice(self.skus),
                     "units": random.randint(1, 3)}
                    for _ in range(random.randint(1, 10))
                ]  # fmt: skip
                asked_at = monotonic()
                rows = reserve(shop, demand, lines)
                for line, row in zip(lines, rows, strict=True):
                    told[UUID(str(line["hold_id"]))] = (line | {"demand": demand}, json.dumps(row))
                self.acknowledged += len(lines)
                self.latest_at = max(self.latest_at, asked_at)
                if random.random() < 0.3:
                    self.give_back(shop, random.choice(rows))

    def give_back(self, shop: Shop, row: dict[str, Any]) -> None:
        status, answer = shop.advance(an_id(), UUID(row["hold_id"]), "TYO1", "release")
        assert (status == 200) == row["granted"], answer


def reserve(shop: Shop, demand: str, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    body = {"mode": "best-effort", "kind": "ORDER", "demand_id": demand, "lines": lines}
    status, answer = shop.ask("POST", "/v1/holds", body)
    assert status == 200, answer
    return list(answer["lines"])


def wait_until(condition: Callable[[], bool], within_s: float) -> None:
    until, pause = monotonic() + within_s, threading.Event()
    while not condition():
        assert monotonic() < until, "it did not happen"
        pause.wait(0.02)


@pytest.mark.nightly
def test_kills_under_load_lose_nothing_and_change_no_answer(house: House):
    day = Day(house.serve.port, house.skus)
    ready_after_s: list[tuple[str, float]] = []
    with ThreadPoolExecutor(SHOPS) as shops:
        trading = [shops.submit(day.trade, number) for number in range(SHOPS)]
        try:
            for name in KILLS:
                enough = day.acknowledged + BETWEEN
                wait_until(lambda enough=enough: day.acknowledged >= enough, 60)  # type: ignore[misc]
                house.kill(name)
                killed_at = monotonic()
                wait_until(lambda at=killed_at: day.latest_at > at, 60)  # type: ignore[misc]
                ready_after_s.append((name, round(monotonic() - killed_at, 1)))
        finally:
            day.stop.set()
        for shop in trading:
            shop.result()
    said = f"{day.acknowledged} lines, {ready_after_s}, {dict(day.troubles)}"
    print(f"seed {SEED}, busy {BUSY}: {said}")  # noqa: T201

    lost, changed = asked_again(house, day)
    assert (lost, changed) == ([], [])
    assert max(seconds for _, seconds in ready_after_s) <= READY_WITHIN_S, ready_after_s
    promised = "SELECT max(reserved), min(sellable - reserved), count(*) FROM stock_balance"
    most, least, balances = house.database.run(lambda s: s.execute(text(promised)).one())
    assert most <= UNITS
    assert (least >= 0, balances) == (True, SKUS)
    report = house.database.run(verify)
    assert report.clean, report


def asked_again(house: House, day: Day) -> tuple[list[UUID], list[tuple[UUID, str, str]]]:
    """Of what was acknowledged: what the database does not know, and what is answered otherwise."""
    known = house.database.run(lambda s: set(s.execute(text("SELECT id FROM hold")).scalars()))
    lost, changed = [], []
    with Shop([house.serve.port]) as shop:
        for told in day.told.values():
            lost += [hold for hold in told if hold not in known]
            for start in range(0, len(told), 500):
                some = list(told.items())[start : start + 500]
                lines = [dict(line) for _, (line, _) in some]
                (demand,) = {line.pop("demand") for line in lines}
                rows = [json.dumps(row) for row in reserve(shop, demand, lines)]
                changed += [
                    (hold, then, now)
                    for (hold, (_, then)), now in zip(some, rows, strict=True)
                    if then != now
                ]
    return lost, changed


@pytest.mark.nightly
def test_killed_in_the_middle_of_a_posting_it_is_posted_once(house: House):
    """The web process dies while PostgreSQL carries its posting out: between call and commit."""
    sku = house.skus[0]
    hold = an_id()
    lines = [{"hold_id": str(hold), "site": "TYO1", "sku": sku, "units": 1}]
    with superuser(house) as owner, ThreadPoolExecutor(1) as one:
        owner.execute(text(LOCK), {"sku": sku})
        with Shop([house.serve.port]) as shop:
            asking = one.submit(reserve, shop, str(hold), lines)
            wait_until(lambda: waiting(house), 20)
            house.kill("serve")
            owner.rollback()  # the orphaned posting goes on, and finds that nobody listens
            rows = asking.result()
            assert reserve(shop, str(hold), lines) == rows

    assert is_ready(house.serve.port)
    query = text("SELECT count(*) FROM hold WHERE id = :id")
    assert house.database.run(lambda s: s.execute(query, {"id": hold}).scalar_one()) == 1
    assert house.database.run(verify).clean


LOCK = """
SELECT 1 FROM stock_balance b JOIN sku k ON k.id = b.sku_id WHERE k.code = :sku FOR UPDATE OF b
"""


@contextmanager
def superuser(house: House) -> Iterator[Connection]:
    """A connection that sees and may do everything."""
    database = Database(house.postgres.url, pool_size=1, role=None)
    try:
        with database.engine.connect() as connection:
            yield connection
    finally:
        database.close()


def waiting(house: House) -> bool:
    """Whether some posting waits for a lock."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    with superuser(house) as connection:
        return bool(connection.execute(text(query)).scalar_one())


# ---------------------------------------------------------------------- all of a day's work
class Size(NamedTuple):
    """For how long they work, and the pauses after something is ready again."""

    seconds: float
    pause_s: tuple[float, float]


SHORT, WHOLE = Size(10.0, (0.1, 0.4)), Size(90.0, (0.3, 2.5))


@pytest.mark.nightly
@pytest.mark.timeout(400)
@pytest.mark.parametrize("size", [SHORT, WHOLE], ids=lambda size: f"{size.seconds:.0f}s")
def test_mixed_work_has_its_effect_once_whatever_is_killed(folder: Path, size: Size):
    memory = Memory(folder / "carrier.db")
    vans = ScaledClock.start(folder / "vans", at=SystemClock().now(), speed=1800.0)
    carrier = CarrierApi(memory, vans, seed=SEED, moods=Moods(down=0.0, lost_answers=0.05))
    with works(folder, carrier) as site:
        day = Mixed(site.serve.port, SEED, carrier)
        ready_after_s: dict[str, list[float]] = {}
        with day.at_work(lambda: site.found() == day.owed()):
            day_until(day, lambda: day.done["delivered"] >= 3)
            until, draw = monotonic() + size.seconds, Random(SEED)
            for name in turns(draw):
                if monotonic() > until and len(ready_after_s) == len(PROCESSES):
                    break
                site.kill(name)
                seconds = ready_again(site, day, name, monotonic())
                ready_after_s.setdefault(name, []).append(round(seconds, 1))
                threading.Event().wait(draw.uniform(*size.pause_s))
        print(f"seed {SEED}, busy {BUSY}: {dict(day.done)}, {len(day.told)} acknowledged, "  # noqa: T201
              f"ready after {ready_after_s}, {dict(day.troubles)}")  # fmt: skip

        assert (site.found(), set(day.open)) == (day.owed(), set())
        heard_once(site, day)
        site.stop("worker", "wcs")
        before = site.rows()
        assert day.again(site.serve.port) == []
        assert site.rows() == before, "asked again, something was done again"
        assert min(day.done[kind] for kind in KINDS) > 0, day.done
        assert before["customer_order"] == day.done["orders"]
        report = site.database.run(lambda s: verify(s, ALL_LAWS))
        assert report.clean, report
        assert max(max(each) for each in ready_after_s.values()) <= READY_WITHIN_S, ready_after_s
    memory.close()


PROCESSES = ("postgres", "serve", "broker", "worker", "wcs")
KINDS = ("orders", "receipts", "pick", "pack", "delivered", "returns", "counts")


def turns(draw: Random) -> Iterator[str]:
    """All of them in some order, again and again."""
    while True:
        yield from draw.sample(PROCESSES, len(PROCESSES))


def ready_again(site: Works, day: Mixed, name: str, killed_at: float) -> float:
    """Seconds until what was killed does its work again."""
    if name in DONE:
        day_until(day, lambda: site.has_done(name) >= 0)
        there = site.has_done(name)
        day_until(day, lambda: site.has_done(name) > there)
    else:
        day_until(day, lambda: day.latest_at > killed_at)
    return monotonic() - killed_at


def day_until(day: Mixed, condition: Callable[[], bool]) -> None:
    """Wait for something, as long as everybody can go on."""

    def reached() -> bool:
        day.all_well()
        return condition()

    wait_until(reached, 60)


def heard_once(site: Works, day: Mixed) -> None:
    """The WCS knows of every parcel that was packed, and was told of each once."""
    query = text("SELECT sscc FROM parcel")
    parcels = Counter(site.database.run(lambda s: list(s.execute(query).scalars())))

    def told() -> Counter[str]:
        inbox = [said for batch in open_recording(site.journal).batches() for said in batch.inbox]
        return Counter(said.code for said in inbox if isinstance(said, ParcelExpected))

    wait_until(lambda: told().keys() == parcels.keys(), 30)
    assert told() == parcels
    assert len(parcels) == day.done["delivered"]
