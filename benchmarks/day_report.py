"""A day of the running product, held against the usual rules by its own report; one JSON line.

    python -m benchmarks.day_report --json [--orders 240] [--seed 4]

The demo's network (11 warehouses, 24 stores) in a fresh PostgreSQL, its opening stock, and a day of
its orders through the product's own doors. The worker's jobs are called here, on a clock moved by
hand: each order is sourced as it comes, which is what the product does at this pace; stock prices
are made anew every two hours. The picks are released in the evening. Then `wms.planner.report`.

    paid_less_percent       money that leaves the house, than the better of the two rules
    weighed_less_percent    all that sourcing weighs, likewise
    above_bound_percent     how far what was weighed is above what any plan must weigh
    metres_less_percent     walked, than orders in turn in S-shape; of all sites
    holds                   cheaper and walked less, no more lines late, no more units unsent

Baselines of the same run: the nearest site that has all, and warehouses first.
"""

import argparse
import json
import os
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.world import fresh, say

REPRICE_EVERY = timedelta(hours=2)
RULES = ("rules", "priority")


class Hand:
    """A clock that is moved by hand."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        """The present moment; a millisecond later each time, as events need an order."""
        self.at += timedelta(milliseconds=1)
        return self.at

    def real_s(self, virtual_s: float) -> float:
        """The same."""
        return virtual_s

    async def sleep(self, virtual_s: float) -> None:
        """Move on."""
        self.at += timedelta(seconds=virtual_s)


def played(url: str, options: argparse.Namespace) -> dict[str, Any]:
    """Play the day, and ask for its report."""
    from fastapi.testclient import TestClient  # noqa: PLC0415 - what --help need not import

    from simulators.load import load_through  # noqa: PLC0415
    from simulators.scenario import read_scenario  # noqa: PLC0415
    from tests.wms.house import PaperCarrier, PaperWebhooks  # noqa: PLC0415
    from wms.api.dependencies import Services  # noqa: PLC0415
    from wms.app import create_app  # noqa: PLC0415
    from wms.database import Database  # noqa: PLC0415
    from wms.jobs import Jobs  # noqa: PLC0415
    from wms.orders import scarcity  # noqa: PLC0415
    from wms.outbound.floor import Floor  # noqa: PLC0415
    from wms.planner.report import of_day  # noqa: PLC0415
    from wms.settings import Settings  # noqa: PLC0415

    scenario = read_scenario(None, count=options.orders, seed=options.seed)
    clock, floor = Hand(scenario.begins_at), Floor()
    database = Database(url, given_clock=True)
    jobs = Jobs(
        database=database, clock=clock, floor=floor, carrier=PaperCarrier(),
        webhooks=PaperWebhooks(),
    )  # fmt: skip
    settings = Settings(contact_key=Path(tempfile.mkdtemp()) / "contact.key")
    services = Services(settings=settings, database=database, clock=clock, floor=floor)
    try:
        with TestClient(create_app(settings, services)) as http:
            load_through(http, scenario.skus, seed=options.seed)
            say(f"loaded; {len(scenario.calls)} calls")
            due = clock.at
            for call in scenario.calls:
                clock.at = max(clock.at, call.at)
                if clock.at >= due:
                    scarcity.reprice(database, clock)
                    due = clock.at + REPRICE_EVERY
                answer = http.request(call.method, call.path, json=call.body)
                if answer.status_code >= 400:
                    say(f"{call.path}: {answer.status_code} {answer.text[:200]}")
                while jobs.source():
                    pass
            say("sourced")
            while jobs.release():
                pass
        return of_day(database, scenario.begins_at.date())
    finally:
        database.close()


def measure(options: argparse.Namespace) -> dict[str, object]:
    """All figures of the day."""
    began_s = time.process_time()
    with fresh() as world:
        report = played(world.url, options)
    sides = report["sourcing"]
    done, rule = sides["done"], min((sides[name] for name in RULES), key=lambda r: r["cost_minor"])
    metres = {
        side: sum(row[side]["metres"] for row in report["picking"]) for side in ("done", "rules")
    }
    paid = _less(done["cost_minor"], rule["cost_minor"])
    bound = report["bound_minor"]
    return {
        "benchmark": "day_report",
        "orders": report["orders"],
        "paid_less_percent": paid,
        "weighed_less_percent": _less(
            done["weighed_minor"], min(sides[name]["weighed_minor"] for name in RULES)
        ),
        "above_bound_percent": None if bound is None else -_less(done["weighed_minor"], bound),
        "metres_less_percent": _less(metres["done"], metres["rules"]),
        "holds": paid > 0
        and metres["done"] < metres["rules"]
        and done["late_lines"] <= rule["late_lines"]
        and done["short_units"] <= rule["short_units"],
        "cpu_s": round(time.process_time() - began_s, 1),
        "metres": {side: round(value) for side, value in metres.items()},
        "minutes": {
            side: round(sum(row[side]["minutes"] for row in report["picking"]))
            for side in ("done", "rules")
        },
        "lines_walked": sum(row["lines"] for row in report["picking"]),
        "bound_minor": bound,
        **sides,
    }


def _less(one: float, other: float) -> float:
    return round(100 * (1 - one / other), 2) if other else 0.0


def main() -> None:
    """Play, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one line of JSON (always so)")
    parser.add_argument("--orders", type=int, default=240)
    parser.add_argument("--seed", type=int, default=4)
    options = parser.parse_args()
    os.environ.setdefault("SOKO_COMPILED", "1")
    print(json.dumps(measure(options)))


if __name__ == "__main__":
    main()
