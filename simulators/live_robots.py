"""The robots of a site, alive: many pure robots behind one MQTT connection.

    await run_robots(site, "mqtt://127.0.0.1:18830", clock=..., state_dir=..., seed=1)

A round: what arrived is received, robots whose moment has come live on, what changed is written
down, and only then is it told. A killed process therefore loses nothing that anybody was told,
and the robots have driven on meanwhile, as real ones would: their world is a function of time.

Between two rounds lie at least `_PULSE_S` real seconds, in which changes gather: on a fast clock
one state message then tells of several.

One connection cannot have a last will for each of thirty robots. So `connection` says ONLINE
(retained) when we connect and OFFLINE when we end in an orderly way; a kill is not announced,
and shows in that the states stop, which is what VDA 5050 wants health to be judged by anyway.
Positions are in the states; `visualization` is not published.

Source: VDA 5050 version 2.1.0, sections 6.2, 6.10 and 6.14.
"""

import asyncio
import random
import sqlite3
from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from edge.clock import Clock
from edge.drivers.vda5050_model import VERSION
from edge.drivers.vda5050_wire import encode, parse_topic, topic
from edge.mqtt import Bus, Message, PahoBus
from simulators.robot import Robot
from simulators.robot_body import (
    Body,
    Build,
    body_from_json,
    body_to_json,
    said_connection,
)

_HEARD = {
    2: ("order", "instantActions"),
    3: ("order", "instantActions", "zoneSet", "responses"),
}
_PULSE_S = 0.02  # real
_IDLE_S = 0.5  # real: at the latest, for the clock's speed may change


async def run_robots(
    site: Mapping[str, Any],
    bus: Bus | str,
    *,
    clock: Clock,
    state_dir: Path,
    seed: int = 0,
) -> None:
    """Play the `[[robots]]` of a site over a bus, or the broker of that address, for ever."""
    async with AsyncExitStack() as stack:
        if isinstance(bus, str):
            client_id = f"robots-{site['site']['code']}"
            bus = await stack.enter_async_context(PahoBus(bus, client_id=client_id))
        fleet = LiveRobots(builds_of(site, seed), bus, clock=clock, state_dir=state_dir)
        stack.callback(fleet.close)
        fleet.place(starts_of(site))
        await fleet.run()


def builds_of(site: Mapping[str, Any], seed: int) -> list[Build]:
    """How the robots of a site are built."""
    types = {
        name: profile["version"]
        for device in site.get("devices", [])
        for name, profile in device.get("types", {}).items()
        if "version" in profile
    }
    chargers = frozenset(row["name"] for row in site["points"] if row.get("kind") == "charge")
    return [
        Build(
            name=row["name"],
            manufacturer=row["manufacturer"],
            serial=row["serial"],
            map_id=row.get("map", site["site"]["code"]),
            speed_mps=row.get("speed_mps", 1.5),
            version=row.get("version", types.get(row.get("type"), VERSION)),
            charge_nodes=chargers,
            slots=row.get("slots", 1),
            seed=seed,
        )
        for row in site["robots"]
    ]


def starts_of(site: Mapping[str, Any]) -> dict[str, tuple[str, float, float]]:
    """The node at which each robot begins its life, and where that is."""
    points = {row["name"]: (row["name"], row["x_m"], row["y_m"]) for row in site["points"]}
    return {row["name"]: points[row["start"]] for row in site["robots"]}


