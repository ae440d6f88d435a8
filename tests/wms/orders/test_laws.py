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
    "a line taken back while it is on its way": ("I8", "UPDATE order_line SET state = 'CANCELLED'"),
    "an allocation of another size": ("I8b", "UPDATE allocation SET units = units + 1"),
    "an allocation ahead of its hold": ("I8b", "UPDATE allocation SET state = 'PACKED'"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(house: House, fault: str):
    house.sku("A")
    house.stock("A", 9, "S01-01")
    house.put_order(("A", 3))
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
