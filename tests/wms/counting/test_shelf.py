"""A smart shelf that differs from the books is a question, and moves nothing."""

from sqlalchemy import select

from edge.gs1 import gtin_with_check_digit, sgtin_to_epc_hex
from edge.messages import ShelfSeen
from tests.builders import an_id
from tests.wms.house import House
from wms.outbound.model import ExceptionRow
from wms.work.wanted import CountWanted

GTIN = gtin_with_check_digit("451234500001")


def lies(house: House, *serials: int, shelf: str = "S01-01") -> dict[str, object]:
    """The shelf says what lies on it; the question that comes of it, if there is one."""
    epcs = tuple(sgtin_to_epc_hex(GTIN, serial, 7) for serial in serials)
    house.hear(ShelfSeen(at=house.clock.now(), device="board", shelf=shelf, epcs_hex=epcs))
    rows = house.database.run(lambda s: s.scalars(select(ExceptionRow)).all())
    return next((row.facts for row in rows if row.active and row.code == "shelf.differs"), {})


def test_a_shelf_that_differs_is_asked_about_until_it_agrees_and_moves_nothing(house: House):
    goods = {"code": "A", "name_en": "A", "weight_g": 100, "gtins": [GTIN]}
    house.ok(house.http.put("/master/v1/skus", json=[goods]))
    house.stock("A", 3, "S01-01")
    before = house.stock_row("A")
    assert lies(house, 1, 2, 3) == {}
    assert lies(house, 1, 2)["skus"] == {"A": {"booked": 3, "seen": 2}}
    (row,) = house.ok(house.http.get("/console/v1/exceptions", params={"state": "OPEN"}))
    assert "recount" in row["acts"]
    assert lies(house, 1, 2, 3) == {}, "the tag that was missed answers again"
    assert lies(house, 7, shelf="NOWHERE") == {}
    lies(house)
    (row,) = house.ok(house.http.get("/console/v1/exceptions", params={"state": "OPEN"}))
    body = {"command_id": str(an_id()), "act": "recount"}
    house.ok(house.http.post(f"/console/v1/exceptions/{row['id']}:solve", json=body))
    assert len(house.database.run(lambda s: s.scalars(select(CountWanted)).all())) == 1
    assert house.stock_row("A") == before
