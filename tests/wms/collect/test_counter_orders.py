"""Ordered at the counter what the store has not: sent home, or fetched there."""

from datetime import timedelta
from typing import Any

from tests.builders import an_id
from tests.wms.collect.counter import Counter
from tests.wms.house import GINZA, House

TO = {"name": "山田 花子", "phone": "090-1234-5678", "address_lines": ["北1条西2"]}


def order(house: House, **more: Any) -> Any:
    """Ask for two of A."""
    body = {
        "id": str(an_id()), "number": "R-1", "to": "HOME", "prefecture": "北海道",
        "postal_code": "060-0001", "lines": [{"sku": "A", "units": 2, "price_minor": 980}],
        "contact": TO,
    } | more  # fmt: skip
    return house.http.post(f"/store/v1/{GINZA}/counter-orders", json=body)


def test_what_a_store_has_not_goes_to_the_customers_home_or_is_fetched_there(house: House):
    house.sku("A")
    house.stock("A", 5, "S01-01")
    id_ = str(an_id())
    home = order(house, id=id_)
    assert home.status_code == 201, home.text
    assert (home.json()["channel"], home.json()["lines"][0]["status"]) == ("store", "HELD")
    assert order(house, id=id_).status_code == 200  # sent again it is the same
    house.clock.at += timedelta(minutes=1)
    assert order(house, id=id_).status_code == 200
    changed = order(house, id=id_, number="R-2")
    assert (changed.status_code, changed.json()["code"]) == (422, "id_reused")
    here = order(house, to="HERE", prefecture="", postal_code="", contact=None)
    assert here.status_code == 201, here.text
    Counter(house).go()
    queue = house.ok(house.http.get(f"/store/v1/{GINZA}/queue"))["items"]
    assert [each["order_id"] for each in queue] == [here.json()["id"]]
    for wrong in ({"prefecture": "Atlantis"}, {"postal_code": ""}):
        assert order(house, **wrong).status_code == 404
