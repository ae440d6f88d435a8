"""Holds over HTTP: every answer and every problem; asked again, answered the same, for ever."""

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine, text

from tests.builders import an_id, eventually
from tests.wms.house import HUB, SPOKE, Hand, House
from wms.api.admit import Admission
from wms.api.dependencies import Services
from wms.api.quick import BODY_MAX
from wms.app import create_app
from wms.catalog import HOUSE_OWNER_ID, sku_id
from wms.database import Database
from wms.outbound.floor import Floor
from wms.settings import Settings
from wms.sites import site_id
from wms.stock import promises

NOT_FOUND, REFUSED = "not_found", "not_enough_stock"


@pytest.fixture
def shop(house: House) -> House:
    """Ten units of A and three of B at the hub."""
    for sku, units in (("A", 10), ("B", 3)):
        house.sku(sku)
        house.stock(sku, units, "S01-01")
    return house


def a_line(sku: str = "A", units: int = 1, **more: Any) -> dict[str, Any]:
    return {"hold_id": str(an_id()), "site": HUB, "sku": sku, "units": units, **more}


def a_body(*lines: dict[str, Any], **more: Any) -> dict[str, Any]:
    made = list(lines) or [a_line()]
    return {"kind": "ORDER", "demand_id": str(an_id()), "lines": made, **more}


def hold(house: House, *lines: dict[str, Any], **more: Any) -> list[tuple[bool, Any, Any]]:
    """Granted, free and code of each line."""
    answer = house.ok(house.http.post("/v1/holds", json=a_body(*lines, **more)))
    assert answer["granted"] == all(line["granted"] for line in answer["lines"])
    return [(line["granted"], line["free"], line.get("code")) for line in answer["lines"]]


def command(house: House, hold_id: str, verb: str, **more: Any) -> Any:
    body = {"command_id": str(an_id()), "site": HUB, **more}
    return house.http.post(f"/v1/holds/{hold_id}:{verb}", json=body)


def state(house: House, hold_id: str, site: str = HUB) -> Any:
    return house.ok(house.http.get(f"/v1/holds/{hold_id}", params={"site": site}))


def free(house: House, sku: str = "A") -> int:
    return int(house.stock_row(sku)["free"])


def test_units_are_set_aside(shop: House):
    assert hold(shop, a_line(units=4)) == [(True, 6, None)]
    assert hold(shop, a_line(units=7)) == [(False, 6, REFUSED)]
    assert free(shop) == 6


def test_all_or_nothing_and_best_effort(shop: House):
    lines = [a_line("A", 2), a_line("B", 4)]

    assert hold(shop, *lines) == [(False, 10, REFUSED), (False, 3, REFUSED)]

    best = [a_line("A", 2), a_line("B", 4)]
    assert hold(shop, *best, mode="best-effort") == [(True, 8, None), (False, 3, REFUSED)]


def test_two_lines_of_one_sku_share_what_there_is(shop: House):
    assert hold(shop, a_line("B", 2), a_line("B", 2)) == [(False, 3, REFUSED)] * 2
    assert hold(shop, a_line("B", 2), a_line("B", 2), mode="best-effort") == [
        (True, 1, None),
        (False, 1, REFUSED),
    ]
    assert [yes for yes, _, _ in hold(shop, a_line("B"), a_line("B"), mode="best-effort")] == [
        True,
        False,
    ]


def test_asked_again_the_answer_is_the_same_and_nothing_more_is_done(shop: House):
    yes, no = a_body(a_line(units=6)), a_body(a_line(units=6))
    first = [shop.http.post("/v1/holds", json=body).text for body in (yes, no)]
    command(shop, yes["lines"][0]["hold_id"], "release")

    again = [shop.http.post("/v1/holds", json=body).text for body in (yes, no)]

    assert again == first
    assert free(shop) == 10


