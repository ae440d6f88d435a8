"""Each law of release names the wrong that was done to the books by hand."""

from sqlalchemy import text
from sqlalchemy.orm import Session

from tests.wms.waves.people import Floor
from wms.stock.verify import verify
from wms.waves import laws

OTHER = "UPDATE allocation SET order_id = gen_random_uuid() WHERE line_no = 2 AND state = 'PICKED'"


def broken_by(floor: Floor, wrong: str) -> list[str]:
    """The laws that are broken by that, which is then forgotten."""

    def work(session: Session) -> list[str]:
        session.execute(text(wrong))
        found = [law.code for law in verify(session, laws.LAWS).laws if law.differences]
        session.rollback()
        return found

    return floor.database.run(work)


def test_what_is_wrong_is_named(floor: Floor):
    for sku, place in (("A", "P01-01"), ("B", "P01-02")):
        floor.sku(sku)
        floor.stock(sku, 9, place)
    floor.channel(wip_lines_max=0)
    for mode, code in (("PUT_WALL", "W1"), ("PASS", "W2")):
        floor.put_order(("A", 1), ("B", 1))
        floor.tick()
        floor.act(floor.wave(style={"mode": mode}), "release")
        floor.pick_all()
        floor.pick_all("putwall")
        assert broken_by(floor, "SELECT 1") == []
        assert broken_by(floor, OTHER) == [code]
        assert broken_by(floor, "UPDATE wave SET state = 'DONE' WHERE state = 'RELEASED'") == ["W3"]
        floor.work_off("TYO1", "pack")
