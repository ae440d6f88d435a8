"""Brokers for the tests: nats-server always, mosquitto where it is installed.

SOKO_TEST_SKIP=never (as in CI) turns the skip into a failure.
"""

import os
from collections.abc import Iterator

import pytest

from edge.broker import Kind, broker_child, find_program, url_of
from edge.ports import free_port


def _run_broker(kind: Kind, folders: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port()
    with broker_child(folders.mktemp(kind), port=port, kind=kind):
        yield url_of(port)


@pytest.fixture(scope="session")
def nats_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a nats-server of this test run."""
    yield from _run_broker("nats", tmp_path_factory)


@pytest.fixture(scope="session")
def mosquitto_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a mosquitto of this test run."""
    if find_program("mosquitto") is None:
        reason = "mosquitto is not installed: apt-get install mosquitto"
        if os.environ.get("SOKO_TEST_SKIP") == "never":
            pytest.fail(reason)
        pytest.skip(reason)
    yield from _run_broker("mosquitto", tmp_path_factory)


@pytest.fixture(params=["nats", "mosquitto"])
def broker_url(request: pytest.FixtureRequest) -> str:
    """The same test on every broker."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url
