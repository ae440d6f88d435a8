"""What a site's people should know of its ways, beyond the faults that keep it from loading.

Each finding says what it is, why it matters and what would change it, and names its points, so
that it can be drawn (wcs.layout.draw).

    dead end      one robot at a time; a loop would let several in
    bridge        one direction at a time; a second lane would let both
    too close     robots at these points would touch: one waits for the other
    start         a robot that starts in a zone keeps it shut until it has left
"""

from collections.abc import Iterator
from dataclasses import dataclass

from wcs.layout.clash import clashes
from wcs.layout.roadmap import Roadmap
from wcs.plant import Plant


@dataclass(frozen=True, slots=True)
class Finding:
    """Something worth knowing: what, and where."""

    text: str
    points: tuple[str, ...]


def findings(plant: Plant) -> tuple[Finding, ...]:
    """All that is worth knowing of a plant that loads."""
    roadmap = Roadmap.of(plant)
    return (*_zones(plant, roadmap), *_close(plant, roadmap))


def _zones(plant: Plant, roadmap: Roadmap) -> Iterator[Finding]:
    starts = {robot.start: name for name, robot in plant.robots.items()}
    for zone in roadmap.zones:
        names = tuple(roadmap.names[node] for node in zone.nodes)
        where = _short(names)
        if zone.kind == "DEAD_END":
            text = f"dead end {where}: one robot at a time; a second way out would let in more"
            yield Finding(text, names)
        elif zone.kind == "BRIDGE":
            text = f"bridge {where}: one direction at a time; a second lane would take both"
            yield Finding(text, names)
        inside = [name for name in names if name in starts]
        if len(inside) > zone.capacity:
            text = (
                f"start {_short(tuple(inside))}: {len(inside)} robots start where only "
                f"{zone.capacity} may be at a time"
            )
            yield Finding(text, tuple(inside))


def _close(plant: Plant, roadmap: Roadmap) -> Iterator[Finding]:
    radius_m = max((robot.radius_m for robot in plant.robots.values()), default=0.0)
    first, clash = clashes(roadmap, radius_m)
    for a in range(roadmap.nodes):
        for b in clash[first[a] : first[a + 1]].tolist():
            if a < b:
                pair = (roadmap.names[a], roadmap.names[b])
                apart_m = plant.metres(*pair)
                text = (
                    f"too close {pair[0]}, {pair[1]}: {apart_m:.2f} m apart, and robots are "
                    f"{2 * radius_m:.2f} m wide; only one of them is held at a time"
                )
                yield Finding(text, pair)


def _short(names: tuple[str, ...]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")  # noqa: PLR2004 - a line's worth
