"""A rush on scarce stock over three cells, one of which is killed: all or none, never too many."""

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from threading import Event
from uuid import UUID

import pytest
from sqlalchemy import text

from tests.builders import an_id, eventually
from tests.cells.conftest import Clusters
from tests.cells.network import DCS, SITES, Network, a_network, an_order, clock, holds
from wms.cells import Cells
from wms.errors import Unavailable
from wms.ids import SiteId, SkuId
from wms.stock.promises import Reserve
from wms.stock.saga import Placed, Sagas
from wms.stock.verify_cells import verify_cells

BUYERS = 12
DEADLINE, LEASE = timedelta(seconds=6), timedelta(seconds=1)


@dataclass(frozen=True)
class Order:
    """What a buyer wants, and the id by which he asks again and again."""

    id: UUID
    lines: Sequence[Reserve]


def orders(network: Network, count: int, seed: int) -> list[Order]:
    """Each over two or three cells, at a DC or store of each, one SKU."""
    chance = random.Random(seed)
    by_cell: dict[str, list[str]] = {}
    for code in network.sites:
        by_cell.setdefault(SITES[code], []).append(code)
    made = []
    for _ in range(count):
        some = chance.sample(sorted(by_cell), chance.choice((2, 3)))
        wants = [(chance.choice(by_cell[cell]), chance.randint(1, 2)) for cell in some]
        sku = chance.randrange(len(network.skus))
        made.append(Order(an_id(), an_order(network, *wants, sku=sku)))
    return made


def buy(sagas: Sagas, order: Order) -> Placed:
    """Ask until there is an answer, with the same id."""
    while True:
        try:
            return sagas.place(order.id, order.lines, now=clock())
        except Unavailable:
            continue


def recovered(cells: Cells) -> bool:
    """Whether nothing is open any more, after another round of recovery."""
    Sagas(cells, deadline=DEADLINE, lease=LEASE).recover(now=clock())
    return verify_cells(cells, now=clock()).open == 0


def sold(placed: Iterable[tuple[Order, Placed]]) -> Counter[tuple[SiteId, SkuId]]:
    """Units that were promised to buyers, by site and SKU."""
    units: Counter[tuple[SiteId, SkuId]] = Counter()
    for order, answer in placed:
        if answer.granted:
            units.update({(line.site_id, line.sku_id): line.units for line in order.lines})
    return units


def judge(cells: Cells, network: Network, answers: list[tuple[Order, Placed]]) -> None:
    eventually(lambda: recovered(cells))
    report = verify_cells(cells, now=clock())
    assert report.clean, report
    assert report.sagas == len(answers)
    for order, answer in answers:
        states = set(holds(cells, order.lines))
        if answer.granted:
            assert states == {"ALLOCATED"}
        else:
            assert states <= {"RELEASED", "REFUSED", "EXPIRED", None}
    units = sold(answers)
    assert max(units.values()) <= network.units, "oversold"
    query = text("SELECT site_id, sku_id, allocated FROM stock_balance WHERE allocated > 0")
    for found in cells.each(lambda s: s.execute(query).all()).values():
        assert not isinstance(found, Unavailable)
        for row in found:
            assert units.pop((row.site_id, row.sku_id)) == row.allocated
    assert not units


def rush(
    cells: Cells, network: Network, count: int, *, seed: int, midway: Event
) -> list[tuple[Order, Placed]]:
    sagas = Sagas(cells, deadline=DEADLINE, lease=LEASE)
    wanted = orders(network, count, seed)
    answered = iter(range(count))

    def one(order: Order) -> tuple[Order, Placed]:
        answer = buy(sagas, order)
        if next(answered) == count // 3:
            midway.set()
        return order, answer

    with ThreadPoolExecutor(BUYERS) as buyers:
        return list(buyers.map(one, wanted))


@pytest.mark.nightly
def test_hundreds_of_orders_over_cells_are_all_or_none(real_cells: Cells):
    network = a_network(real_cells, skus=2, units=3)

    answers = rush(real_cells, network, 240, seed=1, midway=Event())

    judge(real_cells, network, answers)
    assert 40 < sum(answer.granted for _, answer in answers) < 240
    again = Sagas(real_cells)
    assert [again.place(o.id, o.lines, now=clock()) for o, _ in answers] == [a for _, a in answers]


def test_a_cell_killed_in_the_middle_costs_no_answer(empty: Clusters, real_cells: Cells):
    network = a_network(real_cells, skus=2, units=4, sites=DCS)
    midway = Event()

    with ThreadPoolExecutor(1) as thread:
        rushed = thread.submit(rush, real_cells, network, 120, seed=2, midway=midway)
        midway.wait(30)
        empty.kill("west")
        answers = rushed.result()

    judge(real_cells, network, answers)


@pytest.mark.nightly
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(10))
def test_a_rush_with_every_cell_killed(empty: Clusters, real_cells: Cells, seed: int):
    network = a_network(real_cells, skus=10, units=6)
    midway = Event()

    with ThreadPoolExecutor(1) as thread:
        rushed = thread.submit(rush, real_cells, network, 3000, seed=seed, midway=midway)
        midway.wait(600)
        for name in empty.servers:
            empty.kill(name)
            eventually(lambda: all(p is None for p in real_cells.health().values()))
        answers = rushed.result()

    judge(real_cells, network, answers)
