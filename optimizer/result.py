"""What every solver answers, and how long it may take.

A `Solution` says what to do (`plan`), what that costs and from which terms, and how good it is
known to be: `bound` is a proven floor under the cost of any plan, so `gap` is the share of the
cost that is not proven necessary. A solver without a proof leaves `bound` at None.

`Stopwatch` is the only place in this package that looks at a clock. It measures; plans do not
depend on it, but for solvers that are told to stop after some seconds.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, TypeVar

PlanT = TypeVar("PlanT")


class Status(StrEnum):
    """How much is known of a solution."""

    OPTIMAL = "OPTIMAL"  # no plan costs less (within the tolerance of floating point)
    FEASIBLE = "FEASIBLE"  # it can be carried out


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution(Generic[PlanT]):
    """A plan and what is known of it.

    Attributes:
        plan: what to do; its shape is told by each problem.
        objective: the cost of the plan, in the unit of the problem's costs.
        bound: a proven floor under the cost of any plan, or None.
        terms: the cost by name; the values add up to `objective`.
        stages: the cost after each method that was tried, in order, by the method's name.
    """

    status: Status
    plan: PlanT
    objective: float
    bound: float | None
    runtime_s: float
    seed: int
    terms: Mapping[str, float]
    stages: Mapping[str, float] = field(default_factory=dict)

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
