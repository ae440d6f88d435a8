"""What /v1/holds takes and what not: strict, bounded, and as the document says."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.builders import an_id
from tests.wms.api.holding import REFUSED, a_body, a_line, command, free, hold
from tests.wms.house import House
from wms.api.quick import BODY_MAX


@pytest.fixture
def shop(house: House) -> House:
    """Ten units of A and three of B at the hub."""
    for sku, units in (("A", 10), ("B", 3)):
        house.sku(sku)
        house.stock(sku, units, "S01-01")
    return house


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


def test_what_is_no_request_is_malformed(shop: House):
    for name, body in MALFORMED.items():
        content = body if isinstance(body, bytes) else json.dumps(body).encode()

        answer = shop.http.post("/v1/holds", content=content)

        said = (answer.status_code, answer.json()["code"])
        assert said == (422, "malformed"), (name, answer.text)
        assert answer.headers["content-type"] == "application/problem+json", name
        assert {"type", "title", "status", "detail", "errors"} <= set(answer.json()), name
        assert free(shop) == 10, name


def test_a_deadline_that_is_none_is_malformed(shop: House):
    for said in ("0", "-1", "soon", "600001", "٣", "1.5", ""):
        headers = {b"Soko-Deadline-Ms": said.encode()}

        answer = shop.http.post("/v1/holds", json=a_body(), headers=headers)

        assert (answer.status_code, answer.json()["code"]) == (422, "malformed"), said


def test_a_hold_id_that_is_none_is_malformed(shop: House):
    for path in ("17", "x" * 36, "0" * 37):
        answer = command(shop, path, "release")
        assert (answer.status_code, answer.json()["code"]) == (422, "malformed"), path


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


async def test_who_hangs_up_in_mid_sentence_has_asked_nothing(shop: House):
    heard: Iterator[dict[str, Any]] = iter(
        [
            {"type": "http.request", "body": b'{"kind": ', "more_body": True},
            {"type": "http.disconnect"},
        ]
    )
    said: list[Any] = []

    async def receive() -> dict[str, Any]:
        return next(heard)

    async def send(message: Any) -> None:
        said.append(message)

    scope = {"type": "http", "method": "POST", "path": "/v1/holds", "headers": [], "state": {}}
    await shop.http.app(scope, receive, send)

    assert said == []


def test_a_body_may_come_in_pieces(shop: House):
    body = json.dumps(a_body()).encode()
    answer = shop.http.post("/v1/holds", content=iter([body[:10], body[10:]]))
    assert answer.json()["granted"] is True


def test_a_thousand_lines_are_one_request(shop: House):
    shop.stock("A", 1000, "S01-02")
    lines = [a_line() for _ in range(1000)]

    assert hold(shop, *lines)[-1] == (True, 10, None)
    assert hold(shop, *[a_line() for _ in range(11)])[0] == (False, 10, REFUSED)


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
