"""No more is told than is needed: no secret in an address, in answers each once, and persons at the
door of privacy alone.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.builders import an_id
from tests.wms.house import House

SECRET = re.compile(r"secret|token|passw|(^|_)pin$|(^|_)hash|^key$", re.IGNORECASE)
PERSON = re.compile(r"phone|e_?mail|address_lines|^recipient$|^postal_name$", re.IGNORECASE)
# A link that a customer may pass on opens that parcel and nothing else, and cannot be guessed.
LINKS = {("OrderOut", "token")}
ONCE = {("KeyMadeOut", "key"), ("PairOut", "token"), ("SignInOut", "token")}
NO_SECRETS = {
    ("DecisionOut", "inputs_hash"), ("ColumnOut", "key"), ("wms__api__imports__ChangeOut", "key"),
}  # fmt: skip
NO_PERSONS = {("SenderShape", "phone"), ("SenderShape", "address_lines")}  # the house itself


@pytest.fixture
def said(house: House) -> dict[str, Any]:
    found: dict[str, Any] = house.ok(house.http.get("/openapi.json"))
    return found


def operations(said: dict[str, Any]) -> Iterator[tuple[str, str, Any]]:
    for path, methods in said["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def shapes_of(part: Any, said: dict[str, Any]) -> set[str]:
    """The names of all shapes that a part of the description leads to."""
    found: set[str] = set()
    waiting = [part]
    while waiting:
        here = waiting.pop()
        if isinstance(here, list):
            waiting += here
        elif isinstance(here, dict):
            name = str(here.get("$ref", "")).rpartition("/")[2]
            if name and name not in found:
                found.add(name)
                waiting.append(said["components"]["schemas"][name])
            waiting += here.values()
    return found


def told(said: dict[str, Any]) -> Iterator[tuple[str, tuple[str, str]]]:
    """Every field of every good answer, with where it is told."""
    for method, path, operation in operations(said):
        good = [each for status, each in operation["responses"].items() if status[0] == "2"]
        for shape in shapes_of(good, said):
            for field in said["components"]["schemas"][shape].get("properties", {}):
                yield f"{method} {path}", (shape, field)


def test_asvs_14_2_1_no_secret_is_asked_for_in_an_address(said: dict[str, Any]):
    asked = {
        path
        for _, path, operation in operations(said)
        for each in operation.get("parameters", ())
        if each["in"] in {"path", "query"} and SECRET.search(each["name"])
        and each["name"] != "nextPageToken"  # where a list goes on: no secret
    }  # fmt: skip
    assert asked
    assert all(path.startswith("/track/v1/{token}") for path in asked), (
        "what opens more than the page of one parcel goes into a header or a body"
    )


def test_asvs_15_3_1_answers_have_shapes_and_no_secret_in_them(said: dict[str, Any]):
    secrets = {field for _, field in told(said) if SECRET.search(field[1])}
    assert secrets == LINKS | ONCE | NO_SECRETS
    for where, field in told(said):
        if field in ONCE:
            assert where.startswith("post "), "who reads a thing again is not told its secret again"


def test_asvs_14_2_6_persons_are_told_of_at_the_door_of_privacy_alone(said: dict[str, Any]):
    where = {
        (place, field) for place, field in told(said) if PERSON.search(field[1])
    }  # fmt: skip
    assert any("/privacy/v1/" in place for place, _ in where), "there they are"
    elsewhere = {field for place, field in where if "/privacy/v1/" not in place}
    assert elsewhere == NO_PERSONS


def test_what_was_said_once_is_not_said_again(house: House):
    secret, hook = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", an_id()
    body = {"url": "https://shop.example/soko", "secret": secret}
    answers = [house.http.put(f"/oms/v1/webhooks/{hook}", json=body) for _ in range(2)]
    answers.append(house.http.get("/oms/v1/webhooks"))
    assert [each.status_code for each in answers] == [201, 200, 200]
    assert not any(secret[6:] in each.text for each in answers)
