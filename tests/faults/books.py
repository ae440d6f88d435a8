"""The whole ledger in plain dictionaries: what the database should have after each posting.

Counters are not kept but counted, each time anew, from what lies where and from what is held;
so nothing can drift here. One line of a posting at a time, slow and obvious. Where the ledger has
a choice (which lot) the books say what it may be, not which.

    books = Books(counter_of={place: "sellable", ...}, virtual={(site, "TOTE"): place, ...})
    books.move(...); books.reserve(...); books.advance(...)

What cannot be done raises Refused with the fault's name and changes nothing.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

NIL = UUID(int=0)
PROMISED = ("HELD", "ALLOCATED", "PINNED")
LANES = frozenset({"to_customer", "to_store", "to_locker", "store_to_dc", "dc_to_dc"})
BACK = frozenset({"quarantine", "sellable", "damaged"})
UNKNOWN = frozenset({"unknown"})
# where goods in a unit are accounted for, whichever place of that counter the unit stands at
ACCOUNTS = {"sellable": "UNITS", "received": "DOCK_IN", "quarantine": "QUARANTINE",
            "return_received": "RETURNS_BENCH"}  # fmt: skip
TAKEN = ("PINNED", "PICKED", "PACKED", "SHIPPED")

# counter -> the virtual place where what lies in units is accounted for
ACCOUNTS = {"sellable": "UNITS", "received": "DOCK_IN", "quarantine": "QUARANTINE",
            "return_received": "RETURNS_BENCH"}  # fmt: skip

# state -> what it may become -> (virtual place that the goods go to, counters of places allowed);
# None: nothing moves
STEPS: dict[str, dict[str, tuple[str, frozenset[str]] | None]] = {
    "HELD": dict.fromkeys(("ALLOCATED", "RELEASED", "EXPIRED", "SHORT", "SWAPPED")),
    "ALLOCATED": dict.fromkeys(("PINNED", "RELEASED", "SHORT", "SWAPPED")),
    "PINNED": {
        "ALLOCATED": None, "RELEASED": None, "SWAPPED": None, "SHORT": ("UNKNOWN", UNKNOWN),
        "PICKED": ("TOTE", frozenset({"picked"})),
    },
    "PICKED": {
        "PACKED": ("PACK", frozenset({"packed"})), "SHORT": ("UNKNOWN", UNKNOWN),
        "RELEASED": ("QUARANTINE", BACK),
        "PICKED": ("TOTE", frozenset({"picked"})),  # elsewhere: into another tote
    },
    "PACKED": {
        "SHIPPED": ("LANE", LANES), "DELIVERED": ("CUSTOMER", frozenset({"outside"})),
        "SHORT": ("UNKNOWN", UNKNOWN), "RELEASED": ("QUARANTINE", BACK),
    },
    "SHIPPED": {
        "DELIVERED": ("CUSTOMER", frozenset({"outside"})),
        "SHORT": ("LOST", frozenset({"lost", "unknown"})),
    },
}  # fmt: skip


class Refused(Exception):  # noqa: N818 - reads as a situation
    """It cannot be done; the text is the fault's code."""


class Place(NamedTuple):
    """Where units lie, and of what they are."""

    site: UUID
    location: UUID
    sku: UUID
    unit: UUID = NIL
    lot: str = ""
    condition: str = "A"


class Balance(NamedTuple):
    """What counters are kept of."""

    site: UUID
    sku: UUID
    segment: str = "A"


@dataclass(frozen=True, kw_only=True)
class Hold:
    """Units set aside."""

    balance: Balance
    units: int
    state: str
    kind: str = "ORDER"
    expires_at: datetime | None = None
    place: Place | None = None

    @property
    def live(self) -> bool:
        """Whether it counts."""
        return self.state in STEPS


class Wanted(NamedTuple):
    """One line of a reservation."""

    hold: UUID
    balance: Balance
    units: int
    group: UUID
    state: str = "HELD"
    kind: str = "ORDER"
    expires_at: datetime | None = None


