"""What a seed draws: how bad the networks are, what is wanted, and what goes wrong when.

Work and mishaps are one list of items with numbers, so that a failing plan can be made shorter
(simulators.swarm.shrink) and named: seed 77, of which only 3, 8 and 21.

Seconds since the beginning. All mishaps are over at `calm_s`; from then on everything must come
to an end by `LIVELY_S`.
"""

from dataclasses import dataclass, replace
from random import Random
from typing import Literal, TypeAlias

from simulators.swarm.line import Weather

HOUR_S = 3600.0
LIVELY_S = 2.5 * HOUR_S
ROBOTS = ("R-01", "R-02")
TOTES, UNITS = 4, 6
SKUS = ("TEA", "CUP")

Kind: TypeAlias = Literal[
    "order", "cancel", "receive", "return", "count",  # work
    "cut_core", "cut_edge", "cut_air", "cut_hand", "cut_shop",  # a network is cut
    "kill_control", "kill_control_after", "kill_control_half",  # before, after, amid what it says
    "kill_edge", "kill_edge_after", "kill_office", "kill_office_after",
    "set_edge_clock", "set_control_clock",
    "edge_disk_full", "control_disk_full",
    "reboot_plc", "twin_control",
    "carrier_out",
    "reboot_robot", "twin_robot",  # it comes back without its order; under another's name
]  # fmt: skip
WORK = frozenset({"order", "cancel", "receive", "return", "count"})
MISHAPS: tuple[Kind, ...] = (
    "cut_core", "cut_core", "cut_edge", "cut_edge", "cut_air", "cut_hand", "cut_shop",
    "kill_control", "kill_control_after", "kill_control_half", "kill_edge", "kill_edge_after",
    "kill_office", "kill_office_after", "set_edge_clock", "set_control_clock", "edge_disk_full",
    "control_disk_full", "reboot_plc", "twin_control", "carrier_out",
)  # fmt: skip
OF_ROBOTS: tuple[Kind, ...] = ("reboot_robot", "reboot_robot", "reboot_robot", "twin_robot")
_LONG = frozenset({"cut_core", "carrier_out", "cut_hand"})  # it may last for hours
_SKEWS_S = {"set_edge_clock": (-86_400, 86_400), "set_control_clock": (-300, 300)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """Something that is wanted or goes wrong."""

    number: int
    at_s: float
    kind: Kind
    lasts_s: float = 0.0
    what: str = ""  # a SKU, a robot
    size: int = 0  # units, or by how many seconds a clock is set


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A run before it has begun."""

    seed: int
    weather: Weather
    calm_s: float
    items: tuple[Item, ...]

    def only(self, numbers: frozenset[int]) -> "Plan":
        """The same with these items alone."""
        return replace(self, items=tuple(i for i in self.items if i.number in numbers))


def draw(seed: int) -> Plan:
    """The plan of a seed."""
    chance = Random(seed)
    calm_s = chance.uniform(2.5, 4.5) * HOUR_S
    weather = Weather(
        lost=chance.choice((0.0, 0.02, 0.1, 0.25)),
        twice=chance.choice((0.0, 0.05, 0.2)),
        late=chance.choice((0.0, 0.02, 0.1)),
        delay_s=chance.choice((0.1, 0.5, 2.0)),
    )
    items: list[Item] = []
    for number in range(chance.randint(4, 9)):
        kind: Kind = chance.choices(("order", "cancel", "receive"), (8, 2, 1))[0]
        items.append(
            Item(number=number, at_s=chance.uniform(0, 0.8) * calm_s, kind=kind,
                 what=chance.choice(SKUS), size=chance.randint(1, 3))
        )  # fmt: skip
    moments = [item.at_s for item in items]
    numbers = range(len(items), len(items) + chance.randint(1, 7))
    items += [mishap(number, chance, calm_s, moments) for number in numbers]
    items += of_robots(seed, len(items), calm_s, moments)
    return Plan(seed=seed, weather=weather, calm_s=calm_s, items=tuple(items))


def of_robots(seed: int, number: int, calm_s: float, moments: list[float]) -> list[Item]:
    """What becomes of robots has a chance of its own, so that older plans stay as they were."""
    chance, items = Random(f"{seed}/robots"), list[Item]()
    for n in range(chance.choice((0, 0, 1, 1, 2))):
        kind = chance.choice(OF_ROBOTS)
        at_s = min(chance.choice(moments) + chance.expovariate(1 / 180), 0.9 * calm_s)
        most_s = min(calm_s - at_s, 600.0 if kind == "reboot_robot" else 1_800.0)
        items.append(
            Item(number=number + n, at_s=at_s, kind=kind, lasts_s=chance.uniform(20.0, most_s),
                 what=chance.choice(ROBOTS))
        )  # fmt: skip
    return items


def mishap(number: int, chance: Random, calm_s: float, moments: list[float]) -> Item:
    """Something goes wrong, mostly soon after something was begun."""
    kind = chance.choice(MISHAPS)
    near = chance.choice(moments) + chance.expovariate(1 / 120)
    at_s = min(near, 0.9 * calm_s) if chance.random() < 0.8 else chance.uniform(0, 0.9) * calm_s
    most_s = calm_s - at_s if kind in _LONG else min(600.0, calm_s - at_s)
    low, high = _SKEWS_S.get(kind, (0, 0))
    return Item(
        number=number, at_s=at_s, kind=kind, lasts_s=chance.uniform(2.0, max(3.0, most_s)),
        what=chance.choice(ROBOTS), size=chance.randint(low, high),
    )  # fmt: skip
