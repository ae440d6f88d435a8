"""Which pods come to which stations, so that few visits serve many lines (goods to person).

    lines (station, SKU, units)  x  pods (SKU, units)  ──> visits (pod, station) and who picks what

Exact for one round: an integer program that pays for each visit and, dearly, for each unit that no
visit brings. A pod goes to one station in a round.

Laws:
    one        a pod is sent to one station at most
    room       a station gets no more pods than it has places
    content    no more is picked from a pod than lies in it
    same       the same round gives the same visits: one thread, one seed, a limit of work not time

Whole numbers. Source: pod selection in robotic mobile fulfilment systems; CP-SAT of OR-Tools.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

SHORT = 1_000_000  # a unit that is not brought, by the cost of a visit
EFFORT = 2.0  # of CP-SAT's deterministic time


@dataclass(frozen=True, slots=True)
class Line:
    """Units of one SKU that an order at a station wants."""

    station: str
    sku: str
    units: int


@dataclass(frozen=True, slots=True)
class Pod:
    """A shelf that robots carry: units by SKU, and what bringing it to each station costs."""

    name: str
    units: Mapping[str, int]
    cost: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Round:
    """Visits, and picks as (line, pod, units); `is_proven`: no round costs less."""

    visits: tuple[tuple[str, str], ...]
    picks: tuple[tuple[int, str, int], ...]
    short: int
    cost: int
    is_proven: bool


def choose_pods(
    lines: Sequence[Line], pods: Sequence[Pod], places: Mapping[str, int], effort: float = EFFORT
) -> Round:
    """The pods to bring now. `places`: how many pods each station takes in this round."""
    from ortools.sat.python import cp_model  # noqa: PLC0415 - takes more than a second

    model = cp_model.CpModel()
    visit = {
        (pod.name, at): model.new_bool_var(f"{pod.name}>{at}")
        for pod in pods
        for at in places
        if at in pod.cost and any(one.station == at and one.sku in pod.units for one in lines)
    }
    pick = {}
    for n, line in enumerate(lines):
        for pod in pods:
            if (pod.name, line.station) in visit and (have := pod.units.get(line.sku, 0)) > 0:
                most = min(have, line.units)
                pick[n, pod.name] = model.new_int_var(0, most, f"{n}<{pod.name}")
                model.add(pick[n, pod.name] <= most * visit[pod.name, line.station])
    for pod in pods:
        model.add_at_most_one(var for (name, _), var in visit.items() if name == pod.name)
        for sku, have in pod.units.items():
            model.add(
                sum(
                    var
                    for (n, name), var in pick.items()
                    if name == pod.name and lines[n].sku == sku
                )
                <= have
            )
    for at, most in places.items():
        model.add(sum(var for (_, where), var in visit.items() if where == at) <= most)
    brought = []
    for n, line in enumerate(lines):
        served = sum(var for (number, _), var in pick.items() if number == n)
        model.add(served <= line.units)
        brought.append(served)
    wanted = sum(line.units for line in lines)
    costs = {pod.name: pod.cost for pod in pods}
    ways = sum(costs[name][at] * var for (name, at), var in visit.items())
    model.minimize(ways - SHORT * sum(brought))
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 0
    solver.parameters.max_deterministic_time = effort
    status = solver.solve(model)
    assert status in (cp_model.OPTIMAL, cp_model.FEASIBLE), "bringing nothing is a round"
    picks = tuple(
        (n, name, units) for (n, name), var in pick.items() if (units := solver.value(var))
    )
    short = wanted - sum(units for _, _, units in picks)
    visits = tuple(key for key, var in visit.items() if solver.value(var))
    return Round(
        visits=visits,
        picks=picks,
        short=short,
        cost=sum(costs[name][at] for name, at in visits),
        is_proven=status == cp_model.OPTIMAL,
    )
