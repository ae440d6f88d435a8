"""What each kind of work came to in the last hour, and what waits."""

from datetime import timedelta

from sqlalchemy import delete
from sqlalchemy.orm import Session

from tests.builders import an_id
from tests.wms.house import HUB, House
from tests.wms.outbound.test_machines import ask, confirm
from wcs.messages import AreaHold, RobotHold
from wms.sites import site_id
from wms.work.model import Task


def hour(house: House) -> dict[str, tuple[list[int], int]]:
    rows = house.ok(house.http.get("/console/v1/hour"))
    return {row["kind"]: (row["done"], row["open"]) for row in rows}


def test_work_counts_in_the_five_minutes_in_which_it_was_done_and_is_forgotten(house: House):
    assert hour(house) == {}
    now = house.clock.now()
    rows = ((2, "DONE", 3), (7, "DONE", 0), (7, "DONE", 4), (70, "DONE", 1), (0, "OPEN", 2))

    def work(session: Session) -> None:
        for minutes, state, lines in rows:
            done_at = now - timedelta(minutes=minutes) if state == "DONE" else None
            task = Task(
                site_id=site_id(HUB), id=an_id(), kind="pick", state=state, done_at=done_at,
                packet={}, plan={}, made_at=now, lines=lines,
            )  # fmt: skip
            session.add(task)

    house.database.run(work)
    done, waits = hour(house)["pick"]
    assert (len(done), sum(done), done[-1], done[-2], waits) == (12, 8, 3, 5, 2)
    house.database.run(lambda session: session.execute(delete(Task)))  # nobody did them


def test_an_area_is_told_of_and_an_order_taken_back_by_whoever_confirms(house: House):
    for deed, machine in (("CLOSE", "north"), ("OPEN", "north"), ("WITHDRAW", "R-01")):
        house.ok(confirm(house, ask(house, deed, machine)["exception"]))
    close, open_, taken = house.said()
    assert isinstance(close, AreaHold)
    assert isinstance(open_, AreaHold)
    assert (close.area, close.held, open_.held) == ("north", True, False)
    assert isinstance(taken, RobotHold)
    assert (taken.robot, taken.withdraw, taken.held) == ("R-01", True, False)