@dataclass
class Books:
    """What lies where and what is held; all else is counted from it."""

    counter_of: Mapping[UUID, str]
    virtual: Mapping[tuple[UUID, str], UUID]
    units: Counter[Place] = field(default_factory=Counter)
    holds: dict[UUID, Hold] = field(default_factory=dict)
    safety: Counter[Balance] = field(default_factory=Counter)
    overdraft: Counter[Balance] = field(default_factory=Counter)
    blocked: set[tuple[UUID, str]] = field(default_factory=set)  # lots, by SKU and code

    def counters(self) -> dict[Balance, Counter[str]]:
        """All counters of all balances, those that are not zero."""
        found: dict[Balance, Counter[str]] = {}
        for place, units in self.units.items():
            name = self.counter_of[place.location]
            name = "damaged" if (place.condition, name) == ("D", "sellable") else name
            if name not in ("outside", "none") and units:
                key = Balance(place.site, place.sku, place.condition)
                found.setdefault(key, Counter())[name] += units
                if name == "sellable" and (place.sku, place.lot) in self.blocked:
                    found[key]["blocked"] += units
        for hold in self.holds.values():
            if hold.state in PROMISED:
                counted = found.setdefault(hold.balance, Counter())
                counted["reserved" if hold.state == "HELD" else "allocated"] += hold.units
                if hold.state == "HELD" and hold.kind in ("CART", "CLICK_RESERVE"):
                    counted[hold.kind.lower()] += hold.units
        return found

    def free(self, key: Balance) -> int:
        """What may still be promised."""
        counted = self.counters().get(key, Counter())
        return (
            counted["sellable"] - counted["blocked"] - counted["reserved"] - counted["allocated"]
            - self.safety[key] + self.overdraft[key]
        )  # fmt: skip

    def left(self, key: Balance) -> int:
        """What is promised to nobody, blocked or not."""
        return self.free(key) + self.safety[key] + self.counters().get(key, Counter())["blocked"]

    def pinned(self, place: Place) -> int:
        """Units there that a hold has been given."""
        return sum(h.units for h in self.holds.values() if (h.state, h.place) == ("PINNED", place))

    def taken(self, place: Place) -> int:
        """Units there that holds have, pinned or in hand: they go with their holds only."""
        return sum(h.units for h in self.holds.values() if h.state in TAKEN and h.place == place)

    def place(self, site: UUID, location: UUID, sku: UUID, unit: UUID = NIL, **of: str) -> Place:
        """Where goods are accounted for: what is in a unit is at one virtual place a counter."""
        if unit != NIL and self.counter_of[location] in ACCOUNTS:
            location = self.virtual[site, ACCOUNTS[self.counter_of[location]]]
        return Place(site, location, sku, unit, **of)

    # ----------------------------------------------------------------------- goods
    def move(self, legs: Sequence[tuple[Place, Place, int]]) -> None:
        """Units go from place to place; only the sum of all legs has to be possible."""
        after = Books(
            self.counter_of, self.virtual, self.units.copy(), self.holds, self.safety,
            self.overdraft, self.blocked,
        )  # fmt: skip
        for start, end, units in legs:
            after.units[start] -= units
            after.units[end] += units
        after.check([place for leg in legs for place in leg[:2]])
        self.units = after.units

    def check(self, touched: Sequence[Place]) -> None:
        """Nowhere fewer units than none or than are pinned; no balance oversold."""
        for place in touched:
            outside = self.counter_of[place.location] == "outside"
            if not outside and self.units[place] < self.taken(place):
                raise Refused("not_enough_stock")
            key = Balance(place.site, place.sku, place.condition)
            if self.left(key) < 0:
                raise Refused("not_enough_stock")

    # ----------------------------------------------------------------------- promises
    def reserve(self, lines: Sequence[Wanted], now: datetime) -> list[bool]:
        """First come, first served; groups all or nothing; what is overdue goes first."""
        wanted = Counter[Balance]()
        for line in lines:
            wanted[line.balance] += line.units
        for key, units in wanted.items():
            if units > self.free(key):
                self.expire(now, [key])
        granted: dict[UUID, bool] = {}
        for group in dict.fromkeys(line.group for line in lines):
            mine = [line for line in lines if line.group == group]
            asked = Counter[Balance]()
            for line in mine:
                asked[line.balance] += line.units
            granted[group] = all(units <= self.free(key) for key, units in asked.items())
            for line in mine:
                self.holds[line.hold] = Hold(
                    balance=line.balance, units=line.units, kind=line.kind,
                    state=line.state if granted[group] else "REFUSED", expires_at=line.expires_at,
                )  # fmt: skip
        return [granted[line.group] for line in lines]

    def overdue(self, now: datetime) -> dict[UUID, Hold]:
        """Holds whose time has run out."""
        return {
            id_: hold for id_, hold in self.holds.items()
            if hold.state == "HELD" and hold.expires_at is not None and hold.expires_at <= now
        }  # fmt: skip

    def expire(self, now: datetime, keys: Sequence[Balance]) -> None:
        """End what is overdue of those balances."""
        for id_, hold in self.overdue(now).items():
            if hold.balance in keys:
                self.holds[id_] = replace(hold, state="EXPIRED")

    def split(
        self, id_: UUID, to: str, units: int | None, rest: tuple[UUID, str], now: datetime, *,
        named: bool,
    ) -> None:  # fmt: skip
        """Judge whether a hold may go there, and be cut in two like that."""
        hold = self.holds[id_]
        if to not in STEPS.get(hold.state, {}) or (to == hold.state and not named):
            raise Refused("wrong_state")
        if to == "ALLOCATED" and id_ in self.overdue(now):
            raise Refused("wrong_state")
        some = hold.units if units is None else units
        if some > hold.units:
            raise Refused("units_out_of_range")
        if some < hold.units:
            if rest[1] not in ("SAME", hold.state) and rest[1] not in STEPS[hold.state]:
                raise Refused("wrong_state")
            if rest[0] in self.holds:
                raise Refused("id_reused")

    def target(self, id_: UUID, to: str, named: UUID | None, unit: UUID | None) -> Place | None:
        """Where the goods (PINNED: the claim) of a hold go; None if nowhere. The lot stays open."""
        hold = self.holds[id_]
        step = STEPS[hold.state][to]
        site, sku, segment = hold.balance
        if to == "PINNED":
            virtual, allowed = "UNITS" if unit else "", frozenset({"sellable"})
        elif step is None:
            return None
        else:
            virtual, allowed = step
        location = self.virtual[site, "UNITS"] if to == "PINNED" and unit else named
        location = location or self.virtual.get((site, virtual), NIL)
        if self.counter_of.get(location) not in allowed:
            raise Refused("wrong_location")
        if unit and to != "PINNED":
            location = self.place(site, location, sku, unit).location
        inside = hold.place.unit if to == "SHIPPED" and not unit and hold.place else NIL
        lot = hold.place.lot if hold.place else ""
        if unit:
            location = self.place(site, location, sku, unit).location
        goes = Place(site, location, sku, unit or inside, lot, segment)
        if to == hold.state and goes == hold.place:
            raise Refused("wrong_location")
        return goes

    def pinnable(self, place: Place, units: int) -> list[Place]:
        """The same place with each lot of which that many units are free there."""
        if self.only_blocked(place):
            raise Refused("lot_blocked")
        return [
            each for each in self.units
            if each._replace(lot="") == place._replace(lot="")
            and (each.sku, each.lot) not in self.blocked
            and self.units[each] - self.pinned(each) >= units
        ]  # fmt: skip

    def block(self, sku: UUID, lot: str, *, blocked: bool) -> None:
        """Nobody may have that lot; or everybody again."""
        self.blocked = self.blocked | {(sku, lot)} if blocked else self.blocked - {(sku, lot)}

    def only_blocked(self, place: Place) -> bool:
        """Whether all that lies there is of lots that nobody may have."""
        lots = {each.lot for each in self.units if self.units[each] > 0
                and each._replace(lot="") == place._replace(lot="")}  # fmt: skip
        return bool(lots) and all((place.sku, lot) in self.blocked for lot in lots)

    def swap(self, one: UUID, two: UUID, heirs: tuple[UUID, UUID], now: datetime) -> None:
        """Two holds exchange what they have: each demand gets an heir where the other was."""
        holds, overdue = (self.holds[one], self.holds[two]), self.overdue(now)
        if holds[0].balance.site != holds[1].balance.site:
            raise Refused("not_found")
        if any(hold.state not in PROMISED for hold in holds) or {one, two} & overdue.keys():
            raise Refused("wrong_state")
        first, second = holds
        ends = [hold.state == "HELD" and hold.expires_at is not None for hold in holds]
        if (
            one == two
            or (first.balance, first.units) != (second.balance, second.units)
            or (ends[0] and second.state != "HELD")
            or (ends[1] and first.state != "HELD")
        ):
            raise Refused("not_swappable")
        for heir, mine, other in ((heirs[0], first, second), (heirs[1], second, first)):
            expires_at = mine.expires_at if mine.state == "HELD" else None
            self.holds[heir] = replace(
                mine, state=other.state, place=other.place, expires_at=expires_at
            )
        self.holds[one] = replace(first, state="SWAPPED", place=None)
        self.holds[two] = replace(second, state="SWAPPED", place=None)

    def advance(
        self, id_: UUID, to: str, units: int | None, rest: tuple[UUID, str] | None,
        target: Place | None,
    ) -> None:  # fmt: skip
        """Take a hold a step, all of it or some, after `split` and `target` have judged it."""
        hold = self.holds[id_]
        some = hold.units if units is None else units
        parts = [(id_, to, some, target)]
        if some < hold.units and rest is not None:
            state = hold.state if rest[1] == "SAME" else rest[1]
            where = hold.place if state == hold.state else self.target(id_, state, None, None)
            parts.append((rest[0], state, hold.units - some, where))
        for new_id, state, count, place in parts:
            moves = STEPS[hold.state].get(state) is not None
            if state == "PINNED" and place is None:
                raise Refused("not_enough_stock")
            if moves:
                assert hold.place is not None
                assert place is not None
                self.units[hold.place] -= count
                self.units[place] += count
            self.holds[new_id] = replace(hold, units=count, state=state, place=place)
