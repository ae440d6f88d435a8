"""The one view: every unit in one state, sums that add up, free for whom; and never a scan."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from tests.builders import NOW, a_move, a_reserve, a_site, a_sku, an_advance, stock_of
from wms.catalog import HOUSE_OWNER_ID
from wms.database import Database
from wms.ids import SiteId, SkuId
from wms.sites import virtual_location
from wms.stock import ledger, promises
from wms.stock.availability import STATES
from wms.stock.network import Availability, OfSku, Scope, availability, named_skus


def view(database: Database, *codes: str, **scope: Any) -> Availability:
    return database.run(
        lambda s: availability(s, list(named_skus(s, codes).values()), Scope(**scope), now=NOW)
    )


def of(database: Database, code: str, **scope: Any) -> OfSku:
    return view(database, code, **scope).skus[0]


def keep(engine: Engine, site: SiteId, sku: SkuId, channel: str, units: int) -> None:
    with engine.begin() as connection:
        connection.execute(
            text("INSERT INTO channel_buffer VALUES (:site, :owner, :sku, :channel, :keep)"),
            {"site": site, "owner": HOUSE_OWNER_ID, "sku": sku, "channel": channel, "keep": units},
        )


@pytest.fixture
def sites(database: Database) -> list[SiteId]:
    codes = ("TYO1", "OSA1", "S-GINZA")
    return database.run(lambda s: [a_site(s, code) for code in codes])


@pytest.fixture
def tea(database: Database, sites: list[SiteId]) -> SkuId:
    def work(session: Session) -> SkuId:
        sku = a_sku(session, "TEA")
        for site, units in zip(sites, (10, 20, 3), strict=True):
            stock_of(session, site, sku, units)
        return sku

    return database.run(work)


def test_the_network_is_the_sum_of_its_sites(database: Database, sites: list[SiteId], tea: SkuId):
    def work(session: Session) -> None:
        lines = [a_reserve(sites[0], tea, 4), a_reserve(sites[1], tea, 5, kind="CART"),
                 a_reserve(sites[1], tea, 2, kind="CLICK_RESERVE")]  # fmt: skip
        promises.reserve(session, lines, now=NOW)
        ledger.move(
            session,
            [a_move(sites[0], tea, 1, to_location_id=virtual_location(sites[0], "UNKNOWN"))],
        )

    database.run(work)
    sku = of(database, "TEA")
    expected = {"sellable": 33, "reserved": 11, "cart": 5, "click_reserve": 2, "unknown": 1}
    assert {name: n for name, n in sku.total.units.items() if n and name != "free"} == expected
    assert sku.total.units["free"] == 22
    for state in (*STATES, "free"):
        assert sku.total.units[state] == sum(each.units[state] for each in sku.sites.values())
    assert {code: each.units["free"] for code, each in sku.sites.items()} == {
        "TYO1": 6, "OSA1": 13, "S-GINZA": 3,
    }  # fmt: skip


def test_goods_are_seen_on_each_lane_and_in_each_state(
    database: Database, sites: list[SiteId], tea: SkuId
):
    places = {
        "LANE_IN": "expected", "DOCK_IN": "received", "LANE": "to_customer",
        "LANE_STORE": "to_store", "LANE_LOCKER": "to_locker", "LANE_STORE_DC": "store_to_dc",
        "LANE_DC_DC": "dc_to_dc", "EXPECTED_RETURN": "return_requested",
        "LANE_RETURN": "return_in_transit", "RETURNS_BENCH": "return_received",
        "QUARANTINE": "quarantine", "LOST": "lost", "UNKNOWN": "unknown",
    }  # fmt: skip
    moves = [
        a_move(sites[0], tea, n, to_location_id=virtual_location(sites[0], place))  # type: ignore[arg-type]
        for n, place in enumerate(places, start=1)
    ]
    database.run(lambda s: ledger.move(s, moves))
    units = of(database, "TEA").sites["TYO1"].units
    assert {state: units[state] for state in places.values()} == {
        state: n for n, state in enumerate(places.values(), start=1)
    }
    assert units["free"] == 10, "none of these may be promised"


def test_a_channel_may_not_have_what_is_kept_for_others(
    database: Database, superuser: Engine, sites: list[SiteId], tea: SkuId
):
    database.run(lambda s: promises.set_limits(s, sites[1], (HOUSE_OWNER_ID, tea), safety=2))
    keep(superuser, sites[1], tea, "market", 5)
    sku = of(database, "TEA", channel="web")
    assert (sku.sites["OSA1"].units["free"], sku.sites["OSA1"].units["safety"]) == (18, 2)
    assert sku.sites["OSA1"].channels == {"market": 13, "web": 18}
    assert sku.sites["TYO1"].channels == {"market": 10, "web": 10}
    assert sku.total.channels == {"market": 26, "web": 31}


def test_units_of_holds_that_are_overdue_are_told(
    database: Database, sites: list[SiteId], tea: SkuId
):
    for ends in (NOW - timedelta(seconds=1), NOW + timedelta(seconds=1)):
        line = a_reserve(sites[0], tea, 3, kind="CART", expires_at=ends)
        database.run(partial(promises.reserve, lines=[line], now=NOW - timedelta(hours=1)))
    at = of(database, "TEA").sites["TYO1"]
    assert (at.units["cart"], at.units["free"], at.overdue) == (6, 4, 3)


def test_what_moves_on_is_counted_once(database: Database, sites: list[SiteId], tea: SkuId):
    line = a_reserve(sites[0], tea, 4)

    def work(session: Session) -> None:
        promises.reserve(session, [line], now=NOW)
        for state in ("ALLOCATED", "PINNED", "PICKED", "PACKED", "SHIPPED"):
            ledger.advance(session, [an_advance(line, state)])
            units = availability(session, list(named_skus(session, ["TEA"]).values()), now=NOW)
            told = units.skus[0].sites["TYO1"].units
            physical = told["sellable"] + told["picked"] + told["packed"] + told["to_customer"]
            assert (physical, told["free"]) == (10, 6), state

    database.run(work)


def test_only_these_sites_only_this_owner_and_skus_in_their_order(
    database: Database, sites: list[SiteId], tea: SkuId
):
    assert len(sites) == 3
    database.run(lambda s: a_sku(s, "AIR"))
    both = view(database, "TEA", "AIR", sites=("OSA1",))
    assert {sku.sku for sku in both.skus} == {"TEA", "AIR"}
    assert [list(sku.sites) for sku in both.skus if sku.sku == "TEA"] == [["OSA1"]]
    assert of(database, "AIR").total.units["free"] == 0
    other = of(database, "TEA", owner_id=tea)
    assert (dict(other.sites), other.total.units["sellable"]) == ({}, 0)


@pytest.mark.usefixtures("tea")
def test_figures_say_when_they_were_true(database: Database):
    told = view(database, "TEA")
    assert (told.as_of, told.age_s) == (NOW, 0)
    assert {(at.as_of, at.age_s) for at in told.skus[0].sites.values()} == {(NOW, 0)}
