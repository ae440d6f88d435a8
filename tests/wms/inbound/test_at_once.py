"""Many at once: one door, one pallet, one place with room for some of them."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from edge.gs1 import sscc_from
from tests.builders import NOW, an_id
from tests.wms.house import HUB, House
from tests.wms.inbound.dock import Dock
from wms.catalog import sku_id
from wms.inbound.announce import find_asn
from wms.inbound.book import book_unit
from wms.inbound.docks import Book, DoorTaken, book_door
from wms.inbound.goods import Loose
from wms.inbound.model import AsnUnit, Putaway
from wms.inbound.putaway import put_away_later, put_down
from wms.sites import site_id, virtual_location

MANY = 6


def at_once(deed: Callable[[int], Any]) -> list[Any]:
    """Many do it at once; what each got, or the fault."""

    def safely(number: int) -> Any:
        try:
            return deed(number)
        except Exception as fault:  # noqa: BLE001 - it is the answer
            return fault

    with ThreadPoolExecutor(MANY) as people:
        return list(people.map(safely, range(MANY)))


def test_one_door_one_pallet_one_place(house: House):
    dock, run, site = Dock(house), house.database.run, site_id(HUB)
    dock.sku("TEA")
    dock.places(*({"code": f"B-0{number}", "max_units": 25} for number in (1, 2, 3)))
    dock.rules({"name": "all", "zones": ["BULK"], "prefer": ["SAME_SKU"]})

    house.ok(house.http.put(f"/inbound/v1/doors/{HUB}/D-1", json={}))
    start = NOW.replace(minute=0)

    def a_truck(number: int) -> bool:
        wish = Book(
            id=an_id(), site_id=site, door="D-1", vehicle=str(number), starts_at=start,
            ends_at=start.replace(minute=30),
        )  # fmt: skip
        return run(lambda s: book_door(s, wish, now=NOW))

    got = at_once(a_truck)
    assert [each for each in got if each is True] == [True]
    assert all(isinstance(each, DoorTaken) for each in got if each is not True), got

    pallet = sscc_from("4512345", 3, 1)
    asn_id = dock.announce(("TEA", 60), units=[{"sscc": pallet, "content": {"1": 60}}])

    def receive(session: Session) -> bool:
        asn = find_asn(session, asn_id)
        key = (site, pallet, asn.id)
        unit = session.get_one(AsnUnit, key, with_for_update=True, populate_existing=True)
        facts = {"cause": an_id(), "actor": "test", "at": NOW, "now": NOW}
        return book_unit(session, asn, unit, **facts) is not None  # type: ignore[arg-type]

    assert sorted(at_once(lambda _: run(receive))) == [False] * (MANY - 1) + [True]
    assert dock.line(asn_id)["received"] == 60

    _six_tens_into_three_twenty_fives(house, dock)


def _six_tens_into_three_twenty_fives(house: House, dock: Dock) -> None:
    """Whoever comes first, and wherever they put it: no place has more than it may."""
    run, site = house.database.run, site_id(HUB)
    asn = dock.announce(("TEA", 60))
    person = dock.receive(asn)
    person.take("TEA", 60)
    assert sorted(each["units"] for each in dock.putaways()) == [10, 25, 25]
    run(_forget_plans)
    sku = sku_id("TEA")

    def plan(number: int) -> UUID | None:
        del number
        goods = Loose(sku_id=sku, units=10, from_location_id=virtual_location(site, "DOCK_IN"))
        return run(partial(_plan, goods=goods))

    planned = [each for each in at_once(plan) if isinstance(each, UUID)]
    kept = dict.fromkeys(("B-01", "B-02", "B-03"), 0)
    for each in dock.putaways():
        for place in (each["to_location"], each["second_location"]):
            if place is not None:
                kept[place] += each["units"]
    assert max(kept.values()) <= 25, kept

    def carry(number: int) -> None:
        def work(session: Session) -> None:
            key = (site, planned[number % len(planned)])
            putaway = session.get_one(Putaway, key, with_for_update=True)
            if putaway.state == "OPEN":  # all of them go to the first place, against all advice
                put_down(
                    session, putaway, "B-01", putaway.units, actor="test", at=NOW, now=NOW,
                    floor=None,
                )  # fmt: skip

        run(work)

    at_once(carry)
    assert dock.at("B-01") <= 25


def _plan(session: Session, goods: Loose) -> UUID | None:
    return put_away_later(session, site_id(HUB), goods, cause=an_id(), now=NOW)


def _forget_plans(session: Session) -> None:
    for putaway in session.scalars(select(Putaway).where(Putaway.state == "OPEN")):
        putaway.state = "CANCELLED"
