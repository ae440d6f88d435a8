"""A stage for the screens: the HTTP contract, played from a seed, with robots that drive.

Only for looking at rendering: no database, no site. The plant is the demo's site file, the packet
is one of the shared vectors and goes through the WMS's own reducer. `/stage/pause` stops the feed,
so that a test sees old data; everything else has the shape that the real server tells.
"""

import asyncio
import json
import math
import random
import tomllib
from collections import deque
from collections.abc import AsyncIterable
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import TypeAdapter

from tests.web import stage_desk, stage_stock, stage_store, stage_track, stage_work
from wms.work.packet import Event, Packet, Problem, packet_json, reduce

ROOT = Path(__file__).parents[2]
PLANT: dict[str, Any] = tomllib.loads((ROOT / "simulators/sites/tokyo.toml").read_text("utf-8"))
PACKET = ROOT / "tests/vectors/packets/pick_whole.json"
BUILT = ROOT / "wms/web_dist"
STARTED_AT = datetime(2026, 11, 27, 0, 30, tzinfo=UTC)
SPEED = 60.0
FRAME_S = 0.2
SEVERAL = 19  # the number of a robot that carries several loads
EVENTS: TypeAdapter[list[Event]] = TypeAdapter(list[Event])


class Robot:
    """One robot that drives from place to place for ever."""

    def __init__(self, name: str, start: str, rng: random.Random) -> None:
        self.name, self.here, self.rng = name, start, rng
        self.route: deque[str] = deque()
        self.rest_s = rng.uniform(0, 60)
        self.load: str | None = None
        self.battery = rng.uniform(45, 98)
        self.x_m, self.y_m = POINTS[start]
        self.heading_rad = 0.0

    def drive(self, seconds: float) -> None:
        """Go on for a while."""
        left_m = 1.5 * seconds
        while self.route and left_m > 0:
            x_m, y_m = POINTS[self.route[0]]
            leg_m = math.hypot(x_m - self.x_m, y_m - self.y_m)
            self.heading_rad = math.atan2(y_m - self.y_m, x_m - self.x_m)
            if leg_m > left_m:
                self.x_m += (x_m - self.x_m) * left_m / leg_m
                self.y_m += (y_m - self.y_m) * left_m / leg_m
                return
            left_m -= leg_m
            self.here, self.x_m, self.y_m = self.route.popleft(), x_m, y_m
        if not self.route:
            self._choose(seconds)

    def _choose(self, seconds: float) -> None:
        self.rest_s -= seconds
        if self.rest_s > 0:
            return
        self.rest_s = self.rng.uniform(10, 90)
        stations = [point["name"] for point in PLANT["points"] if point["kind"] == "station"]
        stores = [point["name"] for point in PLANT["points"] if point["kind"] == "storage"]
        self.load = None if self.load else f"T-{self.rng.randrange(1000, 9999)}"
        self.route = way(self.here, self.rng.choice(stations if self.load else stores))

    def told(self, number: int) -> dict[str, Any]:
        """As a frame tells it; a few robots have troubles."""
        state = "DRIVING" if self.route else ("WORKING" if self.load else "IDLE")
        state = {7: "FAULT", 11: "SILENT", 13: "WAITING", 21: "CHARGING"}.get(number, state)
        several = {"slots": 6, "loads": ["T-7001", "T-7002"]} if number == SEVERAL else {}
        return {
            "robot": self.name, "x_m": self.x_m, "y_m": self.y_m,
            "heading_rad": self.heading_rad, "state": state, "battery": self.battery,
            "load": self.load, "transport": f"01a0-{number:04}" if self.route else None,
            "route": list(self.route), **several,
        }  # fmt: skip


POINTS: dict[str, tuple[float, float]] = {
    point["name"]: (point["x_m"], point["y_m"]) for point in PLANT["points"]
}
NEXT: dict[str, list[str]] = {name: [] for name in POINTS}
for _path in PLANT["paths"]:
    NEXT[_path["from"]].append(_path["to"])


def way(start: str, goal: str) -> deque[str]:
    """The points from start (left out) to goal, fewest first."""
    before = {start: ""}
    queue = deque([start])
    while queue and goal not in before:
        here = queue.popleft()
        for each in NEXT[here]:
            if each not in before:
                before[each] = here
                queue.append(each)
    points: deque[str] = deque()
    name = goal if goal in before else start
    while name != start:
        points.appendleft(name)
        name = before[name]
    return points


