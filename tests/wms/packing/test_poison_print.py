"""Poison in the printers' queue: a job that cannot be drawn does not stop those behind it."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from simulators.printer import PrinterServer
from tests.builders import an_id
from tests.wms.house import HUB
from tests.wms.packing.test_bench import Bench, a_label
from wms.database import Database
from wms.outbound.model import ExceptionRow
from wms.outbound.printers import NewJob, want_labels
from wms.sites import Site


@pytest.fixture
def bench(database: Database) -> Iterator[Bench]:
    bench = Bench(database)
    yield bench
    bench.house.close()


def test_a_job_that_cannot_be_drawn_is_put_aside_and_its_neighbours_are_printed(bench: Bench):
    house = bench.house
    bad = a_label("T-1", label="LPN") | {"codes": [{"symbology": "GS1_128", "text": "x"}]}
    site = house.database.run(lambda s: s.scalars(select(Site.id).where(Site.code == HUB)).one())

    def want(printer: str, *labels: dict[str, Any]) -> UUID:  # behind the door, which refuses it
        new = NewJob(id=an_id(), site_id=site, printer=printer, labels=labels, by="user:test")
        house.database.run(lambda s: want_labels(s, new, now=house.clock.now()).id)
        house.clock.at += timedelta(seconds=1)
        return new.id

    with PrinterServer() as printer:
        for name in ("zebra-1", "zebra-2"):
            bench.put(f"printers/{HUB}/{name}", {"host": "127.0.0.1", "port": printer.port})
        poison = [want("zebra-1", bad), want("", bad)]
        good = [want(to, a_label(f"T-{to}", label="LPN")) for to in ("zebra-1", "zebra-2", "")]
        assert [house.job("print") for _ in range(3)] == [1, 2, 0]
        assert len(printer.labels) == 2
    jobs = {each: house.ok(house.http.get(f"/console/v1/print-jobs/{each}"))
            for each in (*poison, *good)}  # fmt: skip
    assert [jobs[each]["state"] for each in good] == ["DONE"] * 3
    assert [jobs[each]["state"] for each in poison] == ["FAILED"] * 2
    assert all(jobs[each]["problem"].startswith("ValueError: ") for each in poison)
    assert bench.exceptions()["print.failed"]["reason"] == jobs[poison[0]]["problem"]
    for each in poison:
        house.ok(house.http.post(f"/console/v1/print-jobs/{each}:cancel",
                                 json={"command_id": str(an_id())}))  # fmt: skip
    rows = house.database.run(lambda s: s.scalars(select(ExceptionRow)).all())
    assert [(row.code, row.active) for row in rows] == [("print.failed", False)] * 2
