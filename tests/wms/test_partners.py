"""Partners over real HTTP: a carrier and a subscriber on loopback."""

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from typing_extensions import override

from tests.builders import NOW, an_id
from wms.errors import Unavailable
from wms.partners.http import CarrierRefuses, HttpCarrier
from wms.ports import Booked, Booking, Party, TrackingEvent

SECRET = "whsec_c2VjcmV0c2VjcmV0c2VjcmV0"  # noqa: S105 - of nobody


class Partner(BaseHTTPRequestHandler):
    """Keeps what it is asked, answers what the test has laid ready."""

    asked: list[tuple[str, str, dict[str, str], bytes]]
    answers: list[tuple[int, Any]]

    def do_POST(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.asked.append((self.command, self.path, headers, body))
        status, answer = self.answers.pop(0)
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    @override
    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def partner() -> Iterator[tuple[str, type[Partner]]]:
    handler = type("Here", (Partner,), {"asked": [], "answers": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", handler
    server.shutdown()
    thread.join()
    server.server_close()


def a_booking() -> Booking:
    return Booking(
        parcel_id=an_id(), sscc="1" * 18, service="YAMATO", weight_g=900, postal_code="100-0001"
    )


def test_a_parcel_is_booked_under_its_own_id(partner: tuple[str, type[Partner]]):
    url, here = partner
    here.answers += [(503, {}), (201, {"tracking_number": "4242"})]
    carrier, booking = HttpCarrier(url), a_booking()
    with pytest.raises(Unavailable, match="carrier"):
        carrier.book(booking)
    assert carrier.book(booking) == Booked(tracking_number="4242")
    carrier.close()
    sent = [json.loads(body) for _, path, _, body in here.asked if path == "/shipments"]
    assert [each["parcel_id"] for each in sent] == [str(booking.parcel_id)] * 2


def test_a_booking_says_who_and_an_answer_has_its_label(partner: tuple[str, type[Partner]]):
    url, here = partner
    label = {"tracking_number": "7", "label_pdf": "JVBERg==", "cost_minor": 640}
    here.answers += [(201, label), (201, {"tracking_number": "7", "label_pdf": "?"}), (201, [])]
    carrier = HttpCarrier(url)
    person = Party(name="山田", postal_code="100-0001", address_lines=("千代田1",))
    booking = replace(a_booking(), recipient=person, deliver_on=date(2026, 11, 29))
    assert carrier.book(booking) == Booked(tracking_number="7", label_pdf=b"%PDF", cost_minor=640)
    for _ in range(2):  # what is not understood was no answer
        with pytest.raises(Unavailable, match="not understood"):
            carrier.book(booking)
    carrier.close()
    said = json.loads(here.asked[0][3])
    assert said["recipient"]["name"] == "山田"
    assert said["deliver_on"] == "2026-11-29"
    assert "sender" not in said
    assert "山田" not in repr(booking)


def test_a_carrier_can_refuse_and_be_told_to_forget(partner: tuple[str, type[Partner]]):
    url, here = partner
    here.answers += [(422, {"error": "too_heavy"}), (200, {}), (409, []), (500, {})]
    carrier, booking = HttpCarrier(url), a_booking()
    with pytest.raises(CarrierRefuses, match="too_heavy"):
        carrier.book(booking)
    carrier.cancel(booking.parcel_id)
    with pytest.raises(CarrierRefuses, match="409"):
        carrier.cancel(booking.parcel_id)
    with pytest.raises(Unavailable):
        carrier.cancel(booking.parcel_id)
    carrier.close()
    assert here.asked[1][1] == f"/shipments/{booking.parcel_id}/cancel"


def test_tracking_goes_on_from_its_cursor(partner: tuple[str, type[Partner]]):
    url, here = partner
    event = {"sscc": "1" * 18, "status": "DELIVERED", "at": NOW.isoformat(), "parcel_id": None}
    here.answers += [(200, {"cursor": 7, "events": [event]}), (200, {"cursor": "?"})]
    carrier = HttpCarrier(url)
    tracking = carrier.tracking(5)
    assert tracking.cursor == 7
    assert tracking.events == (TrackingEvent(sscc="1" * 18, status="DELIVERED", at=NOW),)
    assert here.asked[0][1] == "/tracking?cursor=5"
    with pytest.raises(Unavailable):
        carrier.tracking(7)
    carrier.close()


def test_a_carrier_that_is_not_there_is_unavailable():
    carrier = HttpCarrier("http://127.0.0.1:1")
    with pytest.raises(Unavailable):
        carrier.tracking(0)
    carrier.close()
