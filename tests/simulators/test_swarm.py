"""The whole system on virtual time, under faults that a seed draws: nothing lost, nothing doubled.

SEED moves the first of the seeds; a seed that fails prints the command that plays it again.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
import structlog

from simulators.swarm.laws import Broken
from simulators.swarm.line import CALM, Line, Weather
from simulators.swarm.plan import MISHAPS, OF_ROBOTS, Item, Plan, draw
from simulators.swarm.run import (
    command_of,
    figures_of,
    hush,
    plan_of,
    regressions,
    room,
    run,
    shortened,
)
from simulators.swarm.shrink import shrink
from simulators.swarm.timeline import Timeline
from simulators.swarm.world import World, play

FIRST = int(os.environ.get("SEED", "1"))
SEEDS = 12  # by day; `make gates` plays 300


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Hours of trouble in seconds would log a book."""
    before = structlog.get_config()
    hush()
    yield
    structlog.configure(**before)


def all_well(plans: list[Plan], hours: float) -> None:
    result = run(plans, processes=2)
    print(f"seeds from {plans[0].seed}: {figures_of(result)}")  # noqa: T201 - the seed is shown
    wrong = [
        f"{outcome.problem}\n    {command_of(shortened(draw(outcome.seed)))}"
        for outcome in result.failed
    ]
    assert not wrong, "\n".join(wrong)
    assert result.hours >= hours


@pytest.mark.timeout(180)
def test_nothing_is_lost_and_nothing_done_twice():
    all_well([draw(FIRST + n) for n in range(SEEDS)], hours=30)


@pytest.mark.nightly
def test_nothing_is_lost_and_nothing_done_twice_in_thousands_of_days():
    all_well([draw(10_000 + FIRST + n) for n in range(5_000)], hours=15_000)


def test_what_failed_once_does_not_fail_again():
    outcomes = run(regressions()).outcomes
    assert not [outcome for outcome in outcomes if outcome.problem]


@pytest.mark.timeout(180)
def test_a_seed_is_played_the_same_way_each_time():
    plan = draw(4 * FIRST)
    (one,) = run([plan]).outcomes
    two, _ = run([plan, draw(1)], processes=2).outcomes
    assert one.digest
    assert (one.digest, one.counts, one.happened) == (two.digest, two.counts, two.happened)


def test_a_command_plays_what_it_says():
    plan = draw(5).only(frozenset({0, 3}))
    assert command_of(plan) == "soko sim swarm --first-seed 5 --seeds 1 --only 0,3"
    assert plan_of(5, "0,3") == plan
    assert command_of(draw(5)) == "soko sim swarm --first-seed 5 --seeds 1"


def test_the_shortest_that_fails_is_found():
    plan = draw(7)
    needed = {item.number for item in plan.items[1:4:2]}
    tries: list[int] = []

    def fails(fewer: Plan) -> bool:
        tries.append(len(fewer.items))
        return needed <= {item.number for item in fewer.items}

    assert {item.number for item in shrink(plan, fails).items} == needed
    assert len(tries) < 60


def test_every_mishap_is_drawn():
    drawn = {item.kind for seed in range(300) for item in draw(seed).items}
    assert drawn == {*MISHAPS, *OF_ROBOTS, "order", "cancel", "receive"}


@pytest.mark.parametrize("ordered", [False, True])
def test_a_line_does_what_its_weather_says(ordered: bool):  # noqa: FBT001 - a case
    timeline, heard = Timeline(), list[int]()
    weather = Weather(lost=0.2, twice=0.2, late=0.2, delay_s=1.0)
    line = Line(timeline, weather, Random(1), ordered=ordered)
    for n in range(1_000):
        line.carry(lambda n=n: heard.append(n))  # type: ignore[misc]
    line.cuts += 1
    line.carry(lambda: heard.append(-1))
    for _ in range(line.counts["said"] - line.counts["lost"] + line.counts["twice"]):
        timeline.step()
    assert 150 < line.counts["lost"] < 250
    assert 120 < line.counts["twice"] < 240
    assert -1 not in heard
    assert (heard == sorted(heard)) == ordered


# ------------------------------------------------- it sees what is wrong: each law, broken once
def a_day(*items: Item) -> Plan:
    """A calm day with two orders and these mishaps."""
    orders = [
        Item(number=n, at_s=60.0 + 300 * n, kind="order", what="TEA", size=2) for n in range(2)
    ]
    return Plan(seed=8, weather=CALM, calm_s=1_200.0, items=(*orders, *items))


def test_a_calm_day_is_a_good_day():
    with room() as folder:
        assert play(a_day(), folder).problem == ""


def _spoilt(plan: Plan, folder: Path, spoil: str) -> str:
    world = World(plan, folder)
    office, people = world.office, world.people
    if spoil == "promise twice":
        place = office.place
        setattr(  # noqa: B010 - for the types
            office, "place", lambda key, *what: place(f"{key}/{world.timeline.now_s}", *what)
        )
    elif spoil == "take one more":
        people.units["T-0"] -= 1
    elif spoil == "lose a message":
        read = office.rows.read
        office.rows.read = lambda numbers: [  # type: ignore[method-assign]
            b'{"type": "transport.withdrawal", "id": "nothing"}' for _ in read(numbers)
        ]
    try:
        world.play()
    except Broken as broken:
        return str(broken)
    finally:
        world.end()
    return ""


CUT = Item(number=9, at_s=59.0, kind="kill_office_after")


@pytest.mark.parametrize(
    ("spoil", "seen"),
    [
        ("promise twice", "is of nobody"),
        ("take one more", "books"),
        ("lose a message", "it never ends"),
    ],
)
def test_what_is_broken_is_seen(spoil: str, seen: str):
    with room() as folder:
        assert seen in _spoilt(a_day(CUT), folder, spoil)
