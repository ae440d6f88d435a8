"""How much traffic the planners move, against tabled values of public ones: one JSON line.

    t1_*  tasks a step, all robots at once, no turning cost: by the tabled value (>= 0.95)
    t2_*  CPU a step in yardsticks, by what the same public planner takes (<= 2)
    t3_*  turning costs a step, lanes found by themselves: by the same planner without (t3_own:
          >= 1.10 where at most 8 % of the nodes are taken, >= 1.6 in wh1020), and by a tabled one
    t4_*  driven on exclusive locks, no delays: by the planner that looks a window ahead (tabled)
    t5_*  the same with late actions: by its own value without (>= 0.70), and by the tabled
          lock-step executor with lanes (>= 1.10)
    t7_*  dead ends, one lane, lifts, pods: the longest without progress, in free-flow times; all
          have somewhere to go all the time, so that every wait counts, whatever it is for

The tabled values are of public planners in C++ on the same instances, kept outside the
repository; without them the maps drawn here run alone. Every run is judged by a checker that
shares no code with the planners (tests/wcs/fleet_log.py).

The yardstick is the choice of all robots of an instance at once, in numpy alone and without regard
for each other: who comes first, and which neighbour each likes best. What the public planner takes
was measured beside it on one machine, so its value is a number of yardsticks on any.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from time import process_time
from typing import Any

import numpy as np

from benchmarks.fleet_maps import AGAINST, MAPS, QUARTER, WITH
from benchmarks.fleet_world import Leg, World
from benchmarks.mapf import SHARED, Instance, aisles, drawn, near_of, read_instance
from tests.wcs.fleet_log import faults_of_locks, faults_of_steps
from wcs.fleet.grants import Fleet
from wcs.fleet.steps import Steps
from wcs.fleet.windows import Windows, facing_costs
from wcs.layout.lanes import lanes
from wcs.layout.roadmap import Ints, Roadmap, of_grid
from wcs.layout.rows import FAR, Rows, search_hops

LATE = 0.05


@dataclass(frozen=True, slots=True)
class Case:
    """An instance, and what is tabled for it (0: nothing)."""

    name: str
    agents: int
    robots: int
    steps: float = 0.0  # tasks a step without turning
    yards: float = 0.0  # its CPU a step, in yardsticks
    window: float = 0.0  # tasks a step, turning costs, no lanes
    executor: float = 0.0  # tasks a move with delays, lock-step executor with lanes

    @property
    def key(self) -> str:
        """The map and how many robots."""
        return f"{self.name}_{self.robots}"


CASES = (
    Case("whs_small", 0, 50, window=1.239, executor=0.793),
    Case("whs_small", 1, 100, 2.561, 0.249, 2.167, 1.405),
    Case("whs_small", 2, 200, 3.951, 0.282, 3.418),
    Case("whs_small", 3, 400, 4.076, 0.360),
    Case("wh1020", 2, 500, 3.546, 0.603, 2.682, 2.647),
    Case("wh1020", 3, 1000, 5.184, 0.610, 4.146),
    Case("whl", 1, 1000, 3.418, 0.889),
)


def yardstick_ms(instance: Instance, rounds: int = 101) -> float:
    """CPU milliseconds of the yardstick for one step of this instance: the median of `rounds`."""
    near = near_of(instance.free)
    near = np.column_stack([near, np.arange(len(near))])
    robots, rng = len(instance.starts), np.random.default_rng(1)
    hops = rng.integers(0, 1000, (robots, len(near)), np.uint16)
    slot, taken = np.arange(robots)[:, None], []
    for _ in range(rounds):
        at, waited = rng.integers(0, len(near), robots), rng.integers(0, 100, robots)
        begun = process_time()
        options = near[at[np.argsort(-waited, kind="stable")]]
        best = np.argsort(hops[slot, options], axis=1, kind="stable")
        np.take_along_axis(options, best, axis=1)
        taken.append(process_time() - begun)
    return float(np.median(taken)) * 1e3


def own_instance() -> Instance:
    """A warehouse drawn here: 100 robots among 4 by 8 blocks of 2 by 8."""
    return drawn(aisles(8, 4, (2, 8), 3), 100, 1)


class Tasks:
    """Whose goal is next: robot k takes tasks k, k + N, k + 2N ..."""

    def __init__(self, instance: Instance) -> None:
        self.tasks, self.robots = instance.tasks, len(instance.starts)

    def goal(self, robot: int, done: int) -> int:
        """The goal of a robot that has done so many."""
        return int(self.tasks[(robot + done * self.robots) % len(self.tasks)])


def ways_of(roadmap: Roadmap) -> set[tuple[int, int]]:
    """The arcs, for the checker."""
    return set(zip(roadmap.start.tolist(), roadmap.end.tolist(), strict=True))


def with_lanes(roadmap: Roadmap) -> Roadmap:
    """The same with lanes found by themselves, at the costs of the tables (2 / 8 / 2)."""
    costs = np.where(lanes(roadmap), WITH, AGAINST).astype(np.int32)
    return roadmap.costing(costs, QUARTER)


# ------------------------------------------------------------------ the three planners
def run_steps(instance: Instance, steps: int) -> dict[str, float]:
    """All robots at once, no turning cost: tasks a step, CPU ms a step."""
    roadmap, tasks = of_grid(instance.free), Tasks(instance)
    robots = len(instance.starts)
    hops = np.empty((robots, roadmap.nodes), np.uint16)
    queue: Ints = np.empty(roadmap.nodes, np.int32)
    slot: Ints = np.arange(robots, dtype=np.int32)
    goal, done = np.empty(robots, np.int32), np.zeros(robots, np.int64)

    def send(robot: int) -> None:
        goal[robot] = tasks.goal(robot, int(done[robot]))
        search_hops(
            int(goal[robot]), roadmap.start, roadmap.back_first, roadmap.back, hops[robot], queue
        )

    for robot in range(robots):
        send(robot)
    Steps(roadmap.first, roadmap.end, instance.starts).step(hops, slot)  # compiles
    fleet = Steps(roadmap.first, roadmap.end, instance.starts)
    cpu_s, log = 0.0, [instance.starts.tolist()]
    for _ in range(steps):
        begun = process_time()
        fleet.step(hops, slot)
        there = fleet.at == goal
        fleet.arrived(there)
        cpu_s += process_time() - begun
        log.append(fleet.at.tolist())
        for robot in np.flatnonzero(there).tolist():
            done[robot] += 1
            send(robot)
    faults = faults_of_steps(log, ways_of(roadmap))
    return {"tasks": done.sum() / steps, "ms": cpu_s / steps * 1e3, "faults": len(faults)}


def run_windows(instance: Instance, steps: int, *, has_lanes: bool) -> dict[str, float]:
    """All robots at once, turning costs a step, looking three ahead."""
    roadmap, tasks = of_grid(instance.free, cost=WITH, quarter=QUARTER), Tasks(instance)
    if has_lanes:
        roadmap = with_lanes(roadmap)
    n, robots, near = roadmap.nodes, len(instance.starts), near_of(instance.free)
    arc: Ints = np.full((n, 4), -1, np.int32)
    arc[roadmap.start, roadmap.facing // 4] = np.arange(len(roadmap.start))
    rows, table = Rows(roadmap, rows_max=n), np.empty((n, 4 * n), np.int32)
    goal, done, known = np.zeros(robots, np.int32), np.zeros(robots, np.int64), set()

    def send(robot: int) -> None:
        to = goal[robot] = tasks.goal(robot, int(done[robot]))
        if to not in known:
            known.add(to)
            row4 = np.where(arc >= 0, rows.row(to)[arc], FAR).astype(np.int32)
            facing_costs(near, QUARTER, row4, table[to])
            table[to, 4 * to : 4 * to + 4] = 0

    for robot in range(robots):
        send(robot)
    Windows(near, instance.starts * 4).step(table, goal)  # compiles
    fleet = Windows(near, instance.starts * 4)
    cpu_s, log = 0.0, [instance.starts.tolist()]
    for _ in range(steps):
        begun = process_time()
        fleet.step(table, goal)
        cpu_s += process_time() - begun
        at = fleet.at
        log.append(at.tolist())
        there = at == goal
        fleet.arrived(there)
        for robot in np.flatnonzero(there).tolist():
            done[robot] += 1
            send(robot)
    faults = faults_of_steps(log, ways_of(roadmap))
    return {"tasks": done.sum() / steps, "ms": cpu_s / steps * 1e3, "faults": len(faults)}


def run_locks(instance: Instance, moves: int, late: float) -> dict[str, float]:
    """Driven on exclusive locks with lanes: tasks a move, CPU ms a tick (a fifth of a move)."""
    roadmap = with_lanes(of_grid(instance.free, cost=WITH, quarter=QUARTER))
    tasks = Tasks(instance)
    fleet = Fleet.at(roadmap, instance.starts)
    fleet.heading[:] = 0
    rows = Rows(roadmap, rows_max=roadmap.nodes)
    world = World(fleet, rows, lambda r, done: Leg(tasks.goal(r, done)), None, late, 1)
    world.step()  # compiles
    world.cpu_s = 0.0
    world.run(5 * moves)
    return {
        "tasks": len(world.legs) / world.tick * 5,
        "ms": world.cpu_s / world.tick * 1e3,
        "faults": len(judge(world)),
    }


def judge(world: World) -> list[str]:
    """What the checker finds."""
    world.finish()
    zones = world.claims.zones if world.claims is not None else ()
    return faults_of_locks(
        world.held,
        world.moved,
        ways_of(world.fleet.roadmap),
        5,
        [(z.nodes, z.capacity) for z in zones],
    )


# ------------------------------------------------------------------ the figures
def tabled(steps: int, cases: Sequence[Case]) -> tuple[dict[str, float], int]:
    """T1 to T5 on the shared instances, and how many faults there were."""
    found, faults = {}, 0
    for case in cases:
        instance, key = read_instance(case.name, case.agents), case.key
        if case.steps:
            yardstick = yardstick_ms(instance)
            run = run_steps(instance, steps)
            yardstick = (yardstick + yardstick_ms(instance)) / 2  # others may be on the machine
            found[f"t1_{key}"] = run["tasks"] / case.steps
            found[f"t2_{key}"] = run["ms"] / yardstick / case.yards
            found[f"yardstick_{key}"] = yardstick
            found[f"ms_{key}"] = run["ms"]
            faults += int(run["faults"])
        if case.window:
            plain = run_windows(instance, steps, has_lanes=False)
            laned = run_windows(instance, steps, has_lanes=True)
            found[f"t3_own_{key}"] = laned["tasks"] / plain["tasks"]
            found[f"t3_plain_{key}"] = plain["tasks"] / case.window
            found[f"t3_{key}"] = laned["tasks"] / case.window
            locks = run_locks(instance, steps, 0.0)
            found[f"t4_{key}"] = locks["tasks"] / case.window
            faults += int(plain["faults"] + laned["faults"] + locks["faults"])
            if case.executor:
                late = run_locks(instance, steps, LATE)
                found[f"t5_own_{key}"] = late["tasks"] / locks["tasks"]
                found[f"t5_{key}"] = late["tasks"] / case.executor
                faults += int(late["faults"])
    return found, faults


def drawn_here(steps: int) -> tuple[dict[str, float], int]:
    """The same planners on a map of our own: plain values."""
    instance = own_instance()
    runs = {
        "own_steps": run_steps(instance, steps),
        "own_windows": run_windows(instance, steps, has_lanes=True),
        "own_locks": run_locks(instance, steps, 0.0),
        "own_locks_late": run_locks(instance, steps, LATE),
    }
    return {name: run["tasks"] for name, run in runs.items()}, int(
        sum(run["faults"] for run in runs.values())
    )


def locked_up(
    maps: Sequence[str], seeds: range, ticks: int, sizes: Sequence[int]
) -> tuple[dict[str, float], int]:
    """T7: the longest without progress on each map, over these seeds of all sizes together.

    Each run's line goes to stderr as soon as there is one: these take their time.
    """
    found, faults = {}, 0
    for name in maps:
        worst, legs = [], []
        for seed in seeds:
            robots = sizes[seed % len(sizes)]
            world = MAPS[name](robots, seed, LATE)
            world.run(ticks)
            worst.append(world.without_progress())
            legs.append(len(world.legs))
            wrong = len(judge(world))
            faults += wrong
            sys.stderr.write(
                f"{name} {robots} robots, seed {seed}: {worst[-1]:.2f}, {legs[-1]} legs"
                f", {wrong} faults\n"
            )
        found[f"t7_{name}"] = max(worst)
        found[f"t7_{name}_mean"] = float(np.mean(worst))
        found[f"t7_{name}_legs"] = float(np.mean(legs))
        found[f"t7_{name}_over_10"] = sum(one > 10 for one in worst)
    return found, faults


def main(arguments: list[str]) -> None:
    """`--steps N` (1000), `--seeds N` a map (12), `--ticks N` (3000), `--json`.

    For a part of it: `--only own`, `t7` or `tabled`; in T7 `--sizes 40` robots, `--maps comb`, and
    `--from 100` the first seed; of the tabled ones `--cases wh1020_500`. Several with commas.
    """

    def given(name: str, default: str) -> str:
        return arguments[arguments.index(name) + 1] if name in arguments else default

    steps, only = int(given("--steps", "1000")), given("--only", "own,t7,tabled").split(",")
    cases = [one for one in given("--cases", "").split(",") if one]
    found: dict[str, Any] = {"benchmark": "fleet"}
    faults, parts = 0, []
    if "own" in only:
        parts.append(drawn_here(steps))
    if "t7" in only:
        sizes = [int(one) for one in given("--sizes", "5,10,20,40").split(",")]
        maps, begin = given("--maps", ",".join(MAPS)).split(","), int(given("--from", "0"))
        seeds = range(begin, begin + int(given("--seeds", "12")))
        parts.append(locked_up(maps, seeds, int(given("--ticks", "3000")), sizes))
    if "tabled" in only and SHARED.exists():
        parts.append(tabled(steps, [case for case in CASES if not cases or case.key in cases]))
    for figures, wrong in parts:
        found |= {name: round(float(value), 4) for name, value in figures.items()}
        faults += wrong
    sys.stdout.write(json.dumps({**found, "faults": faults}) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
