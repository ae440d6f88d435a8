"""What is let in: the search for the limit on a curve that is known, and who goes first."""

from math import exp
from random import Random

import pytest

from benchmarks.release import Run
from benchmarks.release_loop import Loop
from wcs.release import LOOK, SPARE, Job, Limits, Tuner, admit, load_of, tuner_for

ROOM = 200


def throughput(limit: float, best: float) -> float:
    """Jobs a second of an area that likes `best` jobs and jams with twice as many."""
    starving = 1.0 - exp(-3.0 * limit / best)
    jamming = max(0.0, 1.0 - max(0.0, limit / best - 1.0) ** 2)
    return starving * jamming


def drive(tuner: Tuner, best: float, jobs: int, seed: int = 1, now_s: float = 0.0) -> float:
    """Let the area work with the tuner's limits; the time at the end."""
    rng = Random(seed)
    for _ in range(jobs):
        rate = throughput(tuner.limit, best)
        if rate < 0.01:
            now_s += 20.0
            tuner.finished(0, int(tuner.limit), now_s)
            continue
        now_s += rng.gammavariate(4.0, 0.25 / rate)
        tuner.finished(1, int(tuner.limit), now_s)
    return now_s


@pytest.mark.parametrize("best", [30, 110])
def test_the_limit_that_throughput_likes_is_found(best: int):
    tuner = tuner_for(ROOM)
    drive(tuner, best, 20_000)
    most = max(throughput(limit, best) for limit in range(1, 181))
    assert throughput(tuner.limit, best) >= 0.94 * most


def test_what_the_area_likes_may_change():
    tuner = tuner_for(ROOM)
    now_s = drive(tuner, 120, 10_000)
    assert tuner.limit > 60
    drive(tuner, 40, 20_000, now_s=now_s)
    assert throughput(tuner.limit, 40) >= 0.9 * max(throughput(n, 40) for n in range(1, 181))


def test_when_nothing_comes_out_the_limit_is_lowered_without_waiting_for_jobs():
    tuner = tuner_for(ROOM)
    now_s = drive(tuner, 120, 10_000)
    before = least = tuner.limit
    for _ in range(2_000):
        now_s += 5.0
        tuner.finished(0, int(tuner.limit), now_s)
        least = min(least, tuner.limit)
    assert least < before / 2
    drive(tuner, 120, 10_000, now_s=now_s)
    assert throughput(tuner.limit, 120) >= 0.9, "and found again when work goes on"


def test_a_time_without_work_teaches_nothing():
    tuner = tuner_for(ROOM)
    now_s = drive(tuner, 100, 10_000)
    rates, level = dict(tuner.rates), tuner.level
    for _ in range(3_000):
        now_s += 30.0
        tuner.starved()
        tuner.finished(1, 1, now_s)
    assert (tuner.rates, tuner.level) == (rates, level)


def test_never_more_than_there_is_room_for():
    tuner = tuner_for(ROOM)
    drive(tuner, 400, 10_000)
    assert (1 - SPARE) * ROOM * 0.8 <= tuner.limit <= (1 - SPARE) * ROOM
    jobs = [Job(str(n), 0.0) for n in range(3)]
    assert admit(jobs, 179, {}, Limits(tuner.high), 0.0) is jobs[0]
    assert admit(jobs, 180, {}, Limits(tuner.high), 0.0) is None


def test_without_a_limit_of_work_the_oldest_of_the_highest_priority_goes():
    jobs = [Job("a", 0.0), Job("b", 1.0, priority=1), Job("c", 2.0, priority=1)]
    assert admit(jobs, 0, {}, Limits(10), 5.0) is jobs[1]


def test_what_fills_a_gap_goes_before_what_adds_to_a_heap():
    heap, gap = Job("heap", 0.0, {"s1": 10.0}), Job("gap", 1.0, {"s2": 10.0})
    load_s = load_of([{"s1": 80.0}, {"s1": 15.0, "s2": 20.0}])
    assert load_s == {"s1": 95.0, "s2": 20.0}
    assert admit([heap, gap], 5, load_s, Limits(100, 100.0, 1e6), 2.0) is gap
    assert admit([heap], 5, load_s, Limits(100, 90.0, 1e6), 2.0) is None, "s1 has enough"
    assert admit([heap], 0, load_s, Limits(100, 90.0, 1e6), 2.0) is heap, "nothing is inside"


def test_who_waits_long_enough_goes_whatever_else_there_is():
    old = Job("old", 0.0, {"s1": 10.0})
    fresh = [Job(str(n), 900.0, {"s2": 10.0}) for n in range(LOOK)]
    limits = Limits(100, 50.0, 300.0)
    assert admit([old, *fresh], 5, {"s1": 190.0}, limits, 10.0) is not old
    assert admit([old, *fresh], 5, {"s1": 190.0, "s2": 190.0}, limits, 1_200.0) is old


def test_a_loop_with_stations_is_kept_going_and_a_push_stops_it():
    """The benchmark's loop, a short while: what is let in by itself never stands."""
    auto = Run("auto", 0.0, Loop(1)).play(18_100)
    assert auto["least"] > 0
    push = Run("fixed", 10_000.0, Loop(1)).play(18_100)
    assert push["throughput"] == 0
