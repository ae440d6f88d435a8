"""Whether a roster breaks a rule: written without a line of who made it.

    faults(problem, duties) -> what is wrong, in words; nothing if all is right

Each person's duties are looked at as times on one line of minutes.
"""

from collections.abc import Iterable, Iterator
from itertools import pairwise

from optimizer.labour import DAY_MIN, Duty, Problem


def faults(problem: Problem, duties: Iterable[Duty]) -> list[str]:
    """What is wrong with a roster."""
    of: dict[int, list[Duty]] = {}
    for duty in duties:
        of.setdefault(duty.person, []).append(duty)
    return [text for person, own in sorted(of.items()) for text in _person(problem, person, own)]


def _person(problem: Problem, number: int, own: list[Duty]) -> Iterator[str]:
    person = problem.staff[number]
    if len(own) > person.shifts_max:
        yield f"{number} works more than the contract allows"
    for duty in own:
        if duty.work not in person.learned:
            yield f"{number} has not learned work {duty.work}"
        if (duty.day, duty.shift) in person.away:
            yield f"{number} cannot come on day {duty.day}"
        if (duty.day, duty.shift, duty.work) not in problem.needs:
            yield f"{number} works where nobody is wanted"
    yield from _times(problem, number, own)


def _times(problem: Problem, number: int, own: list[Duty]) -> Iterator[str]:
    days = [duty.day for duty in own]
    if len(set(days)) < len(days):
        yield f"{number} works twice a day"
    shifts = [(duty.day * DAY_MIN, problem.shifts[duty.shift]) for duty in own]
    times = sorted((begin + each.starts_min, begin + each.ends_min) for begin, each in shifts)
    for (_, end), (start, _) in pairwise(times):
        if start - end < problem.rest_min:
            yield f"{number} has no rest"
    length = problem.staff[number].ran
    for day in range(problem.days):
        length = length + 1 if day in days else 0
        if length > problem.days_running:
            yield f"{number} works too many days on end"
