"""Near orders first: what is picked together is released together, and what is due is not late."""

from datetime import timedelta
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import NOW
from tests.wms.waves.people import Floor
from wms.waves.near import Waiting, nearest_first

SOON = NOW + timedelta(hours=1)
ORDERS = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.none() | st.integers(0, 3),
        st.integers(1, 3),
        st.sets(st.integers(1, 4), min_size=1),
    ),
    max_size=7,
)


def waiting(*orders: tuple[int, int | None, int, set[int]]) -> list[Waiting]:
    """Class, hours until it is due, lines, aisles."""
    return [
        Waiting(
            order_id=UUID(int=at),
            priority=priority,
            due_at=None if due is None else NOW + timedelta(hours=due),
            lines=lines,
            aisles={("P", aisle) for aisle in aisles},
        )
        for at, (priority, due, lines, aisles) in enumerate(orders)
    ]


def test_orders_of_the_aisles_where_somebody_goes_come_first():
    orders = waiting((0, None, 1, {3}), (0, None, 1, {1}), (0, None, 2, {2}), (0, None, 1, {2}))
    near = nearest_first(orders, {("P", 1)}, room=4, soon=SOON)
    assert near == [UUID(int=1), UUID(int=2), UUID(int=3)], "the one of aisle 3 waits"


@settings(max_examples=50, deadline=None)
@given(ORDERS, st.integers(0, 8))
def test_nothing_due_and_nobody_of_a_higher_class_is_overtaken(
    orders: list[tuple[int, int | None, int, set[int]]], room: int
):
    there = waiting(*orders)
    chosen = nearest_first(there, (), room=room, soon=SOON)
    urgent = [w.order_id for w in there if w.due_at is not None and w.due_at <= SOON]
    assert chosen[: len(urgent)] == urgent[: len(chosen)], "what is due goes in its turn"
    by_id = {each.order_id: each for each in there}
    rest = [by_id[each].priority for each in chosen[len(urgent) :]]
    assert rest == sorted(rest, reverse=True)
    left = [each for each in there if each.order_id not in chosen]
    assert not left or sum(by_id[each].lines for each in chosen) >= room, "room is used"
    if rest and len(chosen) > len(urgent):
        assert all(each.priority <= min(rest) for each in left)


def test_a_channel_releases_what_lies_near_what_is_picked(floor: Floor):
    floor.channel(wip_lines_max=2, choose="NEAR", hurry_min=0)
    for sku, place in {"A": "P01-01", "B": "P02-01", "C": "P01-02"}.items():
        floor.sku(sku)
        floor.stock(sku, 50, place)
    first = floor.put_order(("A", 1))
    floor.tick()
    far, near = floor.put_order(("B", 1)), floor.put_order(("C", 1))
    floor.tick()
    statuses = [floor.line(order)["status"] for order in (first, far, near)]
    assert statuses == ["RELEASED", "ALLOCATED", "RELEASED"], "the second aisle waits"
    floor.pick_all()
    floor.tick()
    assert floor.line(far)["status"] in {"RELEASED", "PICKED"}, "there is room for it now"
