"""How long a divert decision takes on a network of conveyors, in process; one JSON line.

A ring of twelve scanners with 24 lanes, a hospital and three feeds, read from a site file, is
played with some hundred units on it (tests/wcs/conveying.py checks that nothing is sent to a full
belt and that the ring never fills). Every scan is one step of the whole engine, timed by itself.

    t11_p50_ms, t11_p99_ms   a step with one scan: p99 at most 10 at 200 scans/s
    t11_core_at_200          of a core that 200 scans a second take
    t11_jam_p99_ms           the first decisions after a belt has jammed, when ways change
    lookup_p99_ms            the baseline: reading the scan from JSON, writing the answer
"""

import json
import sys
from statistics import mean, quantiles
from time import process_time_ns

from edge.machine_messages import BeltChanged, RouteUnit, UnitScanned
from edge.messages import device_command, device_event
from tests.wcs.conveying import Hall
from tests.wcs.small import square
from wcs.engine import Engine
from wcs.state import Outbox, fresh_state

SCANNERS, LANES, FEEDS = 12, 24, 3
SECONDS = 1_500


def site() -> str:
    """The tables of the network."""
    text = '[[devices]]\nname = "plc"\ndriver = "none"\n'

    def node(name: str, kind: str, through: str = "") -> str:
        return f'[[nodes]]\nname = "{name}"\ndevice = "plc"\nkind = "{kind}"\n' + (
            f'through = "{through}"\n' if through else ""
        )

    def belt(name: str, start: str, end: str, room: int, seconds: float) -> str:
        head = f'[[belts]]\nname = "{name}"\nstart = "{start}"\nend = "{end}"\n'
        return head + f"room = {room}\nseconds = {seconds}\n"

    for n in range(SCANNERS):
        text += node(f"S{n}", "SCAN", f"r{n}")
        text += belt(f"r{n}", f"S{n}", f"S{(n + 1) % SCANNERS}", 14, 9.0)
    for n in range(LANES):
        text += node(f"L{n}", "EXIT") + belt(f"l{n}", f"S{n % SCANNERS}", f"L{n}", 12, 6.0)
    text += node("HOSP", "HOSPITAL") + belt("lh", "S5", "HOSP", 12, 6.0)
    for n in range(FEEDS):
        text += node(f"in{n}", "STOP") + node(f"M{n}", "STOP")
        text += belt(f"f{n}", f"in{n}", f"M{n}", 12, 6.0)
        text += belt(f"m{n}", f"M{n}", f"S{n * SCANNERS // FEEDS}", 2, 1.0)
    return text


def play(seconds: int) -> dict[str, float]:
    """Let the network work and time each decision."""
    plant = square(more=site())
    engine, hall = Engine(plant), Hall(plant.network, 1, no_read=0.01)
    hall.state = fresh_state(plant, hall.now)
    step_ms: list[float] = []
    wire_ms: list[float] = []
    jam_ms: list[float] = []
    jammed_at = -10

    def ask(event: UnitScanned | BeltChanged) -> Outbox:
        body = device_event.dump_json(event)
        begun = process_time_ns()
        outbox = engine.step(hall.state, [event], hall.now)
        taken = (process_time_ns() - begun) / 1e6
        step_ms.append(taken)
        if second - jammed_at < 2:
            jam_ms.append(taken)
        begun = process_time_ns()
        device_event.validate_json(body)
        for command in outbox.to_edge:
            device_command.dump_json(command)
        wire_ms.append((process_time_ns() - begun) / 1e6)
        outbox.to_edge = [one for one in outbox.to_edge if isinstance(one, RouteUnit)]
        return outbox

    hall.ask = ask
    hall.pace_s |= {f"L{n}": 12.0 for n in range(LANES)}
    inside = []
    for second in range(seconds):
        for feed in range(FEEDS):
            if len(hall.queues[f"in{feed}"]) < 3:
                hall.bring(str(feed), f"L{hall.rng.randrange(LANES)}")
        if second % 200 == 100:
            jammed_at = second
            hall.jam(f"l{second // 200}")
        elif second % 200 == 190:
            hall.jam(f"l{second // 200}", "OPEN")
        hall.tick()
        inside.append(hall.inside())
    return {
        "scans": len(step_ms), "sorted": len(hall.arrived), "units_inside": mean(inside),
        "t11_p50_ms": quantiles(step_ms, n=100)[49],
        "t11_p99_ms": quantiles(step_ms, n=100)[98],
        "t11_core_at_200": 200 * mean(step_ms) / 1e3,
        "t11_jam_p99_ms": quantiles(jam_ms, n=100)[98],
        "lookup_p50_ms": quantiles(wire_ms, n=100)[49],
        "lookup_p99_ms": quantiles(wire_ms, n=100)[98],
    }  # fmt: skip


if __name__ == "__main__":
    found = play(SECONDS if "--quick" not in sys.argv else SECONDS // 5)
    rounded = {name: round(value, 4) for name, value in found.items()}
    sys.stdout.write(json.dumps({"benchmark": "mfc", **rounded}) + "\n")
