"""The checker of lists finds what it must; what shops did over a bad line holds before it.

Each shop asks for several SKUs at once, all or nothing, one process or the other, over lines that
reset answers after the commit. What is free of a SKU only falls, so how much was free after a
reservation is the value that it appended to that SKU's list; what somebody reads as free is a list
that ends there. The feed of changes tells the same in the order of its events.

    SEED=7 python -m pytest -q -s tests/faults/test_append.py
"""

import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import Any

import pytest

from edge.ports import HOST
from tests.builders import a_site, a_sku, an_id, stock_of
from tests.faults.append import Txn, check
from tests.faults.proxy import FaultProxy
from tests.faults.shop import Shop, a_serve
from wms.database import Database
from wms.stock.verify import verify

SEED = int(os.environ.get("SEED", "20261127"))
SKUS, UNITS, SHOPS, ACTS = ("TEA", "BOWL", "LAMP"), 100_000, 6, 60
LINE = {"swallow": 0.04, "abandon": 0.02, "cut": 0.01, "refuse": 0.01, "delay": 0.1}

HISTORIES: dict[str, tuple[list[Txn], dict[str, list[int]], set[str]]] = {
    "nothing": ([], {}, set()),
    "one after the other": (
        [Txn({"x": [1]}), Txn({"x": [2]}, {"x": [1]}), Txn({}, {"x": [1, 2]})],
        {"x": [1, 2]}, set(),
    ),
    "nobody answered, and it was done": (
        [Txn({"x": [1]}, done=None), Txn({}, {"x": [1]})], {"x": [1]}, set(),
    ),
    "nobody answered, and it was not": ([Txn({"x": [1]}, done=None)], {"x": []}, set()),
    "writes mixed up": (
        [Txn({"x": [1], "y": [1]}), Txn({"x": [2], "y": [2]})], {"x": [1, 2], "y": [2, 1]}, {"G0"},
    ),
    "each has seen the other": (
        [Txn({"x": [1]}, {"y": [1]}), Txn({"y": [1]}, {"x": [1]})], {"x": [1], "y": [1]}, {"G1c"},
    ),
    "a torn read": (
        [Txn({"x": [1], "y": [1]}), Txn({}, {"x": [1], "y": []})], {"x": [1], "y": [1]},
        {"G-single"},
    ),
    "a lost update": (
        [Txn({"x": [1]}, {"x": []}), Txn({"x": [2]}, {"x": []})], {"x": [1, 2]}, {"G-single"},
    ),
    "each has missed the other": (
        [Txn({"x": [1]}, {"y": []}), Txn({"y": [1]}, {"x": []})], {"x": [1], "y": [1]}, {"G2"},
    ),
    "what was refused was read": (
        [Txn({"x": [1]}, done=False), Txn({}, {"x": [1]})], {"x": [1]}, {"G1a"},
    ),
    "from nowhere": ([Txn({}, {"x": [7]})], {"x": [7]}, {"nobody"}),
    "forgotten": ([Txn({"x": [1]})], {"x": []}, {"lost"}),
    "done twice": ([Txn({"x": [1]})], {"x": [1, 1]}, {"twice"}),
    "two have the same": ([Txn({"x": [1]}), Txn({"x": [1]})], {"x": [1]}, {"twice"}),
    "two orders": (
        [Txn({"x": [1]}), Txn({"x": [2]}), Txn({}, {"x": [2]}), Txn({}, {"x": [1, 2]})],
        {"x": [1, 2]}, {"order"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HISTORIES)
def test_of_known_histories_it_says_what_is_known(name: str):
    history, last, wrong = HISTORIES[name]
    found = {each.name for each in check(history, last)}
    assert wrong <= found
    assert bool(found) == bool(wrong), found


def trade(ports: list[int], number: int) -> tuple[list[tuple[Any, Any]], Counter[str]]:
    """One shop: what it was told of its reservations, and what it read."""
    random = Random(f"{SEED}/{number}")
    told: list[tuple[Any, Any]] = []
    with Shop(ports) as shop:
        for _ in range(ACTS):
            if random.random() < 0.3:
                asked = "&".join(f"sku={sku}" for sku in SKUS)
                status, answer = shop.ask("GET", f"/v1/availability?{asked}&site=TYO1")
                assert status == 200, answer
                free = {each["sku"]: each["sites"]["TYO1"]["units"]["free"]
                        for each in answer["skus"]}  # fmt: skip
                told.append(({}, free))
                continue
            lines = [
                {"hold_id": str(an_id()), "site": "TYO1", "sku": sku, "units": 1}
                for sku in random.sample(SKUS, random.randint(1, len(SKUS)))
            ]
            body = {"mode": "all-or-nothing", "kind": "ORDER", "demand_id": str(an_id()),
                    "lines": lines}  # fmt: skip
            status, answer = shop.ask("POST", "/v1/holds", body)
            assert (status, answer["granted"]) == (200, True), answer
            rows = zip(lines, answer["lines"], strict=True)
            told.append(({line["sku"]: row["free"] for line, row in rows}, {}))
        return told, shop.troubles


def test_what_shops_did_over_a_bad_line_holds_before_it(
    database: Database, database_url: str, tmp_path: Path
):
    def stock(session: Any) -> None:
        site = a_site(session)
        for sku in SKUS:
            stock_of(session, site, a_sku(session, sku), UNITS)

    database.run(stock)
    with ExitStack() as stack:
        serves = [a_serve(tmp_path / name, database_url) for name in ("one", "two")]
        with ThreadPoolExecutor(2) as starting:
            list(starting.map(lambda serve: stack.enter_context(serve.child), serves))
        proxies = [
            stack.enter_context(FaultProxy((HOST, serve.port), seed=SEED + n, **LINE))
            for n, serve in enumerate(serves)
        ]
        ports = [proxy.port for proxy in proxies]
        with Shop([serves[0].port]) as reader, ThreadPoolExecutor(SHOPS) as shops:
            _, start = reader.ask("GET", "/v1/stock-changes")
            trading = [shops.submit(trade, ports[n % 2 :] + ports[: n % 2], n)
                       for n in range(SHOPS)]  # fmt: skip
            told = [each.result() for each in trading]
            fed = feed(reader, start["next"])
        faults = sum((proxy.faults for proxy in proxies), Counter[str]())

    history, last = as_lists([each for shop, _ in told for each in shop], fed)
    print(f"seed {SEED}: {len(history)} transactions, {dict(faults)}")  # noqa: T201
    assert faults["swallow"] > 0
    assert check(history, last) == []
    report = database.run(verify)
    assert (report.clean, report.holds) == (True, sum(map(len, last.values())))


def feed(shop: Shop, after: str) -> list[tuple[str, int]]:
    """All changes, in the order of the feed."""
    changes: list[tuple[str, int]] = []
    while True:
        _, page = shop.ask("GET", f"/v1/stock-changes?after={after}&limit=50")
        changes += [(each["sku"], each["free"]) for each in page["changes"]]
        if not page["changes"]:
            return changes
        after = page["next"]


def as_lists(
    told: list[tuple[dict[str, int], dict[str, int]]], fed: list[tuple[str, int]]
) -> tuple[list[Txn], dict[str, list[int]]]:
    """Lists instead of figures: the list that ends with a figure has all that were above it."""
    whole = {sku: sorted({row[sku] for row, _ in told if sku in row}, reverse=True)
             for sku in SKUS}  # fmt: skip

    def until(sku: str, free: int) -> list[int]:
        seen = [value for value in whole[sku] if value >= free]
        return seen if free == UNITS or (seen and seen[-1] == free) else [*seen, free]

    history = [
        Txn({sku: [free] for sku, free in row.items()}, {s: until(s, f) for s, f in read.items()})
        for row, read in told
    ]
    last: dict[str, list[int]] = {sku: [] for sku in SKUS}
    for sku, free in fed:  # a posting of many reservations is told once: with the last figure
        assert not last[sku] or free < last[sku][-1], f"{sku}: {free} after {last[sku][-1]}"
        last[sku] = until(sku, free)
    return history, last
