"""引当振替: urgent orders take units from those with time to spare; every promise is kept."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from tests.builders import NOW
from tests.wms.house import HUB, OSAKA, SPOKE, TOKYO, House
from wms.orders import swaps
from wms.orders.model import Allocation, Decision, Order
from wms.orders.source_jobs import swap

SOON = NOW + timedelta(days=2, hours=12)
LATER = NOW + timedelta(days=6)
FAR = {"prefecture": "岩手県", "postal_code": "020-0001", "latitude": 39.70, "longitude": 141.15}


@pytest.fixture
def house(house: House) -> House:
    """A is known; nothing is in stock."""
    house.sku("A")
    return house


def at(house: House, order_id: UUID) -> dict[str, int]:
    """The live units of an order by site."""
    query = select(Allocation).where(
        Allocation.order_id == order_id, Allocation.state.in_(("HELD", "ALLOCATED"))
    )
    sites = {site["id"]: site["code"] for site in _sites(house)}
    found: dict[str, int] = {}
    for each in house.database.run(lambda s: list(s.scalars(query))):
        found[sites[each.site_id]] = found.get(sites[each.site_id], 0) + each.units
    return found


def _sites(house: House) -> list[dict[str, Any]]:
    from wms.sites import Site  # noqa: PLC0415

    return house.database.run(
        lambda s: [{"id": site.id, "code": site.code} for site in s.scalars(select(Site))]
    )


def promised(house: House, order_id: UUID) -> datetime | None:
    return house.database.run(lambda s: s.get_one(Order, order_id).promised_by)


def source(house: House) -> None:
    """Sourced, but nothing is released to the floor."""
    while house.jobs.source():
        pass


def test_who_would_be_late_takes_units_from_who_has_time(house: House):
    # to Iwate it is two days from Osaka, one from Tokyo; the hub's units are another's, who has a
    # week
    house.stock("A", 2, "S01-01")
    patient = house.put_order(("A", 2), promised_by=LATER.isoformat())
    source(house)
    house.stock("A", 2, "S01-01", site=SPOKE)
    urgent = house.put_order(("A", 2), ship_to=FAR, promised_by=SOON.isoformat())
    source(house)
    assert (at(house, patient), at(house, urgent)) == ({HUB: 2}, {SPOKE: 2})

    assert swap(house.database, house.clock) == 2

    assert (at(house, patient), at(house, urgent)) == ({SPOKE: 2}, {HUB: 2})
    assert promised(house, patient) == LATER
    assert promised(house, urgent) == SOON
    assert swap(house.database, house.clock) == 0, "nobody is urgent any more"


def test_each_order_of_an_exchange_says_why(house: House):
    test_who_would_be_late_takes_units_from_who_has_time(house)
    query = select(Decision).where(Decision.kind == "SWAPPED")
    rows = house.database.run(lambda s: list(s.scalars(query)))
    assert sorted(row.why[0]["code"] for row in rows) == [
        "gave_to_who_cannot_wait", "took_from_who_can_wait"
    ]  # fmt: skip
    for row in rows:
        told = house.ok(house.http.get(f"/oms/v1/orders/{row.order_id}/decisions"))
        assert [each["kind"] for each in told["decisions"]] == ["SWAPPED", "SOURCED"]


def test_nobody_gives_who_would_be_late_then(house: House):
    house.stock("A", 2, "S01-01")
    other = house.put_order(("A", 2), ship_to=FAR, promised_by=SOON.isoformat())
    source(house)
    house.stock("A", 2, "S01-01", site=SPOKE)
    urgent = house.put_order(("A", 2), ship_to=FAR, promised_by=SOON.isoformat())
    source(house)

    assert swap(house.database, house.clock) == 0
    assert (at(house, other), at(house, urgent)) == ({HUB: 2}, {SPOKE: 2})


def test_a_more_important_order_gives_nothing(house: House):
    house.stock("A", 2, "S01-01")
    patient = house.put_order(("A", 2), promised_by=LATER.isoformat(), priority=5)
    source(house)
    house.stock("A", 2, "S01-01", site=SPOKE)
    house.put_order(("A", 2), ship_to=FAR, promised_by=SOON.isoformat())
    source(house)
    assert swap(house.database, house.clock) == 0
    assert at(house, patient) == {HUB: 2}


def test_what_changed_meanwhile_is_left_alone(house: House):
    house.stock("A", 2, "S01-01")
    patient = house.put_order(("A", 2), promised_by=LATER.isoformat())
    source(house)
    house.stock("A", 2, "S01-01", site=SPOKE)
    urgent = house.put_order(("A", 2), ship_to=FAR, promised_by=SOON.isoformat())
    source(house)
    search = house.database.run(lambda s: swaps.find(s, now=house.clock.now()))
    assert search is not None
    found = swaps.solve(search)
    assert found is not None
    house.ok(house.http.post(f"/oms/v1/orders/{patient}/cancellation"))
    with pytest.raises(swaps.SwapLost):
        house.database.run(lambda s: swaps.carry_out(s, found, now=house.clock.now()))
    assert at(house, urgent) == {SPOKE: 2}


def test_who_waits_takes_what_another_can_have_from_elsewhere(house: House):
    """An order that must come from one site waits; a unit there is a parted order's."""
    house.sku("B")
    house.stock("A", 1, "S01-01")
    house.stock("B", 1, "S01-02")
    patient = house.put_order(("A", 1), promised_by=LATER.isoformat())
    source(house)
    urgent = house.put_order(
        ("A", 1), ("B", 1), split="ONE_SITE", backorders="WAIT", ship_to=TOKYO, priority=1
    )
    source(house)
    house.stock("A", 1, "S01-01", site=SPOKE)
    assert at(house, urgent) == {}

    swap(house.database, house.clock)

    assert at(house, patient) == {SPOKE: 1}
    assert at(house, urgent) == {HUB: 1}
    assert promised(house, patient) == LATER


def test_nothing_to_do_is_nothing(house: House):
    house.stock("A", 5, "S01-01")
    house.put_order(("A", 1), ship_to=OSAKA, promised_by=LATER.isoformat())
    source(house)
    assert swap(house.database, house.clock) == 0
