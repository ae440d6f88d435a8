"""Whatever happens to orders, in whatever order: every unit of every line is accounted for.

    sent + on the way + short + cancelled + waiting = ordered

Deeds are drawn at random, by a seed: placing in all ways, cancelling, changing, picking short,
putting back, shipping, collecting, returning, exchanging, letting reservations run out. What is
refused must be refused with a code and change nothing. The sum is worked out here from the rows,
not by the law that is on trial; laws are asked now and then, and when the house is closed.
"""

import random
from collections import defaultdict
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from tests.builders import an_id
from tests.wms.house import GINZA, HUB, OSAKA, SPOKE, TOKYO, UMEDA, House
from wms.orders import laws
from wms.orders.model import ENDED, Allocation, Order, OrderLine
from wms.ports import TrackingEvent
from wms.stock.verify import verify

SKUS = ("A", "B", "C")
SHELVES = (
    (HUB, "S01-01"),
    (HUB, "S02-02"),
    (SPOKE, "S01-01"),
    (GINZA, "FLOOR-1"),
    (UMEDA, "BACK-1"),
)
JOBS = (
    "backorders", "supplies", "reservations", "waiting_lists", "carts", "expire", "put_back",
    "collections", "stores", "reroute", "expect", "refund", "swap", "return.labels", "return.ends",
    "return.news",
)  # fmt: skip
FINE = {200, 201, 202, 204, 404, 409, 422}


