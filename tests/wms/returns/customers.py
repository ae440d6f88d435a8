"""Customers who have bought and now want to give back, through the public doors."""

from typing import Any
from uuid import UUID

import httpx2
from sqlalchemy import select

from tests.builders import an_id
from tests.wms.house import GINZA, HUB, House
from wms.errors import Rejected, Unavailable
from wms.money import Money
from wms.outbound.model import ExceptionRow
from wms.ports import Refund, TrackingEvent

PRICE = 1_000


class PaperPayments:
    """A provider whose answers a test writes: a second implementation of the port."""

    def __init__(self) -> None:
        self.done: dict[UUID, Refund] = {}
        self.lost = 0
        self.refuses = False

    def refund(self, refund: Refund) -> str:
        """Do it once; the next `lost` answers do not arrive."""
        if self.refuses:
            raise Rejected("the card was closed")
        self.done[refund.refund_id] = refund
        if self.lost:
            self.lost -= 1
            raise Unavailable("no answer")
        return f"re-{refund.refund_id}"

    @property
    def given(self) -> int:
        """All that was given back."""
        return sum((refund.amount for refund in self.done.values()), Money(0)).amount_minor


def tender(captured: int, kind: str = "CARD", **more: Any) -> dict[str, Any]:
    """A tender as a shop sends it."""
    tender_id = str(an_id())
    return {"id": tender_id, "kind": kind, "payment": f"pay-{tender_id}",
            "captured_minor": captured} | more  # fmt: skip


def sold(house: House, *lines: tuple[str, int], **more: Any) -> UUID:
    """An order that is paid for, placed, not yet picked; a unit costs PRICE."""
    goods = [
        {"line_no": no, "sku": sku, "units": units, "price_minor": PRICE}
        for no, (sku, units) in enumerate(lines, start=1)
    ]
    services = more.pop("services", [])
    worth = sum(each["units"] * each["price_minor"] for each in [*goods, *services])
    tenders = more.pop("tenders", None)
    body = {"tenders": [tender(worth)] if tenders is None else tenders} | more
    return house.put_order(**body, lines=[*goods, *services])


def shipped(house: House, *lines: tuple[str, int], **more: Any) -> UUID:
    """An order whose parcels the carrier has."""
    order = sold(house, *lines, **more)
    house.tick()
    house.work_off(HUB, "pick")
    house.work_off(HUB, "pack")
    house.after_hours()
    return order


def delivered(house: House, *lines: tuple[str, int], **more: Any) -> UUID:
    """An order that its customer has."""
    order = shipped(house, *lines, **more)
    carry(house, order, "DELIVERED")
    return order


def carry(house: House, order: UUID, status: str) -> None:
    """The carrier says that of all parcels of an order."""
    shipments = house.ok(house.http.get("/oms/v1/shipments", params={"order_id": str(order)}))
    for each in shipments:
        say(house, each["sscc"], status)
    house.after_hours()


def say(house: House, sscc: str, status: str) -> None:
    """The carrier says that of a parcel."""
    house.carrier.events.append(TrackingEvent(sscc=sscc, status=status, at=house.clock.now()))


def put_return(
    house: House, order: UUID | None, *lines: dict[str, Any], **more: Any
) -> tuple[UUID, httpx2.Response]:
    """Ask for a return; its id and the answer."""
    return_id = more.pop("return_id", None) or an_id()
    body = {"number": f"R-{return_id}", "order_id": order and str(order), "lines": list(lines)}
    return return_id, house.http.put(f"/oms/v1/returns/{return_id}", json=body | more)


def line(sku: str, units: int = 1, line_no: int = 1, **more: Any) -> dict[str, Any]:
    """A line of a return."""
    return {"line_no": line_no, "sku": sku, "units": units} | more


def bring(
    house: House, order: UUID | str, *lines: dict[str, Any], site: str = GINZA, **more: Any
) -> httpx2.Response:
    """Bring goods to a store."""
    body = {"return_id": str(more.pop("return_id", None) or an_id()), "order": str(order)}
    return house.http.post(f"/store/v1/{site}/returns", json=body | more | {"lines": list(lines)})


def seen(units: int = 1, line_no: int = 1, grade: str = "A", **more: Any) -> dict[str, Any]:
    """A line as it lies on the counter."""
    return {"line_no": line_no, "units": units, "grade": grade} | more


def back(house: House, return_id: UUID) -> dict[str, Any]:
    """A return as it stands."""
    body: dict[str, Any] = house.ok(house.http.get(f"/oms/v1/returns/{return_id}"))
    return body


def refunds(house: House, order: UUID) -> dict[str, Any]:
    """What of an order went back."""
    body: dict[str, Any] = house.ok(house.http.get(f"/oms/v1/orders/{order}/refunds"))
    return body


def given(house: House, order: UUID) -> int:
    """How much of an order was refunded, or shall be."""
    return sum(each["amount_minor"] for each in refunds(house, order)["refunds"])


def news(house: House) -> None:
    """The worker's jobs of returns and payments, until none has anything to do."""
    names = ("return.labels", "return.news", "return.ends", "cod", "refund")
    jobs = [job for job in house.jobs.all() if job.name in names]
    while sum(job.run() for job in jobs):
        pass


def on_hand(house: House, sku: str, site: str = GINZA) -> int:
    """How many units of it may be sold at a site."""
    body = house.ok(house.http.get("/v1/availability", params={"sku": sku, "site": site}))
    there = body["skus"][0]["sites"].get(site)
    return 0 if there is None else int(there["units"]["free"])


def troubles(house: House) -> list[str]:
    """What people must look at."""
    query = select(ExceptionRow.code).where(ExceptionRow.active).order_by(ExceptionRow.code)
    return list(house.database.run(lambda s: list(s.scalars(query))))
