"""T10: from a robot's state to its order update, 500 robots at 1 Hz over a real broker.

    robots (here) --VDA 5050, MQTT--> edge --broker--> WCS --broker--> edge --> order update
    broker, edge and WCS each in a process of its own; times are those of the robots

Robots work on a grid of one-way streets, a node a second, with orders that are renewed as they
end. An update extends an order by the node X that its horizon has shown. It could leave when this
robot had said its latest news (a node reached, an action done, an update known) *and* whoever
held X that it is gone: from the later of the two until the update is here is what is measured.
Other updates (a new order; a robot is pushed aside) have other causes and are only counted. The
baseline in the same run is reading the same states from JSON.

    python -m benchmarks.order_update --json [--robots 500] [--seconds 30] [--side 60]

Limits: p99 100 ms, half a core for the WCS. Where the machine is busy with other things look at
the CPU; at `kept_hz`, too: how often a second each robot really spoke.
"""

import argparse
import asyncio
import contextlib
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import gcd
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from typing import Any

import psutil

from edge.agent import EdgeSettings
from edge.broker import broker_child, url_of
from edge.clock import SystemClock
from edge.drivers.vda5050_wire import topic
from edge.logs import configure
from edge.mqtt import Message, PahoBus, stream_ack_topic, stream_data_topic
from edge.ports import free_port
from edge.process import Child
from edge.run import run_edge
from edge.spool import Spool
from edge.stream import Receiver, SenderPump, decode_batch, encode_ack
from wcs.commands import run as run_wcs
from wcs.messages import TransportOrder, TransportReport, from_wcs, to_wcs

LIMIT_MS, LIMIT_CORE, SITE = 100.0, 0.5, "T10"
STEP_M, STATIONS, ACTION_TICKS = 2.0, 60, 3


# ------------------------------------------------------------------------------- the site
def site_text(side: int, robots: int) -> str:
    """One-way streets by turns, `side` by `side` points; work at some of them."""
    text = [f'[site]\ncode = "{SITE}"\nlook_ahead_m = 12.0\n']
    text += [
        f'[[points]]\nname = "{x}-{y}"\nx_m = {STEP_M * x}\ny_m = {STEP_M * y}\n'
        for x in range(side)
        for y in range(side)
    ]
    for n in range(side):
        for m in range(side - 1):
            along, across = (f"{m}-{n}", f"{m + 1}-{n}"), (f"{n}-{m}", f"{n}-{m + 1}")
            for start, end in (along if n % 2 else along[::-1], across[::-1] if n % 2 else across):
                text.append(f'[[paths]]\nfrom = "{start}"\nto = "{end}"\nspeed_mps = 2.0\n')
    for n, point in zip(range(STATIONS), _spread(side, STATIONS), strict=False):
        text.append(f'[[stations]]\nname = "S{n}"\npoint = "{point}"\ncapacity = 20\n')
    for n, point in zip(range(robots), _spread(side, robots, offset=1), strict=False):
        text.append(
            f'[[robots]]\nname = "R{n}"\nmanufacturer = "bench"\nserial = "R{n}"\n'
            f'start = "{point}"\nspeed_mps = 2.0\n'
        )
    text.append('[[devices]]\nname = "fleet"\ndriver = "vda5050"\n')
    return "".join(text)


def _spread(side: int, count: int, offset: int = 0) -> Iterator[str]:
    """So many points, each once, all over the place."""
    places, step = side * side, int(side * side * 0.618) | 1
    while gcd(step, places) > 1:
        step += 2
    for n in range(count):
        yield "{}-{}".format(*divmod((n * step + offset) % places, side))


