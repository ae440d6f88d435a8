"""Dense waves: orders from few aisles are released together, from these, and none is forgotten."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from tests.builders import an_id
from tests.wms.house import HUB
from tests.wms.waves.people import Floor
from wms.ids import SiteId
from wms.orders.model import Allocation
from wms.sites import location_id, site_id
from wms.waves.dense import backlog_of, densest
from wms.waves.plan import Template

DENSE: dict[str, Any] = {"choose": "DENSE", "units_min": 4, "units_max": 6, "hurry_min": 0}


@pytest.fixture
def stocked(floor: Floor) -> Floor:
    """A lies in aisles 1 and 3, B in 2, C in 3; A's first place is in aisle 1."""
    floor.channel(wip_lines_max=0)
    for sku, places in {"A": ["P01-01", "Q03-02"], "B": ["P02-01"], "C": ["Q03-01"]}.items():
        floor.sku(sku)
        for place in places:
            floor.stock(sku, 50, place)
    return floor


def released(floor: Floor, *orders: Any) -> list[str]:
    return [floor.line(order)["status"] for order in orders]


def test_a_dense_wave_is_from_few_aisles_and_bound_to_them(stocked: Floor):
    far = stocked.put_order(("A", 1), ("B", 1))
    near = [stocked.put_order(("A", 2), ("C", 2)), stocked.put_order(("C", 1), ("A", 1))]
    stocked.tick()
    wave = stocked.wave(**DENSE)
    early = stocked.http.post(
        f"/console/v1/waves/{wave}:release", json={"command_id": str(an_id())}
    )
    assert (early.status_code, early.json()["code"]) == (409, "wave_unchosen")
    assert stocked.seen(wave)["choosing"]
    assert stocked.job("plan-ahead") == 1
    assert not stocked.seen(wave)["choosing"]

    told = stocked.act(wave, "simulate")["forecast"]
    assert (told["orders"], told["units"], told["aisles"], told["short"]) == (2, 6, 1, [])
    dense = told["dense"]
    assert (dense["units_an_aisle"], dense["aisles"], dense["gap"]) == (6, 1, 0)
    assert dense["in_turn"] < 6
    assert stocked.act(wave, "release")["lines"] == 4

    assert released(stocked, far, *near) == ["ALLOCATED", "RELEASED", "RELEASED"]
    query = select(Allocation.location_id).where(Allocation.state == "PINNED")
    places = stocked.database.run(lambda s: set(s.scalars(query)))
    third = {location_id(site_id(HUB), code) for code in ("Q03-01", "Q03-02")}
    assert places == third, "A lies in the first aisle as well, and is not taken from there"


def test_nothing_is_found_where_nothing_waits(stocked: Floor):
    stocked.put_order(("A", 2))
    stocked.tick()
    site, now = SiteId(site_id(HUB)), stocked.clock.now()
    asked = Template(choose="DENSE", hurry_min=0)
    backlog = stocked.database.run(lambda s: backlog_of(s, site, asked, now=now))
    nobody = stocked.database.run(
        lambda s: backlog_of(s, site, asked, now=now, only=Allocation.state == "PICKED")
    )
    assert densest(backlog) is not None
    assert densest(nobody) is None


def test_what_is_due_soon_is_not_passed_over(stocked: Floor):
    late = (stocked.clock.now() + timedelta(minutes=30)).isoformat()
    soon = stocked.put_order(("B", 1), promised_by=late)
    near = stocked.put_order(("A", 2), ("C", 2))
    stocked.tick()
    wave = stocked.wave(**DENSE | {"hurry_min": 60})
    assert stocked.job("plan-ahead") == 1
    told = stocked.act(wave, "release")["forecast"]
    assert released(stocked, soon, near) == ["RELEASED", "RELEASED"]
    assert told["dense"]["urgent"] == 1


def test_what_became_urgent_since_goes_along_and_what_has_gone_is_left_out(stocked: Floor):
    near = [stocked.put_order(("A", 2), ("C", 2)), stocked.put_order(("C", 1), ("A", 1))]
    stocked.tick()
    wave = stocked.wave(**DENSE | {"hurry_min": 60})
    assert stocked.job("plan-ahead") == 1
    other = stocked.wave(orders_max=1)
    stocked.act(other, "release")
    late = (stocked.clock.now() + timedelta(minutes=30)).isoformat()
    soon = stocked.put_order(("B", 1), promised_by=late)
    stocked.tick()
    stocked.act(wave, "release")
    assert released(stocked, soon, *near) == ["RELEASED"] * 3
    assert stocked.seen(wave)["lines"] + stocked.seen(other)["lines"] == 5


def test_a_dense_wave_without_any_orders_goes_in_turn(stocked: Floor):
    wave = stocked.wave(**DENSE)
    assert stocked.job("plan-ahead") == 1
    order = stocked.put_order(("A", 2))
    stocked.tick()
    assert stocked.act(wave, "release")["lines"] == 1
    assert released(stocked, order) == ["RELEASED"]
