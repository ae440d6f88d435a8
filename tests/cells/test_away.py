"""A cell that is away, a time that is over, two who recover at once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import IntegrityError

from edge.clock import SystemClock
from tests.builders import NOW, an_id, eventually
from tests.cells.conftest import Clusters
from tests.cells.coordinator import Coordinators
from tests.cells.network import (
    Network,
    a_network,
    an_id_at,
    an_order,
    clock,
    holds,
    promised,
    state_of,
)
from wms.cells import CellAway, Cells
from wms.errors import Unavailable
from wms.stock import saga_record
from wms.stock.coalescer import Coalescer
from wms.stock.over_cells import OverCells
from wms.stock.read_cells import availability
from wms.stock.saga import Sagas
from wms.stock.verify_cells import verify_cells

WANTS = ("TYO1", 5), ("CTS1", 5), ("OSA1", 5)
LEASE_OVER = NOW + timedelta(seconds=4)
SHORT = timedelta(milliseconds=500)


@pytest.fixture
def there(real_cells: Cells) -> Network:
    """Stock in cells that go by their own time."""
    return a_network(real_cells, skus=1, units=5, sites=("TYO1", "OSA1", "CTS1"))


@pytest.mark.nightly
def test_a_cell_that_goes_away_voids_and_is_tidied_when_it_is_back(
    empty: Clusters, real_cells: Cells, there: Network
):
    saga_id, order = an_id_at(real_cells, "east"), an_order(there, *WANTS)
    west = empty.servers["west"]

    def the_west_goes_away(point: str) -> None:
        if point == "confirm 2":
            west.stop()

    sagas = Sagas(real_cells, deadline=10 * SHORT, lease=SHORT, at=the_west_goes_away)
    try:
        answer = sagas.place(saga_id, order, now=clock())

        assert (answer.granted, answer.why) == (False, "cell_away")
        assert state_of(real_cells, saga_id) == "VOIDING"
        assert holds(real_cells, order[:2]) == ["RELEASED", "RELEASED"]
        report = verify_cells(real_cells, now=clock())
        assert (report.clean, report.open) == (False, 1), "a cell that is away is not proven"
        assert [isinstance(found, str) for found in report.cells.values()] == [False, False, True]
    finally:
        west.start()
    eventually(lambda: sagas.recover(now=clock()) and state_of(real_cells, saga_id) == "VOIDED")
    assert holds(real_cells, order[2:]) == ["RELEASED"]
    assert not promised(real_cells)
    assert sagas.place(saga_id, order, now=clock()) == answer
    assert verify_cells(real_cells, now=clock()).clean


async def test_a_cell_that_is_away_fails_its_own_and_nobody_elses(
    empty: Clusters, real_cells: Cells, there: Network
):
    saga_id, order = an_id_at(real_cells, "west"), an_order(there, *WANTS[1:2])
    single = an_order(there, ("TYO1", 1), ("OSA1", 1), state="HELD")
    west = empty.servers["west"]
    west.stop()
    try:
        health = real_cells.health()
        assert [problem is None for problem in health.values()] == [True, True, False]
        with pytest.raises(CellAway, match="west is away"):
            real_cells.all[2].run(lambda _: pytest.fail("it cannot be reached"))
        readings = real_cells.read(lambda s: s.scalar(text("SELECT 42")), now=clock())
        assert [reading.value for reading in readings] == [42, 42, None]
        assert [reading.as_of is None for reading in readings] == [False, False, True]
        with pytest.raises(CellAway, match="west is away"):
            Sagas(real_cells).place(saga_id, order, now=clock())
        seen = availability(real_cells, ["SKU-0"], now=clock())
        assert (sorted(seen.away), sorted(seen.stock.skus[0].sites)) == (["west"], ["CTS1", "TYO1"])
        coalescers = {cell.name: Coalescer(cell.database, SystemClock()) for cell in real_cells.all}
        door = OverCells(real_cells, coalescers, Sagas(real_cells), SystemClock())
        answers = await door.reserve(single)
        await door.drain()
        assert [isinstance(answer, Unavailable) for answer in answers] == [False, True]
        assert holds(real_cells, single[:1]) == ["HELD"]
    finally:
        west.start()
    eventually(lambda: real_cells.health()["west"] is None)
    assert Sagas(real_cells).place(saga_id, order, now=clock()).granted


def test_a_hold_whose_time_is_over_by_its_database_is_not_confirmed(
    real_cells: Cells, there: Network
):
    """Nobody swept it, it is HELD still, and yet it has ended: another might have it by now."""
    order = an_order(there, *WANTS)

    def the_time_goes_by(point: str) -> None:
        if point == "confirm 1":
            late = text("SELECT bool_and(expires_at <= clock_timestamp()) FROM hold")
            eventually(lambda: all(real_cells.each(lambda s: s.scalar(late)).values()))

    answer = Sagas(real_cells, deadline=SHORT, at=the_time_goes_by).place(
        an_id(), order, now=clock()
    )

    assert (answer.granted, answer.why) == (False, "hold_lost")
    assert holds(real_cells, order) == ["RELEASED"] * 3
    assert verify_cells(real_cells, now=clock()).clean


@pytest.mark.parametrize("wrong", [timedelta(days=-1), timedelta(days=1)])
def test_a_host_whose_clock_is_wrong_holds_no_longer_and_no_shorter(
    real_cells: Cells, there: Network, wrong: timedelta
):
    order = an_order(there, *WANTS)
    lefts: list[timedelta] = []

    def look(point: str) -> None:
        if point == "held":
            left = text("SELECT max(expires_at) - clock_timestamp() FROM hold")
            found = real_cells.each(lambda s: s.scalar(left))
            lefts.extend(left for left in found.values() if isinstance(left, timedelta))

    sagas = Sagas(real_cells, deadline=timedelta(seconds=40), at=look)
    assert sagas.place(an_id(), order, now=clock() + wrong).granted
    assert len(lefts) == 3
    assert all(timedelta(0) < left <= timedelta(seconds=40) for left in lefts)


def test_two_who_recover_at_once_share_what_there_is(
    cells: Cells, network: Network, sagas: Sagas, coordinators: Coordinators
):
    for _ in range(4):
        order = an_order(network, ("TYO1", 1), ("OSA1", 1))
        assert coordinators.die_at("held", an_id(), order, now=NOW)

    with ThreadPoolExecutor(4) as threads:
        done = threads.map(lambda _: sagas.recover(now=LEASE_OVER), range(4))

    assert sum(done) == 4
    assert promised(cells) == {"allocated": 8}
    assert verify_cells(cells, now=LEASE_OVER).open == 0


def test_what_an_old_coordinator_says_is_not_written(
    cells: Cells, network: Network, coordinators: Coordinators
):
    saga_id, order = an_id(), an_order(network, *WANTS)
    assert coordinators.die_at("held", saga_id, order, now=NOW)
    home = cells.home(saga_id)
    old = home.run(lambda s: saga_record.read(s, saga_id, now=NOW))
    lease = timedelta(seconds=3)
    (new,) = home.run(lambda s: saga_record.claim(s, lease=lease, now=LEASE_OVER, limit=9))

    assert home.run(lambda s: saga_record.step(s, old, "VOIDING", now=LEASE_OVER)) is None
    assert home.run(lambda s: saga_record.keep(s, old, lease=lease, now=LEASE_OVER)) is None
    assert home.run(lambda s: saga_record.step(s, new, "SETTLED", now=LEASE_OVER))


@pytest.fixture
def home_of_all(empty: Clusters, cells: Cells) -> Engine:
    """A superuser at the first cell, where the saga of the test has its home."""
    return create_engine(empty.urls()[cells.all[0].name])


@pytest.mark.parametrize("to", ["PENDING", "VOIDING", "VOIDED"])
def test_an_answer_that_was_given_is_never_changed(
    cells: Cells, network: Network, sagas: Sagas, home_of_all: Engine, to: str
):
    saga_id = an_id_at(cells, cells.all[0].name)
    sagas.place(saga_id, an_order(network, *WANTS), now=NOW)

    with home_of_all.connect() as connection, pytest.raises(IntegrityError, match="cannot become"):
        connection.execute(
            text("UPDATE saga SET state = :to WHERE id = :id"), {"to": to, "id": saga_id}
        )
    home_of_all.dispose()
