"""Which nodes two robots cannot hold at once, because they would touch.

Robots are discs of `radius_m`; nodes of one map that lie closer than two radii clash. Whoever
is granted a node (wcs.fleet.grants) must find all that clash with it free.
"""

import numpy as np

from wcs.layout.roadmap import Ints, Roadmap


def clashes(roadmap: Roadmap, radius_m: float) -> tuple[Ints, Ints]:
    """(n + 1,) and what it points into: the nodes that clash with node i, ascending."""
    order = np.argsort(roadmap.x_m, kind="stable")
    x, y, level = roadmap.x_m[order], roadmap.y_m[order], roadmap.level[order]
    last = np.searchsorted(x, x + 2 * radius_m, side="left")
    pairs: list[tuple[int, int]] = []
    for i in range(len(order)):
        k = np.arange(i + 1, last[i])
        near = (x[k] - x[i]) ** 2 + (y[k] - y[i]) ** 2 < (2 * radius_m) ** 2
        for j in k[near & (level[k] == level[i])].tolist():
            a, b = int(order[i]), int(order[j])
            pairs += [(a, b), (b, a)]
    pairs.sort()
    first = np.searchsorted([a for a, _ in pairs], np.arange(roadmap.nodes + 1))
    return first.astype(np.int32), np.array([b for _, b in pairs], np.int32)
