"""A carrier: an HTTP API that books parcels and says where they are, with outages.

    POST /shipments   {"parcel_id", "sscc", "service", "weight_g", "postal_code"}
                      -> 201 {"tracking_number"}; the same parcel again: 200, the same number
    GET  /tracking?cursor=N
                      -> {"cursor": M, "events": [{"parcel_id", "sscc", "status", "at"}]}

The status of an event is COLLECTED when the van takes the parcel over, and DELIVERED some hours
later. Now and then the API is down for some minutes and answers 503: partners are like that.
Everything is written to a file before it is answered.
"""

import json
import random
import threading
from contextlib import suppress
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from typing_extensions import override

from edge.clock import Clock
from simulators.memory import Memory

OUTAGES = 0.02  # share of the time
OUTAGE_S = 300
DELIVERY_HOURS = (0.5, 2.0)
BODY_BYTES_MAX = 100_000


class CarrierApi:
    """The carrier's side: bookings, hand-overs, tracking. Times are virtual."""

    def __init__(self, memory: Memory, clock: Clock, *, seed: int) -> None:
        self._memory = memory
        self._clock = clock
        self._seed = seed
        self._lock = threading.Lock()

    def is_down(self) -> bool:
        """Whether the API is out at the moment."""
        period = int(self._clock.now().timestamp()) // OUTAGE_S
        return random.Random(f"outage {self._seed} {period}").random() < OUTAGES

    def book(self, booking: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Book a parcel, once."""
        parcel = str(booking["parcel_id"])
        with self._lock:
            known = self._memory.get("booking", parcel)
            if known is not None:
                return 200, {"tracking_number": known["tracking_number"]}
            number = random.Random(f"tracking {parcel}").randrange(10**11, 10**12)
            booked = {**booking, "tracking_number": str(number)}
            self._memory.put("booking", parcel, booked)
            self._memory.put("parcel_of", str(booking["sscc"]), parcel)
        return 201, {"tracking_number": str(number)}

    def collect(self, sscc: str) -> None:
        """The driver takes a parcel over; taking it twice is taking it once."""
        with self._lock:
            if self._memory.get("collected", sscc) is not None:
                return
            parcel = self._memory.get("parcel_of", sscc)
            now = self._clock.now()
            hours = random.Random(f"delivery {sscc}").uniform(*DELIVERY_HOURS)
            delivered_at = now + timedelta(hours=hours)
            self._event(sscc, parcel, "COLLECTED", now)
            self._memory.put("collected", sscc, delivered_at.isoformat())
            self._memory.put("on_the_way", sscc, delivered_at.isoformat())

    def tracking(self, cursor: int) -> dict[str, Any]:
        """What has happened since that cursor."""
        with self._lock:
            now = self._clock.now()
            for sscc, at in self._memory.all("on_the_way").items():
                if datetime.fromisoformat(at) <= now:
                    parcel = self._memory.get("parcel_of", sscc)
                    self._event(sscc, parcel, "DELIVERED", datetime.fromisoformat(at))
                    self._memory.forget("on_the_way", sscc)
            events = self._memory.all("event")
        fresh = [event for number, event in events.items() if int(number) > cursor][:500]
        return {"cursor": fresh[-1]["number"] if fresh else cursor, "events": fresh}

    def _event(self, sscc: str, parcel: str | None, status: str, at: datetime) -> None:
        number = int(self._memory.get("count", "events") or 0) + 1
        event = {
            "number": number,
            "parcel_id": parcel,
            "sscc": sscc,
            "status": status,
            "at": at.isoformat(),
        }
        self._memory.put("event", f"{number:09d}", event)
        self._memory.put("count", "events", number)


class CarrierServer:
    """The API behind HTTP on loopback, in a thread of its own."""

    def __init__(self, api: CarrierApi, port: int) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(api))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

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


def _handler(api: CarrierApi) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(min(length, BODY_BYTES_MAX))
            booking: dict[str, Any] = {}
            known = False
            with suppress(ValueError, AttributeError):
                booking = json.loads(body)
                known = {"parcel_id", "sscc"} <= booking.keys()
            if self.path != "/shipments" or not known:
                self._answer(400, {"error": "expected POST /shipments with parcel_id and sscc"})
            elif api.is_down():
                self._answer(503, {"error": "maintenance"})
            else:
                self._answer(*api.book(booking))

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            cursor = parse_qs(url.query).get("cursor", ["0"])[0]
            if url.path != "/tracking" or not cursor.isdecimal():
                self._answer(400, {"error": "expected GET /tracking?cursor=0"})
            elif api.is_down():
                self._answer(503, {"error": "maintenance"})
            else:
                self._answer(200, api.tracking(int(cursor)))

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
