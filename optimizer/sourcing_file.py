"""Sourcing problems in files (`soko plan solve`), and what a plan looks like.

    {"kind": "sourcing",
     "nodes": ["TYO1", "OSA1"], "skus": ["A", "B"],
     "stock": [[5, 0], [0, 5]],                      n x s, units
     "orders": [{"lines": [["A", 1], ["B", 2]],      SKU, units
                 "parcel_cost": [60, null],          by node; null: it may not send that order
                 "unit_cost": [1, 1],                by node, a unit of any line
                 "backorder_cost": 1000,             a line that is not filled
                 "split": "ANY"}],                   or WHOLE_LINES, ONE_SITE
     "split_cost": 0, "capacity": null, "parcels": null}

The picture is the parcels as a chart: orders from the top, a dot in the column of each node that
sends a parcel, and a line through the dots of an order that is parted.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from optimizer import sourcing
from optimizer.problems import Kind
from optimizer.result import Limits, Progress, Solution
from optimizer.sourcing_problem import Ints, Problem, opened_of

SPLITS = {"ANY": sourcing.ANY, "WHOLE_LINES": sourcing.WHOLE_LINES, "ONE_SITE": sourcing.ONE_SITE}
STEP_PX, ROWS_MAX = 12, 400


def read(file: Mapping[str, Any]) -> Problem:
    """A problem from its JSON. Raises ValueError: what is wrong, and where."""
    try:
        return _read(file)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"a sourcing file lacks or misspells something: {error!r}") from error


def _read(file: Mapping[str, Any]) -> Problem:
    number = {sku: at for at, sku in enumerate(file["skus"])}
    nodes, orders = len(file["nodes"]), file["orders"]
    lines: list[tuple[int, int, int]] = []
    for at, order in enumerate(orders):
        if unknown := [sku for sku, _ in order["lines"] if sku not in number]:
            raise ValueError(f"order {at}: SKU {unknown[0]!r} is not in skus")
        lines += [(at, number[sku], int(units)) for sku, units in order["lines"]]
    of_order, of_sku, units = np.array(lines, dtype=np.int64).reshape(-1, 3).T
    parcels = [
        [np.inf if cost is None else float(cost) for cost in order["parcel_cost"]]
        for order in orders
    ]
    each = np.array([order["unit_cost"] for order in orders], dtype=np.float64)
    unfilled = np.array([order["backorder_cost"] for order in orders], dtype=np.float64)
    room, most = file.get("capacity"), file.get("parcels")
    return Problem(
        order_of_line=of_order,
        sku_of_line=of_sku,
        units=units,
        stock=np.array(file["stock"], dtype=np.int64).reshape(nodes, -1),
        parcel_cost=np.array(parcels, dtype=np.float64).reshape(-1, nodes),
        unit_cost=each.reshape(-1, nodes)[of_order],
        backorder_cost=unfilled[of_order],
        policy=np.array([SPLITS[order.get("split", "ANY")] for order in orders], dtype=np.int64),
        split_cost=np.full(len(orders), float(file.get("split_cost", 0))),
        capacity=None if room is None else np.array(room, dtype=np.int64),
        parcels=None if most is None else np.array(most, dtype=np.int64),
    )


def _solve(problem: Problem, limits: Limits, seed: int, progress: Progress) -> Solution[Ints]:
    return sourcing.solve(problem, limits=limits, seed=seed, progress=progress)


def told(problem: Problem, plan: Ints) -> list[dict[str, int]]:
    """What each node sends, one entry for each line and node."""
    return [
        {
            "order": int(problem.order_of_line[line]),
            "sku": int(problem.sku_of_line[line]),
            "node": int(node),
            "units": int(plan[line, node]),
        }
        for line, node in np.argwhere(plan)
    ]


def drawn(problem: Problem, plan: Ints) -> str:
    """The parcels as an SVG document; of many orders the first ROWS_MAX."""
    opened = opened_of(problem, plan)[:ROWS_MAX]
    height, width = (size * STEP_PX + STEP_PX for size in opened.shape)
    marks = []
    for row, nodes in enumerate(opened):
        y = (row + 1) * STEP_PX
        x = (np.flatnonzero(nodes) + 1) * STEP_PX
        if x.size > 1:
            marks.append(f'<line x1="{x[0]}" y1="{y}" x2="{x[-1]}" y2="{y}" stroke="#c60"/>')
        marks += [f'<circle cx="{at}" cy="{y}" r="4" fill="#06c"/>' for at in x]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">'
        f"<title>{opened.shape[0]} orders, {int(opened.sum())} parcels</title>"
        f"{''.join(marks)}</svg>"
    )


KIND = Kind(read=read, solve=_solve, told=told, drawn=drawn)
