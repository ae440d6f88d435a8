"""Stock as others read it through the door: in all states, in days to come, near by, by changes."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from tests.builders import an_id
from tests.wms.house import HUB, SPOKE, House
from wms import outbox
from wms.settings import Settings


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


def test_changes_come_by_cursor(house: House):
    house.sku("A")
    house.stock("A", 4, "S01-01")
    begin = ask(house, "stock-changes")
    assert begin["changes"] == []
    house.put_order(("A", 1))
    told = ask(house, "stock-changes", after=begin["next"])
    (change,) = told["changes"]
    assert {name: change[name] for name in ("site", "owner", "sku", "segment", "free")} == {
        "site": HUB, "owner": "HOUSE", "sku": "A", "segment": "A", "free": 3,
    }  # fmt: skip
    again = ask(house, "stock-changes", after=told["next"])
    assert (again["changes"], again["next"]) == ([], told["next"])


def test_many_wait_for_a_change_and_hold_nobody_up(house: House):
    """Five times as many as there are connections and threads: others are still answered."""
    house.sku("A")
    house.stock("A", 4, "S01-01")
    begin = ask(house, "stock-changes")["next"]
    many = 5 * Settings().database_pool

    def wait(_: int) -> list[dict[str, Any]]:
        told: dict[str, Any] = ask(house, "stock-changes", after=begin, wait_s=25)
        return list(told["changes"])

    with ThreadPoolExecutor(many) as pool:
        waiting = [pool.submit(wait, n) for n in range(many)]
        for _ in range(20):
            ask(house, "availability", sku="A")
        assert not any(each.done() for each in waiting)
        house.put_order(("A", 1))
        assert [len(each.result()) for each in waiting] == [1] * many


def test_nothing_changes_for_a_while(house: House):
    begin = ask(house, "stock-changes")["next"]
    assert ask(house, "stock-changes", after=begin, wait_s=0.2) == {"changes": [], "next": begin}


def test_a_cursor_that_is_too_old_or_none_at_all(house: House):
    house.sku("A")
    begin = ask(house, "stock-changes")["next"]
    for _ in range(2):
        house.stock("A", 4, "S01-01")
    ask(house, "stock-changes", after=begin)
    later = house.clock.now() + timedelta(days=400)
    house.database.run(lambda s: outbox.forget(s, before=later))
    gone = house.http.get("/v1/stock-changes", params={"after": begin})
    assert (gone.status_code, gone.json()["code"]) == (409, "cursor_gone")
    for word in ("nonsense", "WyJvdGhlciIsMV0", "ÄÖ", begin + "x"):
        answer = house.http.get("/v1/stock-changes", params={"after": word})
        assert (answer.status_code, answer.json()["code"]) == (422, "malformed_cursor"), word


def test_the_days_to_come_and_what_is_on_its_way(house: House):
    house.sku("A")
    house.stock("A", 4, "S01-01")
    house.put_order(("A", 1))
    atp = ask(house, "atp", sku="A", days=3)
    assert (atp["sku"], atp["free"], atp["expected"], atp["safe"]) == ("A", 3, [3] * 3, [3] * 3)
    assert len(atp["dates"]) == 3
    assert atp["sites"][HUB]["expected"] == [3] * 3
    assert ask(house, "supplies", sku="A") == []
    for wrong in ({"days": 121}, {"days": 0}, {"day": 3}):
        answer = house.http.get("/v1/atp", params={"sku": "A", **wrong})
        assert answer.json()["code"] == "malformed"
    assert house.http.get("/v1/atp", params={"sku": "X"}).status_code == 404
    assert house.http.get("/v1/supplies", params={"sku": "X"}).status_code == 404


def test_a_supply_is_announced_changed_and_closed(house: House):
    house.sku("A")
    supply_id, now = an_id(), house.clock.now()
    body: dict[str, Any] = {
        "site": HUB, "sku": "A", "kind": "PO", "units": 10,
        "eta_p50": (now + timedelta(days=1)).isoformat(),
        "eta_p90": (now + timedelta(days=2)).isoformat(),
    }  # fmt: skip

    def put(**changes: Any) -> Any:
        return house.http.put(f"/v1/supplies/{supply_id}", json=body | changes)

    told = [house.ok(put()) for _ in range(2)][1]
    assert (told["units"], told["held"], told["confidence"], told["state"]) == (10, 0, 100, "OPEN")
    assert house.ok(put(units=8, confidence=95))["units"] == 8
    (known,) = ask(house, "supplies", sku="A")
    assert (known["id"], known["units"]) == (str(supply_id), 8)
    atp = ask(house, "atp", sku="A", days=4)
    assert (atp["expected"], atp["safe"]) == ([0, 7, 7, 7], [0, 0, 7, 7])
    codes = {
        "no_forecast": put(confidence=101), "units_out_of_range": put(units=0),
        "not_found": put(site="X"), "malformed": put(kind="GIFT"),
    }  # fmt: skip
    assert {code: answer.json()["code"] for code, answer in codes.items()} == {
        code: code for code in codes
    }
    assert house.ok(put(state="CLOSED"))["state"] == "CLOSED"
    assert ask(house, "supplies", sku="A") == []
    assert put().json()["code"] == "supply_closed"


def test_find_in_store(house: House):
    house.sku("A")
    store = {"code": "S-GINZA", "kind": "STORE", "name_en": "Ginza", "name_ja": "銀座",
             "latitude": 35.6717, "longitude": 139.765}  # fmt: skip
    house.ok(house.http.put("/master/v1/sites", json=[store]))
    place = {"site": "S-GINZA", "code": "F-1", "kind": "SALES_FLOOR"}
    house.ok(house.http.put("/master/v1/locations", json=[place]))
    house.stock("A", 4, "F-1", site="S-GINZA")
    house.stock("A", 9, "S01-01")
    here: dict[str, Any] = {"sku": "A", "latitude": 35.68, "longitude": 139.76}
    (found,) = ask(house, "find-in-store", **here, units=2)["places"]
    told = {name: found[name] for name in ("site", "free", "stock", "age_s", "distance_m")}
    assert told == {
        "site": "S-GINZA", "free": 4, "stock": "few_left", "age_s": 0, "distance_m": 1027,
    }  # fmt: skip
    both = ask(house, "find-in-store", **here, kind=["STORE", "DC"], limit=5)["places"]
    assert [place["site"] for place in both] == ["S-GINZA", HUB]
    nobody = house.http.get("/v1/find-in-store", params={**here, "latitude": 91})
    assert nobody.json()["code"] == "malformed"


GOODS = {
    "TEA": ("Green tea", "緑茶"), "STEAM-1": ("Iron", "アイロン"), "POT_5": ("Teapot", "急須"),
    "POT-5": ("Pot 100%", "鍋"),
}  # fmt: skip


def test_the_stock_page_finds_by_a_part_of_a_code_or_name(house: House):
    for code, (name_en, name_ja) in GOODS.items():
        body = [{"code": code, "name_en": name_en, "name_ja": name_ja}]
        house.ok(house.http.put("/master/v1/skus", json=body))
        for site in (HUB, SPOKE):
            house.stock(code, 2, "S01-01", site=site)

    def found(text: str, **more: Any) -> list[str]:
        body = house.ok(house.http.get("/console/v1/stock", params={"text": text, **more}))
        assert all((line["sites"], line["units"]["free"]) == (2, 4) for line in body["lines"])
        return [line["sku"] for line in body["lines"]]

    assert found("tea") == ["TEA", "POT_5", "STEAM-1"], "the code itself comes first"
    assert found(" Tea ") == found("\uff34\uff25\uff21") == found("tea"), "wide letters, too"
    assert found("緑") == found("緑茶") == ["TEA"]
    assert found("急須") == ["POT_5"]
    assert found("ｱｲ") == ["STEAM-1"], "narrow kana, too"
    assert found("ot_5") == ["POT_5"], "no wildcards"
    assert found("0%") == ["POT-5"]
    assert found("/") == found("\\") == []
    assert sorted(found("")) == sorted(GOODS)
    for bad in ({"text": "\0"}, {"state": "good"}, {"limit": 0}, {"limit": 201}):
        assert house.http.get("/console/v1/stock", params=bad).json()["code"] == "malformed"
    assert house.http.get("/console/v1/stock", params={"site": "X"}).status_code == 404
    for word in ("x", "WyJzdG9jayIsIkEiLCJCIl0"):
        answer = house.http.get("/console/v1/stock", params={"after": word})
        assert answer.json()["code"] == "malformed_cursor"


def test_the_stock_page_goes_on_by_cursor(house: House):
    for n in range(5):
        house.sku(f"A{n}")
        house.stock(f"A{n}", n + 1, "S01-01", site=(HUB, SPOKE)[n % 2])
    seen, after = [], None
    while True:
        body = ask_page(house, limit=2, after=after)
        seen += [line["sku"] for line in body["lines"]]
        if (after := body["next"]) is None:
            break
    assert seen == ["A0", "A1", "A2", "A3", "A4"]
    at_hub = ask_page(house, site=HUB)["lines"]
    assert [(line["sku"], line["units"]["free"]) for line in at_hub] == [
        ("A0", 1), ("A2", 3), ("A4", 5),
    ]  # fmt: skip
    assert ask_page(house, state=["damaged", "sold_out"])["lines"] == []


def ask_page(house: House, **params: Any) -> Any:
    """A page of stock."""
    wanted = {name: value for name, value in params.items() if value is not None}
    return house.ok(house.http.get("/console/v1/stock", params=wanted))


def ask(house: House, what: str, **params: Any) -> Any:
    """The answer of the stock door; it must be a good one."""
    return house.ok(house.http.get(f"/v1/{what}", params=params))
