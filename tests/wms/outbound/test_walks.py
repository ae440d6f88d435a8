"""Walks go round by the cross-aisles that a site has."""

import random
from itertools import count
from uuid import UUID

import pytest

from optimizer import batching
from optimizer.result import Limits
from wms.outbound.style import Style
from wms.outbound.walks import Stop, plan_walks, tour_m

_IDS = count(1)


def a_stop(aisle: int, bay: int, order: int = 1, turn: int = 0) -> Stop:
    return Stop(UUID(int=next(_IDS)), UUID(int=order), 1, aisle, bay, "", turn)


def test_a_cross_aisle_is_a_shorter_way_and_another_order():
    stops = [a_stop(1, 19), a_stop(2, 9), a_stop(1, 8)]
    style = Style(mode="SINGLE")

    (round_,) = plan_walks(stops, style)
    (across,) = plan_walks(stops, style, (10,))

    # without one, 24 m up the first aisle, across, and down the second: 48 + 6; with one behind the
    # tenth bay up to the 19th and back to it, across, and down
    assert tour_m(round_) == pytest.approx(2 * 20 * 1.2 + 6)
    assert tour_m(across, (10,)) == pytest.approx(2 * 19 * 1.2 + 6)
    assert {stop.id for stop in across} == {stop.id for stop in stops}


def test_behind_the_last_bay_one_goes_by_the_next_cross_aisle():
    stops = [a_stop(1, 9), a_stop(2, 9)]
    assert tour_m(stops) == pytest.approx(2 * 10 * 1.2 + 6)
    assert tour_m(stops, (9, 30)) == pytest.approx(2 * 9.5 * 1.2 + 6)
    # with none before the back of the site one turns round in both aisles
    assert tour_m(stops, (30,)) == pytest.approx(4 * 9 * 1.2 + 6)


def test_turns_that_somebody_laid_down_come_first():
    stops = [a_stop(1, 1, turn=3), a_stop(1, 2, turn=1), a_stop(1, 3, turn=2)]
    (walk,) = plan_walks(stops, Style(mode="SINGLE"), (2,))
    assert [stop.turn for stop in walk] == [1, 2, 3]


def test_with_time_orders_are_gathered_into_shorter_walks(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(batching, "COLUMNS_MAX", 0)  # annealing alone
    chance = random.Random(5)
    stops = [
        a_stop(chance.randint(1, 10), bay, order)
        for order in range(12)
        for bay in (chance.randint(1, 20), chance.randint(1, 20), 20)  # all to the same back
    ]
    style = Style(mode="CLUSTER", orders_max=3)

    def walked_m(limits: Limits) -> float:
        walks = plan_walks(stops, style, (), limits)
        assert sorted(stop.id for walk in walks for stop in walk) == [stop.id for stop in stops]
        assert max(len({stop.order_id for stop in walk}) for walk in walks) <= 3
        return sum(tour_m(walk) for walk in walks)

    assert walked_m(Limits(iterations=30)) < walked_m(Limits(seconds=0))
