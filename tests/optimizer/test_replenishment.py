"""Levels: the same as a public library finds, and no others cost less."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.replenishment import (
    Levels,
    Problem,
    convolved,
    cost_of,
    newsvendor,
    newsvendor_normal,
    poisson,
    service_short,
    solve,
    solve_rq,
    spread,
)
from optimizer.result import Status

# What stockpyl 1.0.2 answers. It brings a documentation system along that slows each start of
# Python, so by day its answers stand here; by night it is asked itself, for more.
# fixed, short, hold, mean of a Poisson demand: s, S, cost
SS: dict[tuple[float, float, float, float], tuple[int, int, float]] = {
    (5, 4, 1, 6): (4, 10, 8.034111561471642),
    (64, 9, 1, 10): (6, 40, 35.021555272320384),
    (64, 9, 1, 25): (19, 56, 54.26216671858924),
    (100, 2, 0.5, 3): (-5, 32, 15.568181818181822),
    (1, 9, 1, 4): (5, 7, 4.768528400117458),
}
# fixed, short, mean of a Poisson demand, lead: r, Q, cost at 0.5 for holding
RQ: dict[tuple[float, float, float, int], tuple[int, int, float]] = {
    (8, 20, 1500 / 52, 2): (64, 34, 20.52496359460901),
    (100, 2, 3.1, 4): (4, 40, 16.12983710707087),
    (64, 9, 0.5, 3): (1, 12, 5.984813623136641),
    (5, 1, 12.5, 1): (5, 21, 6.912975394355077),
}
ONCE = {  # mean, at 0.18 for holding and 0.7 for being short: units, cost; of a normal the same
    0.7: ((1, 0.22699506733644034), (0.815569228730093, 0.03495809088059128)),
    5.0: ((7, 0.5848232506478241), (5.825494490929236, 0.24970064914708057)),
    50.0: ((56, 1.7972352118091772), (58.25494490929236, 2.4970064914708057)),
}
MORE = [(64, 9, 1, 75), (24, 99, 1, 15), (64, 9, 1, 40), (2.5, 1, 0.18, 0.3)]


@pytest.mark.parametrize("case", SS)
def test_s_and_S_are_those_of_stockpyl(  # noqa: N802 - the names of the field
    case: tuple[float, float, float, float],
):
    fixed, short, hold, mean = case
    found = solve(Problem(demand=poisson(mean), hold=hold, short=short, fixed=fixed))
    low, high, cost = SS[case]
    assert (found.plan.low, found.plan.high) == (low, high)
    assert found.objective == pytest.approx(cost, rel=1e-4)
    assert sum(found.terms.values()) == pytest.approx(found.objective)


@pytest.mark.parametrize("case", RQ)
def test_r_and_Q_are_those_of_stockpyl(  # noqa: N802 - the names of the field
    case: tuple[float, float, float, int],
):
    fixed, short, mean, lead = case
    found = solve_rq(
        Problem(demand=poisson(mean), hold=0.5, short=short, fixed=fixed, lead_periods=lead)
    )
    r, q, cost = RQ[case]
    assert (found.plan.low, found.plan.high - found.plan.low) == (r, q)
    assert found.objective == pytest.approx(cost, rel=1e-4)


@pytest.mark.parametrize("mean", ONCE)
def test_what_is_bought_once_is_that_of_stockpyl(mean: float):
    of_poisson, of_normal = ONCE[mean]
    assert newsvendor(poisson(mean), hold=0.18, short=0.7) == pytest.approx(of_poisson, rel=1e-4)
    normal = newsvendor_normal(mean, mean / 5, hold=0.18, short=0.7)
    assert normal == pytest.approx(of_normal, rel=1e-4)


@pytest.mark.nightly
@pytest.mark.filterwarnings("ignore")  # its own affair
def test_stockpyl_itself_answers_so():
    from stockpyl import newsvendor as theirs  # noqa: PLC0415
    from stockpyl import rq, ss  # noqa: PLC0415

    for fixed, short, hold, mean in [*SS, *MORE]:
        found = solve(Problem(demand=poisson(mean), hold=hold, short=short, fixed=fixed))
        answer = ss.s_s_discrete_exact(hold, short, fixed, True, mean)  # noqa: FBT003
        assert (found.plan.low, found.plan.high) == answer[:2]
        assert found.objective == pytest.approx(answer[2], rel=1e-4)
    for case, answer in RQ.items():
        fixed, short, mean, lead = case
        assert rq.r_q_poisson_exact(0.5, short, fixed, mean, lead) == pytest.approx(answer)
    for mean in ONCE:
        wide = spread(mean, 3 * mean)
        of_pmf = theirs.newsvendor_discrete(0.18, 0.7, demand_pmf=dict(enumerate(wide.tolist())))
        assert newsvendor(wide, hold=0.18, short=0.7) == pytest.approx(of_pmf, rel=1e-4)


def long_run(problem: Problem, levels: Levels) -> float:
    """The mean cost a period, from the shares of time spent at each position: by its own words."""
    width = levels.high - levels.low
    step = np.zeros((width, width))
    for below in range(width):
        for units, chance in enumerate(problem.demand):
            after = below + units
            step[below, after if after < width else 0] += chance
    ways = np.vstack([step.T - np.eye(width), np.ones(width)])
    share = np.linalg.lstsq(ways, np.r_[np.zeros(width), 1.0], rcond=None)[0]
    ordered = sum(
        share[below] * problem.demand[max(0, width - below) :].sum() for below in range(width)
    )
    total = problem.fixed * ordered
    owed = problem.demand
    for _ in range(problem.lead_periods):
        owed = np.convolve(owed, problem.demand)
    for below in range(width):
        left = levels.high - below - np.arange(owed.size)
        each = problem.hold * np.maximum(left, 0) + problem.short * np.maximum(-left, 0)
        total += share[below] * float(owed @ each)
    return float(total)


chances = st.lists(st.integers(0, 9), min_size=2, max_size=5).filter(lambda row: sum(row[1:]) > 0)


@settings(max_examples=25, deadline=None)
@given(chances, st.integers(0, 2), st.integers(1, 20), st.integers(0, 30))
def test_no_other_levels_cost_less(weights: list[int], lead: int, short: int, fixed: int):
    demand = np.array(weights) / sum(weights)
    problem = Problem(demand=demand, lead_periods=lead, hold=1.0, short=short, fixed=fixed)
    found = solve(problem)
    assert found.objective == pytest.approx(long_run(problem, found.plan), rel=1e-6)
    for low in range(-4, 12, 3):
        for high in range(low + 1, low + 12, 2):
            levels = Levels(low=low, high=high)
            assert cost_of(problem, levels) >= found.objective - 1e-9
    assert cost_of(problem, Levels(low=1, high=4)) == pytest.approx(
        long_run(problem, Levels(low=1, high=4)), rel=1e-6
    )


def test_by_hand_one_unit_a_period_and_a_lot_every_fourth():
    """Demand 1 always, hold 1, owing dear, an order 8: lots of 4 cost 8/4 + (0+1+2+3)/4 = 3.5."""
    found = solve(Problem(demand=np.array([0.0, 1.0]), hold=1, short=1000, fixed=8))
    assert found.objective == pytest.approx(3.5)
    assert (found.plan.low, found.plan.high) == (0, 4)
    assert found.terms == pytest.approx({"orders": 2.0, "stock": 1.5})


def test_demand_is_as_it_is_said_to_be():
    for mean, variance in ((0.1, 0.5), (3, 3), (3, 40), (500, 800)):
        demand = spread(mean, variance)
        units = np.arange(demand.size)
        assert demand @ units == pytest.approx(mean, rel=1e-4)
        assert demand @ units**2 - mean**2 == pytest.approx(variance, rel=1e-3)
    twice = convolved(poisson(2), 2)
    assert twice == pytest.approx(poisson(4)[: twice.size], abs=1e-6)
    assert service_short(0.9, 1.0) == pytest.approx(9.0)


def test_no_demand_at_all_and_nonsense():
    still = Problem(demand=np.ones(1), hold=1, short=9, fixed=5)
    assert (solve(still).plan, solve(still).status) == (Levels(low=-1, high=0), Status.OPTIMAL)
    assert solve_rq(still).objective == 0
    assert newsvendor_normal(5, 0, hold=1, short=2) == (5, 0.0)
    assert spread(0, 0).tolist() == [1.0]
    with pytest.raises(ValueError, match="add up to 1"):
        Problem(demand=np.array([0.5, 0.4]), hold=1, short=1)
    with pytest.raises(ValueError, match="any level"):
        Problem(demand=np.ones(1), hold=0, short=1)
    with pytest.raises(ValueError, match="packs"):
        Problem(demand=np.ones(1), hold=1, short=1, lead_periods=300_000)
    with pytest.raises(ValueError, match="packs"):
        poisson(1e6)
    with pytest.raises(ValueError, match="service level"):
        service_short(1.0, 1.0)
    with pytest.raises(ValueError, match="at least 0"):
        Problem(demand=np.ones(1), hold=1, short=1, fixed=-1)


def test_a_shortage_is_as_rare_as_was_asked_for():
    """Played for years: short on no more than one day in twenty, and not on much less."""
    short = service_short(0.95, 1.0)
    levels = solve(Problem(demand=poisson(4), lead_periods=1, hold=1.0, short=short, fixed=20)).plan
    position = stock = levels.high
    coming = lacking = 0
    for units in np.random.default_rng(3).poisson(4.0, 20_000):
        stock, coming = stock + coming, 0
        if position <= levels.low:
            coming, position = levels.high - position, levels.high
        stock, position = stock - units, position - units
        lacking += stock < 0
    assert 0.03 < lacking / 20_000 <= 0.05


def test_a_large_demand_takes_no_time():
    found = solve(Problem(demand=spread(300, 1_200), hold=1, short=19, fixed=5_000))
    assert found.runtime_s < 5
    assert found.plan.high > 300
