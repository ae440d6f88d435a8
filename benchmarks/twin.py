"""T12: the twin of a large site, with the whole WCS in it, against real time.

500 robots on a grid of one-way streets (that of T10) with doors across some of them, four
conveyors with their sorters, and people who cross; more orders than robots. The twin
(simulators.twin) plays the machines, `wcs.engine.step` decides twice a second of the site, and a
checker that shares no code with either (tests/wcs/fleet_log.py) judges what the robots did.

    t12_x                   seconds of the site in a second of one core
    t12_x_journal           the same with every step written to a journal, as on a site
    wcs_share               of that time, what the WCS takes
    faults                  what the checker found; anything is one too many
    baseline_x              what is left without the WCS: the played machines alone
    step_p50_ms, step_p99_ms   of the WCS

    python -m benchmarks.twin --json [--robots 500] [--minutes 5] [--side 60]

Limit: 20 x. CPU seconds count, so that a busy machine tells the same.
"""

import argparse
import gc
import json
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime
from functools import partial
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from typing import Any

from typing_extensions import override

from benchmarks.order_update import site_text
from simulators.twin import Noted, Settings, Twin
from tests.wcs.fleet_log import Held, Moved, faults_of_locks
from wcs.engine import Engine, Incoming
from wcs.journal import Journal
from wcs.plant import Plant, read_plant
from wcs.state import Outbox, State

LIMIT_X = 20.0
WARM_S = 120.0
LINES = 4
DOORS = 8


def busy_site(side: int, robots: int) -> str:
    """The site of T10, with doors and conveyors."""
    text = [site_text(side, robots), '[[devices]]\nname = "building"\ndriver = "portals"\n']
    doors = min(DOORS, side // 2)
    for n in range(doors):
        y = 2 * (n * (side // 2) // doors) + 1  # odd rows lead to the right
        ways = f'[["{side // 2}-{y}", "{side // 2 + 1}-{y}", "OPEN"]]'
        text.append(f'[[portals]]\nname = "D{n}"\ndevice = "building"\nways = {ways}\n')
    text += [
        f'[[devices]]\nname = "cv{n}"\ndriver = "modbus"\n'
        f'[[devices]]\nname = "sorter{n}"\ndriver = "opcua"\n'
        f'[[conveyors]]\ndevice = "cv{n}"\npoint = "INDUCT"\nto = "sorter{n}"\n'
        f'[[sorters]]\ndevice = "sorter{n}"\nlanes = ["L1", "L2", "L3"]\nhospital = "HOSP"\n'
        for n in range(LINES)
    ]
    return "".join(text)


class Timed(Engine):
    """The engine, and how long it took. CPU seconds."""

    def __init__(self, plant: Plant) -> None:
        super().__init__(plant)
        self.took_s: list[float] = []

    @override
    def step(self, state: State, inbox: Sequence[Incoming], now: datetime) -> Outbox:
        """A step, timed."""
        began_s = time.process_time()
        outbox = super().step(state, inbox, now)
        self.took_s.append(time.process_time() - began_s)
        return outbox


# ------------------------------------------------------------------------------- judging
def faults_of(twin: Twin, log: Sequence[Noted], starts: dict[str, str]) -> list[str]:
    """What an independent checker says of a run; times are milliseconds."""
    nodes = {name: n for n, name in enumerate(twin.plant.points)}
    robots = {name: n for n, name in enumerate(twin.robots)}
    ways = {(nodes[arc.start], nodes[arc.end]) for arc in twin.plant.arcs}
    got: dict[str, list[tuple[str, float]]] = defaultdict(list)
    moves: dict[str, list[tuple[str, str, float, float]]] = defaultdict(list)
    for name, fresh, driven in log:
        got[name] += fresh
        moves[name] += driven
    held: list[Held] = []
    moved: list[Moved] = []
    for name, robot in robots.items():
        there = [_ms(at) for *_, at in moves[name]]
        chain = [(starts[name], 0.0), *got[name]]
        for n, (node, since_s) in enumerate(chain):
            until = there[n] if n < len(there) else _ms(twin.now_s)
            held.append((nodes[node], robot, _ms(since_s), until))
        moved += [
            (robot, nodes[start], nodes[end], _ms(left_s), _ms(there_s))
            for start, end, left_s, there_s in moves[name]
            if start != end
        ]
    return faults_of_locks(held, moved, ways, _least_ms(twin.plant))


def _ms(at_s: float) -> int:
    return round(1e3 * at_s)


def _least_ms(plant: Plant) -> int:
    fastest = max(robot.speed_mps for robot in plant.robots.values())
    return int(1e3 * min(arc.length_m for arc in plant.arcs) / fastest)


# ------------------------------------------------------------------------------- measuring
def _play(text: str, settings: Settings, minutes: float, journal: Path | None) -> dict[str, Any]:
    plant = read_plant(text)
    twin = Twin(plant, settings)
    engine = twin.engine = Timed(plant)
    starts = {name: robot.node for name, robot in twin.robots.items()}
    log = twin.log = []
    with ExitStack() as stack:
        if journal is not None:
            book = Journal(journal, text)
            stack.callback(book.close)
            twin.watch = partial(_write, book, twin)
        twin.run(WARM_S)
        gc.collect()
        gc.freeze()  # as the process of a WCS does
        engine.took_s.clear()
        began_s, wall_s = time.process_time(), time.monotonic()
        twin.run(60 * minutes)
        cpu_s, wall_s = time.process_time() - began_s, time.monotonic() - wall_s
    cuts = quantiles(engine.took_s, n=100)
    figures = twin.figures()
    return {
        "x": round(60 * minutes / cpu_s, 1),
        "x_wall": round(60 * minutes / wall_s, 1),
        "baseline_x": round(60 * minutes / (cpu_s - sum(engine.took_s)), 1),
        "wcs_share": round(sum(engine.took_s) / cpu_s, 3),
        "step_p50_ms": round(1e3 * cuts[49], 2),
        "step_p99_ms": round(1e3 * cuts[98], 2),
        "faults": len(faults_of(twin, log, starts)),
        "orders_per_hour": figures.orders_per_hour,
        "order_p95_s": figures.order_p95_s,
        "driving_share": figures.driving_share,
        "cartons_sorted": figures.cartons_sorted,
        "alarms": figures.alarms,
    }


def _write(book: Journal, twin: Twin, inbox: Sequence[Incoming], outbox: Outbox) -> None:
    book.write(twin.state.now, inbox, outbox, {}, twin.state)


def measure(robots: int, minutes: float, side: int) -> dict[str, Any]:
    """All figures."""
    text = busy_site(side, robots)
    settings = Settings(
        orders_open=robots + robots // 4,
        cartons_per_hour=600.0,
        people_per_hour=120.0,
        lost=0.001,
    )
    alone = _play(text, settings, minutes, None)
    with TemporaryDirectory() as folder:
        written = _play(text, settings, minutes / 2, Path(folder) / "wcs.db")
    return {
        "t12_x": alone.pop("x"),
        "t12_limit_x": LIMIT_X,
        "t12_x_journal": written["x"],
        "faults": alone.pop("faults") + written["faults"],
        **alone,
        "robots": robots,
        "minutes": minutes,
    }


def main() -> None:
    """Measure, and print what came out."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--robots", type=int, default=500)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--side", type=int, default=60)
    chosen = parser.parse_args()
    found = measure(chosen.robots, chosen.minutes, chosen.side)
    print(json.dumps(found) if chosen.json else json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
