"""Forecasts: known methods give known figures, and the best on what was not seen is used."""

from importlib.util import find_spec

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.forecast import forecast, kind_of, mean, sba, tsb, weekdays

NOW_AND_THEN = np.array([0, 0, 3, 0, 1, 0, 0, 2, 0, 0, 5, 0, 0, 1] * 4, dtype=np.float64)
library = pytest.mark.skipif(find_spec("statsforecast") is None, reason="no extra `forecast`")


def weeks(count: int, seed: int = 1) -> np.ndarray:
    """Much on two days of the week, little on the others."""
    level = np.tile([5, 5, 5, 5, 6, 20, 18], count)
    return np.random.default_rng(seed).poisson(level).astype(np.float64)


def test_by_hand():
    """Sizes 4 then 2, pauses 2 and 2: a size of 3.8, a pause of 2, less a twentieth."""
    rare = np.array([0.0, 4.0, 0.0, 2.0])
    assert sba(rare, 2, 7) == pytest.approx([0.95 * 3.8 / 2] * 2)
    chance = ((0 + 0.1) * 0.9) * 0.9 + 0.1
    assert tsb(rare, 1, 7) == pytest.approx([chance * 3.8])
    assert mean(rare, 3, 7).tolist() == [1.5] * 3
    four = np.arange(28.0)
    assert weekdays(four, 8, 7).tolist() == [10.5, 11.5, 12.5, 13.5, 14.5, 15.5, 16.5, 10.5]


def test_demand_is_told_apart():
    assert kind_of(np.zeros(9)) == "NONE"
    assert kind_of(weeks(4)) == "SMOOTH"
    assert kind_of(np.array([1.0, 1, 1, 1, 30, 1])) == "ERRATIC"
    assert kind_of(np.array([0.0, 2, 0, 0, 2, 0])) == "INTERMITTENT"
    assert kind_of(np.array([0.0, 1, 0, 0, 30, 0, 1, 0])) == "LUMPY"


def test_a_week_with_a_saturday_is_forecast_by_weekdays():
    found = forecast(weeks(12), periods=7, with_library=False)
    assert found.method == "weekdays"
    assert found.mase is not None
    assert found.bias is not None
    assert found.mase < 0.7
    assert abs(found.bias) < 0.15
    assert found.errors["weekdays"] < found.errors["mean"]
    assert found.mean[5] > 2 * found.mean[0]


def test_what_dies_out_is_not_forecast_as_it_was():
    gone = np.r_[NOW_AND_THEN, np.zeros(60)]
    found = forecast(gone, periods=5, with_library=False)
    assert found.mean.sum() < 0.2
    assert found.method in {"tsb", "mean"}


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 50), max_size=60), st.integers(1, 30))
def test_any_history_has_a_forecast(units: list[int], periods: int):
    history = np.array(units, dtype=np.float64)
    found = forecast(history, periods=periods, with_library=False)
    assert found.mean.shape == (periods,)
    assert (found.mean >= 0).all()
    assert found.mean.max() <= history.max(initial=0) + 1e-9
    assert (found.kind == "NONE") == (not history.any())
    assert found.variance >= 0


@pytest.mark.parametrize("days", [7, 8, 27, 28, 29, 37, 38, 56])
def test_a_history_of_any_length_is_tried(days: int):
    found = forecast(weeks(12)[:days], periods=7, with_library=False)
    assert (found.mase is None) == (days < 8)
    assert ("weekdays" in found.errors) == (days >= 37)


def test_nonsense_is_named():
    for history, periods in ((np.array([-1.0]), 1), (np.ones((2, 2)), 1), (np.ones(3), 0)):
        with pytest.raises(ValueError, match="at least 0"):
            forecast(history, periods=periods)


@pytest.mark.nightly
@library
@pytest.mark.filterwarnings("ignore")
def test_the_library_says_the_same_and_is_tried():
    from statsforecast import models  # type: ignore[import-untyped]  # noqa: PLC0415

    theirs = models.CrostonSBA().forecast(y=NOW_AND_THEN, h=3)["mean"]
    assert sba(NOW_AND_THEN, 3, 7) == pytest.approx(theirs, rel=1e-4)
    theirs = models.TSB(alpha_d=0.1, alpha_p=0.1).forecast(y=NOW_AND_THEN, h=3)["mean"]
    assert tsb(NOW_AND_THEN, 3, 7) == pytest.approx(theirs, rel=1e-4)
    found = forecast(weeks(12) + np.arange(84) / 4, periods=7)
    assert "ets" in found.errors
    assert found.errors[found.method] <= found.errors["mean"]
