"""Few totes: of those that robots could bring for a release, the ones that together have it all.

    lines to release  x  totes with several SKUs  ──choose (optimizer.pods)──>  rather these totes

One visit of a tote then serves many lines. What is on its way or at a station anyway costs next
to nothing. The search is the worker's, between a transaction that looks and the one that releases:
what has changed meanwhile makes the choice less good, never wrong, for it only says which of
equal places is taken (rule FEW_TOTES of wms.outbound.bind).

Laws:
    in turn     the rules before it decide first: nothing that expires later is taken for it
    whole       what could be brought without the choice is brought with it
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from optimizer.pods import Line, Pod, choose_pods
from wms.ids import SiteId
from wms.orders.model import Allocation
from wms.outbound.bind import Binding, Spot, is_fit
from wms.outbound.model import Presentation
from wms.outbound.release import stock_for, units_of
from wms.outbound.robot import UNDER_WAY
from wms.outbound.style import Release

VISIT, AGAIN = 100, 1  # what a tote costs that has to be fetched, and one that comes anyway
LIKELY = 80  # totes that the search looks at
EFFORT = 0.05  # of CP-SAT's deterministic time: a second or two
_HERE = "hub"  # which of its stations a tote comes to is decided when it is sent for


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be released, and the totes that have it."""

    lines: tuple[Line, ...]
    pods: tuple[Pod, ...]


def look(
    session: Session, site: SiteId, allocations: Sequence[Allocation], how: Release, now: datetime
) -> Wanted | None:
    """What these want of which totes, by rules that ask for few; None: there is no choice."""
    stock = stock_for(session, site, {each.sku_id for each in allocations}, how.binding, now)
    stock.keep_to(how.aisles, units_of(allocations))
    lines: list[Line] = []
    has: dict[UUID, dict[str, int]] = defaultdict(dict)
    for sku, left in sorted(units_of(allocations).items()):
        missing = left
        for day, spots in _in_turn(stock.spots.get(sku, ()), how.binding, stock.today):
            if missing <= 0:
                break
            here, name = sum(spot.units for spot in spots), f"{sku} {day}"
            lines.append(Line(_HERE, name, min(missing, here)))
            missing -= here
            for spot in spots:
                tote = spot.key[2]
                assert tote is not None, "asked before"
                has[tote][name] = has[tote].get(name, 0) + spot.units
    if len(has) <= 1:
        return None
    comes = _under_way(session, site)
    known = {one.handling_unit_id for one in stock.places.values() if one.tote in comes}
    pods = [
        Pod(str(tote), has[tote], {_HERE: AGAIN if tote in known else VISIT})
        for tote in sorted(has)
    ]
    return Wanted(tuple(lines), tuple(pods))


def choose_totes(wanted: Wanted) -> frozenset[UUID]:
    """The totes to take rather than others: nothing is missing, and few are fetched.

    The search looks at what a greedy choice takes and at the totes that have most besides, so that
    it ends soon; what it finds counts if it is better than the greedy choice.
    """
    greedy = _greedy(wanted)
    there = [pod for pod in wanted.pods if pod not in greedy]
    there.sort(key=lambda pod: -_useful(pod, {one.sku: one.units for one in wanted.lines}))
    likely = [*greedy, *there[: max(0, LIKELY - len(greedy))]]
    found = choose_pods(wanted.lines, likely, {_HERE: len(likely)}, EFFORT)
    names = [name for name, _ in found.visits]
    if found.cost >= sum(pod.cost[_HERE] for pod in greedy) or found.short:
        names = [pod.name for pod in greedy]
    return frozenset(UUID(name) for name in names)


def _greedy(wanted: Wanted) -> list[Pod]:
    """One tote after the other, each time the one that has most of what is missing for its cost."""
    missing = {one.sku: one.units for one in wanted.lines}
    chosen, left = list[Pod](), [*wanted.pods]
    while left and any(missing.values()):
        best = max(left, key=lambda pod: _useful(pod, missing) / pod.cost[_HERE])
        if not _useful(best, missing):
            break
        chosen.append(best)
        left.remove(best)
        for sku, units in best.units.items():
            missing[sku] = max(0, missing.get(sku, 0) - units)
    return chosen


def _useful(pod: Pod, missing: Mapping[str, int]) -> int:
    return sum(min(units, missing.get(sku, 0)) for sku, units in pod.units.items())


def _in_turn(
    spots: Sequence[Spot], binding: Binding, today: date
) -> list[tuple[date | None, list[Spot]]]:
    """The totes that robots bring, what has to go first before the others."""
    rules = binding.rules[: binding.rules.index("FEW_TOTES")]
    days: Mapping[date | None, list[Spot]] = defaultdict(list)
    for spot in spots:
        if spot.zone == "ROBOT" and spot.key[2] is not None and is_fit(spot, binding, today):
            days[spot.expires_on if "FEFO" in rules else None].append(spot)
    return sorted(days.items(), key=lambda row: row[0] or date.max)


def _under_way(session: Session, site: SiteId) -> set[str]:
    query = select(Presentation.tote).where(
        Presentation.site_id == site, Presentation.state.in_(UNDER_WAY)
    )
    return set(session.scalars(query))
