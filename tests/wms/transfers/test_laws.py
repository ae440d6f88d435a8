"""T1 to T4: what is wrong with goods between sites is named, whoever did it."""

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from tests.wms.house import GINZA, HUB, House
from tests.wms.supply import jobs, put_transfer, send
from wms.stock.verify import verify
from wms.transfers.laws import LAWS

FAULTS = {
    "T1": (
        "UPDATE parcel SET state = 'DELIVERED' WHERE state = 'SHIPPED'",
        "UPDATE arrival SET state = 'EXPECTED', ended_at = NULL WHERE state = 'ARRIVED'",
        "DELETE FROM parcel WHERE state = 'DELIVERED'",
    ),
    "T2": (
        "UPDATE arrival_line SET received = received - 1 WHERE received > 0",
        "UPDATE arrival_line SET units = units + 1",
    ),
    "T3": (
        "UPDATE allocation SET onward_id = NULL WHERE onward_id IS NOT NULL",
        "UPDATE allocation SET line_no = 7 WHERE state = 'ALLOCATED'",
    ),
    "T4": ("UPDATE transfer SET proposal_id = NULL",),
}


@pytest.fixture
def busy(house: House) -> House:
    """One transfer has arrived, one is on its way, an order is held; one was proposed."""
    house.sku("TEA")
    house.stock("TEA", 90, "S01-01")
    put_transfer(house, HUB, GINZA, ("TEA", 2))
    house.put_order(("TEA", 3), fulfilment="COLLECT", to_site=GINZA)
    send(house, HUB)
    house.work_off(GINZA, "receive")
    body = {"low": 20, "high": 30, "source": HUB, "auto_units_max": 99}
    house.ok(house.http.put(f"/console/v1/stock-policies/{GINZA}/TEA", json=body))
    jobs(house, "replenish")
    put_transfer(house, HUB, GINZA, ("TEA", 1))
    send(house, HUB)
    return house


def broken(house: House, fault: str | None = None) -> dict[str, int]:
    """The laws that are broken after that; it is undone again."""

    def look(session: Session) -> dict[str, int]:
        with session.begin_nested() as savepoint:
            if fault:
                session.execute(text(fault))
            report = verify(session, LAWS)
            savepoint.rollback()
        return {law.code: law.differences for law in report.laws if law.differences}

    return house.database.run(look)


def test_each_fault_breaks_its_law(busy: House):
    assert broken(busy) == {}
    for code, faults in FAULTS.items():
        for fault in faults:
            assert code in broken(busy, fault), fault