def test_asked_again_after_a_restart_the_answer_is_the_same(shop: House):
    body = a_body(a_line("A", 2), a_line("B", 2), ttl_s=600)
    first = shop.http.post("/v1/holds", json=body).text
    settings = Settings()
    services = Services(settings=settings, database=shop.database, clock=Hand(), floor=Floor())

    with TestClient(create_app(settings, services)) as another:
        assert another.post("/v1/holds", json=body).text == first
    assert (free(shop, "A"), free(shop, "B")) == (8, 1)


def test_an_id_used_again_for_something_else(shop: House):
    line = a_line(units=2)
    body = a_body(line)
    shop.ok(shop.http.post("/v1/holds", json=body))
    for other in (line | {"units": 3}, line | {"sku": "B"}, line | {"segment": "B"}):
        lines = [a_line("B"), other]
        problem = shop.http.post("/v1/holds", json={**body, "lines": lines})
        assert (problem.status_code, problem.json()["code"]) == (422, "id_reused")
        assert problem.json()["id"] == line["hold_id"]

    best = {**body, "mode": "best-effort", "lines": [a_line("A"), line | {"units": 3}]}
    answer = shop.ok(shop.http.post("/v1/holds", json=best))
    assert [one.get("code") for one in answer["lines"]] == [None, "id_reused"]
    assert free(shop) == 7


@pytest.mark.parametrize(
    "wrong", [{"sku": "NOPE"}, {"site": "NOPE"}, {"owner": "NOPE"}, {"supply_id": str(an_id())}]
)
def test_what_is_not_known_is_a_line_of_a_best_effort_and_the_end_of_a_whole(
    shop: House, wrong: dict[str, str]
):
    known, unknown = a_line(), a_line() | wrong

    problem = shop.http.post("/v1/holds", json=a_body(known, unknown))

    assert (problem.status_code, problem.json()["code"]) == (404, NOT_FOUND)
    assert unknown["hold_id"] in problem.json()["detail"]
    assert free(shop) == 10
    assert hold(shop, a_line(), a_line() | wrong, a_line(), mode="best-effort") == [
        (True, 9, None),
        (False, None, NOT_FOUND),
        (True, 8, None),
    ]


def test_the_owner_may_be_named(shop: House):
    assert hold(shop, a_line(owner="HOUSE")) == [(True, 9, None)]


def test_what_is_kept_from_a_channel_it_may_not_have(shop: House):
    goods = (HOUSE_OWNER_ID, sku_id("A"))
    shop.database.run(lambda s: promises.keep_from(s, site_id(HUB), goods, "marketplace", keep=4))

    assert [yes for yes, _, _ in hold(shop, a_line(units=7), channel="marketplace")] == [False]
    assert [yes for yes, _, _ in hold(shop, a_line(units=6), channel="marketplace")] == [True]
    assert [yes for yes, _, _ in hold(shop, a_line(units=4), channel="shop")] == [True]


def test_a_segment_is_stock_of_its_own(shop: House):
    assert hold(shop, a_line(segment="B")) == [(False, 0, REFUSED)]


def test_a_hold_as_it_stands(shop: House):
    line = a_line(units=2)
    assert hold(shop, line, kind="CART", ttl_s=900, channel="shop") == [(True, 8, None)]

    found = state(shop, line["hold_id"])

    assert (found["state"], found["sku"], found["site"], found["owner"]) == (
        "HELD", "A", HUB, "HOUSE",
    )  # fmt: skip
    assert (found["units"], found["kind"], found["channel"], found["free"]) == (
        2, "CART", "shop", 8,
    )  # fmt: skip
    assert found["expires_at"] is not None
    missing = shop.http.get(f"/v1/holds/{line['hold_id']}", params={"site": SPOKE})
    assert (missing.status_code, missing.json()["code"]) == (404, NOT_FOUND)


