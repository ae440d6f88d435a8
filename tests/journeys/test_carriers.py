"""Parcels and their carriers, through public doors: over an API that fails, and by files."""

import csv
import io
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update

from simulators.carrier import CarrierApi, CarrierServer, Moods
from simulators.memory import Memory
from tests.builders import an_id
from tests.wms.house import HUB, House
from wms.outbound.model import Parcel
from wms.partners.http import HttpCarrier

FINE = Moods(down=0)
DOWN = Moods(down=1)
TARO: dict[str, Any] = {
    "name": "𠮷田 太郎", "kana": "ヨシダ タロウ", "phone": "090-1234-5678",
    "postal_code": "100-0001", "address_lines": ["千代田区千代田1-1", "皇居前マンション101"],
}  # fmt: skip
HOUSE = {"name": "Soko 倉庫", "phone": "03-0000-0000", "address_lines": ["東京都江東区1-2-3"]}
HEAVY_G = 9_000  # SAGAWA's, by the rules; lighter ones are YAMATO's


class Outside:
    """Two carriers with an API each, and the house."""

    def __init__(self, house: House, folder: Path) -> None:
        self.house = house
        self.apis: dict[str, CarrierApi] = {}
        self.servers: list[CarrierServer] = []
        self.clients: dict[str, HttpCarrier] = {}
        for seed, code in enumerate(("YAMATO", "SAGAWA")):
            memory = Memory(folder / f"{code}.db")
            self.apis[code] = CarrierApi(memory, house.clock, seed=seed, moods=FINE)
            server = CarrierServer(self.apis[code], 0)
            server.start()
            self.servers.append(server)
            self.clients[code] = HttpCarrier(f"http://127.0.0.1:{server.port}")
        keys = house.http.app.state.services.contacts_keys  # type: ignore[attr-defined]
        house.jobs = replace(house.jobs, carriers=self.clients, contacts_keys=keys)
        for code, weight_g in (("BOOK", 1_000), ("STONE", HEAVY_G)):
            house.sku(code, weight_g=weight_g)
            house.stock(code, 50, "S01-01")

    def close(self) -> None:
        for client in self.clients.values():
            client.close()
        for server in self.servers:
            server.stop()

    def packed(self, *skus: str, **more: Any) -> list[UUID]:
        """Orders of one unit each, picked and packed."""
        orders = [self.house.put_order((sku, 1), contact=TARO, **more) for sku in skus]
        self.house.tick()
        self.house.work_off(HUB, "pick")
        self.house.work_off(HUB, "pack")
        return orders

    def tracking(self, order: UUID) -> str | None:
        (shipment,) = self.get("/oms/v1/shipments", order_id=str(order))
        number: str | None = shipment["tracking"]
        return number

    def get(self, path: str, **query: Any) -> Any:
        return self.house.ok(self.house.http.get(path, params=query))

    def post(self, path: str, body: dict[str, Any]) -> Any:
        return self.house.ok(self.house.http.post(path, json=body))

    def carrier(self, code: str) -> dict[str, Any]:
        found: dict[str, Any] = next(
            each for each in self.get("/console/v1/carriers") if each["code"] == code
        )
        return found

    def book(self, minutes: float = 0) -> None:
        """Until nothing is left to do, at a later time."""
        self.house.clock.at += timedelta(minutes=minutes)
        while self.house.jobs.book():
            pass

    def by_file(self, code: str) -> None:
        body = {"mode": "FILE", "sender": HOUSE, "codes": {"customer": "0123"}}
        self.house.ok(self.house.http.put(f"/console/v1/carriers/{code}", json=body))


@pytest.fixture
def outside(house: House, tmp_path: Path) -> Iterator[Outside]:
    outside = Outside(house, tmp_path)
    yield outside
    outside.close()


@pytest.mark.nightly
def test_over_an_api(outside: Outside):
    light, heavy = outside.packed("BOOK", "STONE")
    outside.book()
    assert outside.tracking(light)
    assert outside.tracking(heavy)
    assert [api.labels_sold for api in outside.apis.values()] == [1, 1]
    bookings = outside.get("/console/v1/bookings", state="BOOKED")
    assert {each["carrier"] for each in bookings} == {"YAMATO", "SAGAWA"}
    assert all(each["cost_minor"] for each in bookings)
    label = outside.house.http.get(f"/console/v1/parcels/{bookings[0]['sscc']}/label")
    assert label.headers["content-type"] == "application/pdf"
    assert bookings[0]["tracking"].encode() in label.content  # the carrier's own


def test_who_gets_it_is_told_to_the_carrier_and_kept_nowhere_here(outside: Outside):
    outside.packed("BOOK")
    outside.book()
    (told,) = outside.apis["YAMATO"]._memory.all("booking").values()
    assert told["recipient"]["name"] == TARO["name"]
    assert told["recipient"]["prefecture"] == "東京都"
    assert TARO["name"] not in str(outside.get("/console/v1/bookings", state="BOOKED"))


