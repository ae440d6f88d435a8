"""What a store took back and does not sell is received at the warehouse."""

from tests.wms.house import GINZA, HUB, House
from tests.wms.returns.customers import bring, delivered, on_hand, seen, troubles


def test_it_leaves_the_store_arrives_at_the_hub_and_what_does_not_is_told(house: House):
    house.sku("A")
    house.stock("A", 5, "S01-01")
    rule = {"name": "to-dc", "disposition": "TO_DC", "site_kinds": ["STORE"]}
    policy = house.ok(house.http.get("/console/v1/returns/policy"))
    rules = [rule, *policy["dispositions"]]
    house.ok(house.http.put("/console/v1/returns/policy", json=policy | {"dispositions": rules}))
    order = delivered(house, ("A", 3))
    assert bring(house, order, seen(3)).json()["lines"][0]["disposition"] == "TO_DC"
    assert house.stock_row("A", GINZA)["store_to_dc"] == 3
    assert house.job("return.to_dc") == 1
    assert house.job("return.to_dc") == 0
    house.work_off(HUB, "return", short={"A": 2})
    assert (on_hand(house, "A", HUB), house.stock_row("A", GINZA)["store_to_dc"]) == (4, 1)
    assert troubles(house) == ["return.missing"]
