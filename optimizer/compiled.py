"""Loops that are compiled where numba is installed, and run as they are where it is not.

The same answers, some fifty times later. numba comes with the extra `fast`.

    @compiled
    def relax(distance, start, end, cost): ...      # arrays and numbers, no objects

`SOKO_COMPILED=0` leaves them as they are, to compare or to debug. What is compiled is kept beside
the module (`__pycache__`), so only the first call after a change waits for it.

Law: a compiled loop takes and gives arrays and numbers only, and its tests run it both ways.
"""

import os
from collections.abc import Callable
from importlib.util import find_spec
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

IS_COMPILED = os.environ.get("SOKO_COMPILED", "1") != "0" and find_spec("numba") is not None


def compiled(loop: Callable[P, R]) -> Callable[P, R]:
    """The same function, compiled when it is first called; or as it is."""
    if not IS_COMPILED:
        return loop
    from numba import njit  # noqa: PLC0415 - takes a second, and may not be there

    fast: Callable[P, R] = njit(cache=True, nogil=True)(loop)
    return fast
