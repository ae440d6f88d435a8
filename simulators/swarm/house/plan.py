"""What a seed draws for a day with the whole office: more that is wanted, in fewer hours.

Orders of one or two SKUs, cancels, deliveries of suppliers, returns, counts; the mishaps are those
of simulators.swarm.plan. Networks lose no more than a tenth: people wait for answers at each step.
"""

from random import Random

from simulators.swarm.line import Weather
from simulators.swarm.plan import HOUR_S, SKUS, Item, Kind, Plan, mishap, of_robots

WANTED: tuple[tuple[Kind, int], ...] = (
    ("order", 8), ("cancel", 2), ("receive", 2), ("return", 2), ("count", 2),
)  # fmt: skip


def draw_house(seed: int) -> Plan:
    """The plan of a seed."""
    chance = Random(f"{seed}/house")
    calm_s = chance.uniform(1.5, 3.0) * HOUR_S
    weather = Weather(
        lost=chance.choice((0.0, 0.02, 0.1)),
        twice=chance.choice((0.0, 0.05, 0.2)),
        late=chance.choice((0.0, 0.02, 0.1)),
        delay_s=chance.choice((0.1, 0.5, 2.0)),
    )
    kinds = [kind for kind, _ in WANTED]
    drawn = chance.choices(kinds, [share for _, share in WANTED], k=chance.randint(3, 9))
    items = [
        Item(number=number, at_s=chance.uniform(0, 0.7) * calm_s, kind=kind,
             what=chance.choice(SKUS), size=chance.randint(1, 3))
        for number, kind in enumerate(["order", *drawn])
    ]  # fmt: skip
    moments = [item.at_s for item in items]
    numbers = range(len(items), len(items) + chance.randint(1, 7))
    items += [mishap(number, chance, calm_s, moments) for number in numbers]
    items += of_robots(seed, len(items), calm_s, moments)
    return Plan(seed=seed, weather=weather, calm_s=calm_s, items=tuple(items))
