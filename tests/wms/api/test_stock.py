"""Stock as others read it through the door: in all states, in days to come, near by, by changes."""

from typing import Any

from tests.wms.house import HUB, SPOKE, House


def test_availability_over_the_network(house: House):
    house.sku("A")
    house.sku("B")
    house.stock("A", 4, "S01-01")
    house.stock("A", 3, "S01-01", site=SPOKE)
    house.put_order(("A", 1))
    (told,) = ask(house, "availability", sku="A")["skus"]
    assert (told["sku"], told["total"]["units"]["free"]) == ("A", 6)
    assert told["total"]["units"]["sellable"] == 7
    assert {code: at["units"]["free"] for code, at in told["sites"].items()} == {SPOKE: 3, HUB: 3}
    assert told["sites"][HUB]["units"]["reserved"] == 1, "every state is told"
    two = ask(house, "availability", sku=["B", "A"], site=SPOKE, channel="web")
    assert [sku["sku"] for sku in two["skus"]] == ["B", "A"]
    assert list(two["skus"][1]["sites"]) == [SPOKE]
    assert two["skus"][1]["total"]["channels"] == {"web": 3}
    assert two["age_s"] == 0


def test_availability_of_what_is_not(house: House):
    house.sku("A")
    for wrong in ({"sku": "X"}, {"sku": "A", "site": "X"}, {"sku": "A", "owner": "X"}):
        assert house.http.get("/v1/availability", params=wrong).status_code == 404
    many = {"sku": ["A"] * 201}
    assert house.http.get("/v1/availability", params=many).json()["code"] == "malformed"


def ask(house: House, what: str, **params: Any) -> Any:
    """The answer of the stock door; it must be a good one."""
    return house.ok(house.http.get(f"/v1/{what}", params=params))
