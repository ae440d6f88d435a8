"""A hundred people with handhelds on one `soko serve`: how long a scan takes; one JSON line.

    python -m benchmarks.operators --json [--people 100] [--seconds 60]

A process of `soko serve`, one of `soko worker` (it plans what to pack, among all its other jobs)
and a PostgreSQL with fsync on; this process is the people, on the same cores. Each has a device of
their own, takes pick packets from the pool and does one scan a second, each at their own moment,
whatever comes back: an answer that is late does not slow the others.
They come in over the first ten seconds, as a shift does (all in one second: each takes work first,
and the scans of that moment wait for it, up to 0.8 s).
Measured is POST /api/v1/work/events, from the moment it was due. Orders have one to fifteen lines,
so that people end at different times, as they do; the last scan of a packet moves its goods in the
ledger, and has them packed.

    ten      the same with ten people: what a scan takes when nobody else is there
    naive    tasks leased a second by 16 at once, with FOR UPDATE and no SKIP LOCKED; `pool` is ours

Afterwards the books are asked: no task was two people's, every scan is there, verify is clean.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any
from uuid import UUID

import psutil
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from benchmarks.http_load import Address, Connection, connect
from benchmarks.leases import LEASERS, leases_per_s, naive, ours
from edge.clock import SystemClock
from edge.ports import HOST, free_port, is_ready
from edge.process import Child
from wms.books import ALL_LAWS
from wms.catalog import HOUSE_OWNER_ID, SkuRecord, save_skus
from wms.database import Database
from wms.ids import CommandId, new_id
from wms.migrations import upgrade
from wms.orders import source
from wms.orders.model import Allocation
from wms.orders.place import PlaceLine, PlaceOrder, ShipTo, place_order
from wms.outbound.floor import Floor
from wms.outbound.pack import all_picked
from wms.outbound.release import release_site
from wms.outbound.walks import make_walks
from wms.postgres import EmbeddedPostgres
from wms.sites import LocationRecord, SiteRecord, save_locations, save_sites, virtual_location
from wms.stock import ledger
from wms.stock.ledger import Move
from wms.stock.verify import verify
from wms.work.model import Task, WorkEvent

CLOCK = SystemClock()
SITE = Floor().hub_code
SKUS, UNITS, LINES = 60, 2, 8  # lines of an order, on average
ORDERS_A_CALL = 50
EVENTS_A_LINE = 3
WORKER_S = 2.0  # to plan what was picked last
ARRIVING_S = 10.0  # a shift comes in over some seconds; all its scans are measured


@dataclass(slots=True)
class Figures:
    """What a crowd of people heard."""

    late_s: list[float] = field(default_factory=list)  # of each scan, since it was due
    last_s: list[float] = field(default_factory=list)  # of those, the last ones of their packets
    rejected: int = 0
    failed: int = 0
    idle: int = 0


def ms(late_s: list[float], share: float) -> float:
    """The time within which that share was answered."""
    ordered = sorted(late_s)
    return round(ordered[int(len(ordered) * share)] * 1000, 1) if ordered else 0.0


# ------------------------------------------------------------------------------------ the people
class Person:
    """Somebody with a device: a scan a second, whatever happens."""

    def __init__(self, number: int, connection: Connection, figures: Figures) -> None:
        self.device, self.figures, self.connection, self.seq = (
            f"hh-{number}",
            figures,
            connection,
            0,
        )
        self.packet: dict[str, Any] | None = None
        self.answer: asyncio.Future[bytes] | None = None

    async def work(self, first_at: float, until: float) -> None:
        """Scan after scan."""
        due = first_at
        while due < until:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            if self.packet is None:
                await self.fetch()
            else:
                await self.scan(due)
            due += 1.0

    async def fetch(self) -> None:
        """The next packet."""
        body = await self.ask("GET", f"/api/v1/work/next?site={SITE}&kinds=pick")
        self.packet = json.loads(body) if body else None
        if self.packet is None:
            self.figures.idle += 1

    async def scan(self, due: float) -> None:
        """What the packet asks for."""
        packet = self.packet
        assert packet is not None
        step = next(step for step in packet["steps"] if step["id"] == packet["step"])
        codes = [code for expect in step["expect"] for code in expect["codes"]]
        self.seq += 1
        event = {
            "id": str(new_id(CLOCK.now())), "packet": packet["id"], "rev": packet["rev"],
            "step": step["id"], "at": CLOCK.now().isoformat(), "seq": self.seq,
            "device": self.device, "value": codes[0] if codes else "ok",
            "type": "scan" if step["op"] in {"scan", "count"} else "choice",
        }  # fmt: skip
        body = await self.ask("POST", "/api/v1/work/events", {"events": [event]})
        self.figures.late_s.append(time.perf_counter() - due)
        if not body:
            return
        answer = json.loads(body)
        self.figures.rejected += answer["results"][0]["result"] != "accepted"
        self.packet = answer["packet"]
        if self.packet is None:
            self.figures.last_s.append(self.figures.late_s[-1])

    async def ask(self, method: str, path: str, body: Any = None) -> bytes:
        """The body of a good answer."""
        text = b"" if body is None else json.dumps(body).encode()
        head = (
            f"{method} {path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n"
            f"x-soko-device: {self.device}\r\nx-soko-operator: {self.device}\r\n"
            f"content-length: {len(text)}\r\n\r\n"
        )
        self.answer = asyncio.get_running_loop().create_future()
        self.connection.send(head.encode() + text)
        heard = await self.answer
        self.connection.request = b""
        if not heard.startswith((b"HTTP/1.1 200", b"HTTP/1.1 204")):
            sys.stderr.write(f"{heard[:400]!r}\n")
            self.figures.failed += 1
            return b""
        return heard.partition(b"\r\n\r\n")[2]


async def crowd(address: Address, people: int, seconds: float, first: int = 0) -> Figures:
    """So many people, for so long."""
    figures = Figures()
    by_connection: dict[Connection, Person] = {}

    def on_answer(connection: Connection, answer: bytes) -> None:
        person = by_connection[connection]
        if person.answer is not None and not person.answer.done():
            person.answer.set_result(answer)

    connections = await connect(address, people, on_answer)
    for number, connection in enumerate(connections, start=first):
        by_connection[connection] = Person(number, connection, figures)
    began, arriving_s = time.perf_counter() + 0.2, min(ARRIVING_S, seconds / 4)
    await asyncio.gather(
        *(
            person.work(began + at * arriving_s / people, began + seconds)
            for at, person in enumerate(by_connection.values())
        )
    )
    for connection in connections:
        connection.close()
    return figures


# ------------------------------------------------------------------------------------- the stage
def world(session: Session) -> None:
    """A site with plenty of some SKUs, each at a place of its own."""
    (site,) = save_sites(session, [SiteRecord(code=SITE, kind="DC", name_en="Benchmark")])
    places = save_locations(
        session,
        site,
        [
            LocationRecord(
                code=f"S{n // 10:02d}-{n % 10:02d}", kind="PICK_FACE", zone="SHELF",
                aisle=n // 10 + 1, bay=n % 10 + 1,
            )
            for n in range(SKUS)
        ],
    )  # fmt: skip
    codes = [f"B{n:03d}" for n in range(SKUS)]
    skus = save_skus(session, [SkuRecord(code=code, name_en=code, weight_g=100) for code in codes])
    now = CLOCK.now()
    moves = [
        Move(
            command_id=CommandId(new_id(now)), site_id=site, owner_id=HOUSE_OWNER_ID, sku_id=sku,
            units=1_000_000, from_location_id=virtual_location(site, "SUPPLIER"),
            to_location_id=place, cause_kind="BENCHMARK", cause_id=new_id(now), actor="benchmark",
            occurred_at=now,
        )
        for sku, place in zip(skus, places, strict=True)
    ]  # fmt: skip
    ledger.move(session, moves)


def fill(database: Database, lines: int) -> int:
    """Orders, sourced and released, a walk each; how many tasks there are then."""
    orders = [an_order(number) for number in range(-(-lines // LINES))]
    for at in range(0, len(orders), ORDERS_A_CALL):
        some = orders[at : at + ORDERS_A_CALL]
        database.run(lambda s, some=some: [place_order(s, o, now=CLOCK.now()) for o in some])  # type: ignore[misc]
    while (gathered := database.run(lambda s: source.gather(s, now=CLOCK.now()))) is not None:
        decided = source.solve(gathered)
        database.run(lambda s, decided=decided: source.assign(s, decided, now=CLOCK.now()))  # type: ignore[misc]
    floor = Floor(lines_in_work_max=10 * lines)
    for order in orders:
        database.run(partial(_walk, floor, order.id))
    return database.run(lambda s: s.scalars(select(func.count()).select_from(Task)).one())


def _walk(floor: Floor, order: UUID, session: Session) -> None:
    """The walk of an order."""
    only = Allocation.order_id == order
    release_site(session, floor.hub, floor, now=CLOCK.now(), only=only, room=2 * LINES)
    make_walks(session, floor.hub, now=CLOCK.now())


def an_order(number: int) -> PlaceOrder:
    """Some lines of two units: 1 to 15, each as often as any other."""
    return PlaceOrder(
        id=new_id(CLOCK.now()),
        number=f"B{number}",
        channel="web",
        placed_at=CLOCK.now(),
        customer=None,
        ship_to=ShipTo(prefecture="東京都", postal_code="100-0001", latitude=35.7, longitude=139.8),
        lines=tuple(
            PlaceLine(line_no=at + 1, sku=f"B{(number * 7 + at * 11) % SKUS:03d}", units=UNITS)
            for at in range(number * LINES % (2 * LINES - 1) + 1)
        ),
    )


# ------------------------------------------------------------------------------------ the answer
def asked_of_the_books(session: Session, heard: int) -> dict[str, Any]:
    """Whether any task was two people's, and whether every scan that was answered is there."""
    to_pack = len(all_picked(session))
    by_task = (
        select(WorkEvent.task_id)
        .group_by(WorkEvent.task_id)
        .having(func.count(WorkEvent.device.distinct()) > 1)
    )
    twice = len(session.scalars(by_task).all())
    kept = session.scalars(select(func.count()).select_from(WorkEvent)).one()
    done = session.scalars(select(func.count()).where(Task.state == "DONE")).one()
    fence = session.scalars(select(func.max(Task.fence)).where(Task.kind == "pick")).one()
    return {
        "tasks_of_two": twice, "fence_max": fence, "scans_kept": kept, "scans_answered": heard,
        "packets_done": done, "still_to_pack": to_pack,
    }  # fmt: skip


