"""Each law of payments and returns finds the fault that is planted, and none where there is none.

The tables refuse most of these by themselves; a superuser plants them behind their back.
"""

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from tests.wms.house import House
from tests.wms.returns.customers import bring, delivered, line, put_return, seen
from wms.payments import laws as of_payments
from wms.returns import laws as of_returns
from wms.stock.verify import verify

FAULTS = {
    "a tender that forgot a refund": ("I12", "UPDATE tender SET refunded_minor = 0"),
    "a capture taken back": (
        "I12",
        "ALTER TABLE tender DROP CONSTRAINT ck_tender_refunds;UPDATE tender SET captured_minor = 1",
    ),
    "a refund to a tender of another": (
        "I12b",
        (
            "ALTER TABLE refund DROP CONSTRAINT fk_refund_order_id_tender_id;"
            "UPDATE refund SET tender_id = id"
        ),
    ),
    "a cause that refunded twice": (
        "I12c",
        (
            "ALTER TABLE refund DROP CONSTRAINT uq_refund_order_id_cause_id_tender_id;"
            "INSERT INTO refund SELECT order_id, gen_random_uuid(), tender_id, 1, reason, cause_id,"
            " state, 0, due_at, NULL, NULL, wanted_at, NULL FROM refund LIMIT 1"
        ),
    ),
    "a return that is said to be worth more": (
        "I12d",
        "UPDATE customer_return SET refund_minor = refund_minor + 1",
    ),
    "a unit more than was sent": ("I17", "UPDATE allocation SET units = units - 1"),
    "an expected return that is forgotten": (
        "I17b",
        "UPDATE customer_return SET state = 'EXPIRED', closed = true WHERE received_at IS NULL",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(house: House, superuser: Engine, fault: str):
    house.sku("A")
    house.stock("A", 9, "S01-01")
    order = delivered(house, ("A", 2))
    assert bring(house, order, seen()).status_code == 201
    assert put_return(house, order, line("A"), way="COUNTER")[1].status_code == 201
    code, plant = FAULTS[fault]
    laws = (*of_payments.LAWS, *of_returns.LAWS)

    with superuser.connect() as connection, connection.begin() as work:
        before = verify(Session(connection), laws)
        connection.execute(text("SET LOCAL session_replication_role = replica"))  # no triggers
        for statement in plant.split(";"):
            connection.execute(text(statement))
        after = verify(Session(connection), laws)
        work.rollback()

    assert before.clean, before
    assert code in {law.code for law in after.laws if law.differences}
