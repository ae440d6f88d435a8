"""Holds over cells: all or none, the same answer for ever, whoever dies."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from itertools import islice

import pytest

from tests.builders import NOW, an_id
from tests.cells.network import SITES, Network, an_order, events, holds, promised
from wms.cells import Cells
from wms.errors import IdReused
from wms.ids import SkuId
from wms.stock import promises
from wms.stock.saga import Sagas
from wms.stock.verify_cells import verify_cells

LATER = NOW + timedelta(seconds=11)


def test_an_order_over_three_cells_is_allocated_in_all(
    cells: Cells, network: Network, sagas: Sagas
):
    order = an_order(network, ("TYO1", 2), ("CTS1", 1), ("OSA1", 5))
    saga_id = an_id()

    placed = sagas.place(saga_id, order, now=NOW)

    assert (placed.granted, placed.why) == (True, "")
    assert [line.free for line in placed.lines] == [3, 4, 0]
    assert holds(cells, order) == ["ALLOCATED"] * 3
    assert promised(cells) == {"allocated": 8}
    assert events(cells, saga_id) == ["SagaBegun", "SagaSettled"]
    assert verify_cells(cells, now=NOW).clean


def test_what_one_cell_refuses_is_given_back_in_the_others(
    cells: Cells, network: Network, sagas: Sagas
):
    order = an_order(network, ("TYO1", 2), ("CTS1", 1), ("OSA1", 6))
    saga_id = an_id()

    placed = sagas.place(saga_id, order, now=NOW)

    assert (placed.granted, placed.why) == (False, "not_enough_stock")
    assert not any(line.granted for line in placed.lines)
    assert holds(cells, order) == ["RELEASED", "RELEASED", "REFUSED"]
    assert not promised(cells)
    assert events(cells, saga_id) == ["SagaBegun", "SagaVoiding", "SagaVoided"]
    assert verify_cells(cells, now=NOW).clean


def test_asked_again_it_answers_the_same_for_ever(cells: Cells, network: Network, sagas: Sagas):
    yes, no = an_id(), an_id()
    wanted = an_order(network, ("TYO1", 5), ("OSA1", 5))
    refused = an_order(network, ("TYO1", 1), ("OSA1", 1))

    first = [sagas.place(yes, wanted, now=NOW), sagas.place(no, refused, now=NOW)]
    again = [sagas.place(yes, wanted, now=LATER), sagas.place(no, refused, now=LATER)]

    assert [answer.granted for answer in first] == [True, False]
    assert again == first
    assert promised(cells) == {"allocated": 10}


def test_asked_by_many_at_once_it_is_done_once(cells: Cells, network: Network, sagas: Sagas):
    saga_id, order = an_id(), an_order(network, ("TYO1", 3), ("OSA1", 3))

    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda _: sagas.place(saga_id, order, now=NOW), range(6)))

    assert answers[0].granted
    assert answers == answers[:1] * 6
    assert promised(cells) == {"allocated": 6}
    assert events(cells, saga_id) == ["SagaBegun", "SagaSettled"]


def test_a_line_that_is_wrong_ends_the_whole(cells: Cells, network: Network, sagas: Sagas):
    order = an_order(network, ("TYO1", 1), ("OSA1", 1))
    order[1] = replace(order[1], sku_id=SkuId(an_id()))

    placed = sagas.place(an_id(), order, now=NOW)

    assert (placed.granted, placed.why) == (False, "not_found")
    assert holds(cells, order) == ["RELEASED", None]
    assert not promised(cells)
    assert verify_cells(cells, now=NOW).clean


def test_an_id_cannot_stand_for_another_order(network: Network, sagas: Sagas):
    saga_id = an_id()
    sagas.place(saga_id, an_order(network, ("TYO1", 1), ("OSA1", 1)), now=NOW)

    with pytest.raises(IdReused):
        sagas.place(saga_id, an_order(network, ("TYO1", 1), ("OSA1", 1)), now=NOW)


def test_a_hold_of_somebody_else_is_neither_taken_nor_given_back(
    cells: Cells, network: Network, sagas: Sagas
):
    order = an_order(network, ("TYO1", 1), ("OSA1", 1))
    theirs = replace(order[1], state="HELD")
    cells.of(theirs.site_id).run(lambda s: promises.reserve(s, [theirs], now=NOW))

    placed = sagas.place(an_id(), order, now=NOW)

    assert (placed.granted, placed.why) == (False, "hold_lost")
    assert holds(cells, order) == ["RELEASED", "HELD"]


def test_a_basket_over_cells_is_held_until_its_time(cells: Cells, network: Network, sagas: Sagas):
    until = NOW + timedelta(minutes=15)
    basket = an_order(network, ("TYO1", 5), ("OSA1", 5), state="HELD", expires_at=until)

    assert sagas.place(an_id(), basket, now=NOW).granted
    assert holds(cells, basket) == ["HELD", "HELD"]
    assert verify_cells(cells, now=LATER).clean

    rival = an_order(network, ("TYO1", 5), ("OSA1", 5))
    assert not sagas.place(an_id(), rival, now=LATER).granted
    late = until + timedelta(seconds=1)
    rival = an_order(network, ("TYO1", 5), ("OSA1", 5))
    assert sagas.place(an_id(), rival, now=late).granted
    assert holds(cells, basket) == ["EXPIRED", "EXPIRED"]
    assert verify_cells(cells, now=late).clean


def test_holds_remember_what_was_answered_when_a_home_has_moved(
    cells: Cells, network: Network, sagas: Sagas
):
    """Cells were renamed or added: the saga is found nowhere, and yet the answers are the same."""
    names = {cell.name: f"new-{cell.name}" for cell in cells.all}
    renamed = Cells(
        {names[cell.name]: cell.database for cell in cells.all},
        sites={code: names[cell] for code, cell in SITES.items()},
    )
    moved = (an_id() for _ in iter(int, 1))
    yes, no, late = islice(
        (i for i in moved if cells.home(i).database is not renamed.home(i).database), 3
    )
    orders = {
        late: an_order(network, ("CTS1", 1), ("OSA1", 1)),
        yes: an_order(network, ("TYO1", 5), ("OSA1", 5)),
        no: an_order(network, ("CTS1", 1), ("OSA1", 1)),
    }

    def another_gives_all_back(point: str) -> None:
        if point == "confirmed":
            assert sagas.recover(now=LATER) == 1

    first = [Sagas(cells, at=another_gives_all_back).place(late, orders[late], now=NOW)]
    first += [sagas.place(i, orders[i], now=NOW) for i in (yes, no)]

    again = [Sagas(renamed).place(i, order, now=LATER) for i, order in orders.items()]

    assert [a.granted for a in again] == [a.granted for a in first] == [False, True, False]
    assert promised(cells) == {"allocated": 10}
    assert verify_cells(cells, now=LATER).clean
    assert verify_cells(renamed, now=LATER).clean