def test_a_cart_is_bought_or_given_up(shop: House):
    bought, given_up = a_line(units=2), a_line(units=3)
    hold(shop, bought, given_up, kind="CART", ttl_s=60)
    confirm = {"command_id": str(an_id()), "site": HUB}

    first, again = (
        shop.ok(shop.http.post(f"/v1/holds/{bought['hold_id']}:confirm", json=confirm))
        for _ in range(2)
    )
    assert first == again
    assert (first["state"], state(shop, bought["hold_id"])["state"]) == ("ALLOCATED",) * 2
    assert shop.ok(command(shop, given_up["hold_id"], "release"))["state"] == "RELEASED"

    late = command(shop, given_up["hold_id"], "confirm")
    assert (late.status_code, late.json()["code"]) == (409, "wrong_state")
    assert late.json()["state"] == "RELEASED"
    other = shop.http.post(f"/v1/holds/{given_up['hold_id']}:release", json=confirm)
    assert (other.status_code, other.json()["code"]) == (422, "id_reused")
    unknown = command(shop, str(an_id()), "release")
    assert (unknown.status_code, unknown.json()["code"]) == (404, NOT_FOUND)
    assert free(shop) == 8


def test_a_part_may_be_bought(shop: House):
    line = a_line(units=5)
    hold(shop, line, kind="CART")

    answer = shop.ok(command(shop, line["hold_id"], "confirm", units=2))

    rest = state(shop, answer["rest_hold_id"])
    assert (rest["state"], rest["units"], rest["parent_id"]) == ("HELD", 3, line["hold_id"])
    assert state(shop, line["hold_id"])["units"] == 2
    too_many = command(shop, answer["rest_hold_id"], "confirm", units=4)
    assert (too_many.status_code, too_many.json()["code"]) == (422, "units_out_of_range")


def test_a_hold_is_given_more_time(shop: House):
    line = a_line()
    hold(shop, line, kind="CART", ttl_s=60)
    before = state(shop, line["hold_id"])["expires_at"]
    body = {"command_id": str(an_id()), "site": HUB, "ttl_s": 3600}

    answers = [
        shop.ok(shop.http.post(f"/v1/holds/{line['hold_id']}:extend", json=body)) for _ in range(2)
    ]

    assert answers[0] == answers[1], "the same command again does not add to it"
    assert state(shop, line["hold_id"])["expires_at"] > before
    command(shop, line["hold_id"], "release")
    late = command(shop, line["hold_id"], "extend", expires_at="2030-01-01T00:00:00Z")
    assert (late.status_code, late.json()["code"]) == (409, "wrong_state")
    for wrong in ({}, {"ttl_s": 5, "expires_at": "2030-01-01T00:00:00Z"}, {"expires_at": "2030"}):
        problem = command(shop, line["hold_id"], "extend", **wrong)
        assert (problem.status_code, problem.json()["code"]) == (422, "malformed")


def test_two_demands_exchange_their_holds(shop: House):
    urgent, patient = a_line(units=2), a_line(units=2)
    demands = []
    for line in (urgent, patient):
        body = a_body(line)
        demands.append(body["demand_id"])
        shop.ok(shop.http.post("/v1/holds", json=body))
    shop.ok(command(shop, patient["hold_id"], "confirm"))

    answer = shop.ok(command(shop, urgent["hold_id"], "swap", **{"with": patient["hold_id"]}))

    heirs = [state(shop, answer[name]) for name in ("heir_id", "with_heir_id")]
    assert [heir["demand_id"] for heir in heirs] == demands
    assert [heir["state"] for heir in heirs] == ["ALLOCATED", "HELD"]
    assert state(shop, urgent["hold_id"])["state"] == "SWAPPED"
    other = a_line("B", 2)
    hold(shop, other)
    unlike = command(shop, answer["heir_id"], "swap", **{"with": other["hold_id"]})
    assert (unlike.status_code, unlike.json()["code"]) == (409, "not_swappable")