def fresh_packet() -> Packet:
    """A pick at its first step."""
    return packet_json.validate_python(json.loads(PACKET.read_text("utf-8"))["packet"])


class Stage:
    """The world of the stage."""

    def __init__(self) -> None:
        rng = random.Random(2026)
        self.rng = rng
        self.robots = [Robot(each["name"], each["start"], rng) for each in PLANT["robots"]]
        self.now = STARTED_AT
        self.steps = 0
        self.paused = False
        self.lanes = dict.fromkeys([*PLANT["sorters"][0]["lanes"], "HOSP"], 0)
        self.packet = fresh_packet()
        self.known: set[str] = set()

    def step(self) -> None:
        """A fifth of a second of ours."""
        self.steps += 1
        self.now += timedelta(seconds=FRAME_S * SPEED)
        for number, robot in enumerate(self.robots):
            if number not in {7, 11, 13, 21}:
                robot.drive(FRAME_S * SPEED)
        if self.steps % 3 == 0:
            self.lanes[self.rng.choice(["L1", "L1", "L1", "L2", "L2", "L3", "L5", "L6"])] += 1
        if self.steps % 90 == 0:
            self.lanes["HOSP"] += 1

    def frame(self) -> dict[str, Any]:
        """A SiteFrame."""
        alarms = [
            ("a1", "R-08", "robot.fault", 1, "drive overcurrent"),
            ("a2", "sorter1", "sorter.no_read_rate", 2, "4.1 %"),
            ("a3", "R-12", "robot.silent", 2, ""),
            ("a4", "GATE-OUT", "gate.ambiguous", 3, "0.62"),
        ]
        cartons = [("cv1", 500 + self.steps // 6, "INDUCT")]
        cartons += [("sorter1", 480 + self.steps // 6 + n, "SCAN") for n in range(6)]
        cartons += [("sorter1", 470 + self.steps // 6, "L1")]
        return {
            "type": "site.frame", "at": self.now.isoformat(), "site": "TYO1",
            "robots": [robot.told(number) for number, robot in enumerate(self.robots)],
            "cartons": [
                {"device": device, "tracking": tracking, "code": str(tracking), "place": place}
                for device, tracking, place in cartons
            ],
            "transports_open": 41, "lanes": list(self.lanes.items()),
            "alarms": [
                {
                    "type": "alarm", "at": (STARTED_AT - timedelta(minutes=2)).isoformat(),
                    "id": alarm_id, "source": source, "code": code, "priority": priority,
                    "active": True, "detail": detail,
                }
                for alarm_id, source, code, priority, detail in alarms
            ],
        }  # fmt: skip

    def summary(self) -> dict[str, Any]:
        """Counters that grow."""
        sorted_ = sum(self.lanes.values())
        return {
            "orders": {
                "PLACED": 18, "ALLOCATED": 64, "PICKING": 31, "PACKED": 22,
                "SHIPPED": 300 + sorted_, "DELIVERED": 41, "BACKORDERED": 7, "CANCELLED": 3,
            },
            "orders_late": 3, "lines": 1486, "lines_shipped": 900 + 2 * sorted_,
            "parcels": 412 + sorted_, "parcels_shipped": 330 + sorted_,
            "robot_missions": 700 + 2 * sorted_, "robot_metres": 41_200.0 + 30 * self.steps,
            "picks_by_robot": 690 + sorted_, "picks_by_person": 410 + sorted_ // 2,
            "sorter_reads": 380 + sorted_, "sorter_no_reads": 9, "recirculations": 14,
            "gate_passages": 331 + sorted_, "split_rate": 0.084,
            "order_to_ship_p50_s": 5412, "order_to_ship_p99_s": 12_620,
        }  # fmt: skip

    def orders(self) -> list[dict[str, Any]]:
        """The latest orders."""
        states = ("PLACED", "ALLOCATED", "PICKING", "SHIPPED", "BACKORDERED", "DELIVERED", "PACKED")
        newest = 536_400 + self.steps // 4
        return [
            {
                "id": str(number),
                "number": str(number),
                "status": states[number % 7],
                "lines": number % 9 + 1,
            }
            for number in range(newest, newest - 30, -1)
        ]


app = FastAPI()
app.include_router(stage_stock.router)
app.include_router(stage_store.router)
app.include_router(stage_track.router)
app.include_router(stage_desk.router)
app.include_router(stage_work.router)
stage = Stage()


@app.get("/console/v1/plant")
def plant() -> dict[str, Any]:
    """The site file."""
    return PLANT


@app.get("/console/v1/events", response_class=EventSourceResponse)
async def events() -> AsyncIterable[ServerSentEvent]:
    """The live feed: one viewer moves the world on."""
    while True:
        await asyncio.sleep(FRAME_S)
        if stage.paused:
            continue
        stage.step()
        yield ServerSentEvent(event="frame", data=stage.frame())
        if stage.steps % 5 == 1:
            yield ServerSentEvent(event="summary", data=stage.summary())
            yield ServerSentEvent(event="orders", data=stage.orders())


@app.get("/console/v1/summary")
def summary() -> dict[str, Any]:
    """The counters."""
    return stage.summary()


@app.post("/stage/{deed}", status_code=204)
def direct(deed: Literal["pause", "resume", "reset"]) -> None:
    """Tell nothing from now on; go on; a fresh packet."""
    stage.paused = deed == "pause"
    if deed == "reset":
        stage.packet = fresh_packet()
        stage_store.shop.__init__()  # type: ignore[misc]
        stage_store.made.clear()
        stage_track.reset()
        stage_desk.reset()
        stage_work.bench.__init__()  # type: ignore[misc]


@app.get("/api/v1/work/next", response_model=None)
def next_work() -> Response:
    """The packet, until it is done; one that a test has handed in comes first."""
    if mine := stage_work.next_packet():
        return Response(packet_json.dump_json(mine), media_type="application/json")
    if stage_work.bench.packets:
        return Response(status_code=204)
    if stage.packet.step is None:
        return Response(status_code=204)
    return Response(packet_json.dump_json(stage.packet), media_type="application/json")


@app.post("/api/v1/work/events")
async def work_events(request: Request) -> dict[str, Any]:
    """Events go through the WMS's own reducer."""
    told = EVENTS.validate_python((await request.json())["events"])
    if told and told[0].packet in stage_work.bench.packets:
        answers = [stage_work.take(event) for event in told]
        last = answers[-1][1]
        is_over = last.step is None or last.id in stage_work.bench.lost
        packet = None if is_over else packet_json.dump_python(last, mode="json")
        return {"results": [answer for answer, _ in answers], "packet": packet}
    results = [_taken(event) for event in told]
    return {"results": results, "packet": packet_json.dump_python(stage.packet, mode="json")}


def _taken(event: Event) -> dict[str, Any]:
    if str(event.id) in stage.known:
        return {"id": str(event.id), "result": "duplicate"}
    of_store = str(event.packet) in stage_store.made
    before = stage_store.made[str(event.packet)] if of_store else stage.packet
    after = reduce(before, event)
    if isinstance(after, Problem):
        return {"id": str(event.id), "result": "rejected", "problem": asdict(after)}
    stage.known.add(str(event.id))
    stage.packet = replace(after)
    if of_store:
        stage_store.made[str(event.packet)] = after
        if after.step is None:
            stage_store.shop.bagged(after)
    return {"id": str(event.id), "result": "accepted"}


@app.get("/api/v1/work/stream", response_class=EventSourceResponse)
async def work_stream() -> AsyncIterable[ServerSentEvent]:
    """Nothing is offered here."""
    while True:
        await asyncio.sleep(60)
        yield ServerSentEvent(event="message", data={})


@app.get("/api/v1/lookup/{code}", response_model=None)
def lookup(code: str) -> Response:
    """Knows totes only."""
    if found := stage_store.looked_up(code):
        return JSONResponse(found)
    if code.startswith("T-"):
        return JSONResponse(
            {"kind": "tote", "code": code, "status": "STORED", "location": "A03-07-2",
             "begins": ["putaway"]}
        )  # fmt: skip
    problem = {"type": "about:blank", "status": 404, "code": "code_unknown"}
    return JSONResponse(problem, 404, media_type="application/problem+json")


app.frontend("/ui/", directory=BUILT, fallback="index.html")
