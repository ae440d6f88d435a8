"""The jobs of the worker that keep the books provable."""

from pathlib import Path

import pytest
from sqlalchemy import text

from tests.wms.house import HUB, House
from wms.jobs import Jobs
from wms.orders import laws as of_orders
from wms.outbound import laws as of_streams
from wms.payments import laws as of_payments
from wms.stock import seal as seals
from wms.stock.prove import prove
from wms.stock.seal import Sealer
from wms.stock.verify import LAWS, NETWORK_LAWS, Judged
from wms.work import laws as of_work

ALL = (*LAWS, *NETWORK_LAWS, *of_orders.LAWS, *of_work.LAWS, *of_streams.LAWS, *of_payments.LAWS)


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return tmp_path / "seal.key"


@pytest.fixture
def jobs(house: House, key: Path) -> Jobs:
    return Jobs(
        database=house.database, clock=house.clock, floor=house.floor, carrier=house.jobs.carrier,
        webhooks=house.jobs.webhooks, sealer=Sealer(key),
    )  # fmt: skip


def test_a_day_is_sealed_and_proved_in_all_its_laws(house: House, jobs: Jobs, key: Path):
    house.sku("A")
    house.stock("A", 9, "S01-01")
    house.put_order(("A", 3))
    house.tick()
    house.work_off(HUB, "pick")
    told: list[tuple[Judged, int, int]] = []

    jobs.seal()
    jobs.close_month()
    jobs.watch_lanes()
    report = prove(house.database, ALL, key=key, told=lambda *part: told.append(part))

    assert report.clean, [law for law in report.laws if law.differences]
    codes = [law.code for law in report.laws]
    assert len(codes) == len(set(codes))
    assert {law.code for law in ALL} | {"C1", "C2", "Z1", "Z2"} == set(codes)
    assert [done for _, done, _ in told] == [*range(1, len(told) + 1)]
    assert {all_ for _, _, all_ in told} == {len(told)}


def test_without_a_sealer_nothing_is_sealed(house: House):
    assert house.jobs.seal() == 0
    assert house.database.run(seals.last) is None


def test_months_to_come_have_their_partitions(house: House, jobs: Jobs):
    query = text("SELECT count(*) FROM pg_inherits WHERE inhparent = 'movement'::regclass")
    with house.database.engine.connect() as connection:
        before = connection.scalar(query)

    jobs.close_month()

    with house.database.engine.connect() as connection:
        assert connection.scalar(query) == before  # a year ahead, as the schema was made
