"""The sample order system of examples/, as its reader would run it."""

import subprocess
import sys
from ipaddress import ip_network
from pathlib import Path

import pytest

from edge.ports import HOST
from tests.builders import eventually
from tests.faults.shop import serving
from tests.wms.house import HUB, House
from wms.partners.webhook import WebhookSender

ROOT = Path(__file__).parents[2]


def start(port: int, sku: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "examples/oms.py", f"http://{HOST}:{port}", sku],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.mark.nightly
def test_it_places_an_order_and_hears_of_it_until_it_is_taken_back(
    house: House, database_url: str, folder: Path
):
    house.sku("TEA")
    house.stock("TEA", 3, "S01-01")
    sender = WebhookSender([ip_network("127.0.0.0/8")])
    object.__setattr__(house.jobs, "webhooks", sender)
    with serving(folder, database_url) as serve:
        sample = start(serve.port, "TEA")
        eventually(lambda: len(house.ok(house.http.get("/console/v1/orders"))) == 1)
        (order,) = house.ok(house.http.get("/console/v1/orders"))
        house.ok(house.http.post(f"/oms/v1/orders/{order['id']}/cancellation"))
        eventually(lambda: house.job("tell") == 0)
        said, problems = sample.communicate(timeout=20)
    sender.close()
    assert sample.returncode == 0, problems
    heard = [line.split(" ")[0] for line in said.splitlines()]
    assert heard[0] == "placed"
    assert "OrderPlaced" in heard
    assert heard[-1] in {"OrderCancelled", "OrderClosed"}
    assert house.stock_row("TEA", HUB)["reserved"] == 0


def test_a_mistake_is_said_in_a_line(house: House, database_url: str, folder: Path):
    assert house.order_body()["lines"] == []
    with serving(folder, database_url) as serve:
        sample = start(serve.port, "NONESUCH")
        _, problems = sample.communicate(timeout=20)
    assert sample.returncode == 1
    assert problems == "unknown_sku: line 1: there is no SKU NONESUCH\n"
