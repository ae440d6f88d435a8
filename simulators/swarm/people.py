"""People on virtual time: customers, who receives, picks, packs and carries, and the carrier.

Who gets no answer asks again under the same id. What hands did is done, whatever a screen says:
it is said to the office until the office has heard it.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from simulators.swarm.devices import Belt, Robots
from simulators.swarm.laws import law
from simulators.swarm.line import Line
from simulators.swarm.office import BACK, Office, Pick
from simulators.swarm.plan import Item
from simulators.swarm.timeline import Timeline
from simulators.swarm.walk import Gate

AGAIN_S, LOOKS_S, PICK_S = 30.0, 120.0, 15.0

Ask: TypeAlias = Callable[[Line, Callable[[], Any], Callable[[Any], None]], None]


@dataclass
class People:
    """Everybody, and what they hold in their hands."""

    timeline: Timeline
    office: Office
    robots: Robots
    belt: Belt
    ask: Ask  # over a line, do in one transaction, then with the answer; or nothing comes back
    shop: Line
    hand: Line
    gate: Gate
    units: Counter[str]  # what is really in each tote
    station: str  # the node of the station
    answers: dict[str, str] = field(default_factory=dict)  # what customers were told, by id
    asked: dict[str, Item] = field(default_factory=dict)
    receipts: dict[str, str] = field(default_factory=dict)
    hands: Counter[str] = field(default_factory=Counter)  # units picked, by order
    gone: Counter[str] = field(default_factory=Counter)  # parcels that went through the gate
    carrier_up: bool = True
    bookings: dict[str, int] = field(default_factory=dict)  # at the carrier, by parcel
    _unsaid: dict[str, Pick] = field(default_factory=dict)  # done, and not heard by the office
    _picked: set[str] = field(default_factory=set)
    _laid: set[str] = field(default_factory=set)

    def begin(self) -> None:
        """They come to work."""
        for round_ in (self._pick_round, self._pack_round, self._dock_round, self._office_round):
            self.timeline.later(LOOKS_S, round_)

    # ------------------------------------------------------------------------- customers
    def want(self, item: Item) -> None:
        """Somebody orders, cancels, or brings goods."""
        key = f"{item.kind}{item.number}"
        self.asked[key] = item
        if item.kind == "order":
            self._until_told(key, lambda: self.office.place(key, item.what, item.size))
        elif item.kind == "cancel":
            orders = [k for k, i in self.asked.items() if i.kind == "order"] or ["order-none"]
            which = orders[item.number % len(orders)]
            self._until_told(key, lambda: self.office.cancel(key, which))
        else:
            self._until_told(key, lambda: self.office.receive(key, item.what, item.size))

    def _until_told(self, key: str, deed: Callable[[], str]) -> None:
        if key in self.answers:
            return
        self.ask(self.shop, deed, lambda answer: self._told(key, answer))
        self.timeline.later(AGAIN_S, lambda: self._until_told(key, deed))

    def _told(self, key: str, answer: str) -> None:
        before = self.answers.setdefault(key, answer)
        law(before == answer, f"{key}: first {before}, then {answer}")
        item = self.asked[key]
        if item.kind == "receive" and answer and key not in self.receipts:
            self.receipts[key] = answer
            self.units[answer] += item.size

    # ----------------------------------------------------------------------------- hands
    def _pick_round(self) -> None:
        for pick in self._unsaid.values():
            self._say_picked(pick)
        if not self._unsaid:
            self.ask(self.hand, self.office.pick, self._pick)
        self.timeline.later(LOOKS_S, self._pick_round)

    def _pick(self, pick: Pick | None) -> None:
        if pick is None or pick.id in self._picked:
            return
        where = self.robots.totes[pick.tote]
        law(where == self.station, f"{pick} is to be picked and its tote is at {where}")
        law(self.units[pick.tote] >= pick.units, f"{pick}: {self.units[pick.tote]} are there")
        self.units[pick.tote] -= pick.units
        self.hands[pick.order] += pick.units
        self._picked.add(pick.id)
        self._unsaid[pick.id] = pick
        self.timeline.later(PICK_S, lambda: self._say_picked(pick))

    def _say_picked(self, pick: Pick) -> None:
        if pick.id in self._unsaid:
            deed = lambda: self.office.picked(pick)  # noqa: E731
            self.ask(self.hand, deed, lambda answer: self._heard(pick, answer))

    def _heard(self, pick: Pick, answer: str) -> None:
        if self._unsaid.pop(pick.id, None) is not None and answer == BACK:
            self.units[pick.tote] += pick.units
            self.hands[pick.order] -= pick.units

    def _pack_round(self) -> None:
        self.ask(self.hand, lambda: list(self.office.parcels), self._lay)
        self.timeline.later(LOOKS_S, self._pack_round)

    def _lay(self, codes: list[str]) -> None:
        for code in codes:
            if code not in self._laid:
                self._laid.add(code)
                self.belt.put(code)

    def _dock_round(self) -> None:
        hospital = self.belt.lanes["HOSP"]
        while hospital:
            self.belt.put(hospital.pop())
        self.ask(self.hand, self._shipped, self._take_away)
        for code in self.belt.lanes["L1"]:
            self.gate.carry(code, f"EE{code}")
        self.timeline.later(LOOKS_S, self._dock_round)

    def _shipped(self) -> set[str]:
        orders, parcels = self.office.orders, self.office.parcels
        return {code for code, order in parcels.items() if orders[order].state == "SHIPPED"}

    def _take_away(self, shipped: set[str]) -> None:
        lane = self.belt.lanes["L1"]
        for code in [code for code in lane if code in shipped]:
            lane.remove(code)
            self.gone[code] += 1

    # ---------------------------------------------------------------------------- worker
    def _office_round(self) -> None:
        """The jobs of the office: totes to send for, labels to buy."""
        near = self.hand  # stands beside the office: only its kills matter
        self.ask(near, self.office.release, lambda _sent: None)
        self.ask(near, self.office.unbooked, self._book)
        self.timeline.later(LOOKS_S, self._office_round)

    def _book(self, codes: list[str]) -> None:
        for code in codes if self.carrier_up else ():
            self.bookings.setdefault(code, len(self.bookings))  # asked again, the same label
            self.ask(self.shop, lambda code=code: self.office.booked.add(code), lambda _: None)  # type: ignore[misc]
