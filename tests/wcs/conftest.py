"""A broker for the tests of the process."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid1

import pytest

from edge.broker import broker_child, url_of
from edge.mqtt import PahoBus
from edge.ports import free_port
from tests.wcs.site import Site


@pytest.fixture(scope="session")
def nats_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a nats-server of this test run."""
    port = free_port()
    with broker_child(tmp_path_factory.mktemp("nats"), port=port, kind="nats"):
        yield url_of(port)


@pytest.fixture
async def site(nats_url: str, tmp_path: Path) -> AsyncIterator[Site]:
    code = f"T{uuid1().hex[:10]}"
    async with PahoBus(nats_url, client_id=f"site-{code}") as bus:
        found = Site(bus, code, tmp_path)
        await bus.until_settled()
        yield found
        found.close()
