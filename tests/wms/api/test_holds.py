"""Holds over HTTP: every answer and every problem; asked again, answered the same, for ever."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine, text

from tests.builders import an_id, eventually
from tests.wms.api.holding import NOT_FOUND, REFUSED, a_body, a_line, command, free, hold, state
from tests.wms.house import HUB, SPOKE, Hand, House
from wms.api.admit import LINGER_S, Admission
from wms.api.dependencies import Services
from wms.app import create_app
from wms.catalog import HOUSE_OWNER_ID, sku_id
from wms.database import Database
from wms.outbound.floor import Floor
from wms.settings import Settings
from wms.sites import site_id
from wms.stock import promises


@pytest.fixture
def shop(house: House) -> House:
    """Ten units of A and three of B at the hub."""
    for sku, units in (("A", 10), ("B", 3)):
        house.sku(sku)
        house.stock(sku, units, "S01-01")
    return house


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


@pytest.mark.parametrize("wrong", [{"sku": "NOPE"}, {"site": "NOPE"}])
def test_a_request_that_is_mended_is_granted_under_the_same_ids(shop: House, wrong: dict[str, str]):
    right, mended = a_line(), a_line()
    answer = shop.http.post("/v1/holds", json=a_body(right, mended | wrong))
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")

    assert hold(shop, right, mended) == [(True, 9, None), (True, 8, None)]


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

        began = time.monotonic()
        refused = [shop.http.post("/v1/holds", json=a_body()) for _ in range(5)]
        assert time.monotonic() - began >= 5 * LINGER_S, "who is refused at once asks at once"
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
