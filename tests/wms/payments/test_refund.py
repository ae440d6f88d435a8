"""Refunds: to the order's own tenders, once for a cause, never above what was captured."""

import threading
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from tests.builders import NOW, an_id
from tests.wms.payments.paid import a_tender, an_order, refunds, tenders
from wms.database import Database
from wms.errors import IdReused, NotFound
from wms.money import Money
from wms.payments.model import TenderRow
from wms.payments.refund import refund_order, refunded_for, spread
from wms.payments.tenders import CaptureShrinks, capture, record_tenders, refundable

AT_ONCE = 24


def refund(database: Database, order_id: UUID, amount: int, **more: Any) -> list[UUID]:
    facts: dict[str, Any] = {"cause_id": an_id(), "reason": "test", "now": NOW} | more
    return database.run(lambda s: refund_order(s, order_id, Money(amount), **facts))


def test_money_goes_back_where_it_came_from_points_last(database: Database):
    paid = [a_tender(5_000), a_tender(3_000, "WALLET"), a_tender(2_000, "POINTS")]
    order = an_order(database, *paid)

    refund(database, order, 9_000)

    back = {row.kind: row.refunded_minor for row in tenders(database, order)}
    assert back == {"WALLET": 3_000, "CARD": 5_000, "POINTS": 1_000}
    assert database.run(lambda s: refundable(s, order)) == Money(1_000)


def test_a_cause_refunds_once_whatever_it_asks_the_second_time(database: Database):
    order, cause = an_order(database, a_tender(5_000)), an_id()

    first = refund(database, order, 1_000, cause_id=cause)
    again = refund(database, order, 4_000, cause_id=cause)

    assert first == again
    assert database.run(lambda s: refunded_for(s, order, cause)) == 1_000


def test_no_more_goes_back_than_was_captured(database: Database):
    order = an_order(database, a_tender(5_000))

    refund(database, order, 4_000)
    refund(database, order, 4_000)
    nothing = refund(database, order, 4_000)

    assert sorted(row.amount_minor for row in refunds(database, order)) == [1_000, 4_000]
    assert nothing == []


def test_what_was_never_captured_is_not_refunded(database: Database):
    order = an_order(database, a_tender(0, "COD", expected_minor=5_000))

    assert refund(database, order, 5_000) == []
    assert refund(database, an_order(database), 5_000) == []


def test_another_currency_is_another_money(database: Database):
    order = an_order(database, a_tender(5_000, currency="USD"))

    assert refund(database, order, 1_000) == []


@given(
    captured=st.lists(st.integers(0, 100), max_size=5),
    wanted=st.integers(0, 500),
    points=st.integers(0, 5),
)
def test_a_refund_is_spread_whole_and_no_tender_bears_more_than_it_brought(
    captured: list[int], wanted: int, points: int
):
    of = [
        TenderRow(id=UUID(int=no), no=no, kind="POINTS" if no == points else "CARD",
                  captured_minor=minor, refunded_minor=minor // 3, currency="JPY")
        for no, minor in enumerate(captured)
    ]  # fmt: skip

    parts = spread(Money(wanted), of)

    room = {row.id: row.captured_minor - row.refunded_minor for row in of}
    assert sum(part.amount_minor for part in parts) == min(wanted, sum(room.values()))
    assert all(0 < part.amount_minor <= room[part.tender_id] for part in parts)


# ------------------------------------------------------------------------------------- at once
def together(*works: Any) -> list[BaseException]:
    """Run these at the same moment; what went wrong."""
    wrong: list[BaseException] = []
    gate = threading.Barrier(len(works))

    def run(work: Any) -> None:
        gate.wait()
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - the test looks at it
            wrong.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return wrong


def test_many_at_once_never_give_back_more_than_was_captured(database: Database):
    order = an_order(database, a_tender(1_000), a_tender(500, "POINTS"))

    wrong = together(*[lambda: refund(database, order, 100) for _ in range(AT_ONCE)])

    assert wrong == []
    assert sum(row.amount_minor for row in refunds(database, order)) == 1_500
    assert [row.refunded_minor for row in tenders(database, order)] == [1_000, 500]


def test_many_at_once_for_one_cause_refund_once(database: Database):
    order, cause = an_order(database, a_tender(5_000)), an_id()

    wrong = together(
        *[lambda: refund(database, order, 100, cause_id=cause) for _ in range(AT_ONCE)]
    )

    assert wrong == []
    assert [row.amount_minor for row in refunds(database, order)] == [100]


# -------------------------------------------------------------------- what the database refuses
BREAKS = {
    "more back than captured": "INSERT INTO refund (order_id, id, tender_id, amount_minor, reason,"
    " cause_id, due_at, wanted_at) SELECT order_id, gen_random_uuid(), id, 1001, '',"
    " gen_random_uuid(), now(), now() FROM tender",
    "to a tender of another order": "INSERT INTO refund (order_id, id, tender_id, amount_minor,"
    " reason, cause_id, due_at, wanted_at) SELECT o.id, gen_random_uuid(), t.id, 1, '',"
    " gen_random_uuid(), now(), now() FROM tender t JOIN customer_order o ON o.id <> t.order_id",
    "a refund that grows": "UPDATE refund SET amount_minor = amount_minor + 1",
    "a refund that vanishes": "DELETE FROM refund",
    "a tender that forgets": "UPDATE tender SET refunded_minor = 0",
    "a capture below what went back": "UPDATE tender SET captured_minor = 99",
    "a cause twice": "INSERT INTO refund (order_id, id, tender_id, amount_minor, reason, cause_id,"
    " due_at, wanted_at) SELECT order_id, gen_random_uuid(), tender_id, 1, '', cause_id, now(),"
    " now() FROM refund",
}


@pytest.mark.parametrize("how", BREAKS)
def test_the_tables_themselves_refuse(database: Database, superuser: Engine, how: str):
    order = an_order(database, a_tender(1_000))
    refund(database, order, 100)
    an_order(database)

    with superuser.connect() as connection, pytest.raises(IntegrityError):
        connection.execute(text(BREAKS[how]))


# -------------------------------------------------------------------------------------- tenders
def test_a_tender_told_twice_is_known_once_and_brings_more_later(database: Database):
    tender = a_tender(0, "KONBINI")
    order = an_order(database, tender)

    assert database.run(lambda s: record_tenders(s, order, [tender], now=NOW)) is False
    assert database.run(lambda s: capture(s, order, tender.id, 3_000, now=NOW)) is True
    assert database.run(lambda s: capture(s, order, tender.id, 3_000, now=NOW)) is False
    with pytest.raises(CaptureShrinks):  # an old message that comes late
        database.run(lambda s: record_tenders(s, order, [tender], now=NOW))
    with pytest.raises(NotFound):
        database.run(lambda s: capture(s, order, an_id(), 1, now=NOW))
    assert [row.captured_minor for row in tenders(database, order)] == [3_000]


def test_another_tender_under_the_same_id_is_refused(database: Database):
    tender = a_tender(1_000)
    order = an_order(database, tender)
    other = a_tender(1_000, "BANK")

    with pytest.raises(IdReused):
        database.run(
            lambda s: record_tenders(
                s, order, [type(other)(**{**_facts(other), "id": tender.id})], now=NOW
            )
        )


def _facts(tender: Any) -> dict[str, Any]:
    return {name: getattr(tender, name) for name in tender.__slots__}
