"""CP-SAT under our limits: by time on all cores, or by steps, then the same on every machine.

    found = search(model, limits=..., seed=0, watch=watch, progress=heard)

An iteration is a tenth of what CP-SAT calls a deterministic second, on one worker. `limits.stop`
is asked whenever a plan or the bound gets better.
"""

from ortools.sat.python import cp_model

from optimizer.result import Limits, Progress, Stopwatch

WORKERS = 8  # of which some only look for better plans; more than there are cores does no harm
ITERATION = 0.1  # deterministic seconds


class Found:
    """What the search has found: values of variables, if `has_plan`."""

    def __init__(self, solver: cp_model.CpSolver, status: cp_model.CpSolverStatus) -> None:
        self._solver = solver
        self.has_plan = status in {cp_model.OPTIMAL, cp_model.FEASIBLE}
        self.is_infeasible = status == cp_model.INFEASIBLE
        self.bound = solver.best_objective_bound

    def __call__(self, variable: cp_model.IntVar) -> int:
        """The value of a variable in the best plan."""
        return int(self._solver.value(variable))


def search(
    model: cp_model.CpModel, *, limits: Limits, seed: int, watch: Stopwatch, progress: Progress
) -> Found:
    """Look for the best plan until it is proven, or the limits are reached."""
    solver = cp_model.CpSolver()
    solver.parameters.random_seed = seed
    solver.parameters.num_workers = WORKERS
    solver.parameters.relative_gap_limit = limits.gap
    if limits.seconds is not None:
        solver.parameters.max_time_in_seconds = limits.left_s(watch)
    if limits.iterations is not None:
        solver.parameters.num_workers = 1
        solver.parameters.max_deterministic_time = ITERATION * limits.iterations
    heard = _Heard(limits, progress)
    solver.best_bound_callback = lambda _: solver.stop_search() if limits.stop() else None
    status = solver.solve(model, heard)
    return Found(solver, status)


class _Heard(cp_model.CpSolverSolutionCallback):
    """Tells of each better plan, and stops when it is asked to."""

    def __init__(self, limits: Limits, progress: Progress) -> None:
        super().__init__()
        self._limits, self._progress = limits, progress

    def on_solution_callback(self) -> None:
        """A better plan was found."""
        self._progress(self.objective_value, self.best_objective_bound)
        if self._limits.stop():
            self.stop_search()