# ------------------------------------------------------------------------------- the robots
@dataclass(slots=True)
class Robot:
    """A robot that drives a node a tick and does as it is told; its states are its own."""

    name: str
    node: str
    sequence: int = 0
    order: str = ""
    update: int = 0
    base: list[dict[str, Any]] = field(default_factory=list)
    horizon: list[dict[str, Any]] = field(default_factory=list)
    actions: dict[str, dict[str, Any]] = field(default_factory=dict)  # by id, as states show them
    todo: list[dict[str, Any]] = field(default_factory=list)
    left: int = 0
    load: str = ""
    header: int = 0
    heard: bool = False  # an order, that its next state will show

    def hear(self, order: dict[str, Any]) -> str | None:
        """Take an order; the first node that is new in its base, if there is one."""
        base = [node for node in order["nodes"] if node["released"]]
        if order["orderId"] == self.order:
            if order["orderUpdateId"] <= self.update:
                return None
            end = self.base[-1]["sequenceId"] if self.base else self.sequence
            fresh = [node for node in base if node["sequenceId"] > end]
        else:
            self.order, self.actions = order["orderId"], {}
            self.sequence, fresh = base[0]["sequenceId"], base[1:]
            self._meet(base[0])
        self.update, self.heard = order["orderUpdateId"], True
        self.horizon = [node for node in order["nodes"] if not node["released"]]
        self.base += fresh
        for node in fresh:
            for action in node["actions"]:
                self._show(action, "WAITING")
        return str(fresh[0]["nodeId"]) if fresh else None

    def tick(self) -> tuple[str, bool]:
        """A second passes: the node that was left, if one was, and whether there is news."""
        if self.todo:
            self.left -= 1
            if self.left > 0:
                return "", False
            action = self.todo.pop(0)
            self._show(action, "FINISHED")
            loads = [p["value"] for p in action.get("actionParameters", ()) if p["key"] == "loadId"]
            self.load = (loads or ["x"])[0] if action["actionType"] == "pick" else ""
            self.left = ACTION_TICKS
            return "", True
        if not self.base:
            return "", False
        before, node = self.node, self.base.pop(0)
        self.node, self.sequence = node["nodeId"], node["sequenceId"]
        self._meet(node)
        return before if before != self.node else "", True

    def _meet(self, node: dict[str, Any]) -> None:
        self.todo += node["actions"]
        self.left = ACTION_TICKS
        for action in node["actions"]:
            self._show(action, "RUNNING")

    def _show(self, action: dict[str, Any], status: str) -> None:
        self.actions[action["actionId"]] = {
            "actionId": action["actionId"],
            "actionType": action["actionType"],
            "actionDescription": "",
            "actionStatus": status,
            "resultDescription": "",
        }

    def state(self) -> bytes:
        """Its state, in the words of 2.1."""
        self.header += 1
        x, y = (STEP_M * int(part) for part in self.node.split("-"))
        ahead = [*self.base, *self.horizon]
        said = {
            **_header(self.header, self.name),
            "orderId": self.order,
            "orderUpdateId": self.update,
            "lastNodeId": self.node,
            "lastNodeSequenceId": self.sequence,
            "driving": bool(self.base),
            "paused": False,
            "newBaseRequest": False,
            "distanceSinceLastNode": 0.0,
            "operatingMode": "AUTOMATIC",
            "nodeStates": [
                {key: node[key] for key in ("nodeId", "sequenceId", "released")} for node in ahead
            ],
            "edgeStates": [
                {"edgeId": f"e{n['sequenceId']}", "sequenceId": n["sequenceId"] - 1}
                | {"released": n["released"]}
                for n in ahead
            ],
            "actionStates": [*self.actions.values()],
            "batteryState": {"batteryCharge": 90.0, "batteryVoltage": 48.0, "charging": False},
            "agvPosition": {"x": x, "y": y, "theta": 0.0, "mapId": SITE}
            | {"positionInitialized": True},
            "velocity": {"vx": 1.0, "vy": 0.0, "omega": 0.0},
            "loads": [{"loadId": self.load, "loadType": "tote"}] if self.load else [],
            "errors": [],
            "information": [],
            "safetyState": {"eStop": "NONE", "fieldViolation": False},
        }
        return json.dumps(said).encode()


def _header(number: int, serial: str) -> dict[str, Any]:
    at = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
    return {
        "headerId": number,
        "timestamp": at,
        "version": "2.1.0",
        "manufacturer": "bench",
        "serialNumber": serial,
    }


