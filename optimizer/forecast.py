"""How much of a SKU will be asked for: the method that was best on its own last weeks.

    forecast(history, periods=14) -> Forecast: the mean of each period, and how wrong it was

Demand is told apart by how often there is any and how uneven it is (`kind_of`). What comes every
day is forecast by weekdays or by smoothing; what comes now and then by methods made for it, which
smooth the sizes and the pauses (SBA) or the sizes and the chance (TSB) apart. Each method is tried
on the last quarter of the history that it has not seen; the one with the least squared error is
used, as that is least at the mean, while the absolute error of rare demand is least at nothing.

    mase   mean absolute error, by that of saying each time what came the time before
    bias   mean error, by the mean demand; above 0: too much was forecast

With the extra `forecast` exponential smoothing with trend and season (statsforecast) is tried too.

Shapes: t periods of history, h periods to come. Units of goods a period.

Source: J. Croston, Operational Research Quarterly 23(3), 1972; A. Syntetos, J. Boylan, "The
accuracy of intermittent demand estimates", International J. of Forecasting 21, 2005; R. Teunter,
A. Syntetos, Z. Babai, European J. of Operational Research 214(3), 2011; R. Hyndman, A. Koehler,
"Another look at measures of forecast accuracy", International J. of Forecasting 22(4), 2006.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Method: TypeAlias = Callable[[Floats, int, int], Floats]
Kind = Literal["NONE", "SMOOTH", "ERRATIC", "INTERMITTENT", "LUMPY"]

SMOOTHING = 0.1
RARE = 1.32  # periods from one demand to the next
UNEVEN = 0.49  # squared coefficient of variation of the sizes
TRIED_MIN = 8  # periods of history, to try anything on its last quarter


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What is to come, and how much it can be trusted.

    Attributes:
        mean: of each period to come, shape (h,).
        variance: of the demand of a period about its forecast.
        method: by its name; "none" where there was no demand.
        mase, bias: on the last quarter; None where the history is too short to try.
        errors: the root of the mean squared error of each method there.
    """

    kind: Kind
    method: str
    mean: Floats
    variance: float
    mase: float | None
    bias: float | None
    errors: Mapping[str, float]


def kind_of(history: Floats) -> Kind:
    """How demand comes, by how often there is any and how uneven it is."""
    sizes = history[history > 0]
    if not sizes.size:
        return "NONE"
    is_rare = history.size / sizes.size > RARE
    is_uneven = (sizes.std() / sizes.mean()) ** 2 > UNEVEN
    if is_rare:
        return "LUMPY" if is_uneven else "INTERMITTENT"
    return "ERRATIC" if is_uneven else "SMOOTH"


def forecast(
    history: Floats, *, periods: int, season: int = 7, with_library: bool | None = None
) -> Forecast:
    """What is to come.

    Args:
        history: units a period, the oldest first, shape (t,).
        periods: how many are to come, h.
        season: periods after which demand is alike (7 days).
        with_library: whether statsforecast is tried too; None: where it is installed.

    Raises:
        ValueError: the history is not a row of numbers of at least 0, or no period is to come.
    """
    if history.ndim != 1 or not np.isfinite(history).all() or (history < 0).any() or periods < 1:
        raise ValueError("a history is a row of units, at least 0, and some period is to come")
    kind = kind_of(history)
    if kind == "NONE":
        return Forecast(
            kind=kind, method="none", mean=np.zeros(periods), variance=0.0, mase=None, bias=None,
            errors={},
        )  # fmt: skip
    methods = _methods(kind, history.size, season, with_library=with_library)
    held = history.size // 4
    if history.size < TRIED_MIN:
        mean = methods["mean"](history, periods, season)
        return Forecast(
            kind=kind, method="mean", mean=mean, variance=float(history.var()), mase=None,
            bias=None, errors={},
        )  # fmt: skip
    seen, unseen = history[:-held], history[-held:]
    tried = {name: method(seen, held, season) for name, method in methods.items()}
    errors = {name: float(np.sqrt(((said - unseen) ** 2).mean())) for name, said in tried.items()}
    best = min(errors, key=lambda name: (errors[name], name))
    return Forecast(
        kind=kind,
        method=best,
        mean=methods[best](history, periods, season),
        variance=max(errors[best] ** 2, float(history.var()) / 4),
        mase=_mase(seen, unseen, tried[best]),
        bias=_bias(unseen, tried[best]),
        errors=errors,
    )


def _methods(kind: Kind, size: int, season: int, *, with_library: bool | None) -> dict[str, Method]:
    """Those that are worth a try."""
    if kind in {"INTERMITTENT", "LUMPY"}:
        return {"mean": mean, "sba": sba, "tsb": tsb}
    found: dict[str, Method] = {"mean": mean, "smoothed": tsb}  # sizes alone: it comes each time
    if size - size // 4 >= 4 * season:  # as much is left when the last quarter is held back
        found["weekdays"] = weekdays
        is_there = find_spec("statsforecast") is not None
        if is_there if with_library is None else with_library:
            found["ets"] = ets
    return found


def _mase(seen: Floats, unseen: Floats, said: Floats) -> float | None:
    naive = float(np.abs(np.diff(seen)).mean())
    return float(np.abs(said - unseen).mean()) / naive if naive else None


def _bias(unseen: Floats, said: Floats) -> float | None:
    demand = float(unseen.mean())
    return float((said - unseen).mean()) / demand if demand else None


# ----------------------------------------------------------------------------------- methods
def mean(history: Floats, periods: int, season: int) -> Floats:
    """The mean of the last four seasons."""
    return np.full(periods, history[-4 * season :].mean())


def weekdays(history: Floats, periods: int, season: int) -> Floats:
    """The mean of the same place in the last four seasons."""
    last = history[history.size - 4 * season :].reshape(4, season).mean(axis=0)
    return np.resize(last, periods)


def sba(history: Floats, periods: int, season: int) -> Floats:
    """Croston's method less its bias: sizes by pauses, both smoothed when there is a demand."""
    del season
    size = pause = 0.0
    since = 1
    for units in history:
        if units > 0:
            first = size == 0
            size = units if first else size + SMOOTHING * (units - size)
            pause = since if first else pause + SMOOTHING * (since - pause)
            since = 0
        since += 1
    rate = (1 - SMOOTHING / 2) * size / pause if pause else 0.0
    return np.full(periods, rate)


def tsb(history: Floats, periods: int, season: int) -> Floats:
    """Sizes by chance, which falls with every period without a demand: what dies out does."""
    del season
    sizes = history[history > 0]
    size = float(sizes[0]) if sizes.size else 0.0
    chance = float(history[0] > 0)
    for units in history[1:]:
        if units > 0:
            size += SMOOTHING * (units - size)
        chance += SMOOTHING * (float(units > 0) - chance)
    return np.full(periods, chance * size)


def ets(history: Floats, periods: int, season: int) -> Floats:
    """Exponential smoothing with the trend and season that fit best, by statsforecast."""
    from statsforecast.models import AutoETS  # type: ignore[import-untyped]  # noqa: PLC0415

    said = AutoETS(season_length=season).forecast(y=history, h=periods)["mean"]
    found: Floats = np.maximum(0.0, np.nan_to_num(said, nan=float(history.mean())))
    return found
