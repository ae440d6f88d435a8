"""A carrier: an HTTP API that books parcels, sells labels and says where parcels are. It fails.

    POST /shipments   {"parcel_id", "sscc", "service", "weight_g", "postal_code", ...}
                      -> 201 {"tracking_number", "label_pdf", "cost_minor"}
                      the same parcel again: 200, the same answer; too heavy: 422
    POST /shipments/P/cancel
                      -> 200 {}; what is unknown is forgotten; collected: 409
    GET  /tracking?cursor=N
                      -> {"cursor": M, "events": [{"parcel_id", "sscc", "status", "at", ...}]}

The status of an event is COLLECTED when the van takes the parcel over, OUT_FOR_DELIVERY before
somebody rings, and DELIVERED some hours later (with what was collected at the door); at times
ATTEMPTED, when nobody opens, and an hour later again; or REFUSED at the door and RETURNED. Moods
say how often, and how often the API is down for some minutes (503), slow, or loses an answer after
it has done what it was asked: partners are like that. Everything is written to a file before it
is answered.

Source: tracking numbers have the check digit of Japanese carriers, eleven digits modulo 7.
"""

import json
import random
import threading
import time
from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from typing_extensions import override

from edge.clock import Clock
from simulators.memory import Memory

Question = Callable[[], tuple[int, dict[str, Any]]]

OUTAGE_S = 300
DELIVERY_HOURS = (0.5, 2.0)
AGAIN_HOURS = 1.0
WEIGHT_MAX_G = 50_000
BODY_BYTES_MAX = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Moods:
    """How often what goes wrong: shares of time, of answers, of parcels."""

    down: float = 0.02  # of the time
    lost_answers: float = 0.0
    slow_s: float = 0.0  # real seconds before any answer
    nobody_there: float = 0.0  # of parcels, the first time
    refused: float = 0.0  # of parcels, at the door


