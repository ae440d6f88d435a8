"""Counting at the dock, and how long goods take: no unit is made, and none is lost."""

from datetime import timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from tests.builders import NOW
from wms.transfers.rules import Sent, eta, share_count


@given(st.lists(st.integers(1, 20), min_size=1, max_size=5), st.integers(0, 200), st.booleans())
def test_every_unit_that_left_is_received_damaged_or_short(
    units: list[int],
    found: int,
    damaged: bool,  # noqa: FBT001
):
    sent = [Sent(allocation_id=UUID(int=n), units=each) for n, each in enumerate(units)]
    came = share_count(sent, found=found, damaged=damaged)
    for one, other in zip(sent, came, strict=True):
        assert one.allocation_id == other.allocation_id
        assert other.received + other.damaged + other.short == one.units
    assert sum(each.received + each.surplus for each in came) == found
    assert not any(each.short if damaged else each.damaged for each in came)
    if any(each.surplus for each in came):
        assert sum(each.received for each in came) == sum(units)


def test_far_goods_take_longer():
    near, far = eta(20, NOW), eta(1_400, NOW)
    assert near.p50 - NOW == timedelta(days=1)
    assert far.p50 - NOW == timedelta(days=4)
    assert far.p90 > far.p50
