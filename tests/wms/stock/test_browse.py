"""The stock page: every SKU once, in order, whatever the page size; and no read is a scan."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from tests.builders import NOW, a_site
from wms.database import Database
from wms.stock import browse as browsing
from wms.stock import feed
from wms.stock.browse import Line, Place, Wish, browse, statement
from wms.stock.near import Near, find_in_store
from wms.stock.network import Named, Scope, availability, named_skus
from wms.stock.supply import atp_by_day

SITES, SKUS, SEEDY = 20, 1500, "SK01450"  # 30,000 balances and quants: a scan would cost something
FILL = """
INSERT INTO sku (id, owner_id, code, name_en, name_ja)
  SELECT uuidv7(), o.id, 'SK' || lpad(n::text, 5, '0'), 'Thing ' || n, '品 ' || n
    FROM owner o, generate_series(1, :skus) AS n;
INSERT INTO stock_balance (site_id, owner_id, sku_id, segment, sellable, reserved, lost)
  SELECT s.id, k.owner_id, k.id, 'A', 10, 1, (k.code = :seedy)::int
    FROM sku k CROSS JOIN site s;
INSERT INTO quant (site_id, location_id, sku_id, owner_id, handling_unit_id, lot, condition, units,
                   outside)
  SELECT b.site_id, l.id, b.sku_id, b.owner_id, '00000000-0000-0000-0000-000000000000', '', 'A',
         10, false
    FROM stock_balance b JOIN location l ON l.site_id = b.site_id AND l.code = 'S-1';
INSERT INTO quant (site_id, location_id, sku_id, owner_id, handling_unit_id, lot, condition, units,
                   outside)
  SELECT b.site_id, l.id, b.sku_id, b.owner_id, '00000000-0000-0000-0000-000000000000', '', 'A',
         b.lost, false
    FROM stock_balance b JOIN location l ON l.site_id = b.site_id AND l.code = '@LOST'
   WHERE b.lost > 0;
INSERT INTO hold (site_id, id, owner_id, sku_id, kind, state, units, demand_id, expires_at)
  SELECT b.site_id, uuidv7(), b.owner_id, b.sku_id, 'CART', 'HELD', 1, uuidv7(), now()
    FROM stock_balance b;
INSERT INTO supply (site_id, id, kind, owner_id, sku_id, units, eta_p50, eta_p90)
  SELECT b.site_id, uuidv7(), 'PO', b.owner_id, b.sku_id, 1, now(), now()
    FROM stock_balance b LIMIT 9000;
INSERT INTO outbox (topic, key, type, body, at)
  SELECT 'order', 'k', 'Said', '{}', now() FROM generate_series(1, 9000);
ANALYZE
"""


@pytest.fixture
def full(database: Database, superuser: Engine) -> Database:
    """A network with much stock."""
    database.run(lambda s: [a_site(s, f"S{n:02d}") for n in range(SITES)])
    with superuser.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        for part in FILL.split(";\n"):
            connection.execute(text(part), {"skus": SKUS, "seedy": SEEDY})
    return database


def pages(database: Database, wish: Wish, limit: int) -> Iterator[list[Line]]:
    after: Place | None = None
    while True:
        read = partial(browse, wish=wish, now=NOW, after=after, limit=limit)
        page = database.run(read)
        yield list(page.lines)
        if (after := page.next) is None:
            return


def codes(database: Database, limit: int = 200, **wish: Any) -> list[str]:
    return [line.sku for page in pages(database, Wish(**wish), limit) for line in page]


def test_every_sku_comes_once_in_order_and_what_few_have_in_bounded_steps(full: Database):
    everything = codes(full)
    assert everything == [f"SK{n:05d}" for n in range(1, SKUS + 1)]
    assert codes(full, 7, text="SK0012") == [f"SK0012{n}" for n in range(10)]
    assert codes(full, 3, text="品 29", site="S03") == [
        code for code in everything if f"品 {int(code[2:])}".startswith("品 29")
    ]
    assert codes(full, 1, text="SK00777") == ["SK00777"]
    (look,) = pages(full, Wish(states=("damaged", "lost")), 50)
    assert [line.sku for line in look] == [SEEDY], "found by the places where such goods are"
    steps = list(pages(full, Wish(states=("lost", "sold_out")), 50))
    assert [line.sku for step in steps for line in step] == [SEEDY]
    assert len(steps) == 8 > SKUS // 200, "walked, each time no farther than allowed"
    assert (look[0].sites, look[0].units) == (
        SITES,
        {"sellable": 10 * SITES, "reserved": SITES, "lost": SITES, "free": 9 * SITES},
    )


def test_no_read_is_a_scan(full: Database):
    def tea(session: Session) -> Named:
        return named_skus(session, ["SK00001"])["SK00001"]

    wishes = [
        Wish(),
        Wish(text="SK0012"),
        Wish(text="品 "),
        Wish(site="S03"),
        Wish(states=("damaged",)),
        Wish(text="12", site="S03", states=("damaged", "sold_out")),
    ]
    reads: list[Callable[[Session], object]] = [
        *(partial(browse, wish=wish, now=NOW) for wish in wishes),
        lambda s: availability(s, [tea(s)], Scope(), now=NOW),
        lambda s: availability(s, [tea(s)], Scope(sites=("S03",), channel="web"), now=NOW),
        lambda s: atp_by_day(s, tea(s), now=NOW, days=28),
        lambda s: find_in_store(s, Near(sku=tea(s), latitude=35, longitude=139), now=NOW),
        lambda s: feed.changes(s, after=feed.start(s)),
    ]
    with full.engine.connect() as connection:
        session = Session(connection)
        for _ in range(2):
            feed.start(session)  # numbers some thousands at a time
        for number, read in enumerate(reads):
            before = scans(session)
            read(session)
            assert scans(session) == before, number


def test_a_text_is_found_by_index(full: Database):
    wish = Wish(text="SK0012")
    plan = full.run(
        lambda s: "\n".join(
            s.execute(text(f"EXPLAIN {statement(wish)}"), browsing._facts(wish, None, 50)).scalars()
        )
    )
    assert "ix_sku_search" in plan
    assert "Seq Scan" not in plan


def scans(session: Session) -> dict[str, int]:
    """How often these tables have been read from end to end; counted by the server."""
    session.execute(text("SELECT pg_stat_force_next_flush()"))
    session.commit()
    rows = session.execute(
        text(
            "SELECT relname, seq_scan FROM pg_stat_user_tables WHERE relname IN"
            " ('stock_balance', 'quant', 'hold', 'movement', 'supply', 'outbox')"
        )
    )
    return {row.relname: row.seq_scan for row in rows}