def test_one_carrier_is_down_the_other_goes_on_and_the_parcels_wait(outside: Outside):
    outside.apis["YAMATO"].moods = DOWN
    first, second, heavy = outside.packed("BOOK", "BOOK", "STONE")
    outside.house.jobs.book()
    assert outside.tracking(heavy), "in the same round, whoever was asked first"
    outside.book()
    assert (outside.tracking(first), outside.tracking(second)) == (None, None)
    state = outside.carrier("YAMATO")
    assert (state["waiting"], state["failures"]) == (2, 1)
    assert state["asked_again_at"]
    assert "503" in state["problem"]

    outside.apis["YAMATO"].moods = FINE
    outside.book(minutes=10)
    outside.book(minutes=10)
    assert outside.tracking(first)
    assert outside.tracking(second)
    assert outside.apis["YAMATO"].labels_sold == 2
    state = outside.carrier("YAMATO")
    assert (state["waiting"], state["failures"], state["down_since"]) == (0, 0, None)


def test_answers_get_lost_and_each_label_is_bought_once(outside: Outside):
    for api in outside.apis.values():
        api.moods = Moods(down=0, lost_answers=0.6)
    orders = outside.packed(*["BOOK", "STONE"] * 4)
    for _ in range(40):
        outside.book(minutes=10)
        if all(outside.tracking(order) for order in orders):
            break
    assert sum(api.labels_sold for api in outside.apis.values()) == len(orders)
    assert len({outside.tracking(order) for order in orders}) == len(orders)


def test_a_carrier_that_is_silent_for_long_loses_what_it_was_never_asked_for(outside: Outside):
    outside.apis["YAMATO"].moods = DOWN
    asked, never = outside.packed("BOOK", "BOOK")
    outside.book()
    outside.book(minutes=61)
    waits, fell = sorted((asked, never), key=lambda order: outside.tracking(order) is not None)
    assert outside.tracking(fell)
    assert outside.tracking(waits) is None
    assert outside.apis["SAGAWA"].labels_sold == 1
    (shipment,) = outside.get("/oms/v1/shipments", order_id=str(fell))
    assert shipment["service"] == "SAGAWA"

    outside.apis["YAMATO"].moods = FINE
    outside.book(minutes=10)
    assert outside.tracking(waits)
    assert [api.labels_sold for api in outside.apis.values()] == [1, 1]


def test_what_happens_at_the_door_is_kept_once_and_told(outside: Outside):
    outside.apis["YAMATO"].moods = Moods(down=0, nobody_there=1)
    (order,) = outside.packed("BOOK")
    outside.book()
    (booking,) = outside.get("/console/v1/bookings", state="BOOKED")
    outside.apis["YAMATO"].collect(booking["sscc"])
    outside.house.clock.at += timedelta(hours=6)
    while outside.house.jobs.track():
        pass
    assert outside.house.order(order)["status"] == "DELIVERED"
    (booking,) = outside.get("/console/v1/bookings", state="BOOKED")
    assert booking["status"] == "DELIVERED"


def test_refused_at_the_door_somebody_has_to_look(outside: Outside):
    outside.apis["YAMATO"].moods = Moods(down=0, refused=1)
    outside.packed("BOOK")
    outside.book()
    (booking,) = outside.get("/console/v1/bookings", state="BOOKED")
    outside.apis["YAMATO"].collect(booking["sscc"])
    outside.house.clock.at += timedelta(hours=6)
    while outside.house.jobs.track():
        pass
    (booking,) = outside.get("/console/v1/bookings", state="BOOKED")
    assert booking["status"] == "RETURNED"


def test_what_is_due_at_the_door_is_told_with_the_first_parcel_and_counts_when_delivered(
    outside: Outside,
):
    tender = {
        "id": str(an_id()), "kind": "COD", "payment": "cod-1", "captured_minor": 0,
        "expected_minor": 5_500,
    }  # fmt: skip
    lines = [{"line_no": 1, "sku": "STONE", "units": 3}]  # two boxes
    outside.house.put_order(lines=lines, tenders=[tender])
    outside.packed()
    outside.book()
    told = outside.apis["SAGAWA"]._memory.all("booking").values()
    assert sorted(each["cod_minor"] for each in told) == [0, 5_500]


