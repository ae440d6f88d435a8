"""A delivery is closed in the moment in which its last goods are put away: both are done."""

from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from tests.builders import eventually
from tests.wms.house import House
from tests.wms.inbound.dock import Dock
from wms.database import Database
from wms.inbound.announce import close_asn

WAITING = """
SELECT count(*) FROM pg_stat_activity
 WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


def test_closed_while_the_last_goods_are_put_away(database: Database, superuser: Engine):
    house = House(database)
    dock = Dock(house)
    dock.sku("TEA")
    dock.places({"code": "B-01"})
    dock.rules({"name": "bulk", "zones": ["BULK"], "prefer": ["EMPTY"]})
    asn = dock.announce(("TEA", 5))
    person = dock.receive(asn)
    person.take("TEA", 5)
    packet = house.next_packet("TYO1", "putaway")
    assert packet is not None

    def close(session: Session) -> None:
        close_asn(session, asn, actor="test", now=house.clock.now())

    def waiting() -> int:
        with superuser.connect() as look:
            return int(look.execute(text(WAITING)).scalar_one())

    with ThreadPoolExecutor(2) as two, superuser.connect() as holder:
        holder.execute(text("SELECT 1 FROM supply FOR UPDATE"))
        putting = two.submit(house.do, packet)
        eventually(lambda: waiting() == 1)  # it has landed, and has to say so to its supply
        closing = two.submit(database.run, close)
        eventually(lambda: waiting() == 2)
        holder.rollback()
        putting.result()
        closing.result()

    assert dock.asn(asn)["state"] == "CLOSED"
    assert house.stock_row("TEA")["sellable"] == 5
    with superuser.connect() as look:
        assert look.execute(text("SELECT state FROM supply")).scalars().all() == ["CLOSED"]
    house.close()