class Robots:
    """All of them behind one connection, each once a second, and the times of their updates."""

    def __init__(self, bus: PahoBus, robots: list[Robot]) -> None:
        self.robots = {robot.name: robot for robot in robots}
        self.took_s: list[float] = []
        self.others = self.states = 0
        self.sample: list[bytes] = []
        self._bus = bus
        self._news_s = dict.fromkeys(self.robots, 0.0)
        self._free_s: dict[str, float] = {}
        bus.subscribe(topic("bench", "+", "order"), qos=0, handler=self._on_order)

    async def run(self) -> None:
        """Speak in turn, for ever."""
        began_s, n, names = time.monotonic(), 0, [*self.robots]
        for name in names:
            said = {**_header(0, name), "connectionState": "ONLINE"}
            place = topic("bench", name, "connection")
            self._bus.publish(place, json.dumps(said).encode(), qos=1, retain=True)
        while True:
            due = int((time.monotonic() - began_s) * len(names))
            for k in range(n, due):
                self._tick(self.robots[names[k % len(names)]])
            n = max(n, due)
            await asyncio.sleep(0.005)

    def _tick(self, robot: Robot) -> None:
        left, news = robot.tick()
        news, robot.heard = news or robot.heard, False
        body = robot.state()
        now_s = time.monotonic()
        self._bus.publish(topic("bench", robot.name, "state"), body, qos=0)
        self.states += 1
        if len(self.sample) < 2_000:
            self.sample.append(body)
        if news:
            self._news_s[robot.name] = now_s
        if left:
            self._free_s[left] = now_s

    def _on_order(self, message: Message) -> None:
        now_s = time.monotonic()
        order = json.loads(message.body)
        robot = self.robots[order["serialNumber"]]
        shown = robot.horizon[0]["nodeId"] if robot.horizon else None
        goes_on = order["orderId"] == robot.order
        fresh = robot.hear(order)
        if fresh is not None and goes_on and fresh == shown:
            since_s = max(self._news_s[robot.name], self._free_s.get(fresh, 0.0))
            self.took_s.append(now_s - since_s)
        elif fresh is not None:
            self.others += 1


# ------------------------------------------------------------------------------- the WMS
class Orders:
    """Keeps so many transport orders open."""

    def __init__(self, bus: PahoBus, spool: Spool, count: int) -> None:
        self.over = self._number = 0
        self._bus, self._spool, self._receiver = bus, spool, Receiver()
        ways = (f(SITE, "wms", "wcs") for f in (stream_data_topic, stream_ack_topic))
        data_topic, ack_topic = ways
        self.pump = SenderPump(bus, spool, data_topic=data_topic, ack_topic=ack_topic)
        data = stream_data_topic(SITE, "wcs", "wms")
        bus.subscribe(data, qos=0, handler=self._on_report)
        self.add(count)

    def add(self, count: int) -> None:
        """More of them."""
        bodies = []
        for _ in range(count):
            self._number += 1
            n = self._number
            source, destination = f"S{n * 7 % STATIONS}", f"S{(n * 7 + 1 + n % 50) % STATIONS}"
            order = TransportOrder(id=f"t{n}", load=f"x{n}", source=source, destination=destination)
            bodies.append(to_wcs.dump_json(order))
        self._spool.append(bodies)
        self.pump.wake()

    def _on_report(self, message: Message) -> None:
        received = self._receiver.receive(decode_batch(message.body))
        reports = [from_wcs.validate_python(body) for body in received.new]
        ended = sum(
            isinstance(one, TransportReport) and one.state in ("FINISHED", "FAILED")
            for one in reports
        )
        ack_topic = stream_ack_topic(SITE, "wcs", "wms")
        self._bus.publish(ack_topic, encode_ack(received.ack), qos=0)
        self.over += ended
        if ended:
            self.add(ended)


