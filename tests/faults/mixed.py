"""A day's work over real HTTP: people who sell, receive, pick, pack, ship, take back, count.

    day = Day(port, seed)
    with day.at_work(settled): ...     # then nothing new is begun, until all is settled
    day.owed()                         # what must lie where, counted from what was acknowledged
    day.again(port)                    # everything once more: whose answer differs

Who gets no answer asks again with the same ids, for as long as it takes. Each keeps what was
acknowledged. Nobody errs, so what must be in the books in the end is arithmetic:

    hub      what was there + received - ordered, and what the last count said
    lanes    nothing: who ordered has it
    store    returned

Who does what is drawn from the seed; when, is the machine's affair.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from random import Random
from time import monotonic
from typing import Any, NamedTuple
from uuid import UUID

from edge.clock import SystemClock
from simulators.carrier import CarrierApi
from tests.builders import an_id
from tests.faults.shop import Shop
from tests.journeys.floor_world import plainly
from tests.wms.house import TOKYO

HUB, STORE = "TYO1", "S-GNZ"
SKUS, COUNTED = tuple(f"GOODS-{n}" for n in range(12)), "COUNTED"
SHELVES = tuple(f"S{aisle:02d}-{bay:02d}" for aisle in (1, 2, 3) for bay in (1, 2, 3, 4))
ASIDE = "C01-01"  # where only who counts goes
AT_FIRST, COUNTED_AT_FIRST = 5_000, 100
UNDER_WAY_MAX = 30  # orders: who sells waits for who picks
PICKERS = 3
SETTLED_WITHIN_S = 90
NOW = SystemClock().now()
EVENTS = "/api/v1/work/events"


class Asked(NamedTuple):
    """A request that was acknowledged, and what of its answer must never change."""

    method: str
    path: str
    body: Any
    headers: dict[str, str]
    told: Any


class Pauses(NamedTuple):
    """Seconds between one piece of work and the next."""

    sell: float = 0.05
    receive: float = 0.3
    counts: float = 0.7
    take_back: float = 0.3
    look: float = 0.1  # for work where there was none
    carry: float = 0.3


def unchanging(path: str, answer: Any) -> Any:
    """What of an answer is for ever; how far a thing has got since is not."""
    if path == EVENTS:
        return [each["id"] for each in answer["results"] if each["result"] != "rejected"]
    if not isinstance(answer, dict):
        return answer
    kept = {key: answer.get(key) for key in ("id", "number", "order_id", "site")}
    lines = answer.get("lines")
    if isinstance(lines, list):
        lines = [{key: line.get(key) for key in ("line_no", "sku", "units")} for line in lines]
    return kept | {"lines": lines}


@dataclass
class Day:
    """Everybody's work, and what they were told."""

    port: int
    seed: int
    carrier: CarrierApi
    pauses: Pauses = field(default_factory=Pauses)
    told: list[Asked] = field(default_factory=list)
    troubles: Counter[str] = field(default_factory=Counter)
    done: Counter[str] = field(default_factory=Counter)  # acknowledged, by kind of work
    received: Counter[str] = field(default_factory=Counter)
    ordered: Counter[str] = field(default_factory=Counter)
    returned: Counter[str] = field(default_factory=Counter)
    counted: int = COUNTED_AT_FIRST
    open: dict[UUID, dict[str, Any]] = field(default_factory=dict)  # orders that nobody has
    gone: list[UUID] = field(default_factory=list)  # orders that were delivered
    lines: dict[UUID, list[tuple[str, int]]] = field(default_factory=dict)
    people: list[Future[None]] = field(default_factory=list)
    home: threading.Event = field(default_factory=threading.Event)  # no new work from now on
    over: threading.Event = field(default_factory=threading.Event)
    said: int = 0  # events of handhelds
    latest_at: float = 0.0  # when the change was asked for that was answered last

    # ------------------------------------------------------------------------------- asking
    def ask(self, shop: Shop, method: str, path: str, body: Any, who: str) -> Any:
        """Ask for a change until somebody answers, and keep the answer."""
        headers = {"X-Soko-Device": f"hh-{who}", "X-Soko-Operator": who}
        at = monotonic()
        status, answer = shop.ask(method, path, body, headers)
        assert status < 300, (method, path, status, answer)
        self.told.append(Asked(method, path, body, headers, unchanging(path, answer)))
        self.latest_at = max(self.latest_at, at)
        return answer

    def again(self, port: int) -> list[tuple[str, Any, Any]]:
        """Everything once more: what is answered otherwise than it was."""
        changed = []
        with Shop([port], troubles=self.troubles) as shop:
            for each in self.told:
                status, answer = shop.ask(each.method, each.path, each.body, each.headers)
                now = unchanging(each.path, answer) if status < 300 else answer
                results = answer["results"] if each.path == EVENTS and status < 300 else []
                anew = [row for row in results if row["result"] == "accepted"]
                if now != each.told or anew:
                    changed.append((f"{each.method} {each.path}", each.told, now))
        return changed

    def owed(self) -> dict[tuple[str, str, str], int]:
        """Units by site, counter and SKU that must be in the books when all is done."""
        units: Counter[tuple[str, str, str]] = Counter({(HUB, "sellable", COUNTED): self.counted})
        for sku in SKUS:
            units[HUB, "sellable", sku] += AT_FIRST + self.received[sku] - self.ordered[sku]
            units[STORE, "sellable", sku] += self.returned[sku]
        return {key: count for key, count in units.items() if count}

    # ------------------------------------------------------------------------------- the day
    @contextmanager
    def at_work(self, settled: Callable[[], bool]) -> Iterator[None]:
        """Everybody works; then nothing new is begun, and what was begun is brought to its end."""
        sells = [self._sell, self._receive, self._count, self._take_back]
        acts = [*sells, self._carry, *[self._work] * PICKERS]
        with ThreadPoolExecutor(len(acts)) as people:
            self.people = [people.submit(self._begin, act, n) for n, act in enumerate(acts)]
            try:
                yield
                self.home.set()
                for each in self.people[: len(sells)]:
                    each.result()
                until = monotonic() + SETTLED_WITHIN_S
                while monotonic() < until and (self.open or not settled()):
                    self.all_well()
                    self.over.wait(0.2)
            finally:
                self.home.set()
                self.over.set()
            for each in self.people:
                each.result()

    def all_well(self) -> None:
        """Fail with whoever could not go on."""
        for each in self.people:
            if each.done():
                each.result()

    def _begin(self, act: Callable[[Shop, Random, str], None], number: int) -> None:
        with Shop([self.port], troubles=self.troubles) as shop:
            act(shop, Random(f"{self.seed}/{number}"), f"p{number}")

    def _sell(self, shop: Shop, draw: Random, who: str) -> None:
        while not self.home.wait(self.pauses.sell):
            if len(self.open) >= UNDER_WAY_MAX:
                continue
            order, goods = an_id(), draw.sample(SKUS, draw.randint(1, 3))
            lines = [(sku, draw.randint(1, 3)) for sku in goods]
            body = {
                "number": f"N-{order.hex[-12:]}", "channel": "web", "placed_at": NOW.isoformat(),
                "customer": None, "ship_to": TOKYO,
                "lines": [{"line_no": n, "sku": sku, "units": units}
                          for n, (sku, units) in enumerate(lines, start=1)],
            }  # fmt: skip
            self.ask(shop, "PUT", f"/oms/v1/orders/{order}", body, who)
            self.ordered.update(dict(lines))
            self.lines[order] = lines
            self.open[order] = body
            self.done["orders"] += 1

    def _receive(self, shop: Shop, draw: Random, who: str) -> None:
        """Some comes announced and is unloaded with a handheld, some is simply there."""
        while not self.home.wait(self.pauses.receive):
            sku, units = draw.choice(SKUS), draw.randint(5, 40)
            if draw.random() < 0.5:
                line = {"site": HUB, "location": draw.choice(SHELVES), "sku": sku, "units": units}
                body = {"id": str(an_id()), "lines": [line]}
                self.ask(shop, "POST", "/master/v1/receipts", body, who)
            else:
                self._unload(shop, sku, units, who)
            self.received[sku] += units
            self.done["receipts"] += 1

    def _unload(self, shop: Shop, sku: str, units: int, who: str) -> None:
        asn = an_id()
        body = {
            "site": HUB, "number": f"A-{asn.hex[-8:]}", "supplier": "ACME", "purchase_order": "PO",
            "eta_p50": NOW.isoformat(), "eta_p90": NOW.isoformat(),
            "lines": [{"line_no": 1, "sku": sku, "units": units}],
        }  # fmt: skip
        self.ask(shop, "PUT", f"/inbound/v1/asns/{asn}", body, who)
        packet: dict[str, Any] | None = self._start(shop, "inbound", str(body["number"]), who)
        first = [("scan", sku), ("scan", sku), ("qty", units), ("choice", "done")]
        for kind, value in [*first, ("choice", "OK"), ("exception", {"code": "finish"})]:
            packet = self._say(shop, packet, kind, value, who)
        self._say(shop, packet, "choice", "CLOSE", who)

    def _count(self, shop: Shop, draw: Random, who: str) -> None:
        """A place where nobody else goes: now and then one is missing, or one was found.

        In turn, since who has counted does not count again if the books moved meanwhile: when a
        count before had to wait until it could be posted.
        """
        people = cycle(f"{who}{each}" for each in "abc")
        while not self.home.wait(self.pauses.counts):
            person = next(people)
            packet: dict[str, Any] | None = self._start(shop, "count", ASIDE, person)
            units = self.counted + draw.choice((-1, 0, 1))
            deeds = [("scan", ASIDE), ("scan", COUNTED), ("qty", units), ("choice", "done")]
            for kind, value in [*deeds, ("choice", "ok")]:
                packet = self._say(shop, packet, kind, value, person)
            self.counted = units
            self.done["counts"] += 1

    def _take_back(self, shop: Shop, draw: Random, who: str) -> None:
        while not self.home.wait(self.pauses.take_back):
            if not self.gone:
                continue
            order = self.gone.pop(draw.randrange(len(self.gone)))
            sku, units = self.lines[order][0]
            line = {"line_no": 1, "units": units, "grade": "A"}
            body = {"return_id": str(an_id()), "order": str(order), "lines": [line]}
            self.ask(shop, "POST", f"/store/v1/{STORE}/returns", body, who)
            self.returned[sku] += units
            self.done["returns"] += 1

    def _work(self, shop: Shop, _draw: Random, who: str) -> None:
        """Somebody with a handheld: whatever comes next."""
        query = f"/api/v1/work/next?site={HUB}&kinds=pick,pack,putaway"
        headers = {"X-Soko-Device": f"hh-{who}", "X-Soko-Operator": who}
        while not self.over.is_set():
            status, packet = shop.ask("GET", query, None, headers)
            assert status in {200, 204}, packet
            if packet is None:
                self.over.wait(self.pauses.look)
                continue
            kind = packet["kind"]
            while packet is not None:
                step = next(each for each in packet["steps"] if each["id"] == packet["step"])
                for act, value in plainly(step):
                    packet = self._say(shop, packet, act, value, who)
            self.done[kind] += 1

    def _carry(self, shop: Shop, _draw: Random, _who: str) -> None:
        """The van takes what was booked, and what it has delivered is seen in the order."""
        while not self.over.wait(self.pauses.carry):
            for order in list(self.open):
                status, body = shop.ask("GET", f"/oms/v1/orders/{order}")
                assert status == 200, body
                if body["status"] == "DELIVERED":
                    del self.open[order]
                    self.gone.append(order)
                    self.done["delivered"] += 1
                elif body["status"] in {"PACKED", "SHIPPED"}:
                    _, parcels = shop.ask("GET", f"/oms/v1/shipments?order_id={order}")
                    for each in parcels:
                        if each["tracking"]:
                            self.carrier.collect(each["sscc"])

    # ------------------------------------------------------------------------------- handhelds
    def _start(self, shop: Shop, kind: str, scanned: str, who: str) -> dict[str, Any]:
        headers = {"X-Soko-Device": f"hh-{who}", "X-Soko-Operator": who}
        body = {"site": HUB, "kind": kind, "scanned": scanned}
        status, packet = shop.ask("POST", "/api/v1/work/start", body, headers)
        assert status == 200, (kind, scanned, packet)
        return dict(packet)

    def _say(
        self, shop: Shop, packet: dict[str, Any] | None, kind: str, value: Any, who: str
    ) -> dict[str, Any] | None:
        """One event; the packet as it is then. Nobody errs, so each must be taken."""
        assert packet is not None, (kind, value)
        self.said += 1
        event = {
            "id": str(an_id()), "packet": packet["id"], "rev": packet["rev"],
            "step": packet["step"], "type": kind, "value": value, "at": NOW.isoformat(),
            "seq": self.said, "device": f"hh-{who}",
        }  # fmt: skip
        answer = self.ask(shop, "POST", EVENTS, {"events": [event]}, who)
        (result,) = answer["results"]
        assert result["result"] in {"accepted", "duplicate"}, (packet["kind"], event, result)
        found: dict[str, Any] | None = answer["packet"]
        return found
