"""How many events a second an edge makes durable, beside SQLite with a commit for each.

    python -m benchmarks.spool [--seconds S] [--json]

All in one run, on one file system, synchronous=FULL (an fsync a commit):
    one by one   an INSERT and a COMMIT for each event, before and after all else
    offered      drivers put as fast as the spool takes; counted are events after their fsync
    calm         500 events a second: how long one waits until it is on disk
    drained      what waits goes over a real broker to a receiver that acknowledges

JSON: `events_per_s`, `one_by_one_per_s`, `times`, `cpu_us_an_event`, `rows_a_commit`,
`durable_ms` (p50, p99 when calm), `drained_per_s`, `fsync_ms`.
"""

import argparse
import asyncio
import json
import sqlite3
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from edge.broker import broker_child, url_of
from edge.messages import CartonScanned, device_event
from edge.mqtt import Message, PahoBus
from edge.ports import free_port
from edge.spool import GroupCommit, Spool, SpoolFull
from edge.stamp import stamped
from edge.stream import Receiver, SenderPump, decode_batch, encode_ack

CALM_PER_S = 500
DRIVERS = 20
AT = datetime(2026, 11, 27, 9, 0, tzinfo=UTC)


def an_event(number: int) -> bytes:
    """A scan as the edge writes it."""
    scan = CartonScanned(
        at=AT, device="sorter1", tracking=number, status="GOOD", barcode=f"00{number:018}"
    )
    return stamped(device_event.dump_json(scan), boot="b" * 16, up_s=number / 100, shift_s=0.0)


def one_by_one(folder: Path, seconds: float) -> float:
    """Events a second with a commit for each."""
    db = sqlite3.connect(folder / "one.db", isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.execute("CREATE TABLE message (seq INTEGER PRIMARY KEY AUTOINCREMENT, body BLOB NOT NULL)")
    begun_s, count = time.perf_counter(), 0
    while time.perf_counter() - begun_s < seconds:
        db.execute("INSERT INTO message (body) VALUES (?)", (an_event(count),))
        count += 1
    rate = count / (time.perf_counter() - begun_s)
    db.close()
    return rate


@asynccontextmanager
async def spooling(spool: Spool) -> AsyncIterator[tuple[GroupCommit, list[int]]]:
    """A spool at work, and the moments (of `Spool.last`) of its commits."""
    commits: list[int] = []
    group = GroupCommit(spool, on_commit=lambda: commits.append(spool.last))
    task = asyncio.create_task(group.run())
    yield group, commits
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def offered(spool: Spool, seconds: float) -> dict[str, float]:
    """As many as it takes, from several drivers at once."""
    async with spooling(spool) as (group, commits):
        begun_s, cpu_s, before = time.perf_counter(), time.process_time(), spool.last
        until_s = begun_s + seconds

        async def driver(number: int) -> None:
            while time.perf_counter() < until_s:
                try:
                    for each in range(25):
                        group.put(an_event(number * 1_000_000 + each))
                except SpoolFull:  # too many wait for the disk: as a driver does, stop and wait
                    await group.flush()
                await asyncio.sleep(0)

        await asyncio.gather(*(driver(number) for number in range(DRIVERS)))
        await group.flush()
        took_s, written = time.perf_counter() - begun_s, spool.last - before
        return {
            "events_per_s": written / took_s,
            "cpu_us_an_event": (time.process_time() - cpu_s) / written * 1e6,
            "rows_a_commit": written / len(commits),
        }


async def calm(spool: Spool, seconds: float) -> dict[str, float]:
    """How long an event waits for the disk when there are few."""
    waits_ms: list[float] = []
    async with spooling(spool) as (group, _):

        async def one(number: int) -> None:
            begun_s = time.perf_counter()
            group.put(an_event(number))
            await group.flush()
            waits_ms.append((time.perf_counter() - begun_s) * 1e3)

        async with asyncio.TaskGroup() as tasks:
            begun_s = time.perf_counter()
            for number in range(int(seconds * CALM_PER_S)):
                tasks.create_task(one(number))
                await asyncio.sleep(begun_s + number / CALM_PER_S - time.perf_counter())
    return {"durable_p50_ms": median(waits_ms), "durable_p99_ms": quantiles(waits_ms, n=100)[98]}


async def drained(spool: Spool, url: str) -> float:
    """Events a second over a broker, until all are acknowledged."""
    async with PahoBus(url, client_id="far") as far, PahoBus(url, client_id="near") as near:
        receiver = Receiver()

        def hear(message: Message) -> None:
            far.publish("ack", encode_ack(receiver.receive(decode_batch(message.body)).ack), qos=0)

        far.subscribe("data", qos=0, handler=hear)
        await far.until_settled()
        pump = SenderPump(near, spool, data_topic="data", ack_topic="ack")
        task = asyncio.create_task(pump.run())
        await near.until_connected()
        begun_s, waiting = time.perf_counter(), len(spool)
        await pump.until_idle()
        rate = waiting / (time.perf_counter() - begun_s)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    return rate


async def measured(folder: Path, seconds: float) -> dict[str, Any]:
    """Everything, in one run."""
    baseline = one_by_one(folder, min(seconds, 3.0))
    with Spool(folder / "spool.db") as spool:
        found: dict[str, Any] = await offered(spool, seconds)
        found |= await calm(spool, min(seconds, 3.0))
        port = free_port()
        with broker_child(folder / "broker", port=port, kind="nats"):
            found["drained_per_s"] = await drained(spool, url_of(port))
    (folder / "again").mkdir()
    found["one_by_one_per_s"] = (baseline + one_by_one(folder / "again", min(seconds, 3.0))) / 2
    found["times"] = found["events_per_s"] / found["one_by_one_per_s"]
    found["fsync_ms"] = 1e3 / found["one_by_one_per_s"]
    return {name: round(value, 2) for name, value in found.items()}


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--seconds", type=float, default=5.0)
    options.add_argument("--dir", type=Path, help="on the disk to be measured")
    options.add_argument("--json", action="store_true", help="only the figures")
    given = options.parse_args()
    with tempfile.TemporaryDirectory(dir=given.dir) as made:
        figures = asyncio.run(measured(Path(made), given.seconds))
    if not given.json:
        for name, value in figures.items():
            print(f"{name:<20} {value:>12}")
    print(json.dumps({"benchmark": "spool", "seconds": given.seconds, **figures}))
