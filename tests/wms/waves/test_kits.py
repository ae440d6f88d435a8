"""Kits that are kept by lot: good as long as the part that ends first."""

from datetime import timedelta

from sqlalchemy import text

from tests.builders import NOW, an_id
from tests.wms.house import HUB
from tests.wms.waves.people import Floor

TODAY = NOW.date()


def test_a_kit_of_lots_is_a_lot_of_its_own(floor: Floor):
    floor.ok(floor.http.put("/master/v1/skus", json=[
        {"code": code, "name_en": code, "weight_g": 100, "tracking": "LOT", "shelf_life_days": 99}
        for code in ("BOX", "TEA")
    ]))  # fmt: skip
    for lot, days, place in (("OLD", 20, "P01-01"), ("NEW", 80, "P01-02")):
        ends = (TODAY + timedelta(days=days)).isoformat()
        floor.ok(floor.http.put("/master/v1/lots", json=[
            {"sku": "TEA", "code": lot, "expires_on": ends}
        ]))  # fmt: skip
        line = {"site": HUB, "location": place, "sku": "TEA", "units": 3, "lot": lot}
        floor.ok(floor.http.post("/master/v1/receipts", json={"id": str(an_id()), "lines": [line]}))
    kit = {"parts": [{"sku": "TEA", "units": 2}]}
    floor.ok(floor.http.put("/console/v1/kits/BOX", json=kit))
    body = {"site": HUB, "kit": "BOX", "units": 2}
    floor.ok(floor.http.put(f"/console/v1/kit-orders/{an_id()}", json=body))
    packet = floor.next_packet(HUB, "kit")
    while packet is not None:
        packet = floor.one_step(packet, "hh-1")
    query = text("""SELECT l.code, l.expires_on, q.units FROM quant q JOIN sku k ON k.id = q.sku_id
                      JOIN lot l ON l.sku_id = q.sku_id AND l.code = q.lot
                     WHERE k.code = 'BOX' AND NOT q.outside AND q.units > 0""")
    (row,) = floor.database.run(lambda s: s.execute(query).all())
    assert (row.units, row.expires_on) == (2, TODAY + timedelta(days=20))
