"""Docks: which truck gets which door, and when.

    solve(Problem(trucks, doors)) -> Solution with a Slot for each truck

Time is cut into steps (a quarter of an hour, say). A truck comes at `arrives`, is worked on for
`lasts` steps without a break, at one door that may take it, and should be done by `due`. CP-SAT
chooses; what it starts from is greedy: the trucks that are due first go where they are done first.

When a truck is late or a door fails, the plan is made again from the one before (`before`): who
is `fixed` stays, and each other truck that gets another door or time costs `move`, so that little
changes.

Laws (optimizer.docks_check says them a second time, its own way):
    a door has one truck at a time, and only trucks that it may take, while it is open
    no truck begins before it is there
    who is `fixed` keeps door and time

The cost is weighted lateness, waiting, the way to the stores behind the doors, and moves: whole
numbers. A truck for which no time is left has None, which costs `left_out`, and `why` names it.

Source: L. Berghman, R. Leus, F. Spieksma, "Optimal solutions for a dock assignment problem with
trailer transportation", Annals of Operations Research 213, 2014 (the problem).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ortools.sat.python import cp_model

from optimizer.cpsat import Found, search
from optimizer.result import Limits, Progress, Solution, Status, Stopwatch, unheard

DEFAULT = Limits(seconds=15.0)
_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Truck:
    """A truck.

    Attributes:
        arrives: the first step in which it is there.
        lasts: steps at the door.
        due: the step before which it should be done.
        late: what each step after `due` costs.
        waits: what each step between coming and beginning costs.
        way: what each door costs it; None: it cannot go there. As long as there are doors.
    """

    arrives: int
    lasts: int
    due: int
    late: int = 10
    waits: int = 1
    way: tuple[int | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """A door, open from a step until before another."""

    opens: int = 0
    closes: int


@dataclass(frozen=True, slots=True, order=True)
class Slot:
    """A door, and the step in which work begins there."""

    door: int
    starts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Trucks and doors.

    Attributes:
        before: the slot that each truck had, or None; nothing: there was no plan.
        fixed: trucks that keep it.
        move: what another door or time costs than the one before.
        left_out: what it costs to have no time for a truck.
    """

    trucks: tuple[Truck, ...]
    doors: tuple[Door, ...]
    left_out: int = 100_000
    before: tuple[Slot | None, ...] = ()
    fixed: frozenset[int] = frozenset()
    move: int = 0

    def __post_init__(self) -> None:
        if any(len(truck.way) != len(self.doors) for truck in self.trucks):
            raise ValueError("each truck says what each door costs it")
        if any(truck.lasts < 1 or min(truck.late, truck.waits) < 0 for truck in self.trucks):
            raise ValueError("work lasts at least a step, and costs are at least 0")
        if self.before and len(self.before) != len(self.trucks):
            raise ValueError("a plan before has a slot, or None, for each truck")
        self._check_fixed()

    def _check_fixed(self) -> None:
        taken: dict[tuple[int, int], int] = {}
        for number in sorted(self.fixed):
            slot = self.before[number] if self.before else None
            if slot is None or slot.starts not in self.window(number, slot.door):
                raise ValueError(f"truck {number} is fixed where it cannot be")
            for step in range(slot.starts, slot.starts + self.trucks[number].lasts):
                if (slot.door, step) in taken:
                    raise ValueError(f"truck {number} is fixed where {taken[slot.door, step]} is")
                taken[slot.door, step] = number

    def cost(self, number: int, slot: Slot | None) -> int:
        """What a truck's slot costs."""
        return sum(self._terms(number, slot).values())

    def terms(self, plan: Sequence[Slot | None]) -> dict[str, float]:
        """What a plan costs, by name."""
        total = dict.fromkeys(("left_out", "lateness", "waiting", "ways", "moves"), 0.0)
        for number, slot in enumerate(plan):
            for name, cost in self._terms(number, slot).items():
                total[name] += cost
        return total

    def _terms(self, number: int, slot: Slot | None) -> dict[str, int]:
        if slot is None:
            return {"left_out": self.left_out}
        truck = self.trucks[number]
        moved = bool(self.before) and self.before[number] not in {None, slot}
        return {
            "lateness": truck.late * max(0, slot.starts + truck.lasts - truck.due),
            "waiting": truck.waits * (slot.starts - truck.arrives),
            "ways": truck.way[slot.door] or 0,
            "moves": self.move * moved,
        }

    def window(self, number: int, door: int) -> range:
        """The steps in which that truck can begin at that door."""
        truck, opening = self.trucks[number], self.doors[door]
        if truck.way[door] is None:
            return range(0)
        return range(max(truck.arrives, opening.opens), opening.closes - truck.lasts + 1)


def solve(
    problem: Problem, *, limits: Limits = DEFAULT, seed: int = 0, progress: Progress = unheard
) -> Solution[tuple[Slot | None, ...]]:
    """The slot of each truck; None for those that there is no time for."""
    watch = Stopwatch()
    plan = greedy(problem)
    terms = problem.terms(plan)
    first = best = sum(terms.values())
    bound = 0.0
    progress(best, bound)
    if not limits.is_over(watch, 0, best, bound):
        model = _Model(problem, plan)
        found = search(model.model, limits=limits, seed=seed, watch=watch, progress=progress)
        bound = max(0.0, found.bound)
        if found.has_plan:
            other = tuple(model.slot(found, number) for number in range(len(problem.trucks)))
            if sum(problem.terms(other).values()) < best:
                plan, terms = other, problem.terms(other)
                best = sum(terms.values())
    left_out = [number for number, slot in enumerate(plan) if slot is None]
    return Solution(
        status=Status.OPTIMAL if best <= bound + _TOLERANCE else Status.FEASIBLE,
        plan=plan,
        objective=best,
        bound=min(bound, best),
        runtime_s=watch.elapsed_s,
        seed=seed,
        terms=terms,
        stages={"greedy": first, "cp_sat": best},
        why=tuple(f"truck {number}: {_why(problem, number)}" for number in left_out),
    )


