"""The doors: every error is a problem with a code; masters; lookup; console; health."""

import asyncio
from pathlib import Path
from typing import Any

from tests.builders import an_id
from tests.wms.house import HUB, SITES, SPOKE, STORES, Hand, House
from wms.api.console import get_events
from wms.api.dependencies import Services
from wms.api.live import Feed
from wms.app import create_app
from wms.database import Database
from wms.outbound.floor import Floor, floor_of
from wms.settings import Settings

TOKYO = Path(__file__).parents[3] / "simulators" / "sites" / "tokyo.toml"

ERRORS: dict[str, tuple[str, str, Any, int, str]] = {
    "no such path": ("GET", "/nope", None, 404, "not_found"),
    "wrong method": ("DELETE", "/v1/availability", None, 405, "method_not_allowed"),
    "no such order": ("GET", f"/oms/v1/orders/{an_id()}", None, 404, "not_found"),
    "not an id": ("GET", "/oms/v1/orders/17", None, 422, "malformed"),
    "no such sku": ("GET", "/v1/availability?sku=X", None, 404, "not_found"),
    "no such shipments": ("GET", f"/oms/v1/shipments?order_id={an_id()}", None, 404, "not_found"),
    "no such site": ("GET", "/api/v1/work/next?site=NOPE", None, 404, "not_found"),
    "no site": ("GET", "/api/v1/work/next", None, 422, "malformed"),
    "no such code": ("GET", "/api/v1/lookup/NOPE", None, 404, "not_found"),
    "no plant": ("GET", "/console/v1/plant", None, 404, "not_found"),
    "too many": ("GET", "/console/v1/orders?limit=5000", None, 422, "malformed"),
    "no hook": ("PUT", f"/oms/v1/webhooks/{an_id()}", {"url": "ftp://x"}, 422, "malformed"),
    "bad site": ("PUT", "/master/v1/sites", [{"code": "a b"}], 422, "malformed"),
    "place of no site": (
        "PUT", "/master/v1/locations", [{"site": "X", "code": "Y", "kind": "PICK_FACE"}], 422,
        "unknown_code",
    ),
    "bad gtin": (
        "PUT", "/master/v1/skus", [{"code": "Y", "name_en": "y", "gtin": "123"}], 422,
        "malformed_gtin",
    ),
    "receipt of nothing": ("POST", "/master/v1/receipts", {"id": str(an_id()), "lines": []}, 422,
                           "malformed"),
    "receipt of what is not": (
        "POST", "/master/v1/receipts",
        {"id": str(an_id()),
         "lines": [{"site": HUB, "location": "S01-01", "sku": "NOPE", "units": 1}]},
        422, "unknown_code",
    ),
}  # fmt: skip


def test_every_error_is_a_problem_with_a_code(house: House):
    for name, (method, path, body, status, code) in ERRORS.items():
        answer = house.http.request(method, path, json=body)
        assert (answer.status_code, answer.json()["code"]) == (status, code), (name, answer.text)
        assert answer.headers["content-type"] == "application/problem+json", name
        assert {"type", "title", "status", "detail"} <= set(answer.json()), name


def test_without_a_database_it_says_try_again():
    database = Database("postgresql+psycopg://soko@127.0.0.1:1/none")
    services = Services(
        settings=Settings(), database=database, clock=Hand(), floor=Floor(), feed=Feed()
    )
    from fastapi.testclient import TestClient  # noqa: PLC0415

    with TestClient(create_app(services.settings, services)) as http:
        for path in ("/health/ready", "/console/v1/summary"):
            answer = http.get(path)
            assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
            assert int(answer.headers["retry-after"]) >= 1
        assert http.get("/health/live").status_code == 200


def test_masters_may_be_sent_again(house: House):
    for _ in range(2):
        assert house.http.put("/master/v1/sites", json=SITES).json() == {"saved": len(SITES)}
    house.sku("A")
    receipt = {
        "id": str(an_id()),
        "lines": [{"site": HUB, "location": "S01-01", "sku": "A", "units": 4}] * 2,
    }
    answers = [house.http.post("/master/v1/receipts", json=receipt) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 200]
    assert house.stock_row("A")["sellable"] == 8


