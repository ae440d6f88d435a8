"""Whoever dies, wherever: every saga comes to an end, and nothing stays held past its time."""

from datetime import timedelta

import pytest

from tests.builders import NOW, an_id
from tests.cells.coordinator import Coordinators
from tests.cells.network import Network, an_order, holds, promised, state_of
from tests.night import some_by_day
from wms.cells import Cells
from wms.stock import promises
from wms.stock.saga import Sagas
from wms.stock.verify_cells import verify_cells

LEASE_OVER = NOW + timedelta(seconds=4)  # another may take over; the deadline has not come
TOO_LATE = NOW + timedelta(seconds=11)
WANTS = ("TYO1", 5), ("CTS1", 5), ("OSA1", 5)  # one site in each of the cells east, north, west
ON_THE_WAY = [
    "begun", "hold 0", "hold 1", "hold 2", "held", "confirm 0", "confirm 1", "confirm 2",
    "confirmed",
]  # fmt: skip
ON_THE_WAY_BACK = ["VOIDING", "give back 0", "give back 1", "give back 2", "VOIDED"]


def expire_all(cells: Cells) -> None:
    """Every cell's sweeper, long after."""
    cells.each(lambda s: promises.expire(s, now=TOO_LATE))


@pytest.mark.parametrize("point", some_by_day(ON_THE_WAY, ["hold 1", "held", "confirm 1"]))
def test_a_coordinator_killed_on_the_way_is_followed_by_another(
    coordinators: Coordinators, cells: Cells, network: Network, sagas: Sagas, point: str
):
    saga_id, order = an_id(), an_order(network, *WANTS)
    assert coordinators.die_at(point, saga_id, order, now=NOW)
    assert state_of(cells, saga_id) == "PENDING"

    assert sagas.recover(now=NOW) == 0, "its lease is not over: it may be alive"
    assert sagas.recover(now=LEASE_OVER) == 1

    assert state_of(cells, saga_id) == "SETTLED"
    assert promised(cells) == {"allocated": 15}
    assert sagas.place(saga_id, order, now=TOO_LATE).granted
    assert verify_cells(cells, now=TOO_LATE).clean


@pytest.mark.parametrize("point", some_by_day(ON_THE_WAY, ["begun", "hold 2", "confirm 0"]))
def test_after_the_deadline_all_is_given_back_the_confirmed_too(
    coordinators: Coordinators, cells: Cells, network: Network, sagas: Sagas, point: str
):
    saga_id, order = an_id(), an_order(network, *WANTS)
    assert coordinators.die_at(point, saga_id, order, now=NOW)

    assert sagas.recover(now=TOO_LATE) == 1

    assert state_of(cells, saga_id) == "VOIDED"
    assert not promised(cells)
    assert None not in holds(cells, order), "an id that is not used up may yet be held"
    answer = sagas.place(saga_id, order, now=TOO_LATE)
    assert (answer.granted, answer.why) == (False, "too_late")
    assert verify_cells(cells, now=TOO_LATE).clean
    assert sagas.place(an_id(), an_order(network, *WANTS), now=TOO_LATE).granted


@pytest.mark.parametrize("point", some_by_day(ON_THE_WAY_BACK, ["VOIDING", "give back 1"]))
def test_a_coordinator_killed_on_the_way_back_is_followed_by_another(
    coordinators: Coordinators, cells: Cells, network: Network, sagas: Sagas, point: str
):
    saga_id, order = an_id(), an_order(network, *WANTS[:2], ("OSA1", 6))
    assert coordinators.die_at(point, saga_id, order, now=NOW)

    sagas.recover(now=LEASE_OVER)

    assert state_of(cells, saga_id) == "VOIDED"
    assert not promised(cells)
    answer = sagas.place(saga_id, order, now=TOO_LATE)
    assert (answer.granted, answer.why) == (False, "not_enough_stock")
    assert verify_cells(cells, now=TOO_LATE).clean


@pytest.mark.parametrize("point", ["begin", "SETTLED"])
def test_killed_before_or_after_all_of_it_the_same_request_answers(
    coordinators: Coordinators, cells: Cells, network: Network, sagas: Sagas, point: str
):
    saga_id, order = an_id(), an_order(network, *WANTS)
    assert coordinators.die_at(point, saga_id, order, now=NOW)

    assert sagas.place(saga_id, order, now=NOW).granted
    assert promised(cells) == {"allocated": 15}


@pytest.mark.parametrize(
    "point",
    some_by_day(["begun", "hold 1", "hold 2", "held", "confirm 0"], ["hold 1", "confirm 0"]),
)
def test_a_dead_coordinator_that_nobody_follows_keeps_no_stock(
    coordinators: Coordinators, cells: Cells, network: Network, point: str
):
    """No recovery, no home: the holds end by the time of their own databases."""
    assert coordinators.die_at(point, an_id(), an_order(network, *WANTS), now=NOW)

    rival = an_order(network, *WANTS)
    assert Sagas(cells).place(an_id(), rival, now=TOO_LATE).granted
    expire_all(cells)
    assert promised(cells) == {"allocated": 15}


def test_a_coordinator_that_slept_past_its_lease_changes_nothing(
    cells: Cells, network: Network, sagas: Sagas
):
    """It wakes up after another has given all back, and goes on as if nothing had been."""
    saga_id, order = an_id(), an_order(network, *WANTS)
    slept: list[str] = []

    def sleep_at_the_second_cell(point: str) -> None:
        if point == "hold 1" and not slept:
            slept.append(point)
            assert sagas.recover(now=TOO_LATE) == 1

    answer = Sagas(cells, at=sleep_at_the_second_cell).place(saga_id, order, now=NOW)

    assert (answer.granted, answer.why) == (False, "too_late")
    assert holds(cells, order) == ["RELEASED", "REFUSED", "REFUSED"]
    assert not promised(cells)
    assert verify_cells(cells, now=TOO_LATE).clean


def test_a_hold_that_ended_before_it_was_confirmed_voids_all(cells: Cells, network: Network):
    saga_id, order = an_id(), an_order(network, *WANTS)

    def the_west_sweeps_early(point: str) -> None:
        if point == "confirm 2":
            cells.of(order[2].site_id).run(lambda s: promises.expire(s, now=TOO_LATE))

    answer = Sagas(cells, at=the_west_sweeps_early).place(saga_id, order, now=NOW)

    assert (answer.granted, answer.why) == (False, "hold_lost")
    assert holds(cells, order) == ["RELEASED", "RELEASED", "EXPIRED"]
    assert not promised(cells)
    assert verify_cells(cells, now=NOW).clean