def greedy(problem: Problem) -> tuple[Slot | None, ...]:
    """Who is fixed first, then by when they are due, each where it costs least."""
    busy: list[list[tuple[int, int]]] = [[] for _ in problem.doors]
    plan: list[Slot | None] = [None] * len(problem.trucks)
    numbers = range(len(problem.trucks))
    turn = sorted(
        numbers,
        key=lambda n: (n not in problem.fixed, problem.trucks[n].due, problem.trucks[n].arrives, n),
    )
    for number in turn:
        options = [
            Slot(door, starts)
            for door in range(len(problem.doors))
            for starts in _starts(problem, number, door, busy[door])
        ]
        if number in problem.fixed:
            options = [slot for slot in options if slot == problem.before[number]]
        if options:
            slot = min(options, key=lambda each: (problem.cost(number, each), each))
            plan[number] = slot
            busy[slot.door].append((slot.starts, slot.starts + problem.trucks[number].lasts))
    return tuple(plan)


def _starts(
    problem: Problem, number: int, door: int, busy: Sequence[tuple[int, int]]
) -> Iterator[int]:
    """When it could begin at a door: at once, when another has left, or when it was to."""
    window, lasts = problem.window(number, door), problem.trucks[number].lasts
    wanted = {window.start, *(end for _, end in busy)}
    before = problem.before[number] if problem.before else None
    if before is not None:
        wanted.add(before.starts)
    for starts in sorted(wanted):
        if starts in window and all(
            starts >= end or starts + lasts <= begin for begin, end in busy
        ):
            yield starts


def _why(problem: Problem, number: int) -> str:
    if not any(problem.window(number, door) for door in range(len(problem.doors))):
        return "no door that may take it is open for as long as it lasts once it is there"
    return "all doors that may take it are taken by others as long as they are open"


class _Model:
    """The problem in the words of CP-SAT."""

    def __init__(self, problem: Problem, hint: Sequence[Slot | None]) -> None:
        self.model = cp_model.CpModel()
        self._problem = problem
        self._at: list[dict[int, cp_model.IntVar]] = []
        self._starts: list[cp_model.IntVar] = []
        self._at_door: list[list[cp_model.IntervalVar]] = [[] for _ in problem.doors]
        self._costs: list[tuple[cp_model.IntVar, int]] = []
        fixed = sum(self._truck(number, hint[number]) for number in range(len(problem.trucks)))
        for intervals in self._at_door:
            self.model.add_no_overlap(intervals)
        variables = [variable for variable, _ in self._costs]
        weights = [weight for _, weight in self._costs]
        self.model.minimize(cp_model.LinearExpr.weighted_sum(variables, weights) + fixed)

    def slot(self, found: Found, number: int) -> Slot | None:
        """The slot of a truck in what was found."""
        for door, there in self._at[number].items():
            if found(there):
                return Slot(door, found(self._starts[number]))
        return None

    def _truck(self, number: int, hint: Slot | None) -> int:
        """Its variables, rules and costs; what it costs in any case."""
        problem, model = self._problem, self.model
        truck = problem.trucks[number]
        windows = {d: w for d in range(len(problem.doors)) if (w := problem.window(number, d))}
        last = max((window.stop for window in windows.values()), default=truck.arrives + 1) - 1
        starts = model.new_int_var(truck.arrives, last, f"starts {number}")
        there = {door: model.new_bool_var(f"{number} at {door}") for door in windows}
        out = model.new_bool_var(f"{number} left out")
        model.add_exactly_one(*there.values(), out)
        for door, window in windows.items():
            model.add(starts >= window.start).only_enforce_if(there[door])
            model.add(starts <= window.stop - 1).only_enforce_if(there[door])
            self._at_door[door].append(
                model.new_optional_fixed_size_interval_var(
                    starts, truck.lasts, there[door], f"{number} works at {door}"
                )
            )
            model.add_hint(there[door], hint is not None and hint.door == door)
        model.add_hint(starts, truck.arrives if hint is None else hint.starts)
        model.add_hint(out, hint is None)
        self._at.append(there)
        self._starts.append(starts)
        late = model.new_int_var(0, max(0, last + truck.lasts - truck.due), f"late {number}")
        model.add(late >= starts + truck.lasts - truck.due).only_enforce_if(out.negated())
        model.add(starts == truck.arrives).only_enforce_if(out)
        self._costs += [(out, problem.left_out), (late, truck.late), (starts, truck.waits)]
        self._costs += [(var, truck.way[door] or 0) for door, var in there.items()]
        fixed = -truck.waits * truck.arrives
        before = problem.before[number] if problem.before else None
        if before is not None:
            same = self._same(number, before)
            self._costs += [(same, -problem.move), (out, -problem.move)]
            fixed += problem.move
        return fixed

    def _same(self, number: int, before: Slot) -> cp_model.IntVar:
        """Whether it has the slot that it had."""
        there, starts = self._at[number], self._starts[number]
        same = self.model.new_bool_var(f"{number} as before")
        if before.door in there:
            self.model.add_implication(same, there[before.door])
        else:
            self.model.add(same == 0)
        self.model.add(starts == before.starts).only_enforce_if(same)
        if number in self._problem.fixed:
            self.model.add(same == 1)
        return same
