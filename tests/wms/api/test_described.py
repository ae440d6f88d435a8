"""What is written down of the API is what it is, and says enough."""

from pathlib import Path
from typing import Any

import pytest

from tests.wms.house import House
from wms.api import printed

FOLDER = Path(__file__).parents[3] / "docs/api"


@pytest.fixture
def said(house: House) -> dict[str, Any]:
    found: dict[str, Any] = house.ok(house.http.get("/openapi.json"))
    return found


def test_what_is_written_down_is_what_the_code_says(house: House):
    for name, page in printed.pages(house.http.app).items():  # type: ignore[arg-type]
        assert (FOLDER / name).read_text(encoding="utf-8") == page, (
            f"docs/api/{name} is of another version: soko api docs/api"
        )


def test_every_operation_says_what_it_does_and_what_may_go_wrong(said: dict[str, Any]):
    for path, methods in said["paths"].items():
        for method, operation in methods.items():
            where = f"{method} {path}"
            assert operation.get("description"), f"{where} does not say what it does"
            problem = operation["responses"]["422"]["content"]["application/problem+json"]
            assert problem["schema"]["$ref"].endswith("/Problem"), where


def test_no_body_takes_what_it_does_not_know(said: dict[str, Any]):
    shapes = said["components"]["schemas"]
    for path, methods in said["paths"].items():
        for method, operation in methods.items():
            content = operation.get("requestBody", {}).get("content", {})
            for name in _names(content.get("application/json", {}).get("schema", {})):
                assert shapes[name].get("additionalProperties") is False, (
                    f"{method} {path}: {name} takes fields that it does not know"
                )


def _names(schema: Any) -> set[str]:
    """The shapes that a schema refers to by itself, not through others."""
    if isinstance(schema, dict):
        if "$ref" in schema:
            return {schema["$ref"].rpartition("/")[2]}
        return set().union(*(_names(value) for value in schema.values()))
    return set().union(*map(_names, schema)) if isinstance(schema, list) else set()
