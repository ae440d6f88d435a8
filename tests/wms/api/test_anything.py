"""Whatever is sent to the API: it answers as its description says, and never with a 500.

schemathesis reads /openapi.json of a running `soko serve` and makes requests of every operation,
good ones and broken ones, on a database with a little in it. Judged are: no 500, no status and no
type of content that is not described, no answer of another shape. SOKO_ANYTHING says how many
requests of an operation; the nightly run makes many.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from edge.ports import HOST
from tests.faults.shop import serving
from tests.wms.house import House

FEW, MANY = 2, 200  # requests of an operation
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
ENDLESS = ("/stream", "/live", "/stock-changes")  # they answer for as long as one listens
NOT_OURS = ("/docs", "/ui")


@pytest.fixture
def root(house: House, database_url: str, folder: Path) -> Iterator[str]:
    """The address of a WMS with a SKU, some stock and an order."""
    house.sku("A")
    house.stock("A", 9, "S01-01")
    house.put_order(("A", 1))
    with serving(folder, database_url) as serve:
        yield f"http://{HOST}:{serve.port}"


def strange_answers(root: str, examples: int) -> list[str]:
    """What was wrong, a line for each operation that something is wrong with."""
    schema: Any = schemathesis.openapi.from_url(f"{root}/openapi.json")
    found: list[str] = []
    asked: list[str] = []  # the last one; hypothesis ends with the shortest that fails
    with requests.Session() as session:
        for result in schema.get_all_operations():
            operation = result.ok()
            if operation.path.endswith(ENDLESS) or operation.path.startswith(NOT_OURS):
                continue

            @settings(
                max_examples=examples,
                deadline=None,
                database=None,
                phases=(Phase.explicit, Phase.generate),
                suppress_health_check=list(HealthCheck),
            )
            @given(case=operation.as_strategy())
            def try_out(case: Any) -> None:
                asked[:] = [case.as_curl_command()]
                case.call_and_validate(session=session, checks=CHECKS, timeout=30)

            try:
                try_out()
            except FailureGroup as error:
                found.append(f"{operation.label}: {error.exceptions[0]}\n{asked[0]}")
    return found


@pytest.mark.timeout(300)
def test_every_answer_is_described(root: str):
    found = strange_answers(root, int(os.environ.get("SOKO_ANYTHING", FEW)))
    assert not found, "\n\n".join(found)


@pytest.mark.nightly
def test_every_answer_is_described_whatever_comes(root: str):
    found = strange_answers(root, MANY)
    assert not found, "\n\n".join(found)
