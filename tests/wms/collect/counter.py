"""The counter of a store: what its people do, through the doors of the application.

counter = Counter(house)                          Ginza
order = counter.collect(("SKU", 2))               an order to be fetched there
counter.go()                                      the worker's jobs, until none has anything to do
counter.ready(order)                              accepted, prepared, on its shelf
counter.hand_over(order, counter.code(order))
counter.later(days=7)                             time goes by, and jobs run
"""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select

from tests.builders import an_id
from tests.wms.house import GINZA, HUB, SPOKE, House
from wms.collect.code import pickup_code, qr_payload
from wms.orders.model import Order
from wms.outbox import OutboxEvent

GINZA_AT = {
    "prefecture": "東京都", "postal_code": "104-0061", "latitude": 35.67, "longitude": 139.76,
}  # fmt: skip


class Counter:
    """A store's people and the time that goes by."""

    def __init__(self, house: House, site: str = GINZA) -> None:
        self.house = house
        self.site = site

    # ------------------------------------------------------------------------------- orders
    def collect(self, *lines: tuple[str, int], **more: Any) -> UUID:
        """Order goods to be fetched at this store, promised for in four hours."""
        promised = self.house.clock.at + timedelta(hours=4)
        facts = {
            "fulfilment": "COLLECT",
            "to_site": self.site,
            "ship_to": GINZA_AT,
            "promised_by": promised.isoformat(),
        }
        minor, prices = more.pop("paid", 0), more.pop("prices", {})
        body = self.house.order_body(*lines, **facts | more)
        for line in body["lines"]:
            line["price_minor"] = prices.get(line["sku"], 0)
        if minor:
            body["tenders"] = [a_card(minor)]
        order = an_id()
        self.house.ok(self.house.http.put(f"/oms/v1/orders/{order}", json=body))
        self.go()
        return order

    def reserve(self, *lines: tuple[str, int], hours: int = 48, **more: Any) -> UUID:
        """Have goods kept at this store without paying."""
        until = self.house.clock.at + timedelta(hours=hours)
        return self.collect(
            *lines, fulfilment="RESERVE", expires_at=until.isoformat(), promised_by=None, **more
        )

    def go(self) -> None:
        """The worker's jobs, until none has anything to do."""
        names = [job.name for job in self.house.jobs.all()]
        stores = [name for name in ("collections", "stores", "backorders") if name in names]
        while True:
            self.house.tick()
            if not sum(self.house.job(name) for name in stores):
                return

    def later(self, **time: float) -> None:
        """Time goes by."""
        self.house.clock.at += timedelta(**time)
        self.go()

    # ---------------------------------------------------------------------------------- store
    def queue(self) -> list[dict[str, Any]]:
        """What there is to do."""
        items: list[dict[str, Any]] = self.house.ok(
            self.house.http.get(f"/store/v1/{self.site}/queue")
        )["items"]
        return items

    def of(self, order: UUID) -> dict[str, Any]:
        """The collection of that order."""
        id_ = self.id_of(order)
        found: dict[str, Any] = self.house.ok(
            self.house.http.get(f"/store/v1/{self.site}/collections/{id_}")
        )
        return found

    def id_of(self, order: UUID) -> str:
        """The id of its collection: the queue says it as long as it is open."""
        known = self.__dict__.setdefault("_ids", {})
        for item in self.queue():
            known[item["order_id"]] = item["id"]
        return str(known[str(order)])

    def post(self, path: str, **body: Any) -> Any:
        """An act; the answer as it is."""
        body.setdefault("command_id", str(an_id()))
        return self.house.http.post(
            f"/store/v1/{self.site}/{path}", json=body, headers={"X-Soko-Device": "hh-1"}
        )

    def act(self, order: UUID, what: str, **body: Any) -> dict[str, Any]:
        """An act on the order's collection that must succeed."""
        answer: dict[str, Any] = self.house.ok(
            self.post(f"collections/{self.id_of(order)}:{what}", **body)
        )
        return answer

    def prepare(self, order: UUID, **short: int) -> dict[str, Any]:
        """Prepare it, all steps; `short` says what is found of a SKU. The packet as it was."""
        packet: dict[str, Any] = self.act(order, "prepare")["packet"]
        self.house.do(packet, short={sku.replace("_", "-"): n for sku, n in short.items()})
        self.go()
        return packet

    def ready(self, *orders: UUID) -> None:
        """Accept and prepare."""
        for order in orders:
            self.act(order, "accept")
            self.prepare(order)
            assert self.of(order)["state"] == "READY"

    def token(self, order: UUID) -> str:
        """What the order's customer has in the notice."""
        return self.house.database.run(lambda s: s.get_one(Order, order).token)

    def code(self, order: UUID) -> str:
        """The six digits of that customer."""
        return pickup_code(self.token(order))

    def qr(self, order: UUID) -> str:
        """The QR of that customer."""
        return qr_payload(self.token(order))

    def hand_over(self, order: UUID, code: str, **more: Any) -> Any:
        """Show a code at the counter; the answer as it is."""
        return self.post(f"collections/{self.id_of(order)}:hand-over", code=code, **more)

    def events(self, order: UUID, kind: str | None = None) -> list[dict[str, Any]]:
        """What was said of an order, in order."""
        query = select(OutboxEvent.type, OutboxEvent.body).where(OutboxEvent.key == str(order))
        rows = self.house.database.run(lambda s: s.execute(query.order_by(OutboxEvent.id)).all())
        return [{"type": type_} | body for type_, body in rows if kind in {None, type_}]


def paid(minor: int, *prices: str | int) -> dict[str, Any]:
    """An order that was paid by card: SKU and price of a unit, in turn."""
    price = dict(zip(prices[::2], prices[1::2], strict=True))
    return {"paid": minor, "prices": price}


def codes_of(packet: dict[str, Any], step: str) -> list[str]:
    """What may be scanned at a step."""
    (found,) = (each for each in packet["steps"] if each["id"] == step)
    return [code for expect in found["expect"] for code in expect["codes"]]


def do_with(house: House, packet: dict[str, Any], scans: dict[str, str]) -> None:
    """Do a packet to its end, unit by unit; `scans` says what is scanned at some steps."""
    now: dict[str, Any] | None = packet
    while now is not None:
        step = next(step for step in now["steps"] if step["id"] == now["step"])
        first = next((code for expect in step["expect"] for code in expect["codes"]), "ok")
        kind = "scan" if step["op"] in {"scan", "count"} else "choice"
        now = house.send(house.event(now, kind, scans.get(step["id"], first)))["packet"]


def a_card(minor: int) -> dict[str, Any]:
    """A card that was charged."""
    return {
        "id": str(an_id()), "kind": "CARD", "payment": f"pay_{an_id().hex[:8]}",
        "captured_minor": minor,
    }  # fmt: skip


def bring(counter: Counter, *sites: str, short: dict[str, int] | None = None) -> None:
    """What goes to the store is picked, packed, loaded, and received there."""
    house = counter.house
    for site in sites or (HUB, SPOKE):
        for kind in ("pick", "pack", "load"):
            counter.go()
            house.work_off(site, kind)
    counter.go()
    house.work_off(counter.site, "receive", short=short or {})
    counter.go()
