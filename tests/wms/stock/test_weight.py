"""Goods by weight: what they weigh is the sum of their movements, and nothing weighs nothing."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.orm import Session

from tests.builders import NOW, a_move, a_reserve, a_site, a_sku, an_advance, an_id, shelf
from wms.database import Database
from wms.ids import HoldId, SiteId, SkuId
from wms.sites import virtual_location
from wms.stock import ledger, promises
from wms.stock.faults import NotEnoughStock, WeightMissing, WeightUnwanted
from wms.stock.weight import weigh

FOLD = text("""
SELECT count(*) FROM quant q FULL JOIN (
  SELECT site_id, location_id, sku_id, handling_unit_id, sum(weight_g) AS weight_g FROM (
    SELECT site_id, to_location_id AS location_id, sku_id, to_unit_id AS handling_unit_id, weight_g
      FROM movement
    UNION ALL
    SELECT site_id, from_location_id, sku_id, from_unit_id, variance_g - weight_g
      FROM movement) AS m
   GROUP BY 1, 2, 3, 4) AS f USING (site_id, location_id, sku_id, handling_unit_id)
 WHERE coalesce(q.weight_g, 0) <> coalesce(f.weight_g, 0)
    OR (NOT q.outside AND q.units = 0 AND q.weight_g <> 0)
