"""A batch together: plans can be carried out, bounds hold, and a seed says it all."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from optimizer import sourcing
from optimizer.commands import plan
from optimizer.result import Limits, Status
from optimizer.sourcing_file import KIND, drawn, read
from optimizer.sourcing_order import OneOrder, fill_order
from optimizer.sourcing_problem import Problem
from optimizer.sourcing_single import fill_one
from tests.optimizer.checkers_sourcing import judged
from tests.optimizer.sourcing_plain import made

ROOT = Path(__file__).parents[2]
SEEDS = (1, 3)


def by_loops(steps: int, *seeds: int, compiled: bool = False) -> list[dict[str, Any]]:
    """What the loops find, in a process of their own."""
    words = [sys.executable, "-m", "tests.optimizer.sourcing_plain", str(steps)]
    environment = {**os.environ, "SOKO_COMPILED": str(int(compiled))}
    done = subprocess.run(
        [*words, *map(str, seeds)], cwd=ROOT, env=environment, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def found() -> list[dict[str, Any]]:
    """What the loops find in 80 steps, where nothing is compiled."""
    return by_loops(80, *SEEDS)


def test_plans_can_be_carried_out_and_cost_what_is_said(found: list[dict[str, Any]]):
    for each in found:
        cost, faults = judged(made(each["seed"]), each["plan"])
        assert faults == []
        assert each["cost"] == pytest.approx(cost)


def test_the_floor_is_under_the_best_and_the_search_is_near_it(found: list[dict[str, Any]]):
    for each in found:
        best = sourcing.solve(made(each["seed"]), limits=Limits(seconds=20))
        assert best.status == Status.OPTIMAL
        assert each["bound"] <= best.objective + 1e-6
        assert best.objective - 1e-6 <= each["cost"] <= 1.1 * best.objective
        assert each["bound"] >= 0.7 * best.objective


def test_what_is_told_only_gets_better(found: list[dict[str, Any]]):
    for each in found:
        costs = [best for best, _ in each["told"]]
        assert costs == sorted(costs, reverse=True)
        assert len(costs) > 1


def test_a_seed_and_steps_say_it_all(found: list[dict[str, Any]]):
    assert by_loops(80, SEEDS[0])[0] == found[0]


@pytest.mark.nightly
@pytest.mark.timeout(300)
def test_compiled_and_plain_find_the_same(found: list[dict[str, Any]]):
    assert by_loops(80, *SEEDS, compiled=True) == found
    many = by_loops(200, *range(10, 20), compiled=True)
    assert many == by_loops(200, *range(10, 20))
    for each in many:
        assert judged(made(each["seed"]), each["plan"])[1] == []
        assert each["bound"] <= each["cost"] + 1e-6


def test_a_node_sends_no_more_parcels_than_it_can():
    one = Problem(
        order_of_line=np.array([0, 1, 2]),
        sku_of_line=np.zeros(3, dtype=np.int64),
        units=np.ones(3, dtype=np.int64),
        stock=np.array([[9], [9]]),
        parcel_cost=np.array([[10.0, 90.0], [10.0, 20.0], [10.0, 50.0]]),
        unit_cost=np.zeros((3, 2)),
        backorder_cost=np.full(3, 1000.0),
        parcels=np.array([2, 1]),
    )
    in_turn = sourcing.solve(one, limits=Limits(seconds=0))
    best = sourcing.solve(one, limits=Limits(seconds=20))
    assert in_turn.plan.tolist() == [[1, 0], [1, 0], [0, 1]]
    assert best.plan.tolist() == [[1, 0], [0, 1], [1, 0]]
    assert (best.objective, best.status) == (40, Status.OPTIMAL)
    assert sourcing.violations(one, np.array([[1, 0], [1, 0], [1, 0]])) == [
        "node 0: sends 3 of 2 parcels"
    ]


def test_no_orders_and_no_stock_have_answers():
    empty = made(1, orders=1)
    nothing = sourcing.solve(
        read({"kind": "sourcing", "nodes": ["A"], "skus": [], "stock": [[]], "orders": []})
    )
    assert (nothing.objective, nothing.plan.shape) == (0, (0, 1))
    bare = Problem(
        order_of_line=empty.order_of_line,
        sku_of_line=empty.sku_of_line,
        units=empty.units,
        stock=np.zeros_like(empty.stock),
        parcel_cost=empty.parcel_cost,
        unit_cost=empty.unit_cost,
        backorder_cost=empty.backorder_cost,
    )
    found = sourcing.solve(bare, limits=Limits(seconds=5))
    assert (found.plan.sum(), found.status) == (0, Status.OPTIMAL)


FILE = {
    "kind": "sourcing",
    "nodes": ["TYO1", "OSA1"],
    "skus": ["A", "B"],
    "stock": [[5, 0], [1, 5]],
    "orders": [
        {"lines": [["A", 1], ["B", 2]], "parcel_cost": [60, 80], "unit_cost": [1, 1],
         "backorder_cost": 1000},
        {"lines": [["A", 1]], "parcel_cost": [60, None], "unit_cost": [1, 1],
         "backorder_cost": 1000, "split": "ONE_SITE"},
    ],
}  # fmt: skip


def test_a_file_is_read_solved_told_and_drawn():
    problem = KIND.read(FILE)
    found = KIND.solve(problem, Limits(seconds=20), 0, lambda _best, _bound: None)
    assert found.objective == 144
    assert KIND.told(problem, found.plan) == [
        {"order": 0, "sku": 0, "node": 1, "units": 1},
        {"order": 0, "sku": 1, "node": 1, "units": 2},
        {"order": 1, "sku": 0, "node": 0, "units": 1},
    ]
    assert drawn(problem, found.plan).count("<circle") == 2


def test_what_is_wrong_with_a_file_is_said():
    with pytest.raises(ValueError, match="order 0: SKU 'C' is not in skus"):
        read({**FILE, "orders": [{**FILE["orders"][0], "lines": [["C", 1]]}]})  # type: ignore[dict-item]
    with pytest.raises(ValueError, match="'stock'"):
        read({"kind": "sourcing", "nodes": [], "skus": [], "orders": []})


def test_a_file_is_solved_by_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file, picture = tmp_path / "problem.json", tmp_path / "plan.svg"
    file.write_text(json.dumps(FILE))
    with pytest.raises(SystemExit) as ended:
        plan(["solve", str(file), "--json", "--svg", str(picture)])
    assert ended.value.code == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["status"], answer["objective"], answer["gap"]) == ("OPTIMAL", 144, 0)
    assert picture.read_text().startswith("<svg")
    file.write_text('{"kind": "weather"}')
    with pytest.raises(SystemExit, match="kind is 'weather', not one of"):
        plan(["solve", str(file)])


@pytest.mark.nightly
@pytest.mark.timeout(300)
def test_an_order_by_itself_costs_the_same_compiled():
    chance = np.random.default_rng(5)
    for _ in range(300):
        lines, nodes = int(chance.integers(1, 6)), int(chance.integers(1, 8))
        one = OneOrder(
            units=chance.integers(1, 4, lines),
            stock=chance.integers(0, 5, (lines, nodes)),
            parcel_cost=chance.integers(10, 90, nodes).astype(np.float64),
            unit_cost=chance.integers(1, 30, (lines, nodes)).astype(np.float64),
            backorder_cost=np.full(lines, 200.0),
            line_splitting=bool(chance.integers(2)),
            split_cost=float(chance.integers(0, 30)),
        )
        fast, slow = fill_one(one)[0], fill_order(one)[0]
        assert (fast <= one.stock).all()
        assert order_cost(one, fast) == pytest.approx(order_cost(one, slow))


def order_cost(one: OneOrder, shipped: np.ndarray) -> float:
    """What an order costs that is shipped so."""
    opened = shipped.any(axis=0)
    cost = (shipped * one.unit_cost).sum() + one.parcel_cost[opened].sum()
    cost += one.backorder_cost[shipped.sum(axis=1) == 0].sum()
    assert np.isin(shipped.sum(axis=1), [0, *one.units]).all()
    return float(cost + one.split_cost * max(0, int(opened.sum()) - 1))
