"""A bill that is paid when the order has been taken back already."""

from tests.builders import an_id
from tests.wms.house import House
from tests.wms.returns.customers import PRICE, given, refunds, tender


def test_what_was_paid_after_the_end_goes_back_once(house: House):
    house.sku("A")
    house.stock("A", 5, "S01-01")
    bill = tender(0, "KONBINI", expected_minor=3 * PRICE)
    body = house.order_body(("A", 3), tenders=[bill])
    body["lines"][0]["price_minor"] = PRICE
    order = an_id()
    url = f"/oms/v1/orders/{order}"
    house.ok(house.http.put(url, json=body))
    cancel = {"command_id": str(an_id()), "lines": {"1": 2}}
    house.ok(house.http.post(f"{url}/cancellation", json=cancel))
    assert given(house, order) == 0  # nothing was paid
    paid = body | {"tenders": [bill | {"captured_minor": 3 * PRICE}]}
    for _ in range(2):
        house.ok(house.http.put(url, json=paid))
        assert given(house, order) == 2 * PRICE
    assert [each["reason"] for each in refunds(house, order)["refunds"]] == ["paid_late"]
