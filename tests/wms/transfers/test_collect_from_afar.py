"""Goods that a customer collects come to the store from elsewhere, and stay that customer's."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.builders import an_id
from tests.wms.house import GINZA, HUB, SPOKE, House
from tests.wms.supply import events, exceptions, send, walk
from wms.catalog import HOUSE_OWNER_ID, sku_id
from wms.orders.model import Allocation
from wms.sites import site_id
from wms.stock.promises import set_limits


def collect(house: House, units: int, **more: Any) -> UUID:
    order_id = house.put_order(
        ("TEA", units), **({"fulfilment": "COLLECT", "to_site": GINZA} | more)
    )
    house.tick()
    return order_id


def allocations(house: House, order_id: UUID) -> dict[str, list[tuple[str, int]]]:
    """State and units of an order's allocations, by site."""
    query = select(Allocation).where(Allocation.order_id == order_id).order_by(Allocation.units)
    found: dict[str, list[tuple[str, int]]] = {}
    names: dict[UUID, str] = {site_id(code): code for code in (HUB, SPOKE, GINZA)}
    for each in house.database.run(lambda s: s.scalars(query).all()):
        found.setdefault(names[each.site_id], []).append((each.state, each.units))
    return found


def test_it_goes_to_the_store_and_is_held_there(house: House):
    house.sku("TEA")
    house.stock("TEA", 9, "S01-01")
    order_id = collect(house, 3)
    send(house, HUB)
    assert house.stock_row("TEA")["to_store"] == 3
    house.work_off(GINZA, "receive")
    row = house.stock_row("TEA", GINZA)
    assert (row["sellable"], row["allocated"], row["free"]) == (3, 3, 0)
    assert allocations(house, order_id) == {HUB: [("DELIVERED", 3)], GINZA: [("ALLOCATED", 3)]}
    assert house.next_packet(GINZA, "pick") is None, "it is prepared, not shipped"


def test_it_is_held_although_the_store_keeps_a_safety_stock(house: House):
    house.sku("TEA")
    house.stock("TEA", 9, "S01-01")
    order_id = collect(house, 3)
    send(house, HUB)
    tea = sku_id("TEA")

    def keep(session: Session) -> None:
        set_limits(session, site_id(GINZA), (HOUSE_OWNER_ID, tea), safety=50)

    house.database.run(keep)
    house.work_off(GINZA, "receive")
    assert allocations(house, order_id)[GINZA] == [("ALLOCATED", 3)]


def test_what_arrives_short_is_wanted_again_from_elsewhere(house: House):
    house.sku("TEA")
    house.stock("TEA", 3, "S01-01")
    house.stock("TEA", 9, "S01-01", site=SPOKE)
    order_id = collect(house, 3)
    send(house, HUB)
    packet = house.next_packet(GINZA, "receive")
    assert packet is not None
    walk(house, packet, {"1.item": ("exception", {"code": "short", "found": 1})})
    assert allocations(house, order_id)[SPOKE] == [("ALLOCATED", 2)]
    assert "short_arrival" in {each["reason"] for each in events(house, "OrderChanged")}
    send(house, SPOKE)
    house.work_off(GINZA, "receive")
    assert allocations(house, order_id)[GINZA] == [("ALLOCATED", 1), ("ALLOCATED", 2)]
    assert exceptions(house).keys() == {"transfer.differs"}


@pytest.mark.nightly
def test_what_arrives_broken_and_is_nowhere_else_is_short(house: House):
    house.sku("TEA")
    house.stock("TEA", 3, "S01-01")
    order_id = collect(house, 3)
    send(house, HUB)
    packet = house.next_packet(GINZA, "receive")
    assert packet is not None
    walk(house, packet, {"1.item": ("exception", {"code": "damaged", "found": 2})})
    assert house.line(order_id)["units_short"] == 1
    row = house.stock_row("TEA", GINZA)
    assert (row["sellable"], row["quarantine"]) == (2, 1)


@pytest.mark.nightly
def test_the_parcel_is_lost_and_its_goods_come_from_elsewhere(house: House):
    house.sku("TEA")
    house.stock("TEA", 3, "S01-01")
    house.stock("TEA", 9, "S01-01", site=SPOKE)
    order_id = collect(house, 3)
    send(house, HUB)
    (coming,) = house.ok(house.http.get("/console/v1/arrivals", params={"site": GINZA}))
    house.ok(
        house.http.post(
            f"/console/v1/arrivals/{GINZA}/{coming['id']}:lost",
            json={"command_id": str(an_id()), "reason": "stolen"},
        )
    )
    send(house, SPOKE)
    house.work_off(GINZA, "receive")
    assert allocations(house, order_id)[GINZA] == [("ALLOCATED", 3)]
