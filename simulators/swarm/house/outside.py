"""Customers, suppliers and the carrier: those outside the house.

Customers and suppliers ask again under the same id until they are answered. The carrier does a
booking once under its id, may not answer though it has done it, and tells what it saw of parcels.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any
from uuid import UUID

from simulators.swarm.house.people import Ask, Goods, Operator, Speaker, as_uuid
from simulators.swarm.house.process import Answer
from simulators.swarm.house.stage import HUB, WALKED
from simulators.swarm.laws import law
from simulators.swarm.line import Line
from simulators.swarm.plan import HOUR_S, SKUS, Item
from simulators.swarm.timeline import START, Timeline
from wms.errors import Unavailable
from wms.ports import Booked, Booking, Tracking, TrackingEvent

TRUCK_S, MAIL_S = 300.0, 1_800.0
TOKYO = {"prefecture": "東京都", "postal_code": "100-0001", "latitude": 35.7, "longitude": 139.8}


class SwarmCarrier:
    """A carrier: a second and third call for a parcel change nothing."""

    def __init__(self, now: Callable[[], datetime], chance: Random) -> None:
        self.up = True
        self.booked: dict[UUID, Booking] = {}
        self.events: list[TrackingEvent] = []
        self._now, self._chance = now, chance

    def _answers(self) -> None:
        if not self.up or self._chance.random() < 0.1:
            raise Unavailable("no answer")

    def book(self, booking: Booking) -> Booked:
        """Take note; the answer may be lost."""
        if self.up:
            before = self.booked.setdefault(booking.parcel_id, booking)
            law(before.sscc == booking.sscc, f"one booking for {before.sscc} and {booking.sscc}")
        self._answers()
        return Booked(tracking_number=f"TN-{booking.sscc}")

    def cancel(self, parcel_id: UUID) -> None:
        """Cross it out."""
        if self.up:
            self.booked.pop(parcel_id, None)
        self._answers()

    def tracking(self, cursor: int) -> Tracking:
        """What was seen since then."""
        self._answers()
        return Tracking(cursor=len(self.events), events=tuple(self.events[cursor:]))

    def saw(self, sscc: str, status: str) -> None:
        """Something happened to a parcel."""
        self.events.append(TrackingEvent(sscc=sscc, status=status, at=self._now()))


@dataclass
class Outside:
    """Who orders, cancels, sends goods in and back; `answers`: what each was told first."""

    seed: int
    timeline: Timeline
    ask: Ask
    line: Line
    goods: Goods
    operators: list[Operator]
    units_of: Callable[[UUID], dict[str, int]]  # what of an order its customer has
    orders: dict[UUID, dict[str, int]] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: dict[str, Item] = field(default_factory=dict)
    _sent_back: set[UUID] = field(default_factory=set)

    def want(self, item: Item) -> None:
        """Somebody wants something."""
        deeds = {
            "order": self._order, "cancel": self._cancel, "receive": self._announce,
            "return": self._return, "count": self._count,
        }  # fmt: skip
        deeds[item.kind](item)

    def _say(self, item: Item, then: Callable[[Answer], None], *request: str, **what: Any) -> None:
        key = f"{item.kind}{item.number}"
        self.asked[key] = item

        def told(answer: Answer) -> None:
            self.answers[key] = answer
            then(answer)

        Speaker(self.timeline, self.ask, self.line).say(told, *request, **what)

    def _order(self, item: Item) -> None:
        id_ = as_uuid(self.seed, item.number, "order")
        goods = {item.what: item.size}
        if item.number % 2:
            goods[SKUS[item.what == SKUS[0]]] = 1
        body = {
            "number": f"N{item.number}", "channel": "web", "placed_at": START.isoformat(),
            "customer": None, "ship_to": TOKYO,
            "lines": [
                {"line_no": n, "sku": sku, "units": units}
                for n, (sku, units) in enumerate(goods.items(), start=1)
            ],
        }  # fmt: skip
        self.orders[id_] = goods
        self._say(item, _done, "PUT", f"/oms/v1/orders/{id_}", json=body)

    def _cancel(self, item: Item) -> None:
        """One of those placed; what is asked for twice is one command."""
        which = list(self.orders)[item.number % len(self.orders)] if self.orders else None
        id_ = which or as_uuid(self.seed, item.number, "none")
        command = {"command_id": str(as_uuid(self.seed, item.number, "cancel"))}
        path = f"/oms/v1/orders/{id_}/cancellation"
        self._say(item, lambda _answer: None, "POST", path, json=command)

    def _announce(self, item: Item) -> None:
        id_, number = as_uuid(self.seed, item.number, "asn"), f"A{item.number}"
        eta = START.isoformat()
        body = {
            "site": HUB, "number": number, "supplier": "ACME", "purchase_order": f"PO{item.number}",
            "eta_p50": eta, "eta_p90": eta,
            "lines": [{"line_no": 1, "sku": item.what, "units": item.size}],
        }  # fmt: skip

        def drive(answer: Answer) -> None:
            _done(answer)
            self.timeline.later(TRUCK_S, arrive)

        def arrive() -> None:
            self.goods.trucks[number][item.what] += item.size
            self._operator(item).todo.append(("inbound", number))

        self._say(item, drive, "PUT", f"/inbound/v1/asns/{id_}", json=body)

    def _return(self, item: Item) -> None:
        """A unit of something that somebody has; nobody has anything yet: later, or never."""
        has = {id_: units for id_ in self.orders if (units := self.units_of(id_))}
        order = next((id_ for id_ in has if id_ not in self._sent_back), None)
        if order is None:
            if self.timeline.now_s + HOUR_S / 4 < item.at_s + 2 * HOUR_S:
                self.timeline.later(HOUR_S / 4, lambda: self._return(item))
            return
        self._sent_back.add(order)
        sku, number = min(has[order]), f"R{item.number}"
        line_no = list(self.orders[order]).index(sku) + 1
        body = {
            "number": number, "order_id": str(order),
            "lines": [{"line_no": line_no, "sku": sku, "units": 1}],
        }  # fmt: skip

        def post(answer: Answer) -> None:
            _done(answer)
            self.timeline.later(MAIL_S, arrive)

        def arrive() -> None:
            self.goods.returned[number][sku] += 1
            self._operator(item).todo.append(("return", number))

        id_ = as_uuid(self.seed, item.number, "return")
        self._say(item, post, "PUT", f"/oms/v1/returns/{id_}", json=body)

    def _count(self, item: Item) -> None:
        """Somebody is told to count a shelf."""
        self._operator(item).todo.append(("count", WALKED[item.number % len(WALKED)]))

    def _operator(self, item: Item) -> Operator:
        return self.operators[item.number % len(self.operators)]


def _done(answer: Answer) -> None:
    law(answer.good, f"refused: {answer}")
