"""A broker for the tests of the process."""

from collections.abc import Iterator

import pytest

from edge.broker import broker_child, url_of
from edge.ports import free_port


@pytest.fixture(scope="session")
def nats_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a nats-server of this test run."""
    port = free_port()
    with broker_child(tmp_path_factory.mktemp("nats"), port=port, kind="nats"):
        yield url_of(port)
