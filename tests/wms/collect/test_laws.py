"""Each law of stores finds the fault that is planted, and none where there is none."""

from sqlalchemy import text
from sqlalchemy.orm import Session

from tests.wms.collect.counter import Counter
from tests.wms.house import GINZA, House
from wms.collect import laws
from wms.stock.verify import verify

READY = "UPDATE collection SET {} WHERE state = 'READY'"
ASKED = "UPDATE collection SET {} WHERE state = 'TO_ACCEPT'"
DONE = "UPDATE collection SET {} WHERE state = 'HANDED_OVER'"
FAULTS = {
    "a bag that is said to lie elsewhere": (
        "S1",
        READY.format(
            "shelf_id = (SELECT l.id FROM location l"
            " WHERE l.site_id = collection.site_id AND l.code = 'P-03')"
        ),
    ),
    "a bag that is said to be ready and is none": (
        "S1",
        ASKED.format("state = 'READY', ready_at = made_at, keep_until = made_at"),
    ),
    "a bag without goods": ("S1", READY.format("order_id = id")),
    "a hand-over of what still lies there": (
        "S2",
        READY.format("state = 'HANDED_OVER', shelf_id = NULL, ended_at = made_at"),
    ),
    "a hand-over of nothing": ("S2", DONE.format("order_id = id")),
    "goods in a slot that nobody has": ("S3", READY.format("shelf_id = NULL")),
    "a slot of somebody who has gone": (
        "S4",
        DONE.format(
            "shelf_id = (SELECT l.id FROM location l"
            " WHERE l.site_id = collection.site_id AND l.code = 'P-03')"
        ),
    ),
    "an end without a time": ("S4", DONE.format("ended_at = NULL")),
    "a bag that is kept for ever": ("S4", READY.format("keep_until = NULL")),
}


def test_planted_faults_are_found(house: House):
    counter = Counter(house)
    house.sku("TEE")
    house.stock("TEE", 5, "FLOOR-1", site=GINZA)
    fetched, ready, _ = (counter.collect(("TEE", 1)) for _ in range(3))
    counter.ready(fetched, ready)
    house.ok(counter.hand_over(fetched, counter.code(fetched)))

    def broken(plant: str | None) -> set[str]:
        with house.database.engine.connect() as connection, connection.begin() as work:
            if plant is not None:
                assert connection.execute(text(plant)).rowcount == 1
            report = verify(Session(connection), laws.LAWS)
            work.rollback()
        return {law.code for law in report.laws if law.differences}

    assert broken(None) == set()
    unseen = [fault for fault, (code, plant) in FAULTS.items() if code not in broken(plant)]
    assert unseen == []
