"""Dense waves: orders from few aisles are released together, from these, and none is forgotten."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from optimizer.result import Limits
from tests.wms.house import HUB
from tests.wms.waves.people import Floor
from wms.ids import SiteId
from wms.orders.model import Allocation
from wms.sites import location_id, site_id
from wms.waves.dense import densest
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


def test_in_turn_where_no_time_is_given_and_where_nobody_asked(stocked: Floor):
    stocked.put_order(("A", 2))
    stocked.tick()
    site, now = SiteId(site_id(HUB)), stocked.clock.now()
    asked = Template(choose="DENSE", hurry_min=0)

    def look(session: Session) -> None:
        assert densest(session, site, asked, now=now) is not None
        assert densest(session, site, asked, now=now, limits=Limits(seconds=0)) is None
        assert densest(session, site, Template(), now=now) is None

    stocked.database.run(look)


def test_what_is_due_soon_is_not_passed_over(stocked: Floor):
    late = (stocked.clock.now() + timedelta(minutes=30)).isoformat()
    soon = stocked.put_order(("B", 1), promised_by=late)
    near = stocked.put_order(("A", 2), ("C", 2))
    stocked.tick()
    wave = stocked.wave(**DENSE | {"hurry_min": 60})
    told = stocked.act(wave, "release")["forecast"]
    assert released(stocked, soon, near) == ["RELEASED", "RELEASED"]
    assert told["dense"]["urgent"] == 1
