"""What many shops were told, over a bad line, could have been told one after the other.

Eight shops reserve, confirm, release and read three SKUs at once, of two processes on one database,
through proxies that reset a part of the answers after the commit, and some requests before or in
mid-way. Who is not answered asks the other process, with the same ids, while the first may still
be at it. Every history of a SKU must be linearizable (tests/faults/linear.py).
"""

import os
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from time import monotonic
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from edge.ports import HOST
from tests.builders import a_site, a_sku, an_id, stock_of
from tests.faults.linear import Act, Advance, OneSku, Read, Reserve, check
from tests.faults.proxy import FaultProxy
from tests.faults.shop import Shop, a_serve
from wms.database import Database
from wms.stock.verify import verify

SEED = int(os.environ.get("SEED", "20261127"))
SHOPS, ACTS, UNITS, SKUS = 8, 150, 40, ("TEA", "BOWL", "LAMP")
LINE = {"swallow": 0.04, "abandon": 0.02, "cut": 0.01, "refuse": 0.01, "delay": 0.1}
VERB = {"confirm": "ALLOCATED", "release": "RELEASED"}


@dataclass
class Told:
    """What one shop did, by SKU, and what it was told by key."""

    acts: dict[str, list[Act]] = field(default_factory=lambda: {sku: [] for sku in SKUS})
    said: dict[UUID, set[str]] = field(default_factory=dict)
    troubles: Counter[str] = field(default_factory=Counter)


@pytest.fixture
def proxies(database: Database, database_url: str, tmp_path: Path) -> Iterator[list[FaultProxy]]:
    """Bad lines to two processes that sell forty units each of three SKUs."""

    def stock(session: Any) -> None:
        site = a_site(session)
        for sku in SKUS:
            stock_of(session, site, a_sku(session, sku), UNITS)

    database.run(stock)
    with ExitStack() as stack:
        serves = [a_serve(tmp_path / name, database_url) for name in ("one", "two")]
        with ThreadPoolExecutor(2) as starting:
            list(starting.map(lambda serve: stack.enter_context(serve.child), serves))
        yield [
            stack.enter_context(FaultProxy((HOST, serve.port), seed=SEED + number, **LINE))
            for number, serve in enumerate(serves)
        ]


def trade(proxies: list[FaultProxy], number: int) -> Told:
    """One shop's day."""
    random = Random(f"{SEED}/{number}")
    told = Told()
    mine: list[tuple[str, UUID, int]] = []
    ports = [proxy.port for proxy in proxies[number % 2 :] + proxies[: number % 2]]
    with Shop(ports, said=told.said, troubles=told.troubles) as shop:
        for _ in range(ACTS):
            sku = random.choice(SKUS)
            called = monotonic()
            dice = random.random()
            action: Any
            if dice < 0.2:
                action, answer = read(shop, sku)
            elif dice < 0.5 and mine:
                sku, hold, _ = random.choice(mine)
                action, answer = advance(shop, hold, random.choice(list(VERB)))
            elif dice < 0.6 and mine:
                sku, hold, units = random.choice(mine)  # long ago, but asked again
                action, answer = reserve(shop, sku, hold, units)
            else:
                mine.append((sku, an_id(), random.randint(1, 4)))
                action, answer = reserve(shop, *mine[-1])
            told.acts[sku].append(Act(called, monotonic(), action, answer))
    return told


def prove(database: Database, over: threading.Event) -> int:
    """Prove the books as long as shops trade; how many times."""
    times = 0
    while not over.wait(0.2):
        report = database.run(verify)
        assert report.clean, report
        times += 1
    return times


def reserve(shop: Shop, sku: str, hold: UUID, units: int) -> tuple[Any, Any]:
    row = shop.reserve(hold, "TYO1", sku, units)
    return Reserve(hold, units), ("granted" if row["granted"] else "refused", row["free"])


def advance(shop: Shop, hold: UUID, verb: str) -> tuple[Any, Any]:
    command = an_id()
    status, answer = shop.advance(command, hold, "TYO1", verb)
    to = VERB[verb]
    told = ("done",) if status == 200 else (answer["code"], answer["state"])
    return Advance(command, hold, "ALLOCATED" if to == "ALLOCATED" else "RELEASED"), told


def read(shop: Shop, sku: str) -> tuple[Any, Any]:
    status, answer = shop.ask("GET", f"/v1/availability?sku={sku}&site=TYO1")
    assert status == 200, answer
    units = answer["skus"][0]["sites"]["TYO1"]["units"]
    return Read(), (units["free"], units["reserved"], units["allocated"])


@pytest.mark.timeout(180)
def test_histories_over_bad_lines_are_linearizable(proxies: list[FaultProxy], database: Database):
    over = threading.Event()
    with ThreadPoolExecutor(SHOPS + 1) as shops:
        proofs = shops.submit(prove, database, over)
        told = list(shops.map(lambda number: trade(proxies, number), range(SHOPS)))
        over.set()

    assert proofs.result() >= 1, "and the books were right at every moment"
    faults = proxies[0].faults + proxies[1].faults
    exchanges = sum(proxy.exchanges for proxy in proxies)
    print(f"seed {SEED}: {exchanges} exchanges, {dict(faults)}")  # noqa: T201
    assert faults["swallow"] >= exchanges // 40, "answers were lost after the commit"
    for sku in SKUS:
        history = [act for one in told for act in one.acts[sku]]
        verdict = check(history, OneSku(UNITS))
        assert verdict.linearizable, (SEED, sku, verdict.order[-5:], verdict.stuck)
    answers = {hold: said for one in told for hold, said in one.said.items()}
    assert [said for said in answers.values() if len(said) > 1] == [], "asked again, told the same"
    promised = "SELECT sku_id, sum(units) FROM hold WHERE state IN ('HELD', 'ALLOCATED') GROUP BY 1"
    with database.engine.connect() as connection:
        assert all(units <= UNITS for _, units in connection.execute(text(promised)))
    report = database.run(verify)
    assert report.clean, report
