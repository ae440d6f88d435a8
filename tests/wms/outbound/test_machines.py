"""People stop machines and let them go on: two steps, with a reason, once; and what came of it."""

from datetime import timedelta
from typing import Any

from edge.messages import CommandRefused
from tests.builders import an_id
from tests.wms.house import HUB, House
from wcs.messages import RobotHold, SafetyConfirmed


def ask(house: House, deed: str, machine: str = "R-01", **more: Any) -> dict[str, Any]:
    body = {"command_id": str(an_id()), "deed": deed, "machine": machine, "reason": "a spill"}
    answer: dict[str, Any] = house.ok(house.http.post("/console/v1/machines:ask", json=body | more))
    return answer


def confirm(house: House, exception: str, **more: Any) -> Any:
    body = {"command_id": str(an_id()), "act": "confirm"} | more
    return house.http.post(f"/console/v1/exceptions/{exception}:solve", json=body)


def test_nothing_moves_before_it_is_confirmed_and_then_once(house: House):
    command = str(an_id())
    asked = ask(house, "HOLD", command_id=command)
    assert ask(house, "HOLD", command_id=command) == asked, "sent again"
    assert house.said() == []
    (shown,) = house.ok(house.http.get("/console/v1/exceptions"))
    assert (shown["code"], shown["acts"][0]) == ("machine.hold", "confirm")

    act = str(an_id())
    for _ in range(2):
        house.ok(confirm(house, asked["exception"], command_id=act))
    (hold,) = house.said()
    assert isinstance(hold, RobotHold)
    assert (hold.id, hold.robot, hold.held, hold.reason) == (act, "R-01", True, "a spill")
    over = confirm(house, asked["exception"])
    assert (over.status_code, house.said()) == (409, [])

    house.ok(confirm(house, ask(house, "GO_ON")["exception"], note="mopped"))
    house.ok(confirm(house, ask(house, "SAFE", "north")["exception"]))
    house.ok(confirm(house, ask(house, "CANCEL")["exception"]))
    go_on, safe, cancel = house.said()
    assert isinstance(go_on, RobotHold)
    assert isinstance(safe, SafetyConfirmed)
    assert isinstance(cancel, RobotHold)
    assert (hold.cancel, go_on.cancel, cancel.cancel) == (False, False, True)
    assert (go_on.held, go_on.reason, safe.circuit) == (False, "mopped", "north")


def test_what_was_asked_for_too_long_ago_is_asked_again(house: House):
    asked = ask(house, "HOLD")
    house.clock.at += timedelta(seconds=61)
    late = confirm(house, asked["exception"])
    assert (late.status_code, late.json()["code"]) == (409, "asked_too_long_ago")
    assert house.said() == []
    without = {"command_id": str(an_id()), "deed": "HOLD", "machine": "R-01", "reason": ""}
    assert house.http.post("/console/v1/machines:ask", json=without).status_code == 422


def test_what_machines_did_not_do_is_put_before_people_once_an_hour(house: House):
    at = house.clock.now()
    for minutes in (0, 1, 59, 61):
        refused = CommandRefused(
            at=at.replace(minute=0) + timedelta(minutes=minutes), device="sorter1",
            about="carton.divert", reason="untold", detail="no connection",
        )  # fmt: skip
        house.hear(refused)
    shown = house.ok(house.http.get("/console/v1/exceptions"))
    assert [(one["code"], one["source"]) for one in shown] == [("command.refused", "sorter1")] * 2
    assert shown[0]["site"] == HUB
