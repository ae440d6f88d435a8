"""What tests of customers share: a person, the token of an order, and a day's deliveries."""

from typing import Any
from uuid import UUID

from tests.wms.house import HUB, House
from wms.orders.model import Order
from wms.ports import TrackingEvent

TARO = {"name": "山田 太郎", "email": "taro@example.jp", "phone": "090-1111-2222",
        "postal_code": "100-0001", "address_lines": ["千代田1-1"]}  # fmt: skip


def token_of(house: House, order_id: UUID) -> str:
    return house.database.run(lambda s: s.get_one(Order, order_id).token)


def track(house: House, token: str) -> dict[str, Any]:
    body: dict[str, Any] = house.ok(house.http.get(f"/track/v1/{token}"))
    return body


def deliver(house: House) -> None:
    """All there is, to the customer."""
    house.tick()
    house.work_off(HUB, "pick")
    house.work_off(HUB, "pack")
    house.after_hours()
    come(house)


def come(house: House) -> None:
    """All parcels to their customers."""
    now = house.clock.now()
    for parcel in house.parcels():
        for status in ("COLLECTED", "DELIVERED"):
            house.carrier.events.append(TrackingEvent(sscc=parcel.sscc, status=status, at=now))
    house.after_hours()
