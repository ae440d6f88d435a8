"""Goods kept by lot: what comes in has one; the first to expire goes first; some go not at all."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from tests.builders import (
    NOW,
    PATIENCE_S,
    a_move,
    a_reserve,
    a_site,
    a_sku,
    an_advance,
    an_id,
    eventually,
    shelf,
)
from wms.catalog import HOUSE_OWNER_ID, Lot, LotRecord, save_lots
from wms.database import Database
from wms.ids import HoldId, OwnerId, SiteId, SkuId
from wms.outbox import drain
from wms.sites import virtual_location
from wms.stock import ledger, promises
from wms.stock.availability import free_units, holds_of, pickable, stock_view
from wms.stock.faults import (
    LotBlocked,
    LotExpired,
    LotMissing,
    LotUnwanted,
    NotEnoughStock,
    WrongLocation,
)
from wms.stock.model import Hold
from wms.stock.promises import Reserve
from wms.stock.verify import verify

TODAY = NOW.date()


@pytest.fixture
def site(database: Database) -> SiteId:
    return database.run(a_site)


@pytest.fixture
def sku(database: Database) -> SkuId:
    return database.run(lambda s: a_sku(s, tracking="LOT"))


@pytest.fixture
def pinned(database: Database, site: SiteId, sku: SkuId) -> Callable[..., str]:
    """Reserve and pin some; which lot it is."""

    def pin(units: int, **more: Any) -> str:
        line = a_reserve(site, sku, units, state="ALLOCATED")

        def work(session: Session) -> str:
            assert promises.reserve(session, [line], now=NOW)[0].granted
            ledger.advance(session, [an_advance(line, "PINNED", **more)])
            lot = session.scalar(select(Hold.lot).where(Hold.id == line.hold_id))
            assert lot is not None
            return lot

        return database.run(work)

    return pin


def lots(database: Database, site: SiteId, sku: SkuId, **units: int) -> None:
    moves = [a_move(site, sku, count, lot=code) for code, count in units.items()]
    database.run(lambda s: ledger.move(s, moves))


def expiring(database: Database, sku: SkuId, **days: int) -> None:
    records = [
        LotRecord(sku_id=sku, code=code, expires_on=TODAY + timedelta(days=ahead))
        for code, ahead in days.items()
    ]
    database.run(lambda s: save_lots(s, records))


def test_what_comes_in_names_its_lot_and_makes_it_known(
    database: Database, site: SiteId, sku: SkuId
):
    with pytest.raises(LotMissing):
        database.run(lambda s: ledger.move(s, [a_move(site, sku, 1)]))
    plain = database.run(a_sku)
    with pytest.raises(LotUnwanted):
        database.run(lambda s: ledger.move(s, [a_move(site, plain, 1, lot="L1")]))

    lots(database, site, sku, L1=5, L2=1)

    known = database.run(lambda s: s.execute(select(Lot.code, Lot.status).order_by(Lot.code)).all())
    assert [tuple(row) for row in known] == [("L1", "OK"), ("L2", "OK")]
    assert database.run(verify).clean


def test_a_lot_that_is_known_keeps_what_is_known_of_it(
    database: Database, site: SiteId, sku: SkuId
):
    expiring(database, sku, L1=30)

    lots(database, site, sku, L1=5)

    assert database.run(lambda s: s.scalar(select(Lot.expires_on))) == TODAY + timedelta(days=30)


def test_the_first_to_expire_goes_first(
    database: Database, site: SiteId, sku: SkuId, pinned: Callable[..., str]
):
    expiring(database, sku, B=10, A=20)
    lots(database, site, sku, A=5, B=2, NEVER=9)

    assert [pinned(2), pinned(5), pinned(3)] == ["B", "A", "NEVER"]
    assert pinned(1, lot="NEVER") == "NEVER"
    with pytest.raises(NotEnoughStock):
        pinned(1, lot="B")
    assert database.run(verify).clean


def test_of_lots_that_expire_together_the_code_decides(
    database: Database, site: SiteId, sku: SkuId, pinned: Callable[..., str]
):
    expiring(database, sku, B=10, A=10)
    lots(database, site, sku, B=2, A=2)

    assert [pinned(1), pinned(1), pinned(1)] == ["A", "A", "B"]


def test_pins_of_one_call_share_the_lots_among_them(database: Database, site: SiteId, sku: SkuId):
    expiring(database, sku, A=10, B=20)
    lots(database, site, sku, A=3, B=4)
    lines = [a_reserve(site, sku, n, state="ALLOCATED") for n in (2, 2, 1, 2)]
    database.run(lambda s: promises.reserve(s, lines, now=NOW))

    database.run(lambda s: ledger.advance(s, [an_advance(line, "PINNED") for line in lines]))

    assert [lot_of(database, line) for line in lines] == ["A", "B", "A", "B"]


def lot_of(database: Database, line: Reserve) -> str | None:
    return database.run(lambda s: s.scalar(select(Hold.lot).where(Hold.id == line.hold_id)))


def block(database: Database, sku: SkuId, *codes: str, **more: Any) -> None:
    facts = {"status": "BLOCKED"} | more
    records = [LotRecord(sku_id=sku, code=code, **facts) for code in codes]
    database.run(lambda s: save_lots(s, records))


def test_a_blocked_lot_is_never_pinned(
    database: Database, site: SiteId, sku: SkuId, pinned: Callable[..., str]
):
    expiring(database, sku, A=10, B=20)
    lots(database, site, sku, A=3, B=4)
    block(database, sku, "A")

    assert pinned(1) == "B"
    with pytest.raises(LotBlocked):
        pinned(1, lot="A")
    line = a_reserve(site, sku, 1, state="ALLOCATED")
    database.run(lambda s: promises.reserve(s, [line], now=NOW))
    block(database, sku, "B")
    with pytest.raises(LotBlocked):
        database.run(lambda s: ledger.advance(s, [an_advance(line, "PINNED")]))


# ------------------------------------------------------------ what nobody may have is not promised
def reserved(database: Database, site: SiteId, sku: SkuId, units: int, at: datetime = NOW) -> bool:
    line = a_reserve(site, sku, units)
    return database.run(lambda s: promises.reserve(s, [line], now=at))[0].granted


def shown(database: Database, site: SiteId, sku: SkuId) -> tuple[int, int, int]:
    """Sellable, blocked and free, as they are shown."""
    (row,) = database.run(stock_view).rows
    there = database.run(lambda s: free_units(s, [sku])).get((site, sku), 0)
    assert max(row.free, 0) == there
    return row.sellable, row.blocked, row.free


def test_what_is_of_a_blocked_lot_is_not_promised_until_it_is_let_go(
    database: Database, site: SiteId, sku: SkuId
):
    lots(database, site, sku, A=3, B=4)
    block(database, sku, "A")
    assert shown(database, site, sku) == (7, 3, 4)

    assert not reserved(database, site, sku, 5)
    lots(database, site, sku, A=2)  # more of it comes in
    assert shown(database, site, sku) == (9, 5, 4)
    assert reserved(database, site, sku, 4)
    block(database, sku, "A", status="OK")

    assert shown(database, site, sku) == (9, 0, 5)
    assert reserved(database, site, sku, 5)
    assert database.run(verify).clean


def test_a_lot_that_is_blocked_before_it_comes_in_is_blocked_when_it_comes(
    database: Database, site: SiteId, sku: SkuId
):
    block(database, sku, "A")
    lots(database, site, sku, A=3, B=1)
    assert shown(database, site, sku) == (4, 3, 1)
    to_quarantine = a_move(
        site, sku, 2, lot="A", from_location_id=shelf(site),
        to_location_id=virtual_location(site, "QUARANTINE"),
    )  # fmt: skip
    database.run(lambda s: ledger.move(s, [to_quarantine]))
    assert shown(database, site, sku) == (2, 1, 1), "what is blocked leaves as blocked"
    assert database.run(verify).clean


def test_what_was_promised_before_stays_promised_and_nothing_more_is(
    database: Database, site: SiteId, sku: SkuId
):
    lots(database, site, sku, A=3)
    assert reserved(database, site, sku, 2)

    block(database, sku, "A")

    assert shown(database, site, sku) == (3, 3, -2)
    assert not reserved(database, site, sku, 1)
    assert database.run(verify).clean


def day(after: int, hours: int = 12) -> datetime:
    return datetime(TODAY.year, TODAY.month, TODAY.day, tzinfo=NOW.tzinfo) + timedelta(
        days=after, hours=hours
    )


def test_when_the_last_day_of_a_lot_is_over_it_is_not_promised_whoever_did_not_come_by(
    database: Database, site: SiteId, sku: SkuId
):
    expiring(database, sku, A=0, B=1)
    lots(database, site, sku, A=3, B=4)

    assert reserved(database, site, sku, 1, at=day(0, 14)), "the day ends where the site is"
    assert not reserved(database, site, sku, 4, at=day(0, 15))
    assert shown(database, site, sku) == (7, 3, 3)
    assert reserved(database, site, sku, 3, at=day(0, 15))
    assert database.run(verify).clean
    assert not reserved(database, site, sku, 1, at=day(1, 15))
    assert shown(database, site, sku) == (7, 7, -4)
    assert database.run(verify).clean


def test_who_comes_by_keeps_what_is_shown_right(database: Database, site: SiteId, sku: SkuId):
    expiring(database, sku, A=0, B=1)
    lots(database, site, sku, A=3, B=4)

    assert database.run(lambda s: promises.judge_lots(s, now=day(0, 14))) == 0
    assert database.run(lambda s: promises.judge_lots(s, now=day(0, 15))) == 1
    assert database.run(lambda s: promises.judge_lots(s, now=day(0, 15))) == 0

    assert shown(database, site, sku) == (7, 3, 4)
    events = database.run(lambda s: drain(s, "test"))
    (last,) = [event.body["free"] for event in events if event.type == "StockChanged"][-1]
    assert last[-1] == 4
    assert database.run(verify).clean


def test_a_last_day_that_is_put_off_lets_the_lot_go(database: Database, site: SiteId, sku: SkuId):
    expiring(database, sku, A=0)
    lots(database, site, sku, A=3)
    assert not reserved(database, site, sku, 1, at=day(1))

    expiring(database, sku, A=5)

    assert shown(database, site, sku) == (3, 0, 3)
    assert reserved(database, site, sku, 3, at=day(1))
    expiring(database, sku, A=0)
    assert shown(database, site, sku) == (3, 3, -3)
    assert database.run(verify).clean


def test_who_blocks_a_lot_while_it_comes_in_blocks_all_of_it(
    database: Database, site: SiteId, sku: SkuId
):
    expiring(database, sku, A=5)
    coming = Session(database.engine)
    with coming, ThreadPoolExecutor(1) as other:
        ledger.move(coming, [a_move(site, sku, 3, lot="A")])
        blocking = other.submit(block, database, sku, "A")
        eventually(lambda: database.run(_somebody_waits))
        coming.commit()
        blocking.result(timeout=PATIENCE_S)

    assert shown(database, site, sku) == (3, 3, 0)
    assert database.run(verify).clean


def _somebody_waits(session: Session) -> bool:
    waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'"
    return bool(session.scalar(text(waits)))


def test_who_looks_for_goods_sees_what_expires_first_and_nothing_that_may_not_go(
    database: Database, site: SiteId, sku: SkuId
):
    expiring(database, sku, A=20, B=10, OLD=-1, BLOCKED=5)
    lots(database, site, sku, A=1, B=2, OLD=3, BLOCKED=4, NEVER=5)
    block(database, sku, "BLOCKED")

    places = database.run(lambda s: pickable(s, site, [sku], now=NOW))

    assert [(place.lot, place.units) for place in places] == [("B", 2), ("A", 1), ("NEVER", 5)]


def test_goods_past_their_day_are_never_pinned(
    database: Database, site: SiteId, sku: SkuId, pinned: Callable[..., str]
):
    expiring(database, sku, OLD=-1, TODAY=0)
    lots(database, site, sku, OLD=5, TODAY=1)

    assert pinned(1) == "TODAY"
    overdrawn = a_reserve(site, sku, 1, state="ALLOCATED")
    database.run(
        lambda s: promises.set_limits(
            s, site, (OwnerId(HOUSE_OWNER_ID), sku), safety=0, overdraft=9
        )
    )
    database.run(lambda s: promises.reserve(s, [overdrawn], now=NOW))
    with pytest.raises(LotExpired):
        database.run(lambda s: ledger.advance(s, [an_advance(overdrawn, "PINNED", lot="OLD")]))


@pytest.mark.parametrize(("hours", "lot"), [(14, "A"), (15, "B")])  # midnight in Tokyo: 15:00 UTC
def test_the_day_ends_where_the_site_is(
    database: Database, site: SiteId, sku: SkuId, hours: int, lot: str
):
    expiring(database, sku, A=0, B=9)
    lots(database, site, sku, A=1, B=1)
    line = a_reserve(site, sku, 1, state="ALLOCATED")
    database.run(lambda s: promises.reserve(s, [line], now=NOW))
    at = datetime(TODAY.year, TODAY.month, TODAY.day, hours, tzinfo=NOW.tzinfo)

    database.run(lambda s: ledger.advance(s, [an_advance(line, "PINNED", occurred_at=at)]))

    assert lot_of(database, line) == lot


def test_the_lot_stays_with_the_goods_to_the_customer_and_back(
    database: Database, site: SiteId, sku: SkuId
):
    lots(database, site, sku, A=3)
    line = a_reserve(site, sku, 2, state="ALLOCATED")
    database.run(lambda s: promises.reserve(s, [line], now=NOW))
    rest = HoldId(an_id())
    steps = [
        an_advance(line, "PINNED"),
        an_advance(line, "PICKED", units=1, rest_hold_id=rest, rest_state="SHORT"),
        *(an_advance(line, to) for to in ("PACKED", "SHIPPED", "DELIVERED")),
    ]
    database.run(lambda s: ledger.advance(s, steps))
    back = {
        "from_location_id": virtual_location(site, "CUSTOMER"),
        "to_location_id": virtual_location(site, "RETURNS_BENCH"),
    }

    with pytest.raises(LotMissing):
        database.run(lambda s: ledger.move(s, [a_move(site, sku, 1, **back)]))
    database.run(lambda s: ledger.move(s, [a_move(site, sku, 1, lot="A", **back)]))

    assert database.run(verify).clean
    holds = database.run(lambda s: holds_of(s, [line.demand_id]))
    assert {hold.state for hold in holds} == {"DELIVERED", "SHORT"}


def test_goods_go_from_lot_to_lot_by_no_move(database: Database, site: SiteId, sku: SkuId):
    lots(database, site, sku, A=3)
    onward = {"from_location_id": shelf(site), "to_location_id": shelf(site, "S-2")}

    with pytest.raises(NotEnoughStock):
        database.run(lambda s: ledger.move(s, [a_move(site, sku, 1, lot="B", **onward)]))
    with pytest.raises(WrongLocation):
        database.run(
            lambda s: ledger.move(s, [a_move(site, sku, 1, lot="A", from_location_id=shelf(site))])
        )


def test_days_are_days(database: Database, sku: SkuId):
    best_before, made_on = date(2026, 12, 31), date(2026, 1, 1)
    record = LotRecord(
        sku_id=sku, code="A", expires_on=best_before, made_on=made_on, origin="北海道"
    )
    database.run(lambda s: save_lots(s, [record, record]))

    lot = database.run(lambda s: s.scalars(select(Lot)).one())
    assert (lot.expires_on, lot.origin) == (best_before, "北海道")
