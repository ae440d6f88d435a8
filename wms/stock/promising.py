"""Available to promise, by day: how many units may be promised for a day, with every promise kept.

    free today  +  what comes until that day  -  what is promised of it already
    and never more than leaves enough for the promises of later days (look-ahead)

    ATP(d) = min over all days k >= d of  free + sum of (arrivals - promises) up to k,  or 0

Without the look-ahead a unit that a later promise needs would be given away earlier: 10 are free,
20 come on day 5 and 25 are promised for then: 5 may go on any day, not 10 before and 5 after.

Two curves:
    expected  a supply comes on the day of its median (eta_p50), as many units as are likely:
              quantity x confidence, rounded down
    safe      it comes on the day by which it comes nine times out of ten (eta_p90), and only if
              its confidence is nine out of ten too; never more than expected
On both, what is held of a supply is due on the day on which it is expected: it was promised so.
A supply that is late (its eta_p50 has passed) is expected by its eta_p90; when that has passed too,
tomorrow at the earliest, and safe it is no more until somebody announces it anew.

Days are counted from today at the site, 0 to days - 1; supply behind them counts for the
look-ahead. Units are base units. Pure.
Source: D. Fogarty, J. Blackstone, T. Hoffmann, Production and Inventory Management (cumulative
ATP with look-ahead).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import accumulate

SAFE_CONFIDENCE = 90  # per cent


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """A supply that is open: so many units are to come, of which some are promised."""

    expected_day: int
    safe_day: int | None  # None: it cannot be relied on
    units: int  # still to come, those held among them
    held: int
    confidence: int  # per cent


@dataclass(frozen=True, slots=True, kw_only=True)
class Curves:
    """What may be promised, day by day from today."""

    expected: Sequence[int]
    safe: Sequence[int]


def arrival(eta_p50: date, eta_p90: date, today: date) -> tuple[int, int | None]:
    """The days on which a supply is expected and safe, counted from today."""
    p50, p90 = (eta_p50 - today).days, (eta_p90 - today).days
    if p50 >= 0:
        return p50, p90
    if p90 >= 0:
        return p90, p90
    return 1, None


def available_to_promise(free: int, incoming: Iterable[Incoming], days: int) -> Curves:
    """How many units may be promised for each of so many days."""
    expected: defaultdict[int, int] = defaultdict(int)
    safe: defaultdict[int, int] = defaultdict(int)
    for each in incoming:
        likely = each.units * each.confidence // 100
        expected[each.expected_day] += likely - each.held
        safe[each.expected_day] -= each.held
        if each.safe_day is not None and each.confidence >= SAFE_CONFIDENCE:
            safe[each.safe_day] += likely
    return Curves(expected=_cumulative(free, expected, days), safe=_cumulative(free, safe, days))


def _cumulative(free: int, changes: Mapping[int, int], days: int) -> list[int]:
    last = max([days - 1, *changes])
    stock = accumulate((changes.get(day, 0) for day in range(last + 1)), initial=free)
    levels = list(stock)[1:]
    least = list(accumulate(reversed(levels), min))[::-1]
    return [max(0, units) for units in least[:days]]
