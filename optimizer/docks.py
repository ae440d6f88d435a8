"""Docks: which truck gets which door, and when.

    solve(Problem(trucks, doors)) -> Solution with a Slot for each truck

Time is cut into steps (a quarter of an hour, say). A truck comes at `arrives`, is worked on for
`lasts` steps without a break, at one door that may take it, and should be done by `due`.

    first    who is due first goes where it costs least
    prices   of steps at doors: a bound, and better plans (optimizer.docks_prices)
    mended   trucks near each other in time are taken out and put in anew
    cp_sat   the best of all plans that the prices have left possible: mostly few, so it proves

When a truck is late or a door fails, the plan is made again from the one before (`before`): who
is `fixed` stays, and each other truck that gets another door or time costs `move`, so that little
changes.

Laws (optimizer.docks_check says them a second time, its own way):
    a door has one truck at a time, and only trucks that it may take, while it is open
    no truck begins before it is there
    who is `fixed` keeps door and time

The cost is weighted lateness, waiting, the way to the stores behind the doors, and moves: whole
numbers. A truck for which no time is left has None, which costs `left_out`, and `why` names it.
An iteration is a round of mending, and one of CP-SAT's (optimizer.cpsat).

Source: L. Berghman, R. Leus, F. Spieksma, "Optimal solutions for a dock assignment problem with
trailer transportation", Annals of Operations Research 213, 2014 (the problem).
"""

from collections import defaultdict
from math import ceil

from ortools.sat.python import cp_model

from optimizer.cpsat import search
from optimizer.docks_prices import Sheet
from optimizer.docks_problem import Door, Plan, Problem, Slot, Truck
from optimizer.result import Limits, Progress, Solution, Status, Stopwatch, unheard

DEFAULT = Limits(seconds=15.0)
MENDING = 0.3  # of the time
SLOTS_MAX = 40_000  # more are not put before CP-SAT

__all__ = ["Door", "Plan", "Problem", "Slot", "Truck", "solve"]


def solve(
    problem: Problem, *, limits: Limits = DEFAULT, seed: int = 0, progress: Progress = unheard
) -> Solution[Plan]:
    """The slot of each truck; None for those that there is no time for."""
    work = _Search(problem, limits, progress)
    work.run(seed)
    plan = work.plan
    return Solution(
        status=Status.OPTIMAL if work.cost <= work.bound else Status.FEASIBLE,
        plan=plan,
        objective=float(work.cost),
        bound=float(work.bound),
        runtime_s=work.watch.elapsed_s,
        seed=seed,
        terms=problem.terms(plan),
        stages=work.stages,
        why=tuple(
            f"truck {number}: {_why(problem, number)}"
            for number, slot in enumerate(plan)
            if slot is None
        ),
    )


class _Search:
    """One method after the other, until it is proven that nothing is better."""

    def __init__(self, problem: Problem, limits: Limits, progress: Progress) -> None:
        self.watch = Stopwatch()
        self._problem, self._sheet = problem, Sheet(problem)
        self._limits, self._progress = limits, progress
        self.plan = self._sheet.first()
        self.cost, self.bound = self._sheet.cost(self.plan), 0
        self.stages: dict[str, float] = {}
        self._heard("first")

    def run(self, seed: int) -> None:
        """Make the plan better, and the bound."""
        self.plan, self.cost, self.bound = self._sheet.priced(
            self.plan, self.cost, lambda cost, bound: not self._is_over(0, cost, bound)
        )
        self._heard("prices")
        until = MENDING * self._limits.left_s(self.watch) + self.watch.elapsed_s
        self.plan, self.cost = self._sheet.mended(
            self.plan,
            self.cost,
            seed,
            lambda done, cost: (
                self.watch.elapsed_s < until and not self._is_over(done, cost, self.bound)
            ),
        )
        self._heard("mended")
        if not self._is_over(0, self.cost, self.bound):
            self._exact(seed)
            self._heard("cp_sat")

    def _is_over(self, done: int, cost: int, bound: int) -> bool:
        return self._limits.is_over(self.watch, done, float(cost), float(bound))

    def _heard(self, stage: str) -> None:
        self.stages[stage] = float(self.cost)
        self._progress(float(self.cost), float(self.bound))

    def _exact(self, seed: int) -> None:
        """The best plan that is better than this one, if any: of the slots that are left."""
        slots, outs = self._sheet.candidates(self.cost)
        if sum(map(len, slots)) > SLOTS_MAX:
            return
        model = cp_model.CpModel()
        chosen: dict[tuple[int, Slot | None], cp_model.IntVar] = {}
        takers: dict[tuple[int, int], list[cp_model.IntVar]] = defaultdict(list)
        for number, truck in enumerate(self._problem.trucks):
            options = [*slots[number], *([None] if outs[number] else [])]
            for slot in options:
                chosen[number, slot] = taken = model.new_bool_var(f"{number} {slot}")
                if slot is not None:
                    for step in range(slot.starts, slot.starts + truck.lasts):
                        takers[slot.door, step].append(taken)
            model.add_exactly_one(chosen[number, slot] for slot in options)
        for several in takers.values():
            model.add_at_most_one(several)
        costs = [self._problem.cost(*key) for key in chosen]
        total = cp_model.LinearExpr.weighted_sum(list(chosen.values()), costs)
        model.add(total < self.cost)
        model.minimize(total)
        found = search(
            model, limits=self._limits, seed=seed, watch=self.watch, progress=self._progress
        )
        if found.is_infeasible:
            self.bound = self.cost
        if found.has_plan:
            made = {number: slot for (number, slot), taken in chosen.items() if found(taken)}
            self.plan = tuple(made[number] for number in range(len(made)))
            self.cost = self._sheet.cost(self.plan)
            self.bound = min(self.cost, max(self.bound, ceil(found.bound - 1e-6)))


def _why(problem: Problem, number: int) -> str:
    if not any(problem.window(number, door) for door in range(len(problem.doors))):
        return "no door that may take it is open for as long as it lasts once it is there"
    return "all doors that may take it are taken by others as long as they are open"
