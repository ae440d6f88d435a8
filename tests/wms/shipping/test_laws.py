"""The laws of shipping: what got past the tables is named."""

import pytest
from sqlalchemy import text

from tests.wms.house import HUB, House
from wms.shipping import laws
from wms.stock.verify import verify

FAULTS = {
    "UPDATE booking SET tracking = 'TN-1'": ("I18", "2 parcels of YAMATO have the tracking number"),
    "UPDATE parcel SET tracking = 'TN-1' WHERE sscc = (SELECT min(sscc) FROM parcel)": (
        "I18b", "bears TN-1, its carrier knows it as TN-",
    ),
    "UPDATE parcel SET tracking = NULL": ("I18b", "its carrier knows it as TN-"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_label_bought_twice_or_lost_is_found(house: House, fault: str):
    house.sku("BOOK", weight_g=1_000)
    house.stock("BOOK", 5, "S01-01")
    for _ in range(2):
        house.put_order(("BOOK", 1))
    house.tick()
    house.work_off(HUB, "pick")
    house.work_off(HUB, "pack")
    house.after_hours()
    assert house.database.run(lambda s: verify(s, laws.LAWS)).clean

    house.database.run(lambda s: s.execute(text(fault)))
    found = {
        law.code: law.first or ""
        for law in house.database.run(lambda s: verify(s, laws.LAWS)).laws
        if law.differences
    }
    code, said = FAULTS[fault]
    assert said in found[code]
    house.database.run(
        lambda s: s.execute(text("UPDATE booking SET tracking = 'TN-' || sscc")),
    )
    house.database.run(lambda s: s.execute(text("UPDATE parcel SET tracking = 'TN-' || sscc")))
