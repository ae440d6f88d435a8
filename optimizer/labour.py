"""Shifts: who works when, and at what.

    solve(Problem(staff, shifts, days, needs)) -> Solution with the duties

Needs say how many are wanted on a day, in a shift, at some work. People have learned some work,
have days and shifts on which they cannot come, wishes, and contracts of so many shifts. CP-SAT
chooses; before it a greedy roster is made: the need that fewest can fill first, by whom it costs
least.

Laws, never broken (optimizer.labour_check says them a second time, its own way):
    one shift a day, at work that they have learned; never when they cannot come
    at least `rest_min` minutes between two shifts, at most `days_running` days on end
    not more shifts than the contract has

The cost: each one who lacks (`short`), each shift less than a contract promises (`under`), wishes
that are not met (what they say), and `unfair` for each unwelcome shift of the one who has most of
them. Whole numbers. An iteration is one of CP-SAT's (optimizer.cpsat). Where people lack, `why`
says how many shifts of what.

Source: E. Burke, P. De Causmaecker, G. Vanden Berghe, H. Van Landeghem, "The State of the Art of
Nurse Rostering", Journal of Scheduling 7, 2004 (the rules).
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import NamedTuple

from ortools.sat.python import cp_model

from optimizer.cpsat import search
from optimizer.result import Limits, Progress, Solution, Status, Stopwatch, unheard

DEFAULT = Limits(seconds=30.0)
DAY_MIN = 24 * 60


class Duty(NamedTuple):
    """Somebody works in a shift of a day, at some work."""

    person: int
    day: int
    shift: int
    work: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """From a minute of the day to another, which may lie in the next one."""

    starts_min: int
    ends_min: int
    unwelcome: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody of the staff.

    Attributes:
        learned: kinds of work.
        shifts_min: what the contract promises in these days; `shifts_max` is what it allows.
        away: (day, shift) on which they cannot come.
        wishes: (day, shift) to what it costs that they work then; below 0 what it saves.
        ran: days on end that they have worked until now.
    """

    learned: frozenset[int]
    shifts_min: int = 0
    shifts_max: int
    away: frozenset[tuple[int, int]] = frozenset()
    wishes: Mapping[tuple[int, int], int] = field(default_factory=dict)
    ran: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """`needs`: (day, shift, work) to how many are wanted."""

    staff: tuple[Person, ...]
    shifts: tuple[Shift, ...]
    days: int
    needs: Mapping[tuple[int, int, int], int]
    rest_min: int = 11 * 60
    days_running: int = 6
    short: int = 100
    under: int = 20
    unfair: int = 5

    def __post_init__(self) -> None:
        if any(not 0 <= person.shifts_min <= person.shifts_max for person in self.staff):
            raise ValueError("a contract promises no more shifts than it allows")
        if any(shift.starts_min >= shift.ends_min for shift in self.shifts):
            raise ValueError("a shift ends after it starts; past midnight with more than 1440")
        for day, shift, _ in self.needs:
            if not (0 <= day < self.days and 0 <= shift < len(self.shifts)):
                raise ValueError(f"nobody can be wanted on day {day} in shift {shift}")
        if self.days_running < 1 or min(self.short, self.under, self.unfair) < 0:
            raise ValueError("people work a day on end at least, and costs are at least 0")

    def rests_between(self, shift: int, following: int) -> bool:
        """Whether there is rest enough from a shift to another of the next day."""
        pause = DAY_MIN + self.shifts[following].starts_min - self.shifts[shift].ends_min
        return pause >= self.rest_min

    def terms(self, duties: Iterable[Duty]) -> dict[str, float]:
        """What a roster costs, by name."""
        there: Counter[tuple[int, int, int]] = Counter()
        each: Counter[int] = Counter()
        unwelcome: Counter[int] = Counter({-1: 0})
        wishes = 0
        for person, day, shift, work in duties:
            there[day, shift, work] += 1
            each[person] += 1
            unwelcome[person] += self.shifts[shift].unwelcome
            wishes += self.staff[person].wishes.get((day, shift), 0)
        short = sum(max(0, count - there[need]) for need, count in self.needs.items())
        under = sum(max(0, p.shifts_min - each[number]) for number, p in enumerate(self.staff))
        return {
            "short": float(self.short * short),
            "under": float(self.under * under),
            "wishes": float(wishes),
            "unfair": float(self.unfair * max(unwelcome.values())),
        }


def solve(
    problem: Problem, *, limits: Limits = DEFAULT, seed: int = 0, progress: Progress = unheard
) -> Solution[tuple[Duty, ...]]:
    """The duties, sorted."""
    watch = Stopwatch()
    plan = greedy(problem)
    best = sum(problem.terms(plan).values())
    stages = {"greedy": best}
    bound = float("-inf")
    if not limits.is_over(watch):
        made = _Model(problem, plan)
        found = search(made.model, limits=limits, seed=seed, watch=watch, progress=progress)
        bound = ceil(found.bound - 1e-6)
        if found.has_plan:
            other = tuple(duty for duty, taken in made.duties.items() if found(taken))
            if sum(problem.terms(other).values()) < best:
                plan = other
    terms = problem.terms(plan)
    objective = stages["cp_sat"] = sum(terms.values())
    return Solution(
        status=Status.OPTIMAL if objective <= bound else Status.FEASIBLE,
        plan=plan,
        objective=objective,
        bound=None if bound == float("-inf") else min(bound, objective),
        runtime_s=watch.elapsed_s,
        seed=seed,
        terms=terms,
        stages=stages,
        why=_lacking(problem, plan),
    )