class CarrierApi:
    """The carrier's side: bookings, hand-overs, tracking. Times are virtual."""

    def __init__(
        self, memory: Memory, clock: Clock, *, seed: int, moods: Moods | None = None
    ) -> None:
        self._memory = memory
        self._clock = clock
        self._seed = seed
        self._lock = threading.Lock()
        self.moods = moods or Moods()

    def is_down(self) -> bool:
        """Whether the API is out at the moment."""
        period = int(self._clock.now().timestamp()) // OUTAGE_S
        return random.Random(f"outage {self._seed} {period}").random() < self.moods.down

    def loses_the_answer(self) -> bool:
        """Whether the answer to this question gets lost; another time it may not."""
        with self._lock:
            asked = int(self._memory.get("count", "asked") or 0) + 1
            self._memory.put("count", "asked", asked)
        return random.Random(f"lost {self._seed} {asked}").random() < self.moods.lost_answers

    def book(self, booking: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Book a parcel, once."""
        parcel = str(booking["parcel_id"])
        weight_g = int(booking.get("weight_g", 0))
        if weight_g > WEIGHT_MAX_G:
            return 422, {"error": "too_heavy"}
        with self._lock:
            known = self._memory.get("booking", parcel)
            if known is not None:
                return 200, _answer_of(known)
            digits = random.Random(f"tracking {parcel}").randrange(10**10, 10**11)
            number = f"{digits}{digits % 7}"
            booked = {**booking, "tracking_number": number, "cost_minor": 600 + weight_g // 50}
            self._memory.put("booking", parcel, booked)
            self._memory.put("parcel_of", str(booking["sscc"]), parcel)
            labels = int(self._memory.get("count", "labels") or 0) + 1
            self._memory.put("count", "labels", labels)
        return 201, _answer_of(booked)

    def cancel(self, parcel: str) -> tuple[int, dict[str, Any]]:
        """Forget a parcel, unless it has been collected."""
        with self._lock:
            known = self._memory.get("booking", parcel)
            if known is not None and self._memory.get("collected", str(known["sscc"])) is not None:
                return 409, {"error": "collected"}
            if known is not None:
                self._memory.forget("booking", parcel)
                self._memory.forget("parcel_of", str(known["sscc"]))
        return 200, {}

    @property
    def labels_sold(self) -> int:
        """How many labels have ever been sold."""
        return int(self._memory.get("count", "labels") or 0)

    def collect(self, sscc: str) -> None:
        """The driver takes a parcel over; taking it twice is taking it once."""
        with self._lock:
            if self._memory.get("collected", sscc) is not None:
                return
            now = self._clock.now()
            hours = random.Random(f"delivery {sscc}").uniform(*DELIVERY_HOURS)
            delivered_at = now + timedelta(hours=hours)
            self._event(sscc, "COLLECTED", now)
            self._memory.put("collected", sscc, delivered_at.isoformat())
            plan = self._plan(sscc, now, delivered_at)
            self._memory.put("on_the_way", sscc, [(status, at.isoformat()) for status, at in plan])

    def _plan(self, sscc: str, now: datetime, at: datetime) -> list[tuple[str, datetime]]:
        """What will happen to a parcel, and when."""
        luck = random.Random(f"door {self._seed} {sscc}")
        plan = [("OUT_FOR_DELIVERY", now + (at - now) / 2)]
        if luck.random() < self.moods.nobody_there:
            plan.append(("ATTEMPTED", at))
            at += timedelta(hours=AGAIN_HOURS)
        if luck.random() < self.moods.refused:
            return [*plan, ("REFUSED", at), ("RETURNED", at + timedelta(hours=AGAIN_HOURS))]
        return [*plan, ("DELIVERED", at)]

    def tracking(self, cursor: int) -> dict[str, Any]:
        """What has happened since that cursor."""
        with self._lock:
            now = self._clock.now()
            for sscc, plan in self._memory.all("on_the_way").items():
                left = [(status, datetime.fromisoformat(at)) for status, at in plan]
                while left and left[0][1] <= now:
                    self._event(sscc, *left.pop(0))
                if left:
                    rest = [(status, at.isoformat()) for status, at in left]
                    self._memory.put("on_the_way", sscc, rest)
                else:
                    self._memory.forget("on_the_way", sscc)
            events = self._memory.all("event")
        fresh = [event for number, event in events.items() if int(number) > cursor][:500]
        return {"cursor": fresh[-1]["number"] if fresh else cursor, "events": fresh}

    def _event(self, sscc: str, status: str, at: datetime) -> None:
        parcel = self._memory.get("parcel_of", sscc)
        number = int(self._memory.get("count", "events") or 0) + 1
        event = {
            "number": number,
            "parcel_id": parcel,
            "sscc": sscc,
            "status": status,
            "at": at.isoformat(),
        }
        booking = None if parcel is None else self._memory.get("booking", parcel)
        if status == "DELIVERED" and booking and booking.get("cod_minor"):
            event["cod_minor"] = booking["cod_minor"]
        self._memory.put("event", f"{number:09d}", event)
        self._memory.put("count", "events", number)


def _answer_of(booked: dict[str, Any]) -> dict[str, Any]:
    label = f"%PDF-1.4\n% label {booked['tracking_number']}\n%%EOF\n"
    return {
        "tracking_number": booked["tracking_number"],
        "label_pdf": b64encode(label.encode()).decode(),
        "cost_minor": booked["cost_minor"],
    }


class CarrierServer:
    """The API behind HTTP on loopback, in a thread of its own."""

    def __init__(self, api: CarrierApi, port: int) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(api))
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Serve in the background."""
        self._thread.start()

    def stop(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _question(api: CarrierApi, path: str, body: bytes) -> Question | None:
    """What a POST asks for; None if it is nonsense."""
    parts = path.strip("/").split("/")
    if len(parts) == 3 and parts[0] == "shipments" and parts[2] == "cancel":
        return lambda: api.cancel(parts[1])
    with suppress(ValueError, AttributeError):
        booking = json.loads(body)
        if path == "/shipments" and {"parcel_id", "sscc"} <= booking.keys():
            return lambda: api.book(booking)
    return None


def _handler(api: CarrierApi) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(min(length, BODY_BYTES_MAX))
            self._do(_question(api, self.path, body))

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            cursor = parse_qs(url.query).get("cursor", ["0"])[0]
            if url.path != "/tracking" or not cursor.isdecimal():
                self._answer(400, {"error": "expected GET /tracking?cursor=0"})
            else:
                self._do(lambda: (200, api.tracking(int(cursor))))

        def _do(self, what: Question | None) -> None:
            if what is None:
                self._answer(400, {"error": "expected POST /shipments with parcel_id and sscc"})
                return
            if api.is_down():
                self._answer(503, {"error": "maintenance"})
                return
            status, body = what()
            time.sleep(api.moods.slow_s)
            if api.loses_the_answer():
                self.close_connection = True
                return
            self._answer(status, body)

        def _answer(self, status: int, body: dict[str, Any]) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        @override
        def log_message(self, format: str, *args: Any) -> None:
            """Keep quiet."""

    return Handler
