"""Masters from outside: packs, lots, serials, weights; what is wrong is a problem with a code."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.builders import an_id
from tests.wms.house import HUB, House
from wms.catalog import find_by_barcode
from wms.database import Database

CASE = "14901234567891"  # the ITF-14 of a case of twelve


@pytest.fixture
def house(database: Database) -> Iterator[House]:
    house = House(database)
    yield house
    house.close()


def sku(code: str = "A", **more: Any) -> dict[str, Any]:
    return {"code": code, "name_en": code} | more


def put(house: House, kind: str, *body: dict[str, Any]) -> tuple[int, str]:
    answer = house.http.put(f"/master/v1/{kind}", json=list(body))
    return answer.status_code, answer.json().get("code", "")


def receive(house: House, code: str, units: int, **more: Any) -> tuple[int, str]:
    line = {"site": HUB, "location": "S01-01", "sku": code, "units": units} | more
    answer = house.http.post("/master/v1/receipts", json={"id": str(an_id()), "lines": [line]})
    return answer.status_code, answer.json().get("code", "")


def test_a_case_is_scanned_as_twelve(house: House):
    body = sku(
        gtin="4901234567894",
        packs=[
            {"level": "CASE", "units": 12, "gtin": CASE, "weight_g": 6000},
            {"level": "PALLET", "units": 480, "length_mm": 1100},
        ],
        tracking="LOT", shelf_life_days=180, dangerous_goods="UN1266",
    )  # fmt: skip
    for _ in range(2):
        assert put(house, "skus", body) == (200, "")

    found = [house.http.get(f"/api/v1/lookup/{code}").json() for code in (CASE, "4901234567894")]

    assert [(one["code"], one["units"]) for one in found] == [("A", 12), ("A", 1)]
    scanned = house.database.run(lambda s: find_by_barcode(s, "A"))
    assert scanned is not None
    assert (scanned.units, scanned.sku.tracking, scanned.sku.dangerous_goods) == (
        1,
        "LOT",
        "UN1266",
    )
    assert house.database.run(lambda s: find_by_barcode(s, "B")) is None


@pytest.mark.parametrize(
    "more",
    [
        {"tracking": "SOME"},
        {"catch_weight": 1},
        {"shelf_life_days": -1},
        {"packs": [{"level": "CASE", "units": 0}]},
        {"packs": [{"level": "EACH", "units": 2}]},
        {"packs": [{"level": "BOX", "units": 2}]},
        {"packs": [{"level": "CASE", "units": 2}, {"level": "CASE", "units": 3}]},
        {"packs": [{"level": "CASE", "units": 12.0}]},
        {"packs": [{"level": "CASE", "units": 12, "gtin": "123"}]},
        {"colour": "red"},
    ],
)
def test_what_is_no_sku(house: House, more: dict[str, Any]):
    assert put(house, "skus", sku(**more))[0] == 422


def test_a_site_has_a_time_zone_that_there_is(house: House):
    site = {"code": "NYC1", "kind": "DC", "name_en": "New York", "time_zone": "America/New_York"}

    assert put(house, "sites", site) == (200, "")
    assert put(house, "sites", site | {"time_zone": "Mars/Olympus"})[0] == 422


def test_lots_are_told_and_goods_come_in_by_lot(house: House):
    assert put(house, "skus", sku(tracking="LOT")) == (200, "")
    lot = {"sku": "A", "code": "L1", "expires_on": "2027-01-31", "origin": "静岡"}
    assert put(house, "lots", lot, lot) == (200, "")
    assert put(house, "lots", lot | {"sku": "B"}) == (422, "unknown_code")
    for wrong in ({"expires_on": "31.1.2027"}, {"status": "SOLD"}, {"code": ""}, {"more": 1}):
        assert put(house, "lots", lot | wrong)[0] == 422

    assert receive(house, "A", 5) == (422, "lot_missing")
    assert receive(house, "A", 5, lot="L1") == (201, "")
    assert house.stock_row("A")["sellable"] == 5


def test_goods_come_in_by_serial_and_by_weight(house: House):
    put(house, "skus", sku("S", tracking="SERIAL"), sku("W", catch_weight=True), sku("N"))

    assert [
        receive(house, "S", 2, serials=["1"]),
        receive(house, "S", 2, serials=["1", "2"]),
        receive(house, "S", 1, serials=["2"]),
        receive(house, "W", 2),
        receive(house, "W", 2, weight_g=1234),
        receive(house, "N", 1, lot="L1"),
        receive(house, "N", 1, serials=["3"]),
        receive(house, "N", 1, weight_g=5),
    ] == [
        (422, "serial_missing"),
        (201, ""),
        (409, "serial_duplicate"),
        (422, "weight_missing"),
        (201, ""),
        (422, "lot_unwanted"),
        (422, "serial_unwanted"),
        (422, "weight_unwanted"),
    ]


def test_how_goods_are_kept_does_not_change_while_there_are_any(house: House):
    put(house, "skus", sku())
    assert put(house, "skus", sku(tracking="SERIAL")) == (200, "")
    assert receive(house, "A", 1, serials=["1"]) == (201, "")

    for other in (sku(), sku(tracking="SERIAL", catch_weight=True)):
        assert put(house, "skus", other) == (409, "tracking_in_use")
    assert put(house, "skus", sku(tracking="SERIAL", weight_g=5)) == (200, "")


def test_owners_keep_their_goods_apart(house: House):
    assert put(house, "skus", sku("TEA") | {"owner": "TANAKA"}) == (422, "unknown_code")
    assert put(house, "owners", {"code": "TANAKA", "name": "田中商店"}) == (200, "")
    assert put(house, "skus", sku("TEA"), sku("TEA") | {"owner": "TANAKA"}) == (200, "")
    assert receive(house, "TEA", 3, owner="TANAKA") == (201, "")
    assert receive(house, "TEA", 3, owner="NOBODY") == (422, "unknown_code")

    wish = {"kind": "ORDER", "demand_id": str(an_id())}
    line = {"site": HUB, "sku": "TEA", "units": 1}
    answers = [
        house.http.post(
            "/v1/holds", json=wish | {"lines": [line | {"hold_id": str(an_id()), "owner": owner}]}
        ).json()["granted"]
        for owner in ("HOUSE", "TANAKA")
    ]

    assert answers == [False, True]
    seen = house.http.get("/v1/availability", params={"sku": "TEA", "owner": "TANAKA"}).json()
    assert seen["skus"][0]["total"]["units"]["free"] == 2