def test_parcels_are_listed_by_state(house: House):
    house.sku("A")
    house.stock("A", 4, "S01-01")
    house.put_order(("A", 1))
    house.tick()
    house.work_off(HUB, "pick")
    house.work_off(HUB, "pack")
    (parcel,) = house.http.get("/console/v1/parcels", params={"status": "INDUCTED"}).json()
    assert (parcel["sscc"], parcel["site"]) == (house.parcels()[0].sscc, HUB)
    assert house.http.get("/console/v1/parcels", params={"status": "SORTED"}).json() == []


def test_any_code_can_be_looked_up(house: House):
    body = [{"code": "A", "name_en": "Tea", "gtin": "4901234567894"}]
    house.ok(house.http.put("/master/v1/skus", json=body))
    house.stock("A", 4, "A01-01-1", tote="T-1")
    order_id = house.put_order(("A", 1))
    number = house.order(order_id)["number"]
    found = {
        code: house.http.get(f"/api/v1/lookup/{code}").json()["kind"]
        for code in ("A", "4901234567894", "]E04901234567894", "T-1", "A01-01-1", number)
    }
    assert list(found.values()) == ["sku", "sku", "sku", "tote", "location", "order"]


def test_shipments_of_an_order(house: House):
    house.sku("A")
    house.stock("A", 4, "S01-01")
    order_id = house.put_order(("A", 1))
    house.tick()
    house.work_off(HUB, "pick")
    house.work_off(HUB, "pack")
    house.jobs.book()
    (parcel,) = house.http.get("/oms/v1/shipments", params={"order_id": str(order_id)}).json()
    assert (parcel["site"], parcel["status"], parcel["service"]) == (HUB, "INDUCTED", "YUPACK")
    assert parcel["tracking"] == f"TN-{parcel['sscc']}"


def test_the_console_sees_orders_and_stock(house: House):
    house.sku("A")
    house.stock("A", 4, "S01-01")
    house.put_order(("A", 1))
    (order,) = house.http.get("/console/v1/orders").json()
    assert (order["status"], order["lines"]) == ("PLACED", 1)
    stock = house.http.get("/console/v1/stock").json()
    assert stock["sites"] == sorted([SPOKE, HUB, *STORES])
    assert [line["units"]["reserved"] for line in stock["lines"]] == [1]


def test_the_plant_comes_from_the_site_file(database: Database):
    floor = floor_of(TOKYO)
    assert (floor.hub_code, len(floor.stations)) == (HUB, 6)
    settings = Settings(site_file=TOKYO)
    services = Services(settings=settings, database=database, clock=Hand(), floor=floor)
    from fastapi.testclient import TestClient  # noqa: PLC0415

    with TestClient(create_app(settings, services)) as http:
        plant = http.get("/console/v1/plant").json()
    assert plant["site"]["code"] == HUB
    assert len(plant["stations"]) == 6
    assert plant["points"]


async def test_the_live_picture_comes_with_the_figures(house: House):
    feed = Feed()
    services = Services(
        settings=Settings(), database=house.database, clock=house.clock, floor=house.floor,
        feed=feed,
    )  # fmt: skip
    feed.put('{"type": "site.frame"}')
    names = []
    async for event in get_events(services):
        names.append(event.event)
        if event.event == "frame":
            assert event.raw_data == '{"type": "site.frame"}'
            break
    assert names == ["summary", "orders", "alarms", "frame"]


async def test_a_viewer_waits_for_a_newer_picture():
    feed = Feed()
    assert not await feed.newer_than(0, within_s=0.01)
    waiting = asyncio.create_task(feed.newer_than(0, within_s=10))
    await asyncio.sleep(0)
    feed.put("{}")
    assert await waiting


def test_the_openapi_document_can_be_made(house: House):
    document = house.http.get("/openapi.json").json()
    assert "/oms/v1/orders/{order_id}" in document["paths"]
