"""Who is overdue: no nearer to its goal than it once was, for OVERDUE times its way.

The age of a robot's wish makes fair ranks, but who is near its goal and always crowded out of it
can be of high rank for long. Whoever is overdue goes before all who are not, the longest overdue
first; as soon as it is nearer than ever before, it is one of them again.

One rule for a site (wcs.stuck, in seconds) and for what measures it (in ticks).
"""

import numpy as np

from wcs.layout.roadmap import Floats, Ints

OVERDUE = 3.0


def patience(way: float, least: float) -> float:
    """How long a robot may get no nearer: by its way if it were alone, or the least that counts."""
    return OVERDUE * max(way, least)


def overdue_first(order: Ints, due: Floats, now: float) -> Ints:
    """The order of robots with those in front that were due before now; (robots,) when each is."""
    late = due[order] < now
    before: Ints = order[late][np.argsort(due[order][late], kind="stable")]
    found: Ints = np.concatenate([before, order[~late]])
    return found