class LiveRobots:
    """The robots, the book they are written down in, and the bus."""

    def __init__(self, builds: list[Build], bus: Bus, *, clock: Clock, state_dir: Path) -> None:
        self.robots: dict[str, Robot] = {}
        self._builds = builds
        self._names = {(b.major, b.manufacturer, b.serial): b.name for b in builds}
        self._bus = bus
        self._clock = clock
        self._book = _Book(state_dir / "robots.db")
        self._inbox: list[tuple[str, str, bytes]] = []
        self._woken = asyncio.Event()
        self._next_at: dict[str, datetime] = {}

    def place(self, starts: Mapping[str, tuple[str, float, float]]) -> None:
        """Wake the robots that are written down, and put the others where they begin."""
        known, now = self._book.read(), self._clock.now()
        for build in self._builds:
            if build.name in known:
                body = body_from_json(known[build.name])
            else:
                node, x_m, y_m = starts[build.name]
                charge = random.Random(f"{build.seed}/{build.serial}").uniform(0.55, 1.0)
                body = Body(
                    at=now.timestamp(),
                    x_m=x_m,
                    y_m=y_m,
                    heading_rad=0.0,
                    last_node=node,
                    battery=charge,
                )
            self.robots[build.name] = Robot(build, body)
        self._next_at = dict.fromkeys(self.robots, now)

    async def run(self) -> None:
        """Live until cancelled; then say that the robots are off-line."""
        for major in sorted({build.major for build in self._builds}):
            for kind in _HEARD[major]:
                self._bus.subscribe(
                    topic("+", "+", kind, major=major), qos=0, handler=self._on_message
                )
        self._bus.on_connect(self._on_connect)
        loop = asyncio.get_running_loop()
        try:
            while True:
                began_at = loop.time()
                self.round()
                await self._rest(began_at + _PULSE_S - loop.time())
        finally:
            self._say_connection("OFFLINE")

    def round(self) -> None:
        """Receive, live, write down, tell."""
        now = self._clock.now()
        self._woken.clear()
        inbox, self._inbox = self._inbox, []
        for name, kind, body in inbox:
            self.robots[name].receive(kind, body, now)
        due = {name for name, _kind, _body in inbox}
        due |= {name for name, at in self._next_at.items() if at <= now}
        said = [(name, message) for name in sorted(due) for message in self.robots[name].step(now)]
        for name in due:
            self._next_at[name] = self.robots[name].next_event_at
        if due:
            self._book.write({name: body_to_json(self.robots[name].body) for name in due})
        for name, message in said:
            build = self.robots[name].build
            place = topic(build.manufacturer, build.serial, message.kind, major=build.major)
            self._bus.publish(place, message.body, qos=0, retain=message.kind == "factsheet")

    def close(self) -> None:
        """Close the book."""
        self._book.close()

    async def _rest(self, pulse_s: float) -> None:
        await asyncio.sleep(max(pulse_s, 0.0))
        ahead_s = (min(self._next_at.values()) - self._clock.now()).total_seconds()
        rest_s = min(self._clock.real_s(max(ahead_s, 0.0)), _IDLE_S)
        try:
            async with asyncio.timeout(rest_s):
                await self._woken.wait()
        except TimeoutError:
            pass

    def _on_message(self, message: Message) -> None:
        major, manufacturer, serial, kind = parse_topic(message.topic)
        name = self._names.get((major, manufacturer, serial))
        if name is not None:
            self._inbox.append((name, kind, message.body))
            self._woken.set()

    def _on_connect(self) -> None:
        self._say_connection("ONLINE")
        for robot in self.robots.values():
            robot.speak_up()
        self._next_at = dict.fromkeys(self.robots, self._clock.now())
        self._woken.set()

    def _say_connection(self, state: Literal["ONLINE", "OFFLINE"]) -> None:
        for robot in self.robots.values():
            build = robot.build
            place = topic(build.manufacturer, build.serial, "connection", major=build.major)
            said = encode(said_connection(build, robot.body, state))
            self._bus.publish(place, said, qos=1, retain=True)


class _Book:
    """Every robot as it is, in SQLite: written before anything is told."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS robot (name TEXT PRIMARY KEY, body BLOB) WITHOUT ROWID"
        )

    def read(self) -> dict[str, bytes]:
        """All robots by name."""
        return dict(self._database.execute("SELECT name, body FROM robot"))

    def write(self, bodies: Mapping[str, bytes]) -> None:
        """Write those down, all or none."""
        self._database.execute("BEGIN IMMEDIATE")
        self._database.executemany("INSERT OR REPLACE INTO robot VALUES (?, ?)", bodies.items())
        self._database.execute("COMMIT")

    def close(self) -> None:
        """Close the file."""
        self._database.close()