def _lacking(problem: Problem, plan: Iterable[Duty]) -> tuple[str, ...]:
    there = Counter((duty.day, duty.shift, duty.work) for duty in plan)
    lacking: Counter[int] = Counter()
    for need, count in problem.needs.items():
        lacking[need[2]] += max(0, count - there[need])
    return tuple(
        f"{count} shifts of work {work} have nobody"
        for work, count in sorted(lacking.items())
        if count
    )


def greedy(problem: Problem) -> tuple[Duty, ...]:
    """The need that fewest can fill first, by whom it costs least."""
    able = {
        (day, shift, work): [
            number
            for number, person in enumerate(problem.staff)
            if work in person.learned and (day, shift) not in person.away
        ]
        for day, shift, work in problem.needs
    }
    busy: dict[int, dict[int, int]] = defaultdict(dict)  # of a person, shifts by day
    made = []
    for need in sorted(problem.needs, key=lambda each: (len(able[each]), each)):
        day, shift, work = need
        free = [who for who in able[need] if _can(problem, who, busy[who], day, shift)]
        free.sort(key=lambda who: (problem.staff[who].wishes.get((day, shift), 0), len(busy[who])))
        for who in free[: problem.needs[need]]:
            busy[who][day] = shift
            made.append(Duty(who, day, shift, work))
    return tuple(sorted(made))


def _can(problem: Problem, who: int, busy: Mapping[int, int], day: int, shift: int) -> bool:
    """Whether somebody who works on those days may work on that one as well."""
    person = problem.staff[who]
    if day in busy or len(busy) >= person.shifts_max:
        return False
    before, after = busy.get(day - 1), busy.get(day + 1)
    if before is not None and not problem.rests_between(before, shift):
        return False
    if after is not None and not problem.rests_between(shift, after):
        return False
    first = last = day
    while first - 1 in busy:
        first -= 1
    while last + 1 in busy:
        last += 1
    ran = person.ran if first == 0 else 0
    return ran + last - first + 1 <= problem.days_running


class _Model:
    """The problem in the words of CP-SAT."""

    def __init__(self, problem: Problem, hint: Iterable[Duty]) -> None:
        self.model = cp_model.CpModel()
        self.duties: dict[Duty, cp_model.IntVar] = {}
        self._problem = problem
        self._costs: list[tuple[cp_model.IntVar, int]] = []
        self._most = self.model.new_int_var(0, problem.days, "most")
        for number in range(len(problem.staff)):
            self._person(number)
        self._cover()
        hinted = set(hint)
        for duty, taken in self.duties.items():
            self.model.add_hint(taken, duty in hinted)
        self._costs.append((self._most, problem.unfair))
        variables = [variable for variable, _ in self._costs]
        weights = [weight for _, weight in self._costs]
        self.model.minimize(cp_model.LinearExpr.weighted_sum(variables, weights))

    def _person(self, number: int) -> None:
        """What somebody can do, and the rules that hold for them."""
        problem, person, model = self._problem, self._problem.staff[number], self.model
        on: dict[tuple[int, int], list[cp_model.IntVar]] = defaultdict(list)
        for day, shift, work in sorted(problem.needs):
            if work in person.learned and (day, shift) not in person.away:
                taken = model.new_bool_var(f"{number} {day} {shift} {work}")
                self.duties[Duty(number, day, shift, work)] = taken
                self._costs.append((taken, person.wishes.get((day, shift), 0)))
                on[day, shift].append(taken)
        days = [
            [taken for (other, _), several in on.items() if other == day for taken in several]
            for day in range(problem.days)
        ]
        for several in days:
            model.add_at_most_one(several)
        for (day, shift), several in on.items():
            tired = [
                taken
                for following in range(len(problem.shifts))
                if not problem.rests_between(shift, following)
                for taken in on.get((day + 1, following), ())
            ]
            if tired:
                model.add_at_most_one(several + tired)
        for first in range(
            -min(person.ran, problem.days_running), problem.days - problem.days_running
        ):
            window = days[max(0, first) : first + problem.days_running + 1]
            most = problem.days_running + min(0, first)
            model.add(sum(taken for several in window for taken in several) <= most)
        self._contract(person, [taken for several in days for taken in several])
        nights = [taken for key, v in on.items() if problem.shifts[key[1]].unwelcome for taken in v]
        model.add(sum(nights) <= self._most)

    def _contract(self, person: Person, all_: list[cp_model.IntVar]) -> None:
        under = self.model.new_int_var(0, person.shifts_min, "under")
        self.model.add(sum(all_) <= person.shifts_max)
        self.model.add(sum(all_) + under >= person.shifts_min)
        self._costs.append((under, self._problem.under))

    def _cover(self) -> None:
        """Who is wanted is there, or lacks."""
        there: dict[tuple[int, int, int], list[cp_model.IntVar]] = defaultdict(list)
        for (_, day, shift, work), taken in self.duties.items():
            there[day, shift, work].append(taken)
        for need, count in sorted(self._problem.needs.items()):
            short = self.model.new_int_var(0, count, f"short {need}")
            self.model.add(sum(there[need]) + short >= count)
            self._costs.append((short, self._problem.short))
