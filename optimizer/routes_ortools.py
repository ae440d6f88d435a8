"""Routes by the routing library of OR-Tools: guided local search from the plan that there is."""

from math import ceil

from ortools.constraint_solver import pywrapcp, routing_enums_pb2  # type: ignore[import-untyped]

from optimizer.result import Limits, Stopwatch
from optimizer.routes import Problem, Routes

SPARE = 2  # vehicles more than the plan has, where there are


def improved(problem: Problem, plan: Routes, limits: Limits, watch: Stopwatch, seed: int) -> Routes:
    """Better routes than these, if some are found. It takes no seed: chance plays no part."""
    del seed
    count = min(problem.fleet, len(plan) + SPARE)
    manager = pywrapcp.RoutingIndexManager(len(problem.stops) + 1, count, 0)
    routing = pywrapcp.RoutingModel(manager)
    routing.SetArcCostEvaluatorOfAllVehicles(
        routing.RegisterTransitMatrix(problem.distance.tolist())
    )
    takes = [0, *(stop.takes for stop in problem.stops)]
    load = routing.RegisterUnaryTransitVector(takes)
    routing.AddDimension(load, 0, problem.capacity, True, "load")  # noqa: FBT003
    _add_times(problem, routing, manager)
    for number in range(len(problem.stops)):
        routing.AddDisjunction([manager.NodeToIndex(number + 1)], problem.left_out)
    parameters = pywrapcp.DefaultRoutingSearchParameters()
    parameters.local_search_metaheuristic = (
        routing_enums_pb2.LocalSearchMetaheuristic.GUIDED_LOCAL_SEARCH
    )
    if limits.seconds is not None:
        parameters.time_limit.FromMilliseconds(max(1, ceil(1000 * limits.left_s(watch))))
    if limits.iterations is not None:
        parameters.solution_limit = max(1, limits.iterations)
    routing.AddAtSolutionCallback(lambda: limits.stop() and routing.solver().FinishCurrentSearch())
    routing.CloseModelWithParameters(parameters)
    places = [[stop + 1 for stop in route] for route in plan]
    start = routing.ReadAssignmentFromRoutes(places, True)  # noqa: FBT003
    found = routing.SolveFromAssignmentWithParameters(start, parameters)
    return plan if found is None else _routes(routing, manager, found, count)


def _add_times(
    problem: Problem, routing: pywrapcp.RoutingModel, manager: pywrapcp.RoutingIndexManager
) -> None:
    """Durations, and when places are open; nothing where time plays no part."""
    lasts = [0, *(stop.lasts for stop in problem.stops)]
    taken = problem.minutes + [[each] for each in lasts]
    callback = routing.RegisterTransitMatrix(taken.tolist())
    routing.AddDimension(callback, problem.closes, problem.closes, False, "time")  # noqa: FBT003
    times = routing.GetDimensionOrDie("time")
    for number, stop in enumerate(problem.stops):
        at = times.CumulVar(manager.NodeToIndex(number + 1))
        at.SetRange(stop.opens, min(stop.closes, problem.closes))


def _routes(
    routing: pywrapcp.RoutingModel, manager: pywrapcp.RoutingIndexManager,
    found: pywrapcp.Assignment, count: int,
) -> Routes:  # fmt: skip
    made = []
    for vehicle in range(count):
        route, at = [], found.Value(routing.NextVar(routing.Start(vehicle)))
        while not routing.IsEnd(at):
            route.append(manager.IndexToNode(at) - 1)
            at = found.Value(routing.NextVar(at))
        if route:
            made.append(tuple(route))
    return tuple(made)
