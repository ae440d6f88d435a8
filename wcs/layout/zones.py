"""Parts of a plant that are claimed before they are entered, found by themselves.

    DEAD_END   a way in that is the only way out: one robot, or they would meet inside
    BRIDGE     a single lane between two halls: any number one way, never both ways at once
    LIFT       a car and what the site file says of it: so many robots as it takes
    BLOCK      points that the site file ties together: so many robots as it says

Outside all zones the plant is made of halls in which whoever stands in the way can be pushed
round (wcs.fleet.grants); with a claim for every zone no two robots can lock each other in.

Laws:
    disjoint    a node lies in one zone at most; what the site file declares comes first
    open way    every dead end and every bridge is in a zone: away from zones all is rings
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from wcs.layout.connect import bridges, dead_ends, neighbours, parts
from wcs.plant import Plant

ZoneKind: TypeAlias = Literal["DEAD_END", "BRIDGE", "LIFT", "BLOCK"]


@dataclass(frozen=True, slots=True)
class Zone:
    """Nodes that are claimed together, and by how many robots at once."""

    kind: ZoneKind
    nodes: tuple[int, ...]
    capacity: int
    name: str = ""


def zones_of(plant: Plant) -> tuple[Zone, ...]:
    """What is claimed before it is entered: what the site file ties together, and dead ends."""
    node = {name: n for n, name in enumerate(plant.points)}
    declared = [
        Zone(
            "LIFT" if zone.kind == "lift" else "BLOCK",
            tuple(node[point] for point in zone.points),
            zone.capacity,
            zone.name,
        )
        for zone in plant.zones.values()
    ]
    ways = [(node[arc.start], node[arc.end]) for arc in plant.arcs]
    return find_zones(len(node), ways, declared)


def find_zones(
    n: int, ways: Iterable[tuple[int, int]], declared: Sequence[Zone] = ()
) -> tuple[Zone, ...]:
    """The declared zones of n nodes, then the dead ends and bridges of what is left."""
    near = neighbours(n, ways)
    taken = [False] * n
    for zone in declared:
        for node in zone.nodes:
            taken[node] = True
    ends = dead_ends(near)
    cut = bridges([[j for j in near[i] if not ends[j]] if not ends[i] else [] for i in range(n)])
    # a node is single-lane when all of its ways but those into dead ends are bridges
    single = [
        not ends[i]
        and any(True for j in near[i] if not ends[j])
        and all((min(i, j), max(i, j)) in cut for j in near[i] if not ends[j])
        for i in range(n)
    ]
    zones = list(declared)
    open_ends = [one and not held for one, held in zip(ends, taken, strict=True)]
    zones += [Zone("DEAD_END", tuple(group), 1) for group in parts(near, open_ends)]
    lanes = [one and not held for one, held in zip(single, taken, strict=True)]
    zones += [Zone("BRIDGE", tuple(group), len(group)) for group in parts(near, lanes)]
    return tuple(zones)


def zone_of(n: int, zones: Sequence[Zone]) -> NDArray[np.int32]:
    """(n,) the zone of each node, or -1."""
    found = np.full(n, -1, np.int32)
    for number, zone in enumerate(zones):
        found[list(zone.nodes)] = number
    return found
