"""Three `soko serve` behind HAProxy: one after the other is told to end, and nobody notices.

Rolling on is what an upgrade does. Who ends says so first (`/health/ready`), the proxy sends
nobody there any more, and who is within is answered. So not one request fails, with no retry.
"""

import os
import shutil
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import httpx2
import pytest

from edge.ports import HOST, free_port, is_ready
from edge.process import Child
from tests.builders import a_site, a_sku, an_id, stock_of
from tests.edge.waiting import eventually
from wms.database import Database
from wms.stock.verify import verify

HAPROXY = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin")
CONFIG = Path(__file__).parents[2] / "deploy" / "haproxy.cfg"
pytestmark = [
    pytest.mark.nightly,
    pytest.mark.timeout(240),
    pytest.mark.skipif(HAPROXY is None, reason="apt-get install haproxy"),
]
SHOPS = 3


def a_serve(folder: Path, name: str, database_url: str, port: int) -> Child:
    return Child(
        (sys.executable, "-m", "wms.cli", "serve"),
        name=name,
        folder=folder,
        env={
            "SOKO_DATABASE_URL": database_url,
            "SOKO_DATABASE_POOL": "5",
            "SOKO_HTTP": f"http://{HOST}:{port}",
            "SOKO_MQTT_URL": f"mqtt://{HOST}:{free_port()}",
            "SOKO_STATE_DIR": str(folder),
            "SOKO_DRAIN_S": "5",
        },
        ready=lambda: is_ready(port),
        ready_within_s=90,
    )


@pytest.fixture
def three(folder: Path, database_url: str) -> Iterator[tuple[dict[int, Child], int]]:
    """The processes by their ports, and the port of the proxy."""
    ports = [free_port() for _ in range(3)]
    front = free_port()
    with ExitStack() as running:
        made = {port: a_serve(folder, f"serve-{port}", database_url, port) for port in ports}
        for each in made.values():
            running.enter_context(each)
        servers = {f"SOKO_SERVE_{n}": f"{HOST}:{port}" for n, port in enumerate(ports, start=1)}
        proxy = Child(
            (str(HAPROXY), "-W", "-f", str(CONFIG)),
            name="haproxy",
            folder=folder,
            env=os.environ | servers | {"SOKO_PROXY_BIND": f"{HOST}:{front}"},
            ready=lambda: is_ready(front),
        )
        running.enter_context(proxy)
        yield made, front


def test_one_after_the_other_is_changed_and_no_request_fails(
    three: tuple[dict[int, Child], int], database: Database
):
    processes, front = three
    site = database.run(a_site)
    sku = database.run(lambda s: a_sku(s, "TEA"))
    database.run(lambda s: stock_of(s, site, sku, 1_000_000))
    wrong: list[str] = []
    stop, bought = threading.Event(), [0] * SHOPS

    def buy(number: int) -> None:
        with httpx2.Client(base_url=f"http://{HOST}:{front}", timeout=20) as http:
            while not stop.is_set():
                line = {"hold_id": str(an_id()), "site": "TYO1", "sku": "TEA", "units": 1}
                body = {"kind": "ORDER", "demand_id": str(an_id()), "lines": [line]}
                try:
                    answer = http.post("/v1/holds", json=body)
                except httpx2.HTTPError as error:
                    wrong.append(repr(error))
                else:
                    if answer.status_code != 200 or not answer.json()["granted"]:
                        wrong.append(answer.text)
                    bought[number] += 1

    with ThreadPoolExecutor(SHOPS) as shops:
        buying = [shops.submit(buy, number) for number in range(SHOPS)]
        try:
            for port, each in processes.items():
                least = [count + 20 for count in bought]
                eventually(lambda least=least: all(map(int.__ge__, bought, least)))  # type: ignore[misc]
                each.ask_to_stop()
                assert each.wait(60) == 0
                each.start()
                eventually(lambda port=port: is_ready(port))  # type: ignore[misc]
        finally:
            stop.set()
        for one in buying:
            one.result()

    assert wrong == []
    holds = database.run(verify)
    assert holds.clean
    assert holds.holds == sum(bought)
