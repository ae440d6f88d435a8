"""ATP by day: a promise never eats what a later one needs; then the same from the tables."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from tests.builders import NOW, a_reserve, a_site, a_sku, an_id, stock_of
from wms.catalog import HOUSE_OWNER_ID
from wms.database import Database
from wms.ids import SiteId, SkuId
from wms.orders.rules import distance_km
from wms.sites import SiteRecord, save_sites
from wms.stock import promises
from wms.stock.near import Near, Place, find_in_store, in_words
from wms.stock.network import Scope, named_skus
from wms.stock.promising import (
    SAFE_CONFIDENCE,
    Incoming,
    arrival,
    available_to_promise,
)
from wms.stock.supply import Atp, atp_by_day, open_supply

DAYS = 8


def coming(day: int, units: int, held: int = 0, **more: Any) -> Incoming:
    facts = {"safe_day": day, "confidence": 100} | more
    return Incoming(expected_day=day, units=units, held=held, **facts)


# ------------------------------------------------------------------------------------- pure
def test_what_comes_may_be_promised_from_its_day_on():
    curves = available_to_promise(3, [coming(2, 10)], 4)
    assert list(curves.expected) == list(curves.safe) == [3, 3, 13, 13]


def test_a_later_promise_is_not_eaten_by_an_earlier_one():
    """25 are promised of the 20 that come on day 5: 5 of the 10 that are here belong to them."""
    late = replace(coming(5, 40, held=25), confidence=50)
    assert list(available_to_promise(10, [late], 7).expected) == [5] * 7


def test_behind_the_horizon_is_looked_too():
    broken = coming(90, 40, held=30, confidence=50)
    assert list(available_to_promise(15, [broken], 3).expected) == [5, 5, 5]


def test_a_shortage_that_is_made_up_for_bars_only_the_days_before():
    curves = available_to_promise(-4, [coming(2, 10)], 4)
    assert list(curves.expected) == [0, 0, 6, 6]


def test_expected_counts_what_is_likely_and_safe_what_is_sure():
    some = coming(1, 10, confidence=55, safe_day=3)
    sure = coming(1, 10, confidence=95, safe_day=3)
    assert list(available_to_promise(0, [some], 5).expected) == [0, 5, 5, 5, 5]
    assert list(available_to_promise(0, [some], 5).safe) == [0] * 5
    assert list(available_to_promise(0, [sure], 5).safe) == [0, 0, 0, 9, 9]


def test_what_was_promised_for_the_expected_day_is_kept_though_the_goods_be_late():
    """4 of the 10 are promised for day 1; they may come on day 3: 4 of what is here wait."""
    curves = available_to_promise(6, [coming(1, 10, held=4, safe_day=3)], 5)
    assert list(curves.expected) == [6, 12, 12, 12, 12]
    assert list(curves.safe) == [2, 2, 2, 12, 12]


def test_late_supply_is_not_counted_on():
    today = date(2026, 11, 27)

    def at(p50: int, p90: int) -> tuple[int, int | None]:
        return arrival(today + timedelta(days=p50), today + timedelta(days=p90), today)

    assert at(0, 2) == (0, 2)
    assert at(-1, 2) == (2, 2)
    assert at(-5, -1) == (1, None)


supplies = st.lists(
    st.builds(
        lambda day, late, units, held, confidence: Incoming(
            expected_day=day,
            safe_day=None if late is None else day + late,
            units=units,
            held=min(units, held),
            confidence=confidence,
        ),
        st.integers(0, DAYS + 3),
        st.none() | st.integers(0, 4),
        st.integers(0, 9),
        st.integers(0, 9),
        st.integers(0, 100),
    ),
    max_size=5,
)


def events(incoming: Sequence[Incoming], *, safe: bool) -> dict[int, int]:
    """What comes and goes on which day, one unit after the other."""
    days: dict[int, int] = defaultdict(int)
    for each in incoming:
        for _ in range(each.held):
            days[each.expected_day] -= 1
        likely = sum(1 for n in range(1, each.units + 1) if 100 * n <= each.units * each.confidence)
        if not safe:
            days[each.expected_day] += likely
        elif each.safe_day is not None and each.confidence >= SAFE_CONFIDENCE:
            days[each.safe_day] += likely
    return days


def all_kept(free: int, days: dict[int, int], wish: tuple[int, int]) -> bool:
    """Live through the days with one more promise: is there enough on its day and ever after?"""
    day, units = wish
    stock = free
    for today in range(40):
        stock += days.get(today, 0)
        if today == day:
            stock -= units
        if today >= day and stock < 0:
            return False
    return True


@given(free=st.integers(-5, 12), incoming=supplies, safe=st.booleans())
def test_as_much_as_a_brute_force_finds_and_not_one_more(
    free: int, incoming: list[Incoming], *, safe: bool
):
    curves = available_to_promise(free, incoming, DAYS)
    days = events(incoming, safe=safe)
    for day, units in enumerate(curves.safe if safe else curves.expected):
        most = max((n for n in range(80) if all_kept(free, days, (day, n))), default=0)
        assert units == most


@given(free=st.integers(0, 12), incoming=supplies)
def test_safe_is_never_more_than_expected_and_neither_falls(free: int, incoming: list[Incoming]):
    curves = available_to_promise(free, incoming, DAYS)
    assert all(s <= e for s, e in zip(curves.safe, curves.expected, strict=True))
    assert sorted(curves.expected) == list(curves.expected)
    assert sorted(curves.safe) == list(curves.safe)


@given(
    free=st.integers(0, 12),
    incoming=supplies,
    wishes=st.lists(st.tuples(st.integers(0, DAYS - 1), st.integers(1, 9)), max_size=8),
)
def test_whoever_is_promised_what_is_available_breaks_no_promise(
    free: int, incoming: list[Incoming], wishes: list[tuple[int, int]]
):
    """Promises given one after the other, each within ATP: at the end all days are covered."""
    given_, days = list(incoming), events(incoming, safe=False)
    if not all_kept(free, days, (0, 0)):
        return
    for day, units in wishes:
        if units <= available_to_promise(free, given_, DAYS).expected[day]:
            given_.append(coming(day, units, held=units, confidence=0))
            days[day] -= units
    assert all_kept(free, days, (0, 0))


# ------------------------------------------------------------------------------ from tables
def supply(engine: Engine, site: SiteId, sku: SkuId, units: int, **facts: Any) -> UUID:
    """A supply as its posting would make it."""
    row: dict[str, Any] = {
        "id": an_id(), "site": site, "owner": HOUSE_OWNER_ID, "sku": sku, "units": units,
        "received": 0, "held": 0, "p50": NOW, "p90": NOW, "confidence": 100, "state": "OPEN",
    } | facts  # fmt: skip
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO supply (site_id, id, kind, owner_id, sku_id, units, received, held,"
                " eta_p50, eta_p90, confidence, state) VALUES (:site, :id, 'PO', :owner, :sku,"
                " :units, :received, :held, :p50, :p90, :confidence, :state)"
            ),
            row,
        )
    made: UUID = row["id"]
    return made


@pytest.fixture
def tea(database: Database) -> SkuId:
    return database.run(lambda s: a_sku(s, "TEA"))


def atp_of(database: Database, now: datetime = NOW, days: int = 4, **scope: Any) -> Atp:
    def work(session: Session) -> Atp:
        sku = named_skus(session, ["TEA"])["TEA"]
        return atp_by_day(session, sku, Scope(**scope), now=now, days=days)

    return database.run(work)


def test_the_days_are_those_of_the_site(database: Database, superuser: Engine, tea: SkuId):
    """20:00 in London is 05:00 of the next day in Tokyo."""
    late = datetime(2026, 11, 27, 20, 0, tzinfo=UTC)

    def work(session: Session) -> tuple[SiteId, SiteId]:
        tokyo, london = save_sites(
            session,
            [
                SiteRecord(code="TYO1", kind="DC", name_en="Tokyo"),
                SiteRecord(code="LON1", kind="DC", name_en="London", time_zone="Europe/London"),
            ],
        )
        return tokyo, london

    tokyo, london = database.run(work)
    for site in (tokyo, london):
        supply(superuser, site, tea, 5, p50=late + timedelta(hours=5), p90=late + timedelta(days=1))
    atp = atp_of(database, late)
    assert atp.dates[0] == date(2026, 11, 27)
    assert atp.sites["TYO1"].today == date(2026, 11, 28)
    assert list(atp.sites["LON1"].expected) == [0, 5, 5, 5], "01:00 of the 28th"
    assert list(atp.sites["TYO1"].expected) == [5, 5, 5, 5], "10:00 of the 28th, its first day"
    assert list(atp.sites["TYO1"].safe) == [0, 0, 5, 5]
    assert list(atp.expected) == [5, 10, 10, 10]


def test_stock_and_supply_less_what_is_promised_of_each(
    database: Database, superuser: Engine, tea: SkuId
):
    def work(session: Session) -> list[SiteId]:
        sites = [a_site(session, code) for code in ("TYO1", "OSA1")]
        stock_of(session, sites[0], tea, 10)
        promises.reserve(session, [a_reserve(sites[0], tea, 4)], now=NOW)
        return sites

    sites = database.run(work)
    tomorrow = {"p50": NOW + timedelta(days=1), "p90": NOW + timedelta(days=2)}
    supply(superuser, sites[0], tea, 20, received=5, held=3, **tomorrow)
    supply(superuser, sites[1], tea, 7, **tomorrow)
    supply(superuser, sites[1], tea, 99, state="CLOSED", **tomorrow)
    atp = atp_of(database)
    assert (atp.free, atp.sites["TYO1"].free) == (6, 6)
    assert list(atp.sites["TYO1"].expected) == [6, 18, 18, 18]
    assert list(atp.sites["TYO1"].safe) == [3, 3, 18, 18]
    assert list(atp.sites["OSA1"].expected) == [0, 7, 7, 7]
    assert list(atp.expected) == [6, 25, 25, 25]
    assert [each.units for each in atp.supplies] == [7, 20]
    assert list(atp_of(database, sites=("OSA1",)).sites) == ["OSA1"]
    found = database.run(
        lambda s: open_supply(s, named_skus(s, ["TEA"])["TEA"], Scope(sites=("OSA1",)))
    )
    assert [(each.site, each.units) for each in found] == [("OSA1", 7)]


# ----------------------------------------------------------------------------- find in store
GINZA = (35.6717, 139.7650)
STORES = {
    "S-GINZA": GINZA, "S-UENO": (35.7138, 139.7770), "S-UMEDA": (34.7025, 135.4959),
    "S-NOWHERE": (0.0, 0.0),
}  # fmt: skip


@pytest.fixture
def stores(database: Database, tea: SkuId) -> dict[str, SiteId]:
    def work(session: Session) -> dict[str, SiteId]:
        made = {}
        for code, (latitude, longitude) in STORES.items():
            made[code] = a_site(session, code)
            record = SiteRecord(
                code=code, kind="STORE", name_en=code, latitude=latitude, longitude=longitude
            )
            save_sites(session, [record])
            if code != "S-UENO":
                stock_of(session, made[code], tea, 5)
        a_site(session, "TYO1")
        stock_of(session, a_site(session, "TYO1"), tea, 50)
        return made

    return database.run(work)


def find(database: Database, scope: Scope | None = None, **wish: Any) -> list[Place]:
    def work(session: Session) -> list[Place]:
        sku = named_skus(session, ["TEA"])["TEA"]
        near = Near(sku=sku, latitude=GINZA[0], longitude=GINZA[1] + 0.01, **wish)
        return find_in_store(session, near, scope or Scope(), now=NOW)

    return database.run(work)


@pytest.mark.usefixtures("stores")
def test_the_nearest_stores_that_have_enough(database: Database):
    found = find(database)
    assert [place.site for place in found] == ["S-GINZA", "S-UMEDA", "S-NOWHERE"]
    here = (GINZA[0], GINZA[1] + 0.01)
    for place in found[:2]:
        metres = 1000 * distance_km(here, STORES[place.site])
        assert place.distance_m == pytest.approx(metres, rel=0.001)
    assert found[2].distance_m is None, "nobody has said where it is"
    assert {(place.as_of, place.age_s) for place in found} == {(NOW, 0)}
    assert find(database, units=6) == []
    both = find(database, kinds=("STORE", "DC"), units=6)
    assert [place.site for place in both] == ["TYO1"]


@pytest.mark.usefixtures("stores")
def test_in_words(database: Database):
    assert [in_words(n, 2) for n in (-1, 1, 2, 4, 5)] == [
        "none", "none", "few_left", "few_left", "in_stock",
    ]  # fmt: skip
    told = {place.site: place.stock for place in find(database, units=3, also_none=True)}
    assert told == {
        "S-GINZA": "few_left", "S-UENO": "none", "S-UMEDA": "few_left", "S-NOWHERE": "few_left",
    }  # fmt: skip


def test_a_store_has_only_what_the_channel_may_have(
    database: Database, superuser: Engine, stores: dict[str, SiteId], tea: SkuId
):
    with superuser.begin() as connection:
        connection.execute(
            text("INSERT INTO channel_buffer VALUES (:site, :owner, :sku, 'web', 3)"),
            {"site": stores["S-GINZA"], "owner": HOUSE_OWNER_ID, "sku": tea},
        )
    web, store = Scope(channel="web"), Scope(channel="store")
    assert [place.site for place in find(database, web, units=3)] == ["S-UMEDA", "S-NOWHERE"]
    assert find(database, web, units=2)[0].free == 2
    assert find(database, store, units=3)[0].free == 5
    atp = atp_of(database, channel="web", sites=("S-GINZA",))
    assert (atp.free, list(atp.expected)) == (2, [2] * 4)
