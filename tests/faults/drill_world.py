"""What stands round the edge in the drill: devices, the bad line to the core, and the WMS's books.

Everything here lives in the test's event loop; the edge, the brokers, the WCS and the WMS's end
(tests/faults/drill_wms.py) are processes that are killed.
"""

import asyncio
import json
import socket
import struct
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from random import Random

import psycopg
from sqlalchemy import make_url

from edge.clock import ScaledClock
from edge.mqtt import (
    Message,
    PahoBus,
    live_topic,
    stream_ack_topic,
    stream_data_topic,
)
from wms.sites import site_id

LOST, TWICE, LATE = 0.05, 0.10, 0.15  # shares of what goes over the line
LATE_MOST_S = 0.2


class Device:
    """A machine that numbers what it says, and keeps it until it is told that it was heard."""

    def __init__(self, name: str, clock: ScaledClock) -> None:
        self.name = name
        self.made: list[datetime] = []  # when each was said for the first time, in order
        self.said_again = 0
        self.told: list[int] = []  # the commands that came to it, by their number
        self._clock = clock
        self._kept: list[tuple[str, int, int]] = []  # boot, seq, grams: what survives its reboot
        self._boots = self._seq = 0
        self._heard_of = 0  # of `made`, what was written to the wire before
        self._writer: asyncio.StreamWriter | None = None
        self._server: asyncio.Server | None = None
        self.port = 0

    @property
    def connected(self) -> bool:
        """Whether the edge has called."""
        return self._writer is not None

    async def start(self, listening: socket.socket | None = None) -> None:
        """Listen: on a port of this machine, or on what listens already."""
        if listening is None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        else:
            self._server = await asyncio.start_server(self._serve, sock=listening)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and hang up."""
        assert self._server is not None
        self._server.close()
        if self._writer is not None:
            self._writer.close()
        await self._server.wait_closed()

    def make(self, count: int) -> None:
        """Say so many new things."""
        for _ in range(count):
            self._seq += 1
            self.made.append(self._clock.now())
            self._kept.append((f"boot{self._boots}", self._seq, len(self.made)))
        self._send(self._kept[-count:])

    def reboot(self) -> None:
        """Begin to count from 1 again, and hang up."""
        self._boots += 1
        self._seq = 0
        if self._writer is not None:
            self._writer.close()

    def _send(self, messages: list[tuple[str, int, int]]) -> None:
        if self._writer is None or self._writer.is_closing():
            return
        self.said_again += sum(grams <= self._heard_of for *_, grams in messages)
        for n, (boot, seq, grams) in enumerate(messages, 1):
            last = n == len(messages) or messages[n][0] != boot
            line = {"boot": boot, "seq": seq, "grams": grams, "last": last}
            self._writer.write(json.dumps(line).encode() + b"\n")
            self._heard_of = max(self._heard_of, grams)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._send(list(self._kept))
        with suppress(OSError):
            while line := await reader.readline():
                heard = json.loads(line)
                if "told" in heard:
                    self.told.append(heard["told"])
                    continue
                self._kept = [
                    each
                    for each in self._kept
                    if each[0] != heard["boot"] or each[1] > heard["seq"]
                ]
        writer.close()


class BadLine:
    """The line between the broker at the edge and that of the core: it loses, doubles, mixes up."""

    def __init__(self, near: PahoBus, far: PahoBus, site: str, chance: Random) -> None:
        self.up = True
        self.counts: Counter[str] = Counter()
        self._chance = chance
        for source, target, topic in (
            (near, far, stream_data_topic(site, "edge", "wcs")),
            (near, far, live_topic(site, "edge")),
            (far, near, stream_ack_topic(site, "edge", "wcs")),
            (far, near, live_topic(site, "wcs")),
        ):
            source.subscribe(topic, qos=0, handler=self._carry_to(target))

    def _carry_to(self, target: PahoBus) -> Callable[[Message], None]:
        def carry(message: Message) -> None:
            draw = self._chance.random()
            if not self.up or draw < LOST:
                self.counts["lost"] += 1
                return
            now, late_s = 1, 0.0
            if draw < LOST + TWICE:
                self.counts["twice"] += 1
                now = 2
            elif draw < LOST + TWICE + LATE:  # behind what comes next
                self.counts["late"] += 1
                now, late_s = 0, self._chance.uniform(0, LATE_MOST_S)
            send = partial(target.publish, message.topic, message.body, qos=0)
            for _ in range(now):
                send()
            if late_s:
                asyncio.get_running_loop().call_later(late_s, send)

        return carry


_WITNESS = """
CREATE SCHEMA drill
  CREATE TABLE effect (n BIGSERIAL PRIMARY KEY, device TEXT, grams BIGINT, at TIMESTAMPTZ);
CREATE FUNCTION drill.write_down() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  INSERT INTO drill.effect (device, grams, at) VALUES (NEW.scale, NEW.grams, NEW.at);
  RETURN NEW;
END $$;
CREATE TRIGGER drill_witness BEFORE INSERT ON scale_weight
  FOR EACH ROW EXECUTE FUNCTION drill.write_down();
"""


class Books:
    """What the WMS has done, as its database tells.

    A witness beside the table of weights writes down every one that the inbox books, in the same
    transaction: what is done twice is there twice, what was rolled back is not there.
    """

    def __init__(self, url: str, site: str) -> None:
        address = make_url(url).set(drivername="postgresql")
        self._db = psycopg.connect(address.render_as_string(hide_password=False), autocommit=True)
        self._site = site_id(site)
        self._db.execute(_WITNESS)

    def close(self) -> None:
        """Take the witness away."""
        self._cut()
        self._db.execute("DROP TRIGGER drill_witness ON scale_weight; DROP SCHEMA drill CASCADE")
        self._db.close()

    async def cut(self) -> None:
        """The server ends the connections of whoever works on the database."""
        self._cut()

    def effects(self) -> dict[str, list[tuple[int, datetime]]]:
        """What was done, in order, by device."""
        found: dict[str, list[tuple[int, datetime]]] = {}
        query = "SELECT device, grams, at FROM drill.effect ORDER BY n"
        for device, grams, at in self._db.execute(query):
            found.setdefault(device, []).append((grams, at))
        return found

    def count(self) -> int:
        """How many effects there are."""
        (count,) = self._db.execute("SELECT count(*) FROM drill.effect").fetchone() or (0,)
        return int(count)

    def exceptions(self) -> Counter[str]:
        """What was put before people, by code."""
        query = "SELECT code, count(*) FROM exception_report WHERE site_id = %s GROUP BY code"
        return Counter(dict(self._db.execute(query, (self._site,)).fetchall()))

    def _cut(self) -> None:
        self._db.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def tear(path: Path) -> int:
    """Leave a record at the end of a SQLite log as a power cut would: begun, said to be a commit,
    and half written. How many whole ones stand before it.

    Source: SQLite file format, section 4 (the write-ahead log).
    """
    log = path.with_name(path.name + "-wal")
    if not log.exists() or log.stat().st_size < 32:  # it has no head
        return 0
    body = log.read_bytes()
    (page,) = struct.unpack(">I", body[8:12])
    salt, frame = body[16:24], page + 24
    whole = 0
    while body[32 + whole * frame + 8 : 32 + whole * frame + 16] == salt:
        whole += 1
    start = 32 + whole * frame
    before = body[start - frame : start] if whole else b""
    head = before[:24] if whole else struct.pack(">II", 1, 1) + salt + bytes(8)
    with log.open("r+b") as file:
        file.seek(start)
        file.write(head + bytes(reversed(before[24 : 24 + page // 2])))
    return whole
