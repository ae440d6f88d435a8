"""Each law of orders finds the fault that is planted, and none where there is none."""

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from tests.wms.house import HUB, House
from wms.orders import laws
from wms.stock.verify import verify

FAULTS = {
    "a unit less ordered than is on its way": ("I8", "UPDATE order_line SET units = units - 1"),
    "a line said to be shipped": ("I8", "UPDATE order_line SET state = 'SHIPPED'"),
    "a unit cancelled that is on its way": ("I8", "UPDATE order_line SET units_cancelled = 1"),
    "a unit that waits and is on its way": ("I8", "UPDATE order_line SET units_waiting = 1"),
    "a line that ended while a unit waits": (
        "I8",
        "UPDATE order_line SET state = 'BACKORDERED', units_short = 1, units_waiting = 1",
    ),
    "an order closed while a line is open": ("I8", "UPDATE customer_order SET closed = true"),
    "a line taken back while it is on its way": ("I8", "UPDATE order_line SET state = 'CANCELLED'"),
    "an allocation of another size": ("I8b", "UPDATE allocation SET units = units + 1"),
    "an allocation ahead of its hold": ("I8b", "UPDATE allocation SET state = 'PACKED'"),
    "an allocation of a supply that is none": (
        "I8b",
        "UPDATE allocation SET state = 'HELD', supply_id = id, units = units + 1",
    ),
    "a promise silently worsened": (
        "I15",
        "UPDATE customer_order SET promised_by = promised_by + interval '1 day'",
    ),
    "a promise silently taken back": ("I15", "UPDATE customer_order SET promised_by = NULL"),
    "a telling left out": ("I15", "UPDATE order_promise SET no = 2"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(house: House, fault: str):
    house.sku("A")
    house.stock("A", 9, "S01-01")
    house.put_order(("A", 3), promised_by="2026-11-29T09:00:00+00:00")
    house.tick()
    house.work_off(HUB, "pick")
    code, plant = FAULTS[fault]

    def broken(*, planted: bool) -> set[str]:
        with house.database.engine.connect() as connection, connection.begin() as work:
            if planted:
                connection.execute(text(plant))
            report = verify(Session(connection), laws.LAWS)
            work.rollback()
        return {law.code for law in report.laws if law.differences}

    assert broken(planted=False) == set()
    assert code in broken(planted=True)
