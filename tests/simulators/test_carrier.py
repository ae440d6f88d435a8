"""The carrier's API over HTTP: once is once, in order, and now and then it is away."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest

from simulators.carrier import OUTAGE_S, CarrierApi, CarrierServer, Moods
from simulators.memory import Memory

NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)


class Hand:
    """A clock that a test moves."""

    at = NOW

    def now(self) -> datetime:
        return self.at

    def real_s(self, virtual_s: float) -> float:
        return virtual_s

    async def sleep(self, virtual_s: float) -> None:
        self.at += timedelta(seconds=virtual_s)


class Carrier:
    """The API in a folder, so that it can be started again."""

    def __init__(self, folder: Path) -> None:
        self.clock = Hand()
        self.memory = Memory(folder / "carrier.db")
        self.api = CarrierApi(self.memory, self.clock, seed=1)
        self.server = CarrierServer(self.api, 0)
        self.server.start()
        self.http = httpx2.Client(base_url=f"http://127.0.0.1:{self.server.port}")
        while self.api.is_down():
            self.clock.at += timedelta(seconds=OUTAGE_S)

    def close(self) -> None:
        self.http.close()
        self.server.stop()
        self.memory.close()


@pytest.fixture
def carrier(tmp_path: Path) -> Iterator[Carrier]:
    carrier = Carrier(tmp_path)
    yield carrier
    carrier.close()


def test_a_parcel_is_booked_once(carrier: Carrier):
    booking = {"parcel_id": "p1", "sscc": "340123450000000018"}
    first = carrier.http.post("/shipments", json=booking)
    again = carrier.http.post("/shipments", json=booking)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()


def test_collected_and_delivered_are_told_once_in_order_by_cursor(carrier: Carrier):
    carrier.http.post("/shipments", json={"parcel_id": "p1", "sscc": "s1"})
    carrier.api.collect("s1")
    carrier.api.collect("s1")
    first = carrier.http.get("/tracking", params={"cursor": 0}).json()
    assert [(e["parcel_id"], e["status"]) for e in first["events"]] == [("p1", "COLLECTED")]

    carrier.clock.at += timedelta(hours=24)
    while carrier.api.is_down():
        carrier.clock.at += timedelta(seconds=OUTAGE_S)
    then = carrier.http.get("/tracking", params={"cursor": first["cursor"]}).json()
    assert [e["status"] for e in then["events"]] == ["OUT_FOR_DELIVERY", "DELIVERED"]
    last = carrier.http.get("/tracking", params={"cursor": then["cursor"]}).json()
    assert last == {"cursor": then["cursor"], "events": []}


def test_it_is_away_now_and_then_and_says_so(carrier: Carrier):
    for _ in range(1000):
        carrier.clock.at += timedelta(seconds=OUTAGE_S)
        if carrier.api.is_down():
            break
    body = {"parcel_id": "p1", "sscc": "s1"}
    assert carrier.http.post("/shipments", json=body).status_code == 503
    assert carrier.http.get("/tracking", params={"cursor": 0}).status_code == 503


def test_a_lost_answer_was_an_answer_and_is_given_again(carrier: Carrier):
    carrier.api.moods = Moods(down=0, lost_answers=1)
    with pytest.raises(httpx2.HTTPError):
        carrier.http.post("/shipments", json={"parcel_id": "p1", "sscc": "s1"})
    carrier.api.moods = Moods(down=0)
    again = carrier.http.post("/shipments", json={"parcel_id": "p1", "sscc": "s1"})
    assert (again.status_code, carrier.api.labels_sold) == (200, 1)


def test_a_parcel_can_be_taken_back_until_it_is_collected(carrier: Carrier):
    for parcel in ("p1", "p2"):
        carrier.http.post("/shipments", json={"parcel_id": parcel, "sscc": f"s-{parcel}"})
    carrier.api.collect("s-p2")
    answers = [carrier.http.post(f"/shipments/{p}/cancel").status_code for p in ("p1", "p1", "p2")]
    assert answers == [200, 200, 409]


def test_too_heavy_is_refused(carrier: Carrier):
    body = {"parcel_id": "p1", "sscc": "s1", "weight_g": 50_001}
    assert carrier.http.post("/shipments", json=body).status_code == 422


@pytest.mark.parametrize(
    ("moods", "expected"),
    [
        (Moods(nobody_there=1), ["OUT_FOR_DELIVERY", "ATTEMPTED", "DELIVERED"]),
        (Moods(refused=1), ["OUT_FOR_DELIVERY", "REFUSED", "RETURNED"]),
    ],
)
def test_what_can_happen_at_a_door(carrier: Carrier, moods: Moods, expected: list[str]):
    carrier.api.moods = moods
    carrier.api.book({"parcel_id": "p1", "sscc": "s1", "cod_minor": 500})
    carrier.api.collect("s1")
    carrier.clock.at += timedelta(hours=24)
    events = carrier.api.tracking(1)["events"]
    assert [e["status"] for e in events] == expected
    assert [e.get("cod_minor") for e in events if e["status"] == "DELIVERED"] in ([], [500])


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"parcel_id": "p1"}'])
def test_nonsense_is_refused(carrier: Carrier, body: bytes):
    assert carrier.http.post("/shipments", content=body).status_code == 400