def run(folder: Path, people: int, seconds: float) -> dict[str, Any]:
    """All figures."""
    with EmbeddedPostgres(folder / "postgres") as postgres:
        upgrade(postgres.url)
        database = Database(postgres.url, pool_size=LEASERS)
        database.run(world)
        few_s = seconds / 4
        scans = people * seconds + 10 * few_s
        tasks = fill(database, round(scans / EVENTS_A_LINE * 1.2) + 20 * people)
        pool, simply = (
            [leases_per_s(database, SITE, how) for _ in range(3)] for how in (ours, naive)
        )
        port = free_port()
        settings = {
            "SOKO_DATABASE_URL": postgres.url,
            "SOKO_HTTP": f"http://{HOST}:{port}",
            "SOKO_MQTT_URL": f"mqtt://{HOST}:{free_port()}",
            "SOKO_STATE_DIR": str(folder),
        }
        child, worker = (
            Child(
                (sys.executable, "-m", "wms.cli", name), name=name, folder=folder, env=settings,
                ready=ready, ready_within_s=60.0,
            )
            for name, ready in (("serve", lambda: is_ready(port)), ("worker", lambda: True))
        )  # fmt: skip
        with child, worker:
            asyncio.run(crowd((HOST, port), 10, 3.0, first=2000))  # warm
            few = asyncio.run(crowd((HOST, port), 10, few_s, first=1000))
            processes = child.pid, postgres.pid, worker.pid
            before = [cpu_s(pid) for pid in processes]
            many = asyncio.run(crowd((HOST, port), people, seconds))
            used_s = [cpu_s(pid) - was_s for pid, was_s in zip(processes, before, strict=True)]
            time.sleep(WORKER_S)
        books = database.run(lambda s: asked_of_the_books(s, len(few.late_s) + len(many.late_s)))
        report = database.run(lambda s: verify(s, ALL_LAWS))
        database.close()
    return {
        "people": people, "seconds": seconds, "tasks": tasks,
        "scans_per_s": round(len(many.late_s) / seconds, 1),
        "p50_ms": ms(many.late_s, 0.5),
        "p99_ms": ms(many.late_s, 0.99),
        "worst_ms": ms(many.late_s, 1 - 1e-9),
        "last_of_packet_p50_ms": ms(many.last_s, 0.5),
        "last_of_packet_p99_ms": ms(many.last_s, 0.99),
        "serve_cpu_ms_per_scan": a_scan(used_s[0], many),
        "postgres_cpu_ms_per_scan": a_scan(used_s[1], many),
        "worker_cpu_ms_per_scan": a_scan(used_s[2], many),
        "ten_p50_ms": ms(few.late_s, 0.5),
        "ten_p99_ms": ms(few.late_s, 0.99),
        "rejected": many.rejected + few.rejected,
        "failed": many.failed + few.failed,
        "without_work": many.idle + few.idle,
        **books,
        "pool_leases_per_s": median(pool),
        "naive_leases_per_s": median(simply),
        "load": round(os.getloadavg()[0], 1),
        "verify": "clean" if report.clean else str(report),
    }  # fmt: skip


def cpu_s(pid: int | None) -> float:
    """What a process and its children have used of the cores."""
    process = psutil.Process(pid)
    all_of = (process, *process.children(recursive=True))
    return sum(sum(each.cpu_times()[:2]) for each in all_of)


def a_scan(used_s: float, figures: Figures) -> float:
    """Milliseconds of a core for each scan: says what a quiet machine can, also on a busy one."""
    return round(used_s * 1000 / max(1, len(figures.late_s)), 2)


def main() -> None:
    """Start the database and the server, let people work, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one line of JSON (always so)")
    parser.add_argument("--people", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=60.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="soko-bench-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        figures = run(Path(name), options.people, options.seconds)
    print(json.dumps({"benchmark": "operators", **figures}))


if __name__ == "__main__":
    main()