""")


@pytest.fixture
def site(database: Database) -> SiteId:
    return database.run(a_site)


@pytest.fixture
def sku(database: Database) -> SkuId:
    return database.run(lambda s: a_sku(s, catch_weight=True))


def move(database: Database, site: SiteId, sku: SkuId, units: int, **more: Any) -> None:
    database.run(lambda s: ledger.move(s, [a_move(site, sku, units, **more)]))
    assert database.run(lambda s: s.scalar(FOLD)) == 0


def weights(database: Database) -> dict[str, tuple[int, int]]:
    """Units and grams by the code of the place, where there is any."""
    query = text(
        "SELECT l.code, q.units, q.weight_g FROM quant q"
        " JOIN location l ON l.site_id = q.site_id AND l.id = q.location_id"
        " WHERE NOT q.outside AND (q.units, q.weight_g) <> (0, 0)"
    )
    return database.run(lambda s: {row.code: (row.units, row.weight_g) for row in s.execute(query)})


def variances(database: Database) -> list[int]:
    query = text("SELECT variance_g FROM movement ORDER BY id")
    return database.run(lambda s: list(s.scalars(query)))


def onward(site: SiteId, to: str = "S-2") -> dict[str, Any]:
    return {"from_location_id": shelf(site), "to_location_id": shelf(site, to)}


def test_what_comes_in_is_weighed(database: Database, site: SiteId, sku: SkuId):
    with pytest.raises(WeightMissing):
        move(database, site, sku, 3)
    with pytest.raises(WeightUnwanted):
        move(database, site, database.run(a_sku), 3, weight_g=100)

    move(database, site, sku, 3, weight_g=1000)

    assert weights(database) == {"S-1": (3, 1000)}


def test_units_take_their_share_and_the_last_ones_the_rest(
    database: Database, site: SiteId, sku: SkuId
):
    move(database, site, sku, 3, weight_g=1000)

    move(database, site, sku, 1, **onward(site))
    assert weights(database) == {"S-1": (2, 667), "S-2": (1, 333)}
    move(database, site, sku, 2, **onward(site))

    assert weights(database) == {"S-2": (3, 1000)}
    assert variances(database) == [0, 0, 0]


def test_a_measured_weight_counts_and_the_last_one_shows_the_difference(
    database: Database, site: SiteId, sku: SkuId
):
    move(database, site, sku, 3, weight_g=1000)

    move(database, site, sku, 1, weight_g=400, **onward(site))
    assert weights(database) == {"S-1": (2, 600), "S-2": (1, 400)}
    move(database, site, sku, 2, weight_g=590, **onward(site))  # 10 g have dried away

    assert weights(database) == {"S-2": (3, 990)}
    assert variances(database) == [0, 0, -10]


def test_more_is_measured_than_there_was(database: Database, site: SiteId, sku: SkuId):
    move(database, site, sku, 2, weight_g=1000)

    move(database, site, sku, 1, weight_g=1200, **onward(site))
    assert weights(database) == {"S-1": (1, 0), "S-2": (1, 1200)}
    move(database, site, sku, 1, weight_g=500, **onward(site))

    assert weights(database) == {"S-2": (2, 1700)}
    assert variances(database) == [0, 200, 500]


def test_lines_of_one_call_weigh_one_after_the_other(database: Database, site: SiteId, sku: SkuId):
    lines = [
        a_move(site, sku, 3, weight_g=1000),
        a_move(site, sku, 1, weight_g=400, **onward(site)),
        a_move(site, sku, 2, **onward(site)),
        a_move(site, sku, 3, from_location_id=shelf(site, "S-2"),
               to_location_id=shelf(site, "S-3"), weight_g=999),
    ]  # fmt: skip

    database.run(lambda s: ledger.move(s, lines))

    assert weights(database) == {"S-3": (3, 999)}
    assert variances(database) == [0, 0, 0, -1]
    with pytest.raises(NotEnoughStock):
        move(database, site, sku, 1, **onward(site))


def test_a_hold_takes_its_goods_weight_along(database: Database, site: SiteId, sku: SkuId):
    move(database, site, sku, 4, weight_g=2000)
    line = a_reserve(site, sku, 3, state="ALLOCATED")
    database.run(lambda s: promises.reserve(s, [line], now=NOW))
    steps = [
        an_advance(line, "PINNED"),
        an_advance(line, "PICKED", units=2, rest_hold_id=HoldId(an_id()), rest_state="SHORT",
                   weight_g=1100),
        an_advance(line, "PACKED", weight_g=1090),
        an_advance(line, "SHIPPED"),
    ]  # fmt: skip

    database.run(lambda s: ledger.advance(s, steps))

    assert weights(database) == {"S-1": (1, 450), "@UNKNOWN": (1, 450), "@LANE": (2, 1090)}
    assert variances(database) == [0, 0, 0, -10, 0]
    out = an_advance(line, "DELIVERED")
    database.run(lambda s: ledger.advance(s, [out]))
    assert database.run(lambda s: s.scalar(FOLD)) == 0


def test_a_count_finds_more_and_less(database: Database, site: SiteId, sku: SkuId):
    adjust = virtual_location(site, "ADJUST")
    move(database, site, sku, 2, weight_g=900, from_location_id=adjust)
    move(database, site, sku, 2, from_location_id=shelf(site), to_location_id=adjust)

    assert weights(database) == {}


@settings(max_examples=50)
@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(1, 5),
                  st.one_of(st.none(), st.integers(0, 3000))),
        max_size=12,
    )
)  # fmt: skip
def test_the_database_weighs_as_plain_python_does(
    database: Database, lines: list[tuple[int, int, int, int | None]]
):
    def work(session: Session) -> None:
        site, sku = a_site(session, f"S{an_id().hex}"), a_sku(session, catch_weight=True)
        codes = ["S-1", "S-2", "S-3"]
        has = dict.fromkeys(codes, (9, 3100))
        ledger.move(
            session,
            [a_move(site, sku, 9, to_location_id=shelf(site, c), weight_g=3100) for c in codes],
        )
        batch = []
        for start, end, units, measured in lines:
            a, b = codes[start], codes[end]
            if a == b or units > has[a][0]:
                continue
            left, arrived = weigh(*has[a], units, measured)
            has[a] = (has[a][0] - units, has[a][1] - left)
            has[b] = (has[b][0] + units, has[b][1] + arrived)
            batch.append(
                a_move(site, sku, units, from_location_id=shelf(site, a),
                       to_location_id=shelf(site, b), weight_g=measured)
            )  # fmt: skip
        ledger.move(session, batch)
        rows = session.execute(
            text("SELECT l.code, q.units, q.weight_g FROM quant q JOIN location l"
                 " ON l.site_id = q.site_id AND l.id = q.location_id"
                 " WHERE q.site_id = :site AND NOT q.outside"), {"site": site}
        )  # fmt: skip
        assert {row.code: (row.units, row.weight_g) for row in rows} == has
        assert session.scalar(FOLD) == 0
        session.rollback()

    database.run(work)
