"""The carrier's API over HTTP: once is once, in order, and now and then it is away."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest

from simulators.carrier import OUTAGE_S, CarrierApi, CarrierServer
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
    assert [e["status"] for e in then["events"]] == ["DELIVERED"]
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


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"parcel_id": "p1"}'])
def test_nonsense_is_refused(carrier: Carrier, body: bytes):
    assert carrier.http.post("/shipments", content=body).status_code == 400