def test_a_parcel_that_is_not_sent_after_all_is_taken_back(outside: Outside):
    outside.packed("BOOK")
    outside.book()
    (parcel,) = outside.house.parcels()
    # whoever takes a parcel apart says no more than this
    cancelled = update(Parcel).where(Parcel.id == parcel.id).values(state="CANCELLED")
    outside.house.database.run(lambda s: s.execute(cancelled))
    outside.book(minutes=10)
    assert outside.apis["YAMATO"]._memory.all("booking") == {}
    assert [each["sscc"] for each in outside.get("/console/v1/bookings", state="CANCELLED")] == [
        parcel.sscc
    ]
    back = update(Parcel).where(Parcel.id == parcel.id).values(state=parcel.state)
    outside.house.database.run(lambda s: s.execute(back))


# ------------------------------------------------------------------------------------ files
def answer(content: str, number: str = "444413758703", unknown: str = "") -> bytes:
    """What B2クラウド gives back for a file: the same rows with tracking numbers."""
    rows = list(csv.DictReader(io.StringIO(content)))
    out = io.StringIO()
    writer = csv.DictWriter(out, rows[0].keys())
    writer.writeheader()
    writer.writerows(row | {"伝票番号": number} for row in rows)
    if unknown:
        writer.writerow(rows[0] | {"お客様管理番号": unknown, "伝票番号": "405548424886"})
    return out.getvalue().encode("cp932")


def test_by_a_file(outside: Outside):
    outside.by_file("YAMATO")
    light, heavy = outside.packed(
        "BOOK", "STONE", slot="14-16", leave_at="FRONT_DOOR", delivery_on="2026-11-29"
    )
    outside.book()
    assert outside.tracking(heavy)
    assert outside.tracking(light) is None
    assert outside.apis["YAMATO"].labels_sold == 0

    file_id = str(an_id())
    made = outside.post("/console/v1/carriers/YAMATO/files", {"file_id": file_id})
    assert (made["parcels"], made["not_written"], made["characters_lost"]) == (1, [], [])
    text = b64decode(made["content"]).decode("cp932")
    (row,) = csv.DictReader(io.StringIO(text))
    assert row["お届け先名"] == "吉田 太郎"
    assert row["お届け先住所"] == "東京都千代田区千代田1-1"
    assert (row["配達時間帯"], row["お届け予定日"]) == ("1416", "2026/11/29")
    assert row["記事"].endswith("置き配:玄関前")
    assert row["請求先顧客コード"] == "0123"
    again = outside.post("/console/v1/carriers/YAMATO/files", {"file_id": file_id})
    assert again == made
    other = outside.post("/console/v1/carriers/YAMATO/files", {"file_id": str(an_id())})
    assert other["parcels"] == 0

    def take(content: bytes) -> dict[str, Any]:
        path = "/console/v1/carriers/YAMATO/tracking"
        headers = {"content-type": "text/csv"}
        taken: dict[str, Any] = outside.house.ok(
            outside.house.http.post(path, content=content, headers=headers)
        )
        return taken

    taken = take(answer(text, unknown="999"))
    assert (taken["booked"], taken["known"], taken["wrong"]) == (1, 0, [])
    assert [(each["line"], each["reference"]) for each in taken["unknown"]] == [(3, "999")]
    assert outside.tracking(light) == "444413758703"
    taken = take(answer(text))
    assert (taken["booked"], taken["known"]) == (0, 1)
    taken = take(answer(text, number="405548424886"))
    assert [each["code"] for each in taken["wrong"]] == ["other_number"]
    assert outside.tracking(light) == "444413758703"

    label = outside.house.http.get("/console/v1/parcels/444413758703/label")
    assert label.content.startswith(b"%PDF")  # ours: programs print their own


@pytest.mark.nightly
def test_a_parcel_without_an_address_waits_and_is_told(outside: Outside):
    outside.by_file("YAMATO")
    outside.house.put_order(("BOOK", 1))
    outside.packed()
    outside.book()
    made = outside.post("/console/v1/carriers/YAMATO/files", {"file_id": str(an_id())})
    assert [each["code"] for each in made["not_written"]] == ["no_address"]
    (waiting,) = outside.get("/console/v1/bookings", state="WANTED")
    assert waiting["problem"] == "no_address"


def test_a_file_for_a_carrier_with_an_api_would_buy_labels_twice(outside: Outside):
    outside.packed("BOOK")
    path = "/console/v1/carriers/YAMATO/files"
    refused = outside.house.http.post(path, json={"file_id": str(an_id())})
    assert (refused.status_code, refused.json()["code"]) == (409, "carrier_by_api")
    nonsense = outside.house.http.post(
        "/console/v1/carriers/YAMATO/tracking", content=b"a,b", headers={"content-type": "text/csv"}
    )
    assert (nonsense.status_code, nonsense.json()["code"]) == (422, "not_a_carriers_file")
    unknown = outside.house.http.post(
        "/console/v1/carriers/PIGEON/files", json={"file_id": str(an_id())}
    )
    assert unknown.status_code == 404
