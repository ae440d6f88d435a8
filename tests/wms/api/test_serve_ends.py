"""A `soko serve` that is told to stop answers those who are within, and then goes."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
from sqlalchemy import Engine, text

from edge.ports import HOST
from tests.builders import a_site, a_sku, an_id, eventually, stock_of
from tests.faults.shop import serving
from wms.database import Database


def test_who_is_within_is_answered(
    database: Database, database_url: str, superuser: Engine, tmp_path: Path
):
    site = database.run(a_site)
    sku = database.run(lambda s: a_sku(s, "TEA"))
    database.run(lambda s: stock_of(s, site, sku, 100))

    with (
        serving(tmp_path, database_url) as serve,
        ThreadPoolExecutor(12) as shoppers,
        superuser.connect() as other,
        other.begin(),
    ):
        root = f"http://{HOST}:{serve.port}"
        other.execute(text("SELECT 1 FROM stock_balance FOR UPDATE"))  # postings wait for us

        def buy(_: int) -> int:
            line = {"hold_id": str(an_id()), "site": "TYO1", "sku": "TEA", "units": 1}
            body = {"kind": "ORDER", "demand_id": str(an_id()), "lines": [line]}
            return httpx2.post(f"{root}/v1/holds", json=body, timeout=30).status_code

        def queue() -> Any:
            return httpx2.get(f"{root}/health/queue").json()

        def takes_more() -> bool:
            try:
                return httpx2.get(f"{root}/health/live").status_code == 200
            except httpx2.HTTPError:
                return False

        bought = [shoppers.submit(buy, n) for n in range(12)]
        eventually(lambda: queue()["asked"] == 12)
        assert queue()["lines"] == 0
        serve.child.ask_to_stop()
        eventually(lambda: not takes_more())
        other.rollback()

        assert [one.result() for one in bought] == [200] * 12
        serve.child.wait(30)


def test_an_open_stream_keeps_nobody_up(database_url: str, tmp_path: Path):
    with (
        serving(tmp_path, database_url) as serve,
        httpx2.Client(base_url=f"http://{HOST}:{serve.port}", timeout=30) as http,
        http.stream("GET", "/api/v1/work/stream?site=TYO1") as handheld,
        http.stream("GET", "/console/v1/events") as screen,
    ):
        open_ones = [stream.iter_lines() for stream in (handheld, screen)]  # let go of, they end
        assert all(next(lines) for lines in open_ones)
        serve.child.ask_to_stop()

        assert serve.child.wait(8) == 0, "it waits for streams that never end"