# ------------------------------------------------------------------------------- the run
async def measure(robots: int, seconds: float, side: int) -> dict[str, Any]:
    """A run: half as long again to warm up, then what is measured."""
    with TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder, url = Path(name), url_of(port := free_port())
        file = folder / "site.toml"
        file.write_text(site_text(side, robots))
        stack.enter_context(broker_child(folder, port=port))
        children = {}
        for role in ("wcs", "edge"):
            words = [sys.executable, "-m", "benchmarks.order_update", "--role", role]
            words += [str(file), str(folder / role), url]
            child = Child(words, name=role, folder=folder)
            children[role] = stack.enter_context(child)
        spool = stack.enter_context(Spool(folder / "wms.db"))
        async with PahoBus(url, client_id="bench") as bus:
            starts = _spread(side, robots, offset=1)
            fleet = Robots(bus, [Robot(f"R{n}", node) for n, node in enumerate(starts)])
            orders = Orders(bus, spool, robots + robots // 4)
            await bus.until_settled()
            tasks = [asyncio.create_task(work) for work in (fleet.run(), orders.pump.run())]
            async with asyncio.timeout(600):
                while orders.over < robots // 10:  # noqa: ASYNC110 - another process
                    await asyncio.sleep(0.5)
            before = {role: _cpu_s(child.pid) for role, child in children.items()}
            states, over, began_s = fleet.states, orders.over, time.monotonic()
            fleet.took_s.clear()
            await asyncio.sleep(seconds)
            took_s = time.monotonic() - began_s
            cores = {r: (_cpu_s(c.pid) - before[r]) / took_s for r, c in children.items()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            return _figures(fleet, cores, (fleet.states - states) / took_s / robots) | {
                "robots": robots,
                "seconds": round(took_s, 1),
                "orders_per_min": round(60 * (orders.over - over) / took_s, 1),
            }


def _figures(fleet: Robots, cores: dict[str, float], kept_hz: float) -> dict[str, Any]:
    took_ms = [1e3 * took_s for took_s in fleet.took_s]
    cuts = quantiles(took_ms, n=100)
    began_s = time.process_time()
    for body in fleet.sample:
        json.loads(body)
    read_us = 1e6 * (time.process_time() - began_s) / len(fleet.sample)
    return {
        "t10_p50_ms": round(cuts[49], 1),
        "t10_p99_ms": round(cuts[98], 1),
        "t10_limit_ms": LIMIT_MS,
        "t10_wcs_core": round(cores["wcs"], 3),
        "t10_limit_core": LIMIT_CORE,
        "edge_core": round(cores["edge"], 3),
        "updates": len(took_ms),
        "updates_otherwise": fleet.others,
        "kept_hz": round(kept_hz, 2),
        "state_bytes": sum(map(len, fleet.sample)) // len(fleet.sample),
        "baseline_read_us": round(read_us, 1),
        "baseline_core": round(read_us * 1e-6 * len(fleet.robots), 4),
    }


def _cpu_s(pid: int | None) -> float:
    process = psutil.Process(pid)
    return sum(sum(each.cpu_times()[:2]) for each in (process, *process.children(recursive=True)))


def _child(role: str, file: Path, folder: Path, url: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    configure("ERROR")
    if role == "wcs":
        run_wcs(site=file, state_dir=folder, mqtt_url=url)
        return
    settings = EdgeSettings(mqtt_url=url, state_dir=folder)
    asyncio.run(run_edge(file, settings, SystemClock(), real=False))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--robots", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--side", type=int, default=60)
    parser.add_argument("--role", nargs=4, metavar=("ROLE", "SITE", "FOLDER", "URL"))
    chosen = parser.parse_args()
    if chosen.role:
        role, file, folder, url = chosen.role
        _child(role, Path(file), Path(folder), url)
        return
    configure("bench")  # to stderr: on stdout are the figures alone
    found = asyncio.run(measure(chosen.robots, chosen.seconds, chosen.side))
    print(json.dumps(found) if chosen.json else json.dumps(found, indent=2), flush=True)


if __name__ == "__main__":
    main()
