"""Waiting times: they grow, they end growing, they differ, and success forgets them."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from edge.backoff import Backoff


@given(st.integers(min_value=0), st.integers(min_value=1, max_value=2_000))
def test_waits_grow_to_the_most_and_never_beyond(seed: int, tries: int):
    backoff = Backoff(first_s=0.5, most_s=8.0, chance=Random(seed))
    for n in range(tries):
        whole_s = min(8.0, 0.5 * 2.0 ** min(n, 10))
        assert whole_s / 2 <= backoff.next_s() <= whole_s
    assert backoff.failures == tries
    backoff.reset()
    assert backoff.next_s() <= 0.5


def test_two_who_lost_the_same_thing_come_back_at_different_times():
    one, other = Backoff(chance=Random(1)), Backoff(chance=Random(2))
    assert [one.next_s() for _ in range(5)] != [other.next_s() for _ in range(5)]
