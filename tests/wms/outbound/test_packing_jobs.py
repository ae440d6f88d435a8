"""Packing is planned by the worker: once, for each order by itself, and as things are by then."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import delete, select, text
from sqlalchemy.exc import DBAPIError

from tests.wms.house import HUB, House
from tests.wms.outbound.test_ways import cancel
from wms.database import Database
from wms.orders.model import Allocation
from wms.outbound.pack import all_picked
from wms.work.model import Task


@pytest.fixture
def slow(house: House) -> House:
    """A house whose worker is behind."""
    house.packs = False
    for code, place in (("A", "S01-01"), ("B", "S01-02")):
        house.sku(code)
        house.stock(code, 9, place)
    return house


def packings(house: House) -> list[str]:
    """The orders whose packing has been planned."""
    query = select(Task.packet["title"].astext).where(Task.kind == "pack").order_by(Task.made_at)
    return house.database.run(lambda s: list(s.scalars(query)))


@contextmanager
def refusing(url: str, number: str) -> Iterator[None]:
    """The database refuses the packet of this order."""
    owner = Database(url, role=None)
    owner.run(lambda s: s.execute(text(f"""
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'refused'; END $$;
        CREATE TRIGGER refuse BEFORE INSERT ON task FOR EACH ROW
        WHEN (NEW.kind = 'pack' AND NEW.packet->>'title' = '{number}')
        EXECUTE FUNCTION refuse()""")))  # fmt: skip
    try:
        yield
    finally:
        owner.run(lambda s: s.execute(text("DROP FUNCTION refuse() CASCADE")))
        owner.close()


def test_who_picked_the_last_line_does_not_wait_for_it_and_it_is_done_once(slow: House):
    slow.put_order(("A", 1), ("B", 2))
    slow.tick_sources()
    slow.work_off(HUB, "pick")
    assert slow.parcels() == []
    assert slow.job("pack") == 1
    assert len(packings(slow)) == len(slow.parcels()) == 1
    assert slow.job("pack") == 0
    assert len(packings(slow)) == 1


def test_an_order_of_which_something_is_still_to_be_picked_waits(slow: House):
    slow.put_order(("A", 1))
    slow.tick_sources()
    slow.work_off(HUB, "pick")
    slow.database.run(
        lambda s: s.add(
            Allocation(
                site_id=(one := s.scalars(select(Allocation)).one()).site_id, id=one.order_id,
                order_id=one.order_id, line_no=1, sku_id=one.sku_id, units=1, state="ALLOCATED",
                ordered_at=one.ordered_at,
            )
        )
    )  # fmt: skip
    assert slow.job("pack") == 0
    slow.database.run(
        lambda s: s.execute(delete(Allocation).where(Allocation.state == "ALLOCATED"))
    )
    assert slow.job("pack") == 1


def test_what_was_cancelled_meanwhile_is_put_back_and_not_packed(slow: House):
    order_id = slow.put_order(("A", 1))
    slow.tick_sources()
    slow.work_off(HUB, "pick")
    cancel(slow, order_id)
    slow.tick()
    assert packings(slow) == []
    slow.job("put_back")
    slow.work_off(HUB, "putback")
    assert slow.stock_row("A")["sellable"] == 9


def test_an_order_that_cannot_be_planned_holds_no_other_up(slow: House, database_url: str):
    orders = [slow.put_order(("A", 1)) for _ in range(3)]
    slow.tick_sources()
    slow.work_off(HUB, "pick")
    waiting = slow.database.run(all_picked)
    assert [order for _, order in waiting] == sorted(orders)
    numbers = [slow.ok(slow.http.get(f"/oms/v1/orders/{order}"))["number"] for order in orders]
    with refusing(database_url, numbers[0]):
        with pytest.raises(DBAPIError, match="refused"):
            slow.job("pack")
        assert sorted(packings(slow)) == sorted(numbers[1:])
    assert slow.job("pack") == 1
    assert sorted(packings(slow)) == sorted(numbers)