class Day:
    """A house in which things happen at random."""

    def __init__(self, house: House, seed: int) -> None:
        self.house = house
        self.draw = random.Random(seed)
        self.done = 0
        self.orders: list[UUID] = []
        self.carts: list[UUID] = []
        self.answers: defaultdict[str, set[int]] = defaultdict(set)
        self.jobs = {job.name for job in house.jobs.all()}
        for sku in SKUS:
            house.sku(sku)
        for _ in range(4):
            self.stock_comes()
        places = 5 * (self.place,)
        self.deeds: tuple[Callable[[], None], ...] = (
            *places, self.stock_comes, self.cart, self.cart, self.cancel, self.cancel_some,
            self.cancel_some, self.lines, self.point, self.address, self.extend, self.time_goes_by,
            self.floor, self.floor, self.floor, self.floor, self.store, self.store,
            self.carrier, self.carrier, self.give_back, self.exchange, self.exchange,
            self.run_jobs, self.run_jobs,
        )  # fmt: skip

    def do(self, steps: int) -> None:
        """So many deeds, and after each the sums are right."""
        for _ in range(steps):
            deed = self.draw.choice(self.deeds)
            deed()
            self.accounted(f"deed {self.done}, {deed.__name__}")
            if self.done % 20 == 0:
                self.verified()
            self.done += 1

    def was_full(self) -> bool:
        """Whether enough has happened: things came back, were exchanged, cancelled, too late."""
        good = [what for what, answers in self.answers.items() if answers & {200, 201}]
        wanted = {"return", "exchange", "cancellation"}
        return wanted <= set(good) and 409 in set.union(*self.answers.values())

    # ------------------------------------------------------------------------------- deeds
    def send(self, what: str, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Ask for something; it is done, or refused with a code."""
        answer = self.house.http.request(method, path, json=body)
        assert answer.status_code in FINE, (what, answer.text)
        if answer.status_code >= 400:
            assert answer.json()["code"] != "malformed", (what, answer.text)
        self.answers[what].add(answer.status_code)
        return answer

    def act(self, what: str, **body: Any) -> None:
        """Change some order; sent twice it is done once."""
        if not self.orders:
            return
        path = f"/oms/v1/orders/{self.draw.choice(self.orders)}/{what}"
        body["command_id"] = str(an_id())
        first = self.send(what, "POST", path, body)
        if first.status_code == 200 and self.draw.random() < 0.3:
            assert self.send(what, "POST", path, body).status_code == 200

    def place(self) -> None:
        draw = self.draw
        skus = [draw.choice(SKUS) for _ in range(draw.randint(1, 3))]
        units = [draw.randint(1, 6) for _ in skus]
        lines = [
            {"line_no": no, "sku": sku, "units": n, "price_minor": 1_000}
            for no, (sku, n) in enumerate(zip(skus, units, strict=True), start=1)
        ]
        worth = 1_000 * sum(units)
        more: dict[str, Any] = {
            "split": draw.choice(("ANY", "ANY", "WHOLE_LINES", "ONE_SITE")),
            "ship_to": draw.choice((TOKYO, OSAKA)),
            "placed_at": self.house.clock.at.isoformat(),
            "priority": draw.choice((0, 0, 5)),
        }
        fulfilment = draw.choice(("DELIVERY", "DELIVERY", "COLLECT", "RESERVE"))
        if fulfilment != "DELIVERY":
            more |= {"fulfilment": fulfilment, "to_site": draw.choice((GINZA, UMEDA))}
        if fulfilment != "RESERVE":
            more |= {"backorders": draw.choice(("END", "WAIT"))}
            card = {"id": str(an_id()), "kind": "CARD", "payment": "p", "captured_minor": worth}
            more |= {"tenders": [card]}
        if draw.random() < 0.5:
            more["promised_by"] = (self.house.clock.at + timedelta(days=2)).isoformat()
        order_id = an_id()
        body = self.house.order_body(lines=lines, **more)
        answer = self.send("place", "PUT", f"/oms/v1/orders/{order_id}", body)
        assert answer.status_code == 201, answer.text
        self.orders.append(order_id)

    def stock_comes(self) -> None:
        site, place = self.draw.choice(SHELVES)
        self.house.stock(self.draw.choice(SKUS), self.draw.randint(1, 8), place, site=site)

    def cart(self) -> None:
        if self.carts and self.draw.random() < 0.5:
            order_id, order = an_id(), self.house.order_body(("A", 2), ("B", 1), backorders="WAIT")
            path = f"/shop/v1/carts/{self.draw.choice(self.carts)}/order"
            body = {"order_id": str(order_id), "order": order}
            if self.send("checkout", "POST", path, body).status_code == 201:
                self.orders.append(order_id)
            return
        self.carts.append(cart_id := an_id())
        lines = [{"line_no": 1, "sku": "A", "units": 3}, {"line_no": 2, "sku": "B", "units": 1}]
        new: dict[str, Any] = {"rev": 1, "channel": "web", "lines": lines}
        new |= {"latitude": 35.0, "longitude": 139.0}
        self.send("cart", "PUT", f"/shop/v1/carts/{cart_id}", new)

    def cancel(self) -> None:
        self.act("cancellation")

    def cancel_some(self) -> None:
        line_no, units = self.draw.randint(1, 3), self.draw.randint(1, 4)
        self.act("cancellation", lines={str(line_no): units})

    def lines(self) -> None:
        added = {"line_no": self.draw.randint(3, 9), "sku": self.draw.choice(SKUS), "units": 1}
        self.act(
            "lines", lines={"1": self.draw.randint(0, 6)},
            added=[added] if self.draw.random() < 0.3 else [],
        )  # fmt: skip

    def point(self) -> None:
        self.act("collection-point", to_site=self.draw.choice((GINZA, UMEDA)))

    def address(self) -> None:
        self.act("address", ship_to=self.draw.choice((TOKYO, OSAKA)))
        self.act("slot", slot="1416")

    def extend(self) -> None:
        if self.orders:
            path = f"/shop/v1/reservations/{self.draw.choice(self.orders)}/extension"
            self.send("extend", "POST", path, {"command_id": str(an_id())})

    def time_goes_by(self) -> None:
        self.house.clock.at += timedelta(hours=self.draw.choice((0.2, 3, 20)))

    def floor(self) -> None:
        """People work at a site, and sometimes find less than they should."""
        self.house.tick()
        site = self.draw.choice((HUB, HUB, SPOKE, GINZA, UMEDA))
        kinds = ("pick", "pack", "load", "putback", "collect", "floor", "handoff", "receive",
                 "return")  # fmt: skip
        for kind in kinds * 2:
            packet = self.house.next_packet(site, kind)
            if packet is not None:
                found = {"A": 0} if self.draw.random() < 0.3 else {}
                self.house.do(packet, short=found if kind == "pick" else {})

    def store(self) -> None:
        """A store answers what stands in its queue, and hands over."""
        site = self.draw.choice((GINZA, UMEDA))
        self.run_jobs()
        items = self.house.ok(self.house.http.get(f"/store/v1/{site}/queue"))["items"]
        if not items:
            return
        item = self.draw.choice(items)
        if item["kind"] == "SHIP":
            what = f"ships/{item['order_id']}:accept"
        elif item["kind"] in {"COLLECT", "RESERVE"}:
            acts = ("accept", "prepare", "accept", "prepare", "return-to-floor")
            what = f"collections/{item['id']}:{self.draw.choice(acts)}"
        else:
            return
        self.send("store", "POST", f"/store/v1/{site}/{what}", {"command_id": str(an_id())})

    def carrier(self) -> None:
        """Parcels reach their customers."""
        for parcel in self.house.parcels():
            if parcel.state in {"INDUCTED", "SHIPPED"} and self.draw.random() < 0.7:
                at = self.house.clock.now()
                self.house.carrier.events.append(
                    TrackingEvent(sscc=parcel.sscc, status="DELIVERED", at=at)
                )
        self.house.after_hours()

    def something_had(self) -> tuple[UUID, int, str]:
        """A line that its customer has, if there is one; else any."""

        def had(session: Any) -> list[tuple[UUID, int, str]]:
            query = (
                select(OrderLine.order_id, OrderLine.line_no, OrderLine.sku)
                .join(Allocation, (Allocation.order_id == OrderLine.order_id)
                      & (Allocation.line_no == OrderLine.line_no))
                .where(Allocation.state == "DELIVERED", Allocation.onward_id.is_(None))
                .order_by(OrderLine.order_id, OrderLine.line_no)
            )  # fmt: skip
            return [tuple(row) for row in session.execute(query)]

        return self.draw.choice(self.house.database.run(had) or [(an_id(), 1, "A")])

    def give_back(self) -> None:
        """A customer brings something to a store."""
        order_id, line_no, _ = self.something_had()
        lines = [{"line_no": line_no, "units": 1, "grade": self.draw.choice("ABCD")}]
        body = {"return_id": str(an_id()), "order": str(order_id), "lines": lines}
        self.send("return", "POST", f"/store/v1/{GINZA}/returns", body)

    def exchange(self) -> None:
        """A customer sends something back and wants something else for it, which leaves first."""
        had, line_no, sku = self.something_had()
        order_id = an_id()
        instead = {"line_no": 1, "sku": self.draw.choice(SKUS), "units": 1, "price_minor": 900}
        body = {
            "number": f"X{order_id.hex[:6]}",
            "order_id": str(had),
            "lines": [{"line_no": line_no, "sku": sku, "units": 1}],
            "way": "PARCEL",
            "exchange": {"order_id": str(order_id), "number": "X", "lines": [instead]},
        }
        return_id = an_id()
        answer = self.send("exchange", "PUT", f"/oms/v1/returns/{return_id}", body)
        if answer.status_code == 201:
            self.orders.append(order_id)
            if self.draw.random() < 0.3:
                again = {"command_id": str(an_id())}
                self.send("keeps it", "POST", f"/oms/v1/returns/{return_id}:cancel", again)

    def run_jobs(self) -> None:
        for name in JOBS:
            if name in self.jobs:
                self.house.job(name)

    # ------------------------------------------------------------------------------- proof
    def accounted(self, after: str) -> None:
        """The sum of each line, from its rows."""

        def sums(session: Any) -> None:
            going: defaultdict[tuple[UUID, int], int] = defaultdict(int)
            for each in session.scalars(select(Allocation)):
                if each.state not in ENDED and each.onward_id is None:
                    going[each.order_id, each.line_no] += each.units
            for line in session.scalars(select(OrderLine)):
                left = line.units_short + line.units_cancelled + line.units_waiting
                total = going[line.order_id, line.line_no] + left
                assert total == line.units, (after, line.order_id, line.line_no, total, line.units)
            for order in session.scalars(select(Order).where(Order.closed)):
                query = select(OrderLine.state).where(OrderLine.order_id == order.id)
                assert "OPEN" not in session.scalars(query).all(), (after, order.id)

        self.house.database.run(sums)

    def verified(self) -> None:
        report = self.house.database.run(lambda session: verify(session, laws.LAWS))
        assert report.clean, report


def test_every_unit_is_accounted_for_whatever_happens(house: House):
    day = Day(house, seed=13)
    while not day.was_full() and day.done < 300:
        day.do(30)
    assert day.was_full(), day.answers


@pytest.mark.nightly
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(20))
def test_every_unit_is_accounted_for_on_many_days(house: House, seed: int):
    Day(house, seed).do(300)
