"""What an order costs from its placing to its customer, by how many come a day; one JSON line.

    python -m benchmarks.order_cost --json [--seconds 60] [--rates 0.12,1.2]

All processes of a site work: PostgreSQL (fsync on), `soko serve`, `soko worker`, broker, WCS.
People place, pick, pack and ship orders of one to three lines with handhelds; for four orders one
delivery is received, for ten one return is taken and one place counted. They are this process, with
the carrier, and not counted. Orders come at a rate, whatever has become of those before; last, as
fast as three people here can pick them.

    idle_cores       of each process while people stand by and nothing comes
    cost_ms          of processor that a delivered order takes, of all processes, above that
    all_ms           the same with what is used anyway: what an order costs where so few come

Rates are orders a second all day long. 10³ a day are one in 86 s: what they cost is idle_cores and
cost_ms. 10⁶ are 11.6 a second, which two cores do not do. Both rows of docs/operations/sizing.md
are computed from what is measured here.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import psutil

from benchmarks.world import say
from edge.clock import ScaledClock, SystemClock
from simulators.carrier import CarrierApi, Moods
from simulators.memory import Memory
from tests.faults.mixed import Day, Pauses
from tests.faults.works import Works, works
from wms.books import ALL_LAWS
from wms.settings import Settings
from wms.stock.verify import verify

WARM_S = 10.0
DAY_S = 86_400
ALL_DAY = 3600.0  # a pause in which nothing comes
LOOK_S, CARRY_S = 1.0, 2.0
SEED = 20261127


def pauses(rate: float) -> Pauses:
    """So many orders a second, and what goes with them."""
    sell = 1 / rate if rate else ALL_DAY
    return Pauses(
        sell=sell, receive=4 * sell, counts=10 * sell, take_back=10 * sell, look=LOOK_S,
        carry=CARRY_S,
    )  # fmt: skip


def used_s(site: Works) -> dict[str, float]:
    """Seconds of processor of each process and its children, so far."""
    pids = {name: child.pid for name, child in site.children.items()}
    found = {}
    for name, pid in (pids | {"postgres": site.postgres.pid}).items():
        root = psutil.Process(pid)
        every = [root, *root.children(recursive=True)]
        found[name] = sum(sum(each.cpu_times()[:4]) for each in every)
    return found


def level(site: Works, day: Day, seconds: float) -> tuple[int, float, dict[str, float]]:
    """Orders delivered, seconds, and processor used, while they work at their pace."""
    with day.at_work(lambda: True):
        time.sleep(WARM_S)
        before, done, began = used_s(site), day.done["delivered"], time.monotonic()
        time.sleep(seconds)
        took_s, delivered = time.monotonic() - began, day.done["delivered"] - done
        after = used_s(site)
    return delivered, took_s, {name: after[name] - before[name] for name in before}


def measure(
    site: Works, carrier: CarrierApi, rates: list[float], seconds: float
) -> dict[str, object]:
    """All levels, one after the other, on one site."""
    counted, rows = None, []
    idle: dict[str, float] = {}
    for number, rate in enumerate([0.0, *rates, 1000.0]):
        day = Day(site.serve.port, SEED + number, carrier, pauses(rate))
        if counted is not None:
            day.counted = counted
        if rate > max(rates):
            day.pauses = Pauses(look=0.2, carry=CARRY_S, counts=3.0, take_back=3.0)
        # so long that twenty orders come, but no longer than four times
        long_s = min(4 * seconds, max(seconds, 20 / rate)) if rate else seconds / 2
        delivered, took_s, used = level(site, day, long_s)
        counted = day.counted
        if not rate:
            idle = {name: round(each / took_s, 4) for name, each in used.items()}
            say(f"nothing comes: {idle}")
            continue
        all_ms = 1000 * sum(used.values()) / max(1, delivered)
        above = {
            name: round(1000 * (each - idle[name] * took_s) / max(1, delivered), 1)
            for name, each in used.items()
        }
        rows.append({
            "orders_a_day": round(delivered / took_s * DAY_S), "orders": delivered,
            "cost_ms": round(sum(above.values()), 1), "of": above, "all_ms": round(all_ms, 1),
            "cores": round(sum(used.values()) / took_s, 3),
        })  # fmt: skip
        say(str(rows[-1]))
    report = site.database.run(lambda s: verify(s, ALL_LAWS))
    return {"idle_cores": idle, "levels": rows, "verify_clean": report.clean}


def main() -> None:
    """Run a site at each rate, and print what an order costs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one line of JSON at the end (always)")
    parser.add_argument("--seconds", type=float, default=60.0, help="of each level")
    parser.add_argument("--rates", default="0.12,1.2", help="orders a second")
    options = parser.parse_args()
    rates = [float(each) for each in options.rates.split(",")]
    with tempfile.TemporaryDirectory(prefix="soko-cost-") as name:
        folder = Path(name)
        folder.chmod(0o777)
        memory = Memory(folder / "carrier.db")
        vans = ScaledClock.start(folder / "vans", at=SystemClock().now(), speed=1800.0)
        carrier = CarrierApi(memory, vans, seed=SEED, moods=Moods(down=0.0, lost_answers=0.0))
        with works(folder, carrier, source_s=Settings().source_s) as site:
            found = measure(site, carrier, rates, options.seconds)
        memory.close()
    print(json.dumps({"benchmark": "order_cost", "seconds": options.seconds} | found))


if __name__ == "__main__":
    main()
