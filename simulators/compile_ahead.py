"""Compile ahead: the loops of release and sourcing, once after an installation.

    python -m simulators.compile_ahead     what `make demo` does first

What is compiled is kept beside the modules. Otherwise each process that comes first compiles for
itself, at once with the others, while robots and orders wait. Without numba nothing is done.

Law: the loops are called here with the types that the product calls them with, so that nothing is
left to be compiled.
"""

import numpy as np

from optimizer import batching
from optimizer.compiled import IS_COMPILED
from optimizer.layout import Block
from optimizer.result import Limits
from optimizer.sourcing_batch import warm

ORDERS = 6


def compile_ahead() -> None:
    """All of them; small problems of the shapes that release and orders have."""
    if not IS_COMPILED:
        return
    warm()
    for cross_aisles_m in ((), (5.0,)):
        problem = batching.Problem(
            block=Block(
                aisles=3, aisle_length_m=10.0, aisle_pitch_m=3.0, cross_aisles_m=cross_aisles_m
            ),
            aisle=np.arange(2 * ORDERS, dtype=np.int64) % 3,
            depth_m=np.arange(2.0 * ORDERS) % 9,
            order_of_stop=np.arange(2 * ORDERS, dtype=np.int64) // 2,
            size_of_order=np.full(ORDERS, 2, dtype=np.int64),
            capacity=6,
            orders_max=3,
        )
        batching.solve(problem, limits=Limits(seconds=2.0))


if __name__ == "__main__":
    compile_ahead()
