"""Days with the whole office on PostgreSQL, on virtual time, under faults that a seed draws.

SEED moves the first of the seeds; a seed that fails prints the command that plays it again.
"""

import os
from collections.abc import Callable, Iterator

import pytest
import structlog

from simulators.swarm.house.plan import WANTED, draw_house
from simulators.swarm.house.process import Mortal
from simulators.swarm.house.run import play_house, run_house, shortened
from simulators.swarm.house.stage import Server, a_day
from simulators.swarm.house.world import HouseWorld
from simulators.swarm.line import CALM
from simulators.swarm.plan import Item, Plan
from simulators.swarm.run import command_of, figures_of, hush, room
from simulators.swarm.world import played
from tests import conftest

FIRST = int(os.environ.get("SEED", "1"))
SEEDS = 2  # by day; `soko sim swarm --office --seeds 100` plays more


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Hours of trouble in seconds would log a book."""
    before = structlog.get_config()
    hush()
    yield
    structlog.configure(**before)


@pytest.fixture
def site(server: conftest.Server) -> Server:
    """The server of this run, as the swarm knows it."""
    return Server(server.url, server.template)


def all_well(site: Server, seeds: range) -> None:
    result = run_house([draw_house(seed) for seed in seeds], site, processes=2)
    print(f"seeds from {seeds.start}: {figures_of(result)}")  # noqa: T201 - the seed is shown
    wrong = [
        f"{outcome.problem}\n    "
        + command_of(shortened(site, draw_house(outcome.seed)), draw_house, " --office")
        for outcome in result.failed
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.timeout(240)
def test_every_order_ends_and_the_books_say_what_is_there(site: Server):
    all_well(site, range(FIRST, FIRST + SEEDS))


@pytest.mark.nightly
def test_every_order_ends_on_a_hundred_days(site: Server):
    all_well(site, range(1_000 + FIRST, 1_100 + FIRST))


def a_day_of(*items: Item) -> Plan:
    """A calm day with an order of shelf and tote, and these."""
    order = Item(number=1, at_s=60.0, kind="order", what="TEA", size=2)
    return Plan(seed=8, weather=CALM, calm_s=1_200.0, items=(order, *items))


@pytest.mark.timeout(180)
def test_a_day_is_played_the_same_way_each_time(site: Server):
    killed = Item(number=2, at_s=400.0, kind="kill_office_after")
    one, two = (play_house(site, a_day_of(killed)) for _ in range(2))
    assert one.problem == ""
    assert one.counts["office died"] == 1
    assert (one.digest, one.counts, one.happened) == (two.digest, two.counts, two.happened)


def _take_one(world: HouseWorld) -> None:
    world.goods.at["S01-01"]["CUP"] -= 1


def _order_anew(world: HouseWorld) -> None:
    """Whoever asks again for the same makes a second order of it."""
    ask, orders = world.house.ask, iter("0123456789abcdef")

    def renamed(method: str, path: str, **what: object) -> object:
        if path.startswith("/oms/v1/orders/"):
            path = path[:-1] + next(orders)
        return ask(method, path, **what)

    world.house.ask = renamed  # type: ignore[method-assign, assignment]


def _do_again(world: HouseWorld) -> None:
    """Whoever is asked again for a booking makes a second label."""
    world.carrier.booked.clear()


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("spoil", "seen"),
    [
        (_take_one, "books"),
        pytest.param(_order_anew, "ordered", marks=pytest.mark.nightly),
        pytest.param(_do_again, "booked", marks=pytest.mark.nightly),
    ],
)
def test_what_is_broken_is_seen(site: Server, spoil: Callable[[HouseWorld], None], seen: str):
    database = Mortal(site.database("soko_spoilt"))
    with a_day(site, "soko_spoilt"), room() as folder:
        world = HouseWorld(a_day_of(), folder, database)
        world.timeline.later(0.0 if spoil is _order_anew else 2_500.0, lambda: spoil(world))
        assert seen in played(world).problem
        database.close()


def test_everything_is_drawn():
    drawn = {item.kind for seed in range(100) for item in draw_house(seed).items}
    assert {kind for kind, _ in WANTED} <= drawn
    assert {"kill_office", "kill_office_after", "cut_core", "carrier_out"} <= drawn
