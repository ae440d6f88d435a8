"""A `soko serve` and nothing else: no worker, no sweeper, thousands of buyers.

What the ledger promises must hold through the door too: exactly as many are sold as there are, a
cart ends by its time though nobody tidies, and no change is missing from the feed of changes.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from time import monotonic

import httpx2
import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session
from typing_extensions import override

from edge.clock import SystemClock
from edge.ports import HOST
from tests.builders import NOW, a_reserve, a_site, a_sku, an_id, eventually, stock_of
from tests.faults.shop import LATER, Serve, Shop, serving
from wms.api.dependencies import Services
from wms.app import create_app
from wms.catalog import HOUSE_OWNER_ID, sku_id
from wms.database import Database
from wms.outbound.floor import Floor
from wms.settings import Settings
from wms.sites import site_id
from wms.stock import promises
from wms.stock.availability import stock_view
from wms.stock.verify import verify

BUYERS, AT_ONCE, UNITS = 3000, 100, 300
pytestmark = pytest.mark.timeout(150)


@pytest.fixture(scope="module")
def serve(worker_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """The process, for all tests of this file."""
    with serving(tmp_path_factory.mktemp("serve"), worker_database) as serve:
        yield serve


def shelve(database: Database, **skus: int) -> None:
    """So many units of each at TYO1."""

    def work(session: Session) -> None:
        site = a_site(session)
        for sku, units in skus.items():
            stock_of(session, site, a_sku(session, sku), units)

    database.run(work)


def a_body(hold: object, sku: str, **more: object) -> dict[str, object]:
    line = {"hold_id": str(hold), "site": "TYO1", "sku": sku, "units": 1}
    return {"kind": "CART", "demand_id": str(an_id()), "lines": [line]} | more


async def rush(port: int, buyers: int) -> tuple[list[tuple[bool, int]], list[float]]:
    """That many buyers of one unit each, a hundred at a time; their answers, and the seconds."""
    told: list[tuple[bool, int]] = []
    seconds: list[float] = []
    queue = iter(range(buyers))

    async def buy(http: httpx2.AsyncClient) -> None:
        for _ in queue:
            body, began = a_body(an_id(), "HOT"), monotonic()
            while (answer := await http.post("/v1/holds", json=body)).status_code in LATER:
                pass  # the same again
            assert answer.status_code == 200, answer.text
            seconds.append(monotonic() - began)
            (line,) = answer.json()["lines"]
            told.append((line["granted"], line["free"]))

    limits = httpx2.Limits(max_connections=AT_ONCE)
    async with (
        httpx2.AsyncClient(base_url=f"http://{HOST}:{port}", timeout=60, limits=limits) as http,
        asyncio.TaskGroup() as group,
    ):
        for _ in range(AT_ONCE):
            group.create_task(buy(http))
    return told, seconds


async def test_a_flash_sale_sells_exactly_what_there_is(database: Database, serve: Serve):
    shelve(database, HOT=UNITS)

    began = monotonic()
    told, seconds = await rush(serve.port, BUYERS)
    took_s = monotonic() - began

    seconds.sort()
    p99_ms = round(1000 * seconds[len(seconds) * 99 // 100])
    print(f"{BUYERS} buyers in {took_s:.1f} s, p99 {p99_ms} ms")  # noqa: T201
    assert sorted(free for granted, free in told if granted) == [*range(UNITS)], "each unit once"
    assert Counter(told)[(False, 0)] == BUYERS - UNITS
    totals = database.run(stock_view).totals
    assert (totals["reserved"], totals["cart"], totals["free"]) == (UNITS, UNITS, 0)
    assert database.run(verify).clean


def test_a_cart_ends_by_its_time_though_no_sweeper_runs(database: Database, serve: Serve):
    shelve(database, LAST=1)
    cart = an_id()
    with Shop([serve.port]) as shop:
        assert shop.reserve(cart, "TYO1", "LAST", 1, kind="CART", ttl_s=1)["granted"]
        assert not shop.reserve(an_id(), "TYO1", "LAST", 1)["granted"]

        eventually(lambda: shop.reserve(an_id(), "TYO1", "LAST", 1)["granted"])

        assert shop.reserve(cart, "TYO1", "LAST", 1, kind="CART", ttl_s=1)["granted"], "it was"
        status, hold = shop.ask("GET", f"/v1/holds/{cart}?site=TYO1")
        assert (status, hold["state"]) == (200, "EXPIRED")
        status, problem = shop.advance(an_id(), cart, "TYO1", "confirm")
        assert (status, problem["code"], problem["state"]) == (409, "wrong_state", "EXPIRED")
    assert database.run(verify).clean


def test_what_is_committed_late_behind_something_newer_is_in_the_feed(
    database: Database, serve: Serve
):
    shelve(database, SLOW=5, QUICK=5)
    with Shop([serve.port]) as shop, Session(database.engine) as slow:
        _, begun = shop.ask("GET", "/v1/stock-changes")
        line = a_reserve(site_id("TYO1"), sku_id("SLOW", HOUSE_OWNER_ID), 2)
        promises.reserve(slow, [line], now=NOW)  # written, not committed
        shop.reserve(an_id(), "TYO1", "QUICK", 1)

        _, first = shop.ask("GET", f"/v1/stock-changes?after={begun['next']}")
        slow.commit()
        _, second = shop.ask("GET", f"/v1/stock-changes?after={first['next']}&wait_s=3")

    assert [(one["sku"], one["free"]) for one in first["changes"]] == [("QUICK", 4)]
    assert [(one["sku"], one["free"]) for one in second["changes"]] == [("SLOW", 3)]


class WrongClock(SystemClock):
    """A host whose clock is off."""

    def __init__(self, off: timedelta) -> None:
        self.off = off

    @override
    def now(self) -> datetime:
        return super().now() + self.off


@pytest.mark.parametrize("days", [-1, 1])
def test_a_cart_lives_as_long_as_was_asked_though_the_hosts_clock_is_off(
    database: Database, database_url: str, days: int
):
    """Its time is counted by the database, from its first moment to its last."""
    shelve(database, LAST=1)
    own = Database(database_url, pool_size=2)  # goes by the database's time, as in production
    services = Services(
        settings=Settings(), database=own, clock=WrongClock(timedelta(days=days)), floor=Floor()
    )
    with TestClient(create_app(services.settings, services)) as http:

        def buy(ttl_s: int) -> bool:
            answer = http.post("/v1/holds", json=a_body(an_id(), "LAST", ttl_s=ttl_s))
            return bool(answer.json()["granted"])

        assert buy(3600 if days < 0 else 1)
        if days < 0:
            assert not buy(3600), "an hour has not passed"
        else:
            eventually(lambda: buy(1))
    own.close()
