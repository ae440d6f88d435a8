import pytest
from hypothesis import given
from hypothesis import strategies as st

from wms.money import Money

WEIGHTS = st.lists(st.integers(0, 50), min_size=1, max_size=8).filter(any)


@given(st.integers(-(10**9), 10**9), WEIGHTS)
def test_parts_add_up_and_are_fair(amount: int, weights: list[int]):
    parts = Money(amount).split(weights)
    assert sum(part.amount_minor for part in parts) == amount
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part.amount_minor - amount * weight / sum(weights)) < 1


def test_the_odd_yen_goes_to_the_first():
    assert Money(1000).split((1, 1, 1)) == (Money(334), Money(333), Money(333))


def test_two_currencies_do_not_add_up():
    with pytest.raises(ValueError, match="JPY and EUR"):
        _ = Money(1) + Money(1, "EUR")
    with pytest.raises(ValueError, match="JPY and EUR"):
        _ = Money(1) < Money(1, "EUR")


@pytest.mark.parametrize("weights", [(), (0, 0), (2, -1)])
def test_weights_that_divide_nothing_are_refused(weights: tuple[int, ...]):
    with pytest.raises(ValueError, match="weights"):
        Money(10).split(weights)


def test_arithmetic():
    assert Money(3) + Money(4) - Money(2) == Money(5)
    assert Money(1) < Money(2)
    assert Money(2) <= Money(2)
