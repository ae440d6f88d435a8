"""What `soko verify` finds when counts or bills are not what they must be."""

import pytest
from sqlalchemy import text

from tests.wms.counting.counters import begin, count, given
from tests.wms.house import House
from wms.billing import laws as of_billing
from wms.counting import laws as of_counting
from wms.database import Database
from wms.stock.verify import verify

FAULTS = {
    "UPDATE count_adjustment SET units = units - 1": {"K1", "K3"},
    "DELETE FROM count_adjustment": {"K1", "K3"},
    "UPDATE count_round SET operator = 'ann'": {"K2"},
    "INSERT INTO count_act SELECT site_id, gen_random_uuid(), count_id, 'approve', operator, '',"
    " done_at FROM count_round WHERE no = 1": {"K2"},
    "UPDATE count_line SET difference = difference - 1 WHERE round_no = 2": {"K3"},
    "UPDATE stock_count SET state = 'REJECTED'": {"K3"},
    "UPDATE invoice_movement SET charge_minor = charge_minor + 1 WHERE no = 1": {"B1"},
    "UPDATE invoice_movement SET movement_id = 999999999 WHERE no = 1": {"B1"},
    "UPDATE invoice SET tax_minor = tax_minor + 1": {"B2"},
    "UPDATE invoice SET kind = 'CORRECTION'": {"B3"},
}


class _Undo(Exception):  # noqa: N818 - it ends a try
    """Nothing of it stays."""


@pytest.fixture
def counted(house: House) -> House:
    house.sku("A")
    house.stock("A", 9, "S01-01")
    for who in ("ann", "ben"):
        packet = begin(house, who, "S01-01") if who == "ann" else given(house, who)
        count(house, who, packet, ("A", 4))
    lines = [{"code": "IN", "kind": "INBOUND", "per": "UNIT", "rate": "7.5"}]
    tariff = {"valid_from": "2026-01-01", "lines": lines}
    house.ok(house.http.put("/billing/v1/tariffs/HOUSE/1", json=tariff))
    month = {"owner": "HOUSE", "month": "2026-11"}
    house.ok(house.http.post("/billing/v1/invoices:draft", json=month))
    return house


def test_each_law_is_broken_by_what_breaks_it(counted: House):
    for fault, codes in FAULTS.items():
        assert broken(counted.database, fault) == codes, fault
    assert broken(counted.database, "SELECT 1") == set()


def broken(database: Database, fault: str) -> set[str]:
    """The laws that fault breaks; it is taken back."""
    found: set[str] = set()

    def work(session: object) -> None:
        session.execute(text(fault))  # type: ignore[attr-defined]
        report = verify(session, (*of_counting.LAWS, *of_billing.LAWS))  # type: ignore[arg-type]
        found.update(law.code for law in report.laws if law.differences)
        raise _Undo

    with pytest.raises(_Undo):
        database.run(work)
    return found
