"""A preferred direction for every street that can be driven both ways.

    street     arcs and their ways back that go straight on, from end to end
    lane       the direction of a street that is cheap; against it is dear, but not closed

Long streets choose first: the other way than the nearest parallel streets beside them, as
one-way streets of a town. Then it is looked whether everything can still be reached the preferred
way alone; where not, the fewest streets that mend it stay open both ways.

Laws:
    strong      by lanes alone every node reaches every other that it reached before
    soft        nothing is closed: against the lane costs `against`, so a push back stays possible

What it is worth: robots follow each other instead of meeting (docs/wcs.md).

Source: H. E. Robbins (1939) says when streets can be one-way; the order and the mending are ours.
"""

from dataclasses import dataclass

import numpy as np

from wcs.layout.connect import strong_components
from wcs.layout.roadmap import FACINGS, Flags, Ints, Roadmap

WITH, AGAINST = 1.0, 6.0  # times the cost of an arc with and against its lane
_HALF = FACINGS // 2


@dataclass(slots=True)
class _Street:
    """Arcs one way along a straight line; their twins are the other way."""

    arcs: list[int]
    axis: int  # its facing, 0 to 7
    offset: float  # how far the line lies from the origin
    low: float  # where it begins and ends along itself
    high: float
    level: int
    forwards: bool | None = None


def lanes(roadmap: Roadmap, given: Flags | None = None) -> Flags:
    """(a,) which arcs go with the lane. One-way arcs do; of a two-way street one way, or both.

    `given` (a,) are arcs that nobody has to choose for, with their ways back: they all go with it.
    """
    with_lane = np.ones(len(roadmap.start), np.bool_)
    streets = _streets(roadmap, np.zeros_like(with_lane) if given is None else given)
    _direct(streets)
    for street in streets:
        away = street.arcs if not street.forwards else [int(roadmap.twin[a]) for a in street.arcs]
        with_lane[away] = False
    _mend(roadmap, with_lane)
    return with_lane


def lane_costs(roadmap: Roadmap, with_lane: Flags) -> Ints:
    """(a,) the costs of arcs, dear against the lane."""
    return np.rint(roadmap.cost * np.where(with_lane, WITH, AGAINST)).astype(np.int32)


def _streets(roadmap: Roadmap, given: Flags) -> list[_Street]:
    """Two-way arcs, chained straight on; each street in the direction of facing 0 to 7."""
    facing = roadmap.facing.tolist()
    end, twin = roadmap.end.tolist(), roadmap.twin.tolist()
    is_open = [twin[a] >= 0 and not given[a] for a in range(len(facing))]
    halves = [a for a in range(len(facing)) if is_open[a] and facing[a] < _HALF]
    onward = {}
    for a in halves:
        for b in roadmap.leaving(end[a]):
            if facing[b] == facing[a] and is_open[b]:
                onward[a] = b
    followed = set(onward.values())
    return [_street(roadmap, a, onward) for a in halves if a not in followed]


def _street(roadmap: Roadmap, first: int, onward: dict[int, int]) -> _Street:
    arcs = [first]
    while arcs[-1] in onward:
        arcs.append(onward[arcs[-1]])
    axis = int(roadmap.facing[first])
    angle = axis * 2 * np.pi / FACINGS
    along, across = (np.cos(angle), np.sin(angle)), (-np.sin(angle), np.cos(angle))
    ends = (int(roadmap.start[first]), int(roadmap.end[arcs[-1]]))
    places = [(float(roadmap.x_m[i]), float(roadmap.y_m[i])) for i in ends]
    low, high = (x * along[0] + y * along[1] for x, y in places)
    offset = places[0][0] * across[0] + places[0][1] * across[1]
    level = int(roadmap.level[ends[0]])
    return _Street(arcs, axis, float(offset), float(low), float(high), level)


def _direct(streets: list[_Street]) -> None:
    """Give each street a direction: the longest first, each unlike its nearest neighbours."""
    groups: dict[tuple[int, int], list[_Street]] = {}
    for street in streets:
        groups.setdefault((street.level, street.axis), []).append(street)
    for group in groups.values():
        lines = sorted({street.offset for street in group})
        rank = {offset: i for i, offset in enumerate(lines)}
        on_line: dict[int, list[_Street]] = {}
        for street in sorted(group, key=lambda one: (one.low - one.high, one.offset, one.low)):
            i = rank[street.offset]
            votes = 0.0
            for step in (-1, 1):
                side = i + step
                left = street.high - street.low
                while 0 <= side < len(lines) and left > 0:
                    for other in on_line.get(side, []):
                        shared = min(street.high, other.high) - max(street.low, other.low)
                        if shared > 0:
                            votes += (shared if not other.forwards else -shared) / abs(side - i)
                            left -= shared
                    side += step
            street.forwards = votes > 0 or (votes == 0 and i % 2 == 0)
            on_line.setdefault(i, []).append(street)


def _mend(roadmap: Roadmap, with_lane: Flags) -> None:
    """Open streets both ways until the lanes connect what the roadmap connects."""
    start, end, twin = roadmap.start.tolist(), roadmap.end.tolist(), roadmap.twin.tolist()
    whole = strong_components(roadmap.nodes, zip(start, end, strict=True))
    kept = np.flatnonzero(with_lane).tolist()
    part = strong_components(roadmap.nodes, ((start[a], end[a]) for a in kept))
    head = list(range(max(part, default=-1) + 1))

    def of(component: int) -> int:
        while head[component] != component:
            head[component] = head[head[component]]
            component = head[component]
        return component

    for a in range(len(start)):
        one, two = of(part[start[a]]), of(part[end[a]])
        if one != two and whole[start[a]] == whole[end[a]] and twin[a] >= 0:
            with_lane[a] = with_lane[twin[a]] = True
            head[one] = two
