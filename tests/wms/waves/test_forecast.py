"""A forecast keeps what work is worth: nothing is done before it can be, nothing is forgotten."""

from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from wms.waves.forecast import Forecast, Problem, Times, Tote, Visit, Walk, forecast

ORDERS = [UUID(int=number) for number in range(1, 9)]
VISITS = st.builds(
    Visit,
    order=st.sampled_from(ORDERS),
    aisle=st.integers(1, 3),
    zone=st.sampled_from("PQ"),
    units=st.integers(1, 9),
)
WALKS = st.lists(
    st.builds(
        Walk, visits=st.lists(VISITS, min_size=1, max_size=5).map(tuple), metres=st.floats(1, 200)
    ),
    max_size=8,
).map(tuple)


def one(units: int = 1, aisle: int = 1, order: int = 0, zone: str = "P") -> Visit:
    return Visit(order=ORDERS[order], aisle=aisle, zone=zone, units=units)


@settings(max_examples=60, deadline=None)
@given(walks=WALKS, pickers=st.integers(1, 4), room=st.integers(1, 3), sort=st.booleans())
def test_no_step_is_over_before_its_work_can_be(
    walks: tuple[Walk, ...], pickers: int, room: int, *, sort: bool
):
    problem = Problem(walks=walks, pickers=pickers, aisle_room=room, sorted_later=sort)
    told = forecast(problem)
    visits = [visit for walk in walks for visit in walk.visits]
    assert told.ready_s.keys() == {visit.order for visit in visits}
    assert sum(zone.lines for zone in told.zones.values()) == len(visits)
    assert told == forecast(problem), "the same wave, the same forecast"
    if walks:
        pick = told.steps["pick"]
        assert pick.finish_s >= pick.work_s / pickers - 1e-6
        assert pick.finish_s <= pick.work_s + told.congestion_s + 1e-6
        assert told.finish_s == told.steps["pack"].finish_s >= pick.finish_s


def test_who_comes_to_a_full_aisle_waits_before_it():
    walks = tuple(Walk(visits=(one(50),), metres=10.0) for _ in range(3))
    narrow, wide = (forecast(Problem(walks=walks, pickers=3, aisle_room=room)) for room in (1, 3))
    assert wide.congestion_s == 0 < narrow.congestion_s
    assert wide.steps["pick"].finish_s < narrow.steps["pick"].finish_s


def test_a_tote_is_passed_on_when_the_zone_before_has_ended():
    chain = (
        Walk(visits=(one(zone="P"),), metres=50.0),
        Walk(visits=(one(zone="Q"),), metres=50.0, after=0),
    )
    many: Forecast = forecast(Problem(walks=chain, pickers=5))
    alone: Forecast = forecast(Problem(walks=chain, pickers=1))
    assert many.steps["pick"].finish_s == alone.steps["pick"].finish_s


def test_what_misses_its_cut_off_is_named_and_the_urgent_are_packed_first():
    walks = (Walk(visits=tuple(one(order=n) for n in range(4)), metres=1.0),)
    due = {ORDERS[3]: 110.0}
    told = forecast(Problem(walks=walks, packers=1, due_s=due))
    assert min(told.ready_s, key=lambda order: told.ready_s[order]) == ORDERS[3]
    assert told.late == ((ORDERS[3],) if told.ready_s[ORDERS[3]] > 110 else ())
    hopeless = forecast(Problem(walks=walks, due_s=dict.fromkeys(ORDERS, 1.0)))
    assert set(hopeless.late) == set(ORDERS[:4])


def test_totes_wait_for_robots_and_stations():
    totes = tuple(Tote(visits=(one(order=n, zone="ROBOT"),)) for n in range(4))
    few = forecast(Problem(walks=(), totes=totes, robots=1, stations=1))
    more = forecast(Problem(walks=(), totes=totes, robots=4, stations=4))
    assert few.steps["station"].finish_s > more.steps["station"].finish_s >= Times().trip_s
