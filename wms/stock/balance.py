"""The laws of stock in plain Python: of one balance, of one hold, and of who gets what.

What the posting functions do in sets, in the database, is said here once more, one line at a
time. The tests hold the two against each other; who wants to know what is right reads this.

    sellable 10   |======= free 5 =======| reserved 3 | allocated 2 |
    reserve(4)    |= free 1 =|=== reserved 7 =========| allocated 2 |

A hold is units set aside for one demand. While it is HELD its units count as reserved, while it is
ALLOCATED or PINNED (to a place) as allocated; once picked they are where its goods are: picked,
packed, in transit. Then it has ended. `blocked` is what of the sellable is of lots that nobody may
have: blocked ones, and those whose last day is over.

    free = sellable - blocked - reserved - allocated - safety
    sellable - reserved - allocated >= -overdraft      always: never oversold

Units are whole base units. Pure: no clock, no database, no log.

Source: "Two-Phase Transfers", TigerBeetle documentation.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

ENDED = frozenset({"REFUSED", "DELIVERED", "RELEASED", "EXPIRED", "SHORT", "SWAPPED"})

# What a hold may become, and the virtual place to which its goods go then unless another is named
# ("" where nothing moves). The database has the same table, and a test compares them.
TRANSITIONS: dict[str, dict[str, str]] = {
    "HELD": {"ALLOCATED": "", "RELEASED": "", "EXPIRED": "", "SHORT": "", "SWAPPED": ""},
    "ALLOCATED": {"PINNED": "", "RELEASED": "", "SHORT": "", "SWAPPED": ""},
    "PINNED": {
        "ALLOCATED": "",
        "RELEASED": "",
        "SWAPPED": "",
        "SHORT": "UNKNOWN",
        "PICKED": "TOTE",
    },
    "PICKED": {"PACKED": "PACK", "SHORT": "UNKNOWN", "RELEASED": "QUARANTINE"},
    "PACKED": {
        "SHIPPED": "LANE",
        "DELIVERED": "CUSTOMER",
        "SHORT": "UNKNOWN",
        "RELEASED": "QUARANTINE",
    },
    "SHIPPED": {"DELIVERED": "CUSTOMER", "SHORT": "LOST"},
}
# The counter that a hold's units are in, beside sellable.
COUNTER = {
    "HELD": "reserved",
    "ALLOCATED": "allocated",
    "PINNED": "allocated",
    "PICKED": "picked",
    "PACKED": "packed",
    "SHIPPED": "to_customer",
}


def may_become(state: str, to: str) -> bool:
    """Whether a hold in that state may become the other."""
    return to in TRANSITIONS.get(state, {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """The promises on one SKU at one site. Immutable: every change returns a new one."""

    sellable: int = 0
    blocked: int = 0
    reserved: int = 0
    allocated: int = 0
    safety: int = 0
    overdraft: int = 0

    def __post_init__(self) -> None:
        counters = (self.sellable, self.reserved, self.allocated, self.safety, self.overdraft)
        assert min(counters) >= 0
        assert 0 <= self.blocked <= self.sellable
        assert self.sellable - self.reserved - self.allocated >= -self.overdraft

    @property
    def free(self) -> int:
        """Units that are not promised; below zero when what is kept, or blocked, is promised."""
        return self.sellable - self.blocked - self.reserved - self.allocated - self.safety

    def may_promise(self, units: int) -> bool:
        """Whether that many more may be promised."""
        return units <= self.free + self.overdraft

    def promise(self, units: int, state: str) -> Self:
        """Promise units to a hold in that state."""
        assert units > 0
        assert self.may_promise(units)
        return replace(self, **{COUNTER[state]: getattr(self, COUNTER[state]) + units})

    def give_back(self, units: int, state: str) -> Self:
        """Units of a hold in that state are promised no more."""
        assert units > 0
        return replace(self, **{COUNTER[state]: getattr(self, COUNTER[state]) - units})


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Units of a balance; wishes of the same group are granted together or not at all.

    `keep`: so many units must be left for others, that this wish may not have.
    """

    balance: Hashable
    units: int
    group: Hashable
    keep: int = 0


def first_come_first_served(free: Mapping[Hashable, int], wishes: Sequence[Wish]) -> list[bool]:
    """Which wishes are granted: groups one after the other, by where their first wish stands.

    A group that does not fit takes nothing, and those behind it may still fit: with 10 free,
    wishes for 6, 5 and 4 are answered yes, no, yes.
    """
    left = dict(free)
    groups: dict[Hashable, list[Wish]] = {}
    for wish in wishes:
        groups.setdefault(wish.group, []).append(wish)
    granted = set()
    for group, wanted in groups.items():
        rest = dict(left)
        for wish in wanted:
            rest[wish.balance] = rest.get(wish.balance, 0) - wish.units
            if rest[wish.balance] < wish.keep:
                break
        else:
            granted.add(group)
            left = rest
    return [wish.group in granted for wish in wishes]