LINE = a_line()
MALFORMED: dict[str, Any] = {
    "no body": b"",
    "no JSON": b"{",
    "no object": b"[]",
    "half a character": b'{"kind": "\\ud800"}',
    "unknown field": a_body() | {"x": 1},
    "unknown field of a line": a_body(LINE | {"x": 1}),
    "unknown kind": a_body() | {"kind": "GIFT"},
    "unknown mode": a_body() | {"mode": "some"},
    "no demand": {"kind": "ORDER", "lines": [LINE]},
    "no id": a_body(LINE | {"hold_id": "17"}),
    "no lines": a_body() | {"lines": []},
    "too many lines": a_body(*[LINE] * 1001),
    "no units": a_body(LINE | {"units": 0}),
    "too many units": a_body(LINE | {"units": 2**31}),
    "units as text": a_body(LINE | {"units": "1"}),
    "half a unit": a_body(LINE | {"units": 1.5}),
    "units as true": a_body(LINE | {"units": True}),
    "NUL": a_body(LINE | {"sku": "A\0"}),
    "empty": a_body(LINE | {"sku": ""}),
    "endless": a_body() | {"ttl_s": 2**40},
    "no time": a_body() | {"ttl_s": 0},
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_no_request_is_malformed(shop: House, name: str):
    body = MALFORMED[name]
    content = body if isinstance(body, bytes) else json.dumps(body).encode()

    answer = shop.http.post("/v1/holds", content=content)

    assert (answer.status_code, answer.json()["code"]) == (422, "malformed"), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert {"type", "title", "status", "detail", "errors"} <= set(answer.json())
    assert free(shop) == 10


@pytest.mark.parametrize("said", ["0", "-1", "soon", "600001", "٣", "1.5", ""])
def test_a_deadline_that_is_none_is_malformed(shop: House, said: str):
    headers = {b"Soko-Deadline-Ms": said.encode()}

    answer = shop.http.post("/v1/holds", json=a_body(), headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (422, "malformed")


@pytest.mark.parametrize("path", ["17", "x" * 36, str(an_id()) + "0"])
def test_a_hold_id_that_is_none_is_malformed(shop: House, path: str):
    answer = command(shop, path, "release")
    assert (answer.status_code, answer.json()["code"]) == (422, "malformed")


def test_other_methods_and_verbs_are_what_they_are(shop: House):
    for method, path, status in (
        ("PUT", "/v1/holds", 405),
        ("GET", f"/v1/holds/{an_id()}:confirm", 422),
        ("POST", f"/v1/holds/{an_id()}:melt", 405),
    ):
        answer = shop.http.request(method, path, json={})
        assert (answer.status_code, path) == (status, path)
        assert "code" in answer.json()


@pytest.mark.parametrize("is_announced", [True, False])
def test_a_body_that_is_too_long_is_not_read(shop: House, is_announced: bool):  # noqa: FBT001
    def chunks() -> Iterator[bytes]:
        for _ in range(BODY_MAX // 1000 + 2):
            yield b" " * 1000

    content = b" " * (BODY_MAX + 1) if is_announced else chunks()

    answer = shop.http.post("/v1/holds", content=content)

    assert (answer.status_code, answer.json()["code"]) == (413, "request_entity_too_large")


def test_a_body_may_come_in_pieces(shop: House):
    body = json.dumps(a_body()).encode()
    answer = shop.http.post("/v1/holds", content=iter([body[:10], body[10:]]))
    assert answer.json()["granted"] is True


def test_a_thousand_lines_are_one_request(shop: House):
    shop.stock("A", 1000, "S01-02")
    lines = [a_line() for _ in range(1000)]

    assert hold(shop, *lines)[-1] == (True, 10, None)
    assert hold(shop, *[a_line() for _ in range(11)])[0] == (False, 10, REFUSED)


def test_ways_that_race_sell_what_there_is(shop: House):
    settings = Settings()
    services = Services(settings=settings, database=shop.database, clock=Hand(), floor=Floor())
    with TestClient(create_app(settings, services)) as other, ThreadPoolExecutor(8) as shoppers:
        doors = [shop.http, other]

        def buy(number: int) -> bool:
            answer = doors[number % 2].post("/v1/holds", json=a_body())
            return bool(answer.json()["granted"])

        assert sum(shoppers.map(buy, range(60))) == 10

        same = a_body(a_line("B", 2))

        def retry(number: int) -> str:
            return str(doors[number % 2].post("/v1/holds", json=same).text)

        assert len(set(shoppers.map(retry, range(40)))) == 1
    assert (free(shop, "A"), free(shop, "B")) == (0, 1)


def test_too_many_at_once_are_told_to_come_again(shop: House, superuser: Engine):
    stack = shop.http.app.build_middleware_stack()  # type: ignore[attr-defined]
    shop.http.app.middleware_stack = stack  # type: ignore[attr-defined]
    door = stack
    while not isinstance(door, Admission):
        door = door.app if hasattr(door, "app") else door._app
    with (
        ThreadPoolExecutor(8) as shoppers,
        superuser.connect() as connection,
        connection.begin(),
    ):
        connection.execute(text("SELECT 1 FROM stock_balance FOR UPDATE"))
        door._most = 3
        inside = [shoppers.submit(hold, shop, a_line()) for _ in range(3)]
        eventually(lambda: door.under_way == 3)

        refused = [shop.http.post("/v1/holds", json=a_body()) for _ in range(5)]
        reading = shop.http.get(f"/v1/holds/{an_id()}", params={"site": HUB})
        connection.rollback()

    for answer in refused:
        assert (answer.status_code, answer.json()["code"]) == (429, "overloaded")
        assert int(answer.headers["retry-after"]) == answer.json()["retry_after_s"] >= 1
        assert answer.headers["content-type"] == "application/problem+json"
    assert reading.status_code == 404, "who only reads is let in"
    assert [one.result()[0][0] for one in inside] == [True] * 3
    assert (door.refused, door.under_way, free(shop)) == (5, 0, 7)


def test_past_its_deadline_a_request_is_not_posted(shop: House, superuser: Engine):
    coalescer = shop.http.app.state.coalescer  # type: ignore[attr-defined]
    with (
        ThreadPoolExecutor(2) as shoppers,
        superuser.connect() as connection,
        connection.begin(),
    ):
        connection.execute(text("SELECT 1 FROM stock_balance FOR UPDATE"))
        first = shoppers.submit(hold, shop, a_line())
        eventually(lambda: coalescer._pieces and not coalescer.depth)
        late = shoppers.submit(
            shop.http.post, "/v1/holds", json=a_body(), headers={"Soko-Deadline-Ms": "1"}
        )
        eventually(lambda: coalescer.depth == 1)
        until = asyncio.run(_now()) + 0.01
        eventually(lambda: asyncio.run(_now()) > until)

    answer = late.result()
    assert (answer.status_code, answer.json()["code"]) == (503, "deadline_passed")
    assert "nothing was posted" in answer.json()["detail"]
    assert int(answer.headers["retry-after"]) >= 1
    assert (first.result(), free(shop)) == ([(True, 9, None)], 9)


async def _now() -> float:
    return asyncio.get_running_loop().time()


def test_without_a_database_nobody_knows():
    database = Database("postgresql+psycopg://soko@127.0.0.1:1/none")
    settings = Settings()
    services = Services(settings=settings, database=database, clock=Hand(), floor=Floor())
    with TestClient(create_app(settings, services)) as http:
        answer = http.post("/v1/holds", json=a_body())
    assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
    assert int(answer.headers["retry-after"]) >= 1


def test_the_document_says_what_comes_in_and_goes_out(shop: House):
    document = shop.http.get("/openapi.json").json()
    for path, shape in (
        ("/v1/holds", "HoldsIn"),
        ("/v1/holds/{hold_id}:confirm", "StepIn"),
        ("/v1/holds/{hold_id}:release", "StepIn"),
        ("/v1/holds/{hold_id}:extend", "ExtendIn"),
        ("/v1/holds/{hold_id}:swap", "SwapIn"),
    ):
        post = document["paths"][path]["post"]
        body = post["requestBody"]["content"]["application/json"]["schema"]["$ref"]
        assert body == f"#/components/schemas/{shape}"
        assert {"200", "404", "409", "413", "422", "429", "503"} <= set(post["responses"])
        assert "Soko-Deadline-Ms" in [one["name"] for one in post["parameters"]]
        answer = post["responses"]["200"]["content"]["application/json"]["schema"]
        assert answer["$ref"].endswith("Out")
