"""I11: who has lost a task moves nothing; and if somebody did, it would be seen."""

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from tests.wms.house import HUB, House
from wms.stock.verify import verify
from wms.work import laws

FAULTS = {
    "taken with an older fence": (
        "UPDATE work_event SET rev = rev - 1 WHERE no = (SELECT max(no) FROM work_event)",
        "was taken with fence 0,",
    ),
    "taken after a newer one": (
        (
            "UPDATE task SET fence = 9;"
            "UPDATE work_event SET rev = 9, fence = 9 WHERE no = (SELECT min(no) FROM work_event)"
        ),
        "after one with fence 9",
    ),
    "taken with a fence that nobody had": (
        "UPDATE work_event SET rev = 2, fence = 2",
        "has 1",
    ),
    "taken for no task": ("DELETE FROM task", "has gone"),
    "done by whom nobody knows": ("DELETE FROM work_event", "its last event had none"),
    "done under another lease": ("UPDATE task SET fence = 2", "was done with fence 2"),
}


@pytest.fixture
def done(house: House) -> House:
    """A pick that somebody has done."""
    house.sku("A")
    house.stock("A", 9, "S01-01")
    house.put_order(("A", 3))
    house.tick()
    house.work_off(HUB, "pick")
    return house


def test_work_that_was_done_is_clean(done: House):
    report = done.database.run(lambda session: verify(session, laws.LAWS))

    assert report.clean, report.laws
    with done.database.engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM work_event WHERE fence = 1"))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(done: House, superuser: Engine, fault: str):
    statements, words = FAULTS[fault]

    with Session(superuser) as session:
        for statement in statements.split(";"):
            assert session.execute(text(statement)).rowcount  # type: ignore[attr-defined]
        (law,) = verify(session, laws.LAWS).laws

    assert law.differences
    assert words in (law.first or "")
    assert done.database is not None
