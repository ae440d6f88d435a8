"""Levels from demand: what is asked for more, is seldom lacking, or comes late needs more stock."""

import numpy as np
import pytest

from wms.replenishment.demand import SHORTEST_DAYS, foreseen
from wms.replenishment.levels import suggested

WEEKDAYS = np.tile([2, 2, 3, 2, 4, 9, 8], 12).astype(np.float64)


def levels(history: np.ndarray, service: int = 95, lead: int = 2) -> tuple[int, int]:
    found = suggested(history, service_percent=service, lead_days=lead, with_library=False)
    return found.low, found.high


def test_levels_rise_with_demand_service_and_lead_time():
    low, high = levels(WEEKDAYS)
    assert 0 < low < high
    for more in (levels(3 * WEEKDAYS), levels(WEEKDAYS, service=99), levels(WEEKDAYS, lead=9)):
        assert more > (low, high)
    assert levels(WEEKDAYS, service=50, lead=0) < (low, high)


def test_few_sales_have_a_mean_and_nothing_else():
    rare = np.zeros(SHORTEST_DAYS)
    rare[[3, 20]] = 14
    found = foreseen(rare, days=5)
    assert (found.method, found.mase) == ("mean", None)
    assert found.mean.tolist() == [1.0] * 5
    assert foreseen(np.zeros(SHORTEST_DAYS), days=5).kind == "NONE"
    assert levels(np.zeros(SHORTEST_DAYS)) == (0, 1)
    known = suggested(WEEKDAYS, service_percent=90, lead_days=2, with_library=False).why
    assert known["method"] != "mean"
    assert known["mase"] is not None


@pytest.mark.parametrize("factor", [0.0, 1.0])
def test_more_than_was_ever_sold_is_not_foreseen(factor: float):
    assert foreseen(factor * WEEKDAYS, days=3, with_library=False).mean.max() <= 9 * factor + 1e-9
