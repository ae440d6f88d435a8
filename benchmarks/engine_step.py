"""What a step of the WCS costs, with 30 robots at work: one JSON line.

A busy hour is played on the demo's plant, then its journal of inboxes is stepped through again
and timed alone. The baseline in the same run is what cannot be saved: reading the same inboxes
from JSON and writing the same outboxes. Divert decisions are timed at 200 scans a second.
"""

import json
import sys
from datetime import timedelta
from statistics import quantiles
from time import perf_counter

from edge.messages import CartonScanned
from tests.wcs.fleet import START, World, tokyo
from wcs.engine import Engine, inbox_json
from wcs.messages import ParcelExpected
from wcs.state import fresh_state, outbox_json

LOADS = 60
SCANS = 4_000


def steps() -> dict[str, float]:
    """Milliseconds of a step, and of reading and writing what it takes in and says."""
    plant = tokyo()
    world = World(plant, 1)
    world.check = False
    world.fetch_and_return(LOADS, 1)
    world.work_off(20_000)
    engine, state = Engine(plant), fresh_state(plant, START)
    step_s, wire_s = [], []
    for inbox, now in world.batches:
        body = inbox_json.dump_json(inbox)
        begun_s = perf_counter()
        outbox = engine.step(state, inbox, now)
        done_s = perf_counter()
        inbox_json.validate_json(body)
        outbox_json(outbox)
        wire_s.append(perf_counter() - done_s)
        step_s.append(done_s - begun_s)
    virtual_s = (world.now - START).total_seconds()
    return {
        "steps": len(step_s),
        "step_p50_ms": quantiles(step_s, n=100)[49] * 1e3,
        "step_p99_ms": quantiles(step_s, n=100)[98] * 1e3,
        "wire_p50_ms": quantiles(wire_s, n=100)[49] * 1e3,
        "step_to_wire": sum(step_s) / sum(wire_s),
        "times_real_time": virtual_s / sum(step_s),
        "orders_an_hour": len(world.ended()) / virtual_s * 3600,
    }


def diverts() -> dict[str, float]:
    """Milliseconds of a divert decision, one scan a step, the fleet standing by."""
    plant = tokyo()
    engine, state = Engine(plant), fresh_state(plant, START)
    robots = World(plant, 1).robots.values()
    engine.step(state, [robot.report(START, plant) for robot in robots], START)
    expected = [
        ParcelExpected(code=f"{n:018}", epc_hex=f"31{n:022}", lane="L1") for n in range(SCANS)
    ]
    engine.step(state, expected, START)
    taken_s = []
    for n in range(SCANS):
        now = START + timedelta(seconds=n / 200)
        scan = CartonScanned(
            at=now, device="sorter1", tracking=n, status="GOOD", barcode=f"00{n:018}"
        )
        begun_s = perf_counter()
        outbox = engine.step(state, [scan], now)
        taken_s.append(perf_counter() - begun_s)
        assert outbox.to_edge
    return {"divert_p99_ms": quantiles(taken_s, n=100)[98] * 1e3}


if __name__ == "__main__":
    found = {name: round(value, 4) for name, value in {**steps(), **diverts()}.items()}
    sys.stdout.write(json.dumps({"benchmark": "engine_step", "robots": 30, **found}) + "\n")
