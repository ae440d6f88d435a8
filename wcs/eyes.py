"""A pair of photo-eyes at a gate -> crossings with a direction.

    outside   ____####______      what goes in darkens the outer eye first, then the inner one, and
    inside    _______####___      leaves them in the same order; what turns back does not

Laws:
    in order     a crossing begins and ends at one eye first; dark times of both that overlap, or
                 follow within `pair_s`
    alone        dark times that could belong to two crossings make none: two people side by side
                 are a question, not an answer

Plain data, part of a gate's state. Pure. Times are the reader's own, UTC.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

Way = Literal["IN", "OUT"]
DARK_MAX = 40  # dark times that are kept
_GAP = timedelta(seconds=0.7)  # between two cartons on one cart


@dataclass(slots=True, kw_only=True)
class Dark:
    """An eye that was dark for a while, or still is."""

    inside: bool
    since: datetime
    until: datetime | None = None


class Crossing(NamedTuple):
    """Something went through the door."""

    way: Way
    at: datetime  # the middle of it


def see(darks: list[Dark], *, inside: bool, dark: bool, at: datetime) -> None:
    """Take in that an eye has become dark or light. A state that is no change is nothing new."""
    latest = next((each for each in reversed(darks) if each.inside == inside), None)
    is_dark = latest is not None and latest.until is None
    if dark and not is_dark:
        darks.append(Dark(inside=inside, since=at))
        del darks[:-DARK_MAX]
    elif not dark and is_dark:
        assert latest is not None
        latest.until = max(at, latest.since)


def crossings(darks: Sequence[Dark], *, pair_s: float) -> Iterator[Crossing]:
    """The crossings that are over."""
    pair = timedelta(seconds=pair_s)
    over = [*_whole(darks)]
    for n, (since, until, inside) in enumerate(over):
        partners = [
            other
            for m, other in enumerate(over)
            if m != n and other[0] - until <= pair and since - other[1] <= pair
        ]
        if len(partners) != 1:
            continue
        ((later, longer, other_side),) = partners
        if other_side != inside and since < later and until < longer:
            yield Crossing("OUT" if inside else "IN", since + (longer - since) / 2)


def _whole(darks: Sequence[Dark]) -> Iterator[tuple[datetime, datetime, bool]]:
    """Dark times that are over, those with a gap between two cartons as one."""
    for side in (True, False):
        since = until = None
        for each in darks:
            if each.inside != side or each.until is None:
                continue
            if since is None or until is None or each.since - until > _GAP:
                if since is not None and until is not None:
                    yield since, until, side
                since = each.since
            until = each.until
        if since is not None and until is not None:
            yield since, until, side


def way_at(found: Sequence[Crossing], at: datetime, *, near_s: float) -> Way | None:
    """Which way something went at about that time; None if nothing did, or both ways."""
    near = timedelta(seconds=near_s)
    ways = {each.way for each in found if abs(each.at - at) <= near}
    return ways.pop() if len(ways) == 1 else None
