"""What every solver answers, and how long it may take.

A `Solution` says what to do (`plan`), what that costs and from which terms, and how good it is
known to be: `bound` is a proven floor under the cost of any plan, so `gap` is the share of the
cost that is not proven necessary. A solver without a proof leaves `bound` at None.

`Limits` say when a solver has looked long enough: by seconds, by steps of its own, by the gap that
is good enough, or when somebody stops it; the best plan so far is the answer in each case. With
a limit of iterations and none of seconds the same seed gives the same answer, on any machine.
`Progress` is told the best cost and the bound whenever one of them got better.

`Stopwatch` is the only place in this package that looks at a clock. It measures; plans do not
depend on it, but for solvers that are told to stop after some seconds.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, TypeAlias, TypeVar

PlanT = TypeVar("PlanT")
Progress: TypeAlias = Callable[[float, float | None], None]


class Status(StrEnum):
    """How much is known of a solution."""

    OPTIMAL = "OPTIMAL"  # no plan costs less (within the tolerance of floating point)
    FEASIBLE = "FEASIBLE"  # it can be carried out
    INFEASIBLE = "INFEASIBLE"  # nothing can be: `why` says what stands in the way


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution(Generic[PlanT]):
    """A plan and what is known of it.

    Attributes:
        plan: what to do; its shape is told by each problem.
        objective: the cost of the plan, in the unit of the problem's costs.
        bound: a proven floor under the cost of any plan, or None.
        terms: the cost by name; the values add up to `objective`.
        stages: the cost after each method that was tried, in order, by the method's name.
        why: what stands in the way of a plan, or of a better one, in words; most have none.
    """

    status: Status
    plan: PlanT
    objective: float
    bound: float | None
    runtime_s: float
    seed: int
    terms: Mapping[str, float]
    stages: Mapping[str, float] = field(default_factory=dict)
    why: tuple[str, ...] = ()

    @property
    def gap(self) -> float | None:
        """(objective - bound) / objective, or None without a bound; 0 for a cost of zero."""
        if self.bound is None:
            return None
        if self.objective == 0:
            return 0.0
        return max(0.0, (self.objective - self.bound) / abs(self.objective))


class Stopwatch:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._start = time.perf_counter()

    @property
    def elapsed_s(self) -> float:
        """Seconds so far."""
        return time.perf_counter() - self._start


def _never() -> bool:
    return False


def unheard(_best: float, _bound: float | None) -> None:
    """A `Progress` that nobody listens to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """When a solver has looked long enough; whichever comes first.

    Attributes:
        seconds: from when the solver was called; None: no limit.
        iterations: steps of the solver's own kind (each says which); None: no limit.
        gap: (best - bound) / best that is good enough.
        stop: asked between steps; once it says True the best so far is the answer.
    """

    seconds: float | None = None
    iterations: int | None = None
    gap: float = 0.0
    stop: Callable[[], bool] = _never

    def __post_init__(self) -> None:
        if (self.seconds or 0) < 0 or (self.iterations or 0) < 0 or self.gap < 0:
            raise ValueError(f"limits are at least 0: {self}")

    def left_s(self, watch: Stopwatch) -> float:
        """Seconds that are left; inf without a limit, never below 0."""
        return float("inf") if self.seconds is None else max(0.0, self.seconds - watch.elapsed_s)

    def is_over(
        self, watch: Stopwatch, done: int = 0, best: float | None = None, bound: float | None = None
    ) -> bool:
        """Whether it is time to answer, after so many iterations, with this best and bound."""
        if self.stop() or self.left_s(watch) <= 0:
            return True
        if self.iterations is not None and done >= self.iterations:
            return True
        return (
            best is not None
            and bound is not None
            and best - bound <= max(self.gap, 1e-9) * max(1.0, abs(best))
        )
