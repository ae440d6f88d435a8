"""Whether vehicles can make their routes: written without a line of who made them.

    faults(problem, routes) -> what is wrong, in words; nothing if all is right

Each route is driven minute by minute of a log.
"""

from collections import Counter
from collections.abc import Iterator

from optimizer.routes import Problem, Routes


def faults(problem: Problem, routes: Routes) -> list[str]:
    """What is wrong with them."""
    times = Counter(stop for route in routes for stop in route)
    found = [f"stop {stop} is made {count} times" for stop, count in times.items() if count > 1]
    if problem.vehicles is not None and len(routes) > problem.vehicles:
        found.append(f"{len(routes)} routes, there are {problem.vehicles} vehicles")
    for number, route in enumerate(routes):
        found += _driven(problem, number, route)
    return found


def _driven(problem: Problem, number: int, route: tuple[int, ...]) -> Iterator[str]:
    load = sum(problem.stops[stop].takes for stop in route)
    if load > problem.capacity:
        yield f"route {number} carries {load}, it can {problem.capacity}"
    clock, place = 0, 0
    drive = problem.distance if problem.duration is None else problem.duration
    for index in route:
        clock += int(drive[place][index + 1])
        stop, place = problem.stops[index], index + 1
        if clock > stop.closes:
            yield f"stop {index} is closed at {clock}"
        clock = max(clock, stop.opens) + stop.lasts
    if clock + int(drive[place][0]) > problem.closes:
        yield f"route {number} ends after the depot has closed"


def length(problem: Problem, routes: Routes) -> int:
    """The distance of all routes."""
    total = 0
    for route in routes:
        place = 0
        for index in (*[stop + 1 for stop in route], 0):
            total += int(problem.distance[place][index])
            place = index
    return total
